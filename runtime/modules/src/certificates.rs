//! X.509 certificates: what rules ask about them, and the parts that verification needs.

use std::borrow::Cow;
use std::fmt::Write;

use const_oid::ObjectIdentifier;
use const_oid::db::{DB, rfc4519, rfc5912};
use sha1::{Digest, Sha1};

use crate::ber::{
    BIT_STRING, BOOLEAN, Ber, GENERALIZED_TIME, IA5_STRING, INTEGER, OCTET_STRING, OID, PRINTABLE_STRING,
    SEQUENCE, SET, TELETEX_STRING, UTC_TIME, UTF8_STRING, context, is_tag,
};
use crate::limits::{MAX_CHAIN, MAX_DISTINGUISHED_NAME};
use crate::value::hex;

/// An old object identifier of `sha1WithRSAEncryption` that signatures still have.
pub(crate) const OBSOLETE_SHA1_WITH_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.29");

/// Names that differ from those of the registry.
const NAMES: &[(ObjectIdentifier, &str)] = &[
    (rfc5912::ID_MD_5, "md5"),
    (rfc5912::ID_SHA_1, "sha1"),
    (rfc5912::ID_SHA_256, "sha256"),
    (rfc5912::ID_SHA_384, "sha384"),
    (rfc5912::ID_SHA_512, "sha512"),
    (rfc5912::MD_5_WITH_RSA_ENCRYPTION, "md5WithRSAEncryption"),
    (rfc5912::SHA_1_WITH_RSA_ENCRYPTION, "sha1WithRSAEncryption"),
    (OBSOLETE_SHA1_WITH_RSA, "sha1WithRSAEncryption"),
    (rfc5912::SHA_256_WITH_RSA_ENCRYPTION, "sha256WithRSAEncryption"),
    (rfc5912::SHA_384_WITH_RSA_ENCRYPTION, "sha384WithRSAEncryption"),
    (rfc5912::SHA_512_WITH_RSA_ENCRYPTION, "sha512WithRSAEncryption"),
    (rfc5912::DSA_WITH_SHA_1, "dsaWithSHA1"),
    (rfc5912::DSA_WITH_SHA_224, "dsa_with_SHA224"),
    (rfc5912::DSA_WITH_SHA_256, "dsa_with_SHA256"),
    (rfc4519::C, "C"),
    (rfc4519::COMMON_NAME, "CN"),
    (rfc4519::O, "O"),
    (rfc4519::OU, "OU"),
    (rfc4519::ST, "ST"),
    (rfc4519::STREET, "street"),
    (ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.60.2.1.1"), "jurisdictionL"),
    (ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.60.2.1.2"), "jurisdictionST"),
    (ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.60.2.1.3"), "jurisdictionC"),
];

/// A certificate.
pub(crate) struct Certificate<'a> {
    /// Of the whole certificate, SHA-1 in hexadecimal.
    pub(crate) thumbprint: Vec<u8>,
    /// From 1.
    pub(crate) version: i64,
    /// As it stands, leading zeros included.
    serial: &'a [u8],
    /// Of the issuer's signature.
    pub(crate) algorithm: Option<ObjectIdentifier>,
    /// The encoded name.
    pub(crate) issuer: &'a [u8],
    /// The encoded name.
    pub(crate) subject: &'a [u8],
    /// In seconds since the Unix epoch, as `not_after`.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
    /// The elements of the encoded `SubjectPublicKeyInfo`.
    pub(crate) key: &'a [u8],
    /// What the issuer signed.
    pub(crate) signed: &'a [u8],
    /// The issuer's signature.
    pub(crate) signature: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// The next certificate. Signatures are encoded freely, but certificates by the distinguished rules, as far as the
    /// peers care: what isn't is none.
    pub(crate) fn parse(ber: &mut Ber<'a>) -> Option<Self> {
        let is_short = |bytes: &&[u8]| bytes.len() <= MAX_DISTINGUISHED_NAME;
        let mut ahead = Ber::definite(ber.rest());
        let whole = ahead.next().filter(|e| is_tag(e.tag, SEQUENCE))?;
        let mut parts = Ber::definite(whole.content);
        let to_be_signed = parts.next().filter(|e| is_tag(e.tag, SEQUENCE))?;
        let mut signed = Ber::definite(to_be_signed.content);
        let version = signed.open(context(0)).map_or(Some(0), |mut version| version.small_integer())?;
        let serial = signed.content(INTEGER).filter(is_short)?;
        signed.encoded_algorithm()?;
        let issuer = signed.content(SEQUENCE).filter(is_short)?;
        let mut validity = signed.open(SEQUENCE)?;
        let (not_before, not_after) = (time(&mut validity)?, time(&mut validity)?);
        let subject = signed.content(SEQUENCE).filter(is_short)?;
        let key = signed.content(SEQUENCE)?;
        let mut of_key = Ber::definite(key);
        of_key.encoded_algorithm()?;
        bits(&mut of_key)?;
        // Identifiers of issuer and subject.
        signed.content(context(1));
        signed.content(context(2));
        if !are_extensions(signed) {
            return None;
        }
        let algorithm = ObjectIdentifier::from_bytes(parts.encoded_algorithm()?).ok();
        let signature = bits(&mut parts)?;
        *ber = ber.after(ahead.rest());
        Some(Certificate {
            thumbprint: hex(&Sha1::digest(whole.whole)),
            version: i64::from(version).saturating_add(1),
            serial,
            algorithm,
            issuer,
            subject,
            not_before,
            not_after,
            key,
            signed: to_be_signed.whole,
            signature,
        })
    }

    /// How long its fields are at most, written out.
    pub(crate) fn text_len(&self) -> usize {
        const OTHERS: usize = 512;
        let names = self.serial.len().saturating_add(self.issuer.len()).saturating_add(self.subject.len());
        names.saturating_mul(4).saturating_add(OTHERS)
    }

    /// Hexadecimal bytes with colons between.
    pub(crate) fn serial(&self) -> String {
        let bytes: Vec<_> = self.serial.iter().map(|b| format!("{b:02x}")).collect();
        bytes.join(":")
    }

    pub(crate) fn issuer(&self) -> String {
        distinguished_name(self.issuer)
    }

    pub(crate) fn subject(&self) -> String {
        distinguished_name(self.subject)
    }

    /// Whether the issuer's encoded name is `name`.
    pub(crate) fn is_issued_by(&self, name: &[u8]) -> bool {
        self.issuer == name
    }

    /// Whether the serial number is `serial`; leading zeros mean nothing.
    pub(crate) fn has_serial(&self, serial: &[u8]) -> bool {
        let significant = |n: &[u8]| n.iter().position(|&b| b != 0).map_or(n.len(), |first| first);
        self.serial.get(significant(self.serial)..) == serial.get(significant(serial)..)
    }
}

/// The chain that starts at the first certificate `starts` holds for: each is followed by the first one that has its
/// issuer's name, up to one that signed itself, or whose issuer isn't there or was there before.
pub(crate) fn chain<'c, 'a>(
    certificates: &'c [Certificate<'a>],
    starts: impl Fn(&Certificate<'a>) -> bool,
) -> Vec<&'c Certificate<'a>> {
    let mut chain: Vec<&Certificate<'a>> = certificates.iter().find(|c| starts(c)).into_iter().collect();
    while let Some(last) = chain.last().filter(|c| c.subject != c.issuer) {
        let next = certificates.iter().find(|c| c.subject == last.issuer);
        let repeats = |next: &&Certificate<'_>| chain.iter().skip(1).any(|c| c.subject == next.subject);
        match next.filter(|next| !repeats(next)) {
            Some(next) if chain.len() < MAX_CHAIN => chain.push(next),
            _ => break,
        }
    }
    chain
}

/// The name of an object identifier, or its numbers.
pub(crate) fn oid_name(oid: &ObjectIdentifier) -> Cow<'static, str> {
    let listed = NAMES.iter().find(|(known, _)| known == oid).map(|(_, name)| *name);
    listed.or_else(|| DB.by_oid(oid)).map_or_else(|| oid.to_string().into(), Cow::Borrowed)
}

/// A string of bits; before them is how many of the last byte don't count, which is not looked at.
fn bits<'a>(ber: &mut Ber<'a>) -> Option<&'a [u8]> {
    ber.content(BIT_STRING)?.get(1..)
}

