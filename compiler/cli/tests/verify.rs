//! `hallmark verify` of a release directory in which one file is not what its note promises.

mod common;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use common::Folder;

/// `rel`, signed by both, with each kind of file that a release has.
fn released() -> Folder {
    let folder = Folder::with_rules();
    folder.make_keys();
    fs::create_dir(folder.path("src")).unwrap();
    fs::rename(folder.path("rules.yar"), folder.path("src/rules.yar")).unwrap();
    let build = ["build", "src", "--release", "rel", "--db", "test/core", "--serial", "7"];
    folder.run(&[&build[..], &["--key", "keys/test_build.secret"]].concat()).expect(0, "");
    folder.run(&["sign", "--key", "keys/test_audit.secret", "rel"]).expect(0, "");
    folder.run(&["verify", "--policy", "policy", "rel"]).expect(0, "");
    folder
}

fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Ten gigabytes, of which nothing is on the disk.
fn grow(path: &Path) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(10_000_000_000).unwrap();
}

type Damage = (&'static str, fn(&Path), &'static str);

/// What can be done to any of the files, and what is said of it unless the file has a word of its own.
const DAMAGES: [Damage; 11] = [
    ("first byte", |path| rewrite(path, |bytes| bytes[0] ^= 1), ""),
    ("middle byte", |path| rewrite(path, |bytes| *bytes.iter_mut().nth_back(40).unwrap() ^= 1), ""),
    ("last byte", |path| rewrite(path, |bytes| *bytes.last_mut().unwrap() ^= 1), ""),
    ("cut", |path| rewrite(path, |bytes| bytes.truncate(bytes.len() / 2)), ""),
    ("emptied", |path| rewrite(path, Vec::clear), ""),
    ("longer", |path| rewrite(path, |bytes| bytes.push(0)), ""),
    ("huge", grow, "larger than"),
    (
        "a folder",
        |path| fs::remove_file(path).and_then(|()| fs::create_dir(path)).unwrap(),
        "not a regular file",
    ),
    ("a FIFO", fifo, "not a regular file"),
    ("a link", link, "symbolic link"),
    ("another file of the release", swap, ""),
];

fn fifo(path: &Path) {
    fs::remove_file(path).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn link(path: &Path) {
    let moved = path.with_file_name("moved");
    fs::rename(path, &moved).unwrap();
    std::os::unix::fs::symlink(moved, path).unwrap();
}

/// The payload, or for the payload the rule map.
fn swap(path: &Path) {
    let other = if path.ends_with("image.zst") { "rulemap.json" } else { "image.zst" };
    fs::copy(path.with_file_name(other), path).unwrap();
}

#[test]
fn every_file_of_a_release_is_compared_with_its_note() {
    let files = ["release.note", "image.zst", "SHA256SUMS", "rulemap.json", "test_core-7.hmk"];
    for file in files {
        for (what, damage, says) in DAMAGES {
            let folder = released();
            damage(&folder.path("rel").join(file));
            let ran = folder.run(&["verify", "--policy", "policy", "rel"]);
            let named = ran.stderr.starts_with("refused: ") && ran.stderr.contains(says);
            assert!(ran.code == 1 && named, "{file}, {what}: exit code {}: {}", ran.code, ran.stderr);
            // What is wrong with the note or the payload is said of the release.
            let of = if ["release.note", "image.zst"].contains(&file) { "rel" } else { file };
            assert!(ran.stderr.contains(of), "{file}, {what}: {}", ran.stderr);
            assert!(!ran.stdout.contains("good"), "{file}, {what}");
        }
    }
    for file in &files[1..] {
        let folder = released();
        fs::remove_file(folder.path("rel").join(file)).unwrap();
        let ran = folder.run(&["verify", "--policy", "policy", "rel"]);
        // The container is a copy of the rest, and may be left out.
        let expected = if *file == "test_core-7.hmk" { 0 } else { 1 };
        assert!(
            ran.code == expected && (expected == 0 || ran.stderr.contains(file)),
            "{file}: {}",
            ran.stderr
        );
    }
}

#[test]
fn files_that_the_note_does_not_know_are_named() {
    let folder = released();
    folder.write("rel/from-6.zst", "a patch");
    folder.run(&["verify", "--policy", "policy", "rel"]).expect(1, "from-6.zst");
    fs::remove_file(folder.path("rel/from-6.zst")).unwrap();
    // A second container whose note is that of another release.
    folder.run(&["build", "src", "-o", "rel/other.hmk", "--db", "test/core", "--serial", "8"]).expect(0, "");
    folder.run(&["verify", "--policy", "policy", "rel"]).expect(1, "other.hmk: its release note differs");
}

#[test]
fn a_body_far_larger_than_any_is_not_read() {
    let folder = released();
    fs::copy(folder.path("rel/test_core-7.hmk"), folder.path("long.hmk")).unwrap();
    grow(&folder.path("long.hmk"));
    let file = File::options().write(true).open(folder.path("long.hmk")).unwrap();
    file.write_all_at(b"end", 10_000_000_000).unwrap();
    for command in [["verify", "--policy", "policy", "long.hmk"], ["scan", "--policy", "policy", "long.hmk"]]
    {
        let ran = folder.run(&[&command[..], if command[0] == "scan" { &["target"] } else { &[] }].concat());
        assert!(ran.code > 0 && ran.stderr.contains("larger than"), "{}", ran.stderr);
    }
}
