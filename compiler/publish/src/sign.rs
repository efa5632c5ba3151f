//! Adding a signature line to a release that exists: to its note, and to every copy of the note. Signing twice with
//! one key changes nothing. A release whose payload or patches are not those its note promises is not signed.

use std::path::{Path, PathBuf};

use hallmark_container::{Container, Demand, NoteSignature, SignedNote, encode, layout, limits, verify_note};

use crate::{Error, SecretKey, file};

/// Header, note, proof and payload at their largest.
const MAX_CONTAINER: u64 =
    limits::MAX_PAYLOAD + limits::MAX_SIGNED_NOTE as u64 + limits::MAX_PROOF as u64 + 4096;

/// What signing a path did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPath {
    /// The note with all its signatures.
    pub note: SignedNote,
    /// Files that were rewritten; empty if all had the line already.
    pub changed: Vec<PathBuf>,
}

/// The note with the key's signature line.
pub fn sign_note(note: &SignedNote, key: &SecretKey) -> Result<SignedNote, Error> {
    let line = key.sign(note.text());
    let same_key = |other: &NoteSignature| other.name == line.name && other.key_id == line.key_id;
    if note.signatures().iter().any(|other| same_key(other) && *other != line) {
        return Err(Error::ForeignLine { name: line.name });
    }
    note.clone().with_signature(line).map_err(|source| Error::Release { source })
}

/// Signs a `.hmk` file, or a release directory: its `release.note` and the containers in it.
pub fn sign_path(path: &Path, key: &SecretKey) -> Result<SignedPath, Error> {
    if path.is_dir() { sign_directory(path, key) } else { sign_container(path, key) }
}

fn sign_container(path: &Path, key: &SecretKey) -> Result<SignedPath, Error> {
    let bytes = file::read(path, MAX_CONTAINER)?.0;
    let note = sign_note(&container_note(path, &bytes)?, key)?;
    let signed = with_note(path, &bytes, &note)?;
    let changed = replace_all([(path.to_owned(), bytes, signed)])?;
    Ok(SignedPath { note, changed })
}

fn sign_directory(path: &Path, key: &SecretKey) -> Result<SignedPath, Error> {
    let note_path = path.join(layout::RELEASE_NOTE);
    let old_note = file::read(&note_path, limits::MAX_SIGNED_NOTE as u64)?.0;
    let payload_path = path.join(layout::IMAGE_PAYLOAD);
    let payload = file::read(&payload_path, limits::MAX_PAYLOAD)?.0;
    let verified = verify_note(&old_note, Demand::Tolerant(None)).map_err(Error::container(&note_path))?;
    let mut note = verified.signed().clone();
    for patch in files_in(path, |file| layout::patch_serial(file).is_some())? {
        let bytes = file::read(&patch, limits::MAX_PAYLOAD)?.0;
        verified.known_patch(&bytes).map_err(Error::container(&patch))?;
    }
    verified.payload(&payload).map_err(Error::container(&payload_path))?;

    let mut containers = Vec::new();
    for container in files_in(path, is_container)? {
        let bytes = file::read(&container, MAX_CONTAINER)?.0;
        let inner = container_note(&container, &bytes)?;
        if inner.text() != note.text() {
            return Err(Error::NoteMismatch { path: container });
        }
        // Signing may have been interrupted between two files; all end up with the lines of each.
        for line in inner.signatures() {
            note = note.with_signature(line.clone()).map_err(Error::container(&container))?;
        }
        containers.push((container, bytes));
    }
    let note = sign_note(&note, key)?;
    let mut files = Vec::new();
    for (container, bytes) in containers {
        let signed = with_note(&container, &bytes, &note)?;
        files.push((container, bytes, signed));
    }
    files.push((note_path, old_note, note.to_bytes()));
    Ok(SignedPath { note, changed: replace_all(files)? })
}

/// The note of a container whose payload is the one the note promises.
fn container_note(path: &Path, bytes: &[u8]) -> Result<SignedNote, Error> {
    let opened = Container::parse(bytes).and_then(|container| {
        let note = verify_note(container.note(), Demand::Tolerant(None))?;
        Ok(note.payload(container.payload())?.note().signed().clone())
    });
    opened.map_err(Error::container(path))
}

fn with_note(path: &Path, bytes: &[u8], note: &SignedNote) -> Result<Vec<u8>, Error> {
    let encoded = Container::parse(bytes)
        .and_then(|container| encode(&note.to_bytes(), container.proof(), container.payload()));
    encoded.map_err(Error::container(path))
}

