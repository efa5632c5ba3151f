//! The `hash` module: digests in lower-case hexadecimal, and two checksums, of `(offset, size)` or of a string.

use super::{Function, Module, Type};

/// The schema of `hash`.
pub const MODULE: Module = Module { name: "hash", fields: &[], constants: &[], functions: FUNCTIONS };

const RANGE: &[Type] = &[Type::Int, Type::Int];
const STRING: &[Type] = &[Type::Str];

const FUNCTIONS: &[Function] = &[
    Function { name: "md5", args: RANGE, result: Type::Str },
    Function { name: "md5", args: STRING, result: Type::Str },
    Function { name: "sha1", args: RANGE, result: Type::Str },
    Function { name: "sha1", args: STRING, result: Type::Str },
    Function { name: "sha256", args: RANGE, result: Type::Str },
    Function { name: "sha256", args: STRING, result: Type::Str },
    Function { name: "crc32", args: RANGE, result: Type::Int },
    Function { name: "crc32", args: STRING, result: Type::Int },
    Function { name: "checksum32", args: RANGE, result: Type::Int },
    Function { name: "checksum32", args: STRING, result: Type::Int },
];
