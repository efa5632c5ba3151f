//! Compiles YARA rules into a Hallmark image: a pure library without files, clock, environment or printing.
//!
//! [`compile()`] is the pipeline. Each stage is a module that takes the output types of the one before it.

#![forbid(unsafe_code)]

pub mod ast;
mod check;
pub mod codes;
mod compile;
mod conditions;
pub mod diagnostic;
mod findings;
pub mod fix;
pub mod format;
mod includes;
mod input;
mod ir;
mod lexer;
pub mod limits;
mod lines;
mod link;
pub mod lower;
mod output;
pub mod parser;
mod plan;
mod selftest;
mod slow;
mod suggest;
mod tables;
mod write;

pub use compile::{Stage, compile};
pub use input::{ExternalValue, Loader, Options, Source};
pub use lines::Lines;
pub use output::{Compilation, Rejected, RuleInfo, Stats};
pub use selftest::{SelfTest, SelfTestError, add_self_tests};
