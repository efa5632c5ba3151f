//! Patches of a release under audit. Input: a release directory, its note, and the releases that patches start from, as
//! far as they are at hand. Output: what is wrong, and what could be said of each patch.

use std::path::{Path, PathBuf};

use hallmark_container::{Digest, VerifiedNote, layout, limits};
use hallmark_store::{Links, patch_files, read_file_capped};

use crate::packed::Packed;

/// What an audit finds about patches.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Patches {
    /// What is not as the note promises.
    pub broken: Vec<String>,
    /// A line for each patch that is.
    pub told: Vec<String>,
}

impl Patches {
    /// Compares the patches in `dir` with the note, the `prev` line with `earlier` releases, and what patches from
    /// these make with the image.
    ///
    /// # Errors
    /// Files that cannot be read, and earlier releases that are damaged or have nothing to do with this one.
    pub fn read(dir: &Path, note: &VerifiedNote, earlier: &[PathBuf]) -> anyhow::Result<Self> {
        let earlier =
            earlier.iter().map(|path| Earlier::read(path, note)).collect::<anyhow::Result<Vec<_>>>()?;
        let mut this = Patches::default();
        for old in &earlier {
            this.broken.extend(old.contradiction(note));
        }
        let mut found = Vec::new();
        for (serial, path) in patch_files(dir)? {
            let bytes = read_file_capped(&path, limits::MAX_PAYLOAD, Links::Refuse)?;
            // One that the note does not know was found out already, with the other files of the release.
            if let Ok(lines) = note.known_patch(&bytes) {
                let starts: Vec<_> = lines.iter().map(|line| line.from).collect();
                this.judge(note, &earlier, serial, start(note, &earlier, serial, &starts), &bytes);
                found.extend(starts);
            }
        }
        for line in &note.release().patches {
            if !found.contains(&line.from) {
                this.broken.push(format!("patch from image {}: no file of this release holds it", line.from));
            }
        }
        Ok(this)
    }

    /// Judges the patch of the file for `serial`, which is the one of the line for the image `from`.
    fn judge(&mut self, note: &VerifiedNote, earlier: &[Earlier], serial: u64, from: Digest, bytes: &[u8]) {
        let name = layout::patch_file_name(serial);
        if let Some(prev) = note.release().prev.filter(|prev| (prev.serial == serial) != (prev.image == from))
        {
            self.broken.push(format!(
                "{name}: starts from image {from}, but release {} has {}",
                prev.serial, prev.image
            ));
        }
        let Some(old) = earlier.iter().find(|old| old.digest == from) else {
            self.told
                .push(format!("{name}: not applied, because release {serial} was not given with --prev"));
            return;
        };
        if old.serial != serial {
            self.broken.push(format!("{name}: starts from the image of release {}", old.serial));
        }
        match note.clone().patch(from, bytes).and_then(|patch| patch.apply(&old.image)) {
            Ok(_) => self.told.push(format!("{name}: makes this image out of that of release {serial}")),
            Err(error) => self.broken.push(format!("{name}: {error}")),
        }
    }
}

/// The image that the patch in the file for `serial` starts from: one of `starts`, all of which the same bytes do for.
fn start(note: &VerifiedNote, earlier: &[Earlier], serial: u64, starts: &[Digest]) -> Digest {
    let prev = note.release().prev;
    let given = earlier.iter().filter(|old| old.serial == serial).map(|old| old.digest);
    let named = prev.filter(|prev| prev.serial == serial).map(|prev| prev.image);
    let of_serial = given.chain(named).find(|image| starts.contains(image));
    let others = || starts.iter().find(|&&image| prev.is_none_or(|prev| prev.image != image));
    of_serial.or_else(|| others().or(starts.first()).copied()).unwrap_or(note.release().image.digest)
}

/// A release before the one under audit.
struct Earlier {
    serial: u64,
    digest: Digest,
    image: Vec<u8>,
}

impl Earlier {
    fn read(path: &Path, note: &VerifiedNote) -> anyhow::Result<Self> {
        let ours = note.release();
        let old = Packed::read_before(path, &ours.db, ours.serial)?;
        let theirs = old.note.release();
        Ok(Earlier { serial: theirs.serial, digest: theirs.image.digest, image: old.image })
    }

    /// In what this release and the note contradict each other.
    fn contradiction(&self, note: &VerifiedNote) -> Option<String> {
        let prev = note.release().prev?;
        let (serial, digest) = (self.serial, self.digest);
        if serial > prev.serial {
            return Some(format!(
                "prev: names release {}, but there is release {serial} in between",
                prev.serial
            ));
        }
        let other = serial == prev.serial && digest != prev.image;
        other.then(|| {
            format!("prev: release {serial} has image {digest}, the release note says {}", prev.image)
        })
    }
}
