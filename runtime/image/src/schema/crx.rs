//! The `crx` module.

use super::{Field, Function, Module, Type};

/// The schema of `crx`.
pub const MODULE: Module = Module { name: "crx", fields: FIELDS, constants: &[], functions: FUNCTIONS };

const STR: Type = Type::Str;
const BOOL: Type = Type::Bool;

const FIELDS: &[Field] = &[
    field("is_crx", BOOL),
    field("crx_version", Type::Int),
    field("header_size", Type::Int),
    field("id", STR),
    field("version", STR),
    field("name", STR),
    field("description", STR),
    field("raw_name", STR),
    field("raw_description", STR),
    field("minimum_chrome_version", STR),
    field("homepage_url", STR),
    field("permissions", Type::Array(&STR)),
    field("host_permissions", Type::Array(&STR)),
    field("optional_permissions", Type::Array(&STR)),
    field("optional_host_permissions", Type::Array(&STR)),
    field("signatures", Type::Array(&SIGNATURE)),
];

const SIGNATURE: Type = Type::Struct(&[field("key", STR), field("verified", BOOL)]);

const FUNCTIONS: &[Function] = &[Function { name: "permhash", args: &[], result: STR }];

const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, ty }
}
