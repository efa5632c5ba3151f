//! Bounds-checked reading of numbers: little-endian ones, and those of formats that leave order and size to the file.

use std::cell::Cell;

use crate::limits::{ALLOWANCE_FACTOR, ALLOWANCE_MAX, ALLOWANCE_MIN, PIECE};
use crate::value::Node;

/// Reads forward; every read past the end is `None` and moves nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of `data`.
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Reader { rest: data }
    }

    /// What is not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `n` bytes.
    pub(crate) fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(n)?;
        self.rest = rest;
        Some(taken)
    }

    /// Passes over `n` bytes.
    pub(crate) fn skip(&mut self, n: usize) -> Option<()> {
        self.take(n).map(|_| ())
    }

    /// The next byte.
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[b]| b)
    }

    /// The next 16-bit number.
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next 32-bit number.
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next 64-bit number.
    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*taken)
    }
}

/// How many bytes a number has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Width {
    /// 1
    Byte,
    /// 2
    Half,
    /// 4
    Int,
    /// 4 or 8, as the file says.
    Word,
}

/// The byte order and word size of a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    /// The most significant byte is first.
    pub(crate) big: bool,
    /// Words have eight bytes.
    pub(crate) wide: bool,
}

impl Order {
    /// The next numbers, or nothing if not all of them are there.
    pub(crate) fn read<const N: usize>(
        self,
        reader: &mut Reader<'_>,
        widths: [Width; N],
    ) -> Option<[u64; N]> {
        let mut ahead = *reader;
        let mut values = [0; N];
        for (value, width) in values.iter_mut().zip(widths) {
            *value = self.number(&mut ahead, width)?;
        }
        *reader = ahead;
        Some(values)
    }

    fn number(self, reader: &mut Reader<'_>, width: Width) -> Option<u64> {
        let bytes = reader.take(match (width, self.wide) {
            (Width::Byte, _) => 1,
            (Width::Half, _) => 2,
            (Width::Int, _) | (Width::Word, false) => 4,
            (Width::Word, true) => 8,
        })?;
        let join = |n: u64, byte: &u8| n << 8 | u64::from(*byte);
        Some(if self.big { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) })
    }
}

/// Work that a file may cost a module: bytes looked at more than once, and bytes made of them. Strings without an end, or
/// many entries of a table that share one place, would otherwise cost the square of the file's length.
#[derive(Debug)]
pub(crate) struct Allowance(Cell<usize>);

impl Allowance {
    /// For a file of `len` bytes.
    pub(crate) fn new(len: usize) -> Self {
        let allowance = len.saturating_mul(ALLOWANCE_FACTOR).saturating_add(ALLOWANCE_MIN);
        Allowance(Cell::new(allowance.min(ALLOWANCE_MAX)))
    }

    /// Takes `n` off; `None`, and nothing is left, if there is not so much.
    pub(crate) fn spend(&self, n: usize) -> Option<()> {
        let left = self.0.get().checked_sub(n);
        self.0.set(left.unwrap_or(0));
        left.map(|_| ())
    }

    /// The items, as long as there is something left, each of which becomes a structure of so many fields.
    pub(crate) fn each<T>(&self, fields: usize, items: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
        let cost = fields.saturating_mul(size_of::<Node<'_>>());
        items.map_while(move |item| self.spend(cost).map(|()| item))
    }

    /// The bytes of `data` before the first zero, and whether there is one; `None` when the allowance is used up.
    pub(crate) fn until_zero<'a>(&self, data: &'a [u8]) -> Option<(&'a [u8], bool)> {
        let within = data.get(..self.0.get()).unwrap_or(data);
        match memchr::memchr(0, within) {
            Some(end) => {
                self.spend(end)?;
                Some((data.get(..end)?, true))
            }
            None if within.len() == data.len() => {
                self.spend(data.len())?;
                Some((data, false))
            }
            None => self.spend(usize::MAX).and(None),
        }
    }
}

/// All of `data`, piece by piece, but no more of it once `is_over` says so.
pub(crate) fn pieces<'d>(data: &'d [u8], is_over: &dyn Fn() -> bool) -> impl Iterator<Item = &'d [u8]> {
    let asks = data.len() > PIECE;
    data.chunks(PIECE).take_while(move |_| !asks || !is_over())
}

/// `data` from `offset`, `None` if that is behind its end.
pub(crate) fn from(data: &[u8], offset: u64) -> Option<&[u8]> {
    data.get(usize::try_from(offset).ok()?..)
}

/// `size` bytes of `data` from `offset`, if they are all there.
pub(crate) fn range(data: &[u8], offset: u64, size: u64) -> Option<&[u8]> {
    from(data, offset)?.get(..usize::try_from(size).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_past_the_end_moves_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(reader.u32(), None);
        assert_eq!(reader.u16(), Some(0x0201));
        assert_eq!(reader.u16(), None);
        assert_eq!(reader.take(2), None);
        assert_eq!(reader.rest(), [3]);
        assert_eq!(reader.skip(1), Some(()));
        assert_eq!(reader.u8(), None);
    }

    #[test]
    fn order_and_size_of_numbers() {
        let data = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
        let read = |big, wide| Order { big, wide }.read(&mut Reader::new(&data), [Width::Half, Width::Word]);
        assert_eq!(read(false, false), Some([0x0201, 0x0605_0403]));
        assert_eq!(read(true, true), Some([0x0102, 0x0304_0506_0708_090a]));
        let mut reader = Reader::new(&data);
        let order = Order { big: false, wide: false };
        assert_eq!(order.read(&mut reader, [Width::Word; 3]), None);
        assert_eq!(order.read(&mut reader, [Width::Byte, Width::Int]), Some([1, 0x0504_0302]));
    }

    #[test]
    fn strings_are_read_until_the_allowance_is_used_up() {
        let data = [b'x'; 8];
        let allowance = Allowance(Cell::new(20));
        assert_eq!(allowance.until_zero(b"ab\0c"), Some((&b"ab"[..], true)));
        assert_eq!(allowance.until_zero(&data), Some((&data[..], false)));
        assert_eq!(allowance.until_zero(&data), Some((&data[..], false)));
        assert_eq!(allowance.until_zero(&data), None);
        assert_eq!(allowance.until_zero(b"a\0"), None);
    }
}
