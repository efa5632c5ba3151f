//! A mirror that hands out something else than it was given.

use std::fs::{self, File};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_container::{NoteSignature, Policy, SignedNote, VerifierKey, encode, key_id};
use hallmark_publish::{Release, SecretKey, sign_note};
use hallmark_tests::signed::{self, DB, auditor, builder, key, manifest, pack};

use crate::endpoint::{CURRENT, Endpoint, NEXT, compiled, release};

/// Length of the header of a container.
const HEADER: usize = 0x20;

/// What damage to the frame of a container can be called.
const FRAME: [&str; 9] = [
    "Container/NotAContainer",
    "Container/ContainerVersion",
    "Container/ContainerReserved",
    "Container/Limit",
    "Container/EmptyPart",
    "Container/Truncated",
    "Container/TrailingBytes",
    "NotADatabase",
    // Other lengths of the parts move the border between note and payload.
    "Release/NoteNotCanonical",
];

/// What damage to the text or the lines of a note can be called.
const NOTE: [&str; 11] = [
    "Release/NoteNotAscii",
    "Release/NoteContext",
    "Release/NoteLine",
    "Release/NoteTruncated",
    "Release/NoteNotCanonical",
    "Release/SignatureLine",
    "Release/BadSignature",
    // A line under another name or by another key is of nobody that the policy knows.
    "Release/QuorumNotMet",
    "Release/Unsigned",
    "Release/WrongDatabase",
    "Release/Limit",
];

#[test]
fn a_changed_byte_is_refused_in_every_region() {
    let endpoint = Endpoint::new();
    let release = release(NEXT);
    let good = release.container().unwrap();
    let payload = good.len() - release.payload().len();
    let frame = [&FRAME[..], &NOTE].concat();
    let rest = (payload..good.len()).step_by(good.len() / 40);
    for at in (0..payload).chain(rest).chain([good.len() - 1]) {
        let names: &[&str] = match at {
            _ if at < HEADER => &frame,
            _ if at < payload => &NOTE,
            _ => &["Release/PayloadDigest"],
        };
        for flip in [0x01, 0x80] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            endpoint.refuses(&format!("byte {at} ^ {flip:#x}"), endpoint.offer(&bytes), names);
        }
    }
    endpoint.unharmed();
    assert_eq!(endpoint.offer(&good), Ok(NEXT), "the release was good before it was damaged");
}

#[test]
fn what_is_cut_or_continued_is_refused() {
    let endpoint = Endpoint::new();
    let good = release(NEXT).container().unwrap();
    let path = endpoint.beside("offered.hmk");
    let cuts = (0..HEADER + 4).chain((HEADER..good.len()).step_by(97)).chain([good.len() - 1]);
    for cut in cuts {
        fs::write(&path, &good[..cut]).unwrap();
        let names: &[&str] = if cut < 8 { &["NotADatabase"] } else { &["Container/Truncated"] };
        endpoint.refuses(&format!("cut at {cut}"), endpoint.offer_path(&path), names);
    }
    for extra in [1, 4096] {
        let longer = [&good[..], &vec![0; extra]].concat();
        endpoint.refuses("continued", endpoint.offer(&longer), &["Container/TrailingBytes"]);
    }
    endpoint.unharmed();
}

/// A note with other signature lines, and the payload of `release`.
fn with_lines(release: &Release, lines: &[NoteSignature]) -> Vec<u8> {
    let note = SignedNote::unsigned(release.note().release()).unwrap();
    let note = lines.iter().cloned().fold(note, |note, line| note.with_signature(line).unwrap());
    encode(&note.to_bytes(), b"", release.payload()).unwrap()
}

