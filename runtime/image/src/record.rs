//! The records of every section, read and written through the same types.
//!
//! All are little-endian and unaligned. Offsets are relative to the smallest thing that holds both ends (a unit, a
//! page), so that an added rule changes its own page and nothing else.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::limits::{ENTRIES_PER_PAGE, SLOTS_PER_PAGE};

/// A slice of the blob of the unit (or of the globals section) that holds it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct Slice {
    /// First byte.
    pub offset: U32,
    /// Number of bytes.
    pub len: U32,
}

/// Start of the globals section; namespaces, externals and the blob follow.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct GlobalsHeader {
    /// Number of rules.
    pub rules: U32,
    /// Number of patterns.
    pub patterns: U32,
    /// Number of namespaces.
    pub namespaces: U32,
    /// Number of external variables.
    pub externals: U32,
    /// Length of the blob.
    pub blob_len: U32,
}

/// An external variable.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct External {
    /// Its name.
    pub name: Slice,
    /// A [`ValueKind`].
    pub kind: U32,
    /// Its value as [`ValueKind`] says.
    pub value: U64,
}

/// How the 64 bits of a metadata value, constant or external variable are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum ValueKind {
    /// Two's complement integer.
    Int = 0,
    /// IEEE 754 double.
    Float = 1,
    /// 0 or 1.
    Bool = 2,
    /// Blob slice: length in the high half, offset in the low half.
    Str = 3,
}

impl ValueKind {
    /// The kind with this number.
    pub fn new(kind: u32) -> Option<Self> {
        [Self::Int, Self::Float, Self::Bool, Self::Str].into_iter().find(|&k| k as u32 == kind)
    }
}

impl Slice {
    /// From offset and length.
    pub fn new(offset: u32, len: u32) -> Self {
        Slice { offset: U32::new(offset), len: U32::new(len) }
    }

    /// As the 64 bits of a [`ValueKind::Str`].
    pub fn to_bits(self) -> u64 {
        u64::from(self.len.get()) << 32 | u64::from(self.offset.get())
    }

    /// From the 64 bits of a [`ValueKind::Str`].
    pub fn from_bits(bits: u64) -> Self {
        Slice::new(bits as u32, (bits >> 32) as u32)
    }

    /// The bytes meant; empty where they leave `blob` (which `Image::parse` has excluded).
    pub fn of(self, blob: &[u8]) -> &[u8] {
        self.checked(blob).unwrap_or_default()
    }

    /// The bytes meant, if they are inside `blob`.
    pub fn checked(self, blob: &[u8]) -> Option<&[u8]> {
        let start = self.offset.get() as usize;
        blob.get(start..start.checked_add(self.len.get() as usize)?)
    }
}

/// A page of the rule table. The id of a rule is its page times [`SLOTS_PER_PAGE`] plus its slot.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct RulePage {
    /// Offset in the units section of the page's first unit.
    pub base: U32,
    /// The slots.
    pub slots: [RuleSlot; SLOTS_PER_PAGE],
}

/// Where a rule's unit is.
#[derive(Debug, Clone, Copy, Default, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct RuleSlot {
    /// Offset from the page's base.
    pub offset: U32,
    /// Length; zero is an empty slot.
    pub len: U32,
}

/// Start of a unit. Then follow variants, patterns, tags, metas, references, constants, instructions, set words, blob.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct UnitHeader {
    /// Bits of [`rule_flags`].
    pub flags: U16,
    /// Index of the namespace.
    pub namespace: U16,
    /// Rules are evaluated by ascending rank; references lead to lower ranks only.
    pub rank: U32,
    /// Its name.
    pub name: Slice,
    /// Number of [`Variant`]s.
    pub variants: U32,
    /// Number of [`Pattern`]s.
    pub patterns: U32,
    /// Number of tags ([`Slice`]s).
    pub tags: U32,
    /// Number of [`Meta`]s.
    pub metas: U32,
    /// Number of referenced rules (ids).
    pub references: U32,
    /// Number of constants (64 bits each).
    pub constants: U32,
    /// Number of [`crate::insn::Insn`]s.
    pub insns: U32,
    /// Number of 32-bit words of sets: a length, then that many pattern or reference indices, and so on.
    pub sets: U32,
    /// Length of the blob.
    pub blob_len: U32,
    /// Deepest evaluation stack.
    pub max_stack: U16,
    /// Number of local variables.
    pub locals: U16,
}

/// Flags of a rule.
pub mod rule_flags {
    /// Every rule of the namespace needs it.
    pub const GLOBAL: u16 = 1;
    /// Not reported.
    pub const PRIVATE: u16 = 2;
    /// All flags of this version.
    pub const KNOWN: u16 = GLOBAL | PRIVATE;
}

/// One metadata entry.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Meta {
    /// Its name.
    pub name: Slice,
    /// A [`ValueKind`].
    pub kind: U32,
    /// The value.
    pub value: U64,
}

