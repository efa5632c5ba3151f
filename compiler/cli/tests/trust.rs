//! Keys, signatures, policies and stores: what is refused, and that the reason is named.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use common::Folder;

#[test]
fn keys_are_private_and_never_overwritten() {
    let folder = Folder::new();
    let ran = folder.run(&["key", "new", "test/build", "-o", "keys"]).expect(0, "");
    let vkey = fs::read_to_string(folder.path("keys/test_build.vkey")).unwrap();
    assert!(ran.stdout.starts_with(&vkey), "{}", ran.stdout);
    let mode = fs::metadata(folder.path("keys/test_build.secret")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(folder.path("keys/test_build.secret")).unwrap();
    folder.run(&["key", "new", "test/build", "-o", "keys"]).expect(2, "already exists");
    assert_eq!(fs::read(folder.path("keys/test_build.secret")).unwrap(), before);
    folder.run(&["key", "new", "../evil", "-o", "keys"]).expect(2, "key name");
}

#[test]
fn a_database_needs_the_quorum() {
    let folder = Folder::with_rules();
    folder.make_keys();
    let scan = ["scan", "--policy", "policy", "rules.hmk", "target"];
    let verify = ["verify", "--policy", "policy", "rules.hmk"];

    folder.run(&["build", "rules.yar", "-o", "rules.hmk", "--db", "test/core"]).expect(0, "not signed");
    folder.run(&scan).expect(2, "not signed");
    folder.run(&verify).expect(1, "refused");

    folder.run(&["sign", "--key", "keys/test_build.secret", "rules.hmk"]).expect(0, "");
    folder.run(&scan).expect(2, "quorum not met");
    folder.run(&verify).expect(1, "quorum not met");
    let tolerant = folder.run(&[&scan[..], &["--allow-unsigned"]].concat()).expect(1, "");
    assert_eq!(tolerant.stdout, "Needle target\n");

    folder.run(&["sign", "--key", "keys/test_audit.secret", "rules.hmk"]).expect(0, "");
    assert_eq!(folder.run(&scan).expect(1, "").stdout, "Needle target\n");
    let good = folder.run(&verify).expect(0, "").stdout;
    assert!(good.contains("signed by build, audit"), "{good}");
    let again = folder.run(&["sign", "--key", "keys/test_audit.secret", "rules.hmk"]).expect(0, "");
    assert!(again.stdout.contains("already signed"));
}

#[test]
fn a_policy_is_found_in_the_environment_and_the_config_folder() {
    let folder = Folder::with_signed_database();
    let scan = ["scan", "rules.hmk", "target"];
    folder.run(&scan).expect(2, "--policy");
    folder.run(&["verify", "rules.hmk"]).expect(2, "no policy");
    let output = folder.command(&scan).env("HALLMARK_POLICY", "policy").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    folder.write(".config/hallmark/policy", fs::read(folder.path("policy")).unwrap());
    folder.run(&scan).expect(1, "");
    folder.run(&["verify", "--policy", "missing", "rules.hmk"]).expect(2, "missing");
    folder.write("nonsense", "trust everyone\n");
    folder.run(&["verify", "--policy", "nonsense", "rules.hmk"]).expect(2, "policy: line 1");
}

#[test]
fn keys_of_others_do_not_count() {
    let folder = Folder::with_rules();
    folder.make_keys();
    folder.run(&["key", "new", "test/build", "-o", "other"]).expect(0, "");
    folder.run(&["key", "new", "test/audit", "-o", "other"]).expect(0, "");
    folder.run(&[
        "build",
        "rules.yar",
        "-o",
        "rules.hmk",
        "--db",
        "test/core",
        "--key",
        "other/test_build.secret",
    ]);
    folder.run(&["sign", "--key", "other/test_audit.secret", "rules.hmk"]).expect(0, "");
    folder.run(&["verify", "--policy", "policy", "rules.hmk"]).expect(1, "quorum not met");
    folder.run(&["sign", "--key", "keys/test_build.vkey", "rules.hmk"]).expect(2, "--key");
    fs::set_permissions(folder.path("other/test_build.secret"), PermissionsExt::from_mode(0o644)).unwrap();
    folder.run(&["sign", "--key", "other/test_build.secret", "rules.hmk"]).expect(2, "chmod 600");
}

#[test]
fn damaged_databases_are_refused_whatever_was_signed() {
    let folder = Folder::with_signed_database();
    let good = fs::read(folder.path("rules.hmk")).unwrap();
    for length in [0, 1, 8, 31, 40, good.len() / 2, good.len() - 1] {
        folder.write("cut.hmk", &good[..length]);
        folder.run(&["verify", "--policy", "policy", "cut.hmk"]).expect(1, "refused: cut.hmk");
        folder.run(&["scan", "--policy", "policy", "cut.hmk", "target"]).expect(2, "error: cut.hmk");
        folder.run(&["scan", "--allow-unsigned", "cut.hmk", "target"]).expect(2, "error: cut.hmk");
    }
    let step = good.len() / 24;
    for at in (0..good.len()).step_by(step) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        folder.write("bad.hmk", &bad);
        folder.run(&["verify", "--policy", "policy", "bad.hmk"]).expect(1, "refused: bad.hmk");
    }
    folder.write("long.hmk", [&good[..], b"x"].concat());
    folder.run(&["verify", "--policy", "policy", "long.hmk"]).expect(1, "after the payload");
    folder.write("text.hmk", "not a database");
    folder.run(&["dump", "text.hmk"]).expect(2, "not a Hallmark database");
    folder.run(&["dump", "missing.hmk"]).expect(2, "missing.hmk");
}

