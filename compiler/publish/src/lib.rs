//! Keys, signing and release building: the publisher's side of `hallmark-container`.
//!
//! Input: an image with plain facts about it, and a secret key. Output: a release note, its signatures, a container
//! and a release directory. Packing and signing are separate calls, because the machine that rebuilds holds no key.
//! Everything written is a pure function of its inputs; no clock is read.

#![forbid(unsafe_code)]

mod attestation;
mod error;
mod file;
mod key;
mod manifest;
mod payload;
mod release;
mod sign;

pub use attestation::Attestation;
pub use error::Error;
pub use key::{KeyFiles, SecretKey, key_file_stem};
pub use manifest::SourceManifest;
pub use payload::{DEFAULT_LEVEL, Packed, compress, compress_patch};
pub use release::{Base, Patch, Release, ReleaseInfo, SectionInfo};
pub use sign::{SignedPath, sign_note, sign_path};
