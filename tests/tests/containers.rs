//! A release of the rule pack as it travels: packed, signed, opened, scanned with; and the same with something wrong,
//! each a named error.

use hallmark_container::{Container, DecodedImage, Demand, Error, Policy, SignedNote, encode, open};
use hallmark_publish::{Release, SecretKey};
use hallmark_runtime::Database;
use hallmark_tests::RulePack;
use hallmark_tests::signed::{DB, auditor, builder, key, pack, policy_for};

/// Both keys are needed.
fn policy() -> Policy {
    policy_for(DB)
}

fn packed(keys: &[SecretKey]) -> Release {
    pack(&RulePack::load().unwrap().compile(), 1, None, keys)
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
    let stranger = key("example.org/build", 3);
    assert!(matches!(error(&[stranger, auditor()]), Error::QuorumNotMet { .. }));
    assert!(matches!(load(&good(), &policy_for("example.org/other")), Err(Error::WrongDatabase { .. })));
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
