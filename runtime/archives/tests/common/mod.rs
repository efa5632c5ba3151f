//! What tests of archives share.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{Cursor, Write as _};
use std::path::Path;

use hallmark_archives::{InnerPath, Limits, Stop, Tally, Visitor, Why, walk};

/// What was told, in order.
#[derive(Debug, Default)]
pub struct Told {
    /// Paths and contents of members.
    pub members: Vec<(String, Vec<u8>)>,
    /// Paths and reasons.
    pub left_out: Vec<(String, Why)>,
    /// Longest member.
    pub longest: usize,
    /// What it came to.
    pub tally: Tally,
    /// Members longer than this are not kept.
    keep: usize,
}

impl Visitor for Told {
    fn member(&mut self, path: &InnerPath, data: &[u8]) {
        self.longest = self.longest.max(data.len());
        if data.len() <= self.keep {
            self.members.push((path.to_string(), data.to_vec()));
        }
    }

    fn left_out(&mut self, path: &InnerPath, why: &Why) {
        self.left_out.push((path.to_string(), why.clone()));
    }
}

/// Looks into data within limits.
pub fn look_within(data: &[u8], limits: &Limits) -> Told {
    look_until(data, limits, &|| None)
}

/// Looks into data until it is told to stop.
pub fn look_until(data: &[u8], limits: &Limits, stop: &dyn Fn() -> Option<Stop>) -> Told {
    let mut told = Told { keep: 1 << 20, ..Told::default() };
    told.tally = walk(data, limits, stop, &mut told);
    told
}

/// Looks into data with the default limits.
pub fn look(data: &[u8]) -> Told {
    look_within(data, &Limits::default())
}

impl Told {
    /// One line for each thing told: first the members, then what was left out.
    pub fn lines(&self) -> Vec<String> {
        let members = self.members.iter().map(|(path, data)| {
            let data: &[u8] = if data.len() > 60 { b"..." } else { data };
            format!("{path} = {}", data.escape_ascii())
        });
        members.chain(self.left_out.iter().map(|(path, why)| format!("{path} - {why}"))).collect()
    }

    /// The content of a member.
    pub fn content(&self, path: &str) -> Option<&[u8]> {
        self.members.iter().find(|(member, _)| member == path).map(|(_, data)| data.as_slice())
    }
}

/// A file of `tests/data`.
pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

/// All files of `tests/data` that are archives, by name.
pub fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| !name.ends_with(".md")).collect();
    names.sort();
    names.into_iter().map(|name| (name.clone(), fixture(&name))).collect()
}

/// A compound file with these streams.
pub fn compound(version: cfb::Version, streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create_with_version(version, Cursor::new(Vec::new())).unwrap();
    for (path, data) in streams {
        file.create_storage_all(Path::new(path).parent().unwrap()).unwrap();
        file.create_stream(path).unwrap().write_all(data).unwrap();
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

/// A cabinet in LZX with one folder, whose blocks hold their bytes as they are.
pub fn lzx_cabinet(content: &[u8]) -> Vec<u8> {
    let mut blocks = Vec::new();
    let chunks: Vec<&[u8]> = content.chunks(1 << 15).collect();
    for (index, chunk) in chunks.iter().enumerate() {
        // One block of LZX that is as long as the chunk: its kind (3) and length, then three old offsets.
        let length = u32::try_from(chunk.len()).unwrap();
        let mut bits = if index == 0 { vec![false] } else { Vec::new() };
        bits.extend((0..3).rev().map(|bit| 3u32 >> bit & 1 == 1));
        bits.extend((0..24).rev().map(|bit| length >> bit & 1 == 1));
        bits.resize(bits.len().next_multiple_of(16), false);
        let mut block: Vec<u8> = Vec::new();
        for word in bits.chunks(16) {
            let word = word.iter().fold(0u16, |word, &bit| word << 1 | u16::from(bit));
            block.extend(word.to_le_bytes());
        }
        block.extend([1, 0, 0, 0].repeat(3));
        block.extend(*chunk);
        block.resize(block.len().next_multiple_of(2), 0);
        blocks.extend(0u32.to_le_bytes());
        blocks.extend(u16::try_from(block.len()).unwrap().to_le_bytes());
        blocks.extend(u16::try_from(chunk.len()).unwrap().to_le_bytes());
        blocks.extend(block);
    }
    let file = [
        &u32::try_from(content.len()).unwrap().to_le_bytes()[..],
        &[0; 4],
        &[0, 0, 0, 0, 0, 0, 0x20, 0],
        b"lzx.txt\0",
    ]
    .concat();
    let folder = [
        &u32::try_from(44 + file.len()).unwrap().to_le_bytes()[..],
        &u16::try_from(chunks.len()).unwrap().to_le_bytes(),
        &[3, 15],
    ]
    .concat();
    let size = u32::try_from(44 + file.len() + blocks.len()).unwrap();
    let header = [
        b"MSCF\0\0\0\0".as_slice(),
        &size.to_le_bytes(),
        &[0; 4],
        &44u32.to_le_bytes(),
        &[0, 0, 0, 0, 3, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    [header, folder, file, blocks].concat()
}
