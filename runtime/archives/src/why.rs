//! Why something was not looked at.

use thiserror::Error;

/// Why something in an archive was not looked at, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Why {
    /// It is encrypted.
    #[error("it is encrypted")]
    Encrypted,
    /// A format or method that is not read here.
    #[error("not supported: {what}")]
    Unsupported {
        /// Which.
        what: String,
    },
    /// It is not what the format allows. What could be unpacked was looked at.
    #[error("damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
    /// A sparse file: what is stored was looked at, without the holes between.
    #[error("a sparse file: its holes were left out")]
    Holes,
    /// It begins or ends in another file of a set.
    #[error("a part of it is in another file of the set")]
    OtherFile,
    /// An archive within too many others.
    #[error("an archive deeper than the limit of {max}")]
    Depth {
        /// The limit.
        max: u32,
    },
    /// There are more members than allowed.
    #[error("the limit of {max} members was reached")]
    Members {
        /// The limit.
        max: u64,
    },
    /// It is longer than a member may be.
    #[error("longer than {max} bytes, the limit of one member")]
    MemberBytes {
        /// The limit.
        max: u64,
    },
    /// All members together are longer than allowed.
    #[error("the limit of {max} bytes for all members was reached")]
    TotalBytes {
        /// The limit.
        max: u64,
    },
    /// More comes out than the length of the file allows.
    #[error("more than {max} times the length of the file was unpacked")]
    Ratio {
        /// The limit.
        max: u64,
    },
    /// A decoder would need more memory than allowed.
    #[error("unpacking takes more than the {max} bytes of memory that are left of the limit")]
    Memory {
        /// What it may take.
        max: u64,
    },
    /// Members lie over one another, so that more is read than there is.
    #[error("members lie over one another")]
    Overlapping,
    /// The deadline passed.
    #[error("the time limit was reached")]
    Deadline,
    /// The caller cancelled.
    #[error("the scan was cancelled")]
    Cancelled,
    /// More was left out than is told one by one.
    #[error("more was left out than the {listed} that are listed")]
    More {
        /// How many are.
        listed: u64,
    },
}

/// What the caller may say between two pieces of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The deadline passed.
    Deadline,
    /// The caller cancelled.
    Cancelled,
}

impl Why {
    pub(crate) fn damaged(what: &'static str) -> Self {
        Why::Damaged { what }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Why::Unsupported { what: what.into() }
    }

    /// Whether nothing else of the file is looked at either.
    pub fn ends_all(&self) -> bool {
        matches!(
            self,
            Why::Members { .. }
                | Why::TotalBytes { .. }
                | Why::Ratio { .. }
                | Why::Overlapping
                | Why::Deadline
                | Why::Cancelled
        )
    }
}

impl From<Stop> for Why {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Deadline => Why::Deadline,
            Stop::Cancelled => Why::Cancelled,
        }
    }
}
