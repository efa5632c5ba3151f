//! The `console` module: messages of rules; every function answers `true`.

use super::{Function, Module, Type};

/// The schema of `console`.
pub const MODULE: Module = Module { name: "console", fields: &[], constants: &[], functions: FUNCTIONS };

const FUNCTIONS: &[Function] = &[
    write("log", &[Type::Str]),
    write("log", &[Type::Str, Type::Str]),
    write("log", &[Type::Int, Type::Int]),
    write("log", &[Type::Str, Type::Int, Type::Int]),
    write("log", &[Type::Bool]),
    write("log", &[Type::Str, Type::Bool]),
    write("log", &[Type::Int]),
    write("log", &[Type::Str, Type::Int]),
    write("log", &[Type::Float]),
    write("log", &[Type::Str, Type::Float]),
    write("hex", &[Type::Int]),
    write("hex", &[Type::Str, Type::Int]),
];

const fn write(name: &'static str, args: &'static [Type]) -> Function {
    Function { name, args, result: Type::Bool }
}
