//! What tests of archives share.

#![allow(dead_code, reason = "each test file uses its own part")]

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
