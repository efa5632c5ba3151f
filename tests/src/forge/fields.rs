//! Where the fields of an image are. Input: a valid image. Output: every field of its header, section table and records,
//! with a name, and of what varies in length (words of bitmaps, bytes of patterns and programs) the first ones.

use std::mem::offset_of;

use hallmark_image::header::{Header, SECTION_TABLE, SectionRecord};
use hallmark_image::insn::{Imm, Insn, Op};
use hallmark_image::lanes::{AtomEntry, AtomPage, ClassHeader, FilterHeader};
use hallmark_image::record::{
    AlwaysEntry, External, Gate, GlobalsHeader, Meta, Pattern, Piece, RulePage, RuleSlot, Run, Slice,
    UnitHeader, Variant, VariantKind,
};
use hallmark_image::selftest::{SelfTestRecord, SelfTestsHeader};
use hallmark_image::{FileClass, Image, SectionKind, Unit};
use zerocopy::little_endian::{U16, U32, U64};

/// A number in an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Such as `units[3].patterns[0].flags`.
    pub name: String,
    /// Offset of its first byte in the image.
    pub at: usize,
    /// Number of bytes: 1, 2, 4 or 8. The lowest comes first.
    pub width: usize,
}

impl Field {
    /// Its value in `image`, of which it is a field.
    pub fn value(&self, image: &[u8]) -> u64 {
        let mut bytes = [0; 8];
        bytes[..self.width].copy_from_slice(&image[self.at..self.at + self.width]);
        u64::from_le_bytes(bytes)
    }

    /// Gives it another value; what doesn't fit is cut off.
    pub fn set(&self, image: &mut [u8], value: u64) {
        image[self.at..self.at + self.width].copy_from_slice(&value.to_le_bytes()[..self.width]);
    }

    /// The greatest value it can have.
    pub fn max(&self) -> u64 {
        u64::MAX >> (64 - 8 * self.width)
    }

    /// The name without indices: the same for all fields that mean the same.
    pub fn kind(&self) -> String {
        let mut depth = 0;
        let outside = |c: &char| {
            depth += usize::from(*c == '[');
            let outside = depth == 0;
            depth -= usize::from(*c == ']');
            outside
        };
        self.name.chars().filter(outside).collect()
    }
}

/// Something with fields.
trait Layout {
    /// Lists the fields of one that lies at `at`.
    fn fields(at: usize, name: &str, out: &mut Vec<Field>);
}

macro_rules! numbers {
    ($($number:ty),*) => { $(
        impl Layout for $number {
            fn fields(at: usize, name: &str, out: &mut Vec<Field>) {
                out.push(Field { name: name.to_owned(), at, width: size_of::<$number>() });
            }
        }
    )* };
}
numbers!(u8, U16, U32, U64);

impl<T: Layout, const N: usize> Layout for [T; N] {
    fn fields(at: usize, name: &str, out: &mut Vec<Field>) {
        list::<T>(at, N, name, out);
    }
}

/// So many of them in a row.
fn list<T: Layout>(at: usize, count: usize, name: &str, out: &mut Vec<Field>) {
    for index in 0..count {
        T::fields(at + index * size_of::<T>(), &format!("{name}[{index}]"), out);
    }
}

