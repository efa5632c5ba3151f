//! Images by hand: rules given as records and instructions, put into the sections that `Image::parse` proves.

#![allow(dead_code, reason = "every test uses a part of it")]

use hallmark_image::FileClass;
use hallmark_image::header::{
    FORMAT_MAJOR, FORMAT_MINOR, HEADER_LEN, Header, MAGIC, SECTION_TABLE, SectionKind, SectionRecord,
};
use hallmark_image::insn::{Insn, Op};
use hallmark_image::lanes::*;
use hallmark_image::limits::{ENTRIES_PER_PAGE, SECTION_ALIGN, SLOTS_PER_PAGE};
use hallmark_image::record::*;
use hallmark_image::selftest::SelfTestsHeader;
use sha2::{Digest, Sha256};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromZeros, IntoBytes};

#[derive(Debug, Clone)]
pub struct RuleSpec {
    pub name: &'static str,
    pub namespace: u16,
    pub flags: u16,
    pub rank: u32,
    pub gate: Gate,
    pub always: bool,
    pub patterns: Vec<PatternSpec>,
    pub references: Vec<u32>,
    pub constants: Vec<u64>,
    pub strings: Vec<Vec<u8>>,
    pub sets: Vec<u32>,
    pub locals: u16,
    pub insns: Vec<Insn>,
}

#[derive(Debug, Clone)]
pub struct PatternSpec {
    pub flags: u32,
    pub only_at: u32,
    pub variants: Vec<VariantSpec>,
}

#[derive(Debug, Clone)]
pub struct VariantSpec {
    pub body: Body,
    pub flags: u8,
    pub xor: (u8, u8),
    pub backward: Vec<u8>,
    /// Exact bytes that are searched for, and their offset.
    pub runs: Vec<(Vec<u8>, u16)>,
}

#[derive(Debug, Clone)]
pub enum Body {
    Bytes(Vec<u8>, Vec<u8>),
    /// Least gap, greatest gap, value, mask.
    Chain(Vec<(u32, u32, Vec<u8>, Vec<u8>)>),
    Program(Vec<u8>),
}

/// The gate that is always open.
pub const EVERY_FILE: Gate =
    Gate { classes: FileClass::EVERY, min_size: U32::ZERO, max_size: U32::new(u32::MAX) };
/// Searched in every file.
pub const TRIGGER: u32 = (FileClass::EVERY as u32) << pattern_flags::SEARCHED_SHIFT;

pub fn insn(op: Op, a: u8, b: u16, imm: u32) -> Insn {
    Insn::new(op, a, b, imm)
}

impl RuleSpec {
    /// A rule that matches when its condition, given as instructions, is true; evaluated always.
    pub fn new(name: &'static str, insns: Vec<Insn>) -> Self {
        RuleSpec {
            name,
            namespace: 0,
            flags: 0,
            rank: 1,
            gate: EVERY_FILE,
            always: true,
            patterns: Vec::new(),
            references: Vec::new(),
            constants: Vec::new(),
            strings: Vec::new(),
            sets: Vec::new(),
            locals: 0,
            insns,
        }
    }

    /// A rule that matches when any of its patterns does, and is triggered by each.
    pub fn any(patterns: Vec<PatternSpec>) -> Self {
        let mut rule = RuleSpec::new("any", vec![insn(Op::OfPatterns, 1, 0, 0)]);
        rule.sets = vec![patterns.len() as u32];
        rule.sets.extend(0..patterns.len() as u32);
        rule.patterns = patterns;
        rule.always = false;
        rule
    }
}

impl PatternSpec {
    pub fn new(variants: Vec<VariantSpec>) -> Self {
        PatternSpec { flags: TRIGGER, only_at: ANYWHERE, variants }
    }

    /// Plain bytes, searched for as a whole.
    pub fn literal(bytes: &[u8]) -> Self {
        let run = (bytes.to_vec(), 0);
        Self::new(vec![VariantSpec::new(Body::Bytes(bytes.to_vec(), vec![]), vec![run])])
    }

    /// Plain bytes without a run.
    pub fn slow(bytes: &[u8]) -> Self {
        let variants = vec![VariantSpec::new(Body::Bytes(bytes.to_vec(), vec![]), vec![])];
        PatternSpec { flags: 0, only_at: ANYWHERE, variants }
    }

