//! The `dotnet` module.

use super::{Field, Module, Type};

/// The schema of `dotnet`.
pub const MODULE: Module = Module { name: "dotnet", fields: FIELDS, constants: &[], functions: &[] };

const INT: Type = Type::Int;
const STR: Type = Type::Str;
const BOOL: Type = Type::Bool;

const FIELDS: &[Field] = &[
    field("is_dotnet", BOOL),
    field("module_name", STR),
    field("version", STR),
    field("number_of_streams", INT),
    field("number_of_guids", INT),
    field("number_of_resources", INT),
    // Of the schema of YARA-X, which never fills it in.
    field("number_of_generic_parameters", INT),
    field("number_of_classes", INT),
    field("number_of_assembly_refs", INT),
    field("number_of_modulerefs", INT),
    field("number_of_user_strings", INT),
    field("number_of_constants", INT),
    field("number_of_field_offsets", INT),
    field("typelib", STR),
    field("streams", Type::Array(&STREAM)),
    field("guids", Type::Array(&STR)),
    field("constants", Type::Array(&STR)),
    field("assembly", Type::Struct(ASSEMBLY)),
    field("assembly_refs", Type::Array(&ASSEMBLY_REF)),
    field("resources", Type::Array(&RESOURCE)),
    field("classes", Type::Array(&CLASS)),
    field("field_offsets", Type::Array(&INT)),
    field("user_strings", Type::Array(&STR)),
    field("modulerefs", Type::Array(&STR)),
];

const ASSEMBLY: &[Field] = &[field("name", STR), field("culture", STR), field("version", VERSION)];

const ASSEMBLY_REF: Type =
    Type::Struct(&[field("name", STR), field("public_key_or_token", STR), field("version", VERSION)]);

const VERSION: Type = Type::Struct(&[
    field("major", INT),
    field("minor", INT),
    field("build_number", INT),
    field("revision_number", INT),
]);

const STREAM: Type = Type::Struct(&[field("name", STR), field("offset", INT), field("size", INT)]);

const RESOURCE: Type = Type::Struct(&[field("offset", INT), field("length", INT), field("name", STR)]);

const CLASS: Type = Type::Struct(&[
    field("fullname", STR),
    field("name", STR),
    field("namespace", STR),
    field("visibility", STR),
    field("type", STR),
    field("abstract", BOOL),
    field("sealed", BOOL),
    field("number_of_base_types", INT),
    field("number_of_generic_parameters", INT),
    field("number_of_methods", INT),
    field("base_types", Type::Array(&STR)),
    field("generic_parameters", Type::Array(&STR)),
    field("methods", Type::Array(&METHOD)),
]);

const METHOD: Type = Type::Struct(&[
    field("name", STR),
    field("visibility", STR),
    field("abstract", BOOL),
    field("static", BOOL),
    field("virtual", BOOL),
    field("final", BOOL),
    field("return_type", STR),
    field("number_of_generic_parameters", INT),
    field("number_of_parameters", INT),
    field("generic_parameters", Type::Array(&STR)),
    field("parameters", Type::Array(&PARAMETER)),
]);

const PARAMETER: Type = Type::Struct(&[field("name", STR), field("type", STR)]);

const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, ty }
}
