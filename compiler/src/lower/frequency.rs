//! How often a few bytes are expected in benign data.
//!
//! The probabilities of pairs of bytes were measured in four classes of files (ELF, PE, text, and text in two bytes a
//! character; `docs/byte-statistics.md`). In each class a longer string is taken for a chain in which a byte depends on
//! the one before it alone; what counts is the class in which the string is the most frequent, so that a rare string is
//! rare in all. Strings which that underestimates the most are listed with their measured probability.

use std::sync::{LazyLock, OnceLock};

use hallmark_image::FileClass;

use super::spec::MaskedByte;

/// The measured statistics.
static DATA: &[u8] = include_bytes!("../../data/byte-statistics.bin");
/// Magic, number of classes, and numbers of listed strings of three and of four bytes.
const HEADER: usize = 20;
/// Classes of files that were measured: ELF, PE, text, and text in two bytes a character.
const CLASSES: usize = 4;
/// A listed string and its rarities.
const LISTED: usize = 4 + CLASSES;

/// Binary logarithm of the number of bits of a filter of windows, and its size.
const FILTER_BITS: u32 = 19;
const FILTER_BYTES: usize = 1 << (FILTER_BITS - 3);

/// Negative binary logarithms of probabilities, in eighths, in each class.
type Rarities = [u8; CLASSES];

/// What is measured.
struct Statistics {
    /// Rarities of each byte.
    single: &'static [Rarities],
    /// Rarities of each pair of bytes.
    pairs: &'static [Rarities],
    /// Listed strings of three and of four bytes as numbers, ascending, with their rarities.
    listed: [Listed; 2],
    /// For ELF, PE and text a filter of the windows of eight bytes that are common among files.
    common: [&'static [u8]; CLASSES - 1],
    /// Probability for each rarity.
    probabilities: [f64; 1024],
    /// For each set of classes, when it is first asked for, the probabilities of the second byte after the first.
    given: [OnceLock<Vec<f64>>; 1 << CLASSES],
}

/// Strings with their rarities, ascending.
struct Listed {
    entries: Vec<(u32, Rarities)>,
    /// Where the strings begin that share their highest bits.
    starts: Vec<u16>,
    /// By how many bits a string is shifted for that.
    shift: u32,
}

impl Listed {
    fn new(entries: Vec<(u32, Rarities)>, len: u32) -> Self {
        let shift = 8 * len - START_BITS;
        let start = |top: u32| entries.partition_point(|(string, _)| string >> shift < top) as u16;
        let starts = (0..=1 << START_BITS).map(start).collect();
        Listed { entries, starts, shift }
    }

    fn find(&self, string: u32) -> Option<Rarities> {
        let top = (string >> self.shift) as usize;
        let (from, to) = (*self.starts.get(top)?, *self.starts.get(top + 1)?);
        let mut entries = self.entries.get(usize::from(from)..usize::from(to))?.iter();
        entries.find(|(listed, _)| *listed == string).map(|(_, rarities)| *rarities)
    }
}

/// Highest bits of a listed string by which it is found.
const START_BITS: u32 = 14;

static STATISTICS: LazyLock<Statistics> = LazyLock::new(|| Statistics::read(DATA));

impl Statistics {
    fn read(data: &'static [u8]) -> Self {
        let number = |at: usize| {
            let bytes = data.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            u32::from_le_bytes(bytes.unwrap_or_default())
        };
        let rest = data.get(HEADER..).unwrap_or_default();
        let rarities = rest.as_chunks().0;
        let mut at = HEADER + (256 + 65_536) * CLASSES;
        let listed = [(3, number(12)), (4, number(16))].map(|(len, count)| {
            let all = data.get(at..).unwrap_or_default().chunks_exact(LISTED).take(count as usize);
            let all: Vec<_> = all
                .zip((at..).step_by(LISTED))
                .map(|(e, at)| (number(at), [e[4], e[5], e[6], e[7]]))
                .collect();
            at += all.len() * LISTED;
            Listed::new(all, len)
        });
        Statistics {
            single: rarities.get(..256).unwrap_or_default(),
            pairs: rarities.get(256..256 + 65_536).unwrap_or_default(),
            listed,
            common: std::array::from_fn(|class| {
                let from = at + class * FILTER_BYTES;
                data.get(from..from + FILTER_BYTES).unwrap_or_default()
            }),
            probabilities: probabilities(),
            given: Default::default(),
        }
    }

