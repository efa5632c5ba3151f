//! Releases that are signed for tests.

#![allow(dead_code, reason = "each test uses its own part")]

use ed25519_dalek::{Signer as _, SigningKey};
use hallmark_container::{
    Compiler, Counts, Digest, EngineVersion, FormatVersion, FullPayload, NoteSignature, Policy, ReleaseNote,
    SignedNote, SizedDigest, Source, VerifierKey, encode,
};
use hallmark_image::header;

pub const DB: &str = "example.org/core";

/// Named signers, seeds and public keys.
pub fn signer(name: &str) -> (SigningKey, VerifierKey) {
    let signing = SigningKey::from_bytes(Digest::of(name.as_bytes()).as_bytes());
    let public = VerifierKey::new(name, signing.verifying_key().as_bytes()).unwrap();
    (signing, public)
}

pub fn policy_for(db: &str) -> Policy {
    let keys = ["build", "audit"].map(|name| format!("signer {name} {}\n", signer(name).1)).concat();
    Policy::parse(format!("db {db}\n{keys}group all all build audit\nquorum all\n").as_bytes()).unwrap()
}

pub fn policy() -> Policy {
    policy_for(DB)
}

/// Bytes that start as an image does; what follows is the test's own.
pub fn image(text: &str) -> Vec<u8> {
    let mut image = header::MAGIC.to_vec();
    image.extend_from_slice(text.repeat(500).as_bytes());
    image
}

pub struct Built {
    pub note: SignedNote,
    pub payload: Vec<u8>,
}

impl Built {
    pub fn bytes(&self) -> Vec<u8> {
        encode(&self.note.to_bytes(), b"", &self.payload).unwrap()
    }
}

pub fn build_with(serial: u64, text: &str, signers: &[&str], edit: impl FnOnce(&mut ReleaseNote)) -> Built {
    let image = image(text);
    let payload = zstd::bulk::compress(&image, 3).unwrap();
    let digest = Digest::of(b"");
    let mut release = ReleaseNote {
        image: SizedDigest::of(&image),
        payload: FullPayload { content: SizedDigest::of(&payload), window_log: 27 },
        image_format: FormatVersion { major: header::FORMAT_MAJOR, minor: header::FORMAT_MINOR },
        db: DB.into(),
        serial,
        counts: Counts { rules: 1, patterns: 1, rejected: 0 },
        source: Source { digest, files: 1, bytes: 1 },
        options: digest,
        compiler: Compiler { name: "hallmark".into(), version: "0.1.0".into(), digest },
        engine_min: EngineVersion { major: 0, minor: 1, patch: 0 },
        source_date: 0,
        expires: None,
        sections: Vec::new(),
        rulemap: None,
        prev: None,
        patches: Vec::new(),
    };
    edit(&mut release);
    let mut note = SignedNote::unsigned(&release).unwrap();
    for name in signers {
        let (signing, public) = signer(name);
        let signature = signing.sign(note.text().as_bytes()).to_vec();
        let line = NoteSignature { name: (*name).into(), key_id: public.id(), signature };
        note = note.with_signature(line).unwrap();
    }
    Built { note, payload }
}

pub fn build(serial: u64, text: &str) -> Built {
    build_with(serial, text, &["build", "audit"], |_| ())
}
