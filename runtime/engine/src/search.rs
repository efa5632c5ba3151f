//! From data to candidates: where an atom of a lane stands.
//!
//! Input: the bitmaps of the lanes and the data. Output: calls of a [`Sink`], by ascending place within a chunk and
//! lane, for every place at which the bitmaps don't rule an atom out. In three steps a chunk: a branch-free pass tests
//! the probed positions against the first bitmap and collects those that hit; a second one thins them out with the
//! second bitmap; the sink looks up what is left.
//!
//! Positions are probed relative to the start of the data, whichever part of it is searched, so that parts can be
//! searched side by side.

use std::ops::Range;

use hallmark_image::ClassFilter;
use hallmark_image::lanes::{
    GRAM, Lane, PAIR_WORDS, WINDOW, WindowKind, fold, gram_bit, pair_bit, triple_bit, window_bits,
};
use zerocopy::little_endian::U32;

use crate::budget::Stopped;
use crate::vector;

/// What receives candidates.
pub(crate) trait Sink {
    /// The search goes on with the next chunk.
    fn chunk(&mut self) -> Result<(), Stopped>;

    /// Whether it is known that the atom of one byte leads to nothing at all these places, around which there is only
    /// that byte.
    fn is_quiet(&mut self, lane: Lane, byte: u8, places: &Range<usize>) -> bool;

    /// `atom`, little-endian, stands at `at`, and may be one of the lane's.
    fn candidate(&mut self, lane: Lane, atom: u32, at: usize) -> Result<(), Stopped>;
}

/// Bytes searched in one go, a power of two: the hits of all its positions fit the first-level cache.
pub(crate) const CHUNK: usize = 16 * 1024;
/// Most positions probed in a chunk.
pub(crate) const PROBES: usize = CHUNK / 2;
/// Bytes between two positions probed by the main lane, and by the short lane.
pub(crate) const MAIN_STRIDE: usize = 4;
const SHORT_STRIDE: usize = 2;
/// Bytes that are compared in one go to see whether they are all the same.
const GLANCE: usize = 64;

/// The positions that hit, in units of the lane's stride from the start of the chunk.
pub(crate) struct Hits(pub Box<[u16; PROBES]>);

impl Default for Hits {
    fn default() -> Self {
        Hits(Box::new([0; PROBES]))
    }
}

impl std::fmt::Debug for Hits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hits").finish_non_exhaustive()
    }
}

/// Searches `range` of `data`: an atom is found in the part in which its probed position lies. The range begins at a
/// multiple of the longest stride.
pub(crate) fn search(
    filter: &ClassFilter<'_>,
    data: &[u8],
    range: Range<usize>,
    hits: &mut Hits,
    sink: &mut impl Sink,
) -> Result<(), Stopped> {
    let mut from = range.start;
    while from < range.end {
        sink.chunk()?;
        let to = range.end.min(from.saturating_add(CHUNK));
        if only_byte(data, &(from..to)).is_some_and(|byte| is_quiet(filter, byte, &(from..to), sink)) {
            from = to;
            continue;
        }
        if !filter.grams.is_empty() {
            // An atom may reach beyond the range.
            let reach = to.next_multiple_of(MAIN_STRIDE).min(data.len());
            let chunk = data.get(from..reach).unwrap_or_default();
            let count = vector::probe_grams(filter.grams, chunk, &mut hits.0);
            let hits = hits.0.get_mut(..count).unwrap_or_default();
            let kept = thin_grams(filter.windows, data, from, hits);
            for &hit in hits.get(..kept).unwrap_or_default() {
                let at = place(from, hit, MAIN_STRIDE);
                if let Some(&bytes) = data.get(at..).and_then(|d| d.first_chunk()) {
                    sink.candidate(Lane::Main, u32::from_le_bytes(bytes), at)?;
                }
            }
        }
        if let Ok(pairs) = filter.pairs.try_into() {
            let reach = to.saturating_add(1).min(data.len());
            let chunk = data.get(from..reach).unwrap_or_default();
            let count = probe_pairs(pairs, chunk, &mut hits.0);
            let hits = hits.0.get_mut(..count).unwrap_or_default();
            let kept = thin_triples(filter.triples, data, from, hits);
            for &hit in hits.get(..kept).unwrap_or_default() {
                let at = place(from, hit, SHORT_STRIDE);
                for at in [at.checked_sub(1), Some(at)].into_iter().flatten() {
                    if let Some(triple) = triple(data, at).filter(|&t| has_triple(filter.triples, t)) {
                        sink.candidate(Lane::Short, triple, at)?;
                    }
                }
            }
        }
        from = to;
    }
    Ok(())
}

