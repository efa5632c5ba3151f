//! Values that modules hand to rules.

use std::borrow::Cow;

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
