//! The main lane's first pass: every fourth position of a chunk against the bitmap of 4-grams, with the instructions
//! that the processor has.
//!
//! Both ways give the same positions in the same order; a test compares them. With AVX2 eight probes are gathered at
//! once, which is a few percent faster: what takes the time is that the bitmap is larger than the first-level cache. SSE
//! and NEON cannot gather, and gain nothing over the portable code.

use hallmark_image::lanes::{GRAM, gram_bit};
use zerocopy::little_endian::U32;

use crate::search::PROBES;

/// Tests the 4-grams at every fourth position of `chunk` and collects those that hit, as multiples of four; answers how
/// many. `grams` has one of the sizes of [`hallmark_image::lanes::WORDS_LOG2`], and `chunk` at most four bytes for each
/// place in `hits`.
pub(crate) fn probe_grams(grams: &[U32], chunk: &[u8], hits: &mut [u16; PROBES]) -> usize {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2, as was just asked.
        return unsafe { avx2::probe_grams(grams, chunk, hits) };
    }
    probe_portably(grams, chunk, 0, 0, hits)
}

/// Tests the positions of `chunk`, of which the first one has number `first`, and adds the hits to the `count` that are
/// there; answers how many there are then.
fn probe_portably(
    grams: &[U32],
    chunk: &[u8],
    first: usize,
    count: usize,
    hits: &mut [u16; PROBES],
) -> usize {
    match grams.len() {
        0x100 => probe::<0x100>(grams, chunk, first, count, hits),
        0x800 => probe::<0x800>(grams, chunk, first, count, hits),
        0x2000 => probe::<0x2000>(grams, chunk, first, count, hits),
        0x4000 => probe::<0x4000>(grams, chunk, first, count, hits),
        0x8000 => probe::<0x8000>(grams, chunk, first, count, hits),
        0x1_0000 => probe::<0x1_0000>(grams, chunk, first, count, hits),
        0x2_0000 => probe::<0x2_0000>(grams, chunk, first, count, hits),
        0x4_0000 => probe::<0x4_0000>(grams, chunk, first, count, hits),
        0x8_0000 => probe::<0x8_0000>(grams, chunk, first, count, hits),
        0x10_0000 => probe::<0x10_0000>(grams, chunk, first, count, hits),
        _ => count,
    }
}

