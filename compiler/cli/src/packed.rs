//! Releases as files to be compared: notes that nobody judges, and images that are the ones they promise.

use std::path::Path;

use anyhow::{Context as _, ensure};
use hallmark_container::{Demand, VerifiedNote, verify_note};
use hallmark_store::ReleaseBytes;

use crate::escape;

/// A release directory or a `.hmk` file, opened.
pub struct Packed {
    /// The note; its signatures were not judged.
    pub note: VerifiedNote,
    /// The image that it promises.
    pub image: Vec<u8>,
}

impl Packed {
    /// Opens a release. What its image means is not asked: one of another version of the format is as good.
    ///
    /// # Errors
    /// What cannot be read, is damaged or is no release.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        Self::open(path, &ReleaseBytes::read(path)?)
    }

    /// Opens a release that `--prev` names: one of the database `db`, before the one with this serial.
    ///
    /// # Errors
    /// Those of [`Packed::read`], and another database or a serial that is not lower.
    pub fn read_before(path: &Path, db: &str, serial: u64) -> anyhow::Result<Self> {
        let old = Self::read(path).context("--prev")?;
        let (note, shown) = (old.note.release(), escape::path(path));
        ensure!(note.db == db, "--prev {shown}: that is a release of {}, this one of {db}", note.db);
        ensure!(
            note.serial < serial,
            "--prev {shown}: the serial of this release, {serial}, must be higher than {}, that of the release before",
            note.serial
        );
        Ok(old)
    }

    /// Opens what was read from `path`.
    ///
    /// # Errors
    /// It is damaged.
    pub fn open(path: &Path, bytes: &ReleaseBytes) -> anyhow::Result<Self> {
        let decoded = bytes.container().and_then(|container| {
            verify_note(container.note(), Demand::Tolerant(None))?.payload(container.payload())?.decode()
        });
        let (note, image) = decoded.with_context(|| escape::path(path))?.into_parts();
        Ok(Packed { note, image })
    }
}
