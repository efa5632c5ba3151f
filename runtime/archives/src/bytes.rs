//! Reading numbers out of bytes.

/// Little-endian numbers at an offset; `None` beyond the end.
pub(crate) trait Numbers {
    fn u16_at(&self, at: usize) -> Option<u16>;
    fn u32_at(&self, at: usize) -> Option<u32>;
    fn u64_at(&self, at: usize) -> Option<u64>;
    /// So many bytes.
    fn part(&self, at: usize, len: usize) -> Option<&[u8]>;
    /// Bytes up to a zero byte, and the offset after it.
    fn text_at(&self, at: usize) -> Option<(&[u8], usize)>;
}

impl Numbers for [u8] {
    fn u16_at(&self, at: usize) -> Option<u16> {
        Some(u16::from_le_bytes(*self.get(at..)?.first_chunk()?))
    }

    fn u32_at(&self, at: usize) -> Option<u32> {
        Some(u32::from_le_bytes(*self.get(at..)?.first_chunk()?))
    }

    fn u64_at(&self, at: usize) -> Option<u64> {
        Some(u64::from_le_bytes(*self.get(at..)?.first_chunk()?))
    }

    fn part(&self, at: usize, len: usize) -> Option<&[u8]> {
        self.get(at..at.checked_add(len)?)
    }

    fn text_at(&self, at: usize) -> Option<(&[u8], usize)> {
        let rest = self.get(at..)?;
        let len = memchr::memchr(0, rest)?;
        Some((rest.get(..len)?, at.checked_add(len)?.checked_add(1)?))
    }
}

/// A number from a file as a size of memory; one that is too large is longer than any data.
pub(crate) fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
