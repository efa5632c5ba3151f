//! Bytes of a database that stay as they were checked. The only place with `unsafe` in this crate: mapping a file
//! is sound only while nobody writes to it, and the two constructors are the two ways of making sure.

#![allow(
    unsafe_code,
    reason = "mapping a file has no safe interface; each use states who proves it immutable"
)]

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

use memmap2::{Mmap, MmapOptions};

use crate::Error;
use crate::file::{Links, MAX_RAW_IMAGE, open_regular};
use crate::owner::check_owner_and_mode;

/// Read-only bytes, shared between threads and, where they are mapped, between processes.
#[derive(Debug)]
pub struct Mapping(Inner);

#[derive(Debug)]
enum Inner {
    Mapped(Mmap),
    Owned(Box<[u8]>),
}

impl Mapping {
    /// Maps a regular file that belongs to this user or root, that no one else may write and that is no link.
    pub fn file(path: &Path) -> Result<Self, Error> {
        let (file, metadata) = open_regular(path, Links::Refuse)?;
        check_owner_and_mode(path, &metadata)?;
        if metadata.len() > MAX_RAW_IMAGE {
            return Err(Error::TooLarge { path: path.to_owned(), cap: MAX_RAW_IMAGE });
        }
        if metadata.len() == 0 {
            return Ok(Self(Inner::Owned(Box::default())));
        }
        // SAFETY: the descriptor just checked is the one mapped. Its owner is this user or root and nobody else may
        // write it, so only those who control this process anyway could; an installation never does: it writes new
        // files of mode 0444 and renames them into place, which leaves a mapped one untouched.
        let map = unsafe { MmapOptions::new().map(&file) };
        map.map(|map| Self(Inner::Mapped(map))).map_err(|e| Error::io("map", path, e))
    }

    /// Puts bytes where nothing can change them any more, this process included: a sealed memory file on Linux,
    /// private memory where the system has no such thing.
    pub fn sealed(bytes: Vec<u8>) -> Self {
        match sealed_file(&bytes) {
            Some(file) => {
                // SAFETY: the memory file carries the seals against writing, shrinking and growing, which the kernel
                // never lifts, so its bytes cannot change. The mapping is private, which older kernels ask for with
                // a sealed file, and its pages are still the file's own, because nobody writes to them.
                match unsafe { MmapOptions::new().map_copy_read_only(&file) } {
                    Ok(map) if map.len() == bytes.len() => Self(Inner::Mapped(map)),
                    _ => Self(Inner::Owned(bytes.into_boxed_slice())),
                }
            }
            None => Self(Inner::Owned(bytes.into_boxed_slice())),
        }
    }

    /// Whether the bytes are mapped from a file, be it one in memory.
    pub fn is_mapped(&self) -> bool {
        matches!(self.0, Inner::Mapped(_))
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Inner::Mapped(map) => map,
            Inner::Owned(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// A memory file with `bytes` in it and every seal set, to be read from its beginning; `None` where the system or a
/// sandbox refuses, and for no bytes.
#[cfg(target_os = "linux")]
pub fn sealed_file(bytes: &[u8]) -> Option<File> {
    use std::io::{Seek as _, Write as _};

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    if bytes.is_empty() {
        return None;
    }
    let mut file =
        File::from(memfd_create("hallmark", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).ok()?);
    file.write_all(bytes).ok()?;
    file.rewind().ok()?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL).ok()?;
    Some(file)
}

/// This system has no sealed memory files.
#[cfg(not(target_os = "linux"))]
pub fn sealed_file(_bytes: &[u8]) -> Option<File> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_mapping_is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Mapping>();
    }

    #[test]
    fn sealed_bytes_are_the_bytes() {
        let bytes: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
        let mapping = Mapping::sealed(bytes.clone());
        assert_eq!(&*mapping, bytes);
        assert_eq!(mapping.is_mapped(), cfg!(target_os = "linux"));
        assert!(Mapping::sealed(Vec::new()).is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_sealed_file_cannot_be_written() {
        use std::io::{Seek as _, Write as _};
        let mut file = sealed_file(b"database").unwrap();
        file.rewind().unwrap();
        assert!(file.write_all(b"x").is_err());
        assert!(file.set_len(3).is_err() && file.set_len(300).is_err());
    }

    #[test]
    fn only_files_nobody_else_writes_are_mapped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image");
        std::fs::write(&path, b"bytes").unwrap();
        let mode = |mode| std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        mode(0o444);
        assert_eq!(&*Mapping::file(&path).unwrap(), b"bytes");
        for writable in [0o464, 0o446] {
            mode(writable);
            assert!(matches!(Mapping::file(&path), Err(Error::Insecure { .. })));
        }
        mode(0o444);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(Mapping::file(&link), Err(Error::Link { .. })));
        assert!(matches!(Mapping::file(dir.path()), Err(Error::NotRegular { .. })));
        std::fs::write(dir.path().join("empty"), b"").unwrap();
        assert!(Mapping::file(&dir.path().join("empty")).unwrap().is_empty());
    }
}
