//! Reading under a cap and writing whole files: the few file operations a publisher needs.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::Error;

/// Reads a regular file of at most `cap` bytes and says what it is.
pub(crate) fn read(path: &Path, cap: u64) -> Result<(Vec<u8>, Metadata), Error> {
    let metadata = std::fs::metadata(path).map_err(|e| Error::io("inspect", path, &e))?;
    if !metadata.is_file() {
        return Err(Error::File { path: path.to_owned(), why: "not a regular file" });
    }
    let file = File::open(path).map_err(|e| Error::io("open", path, &e))?;
    let mut bytes = Vec::new();
    file.take(cap.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| Error::io("read", path, &e))?;
    if bytes.len() as u64 > cap {
        return Err(Error::File { path: path.to_owned(), why: "larger than such a file may be" });
    }
    Ok((bytes, metadata))
}

/// Writes a file that must not exist yet.
pub(crate) fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let mut file = match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(Error::Exists { path: path.to_owned() });
        }
        Err(error) => return Err(Error::io("create", path, &error)),
    };
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| Error::io("write", path, &e))
}

/// Replaces a file: it is either the old one or the new one, never half of it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let result = write_new(&temporary, bytes, 0o644)
        .and_then(|()| std::fs::rename(&temporary, path).map_err(|e| Error::io("rename to", path, &e)));
    // A temporary file that was there before belongs to someone else and stays.
    if result.is_err() && !matches!(result, Err(Error::Exists { .. })) {
        let _ = std::fs::remove_file(&temporary);
    }
    result
}

/// Creates a directory and its parents.
pub(crate) fn create_directory(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(|e| Error::io("create", path, &e))
}
