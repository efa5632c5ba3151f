//! What decoders read: bytes in memory, charged as they are taken.

use std::cell::Cell;
use std::io::{self, BufRead, Read, Seek, SeekFrom};

use crate::limits::CHUNK;
use crate::meter::Meter;

/// Bytes for a decoder, charged as they are taken. Reading ends with an error when the account says so.
pub(crate) struct Input<'a> {
    data: &'a [u8],
    at: &'a Cell<usize>,
    meter: &'a Meter<'a>,
    /// Taken since the last look at the account.
    taken: usize,
}

impl<'a> Input<'a> {
    /// `at` is where reading begins, and then tells how far it came.
    pub(crate) fn new(data: &'a [u8], at: &'a Cell<usize>, meter: &'a Meter<'a>) -> Self {
        Input { data, at, meter, taken: 0 }
    }

    /// What has not been taken.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.data.get(self.at.get()..).unwrap_or_default()
    }

    fn look(&mut self) -> io::Result<()> {
        if self.taken >= CHUNK {
            let taken = std::mem::take(&mut self.taken);
            self.meter.charge_read(taken).map_err(io::Error::other)?;
        }
        match self.meter.ended() {
            Some(why) => Err(io::Error::other(why)),
            None => Ok(()),
        }
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut available = self.fill_buf()?;
        let read = available.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Input<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.look()?;
        let rest = self.rest();
        Ok(rest.get(..CHUNK).unwrap_or(rest))
    }

    fn consume(&mut self, amount: usize) {
        self.at.set(self.at.get().saturating_add(amount).min(self.data.len()));
        self.taken = self.taken.saturating_add(amount);
    }
}

impl Seek for Input<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => (self.data.len() as u64).checked_add_signed(by),
            SeekFrom::Current(by) => (self.at.get() as u64).checked_add_signed(by),
        };
        let at = at.ok_or(io::ErrorKind::InvalidInput)?;
        // A seek that leads nowhere costs as much as a read.
        self.taken = self.taken.saturating_add(16);
        self.at.set(crate::bytes::size(at));
        Ok(at)
    }
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        // Whether to go on is asked again before the next member.
        let _ = self.meter.charge_read(self.taken);
    }
}
