//! The candidate search's tables: filters that say where to look, and hash-addressed pages of atoms.
//!
//! Two lanes search the data. The **main lane** probes every fourth position: each variant in it has four atoms of four
//! bytes, one for each remainder of four, so whichever way a match lies, one of them begins at a probed position. The
//! **short lane** probes every second position, for variants whose fixed bytes are too few: each has one atom of three
//! bytes, found through its first pair of bytes or its second. In both a probe is one bit of a bitmap; what hits is
//! thinned out by a second bitmap that sees more bytes; what is left is looked up in the pages.
//!
//! Filters exist once for each [`FileClass`], with the atoms of those rules only that can match files of the class.

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::class::FileClass;
use crate::limits::ENTRIES_PER_PAGE;

/// Bytes of an atom of the main lane.
pub const GRAM: usize = 4;
/// Bytes of an atom of the short lane.
pub const TRIPLE: usize = 3;
/// Bytes that the main lane's second bitmap sees.
pub const WINDOW: usize = 8;
/// Words of the bitmap of byte pairs.
pub const PAIR_WORDS: usize = 65_536 / 32;
/// Binary logarithms of the numbers of 32-bit words that bitmaps may have; the search has code for each.
pub const WORDS_LOG2: [u32; 10] = [8, 11, 13, 14, 15, 16, 17, 18, 19, 20];

/// What finds the atoms of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Lane {
    /// Four atoms of four bytes; every fourth position is probed.
    Main = 0,
    /// An atom of three bytes; every second position is probed.
    Short = 1,
    /// An atom of two bytes, searched for by itself and on demand only.
    Pair = 2,
}

impl Lane {
    /// Number of lanes.
    pub const COUNT: usize = 3;

    /// The lane with this number.
    pub fn new(lane: u8) -> Option<Self> {
        [Self::Main, Self::Short, Self::Pair].into_iter().find(|&l| l as u8 == lane)
    }

    /// Bytes of its atoms.
    pub const fn width(self) -> usize {
        match self {
            Lane::Main => GRAM,
            Lane::Short => TRIPLE,
            Lane::Pair => 2,
        }
    }

    /// Atoms of a run.
    pub const fn atoms(self) -> usize {
        match self {
            Lane::Main => 4,
            Lane::Short | Lane::Pair => 1,
        }
    }
}

/// Start of the filter section; then, class by class, the bitmaps that its record says, in the order of its fields.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct FilterHeader {
    /// Number of atom pages.
    pub atom_pages: U32,
    /// Number of short pages.
    pub short_pages: U32,
    /// The bitmaps of each class.
    pub classes: [ClassHeader; FileClass::COUNT],
}

/// The bitmaps of a file class: binary logarithms of the numbers of their 32-bit words, or 0 for one that isn't there.
#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ClassHeader {
    /// 4-grams of the main lane, see [`gram_bit`].
    pub grams: u8,
    /// Windows around them, see [`window_bits`].
    pub windows: u8,
    /// Pairs of the short lane, see [`pair_bit`]: [`PAIR_WORDS`] or none.
    pub pairs: u8,
    /// Triples of the short lane, see [`triple_bit`].
    pub triples: u8,
}

/// A page of atoms, addressed by hash. Entries are sorted by all their fields, in order.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct AtomPage {
    /// Number of entries used.
    pub count: U16,
    /// How many of the following pages (cyclically) hold entries that belong here.
    pub spill: U32,
    /// Zero.
    pub reserved: [u8; 6],
    /// The entries; unused ones are zero.
    pub entries: [AtomEntry; ENTRIES_PER_PAGE],
}

/// An atom: bytes that every match of a variant contains, and where.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    FromBytes,
    IntoBytes,
    KnownLayout,
    Immutable,
    Unaligned,
)]
#[repr(C)]
pub struct AtomEntry {
    /// Of the hash of the atom's bytes, what doesn't choose the page; see [`atom_place`].
    pub check: U16,
    /// Id of the rule.
    pub rule: U32,
    /// Index of the variant in the rule's unit.
    pub variant: U16,
    /// Offset of the atom in the variant, or, with a backward program, from where that program starts.
    pub offset: U16,
}

/// Where the bytes around an atom lie that the second bitmap sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WindowKind {
    /// The atom and the four bytes after it.
    After,
    /// The four bytes before the atom, and the atom.
    Before,
    /// The atom only.
    Alone,
}