    /// Rarity of a string of up to four bytes in those of the measured classes in which it is the most frequent.
    fn rarity(&self, string: &[u8], classes: Measured) -> u16 {
        let listed = match string.len() {
            3 => self.listed.first(),
            4 => self.listed.last(),
            _ => None,
        };
        let number = string.iter().fold(0, |number, &byte| number << 8 | u32::from(byte));
        let chained = self.chained(string);
        let listed =
            listed.and_then(|listed| listed.find(number)).unwrap_or([u8::MAX; CLASSES]).map(u16::from);
        let rarities = chained.into_iter().zip(listed).zip(classes).filter(|(_, counts)| *counts);
        rarities.map(|((chained, listed), _)| chained.min(listed)).min().unwrap_or(0)
    }

    /// Rarity in each class of a string where each byte depends on the one before it alone.
    fn chained(&self, string: &[u8]) -> [u16; CLASSES] {
        let mut rarity = [0u16; CLASSES];
        let mut given = [0; CLASSES];
        for pair in string.windows(2) {
            let (first, second) = (usize::from(pair[0]), usize::from(pair[1]));
            let both = self.pairs[first << 8 | second];
            for ((rarity, both), given) in rarity.iter_mut().zip(both).zip(given) {
                *rarity += u16::from(both.saturating_sub(given));
            }
            given = self.single[second];
        }
        rarity
    }
}

/// The powers of two with exponents 0, -1/8, -2/8, …
fn probabilities() -> [f64; 1024] {
    const STEPS: [f64; 8] = [
        1.0,
        0.917_004_043_204_671_2,
        0.840_896_415_253_714_5,
        0.771_105_412_703_970_4,
        std::f64::consts::FRAC_1_SQRT_2,
        0.648_419_777_325_504_8,
        0.594_603_557_501_360_5,
        0.545_253_866_332_628_8,
    ];
    let mut table = [0.0; 1024];
    let mut scale = 1.0;
    for octave in table.chunks_exact_mut(STEPS.len()) {
        for (slot, step) in octave.iter_mut().zip(STEPS) {
            *slot = step * scale;
        }
        scale /= 2.0;
    }
    table
}

/// Whether all windows of eight bytes of a string are common among the files of some class: whether files have it that
/// have nothing to do with the rule. Of a shorter string that isn't known.
pub(super) fn is_common(string: &[u8], classes: Measured) -> bool {
    let statistics = &*STATISTICS;
    let mut filters =
        statistics.common.iter().zip(classes).filter(|(_, counts)| *counts).map(|(filter, _)| filter);
    let has = |filter: &&[u8], window: &[u8]| {
        let bit = window_hash(window) >> (64 - FILTER_BITS);
        filter.get((bit / 8) as usize).is_some_and(|byte| byte >> (bit % 8) & 1 != 0)
    };
    string.len() >= 8 && filters.any(|filter| string.windows(8).all(|window| has(filter, window)))
}

/// The hash by which common windows of eight bytes are filed.
pub fn window_hash(window: &[u8]) -> u64 {
    let number = window.iter().rev().fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
    let mixed = (number ^ (number >> 29)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 32)).wrapping_mul(0xC2B2_AE3D_27D4_EB4F)
}

/// Which of the measured classes count.
pub(super) type Measured = [bool; CLASSES];

/// The measured classes that files of a set of classes are like.
pub(super) fn measured(classes: u8) -> Measured {
    let has = |class: FileClass| classes & class.bit() != 0;
    [has(FileClass::Elf), has(FileClass::Pe), has(FileClass::Other), has(FileClass::Other)]
}

/// Probability of these two to four bytes at a position of a file, of a kind in which they are the most frequent.
fn of_bytes(bytes: &[u8], classes: Measured) -> f64 {
    let statistics = &*STATISTICS;
    statistics.probabilities.get(usize::from(statistics.rarity(bytes, classes))).copied().unwrap_or(0.0)
}

/// Probability of the second byte of a pair after the first.
pub(super) fn given(pair: [u8; 2], classes: Measured) -> f64 {
    let set = classes.iter().rev().fold(0, |set, &counts| set << 1 | usize::from(counts));
    let table = STATISTICS.given[set].get_or_init(|| {
        let after = |first: u8, second: u8| {
            let alone = of_byte(first, classes);
            if alone > 0.0 { (of_bytes(&[first, second], classes) / alone).min(1.0) } else { 1.0 }
        };
        (0..=255).flat_map(|first| (0..=255).map(move |second| after(first, second))).collect()
    });
    table[usize::from(pair[0]) << 8 | usize::from(pair[1])]
}

fn of_byte(byte: u8, classes: Measured) -> f64 {
    let statistics = &*STATISTICS;
    let rarities = statistics.single.get(usize::from(byte)).copied().unwrap_or_default();
    let rarities = rarities.into_iter().zip(classes).filter(|(_, counts)| *counts);
    let rarity = rarities.map(|(rarity, _)| rarity).min().unwrap_or_default();
    statistics.probabilities.get(usize::from(rarity)).copied().unwrap_or(0.0)
}

