//! Installing from a release directory. The store's own image, and a patch from it, go before the full payload: they
//! are checked against the same note and give the same image, for a fraction of the bytes.

use std::path::{Path, PathBuf};

use hallmark_container::layout::{self, IMAGE_PAYLOAD, RELEASE_NOTE};
use hallmark_container::{DecodedImage, Policy, Verified, VerifiedNote, limits};

use crate::file::{Links, read_file_capped};
use crate::install::{EntryPaths, install_with};
use crate::{Entry, Error, Installation, Mapping, State};

/// What an installation from a directory did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The store afterwards.
    pub installation: Installation,
    /// What the image was made of.
    pub used: Used,
    /// Why what would have been shorter was not used, if anything.
    pub passed_over: Vec<Error>,
}

/// What an image was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// Nothing: the store held it.
    Held,
    /// A patch.
    Patch {
        /// Serial of the installed release that it starts from.
        serial: u64,
        /// Its length.
        bytes: u64,
    },
    /// The full payload.
    Full {
        /// Its length.
        bytes: u64,
    },
}

/// [`crate::install`] of a release directory, which may have patches only. Of patches, that from the database in force
/// is tried, then that from the one before it, then the full payload.
pub fn install_directory(
    store: &Path,
    directory: &Path,
    policy: &Policy,
    self_test: impl FnOnce(&[u8]) -> Result<(), String>,
) -> Result<Update, Error> {
    let note = directory.join(RELEASE_NOTE);
    if note.symlink_metadata().is_err() {
        return Err(Error::NotADatabase { path: directory.to_owned() });
    }
    let note = read_file_capped(&note, limits::MAX_SIGNED_NOTE as u64, Links::Refuse)?;
    let mut passed_over = Vec::new();
    let mut used = Used::Held;
    let installation = install_with(store, &note, policy, self_test, |note, state| {
        let entries = state.into_iter().flat_map(State::entries);
        for (place, entry) in entries.enumerate() {
            match from_entry(store, directory, &note, &entry) {
                Ok((image, from)) => {
                    used = from;
                    return Ok(image);
                }
                // A patch from the database before is a second chance that nobody expects.
                Err(Error::Container { source: hallmark_container::Error::NoPatch { .. }, .. })
                    if place > 0 || note.release().patches.is_empty() => {}
                Err(error) => passed_over.push(error),
            }
        }
        let (image, bytes) = from_payload(directory, note, passed_over.first())?;
        used = Used::Full { bytes };
        Ok(image)
    })?;
    Ok(Update { installation, used, passed_over })
}

/// The image of a release out of one that the store holds.
fn from_entry(
    store: &Path,
    directory: &Path,
    note: &VerifiedNote,
    entry: &Entry,
) -> Result<(DecodedImage, Used), Error> {
    let held = EntryPaths::new(store, entry).image;
    let release = note.release();
    if entry.image == release.image.digest {
        let bytes = Mapping::file(&held)?.to_vec();
        return Ok((note.clone().image(bytes).map_err(Error::container(&held))?, Used::Held));
    }
    let path = directory.join(layout::patch_file_name(entry.serial));
    let no_patch = hallmark_container::Error::NoPatch { from: entry.image };
    let line = release.patch_from(entry.image).ok_or(no_patch).map_err(Error::container(directory))?;
    let patch = read_file_capped(&path, line.content.bytes, Links::Refuse)?;
    let verified = note.clone().patch(entry.image, &patch).map_err(Error::container(&path))?;
    let image = verified.apply(&Mapping::file(&held)?).map_err(Error::container(&path))?;
    Ok((image, Used::Patch { serial: entry.serial, bytes: line.content.bytes }))
}

fn from_payload(
    directory: &Path,
    note: VerifiedNote,
    patch: Option<&Error>,
) -> Result<(DecodedImage, u64), Error> {
    let path = directory.join(IMAGE_PAYLOAD);
    if path.symlink_metadata().is_err() {
        let patch = patch.cloned().map(Box::new);
        return Err(Error::NoPayload { path: directory.to_owned(), patch });
    }
    let payload = read_file_capped(&path, limits::MAX_PAYLOAD, Links::Refuse)?;
    let decoded = note.payload(&payload).and_then(Verified::decode);
    Ok((decoded.map_err(|source| Error::Release { source })?, payload.len() as u64))
}

/// The patches in a release directory: serials and paths, ascending.
pub fn patch_files(directory: &Path) -> Result<Vec<(u64, PathBuf)>, Error> {
    let listed = |error| Error::io("list", directory, error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(listed)? {
        let path = entry.map_err(listed)?.path();
        found.extend(layout::patch_serial(&path).map(|serial| (serial, path)));
    }
    found.sort();
    Ok(found)
}
