//! From a path to bytes that are ready to be parsed. Input: a store directory, a release directory, a `.hmk` file or
//! a raw image, and a [`LoadPolicy`]. Output: [`LoadedDatabase`]. Packed databases are decoded once into sealed
//! memory; an installed one is mapped from its file, and the mapping itself is what gets hashed.

use std::path::Path;

use hallmark_container::{
    Demand, Digest, EngineVersion, FormatVersion, Policy, VerifiedNote, is_container, verify_note,
};
use hallmark_image::header;

use crate::file::{Links, MAX_CONTAINER, MAX_RAW_IMAGE, open_regular, read_file_capped};
use crate::install::{is_store, open_current, open_store};
use crate::{Error, Mapping, ReleaseBytes, Watch};

/// What a caller asks of a database before it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadPolicy {
    /// Who must have signed. A store brings the policy of its installation along, for callers that have none.
    pub policy: Option<Policy>,
    /// Take databases whose policy is not satisfied, and raw images. Signatures that are there must still verify.
    pub allow_unsigned: bool,
    /// Copy an installed image into sealed memory instead of mapping its file: nothing that happens to the file can
    /// change what is scanned with, and nothing is shared with other processes. Packed databases always are.
    pub sealed: bool,
}

impl LoadPolicy {
    /// The policy must be satisfied.
    pub fn require(policy: Policy) -> Self {
        Self { policy: Some(policy), ..Self::default() }
    }

    /// Anything goes; for tests and a rule author's own machine.
    pub fn unsigned() -> Self {
        Self { allow_unsigned: true, ..Self::default() }
    }

    /// The demand this makes of a note at `path`, `stored` being the policy of its store.
    pub(crate) fn demand<'a>(&'a self, stored: Option<&'a Policy>, path: &Path) -> Result<Demand<'a>, Error> {
        match (self.policy.as_ref().or(stored), self.allow_unsigned) {
            (policy, true) => Ok(Demand::Tolerant(policy)),
            (Some(policy), false) => Ok(Demand::Quorum(policy)),
            (None, false) => Err(Error::NoPolicy { path: path.to_owned() }),
        }
    }
}

/// Image bytes that were checked and cannot change, with what is known about them.
#[derive(Debug)]
pub struct LoadedDatabase {
    /// The image.
    pub image: Mapping,
    /// Where it came from and who vouches for it.
    pub info: DatabaseInfo,
    /// For a store, as [`load_to_scan`] opens it, until a scan with the image has finished there.
    pub watch: Option<Watch>,
}

/// Where a database came from and who vouches for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseInfo {
    /// What the path was.
    pub origin: Origin,
    /// SHA-256 of the image: the identity of the release.
    pub digest: Digest,
    /// The judged release note; a raw image has none.
    pub note: Option<VerifiedNote>,
    /// Why the store's current database could not be used, if this is the one before it.
    pub fallback: Option<Error>,
    /// Why a crash of this process would not count against the image, if it would not; see [`load_to_scan`].
    pub unwatched: Option<Error>,
}

impl DatabaseInfo {
    /// Of a database that is in no store.
    pub fn new(origin: Origin, digest: Digest, note: Option<VerifiedNote>) -> Self {
        Self { origin, digest, note, fallback: None, unwatched: None }
    }
}

/// What kind of path a database was loaded from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A store directory.
    Store,
    /// A release directory or a `.hmk` file.
    Release,
    /// A raw image.
    RawImage,
}

/// Loads the database at `path`. `accept` is the caller's own check of the image bytes (parsing, at least); what it
/// refuses is not loaded, and in a store the previous database is tried instead.
pub fn load(
    path: &Path,
    policy: &LoadPolicy,
    mut accept: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<LoadedDatabase, Error> {
    if path.is_dir() {
        return match is_store(path) {
            true => open_current(path, policy, accept),
            false => load_release(path, &ReleaseBytes::read(path)?, policy, accept),
        };
    }
    if starts_with_image_magic(path)? {
        return load_raw(path, policy, accept);
    }
    let bytes = read_file_capped(path, MAX_CONTAINER, Links::Follow)?;
    if !is_container(&bytes) {
        return Err(Error::NotADatabase { path: path.to_owned() });
    }
    load_release(path, &ReleaseBytes::Packed(bytes), policy, &mut accept)
}

/// [`load`] for those who scan with the database. In a store the start is written down, and what becomes of it: an image
/// with which [`MAX_CRASHES`](crate::MAX_CRASHES) processes died before a scan finished is refused, and the database
/// before it used. The caller tells [`Watch::scanning`] and [`Watch::finished`].
pub fn load_to_scan(
    path: &Path,
    policy: &LoadPolicy,
    accept: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<LoadedDatabase, Error> {
    match path.is_dir() && is_store(path) {
        true => open_store(path, policy, true, accept),
        false => load(path, policy, accept),
    }
}

fn load_release(
    path: &Path,
    release: &ReleaseBytes,
    policy: &LoadPolicy,
    mut accept: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<LoadedDatabase, Error> {
    let demand = policy.demand(None, path)?;
    let decoded = release.container().and_then(|container| {
        let note = verify_note(container.note(), demand)?;
        check_engine(&note)?;
        note.payload(container.payload())?.decode()
    });
    let (note, bytes) = decoded.map_err(Error::container(path))?.into_parts();
    let image = Mapping::sealed(bytes);
    accept(&image).map_err(|why| Error::Rejected { path: path.to_owned(), why })?;
    let digest = note.release().image.digest;
    Ok(LoadedDatabase { image, info: DatabaseInfo::new(Origin::Release, digest, Some(note)), watch: None })
}

/// A raw image may be writable by its owner, so it is copied into sealed memory before it is looked at.
fn load_raw(
    path: &Path,
    policy: &LoadPolicy,
    mut accept: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<LoadedDatabase, Error> {
    if !policy.allow_unsigned {
        return Err(Error::RawImage { path: path.to_owned() });
    }
    let image = Mapping::sealed(read_file_capped(path, MAX_RAW_IMAGE, Links::Follow)?);
    accept(&image).map_err(|why| Error::Rejected { path: path.to_owned(), why })?;
    let digest = Digest::of(&image);
    Ok(LoadedDatabase { image, info: DatabaseInfo::new(Origin::RawImage, digest, None), watch: None })
}

fn starts_with_image_magic(path: &Path) -> Result<bool, Error> {
    use std::io::Read as _;
    let (file, _) = open_regular(path, Links::Follow)?;
    let mut start = Vec::new();
    let wanted = header::MAGIC.len() as u64;
    file.take(wanted).read_to_end(&mut start).map_err(|e| Error::io("read", path, e))?;
    Ok(start == header::MAGIC)
}

/// Refuses a release this build of the engine cannot run.
pub(crate) fn check_engine(note: &VerifiedNote) -> Result<(), hallmark_container::Error> {
    let format = FormatVersion { major: header::FORMAT_MAJOR, minor: header::FORMAT_MINOR };
    // A version that is not `N.N.N`, such as a pre-release, satisfies only databases that ask for nothing.
    let engine = EngineVersion::parse(env!("CARGO_PKG_VERSION"));
    note.check_engine(engine.unwrap_or(EngineVersion { major: 0, minor: 0, patch: 0 }), format)
}
