//! Scanning the memory of a process.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use hallmark_engine::{Piece, Shape, Source};
use procfs::ProcError;
use procfs::process::{MMPermissions, MMapPath, MemoryMap, Process};

use crate::error::Error;
use crate::report::Report;
use crate::scanner::Scanner;

impl Scanner<'_> {
    /// Scans what a process has mapped and may read, as [`Scanner::scan_blocks`] does; mappings that touch are one piece.
    ///
    /// The process goes on meanwhile: what it changes is seen before or after the change, and what it unmaps, or what the
    /// system keeps to itself, is counted in [`Report::incomplete`].
    ///
    /// # Errors
    /// There is no such process, or its memory may not be read: that takes the rights of a debugger.
    pub fn scan_process(&mut self, pid: u32) -> Result<Report<'_>, Error> {
        let refused = |kind: io::ErrorKind, reason: String| Error::Process { pid, kind, reason };
        let mut memory = Memory::open(pid).map_err(|error| match error {
            ProcError::PermissionDenied(_) => {
                refused(io::ErrorKind::PermissionDenied, "its memory may not be read".to_owned())
            }
            ProcError::NotFound(_) => refused(io::ErrorKind::NotFound, "there is no such process".to_owned()),
            ProcError::Io(error, _) => refused(error.kind(), error.to_string()),
            other => refused(io::ErrorKind::Other, other.to_string()),
        })?;
        self.scan_source(&mut memory, Shape::Memory).map_err(|error| refused(error.kind(), error.to_string()))
    }
}

/// The readable memory of a process, by ascending address.
struct Memory {
    file: File,
    maps: std::vec::IntoIter<MemoryMap>,
    /// What is left of the present mapping.
    from: u64,
    to: u64,
}

impl Memory {
    fn open(pid: u32) -> Result<Self, ProcError> {
        let pid = i32::try_from(pid).map_err(|_| ProcError::NotFound(None))?;
        let process = Process::new(pid)?;
        let file = process.mem()?;
        let maps = process.maps()?.0.into_iter();
        Ok(Memory { file, maps, from: 0, to: 0 })
    }

    /// Whether a mapping is memory of the process.
    fn is_its_own(map: &MemoryMap) -> bool {
        map.perms.contains(MMPermissions::READ)
            && !matches!(map.pathname, MMapPath::Vvar | MMapPath::Vsyscall)
    }
}

impl Source for Memory {
    type Error = io::Error;

    fn next(&mut self, into: &mut [u8]) -> io::Result<Piece> {
        if self.from >= self.to {
            let Some(map) = self.maps.find(Self::is_its_own) else { return Ok(Piece::End) };
            (self.from, self.to) = map.address;
            return Ok(Piece::At(self.from));
        }
        let left = usize::try_from(self.to.saturating_sub(self.from)).unwrap_or(usize::MAX);
        let into = into.get_mut(..left.min(into.len())).unwrap_or_default();
        match self.file.read_at(into, self.from) {
            Ok(count) if count > 0 => {
                self.from = self.from.saturating_add(count as u64);
                Ok(Piece::Bytes(count))
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.next(into),
            // What can't be read is a page.
            Ok(_) | Err(_) => {
                let page = procfs::page_size();
                let next = self.from.checked_next_multiple_of(page).filter(|&next| next > self.from);
                let next = next.unwrap_or(self.from.saturating_add(page)).min(self.to);
                let lost = next.saturating_sub(self.from);
                self.from = next;
                Ok(Piece::Unreadable(lost))
            }
        }
    }
}
