//! What lowering takes and gives.

use hallmark_image::lanes::{GRAM, TRIPLE};

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
    /// Bits of the classes of files that the rule can match, as far as is known; what is rare in these is searched for.
    pub classes: u8,
}

/// What the image holds of a pattern: it matches at a place if and only if one of the variants does.
#[derive(Debug, Clone, PartialEq)]
pub struct Lowered {
    /// The variants, in a fixed order.
    pub variants: Vec<LoweredVariant>,
    /// Some variant has no run, so that every position of the data has to be tried.
    pub slow: bool,
}

/// One thing to compare, and the bytes that lead to it.
#[derive(Debug, Clone, PartialEq)]
pub struct LoweredVariant {
    /// What is compared.
    pub body: Body,
    /// Bits of [`hallmark_image::record::variant_flags`].
    pub flags: u8,
    /// First and last xor key; zeros without the flag.
    pub xor: (u8, u8),
    /// Encoded program that leads from a run to the possible starts, or empty when the runs' offsets are exact.
    ///
    /// Let `q` be the position of a run minus its offset. Every match that contains that run starts where the program,
    /// read towards lower addresses from `q`, has matched; other starts may be among them.
    pub backward: Vec<u8>,
    /// Every match has the bytes of one of these at its place; empty when the variant is slow.
    pub runs: Vec<Run>,
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
    /// A program.
    Program {
        /// An encoded [`hallmark_image::program::Program`], leftmost-first.
        program: Vec<u8>,
        /// What every match begins with; empty where too little is known.
        outline: Vec<ChainPiece>,
    },
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

/// Bytes that follow each other in a match, and which of them to search for.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Distance from the start of the match, or from where the backward program begins.
    pub offset: u16,
    /// The bytes; at most [`crate::limits::MAX_RUN`].
    pub bytes: Vec<MaskedByte>,
    /// The atoms chosen.
    pub atoms: Atoms,
    /// What searching for them is expected to cost, in nanoseconds a megabyte.
    pub cost: f64,
    /// What it costs besides when the run is a trigger, because files have it that the rule isn't meant for.
    pub arming: f64,
}

/// A byte of which some bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaskedByte {
    /// The byte; bits that don't count are zero.
    pub value: u8,
    /// Which bits count.
    pub mask: u8,
}

impl MaskedByte {
    /// A byte all of whose bits count.
    pub fn exact(value: u8) -> Self {
        MaskedByte { value, mask: u8::MAX }
    }

    /// Whether at most its letter case is open.
    pub fn is_letter(&self) -> bool {
        self.mask | 0x20 == 0xFF
    }

    /// Calls `each` for every byte it stands for, ascending.
    pub fn for_each(self, mut each: impl FnMut(u8)) {
        // The bits that don't count, as a number that runs through all its values.
        let free = !self.mask;
        let mut bits = 0u8;
        loop {
            each(self.value | bits);
            bits = bits.wrapping_sub(free) & free;
            if bits == 0 {
                return;
            }
        }
    }
}

/// Where in a run its atoms are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Atoms {
    /// Four bytes each, one for each remainder of four, in the order of the remainders.
    Main([u8; 4]),
    /// Three bytes.
    Short(u8),
    /// Two bytes, searched for on demand only.
    Pair(u8),
}

impl Run {
    /// The atoms: position in the run and number of bytes.
    pub fn atoms(&self) -> impl Iterator<Item = (usize, usize)> {
        let (places, len) = match self.atoms {
            Atoms::Main(places) => (places.map(Some), GRAM),
            Atoms::Short(place) => ([Some(place), None, None, None], TRIPLE),
            Atoms::Pair(place) => ([Some(place), None, None, None], 2),
        };
        places.into_iter().flatten().map(move |at| (usize::from(at), len))
    }
}

impl Lowered {
    /// What searching for it is expected to cost, in nanoseconds a megabyte; infinite when it is slow.
    pub fn cost(&self) -> f64 {
        if self.slow { f64::INFINITY } else { self.runs().map(|run| run.cost).sum() }
    }

    /// Whether every file can be searched for it.
    pub fn is_searchable(&self) -> bool {
        !self.slow && self.runs().all(|run| !matches!(run.atoms, Atoms::Pair(_)))
    }

    /// What it costs besides when it is a trigger.
    pub fn arming(&self) -> f64 {
        self.runs().map(|run| run.arming).sum()
    }

    fn runs(&self) -> impl Iterator<Item = &Run> {
        self.variants.iter().flat_map(|variant| &variant.runs)
    }
}