// Every field has to be named with its type: a record that gets another one does not compile here.
macro_rules! records {
    ($($record:ident { $($field:ident: $ty:ty),* })*) => { $(
        impl Layout for $record {
            fn fields(at: usize, name: &str, out: &mut Vec<Field>) {
                let _ = |record: &$record| {
                    let $record { $($field),* } = record;
                    $(let _: &$ty = $field;)*
                };
                $(<$ty>::fields(at + offset_of!($record, $field), &format!("{name}.{}", stringify!($field)), out);)*
            }
        }
    )* };
}
records! {
    Header { magic: [u8; 8], major: U16, minor: U16, header_len: U32, image_len: U64, section_count: U32, flags: U32,
        source_digest: [u8; 32], options_digest: [u8; 32], schema: [u8; 32] }
    SectionRecord { kind: U32, flags: U32, offset: U64, len: U64, elem_size: U32, elem_count: U32, sha256: [u8; 32] }
    Slice { offset: U32, len: U32 }
    GlobalsHeader { rules: U32, patterns: U32, namespaces: U32, externals: U32, blob_len: U32 }
    External { name: Slice, kind: U32, value: U64 }
    RulePage { base: U32, slots: [RuleSlot; 32] }
    RuleSlot { offset: U32, len: U32 }
    UnitHeader { flags: U16, namespace: U16, rank: U32, gate: Gate, name: Slice, variants: U32, patterns: U32,
        tags: U32, metas: U32, references: U32, constants: U32, insns: U32, sets: U32, blob_len: U32, max_stack: U16,
        locals: U16 }
    Gate { classes: u8, min_size: U32, max_size: U32 }
    AlwaysEntry { rule: U32, gate: Gate }
    Meta { name: Slice, kind: U32, value: U64 }
    Pattern { id: Slice, flags: U32, first_variant: U32, variants: U32, only_at: U32 }
    Variant { kind: u8, flags: u8, xor_min: u8, xor_max: u8, pattern: U32, body: Slice, mask: Slice, backward: Slice,
        runs: Slice }
    Run { offset: U16, len: u8, lane: u8, value: U32, mask: U32, atoms: [u8; 4] }
    Piece { gap_min: U32, gap_max: U32, value: Slice, mask: Slice }
    Insn { op: u8, a: u8, b: U16, imm: U32 }
    FilterHeader { atom_pages: U32, short_pages: U32, classes: [ClassHeader; 3] }
    ClassHeader { grams: u8, windows: u8, pairs: u8, triples: u8 }
    AtomEntry { check: U16, rule: U32, variant: U16, offset: U16 }
    SelfTestsHeader { tests: U32, rules: U32, blob_len: U32 }
    SelfTestRecord { input: Slice, rules: U32 }
}

/// Words of a bitmap, and bytes of a text or literal, that are fields.
const SOME: usize = 12;

/// Every field of `bytes`, which are an image, by offset. The digests of sections are left out.
///
/// # Panics
/// They are no image.
pub fn fields(bytes: &[u8]) -> Vec<Field> {
    let image = Image::parse(bytes).expect("a valid image");
    let mut out = Vec::new();
    Header::fields(0, "header", &mut out);
    list::<SectionRecord>(SECTION_TABLE, SectionKind::ALL.len(), "table", &mut out);
    out.retain(|field| !field.name.contains(".sha256"));
    for (kind, record) in image.sections() {
        let mut walk = Walk { at: record.offset.get() as usize, name: kind.name().to_owned(), out: &mut out };
        match kind {
            SectionKind::Globals => globals(&image, &mut walk),
            SectionKind::Rules => list::<RulePage>(walk.at, image.rule_slots() / 32, kind.name(), walk.out),
            SectionKind::Units => {
                for (id, unit) in image.rules() {
                    let own = image.unit_bytes(id).expect("a rule has a unit");
                    walk.at = own.as_ptr().addr() - bytes.as_ptr().addr();
                    walk.name = format!("units[{}]", id.get());
                    of_unit(&unit, &mut walk);
                }
            }
            SectionKind::Always => walk.many::<AlwaysEntry>("", image.always().len()),
            SectionKind::Filter => filter(&image, &mut walk),
            SectionKind::Atoms => pages(image.filter().atoms, &mut walk),
            SectionKind::Shorts => pages(image.filter().shorts, &mut walk),
            SectionKind::SelfTest => {
                let tests = image.self_tests();
                walk.one::<SelfTestsHeader>("");
                walk.many::<SelfTestRecord>(".tests", tests.len());
                walk.many::<U32>(".rules", tests.iter().map(|test| test.rules().len()).sum());
                walk.many::<u8>(".blob", SOME);
            }
        }
    }
    out.retain(|field| field.at + field.width <= bytes.len());
    out.sort_by_key(|field| (field.at, field.width));
    out.dedup_by_key(|field| (field.at, field.width));
    out
}

/// Goes through a section.
struct Walk<'o> {
    at: usize,
    name: String,
    out: &'o mut Vec<Field>,
}

