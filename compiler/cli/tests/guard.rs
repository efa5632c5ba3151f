//! Scanners that crash on an installed database, and stores that change or cannot be written while they are scanned with.

mod common;

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::Folder;
use common::release::{NEEDLE, image, install, release};

/// A store with a database of these rules in force, `target`, which matches, and `slow`.
fn installed(rules: &str) -> Folder {
    let folder = Folder::new();
    folder.make_keys();
    folder.write("target", "needle");
    folder.write("slow", "slow");
    release(&folder, "1.hmk", 1, &image(rules, &[]));
    install(&folder, "1.hmk").expect(0, "");
    folder
}

/// Loads and scans as long as it is let, and is killed in its first scan.
fn crash(folder: &Folder, db: &str) {
    let mut scan = folder.command(&["scan", db, "slow"]).spawn().unwrap();
    let started = Instant::now();
    let id = format!("{}-", scan.id());
    let scans = || {
        let starts = fs::read_dir(folder.path(db).join("starts")).into_iter().flatten().flatten();
        let mut own = starts.filter(|entry| entry.file_name().to_string_lossy().contains(&id));
        own.any(|entry| fs::read_to_string(entry.path()).is_ok_and(|text| text.ends_with("scanning\n")))
    };
    while !scans() {
        assert!(started.elapsed() < Duration::from_secs(60) && scan.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    scan.kill().unwrap();
    scan.wait().unwrap();
}

/// Quick with everything but files that begin with `slow`.
const SLOW: &str =
    "rule Slow { condition: uint32be(0) == 0x736C6F77 and for all i in (0..9223372036854775806) : (i >= 0) }";

#[test]
fn a_database_that_crashes_its_scanners_is_left_for_the_one_before_it() {
    let folder = installed(NEEDLE);
    release(&folder, "2.hmk", 2, &image(&format!("{NEEDLE} {SLOW}"), &[]));
    release(&folder, "3.hmk", 3, &image(&format!("{NEEDLE} rule New {{ condition: true }}"), &[]));
    folder.run(&["scan", "store", "target"]).expect(1, "");
    install(&folder, "2.hmk").expect(0, "");

    let status = |code: i32| {
        let ran = folder.run(&["status", "--store", "store", "--format", "json"]).expect(code, "");
        let json = ran.json();
        (
            json["in_use"]["serial"].as_u64(),
            json["guard"]["crashes"].as_u64(),
            json["guard"]["refused"].clone(),
        )
    };
    for crashes in 0..3 {
        assert_eq!(status(0), (Some(2), Some(crashes), false.into()));
        crash(&folder, "store");
    }
    assert_eq!(status(1), (Some(1), Some(3), true.into()));
    let text = folder.run(&["status", "--store", "store"]).expect(1, "crashed 3 times").stdout;
    assert!(text.contains("guard refused: 3 crashes before"), "{text}");
    assert!(text.contains("in use serial 1 ") && text.contains("state bad"), "{text}");
    let ran =
        folder.run(&["scan", "store", "target", "slow"]).expect(1, "the database before the current one");
    assert_eq!(ran.stdout, "Needle target\n");
    // Installing it again is no way around; a newer one is.
    install(&folder, "2.hmk").expect(0, "stays refused");
    install(&folder, "3.hmk").expect(0, "");
    assert_eq!(status(0), (Some(3), Some(0), false.into()));
    let state = fs::read_to_string(folder.path("store/state")).unwrap();
    assert!(state.contains("\nprevious ") && state.contains(" serial 1 "), "{state}");
    folder.run(&["scan", "store", "target"]).expect(1, "");
}

#[test]
fn scanners_side_by_side_are_no_crash_loop() {
    let folder = installed(&format!("{NEEDLE} {SLOW}"));
    let mut running: Vec<_> =
        (0..4).map(|_| folder.command(&["scan", "store", "slow"]).spawn().unwrap()).collect();
    let starts = folder.path("store/starts");
    while fs::read_dir(&starts).map_or(0, Iterator::count) < running.len() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let ran = folder.run(&["scan", "store", "target"]).expect(1, "");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("Needle target\n", ""));
    // A scan has finished: that the others are killed says nothing about the database any more.
    for scan in &mut running {
        scan.kill().unwrap();
        scan.wait().unwrap();
    }
    folder.run(&["scan", "store", "target"]).expect(1, "");
    let text = folder.run(&["status", "--store", "store"]).expect(0, "").stdout;
    assert!(text.contains("guard a scan has finished\n"), "{text}");
}

#[test]
fn a_store_that_cannot_be_written_is_scanned_with_all_the_same() {
    let folder = installed(NEEDLE);
    // Permissions do not stop root; a file where the folder should be stops everyone.
    folder.write("store/starts", "");
    folder.run(&["scan", "store", "target"]).expect(1, "note: a crash of this scan would not count");
    let status = folder.run(&["status", "--store", "store"]).expect(0, "").stdout;
    assert!(status.contains("guard unknown: "), "{status}");
}

#[test]
fn a_sealed_database_outlives_its_file() {
    let folder = installed(NEEDLE);
    for db in ["store", "1.hmk"] {
        let ran = folder.run(&["scan", "--sealed", "--policy", "policy", db, "target"]).expect(1, "");
        assert_eq!(ran.stdout, "Needle target\n");
    }
    folder.run(&["scan", "--sealed", "--rules", "target", "target"]).expect(2, "--sealed");
    // What is mapped while a scan waits for its input: the file of the store, or memory.
    for (args, file) in [(&["scan", "store", "-"][..], true), (&["scan", "--sealed", "store", "-"], false)] {
        let mut scan = folder.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let maps = format!("/proc/{}/maps", scan.id());
        let started = Instant::now();
        let sought = if file { ".img" } else { "memfd:hallmark" };
        while !fs::read_to_string(&maps).unwrap().contains(sought) {
            assert!(started.elapsed() < Duration::from_secs(60), "{sought}");
        }
        assert_eq!(fs::read_to_string(&maps).unwrap().contains(".img"), file);
        scan.stdin.take().unwrap().write_all(b"needle").unwrap();
        assert_eq!(scan.wait_with_output().unwrap().stdout, b"Needle -\n");
    }
    let status = folder.run(&["status", "--store", "store", "--format", "json"]).expect(0, "").json();
    assert_eq!((&status["state"], &status["in_use"]["expires"]), (&"good".into(), &serde_json::Value::Null));
}
