//! Signed notes after C2SP signed-note: the release text, an empty line, then one line per signature,
//! `— name base64(keyid || signature)`. A note without signatures is the bare text, which is also what a log stores.
//! Parsing refuses every spelling but the one [`SignedNote::to_bytes`] writes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::limits::{MAX_SIGNATURE, MAX_SIGNATURES, MAX_SIGNED_NOTE};
use crate::{Error, KeyId, ReleaseNote, valid_key_name};

/// Starts a signature line: an em dash and a space.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// A release note with the signatures found under it. Parsed, not judged: see [`crate::Policy`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    release: ReleaseNote,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Key name the line claims.
    pub name: String,
    /// Key id the line claims.
    pub key_id: KeyId,
    /// The signature after the key id; 64 bytes for Ed25519.
    pub signature: Vec<u8>,
}

impl SignedNote {
    /// Reads a note with or without signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > MAX_SIGNED_NOTE {
            return Err(too_long(bytes.len()));
        }
        let note = match std::str::from_utf8(bytes) {
            Ok(note) => note,
            Err(error) => return Err(Error::NoteNotAscii { at: error.valid_up_to() }),
        };
        let (text, signatures) =
            match note.find("\n\n").and_then(|at| note.split_at_checked(at.checked_add(1)?)) {
                Some((text, block)) => (text, parse_signatures(block)?),
                None => (note, Vec::new()),
            };
        let parsed = Self { text: text.to_owned(), release: ReleaseNote::parse_text(text)?, signatures };
        if parsed.to_bytes() != bytes {
            return Err(Error::NoteNotCanonical);
        }
        Ok(parsed)
    }

    /// A note nobody has signed yet. Refuses a release whose text would not parse back.
    pub fn unsigned(release: &ReleaseNote) -> Result<Self, Error> {
        let note = Self::parse(release.to_text().as_bytes())?;
        if note.release != *release {
            return Err(Error::NoteNotCanonical);
        }
        Ok(note)
    }

    /// The same note with one more signature line, unless it already has that very line.
    pub fn with_signature(mut self, signature: NoteSignature) -> Result<Self, Error> {
        if !self.signatures.contains(&signature) {
            self.signatures.push(signature);
        }
        Self::parse(&self.to_bytes())
    }

    /// The canonical bytes: text, and if there are signatures an empty line and theirs.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.text.clone();
        if !self.signatures.is_empty() {
            out.push('\n');
        }
        for NoteSignature { name, key_id, signature } in &self.signatures {
            let blob = STANDARD.encode([key_id.0.as_slice(), signature].concat());
            for part in [SIGNATURE_PREFIX, name, " ", &blob, "\n"] {
                out.push_str(part);
            }
        }
        out.into_bytes()
    }

    /// The text the signatures cover.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What the text says.
    pub fn release(&self) -> &ReleaseNote {
        &self.release
    }

    /// The signature lines, in order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

/// `block` starts with the newline of the empty line.
fn parse_signatures(block: &str) -> Result<Vec<NoteSignature>, Error> {
    let lines = block.get(1..).unwrap_or_default();
    let mut signatures = Vec::new();
    for (at, line) in lines.split_terminator('\n').enumerate() {
        if at >= MAX_SIGNATURES {
            return Err(Error::Limit {
                what: "signature lines",
                value: at.saturating_add(1) as u64,
                max: MAX_SIGNATURES as u64,
            });
        }
        let signature =
            parse_signature(line).map_err(|why| Error::SignatureLine { line: at.saturating_add(1), why })?;
        signatures.push(signature);
    }
    Ok(signatures)
}

