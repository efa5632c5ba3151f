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
mod includes;
mod ir;
mod lexer;
pub mod limits;
mod link;
pub mod lower;
pub mod parser;
mod plan;
mod suggest;
mod tables;
mod write;

pub use compile::{
    Compilation, ExternalValue, Loader, Options, Rejected, RuleInfo, Source, Stage, Stats, compile,
};
