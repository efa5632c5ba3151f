//! Why bytes are not an image.

use thiserror::Error;

/// Why bytes are not an image.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// Fewer bytes than the header says, or than a header has.
    #[error("image is truncated: {have} bytes of {need}; fetch it again")]
    Truncated {
        /// Bytes needed.
        need: u64,
        /// Bytes present.
        have: u64,
    },
    /// The magic is another.
    #[error("not a Hallmark image: the first eight bytes are not its magic")]
    Magic,
    /// Another format version.
    #[error(
        "image format {major}.{minor} is not supported by this version ({}.{}); rebuild the database or update the runtime",
        crate::header::FORMAT_MAJOR,
        crate::header::FORMAT_MINOR
    )]
    Version {
        /// Major version found.
        major: u16,
        /// Minor version found.
        minor: u16,
    },
    /// Built against another module schema.
    #[error(
        "image was built for another set of modules (schema {image} instead of {runtime}); rebuild it with this version"
    )]
    Schema {
        /// First bytes of the image's fingerprint, in hexadecimal.
        image: String,
        /// First bytes of the runtime's fingerprint, in hexadecimal.
        runtime: String,
    },
    /// A fact the engine relies on does not hold.
    #[error("damaged image: {section} at byte {offset}: {what}; fetch it again")]
    Damaged {
        /// The section (or `header`).
        section: &'static str,
        /// Byte offset within the section.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
}

impl Error {
    pub(crate) fn damaged(section: &'static str, offset: usize, what: &'static str) -> Self {
        Error::Damaged { section, offset: offset as u64, what }
    }
}
