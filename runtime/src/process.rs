//! Scanning the memory of a process.

use std::fs::{File, read};
use std::io;
use std::os::unix::fs::FileExt as _;

use hallmark_engine::{Piece, Shape, Source};

use crate::error::Error;
use crate::report::Report;
use crate::scanner::Scanner;

/// What is passed over where memory can't be read; pages have this size, or a multiple of it.
const PAGE: u64 = 4096;

impl Scanner<'_> {
    /// Scans what a process has mapped and may read, as [`Scanner::scan_blocks`] does; mappings that touch are one piece.
    ///
    /// The process goes on meanwhile: what it changes is seen before or after the change, and what it unmaps, or what the
    /// system keeps to itself, is counted in [`Report::incomplete`].
    ///
    /// # Errors
    /// There is no such process, or its memory may not be read: that takes the rights of a debugger.
    pub fn scan_process(&mut self, pid: u32) -> Result<Report<'_>, Error> {
        let refused = |error: io::Error| {
            let reason = match error.kind() {
                io::ErrorKind::NotFound => "there is no such process".to_owned(),
                io::ErrorKind::PermissionDenied => "its memory may not be read".to_owned(),
                _ => error.to_string(),
            };
            Error::Process { pid, kind: error.kind(), reason }
        };
        let mut memory = Memory::open(pid).map_err(refused)?;
        self.scan_source(&mut memory, Shape::Memory).map_err(refused)
    }
}

/// The readable memory of a process, by ascending address.
struct Memory {
    file: File,
    /// Where mappings begin and end.
    maps: std::vec::IntoIter<(u64, u64)>,
    /// What is left of the present one.
    from: u64,
    to: u64,
}

impl Memory {
    fn open(pid: u32) -> io::Result<Self> {
        let file = File::open(format!("/proc/{pid}/mem"))?;
        // Names of mapped files may be any bytes.
        let maps = read(format!("/proc/{pid}/maps"))?;
        let maps: Vec<_> = maps.split(|&byte| byte == b'\n').filter_map(readable).collect();
        Ok(Memory { file, maps: maps.into_iter(), from: 0, to: 0 })
    }
}

/// The addresses of a mapping that can be read and is the process's own: what the kernel shows to all (`[vvar]` and the
/// like) can't be read from outside. A line is `from-to perms offset device inode name`.
fn readable(line: &[u8]) -> Option<(u64, u64)> {
    let mut fields = line.split(|&byte| byte == b' ').filter(|field| !field.is_empty());
    let (addresses, permissions) = (std::str::from_utf8(fields.next()?).ok()?, fields.next()?);
    let name = fields.nth(3).unwrap_or_default();
    if !permissions.starts_with(b"r") || name.starts_with(b"[vvar") || name.starts_with(b"[vsyscall") {
        return None;
    }
    let (from, to) = addresses.split_once('-')?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    Some((address(from)?, address(to)?))
}

impl Source for Memory {
    type Error = io::Error;

    fn next(&mut self, into: &mut [u8]) -> io::Result<Piece> {
        if self.from >= self.to {
            let Some(map) = self.maps.next() else { return Ok(Piece::End) };
            (self.from, self.to) = map;
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
                let next = self.from.checked_next_multiple_of(PAGE).filter(|&next| next > self.from);
                let next = next.unwrap_or(self.from.saturating_add(PAGE)).min(self.to);
                let lost = next.saturating_sub(self.from);
                self.from = next;
                Ok(Piece::Unreadable(lost))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_are_read_whatever_their_names() {
        for (line, expected) in [
            (&b"55d0-55e0 r-xp 00000000 08:01 7                /bin/a b"[..], Some((0x55d0, 0x55e0))),
            (b"55d0-55e0 rw-p 00000000 00:00 0", Some((0x55d0, 0x55e0))),
            (b"1-ffffffffffffffff r--p 0 00:00 0 /SYSV\xff", Some((1, u64::MAX))),
            (b"55d0-55e0 ---p 00000000 00:00 0", None),
            (b"55d0-55e0 r--p 00000000 00:00 0                [vvar_vclock]", None),
            (b"ff600000-ff601000 r-xp 00000000 00:00 0        [vsyscall]", None),
            (b"x-1 r--p", None),
            (b"1 r--p", None),
            (b"", None),
        ] {
            assert_eq!(readable(line), expected, "{}", line.escape_ascii());
        }
    }
}
