//! The `elf` module: executables, libraries and objects of Unix systems.

mod constants;

use super::{Field, Function, Module, Type};

/// The schema of `elf`.
pub const MODULE: Module =
    Module { name: "elf", fields: FIELDS, constants: constants::CONSTANTS, functions: FUNCTIONS };

const INT: Type = Type::Int;
const STR: Type = Type::Str;

const FIELDS: &[Field] = &[
    field("type", INT),
    field("machine", INT),
    field("osabi", INT),
    field("entry_point", INT),
    field("sh_offset", INT),
    field("sh_entry_size", INT),
    field("ph_offset", INT),
    field("ph_entry_size", INT),
    field("number_of_sections", INT),
    field("number_of_segments", INT),
    field("symtab_entries", INT),
    field("dynsym_entries", INT),
    field("dynamic_section_entries", INT),
    field("sections", Type::Array(&SECTION)),
    field("segments", Type::Array(&SEGMENT)),
    field("symtab", Type::Array(&SYM)),
    field("dynsym", Type::Array(&SYM)),
    field("dynamic", Type::Array(&DYN)),
];

const SECTION: Type = Type::Struct(&[
    field("type", INT),
    field("flags", INT),
    field("address", INT),
    field("size", INT),
    field("offset", INT),
    field("name", STR),
]);

const SEGMENT: Type = Type::Struct(&[
    field("type", INT),
    field("flags", INT),
    field("offset", INT),
    field("virtual_address", INT),
    field("physical_address", INT),
    field("file_size", INT),
    field("memory_size", INT),
    field("alignment", INT),
]);

const SYM: Type = Type::Struct(&[
    field("name", STR),
    field("value", INT),
    field("size", INT),
    field("type", INT),
    field("bind", INT),
    field("shndx", INT),
    field("visibility", INT),
]);

const DYN: Type = Type::Struct(&[field("type", INT), field("val", INT)]);

const FUNCTIONS: &[Function] = &[function("import_md5", &[], STR), function("telfhash", &[], STR)];

const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, ty }
}

const fn function(name: &'static str, args: &'static [Type], result: Type) -> Function {
    Function { name, args, result }
}
