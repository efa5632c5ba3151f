//! A container as an attacker would change it: cut anywhere, any byte flipped, parts swapped, sealed by a key that
//! should not have been. Each answer is a named error; none is a panic, and none is a database.

use ed25519_dalek::{Signer as _, SigningKey};
use hallmark_container::{
    Compiler, Container, Counts, DecodedImage, Demand, Digest, EngineVersion, Error, FormatVersion,
    FullPayload, NoteSignature, Policy, ReleaseNote, Section, SignedNote, SizedDigest, Source, VerifierKey,
    encode, open, verify_note,
};

const NAME: &str = "example.org/build";

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[42; 32])
}

fn verifier_key() -> VerifierKey {
    VerifierKey::new(NAME, signing_key().verifying_key().as_bytes()).unwrap()
}

fn policy() -> Policy {
    let text = format!("db example.org/core\nsigner build {}\nquorum build\n", verifier_key());
    Policy::parse(text.as_bytes()).unwrap()
}

fn image() -> Vec<u8> {
    (0..4096u32).flat_map(|n| (n / 7).to_le_bytes()).collect()
}

fn release(image: &[u8], payload: &[u8], window_log: u8) -> ReleaseNote {
    let digest = Digest::of(b"");
    ReleaseNote {
        db: "example.org/core".into(),
        serial: 7,
        image_format: FormatVersion { major: 1, minor: 0 },
        engine_min: EngineVersion { major: 0, minor: 1, patch: 0 },
        source_date: 0,
        expires: None,
        source: Source { digest, files: 1, bytes: 1 },
        compiler: Compiler { name: "hallmark".into(), version: "0.1.0".into(), digest },
        options: digest,
        image: SizedDigest::of(image),
        sections: vec![Section { kind: 1, name: "strings".into(), content: SizedDigest::of(&image[..8]) }],
        rulemap: None,
        counts: Counts { rules: 1, patterns: 1, rejected: 0 },
        prev: None,
        payload: FullPayload { content: SizedDigest::of(payload), window_log },
        patches: Vec::new(),
    }
}

fn signed(release: &ReleaseNote) -> SignedNote {
    let note = SignedNote::unsigned(release).unwrap();
    let signature = signing_key().sign(note.text().as_bytes()).to_vec();
    note.with_signature(NoteSignature { name: NAME.into(), key_id: verifier_key().id(), signature }).unwrap()
}

fn packed(image: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(image, 3).unwrap()
}

fn container() -> Vec<u8> {
    let payload = packed(&image());
    encode(&signed(&release(&image(), &payload, 20)).to_bytes(), b"", &payload).unwrap()
}

fn load(bytes: &[u8], policy: &Policy) -> Result<DecodedImage, Error> {
    open(Container::parse(bytes)?, Demand::Quorum(policy))?.decode()
}

#[test]
fn a_good_container_opens() {
    let decoded = load(&container(), &policy()).unwrap();
    assert_eq!(decoded.bytes(), image());
    assert_eq!(decoded.note().verdict().verified, ["build"]);
    assert_eq!(decoded.note().release().serial, 7);
    decoded.note().check_image(&image()).unwrap();
}

#[test]
fn cut_at_every_byte() {
    let bytes = container();
    let policy = policy();
    for cut in 0..bytes.len() {
        let error = load(&bytes[..cut], &policy).unwrap_err();
        assert!(matches!(error, Error::NotAContainer | Error::Truncated { .. }), "cut at {cut}: {error}");
    }
    let longer = [bytes.as_slice(), b"\0"].concat();
    assert_eq!(load(&longer, &policy), Err(Error::TrailingBytes { extra: 1 }));
}

#[test]
fn every_byte_flipped() {
    let good = container();
    let policy = policy();
    for at in 0..good.len() {
        for mask in [0x01, 0x20, 0x80, 0xFF] {
            let mut bytes = good.clone();
            bytes[at] ^= mask;
            let error = load(&bytes, &policy).expect_err("a changed container was accepted");
            assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn a_payload_is_compared_before_it_is_decoded() {
    let other = packed(b"another image");
    let note = signed(&release(&image(), &packed(&image()), 20)).to_bytes();
    let bytes = encode(&note, b"", &other).unwrap();
    assert!(matches!(load(&bytes, &policy()), Err(Error::PayloadLength { .. })));
    let mut same_length = packed(&image());
    same_length[0] ^= 1;
    let bytes = encode(&note, b"", &same_length).unwrap();
    assert!(matches!(load(&bytes, &policy()), Err(Error::PayloadDigest { .. })));
}

#[test]
fn signed_bombs_stay_under_the_limits() {
    let zeros = vec![0; 32 << 20];
    let bomb = packed(&zeros);
    let seal = |image: &[u8], payload: &[u8], window| {
        encode(&signed(&release(image, payload, window)).to_bytes(), b"", payload).unwrap()
    };
    let small = seal(&image(), &bomb, 27);
    assert_eq!(load(&small, &policy()), Err(Error::ImageLength { want: 16384, have: 32 << 20 }));
    let narrow = seal(&zeros, &bomb, 20);
    assert!(matches!(load(&narrow, &policy()), Err(Error::WindowTooLarge { .. })));
    let wrong = seal(&image(), &packed(&vec![1; 16384]), 20);
    assert!(matches!(load(&wrong, &policy()), Err(Error::ImageDigest { .. })));
}

#[test]
fn another_key_does_not_open_it() {
    let other = SigningKey::from_bytes(&[43; 32]);
    let key = VerifierKey::new(NAME, other.verifying_key().as_bytes()).unwrap();
    let text = format!("db example.org/core\nsigner build {key}\nquorum build\n");
    let policy = Policy::parse(text.as_bytes()).unwrap();
    assert!(matches!(load(&container(), &policy), Err(Error::QuorumNotMet { .. })));
}

#[test]
fn newer_releases_ask_for_a_newer_engine() {
    let note = signed(&release(&image(), b"x", 20)).to_bytes();
    let policy = policy();
    let note = verify_note(&note, Demand::Quorum(&policy)).unwrap();
    let engine = |minor| EngineVersion { major: 0, minor, patch: 0 };
    let format = |major, minor| FormatVersion { major, minor };
    assert_eq!(note.check_engine(engine(1), format(1, 0)), Ok(()));
    assert_eq!(note.check_engine(engine(2), format(1, 3)), Ok(()));
    assert!(matches!(note.check_engine(engine(0), format(1, 0)), Err(Error::EngineTooOld { .. })));
    assert!(matches!(note.check_engine(engine(1), format(2, 0)), Err(Error::ImageFormat { .. })));
}
