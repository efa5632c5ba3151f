//! The wire format of protocol buffers, as far as a reader needs it that knows which fields it wants.

use crate::limits::MAX_PROTOBUF_DEPTH;
use crate::reader::Reader;

/// The fields of a message that hold bytes, in their order: number and bytes. `None` if the message is damaged. What
/// else is in it, groups included, is passed over.
pub(crate) fn fields(message: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut reader = Reader::new(message);
    let mut groups = Vec::new();
    let mut fields = Vec::new();
    while !reader.rest().is_empty() {
        let tag = varint(&mut reader)?;
        let (number, kind) = (tag >> 3, tag & 7);
        if number == 0 || u32::try_from(tag).is_err() {
            return None;
        }
        match kind {
            0 => drop(varint(&mut reader)?),
            1 => reader.skip(8)?,
            2 => {
                let length = usize::try_from(varint(&mut reader)?).ok()?;
                let bytes = reader.take(length)?;
                if groups.is_empty() {
                    fields.push((number, bytes));
                }
            }
            3 if groups.len() < MAX_PROTOBUF_DEPTH => groups.push(number),
            4 if groups.pop() == Some(number) => {}
            5 => reader.skip(4)?,
            _ => return None,
        }
    }
    groups.is_empty().then_some(fields)
}

/// Seven bits a byte, the lowest first, in at most ten bytes.
fn varint(reader: &mut Reader<'_>) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = reader.u8()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_kind() {
        let message = b"\x08\x96\x01\x11--------\x1a\x02ab\x25----\x2b\x1a\x01x\x2c\x1a\x00\x82\xf1\x04\x01z";
        assert_eq!(fields(message), Some(vec![(3, &b"ab"[..]), (3, b""), (10_000, b"z")]));
        assert_eq!(fields(b""), Some(Vec::new()));
    }

    #[test]
    fn damaged_messages() {
        for (message, why) in [
            (&b"\x1a\x03ab"[..], "cut"),
            (b"\x1a", "no length"),
            (b"\x1a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "longer than the address space"),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "a number of eleven bytes"),
            (b"\x80\x80\x80\x80\x10\x00", "a tag above 32 bits"),
            (b"\x02\x00", "number 0"),
            (b"\x0f", "kind 7"),
            (b"\x2b", "a group without an end"),
            (b"\x2c", "a group without a start"),
            (b"\x2b\x34", "the end of another group"),
        ] {
            assert_eq!(fields(message), None, "{why}");
        }
        assert_eq!(fields(&[0x0b; MAX_PROTOBUF_DEPTH + 1]), None);
    }
}
