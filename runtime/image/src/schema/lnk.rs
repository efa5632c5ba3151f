//! The `lnk` module: shortcuts of Windows.

use super::{Constant, Field, Module, Type};

/// The schema of `lnk`.
pub const MODULE: Module = Module { name: "lnk", fields: FIELDS, constants: CONSTANTS, functions: &[] };

const INT: Type = Type::Int;
const STR: Type = Type::Str;

const FIELDS: &[Field] = &[
    field("is_lnk", Type::Bool),
    field("name", STR),
    field("creation_time", INT),
    field("access_time", INT),
    field("write_time", INT),
    field("file_size", INT),
    field("file_attributes", INT),
    field("icon_location", STR),
    field("icon_index", INT),
    field("show_command", INT),
    field("drive_type", INT),
    field("drive_serial_number", INT),
    field("volume_label", STR),
    field("local_base_path", STR),
    field("common_path_suffix", STR),
    field("relative_path", STR),
    field("working_dir", STR),
    field("cmd_line_args", STR),
    field("overlay_size", INT),
    field("overlay_offset", INT),
    field("tracker_data", Type::Struct(TRACKER_DATA)),
    field("target_id_list", Type::Array(&SHELL_ITEM)),
];

const TRACKER_DATA: &[Field] = &[
    field("version", INT),
    field("machine_id", STR),
    field("droid_volume_id", STR),
    field("droid_file_id", STR),
    field("droid_birth_volume_id", STR),
    field("droid_birth_file_id", STR),
];

const SHELL_ITEM: Type = Type::Struct(&[
    field("item_type", INT),
    field("data", STR),
    field("cpl_file_path", STR),
    field("root_folder_id", STR),
    field("volume_name", STR),
    field("volume_id", STR),
    field("file_entry_name", STR),
    field("network_location", STR),
]);

#[rustfmt::skip]
const CONSTANTS: &[Constant] = &[
    // Bits of `file_attributes`.
    constant("FILE_ATTRIBUTE_READONLY", 0x1),
    constant("FILE_ATTRIBUTE_HIDDEN", 0x2),
    constant("FILE_ATTRIBUTE_SYSTEM", 0x4),
    constant("RESERVED_1", 0x8),
    constant("FILE_ATTRIBUTE_DIRECTORY", 0x10),
    constant("FILE_ATTRIBUTE_ARCHIVE", 0x20),
    constant("RESERVED_2", 0x40),
    constant("FILE_ATTRIBUTE_NORMAL", 0x80),
    constant("FILE_ATTRIBUTE_TEMPORARY", 0x100),
    constant("FILE_ATTRIBUTE_SPARSE_FILE", 0x200),
    constant("FILE_ATTRIBUTE_REPARSE_POINT", 0x400),
    constant("FILE_ATTRIBUTE_COMPRESSED", 0x800),
    constant("FILE_ATTRIBUTE_OFFLINE", 0x1000),
    constant("FILE_ATTRIBUTE_NOT_CONTENT_INDEXED", 0x2000),
    constant("FILE_ATTRIBUTE_ENCRYPTED", 0x4000),
    // How the window is shown (`show_command`).
    constant("ShowCommand.NORMAL", 1),
    constant("ShowCommand.MAXIMIZED", 3),
    constant("ShowCommand.MIN_NO_ACTIVE", 7),
    // Kinds of drives (`drive_type`).
    constant("DriveType.UNKNOWN", 0),
    constant("DriveType.NO_ROOT_DIR", 1),
    constant("DriveType.REMOVABLE", 2),
    constant("DriveType.FIXED", 3),
    constant("DriveType.REMOTE", 4),
    constant("DriveType.CDROM", 5),
    constant("DriveType.RAMDISK", 6),
    // Kinds of items on the way to the target (`target_id_list[i].item_type`).
    constant("ShellItemType.CONTROL_PANEL_CPL", 0x00),
    constant("ShellItemType.CONTROL_PANEL_CATEGORY", 0x01),
    constant("ShellItemType.ROOT_FOLDER", 0x1f),
    constant("ShellItemType.VOLUME", 0x20),
    constant("ShellItemType.FILE_ENTRY", 0x30),
    constant("ShellItemType.NETWORK_LOCATION", 0x40),
    constant("ShellItemType.COMPRESSED_FOLDER", 0x52),
    constant("ShellItemType.URI", 0x61),
    constant("ShellItemType.CONTROL_PANEL", 0x71),
    constant("ShellItemType.PRINTERS", 0x72),
    constant("ShellItemType.COMMON_PLACES_FOLDER", 0x73),
    constant("ShellItemType.USERS_FILES_FOLDER", 0x74),
];

const fn field(name: &'static str, ty: Type) -> Field {
    Field { name, ty }
}

const fn constant(name: &'static str, value: i64) -> Constant {
    Constant { name, value }
}
