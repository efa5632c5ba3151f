//! The `dex` module.

use super::{Constant, Field, Function, Module, Type};

/// The schema of `dex`.
pub const MODULE: Module = Module { name: "dex", fields: FIELDS, constants: CONSTANTS, functions: FUNCTIONS };

const INT: Type = Type::Int;
const STR: Type = Type::Str;
const BOOL: Type = Type::Bool;

const FIELDS: &[Field] = &[
    field("is_dex", BOOL),
    field("header", Type::Struct(HEADER)),
    field("strings", Type::Array(&STR)),
    field("types", Type::Array(&STR)),
    field("protos", Type::Array(&PROTO)),
    field("fields", Type::Array(&FIELD)),
    field("methods", Type::Array(&METHOD)),
    field("class_defs", Type::Array(&CLASS)),
    field("map_list", Type::Struct(MAP_LIST)),
];

const HEADER: &[Field] = &[
    field("magic", INT),
    field("version", INT),
    field("checksum", INT),
    field("signature", STR),
    field("file_size", INT),
    field("header_size", INT),
    field("endian_tag", INT),
    field("link_size", INT),
    field("link_off", INT),
    // Of the schema of YARA-X, which never fills these two in.
    field("data_size", INT),
    field("data_off", INT),
    field("container_size", INT),
    field("header_offset", INT),
];

const PROTO: Type = Type::Struct(&[
    field("shorty", STR),
    field("return_type", STR),
    field("parameters_count", INT),
    field("parameters", Type::Array(&STR)),
]);

const FIELD: Type = Type::Struct(&[field("class", STR), field("type", STR), field("name", STR)]);

const METHOD: Type = Type::Struct(&[field("class", STR), field("proto", PROTO), field("name", STR)]);

const CLASS: Type = Type::Struct(&[
    field("class", STR),
    field("access_flags", INT),
    field("superclass", STR),
    field("source_file", STR),
]);

const MAP_LIST: &[Field] = &[field("size", INT), field("items", Type::Array(&MAP_ITEM))];

const MAP_ITEM: Type =
    Type::Struct(&[field("type", INT), field("unused", INT), field("size", INT), field("offset", INT)]);

const FUNCTIONS: &[Function] = &[
    function("checksum", &[], INT),
    function("signature", &[], STR),
    function("contains_string", &[STR], BOOL),
    function("contains_method", &[STR], BOOL),
    function("contains_class", &[STR], BOOL),
];

#[rustfmt::skip]
const CONSTANTS: &[Constant] = &[
    // What may reach a class, field or method (`access_flags`).
    constant("ACC_PUBLIC", 0x1),
    constant("ACC_PRIVATE", 0x2),
    constant("ACC_PROTECTED", 0x4),
    constant("ACC_STATIC", 0x8),
    constant("ACC_FINAL", 0x10),
    constant("ACC_SYNCHRONIZED", 0x20),
    constant("ACC_BRIDGE", 0x40),
    constant("ACC_VARARGS", 0x80),
    constant("ACC_NATIVE", 0x100),
    constant("ACC_INTERFACE", 0x200),
    constant("ACC_ABSTRACT", 0x400),
    constant("ACC_STRICT", 0x800),
    constant("ACC_SYNTHETIC", 0x1000),
    constant("ACC_ANNOTATION", 0x2000),
    constant("ACC_ENUM", 0x4000),
    constant("ACC_CONSTRUCTOR", 0x10000),
    constant("ACC_DECLARED_SYNCHRONIZED", 0x20000),
    constant("ACC_VOLATILE", 0x40),
    constant("ACC_TRANSIENT", 0x80),
    // Kinds of items in the map (`map_list.items[i].type`).
    constant("TYPE_HEADER_ITEM", 0x0000),
    constant("TYPE_STRING_ID_ITEM", 0x0001),
    constant("TYPE_TYPE_ID_ITEM", 0x0002),
    constant("TYPE_PROTO_ID_ITEM", 0x0003),
    constant("TYPE_FIELD_ID_ITEM", 0x0004),
    constant("TYPE_METHOD_ID_ITEM", 0x0005),
    constant("TYPE_CLASS_DEF_ITEM", 0x0006),
    constant("TYPE_CALL_SITE_ID_ITEM", 0x0007),
    constant("TYPE_METHOD_HANDLE_ITEM", 0x0008),
    constant("TYPE_MAP_LIST", 0x1000),
    constant("TYPE_TYPE_LIST", 0x1001),
    constant("TYPE_ANNOTATION_SET_REF_LIST", 0x1002),
    constant("TYPE_ANNOTATION_SET_ITEM", 0x1003),
    constant("TYPE_CLASS_DATA_ITEM", 0x2000),
    constant("TYPE_CODE_ITEM", 0x2001),
    constant("TYPE_STRING_DATA_ITEM", 0x2002),
    constant("TYPE_DEBUG_INFO_ITEM", 0x2003),
    constant("TYPE_ANNOTATION_ITEM", 0x2004),
    constant("TYPE_ENCODED_ARRAY_ITEM", 0x2005),
    constant("TYPE_ANNOTATIONS_DIRECTORY_ITEM", 0x2006),
    constant("TYPE_HIDDENAPI_CLASS_DATA_ITEM", 0xF000),
];

const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, ty }
}

const fn function(name: &'static str, args: &'static [Type], result: Type) -> Function {
    Function { name, args, result }
}

const fn constant(name: &'static str, value: i64) -> Constant {
    Constant { name, value }
}
