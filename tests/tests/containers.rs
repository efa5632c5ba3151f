//! A release of the rule pack as it travels: packed, signed, opened, scanned with; and the same with something wrong,
//! each a named error.

use hallmark_container::{
    Compiler, Container, Counts, DecodedImage, Demand, Digest, EngineVersion, Error, FormatVersion, Policy,
    SignedNote, encode, open,
};
use hallmark_image::{Image, header};
use hallmark_publish::{DEFAULT_LEVEL, Release, ReleaseInfo, SecretKey, SectionInfo, SourceManifest};
use hallmark_runtime::Database;
use hallmark_tests::RulePack;

const DB: &str = "example.org/core";

fn builder() -> SecretKey {
    SecretKey::from_seed("example.org/build", &[1; 32]).unwrap()
}

fn auditor() -> SecretKey {
    SecretKey::from_seed("auditor.example/rebuild", &[2; 32]).unwrap()
}

/// Both keys are needed.
fn policy() -> Policy {
    let text = format!(
        "db {DB}\nsigner build {}\nsigner audit {}\ngroup both all build audit\nquorum both\n",
        builder().public(),
        auditor().public()
    );
    Policy::parse(text.as_bytes()).unwrap()
}

fn packed(keys: &[SecretKey]) -> Release {
    let pack = RulePack::load().unwrap();
    let compilation = pack.compile();
    let bytes = compilation.image.unwrap();
    let image = Image::parse(&bytes).unwrap();
    let manifest =
        SourceManifest::new(pack.sources.iter().map(|s| (s.name.as_str(), s.text.as_slice()))).unwrap();
    let info = ReleaseInfo {
        db: DB.into(),
        serial: 1,
        image_format: FormatVersion { major: header::FORMAT_MAJOR, minor: header::FORMAT_MINOR },
        engine_min: EngineVersion { major: 0, minor: 1, patch: 0 },
        source_date: 0,
        expires: None,
        source: manifest.source(),
        compiler: Compiler { name: "hallmark".into(), version: "0.1.0".into(), digest: Digest::of(b"") },
        options: Digest::from_bytes(image.header().options_digest),
        sections: image
            .sections()
            .map(|(kind, record)| SectionInfo {
                kind: kind as u32,
                name: kind.name().to_owned(),
                offset: record.offset.get(),
                bytes: record.len.get(),
            })
            .collect(),
        counts: Counts {
            rules: compilation.stats.rules.into(),
            patterns: compilation.stats.patterns.into(),
            rejected: 0,
        },
        bases: Vec::new(),
    };
    let mut release = Release::pack(info, &bytes, None, DEFAULT_LEVEL).unwrap();
    for key in keys {
        release.sign(key).unwrap();
    }
    release
}

fn good() -> Vec<u8> {
    packed(&[builder(), auditor()]).container().unwrap()
}

fn load(bytes: &[u8], policy: &Policy) -> Result<DecodedImage, Error> {
    open(Container::parse(bytes)?, Demand::Quorum(policy))?.decode()
}

#[test]
fn what_was_packed_detects() {
    let decoded = load(&good(), &policy()).unwrap();
    let database = Database::from_image_bytes(decoded.bytes()).unwrap();
    let pack = RulePack::load().unwrap();
    let case = pack.cases.iter().find(|case| case.hit).unwrap();
    let mut scanner = database.scanner();
    let report = scanner.scan(&case.input).unwrap();
    assert!(report.matches().any(|rule| case.rules.iter().any(|name| name == rule.rule())), "{}", case.name);
}

#[test]
fn a_release_is_the_same_every_time() {
    assert!(good() == good());
}

#[test]
fn cut_containers_are_refused() {
    let (good, policy) = (good(), policy());
    for cut in (0..2048.min(good.len())).chain((2048..good.len()).step_by(499)) {
        let error = load(&good[..cut], &policy).unwrap_err();
        assert!(matches!(error, Error::NotAContainer | Error::Truncated { .. }), "cut at {cut}: {error}");
    }
    let longer = [good.as_slice(), b"\0"].concat();
    assert_eq!(load(&longer, &policy), Err(Error::TrailingBytes { extra: 1 }));
}

#[test]
fn flipped_bytes_are_refused() {
    let (good, policy) = (good(), policy());
    let payload = good.len() - packed(&[]).payload().len();
    for at in (0..payload).chain((payload..good.len()).step_by(499)) {
        for flip in [0x01, 0x80] {
            let mut bytes = good.clone();
            bytes[at] ^= flip;
            let error = load(&bytes, &policy).expect_err("a changed container was accepted");
            if at >= payload {
                assert!(matches!(error, Error::PayloadDigest { .. }), "byte {at}: {error}");
            }
        }
    }
}

#[test]
fn missing_lines_and_wrong_keys_have_their_own_errors() {
    let policy = policy();
    let error = |keys: &[SecretKey]| load(&packed(keys).container().unwrap(), &policy).unwrap_err();
    assert!(matches!(error(&[]), Error::Unsigned { .. }));
    assert!(matches!(error(&[builder()]), Error::QuorumNotMet { .. }));
    assert!(matches!(error(&[auditor()]), Error::QuorumNotMet { .. }));
    // Another key under the builder's name is another signer, whose line counts for nothing.
    let stranger = SecretKey::from_seed("example.org/build", &[3; 32]).unwrap();
    assert!(matches!(error(&[stranger, auditor()]), Error::QuorumNotMet { .. }));
    let other = Policy::parse(policy_text_for("example.org/other").as_bytes()).unwrap();
    assert!(matches!(load(&good(), &other), Err(Error::WrongDatabase { .. })));
}

fn policy_text_for(db: &str) -> String {
    format!("db {db}\nsigner build {}\nquorum build\n", builder().public())
}

#[test]
fn a_line_taken_from_another_note_is_a_bad_signature() {
    let release = packed(&[builder(), auditor()]);
    let text = String::from_utf8(release.note().to_bytes()).unwrap();
    let changed = text.replace("serial 1\n", "serial 2\n");
    assert_ne!(text, changed);
    assert!(SignedNote::parse(changed.as_bytes()).is_ok());
    let bytes = encode(changed.as_bytes(), b"", release.payload()).unwrap();
    assert!(matches!(load(&bytes, &policy()), Err(Error::BadSignature { .. })));
}

#[test]
fn payloads_are_not_exchanged() {
    let release = packed(&[builder(), auditor()]);
    let note = release.note().to_bytes();
    let mut other = release.payload().to_vec();
    other.reverse();
    let bytes = encode(&note, b"", &other).unwrap();
    assert!(matches!(load(&bytes, &policy()), Err(Error::PayloadDigest { .. })));
    let bytes = encode(&note, b"", &other[1..]).unwrap();
    assert!(matches!(load(&bytes, &policy()), Err(Error::PayloadLength { .. })));
}
