//! Self-tests, from `selftest.toml` to the confined process that runs them before a database is installed. Whatever is
//! refused leaves the store as it was.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::Folder;
use common::release::{NEEDLE, image, install, install_within, release};

fn snapshot(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => snapshot(&path).into_iter().collect(),
            false => vec![(path.clone(), fs::read(&path).unwrap())],
        })
        .collect()
}

/// A scan of nothing takes longer than anyone waits.
const ENDLESS: &str = "rule Endless { condition: for all i in (0..9223372036854775806) : (i >= 0) }";

const SELF_TESTS: &str = "[[input]]\ntext = \"a needle\"\nrules = [\"Needle\"]\n\n\
                          [[input]]\nfile = \"samples/hay.bin\"\nrules = []\n";

fn source(folder: &Folder) {
    folder.make_keys();
    folder.write("src/a.yar", NEEDLE);
    folder.write("src/selftest.toml", SELF_TESTS);
    folder.write("src/samples/hay.bin", b"\x00hay");
    folder.write("src/release.toml", "db = \"test/core\"\n");
}

#[test]
fn self_tests_travel_with_the_database() {
    let folder = Folder::new();
    source(&folder);
    let build = ["build", "src", "--release", "rel", "--key", "keys/test_build.secret"];
    folder.run(&build).expect(0, "");
    let dump = folder.run(&["dump", "rel", "--format", "json"]).expect(0, "").json();
    assert_eq!(dump["self_tests"][0]["rules"][0], "default:Needle");
    assert_eq!(dump["self_tests"][1]["input"], "\\x00hay");
    assert_eq!(dump["counts"]["self_tests"], 2);
    let text = folder.run(&["dump", "rel"]).expect(0, "").stdout;
    assert!(text.contains("self-test 1: 8 B \"a needle\" matches default:Needle\n"), "{text}");
    assert!(text.contains("self-test 2: 4 B \"\\x00hay\" matches nothing\n"), "{text}");
    let sums = fs::read_to_string(folder.path("rel/SHA256SUMS")).unwrap();
    assert!(sums.contains("  selftest.toml\n") && sums.contains("  samples/hay.bin\n"), "{sums}");

    folder.run(&["audit", "rel", "--source", "src"]).expect(0, "");
    folder.run(&["cosign", "--key", "keys/test_audit.secret", "rel"]).expect(0, "");
    let ran = install(&folder, "rel").expect(0, "");
    assert!(ran.stdout.contains("self-test: 2 tests passed, in a "), "{}", ran.stdout);
    // What is tested is part of what is audited.
    folder.write("src/samples/hay.bin", b"\x00straw");
    let ran = folder.run(&["audit", "rel", "--source", "src"]).expect(1, "");
    for line in ["file samples/hay.bin differs", "sections that differ: selftest"] {
        assert!(ran.stdout.contains(line), "{}", ran.stdout);
    }
    assert!(folder.run(&["diff", "rel", "src"]).expect(1, "").stdout.contains("selftest"));
}

#[test]
fn a_build_runs_its_self_tests() {
    let folder = Folder::new();
    source(&folder);
    let build = ["build", "src", "--release", "rel"];
    for (from, to, code, message) in [
        ("a needle", "a nail", 1, "selftest.toml:1: self-test 1: rule default:Needle does not match"),
        (
            "[\"Needle\"]",
            "[]",
            1,
            "selftest.toml:1: self-test 1: rule default:Needle matches what must match",
        ),
        ("[\"Needle\"]", "[\"Nail\"]", 2, "selftest.toml:1: the database has no rule `Nail`"),
        ("samples/hay.bin", "../keys/test_build.secret", 2, "selftest.toml:5: file"),
        ("text = ", "hex = ", 2, "selftest.toml:1: hex"),
    ] {
        folder.write("src/selftest.toml", SELF_TESTS.replace(from, to));
        folder.run(&build).expect(code, message);
        assert!(!folder.path("rel").exists(), "{message}");
    }
    folder.write("src/selftest.toml", SELF_TESTS);
    folder.write("src/b.yar", "rule Broken { condition: nothing }");
    folder.write("src/selftest.toml", SELF_TESTS.replace("Needle", "Broken"));
    let ran = folder.run(&build).expect(2, "no rule `Broken` (rules were left out because of errors)");
    assert!(ran.stderr.contains("error[E"), "{}", ran.stderr);
}

