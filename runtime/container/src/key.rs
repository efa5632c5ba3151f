//! Verifier keys in the C2SP signed-note form `name+keyid+base64(algorithm || key)`. Ed25519 only; weak keys and
//! non-canonical encodings are refused when the key is read, and signatures are checked strictly.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};

use crate::Error;
use crate::limits::MAX_NAME;

/// Algorithm byte of Ed25519 in keys and key ids.
pub const ED25519_ALGORITHM: u8 = 0x01;

/// The four bytes that name a key in a signature line. A hint for look-up, never a proof.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A named Ed25519 public key that is neither weak nor oddly encoded.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: KeyId,
    key: VerifyingKey,
}

impl VerifierKey {
    /// Reads the text form `name+keyid+base64`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(blob)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::KeyFormat { why: "fewer than three parts" });
        };
        if !valid_key_name(name) {
            return Err(Error::KeyFormat {
                why: "the name is empty, too long or has characters outside ASCII",
            });
        }
        let blob =
            STANDARD.decode(blob).map_err(|_| Error::KeyFormat { why: "the last part is not base64" })?;
        let Some((&algorithm, key)) = blob.split_first() else {
            return Err(Error::KeyFormat { why: "the key is empty" });
        };
        if algorithm != ED25519_ALGORITHM {
            return Err(Error::KeyAlgorithm { name: name.to_owned(), algorithm });
        }
        let Ok(key) = <[u8; 32]>::try_from(key) else {
            return Err(Error::KeyFormat { why: "an Ed25519 key has 32 bytes" });
        };
        let parsed = Self::new(name, &key)?;
        if parsed.id.to_string() != id {
            return Err(Error::KeyId { name: name.to_owned() });
        }
        Ok(parsed)
    }

    /// A key from its parts. The name must satisfy [`valid_key_name`].
    pub fn new(name: &str, key: &[u8; 32]) -> Result<Self, Error> {
        if !valid_key_name(name) {
            return Err(Error::KeyFormat {
                why: "the name is empty, too long or has characters outside ASCII",
            });
        }
        let weak = || Error::WeakKey { name: name.to_owned() };
        let point = VerifyingKey::from_bytes(key).map_err(|_| weak())?;
        if point.is_weak() || !canonical_encoding(key) {
            return Err(weak());
        }
        Ok(Self { name: name.to_owned(), id: key_id(name, key), key: point })
    }

    /// Name as it appears in signature lines.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Key id as it appears in signature lines.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The 32 bytes of the public key.
    pub fn public_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether `signature` (64 bytes) is this key's over `message`. Strict: no small-order points, canonical scalars.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        self.key.verify_strict(message, &signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blob = [&[ED25519_ALGORITHM], self.public_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(blob))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Key id after C2SP signed-note: first four bytes of SHA-256 over name, newline, algorithm and key.
pub fn key_id(name: &str, key: &[u8; 32]) -> KeyId {
    let mut hash = Sha256::new();
    hash.update(name.as_bytes());
    hash.update([b'\n', ED25519_ALGORITHM]);
    hash.update(key);
    let digest: [u8; 32] = hash.finalize().into();
    let [a, b, c, d, ..] = digest;
    KeyId([a, b, c, d])
}

/// Whether `name` can name a key: printable ASCII without space and `+`, at most [`MAX_NAME`] bytes.
pub fn valid_key_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(|b| b.is_ascii_graphic() && b != b'+')
}

/// Whether the y coordinate is below the field prime 2^255 - 19, so that the point has no second spelling.
fn canonical_encoding(key: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = key;
    high & 0x7F != 0x7F || *low < 0xED || middle.iter().any(|&byte| byte != 0xFF)
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    /// The example key of the Go note package, whose id and form are fixed there.
    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn reads_a_key_made_elsewhere() {
        let key = VerifierKey::parse(PETER).unwrap();
        assert_eq!(key.name(), "PeterNeumann");
        assert_eq!(key.id().to_string(), "c74f20a3");
        assert_eq!(key.to_string(), PETER);
    }

    #[test]
    fn verifies_a_signature_made_elsewhere() {
        let key = VerifierKey::parse(PETER).unwrap();
        let text = "If you think cryptography is the answer to your problem,\n\
            then you don't know what your problem is.\n";
        let line =
            "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
        let blob = STANDARD.decode(line).unwrap();
        assert_eq!(blob[..4], key.id().0);
        assert!(key.verify(text.as_bytes(), &blob[4..]));
        assert!(!key.verify(b"another text", &blob[4..]));
        assert!(!key.verify(text.as_bytes(), &blob[5..]));
    }

    #[test]
    fn refuses_damaged_keys() {
        let refuse = |text: &str| VerifierKey::parse(text).unwrap_err();
        assert!(matches!(refuse("PeterNeumann"), Error::KeyFormat { .. }));
        assert!(matches!(refuse("+c74f20a3+ARpc2Q=="), Error::KeyFormat { .. }));
        assert!(matches!(refuse("Peter+c74f20a3+A"), Error::KeyFormat { .. }));
        assert!(matches!(refuse("Peter+c74f20a3+ARpc"), Error::KeyFormat { .. }));
        assert!(matches!(refuse(&PETER.replace("c74f20a3", "C74F20A3")), Error::KeyId { .. }));
        assert!(matches!(refuse(&PETER.replace("Peter", "Petra")), Error::KeyId { .. }));
        assert!(matches!(refuse(&PETER.replace("+AR", "+BB")), Error::KeyAlgorithm { algorithm: 4, .. }));
    }

    #[test]
    fn refuses_small_order_and_oddly_encoded_points() {
        // The eight points of small order and two of their non-canonical spellings, from the published lists.
        let weak = [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        ];
        for hex in weak {
            let digest = crate::Digest::parse(&format!("sha256:{hex}")).unwrap();
            assert_eq!(
                VerifierKey::new("x", digest.as_bytes()),
                Err(Error::WeakKey { name: "x".into() }),
                "{hex}"
            );
        }
        // y = p + 4 is on the curve but has the second spelling y = 4.
        let mut odd = [0xFF; 32];
        (odd[0], odd[31]) = (0xED + 4, 0x7F);
        assert_eq!(VerifierKey::new("x", &odd), Err(Error::WeakKey { name: "x".into() }));
    }

    #[test]
    fn a_fresh_key_round_trips() {
        let signing = SigningKey::from_bytes(&[7; 32]);
        let key = VerifierKey::new("example.org/build", signing.verifying_key().as_bytes()).unwrap();
        assert_eq!(VerifierKey::parse(&key.to_string()).unwrap(), key);
        assert!(key.verify(b"m", &signing.sign(b"m").to_bytes()));
    }
}