    /// As it is, but searched for only when the condition asks for it.
    pub fn on_demand(self) -> Self {
        PatternSpec { flags: self.flags & !TRIGGER, ..self }
    }
}

impl VariantSpec {
    pub fn new(body: Body, runs: Vec<(Vec<u8>, u16)>) -> Self {
        VariantSpec { body, flags: 0, xor: (0, 0), backward: vec![], runs }
    }
}

/// The lane for a run, and where its atoms begin.
fn lane(bytes: &[u8]) -> (Lane, [u8; 4]) {
    match bytes.len() {
        7.. => (Lane::Main, [0, 1, 2, 3]),
        3..7 => (Lane::Short, [0; 4]),
        _ => (Lane::Pair, [0; 4]),
    }
}

#[derive(Default)]
struct Blob(Vec<u8>);

impl Blob {
    fn add(&mut self, bytes: &[u8]) -> Slice {
        let offset = self.0.len() as u32;
        self.0.extend_from_slice(bytes);
        Slice::new(offset, bytes.len() as u32)
    }
}

fn unit(rule: &RuleSpec) -> Vec<u8> {
    let mut blob = Blob::default();
    let name = blob.add(rule.name.as_bytes());
    let (mut variants, mut patterns) = (Vec::new(), Vec::new());
    for (i, pattern) in rule.patterns.iter().enumerate() {
        patterns.push(Pattern {
            id: blob.add(format!("${i}").as_bytes()),
            flags: U32::new(pattern.flags),
            first_variant: U32::new(variants.len() as u32),
            variants: U32::new(pattern.variants.len() as u32),
            only_at: U32::new(pattern.only_at),
        });
        for v in &pattern.variants {
            let mut mask = Slice::default();
            let (kind, body) = match &v.body {
                Body::Bytes(value, m) => {
                    mask = blob.add(m);
                    (VariantKind::Bytes, blob.add(value))
                }
                Body::Chain(pieces) => {
                    let pieces: Vec<Piece> = pieces
                        .iter()
                        .map(|(min, max, value, mask)| Piece {
                            gap_min: U32::new(*min),
                            gap_max: U32::new(*max),
                            value: blob.add(value),
                            mask: blob.add(mask),
                        })
                        .collect();
                    (VariantKind::Chain, blob.add(pieces.as_bytes()))
                }
                Body::Program(bytes) => (VariantKind::Program, blob.add(bytes)),
            };
            variants.push(Variant {
                kind: kind as u8,
                flags: v.flags,
                xor_min: v.xor.0,
                xor_max: v.xor.1,
                pattern: U32::new(i as u32),
                body,
                mask,
                backward: blob.add(&v.backward),
                runs: {
                    let run = |(bytes, offset): &(Vec<u8>, u16)| {
                        let (lane, atoms) = lane(bytes);
                        Run {
                            offset: U16::new(*offset),
                            len: bytes.len() as u8,
                            lane: lane as u8,
                            value: blob.add(bytes).offset,
                            mask: U32::new(EXACT),
                            atoms,
                        }
                    };
                    let runs: Vec<Run> = v.runs.iter().map(run).collect();
                    blob.add(runs.as_bytes())
                },
            });
        }
    }
    let strings: Vec<u64> = rule.strings.iter().map(|s| blob.add(s).to_bits()).collect();
    let constants: Vec<U64> = strings.iter().chain(&rule.constants).map(|&c| U64::new(c)).collect();
    let words = |words: &[u32]| words.iter().map(|&w| U32::new(w)).collect::<Vec<_>>();
    let header = UnitHeader {
        flags: U16::new(rule.flags),
        namespace: U16::new(rule.namespace),
        rank: U32::new(rule.rank),
        gate: rule.gate,
        name,
        variants: U32::new(variants.len() as u32),
        patterns: U32::new(patterns.len() as u32),
        tags: U32::ZERO,
        metas: U32::ZERO,
        references: U32::new(rule.references.len() as u32),
        constants: U32::new(constants.len() as u32),
        insns: U32::new(rule.insns.len() as u32),
        sets: U32::new(rule.sets.len() as u32),
        blob_len: U32::new(blob.0.len() as u32),
        max_stack: U16::new(32),
        locals: U16::new(rule.locals),
    };
    [
        header.as_bytes(),
        variants.as_bytes(),
        patterns.as_bytes(),
        words(&rule.references).as_bytes(),
        constants.as_bytes(),
        rule.insns.as_bytes(),
        words(&rule.sets).as_bytes(),
        &blob.0,
    ]
    .concat()
}

