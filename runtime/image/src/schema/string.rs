//! The `string` module.

use super::{Function, Module, Type};

/// The schema of `string`.
pub const MODULE: Module = Module {
    name: "string",
    fields: &[],
    constants: &[],
    functions: &[
        Function { name: "to_int", args: &[Type::Str], result: Type::Int },
        Function { name: "to_int", args: &[Type::Str, Type::Int], result: Type::Int },
        Function { name: "length", args: &[Type::Str], result: Type::Int },
    ],
};
