//! Releases, their audit and what is signed after it: whoever plants, alters or drops a rule is found out by its name.

mod common;

use std::fs;
use std::path::Path;

use common::Folder;
use hallmark_container::{FullPayload, SignedNote, SizedDigest};
use hallmark_publish::{Attestation, SecretKey, compress, sign_note};

const BASE: [(&str, &str); 7] = [
    (
        "apt/a.yar",
        "rule X { strings: $a = \"alpha\" condition: $a }\n\nrule Y { condition: X and filesize > 9 }\n",
    ),
    (
        "web.yar",
        "include \"lib/part.inc\"\nrule Z { strings: $z = /z+end/ condition: $z or part or env == 1 }\n",
    ),
    ("lib/part.inc", "rule part { strings: $p = { 01 02 ?? 04 } condition: $p }\n"),
    ("options.toml", "[externals]\nenv = 0\n\n[namespaces]\napt = \"apt\"\n"),
    ("release.toml", "db = \"test/core\"\nserial = 7\nsource-date = 1763856000\ndays = 30\n"),
    ("rejected.toml", "[[rejected]]\nfile = \"broken.yar\"\nrule = \"Broken\"\ncode = \"E0100\"\n"),
    ("broken.yar", "rule Broken { condition: nothing }\n"),
];

/// `src` with a release `rel` made of it, and keys.
fn released() -> Folder {
    let folder = Folder::new();
    folder.make_keys();
    write_tree(&folder, "src");
    build(&folder, "src", "rel");
    folder
}

fn write_tree(folder: &Folder, dir: &str) {
    for (name, text) in BASE {
        folder.write(&format!("{dir}/{name}"), text);
    }
}

fn build(folder: &Folder, source: &str, release: &str) {
    folder
        .run(&["build", source, "--release", release, "--key", "keys/test_build.secret"])
        .expect(0, "signed by test/build");
}

fn edit(folder: &Folder, name: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.path(name)).unwrap();
    assert!(text.contains(from), "{name}: {from}");
    folder.write(name, text.replace(from, to));
}

const PLANT: (&str, &str) = ("rule X {", "rule Planted { condition: true } rule X {");
const ALTER: (&str, &str) = ("alpha", "alphA");
const DROP: (&str, &str) = ("rule Y { condition: X and filesize > 9 }", "");

