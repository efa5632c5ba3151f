//! From data to candidates: where an atom of a variant stands.
//!
//! Input: the filter of an image and the data. Output: calls of a [`Sink`], once for every atom entry and place whose
//! bytes are equal, by ascending place within a block. A block is searched in two steps: a branch-free pass that tests
//! every position against a bitmap and collects those that hit, and a look at the atom pages for each of them.

use hallmark_image::Filter;
use hallmark_image::record::{AtomEntry, AtomPage, PAIR_BITMAP_LEN, gram_bit, gram_page};
use zerocopy::little_endian::U32;

use crate::budget::Stopped;
use crate::limits::SEARCH_BLOCK;

/// What receives candidates.
pub(crate) trait Sink {
    /// The search goes on with the next block.
    fn block(&mut self) -> Result<(), Stopped>;

    /// The atom of `entry` stands at `at`.
    fn candidate(&mut self, entry: &AtomEntry, at: usize) -> Result<(), Stopped>;
}

/// Positions tested in one pass; a power of two. Their hits fit the first-level cache.
const CHUNK: usize = 4096;
/// Bytes that the pass reads beyond the positions it tests.
const LOOKAHEAD: usize = 8;

/// The positions that hit a bitmap, relative to a chunk.
pub(crate) struct Hits {
    places: Box<[u32; CHUNK]>,
    count: usize,
}

impl Default for Hits {
    fn default() -> Self {
        Hits { places: Box::new([0; CHUNK]), count: 0 }
    }
}

impl std::fmt::Debug for Hits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hits").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Hits {
    /// Keeps `place` if `hit` is one. Written without a branch: about one position in twenty hits, which no branch
    /// predictor likes.
    #[inline(always)]
    fn push(&mut self, place: usize, hit: u32) {
        // The mask changes nothing, but shows the compiler that the index is in range.
        if let Some(slot) = self.places.get_mut(self.count & (CHUNK - 1)) {
            *slot = place as u32;
        }
        self.count = self.count.wrapping_add((hit & 1) as usize);
    }

    fn take(&mut self) -> &[u32] {
        let count = std::mem::take(&mut self.count);
        self.places.get(..count).unwrap_or_default()
    }
}

/// Searches `data` for the atoms of `filter`.
pub(crate) fn search(
    filter: &Filter<'_>,
    data: &[u8],
    hits: &mut Hits,
    sink: &mut impl Sink,
) -> Result<(), Stopped> {
    let has_atoms = filter.atoms.iter().any(|p| p.count.get() != 0);
    let has_shorts = filter.shorts.iter().any(|p| p.count.get() != 0);
    let pairs: Option<&[u8; PAIR_BITMAP_LEN]> = filter.pairs.try_into().ok().filter(|_| has_shorts);
    if !has_atoms && pairs.is_none() {
        return Ok(());
    }
    let mut from = 0usize;
    let mut block_end = 0usize;
    while from < data.len() {
        if from >= block_end {
            sink.block()?;
            block_end = from.saturating_add(SEARCH_BLOCK);
        }
        let rest = data.get(from..).unwrap_or_default();
        let tested = if rest.len() >= LOOKAHEAD.saturating_mul(2) {
            let chunk = rest.get(..rest.len().min(CHUNK + LOOKAHEAD)).unwrap_or_default();
            let tested = (chunk.len() / LOOKAHEAD).saturating_sub(1).saturating_mul(LOOKAHEAD);
            if has_atoms {
                test_grams(filter.grams, filter.header.gram_words_log2.get(), chunk, hits);
                for &place in hits.take() {
                    confirm_gram(filter, data, from.saturating_add(place as usize), sink)?;
                }
            }
            if let Some(pairs) = pairs {
                test_pairs(pairs, chunk, hits);
                for &place in hits.take() {
                    confirm_short(filter, data, from.saturating_add(place as usize), sink)?;
                }
            }
            tested
        } else {
            // The last bytes: without the bitmaps, which are only a filter.
            for place in from..data.len() {
                if has_atoms {
                    confirm_gram(filter, data, place, sink)?;
                }
                if pairs.is_some() {
                    confirm_short(filter, data, place, sink)?;
                }
            }
            rest.len()
        };
        from = from.saturating_add(tested);
    }
    Ok(())
}

