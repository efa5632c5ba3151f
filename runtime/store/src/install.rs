//! The store: a directory with one database in force and the one before it as last-known-good.
//!
//! ```text
//! state                    which is which, and the serial floor; replacing it is the commit point
//! images/<sha256>.img      mode 0444, never rewritten in place, only renamed over
//! notes/<sha256>.note      the signed note each database was installed from
//! policies/<sha256>.policy the policy each was judged by
//! lock                     held by a writer
//! starts/<sha256>.*        scanners that started with an image before any finished a scan with it
//! ```
//!
//! A refused release changes nothing. A crash at any step leaves the database that was in force in force.

use std::fs::File;
use std::path::{Path, PathBuf};

use hallmark_container::{
    Container, DecodedImage, Demand, Digest, Policy, SizedDigest, Verified, VerifiedNote, limits, verify_note,
};
use hallmark_image::header;
use rustix::fs::{FlockOperation, flock};

use crate::database::check_engine;
use crate::file::{create_directory, open_lock, read_own_file, remove_if_present, write_atomic};
use crate::guard::{self, guard_state};
use crate::owner::{check_directory, check_way_to};
use crate::state::{MAX_STATE, STATE_FILE};
use crate::{
    DatabaseInfo, Entry, Error, LoadPolicy, LoadedDatabase, MAX_RAW_IMAGE, Mapping, Origin, State, Watch,
};

const IMAGES: &str = "images";
const NOTES: &str = "notes";
const POLICIES: &str = "policies";
const LOCK_FILE: &str = "lock";

/// How often a reader starts again because an installation overtook it.
const READ_ATTEMPTS: usize = 3;

/// What an installation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// Whether anything changed.
    pub outcome: Outcome,
    /// The store's state afterwards.
    pub state: State,
}

/// Whether an installation changed anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The release is now in force.
    Installed,
    /// It already was.
    AlreadyCurrent,
}

/// Installs a release. Everything is checked before the store is touched: quorum, database name, serial floor,
/// engine and format, payload, image, and last `self_test`, which gets the image bytes and is to parse them and run
/// the database's own tests.
pub fn install(
    store: &Path,
    container: Container<'_>,
    policy: &Policy,
    self_test: impl FnOnce(&[u8]) -> Result<(), String>,
) -> Result<Installation, Error> {
    install_with(store, container.note(), policy, self_test, |note, _| {
        let decoded = note.payload(container.payload()).and_then(Verified::decode);
        decoded.map_err(|source| Error::Release { source })
    })
}

/// [`install`] of the image that `decode` makes for a judged note, given the state of the store.
pub(crate) fn install_with(
    store: &Path,
    note: &[u8],
    policy: &Policy,
    self_test: impl FnOnce(&[u8]) -> Result<(), String>,
    decode: impl FnOnce(VerifiedNote, Option<&State>) -> Result<DecodedImage, Error>,
) -> Result<Installation, Error> {
    let refused = |source| Error::Release { source };
    let verified = verify_note(note, Demand::Quorum(policy)).map_err(refused)?;
    let release = verified.release();
    let note = verified.signed().to_bytes();
    let entry = Entry {
        image: release.image.digest,
        serial: release.serial,
        note: Digest::of(&note),
        policy: Digest::of(policy.text().as_bytes()),
    };
    let db = release.db.clone();
    check_engine(&verified).map_err(refused)?;
    let state = existing_state(store)?;
    admit(state.as_ref(), &db, &entry)?;
    let decoded = decode(verified, state.as_ref())?;
    check_sections(&decoded)?;
    self_test(decoded.bytes()).map_err(|why| Error::SelfTest { why })?;

    let _lock = prepare(store)?;
    // Another installation may have finished while this one was checking.
    let before = existing_state(store)?;
    let outcome = admit(before.as_ref(), &db, &entry)?;
    if let (Outcome::AlreadyCurrent, Some(state)) = (outcome, &before) {
        if is_intact(store, &entry) {
            // The installation that put it in force may have been killed before it cleaned up.
            remove_unreferenced(store, Some(state));
            return Ok(Installation { outcome, state: state.clone() });
        }
    }
    let paths = EntryPaths::new(store, &entry);
    let previous = before.as_ref().and_then(|old| last_known_good(store, old, &entry));
    let floor = before.map_or(0, |old| old.floor).max(entry.serial);
    let state = State { db, floor, current: entry, previous };
    let written = write(&paths.image, decoded.bytes())
        .and_then(|()| write(&paths.note, &note))
        .and_then(|()| write(&paths.policy, policy.text().as_bytes()))
        .and_then(|()| write_atomic(store, STATE_FILE, state.to_string().as_bytes(), 0o644));
    if let Err(error) = written {
        // Only the disk knows which state is in force; what that does not need takes room that is wanted elsewhere.
        if let Ok(in_force) = existing_state(store) {
            remove_unreferenced(store, in_force.as_ref());
        }
        return Err(error);
    }
    remove_unreferenced(store, Some(&state));
    Ok(Installation { outcome: Outcome::Installed, state })
}

