//! Values that modules hand to rules.

use std::borrow::Cow;

use crate::late::Late;

/// A value of a module, laid out as its schema says. Strings borrow from the scanned data where they can.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Node<'a> {
    /// The file doesn't have it.
    #[default]
    Undefined,
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// Boolean.
    Bool(bool),
    /// Bytes.
    Str(Cow<'a, [u8]>),
    /// A structure: one node a field, in schema order.
    Struct(Vec<Node<'a>>),
    /// An array.
    Array(Vec<Node<'a>>),
    /// A map, in the order of the file.
    Map(Vec<(Cow<'a, [u8]>, Node<'a>)>),
    /// One of the others, worked out when it is asked for.
    Late(Late<'a>),
}

/// An argument of a module function.
#[derive(Clone, Copy)]
pub enum Arg<'a> {
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// Boolean.
    Bool(bool),
    /// Bytes.
    Str(&'a [u8]),
    /// A regular expression: tells whether it matches anywhere in the bytes given.
    Regex(&'a dyn Fn(&[u8]) -> bool),
}

/// The result of a module function; `None` stands for undefined.
pub type Answer<'a> = Option<Scalar<'a>>;

/// A result that is not undefined.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// Boolean.
    Bool(bool),
    /// Bytes.
    Str(Cow<'a, [u8]>),
}

impl<'a> Node<'a> {
    /// The node, worked out if it wasn't.
    pub fn settled(&self) -> &Self {
        if let Node::Late(late) = self { late.node() } else { self }
    }

    /// Borrowed bytes.
    pub(crate) fn bytes(bytes: &'a [u8]) -> Self {
        Node::Str(Cow::Borrowed(bytes))
    }

    /// Owned text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Node::Str(Cow::Owned(text.into().into_bytes()))
    }

    /// Text; what is no UTF-8 is replaced.
    pub(crate) fn lossy(bytes: &'a [u8]) -> Self {
        // Much faster than replacing nothing.
        if std::str::from_utf8(bytes).is_ok() {
            return Node::bytes(bytes);
        }
        Node::text(String::from_utf8_lossy(bytes))
    }

    /// A number that is unsigned in the file; in rules all are signed.
    pub(crate) fn word(value: u64) -> Self {
        Node::Int(value as i64)
    }

    /// A number that is unsigned in the file and, as an enumeration, a signed one of 32 bits in rules.
    pub(crate) fn kind(value: u64) -> Self {
        Node::Int((value as i32).into())
    }

    /// A number, or undefined.
    pub(crate) fn int(value: Option<impl Into<i64>>) -> Self {
        value.map_or(Node::Undefined, |v| Node::Int(v.into()))
    }

    /// The length of a list.
    pub(crate) fn count(n: usize) -> Self {
        Node::int(i64::try_from(n).ok())
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| DIGITS.get(usize::from(n)).copied();
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).flatten().collect()
}
