//! The `pe` module.

use super::Module;

/// The schema of `pe`.
pub const MODULE: Module = Module { name: "pe", fields: &[], constants: &[], functions: &[] };
