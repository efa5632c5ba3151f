//! Whether digests and signatures are right. Nothing is said about trust: a certificate that signed itself will do.

use const_oid::ObjectIdentifier;

use super::Pe;
use super::signatures::{DIRECTORY_SECURITY, Signer};
use crate::certificates::{Certificate, chain};
use crate::keys::{Kind, PublicKey};
use crate::limits::{MAX_SIGNED_BYTES, MAX_VERIFICATIONS};

/// Verifies the signatures of one file; every digest of the file is taken once.
pub(super) struct Verifier<'p, 'a> {
    /// Nothing is verified without it.
    pe: Option<&'p Pe<'a>>,
    digests: Vec<(Kind, Vec<u8>)>,
    left: usize,
}

impl<'p, 'a> Verifier<'p, 'a> {
    pub(super) fn new(pe: Option<&'p Pe<'a>>) -> Self {
        Verifier { pe, digests: Vec::new(), left: MAX_VERIFICATIONS }
    }

    /// The digest of the file, without what signing changes; `None` if the algorithm isn't known.
    pub(super) fn file_digest(&mut self, algorithm: &ObjectIdentifier) -> Option<Vec<u8>> {
        let (pe, kind) = (self.pe?, Kind::named(algorithm)?);
        if let Some((_, digest)) = self.digests.iter().find(|(known, _)| *known == kind) {
            return Some(digest.clone());
        }
        let mut pieces = Vec::new();
        // The peers take the digest of what is there of a file that is cut.
        let _ = signed_pieces(pe, &mut pieces);
        let digest = kind.of(&pieces);
        self.digests.push((kind, digest.clone()));
        Some(digest)
    }

    /// Whether the certificates from the signer's upwards signed each other, and the signer signed his attributes.
    pub(super) fn is_signed_by(&mut self, signer: &Signer<'a>, certificates: &[Certificate<'a>]) -> bool {
        self.pe.is_some() && self.check(signer, certificates).unwrap_or(false)
    }

    fn check(&mut self, signer: &Signer<'a>, certificates: &[Certificate<'a>]) -> Option<bool> {
        let chain = chain(certificates, |c| c.has_serial(signer.serial));
        for (signed, issuer) in chain.iter().zip(chain.iter().skip(1)) {
            if !self.verify(issuer.key, signed.algorithm.as_ref()?, &[signed.signed], signed.signature)? {
                return Some(false);
            }
        }
        // What is signed is a set; here it is tagged as a field.
        let head = set_head(signer.signed_bytes.len())?;
        self.verify(
            chain.first()?.key,
            &signer.digest_algorithm,
            &[&head, signer.signed_bytes],
            signer.signature,
        )
    }

    /// Whether `signature` is that of `message` with the key in a `SubjectPublicKeyInfo`.
    fn verify(
        &mut self,
        key: &[u8],
        algorithm: &ObjectIdentifier,
        message: &[&[u8]],
        signature: &[u8],
    ) -> Option<bool> {
        self.left = self.left.checked_sub(1)?;
        if message.iter().map(|part| part.len()).sum::<usize>() > MAX_SIGNED_BYTES {
            return None;
        }
        let kind = Kind::named(algorithm)?;
        let key = PublicKey::parse(key)?;
        let digest = kind.of(message);
        // Some signers leave the name of the digest out.
        Some(key.has_signed(kind, &digest, signature) || key.has_signed_bare(&digest, signature))
    }
}

/// Whether `digest` is that of `message`.
pub(super) fn is_digest_of(algorithm: &ObjectIdentifier, message: &[u8], digest: &[u8]) -> bool {
    Kind::named(algorithm).is_some_and(|kind| kind.of(&[message]) == digest)
}

/// Tag and length of a set.
fn set_head(length: usize) -> Option<Vec<u8>> {
    const SET: u8 = 0x31;
    if let Ok(short @ ..=0x7f) = u8::try_from(length) {
        return Some(vec![SET, short]);
    }
    let bytes = length.to_be_bytes();
    let significant = bytes.get(bytes.iter().position(|&b| b != 0)?..)?;
    let count = u8::try_from(significant.len()).ok()?;
    Some([&[SET, 0x80 | count], significant].concat())
}

/// The pieces of the file that a signature covers: all but the checksum, the directory's entry about the certificate
/// table, and the table. The headers come first, then the sections in the order of the file, then the rest.
fn signed_pieces<'a>(pe: &Pe<'a>, pieces: &mut Vec<&'a [u8]>) -> Option<()> {
    /// `PE\0\0`, the COFF header and the fields of the optional header before the checksum.
    const BEFORE_CHECKSUM: usize = 4 + 20 + 64;
    /// The fields from the end of the checksum to the data directory, and the entries before that of the table.
    const BEFORE_ENTRY: usize = 28 + 8 * DIRECTORY_SECURITY;
    const BEFORE_ENTRY_64: usize = 44 + 8 * DIRECTORY_SECURITY;
    let headers = &pe.headers;
    let table = headers.directory(DIRECTORY_SECURITY)?;
    pe.at_offset(table.virtual_address)?;
    let checksum = headers.dos_stub.len().checked_add(BEFORE_CHECKSUM)?;
    let after_checksum = checksum.checked_add(4)?;
    let entry =
        after_checksum.checked_add(if headers.is_64bit() { BEFORE_ENTRY_64 } else { BEFORE_ENTRY })?;
    let mut end = usize::try_from(headers.optional.size_of_headers).ok()?;
    pieces.push(pe.data.get(..checksum)?);
    pieces.push(pe.data.get(after_checksum..entry)?);
    pieces.push(pe.data.get(entry.checked_add(8)?..end)?);
    let mut sections: Vec<_> =
        headers.sections.iter().map(|s| (s.raw_data_offset, s.raw_data_size)).collect();
    sections.sort_unstable();
    for (start, size) in sections {
        let (start, size) = (usize::try_from(start).ok()?, usize::try_from(size).ok()?);
        pieces.push(pe.data.get(start..start.checked_add(size)?)?);
        end = end.checked_add(size)?;
    }
    let rest = pe.data.len().checked_sub(usize::try_from(table.size).ok()?)?;
    pieces.push(pe.data.get(end..rest)?);
    Some(())
}

#[cfg(test)]
mod tests {
    use const_oid::db::rfc5912;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn heads_of_sets_of_every_size() {
        assert_eq!(set_head(5).unwrap(), [0x31, 5]);
        assert_eq!(set_head(0x80).unwrap(), [0x31, 0x81, 0x80]);
        assert_eq!(set_head(0x1234).unwrap(), [0x31, 0x82, 0x12, 0x34]);
    }

    #[test]
    fn digests_are_compared() {
        let digest = Sha256::digest(b"abc");
        assert!(is_digest_of(&rfc5912::ID_SHA_256, b"abc", &digest));
        assert!(!is_digest_of(&rfc5912::ID_SHA_256, b"abd", &digest));
        assert!(!is_digest_of(&rfc5912::ID_SHA_1, b"abc", &digest));
        assert!(!is_digest_of(&rfc5912::RSA_ENCRYPTION, b"abc", &digest));
    }
}
