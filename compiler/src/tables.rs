//! Tables of the candidate search: bitmaps that say where to look, and hash-addressed pages of atoms.

use hallmark_image::limits::ENTRIES_PER_PAGE;
use hallmark_image::record::{AtomEntry, AtomPage, FilterHeader, PAIR_BITMAP_LEN, gram_bit, gram_page};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromZeros, IntoBytes};

use crate::ir::LoweredRule;

/// Sections of the candidate search.
#[derive(Debug)]
pub struct Tables {
    /// The filter section.
    pub filter: Vec<u8>,
    /// Pages of 4-byte atoms.
    pub atoms: Vec<AtomPage>,
    /// Pages of shorter atoms.
    pub shorts: Vec<AtomPage>,
    /// Number of 4-byte atoms.
    pub atom_count: u32,
    /// Number of shorter ones.
    pub short_count: u32,
}

/// An atom of a rule: the page key and the entry.
type Keyed = (u32, AtomEntry);

/// The atoms of one rule. Variants of slow patterns have none in the tables: they are searched on demand.
pub fn entries(rule: &LoweredRule<'_>, id: u32) -> Vec<AtomEntry> {
    let mut entries = Vec::new();
    let mut variant = 0u32;
    for lowered in &rule.patterns {
        for v in &lowered.variants {
            let atoms = if lowered.slow { &[][..] } else { &v.atoms };
            entries.extend(atoms.iter().map(|atom| AtomEntry {
                gram: U32::from_bytes(atom.bytes),
                rule: U32::new(id),
                variant: U32::new(variant),
                offset: U16::new(atom.offset),
                len: atom.len,
                reserved: 0,
            }));
            variant += 1;
        }
    }
    entries
}

/// Builds the tables from all atoms, in any order.
pub fn build(entries: Vec<AtomEntry>) -> Tables {
    let (long, short): (Vec<_>, Vec<_>) = entries.into_iter().partition(|e| e.len == 4);
    let (atom_count, short_count) = (long.len() as u32, short.len() as u32);
    let words_log2 = (long.len() / 2).next_power_of_two().ilog2().clamp(8, 16);
    let mut grams = vec![U32::ZERO; 1 << words_log2];
    for entry in &long {
        let (word, bit) = gram_bit(entry.gram.get(), words_log2);
        grams[word] |= U32::new(1 << bit);
    }
    let mut pairs = vec![0u8; PAIR_BITMAP_LEN];
    for entry in &short {
        let pair = entry.gram.get() & 0xFFFF;
        pairs[pair as usize / 8] |= 1 << (pair % 8);
    }
    let atoms = pages(long.into_iter().map(|e| (e.gram.get(), e)).collect());
    let shorts = pages(short.into_iter().map(|e| (e.gram.get() & 0xFFFF, e)).collect());
    let header = FilterHeader {
        gram_words_log2: U32::new(words_log2),
        atom_pages_log2: U32::new(atoms.len().ilog2()),
        short_pages_log2: U32::new(shorts.len().ilog2()),
        reserved: U32::ZERO,
    };
    let filter = [header.as_bytes(), grams.as_bytes(), &pairs].concat();
    Tables { filter, atoms, shorts, atom_count, short_count }
}

/// Distributes entries over a power of two of pages with slack; what does not fit its page goes on in the next ones.
fn pages(mut entries: Vec<Keyed>) -> Vec<AtomPage> {
    let log2 = (entries.len() * 5 / 3).div_ceil(ENTRIES_PER_PAGE).next_power_of_two().ilog2();
    let count = 1usize << log2;
    let order = |e: &AtomEntry| (e.gram.get(), e.rule.get(), e.variant.get(), e.offset.get(), e.len);
    entries.sort_unstable_by_key(|(key, e)| (gram_page(*key, log2), order(e)));
    let mut filled: Vec<Vec<AtomEntry>> = vec![Vec::new(); count];
    let mut spill = vec![0usize; count];
    for (key, entry) in entries {
        let home = gram_page(key, log2);
        // There are fewer entries than places, so some page has room.
        let distance =
            (0..count).find(|d| filled[(home + d) % count].len() < ENTRIES_PER_PAGE).unwrap_or_default();
        filled[(home + distance) % count].push(entry);
        spill[home] = spill[home].max(distance);
    }
    let page = |(mut used, spill): (Vec<AtomEntry>, usize)| {
        used.sort_unstable_by_key(order);
        let mut page = AtomPage {
            count: U32::new(used.len() as u32),
            spill: U32::new(spill as u32),
            reserved: U64::ZERO,
            entries: FromZeros::new_zeroed(),
        };
        page.entries.iter_mut().zip(used).for_each(|(slot, entry)| *slot = entry);
        page
    };
    filled.into_iter().zip(spill).map(page).collect()
}
