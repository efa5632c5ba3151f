//! The `string` module.

use super::Module;

/// The schema of `string`.
pub const MODULE: Module = Module { name: "string", fields: &[], constants: &[], functions: &[] };