/// `s + L`, which a lenient verifier takes for `s`.
fn malleable(signature: &[u8]) -> Vec<u8> {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut out = signature.to_vec();
    let mut carry = 0u16;
    for (byte, add) in out[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    out
}

#[test]
fn other_releases_and_other_signatures_are_refused() {
    let endpoint = Endpoint::new();
    let next = release(NEXT);
    let line = |key: &SecretKey| key.sign(next.note().text());
    let (build, audit) = (line(&builder()), line(&auditor()));
    let audit_with = |change: &dyn Fn(&mut NoteSignature)| {
        let mut changed = audit.clone();
        change(&mut changed);
        with_lines(&next, &[build.clone(), changed])
    };
    let signature = |bytes: Vec<u8>| audit_with(&move |line| line.signature = bytes.clone());
    let packed = |serial, keys: &[SecretKey]| pack(&compiled(serial), serial, None, keys);
    let mut lab = next.note().release().clone();
    lab.db = "example.org/lab".into();
    let lab = signed::note(&lab, &[builder(), auditor()]);
    let mut reused = next.note().release().clone();
    reused.serial = CURRENT;
    let reused = signed::note(&reused, &[builder(), auditor()]);
    let both = [build.clone(), audit.clone()];
    let build_only = String::from_utf8(packed(NEXT, &[builder()]).note().to_bytes()).unwrap();
    let repeated = format!("{build_only}{}\n", build_only.lines().last().unwrap());
    let framed = |note: &[u8], payload: &[u8]| encode(note, b"", payload).unwrap();
    let note = next.note().to_bytes();
    let other = release(NEXT + 1);
    let mut forged = audit.clone();
    forged.signature[5] ^= 1;

    let cases = [
        ("an older release", release(CURRENT - 2).container().unwrap(), "OlderSerial"),
        ("the release before", release(CURRENT - 1).container().unwrap(), "OlderSerial"),
        (
            "another image under the serial in force",
            framed(&reused.to_bytes(), next.payload()),
            "SerialReused",
        ),
        ("another database", framed(&lab.to_bytes(), next.payload()), "Release/WrongDatabase"),
        ("no line", packed(NEXT, &[]).container().unwrap(), "Release/Unsigned"),
        (
            "the line of the builder only",
            packed(NEXT, &[builder()]).container().unwrap(),
            "Release/QuorumNotMet",
        ),
        (
            "the line of the auditor only",
            packed(NEXT, &[auditor()]).container().unwrap(),
            "Release/QuorumNotMet",
        ),
        (
            "the line of the builder twice",
            framed(repeated.as_bytes(), packed(NEXT, &[]).payload()),
            "Release/QuorumNotMet",
        ),
        (
            "a stranger's line",
            with_lines(&next, &[build.clone(), line(&key("evil.example", 9))]),
            "Release/QuorumNotMet",
        ),
        (
            "a stranger's line under the auditor's name",
            with_lines(&next, &[build.clone(), line(&key(auditor().name(), 9))]),
            "Release/QuorumNotMet",
        ),
        (
            "the builder's signature under the auditor's name",
            audit_with(&|line| line.signature = build.signature.clone()),
            "Release/BadSignature",
        ),
        (
            "the auditor's line with another key id",
            audit_with(&|line| line.key_id.0[0] ^= 1),
            "Release/QuorumNotMet",
        ),
        (
            "a line of another note",
            with_lines(&next, &[build.clone(), other.note().signatures()[1].clone()]),
            "Release/BadSignature",
        ),
        (
            "a forged line beside a full quorum",
            with_lines(&next, &[build.clone(), audit.clone(), forged]),
            "Release/BadSignature",
        ),
        ("zeros", signature(vec![0; 64]), "Release/BadSignature"),
        ("a point of small order", signature([&[1][..], &[0; 63]].concat()), "Release/BadSignature"),
        ("a scalar not reduced", signature(malleable(&audit.signature)), "Release/BadSignature"),
        ("half a signature", signature(audit.signature[..32].to_vec()), "Release/BadSignature"),
        ("more than a signature", signature([&audit.signature[..], &[0]].concat()), "Release/BadSignature"),
        ("the payload of another release", framed(&note, other.payload()), "Release/PayloadDigest"),
        ("a payload cut short", framed(&note, &next.payload()[1..]), "Release/PayloadLength"),
    ];
    for (what, bytes, name) in cases {
        // Payloads of two small releases may differ in length too.
        let lengths = if name == "Release/PayloadDigest" { "Release/PayloadLength" } else { name };
        endpoint.refuses(what, endpoint.offer(&bytes), &[name, lengths]);
    }
    endpoint.unharmed();
    assert_eq!(endpoint.offer(&with_lines(&next, &both)), Ok(NEXT));
}

#[test]
fn lines_of_a_note_are_neither_left_out_nor_repeated_nor_moved() {
    let endpoint = Endpoint::new();
    let next = release(NEXT);
    let text = next.note().text().to_owned();
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let lines_below = String::from_utf8(next.note().to_bytes()).unwrap()[text.len()..].to_owned();
    let mut signed_again = 0;
    let mut offer = |what: String, lines: Vec<&str>| {
        let changed = lines.concat();
        let bytes = encode((changed.clone() + &lines_below).as_bytes(), b"", next.payload()).unwrap();
        endpoint.refuses(&what, endpoint.offer(&bytes), &NOTE);
        // Not even the signers can have it another way: what they sign is read before.
        if let Ok(note) = SignedNote::parse(changed.as_bytes()) {
            let note = sign_note(&note, &builder()).unwrap();
            let bytes = encode(&note.to_bytes(), b"", next.payload()).unwrap();
            endpoint.refuses(&what, endpoint.offer(&bytes), &["Release/QuorumNotMet"]);
            signed_again += 1;
        }
    };
    for at in 0..lines.len() {
        let mut without = lines.clone();
        without.remove(at);
        offer(format!("without line {at}"), without);
        let mut twice = lines.clone();
        twice.insert(at, lines[at]);
        offer(format!("line {at} twice"), twice);
        if at > 0 {
            let mut moved = lines.clone();
            moved.swap(at - 1, at);
            offer(format!("lines {at} and before exchanged"), moved);
        }
    }
    // Sections and the rule map may be left out, by those who sign.
    let optional =
        lines.iter().filter(|line| line.starts_with("section ") || line.starts_with("rulemap ")).count();
    assert_eq!(signed_again, optional);
    endpoint.unharmed();
}

type Damage = (&'static str, fn(&Path), &'static str, &'static str);

/// What can lie in the place of a file: the name it has for a note, and for a payload.
const IN_PLACE: [Damage; 9] = [
    ("nothing", |path| fs::remove_file(path).unwrap(), "NotADatabase", "NoPayload"),
    ("an empty file", |path| fs::write(path, b"").unwrap(), "Container/EmptyPart", "Container/EmptyPart"),
    ("ten gigabytes", |path| grow(path, 10_000_000_000), "TooLarge", "TooLarge"),
    ("more than was promised", |path| grow(path, 60_000), "Release/SignatureLine", "Release/PayloadLength"),
    (
        "other bytes",
        |path| fs::write(path, b"other").unwrap(),
        "Release/NoteContext",
        "Release/PayloadLength",
    ),
    ("a link", link, "Link", "Link"),
    (
        "a folder",
        |path| fs::remove_file(path).and_then(|()| fs::create_dir(path)).unwrap(),
        "NotRegular",
        "NotRegular",
    ),
    ("a FIFO", fifo, "NotRegular", "NotRegular"),
    ("a socket", socket, "Io/Uncategorized", "Io/Uncategorized"),
];

fn grow(path: &Path, len: u64) {
    File::options().write(true).open(path).unwrap().set_len(len).unwrap();
}

fn link(path: &Path) {
    let moved = path.with_file_name("moved");
    fs::rename(path, &moved).unwrap();
    std::os::unix::fs::symlink(moved, path).unwrap();
}

fn fifo(path: &Path) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    fs::remove_file(path).unwrap();
    mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0).unwrap();
}