/// Ids are the rules' places; namespaces are called `n0`, `n1` and so on.
pub fn image(rules: &[RuleSpec], externals: &[(&str, ValueKind, u64)]) -> Vec<u8> {
    let namespaces = rules.iter().map(|r| r.namespace + 1).max().unwrap_or(1);
    let mut blob = Blob::default();
    let names: Vec<Slice> = (0..namespaces).map(|n| blob.add(format!("n{n}").as_bytes())).collect();
    let externals: Vec<External> = externals
        .iter()
        .map(|(name, kind, value)| External {
            name: blob.add(name.as_bytes()),
            kind: U32::new(*kind as u32),
            value: U64::new(*value),
        })
        .collect();
    let header = GlobalsHeader {
        rules: U32::new(rules.len() as u32),
        patterns: U32::new(rules.iter().map(|r| r.patterns.len() as u32).sum()),
        namespaces: U32::new(namespaces.into()),
        externals: U32::new(externals.len() as u32),
        blob_len: U32::new(blob.0.len() as u32),
    };
    let globals = [header.as_bytes(), names.as_bytes(), externals.as_bytes(), &blob.0].concat();
    let mut units = Vec::new();
    let mut pages = Vec::new();
    for chunk in rules.chunks(SLOTS_PER_PAGE) {
        let base = units.len() as u32;
        let mut page = RulePage { base: U32::new(base), slots: [RuleSlot::default(); SLOTS_PER_PAGE] };
        for (rule, slot) in chunk.iter().zip(&mut page.slots) {
            let bytes = unit(rule);
            slot.offset = U32::new(units.len() as u32 - base);
            slot.len = U32::new(bytes.len() as u32);
            units.extend(bytes);
        }
        pages.push(page);
    }
    let always: Vec<AlwaysEntry> = rules
        .iter()
        .enumerate()
        .filter(|(_, r)| r.always)
        .map(|(i, r)| AlwaysEntry { rule: U32::new(i as u32), gate: r.gate })
        .collect();
    let (main, short): (Vec<_>, Vec<_>) = entries(rules).into_iter().partition(|a| a.window.is_some());
    let (atoms, shorts) = (fill(&main), fill(&short));
    // One size for all bitmaps but that of the pairs; all classes have the same.
    let log2 = 8;
    let sizes = ClassHeader { grams: log2, windows: log2, pairs: PAIR_WORDS.ilog2() as u8, triples: log2 };
    let header = FilterHeader {
        atom_pages: U32::new(atoms.len() as u32),
        short_pages: U32::new(shorts.len() as u32),
        classes: [sizes; FileClass::COUNT],
    };
    let log2 = u32::from(log2);
    let bitmap = |words: usize, bits: Vec<(usize, u32)>| {
        let mut map = vec![U32::ZERO; words];
        bits.into_iter().for_each(|(word, bit)| map[word] |= U32::new(1 << bit));
        map
    };
    let windows = main.iter().filter_map(|a| a.window);
    let pairs = short.iter().flat_map(|a| [a.bytes as u16, (a.bytes >> 8) as u16]);
    let maps = [
        bitmap(1 << log2, main.iter().map(|a| gram_bit(a.bytes, log2)).collect()),
        bitmap(1 << log2, windows.flat_map(|(kind, w)| window_bits(kind, w, log2)).collect()),
        bitmap(PAIR_WORDS, pairs.map(pair_bit).collect()),
        bitmap(1 << log2, short.iter().map(|a| triple_bit(a.bytes, log2)).collect()),
    ]
    .concat();
    let filter = [header.as_bytes(), vec![maps; FileClass::COUNT].concat().as_bytes()].concat();
    let self_tests = SelfTestsHeader::default();
    frame(&[
        &globals,
        pages.as_bytes(),
        &units,
        always.as_bytes(),
        &filter,
        atoms.as_bytes(),
        shorts.as_bytes(),
        self_tests.as_bytes(),
    ])
}

struct Atom {
    bytes: u32,
    /// Of the main lane.
    window: Option<(WindowKind, u64)>,
    entry: AtomEntry,
}