/// Whether nothing follows, or extensions to the last byte.
fn are_extensions(mut rest: Ber<'_>) -> bool {
    const EXTENSIONS: u8 = 3;
    let is_extension = |ber: &mut Ber<'_>| {
        let mut fields = ber.open(SEQUENCE)?;
        fields.content(OID)?;
        // Whether it is critical, if that is told.
        fields.content(BOOLEAN);
        fields.content(OCTET_STRING).map(|_| ())
    };
    if rest.is_empty() {
        return true;
    }
    let Some(mut list) = rest.enter(EXTENSIONS).and_then(|()| rest.open(SEQUENCE)) else { return false };
    while !list.is_empty() {
        if is_extension(&mut list).is_none() {
            return false;
        }
    }
    rest.is_empty()
}

/// A name as OpenSSL writes it: `/C=US/O=Example/CN=Somebody`; a value that is no text as `#` and hexadecimal. It ends
/// before the first part that doesn't parse.
fn distinguished_name(encoded: &[u8]) -> String {
    let mut name = Ber::definite(encoded);
    std::iter::from_fn(|| relative_name(name.open(SET)?)).collect()
}

fn relative_name(mut attributes: Ber<'_>) -> Option<String> {
    let mut text = String::from("/");
    let mut attribute = || {
        let mut attribute = attributes.open(SEQUENCE)?;
        let kind = attribute.content(OID)?;
        Some((kind, attribute.next()?))
    };
    // At least one.
    let first = attribute()?;
    for (kind, value) in std::iter::once(first).chain(std::iter::from_fn(attribute)) {
        let kind = match kind {
            [] => "0.0".into(),
            kind => ObjectIdentifier::from_bytes(kind).map_or("invalid".into(), |oid| oid_name(&oid)),
        };
        match printable(value.tag, value.content) {
            Some(value) => write!(text, "{kind}={value}").ok()?,
            None => write!(text, "{kind}=#{}", String::from_utf8_lossy(&hex(value.content))).ok()?,
        }
    }
    Some(text)
}

