//! Authenticode signatures: PKCS#7 in the certificate table. What they say is read; whether they are
//! right is seen in `verify`.
//!
//! A signature that is not of the expected form ends the list, as in the peers; one within another is left out.

use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5911, rfc5912};

use super::Pe;
use super::verify::{Verifier, is_digest_of};
use crate::ber::{Ber, Element, INTEGER, OCTET_STRING, SEQUENCE, SET, context, context_value, is_tag};
use crate::certificates::{self, Certificate, OBSOLETE_SHA1_WITH_RSA};
use crate::limits::{
    MAX_CERTIFICATES, MAX_COUNTERSIGNATURES, MAX_SIGNATURE_BYTES, MAX_SIGNATURE_DEPTH, MAX_SIGNATURES,
    MAX_SIGNED_BYTES,
};
use crate::reader::Reader;

pub(super) const DIRECTORY_SECURITY: usize = 4;

const SPC_INDIRECT_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.4");
const SPC_OPUS_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.12");
const SPC_NESTED_SIGNATURE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.4.1");
/// A countersignature that is a time stamp of RFC 3161.
const SPC_TIME_STAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.3.3.1");

/// What a signer may hash with, alone or with the name of his signature algorithm.
const DIGESTS: &[ObjectIdentifier] = &[
    rfc5912::ID_MD_2,
    rfc5912::MD_2_WITH_RSA_ENCRYPTION,
    rfc5912::ID_MD_5,
    rfc5912::MD_5_WITH_RSA_ENCRYPTION,
    rfc5912::ID_SHA_1,
    rfc5912::SHA_1_WITH_RSA_ENCRYPTION,
    OBSOLETE_SHA1_WITH_RSA,
    rfc5912::ID_SHA_256,
    rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
    rfc5912::ID_SHA_384,
    rfc5912::SHA_384_WITH_RSA_ENCRYPTION,
    rfc5912::ID_SHA_512,
    rfc5912::SHA_512_WITH_RSA_ENCRYPTION,
];

/// A signature.
pub(super) struct Signature<'a> {
    /// Whether the file is what was signed, and signed by who is said to have.
    pub(super) is_verified: bool,
    /// Of the file, as it is.
    pub(super) file_digest: Option<Vec<u8>>,
    /// Of the file, as signed.
    pub(super) digest: &'a [u8],
    pub(super) digest_algorithm: ObjectIdentifier,
    /// Of what is signed: the file's digest and more.
    pub(super) signer_digest: &'a [u8],
    pub(super) signer_digest_algorithm: ObjectIdentifier,
    pub(super) program_name: Option<String>,
    pub(super) more_info: Option<String>,
    /// Those of countersignatures included.
    pub(super) certificates: Vec<Certificate<'a>>,
    pub(super) countersignatures: Vec<Countersignature<'a>>,
    issuer: &'a [u8],
}

/// A countersignature, which tells the time of the signature.
pub(super) struct Countersignature<'a> {
    /// Whether it is of this signature, and signed by who is said to have.
    pub(super) is_verified: bool,
    pub(super) digest: &'a [u8],
    pub(super) digest_algorithm: ObjectIdentifier,
    /// In seconds since the Unix epoch.
    pub(super) sign_time: Option<i64>,
    serial: &'a [u8],
}

/// `SignedData` of PKCS#7.
struct SignedData<'a> {
    version: i32,
    digest_algorithms: usize,
    content_type: ObjectIdentifier,
    content: Element<'a>,
    certificates: Vec<Certificate<'a>>,
    signers: Vec<Signer<'a>>,
}

/// `SignerInfo` of PKCS#7.
pub(super) struct Signer<'a> {
    issuer: &'a [u8],
    pub(super) serial: &'a [u8],
    pub(super) digest_algorithm: ObjectIdentifier,
    signed: Vec<Attribute<'a>>,
    /// `signed` as it stands, without its head.
    pub(super) signed_bytes: &'a [u8],
    pub(super) signature: &'a [u8],
    unsigned: Vec<Attribute<'a>>,
}

struct Attribute<'a> {
    kind: ObjectIdentifier,
    values: Vec<Element<'a>>,
}

impl<'a> Signature<'a> {
    /// From the signer's certificate upwards.
    pub(super) fn chain(&self) -> Vec<&Certificate<'a>> {
        certificates::chain(&self.certificates, |c| c.is_issued_by(self.issuer))
    }

    /// From the certificate of `countersignature`'s signer upwards.
    pub(super) fn chain_of(&self, countersignature: &Countersignature<'a>) -> Vec<&Certificate<'a>> {
        certificates::chain(&self.certificates, |c| c.has_serial(countersignature.serial))
    }
}

