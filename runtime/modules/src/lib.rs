//! What rules know about files.

#![forbid(unsafe_code)]

mod modules;
mod value;

pub use modules::Modules;
pub use value::{Answer, Arg, Node, Scalar};