/// Probability of any of the strings that up to four bytes under masks stand for, each byte combined with `key`; takes a
/// time that grows with their number. A byte of which nothing is known makes what is on its two sides independent.
pub(super) fn of_masked(window: &[MaskedByte], key: u8, classes: Measured) -> f64 {
    let parts = window.split(|byte| byte.mask == 0).filter(|part| !part.is_empty());
    parts.map(|part| sum(part, key, classes, &mut [0; 4], 0)).product()
}

fn sum(part: &[MaskedByte], key: u8, classes: Measured, string: &mut [u8; 4], at: usize) -> f64 {
    let Some(byte) = part.get(at) else {
        return match part.len() {
            1 => of_byte(string[0], classes),
            len => of_bytes(&string[..len.min(string.len())], classes),
        };
    };
    let mut total = 0.0;
    byte.for_each(|value| {
        string[at] = value ^ key;
        total += sum(part, key, classes, string, at + 1);
    });
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Measured = [true; CLASSES];

    fn of(bytes: &[u8]) -> f64 {
        of_bytes(bytes, ALL)
    }

    #[test]
    fn the_statistics_are_whole() {
        assert!(DATA.starts_with(b"HMKBYTE2"));
        let statistics = &*STATISTICS;
        assert_eq!(DATA[8..12], (CLASSES as u32).to_le_bytes());
        assert_eq!((statistics.single.len(), statistics.pairs.len()), (256, 65_536));
        let listed: usize = statistics.listed.iter().map(|listed| listed.entries.len()).sum();
        assert_eq!(
            DATA.len(),
            HEADER + (256 + 65_536) * CLASSES + listed * LISTED + (CLASSES - 1) * FILTER_BYTES
        );
        assert!(statistics.listed.iter().all(|all| all.entries.is_sorted_by(|a, b| a.0 < b.0)));
    }

    #[test]
    fn frequent_strings_are_known() {
        assert!(of(&[0; 4]) > of(b"this") * 10.0);
        assert!(of(b"    ") > of(b"that") * 10.0);
        assert!(of(&[0xCC; 4]) > of(&[0xCC, 0xC3, 0x55, 0x8B]));
        assert!(of(&[0x48, 0x8B, 0x44, 0x24]) > of(&[0x48, 0x8B, 0x44, 0x25]) * 10.0);
        assert!(of(b"a\0b\0") > of(b"a\x01b\x01") * 10.0);
        assert!(of(b"http") > of(b"hvtp") * 100.0);
        assert!(of(b"the ") > of(b"XQZW") * 1000.0);
    }

    #[test]
    fn the_probabilities_of_pairs_are_those_of_a_maximum() {
        let any = MaskedByte { value: 0, mask: 0 };
        let half = |high: u8| MaskedByte { value: high << 7, mask: 0x80 };
        let pairs = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(a, b)| of_masked(&[half(a), half(b)], 0, ALL));
        let sum: f64 = pairs.into_iter().sum();
        assert!((1.0..4.5).contains(&sum), "{sum}");
        let known = MaskedByte::exact(b'e');
        let (apart, alone) = (of_masked(&[known, any, known], 0, ALL), of_masked(&[known], 0, ALL));
        assert!((apart - alone * alone).abs() < 1e-12);
    }

    #[test]
    fn what_every_program_has_is_common() {
        assert!(is_common(b"!This program cannot be run in DOS mode.", measured(FileClass::Pe.bit())));
        assert!(!is_common(b"!This program cannot be run in DOS mode.", measured(FileClass::Elf.bit())));
        assert!(is_common(b"GLIBC_2.2.5", measured(FileClass::Elf.bit())));
        assert!(!is_common(b"jhuhugit.tmp", ALL) && !is_common(b"short", ALL));
    }

    #[test]
    fn a_longer_string_is_no_more_frequent() {
        for word in
            [&b"http://www."[..], &[0; 8], b"h\0t\0t\0p\0", &[0x66, 0x0F, 0x1F, 0x44, 0, 0], b"function"]
        {
            for string in word.windows(4) {
                assert!(of(string) <= of(&string[1..]) * 1.2, "{string:?}");
                assert!(of(string) <= of(&string[..3]), "{string:?}");
                assert!(of(&string[..3]) <= of(&string[..2]), "{string:?}");
            }
        }
    }

    #[test]
    fn a_window_is_all_its_strings() {
        let sum = of(b"hi") + of(b"Hi");
        let window = [MaskedByte { value: b'H', mask: 0xDF }, MaskedByte { value: b'i', mask: 0xFF }];
        assert!((of_masked(&window, 0, ALL) - sum).abs() < 1e-12);
        assert!((of_masked(&window[1..], 1, ALL) - of_byte(b'h', ALL)).abs() < 1e-12);
    }
}
