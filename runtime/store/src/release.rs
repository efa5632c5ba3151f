//! A release as it lies on disk, read whole and untrusted: a `.hmk` file, or a directory with `release.note` and
//! `image.zst`.

use std::path::Path;

use hallmark_container::layout::{IMAGE_PAYLOAD, RELEASE_NOTE};
use hallmark_container::{Container, is_container, limits};

use crate::Error;
use crate::file::{Links, MAX_CONTAINER, read_file_capped};

/// The bytes of a release. Nothing in them is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseBytes {
    /// A `.hmk` file.
    Packed(Vec<u8>),
    /// The files of a release directory.
    Parts {
        /// `release.note`.
        note: Vec<u8>,
        /// `image.zst`.
        payload: Vec<u8>,
    },
}

impl ReleaseBytes {
    /// Reads a `.hmk` file or a release directory.
    pub fn read(path: &Path) -> Result<Self, Error> {
        if path.is_dir() { Self::read_directory(path) } else { Self::read_file(path) }
    }

    fn read_file(path: &Path) -> Result<Self, Error> {
        let bytes = read_file_capped(path, MAX_CONTAINER, Links::Follow)?;
        match is_container(&bytes) {
            true => Ok(Self::Packed(bytes)),
            false => Err(Error::NotADatabase { path: path.to_owned() }),
        }
    }

    fn read_directory(path: &Path) -> Result<Self, Error> {
        let note = path.join(RELEASE_NOTE);
        if note.symlink_metadata().is_err() {
            return Err(Error::NotADatabase { path: path.to_owned() });
        }
        let payload = path.join(IMAGE_PAYLOAD);
        if payload.symlink_metadata().is_err() {
            return Err(Error::NoPayload { path: path.to_owned(), patch: None });
        }
        Ok(Self::Parts {
            note: read_file_capped(&note, limits::MAX_SIGNED_NOTE as u64, Links::Refuse)?,
            payload: read_file_capped(&payload, limits::MAX_PAYLOAD, Links::Refuse)?,
        })
    }

    /// The parts as a container, still unverified.
    pub fn container(&self) -> Result<Container<'_>, hallmark_container::Error> {
        match self {
            Self::Packed(bytes) => Container::parse(bytes),
            Self::Parts { note, payload } => Container::from_parts(note, b"", payload),
        }
    }
}
