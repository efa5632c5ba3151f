//! Tables of the candidate search: bitmaps that say where to look, and hash-addressed pages of atoms.

use hallmark_image::FileClass;
use hallmark_image::lanes::{
    AtomEntry, AtomPage, ClassHeader, FilterHeader, GRAM, PAIR_WORDS, WINDOW, WORDS_LOG2, WindowKind,
    atom_place, each_atom, fold, gram_bit, pair_bit, triple_bit, window_bits,
};
use hallmark_image::limits::ENTRIES_PER_PAGE;
use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromZeros, IntoBytes};

use crate::ir::LoweredRule;
use crate::lower::{Atoms, LoweredVariant, MaskedByte, Run};
use crate::plan::Plan;

/// Bits of the bitmaps of 4-grams and windows for each atom: about one probe in 24 then hits by chance.
const BITS_PER_ATOM: usize = 24;
/// The largest bitmap: 4 MiB. Larger ones than a second-level cache holds are slow to probe, but smaller ones in which
/// half of the probes hit are slower.
const MAX_WORDS_LOG2: u32 = 20;

/// Sections of the candidate search.
#[derive(Debug)]
pub struct Tables {
    /// The filter section.
    pub filter: Vec<u8>,
    /// Pages of the main lane.
    pub atoms: Vec<AtomPage>,
    /// Pages of the short lane.
    pub shorts: Vec<AtomPage>,
    /// Number of atoms in the main lane.
    pub atom_count: u32,
    /// Number of atoms in the short lane.
    pub short_count: u32,
}

/// An atom to search for: its bytes, what surrounds them, and where it leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Atom {
    /// The bytes, little-endian; those of the short lane have a zero on top.
    bytes: u32,
    /// For the main lane, what the second bitmap sees.
    window: Option<(WindowKind, u64)>,
    /// Bits of the classes of files in which it is searched for.
    classes: u8,
    /// Rule, variant and offset; the check value is filled in when the number of pages is known.
    rule: u32,
    variant: u16,
    offset: u16,
}

/// The atoms of the triggers of one rule.
pub fn atoms(rule: &LoweredRule<'_>, plan: &Plan, id: u32) -> Vec<Atom> {
    let mut atoms = Vec::new();
    let mut variant = 0u16;
    for (lowered, &classes) in rule.patterns.iter().zip(&plan.searched) {
        for v in &lowered.variants {
            if classes != 0 {
                let place = Atom { bytes: 0, window: None, classes, rule: id, variant, offset: 0 };
                v.runs.iter().for_each(|run| expand(v, run, place, &mut atoms));
            }
            variant = variant.saturating_add(1);
        }
    }
    // Equal texts of one rule, say.
    atoms.sort_unstable();
    atoms.dedup();
    atoms
}

/// Every byte string that an atom of a run can be.
fn expand(variant: &LoweredVariant, run: &Run, place: Atom, out: &mut Vec<Atom>) {
    for key in variant.xor.0..=variant.xor.1 {
        for (at, len) in run.atoms() {
            let Some(bytes) = run.bytes.get(at..at + len) else { continue };
            let window = matches!(run.atoms, Atoms::Main(_)).then(|| window(&run.bytes, at, key));
            let offset = run.offset.saturating_add(at as u16);
            let (value, mask): (Vec<u8>, Vec<u8>) = bytes.iter().map(|b| (b.value, b.mask)).unzip();
            each_atom(&value, &mask, key, &mut |bytes| {
                // An atom that stands alone is its own window.
                let window = window.map(|w| w.unwrap_or((WindowKind::Alone, bytes.into())));
                out.push(Atom { bytes, window, offset, ..place });
            });
        }
    }
}

/// The eight bytes, folded, that stand around the atom at `at` of a run, if it has them.
fn window(run: &[MaskedByte], at: usize, key: u8) -> Option<(WindowKind, u64)> {
    let folded = |from: usize| {
        let bytes = run.get(from..from + WINDOW)?;
        // Letter case is all that may be open.
        let closed = bytes.iter().all(|b| b.is_letter());
        let window = bytes.iter().rev().fold(0, |w: u64, b| w << 8 | u64::from(b.value ^ key));
        closed.then(|| fold(window))
    };
    let after = || folded(at).map(|w| (WindowKind::After, w));
    let before = || folded(at.checked_sub(WINDOW - GRAM)?).map(|w| (WindowKind::Before, w));
    after().or_else(before)
}