/// The signatures of the file, each followed by those nested in it. Verifying them takes digests of the whole file.
pub(super) fn signatures<'a>(pe: &Pe<'a>, verify: bool) -> Vec<Signature<'a>> {
    let mut signatures = Vec::new();
    let mut verifier = Verifier::new(verify.then_some(pe));
    let mut table = Reader::new(table(pe).unwrap_or_default());
    while signatures.len() < MAX_SIGNATURES {
        let Some(found) = entry(&mut table, &mut verifier) else { break };
        signatures.extend(found);
    }
    signatures.truncate(MAX_SIGNATURES);
    signatures
}

/// The certificate table; unlike other directories its address is one in the file.
fn table<'a>(pe: &Pe<'a>) -> Option<&'a [u8]> {
    let directory = pe.headers.directory(DIRECTORY_SECURITY)?;
    let table = pe.at_offset(directory.virtual_address)?;
    let size = usize::try_from(directory.size).ok()?;
    Some(table.get(..size).unwrap_or(table))
}

/// The next entry: its length, that of the length included, a revision, a type, and the signature; 8-byte aligned.
fn entry<'a>(table: &mut Reader<'a>, verifier: &mut Verifier<'_, 'a>) -> Option<Vec<Signature<'a>>> {
    let length = usize::try_from(table.clone().u32()?).ok()?;
    let padded = table.take(length.checked_next_multiple_of(8)?)?;
    content_info(&mut Ber::new(padded.get(8..length)?), verifier, MAX_SIGNATURE_DEPTH)
}

/// The signature in a `ContentInfo`, and those nested in it.
fn content_info<'a>(
    ber: &mut Ber<'a>,
    verifier: &mut Verifier<'_, 'a>,
    depth: u32,
) -> Option<Vec<Signature<'a>>> {
    let content = ber.next().filter(|e| is_tag(e.tag, SEQUENCE) && e.whole.len() <= MAX_SIGNATURE_BYTES)?;
    let data = SignedData::in_content_info(Ber::new(content.content))?;
    let [signer] = data.signers.as_slice() else { return None };
    if data.version != 1 || data.digest_algorithms != 1 || data.content_type != SPC_INDIRECT_DATA {
        return None;
    }
    let signer_digest = signer.signed_value(&rfc5911::ID_MESSAGE_DIGEST)?.content;
    signer.signed_value(&rfc5911::ID_CONTENT_TYPE)?;
    let (digest_algorithm, digest) = file_digest(data.content)?;
    let opus = signer.signed_value(&SPC_OPUS_INFO).and_then(|value| opus_info(value.content));
    let (program_name, more_info) = opus.unwrap_or_default();
    let mut signature = Signature {
        is_verified: false,
        file_digest: None,
        digest,
        digest_algorithm,
        signer_digest,
        signer_digest_algorithm: signer.digest_algorithm,
        program_name,
        more_info,
        certificates: data.certificates,
        countersignatures: Vec::new(),
        issuer: signer.issuer,
    };
    let mut nested = Vec::new();
    for Attribute { kind, values } in &signer.unsigned {
        for value in values {
            match *kind {
                SPC_NESTED_SIGNATURE if nested.len() < MAX_SIGNATURES => {
                    let below = depth
                        .checked_sub(1)
                        .and_then(|depth| content_info(&mut Ber::new(value.whole), verifier, depth));
                    nested.extend(below.unwrap_or_default());
                }
                _ if signature.countersignatures.len() >= MAX_COUNTERSIGNATURES => {}
                SPC_TIME_STAMP => signature.add_time_stamp(value, signer, verifier)?,
                rfc5911::ID_COUNTERSIGNATURE => signature.add_countersignature(value, signer, verifier)?,
                _ => {}
            }
        }
    }
    if !DIGESTS.contains(&signer.digest_algorithm) {
        return None;
    }
    signature.file_digest = verifier.file_digest(&signer.digest_algorithm);
    signature.is_verified = signature.file_digest.as_deref() == Some(digest)
        && is_digest_of(&signer.digest_algorithm, data.content.content, signer_digest)
        && verifier.is_signed_by(signer, &signature.certificates);
    nested.insert(0, signature);
    Some(nested)
}