/// The byte that everything is which atoms in this range may consist of, and one more, if it is the same.
fn only_byte(data: &[u8], range: &Range<usize>) -> Option<u8> {
    let end = range.end.saturating_add(MAIN_STRIDE).min(data.len());
    // The short lane looks one byte back.
    let around = data.get(range.start.saturating_sub(1)..end)?;
    let (&byte, rest) = around.split_first()?;
    let is_same = |part: &[u8]| part.iter().fold(0, |different, b| different | (b ^ byte)) == 0;
    // Nearly always the first few bytes tell.
    rest.chunks(GLANCE).all(is_same).then_some(byte)
}

/// Whether no lane has anything to look for in a range where there is only one byte.
fn is_quiet(filter: &ClassFilter<'_>, byte: u8, range: &Range<usize>, sink: &mut impl Sink) -> bool {
    let gram = u32::from_ne_bytes([byte; GRAM]);
    let is_gram = !filter.grams.is_empty()
        && bit(filter.grams, gram_bit(gram, filter.grams.len().trailing_zeros())) != 0;
    let is_triple = !filter.pairs.is_empty() && has_triple(filter.triples, gram >> 8);
    (!is_gram || sink.is_quiet(Lane::Main, byte, range))
        && (!is_triple || sink.is_quiet(Lane::Short, byte, range))
}

#[inline(always)]
fn place(from: usize, hit: u16, stride: usize) -> usize {
    from.wrapping_add(usize::from(hit).wrapping_mul(stride))
}

/// Keeps the hits, at the front, around which the second bitmap knows a window; answers how many. Without a second
/// bitmap all are kept.
#[inline(never)]
fn thin_grams(windows: &[U32], data: &[u8], from: usize, hits: &mut [u16]) -> usize {
    if windows.is_empty() {
        return hits.len();
    }
    let log2 = windows.len().trailing_zeros();
    let has = |kind: WindowKind, window: u64| {
        let [first, second] = window_bits(kind, window, log2);
        bit(windows, first) & bit(windows, second)
    };
    let mut kept = 0usize;
    for i in 0..hits.len() {
        let Some(&hit) = hits.get(i) else { break };
        let at = place(from, hit, MAIN_STRIDE);
        let around =
            at.checked_sub(WINDOW / 2).and_then(|i| data.get(i..)).and_then(|d| d.first_chunk::<12>());
        let pass = match around {
            Some(&[a, b, c, d, e, f, g, h, i, j, k, l]) => {
                let before = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
                let after = u64::from_le_bytes([e, f, g, h, i, j, k, l]);
                has(WindowKind::After, fold(after))
                    | has(WindowKind::Before, fold(before))
                    | has(WindowKind::Alone, after & 0xFFFF_FFFF)
            }
            // At either end of the data; windows that aren't whole can't be part of a match.
            None => 1,
        };
        if let Some(slot) = hits.get_mut(kept) {
            *slot = hit;
        }
        kept = kept.wrapping_add(pass as usize);
    }
    kept
}

/// Tests the pairs at every second position of `chunk`; answers how many hit.
#[inline(never)]
fn probe_pairs(pairs: &[U32; PAIR_WORDS], chunk: &[u8], hits: &mut [u16; PROBES]) -> usize {
    let mut count = 0usize;
    for (i, pair) in chunk.chunks_exact(SHORT_STRIDE).enumerate() {
        // The mask changes nothing, but shows the compiler that the index is in range.
        if let Some(slot) = hits.get_mut(count & (PROBES - 1)) {
            *slot = i as u16;
        }
        let (word, bit) = pair_bit(u16::from_le_bytes(pair.try_into().unwrap_or_default()));
        let word = pairs.get(word & (PAIR_WORDS - 1)).map_or(0, |w| w.get());
        count = count.wrapping_add((word >> bit & 1) as usize);
    }
    count
}

/// Keeps the hits at which, or one byte before which, the second bitmap knows a triple.
#[inline(never)]
fn thin_triples(triples: &[U32], data: &[u8], from: usize, hits: &mut [u16]) -> usize {
    let mut kept = 0usize;
    for i in 0..hits.len() {
        let Some(&hit) = hits.get(i) else { break };
        let at = place(from, hit, SHORT_STRIDE);
        let around = at.checked_sub(1).and_then(|i| data.get(i..)).and_then(|d| d.first_chunk::<4>());
        let pass = match around {
            Some(&bytes) => {
                let four = u32::from_le_bytes(bytes);
                has_triple(triples, four & 0xFF_FFFF) | has_triple(triples, four >> 8)
            }
            None => true,
        };
        if let Some(slot) = hits.get_mut(kept) {
            *slot = hit;
        }
        kept = kept.wrapping_add(usize::from(pass));
    }
    kept
}

#[inline(always)]
fn has_triple(triples: &[U32], triple: u32) -> bool {
    bit(triples, triple_bit(triple, triples.len().trailing_zeros())) != 0
}

#[inline(always)]
fn bit(words: &[U32], (word, bit): (usize, u32)) -> u32 {
    words.get(word).map_or(0, |w| w.get() >> bit & 1)
}

/// The three bytes at `at`.
fn triple(data: &[u8], at: usize) -> Option<u32> {
    let &[a, b, c] = data.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}
