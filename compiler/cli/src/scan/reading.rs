//! Files to bytes. Input: a path, or an open file that may be anything by now and may change at any moment. Output: bytes
//! of a regular file and, if it changed while it was read, that it did; or why it cannot be scanned.
//!
//! Nothing here waits for somebody else: a named pipe that has taken a file's place is opened without waiting and then
//! refused, and waiting for standard input ends when the work is interrupted.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, OFlags, fstat};

use super::interrupt::Interrupt;

/// Capacity of a buffer that is kept from one file to the next.
const KEEP_BUFFER: usize = 64 << 20;

/// How long standard input is waited for between two looks at whether the work is interrupted.
const LOOK: Duration = Duration::from_millis(50);

/// What is said of a file that was not scanned because a signal came.
pub const INTERRUPTED: &str = "not scanned: interrupted";

/// Whether a path may lead to a file through a symbolic link at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// It was named by the user.
    Follow,
    /// It was found as a regular file; a link there now is somebody's trick.
    Refuse,
}

/// An open file and what was known about it then.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: File,
    /// Its state.
    pub state: State,
}

/// What changes when a file changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// Its size in bytes.
    pub size: u64,
    /// Seconds and nanoseconds of the last change of its content.
    modified: (i64, i64),
}

/// What kind of special file this is; reading one may never end.
pub fn special(kind: std::fs::FileType) -> Option<&'static str> {
    if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_char_device() || kind.is_block_device() {
        Some("a device")
    } else {
        None
    }
}

/// What is said of a special file.
pub fn not_regular(kind: &str) -> String {
    format!("not scanned: {kind}, not a regular file")
}

/// What is said of a file that the system does not give.
pub fn cannot_read(error: impl Into<io::Error>) -> String {
    format!("cannot read: {}", error.into())
}

/// Opens a regular file, without waiting for whatever else is there.
pub fn open(path: &Path, links: Links) -> Result<Opened, String> {
    let refuse = if links == Links::Refuse { OFlags::NOFOLLOW } else { OFlags::empty() };
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY | refuse).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| match error.raw_os_error() {
        Some(code) if links == Links::Refuse && code == rustix::io::Errno::LOOP.raw_os_error() => {
            not_regular("by now a symbolic link")
        }
        // What a socket says that has taken the place of the file.
        Some(code) if code == rustix::io::Errno::NXIO.raw_os_error() => not_regular("a socket"),
        _ => cannot_read(error),
    })?;
    let state = State::of(&file)?;
    Ok(Opened { file, state })
}

impl State {
    /// Of an open file, which must be a regular one.
    pub fn of(file: &File) -> Result<Self, String> {
        let stat = fstat(file).map_err(cannot_read)?;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => None,
            FileType::Directory => Some("a directory"),
            FileType::Fifo => Some("a named pipe"),
            FileType::Socket => Some("a socket"),
            FileType::CharacterDevice | FileType::BlockDevice => Some("a device"),
            FileType::Symlink | FileType::Unknown => Some("a special file"),
        };
        if let Some(kind) = kind {
            return Err(not_regular(kind));
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        #[allow(clippy::unnecessary_cast, reason = "the fields differ from system to system")]
        let modified = (stat.st_mtime as i64, stat.st_mtime_nsec as i64);
        Ok(State { size, modified })
    }
}

/// Fills `buffer` with the bytes of a file, at most `max`. Says how the file changed meanwhile, if it did: then the bytes
/// may be some that never were its content.
pub fn read_file(
    opened: &Opened,
    buffer: &mut Vec<u8>,
    max: u64,
    interrupt: &Interrupt,
) -> Result<Option<String>, String> {
    let Opened { file, state } = opened;
    reserve(buffer, state.size, max)?;
    read(Interruptible { from: file, interrupt }, buffer, max, interrupt)?;
    changed(opened, buffer.len() as u64)
}

/// Whether a file changed while so many bytes of it were read.
pub fn changed(opened: &Opened, read: u64) -> Result<Option<String>, String> {
    let Opened { file, state: before } = opened;
    let after = State::of(file)?;
    if after == *before {
        return Ok(None);
    }
    let sizes = match (before.size, after.size) {
        (before, after) if before == after => String::new(),
        (before, after) => format!(", from {before} to {after} bytes"),
    };
    Ok(Some(format!("it changed while it was read{sizes}; what is reported is about the {read} bytes read")))
}

/// Standard input, the wait for which ends when the work is interrupted.
pub fn stdin(interrupt: &Interrupt) -> impl Read + '_ {
    Awaited { from: io::stdin().lock(), interrupt }
}

