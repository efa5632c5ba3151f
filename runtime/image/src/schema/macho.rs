//! The `macho` module: executables, libraries and objects of Apple's systems.

mod constants;

use super::{Field, Function, Module, Type};

/// The schema of `macho`.
pub const MODULE: Module =
    Module { name: "macho", fields: FIELDS, constants: constants::CONSTANTS, functions: FUNCTIONS };

const INT: Type = Type::Int;
const STR: Type = Type::Str;
const BOOL: Type = Type::Bool;

const FIELDS: &[Field] = &with_architectures();

/// What a file for one architecture has.
const FILE: [Field; 28] = [
    field("magic", INT),
    field("cputype", INT),
    field("cpusubtype", INT),
    field("filetype", INT),
    field("ncmds", INT),
    field("sizeofcmds", INT),
    field("flags", INT),
    field("reserved", INT),
    field("number_of_segments", INT),
    field("dynamic_linker", STR),
    field("entry_point", INT),
    field("stack_size", INT),
    field("source_version", STR),
    field("symtab", Type::Struct(SYMTAB)),
    field("dysymtab", Type::Struct(DYSYMTAB)),
    field("code_signature_data", Type::Struct(&[field("dataoff", INT), field("datasize", INT)])),
    field("segments", Type::Array(&SEGMENT)),
    field("dylibs", Type::Array(&DYLIB)),
    field("dyld_info", Type::Struct(DYLD_INFO)),
    field("rpaths", Type::Array(&STR)),
    field("entitlements", Type::Array(&STR)),
    field("certificates", Type::Array(&CERTIFICATE)),
    field("uuid", STR),
    field("build_version", Type::Struct(BUILD_VERSION)),
    field("min_version", Type::Struct(&[field("device", INT), field("version", STR), field("sdk", STR)])),
    field("exports", Type::Array(&STR)),
    field("imports", Type::Array(&STR)),
    field("linker_options", Type::Array(&STR)),
];

/// What a file for several architectures has; of one for a single architecture these stay undefined.
const ARCHITECTURES: [Field; 4] = [
    field("fat_magic", INT),
    field("nfat_arch", INT),
    field("fat_arch", Type::Array(&FAT_ARCH)),
    field("file", Type::Array(&Type::Struct(&FILE))),
];

const fn with_architectures() -> [Field; FILE.len() + ARCHITECTURES.len()] {
    let mut fields = [FILE[0]; FILE.len() + ARCHITECTURES.len()];
    let mut i = 0;
    while i < fields.len() {
        fields[i] = if i < FILE.len() { FILE[i] } else { ARCHITECTURES[i - FILE.len()] };
        i += 1;
    }
    fields
}

const SYMTAB: &[Field] = &[
    field("symoff", INT),
    field("nsyms", INT),
    field("stroff", INT),
    field("strsize", INT),
    field("entries", Type::Array(&STR)),
    field("nlists", Type::Array(&NLIST)),
];

const NLIST: Type = Type::Struct(&[
    field("n_strx", INT),
    field("n_type", INT),
    field("n_sect", INT),
    field("n_desc", INT),
    field("n_value", INT),
]);

const DYSYMTAB: &[Field] = &[
    field("ilocalsym", INT),
    field("nlocalsym", INT),
    field("iextdefsym", INT),
    field("nextdefsym", INT),
    // Of the schema of YARA-X, which reads the next fields from where these are.
    field("iundefsym", INT),
    field("nundefsym", INT),
    field("tocoff", INT),
    field("ntoc", INT),
    field("modtaboff", INT),
    field("nmodtab", INT),
    field("extrefsymoff", INT),
    field("nextrefsyms", INT),
    field("indirectsymoff", INT),
    field("nindirectsyms", INT),
    field("extreloff", INT),
    field("nextrel", INT),
    field("locreloff", INT),
    field("nlocrel", INT),
];

const SEGMENT: Type = Type::Struct(&[
    field("segname", STR),
    field("vmaddr", INT),
    field("vmsize", INT),
    field("fileoff", INT),
    field("filesize", INT),
    field("maxprot", INT),
    field("initprot", INT),
    field("nsects", INT),
    field("flags", INT),
    field("sections", Type::Array(&SECTION)),
]);

const SECTION: Type = Type::Struct(&[
    field("segname", STR),
    field("sectname", STR),
    field("addr", INT),
    field("size", INT),
    field("offset", INT),
    field("align", INT),
    field("reloff", INT),
    field("nreloc", INT),
    field("flags", INT),
    field("reserved1", INT),
    field("reserved2", INT),
    field("reserved3", INT),
]);

const DYLIB: Type = Type::Struct(&[
    field("name", STR),
    field("timestamp", INT),
    field("compatibility_version", STR),
    field("current_version", STR),
]);

const DYLD_INFO: &[Field] = &[
    field("rebase_off", INT),
    field("rebase_size", INT),
    field("bind_off", INT),
    field("bind_size", INT),
    field("weak_bind_off", INT),
    field("weak_bind_size", INT),
    field("lazy_bind_off", INT),
    field("lazy_bind_size", INT),
    field("export_off", INT),
    field("export_size", INT),
];

const CERTIFICATE: Type =
    Type::Struct(&[field("issuer", STR), field("subject", STR), field("is_self_signed", BOOL)]);

const BUILD_VERSION: &[Field] = &[
    field("platform", INT),
    field("minos", STR),
    field("sdk", STR),
    field("ntools", INT),
    field("tools", Type::Array(&Type::Struct(&[field("tool", INT), field("version", STR)]))),
];

const FAT_ARCH: Type = Type::Struct(&[
    field("cputype", INT),
    field("cpusubtype", INT),
    field("offset", INT),
    field("size", INT),
    field("align", INT),
    field("reserved", INT),
]);

const FUNCTIONS: &[Function] = &[
    // By processor, or by processor and its kind.
    function("file_index_for_arch", &[INT], INT),
    function("file_index_for_arch", &[INT, INT], INT),
    function("entry_point_for_arch", &[INT], INT),
    function("entry_point_for_arch", &[INT, INT], INT),
    function("has_dylib", &[STR], BOOL),
    function("has_rpath", &[STR], BOOL),
    function("has_entitlement", &[STR], BOOL),
    function("has_import", &[STR], BOOL),
    function("has_export", &[STR], BOOL),
    function("dylib_hash", &[], STR),
    function("entitlement_hash", &[], STR),
    function("import_hash", &[], STR),
    function("export_hash", &[], STR),
    function("symhash", &[], STR),
];

const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, ty }
}

const fn function(name: &'static str, args: &'static [Type], result: Type) -> Function {
    Function { name, args, result }
}
