//! Patches from one release to the next: made, measured, installed, audited; and everything that can be wrong with one,
//! after which the store is as it was.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Folder, Ran};
use hallmark_container::{Digest, ReleaseNote, SignedNote};
use hallmark_publish::{SecretKey, sign_note};

const KEYS: [&str; 2] = ["keys/test_build.secret", "keys/test_audit.secret"];

/// `rel-7` of the sources in `old`, and `rel-8` of those in `new` with a patch from it, both signed by both keys.
fn released() -> Folder {
    let folder = Folder::new();
    folder.make_keys();
    let rule = |n: u32| {
        let word = n.wrapping_mul(2_654_435_761);
        format!(
            "rule r{n} {{ meta: word = {word} strings: $a = \"token {word:x}\" $b = {{ {n:04X} ?? 0102 }} condition: any of them }}\n"
        )
    };
    let base: String = (1..80).map(rule).collect();
    folder.write("old/a.yar", &base);
    folder.write("new/a.yar", &base);
    folder.write("new/b.yar", (80..84).map(rule).collect::<String>());
    folder.write("target", "a token d35a0000 and a needle");
    build(&folder, "old", "rel-7", &["--serial", "7"]).expect(0, "signed by test/build");
    build(&folder, "new", "rel-8", &["--serial", "8", "--prev", "rel-7"]).expect(0, "patch from 7");
    for release in ["rel-7", "rel-8"] {
        folder.run(&["sign", "--key", KEYS[1], release]).expect(0, "");
    }
    folder
}

fn build(folder: &Folder, source: &str, release: &str, extra: &[&str]) -> Ran {
    let args = ["build", source, "--release", release, "--db", "test/core", "--key", KEYS[0]];
    folder.run(&[&args[..], extra].concat())
}

fn install(folder: &Folder, release: &str) -> Ran {
    folder.run(&["install", release, "--store", "store", "--policy", "policy"])
}

/// `released`, the old one in force, and the new one without its full payload.
fn with_patch_only() -> Folder {
    let folder = released();
    install(&folder, "rel-7").expect(0, "");
    fs::remove_file(folder.path("rel-8/image.zst")).unwrap();
    folder
}

fn edit(folder: &Folder, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(folder.path(name)).unwrap();
    change(&mut bytes);
    folder.write(name, bytes);
}

/// Changes what the note of `rel-8` says, and signs that by both keys.
fn reseal(folder: &Folder, change: impl FnOnce(&mut ReleaseNote)) {
    edit(folder, "rel-8/release.note", |bytes| {
        let mut release = SignedNote::parse(bytes).unwrap().release().clone();
        change(&mut release);
        let mut note = SignedNote::unsigned(&release).unwrap();
        for key in KEYS {
            note = sign_note(&note, &SecretKey::load(&folder.path(key)).unwrap()).unwrap();
        }
        *bytes = note.to_bytes();
    });
}

