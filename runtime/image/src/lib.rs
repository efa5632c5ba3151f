//! The memory-mapped image: what its bytes mean, and the proof that they are well-formed.
//!
//! The compiler writes the records of this crate, the engine reads them, and [`Image::parse`] is the only way from
//! bytes to an image. Reads are bounds-checked even so: a damaged image gives an error or a wrong verdict, never
//! undefined behaviour.

#![forbid(unsafe_code)]

mod class;
mod error;
pub mod header;
mod image;
pub mod insn;
pub mod lanes;
pub mod limits;
pub mod program;
mod proof;
pub mod record;
pub mod schema;
pub mod selftest;
mod unit;

pub use class::FileClass;
pub use error::Error;
pub use header::SectionKind;
pub use image::{ClassFilter, Filter, Image, RuleId};
pub use unit::{Globals, Unit};
