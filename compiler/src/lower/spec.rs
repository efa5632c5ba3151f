//! What lowering takes and gives.

use crate::ast::PatternBody;

/// A pattern as the checker understood it: combinations of modifiers are valid and alphabets resolved.
#[derive(Debug, Clone, Copy)]
pub struct PatternSpec<'a> {
    /// What to look for.
    pub body: &'a PatternBody<'a>,
    /// One byte a character; also true when neither `ascii` nor `wide` was written.
    pub ascii: bool,
    /// Two bytes a character.
    pub wide: bool,
    /// Upper and lower case of ASCII letters are the same.
    pub nocase: bool,
    /// No letter or digit may touch it.
    pub fullword: bool,
    /// First and last key.
    pub xor: Option<(u8, u8)>,
    /// Alphabet of `base64`.
    pub base64: Option<[u8; 64]>,
    /// Alphabet of `base64wide`.
    pub base64wide: Option<[u8; 64]>,
    /// Unknown escapes and braces that repeat nothing stand for themselves in regular expressions.
    pub relaxed: bool,
}

/// What the image holds of a pattern: it matches at a place if and only if one of the variants does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lowered {
    /// The variants, in a fixed order.
    pub variants: Vec<LoweredVariant>,
    /// Some variant has no atom, so that every position of the data has to be tried.
    pub slow: bool,
}

/// One thing to compare, and the bytes that lead to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoweredVariant {
    /// What is compared.
    pub body: Body,
    /// Bits of [`hallmark_image::record::variant_flags`].
    pub flags: u8,
    /// First and last xor key; zeros without the flag.
    pub xor: (u8, u8),
    /// Encoded program that leads from an atom to the possible starts, or empty when the atoms' offsets are exact.
    ///
    /// Let `q` be the position of an atom minus its offset. Every match that contains that atom starts where the
    /// program, read towards lower addresses from `q`, has matched; other starts may be among them.
    pub backward: Vec<u8>,
    /// Every match has one of these at its place. Sorted, without duplicates; empty when the variant is slow.
    pub atoms: Vec<Atom>,
}

/// How a variant is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Bytes under a mask.
    Bytes {
        /// The bytes, bits outside the mask zero.
        value: Vec<u8>,
        /// Which bits count; empty when all do.
        mask: Vec<u8>,
    },
    /// Pieces with gaps between them, the shortest gaps first.
    Chain(Vec<ChainPiece>),
    /// An encoded [`hallmark_image::program::Program`], leftmost-first.
    Program(Vec<u8>),
}

/// A piece of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainPiece {
    /// Least number of bytes between the piece before and this one; 0 for the first.
    pub gap_min: u32,
    /// Greatest number of bytes between them; `u32::MAX` is unbounded.
    pub gap_max: u32,
    /// The bytes, bits outside the mask zero.
    pub value: Vec<u8>,
    /// Which bits count; empty when all do.
    pub mask: Vec<u8>,
}

/// Bytes that the data of a match contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Atom {
    /// The bytes; those beyond `len` are zero.
    pub bytes: [u8; 4],
    /// How many: 2 to 4.
    pub len: u8,
    /// Distance from the start of the match, or from where the backward program begins.
    pub offset: u16,
}