impl<'a> Signature<'a> {
    /// Adds a countersignature of PKCS#9. `None`, and no signature, if it has no digest.
    fn add_countersignature(
        &mut self,
        value: &Element<'a>,
        signed: &Signer<'a>,
        verifier: &mut Verifier<'_, 'a>,
    ) -> Option<()> {
        if let Some(signer) = Signer::parse(&mut Ber::new(value.whole)) {
            let mut countersignature = signer.countersignature()?;
            countersignature.is_verified = signed
                .is_stamped(&signer.digest_algorithm, countersignature.digest)
                && verifier.is_signed_by(&signer, &self.certificates);
            self.countersignatures.push(countersignature);
        }
        Some(())
    }

    /// Adds a countersignature of RFC 3161. `None`, and no signature, if it has no digest.
    fn add_time_stamp(
        &mut self,
        value: &Element<'a>,
        signed: &Signer<'a>,
        verifier: &mut Verifier<'_, 'a>,
    ) -> Option<()> {
        let data = Ber::new(value.whole).open(SEQUENCE).and_then(SignedData::in_content_info);
        let Some(data) = data else { return Some(()) };
        self.certificates.extend(data.certificates);
        self.certificates.truncate(MAX_CERTIFICATES);
        let Some(signer) = data.signers.first() else { return Some(()) };
        let countersignature = signer.countersignature()?;
        if let Some((digest_algorithm, digest)) = stamped_digest(data.content) {
            let is_verified = signed.is_stamped(&digest_algorithm, digest)
                && is_digest_of(&signer.digest_algorithm, data.content.content, countersignature.digest)
                && verifier.is_signed_by(signer, &self.certificates);
            let stamped = Countersignature { is_verified, digest, digest_algorithm, ..countersignature };
            self.countersignatures.push(stamped);
        }
        Some(())
    }
}

impl<'a> SignedData<'a> {
    /// From the elements of a `ContentInfo`.
    fn in_content_info(mut info: Ber<'a>) -> Option<Self> {
        if info.oid()? != rfc5911::ID_SIGNED_DATA {
            return None;
        }
        let mut fields = info.open(context(0))?.open(SEQUENCE)?;
        let version = fields.small_integer()?;
        let digest_algorithms = all(fields.open(SET)?, |algorithm| algorithm.open(SEQUENCE))?.len();
        let mut inner = fields.open(SEQUENCE)?;
        let (content_type, content) = (inner.oid()?, inner.open(context(0))?.next()?);
        let mut certificates = fields.open(context(0)).unwrap_or_else(|| Ber::new(&[]));
        let certificates =
            std::iter::from_fn(|| Certificate::parse(&mut certificates)).take(MAX_CERTIFICATES).collect();
        // Revocation lists.
        fields.content(context(1));
        let signers = all(fields.open(SET)?, Signer::parse)?;
        Some(SignedData { version, digest_algorithms, content_type, content, certificates, signers })
    }
}

impl<'a> Signer<'a> {
    fn parse(ber: &mut Ber<'a>) -> Option<Self> {
        let mut fields = ber.open(SEQUENCE)?;
        fields.small_integer()?;
        let mut certificate = fields.open(SEQUENCE)?;
        let (issuer, serial) = (certificate.content(SEQUENCE)?, certificate.content(INTEGER)?);
        let digest_algorithm = fields.algorithm()?;
        let signed_bytes = fields.clone().content(context(0)).unwrap_or_default();
        let signed = Attribute::list(&mut fields, context(0))?;
        fields.algorithm()?;
        let signature = fields.content(OCTET_STRING)?;
        let unsigned = Attribute::list(&mut fields, context(1))?;
        Some(Signer { issuer, serial, digest_algorithm, signed, signed_bytes, signature, unsigned })
    }

    fn signed_value(&self, kind: &ObjectIdentifier) -> Option<&Element<'a>> {
        self.signed.iter().find(|a| a.kind == *kind)?.values.first()
    }

    /// Whether this is a digest of his signature.
    fn is_stamped(&self, algorithm: &ObjectIdentifier, digest: &[u8]) -> bool {
        self.signature.len() <= MAX_SIGNED_BYTES && is_digest_of(algorithm, self.signature, digest)
    }

    /// This signer's part of a countersignature; `None` if it has no digest.
    fn countersignature(&self) -> Option<Countersignature<'a>> {
        let time = self.signed_value(&rfc5911::ID_SIGNING_TIME);
        Some(Countersignature {
            is_verified: false,
            digest: self.signed_value(&rfc5911::ID_MESSAGE_DIGEST)?.content,
            digest_algorithm: self.digest_algorithm,
            sign_time: time.and_then(|value| certificates::time(&mut Ber::new(value.whole))),
            serial: self.serial,
        })
    }
}

