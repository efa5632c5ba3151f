//! Opening and reading files under a size cap, and writing them so that they are either there whole or not at all.
//! One descriptor per file: what was checked is what is read. FIFOs and devices never block or feed us.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use hallmark_container::{Policy, limits};
use rustix::fs::OFlags;

use crate::Error;

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
    let mut flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    if links == Links::Refuse {
        flags |= OFlags::NOFOLLOW;
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)
        .map_err(|e| Error::io("open", path, e))?;
    let metadata = file.metadata().map_err(|e| Error::io("inspect", path, e))?;
    if !metadata.is_file() {
        return Err(Error::NotRegular { path: path.to_owned() });
    }
    Ok((file, metadata))
}

/// Refuses what anyone but this user or root could change.
pub(crate) fn check_owner_and_mode(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let insecure = |why| Err(Error::Insecure { path: path.to_owned(), why });
    let owner = metadata.uid();
    if owner != 0 && owner != rustix::process::geteuid().as_raw() {
        return insecure("owned by neither this user nor root");
    }
    if metadata.mode() & 0o022 != 0 {
        return insecure("writable by group or others");
    }
    Ok(())
}

/// Checks a directory that must not be a link and that nobody else may change.
pub(crate) fn check_directory(path: &Path) -> Result<(), Error> {
    let metadata = std::fs::symlink_metadata(path).map_err(|e| Error::io("inspect", path, e))?;
    if !metadata.is_dir() {
        return Err(Error::Insecure { path: path.to_owned(), why: "not a directory" });
    }
    check_owner_and_mode(path, &metadata)
}

/// Creates a directory and its parents, readable by all, writable by its owner.
pub(crate) fn create_directory(path: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(|e| Error::io("create", path, e))
}

/// Writes `directory/name`: temporary file, sync, rename, sync of the directory. A failure leaves what was there.
/// The caller holds the directory's lock, so a temporary file that exists is left over from a crash.
pub(crate) fn write_atomic(directory: &Path, name: &str, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let temporary = directory.join(format!(".{name}.tmp"));
    let target = directory.join(name);
    remove_if_present(&temporary)?;
    let written = write_new(&temporary, bytes, mode)
        .and_then(|()| std::fs::rename(&temporary, &target).map_err(|e| Error::io("rename to", &target, e)))
        .and_then(|()| sync_directory(directory));
    if written.is_err() {
        // Already failing with the cause that matters; the next installation removes what stays.
        let _ = remove_if_present(&temporary);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|e| Error::io("create", path, e))?;
    file.write_all(bytes).map_err(|e| Error::io("write", path, e))?;
    file.set_permissions(Permissions::from_mode(mode)).map_err(|e| Error::io("set the mode of", path, e))?;
    file.sync_all().map_err(|e| Error::io("sync", path, e))
}

fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(|e| Error::io("sync", path, e))
}

fn remove_if_present(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("remove", path, error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

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
        assert!(matches!(read_file_capped(&link, 9, Links::Refuse), Err(Error::Io { action: "open", .. })));
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
