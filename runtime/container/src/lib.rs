//! Release note, keys, quorum policy and the signed container around an image.
//!
//! Input: bytes from anywhere. Output: decoded image bytes whose SHA-256 is the one named by a release note that
//! the caller's [`Policy`] accepts. Order is typed, so that a step cannot be forgotten or swapped:
//!
//! ```text
//! &[u8] -> Container (framing only, nothing trusted)
//!       -> VerifiedNote (signatures judged by a Demand)
//!       -> Verified (payload digest equals the note's)
//!          or VerifiedPatch (the same of a patch from an image the caller has)
//!       -> DecodedImage (zstd under the note's window and the exact length; SHA-256 equals the note's)
//! ```
//!
//! No byte of a payload reaches the Zstandard library before its digest has been compared with a judged note.
//! The crate opens no files, reads no clock and holds no private key.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod digest;
mod error;
mod frame;
mod key;
pub mod layout;
pub mod limits;
mod note;
mod open;
mod payload;
mod policy;
mod reader;
mod release;

pub use digest::Digest;
pub use error::Error;
pub use frame::{Container, encode, is_container};
pub use key::{ED25519_ALGORITHM, KeyId, VerifierKey, key_id, valid_key_name};
pub use note::{NoteSignature, SignedNote};
pub use open::{DecodedImage, Verified, VerifiedNote, VerifiedPatch, open, verify_note};
pub use policy::{Demand, Policy, Quorum, Verdict};
pub use release::{
    Compiler, Counts, EngineVersion, FormatVersion, FullPayload, PatchPayload, Previous, ReleaseNote,
    Section, SizedDigest, Source, valid_db_name, valid_word,
};
