//! What conditions can see of the scanned bytes: all of them, or of a stream what was kept.

use std::ops::Range;

use hallmark_image::FileClass;
use hallmark_image::record::{UnitHeader, rule_flags};

/// Bytes that were scanned but not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gone;

/// What is known of the size of the scanned data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// So many bytes.
    Known(u64),
    /// So many, and perhaps more to come.
    AtLeast(u64),
    /// Memory, which has none.
    None,
}

impl Size {
    /// Whether a rule can match data of this class and size.
    #[inline]
    pub fn is_admitted(self, header: &UnitHeader, class: FileClass) -> bool {
        match self {
            Size::Known(size) => header.gate.admits(class, size),
            Size::AtLeast(size) => header.gate.admits_longer(class, size),
            // Of the limits of a gate, those that come from comparisons of the size make the condition undefined. The
            // others come from addresses.
            Size::None => {
                header.gate.classes & class.bit() != 0 && header.flags.get() & rule_flags::SIZED == 0
            }
        }
    }

    pub fn known(self) -> Option<u64> {
        match self {
            Size::Known(size) => Some(size),
            Size::AtLeast(_) | Size::None => None,
        }
    }
}

/// The scanned bytes, as far as they are at hand when conditions are evaluated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum View<'d> {
    /// All of them.
    Whole(&'d [u8]),
    /// Those that were kept.
    Kept(Kept<'d>),
}

/// What was kept of a stream, or of memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'d> {
    /// Its first bytes; of memory those at address zero.
    pub head: &'d [u8],
    /// Its last bytes.
    pub tail: &'d [u8],
    /// Address of the first of those.
    pub tail_at: u64,
    /// Where there were bytes, by ascending address.
    pub extents: &'d [Range<u64>],
    pub size: Size,
    /// How many bytes there were.
    pub total: u64,
}

impl<'d> View<'d> {
    pub fn size(&self) -> Size {
        match self {
            View::Whole(data) => Size::Known(data.len() as u64),
            View::Kept(kept) => kept.size,
        }
    }

    /// How many bytes were scanned.
    pub fn len(&self) -> u64 {
        match self {
            View::Whole(data) => data.len() as u64,
            View::Kept(kept) => kept.total,
        }
    }

    /// What there is of a file for modules: everything, or its first bytes.
    pub fn head(&self) -> &'d [u8] {
        match self {
            View::Whole(data) => data,
            View::Kept(kept) => kept.head,
        }
    }
}

impl<'d> Kept<'d> {
    /// The bytes at an address; none if there weren't so many.
    pub fn read(&self, at: u64, len: usize) -> Result<Option<&'d [u8]>, Gone> {
        let end = at.checked_add(len as u64);
        let before = self.extents.partition_point(|extent| extent.start <= at).checked_sub(1);
        let extent = before.and_then(|before| self.extents.get(before));
        let Some(_) = extent.zip(end).filter(|(extent, end)| *end <= extent.end) else { return Ok(None) };
        let in_tail = at.checked_sub(self.tail_at).and_then(|at| slice(self.tail, at, len));
        in_tail.or_else(|| slice(self.head, at, len)).map(Some).ok_or(Gone)
    }
}

/// The bytes at an address of data that are all there.
#[inline]
pub(crate) fn slice(data: &[u8], at: u64, len: usize) -> Option<&[u8]> {
    let at = usize::try_from(at).ok()?;
    data.get(at..at.checked_add(len)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_told_from_what_is_gone_and_what_never_was() {
        let extents = [0..10, 20..100];
        let kept = Kept {
            head: b"0123",
            tail: b"xyz",
            tail_at: 97,
            extents: &extents,
            size: Size::Known(100),
            total: 90,
        };
        assert_eq!(kept.read(1, 3), Ok(Some(&b"123"[..])));
        assert_eq!(kept.read(1, 4), Err(Gone));
        assert_eq!(kept.read(8, 4), Ok(None), "not in one piece");
        assert_eq!(kept.read(15, 1), Ok(None));
        assert_eq!(kept.read(98, 2), Ok(Some(&b"yz"[..])));
        assert_eq!(kept.read(98, 3), Ok(None));
        assert_eq!(kept.read(96, 2), Err(Gone));
        assert_eq!(kept.read(u64::MAX, 2), Ok(None));
        assert_eq!(slice(b"abc", 1, 2), Some(&b"bc"[..]));
        assert_eq!(slice(b"abc", 2, 2), None);
    }
}