fn parse_signature(line: &str) -> Result<NoteSignature, &'static str> {
    let line = line.strip_prefix(SIGNATURE_PREFIX).ok_or("does not start with an em dash and a space")?;
    let (name, blob) = line.split_once(' ').ok_or("has no key name")?;
    if !valid_key_name(name) {
        return Err("the key name is empty, too long or has characters that names cannot have");
    }
    let blob = STANDARD.decode(blob).map_err(|_| "the signature is not base64")?;
    let (id, signature) = blob.split_first_chunk::<4>().ok_or("the signature is too short")?;
    if signature.is_empty() || blob.len() > MAX_SIGNATURE {
        return Err("the signature is empty or too long");
    }
    Ok(NoteSignature { name: name.to_owned(), key_id: KeyId(*id), signature: signature.to_vec() })
}

fn too_long(len: usize) -> Error {
    Error::Limit { what: "signed release note", value: len as u64, max: MAX_SIGNED_NOTE as u64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::release::tests::sample;

    fn signature(name: &str, fill: u8) -> NoteSignature {
        NoteSignature { name: name.into(), key_id: KeyId([fill; 4]), signature: vec![fill; 64] }
    }

    fn signed() -> SignedNote {
        let note = SignedNote::unsigned(&sample()).unwrap();
        note.with_signature(signature("example.org/build", 1)).unwrap()
    }

    #[test]
    fn an_unsigned_note_is_its_text() {
        let note = SignedNote::unsigned(&sample()).unwrap();
        assert_eq!(note.to_bytes(), note.text().as_bytes());
        assert_eq!(SignedNote::parse(&note.to_bytes()).unwrap(), note);
        assert_eq!(note.release(), &sample());
    }

    #[test]
    fn signatures_round_trip_and_repeat_once() {
        let note = signed().with_signature(signature("auditor.example/rebuild", 2)).unwrap();
        assert_eq!(SignedNote::parse(&note.to_bytes()).unwrap(), note);
        assert_eq!(note.signatures().len(), 2);
        assert_eq!(note.clone().with_signature(signature("example.org/build", 1)).unwrap(), note);
        let text = String::from_utf8(note.to_bytes()).unwrap();
        assert!(text.contains("\n\n\u{2014} example.org/build AQEBAQEB"));
    }

    #[test]
    fn other_spellings_are_refused() {
        let good = String::from_utf8(signed().to_bytes()).unwrap();
        let refuse = |text: String| SignedNote::parse(text.as_bytes()).unwrap_err();
        assert!(matches!(refuse(good.replace('\u{2014}', "-")), Error::SignatureLine { line: 1, .. }));
        assert!(matches!(refuse(good.replace("\u{2014} ", "\u{2014}")), Error::SignatureLine { .. }));
        assert!(matches!(refuse(good.replace("build AQ", "bu+ld AQ")), Error::SignatureLine { .. }));
        assert!(matches!(refuse(good.replace("AQE=", "AQF=")), Error::SignatureLine { .. }));
        assert!(matches!(refuse(good.replace("AQE=", "AQE")), Error::SignatureLine { .. }));
        assert!(matches!(refuse(format!("{good}\n")), Error::SignatureLine { line: 2, .. }));
        assert_eq!(refuse(good.trim_end().to_owned()), Error::NoteNotCanonical);
        assert_eq!(refuse(format!("{}\n", signed().text())), Error::NoteNotCanonical);
        assert!(matches!(refuse(good.replace("\n\n", "\n")), Error::NoteNotAscii { .. }));
        let line = good.lines().last().unwrap().to_owned();
        let crowd: String = (0..MAX_SIGNATURES).map(|_| format!("{line}\n")).collect();
        assert!(matches!(refuse(format!("{good}{crowd}")), Error::Limit { what: "signature lines", .. }));
    }

    #[test]
    fn a_release_that_cannot_be_read_back_is_not_written() {
        let mut release = sample();
        release.db = "two words".into();
        assert!(SignedNote::unsigned(&release).is_err());
        release = sample();
        release.sections.reverse();
        assert!(SignedNote::unsigned(&release).is_err());
    }

    proptest! {
        #[test]
        fn an_accepted_note_is_the_canonical_one(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = signed().to_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(note) = SignedNote::parse(&bytes) {
                prop_assert_eq!(note.to_bytes(), bytes);
            }
        }
    }
}