/// The files of one kind in a directory, sorted.
fn files_in(directory: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Error> {
    let listed = |e: std::io::Error| Error::io("list", directory, &e);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(listed)? {
        let path = entry.map_err(listed)?.path();
        if wanted(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_container(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == layout::CONTAINER_EXTENSION)
}

/// Replaces the files whose bytes change and names them.
fn replace_all(files: impl IntoIterator<Item = (PathBuf, Vec<u8>, Vec<u8>)>) -> Result<Vec<PathBuf>, Error> {
    let mut changed = Vec::new();
    for (path, old, new) in files {
        if old != new {
            file::replace(&path, &new)?;
            changed.push(path);
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::tests::{RULEMAP, key, manifest, release};

    fn auditor() -> SecretKey {
        SecretKey::from_seed("auditor.example/rebuild", &[6; 32]).unwrap()
    }

    fn directory() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let container = release().write_directory(dir.path(), &manifest(), Some(RULEMAP)).unwrap();
        (dir, container)
    }

    fn names(note: &SignedNote) -> Vec<&str> {
        note.signatures().iter().map(|line| line.name.as_str()).collect()
    }

    #[test]
    fn a_directory_is_signed_in_every_copy_of_its_note() {
        let (dir, container) = directory();
        let once = sign_path(dir.path(), &key()).unwrap();
        assert_eq!(once.changed, [container.clone(), dir.path().join("release.note")]);
        let again = sign_path(dir.path(), &key()).unwrap();
        assert_eq!((again.changed.len(), &again.note), (0, &once.note));
        let twice = sign_path(dir.path(), &auditor()).unwrap();
        assert_eq!(names(&twice.note), ["example.org/build", "auditor.example/rebuild"]);
        let note = std::fs::read(dir.path().join("release.note")).unwrap();
        let bytes = std::fs::read(&container).unwrap();
        assert_eq!(Container::parse(&bytes).unwrap().note(), note);
        assert_eq!(SignedNote::parse(&note).unwrap(), twice.note);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5);
    }

    #[test]
    fn a_lone_container_is_signed() {
        let (_dir, container) = directory();
        let signed = sign_path(&container, &key()).unwrap();
        assert_eq!(signed.changed, std::slice::from_ref(&container));
        assert!(sign_path(&container, &key()).unwrap().changed.is_empty());
        let bytes = std::fs::read(&container).unwrap();
        assert_eq!(container_note(&container, &bytes).unwrap(), signed.note);
    }

    #[test]
    fn interrupted_signing_is_completed() {
        let (dir, container) = directory();
        sign_path(&container, &auditor()).unwrap();
        let signed = sign_path(dir.path(), &key()).unwrap();
        assert_eq!(names(&signed.note), ["auditor.example/rebuild", "example.org/build"]);
        assert_eq!(signed.changed.len(), 2);
    }

    #[test]
    fn what_does_not_belong_together_is_not_signed() {
        let (dir, container) = directory();
        let payload = dir.path().join("image.zst");
        let good = std::fs::read(&payload).unwrap();
        std::fs::write(&payload, b"other").unwrap();
        assert!(
            matches!(sign_path(dir.path(), &key()), Err(Error::Container { path, .. }) if path == payload)
        );
        std::fs::write(&payload, good).unwrap();
        let mut bytes = std::fs::read(&container).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&container, &bytes).unwrap();
        assert!(
            matches!(sign_path(dir.path(), &key()), Err(Error::Container { path, .. }) if path == container)
        );
        let mut info = crate::release::tests::info();
        info.serial = 4;
        let image = crate::release::tests::image();
        let other = crate::Release::pack(info, &image, Some(RULEMAP), 3).unwrap();
        std::fs::write(&container, other.container().unwrap()).unwrap();
        assert_eq!(sign_path(dir.path(), &key()), Err(Error::NoteMismatch { path: container }));
        assert!(matches!(sign_path(&dir.path().join("none"), &key()), Err(Error::Io { .. })));
    }

    #[test]
    fn a_forged_line_in_the_keys_name_is_not_signed_over() {
        let note = release().note().clone();
        let mut forged = key().sign(note.text());
        forged.signature[0] ^= 1;
        let note = note.with_signature(forged).unwrap();
        assert_eq!(sign_note(&note, &key()), Err(Error::ForeignLine { name: "example.org/build".into() }));
    }
}
