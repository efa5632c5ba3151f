//! Signatures as text, in the manner of C# (ECMA-335 II.23.2).

use std::fmt::Write as _;

use super::classes::Assembly;
use super::tables::{Index, TYPE_DEF, TYPE_DEF_OR_REF, TYPE_REF, TYPE_SPEC};
use crate::limits::{MAX_DOTNET_ARGUMENTS, MAX_DOTNET_DEPTH, MAX_DOTNET_DIMENSIONS};
use crate::reader::Reader;

/// The work each type counts for, beside its text.
const TYPE_WORK: usize = 8;

/// The names of the types without parts, by their numbers.
const SIMPLE: &[(u8, &str)] = &[
    (0x01, "void"),
    (0x02, "bool"),
    (0x03, "char"),
    (0x04, "sbyte"),
    (0x05, "byte"),
    (0x06, "short"),
    (0x07, "ushort"),
    (0x08, "int"),
    (0x09, "uint"),
    (0x0a, "long"),
    (0x0b, "ulong"),
    (0x0c, "float"),
    (0x0d, "double"),
    (0x0e, "string"),
    (0x16, "TypedReference"),
    (0x18, "IntPtr"),
    (0x19, "UintPtr"),
    (0x1c, "object"),
];

/// Writes types; what a generic parameter stands for is known.
pub(super) struct Writer<'w, 'a> {
    pub(super) assembly: &'w Assembly<'a>,
    pub(super) of_class: &'w [&'a str],
    pub(super) of_method: &'w [&'a str],
}

