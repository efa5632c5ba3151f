//! How often a few bytes are expected in benign data.
//!
//! The probabilities of pairs of bytes were measured in four classes of files (ELF, PE, text, and text in two bytes a
//! character; `docs/byte-statistics.md`). In each class a longer string is taken for a chain in which a byte depends on
//! the one before it alone; what counts is the class in which the string is the most frequent, so that a rare string is
//! rare in all. Strings which that underestimates the most are listed with their measured probability.

use std::sync::LazyLock;

/// The measured statistics.
static DATA: &[u8] = include_bytes!("../../data/byte-statistics.bin");
/// Magic, number of classes, and numbers of listed strings of three and of four bytes.
const HEADER: usize = 20;
/// Classes of files.
const CLASSES: usize = 4;
/// A listed string and its rarity.
const LISTED: usize = 5;

/// Negative binary logarithms of probabilities, in eighths, in each class.
type Rarities = [u8; CLASSES];

/// What is measured.
struct Statistics {
    /// Rarities of each byte.
    single: &'static [Rarities],
    /// Rarities of each pair of bytes.
    pairs: &'static [Rarities],
    /// Listed strings of three and of four bytes as numbers, ascending, with their rarity in the class in which they
    /// are the most frequent.
    listed: [Vec<(u32, u8)>; 2],
    /// Probability for each rarity.
    probabilities: [f64; 1024],
}

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
        let listed = [number(12), number(16)].map(|count| {
            let all = data.get(at..).unwrap_or_default().chunks_exact(LISTED).take(count as usize);
            let all: Vec<_> =
                all.zip((at..).step_by(LISTED)).map(|(entry, at)| (number(at), entry[4])).collect();
            at += all.len() * LISTED;
            all
        });
        Statistics {
            single: rarities.get(..256).unwrap_or_default(),
            pairs: rarities.get(256..256 + 65_536).unwrap_or_default(),
            listed,
            probabilities: probabilities(),
        }
    }

    /// Rarity of a string of up to four bytes.
    fn rarity(&self, string: &[u8]) -> u16 {
        let listed = match string.len() {
            3 => self.listed.first(),
            4 => self.listed.last(),
            _ => None,
        };
        let number = string.iter().fold(0, |number, &byte| number << 8 | u32::from(byte));
        let find = |all: &Vec<(u32, u8)>| {
            all.binary_search_by_key(&number, |entry| entry.0).ok().map(|at| all[at].1)
        };
        let measured = listed.and_then(find).map_or(u16::MAX, u16::from);
        self.chained(string).min(measured)
    }

    /// Rarity of a string where each byte depends on the one before it alone.
    fn chained(&self, string: &[u8]) -> u16 {
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
        rarity.into_iter().min().unwrap_or(0)
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

/// Probability of these two to four bytes at a position.
pub(super) fn of_bytes(bytes: &[u8]) -> f64 {
    let statistics = &*STATISTICS;
    statistics.probabilities.get(usize::from(statistics.rarity(bytes))).copied().unwrap_or(0.0)
}

/// Probability of any of the strings of one byte of each of two to four sets, in order, at a position; takes a time
/// that grows with their number.
pub(super) fn of_window(sets: &[impl AsRef<[u8]>]) -> f64 {
    fn sum(sets: &[impl AsRef<[u8]>], string: &mut [u8], at: usize) -> f64 {
        let Some(set) = sets.get(at) else { return of_bytes(string) };
        let strings = set.as_ref().iter().map(|&byte| {
            string[at] = byte;
            sum(sets, string, at + 1)
        });
        strings.sum()
    }
    let mut string = [0; 4];
    string.get_mut(..sets.len()).map_or(0.0, |string| sum(sets, string, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statistics_are_whole() {
        assert!(DATA.starts_with(b"HMKBYTE1"));
        let statistics = &*STATISTICS;
        assert_eq!(DATA[8..12], (CLASSES as u32).to_le_bytes());
        assert_eq!((statistics.single.len(), statistics.pairs.len()), (256, 65_536));
        let listed: usize = statistics.listed.iter().map(Vec::len).sum();
        assert_eq!(DATA.len(), HEADER + (256 + 65_536) * CLASSES + listed * LISTED);
        assert!(statistics.listed.iter().all(|all| all.is_sorted_by(|a, b| a.0 < b.0)));
    }

    #[test]
    fn frequent_strings_are_known() {
        assert!(of_bytes(&[0; 4]) > of_bytes(b"this") * 10.0);
        assert!(of_bytes(b"    ") > of_bytes(b"that") * 10.0);
        assert!(of_bytes(&[0xCC; 4]) > of_bytes(&[0xCC, 0xC3, 0x55, 0x8B]));
        assert!(of_bytes(&[0x48, 0x8B, 0x44, 0x24]) > of_bytes(&[0x48, 0x8B, 0x44, 0x25]) * 10.0);
        assert!(of_bytes(b"a\0b\0") > of_bytes(b"a\x01b\x01") * 10.0);
        assert!(of_bytes(b"http") > of_bytes(b"hvtp") * 100.0);
        assert!(of_bytes(b"the ") > of_bytes(b"XQZW") * 1000.0);
    }

    #[test]
    fn the_probabilities_of_pairs_are_those_of_a_maximum() {
        let any: Vec<u8> = (0..=255).collect();
        let sum = of_window(&[&any, &any]);
        assert!((1.0..4.5).contains(&sum), "{sum}");
    }

    #[test]
    fn a_longer_string_is_no_more_frequent() {
        for word in
            [&b"http://www."[..], &[0; 8], b"h\0t\0t\0p\0", &[0x66, 0x0F, 0x1F, 0x44, 0, 0], b"function"]
        {
            for string in word.windows(4) {
                assert!(of_bytes(string) <= of_bytes(&string[1..]) * 1.2, "{string:?}");
                assert!(of_bytes(string) <= of_bytes(&string[..3]), "{string:?}");
                assert!(of_bytes(&string[..3]) <= of_bytes(&string[..2]), "{string:?}");
            }
        }
    }

    #[test]
    fn a_window_is_all_its_strings() {
        let sum = of_bytes(b"hi") + of_bytes(b"Hi");
        assert!((of_window(&[&b"hH"[..], b"i"]) - sum).abs() < 1e-12);
    }
}
