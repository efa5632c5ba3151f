//! What lies in archives and containers: ZIP, gzip, xz, tar, 7z, cabinets and compound files, and those within them.
//!
//! Input: the bytes of one file, whatever they are, and [`Limits`]. Output: each member, depth first, as a path and its
//! bytes, handed to a [`Visitor`]; and whatever was not looked at, with its path and the reason. Members are unpacked
//! one at a time into buffers that are used again, and everything is charged to one account of the whole file, so that
//! memory and time are bounded by the limits and not by what an archive claims. Nothing is written anywhere: names of
//! members are only names.
//!
//! ```
//! use hallmark_archives::{InnerPath, Limits, Visitor, Why, walk};
//!
//! #[derive(Default)]
//! struct Listing(Vec<String>);
//!
//! impl Visitor for Listing {
//!     fn member(&mut self, path: &InnerPath, data: &[u8]) {
//!         self.0.push(format!("{path}: {} bytes", data.len()));
//!     }
//!     fn left_out(&mut self, path: &InnerPath, why: &Why) {
//!         self.0.push(format!("{path}: {why}"));
//!     }
//! }
//!
//! let gzip = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03name\0\x4b\x04\0\x43\xbe\xb7\xe8\x01\0\0\0";
//! let mut listing = Listing::default();
//! walk(gzip, &Limits::default(), &|| None, &mut listing);
//! assert_eq!(listing.0, ["name: 1 bytes"]);
//! ```

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

mod bytes;
mod cabinet;
mod compound;
mod contain;
mod gzip;
mod input;
mod kind;
mod limits;
mod meter;
mod path;
mod sevenzip;
mod tarball;
mod walk;
mod why;
mod zip;

pub use kind::Kind;
pub use limits::Limits;
pub use path::InnerPath;
pub use walk::{Tally, Visitor, walk};
pub use why::{Stop, Why};
