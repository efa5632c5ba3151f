//! What an auditor says of a release: an in-toto Statement with the predicate of simple verification results, in a DSSE
//! envelope once it is signed. Input: a release note. Output: `audit.json`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_container::{Digest, SignedNote, layout};
use serde::{Deserialize, Serialize};

use crate::{Error, SecretKey};

/// Type of the statement.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// Type of its predicate.
const RESULT: &str = "https://in-toto.io/attestation/svr/v0.1";
/// Type of what an envelope carries.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// The property that an audit attests.
const REBUILT: &str = "HALLMARK_REBUILT_IDENTICAL";
/// The subject that is the uncompressed image.
const IMAGE: &str = "image";

/// An attestation with the signatures under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    payload: Vec<u8>,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    keyid: String,
    sig: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: Sha256Set,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Sha256Set {
    sha256: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    verifier: Verifier,
    time_created: String,
    properties: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Verifier {
    id: String,
}

impl Attestation {
    /// States that the release of `note` was rebuilt from its sources, byte for byte, by the program `verifier` (a URI)
    /// at `time` (RFC 3339).
    pub fn rebuilt(note: &SignedNote, verifier: &str, time: &str) -> Self {
        let statement = Statement {
            kind: STATEMENT.to_owned(),
            subject: subjects(note),
            predicate_type: RESULT.to_owned(),
            predicate: Predicate {
                verifier: Verifier { id: verifier.to_owned() },
                time_created: time.to_owned(),
                properties: vec![REBUILT.to_owned()],
            },
        };
        // Texts and lists always have a JSON form.
        let mut payload = serde_json::to_vec_pretty(&statement).unwrap_or_default();
        payload.push(b'\n');
        Self { payload, signatures: Vec::new() }
    }

    /// Reads a bare statement or an envelope.
    ///
    /// # Errors
    /// What is neither.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let bad = |why| Error::Attestation { why };
        let parsed = match serde_json::from_slice::<Envelope>(bytes) {
            Ok(envelope) if envelope.payload_type != PAYLOAD_TYPE => {
                return Err(bad("the envelope does not carry an in-toto statement"));
            }
            Ok(envelope) => Self {
                payload: STANDARD
                    .decode(&envelope.payload)
                    .map_err(|_| bad("the payload of the envelope is not base64"))?,
                signatures: envelope.signatures,
            },
            Err(_) => Self { payload: bytes.to_vec(), signatures: Vec::new() },
        };
        parsed.statement()?;
        Ok(parsed)
    }

    fn statement(&self) -> Result<Statement, Error> {
        serde_json::from_slice(&self.payload).map_err(|_| Error::Attestation {
            why: "neither an in-toto statement nor an envelope around one",
        })
    }

    /// Whether this says that the release of `note` was rebuilt byte for byte.
    pub fn covers(&self, note: &SignedNote) -> bool {
        self.statement().is_ok_and(|statement| {
            statement.kind == STATEMENT
                && statement.predicate_type == RESULT
                && statement.subject == subjects(note)
                && statement.predicate.properties.iter().any(|property| property == REBUILT)
        })
    }

    /// Adds the key's signature, in place of one it made before.
    pub fn sign(&mut self, key: &SecretKey) {
        let keyid = format!("{}+{}", key.name(), key.public().id());
        let sig = STANDARD.encode(key.sign_bytes(&pre_authentication(&self.payload)));
        self.signatures.retain(|signature| signature.keyid != keyid);
        self.signatures.push(Signature { keyid, sig });
    }

    /// The bytes of `audit.json`: the statement as long as nobody has signed it, an envelope from then on.
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.signatures.is_empty() {
            return self.payload.clone();
        }
        let envelope = Envelope {
            payload: STANDARD.encode(&self.payload),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: self.signatures.clone(),
        };
        let mut bytes = serde_json::to_vec_pretty(&envelope).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// The note's text, without signatures, and the image.
fn subjects(note: &SignedNote) -> Vec<Subject> {
    let digests =
        [(layout::RELEASE_NOTE, Digest::of(note.text().as_bytes())), (IMAGE, note.release().image.digest)];
    let subject = |(name, digest): (&str, Digest)| Subject {
        name: name.to_owned(),
        digest: Sha256Set { sha256: digest.hex() },
    };
    digests.into_iter().map(subject).collect()
}

/// What DSSE signs: lengths before contents, so that nothing can be moved between them.
fn pre_authentication(payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::VerifyingKey;

    use super::*;
    use crate::release::tests::{RULEMAP, image, info, key, release};

    fn attestation() -> Attestation {
        Attestation::rebuilt(release().note(), "https://example.org/audit", "2025-11-23T00:00:00Z")
    }

    #[test]
    fn an_attestation_is_for_one_note() {
        let mut info = info();
        info.serial += 1;
        let other = crate::Release::pack(info, &image(), Some(RULEMAP), 3).unwrap();
        assert!(attestation().covers(release().note()) && !attestation().covers(other.note()));
        let mut signed = release();
        signed.sign(&key()).unwrap();
        assert!(attestation().covers(signed.note()), "signatures are not part of what was audited");
        let text = String::from_utf8(attestation().to_bytes()).unwrap();
        for (from, to) in [(REBUILT, "OTHER"), (RESULT, "https://example.org/x"), (STATEMENT, "x")] {
            let forged = Attestation::parse(text.replace(from, to).as_bytes()).unwrap();
            assert!(!forged.covers(release().note()), "{from}");
        }
    }

    #[test]
    fn signing_makes_an_envelope_that_reads_back() {
        let mut attestation = attestation();
        assert_eq!(Attestation::parse(&attestation.to_bytes()).unwrap(), attestation);
        attestation.sign(&key());
        attestation.sign(&key());
        assert_eq!(attestation.signatures.len(), 1);
        let signature = STANDARD.decode(&attestation.signatures[0].sig).unwrap();
        let public = VerifyingKey::from_bytes(key().public().public_bytes()).unwrap();
        let signature = ed25519_dalek::Signature::from_slice(&signature).unwrap();
        assert!(public.verify_strict(&pre_authentication(&attestation.payload), &signature).is_ok());
        assert!(public.verify_strict(&attestation.payload, &signature).is_err());
        assert_eq!(Attestation::parse(&attestation.to_bytes()).unwrap(), attestation);
        for bad in [
            &b""[..],
            b"{}",
            b"[]",
            b"{\"payload\":\"!\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[]}",
        ] {
            assert!(matches!(Attestation::parse(bad), Err(Error::Attestation { .. })));
        }
    }
}
