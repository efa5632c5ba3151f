//! Opening and reading files under a size cap, and writing them so that they are either there whole or not at all.
//! One descriptor per file: what was checked is what is read. FIFOs and devices never block or feed us.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use hallmark_container::{Policy, limits};
use rustix::fs::{AtFlags, CWD, OFlags, linkat};
use rustix::io::Errno;

use crate::Error;
#[cfg(test)]
use crate::killed::step;
use crate::owner::{check_owner_and_mode, check_way_to};

/// Cap for reading a `.hmk` file: header, note, proof and payload at their largest.
pub const MAX_CONTAINER: u64 =
    limits::MAX_PAYLOAD + limits::MAX_SIGNED_NOTE as u64 + limits::MAX_PROOF as u64 + 4096;

/// Cap for reading an uncompressed image.
pub const MAX_RAW_IMAGE: u64 = limits::MAX_IMAGE;

/// Whether the last component of a path may be a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Links {
    /// It may: the user named the path.
    Follow,
    /// It may not: the path is inside a store or release, where links have no business.
    Refuse,
}

/// Reads a regular file of at most `cap` bytes.
pub fn read_file_capped(path: &Path, cap: u64, links: Links) -> Result<Vec<u8>, Error> {
    let (file, metadata) = open_regular(path, links)?;
    read_open(path, file, &metadata, cap)
}

/// Reads a file that is believed as it is: nobody else can have written it, or put it in the place of another.
pub fn read_trusted_file(path: &Path, cap: u64) -> Result<Vec<u8>, Error> {
    check_way_to(path)?;
    read_own_file(path, cap)
}

/// Reads a file of a store: no link, and nobody else can have written it.
pub(crate) fn read_own_file(path: &Path, cap: u64) -> Result<Vec<u8>, Error> {
    let (file, metadata) = open_regular(path, Links::Refuse)?;
    check_owner_and_mode(path, &metadata)?;
    read_open(path, file, &metadata, cap)
}

fn read_open(path: &Path, file: File, metadata: &Metadata, cap: u64) -> Result<Vec<u8>, Error> {
    if metadata.len() > cap {
        return Err(Error::TooLarge { path: path.to_owned(), cap });
    }
    let mut bytes = Vec::new();
    // The file may grow between the check and the reading; one byte more than the cap shows it.
    file.take(cap.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| Error::io("read", path, e))?;
    if bytes.len() as u64 > cap {
        return Err(Error::TooLarge { path: path.to_owned(), cap });
    }
    Ok(bytes)
}

/// Reads and parses a policy file.
pub fn read_policy(path: &Path) -> Result<Policy, Error> {
    let bytes = read_file_capped(path, limits::MAX_POLICY as u64, Links::Follow)?;
    Policy::parse(&bytes).map_err(Error::container(path))
}

/// Opens a regular file for reading and says what it is.
pub(crate) fn open_regular(path: &Path, links: Links) -> Result<(File, Metadata), Error> {
    open_with(OpenOptions::new().read(true), path, links)
}

/// Opens the file that writers lock, creating it if it is missing.
pub(crate) fn open_lock(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let (lock, metadata) = open_with(&mut options, path, Links::Refuse)?;
    check_owner_and_mode(path, &metadata)?;
    Ok(lock)
}

fn open_with(options: &mut OpenOptions, path: &Path, links: Links) -> Result<(File, Metadata), Error> {
    // Without O_NONBLOCK a FIFO would be waited for.
    let mut flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    let file = options.custom_flags(flags.bits() as i32).open(path).map_err(|e| not_opened(path, e))?;
    let metadata = file.metadata().map_err(|e| Error::io("inspect", path, e))?;
    if !metadata.is_file() {
        return Err(Error::NotRegular { path: path.to_owned() });
    }
    Ok((file, metadata))
}

/// `O_NOFOLLOW` says of a link only that there are too many of them.
fn not_opened(path: &Path, error: std::io::Error) -> Error {
    let link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    match Errno::from_io_error(&error) {
        Some(Errno::LOOP) if link => Error::Link { path: path.to_owned() },
        _ => Error::io("open", path, error),
    }
}

/// Creates a directory and its parents, readable by all, writable by its owner; what is there already is left alone.
pub(crate) fn create_directory(path: &Path) -> Result<(), Error> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    create_directory(parent)?;
    step("create", path);
    match DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Error::io("create", path, error)),
        _ => sync_directory(parent),
    }
}

