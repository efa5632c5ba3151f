//! The module schema: names, types and ids of everything a rule can ask of a module.
//!
//! The compiler resolves names and types against it, the runtime fills it in, and its [`fingerprint`] in the image
//! header makes a database that was built against another schema a named error instead of a wrong answer.

mod androguard;
mod console;
mod crx;
mod cuckoo;
mod dex;
mod dotnet;
mod elf;
mod hash;
mod lnk;
mod macho;
pub mod math;
mod pe;
mod string;
mod time;
mod zip;

use crate::class::FileClass;

/// The type of a value a rule can see.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Type {
    /// 64-bit signed integer.
    Int,
    /// 64-bit float.
    Float,
    /// Boolean.
    Bool,
    /// Bytes.
    Str,
    /// A regular expression; only as an argument.
    Regex,
    /// A structure.
    Struct(&'static [Field]),
    /// An array, indexed from 0.
    Array(&'static Type),
    /// A map with string keys.
    Map(&'static Type),
}

/// A field of a structure; its id is its position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// As rules write it.
    pub name: &'static str,
    /// Its type.
    pub ty: Type,
}

/// A named integer of a module, folded at compile time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constant {
    /// As rules write it after the module's name; a dot stands after the name of an enumeration (`DriveType.FIXED`).
    pub name: &'static str,
    /// Its value.
    pub value: i64,
}

/// A function; overloads are several entries with one name and different arguments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Function {
    /// As rules write it after the module's name; dots lead into nested structures (`rich_signature.version`).
    pub name: &'static str,
    /// Argument types.
    pub args: &'static [Type],
    /// Result type; every function may also answer *undefined*.
    pub result: Type,
}

/// A module; the id of a function is its position.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Module {
    /// As rules import it.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
    /// Its constants.
    pub constants: &'static [Constant],
    /// Its functions.
    pub functions: &'static [Function],
}

/// Every module this version knows; the id of a module is its position.
pub const MODULES: &[Module] = &[
    console::MODULE,
    dex::MODULE,
    dotnet::MODULE,
    elf::MODULE,
    hash::MODULE,
    math::MODULE,
    pe::MODULE,
    string::MODULE,
    time::MODULE,
    macho::MODULE,
    lnk::MODULE,
    crx::MODULE,
    cuckoo::MODULE,
    androguard::MODULE,
    zip::MODULE,
];

/// What the files begin with that modules read. Of any other file a module says the same, whatever is in it.
const BEGINNINGS: &[(&str, &[&[u8]])] = &[
    ("crx", &[b"Cr24"]),
    ("dex", &[b"dex\n"]),
    ("dotnet", &[FileClass::Pe.magic()]),
    ("elf", &[FileClass::Elf.magic()]),
    ("lnk", &[b"\x4c\0\0\0"]),
    (
        "macho",
        &[
            b"\xfe\xed\xfa\xce",
            b"\xfe\xed\xfa\xcf",
            b"\xce\xfa\xed\xfe",
            b"\xcf\xfa\xed\xfe",
            b"\xca\xfe\xba\xbe",
            b"\xca\xfe\xba\xbf",
            b"\xbe\xba\xfe\xca",
            b"\xbf\xba\xfe\xca",
        ],
    ),
    ("pe", &[FileClass::Pe.magic()]),
    // Their directory stands at the end, and anything may stand before it.
    ("zip", &[b""]),
];

fn beginnings(module: u16) -> Option<&'static [&'static [u8]]> {
    let name = MODULES.get(usize::from(module))?.name;
    BEGINNINGS.iter().find_map(|(of, beginnings)| (*of == name).then_some(*beginnings))
}

/// Whether the fields of a module are those of files.
pub fn reads_file(module: u16) -> bool {
    beginnings(module).is_some()
}

/// Whether of a file that begins with `head` a module may say more, or something else, than of `head` alone.
pub fn needs_rest(module: u16, head: &[u8]) -> bool {
    beginnings(module).is_some_and(|beginnings| beginnings.iter().any(|magic| head.starts_with(magic)))
}

/// Whether a function of a module looks at the scanned bytes, be it in a file that the module reads or in any.
pub fn call_reads_file(module: u16, function: u16) -> bool {
    reads_file(module) || reads_ranges(module, function)
}

/// As [`needs_rest`], for what a function says.
pub fn call_needs_rest(module: u16, function: u16, head: &[u8]) -> bool {
    reads_ranges(module, function) || needs_rest(module, head)
}

/// Whether a function looks at ranges of the scanned bytes, or at all of them, whatever they are.
fn reads_ranges(module: u16, function: u16) -> bool {
    let Some(schema) = MODULES.get(usize::from(module)) else { return false };
    let Some(function) = schema.functions.get(usize::from(function)) else { return false };
    match schema.name {
        "hash" => !function.args.contains(&Type::Str),
        "math" => !math::ARITHMETIC.contains(&function.name) && !function.args.contains(&Type::Str),
        // Perhaps behind a text.
        "console" => function.args.ends_with(&[Type::Int, Type::Int]),
        _ => false,
    }
}

/// The id of the module called `name`.
pub fn module_id(name: &str) -> Option<u16> {
    MODULES.iter().position(|m| m.name == name).and_then(|i| u16::try_from(i).ok())
}

/// SHA-256 over a canonical text of [`MODULES`]. It is written down because every opening of a database asks for it, and a
/// test compares it.
pub const FINGERPRINT: [u8; 32] = [
    0x65, 0xef, 0xe3, 0x5d, 0x15, 0x29, 0x08, 0x90, 0x8d, 0x5e, 0x1a, 0xd4, 0x8a, 0xf0, 0x3b, 0xfc, 0xbc,
    0x03, 0xec, 0x36, 0xc8, 0x80, 0x8b, 0x05, 0xdd, 0x7f, 0x0a, 0x26, 0x9a, 0x77, 0x48, 0x77,
];

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    #[test]
    fn the_fingerprint_is_that_of_the_modules() {
        let fingerprint: [u8; 32] = Sha256::digest(format!("{MODULES:?}")).into();
        assert_eq!(FINGERPRINT, fingerprint, "the modules changed: write {fingerprint:#04x?}");
    }
}