fn files(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn a_patch_is_made_measured_and_installed() {
    let folder = released();
    let note = fs::read_to_string(folder.path("rel-8/release.note")).unwrap();
    let patch = fs::read(folder.path("rel-8/from-7.zst")).unwrap();
    let old = SignedNote::parse(&fs::read(folder.path("rel-7/release.note")).unwrap()).unwrap();
    let (old, bytes) = (old.release().image.digest, patch.len());
    assert!(note.contains(&format!("\nprev 7 image {old}\n")), "{note}");
    let line = format!("\npayload patch {old} zstd {} bytes {bytes} window ", Digest::of(&patch));
    assert!(note.contains(&line), "{note}");
    let full = fs::metadata(folder.path("rel-8/image.zst")).unwrap().len();
    assert!((bytes as u64) < full / 2, "{bytes} of {full} bytes");

    let json =
        folder.run(&["delta", "rel-7", "rel-8", "--format", "json", "-o", "again.zst"]).expect(0, "").json();
    assert_eq!(json["released"]["same"], true);
    assert_eq!((&json["patch"]["bytes"], &json["full"]), (&bytes.into(), &full.into()));
    assert!(json["sections"].as_array().unwrap().iter().any(|section| section["name"] == "units"));
    assert!(fs::read(folder.path("again.zst")).unwrap() == patch);
    for side in ["old", "new"] {
        folder.run(&["build", side, "--image", &format!("{side}.img")]).expect(0, "");
    }
    folder.run(&["delta", "old.img", "new.img", "-o", "raw.zst"]).expect(0, "");
    assert!(fs::read(folder.path("raw.zst")).unwrap() == patch);
    let human = folder.run(&["delta", "rel-7/test_core-7.hmk", "rel-8/test_core-8.hmk"]).expect(0, "").stdout;
    assert!(human.contains("the same bytes") && human.contains("\nunits "), "{human}");

    let payload = |ran: Ran| {
        let stdout = ran.expect(0, "").stdout;
        stdout.lines().find(|line| line.starts_with("payload ")).unwrap().to_owned()
    };
    assert!(payload(install(&folder, "rel-7")).starts_with("payload full, "));
    assert_eq!(payload(install(&folder, "rel-8")), format!("payload patch from serial 7, {bytes} bytes"));
    assert_eq!(payload(install(&folder, "rel-8")), "payload none, the store held this image");
    folder.run(&["verify", "--policy", "policy", "store"]).expect(0, "");
    folder.run(&["delta", "store", "rel-7"]).expect(0, "");
}

#[test]
fn a_release_may_have_patches_only() {
    let folder = with_patch_only();
    let new = folder.run(&["install", "rel-8", "--store", "new-store", "--policy", "policy"]);
    new.expect(1, "rel-8: no full payload (image.zst)");
    assert!(!folder.path("new-store").exists());
    for args in
        [&["verify", "--policy", "policy", "rel-8"][..], &["scan", "--policy", "policy", "rel-8", "target"]]
    {
        assert!(folder.run(args).stderr.contains("rel-8: no full payload"));
    }
    assert!(install(&folder, "rel-8").expect(0, "").stdout.contains("\npayload patch from serial 7"));
    let again = install(&folder, "rel-8").expect(0, "").stdout;
    assert!(again.contains("already in force"), "{again}");
    folder.run(&["status", "--store", "store"]).expect(0, "");
}

/// What happens to a patch on its way, and what is said of it.
type Damage = fn(&Folder);

const DAMAGE: [(Damage, &str); 6] = [
    (|folder| edit(folder, "rel-8/from-7.zst", |bytes| bytes[9] ^= 1), "damaged or swapped"),
    (
        |folder| edit(folder, "rel-8/from-7.zst", |bytes| bytes.truncate(bytes.len() - 1)),
        "bytes, the release note says",
    ),
    (|folder| edit(folder, "rel-8/from-7.zst", |bytes| bytes.push(0)), "from-7.zst: larger than"),
    (|folder| edit(folder, "rel-8/from-7.zst", Vec::clear), "0 bytes, the release note says"),
    (|folder| fs::remove_file(folder.path("rel-8/from-7.zst")).unwrap(), "cannot open rel-8/from-7.zst"),
    (
        |folder| fs::rename(folder.path("rel-8/from-7.zst"), folder.path("rel-8/from-6.zst")).unwrap(),
        "cannot open rel-8/from-7.zst",
    ),
];

/// What a signer may have got wrong or wants to do, and what is said of it.
type Change = fn(&mut ReleaseNote);

const SEALED: [(Change, &str); 5] = [
    (|note| note.patches[0].window_log = 10, "needs a window of"),
    (|note| note.image.bytes -= 1, "the release note says"),
    (|note| note.image.digest = Digest::of(b""), "image: sha256:"),
    (|note| note.patches[0].from = Digest::of(b""), "has no patch from image"),
    (|note| drop(note.sections.pop()), "does not describe the sections"),
];

#[test]
fn without_its_patch_a_release_is_installed_from_the_full_payload() {
    for (damage, says) in DAMAGE {
        let folder = released();
        install(&folder, "rel-7").expect(0, "");
        damage(&folder);
        let ran = install(&folder, "rel-8").expect(0, says);
        assert!(
            ran.stderr.starts_with("not used: ") && ran.stdout.contains("\npayload full, "),
            "{}",
            ran.stdout
        );
    }
    let folder = released();
    install(&folder, "rel-7").expect(0, "");
    let image = fs::read_dir(folder.path("store/images")).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(image).unwrap();
    let ran = install(&folder, "rel-8").expect(0, "not used: ");
    assert!(ran.stdout.contains("\npayload full, "), "{}", ran.stdout);
}

#[test]
fn a_refused_patch_leaves_the_store_as_it_was() {
    let refused = |folder: &Folder, says: &str| {
        let before = files(&folder.path("store"));
        install(folder, "rel-8").expect(1, says);
        assert!(files(&folder.path("store")) == before, "{says}");
    };
    for (damage, says) in DAMAGE {
        let folder = with_patch_only();
        damage(&folder);
        refused(&folder, says);
    }
    for (change, says) in SEALED {
        let folder = with_patch_only();
        reseal(&folder, change);
        refused(&folder, says);
    }
    let folder = with_patch_only();
    // One frame is all that a prefix is for: the patch, and an empty frame behind it.
    edit(&folder, "rel-8/from-7.zst", |bytes| bytes.extend([0x28, 0xB5, 0x2F, 0xFD, 0x20, 0, 1, 0, 0]));
    let patch = fs::read(folder.path("rel-8/from-7.zst")).unwrap();
    reseal(&folder, |note| note.patches[0].content = hallmark_container::SizedDigest::of(&patch));
    refused(&folder, "a patch is one frame");
    let folder = with_patch_only();
    edit(&folder, "rel-8/release.note", |bytes| {
        let text = String::from_utf8(std::mem::take(bytes)).unwrap();
        let line = text.lines().find(|line| line.starts_with("payload patch")).unwrap();
        *bytes = text.replace(line, &format!("{line}\n{line}")).into_bytes();
    });
    refused(&folder, "not in canonical form");
}

#[test]
fn an_audit_looks_at_patches() {
    let folder = released();
    let audit = |extra: &[&str]| folder.run(&[&["audit", "rel-8", "--source", "new"], extra].concat());
    let ran = audit(&[]).expect(0, "");
    assert!(ran.stdout.contains("from-7.zst: not applied, because release 7 was not given with --prev"));
    let ran = audit(&["--prev", "rel-7"]).expect(0, "");
    assert!(ran.stdout.contains("from-7.zst: makes this image out of that of release 7"), "{}", ran.stdout);
    folder.run(&["cosign", "--key", KEYS[1], "rel-8"]).expect(0, "");
    let good = folder.run(&["verify", "--policy", "policy", "rel-8"]).expect(0, "").stdout;
    assert!(good.contains("\npatch from serial 7, "), "{good}");

    build(&folder, "new", "other-7", &["--serial", "7"]).expect(0, "");
    let ran = audit(&["--prev", "other-7"]).expect(1, "");
    assert!(ran.stdout.contains("prev: release 7 has image"), "{}", ran.stdout);
    build(&folder, "new", "later-9", &["--serial", "9"]).expect(0, "");
    audit(&["--prev", "later-9"]).expect(2, "8, must be higher than 9");

    fs::rename(folder.path("rel-8/from-7.zst"), folder.path("rel-8/from-6.zst")).unwrap();
    let ran = audit(&[]).expect(1, "");
    assert!(ran.stdout.contains("from-6.zst: starts from image"), "{}", ran.stdout);
    fs::remove_file(folder.path("rel-8/from-6.zst")).unwrap();
    let ran = audit(&[]).expect(1, "");
    assert!(ran.stdout.contains("no file of this release holds it"), "{}", ran.stdout);
    folder.write("rel-8/from-7.zst", "other");
    let ran = audit(&[]).expect(1, "");
    assert!(ran.stdout.contains("from-7.zst: patch: sha256:"), "{}", ran.stdout);
    folder.run(&["verify", "--policy", "policy", "rel-8"]).expect(1, "from-7.zst: patch: sha256:");
    folder.run(&["sign", "--key", KEYS[1], "rel-8"]).expect(2, "from-7.zst: patch: sha256:");
    folder.run(&["delta", "rel-7", "missing"]).expect(2, "missing");
}

#[test]
fn patches_start_from_whole_earlier_releases_of_the_database() {
    let folder = released();
    let mut number = 0;
    let mut build = |extra: &[&str]| {
        number += 1;
        build(&folder, "new", &format!("next-{number}"), &[&["--serial", "9"], extra].concat())
    };
    build(&["--prev", "rel-7", "--serial", "7"]).expect(2, "the argument");
    build(&["--prev", "rel-8", "--prev", "rel-7"]).expect(0, "patch from 7");
    let note = fs::read_to_string(folder.path("next-2/release.note")).unwrap();
    assert!(note.contains("\nprev 8 image ") && note.matches("\npayload patch ").count() == 2, "{note}");
    build(&["--prev", "rel-7", "--prev", "rel-7"]).expect(2, "release 7: a patch from another release");
    build(&["--prev", "rel-9"]).expect(2, "rel-9");
    edit(&folder, "rel-7/image.zst", |bytes| bytes[20] ^= 1);
    build(&["--prev", "rel-7"]).expect(2, "rel-7: payload: sha256:");
    folder.run(&["delta", "rel-7", "rel-8"]).expect(2, "rel-7: payload: sha256:");
    edit(&folder, "rel-7/image.zst", |bytes| bytes[20] ^= 1);
    build(&["--prev", "rel-7/test_core-7.hmk"]).expect(0, "patch from 7");
    for failed in [1, 3, 4, 5] {
        assert!(!folder.path(&format!("next-{failed}")).exists());
    }
}
