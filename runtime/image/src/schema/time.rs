//! The `time` module.

use super::Module;

/// The schema of `time`.
pub const MODULE: Module = Module { name: "time", fields: &[], constants: &[], functions: &[] };
