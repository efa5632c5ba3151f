//! What rules know about files: the fields and functions of every module in `hallmark_image::schema`.
//!
//! Input: the bytes of one file, whatever they are, reports of other tools about it, and the time. Output: [`Node`] trees laid out as the schema says and
//! answers to function calls. Every answer is bounded in time and memory by the size of the file and by the caps of the
//! `limits` module; nothing panics, whatever the file holds.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod archive;
mod ber;
mod certificates;
mod console;
mod crx;
mod dex;
mod dotnet;
mod elf;
mod hash;
mod json;
mod keys;
mod late;
mod limits;
mod lnk;
mod macho;
mod math;
mod modules;
mod pe;
mod protobuf;
mod reader;
mod record;
mod report;
mod string;
mod value;
mod zip;

pub use console::Mark;
pub use modules::Modules;
pub use report::{DataError, ModuleData};
pub use value::{Answer, Arg, Node, Scalar};
