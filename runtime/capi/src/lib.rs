//! The runtime for C and C++.
//!
//! Input: what C has, pointers and numbers. Output: a [`hmk_status`], a message for people
//! ([`hmk_last_error`](error::hmk_last_error)), and results as plain structs. No panic leaves this crate; what C must
//! promise for a function to be sound stands at the function, and nothing else is believed.
//!
//! `include/hallmark.h` is made of this source by cbindgen.

#![allow(unsafe_code, reason = "this is the border to C, and deals with its pointers")]
#![allow(non_camel_case_types, reason = "the names are those of the C header")]
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

#[cfg(panic = "abort")]
compile_error!("a panic must end at the border to C, not the process: build with panic = \"unwind\"");

mod border;
mod cancel;
mod database;
#[cfg(feature = "driver")]
pub mod driver;
mod error;
mod report;
mod scanner;