impl<'a> Attribute<'a> {
    /// The attributes in the next element if its tag is `tag`, up to one that is cut; none otherwise. `None` if one is
    /// something else.
    fn list(fields: &mut Ber<'a>, tag: u8) -> Option<Vec<Self>> {
        let mut list = Vec::new();
        let mut attributes = fields.open(tag).unwrap_or_else(|| Ber::new(&[]));
        loop {
            // Whole elements, one in the other.
            let mut inside = attributes;
            let Some(whole) = inside.next() else { return Some(list) };
            let mut parts = Ber::new(whole.content);
            if parts.next().and_then(|_| parts.next()).is_none() && is_tag(whole.tag, SEQUENCE) {
                return Some(list);
            }
            list.push(Self::parse(&mut attributes)?);
        }
    }

    fn parse(ber: &mut Ber<'a>) -> Option<Self> {
        let mut fields = ber.open(SEQUENCE)?;
        Some(Attribute { kind: fields.oid()?, values: all(fields.open(SET)?, Ber::next)? })
    }
}

/// Algorithm and digest of the file in a `SpcIndirectDataContent`.
fn file_digest(content: Element<'_>) -> Option<(ObjectIdentifier, &[u8])> {
    if !is_tag(content.tag, SEQUENCE) {
        return None;
    }
    let mut fields = Ber::new(content.content);
    fields.next()?;
    let mut digest = fields.open(SEQUENCE)?;
    Some((digest.algorithm()?, digest.content(OCTET_STRING)?))
}

/// Algorithm and digest of the signature in a `TSTInfo`, which is encoded in an octet string.
fn stamped_digest(content: Element<'_>) -> Option<(ObjectIdentifier, &[u8])> {
    let mut fields = Ber::new(content.content).open(SEQUENCE)?;
    fields.content(INTEGER)?;
    fields.next()?;
    let mut imprint = fields.open(SEQUENCE)?;
    Some((imprint.algorithm()?, imprint.next()?.content))
}

/// Program name and link in a `SpcSpOpusInfo`.
fn opus_info(content: &[u8]) -> Option<(Option<String>, Option<String>)> {
    let mut fields = Ber::new(content);
    let name = match fields.open(context(0)) {
        Some(mut name) => Some(match name.content(context_value(0)) {
            Some(utf16) => utf16_be(utf16)?,
            None => ascii(name.content(context_value(1))?)?,
        }),
        None => None,
    };
    let link = fields.open(context(1)).and_then(|mut link| ascii(link.content(context_value(0))?));
    Some((name, link))
}

fn ascii(bytes: &[u8]) -> Option<String> {
    bytes.is_ascii().then(|| String::from_utf8_lossy(bytes).into_owned())
}

fn utf16_be(bytes: &[u8]) -> Option<String> {
    let (pairs, odd) = (bytes.chunks_exact(2), bytes.len() % 2);
    let units = pairs.filter_map(|pair| pair.try_into().ok().map(u16::from_be_bytes));
    if odd != 0 { None } else { char::decode_utf16(units).collect::<Result<_, _>>().ok() }
}

/// Everything in `ber`; `None` if something doesn't parse.
fn all<'a, T>(mut ber: Ber<'a>, parse: impl Fn(&mut Ber<'a>) -> Option<T>) -> Option<Vec<T>> {
    let mut list = Vec::new();
    while !ber.is_empty() {
        list.push(parse(&mut ber)?);
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_names_of_both_kinds() {
        let unicode = [0xa0, 6, 0x80, 4, 0, b'A', 0, b'B', 0xa1, 4, 0x80, 2, b'x', b'y'];
        assert_eq!(opus_info(&unicode), Some((Some("AB".into()), Some("xy".into()))));
        let text = [0xa0, 3, 0x81, 1, b'A'];
        assert_eq!(opus_info(&text), Some((Some("A".into()), None)));
        assert_eq!(opus_info(&[]), Some((None, None)));
        assert_eq!(opus_info(&[0xa0, 3, 0x80, 1, b'A']), None);
    }
}