/// The atoms of all patterns that are searched always.
fn entries(rules: &[RuleSpec]) -> Vec<Atom> {
    let mut atoms = Vec::new();
    for (id, rule) in rules.iter().enumerate() {
        let variants = rule.patterns.iter().flat_map(|p| p.variants.iter().map(move |v| (p, v)));
        for (index, (pattern, variant)) in variants.enumerate() {
            let keys = || variant.xor.0..=variant.xor.1;
            let runs = variant.runs.iter().filter(|_| pattern.flags & TRIGGER != 0);
            let runs = runs.flat_map(|(bytes, offset)| keys().map(move |key| (bytes, offset, key)));
            for (bytes, offset, key) in runs {
                let bytes: Vec<u8> = bytes.iter().map(|b| b ^ key).collect();
                let (lane, places) = lane(&bytes);
                assert_ne!(lane, Lane::Pair, "two bytes can't be searched for always");
                for &at in &places[..lane.atoms()] {
                    let at = usize::from(at);
                    let mut atom = [0; 4];
                    atom[..lane.width()].copy_from_slice(&bytes[at..at + lane.width()]);
                    let atom = u32::from_le_bytes(atom);
                    let after = bytes.get(at..at + WINDOW).map(|w| u64::from_le_bytes(w.try_into().unwrap()));
                    let window = match after {
                        Some(window) => (WindowKind::After, fold(window)),
                        None => (WindowKind::Alone, atom.into()),
                    };
                    let entry = AtomEntry {
                        check: U16::ZERO,
                        rule: U32::new(id as u32),
                        variant: U16::new(index as u16),
                        offset: U16::new(offset + at as u16),
                    };
                    atoms.push(Atom { bytes: atom, window: (lane == Lane::Main).then_some(window), entry });
                }
            }
        }
    }
    atoms
}

/// Pages as full as they get, so that spilling is tested too.
fn fill(atoms: &[Atom]) -> Vec<AtomPage> {
    let count = atoms.len().div_ceil(ENTRIES_PER_PAGE).max(1);
    let mut used: Vec<Vec<AtomEntry>> = vec![Vec::new(); count];
    let mut spill = vec![0; count];
    for atom in atoms {
        let (home, check) = atom_place(atom.bytes, count as u32);
        let distance = (0..count).find(|d| used[(home + d) % count].len() < ENTRIES_PER_PAGE).unwrap();
        used[(home + distance) % count].push(AtomEntry { check: U16::new(check), ..atom.entry });
        spill[home] = spill[home].max(distance as u32);
    }
    let page = |(mut used, spill): (Vec<AtomEntry>, u32)| {
        used.sort_unstable();
        let mut page: AtomPage = FromZeros::new_zeroed();
        (page.count, page.spill) = (U16::new(used.len() as u16), U32::new(spill));
        page.entries[..used.len()].copy_from_slice(&used);
        page
    };
    used.into_iter().zip(spill).map(page).collect()
}

fn frame(sections: &[&[u8]]) -> Vec<u8> {
    let mut image = vec![0; HEADER_LEN];
    let mut records = Vec::new();
    for (kind, bytes) in SectionKind::ALL.iter().zip(sections) {
        image.resize(image.len().next_multiple_of(SECTION_ALIGN as usize), 0);
        records.push(SectionRecord {
            kind: U32::new(*kind as u32),
            flags: U32::ZERO,
            offset: U64::new(image.len() as u64),
            len: U64::new(bytes.len() as u64),
            elem_size: U32::new(1),
            elem_count: U32::new(bytes.len() as u32),
            sha256: Sha256::digest(bytes).into(),
        });
        image.extend_from_slice(bytes);
    }
    let header = Header {
        magic: MAGIC,
        major: U16::new(FORMAT_MAJOR),
        minor: U16::new(FORMAT_MINOR),
        header_len: U32::new(HEADER_LEN as u32),
        image_len: U64::new(image.len() as u64),
        section_count: U32::new(records.len() as u32),
        flags: U32::ZERO,
        source_digest: [0; 32],
        options_digest: [0; 32],
        schema: hallmark_image::schema::FINGERPRINT,
    };
    image[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    let table = records.as_bytes();
    image[SECTION_TABLE..SECTION_TABLE + table.len()].copy_from_slice(table);
    image
}