#[test]
fn raw_images_are_for_those_who_ask() {
    let folder = Folder::with_rules();
    folder.run(&["build", "rules.yar", "--image", "rules.img"]).expect(0, "");
    folder.run(&["scan", "rules.img", "target"]).expect(2, "raw image");
    folder.run(&["scan", "--allow-unsigned", "rules.img", "target"]).expect(1, "");
    let good = fs::read(folder.path("rules.img")).unwrap();
    for at in (0..good.len()).step_by(good.len() / 40) {
        let mut bad = good.clone();
        bad[at] ^= 4;
        folder.write("bad.img", &bad);
        let ran = folder.run(&["scan", "--allow-unsigned", "bad.img", "target"]);
        // A flipped bit of a digest that is not used for anything but audits is not seen here.
        assert!(ran.code == 2 || at < 4096, "byte {at}: {}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
}

#[test]
fn a_store_keeps_what_is_in_force() {
    let folder = Folder::with_signed_database();
    let install = ["install", "rules.hmk", "--store", "store", "--policy", "policy"];
    folder.run(&["status", "--store", "store"]).expect(2, "store");
    folder.run(&install).expect(0, "");
    assert!(folder.run(&install).expect(0, "").stdout.contains("already in force"));
    let status = folder.run(&["status", "--store", "store"]).expect(0, "").stdout;
    assert!(status.contains("state good") && status.contains("current serial 1"), "{status}");
    folder.run(&["scan", "store", "target"]).expect(1, "");
    folder.run(&["verify", "--policy", "policy", "store"]).expect(0, "");

    folder.run(&["build", "rules.yar", "-o", "old.hmk", "--db", "test/core", "--serial", "0"]).expect(0, "");
    for name in ["build", "audit"] {
        folder.run(&["sign", "--key", &format!("keys/test_{name}.secret"), "old.hmk"]).expect(0, "");
    }
    let state = fs::read(folder.path("store/state")).unwrap();
    let older = ["install", "old.hmk", "--store", "store", "--policy", "policy"];
    folder.run(&older).expect(1, "is older than 1");
    assert_eq!(fs::read(folder.path("store/state")).unwrap(), state);
}

/// The clock of this machine lies between the dates of these releases.
#[test]
fn the_clock_raises_alarms_and_decides_nothing() {
    for (date, days, status, says) in [
        (0, "days = 1", 1, "refused: the database has expired"),
        (1_700_000_000, "days = 36500", 0, ""),
        (1_700_000_000, "", 0, ""),
        (99_000_000_000u64, "days = 1", 0, "warning: the clock is behind"),
    ] {
        let folder = Folder::with_rules();
        folder.make_keys();
        fs::create_dir(folder.path("src")).unwrap();
        fs::rename(folder.path("rules.yar"), folder.path("src/rules.yar")).unwrap();
        folder.write(
            "src/release.toml",
            format!("db = \"test/core\"\nserial = 2\nsource-date = {date}\n{days}\n"),
        );
        let release = |serial, name| {
            let build = ["build", "src", "--release", name, "--serial", serial];
            folder.run(&[&build[..], &["--key", "keys/test_build.secret"]].concat()).expect(0, "");
            folder.run(&["sign", "--key", "keys/test_audit.secret", name]).expect(0, "");
        };
        release("2", "two");
        release("1", "one");
        let install = |name| folder.run(&["install", name, "--store", "store", "--policy", "policy"]);
        install("two").expect(0, "");
        folder.run(&["status", "--store", "store"]).expect(status, says);
        let ran = folder.run(&["scan", "store", "target"]).expect(1, says.trim_start_matches("refused: "));
        assert_eq!(ran.stdout, "Needle target\n");
        install("one").expect(1, "is older than 2");
        install("two").expect(0, "");
    }
}