#[test]
fn what_fails_its_trial_is_not_installed() {
    let folder = Folder::new();
    folder.make_keys();
    release(&folder, "good.hmk", 1, &image(NEEDLE, &[]));
    let ran = install(&folder, "good.hmk").expect(0, "");
    assert!(ran.stdout.contains("no self-test vectors: parsed"), "{}", ran.stdout);
    let before = snapshot(&folder.path("store"));

    let good = image(NEEDLE, &[(b"needle", &["Needle"])]);
    let mut flipped = good.clone();
    flipped[5000] ^= 1;
    let crowd: String =
        (0..8).map(|n| format!("rule r{n} {{ strings: $a = {{ ?? }} condition: #a > 0 }}\n")).collect();
    for (what, image, message) in [
        ("garbage", vec![7; 100_000], "not a Hallmark image"),
        ("cut short", good[..good.len() - 4096].to_vec(), "truncated"),
        ("flipped", flipped, "damaged image"),
        ("missing match", image(NEEDLE, &[(b"hay", &["Needle"])]), "rule default:Needle does not match"),
        (
            "wrong match",
            image(NEEDLE, &[(b"needle", &[])]),
            "rule default:Needle matches what must match nothing",
        ),
        ("endless", image(ENDLESS, &[]), "not scanned completely: rules: the time limit was reached"),
        (
            "hungry",
            image(&crowd, &[(&[0; 900_000], &["r1"])]),
            "crashed, signal 6 (aborted): memory allocation",
        ),
    ] {
        release(&folder, "bad.hmk", 2, &image);
        let seconds = if what == "endless" { "1" } else { "600" };
        let ran = install_within(&folder, "bad.hmk", seconds).expect(1, message);
        assert!(
            ran.stderr.contains("failed its self-test, and the store is as it was"),
            "{what}: {}",
            ran.stderr
        );
        assert_eq!(snapshot(&folder.path("store")), before, "{what}");
    }
    let ran = folder.run(&["scan", "store", "policy"]).expect(0, "");
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
}

/// The command that `install` runs, on its own.
fn trial(folder: &Folder, seconds: &str, memory: &str) -> Child {
    let args = ["self-test", "--seconds", seconds, "--memory", memory];
    folder.command(&args).stdin(Stdio::piped()).spawn().unwrap()
}

#[test]
fn the_process_of_the_trial_has_given_up_everything() {
    let folder = Folder::new();
    let mut child = trial(&folder, "7", "1000000000");
    let proc = PathBuf::from(format!("/proc/{}", child.id()));
    let started = Instant::now();
    // It waits for its input; by then nothing is left to be given up.
    let limits = loop {
        let limits = fs::read_to_string(proc.join("limits")).unwrap();
        if limits.lines().any(|line| line.starts_with("Max open files            3 ")) {
            break limits;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{limits}");
    };
    for line in [
        "Max cpu time              8 ",
        "Max address space         1000000000 ",
        "Max core file size        0 ",
        "Max file size             0 ",
        "Max processes             0 ",
    ] {
        assert!(limits.contains(line), "{line}: {limits}");
    }
    child.stdin.take().unwrap().write_all(&image(NEEDLE, &[])).unwrap();
    let output = child.wait_with_output().unwrap();
    let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdict["good"]["tests"], 0);
    // Kernels without Landlock are told apart, not failed on.
    assert!(["full", "partial", "none"].contains(&verdict["good"]["confinement"].as_str().unwrap()));
}