fn printable(tag: u8, bytes: &[u8]) -> Option<&str> {
    let allowed: fn(u8) -> bool = match tag {
        PRINTABLE_STRING => |b| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b),
        TELETEX_STRING => |b| (0x20..0x80).contains(&b),
        IA5_STRING => |b| b.is_ascii(),
        UTF8_STRING => |_| true,
        _ => return None,
    };
    if bytes.iter().all(|&b| allowed(b)) { std::str::from_utf8(bytes).ok() } else { None }
}

/// The next element as a time, in seconds since the Unix epoch.
pub(crate) fn time(ber: &mut Ber<'_>) -> Option<i64> {
    let element = ber.next()?;
    let mut text = element.content;
    let year = match element.tag {
        UTC_TIME => match number(&mut text, 2)? {
            year @ 50.. => year.checked_add(1900)?,
            year => year.checked_add(2000)?,
        },
        GENERALIZED_TIME => number(&mut text, 4)?,
        _ => return None,
    };
    let (month, day) = (number(&mut text, 2)?, number(&mut text, 2)?);
    let (hour, minute) = (number(&mut text, 2)?, number(&mut text, 2)?);
    let second = number(&mut text, 2).unwrap_or(0);
    if let [b'.' | b',', fraction @ ..] = text {
        text = fraction.trim_ascii_start();
        while let [b'0'..=b'9', rest @ ..] = text {
            text = rest;
        }
    }
    let east = match text {
        b"Z" => 0,
        [] if element.tag == GENERALIZED_TIME => 0,
        [sign @ (b'+' | b'-'), offset @ ..] => {
            let mut offset = offset;
            let minutes = number(&mut offset, 2)?.checked_mul(60)?.checked_add(number(&mut offset, 2)?)?;
            if *sign == b'+' { minutes } else { minutes.checked_neg()? }
        }
        _ => return None,
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let minutes = days(year, month, day)?.checked_mul(1440)?.checked_add(hour.checked_mul(60)?)?;
    let minutes = minutes.checked_add(minute)?.checked_sub(east)?;
    minutes.checked_mul(60)?.checked_add(second)
}

/// The next `digits` digits.
fn number(text: &mut &[u8], digits: usize) -> Option<i64> {
    let (number, rest) = text.split_at_checked(digits)?;
    if !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    *text = rest;
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// Days from the Unix epoch to a day of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    const LENGTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let leap_day = i64::from(month == 2 && is_leap(year));
    if !(1..=LENGTHS.get(index)?.checked_add(leap_day)?).contains(&day) {
        return None;
    }
    // Leap days of all years before this one.
    let leaps = |years: i64| (years / 4).checked_sub(years / 100)?.checked_add(years / 400);
    let mut leap_days = leaps(year.checked_sub(1)?)?.checked_sub(leaps(1969)?)?;
    if month > 2 && is_leap(year) {
        leap_days = leap_days.checked_add(1)?;
    }
    let whole_years = year.checked_sub(1970)?.checked_mul(365)?;
    whole_years.checked_add(leap_days)?.checked_add(*BEFORE.get(index)?)?.checked_add(day)?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(tag: u8, text: &str) -> Option<i64> {
        let mut bytes = vec![tag, u8::try_from(text.len()).unwrap()];
        bytes.extend(text.as_bytes());
        time(&mut Ber::new(&bytes))
    }

    #[test]
    fn times_of_both_kinds() {
        assert_eq!(at(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(at(UTC_TIME, "231019194354Z"), Some(1_697_744_634));
        assert_eq!(at(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(at(UTC_TIME, "500101000000Z"), Some(-631_152_000));
        assert_eq!(at(UTC_TIME, "2402290000Z"), Some(1_709_164_800));
        assert_eq!(at(UTC_TIME, "240301010000+0100"), Some(1_709_251_200));
        assert_eq!(at(GENERALIZED_TIME, "20240301000000.123Z"), Some(1_709_251_200));
        assert_eq!(at(GENERALIZED_TIME, "99991231235959Z"), Some(253_402_300_799));
        assert_eq!(at(GENERALIZED_TIME, "00010101000000Z"), Some(-62_135_596_800));
    }

    #[test]
    fn impossible_times_are_refused() {
        for text in [
            "230229000000Z",
            "231301000000Z",
            "230100000000Z",
            "230101240000Z",
            "2301010000",
            "",
            "23010100000xZ",
        ] {
            assert_eq!(at(UTC_TIME, text), None, "{text}");
        }
        assert_eq!(at(SEQUENCE, "700101000000Z"), None);
    }

    #[test]
    fn names_read_as_openssl_writes_them() {
        // C=US in a printable string, O in UTF-8, an unknown attribute, a universal string.
        let rdn = |oid: &[u8], tag: u8, value: &[u8]| {
            let wrap = |tag: u8, content: Vec<u8>| {
                [vec![tag, u8::try_from(content.len()).unwrap()], content].concat()
            };
            let attribute = [wrap(OID, oid.to_vec()), wrap(tag, value.to_vec())].concat();
            wrap(SET, wrap(SEQUENCE, attribute))
        };
        let name = [
            rdn(&[0x55, 4, 6], PRINTABLE_STRING, b"US"),
            rdn(&[0x55, 4, 7], PRINTABLE_STRING, b"Redmond"),
            rdn(&[0x55, 4, 10], UTF8_STRING, "Søren".as_bytes()),
            rdn(&[0x2a, 3, 4], IA5_STRING, b"x"),
            rdn(&[0x55, 4, 3], 0x1e, &[0, 0x41]),
            rdn(&[0x55, 4, 11], PRINTABLE_STRING, b"a@b"),
        ]
        .concat();
        assert_eq!(distinguished_name(&name), "/C=US/L=Redmond/O=Søren/1.2.3.4=x/CN=#0041/OU=#614062");
        assert_eq!(distinguished_name(b"\x31"), "");
    }

    fn wrap(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let content = parts.concat();
        [&[tag, u8::try_from(content.len()).unwrap()][..], &content].concat()
    }

    /// A certificate with this key and what follows it.
    fn certificate(key: &[u8], extensions: &[u8]) -> Vec<u8> {
        let algorithm = wrap(SEQUENCE, &[&wrap(OID, &[&[0x2a, 3]])]);
        let time = wrap(UTC_TIME, &[b"200101000000Z"]);
        let signed = wrap(
            SEQUENCE,
            &[
                &wrap(INTEGER, &[&[7]]),
                &algorithm,
                &wrap(SEQUENCE, &[]),
                &wrap(SEQUENCE, &[&time, &time]),
                &wrap(SEQUENCE, &[]),
                key,
                extensions,
            ],
        );
        wrap(SEQUENCE, &[&signed, &algorithm, &wrap(BIT_STRING, &[&[0, 9]])])
    }

    #[test]
    fn certificates_are_whole_or_none() {
        let key =
            wrap(SEQUENCE, &[&wrap(SEQUENCE, &[&wrap(OID, &[&[0x2a, 3]])]), &wrap(BIT_STRING, &[&[0]])]);
        let extension = wrap(SEQUENCE, &[&wrap(OID, &[&[0x2a, 3]]), &wrap(OCTET_STRING, &[&[1]])]);
        let list = wrap(context(3), &[&wrap(SEQUENCE, &[&extension, &extension])]);
        let is_read = |bytes: &[u8]| {
            let mut ber = Ber::new(bytes);
            Certificate::parse(&mut ber).is_some_and(|c| c.serial() == "07" && ber.is_empty())
        };
        assert!(is_read(&certificate(&key, &[])));
        assert!(is_read(&certificate(&key, &list)));
        let no_list = wrap(context(3), &[&extension]);
        let wrong_number = wrap(context(4), &[&wrap(SEQUENCE, &[&extension])]);
        for (key, extensions) in
            [(&[][..], &[][..]), (&key[..2], &[]), (&key, &no_list), (&key, &wrong_number)]
        {
            assert!(!is_read(&certificate(key, extensions)), "{key:?} {extensions:?}");
        }
        let whole = certificate(&key, &list);
        for end in 0..whole.len() {
            assert!(!is_read(&whole[..end]), "{end}");
        }
    }
}