/// A pattern of a rule: a run of variants, any of which is a match of it.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Pattern {
    /// `$a`, or `$`.
    pub id: Slice,
    /// Bits of [`pattern_flags`].
    pub flags: U32,
    /// Index of its first variant.
    pub first_variant: U32,
    /// Number of its variants.
    pub variants: U32,
    /// The one offset at which its matches are reported, or [`ANYWHERE`].
    pub only_at: U32,
}

/// A pattern whose matches are reported wherever they are.
pub const ANYWHERE: u32 = u32::MAX;

/// Flags of a pattern.
pub mod pattern_flags {
    /// Not reported.
    pub const PRIVATE: u32 = 1;
    /// The rule is evaluated when it matched.
    pub const TRIGGER: u32 = 2;
    /// Has no atom: searched at every position, when the condition asks for it.
    pub const SLOW: u32 = 4;
    /// All flags of this version.
    pub const KNOWN: u32 = PRIVATE | TRIGGER | SLOW;
}

/// One thing to compare at a candidate position.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Variant {
    /// A [`VariantKind`].
    pub kind: u8,
    /// Bits of [`variant_flags`].
    pub flags: u8,
    /// First xor key.
    pub xor_min: u8,
    /// Last xor key.
    pub xor_max: u8,
    /// Index of the pattern it belongs to.
    pub pattern: U32,
    /// Bytes, chain or program.
    pub body: Slice,
    /// For bytes: which bits of each count; empty when all do.
    pub mask: Slice,
    /// A backward program from the atom to the starts, or empty when the atom's offset is fixed.
    pub backward: Slice,
}

/// How a variant's body is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum VariantKind {
    /// Bytes under a mask.
    Bytes = 0,
    /// [`Piece`]s with gaps between them.
    Chain = 1,
    /// A [`crate::program::Program`].
    Program = 2,
}

impl VariantKind {
    /// The kind with this number.
    pub fn new(kind: u8) -> Option<Self> {
        [Self::Bytes, Self::Chain, Self::Program].into_iter().find(|&k| k as u8 == kind)
    }
}

/// Flags of a variant.
pub mod variant_flags {
    /// No letter or digit may touch it.
    pub const FULLWORD: u8 = 1;
    /// Its characters are two bytes each, the second zero.
    pub const WIDE: u8 = 2;
    /// Every key of its range is tried.
    pub const XOR: u8 = 4;
    /// All flags of this version.
    pub const KNOWN: u8 = FULLWORD | WIDE | XOR;
}

/// One piece of a chain: a gap, then bytes under a mask. The shortest gaps win, earlier ones first.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Piece {
    /// Least number of bytes before it.
    pub gap_min: U32,
    /// Greatest number of bytes before it; all ones is unbounded.
    pub gap_max: U32,
    /// The bytes, in the unit's blob.
    pub value: Slice,
    /// Which bits count; empty when all do.
    pub mask: Slice,
}

/// Start of the filter section; the 4-gram bitmap and the pair bitmap follow.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct FilterHeader {
    /// Binary logarithm of the number of 32-bit words of the 4-gram bitmap.
    pub gram_words_log2: U32,
    /// Binary logarithm of the number of atom pages.
    pub atom_pages_log2: U32,
    /// Binary logarithm of the number of short pages.
    pub short_pages_log2: U32,
    /// Zero.
    pub reserved: U32,
}

/// A page of atoms, addressed by hash. Entries are sorted by value.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct AtomPage {
    /// Number of entries used.
    pub count: U32,
    /// How many of the following pages (cyclically) hold entries that belong here.
    pub spill: U32,
    /// Zero.
    pub reserved: U64,
    /// The entries; unused ones are zero.
    pub entries: [AtomEntry; ENTRIES_PER_PAGE],
}

/// An atom: bytes that every match of a variant contains, and where.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned,
)]
#[repr(C)]
pub struct AtomEntry {
    /// The bytes, little-endian, short ones padded with zeros.
    pub gram: U32,
    /// Id of the rule.
    pub rule: U32,
    /// Index of the variant in the rule's unit.
    pub variant: U32,
    /// Offset of the atom in the variant, or, with a backward program, from where that program starts.
    pub offset: U16,
    /// Number of bytes: 4, or 2 or 3 in short pages.
    pub len: u8,
    /// Zero.
    pub reserved: u8,
}

/// Number of bits of the pair bitmap in bytes.
pub const PAIR_BITMAP_LEN: usize = 65_536 / 8;

/// Fibonacci hashing; the top bits are the good ones.
#[inline]
pub fn gram_hash(gram: u32) -> u32 {
    gram.wrapping_mul(0x9E37_79B1)
}

/// Page of a gram among `1 << log2` pages.
#[inline]
pub fn gram_page(gram: u32, log2: u32) -> usize {
    // A second multiplication: the filter and the pages must not share their collisions.
    let h = (gram ^ (gram >> 15)).wrapping_mul(0x85EB_CA6B);
    if log2 == 0 { 0 } else { (h >> (32 - log2.min(31))) as usize }
}

/// Word and bit of a gram in the 4-gram bitmap of `1 << log2` words.
#[inline]
pub fn gram_bit(gram: u32, log2: u32) -> (usize, u32) {
    ((gram_hash(gram) >> (32 - log2.clamp(1, 31))) as usize, gram & 31)
}
