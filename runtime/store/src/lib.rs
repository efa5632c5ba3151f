//! Files, mappings and installed databases.
//!
//! Input: paths. Output: [`LoadedDatabase`], image bytes that nobody can change any more (a sealed memory file, or a
//! mapping of a file that only its owner could write) together with what is known about who vouches for them.
//! [`install`] keeps a store directory in which every step up to the last leaves the previous database in force.
//!
//! What image bytes mean is not decided here: callers pass an `accept` function that parses and tests them, and it
//! runs before anything is switched or returned.

#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::unwrap_used, clippy::indexing_slicing))]

mod database;
mod error;
mod file;
mod guard;
mod install;
#[cfg(test)]
mod killed;
mod map;
mod owner;
mod patch;
mod release;
mod state;

pub use database::{DatabaseInfo, LoadPolicy, LoadedDatabase, Origin, load, load_to_scan};
pub use error::Error;
pub use file::{Links, MAX_CONTAINER, MAX_RAW_IMAGE, read_file_capped, read_policy, read_trusted_file};
pub use guard::{GuardState, MAX_CRASHES, Watch, guard_state};
pub use install::{Installation, Outcome, install, open_current, store_state};
pub use map::{Mapping, sealed_file};
pub use patch::{Update, Used, install_directory, patch_files};
pub use release::ReleaseBytes;
pub use state::{Entry, State};
