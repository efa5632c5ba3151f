//! Names in certificates, as `macho` writes them: `C=US, O=Example, CN=Somebody`.

use crate::ber::{Ber, SEQUENCE, SET};
use crate::value::hex;

const BMP_STRING: u8 = 0x1e;
/// Kinds of text whose bytes are taken for UTF-8.
const TEXTS: [u8; 10] = [0x07, 0x0c, 0x12, 0x13, 0x14, 0x15, 0x16, 0x19, 0x1a, 0x1b];
/// What stands for a name with a text that is no text.
const INVALID: &str = "<X509Error: Invalid X.509 name>";

/// Short names of attributes; others are shown by number.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "surname"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "streetAddress"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.13", "description"),
    ("2.5.4.15", "businessCategory"),
    ("2.5.4.16", "postalAddress"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "givenName"),
    ("2.5.4.43", "initials"),
    ("2.5.4.44", "generationQualifier"),
    ("2.5.4.45", "uniqueIdentifier"),
    ("2.5.4.46", "dnQualifier"),
    ("0.9.2342.19200300.100.1.1", "uid"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "Email"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
    ("1.3.6.1.4.1.311.60.2.1.1", "msJurisdictionLocality"),
    ("1.3.6.1.4.1.311.60.2.1.2", "msJurisdictionStateOrProvince"),
    ("1.3.6.1.4.1.311.60.2.1.3", "msJurisdictionCountry"),
];

/// The text of an encoded name, up to the first part that doesn't parse.
pub(super) fn name(encoded: &[u8]) -> String {
    let mut ber = Ber::new(encoded);
    let parts = std::iter::from_fn(|| Some(part(ber.open(SET)?))).collect::<Option<Vec<_>>>();
    parts.map_or_else(|| INVALID.to_owned(), |parts| parts.join(", "))
}

/// The attributes of a part; `None` if one of them has a text that is no text.
fn part(mut attributes: Ber<'_>) -> Option<String> {
    let texts = std::iter::from_fn(|| {
        let mut attribute = attributes.open(SEQUENCE)?;
        let kind = attribute.oid()?.to_string();
        let value = attribute.next()?;
        let short = ATTRIBUTES.iter().find(|(number, _)| *number == kind).map(|(_, short)| short);
        let kind = short.map_or_else(|| format!("OID({kind})"), |short| (*short).to_owned());
        Some(text(value.tag, value.content).map(|value| format!("{kind}={value}")))
    });
    texts.collect::<Option<Vec<_>>>().map(|texts| texts.join(" + "))
}

fn text(tag: u8, bytes: &[u8]) -> Option<String> {
    if TEXTS.contains(&tag) {
        return std::str::from_utf8(bytes).ok().map(str::to_owned);
    }
    if tag == BMP_STRING {
        let unit = |pair: &[u8]| pair.iter().fold(0, |unit, &byte| unit << 8 | u16::from(byte));
        return String::from_utf16(&bytes.chunks(2).map(unit).collect::<Vec<_>>()).ok();
    }
    Some(String::from_utf8_lossy(&hex(bytes)).to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ber::OID;

    fn encoded(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn attribute(oid: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        encoded(SEQUENCE, &[encoded(OID, oid), encoded(tag, value)].concat())
    }

    #[test]
    fn attributes_have_short_names_or_numbers() {
        let common = attribute(&[0x55, 4, 3], 0x0c, "Zoë, Ltd.".as_bytes());
        let unknown = attribute(&[0x2a, 3, 4], 0x04, &[0xab, 0x0f]);
        let bmp = attribute(&[0x55, 4, 10], BMP_STRING, &[0, 0x41, 0, 0xe9]);
        let both = [encoded(SET, &[common.clone(), unknown].concat()), encoded(SET, &bmp)].concat();
        assert_eq!(name(&both), "CN=Zoë, Ltd. + OID(1.2.3.4)=AB0F, O=Aé");
        assert_eq!(name(&[]), "");
    }

    #[test]
    fn what_is_no_text_is_said_to_be_invalid() {
        let bad = encoded(SET, &attribute(&[0x55, 4, 3], 0x13, b"\xff"));
        assert_eq!(name(&bad), INVALID);
        assert_eq!(name(&bad[..bad.len() - 1]), "");
        assert_eq!(name(b"\x31"), "");
    }
}
