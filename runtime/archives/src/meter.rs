//! The account of one file: what was unpacked and read, and whether to go on.

use std::cell::{Cell, RefCell};

use crate::limits::{CHUNK, Limits, RATIO_FREE};
use crate::why::{Stop, Why};

/// The account of one file. Shared by everything that reads or unpacks for it.
pub(crate) struct Meter<'a> {
    limits: &'a Limits,
    stop: &'a dyn Fn() -> Option<Stop>,
    /// Bytes that may be unpacked because of the ratio.
    of_ratio: u64,
    /// Bytes that decoders may read. Where members don't lie over one another, it is what the file has and what came
    /// out of it.
    may_read: u64,
    unpacked: Cell<u64>,
    read: Cell<u64>,
    /// Why a decoder's input ended, which decoders don't always pass on.
    ended: RefCell<Option<Why>>,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(len: usize, limits: &'a Limits, stop: &'a dyn Fn() -> Option<Stop>) -> Self {
        let len = len as u64;
        Meter {
            limits,
            stop,
            of_ratio: len.saturating_mul(limits.ratio).max(RATIO_FREE),
            may_read: len.saturating_add(limits.total_bytes).saturating_add(RATIO_FREE),
            unpacked: Cell::new(0),
            read: Cell::new(0),
            ended: RefCell::new(None),
        }
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        self.limits
    }

    /// Bytes unpacked up to now.
    pub(crate) fn unpacked(&self) -> u64 {
        self.unpacked.get()
    }

    /// Whether to go on.
    pub(crate) fn check(&self) -> Result<(), Why> {
        (self.stop)().map_or(Ok(()), |stop| Err(Why::from(stop)))
    }

    /// How much more may be unpacked into a member that has `len` bytes; if nothing, why.
    pub(crate) fn room(&self, len: usize) -> Result<usize, Why> {
        let Limits { member_bytes, total_bytes, ratio, .. } = *self.limits;
        let unpacked = self.unpacked.get();
        let rooms = [
            (total_bytes.saturating_sub(unpacked), Why::TotalBytes { max: total_bytes }),
            (self.of_ratio.saturating_sub(unpacked), Why::Ratio { max: ratio }),
            (member_bytes.saturating_sub(len as u64), Why::MemberBytes { max: member_bytes }),
        ];
        let least = rooms.iter().map(|(room, _)| *room).min().unwrap_or(0);
        match rooms.into_iter().find(|(room, _)| *room == 0) {
            Some((_, why)) => Err(why),
            None => Ok(crate::bytes::size(least)),
        }
    }

    /// Charges for bytes that came out.
    pub(crate) fn charge(&self, len: usize) {
        self.unpacked.set(self.unpacked.get().saturating_add(len as u64));
    }

    /// Charges for bytes that went in, and looks whether to go on.
    pub(crate) fn charge_read(&self, len: usize) -> Result<(), Why> {
        let read = self.read.get().saturating_add(len as u64);
        self.read.set(read);
        let going = if read > self.may_read { Err(Why::Overlapping) } else { self.check() };
        if let Err(why) = &going {
            self.ended.borrow_mut().get_or_insert_with(|| why.clone());
        }
        going
    }

    /// Why a decoder's input ended, if it did before its end.
    pub(crate) fn ended(&self) -> Option<Why> {
        self.ended.borrow().clone()
    }

    /// The checksum of bytes, as ZIP and 7z have it.
    pub(crate) fn crc32(&self, data: &[u8]) -> Result<u32, Why> {
        let mut hasher = crc32fast::Hasher::new();
        for chunk in data.chunks(CHUNK.saturating_mul(16)) {
            self.check()?;
            hasher.update(chunk);
        }
        Ok(hasher.finalize())
    }
}
