//! Strings and identifiers. Strings end at the first zero or with their bytes; what is no text is replaced.

use crate::reader::Reader;
use crate::value::Node;

/// A string with a byte for each character.
pub(super) fn narrow(bytes: &[u8]) -> Node<'_> {
    Node::lossy(bytes.split(|&byte| byte == 0).next().unwrap_or_default())
}

/// A string in UTF-16.
pub(super) fn wide<'a>(bytes: &[u8]) -> Node<'a> {
    let mut reader = Reader::new(bytes);
    let units: Vec<_> = std::iter::from_fn(|| reader.u16().filter(|&unit| unit != 0)).collect();
    Node::text(String::from_utf16_lossy(&units))
}

/// The next 16 bytes as an identifier.
pub(super) fn guid<'a>(reader: &mut Reader<'_>) -> Option<Node<'a>> {
    let mut ahead = *reader;
    let (first, second, third) = (ahead.u32()?, ahead.u16()?, ahead.u16()?);
    let rest = ahead.take(8)?;
    *reader = ahead;
    let mut text = format!("{first:08x}-{second:04x}-{third:04x}-");
    for (at, byte) in rest.iter().enumerate() {
        text.push_str(if at == 2 { "-" } else { "" });
        text.push_str(&format!("{byte:02x}"));
    }
    Some(Node::text(text))
}
