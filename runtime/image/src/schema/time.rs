//! The `time` module.

use super::{Function, Module, Type};

/// The schema of `time`.
pub const MODULE: Module = Module {
    name: "time",
    fields: &[],
    constants: &[],
    functions: &[Function { name: "now", args: &[], result: Type::Int }],
};