#[inline(always)]
fn probe<const WORDS: usize>(
    grams: &[U32],
    chunk: &[u8],
    first: usize,
    mut count: usize,
    hits: &mut [u16; PROBES],
) -> usize {
    let Ok(grams) = <&[U32; WORDS]>::try_from(grams) else { return count };
    for (i, gram) in chunk.chunks_exact(GRAM).enumerate() {
        // Written without a branch: about one position in twenty hits, which no branch predictor likes. The mask
        // changes nothing, but shows the compiler that the index is in range.
        if let Some(slot) = hits.get_mut(count & (PROBES - 1)) {
            *slot = first.wrapping_add(i) as u16;
        }
        let (word, bit) =
            gram_bit(u32::from_le_bytes(gram.try_into().unwrap_or_default()), WORDS.trailing_zeros());
        let word = grams.get(word & WORDS.wrapping_sub(1)).map_or(0, |w| w.get());
        count = count.wrapping_add((word >> bit & 1) as usize);
    }
    count
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_add_epi16, _mm_cvtepu8_epi16, _mm_cvtsi32_si128, _mm_cvtsi64_si128,
        _mm_set1_epi16, _mm_storeu_si128, _mm256_and_si256, _mm256_castsi256_ps, _mm256_i32gather_epi32,
        _mm256_loadu_si256, _mm256_movemask_ps, _mm256_mullo_epi32, _mm256_set1_epi32, _mm256_slli_epi32,
        _mm256_srl_epi32, _mm256_srlv_epi32,
    };

    use hallmark_image::lanes::{GRAM_FACTOR, GRAM_MASK};

    use super::{GRAM, PROBES, U32, probe_portably};

    /// Probes in a vector, and bytes of the chunk that it covers.
    const LANES: usize = 8;
    const STEP: usize = LANES * GRAM;

    /// As [`super::probe_grams`].
    ///
    /// # Safety
    /// The processor has AVX2.
    #[target_feature(enable = "avx2,popcnt")]
    pub unsafe fn probe_grams(grams: &[U32], chunk: &[u8], hits: &mut [u16; PROBES]) -> usize {
        let log2 = grams.len().trailing_zeros();
        // A power of two of words, of which an index below has just as many bits.
        if !grams.len().is_power_of_two() || !(1..=24).contains(&log2) {
            return 0;
        }
        let factor = _mm256_set1_epi32(GRAM_FACTOR as i32);
        let mask = _mm256_set1_epi32(GRAM_MASK as i32);
        let shift = _mm_cvtsi32_si128(32u32.wrapping_sub(log2) as i32);
        let (mut count, mut first) = (0usize, 0usize);
        let mut steps = chunk.chunks_exact(STEP);
        for step in &mut steps {
            // As many places are written as there are probes in a vector, whether they hit or not.
            let Some(out) = hits.get_mut(count..).filter(|out| out.len() >= LANES) else { break };
            // SAFETY: `step` has 32 bytes; the load may be unaligned.
            let gram = unsafe { _mm256_loadu_si256(step.as_ptr().cast::<__m256i>()) };
            let index = _mm256_srl_epi32(_mm256_mullo_epi32(gram, factor), shift);
            // SAFETY: an index has `log2` bits, and `grams` has two to the power of `log2` words of four bytes.
            let words = unsafe { _mm256_i32gather_epi32::<4>(grams.as_ptr().cast::<i32>(), index) };
            let bits = _mm256_srlv_epi32(words, _mm256_and_si256(gram, mask));
            let hit = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_slli_epi32::<31>(bits)));
            let places = PLACES.get(hit as usize & 0xFF).copied().unwrap_or_default();
            let places = _mm_cvtepu8_epi16(_mm_cvtsi64_si128(places as i64));
            let places = _mm_add_epi16(places, _mm_set1_epi16(first as i16));
            // SAFETY: `out` has at least eight places of two bytes; the store may be unaligned.
            unsafe { _mm_storeu_si128(out.as_mut_ptr().cast::<__m128i>(), places) };
            count = count.wrapping_add(hit.count_ones() as usize);
            first = first.wrapping_add(LANES);
        }
        let rest = chunk.get(first.wrapping_mul(GRAM)..).unwrap_or_default();
        probe_portably(grams, rest, first, count, hits)
    }

    /// For each set of lanes that hit their numbers in ascending order, one in each byte.
    static PLACES: [u64; 256] = places();

    #[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "evaluated by the compiler")]
    const fn places() -> [u64; 256] {
        let mut table = [0u64; 256];
        let mut set = 0;
        while set < table.len() {
            let (mut lane, mut found) = (0, 0);
            while lane < LANES {
                if set >> lane & 1 == 1 {
                    table[set] |= (lane as u64) << found;
                    found += u8::BITS;
                }
                lane += 1;
            }
            set += 1;
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use hallmark_image::lanes::WORDS_LOG2;

    use super::*;

    /// Any bits and bytes, the same every time.
    fn noise(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed | 1;
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        }
    }

    #[test]
    fn vectors_find_what_portable_code_finds() {
        let mut next = noise(1);
        for log2 in WORDS_LOG2 {
            // From few bits to nearly all of them.
            for ands in [0, 1, 4] {
                let word = |_| U32::new((0..ands).fold(next() as u32, |word, _| word & next() as u32));
                let grams: Vec<U32> = (0..1 << log2).map(word).collect();
                for len in (0..80).chain([PROBES * 4 - 33, PROBES * 4]) {
                    let chunk: Vec<u8> = (0..len).map(|_| next() as u8).collect();
                    let (mut a, mut b) = ([0; PROBES], [0; PROBES]);
                    let expected = probe_portably(&grams, &chunk, 0, 0, &mut a);
                    let found = probe_grams(&grams, &chunk, &mut b);
                    assert_eq!(a[..expected], b[..found], "{log2} {ands} {len}");
                }
            }
        }
    }
}
