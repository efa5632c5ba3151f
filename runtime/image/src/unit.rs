//! Views of a rule's unit and of the globals section: slices of records, cut once by the counts of their headers.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::insn::Insn;
use crate::record::{External, GlobalsHeader, Meta, Pattern, Run, Slice, UnitHeader, Variant};

/// Everything about one rule.
#[derive(Debug, Clone, Copy)]
pub struct Unit<'a> {
    /// Flags, namespace, rank and counts.
    pub header: &'a UnitHeader,
    /// What is compared at candidate positions, grouped by pattern.
    pub variants: &'a [Variant],
    /// Its patterns, in source order.
    pub patterns: &'a [Pattern],
    /// Its tags, in source order.
    pub tags: &'a [Slice],
    /// Its metadata, in source order.
    pub metas: &'a [Meta],
    /// Ids of the rules its condition refers to.
    pub references: &'a [U32],
    /// Constants of its condition.
    pub constants: &'a [U64],
    /// Its condition.
    pub insns: &'a [Insn],
    /// Sets of pattern or reference indices: a length, then the indices.
    pub sets: &'a [U32],
    /// Names, strings, literals and programs.
    pub blob: &'a [u8],
}

/// Counts, namespaces and external variables.
#[derive(Debug, Clone, Copy)]
pub struct Globals<'a> {
    /// The counts.
    pub header: &'a GlobalsHeader,
    /// Names of the namespaces, ascending.
    pub namespaces: &'a [Slice],
    /// The external variables, by name.
    pub externals: &'a [External],
    /// Names and strings.
    pub blob: &'a [u8],
}

fn take<'a, T>(bytes: &mut &'a [u8], count: u32) -> Option<&'a [T]>
where
    T: FromBytes + Immutable + KnownLayout + zerocopy::Unaligned,
{
    let (items, rest) = <[T]>::ref_from_prefix_with_elems(bytes, count as usize).ok()?;
    *bytes = rest;
    Some(items)
}

impl<'a> Unit<'a> {
    /// The unit in `bytes`, if they are exactly as long as its header says.
    pub fn view(bytes: &'a [u8]) -> Option<Self> {
        let (header, mut rest) = UnitHeader::ref_from_prefix(bytes).ok()?;
        let unit = Unit {
            header,
            variants: take(&mut rest, header.variants.get())?,
            patterns: take(&mut rest, header.patterns.get())?,
            tags: take(&mut rest, header.tags.get())?,
            metas: take(&mut rest, header.metas.get())?,
            references: take(&mut rest, header.references.get())?,
            constants: take(&mut rest, header.constants.get())?,
            insns: take(&mut rest, header.insns.get())?,
            sets: take(&mut rest, header.sets.get())?,
            blob: take(&mut rest, header.blob_len.get())?,
        };
        rest.is_empty().then_some(unit)
    }

    /// Its name.
    pub fn name(&self) -> &'a [u8] {
        self.header.name.of(self.blob)
    }

    /// The variants of a pattern, with their indices.
    pub fn variants_of(&self, pattern: usize) -> impl Iterator<Item = (u32, &'a Variant)> + use<'a> {
        let range = self.patterns.get(pattern).map_or(0..0, |p| {
            let first = p.first_variant.get();
            first..first.saturating_add(p.variants.get())
        });
        let variants = self.variants;
        range.filter_map(move |index| Some((index, variants.get(index as usize)?)))
    }

    /// The runs of a variant.
    pub fn runs(&self, variant: &Variant) -> &'a [Run] {
        <[Run]>::ref_from_bytes(variant.runs.of(self.blob)).unwrap_or_default()
    }

    /// The set at word `offset`.
    pub fn set(&self, offset: u32) -> Option<&'a [U32]> {
        let (len, rest) = self.sets.get(offset as usize..)?.split_first()?;
        rest.get(..len.get() as usize)
    }
}

impl<'a> Globals<'a> {
    /// The globals in `bytes`, if they are exactly as long as the header says.
    pub fn view(bytes: &'a [u8]) -> Option<Self> {
        let (header, mut rest) = GlobalsHeader::ref_from_prefix(bytes).ok()?;
        let globals = Globals {
            header,
            namespaces: take(&mut rest, header.namespaces.get())?,
            externals: take(&mut rest, header.externals.get())?,
            blob: take(&mut rest, header.blob_len.get())?,
        };
        rest.is_empty().then_some(globals)
    }
}
