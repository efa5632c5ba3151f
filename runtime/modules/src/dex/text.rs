//! Strings: UTF-8 as Java modifies it, zero in two bytes and characters above the first plane in two halves.

use std::borrow::Cow;

/// The text in `bytes`; `None` if they are no modified UTF-8.
pub(super) fn decode(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    if bytes.is_ascii() {
        return Some(bytes.into());
    }
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((unit, after)) = unit(rest) {
        units.push(unit);
        rest = after;
    }
    if !rest.is_empty() {
        return None;
    }
    Some(String::from_utf16(&units).ok()?.into_bytes().into())
}

/// The next half or whole character, and what follows it.
fn unit(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let tail = |byte: u8| if byte & 0xc0 == 0x80 { Some(u16::from(byte & 0x3f)) } else { None };
    match *bytes {
        [a @ 0..=0x7f, ref rest @ ..] => Some((a.into(), rest)),
        [0xc0, 0x80, ref rest @ ..] => Some((0, rest)),
        [a @ 0xc2..=0xdf, b, ref rest @ ..] => Some((u16::from(a & 0x1f) << 6 | tail(b)?, rest)),
        [a @ 0xe0..=0xef, b, c, ref rest @ ..] => {
            let unit = u16::from(a & 0xf) << 12 | tail(b)? << 6 | tail(c)?;
            if unit < 0x800 { None } else { Some((unit, rest)) }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modified_utf8_is_read() {
        let read = |bytes: &'static [u8]| decode(bytes).map(|text| String::from_utf8(text.into()).unwrap());
        assert_eq!(read(b"abc").as_deref(), Some("abc"));
        assert_eq!(read(b"a\xc0\x80b").as_deref(), Some("a\0b"));
        assert_eq!(read("é€".as_bytes()).as_deref(), Some("é€"));
        assert_eq!(read(b"\xed\xa0\xbd\xed\xb8\x80").as_deref(), Some("\u{1f600}"));
        for bad in [&b"\xed\xa0\xbd"[..], b"\xff", b"\xc3", b"\xe0\x80\x80", b"\xf0\x9f\x98\x80", b"\xc3a"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }
}
