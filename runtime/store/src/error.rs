//! Everything that can go wrong between a path and a mapped database, one variant per cause.

use std::io;
use std::path::{Path, PathBuf};

use hallmark_container::Digest;

/// Why a path was refused. Messages name the path, the cause and, where there is something to do, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused an operation.
    #[error("cannot {action} {}: {message}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The kind of failure.
        kind: io::ErrorKind,
        /// The system's words.
        message: String,
    },
    /// A file is larger than anything valid could be.
    #[error("{}: larger than {cap} bytes, the most such a file may have", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The cap.
        cap: u64,
    },
    /// A path is not a regular file.
    #[error("{}: not a regular file", path.display())]
    NotRegular {
        /// The path.
        path: PathBuf,
    },
    /// Somebody else could change a file or directory while it is in use.
    #[error("{}: {why}; fix it with chown or chmod", path.display())]
    Insecure {
        /// The path.
        path: PathBuf,
        /// What is wrong with its owner or mode.
        why: &'static str,
    },

    /// Somebody else could put another folder in the place of one that leads to a store.
    #[error(
        "{}: {why}; whoever can write there can replace {}: fix it with chown or chmod, or use another place",
        folder.display(),
        path.display()
    )]
    Exposed {
        /// The folder or link.
        folder: PathBuf,
        /// What it leads to.
        path: PathBuf,
        /// What is wrong with its owner or mode.
        why: &'static str,
    },
    /// A symbolic link where none may be.
    #[error("{}: a symbolic link, which is not followed here; give what it leads to", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A path of a store that should be a directory is something else.
    #[error("{}: not a directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },

    /// A note, policy or container was refused.
    #[error("{}: {source}", path.display())]
    Container {
        /// Where it came from.
        path: PathBuf,
        /// Why it was refused.
        source: hallmark_container::Error,
    },
    /// A database has nothing that says who may sign it.
    #[error(
        "{}: no policy says who must have signed this database; give one with --policy FILE, \
         or use --allow-unsigned to take it as it is",
        path.display()
    )]
    NoPolicy {
        /// The database.
        path: PathBuf,
    },
    /// A raw image carries no signature.
    #[error(
        "{}: a raw image carries no signature; use a signed .hmk file, or --allow-unsigned to take it as it is",
        path.display()
    )]
    RawImage {
        /// The image.
        path: PathBuf,
    },
    /// The path holds neither a store, a release, a container nor an image.
    #[error("{}: not a Hallmark database (expected a store, a release directory, a .hmk file or an image)", path.display())]
    NotADatabase {
        /// The path.
        path: PathBuf,
    },
    /// The caller's check of the image failed.
    #[error("{}: the image was refused: {why}", path.display())]
    Rejected {
        /// The database.
        path: PathBuf,
        /// The check's reason.
        why: String,
    },

    /// A release was refused for installation.
    #[error("the release was refused, and the store is as it was: {source}")]
    Release {
        /// Why it was refused.
        source: hallmark_container::Error,
    },
    /// A release directory has no full payload, and no patch in it could be used.
    #[error("{}: no full payload (image.zst){}", path.display(), no_patch_reason(patch))]
    NoPayload {
        /// The directory.
        path: PathBuf,
        /// Why a patch was not used, if there was one to use.
        patch: Option<Box<Error>>,
    },
    /// The image and the note that is signed for it name other sections.
    #[error(
        "the release was refused, and the store is as it was: its note does not describe the sections of its image"
    )]
    Sections,
    /// A release failed the test before the switch.
    #[error("the release failed its self-test, and the store is as it was: {why}")]
    SelfTest {
        /// The test's reason.
        why: String,
    },
    /// A directory that should become or be a store holds something else.
    #[error("{}: not empty and not a store; give a new or empty directory", path.display())]
    NotAStore {
        /// The directory.
        path: PathBuf,
    },
    /// The state file of a store is damaged.
    #[error("{}: state file damaged: {why}; install a release again into a new store", path.display())]
    State {
        /// The state file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another process is installing into the store.
    #[error("{}: another installation is running; try again when it has finished", path.display())]
    Busy {
        /// The store.
        path: PathBuf,
    },
    /// The release is older than one the store has had.
    #[error("release {serial} is older than {floor}, which this store has already had; refused")]
    OlderSerial {
        /// Serial of the release.
        serial: u64,
        /// Lowest serial the store accepts.
        floor: u64,
    },
    /// Two different images carry the same serial.
    #[error("release {serial} differs from the release {serial} this store has already had; refused")]
    SerialReused {
        /// The serial.
        serial: u64,
    },
    /// The store is for another database.
    #[error("this is database `{have}`, but the store holds `{want}`; use another store")]
    OtherDatabase {
        /// Name in the release.
        have: String,
        /// Name in the store.
        want: String,
    },
    /// Scanners crashed with the installed database.
    #[error(
        "{image} crashed {crashes} times before a first scan with it finished, and is refused; install a newer release"
    )]
    CrashLoop {
        /// The image.
        image: Digest,
        /// How often.
        crashes: usize,
    },
    /// The installed database is unusable, and so is the one before it.
    #[error("{}: UNPROTECTED, no usable database: {current}{}", store.display(), previous_reason(previous))]
    Unprotected {
        /// The store.
        store: PathBuf,
        /// Why the current database was refused.
        current: Box<Error>,
        /// Why the one before it was refused, if there is one.
        previous: Option<Box<Error>>,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, error: impl Into<io::Error>) -> Self {
        let error = error.into();
        Self::Io { action, path: path.to_owned(), kind: error.kind(), message: error.to_string() }
    }

    pub(crate) fn container(path: &Path) -> impl FnOnce(hallmark_container::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Container { path, source }
    }
}

fn previous_reason(previous: &Option<Box<Error>>) -> String {
    previous.as_ref().map(|error| format!("; the one before it: {error}")).unwrap_or_default()
}

fn no_patch_reason(patch: &Option<Box<Error>>) -> String {
    match patch {
        Some(error) => format!("; a patch instead of it was refused: {error}"),
        None => "; patches alone need a store that holds an image they start from".to_owned(),
    }
}
