//! Caps on what a file or a rule can make a module do, each with its reason.

/// Answers about ranges of the file that are kept for the next rule that asks, all forgotten when there are more. Rule
/// sets ask for a handful (`hash.md5(0, filesize)`); rules that loop over offsets must not fill the memory.
pub const MAX_REMEMBERED: usize = 256;

/// Bytes of console messages kept for one file: enough to debug rules, harmless when a loop logs every byte.
pub const MAX_CONSOLE_BYTES: usize = 1 << 20;

/// Sections of a PE file: what the Windows loader accepts.
pub const MAX_SECTIONS: usize = 96;

/// Bytes of a section name in the COFF string table, so that 96 names without an end don't cost 96 times the file.
pub const MAX_SECTION_NAME: usize = 1 << 16;

/// Entries of the data directory that mean anything.
pub const MAX_DATA_DIRECTORIES: usize = 16;

/// Imported libraries, functions of one of them, and functions of all: above it no further library is read. Ordinary
/// files have hundreds.
pub const MAX_IMPORTS: usize = 16_384;

/// Thunks looked at in all libraries, named or not: tables that overlap would otherwise multiply.
pub const MAX_THUNKS: usize = 16 * MAX_IMPORTS;

/// Exported functions; the largest system libraries have under 4,000.
pub const MAX_EXPORTS: usize = 16_384;

/// Bytes of an imported or exported function's name. Decorated C++ names stay below.
pub const MAX_FUNCTION_NAME: usize = 1_024;

/// Bytes of a library's name.
pub const MAX_LIBRARY_NAME: usize = 512;

/// Resources.
pub const MAX_RESOURCES: usize = 65_536;

/// Entries of resource directories looked at: directories that contain each other would otherwise multiply.
pub const MAX_RESOURCE_ENTRIES: usize = 4 * MAX_RESOURCES;

/// Characters of a resource's name.
pub const MAX_RESOURCE_NAME: u16 = 1_000;

/// Version resources read: each may be 64 KiB of strings, and many entries may share one.
pub const MAX_VERSION_RESOURCES: usize = 32;

/// Key-value pairs of all version resources.
pub const MAX_VERSION_STRINGS: usize = 16_384;

/// Bytes of the rich header; linkers write a few hundred.
pub const MAX_RICH_HEADER: usize = 1 << 16;

/// Entries of the debug directory; linkers write up to ten.
pub const MAX_DEBUG_ENTRIES: usize = 1_024;

/// Signatures of a file, nested ones included: two or three in practice.
pub const MAX_SIGNATURES: usize = 64;

/// Signatures within signatures.
pub const MAX_SIGNATURE_DEPTH: u32 = 4;

/// Certificates of one signature, those of its countersignatures included: about ten in practice.
pub const MAX_CERTIFICATES: usize = 64;

/// Certificates of a chain: two to four in practice.
pub const MAX_CHAIN: usize = 16;

/// Countersignatures of one signature: one or two in practice.
pub const MAX_COUNTERSIGNATURES: usize = 16;

/// Bytes of one signature that are read: real ones have 5 to 30 KiB.
pub const MAX_SIGNATURE_BYTES: usize = 1 << 22;

/// Elements within elements of unknown length that are searched for their end.
pub const MAX_BER_DEPTH: u32 = 16;

/// Streams of .NET metadata; compilers write five, obfuscators some hundred.
pub const MAX_DOTNET_STREAMS: usize = 256;

/// Rows of a table of .NET metadata that are listed; the largest libraries have about 50,000 methods.
pub const MAX_DOTNET_ROWS: usize = 1 << 16;

/// Bytes of a name in .NET metadata. The standard allows 1,023, obfuscators write more.
pub const MAX_DOTNET_NAME: usize = 1 << 14;

/// User strings of an assembly.
pub const MAX_DOTNET_USER_STRINGS: usize = 1 << 18;

/// Types within types in a signature, and names before a nested class's.
pub const MAX_DOTNET_DEPTH: usize = 16;

/// Dimensions of an array; the languages allow 32.
pub const MAX_DOTNET_DIMENSIONS: usize = 50;

/// Arguments of a generic type or a pointer to a function.
pub const MAX_DOTNET_ARGUMENTS: u32 = 1_000;

/// Strings of a Dalvik executable, and entries of its tables looked at; the largest have some 100,000.
pub const MAX_DEX_STRINGS: usize = 1_000_000;

/// Fields, methods, classes and entries of the map that are listed: the instructions can name no more.
pub const MAX_DEX_ITEMS: usize = 1 << 16;

