//! What stands before the archive: who signed it, and the extension's id.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::ber::{Ber, SEQUENCE};
use crate::keys::{Kind, PublicKey};
use crate::limits::{MAX_CRX_HEADER, MAX_CRX_SIGNATURES};
use crate::protobuf;
use crate::reader::Reader;
use crate::value::Node;

const MAGIC: &[u8] = b"Cr24";
/// What is signed of the third version begins with it.
const SIGNED_DATA: &[u8] = b"CRX3 SignedData\0";
/// Bytes of an id, each of which is two letters.
const ID: usize = 16;

/// Fields of `CrxFileHeader`, of `AsymmetricKeyProof`, and of `SignedData`.
const SHA256_WITH_RSA: u64 = 2;
const SHA256_WITH_ECDSA: u64 = 3;
const SIGNED_HEADER_DATA: u64 = 10_000;
const PUBLIC_KEY: u64 = 1;
const SIGNATURE: u64 = 2;
const CRX_ID: u64 = 1;

/// The header of an extension.
pub(super) struct Header<'a> {
    /// Of the format, 2 or 3.
    pub(super) version: u8,
    /// In bytes, without the lengths and the magic before.
    pub(super) size: usize,
    /// What is behind the header.
    pub(super) archive: &'a [u8],
    id: Vec<u8>,
    proofs: Vec<Proof<'a>>,
    /// What is signed before the archive.
    before: Vec<u8>,
}

/// A key and its signature.
struct Proof<'a> {
    /// Encoded as `SubjectPublicKeyInfo`, if it is right.
    key: &'a [u8],
    signature: &'a [u8],
    algorithm: Algorithm,
}

#[derive(Clone, Copy)]
enum Algorithm {
    Rsa,
    /// With P-256.
    Ecdsa,
}

impl<'a> Header<'a> {
    /// The header, if the file has one of a version that is known.
    pub(super) fn parse(data: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(data.strip_prefix(MAGIC)?);
        match reader.u32()? {
            2 => Self::second(reader),
            3 => Self::third(reader),
            _ => None,
        }
    }

    /// Two lengths, a key and its signature of the archive.
    fn second(mut reader: Reader<'a>) -> Option<Self> {
        let (key, signature) = (reader.u32()?, reader.u32()?);
        let (key, signature) = (part(&mut reader, key)?, part(&mut reader, signature)?);
        Some(Header {
            version: 2,
            size: key.len().checked_add(signature.len())?,
            archive: reader.rest(),
            id: Sha256::digest(key).get(..ID)?.to_vec(),
            proofs: vec![Proof { key, signature, algorithm: Algorithm::Rsa }],
            before: Vec::new(),
        })
    }

    /// A length and a message.
    fn third(mut reader: Reader<'a>) -> Option<Self> {
        let size = reader.u32()?;
        let header = part(&mut reader, size)?;
        let (size, header) = (header.len(), protobuf::fields(header)?);
        let of = |wanted| header.iter().filter(move |(number, _)| *number == wanted).map(|(_, bytes)| *bytes);
        let mut proofs = Vec::new();
        for (number, algorithm) in [(SHA256_WITH_RSA, Algorithm::Rsa), (SHA256_WITH_ECDSA, Algorithm::Ecdsa)]
        {
            for proof in of(number) {
                let fields = protobuf::fields(proof)?;
                if let (Some(key), Some(signature)) = (last(&fields, PUBLIC_KEY), last(&fields, SIGNATURE)) {
                    proofs.push(Proof { key, signature, algorithm });
                }
            }
        }
        let signed_data = last(&header, SIGNED_HEADER_DATA)?;
        let id = last(&protobuf::fields(signed_data)?, CRX_ID).unwrap_or_default();
        let length = u32::try_from(signed_data.len()).ok()?.to_le_bytes();
        let before = [SIGNED_DATA, &length, signed_data].concat();
        Some(Header { version: 3, size, archive: reader.rest(), id: id.to_vec(), proofs, before })
    }

    /// The id, in the sixteen letters from `a` on that Chrome writes it with.
    pub(super) fn id(&self) -> String {
        let letter = |half: u8| char::from(b'a'.saturating_add(half));
        self.id.iter().flat_map(|byte| [letter(byte >> 4), letter(byte & 15)]).collect()
    }
}

/// The next `size` bytes, if a header may have so many.
fn part<'a>(reader: &mut Reader<'a>, size: u32) -> Option<&'a [u8]> {
    reader.take(usize::try_from(size).ok().filter(|&size| size <= MAX_CRX_HEADER)?)
}

/// The last field of this number.
fn last<'a>(fields: &[(u64, &'a [u8])], wanted: u64) -> Option<&'a [u8]> {
    fields.iter().rfind(|(number, _)| *number == wanted).map(|(_, bytes)| *bytes)
}

/// The field `signatures`: each key in base64, and whether it signed the archive.
pub(super) fn signatures(data: &[u8]) -> Node<'static> {
    let Some(header) = Header::parse(data) else { return Node::Array(Vec::new()) };
    let kind = if header.version == 2 { Kind::Sha1 } else { Kind::Sha256 };
    // All of a header sign the same.
    let digest =
        if header.proofs.is_empty() { Vec::new() } else { kind.of(&[&header.before, header.archive]) };
    let node = |proof: &Proof<'_>| {
        Node::Struct(vec![
            Node::text(STANDARD.encode(proof.key)),
            Node::Bool(proof.is_right(kind, &digest).unwrap_or(false)),
        ])
    };
    Node::Array(header.proofs.iter().take(MAX_CRX_SIGNATURES).map(node).collect())
}

impl Proof<'_> {
    fn is_right(&self, kind: Kind, digest: &[u8]) -> Option<bool> {
        let key = PublicKey::parse(Ber::new(self.key).content(SEQUENCE)?)?;
        let fits = match self.algorithm {
            Algorithm::Rsa => matches!(key, PublicKey::Rsa(_)),
            Algorithm::Ecdsa => matches!(key, PublicKey::P256(_)),
        };
        Some(fits && key.has_signed(kind, digest, self.signature))
    }
}
