//! The `hash` module.

use super::Module;

/// The schema of `hash`.
pub const MODULE: Module = Module { name: "hash", fields: &[], constants: &[], functions: &[] };
