//! The `console` module.

use super::Module;

/// The schema of `console`.
pub const MODULE: Module = Module { name: "console", fields: &[], constants: &[], functions: &[] };