/// Writes `directory/name`: a temporary file, sync, rename, sync of the directory. A failure leaves what was there, and
/// no name ever leads to bytes that are not on the disk yet. The caller holds the lock of the store, so a temporary file
/// that exists is left over from a crash.
pub(crate) fn write_atomic(directory: &Path, name: &str, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let temporary = directory.join(format!(".{name}.tmp"));
    let target = directory.join(name);
    remove_if_present(&temporary)?;
    let written = write_new(directory, &temporary, bytes, mode)
        .and_then(|()| {
            step("rename", &target);
            std::fs::rename(&temporary, &target).map_err(|e| Error::io("rename to", &target, e))
        })
        .and_then(|()| sync_directory(directory));
    if written.is_err() {
        // Already failing with the cause that matters; the next installation removes what stays.
        let _ = remove_if_present(&temporary);
    }
    written
}

/// Writes a file without a name, which a crash takes along, and gives it one when it is whole. Where the file system
/// has no such files, it has its name from the beginning.
fn write_new(directory: &Path, path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let unnamed = create_unnamed(directory);
    let mut file = match &unnamed {
        Some((file, _)) => file,
        None => {
            step("create", path);
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            &options.open(path).map_err(|e| Error::io("create", path, e))?
        }
    };
    step("write", path);
    file.write_all(bytes).map_err(|e| Error::io("write", path, e))?;
    file.set_permissions(Permissions::from_mode(mode)).map_err(|e| Error::io("set the mode of", path, e))?;
    step("sync", path);
    file.sync_all().map_err(|e| Error::io("sync", path, e))?;
    if let Some((_, descriptor)) = &unnamed {
        step("link", path);
        linkat(CWD, descriptor, CWD, path, AtFlags::SYMLINK_FOLLOW)
            .map_err(|e| Error::io("link", path, e))?;
    }
    Ok(())
}

/// A file without a name in `directory`, and the path of its descriptor, by which it can get one.
#[cfg(target_os = "linux")]
fn create_unnamed(directory: &Path) -> Option<(File, PathBuf)> {
    use std::os::fd::AsRawFd as _;
    let flags = OFlags::TMPFILE.bits() as i32;
    let file = OpenOptions::new().write(true).mode(0o600).custom_flags(flags).open(directory).ok()?;
    let descriptor = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    // Without /proc it would stay without a name.
    let (this, there) = (file.metadata().ok()?, std::fs::metadata(&descriptor).ok()?);
    ((this.dev(), this.ino()) == (there.dev(), there.ino())).then_some((file, descriptor))
}

#[cfg(not(target_os = "linux"))]
fn create_unnamed(_directory: &Path) -> Option<(File, PathBuf)> {
    None
}

fn sync_directory(path: &Path) -> Result<(), Error> {
    step("sync", path);
    match File::open(path).and_then(|directory| directory.sync_all()) {
        // A folder above the store that may be written and not read cannot be synced by anyone but its owner.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Ok(()),
        result => result.map_err(|e| Error::io("sync", path, e)),
    }
}

/// Removes a file that may not be there.
pub(crate) fn remove_if_present(path: &Path) -> Result<(), Error> {
    step("remove", path);
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

/// Told before each change to the disk. Only tests of this crate listen, to be killed there.
#[cfg(not(test))]
fn step(_action: &'static str, _path: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_up_to_the_cap_and_names_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(read_file_capped(&path, 5, Links::Refuse).unwrap(), b"12345");
        let error = read_file_capped(&path, 4, Links::Refuse).unwrap_err();
        assert_eq!(error, Error::TooLarge { path: path.clone(), cap: 4 });
        assert!(error.to_string().contains("file"));
        let missing = read_file_capped(&dir.path().join("none"), 4, Links::Refuse);
        assert!(matches!(missing, Err(Error::Io { kind: ErrorKind::NotFound, .. })));
        assert!(matches!(read_file_capped(dir.path(), 4, Links::Follow), Err(Error::NotRegular { .. })));
        // A device whose stated size is 0 but which never ends.
        let zero = Path::new("/dev/zero");
        assert!(matches!(read_file_capped(zero, 4, Links::Follow), Err(Error::NotRegular { .. })));
    }

    #[test]
    fn links_are_followed_only_when_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let link = dir.path().join("link");
        std::fs::write(&path, b"x").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(read_file_capped(&link, 9, Links::Follow).unwrap(), b"x");
        assert_eq!(read_file_capped(&link, 9, Links::Refuse), Err(Error::Link { path: link }));
    }

    #[test]
    fn a_written_file_is_whole_and_has_its_mode() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".a.tmp"), b"left over").unwrap();
        write_atomic(dir.path(), "a", b"one", 0o444).unwrap();
        write_atomic(dir.path(), "a", b"two", 0o444).unwrap();
        let path = dir.path().join("a");
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o444);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        std::fs::create_dir(dir.path().join("taken")).unwrap();
        assert!(matches!(write_atomic(dir.path(), "taken", b"x", 0o444), Err(Error::Io { .. })));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }
}
