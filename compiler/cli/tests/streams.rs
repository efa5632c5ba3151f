//! `scan --stream` and `scan --pid`: what is not held in memory.

#![cfg(target_os = "linux")]

mod common;

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::Child;
use std::time::Duration;

use common::{Folder, Ran};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Longer than the window of a stream.
const LONG: u64 = 20 << 20;

fn scan(folder: &Folder, args: &[&str]) -> Ran {
    folder.run(&[&["scan", "--allow-unsigned", "rules.hmk"], args].concat())
}

/// A rule for a text, one that needs the whole file, and a long file with the text near its end.
fn folder() -> Folder {
    let folder = Folder::new();
    let rules = r#"import "hash"
        rule Needle : hay { strings: $a = "a needle" condition: $a and filesize > 10 }
        rule Whole { strings: $a = "a needle" condition: $a and hash.md5(0, filesize) == "x" }"#;
    folder.write("rules.yar", rules);
    folder.run(&["build", "rules.yar", "-o", "rules.hmk"]).expect(0, "");
    let mut file = fs::File::create(folder.path("long")).unwrap();
    file.set_len(LONG).unwrap();
    let at = LONG - 300_000;
    std::os::unix::fs::FileExt::write_at(&file, b"a needle", at).unwrap();
    file.flush().unwrap();
    folder.write("short", "there is a needle");
    folder
}

#[test]
fn long_files_are_scanned_as_streams() {
    let folder = folder();
    let free = scan(&folder, &["-s", "long", "short"]).expect(1, "");
    let found = format!("Needle long\n0x{:x}:$a: a needle\nNeedle short\n0x9:$a: a needle\n", LONG - 300_000);
    assert_eq!(free.stdout, found);
    let told = "incomplete: long: default:Whole: it asks for more of the file than is kept of a stream";
    for options in [&[][..], &["--sandbox"]] {
        let ran = scan(&folder, &[&["--stream", "-s", "long", "short"], options].concat()).expect(2, told);
        assert_eq!((ran.stdout.as_str(), ran.stderr.lines().count()), (found.as_str(), 1));
        // What is not asked for is not missed.
        let ran = scan(&folder, &[&["--stream", "-t", "hay", "long"], options].concat()).expect(1, "");
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("Needle long\n", ""));
    }
    let ran = scan(&folder, &["--stream", "--sha256", "--format", "ndjson", "long", "short"]).expect(2, "");
    let reports: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), 2);
    for (report, name) in reports.iter().zip(["long", "short"]) {
        let bytes = fs::read(folder.path(name)).unwrap();
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(report["path"], name);
        assert_eq!(report["size"], bytes.len());
        assert_eq!(report["sha256"], digest);
    }
    scan(&folder, &["--stream", "--max-size", "1000000", "long"]).expect(2, "more than the limit of 1000000");
    scan(&folder, &["--stream", "--timeout", "0.000001", "long"]).expect(2, "the time limit was reached");
    scan(&folder, &["--stream", "--archives", "long"]).expect(2, "--archives");
}

#[test]
fn standard_input_has_no_end_in_memory() {
    let folder = folder();
    let args = ["scan", "--allow-unsigned", "rules.hmk", "--stream", "-t", "hay", "-"];
    let long = fs::read(folder.path("long")).unwrap();
    assert_eq!(folder.run_with_input(&args, &long).expect(1, "").stdout, "Needle -\n");
    assert_eq!(folder.run_with_input(&args, b"no").expect(0, "").stdout, "");
    let sandbox = [&args[..], &["--sandbox"]].concat();
    folder.run_with_input(&sandbox, b"x").expect(2, "standard input can't be scanned as a stream");
}

#[test]
fn memory_of_processes_is_scanned() {
    let folder = folder();
    // It has its own program once it answers.
    let mut command = folder.command(&["scan", "--allow-unsigned", "rules.hmk", "--stdin"]);
    command.env("HAY", "here is a needle in the environment").stdin(std::process::Stdio::piped());
    struct Waiting(Child);
    impl Drop for Waiting {
        fn drop(&mut self) {
            // It may have ended.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let child = Waiting(command.spawn().unwrap());
    let pid = child.0.id().to_string();
    let exe = || fs::read_link(format!("/proc/{pid}/exe")).ok();
    while exe() != fs::canonicalize(env!("CARGO_BIN_EXE_hallmark")).ok() {
        std::thread::sleep(Duration::from_millis(5));
    }
    folder.write("rules.yar", "rule Needle { strings: $a = \"a needle in the environment\" condition: $a }");
    folder.run(&["build", "rules.yar", "-o", "memory.hmk"]).expect(0, "");
    let args = ["scan", "--allow-unsigned", "memory.hmk", "-s", "--pid", &pid, "short"];
    let ran = folder.run(&args);
    assert!(ran.stdout.starts_with(&format!("Needle pid:{pid}\n0x7f")), "{} {}", ran.stdout, ran.stderr);
    // Parts that the system keeps to itself make it incomplete, where there are any.
    assert!(ran.code == 1 || ran.stderr.contains("bytes could not be read"), "{}", ran.stderr);
    scan(&folder, &["--pid", "2147483632"])
        .expect(2, "cannot scan process 2147483632: there is no such process");
    scan(&folder, &["--pid", &pid, "--sandbox"]).expect(2, "--sandbox");
    let mut rest = String::new();
    let mut child = child;
    drop(child.0.stdin.take());
    child.0.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "");
}