#[test]
fn a_release_holds_what_it_promises_and_is_rebuilt_elsewhere() {
    let folder = released();
    let mut names: Vec<_> = fs::read_dir(folder.path("rel"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["SHA256SUMS", "image.zst", "release.note", "rulemap.json", "test_core-7.hmk"]);
    let note = fs::read_to_string(folder.path("rel/release.note")).unwrap();
    for line in
        ["db test/core", "serial 7", "source-date 1763856000", "expires 1766448000", "count rejected 1"]
    {
        assert!(note.contains(&format!("\n{line}\n")), "{line}\n{note}");
    }
    let sums = fs::read_to_string(folder.path("rel/SHA256SUMS")).unwrap();
    let listed: Vec<_> = sums.lines().map(|line| &line[66..]).collect();
    assert_eq!(
        listed,
        [
            "apt/a.yar",
            "broken.yar",
            "lib/part.inc",
            "options.toml",
            "rejected.toml",
            "release.toml",
            "web.yar"
        ]
    );

    write_tree(&folder, "else where/copy");
    let mut command = folder.command(&["audit", "../../rel", "--source", ".", "--threads", "1"]);
    command
        .current_dir(folder.path("else where/copy"))
        .env("TZ", "Asia/Kathmandu")
        .env("LC_ALL", "tr_TR.UTF-8");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    build(&folder, "else where/copy", "again");
    for name in names {
        let read = |dir: &str| fs::read(folder.path(dir).join(&name)).unwrap();
        assert!(read("rel") == read("again"), "{name}");
    }
    folder.run(&["diff", "rel", "src"]).expect(0, "");
}

#[test]
fn a_changed_source_is_named() {
    // Edit of the source, lines that the audit prints, lines that it does not.
    for ((from, to), says) in [
        (PLANT, "rule apt:Planted (apt/a.yar:1) only in the source"),
        (ALTER, "rule apt:X (apt/a.yar:1) compiled differently"),
        (DROP, "rule apt:Y (apt/a.yar:3) only in the release"),
    ] {
        let folder = released();
        edit(&folder, "src/apt/a.yar", from, to);
        let ran = folder.run(&["audit", "rel", "--source", "src"]).expect(1, "");
        assert!(ran.stdout.contains("file apt/a.yar differs"), "{}", ran.stdout);
        only_rule(&ran.stdout, says);
        assert!(!folder.path("rel/audit.json").exists());
    }
}

#[test]
fn a_rule_changed_behind_an_honest_source_line_is_named() {
    for ((from, to), says) in [
        (PLANT, "rule apt:Planted only in the release"),
        (ALTER, "rule apt:X (apt/a.yar:1) compiled differently"),
        (DROP, "rule apt:Y (apt/a.yar:3) only in the source"),
    ] {
        let folder = released();
        write_tree(&folder, "evil");
        edit(&folder, "evil/apt/a.yar", from, to);
        build(&folder, "evil", "forged");
        let (honest, forged) = (folder.path("rel"), folder.path("forged"));
        forge(&honest, &forged, &SecretKey::load(&folder.path("keys/test_build.secret")).unwrap());
        let ran = folder.run(&["audit", "forged", "--source", "src"]).expect(1, "");
        assert!(!ran.stdout.contains("file "), "{}", ran.stdout);
        only_rule(&ran.stdout, says);
        folder.run(&["cosign", "--key", "keys/test_audit.secret", "forged"]).expect(1, "no audit.json");
    }
}

/// Lets the note of `forged` promise the sources and the rule map of `honest`, and signs it.
fn forge(honest: &Path, forged: &Path, key: &SecretKey) {
    let note = |dir: &Path| SignedNote::parse(&fs::read(dir.join("release.note")).unwrap()).unwrap();
    let mut release = note(forged).release().clone();
    release.source = note(honest).release().source;
    release.rulemap = note(honest).release().rulemap;
    let signed = sign_note(&SignedNote::unsigned(&release).unwrap(), key).unwrap();
    fs::write(forged.join("release.note"), signed.to_bytes()).unwrap();
    for name in ["SHA256SUMS", "rulemap.json"] {
        fs::copy(honest.join(name), forged.join(name)).unwrap();
    }
    fs::remove_file(forged.join("test_core-7.hmk")).unwrap();
}

/// Fails unless this is the only line about a rule.
#[track_caller]
fn only_rule(printed: &str, says: &str) {
    let lines: Vec<_> = printed.lines().filter(|line| line.starts_with("rule ")).collect();
    assert_eq!(lines, [says], "{printed}");
}

#[test]
fn settings_and_companions_are_compared_too() {
    let cases: [(&str, &str, &str, &str); 6] = [
        ("src/web.yar", "rule Z", "// words\nrule Z", "file web.yar differs"),
        ("src/options.toml", "env = 0", "env = 2", "options: sha256:"),
        ("src/release.toml", "days = 30", "days = 31", "file release.toml differs"),
        ("src/broken.yar", "nothing", "true", "rejected only in the release"),
        ("rel/rulemap.json", "\"line\":1", "\"line\":2", "rulemap.json: not the one"),
        ("rel/SHA256SUMS", "apt/a.yar", "apt/b.yar", "SHA256SUMS: not the one"),
    ];
    for (name, from, to, says) in cases {
        let folder = released();
        edit(&folder, name, from, to);
        let ran = folder.run(&["audit", "rel", "--source", "src"]).expect(1, "");
        assert!(ran.stdout.contains(says), "{name}: {}", ran.stdout);
    }
    let folder = released();
    let payload = folder.path("rel/image.zst");
    let mut bytes = fs::read(&payload).unwrap();
    bytes[40] ^= 1;
    fs::write(&payload, bytes).unwrap();
    let ran = folder.run(&["audit", "rel", "--source", "src"]).expect(1, "");
    assert!(ran.stdout.contains("image.zst: payload"), "{}", ran.stdout);
}

#[test]
fn a_release_of_nonsense_differs() {
    let folder = released();
    let path = |name: &str| folder.path("rel").join(name);
    let mut release = SignedNote::parse(&fs::read(path("release.note")).unwrap()).unwrap().release().clone();
    let image = vec![7; 5000];
    let packed = compress(&image, &[], 3).unwrap();
    release.image = SizedDigest::of(&image);
    release.sections.clear();
    release.payload = FullPayload { content: SizedDigest::of(&packed.bytes), window_log: packed.window_log };
    release.rulemap = Some(SizedDigest::of(b"[]"));
    fs::write(path("release.note"), SignedNote::unsigned(&release).unwrap().to_bytes()).unwrap();
    fs::write(path("image.zst"), packed.bytes).unwrap();
    fs::write(path("rulemap.json"), "[]").unwrap();
    let ran = folder.run(&["audit", "rel", "--source", "src"]).expect(1, "");
    for says in
        ["image of the release: ", "rulemap.json: rule map: ", "test_core-7.hmk: its release note differs"]
    {
        assert!(ran.stdout.contains(says), "{says}: {}", ran.stdout);
    }
    folder.run(&["diff", "rel", "src"]).expect(2, "rel");
}

#[test]
fn what_cannot_be_judged_or_rebuilt_has_codes_of_its_own() {
    let folder = released();
    let audit = ["audit", "rel", "--source", "src", "--policy", "policy"];
    folder.run(&audit).expect(3, "quorum not met");
    let key = fs::read_to_string(folder.path("keys/test_build.vkey")).unwrap();
    folder.write("policy", format!("db test/core\nsigner build {key}quorum build\n"));
    folder.run(&audit).expect(0, "");
    folder.run(&["audit", "rel", "--source", "missing"]).expect(2, "missing");
    folder.run(&["audit", "rel/test_core-7.hmk", "--source", "src"]).expect(2, "release directory");
    let note = fs::read_to_string(folder.path("rel/release.note")).unwrap();
    folder.write("rel/release.note", note.replace("\nserial 7\n", "\nserial 8\n"));
    folder.run(&audit).expect(3, "does not verify");
    let other = note.lines().find(|line| line.starts_with("compiler ")).unwrap();
    let changed =
        format!("{}{}", &other[..other.len() - 4], if other.ends_with("0000") { "1111" } else { "0000" });
    folder.write("rel/release.note", note.split("\n\n").next().unwrap().replace(other, &changed) + "\n");
    folder.run(&["audit", "rel", "--source", "src"]).expect(2, "cannot rebuild");
}

#[test]
fn an_auditor_signs_after_the_audit_only() {
    let folder = released();
    let cosign = ["cosign", "--key", "keys/test_audit.secret", "rel"];
    folder.run(&cosign).expect(1, "run hallmark audit");
    folder.run(&["audit", "rel", "--source", "src"]).expect(0, "");
    let statement = fs::read(folder.path("rel/audit.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&statement).unwrap();
    assert_eq!(json["_type"], "https://in-toto.io/Statement/v1");
    folder.run(&["verify", "--policy", "policy", "rel"]).expect(1, "quorum not met");

    // That of another release is not good enough.
    build(&folder, "src", "other");
    edit(&folder, "src/release.toml", "serial = 7", "serial = 8");
    folder.run(&["build", "src", "--release", "next", "--prev", "rel"]).expect(0, "not signed");
    fs::copy(folder.path("rel/audit.json"), folder.path("next/audit.json")).unwrap();
    folder.run(&["cosign", "--key", "keys/test_audit.secret", "next"]).expect(1, "not of a successful audit");
    folder.write("next/audit.json", "{}");
    folder.run(&["cosign", "--key", "keys/test_audit.secret", "next"]).expect(1, "refused");

    folder.run(&cosign).expect(0, "");
    folder.run(&cosign).expect(0, "");
    folder.run(&["verify", "--policy", "policy", "rel"]).expect(0, "");
    let signed = fs::read(folder.path("rel/audit.json")).unwrap();
    assert_ne!(signed, statement);
    assert!(Attestation::parse(&signed).is_ok());
    folder.run(&["audit", "next", "--source", "src"]).expect(0, "");
    assert!(fs::read_to_string(folder.path("next/release.note")).unwrap().contains("\nprev 7 image sha256:"));
}

/// What an attacker can make up: a statement about the very release.
fn plant(folder: &Folder, release: &str) {
    let note = SignedNote::parse(&fs::read(folder.path(release).join("release.note")).unwrap()).unwrap();
    let planted = Attestation::rebuilt(&note, "https://evil.example/audit", "1999-01-01T00:00:00Z");
    folder.write(&format!("{release}/audit.json"), planted.to_bytes());
}

#[test]
fn with_the_sources_no_planted_audit_is_believed() {
    let folder = released();
    let cosign = ["cosign", "--key", "keys/test_audit.secret", "rel"];
    let again = |source| [&cosign[..], &["--source", source]].concat();
    write_tree(&folder, "other");
    edit(&folder, "other/apt/a.yar", ALTER.0, ALTER.1);
    plant(&folder, "rel");
    let ran = folder.run(&again("other")).expect(1, "refused: the release is not what its sources give");
    only_rule(&ran.stdout, "rule apt:X (apt/a.yar:1) compiled differently");
    folder.run(&["verify", "--policy", "policy", "rel"]).expect(1, "quorum not met");
    folder.run(&[&cosign[..], &["--relaxed-re-syntax"]].concat()).expect(2, "needs --source");
    folder.run(&[&cosign[..], &["-d", "env=1"]].concat()).expect(2, "needs --source");

    folder.run(&again("src")).expect(0, "");
    folder.run(&["verify", "--policy", "policy", "rel"]).expect(0, "");
    let signed = Attestation::parse(&fs::read(folder.path("rel/audit.json")).unwrap()).unwrap();
    assert!(!format!("{signed:?}").contains("evil.example"));
    assert!(!String::from_utf8(signed.to_bytes()).unwrap().contains("1999"));
}

#[test]
fn without_the_sources_an_audit_is_believed_only_where_nobody_else_writes() {
    use std::os::unix::fs::PermissionsExt as _;
    let cosign = ["cosign", "--key", "keys/test_audit.secret", "rel"];
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for (name, exposed, safe, says) in [
        ("rel/audit.json", 0o666, 0o644, "audit.json: writable by group or others"),
        ("rel", 0o777, 0o755, "rel: writable by group or others, and not sticky"),
    ] {
        let folder = released();
        folder.run(&["audit", "rel", "--source", "src"]).expect(0, "");
        mode(&folder.path(name), exposed);
        folder.run(&cosign).expect(1, says);
        mode(&folder.path(name), safe);
        folder.run(&cosign).expect(0, "");
    }
    let folder = released();
    folder.run(&["audit", "rel", "--source", "src"]).expect(0, "");
    fs::rename(folder.path("rel/audit.json"), folder.path("elsewhere")).unwrap();
    folder.link("../elsewhere", "rel/audit.json");
    folder.run(&cosign).expect(1, "symbolic link");
    fs::remove_file(folder.path("rel/audit.json")).unwrap();
    fs::rename(folder.path("elsewhere"), folder.path("rel/audit.json")).unwrap();
    edit(&folder, "rel/SHA256SUMS", "apt/a.yar", "apt/b.yar");
    folder.run(&cosign).expect(1, "SHA256SUMS: not the one");
}

#[test]
fn releases_that_would_not_hold_are_not_written() {
    let folder = released();
    let build = |extra: &[&str]| folder.run(&[&["build", "src", "--release", "new"], extra].concat());
    build(&["--prev", "rel"]).expect(2, "must be higher than 7");
    build(&["--prev", "rel", "--serial", "8", "--db", "test/other"]).expect(2, "release of test/core");
    folder.run(&["build", "src", "src", "--release", "new"]).expect(2, "exactly one source directory");
    folder.run(&["build", "src/web.yar", "--release", "new"]).expect(2, "one directory");
    folder.run(&["build", "src", "--release", "rel"]).expect(2, "not empty");
    edit(&folder, "src/rejected.toml", "Broken", "Other");
    build(&[]).expect(1, "is not accepted by rejected.toml");
    build(&["--ignore-invalid-rules"]).expect(1, "is listed, but compiles");
    fs::remove_file(folder.path("src/rejected.toml")).unwrap();
    build(&[]).expect(1, "nothing was written");
    build(&["--ignore-invalid-rules"]).expect(0, "");
    folder.run(&["audit", "new", "--source", "src"]).expect(0, "");
}

#[test]
fn differences_are_listed_by_rule() {
    let folder = released();
    write_tree(&folder, "next");
    edit(&folder, "next/apt/a.yar", ALTER.0, ALTER.1);
    edit(&folder, "next/apt/a.yar", DROP.0, "rule New { condition: true }");
    build(&folder, "next", "rel2");
    for (a, b, [added, removed, changed]) in [
        ("rel", "rel2", ["apt:New", "apt:Y", "apt:X"]),
        ("src", "next", ["apt:New (apt/a.yar:3)", "apt:Y (apt/a.yar:3)", "apt:X (apt/a.yar:1)"]),
    ] {
        let ran = folder.run(&["diff", a, b]).expect(1, "");
        assert_eq!(ran.stdout, format!("added    {added}\nremoved  {removed}\nchanged  {changed}\n"));
    }
    let json = folder.run(&["diff", "rel/test_core-7.hmk", "next", "--format", "json"]).expect(1, "").json();
    assert_eq!(json["added"][0]["rule"], "New");
    assert_eq!(json["changed"][0]["namespace"], "apt");
    assert_eq!((&json["changed"][0]["file"], &json["changed"][0]["line"]), (&"apt/a.yar".into(), &1.into()));
    folder.run(&["diff", "rel", "missing"]).expect(2, "missing");
    folder.run(&["diff", "src/web.yar", "src/web.yar"]).expect(0, "");
}