impl Walk<'_> {
    fn one<T: Layout>(&mut self, what: &str) {
        T::fields(self.at, &format!("{}{what}", self.name), self.out);
        self.at += size_of::<T>();
    }

    fn many<T: Layout>(&mut self, what: &str, count: usize) {
        list::<T>(self.at, count, &format!("{}{what}", self.name), self.out);
        self.at += count * size_of::<T>();
    }

    /// What lies further on, without going there.
    fn there<T: Layout>(&mut self, what: &str, slice: Slice, most: usize) {
        let (at, count) = (self.at + slice.offset.get() as usize, slice.len.get() as usize / size_of::<T>());
        list::<T>(at, count.min(most), &format!("{}{what}", self.name), self.out);
    }
}

fn globals(image: &Image<'_>, walk: &mut Walk<'_>) {
    let globals = image.globals();
    walk.one::<GlobalsHeader>("");
    walk.many::<Slice>(".namespaces", globals.namespaces.len());
    walk.many::<External>(".externals", globals.externals.len());
    walk.many::<u8>(".blob", globals.blob.len().min(SOME));
}

fn of_unit(unit: &Unit<'_>, walk: &mut Walk<'_>) {
    walk.one::<UnitHeader>("");
    walk.many::<Variant>(".variants", unit.variants.len());
    walk.many::<Pattern>(".patterns", unit.patterns.len());
    walk.many::<Slice>(".tags", unit.tags.len());
    walk.many::<Meta>(".metas", unit.metas.len());
    walk.many::<U32>(".references", unit.references.len());
    walk.many::<U64>(".constants", unit.constants.len());
    walk.many::<Insn>(".insns", unit.insns.len());
    walk.many::<U32>(".sets", unit.sets.len());
    walk.there::<u8>(".name", unit.header.name, 1);
    for pattern in unit.patterns {
        walk.there::<u8>(".id", pattern.id, 1);
    }
    for variant in unit.variants {
        walk.there::<Run>(".runs", variant.runs, usize::MAX);
        walk.there::<u8>(".backward", variant.backward, usize::MAX);
        match VariantKind::new(variant.kind).expect("a proved kind") {
            VariantKind::Bytes => {
                walk.there::<u8>(".value", variant.body, SOME);
                walk.there::<u8>(".mask", variant.mask, SOME);
            }
            VariantKind::Chain => walk.there::<Piece>(".pieces", variant.body, usize::MAX),
            VariantKind::Program => {
                walk.there::<u8>(".program", variant.body, usize::MAX);
                walk.there::<Piece>(".outline", variant.mask, usize::MAX);
            }
        }
    }
    for insn in unit.insns {
        let (_, _, imm) = Op::new(insn.op).expect("a proved instruction").effect();
        if imm == Imm::Regex {
            let bits = unit.constants[insn.imm.get() as usize].get();
            walk.there::<u8>(".program", Slice::from_bits(bits), usize::MAX);
        }
    }
}

fn filter(image: &Image<'_>, walk: &mut Walk<'_>) {
    let filter = image.filter();
    walk.one::<FilterHeader>("");
    for class in FileClass::ALL {
        let bitmaps = filter.class(class);
        for bitmap in [bitmaps.grams, bitmaps.windows, bitmaps.pairs, bitmaps.triples] {
            let used = bitmap.iter().enumerate().filter(|(_, word)| word.get() != 0).map(|(index, _)| index);
            for index in used.take(SOME) {
                U32::fields(walk.at + index * size_of::<U32>(), "filter.words", walk.out);
            }
            walk.at += size_of_val(bitmap);
        }
    }
}

fn pages(pages: &[AtomPage], walk: &mut Walk<'_>) {
    for page in pages {
        let (at, name) = (walk.at, walk.name.clone());
        U16::fields(at + offset_of!(AtomPage, count), &format!("{name}.count"), walk.out);
        U32::fields(at + offset_of!(AtomPage, spill), &format!("{name}.spill"), walk.out);
        u8::fields(at + offset_of!(AtomPage, reserved), &format!("{name}.reserved"), walk.out);
        // The first that is not used too.
        let used = usize::from(page.count.get()).saturating_add(1).min(page.entries.len());
        let entries = at + offset_of!(AtomPage, entries);
        list::<AtomEntry>(entries, used, &format!("{name}.entries"), walk.out);
        walk.at += size_of::<AtomPage>();
    }
}
