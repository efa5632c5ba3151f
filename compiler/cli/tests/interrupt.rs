//! A scan that is interrupted says what was found, in whole documents, and that there is more.

mod common;

use std::fs;
use std::io::Read as _;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use common::Folder;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

const LATE: Duration = Duration::from_secs(60);

/// With a tree of which some files match.
fn folder() -> Folder {
    let folder = Folder::with_database();
    for number in 0..40 {
        folder.write(&format!("tree/{number:02}"), if number % 2 == 0 { "needle" } else { "nothing" });
    }
    folder
}

/// A scan of the tree, and then of standard input, which never ends.
fn endless(folder: &Folder, args: &[&str]) -> Child {
    let args = [&["scan", "--allow-unsigned", "rules.hmk"], args, &["tree", "-", "target"]].concat();
    folder.command(&args).stdin(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

/// Waits until a process has been idle for a while; what it waits for never comes.
fn settle(child: &Child) {
    let started = Instant::now();
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split(' ').map(str::to_owned).collect();
        (fields[12].clone(), fields[13].clone())
    };
    // Its handlers are there when the tree was gone through, which takes no time to speak of.
    std::thread::sleep(Duration::from_millis(600));
    let mut before = ticks();
    loop {
        std::thread::sleep(Duration::from_millis(300));
        let now = ticks();
        if now == before {
            return;
        }
        before = now;
        assert!(started.elapsed() < LATE);
    }
}

#[track_caller]
fn interrupted(output: &Output, stderr: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(stderr), "{said}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn what_was_found_is_printed_in_whole_documents() {
    let folder = folder();
    for kind in [Signal::INT, Signal::TERM] {
        for sandbox in [&[][..], &["--sandbox"]] {
            let runs = ["text", "json", "ndjson", "sarif", "csv"].map(|format| {
                let args = [&["--format", format, "--threads", "2"], sandbox].concat();
                (format, endless(&folder, &args))
            });
            for (format, mut child) in runs {
                settle(&child);
                // Open until the scan has ended.
                let _input = child.stdin.take();
                signal(&child, kind);
                let started = Instant::now();
                let output = child.wait_with_output().unwrap();
                assert!(started.elapsed() < Duration::from_secs(10), "{format}");
                // Whoever had nothing else to do has scanned the last target by then.
                let text = interrupted(&output, "incomplete: -: file: not scanned: interrupted\n");
                let lines = text.lines().count();
                match format {
                    "text" => assert_eq!(lines, 21, "{text}"),
                    "csv" => assert_eq!(lines, 22, "{text}"),
                    "ndjson" => {
                        let reports = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
                        assert_eq!(reports.count(), 22);
                    }
                    "json" => {
                        let document: Value = serde_json::from_str(&text).unwrap();
                        assert_eq!(document["files"].as_array().unwrap().len(), 22);
                    }
                    _ => {
                        let log: Value = serde_json::from_str(&text).unwrap();
                        assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), 21);
                        assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], false);
                    }
                }
                interrupted(&output, "interrupted: 41 files scanned, the rest was not\n");
            }
        }
    }
}

#[test]
fn a_scan_that_is_under_way_is_given_up() {
    let folder = folder();
    folder.write("slow.yar", "rule Slow { condition: for all i in (0..filesize - 1) : (uint8(i) == 46) }");
    folder.write("large", vec![b'.'; 100 << 20]);
    for sandbox in [&[][..], &["--sandbox"]] {
        let args = [&["scan", "--rules", "slow.yar", "--threads", "1"], sandbox, &["large", "tree"]].concat();
        let child = folder.command(&args).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(2));
        signal(&child, Signal::INT);
        let started = Instant::now();
        let output = child.wait_with_output().unwrap();
        let text = interrupted(&output, "interrupted: 0 files scanned, the rest was not\n");
        assert!(started.elapsed() < Duration::from_secs(10));
        interrupted(&output, "incomplete: large: ");
        assert_eq!(text, "");
    }
}

#[test]
fn the_second_signal_ends_it_at_once() {
    use std::os::unix::process::ExitStatusExt as _;
    let folder = folder();
    folder.write("x.yar", "rule X { strings: $a = \"xxxx\" condition: $a }");
    folder.write("x", vec![b'x'; 300_000]);
    for sandbox in [&[][..], &["--sandbox"]] {
        // Nobody reads what it writes, so that it cannot come to its end.
        let args = [&["scan", "--rules", "x.yar", "-s"], sandbox, &["x", "x", "x"]].concat();
        let mut child = folder.command(&args).spawn().unwrap();
        let mut output = child.stdout.take().unwrap();
        output.read_exact(&mut [0; 1]).unwrap();
        settle(&child);
        signal(&child, Signal::INT);
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none());
        signal(&child, Signal::INT);
        let started = Instant::now();
        assert_eq!(child.wait().unwrap().signal(), Some(2));
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn a_signal_after_the_last_file_changes_nothing() {
    let folder = folder();
    folder.write("x.yar", "rule X { strings: $a = \"xxxx\" condition: $a }");
    folder.write("x", vec![b'x'; 300_000]);
    let mut child = folder.command(&["scan", "--rules", "x.yar", "-s", "x"]).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 1]).unwrap();
    settle(&child);
    signal(&child, Signal::INT);
    let mut rest = String::new();
    output.read_to_string(&mut rest).unwrap();
    assert_eq!(rest.lines().count(), 300_000 - 3 + 1);
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), stderr.contains("interrupted")), (Some(1), false), "{stderr}");
}