/// Compares the sections of an image with the lines of its note. A note without such lines says nothing of them.
fn check_sections(decoded: &DecodedImage) -> Result<(), Error> {
    let lines = &decoded.note().release().sections;
    if lines.is_empty() {
        return Ok(());
    }
    let held = header::sections(decoded.bytes()).map_err(|e| Error::SelfTest { why: e.to_string() })?;
    let held = held.map(|(kind, bytes)| (kind as u32, SizedDigest::of(bytes)));
    let promised = lines.iter().map(|line| (line.kind, line.content));
    match held.eq(promised) {
        true => Ok(()),
        false => Err(Error::Sections),
    }
}

/// Opens the database in force; if it cannot be used, the one before it, with the reason in
/// [`DatabaseInfo::fallback`]. Without a policy of the caller's, the policy of the installation is applied.
pub fn open_current(
    store: &Path,
    policy: &LoadPolicy,
    accept: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<LoadedDatabase, Error> {
    open_store(store, policy, false, accept)
}

/// [`open_current`]; with `watch` the start is written down, see [`crate::load_to_scan`].
pub(crate) fn open_store(
    store: &Path,
    policy: &LoadPolicy,
    watch: bool,
    mut accept: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<LoadedDatabase, Error> {
    let mut state = store_state(store)?;
    for _ in 1..READ_ATTEMPTS {
        let opened = open_state(store, &state, policy, watch, &mut accept);
        if opened.is_ok() {
            return opened;
        }
        // Two installations during one reading remove the files it was about to open.
        let now = store_state(store)?;
        if now == state {
            return opened;
        }
        state = now;
    }
    open_state(store, &state, policy, watch, &mut accept)
}

/// What the store at `store` says it holds; nothing but the state file is checked.
pub fn store_state(store: &Path) -> Result<State, Error> {
    check_way_to(store)?;
    check_directory(store)?;
    let path = store.join(STATE_FILE);
    let bytes = read_own_file(&path, MAX_STATE)?;
    State::parse(&bytes).map_err(|why| Error::State { path, why })
}

/// Whether `path` looks like a store: a directory with a state file.
pub(crate) fn is_store(path: &Path) -> bool {
    path.join(STATE_FILE).symlink_metadata().is_ok()
}

fn open_state(
    store: &Path,
    state: &State,
    policy: &LoadPolicy,
    watch: bool,
    accept: &mut impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<LoadedDatabase, Error> {
    let mut failures = Vec::new();
    for entry in state.entries() {
        let opened = guard::admit(store, &entry.image, watch).and_then(|(watch, unwatched)| {
            let mut database = open_entry(store, state, &entry, policy, accept)?;
            watch.iter().for_each(Watch::loaded);
            (database.watch, database.info.unwatched) = (watch, unwatched);
            Ok(database)
        });
        match opened {
            Ok(mut database) => {
                database.info.fallback = failures.pop();
                return Ok(database);
            }
            Err(error) => failures.push(error),
        }
    }
    let mut failures = failures.into_iter();
    match (failures.next(), failures.next()) {
        (Some(current), previous) => {
            let current = Box::new(current);
            Err(Error::Unprotected { store: store.to_owned(), current, previous: previous.map(Box::new) })
        }
        (None, _) => Err(Error::NotADatabase { path: store.to_owned() }),
    }
}

/// The checks of a load: directories, stored note against the policy, and the hash of the mapping itself.
fn open_entry(
    store: &Path,
    state: &State,
    entry: &Entry,
    policy: &LoadPolicy,
    accept: &mut impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<LoadedDatabase, Error> {
    let paths = EntryPaths::new(store, entry);
    for directory in [IMAGES, NOTES, POLICIES] {
        check_directory(&store.join(directory))?;
    }
    let stored = match &policy.policy {
        Some(_) => None,
        None => Some(read_stored_policy(&paths.policy, entry)?),
    };
    let demand = policy.demand(stored.as_ref(), store)?;
    let note = read_stored_note(&paths.note, entry)?;
    let note = verify_note(&note, demand).map_err(Error::container(&paths.note))?;
    if note.release().db != state.db {
        return Err(Error::OtherDatabase { have: note.release().db.clone(), want: state.db.clone() });
    }
    if note.release().serial != entry.serial {
        return Err(Error::State { path: paths.note, why: "the stored note has another serial" });
    }
    check_engine(&note).map_err(Error::container(&paths.note))?;
    let image = match policy.sealed {
        true => Mapping::sealed(read_own_file(&paths.image, MAX_RAW_IMAGE)?),
        false => Mapping::file(&paths.image)?,
    };
    note.check_image(&image).map_err(Error::container(&paths.image))?;
    accept(&image).map_err(|why| Error::Rejected { path: paths.image.clone(), why })?;
    let digest = note.release().image.digest;
    Ok(LoadedDatabase { image, info: DatabaseInfo::new(Origin::Store, digest, Some(note)), watch: None })
}

/// The stored policy is a root of trust, so its name in the state file is checked against its bytes.
fn read_stored_policy(path: &Path, entry: &Entry) -> Result<Policy, Error> {
    let bytes = read_own_file(path, limits::MAX_POLICY as u64)?;
    if Digest::of(&bytes) != entry.policy {
        return Err(Error::State { path: path.to_owned(), why: "the stored policy was changed" });
    }
    Policy::parse(&bytes).map_err(Error::container(path))
}

/// Another note for the image, valid as it may be, is not the one that was installed.
fn read_stored_note(path: &Path, entry: &Entry) -> Result<Vec<u8>, Error> {
    let bytes = read_own_file(path, limits::MAX_SIGNED_NOTE as u64)?;
    if Digest::of(&bytes) != entry.note {
        return Err(Error::State { path: path.to_owned(), why: "the stored note was changed" });
    }
    Ok(bytes)
}

/// Where the files of one installed database are.
pub(crate) struct EntryPaths {
    pub(crate) image: PathBuf,
    note: PathBuf,
    policy: PathBuf,
}

impl EntryPaths {
    pub(crate) fn new(store: &Path, entry: &Entry) -> Self {
        Self {
            image: store.join(IMAGES).join(format!("{}.img", entry.image.hex())),
            note: store.join(NOTES).join(format!("{}.note", entry.note.hex())),
            policy: store.join(POLICIES).join(format!("{}.policy", entry.policy.hex())),
        }
    }
}

/// The state of a store that may not exist yet; refuses a directory that holds something else.
fn existing_state(store: &Path) -> Result<Option<State>, Error> {
    if is_store(store) {
        return store_state(store).map(Some);
    }
    let entries = match std::fs::read_dir(store) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("list", store, error)),
    };
    let ours = [IMAGES, NOTES, POLICIES, LOCK_FILE, ".state.tmp"];
    for entry in entries {
        let entry = entry.map_err(|e| Error::io("list", store, e))?;
        if !ours.iter().any(|name| entry.file_name() == *name) {
            return Err(Error::NotAStore { path: store.to_owned() });
        }
    }
    Ok(None)
}

/// Whether the store's history admits a release.
fn admit(state: Option<&State>, db: &str, entry: &Entry) -> Result<Outcome, Error> {
    let Some(state) = state else { return Ok(Outcome::Installed) };
    if state.db != db {
        return Err(Error::OtherDatabase { have: db.to_owned(), want: state.db.clone() });
    }
    if entry.serial < state.floor {
        return Err(Error::OlderSerial { serial: entry.serial, floor: state.floor });
    }
    if entry.serial == state.current.serial && entry.image != state.current.image {
        return Err(Error::SerialReused { serial: entry.serial });
    }
    Ok(if *entry == state.current { Outcome::AlreadyCurrent } else { Outcome::Installed })
}

/// Whether the files of an installed database are still what they should be.
fn is_intact(store: &Path, entry: &Entry) -> bool {
    let paths = EntryPaths::new(store, entry);
    Mapping::file(&paths.image).is_ok_and(|image| Digest::of(&image) == entry.image)
        && read_stored_note(&paths.note, entry).is_ok()
        && read_stored_policy(&paths.policy, entry).is_ok()
}

/// What to keep as last-known-good beside a new current database: the newest other one that is undamaged and did not
/// crash its scanners.
fn last_known_good(store: &Path, old: &State, new: &Entry) -> Option<Entry> {
    let usable = |entry: &Entry| {
        let crashes = guard_state(store, &entry.image).is_ok_and(|state| state.is_refused());
        !crashes && is_intact(store, entry)
    };
    old.entries().filter(|entry| entry.image != new.image).find(usable)
}

/// Creates what is missing of the store, checks it and takes the writer's lock.
fn prepare(store: &Path) -> Result<File, Error> {
    check_way_to(store)?;
    create_directory(store)?;
    check_directory(store)?;
    for name in [IMAGES, NOTES, POLICIES] {
        let directory = store.join(name);
        create_directory(&directory)?;
        check_directory(&directory)?;
    }
    let path = store.join(LOCK_FILE);
    let lock = open_lock(&path)?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Busy { path: store.to_owned() }),
        Err(error) => Err(Error::io("lock", &path, error)),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str()))
    else {
        return Err(Error::NotRegular { path: path.to_owned() });
    };
    write_atomic(directory, name, bytes, 0o444)
}

/// Removes what neither current nor previous needs. Done after the commit and only to save space: a file that
/// cannot be removed now is tried again by the next installation, and an image in use stays mapped.
fn remove_unreferenced(store: &Path, state: Option<&State>) {
    let entries: Vec<Entry> = state.into_iter().flat_map(State::entries).collect();
    let keep: Vec<_> = entries.iter().map(|entry| EntryPaths::new(store, entry)).collect();
    for directory in [IMAGES, NOTES, POLICIES] {
        let Ok(entries) = std::fs::read_dir(store.join(directory)) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            if !keep.iter().any(|kept| [&kept.image, &kept.note, &kept.policy].contains(&&path)) {
                let _ = remove_if_present(&path);
            }
        }
    }
    guard::remove_others(store, &entries.iter().map(|entry| entry.image).collect::<Vec<_>>());
}
