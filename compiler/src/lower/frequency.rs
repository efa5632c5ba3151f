//! How often a few bytes are expected in benign data.
//!
//! A heuristic, not a measurement: the weights follow what executables (zeros above all, then `FF`, padding with `CC`
//! and `90`, frequent x86 opcodes) and text (spaces, lower-case letters, digits) have in common. Bytes are taken as
//! independent, corrected where they are not at all: runs of one byte, and characters of two bytes.

use std::sync::LazyLock;

use super::byteset::ByteSet;

/// Expected share of a run of equal bytes that continues for the length of an atom.
const RUN_GOES_ON: f64 = 0.3;
/// The same when all bytes but one are equal.
const RUN_ENDS: f64 = 0.03;
/// How much more frequent two-byte characters are than their bytes alone say.
const UTF16: f64 = 4.0;

static PROBABILITIES: LazyLock<[f64; 256]> = LazyLock::new(|| {
    let mut table = [0.0; 256];
    for (byte, slot) in (0..=255u8).zip(&mut table) {
        *slot = weight(byte);
    }
    let sum: f64 = table.iter().sum();
    table.map(|weight| weight / sum)
});

/// Relative weight of a byte.
fn weight(byte: u8) -> f64 {
    match byte {
        0x00 => 120.0,
        0xFF => 30.0,
        b' ' | b'H' => 20.0,
        b'e' | b't' | b'a' | b'i' | b'o' | b'n' | b's' | b'r' | 0x8B => 12.0,
        0xCC | 0x89 | b'$' | 0x01 => 8.0,
        0x02 | 0x04 | 0x08 | 0x0F | 0x83 | 0x8D | 0x90 | 0xE8 | b'\n' | b'0' | b'1' => 6.0,
        0x03 | 0x10 | 0x80 | 0x84 | 0x85 | 0xC0 | 0xC3 | 0xC7 => 4.0,
        b'j' | b'q' | b'x' | b'z' => 2.0,
        b'a'..=b'z' => 5.0,
        b'_' | b'.' | b'/' | b'-' | b',' | b'"' | b'(' | b')' | b'=' | b'@' | b'\r' | b'\t' => 4.0,
        b'0'..=b'9' | b'A'..=b'Z' => 3.0,
        _ => 2.0,
    }
}

/// Probability of a byte of the set.
pub(super) fn of_set(set: ByteSet) -> f64 {
    set.iter().map(|byte| PROBABILITIES[usize::from(byte)]).sum()
}

/// Probability of these bytes, one of each set in order, at a position.
///
/// `single` are the probabilities of the sets by themselves.
pub(super) fn of_window(sets: &[ByteSet], single: &[f64]) -> f64 {
    let product: f64 = single.iter().product();
    let (Some(&first), Some(&last)) = (sets.first(), sets.last()) else { return 1.0 };
    let same = |set: ByteSet| sets.iter().filter(|&&other| other == set).count();
    let most = if same(first) >= same(last) { first } else { last };
    let repeated = same(most);
    let correlated = if repeated == sets.len() {
        of_set(most) * RUN_GOES_ON
    } else if repeated + 1 == sets.len() && sets.len() > 2 {
        of_set(most) * RUN_ENDS
    } else if every_other_is_zero(sets) {
        product * UTF16
    } else {
        product
    };
    product.max(correlated)
}

fn every_other_is_zero(sets: &[ByteSet]) -> bool {
    let zero = ByteSet::one(0);
    [0, 1].into_iter().any(|phase| sets.iter().skip(phase).step_by(2).all(|&set| set == zero))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> f64 {
        let sets: Vec<_> = bytes.iter().map(|&byte| ByteSet::one(byte)).collect();
        let single: Vec<_> = sets.iter().map(|&set| of_set(set)).collect();
        of_window(&sets, &single)
    }

    #[test]
    fn padding_is_frequent() {
        assert!(of(&[0; 4]) > of(b"this") * 100.0);
        assert!(of(b"    ") > of(b"that") * 100.0);
        assert!(of(&[0xCC; 4]) > of(&[0xCC, 0xC3, 0x55, 0x8B]));
        assert!(of(b"a\0b\0") > of(b"abcd"));
        assert!(of(b"the ") > of(b"XQZW"));
    }

    #[test]
    fn probabilities_add_up() {
        assert!((of_set(ByteSet::ANY) - 1.0).abs() < 1e-9);
    }
}
