//! The `pe` module.

mod constants;

use super::{Field, Function, Module, Type};

/// The schema of `pe`.
pub const MODULE: Module =
    Module { name: "pe", fields: FIELDS, constants: constants::CONSTANTS, functions: FUNCTIONS };

const INT: Type = Type::Int;
const STR: Type = Type::Str;
const BOOL: Type = Type::Bool;
const REGEX: Type = Type::Regex;

const FIELDS: &[Field] = &[
    field("is_pe", BOOL),
    field("is_signed", BOOL),
    field("machine", INT),
    field("subsystem", INT),
    field("os_version", VERSION),
    field("subsystem_version", VERSION),
    field("image_version", VERSION),
    field("linker_version", VERSION),
    field("opthdr_magic", INT),
    field("characteristics", INT),
    field("dll_characteristics", INT),
    field("timestamp", INT),
    field("image_base", INT),
    field("checksum", INT),
    field("base_of_code", INT),
    field("base_of_data", INT),
    field("entry_point", INT),
    field("entry_point_raw", INT),
    field("dll_name", STR),
    field("export_timestamp", INT),
    field("section_alignment", INT),
    field("file_alignment", INT),
    field("loader_flags", INT),
    field("size_of_optional_header", INT),
    field("size_of_code", INT),
    field("size_of_initialized_data", INT),
    field("size_of_uninitialized_data", INT),
    field("size_of_image", INT),
    field("size_of_headers", INT),
    field("size_of_stack_reserve", INT),
    field("size_of_stack_commit", INT),
    field("size_of_heap_reserve", INT),
    field("size_of_heap_commit", INT),
    field("pointer_to_symbol_table", INT),
    field("win32_version_value", INT),
    field("number_of_symbols", INT),
    field("number_of_rva_and_sizes", INT),
    field("number_of_sections", INT),
    field("number_of_imported_functions", INT),
    field("number_of_delayed_imported_functions", INT),
    field("number_of_resources", INT),
    field("number_of_version_infos", INT),
    field("number_of_imports", INT),
    field("number_of_delayed_imports", INT),
    field("number_of_exports", INT),
    field("number_of_signatures", INT),
    field("version_info", Type::Map(&STR)),
    field("version_info_list", Type::Array(&KEY_VALUE)),
    field("rich_signature", Type::Struct(RICH_SIGNATURE)),
    field("pdb_path", STR),
    field("sections", Type::Array(&SECTION)),
    field("data_directories", Type::Array(&DATA_DIRECTORY)),
    field("resource_timestamp", INT),
    field("resource_version", VERSION),
    field("resources", Type::Array(&RESOURCE)),
    field("import_details", Type::Array(&IMPORT)),
    field("delayed_import_details", Type::Array(&IMPORT)),
    field("export_details", Type::Array(&EXPORT)),
    field("signatures", Type::Array(&SIGNATURE)),
    field("overlay", Type::Struct(&[field("offset", INT), field("size", INT)])),
];

const VERSION: Type = Type::Struct(&[field("major", INT), field("minor", INT)]);

const KEY_VALUE: Type = Type::Struct(&[field("key", STR), field("value", STR)]);

const RICH_SIGNATURE: &[Field] = &[
    field("offset", INT),
    field("length", INT),
    field("key", INT),
    field("raw_data", STR),
    field("clear_data", STR),
    field("tools", Type::Array(&RICH_TOOL)),
    // Of YARA only, as the lengths of chains below.
    field("version_data", STR),
];

const RICH_TOOL: Type = Type::Struct(&[field("toolid", INT), field("version", INT), field("times", INT)]);

const SECTION: Type = Type::Struct(&[
    field("name", STR),
    field("full_name", STR),
    field("characteristics", INT),
    field("raw_data_size", INT),
    field("raw_data_offset", INT),
    field("virtual_address", INT),
    field("virtual_size", INT),
    field("pointer_to_relocations", INT),
    field("pointer_to_line_numbers", INT),
    field("number_of_relocations", INT),
    field("number_of_line_numbers", INT),
]);

const DATA_DIRECTORY: Type = Type::Struct(&[field("virtual_address", INT), field("size", INT)]);

const RESOURCE: Type = Type::Struct(&[
    field("length", INT),
    field("rva", INT),
    field("offset", INT),
    field("type", INT),
    field("id", INT),
    field("language", INT),
    field("type_string", STR),
    field("name_string", STR),
    field("language_string", STR),
]);

