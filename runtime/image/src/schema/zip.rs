//! The `zip` module.

use super::{Constant, Field, Module, Type};

/// The schema of `zip`.
pub const MODULE: Module = Module { name: "zip", fields: FIELDS, constants: CONSTANTS, functions: &[] };

const FIELDS: &[Field] = &[field("is_zip", Type::Bool), field("entries", Type::Array(&ENTRY))];

const ENTRY: Type = Type::Struct(&[
    field("file_path", Type::Str),
    field("compression", Type::Int),
    field("uncompressed_size", Type::Int),
    field("compressed_size", Type::Int),
]);

/// Values of `entries[i].compression`; every other method is `UNKNOWN`.
#[rustfmt::skip]
const CONSTANTS: &[Constant] = &[
    constant("STORED", 0),
    constant("SHRUNK", 1),
    constant("REDUCED_1", 2),
    constant("REDUCED_2", 3),
    constant("REDUCED_3", 4),
    constant("REDUCED_4", 5),
    constant("IMPLODED", 6),
    constant("DEFLATED", 8),
    constant("DEFLATE64", 9),
    constant("PKWARE_IMPLODING", 10),
    constant("BZIP2", 12),
    constant("LZMA", 14),
    constant("ZSTD", 93),
    constant("XZ", 95),
    constant("UNKNOWN", 255),
];

const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, ty }
}

const fn constant(name: &'static str, value: i64) -> Constant {
    Constant { name, value }
}