/// Tests all positions of `chunk` but those of its last one or two words, eight at a time: the four grams at the start
/// of a word come from that word, the other four from its second half and the first half of the next one.
fn test_grams(grams: &[U32], log2: u32, chunk: &[u8], hits: &mut Hits) {
    let mut words = words(chunk);
    let Some(mut word) = words.next() else { return };
    for (i, next) in words.enumerate() {
        let middle = (word >> 32) | (next << 32);
        let place = i.wrapping_mul(LOOKAHEAD);
        let grams_here =
            [word, word >> 8, word >> 16, word >> 24, middle, middle >> 8, middle >> 16, middle >> 24];
        for (k, gram) in grams_here.into_iter().enumerate() {
            let gram = gram as u32;
            let (index, bit) = gram_bit(gram, log2);
            let bits = grams.get(index).map_or(0, |w| w.get());
            hits.push(place.wrapping_add(k), bits >> bit);
        }
        word = next;
    }
}

/// As [`test_grams`], for pairs.
fn test_pairs(pairs: &[u8; PAIR_BITMAP_LEN], chunk: &[u8], hits: &mut Hits) {
    let mut words = words(chunk);
    let Some(mut word) = words.next() else { return };
    for (i, next) in words.enumerate() {
        let place = i.wrapping_mul(LOOKAHEAD);
        let last = (word >> 56) | (next << 8);
        let pairs_here = [word, word >> 8, word >> 16, word >> 24, word >> 32, word >> 40, word >> 48, last];
        for (k, pair) in pairs_here.into_iter().enumerate() {
            let pair = pair as u16;
            let bits = pairs.get(usize::from(pair >> 3)).copied().unwrap_or_default();
            hits.push(place.wrapping_add(k), u32::from(bits >> (pair & 7)));
        }
        word = next;
    }
}

fn words(chunk: &[u8]) -> impl Iterator<Item = u64> + '_ {
    chunk.chunks_exact(8).map(|w| u64::from_le_bytes(w.try_into().unwrap_or_default()))
}

fn confirm_gram(filter: &Filter<'_>, data: &[u8], at: usize, sink: &mut impl Sink) -> Result<(), Stopped> {
    let Some(&bytes) = data.get(at..).and_then(|d| d.first_chunk::<4>()) else { return Ok(()) };
    let gram = u32::from_le_bytes(bytes);
    let first = gram_page(gram, filter.header.atom_pages_log2.get());
    look_up(filter.atoms, first, gram, 4, at, sink)
}

fn confirm_short(filter: &Filter<'_>, data: &[u8], at: usize, sink: &mut impl Sink) -> Result<(), Stopped> {
    let rest = data.get(at..).unwrap_or_default();
    let Some(&[a, b]) = rest.first_chunk::<2>() else { return Ok(()) };
    let pair = u32::from(u16::from_le_bytes([a, b]));
    let first = gram_page(pair, filter.header.short_pages_log2.get());
    look_up(filter.shorts, first, pair, 2, at, sink)?;
    let Some(&c) = rest.get(2) else { return Ok(()) };
    look_up(filter.shorts, first, u32::from_le_bytes([a, b, c, 0]), 3, at, sink)
}

/// Reports the entries for `gram` of page `first` and of those it spills into.
fn look_up(
    pages: &[AtomPage],
    first: usize,
    gram: u32,
    len: u8,
    at: usize,
    sink: &mut impl Sink,
) -> Result<(), Stopped> {
    let Some(home) = pages.get(first) else { return Ok(()) };
    let spill = home.spill.get() as usize;
    for i in 0..=spill {
        let index = first.wrapping_add(i);
        // Spilling is cyclic.
        let Some(page) = pages.get(index).or_else(|| pages.get(index.wrapping_sub(pages.len()))) else {
            break;
        };
        let entries = page.entries.get(..page.count.get() as usize).unwrap_or_default();
        let start = entries.partition_point(|e| e.gram.get() < gram);
        let equal = entries.get(start..).unwrap_or_default().iter().take_while(|e| e.gram.get() == gram);
        for entry in equal.filter(|e| e.len == len) {
            sink.candidate(entry, at)?;
        }
    }
    Ok(())
}
