//! The records of every section, read and written through the same types.
//!
//! All are little-endian and unaligned. Offsets are relative to the smallest thing that holds both ends (a unit, a
//! page), so that an added rule changes its own page and nothing else.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::class::FileClass;
use crate::lanes::Lane;
use crate::limits::SLOTS_PER_PAGE;

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
    /// Files that the rule can match.
    pub gate: Gate,
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

/// What is known of the files that a rule can match, without looking beyond their first bytes and their size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Gate {
    /// Bits of [`FileClass`].
    pub classes: u8,
    /// Least size.
    pub min_size: U32,
    /// Greatest size; all ones is unbounded.
    pub max_size: U32,
}

impl Gate {
    /// Whether a file of this class and size can be matched.
    #[inline]
    pub fn admits(&self, class: FileClass, size: u64) -> bool {
        let max = match self.max_size.get() {
            u32::MAX => u64::MAX,
            max => u64::from(max),
        };
        self.classes & class.bit() != 0 && (u64::from(self.min_size.get())..=max).contains(&size)
    }

    /// Whether a file of this class can be matched that has at least `size` bytes, and perhaps more.
    pub fn admits_longer(&self, class: FileClass, size: u64) -> bool {
        self.admits(class, size.max(self.min_size.get().into()))
    }
}

/// A rule that is evaluated whatever matched.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct AlwaysEntry {
    /// Its id.
    pub rule: U32,
    /// Its gate, as in its unit.
    pub gate: Gate,
}

/// Flags of a rule.
pub mod rule_flags {
    /// Every rule of the namespace needs it.
    pub const GLOBAL: u16 = 1;
    /// Not reported.
    pub const PRIVATE: u16 = 2;
    /// The condition asks for what only whole files tell: a module that reads them, bytes far from their start, the
    /// entry point. In a stream that may stay unknown.
    pub const WHOLE_FILE: u16 = 4;
    /// A match of some pattern may be longer than what is kept of a stream.
    pub const LONG_MATCHES: u16 = 8;
    /// The condition can hold only for data that have a size, such as files; memory has none.
    pub const SIZED: u16 = 16;
    /// All flags of this version.
    pub const KNOWN: u16 = GLOBAL | PRIVATE | WHOLE_FILE | LONG_MATCHES | SIZED;
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
    /// The condition asks only whether it matches, never where or how often.
    pub const EXISTENCE: u32 = 2;
    /// The condition asks only whether it matches at constant offsets.
    pub const ANCHORED: u32 = 4;
    /// From this bit on, a bit for each class of files in which the pattern is a trigger: its atoms are in the filter,
    /// so that it is searched in every such file, and a match has its rule evaluated. In other files it is searched when
    /// a condition asks for it.
    pub const SEARCHED_SHIFT: u32 = 8;
    /// All flags of this version.
    pub const KNOWN: u32 =
        PRIVATE | EXISTENCE | ANCHORED | (crate::class::FileClass::EVERY as u32) << SEARCHED_SHIFT;
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
    /// For bytes: which bits of each count; empty when all do. For a program: [`Piece`]s that every match begins with, as
    /// far as is known. For a chain empty.
    pub mask: Slice,
    /// A backward program from the atom to the starts, or empty when the atom's offset is fixed.
    pub backward: Slice,
    /// [`Run`]s, one of which every match has; empty when the pattern has to be tried at every position.
    pub runs: Slice,
}

/// Bytes in a row, and which of them to search for. The bytes are in the unit's blob.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Run {
    /// Offset of its first byte in the match, or, with a backward program, from where that program starts.
    pub offset: U16,
    /// Number of bytes.
    pub len: u8,
    /// A [`Lane`].
    pub lane: u8,
    /// Where the bytes begin.
    pub value: U32,
    /// Where their masks begin; all ones when every bit counts.
    pub mask: U32,
    /// Where, in the run, its atoms begin: for the main lane one for each remainder of four, else one, then zeros.
    pub atoms: [u8; 4],
}

/// A [`Run`] without masks.
pub const EXACT: u32 = u32::MAX;

impl Pattern {
    /// Whether it is a trigger in files of a class.
    pub fn is_searched(&self, class: FileClass) -> bool {
        self.flags.get() >> pattern_flags::SEARCHED_SHIFT & u32::from(class.bit()) != 0
    }
}

impl Run {
    /// The run's bytes and masks (empty when exact), if they are inside `blob`.
    pub fn bytes<'a>(&self, blob: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let part = |at: U32| blob.get(at.get() as usize..)?.get(..usize::from(self.len));
        let mask = if self.mask.get() == EXACT { &[][..] } else { part(self.mask)? };
        Some((part(self.value)?, mask))
    }

    /// Its lane and where its atoms begin, if it has a known lane.
    pub fn atoms(&self) -> Option<(Lane, &[u8])> {
        let lane = Lane::new(self.lane)?;
        Some((lane, self.atoms.get(..lane.atoms())?))
    }
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