/// Signatures of one file that are verified, those of certificates included: up to thirty in practice, each of which may
/// take a millisecond.
pub const MAX_VERIFICATIONS: usize = 48;

/// Bytes of a certificate or of attributes that are signed; real ones have up to some thousand.
pub const MAX_SIGNED_BYTES: usize = 1 << 16;

/// Bytes of an encoded name in a certificate; real ones have some hundred.
pub const MAX_DISTINGUISHED_NAME: usize = 1 << 13;

/// Bytes of an RSA modulus: 4,096 bits, as much as authorities issue.
pub const MAX_RSA_BYTES: usize = 512;

/// Work that a file may cost one module: about the bytes of names that are looked at and of the values that are made. So
/// much for each byte of the file, at least and at most; what would take more is left out of lists, or undefined. The
/// hostile files of the benches take up to two instructions for a unit, hence some 50 milliseconds at most.
pub const ALLOWANCE_FACTOR: usize = 32;
/// See [`ALLOWANCE_FACTOR`].
pub const ALLOWANCE_MIN: usize = 1 << 23;
/// See [`ALLOWANCE_FACTOR`].
pub const ALLOWANCE_MAX: usize = 1 << 26;

/// Symbols of an ELF file: a value takes many times its bytes in the file. Programs
/// with debug information have some hundred thousand.
pub const MAX_SYMBOLS: usize = 1 << 19;

/// Dynamic entries of all segments, which may overlap; linkers write some dozen.
pub const MAX_DYNAMIC: usize = 1 << 16;

/// Architectures of a Mach-O file that are listed: some of Java's files begin as if they had thousands.
pub const MAX_FAT_ARCHITECTURES: usize = 1_024;

/// Files in a Mach-O file for several architectures: up to five in practice, and they may overlap.
pub const MAX_MACHO_FILES: usize = 32;

/// How often their bytes may be those of the whole; one that goes beyond is left out.
pub const MAX_MACHO_OVERLAP: usize = 4;

/// Bytes of load commands of one Mach-O file; the largest have about 100 KiB.
pub const MAX_MACHO_COMMAND_BYTES: usize = 1 << 20;

/// Options for the linker in one Mach-O file: each takes many times its bytes, which may be one. Swift writes some dozen.
pub const MAX_LINKER_OPTIONS: usize = 1 << 12;

/// Symbols of a Mach-O file that are looked at, names it exports or imports, and branches of a table of names that are
/// still to be followed: programs with debug information have about 900,000 symbols.
pub const MAX_MACHO_SYMBOLS: usize = 1 << 20;

/// Parts of a code signature: about five in practice.
pub const MAX_CODE_BLOBS: usize = 64;

/// Bytes of entitlements that are read, and elements in them; real ones have under 4 KiB.
pub const MAX_ENTITLEMENT_BYTES: usize = 1 << 18;
/// See [`MAX_ENTITLEMENT_BYTES`].
pub const MAX_ENTITLEMENT_NODES: u32 = 1 << 16;

/// Bytes of a report for a module. Those of sandboxes have up to some hundred megabytes, nearly all of it calls that are
/// passed over.
pub const MAX_REPORT_BYTES: u64 = 1 << 29;

/// Entries of a list in JSON, of which a report or manifest has a dozen; ordinary ones have up to some thousand.
pub const MAX_JSON_ENTRIES: usize = 1 << 18;

/// Kinds of code in a report; Koodous knows about twenty.
pub const MAX_REPORT_KINDS: usize = 64;

/// Pieces of code of one kind in a report; ordinary ones have up to some hundred.
pub const MAX_REPORT_PIECES: usize = 1 << 14;

/// Entries of a ZIP archive that are listed; the largest Java archives have about 100,000.
pub const MAX_ZIP_ENTRIES: usize = 1 << 18;

/// Bytes of a file in an extension that is unpacked. Manifests have some kilobytes, messages up to some hundred.
pub const MAX_CRX_FILE: usize = 1 << 24;

/// Messages of an extension in one language; ordinary ones have up to some thousand.
pub const MAX_CRX_MESSAGES: usize = 1 << 16;

/// Bytes of an extension's header, or of a key or signature in it. Ordinary ones have one or two thousand.
pub const MAX_CRX_HEADER: usize = 1 << 20;

/// Signatures of an extension; the web store writes three.
pub const MAX_CRX_SIGNATURES: usize = 64;

/// Groups within groups of a protocol buffer, which nobody writes any more.
pub const MAX_PROTOBUF_DEPTH: usize = 64;

/// Bytes of a range of the file that are looked at between two questions whether anyone still wants to know: some hundred
/// microseconds.
pub(crate) const PIECE: usize = 1 << 17;
