//! Sets of bytes.

use regex_syntax::hir::ClassBytes;

use super::spec::MaskedByte;

/// A set of bytes, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    /// Every byte.
    pub(super) const ANY: ByteSet = ByteSet([u64::MAX; 4]);

    /// One byte.
    pub(super) fn one(byte: u8) -> Self {
        let mut set = ByteSet::default();
        set.insert(byte);
        set
    }

    /// The bytes of a class.
    pub(super) fn of_class(class: &ClassBytes) -> Self {
        let mut set = ByteSet::default();
        for range in class.ranges() {
            for byte in range.start()..=range.end() {
                set.insert(byte);
            }
        }
        set
    }

    /// The bytes with `byte & mask == value`.
    pub(super) fn masked(value: u8, mask: u8) -> Self {
        Self::of(|byte| byte & mask == value & mask)
    }

    /// The bytes for which something holds.
    pub(super) fn of(holds: impl Fn(u8) -> bool) -> Self {
        let mut set = ByteSet::default();
        (0..=255).filter(|&byte| holds(byte)).for_each(|byte| set.insert(byte));
        set
    }

    /// The bytes not in this one.
    pub(super) fn negated(self) -> Self {
        ByteSet(self.0.map(|word| !word))
    }

    /// The bytes in either.
    pub(super) fn union(mut self, other: ByteSet) -> Self {
        for (word, more) in self.0.iter_mut().zip(other.0) {
            *word |= more;
        }
        self
    }

    /// Whether some byte is in both.
    pub(super) fn meets(self, other: ByteSet) -> bool {
        self.0.iter().zip(other.0).any(|(word, more)| word & more != 0)
    }

    /// Adds a byte.
    pub(super) fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    /// Whether it has the byte.
    pub(super) fn contains(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    /// Number of bytes.
    pub(super) fn len(self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Its bytes, ascending.
    pub(super) fn iter(self) -> impl Iterator<Item = u8> {
        (0..=255).filter(move |&byte| self.contains(byte))
    }

    /// Value and mask, if the set is exactly the bytes with `byte & mask == value`.
    pub(super) fn as_masked(self) -> Option<(u8, u8)> {
        let len = self.len();
        if !len.is_power_of_two() {
            return None;
        }
        let first = self.first()?;
        if len == 1 {
            return Some((first, u8::MAX));
        }
        let (all, any) = self.iter().fold((u8::MAX, 0), |(all, any), byte| (all & byte, any | byte));
        let free = all ^ any;
        (len == 1 << free.count_ones()).then_some((all, !free))
    }

    /// The byte under a mask that stands for every byte of the set, and for as few others as a mask allows.
    pub(super) fn cover(self) -> MaskedByte {
        // For each bit, the places in a word of the bytes that have it; the words differ in the two highest bits.
        const WITH: [u64; 6] = [
            0xAAAA_AAAA_AAAA_AAAA,
            0xCCCC_CCCC_CCCC_CCCC,
            0xF0F0_F0F0_F0F0_F0F0,
            0xFF00_FF00_FF00_FF00,
            0xFFFF_0000_FFFF_0000,
            0xFFFF_FFFF_0000_0000,
        ];
        let [a, b, c, d] = self.0;
        let together = a | b | c | d;
        let (mut value, mut mask) = (0, 0);
        let mut look = |bit: u8, with: u64, without: u64| {
            if with == 0 || without == 0 {
                mask |= bit;
                value |= if with == 0 { 0 } else { bit };
            }
        };
        WITH.iter().zip(0..).for_each(|(with, bit)| look(1 << bit, together & with, together & !with));
        look(1 << 6, b | d, a | c);
        look(1 << 7, c | d, a | b);
        MaskedByte { value, mask }
    }

    /// Its lowest byte.
    fn first(self) -> Option<u8> {
        let (at, word) = self.0.iter().enumerate().find(|(_, word)| **word != 0)?;
        Some(at as u8 * 64 + word.trailing_zeros() as u8)
    }

    /// As 256 bits, the lowest of the first byte standing for byte 0.
    pub(super) fn to_bits(self) -> [u8; 32] {
        let mut bits = [0; 32];
        for (chunk, word) in bits.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        bits
    }

    /// First and last byte, if all between them are in the set too.
    pub(super) fn as_range(self) -> Option<(u8, u8)> {
        let first = self.first()?;
        let (at, word) = self.0.iter().enumerate().rfind(|(_, word)| **word != 0)?;
        let last = at as u8 * 64 + (63 - word.leading_zeros() as u8);
        (u32::from(last - first) + 1 == self.len()).then_some((first, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cover_has_every_byte_and_no_bit_more_than_needed() {
        for set in [
            ByteSet::one(0),
            ByteSet::one(0xC3),
            ByteSet::ANY,
            ByteSet::masked(0x30, 0xF0),
            ByteSet::of(|byte| byte.is_ascii_digit()),
            ByteSet::of(|byte| byte.is_ascii_lowercase()),
            ByteSet::of(|byte| byte == b'a' || byte == b'A'),
            ByteSet::of(|byte| byte == 0x7F || byte == 0x80),
            ByteSet::of(|byte| byte > 0xBD),
        ] {
            let (all, any) = set.iter().fold((u8::MAX, 0), |(all, any), byte| (all & byte, any | byte));
            let mask = !(all ^ any);
            assert_eq!(set.cover(), MaskedByte { value: all & mask, mask }, "{set:?}");
        }
    }
}
