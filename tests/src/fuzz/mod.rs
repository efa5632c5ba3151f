//! Fuzzing: what is tried, how inputs are made, and how what tries them is watched.
//!
//! A target is a function of any bytes that panics when something is wrong. [`Plan`] makes input number *i* out of a
//! seed, the corpus and nothing else, so any input can be had again; [`Watch`] runs the loop in another process and
//! notices when it dies, hangs or eats memory. The `fuzz` binary puts them together, and `cargo test` runs every file of
//! the corpus and every input that once failed. For a toolchain with `cargo fuzz` the same functions are targets of
//! libFuzzer in `fuzz/`. There is no feedback from coverage here: safe code cannot read its counters.

mod archives;
mod capi;
mod containers;
mod files;
mod images;
mod modules;
mod plan;
mod targets;
mod watch;

pub use archives::archives;
pub use capi::capi;
pub use containers::{container_open, note_parse};
pub use files::{corpus, folder, regressions};
pub use images::{image_parse, image_scan};
pub use modules::modules;
pub use plan::Plan;
pub use targets::{
    TARGETS, Target, condition_vs_reference, payload_decode, regex_vs_reference, source_compile,
};
pub use watch::{Event, Limits, Watch};
