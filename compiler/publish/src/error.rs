//! Everything that can go wrong while publishing, one variant per cause.

use std::io;
use std::path::{Path, PathBuf};

/// Why something was not published. Messages say what, where and what to do.
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
    /// A file exists that must not be overwritten.
    #[error("{}: already exists; choose another name or directory", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A release directory is not empty.
    #[error("{}: not empty; give a new or empty directory for the release", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A path is not a regular file of acceptable size.
    #[error("{}: {why}", path.display())]
    File {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A container or note was refused.
    #[error("{}: {source}", path.display())]
    Container {
        /// Where it came from.
        path: PathBuf,
        /// Why it was refused.
        source: hallmark_container::Error,
    },
    /// The facts about a release do not make a valid note.
    #[error("release: {source}")]
    Release {
        /// What is wrong with them.
        source: hallmark_container::Error,
    },

    /// A key name would not make a safe key or file name.
    #[error(
        "key name `{name}`: use words of letters, digits, `.`, `_`, `-`, `@` joined by `/`, such as example.org/build"
    )]
    KeyName {
        /// The name.
        name: String,
    },
    /// A secret key file is readable by others.
    #[error("{}: readable by group or others; run chmod 600 on it, and replace the key if others may have read it", path.display())]
    KeyExposed {
        /// The file.
        path: PathBuf,
    },
    /// A secret key is not in the form `PRIVATE+KEY+name+keyid+base64`.
    #[error("secret key: {why}; expected `PRIVATE+KEY+name+keyid+base64`")]
    KeyFormat {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The system gave no randomness.
    #[error("no randomness from the operating system: {why}")]
    Randomness {
        /// Its reason.
        why: String,
    },
    /// The note has a line by this very key that is not its signature.
    #[error("the note already has a line by `{name}` that is not that key's signature; remove it first")]
    ForeignLine {
        /// Key name.
        name: String,
    },
    /// The container of a release directory is not for the directory's note.
    #[error("{}: its release note differs from the one beside it; build the release again", path.display())]
    NoteMismatch {
        /// The container.
        path: PathBuf,
    },

    /// A section does not lie where the facts say.
    #[error(
        "section {name}: {offset}..{offset}+{bytes} is outside the image or overlaps the section before it"
    )]
    SectionRange {
        /// Section name.
        name: String,
        /// Offset in the image.
        offset: u64,
        /// Length.
        bytes: u64,
    },
    /// A release to make a patch from does not come before this one.
    #[error("a patch from release {base} is for releases after it, not for {serial}")]
    BaseSerial {
        /// Serial of the release that the patch starts from.
        base: u64,
        /// Serial of this one.
        serial: u64,
    },
    /// Two releases to make patches from are the same.
    #[error("release {serial}: a patch from another release with this serial or this image is there already")]
    BaseTwice {
        /// Serial of the second.
        serial: u64,
    },
    /// A companion file is not the one the note promises.
    #[error("{file}: not the one the release note promises")]
    Companion {
        /// File name in the release directory.
        file: &'static str,
    },
    /// A source file's name cannot be written into a manifest that coreutils reads.
    #[error("source file `{}`: {why}", name.escape_debug())]
    SourceName {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file is not an audit's statement.
    #[error("audit.json: {why}; run hallmark audit again")]
    Attestation {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The Zstandard library failed.
    #[error("cannot compress: {why}")]
    Compress {
        /// Its reason.
        why: String,
    },
}

impl Error {
    pub(crate) fn io(action: &'static str, path: &Path, error: &io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), kind: error.kind(), message: error.to_string() }
    }

    pub(crate) fn container(path: &Path) -> impl FnOnce(hallmark_container::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Container { path, source }
    }
}