impl<'a> Writer<'_, 'a> {
    /// The next type of a signature; `None` if it makes no sense.
    pub(super) fn next(&self, signature: &mut Reader<'a>) -> Option<String> {
        let mut text = String::new();
        self.write(signature, &mut text, 0)?;
        Some(text)
    }

    /// The full name of a type that is defined, referred to or specified.
    pub(super) fn name(&self, index: Index) -> Option<String> {
        let mut text = String::new();
        self.write_name(index, &mut text, 0)?;
        Some(text)
    }

    fn write_name(&self, index: Index, text: &mut String, depth: usize) -> Option<()> {
        let before = text.len();
        match index.table {
            TYPE_DEF => text.push_str(&self.assembly.full_name(index.row)?),
            TYPE_REF => {
                let (namespace, name) = self.assembly.type_ref(index.row)?;
                if let Some(namespace) = namespace {
                    write!(text, "{namespace}.").ok()?;
                }
                text.push_str(name);
            }
            TYPE_SPEC => {
                let mut signature = Reader::new(self.assembly.type_spec(index.row)?);
                self.write(&mut signature, text, depth)?;
            }
            _ => return None,
        }
        self.assembly.metadata.spend(text.len().saturating_sub(before))
    }

    fn write(&self, signature: &mut Reader<'a>, text: &mut String, depth: usize) -> Option<()> {
        if depth >= MAX_DOTNET_DEPTH {
            return None;
        }
        self.assembly.metadata.spend(TYPE_WORK)?;
        let depth = depth.checked_add(1)?;
        let kind = signature.u8()?;
        if let Some((_, name)) = SIMPLE.iter().find(|(simple, _)| *simple == kind) {
            text.push_str(name);
            return Some(());
        }
        match kind {
            // A pointer.
            0x0f => {
                text.push_str("Ptr<");
                self.write(signature, text, depth)?;
                text.push('>');
            }
            // A reference.
            0x10 => {
                text.push_str("ref ");
                self.write(signature, text, depth)?;
            }
            // A value type or a class.
            0x11 | 0x12 => {
                let index = Index::decode(TYPE_DEF_OR_REF, unsigned(signature)?)?;
                self.write_name(index, text, depth)?;
            }
            // A parameter of a generic class or method.
            0x13 | 0x1e => {
                let parameters = if kind == 0x13 { self.of_class } else { self.of_method };
                text.push_str(parameters.get(usize::try_from(unsigned(signature)?).ok()?)?);
            }
            0x14 => {
                self.write(signature, text, depth)?;
                write_dimensions(signature, text)?;
            }
            // An instance of a generic type.
            0x15 => {
                self.write(signature, text, depth)?;
                let count = unsigned(signature).filter(|&n| n < MAX_DOTNET_ARGUMENTS)?;
                text.push('<');
                self.write_list(signature, text, depth, count, ",")?;
                text.push('>');
            }
            // A pointer to a function.
            0x1b => {
                signature.skip(1)?;
                let count = unsigned(signature).filter(|&n| n < MAX_DOTNET_ARGUMENTS)?;
                text.push_str("FnPtr<");
                self.write(signature, text, depth)?;
                text.push('(');
                self.write_list(signature, text, depth, count, ", ")?;
                text.push_str(")>");
            }
            // An array of one dimension.
            0x1d => {
                self.write(signature, text, depth)?;
                text.push_str("[]");
            }
            // A modifier, required or optional.
            0x1f | 0x20 => {
                unsigned(signature)?;
                self.write(signature, text, depth)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn write_list(
        &self,
        signature: &mut Reader<'a>,
        text: &mut String,
        depth: usize,
        count: u32,
        separator: &str,
    ) -> Option<()> {
        for i in 0..count {
            if i > 0 {
                text.push_str(separator);
            }
            self.write(signature, text, depth)?;
        }
        Some(())
    }
}

/// The shape of an array: the number of its dimensions, some sizes, and some lower bounds.
fn write_dimensions(signature: &mut Reader<'_>, text: &mut String) -> Option<()> {
    let dimensions = dimension_count(signature)?;
    let sizes: Vec<_> = (0..dimension_count(signature)?)
        .map(|_| unsigned(signature).map(i64::from))
        .collect::<Option<_>>()?;
    let bounds: Vec<_> =
        (0..dimension_count(signature)?).map(|_| signed(signature).map(i64::from)).collect::<Option<_>>()?;
    text.push('[');
    for i in 0..dimensions {
        if i > 0 {
            text.push(',');
        }
        match (bounds.get(i), sizes.get(i)) {
            (None | Some(0), Some(size)) => write!(text, "{size}").ok()?,
            (Some(bound), Some(size @ 1..)) => {
                write!(text, "{bound}...{}", bound.checked_add(*size)?.checked_sub(1)?).ok()?;
            }
            (Some(bound), None) => write!(text, "{bound}...").ok()?,
            _ => {}
        }
    }
    text.push(']');
    Some(())
}

fn dimension_count(signature: &mut Reader<'_>) -> Option<usize> {
    usize::try_from(unsigned(signature)?).ok().filter(|&n| n <= MAX_DOTNET_DIMENSIONS)
}

/// A packed number; its highest bits tell its size.
pub(super) fn unsigned(reader: &mut Reader<'_>) -> Option<u32> {
    packed(reader).map(|(value, _)| value)
}

/// A packed number whose lowest bit is its sign.
fn signed(reader: &mut Reader<'_>) -> Option<i32> {
    let (value, bits) = packed(reader)?;
    let magnitude = i32::try_from(value >> 1).ok()?;
    let below = 1i32.checked_shl(bits.checked_sub(1)?)?;
    if value & 1 == 0 { Some(magnitude) } else { magnitude.checked_sub(below) }
}

/// A packed number, and how many bits it has.
fn packed(reader: &mut Reader<'_>) -> Option<(u32, u32)> {
    let mut ahead = *reader;
    let first = ahead.u8()?;
    let (mut value, more, bits) = match first {
        0..=0x7f => (u32::from(first), 0, 7),
        0x80..=0xbf => (u32::from(first & 0x3f), 1, 14),
        0xc0..=0xdf => (u32::from(first & 0x1f), 3, 29),
        _ => return None,
    };
    for &byte in ahead.take(more)? {
        value = value << 8 | u32::from(byte);
    }
    *reader = ahead;
    Some((value, bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers_of_every_size() {
        let read = |bytes: &[u8]| unsigned(&mut Reader::new(bytes));
        assert_eq!(read(&[0x7f, 1]), Some(0x7f));
        assert_eq!(read(&[0x8a, 1]), Some(0x0a01));
        assert_eq!(read(&[0xc1, 2, 3, 4]), Some(0x0102_0304));
        assert_eq!(read(&[0xe0, 2, 3, 4]), None);
        assert_eq!(read(&[0xc1, 2, 3]), None);
        assert_eq!(read(&[]), None);
    }

    #[test]
    fn packed_numbers_with_a_sign() {
        let read = |bytes: &[u8]| signed(&mut Reader::new(bytes));
        assert_eq!(read(&[0x06]), Some(3));
        assert_eq!(read(&[0x7b]), Some(-3));
        assert_eq!(read(&[0x80, 0x80]), Some(64));
        assert_eq!(read(&[0x01]), Some(-64));
        assert_eq!(read(&[0xc0, 0, 0x40, 0]), Some(8192));
        assert_eq!(read(&[0x80, 0x01]), Some(-8192));
        assert_eq!(read(&[0xc0, 0, 0, 1]), Some(-0x1000_0000));
    }

    #[test]
    fn shapes_of_arrays() {
        let shape = |bytes: &[u8]| {
            let mut text = String::new();
            write_dimensions(&mut Reader::new(bytes), &mut text).map(|()| text)
        };
        assert_eq!(shape(&[2, 0, 0]).as_deref(), Some("[,]"));
        assert_eq!(shape(&[2, 2, 3, 4, 2, 0, 2]).as_deref(), Some("[3,1...4]"));
        assert_eq!(shape(&[2, 1, 5, 2, 0, 4]).as_deref(), Some("[5,2...]"));
        assert_eq!(shape(&[51, 0, 0]), None);
        assert_eq!(shape(&[1, 1]), None);
    }
}