fn socket(path: &Path) {
    fs::remove_file(path).unwrap();
    std::os::unix::net::UnixListener::bind(path).unwrap();
}

#[test]
fn files_of_a_directory_are_what_they_should_be() {
    let endpoint = Endpoint::new();
    for (file, of_note) in [("release.note", true), ("image.zst", false)] {
        for (what, damage, note, payload) in IN_PLACE {
            let folder = tempfile::tempdir().unwrap();
            let directory = folder.path().join("release");
            let rules = manifest(&compiled(NEXT));
            release(NEXT).write_directory(&directory, &rules, Some(b"{}")).unwrap();
            damage(&directory.join(file));
            let expected = if of_note { note } else { payload };
            endpoint.refuses(&format!("{file}: {what}"), endpoint.offer_path(&directory), &[expected]);
        }
    }
    let path = endpoint.beside("offered.hmk");
    let place = |put: &dyn Fn()| {
        let _ = fs::remove_file(&path);
        put();
        endpoint.offer_path(&path)
    };
    let good = release(NEXT).container().unwrap();
    let huge = || {
        fs::write(&path, &good).unwrap();
        grow(&path, 10_000_000_000);
    };
    let read_before = read_so_far();
    endpoint.refuses("huge", place(&huge), &["TooLarge"]);
    if let Some((before, after)) = read_before.zip(read_so_far()) {
        assert!(after - before < 1 << 30, "{} bytes were read", after - before);
    }
    endpoint.refuses(
        "a FIFO",
        place(&|| {
            fs::write(&path, "").unwrap();
            fifo(&path)
        }),
        &["NotRegular"],
    );
    endpoint.refuses("a device", endpoint.offer_path(Path::new("/dev/zero")), &["NotRegular"]);
    endpoint.unharmed();
}

/// Bytes that this process has read, other tests included.
fn read_so_far() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("rchar: "))?.parse().ok()
}

#[test]
fn a_policy_takes_no_weak_key_and_no_key_twice() {
    let weak = |point: [u8; 32]| {
        let blob = STANDARD.encode([&[1][..], &point].concat());
        format!("signer weak weak+{}+{blob}\n", key_id("weak", &point))
    };
    let mut minus_one = [0xFF; 32];
    (minus_one[0], minus_one[31]) = (0xEC, 0x7F);
    let mut one = [0; 32];
    one[0] = 1;
    let signer = |name: &str, key: &VerifierKey| format!("signer {name} {key}\n");
    let cases = [
        ("the neutral point", weak(one), "PolicyKey"),
        ("a point of order two", weak(minus_one), "PolicyKey"),
        ("a point of order four", weak([0; 32]), "PolicyKey"),
        ("no point", weak([2; 32]), "PolicyKey"),
        (
            "a key twice",
            signer("a", builder().public()) + &signer("b", builder().public()),
            "PolicyDuplicateKey",
        ),
        (
            "a key under two names",
            signer("a", builder().public()) + &signer("b", key("another", 1).public()),
            "PolicyDuplicateKey",
        ),
        ("a signer twice", signer("a", builder().public()) + "group g 2 a a\n", "PolicyMemberTwice"),
    ];
    for (what, lines, expected) in cases {
        let error = Policy::parse(format!("db {DB}\n{lines}quorum weak\n").as_bytes()).expect_err(what);
        assert!(format!("{error:?}").starts_with(expected), "{what}: {error:?}");
    }
}
