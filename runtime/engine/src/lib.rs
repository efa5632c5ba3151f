//! Scanning: candidates, confirmation, verification and conditions.
//!
//! Input: a proved [`hallmark_image::Image`], the bytes of one file and [`Settings`]. Output: an [`Outcome`]: which
//! rules match, where their patterns match, and what was not evaluated. The stages, in order:
//!
//! ```text
//! search    data -> candidates: an atom was seen, so a variant of a pattern may match here
//! verify    candidate -> match: the whole variant is compared
//! evaluate  rules that are always evaluated or have a triggering match -> conditions, by ascending rank
//! ```
//!
//! The first stage may be done in parts, on threads of the caller: see [`search_part`].
//!
//! Nothing here depends on the number of rules that were not touched: [`Scratch`] keeps stamped tables that are never
//! cleared. Every loop is charged to a budget of time and steps; when it is exhausted the outcome says so and gives
//! only what is certain. Nothing panics, whatever the image or the data hold.

#![deny(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable,
        clippy::arithmetic_side_effects
    )
)]

mod budget;
mod captured;
mod chain;
mod compare;
mod demand;
mod entrypoint;
mod error;
mod evaluate;
mod limits;
mod lookup;
mod matches;
mod memory;
mod outcome;
mod padding;
mod part;
mod pike;
mod quantify;
mod scan;
mod scratch;
mod search;
mod selection;
mod settings;
mod slow;
mod stream;
mod trail;
mod value;
#[allow(unsafe_code, reason = "vector instructions")]
mod vector;
mod verify;
mod view;
mod vm;

pub use captured::{Bytes, Captured};
pub use error::Error;
pub use hallmark_modules::{DataError, ModuleData};
pub use matches::Match;
pub use outcome::{Incomplete, MatchingPattern, MatchingRule, Outcome, Stats, Why};
pub use part::{Part, search_part};
pub use scan::{scan, scan_parts, skip};
pub use scratch::Scratch;
pub use selection::Selection;
pub use settings::{ExternalValue, Externals, Settings};
pub use stream::{Piece, Shape, Source, Window, scan_stream};