/// Builds the tables from all atoms, in any order.
pub fn build(atoms: Vec<Atom>) -> Tables {
    let (main, short): (Vec<_>, Vec<_>) = atoms.into_iter().partition(|a| a.window.is_some());
    let (pages, shorts) = (pages(&main), pages(&short));
    let mut header = FilterHeader {
        atom_pages: U32::new(pages.len() as u32),
        short_pages: U32::new(shorts.len() as u32),
        classes: [ClassHeader::default(); FileClass::COUNT],
    };
    let mut words = Vec::new();
    for (class, sizes) in FileClass::ALL.into_iter().zip(&mut header.classes) {
        let of_class = |atoms: &[Atom]| -> Vec<Atom> {
            atoms.iter().filter(|a| a.classes & class.bit() != 0).copied().collect()
        };
        let (main, short) = (of_class(&main), of_class(&short));
        if !main.is_empty() {
            let log2 = words_log2(main.len(), MAX_WORDS_LOG2);
            sizes.grams = log2 as u8;
            words.extend(bitmap(1 << log2, main.iter().map(|a| gram_bit(a.bytes, log2))));
            // Two bits of half as many: one window in some hundred passes by chance.
            let log2 = words_log2(main.len() / 2, MAX_WORDS_LOG2);
            sizes.windows = log2 as u8;
            let windows = main.iter().filter_map(|a| a.window);
            words.extend(bitmap(1 << log2, windows.flat_map(|(kind, w)| window_bits(kind, w, log2))));
        }
        if !short.is_empty() {
            let log2 = words_log2(short.len(), MAX_WORDS_LOG2);
            (sizes.pairs, sizes.triples) = (PAIR_WORDS.ilog2() as u8, log2 as u8);
            let pairs = short.iter().flat_map(|a| [a.bytes as u16, (a.bytes >> 8) as u16]);
            words.extend(bitmap(PAIR_WORDS, pairs.map(pair_bit)));
            words.extend(bitmap(1 << log2, short.iter().map(|a| triple_bit(a.bytes, log2))));
        }
    }
    Tables {
        filter: [header.as_bytes(), words.as_bytes()].concat(),
        atom_count: main.len() as u32,
        short_count: short.len() as u32,
        atoms: pages,
        shorts,
    }
}

/// The size of a bitmap for so many atoms.
fn words_log2(atoms: usize, max: u32) -> u32 {
    let wanted = (atoms * BITS_PER_ATOM).div_ceil(32).next_power_of_two().ilog2();
    let sizes = WORDS_LOG2.into_iter().filter(|&log2| log2 <= max);
    sizes.clone().find(|&log2| log2 >= wanted).or(sizes.max()).unwrap_or(max)
}

fn bitmap(words: usize, bits: impl Iterator<Item = (usize, u32)>) -> Vec<U32> {
    let mut map = vec![0u32; words];
    bits.for_each(|(word, bit)| map[word] |= 1 << bit);
    map.into_iter().map(U32::new).collect()
}

/// The number of pages for so many atoms: with slack, and in few steps, so that an added rule seldom changes it.
fn page_count(atoms: usize) -> usize {
    let wanted = (atoms * 5 / 3).div_ceil(ENTRIES_PER_PAGE).max(1);
    // A quarter of the power of two below.
    let step = (1usize << wanted.ilog2()).div_ceil(4);
    wanted.next_multiple_of(step)
}

/// Distributes atoms over pages; what does not fit its page goes on in the next ones.
fn pages(atoms: &[Atom]) -> Vec<AtomPage> {
    let count = page_count(atoms.len());
    let mut entries: Vec<(usize, AtomEntry)> = atoms
        .iter()
        .map(|atom| {
            let (page, check) = atom_place(atom.bytes, count as u32);
            let entry = AtomEntry {
                check: U16::new(check),
                rule: U32::new(atom.rule),
                variant: U16::new(atom.variant),
                offset: U16::new(atom.offset),
            };
            (page, entry)
        })
        .collect();
    entries.sort_unstable();
    entries.dedup();
    let mut filled: Vec<Vec<AtomEntry>> = vec![Vec::new(); count];
    let mut spill = vec![0usize; count];
    for (home, entry) in entries {
        // There are fewer entries than places, so some page has room; none nearer
        // than this home's last entry, for a full page stays full.
        let distance = (spill[home]..count)
            .find(|d| filled[(home + d) % count].len() < ENTRIES_PER_PAGE)
            .unwrap_or_default();
        filled[(home + distance) % count].push(entry);
        spill[home] = spill[home].max(distance);
    }
    let page = |(mut used, spill): (Vec<AtomEntry>, usize)| {
        used.sort_unstable();
        let mut page: AtomPage = FromZeros::new_zeroed();
        (page.count, page.spill) = (U16::new(used.len() as u16), U32::new(spill as u32));
        page.entries.iter_mut().zip(used).for_each(|(slot, entry)| *slot = entry);
        page
    };
    filled.into_iter().zip(spill).map(page).collect()
}
