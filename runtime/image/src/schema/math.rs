//! The `math` module.

use super::Module;

/// The schema of `math`.
pub const MODULE: Module = Module { name: "math", fields: &[], constants: &[], functions: &[] };