const IMPORT: Type = Type::Struct(&[
    field("library_name", STR),
    field("number_of_functions", INT),
    field("functions", Type::Array(&IMPORTED_FUNCTION)),
]);

const IMPORTED_FUNCTION: Type = Type::Struct(&[field("name", STR), field("ordinal", INT), field("rva", INT)]);

const EXPORT: Type = Type::Struct(&[
    field("name", STR),
    field("ordinal", INT),
    field("rva", INT),
    field("offset", INT),
    field("forward_name", STR),
]);

const SIGNATURE: Type = Type::Struct(&[
    field("subject", STR),
    field("issuer", STR),
    field("thumbprint", STR),
    field("version", INT),
    field("algorithm", STR),
    field("algorithm_oid", STR),
    field("serial", STR),
    field("not_before", INT),
    field("not_after", INT),
    field("verified", BOOL),
    field("digest_alg", STR),
    field("digest", STR),
    field("file_digest", STR),
    field("number_of_certificates", INT),
    field("number_of_countersignatures", INT),
    field("signer_info", SIGNER_INFO),
    field("certificates", Type::Array(&CERTIFICATE)),
    field("countersignatures", Type::Array(&COUNTERSIGNATURE)),
]);

const SIGNER_INFO: Type = Type::Struct(&[
    field("program_name", STR),
    field("more_info", STR),
    field("digest", STR),
    field("digest_alg", STR),
    field("chain", Type::Array(&CERTIFICATE)),
    field("length_of_chain", INT),
]);

const CERTIFICATE: Type = Type::Struct(&[
    field("issuer", STR),
    field("subject", STR),
    field("thumbprint", STR),
    field("version", INT),
    field("algorithm", STR),
    field("algorithm_oid", STR),
    field("serial", STR),
    field("not_before", INT),
    field("not_after", INT),
]);

const COUNTERSIGNATURE: Type = Type::Struct(&[
    field("verified", BOOL),
    field("sign_time", INT),
    field("digest", STR),
    field("digest_alg", STR),
    field("chain", Type::Array(&CERTIFICATE)),
    field("length_of_chain", INT),
]);

const FUNCTIONS: &[Function] = &[
    function("is_32bit", &[], BOOL),
    function("is_64bit", &[], BOOL),
    function("is_dll", &[], BOOL),
    function("rva_to_offset", &[INT], INT),
    function("calculate_checksum", &[], INT),
    function("section_index", &[STR], INT),
    function("section_index", &[INT], INT),
    function("imphash", &[], STR),
    function("rich_signature.toolid", &[INT], INT),
    function("rich_signature.toolid", &[INT, INT], INT),
    function("rich_signature.version", &[INT], INT),
    function("rich_signature.version", &[INT, INT], INT),
    // Without flags: standard imports. A count, except that naming one function by name answers whether it is there;
    // with flags, naming one by ordinal does too.
    function("imports", &[STR], INT),
    function("imports", &[STR, STR], BOOL),
    function("imports", &[STR, INT], INT),
    function("imports", &[REGEX, REGEX], INT),
    function("imports", &[INT, STR], INT),
    function("imports", &[INT, STR, STR], BOOL),
    function("imports", &[INT, STR, INT], BOOL),
    function("imports", &[INT, REGEX, REGEX], INT),
    function("import_rva", &[STR, STR], INT),
    function("import_rva", &[STR, INT], INT),
    function("delayed_import_rva", &[STR, STR], INT),
    function("delayed_import_rva", &[STR, INT], INT),
    function("exports", &[STR], BOOL),
    function("exports", &[INT], BOOL),
    function("exports", &[REGEX], BOOL),
    function("exports_index", &[STR], INT),
    function("exports_index", &[INT], INT),
    function("exports_index", &[REGEX], INT),
    function("locale", &[INT], BOOL),
    function("language", &[INT], BOOL),
];

const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, ty }
}

const fn function(name: &'static str, args: &'static [Type], result: Type) -> Function {
    Function { name, args, result }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_means_one_thing() {
        let mut names = BTreeSet::new();
        for name in FIELDS.iter().map(|f| f.name).chain(constants::CONSTANTS.iter().map(|c| c.name)) {
            assert!(names.insert(name), "{name} is there twice");
        }
        for (i, function) in FUNCTIONS.iter().enumerate() {
            assert!(!names.contains(function.name), "{} is no function only", function.name);
            let same = |f: &Function| f.name == function.name && f.args == function.args;
            assert_eq!(FUNCTIONS.iter().position(same), Some(i), "{} is there twice", function.name);
        }
    }
}
