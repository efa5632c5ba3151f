//! Why a database cannot be used or a scan not be started.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error as ThisError;

use crate::selftest::SelfTestFailure;

/// Why a database cannot be used or a scan not be started.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The database cannot be loaded or is not trusted.
    #[error(transparent)]
    Load(#[from] hallmark_store::Error),
    /// The bytes are not an image this runtime can use.
    #[error(transparent)]
    Image(#[from] hallmark_image::Error),
    /// The database has no such external variable, or another type for it.
    #[error(transparent)]
    External(#[from] hallmark_engine::Error),
    /// A self-test that the database carries does not hold.
    #[error("{0}")]
    SelfTest(SelfTestFailure),
    /// A module cannot be given some data.
    #[error(transparent)]
    ModuleData(#[from] hallmark_engine::DataError),
    /// A file to scan cannot be read.
    #[error("cannot {operation} {}: {reason}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The kind of error.
        kind: io::ErrorKind,
        /// The system's words.
        reason: String,
    },
    /// A stream cannot be read to its end.
    #[error("cannot read the stream: {reason}")]
    Stream {
        /// The kind of error.
        kind: io::ErrorKind,
        /// The reader's words.
        reason: String,
    },
    /// The memory of a process cannot be scanned.
    #[error("cannot scan process {pid}: {reason}")]
    Process {
        /// The process.
        pid: u32,
        /// The kind of error.
        kind: io::ErrorKind,
        /// What is wrong.
        reason: String,
    },
    /// A path to scan is no regular file.
    #[error("cannot scan {}: not a regular file; name files, or read it and scan the bytes", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn io(operation: &'static str, path: &Path, error: &io::Error) -> Self {
        Error::Io { operation, path: path.to_owned(), kind: error.kind(), reason: error.to_string() }
    }
}
