//! The main lane's first pass.

use hallmark_image::lanes::{GRAM, gram_bit};
use zerocopy::little_endian::U32;

use crate::search::PROBES;

/// Tests the 4-grams at every fourth position of `chunk` and collects those that hit, as multiples of four; answers how
/// many. `grams` has one of the sizes of [`hallmark_image::lanes::WORDS_LOG2`].
pub(crate) fn probe_grams(grams: &[U32], chunk: &[u8], hits: &mut [u16; PROBES]) -> usize {
    match grams.len() {
        0x100 => probe::<0x100>(grams, chunk, hits),
        0x800 => probe::<0x800>(grams, chunk, hits),
        0x2000 => probe::<0x2000>(grams, chunk, hits),
        0x4000 => probe::<0x4000>(grams, chunk, hits),
        0x8000 => probe::<0x8000>(grams, chunk, hits),
        0x1_0000 => probe::<0x1_0000>(grams, chunk, hits),
        0x2_0000 => probe::<0x2_0000>(grams, chunk, hits),
        _ => 0,
    }
}

#[inline(always)]
fn probe<const WORDS: usize>(grams: &[U32], chunk: &[u8], hits: &mut [u16; PROBES]) -> usize {
    let Ok(grams) = <&[U32; WORDS]>::try_from(grams) else { return 0 };
    let mut count = 0usize;
    for (i, gram) in chunk.chunks_exact(GRAM).enumerate() {
        // Written without a branch: about one position in twenty hits, which no branch predictor likes. The mask
        // changes nothing, but shows the compiler that the index is in range.
        if let Some(slot) = hits.get_mut(count & (PROBES - 1)) {
            *slot = i as u16;
        }
        let (word, bit) =
            gram_bit(u32::from_le_bytes(gram.try_into().unwrap_or_default()), WORDS.trailing_zeros());
        let word = grams.get(word & WORDS.wrapping_sub(1)).map_or(0, |w| w.get());
        count = count.wrapping_add((word >> bit & 1) as usize);
    }
    count
}
