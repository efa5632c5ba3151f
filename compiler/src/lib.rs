//! Compiles YARA rules into a Hallmark image: a pure library without files, clock, environment or printing.

#![forbid(unsafe_code)]

pub mod ast;
pub mod diagnostic;