/// What 4-grams are multiplied by.
pub const GRAM_FACTOR: u32 = 0x9E37_79B1;
/// Which bits of a 4-gram choose the bit in a word.
pub const GRAM_MASK: u32 = 31;

/// Word and bit of a 4-gram, little-endian, in a bitmap of `1 << log2` words: Fibonacci hashing, whose top bits are
/// the good ones, for the word, and the low bits as they are for the bit.
#[inline(always)]
pub fn gram_bit(gram: u32, log2: u32) -> (usize, u32) {
    ((gram.wrapping_mul(GRAM_FACTOR) >> (32 - log2.clamp(1, 31))) as usize, gram & GRAM_MASK)
}

/// Letters in lower case, in all eight bytes; other bytes change too, and equal ones stay equal.
#[inline(always)]
pub fn fold(window: u64) -> u64 {
    window | 0x2020_2020_2020_2020
}

/// Two bits of a window in a bitmap of `1 << log2` words, as word and bit each. Windows of [`WindowKind::After`] and
/// [`WindowKind::Before`] are folded, little-endian; one of [`WindowKind::Alone`] is the 4-gram as it is.
#[inline(always)]
pub fn window_bits(kind: WindowKind, window: u64, log2: u32) -> [(usize, u32); 2] {
    let factor = match kind {
        WindowKind::After => 0x9E37_79B9_7F4A_7C15,
        WindowKind::Before => 0xC2B2_AE3D_27D4_EB4F,
        WindowKind::Alone => 0xD6E8_FEB8_6659_FD93,
    };
    let hash: u64 = window.wrapping_mul(factor);
    let hash = hash ^ (hash >> 32);
    let hash = hash.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    let log2 = log2.clamp(1, 24);
    let place = |bits: u64| ((bits >> 5) as usize & ((1 << log2) - 1), (bits & 31) as u32);
    [place(hash >> 35), place(hash >> 6)]
}

/// Word and bit of a pair of bytes, little-endian.
#[inline(always)]
pub fn pair_bit(pair: u16) -> (usize, u32) {
    (usize::from(pair >> 5), u32::from(pair & 31))
}

/// Word and bit of three bytes, little-endian, in a bitmap of `1 << log2` words.
#[inline(always)]
pub fn triple_bit(triple: u32, log2: u32) -> (usize, u32) {
    let hash = (triple & 0xFF_FFFF).wrapping_mul(0x9E37_79B1);
    ((hash >> (32 - log2.clamp(1, 24))) as usize, hash >> 3 & 31)
}

/// The page of an atom among `pages`, and its check value. An atom of three bytes has a zero on top.
#[inline]
pub fn atom_place(atom: u32, pages: u32) -> (usize, u16) {
    // Other factors than the bitmaps': they and the pages must not share their collisions.
    let hash = u64::from(atom ^ (atom >> 15)).wrapping_mul(0xD1B5_4A32_D192_ED03);
    let page = (hash >> 32).wrapping_mul(pages.into()) >> 32;
    (page as usize, (hash >> 16) as u16)
}

/// Calls `each` with every atom, little-endian, that up to four bytes under masks (empty: all bits count) stand for,
/// each byte combined with `key`.
pub fn each_atom(value: &[u8], mask: &[u8], key: u8, each: &mut dyn FnMut(u32)) {
    each_from(value, mask, key, 0, each);
}

fn each_from(value: &[u8], mask: &[u8], key: u8, before: u32, each: &mut dyn FnMut(u32)) {
    let Some((&last, value)) = value.split_last() else { return each(before) };
    let (free, mask) = match mask.split_last() {
        Some((&mask, rest)) => (!mask, rest),
        None => (0, mask),
    };
    // The bits that don't count, as a number that runs through all its values.
    let mut bits = 0u8;
    loop {
        let byte = (last & !free | bits) ^ key;
        each_from(value, mask, key, before << 8 | u32::from(byte), each);
        bits = bits.wrapping_sub(free) & free;
        if bits == 0 {
            return;
        }
    }
}

/// How many bits of an atom are open; it stands for two to the power of that many byte strings.
pub fn open_bits(mask: &[u8]) -> u32 {
    mask.iter().map(|m| m.count_zeros()).sum()
}
