//! The runtime an agent embeds: open, verify, map and scan.
//!
//! [`Database::open`] judges who vouches for a database, maps it and proves that it is well-formed; a [`Scanner`]
//! scans with it, one thread at a time; a [`Report`] says what matched and what was not looked at.
//!
//! ```no_run
//! use hallmark_runtime::{Database, LoadPolicy, Policy};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Policy::parse(&std::fs::read("policy.txt")?)?;
//! let database = Database::open("/var/lib/hallmark".as_ref(), &LoadPolicy::require(policy))?;
//! let mut scanner = database.scanner();
//! let report = scanner.scan_file("/bin/ls".as_ref())?;
//! for rule in report.matches() {
//!     println!("{}:{}", rule.namespace(), rule.rule());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Files are scanned side by side by a scanner on each thread; large data can be divided among them, see [`ScanPart`].
//!
//! With the feature `archives`, `Scanner::scan_archive` also scans what lies in archives and compound files.
//!
//! There are no threads, globals, signal handlers or printing here, and no panic on any input. To replace a database
//! while scans run, swap the [`Database`]: running scanners keep theirs.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::arithmetic_side_effects
    )
)]

#[cfg(feature = "archives")]
mod archive;
mod database;
mod error;
mod part;
#[cfg(target_os = "linux")]
mod process;
mod report;
mod rule;
mod scanner;
mod selftest;
mod stream;

#[cfg(feature = "archives")]
pub use archive::{ArchiveReport, LeftOut};
pub use database::Database;
pub use error::Error;
#[cfg(feature = "archives")]
pub use hallmark_archives::{InnerPath, Limits as ArchiveLimits, Why as ArchiveWhy};
pub use hallmark_container::Policy;
pub use hallmark_engine::{DataError, ExternalValue, Incomplete, ModuleData, Stats, Why};
pub use hallmark_image::Image;
pub use hallmark_store::{DatabaseInfo, LoadPolicy, Origin, State, store_state};
pub use part::{ScanPart, SearchedPart};
pub use report::{PatternMatch, PatternMatches, Report, RuleMatch};
pub use rule::{MetaValue, Rule};
pub use scanner::Scanner;
pub use selftest::{SelfTestFailure, SelfTestWhy};
pub use stream::Block;