/// Fills `buffer` with standard input, of which at most `max` bytes are taken.
pub fn read_stdin(buffer: &mut Vec<u8>, max: u64, interrupt: &Interrupt) -> Result<(), String> {
    reserve(buffer, 0, max)?;
    read(stdin(interrupt), buffer, max, interrupt)
}

/// What is said of a file that is longer than allowed.
pub fn too_large(max: u64) -> String {
    format!("not scanned: larger than {max} bytes, the limit of --max-size")
}

fn reserve(buffer: &mut Vec<u8>, size: u64, max: u64) -> Result<(), String> {
    buffer.clear();
    buffer.shrink_to(KEEP_BUFFER);
    if size > max {
        return Err(too_large(max));
    }
    let room = usize::try_from(size).ok().and_then(|size| buffer.try_reserve(size).ok());
    room.ok_or_else(|| format!("not scanned: no memory for {size} bytes"))
}

fn read(from: impl Read, buffer: &mut Vec<u8>, max: u64, interrupt: &Interrupt) -> Result<(), String> {
    from.take(max.saturating_add(1)).read_to_end(buffer).map_err(|error| match error.kind() {
        io::ErrorKind::OutOfMemory => format!("not scanned: no memory for more than {} bytes", buffer.len()),
        _ if interrupt.is_set() => INTERRUPTED.to_owned(),
        _ => cannot_read(error),
    })?;
    if buffer.len() as u64 > max { Err(too_large(max)) } else { Ok(()) }
}

/// Stops when the work is interrupted.
struct Interruptible<'a, R> {
    from: R,
    interrupt: &'a Interrupt,
}

impl<R: Read> Read for Interruptible<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.interrupt.is_set() {
            return Err(interruption());
        }
        self.from.read(buffer)
    }
}

/// The same for what has to be waited for.
struct Awaited<'a, R> {
    from: R,
    interrupt: &'a Interrupt,
}

impl<R: Read + AsFd> Read for Awaited<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let look = Timespec::try_from(LOOK).map_err(io::Error::other)?;
        loop {
            if self.interrupt.is_set() {
                return Err(interruption());
            }
            let mut polled = [PollFd::new(&self.from, PollFlags::IN)];
            match poll(&mut polled, Some(&look)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return self.from.read(buffer),
            }
        }
    }
}

fn interruption() -> io::Error {
    io::Error::other(INTERRUPTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(opened: &Opened) -> (Vec<u8>, Result<Option<String>, String>) {
        let mut buffer = Vec::new();
        let read = read_file(opened, &mut buffer, 100, &Interrupt::default());
        (buffer, read)
    }

    #[test]
    fn a_file_that_changes_is_told_about() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let open_new = || {
            std::fs::write(&path, "0123456789").unwrap();
            open(&path, Links::Refuse).unwrap()
        };
        let opened = open_new();
        assert_eq!(read_all(&opened), (b"0123456789".to_vec(), Ok(None)));
        for (content, said) in [("0123", "from 10 to 4 bytes"), ("0123456789abcdef", "from 10 to 16 bytes")] {
            let opened = open_new();
            std::fs::write(&path, content).unwrap();
            let (bytes, read) = read_all(&opened);
            assert_eq!(bytes, content.as_bytes());
            assert!(read.unwrap().unwrap().contains(said), "{content}");
        }
        // The same size, at another time.
        let opened = open_new();
        std::fs::write(&path, "9876543210").unwrap();
        let later = std::time::SystemTime::now() + Duration::from_secs(3);
        File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
        let said = read_all(&opened).1.unwrap().unwrap();
        assert_eq!(said, "it changed while it was read; what is reported is about the 10 bytes read");
        // Larger than allowed by now.
        let opened = open_new();
        std::fs::write(&path, [b'x'; 200]).unwrap();
        assert_eq!(read_all(&opened).1, Err(too_large(100)));
        // Gone, but open.
        let opened = open_new();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read_all(&opened), (b"0123456789".to_vec(), Ok(None)));
    }

    #[test]
    fn nothing_but_a_regular_file_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), rustix::fs::Mode::RWXU).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        assert!(open(&path("link"), Links::Follow).is_ok());
        for (name, why) in [
            ("link", "by now a symbolic link"),
            ("fifo", "a named pipe"),
            ("socket", "a socket"),
            ("/dev/null", "a device"),
            (".", "a directory"),
        ] {
            assert_eq!(open(&path(name), Links::Refuse).unwrap_err(), not_regular(why), "{name}");
        }
        assert!(open(&path("missing"), Links::Refuse).unwrap_err().starts_with("cannot read: "));
    }
}
