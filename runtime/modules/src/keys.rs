//! Digests, public keys, and whether a key signed a digest. Nothing is said about whose key it is.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use md5::Md5;
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::Pkcs1v15Sign;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::SignatureScheme;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::ber::{BIT_STRING, Ber, OID, SEQUENCE};
use crate::certificates::OBSOLETE_SHA1_WITH_RSA;
use crate::limits::MAX_RSA_BYTES;

/// The part of `DigestInfo` (RFC 8017) before the digest, and the digests' names, alone or with a signature algorithm.
const KINDS: &[(Kind, &[u8], &[ObjectIdentifier])] = &[
    (
        Kind::Md5,
        b"\x30\x20\x30\x0c\x06\x08\x2a\x86\x48\x86\xf7\x0d\x02\x05\x05\x00\x04\x10",
        &[rfc5912::ID_MD_5, rfc5912::MD_5_WITH_RSA_ENCRYPTION],
    ),
    (
        Kind::Sha1,
        b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
        &[rfc5912::ID_SHA_1, rfc5912::SHA_1_WITH_RSA_ENCRYPTION, OBSOLETE_SHA1_WITH_RSA],
    ),
    (
        Kind::Sha256,
        b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
        &[rfc5912::ID_SHA_256, rfc5912::SHA_256_WITH_RSA_ENCRYPTION, rfc5912::ECDSA_WITH_SHA_256],
    ),
    (
        Kind::Sha384,
        b"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
        &[rfc5912::ID_SHA_384, rfc5912::SHA_384_WITH_RSA_ENCRYPTION, rfc5912::ECDSA_WITH_SHA_384],
    ),
    (
        Kind::Sha512,
        b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
        &[rfc5912::ID_SHA_512, rfc5912::SHA_512_WITH_RSA_ENCRYPTION, rfc5912::ECDSA_WITH_SHA_512],
    ),
];

/// A digest that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Kind {
    /// The one that an algorithm's name stands for.
    pub(crate) fn named(name: &ObjectIdentifier) -> Option<Self> {
        KINDS.iter().find(|(_, _, names)| names.contains(name)).map(|(kind, ..)| *kind)
    }

    fn prefix(self) -> &'static [u8] {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or(&[], |(_, prefix, _)| prefix)
    }

    /// The digest of the pieces, one behind the other.
    pub(crate) fn of(self, pieces: &[&[u8]]) -> Vec<u8> {
        fn digest<D: Digest>(pieces: &[&[u8]]) -> Vec<u8> {
            let mut digest = D::new();
            pieces.iter().for_each(|piece| digest.update(piece));
            digest.finalize().to_vec()
        }
        match self {
            Kind::Md5 => digest::<Md5>(pieces),
            Kind::Sha1 => digest::<Sha1>(pieces),
            Kind::Sha256 => digest::<Sha256>(pieces),
            Kind::Sha384 => digest::<Sha384>(pieces),
            Kind::Sha512 => digest::<Sha512>(pieces),
        }
    }
}

/// A key of an algorithm that is known.
pub(crate) enum PublicKey {
    /// Signatures of PKCS #1 1.5.
    Rsa(rsa::PublicKey),
    /// ECDSA.
    P256(p256::ecdsa::VerifyingKey),
    /// ECDSA.
    P384(p384::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// The key in the elements of a `SubjectPublicKeyInfo`.
    pub(crate) fn parse(elements: &[u8]) -> Option<Self> {
        let mut info = Ber::new(elements);
        let mut parameters = info.open(SEQUENCE)?;
        let algorithm = parameters.oid()?;
        let [0, key @ ..] = info.content(BIT_STRING)? else { return None };
        match algorithm {
            rfc5912::RSA_ENCRYPTION if key.len() <= MAX_RSA_BYTES.saturating_mul(2) => {
                rsa::PublicKey::from_pkcs1_der(key).ok().map(PublicKey::Rsa)
            }
            rfc5912::ID_EC_PUBLIC_KEY => match ObjectIdentifier::from_bytes(parameters.content(OID)?).ok()? {
                rfc5912::SECP_256_R_1 => {
                    p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok().map(PublicKey::P256)
                }
                rfc5912::SECP_384_R_1 => {
                    p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok().map(PublicKey::P384)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether `signature` is that of this digest.
    pub(crate) fn has_signed(&self, kind: Kind, digest: &[u8], signature: &[u8]) -> bool {
        match self {
            PublicKey::Rsa(_) => self.has_signed_bare(&[kind.prefix(), digest].concat(), signature),
            PublicKey::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            PublicKey::P384(key) => p384::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
        }
    }

    /// Whether `signature` is an RSA signature of just these bytes, without the name of a digest.
    pub(crate) fn has_signed_bare(&self, bytes: &[u8], signature: &[u8]) -> bool {
        let PublicKey::Rsa(key) = self else { return false };
        signature.len() <= MAX_RSA_BYTES
            && Pkcs1v15Sign::new_unprefixed().verify(key, bytes, signature).is_ok()
    }
}
