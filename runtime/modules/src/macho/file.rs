//! Headers, and where load commands say that the tables are.

use crate::limits::{MAX_FAT_ARCHITECTURES, MAX_MACHO_COMMAND_BYTES};
use crate::reader::{Order, Reader, Width, range};

use Width::{Int, Word};

pub(super) const LC_SEGMENT: u64 = 0x1;
pub(super) const LC_SYMTAB: u64 = 0x2;
pub(super) const LC_UNIXTHREAD: u64 = 0x5;
pub(super) const LC_DYSYMTAB: u64 = 0xb;
pub(super) const LC_LOAD_DYLIB: u64 = 0xc;
pub(super) const LC_ID_DYLIB: u64 = 0xd;
pub(super) const LC_LOAD_DYLINKER: u64 = 0xe;
pub(super) const LC_ID_DYLINKER: u64 = 0xf;
pub(super) const LC_LOAD_WEAK_DYLIB: u64 = 0x8000_0018;
pub(super) const LC_SEGMENT_64: u64 = 0x19;
pub(super) const LC_UUID: u64 = 0x1b;
pub(super) const LC_RPATH: u64 = 0x8000_001c;
pub(super) const LC_CODE_SIGNATURE: u64 = 0x1d;
pub(super) const LC_REEXPORT_DYLIB: u64 = 0x8000_001f;
pub(super) const LC_LAZY_LOAD_DYLIB: u64 = 0x20;
pub(super) const LC_DYLD_INFO: u64 = 0x22;
pub(super) const LC_DYLD_INFO_ONLY: u64 = 0x8000_0022;
pub(super) const LC_LOAD_UPWARD_DYLIB: u64 = 0x8000_0023;
pub(super) const LC_VERSION_MIN_MACOSX: u64 = 0x24;
pub(super) const LC_VERSION_MIN_IPHONEOS: u64 = 0x25;
pub(super) const LC_DYLD_ENVIRONMENT: u64 = 0x27;
pub(super) const LC_MAIN: u64 = 0x8000_0028;
pub(super) const LC_SOURCE_VERSION: u64 = 0x2a;
pub(super) const LC_LINKER_OPTION: u64 = 0x2d;
pub(super) const LC_VERSION_MIN_TVOS: u64 = 0x2f;
pub(super) const LC_VERSION_MIN_WATCHOS: u64 = 0x30;
pub(super) const LC_BUILD_VERSION: u64 = 0x32;
pub(super) const LC_DYLD_EXPORTS_TRIE: u64 = 0x8000_0033;
pub(super) const LC_DYLD_CHAINED_FIXUPS: u64 = 0x8000_0034;

/// A file for one architecture.
pub(super) struct File<'a> {
    /// All of it, from the header on: offsets count from here.
    pub(super) data: &'a [u8],
    pub(super) order: Order,
    /// Its bytes in the order they are in.
    pub(super) magic: u64,
    /// Processor and its kind, kind of file, number of commands and of their bytes, and flags.
    pub(super) numbers: [u64; 6],
    /// The last field, which only files of 64 bits have.
    pub(super) reserved: Option<u64>,
    commands: &'a [u8],
}

/// Where tables are: offsets and sizes as commands state them, of the last command of each kind.
#[derive(Default)]
pub(super) struct Tables {
    /// Symbols, how many, strings, and their size.
    pub(super) symbols: Option<[u64; 4]>,
    /// Rebasing, binding, weak and lazy binding, exports.
    pub(super) dyld_info: Option<[u64; 10]>,
    pub(super) exports: Option<[u64; 2]>,
    pub(super) fixups: Option<[u64; 2]>,
    pub(super) signature: Option<[u64; 2]>,
}

impl<'a> File<'a> {
    /// `None` if there is no whole header.
    pub(super) fn parse(data: &'a [u8]) -> Option<Self> {
        let (magic, order, mut reader) = begin(data, [0xfeed_face, 0xfeed_facf, 0xcefa_edfe, 0xcffa_edfe])?;
        let numbers = order.read(&mut reader, [Int; 6])?;
        let reserved = if order.wide { Some(order.read(&mut reader, [Int])?) } else { None };
        let rest = reader.rest();
        Some(File {
            data,
            order,
            magic,
            numbers,
            reserved: reserved.map(|[number]| number),
            commands: rest.get(..MAX_MACHO_COMMAND_BYTES).unwrap_or(rest),
        })
    }

    /// The kind and content of each load command, up to the first that is not all there.
    pub(super) fn commands(&self) -> impl Iterator<Item = (u64, &'a [u8])> {
        let (order, mut reader) = (self.order, Reader::new(self.commands));
        let [_, _, _, count, _, _] = self.numbers;
        (0..count).map_while(move |_| {
            let [kind, size] = order.read(&mut reader, [Int; 2])?;
            Some((kind, reader.take(usize::try_from(size.saturating_sub(8)).ok()?)?))
        })
    }

    pub(super) fn tables(&self) -> Tables {
        let mut tables = Tables::default();
        for (kind, content) in self.commands() {
            match kind {
                LC_SYMTAB => self.update(&mut tables.symbols, content),
                LC_DYLD_INFO | LC_DYLD_INFO_ONLY => self.update(&mut tables.dyld_info, content),
                LC_DYLD_EXPORTS_TRIE => self.update(&mut tables.exports, content),
                LC_DYLD_CHAINED_FIXUPS => self.update(&mut tables.fixups, content),
                LC_CODE_SIGNATURE => self.update(&mut tables.signature, content),
                _ => {}
            }
        }
        tables
    }

    fn update<const N: usize>(&self, table: &mut Option<[u64; N]>, content: &[u8]) {
        *table = self.order.read(&mut Reader::new(content), [Int; N]).or(*table);
    }
}

/// The header of a file for several architectures.
pub(super) struct Fat {
    /// Its bytes in the order they are in.
    pub(super) magic: u64,
    pub(super) count: u64,
    /// Of each, processor and its kind, offset, size, alignment, and a number without meaning.
    pub(super) architectures: Vec<[u64; 6]>,
}

impl Fat {
    /// `None` if the table of architectures is not all there.
    pub(super) fn parse(data: &[u8]) -> Option<Self> {
        let (magic, order, mut reader) = begin(data, [0xcafe_babe, 0xcafe_babf, 0xbeba_feca, 0xbfba_feca])?;
        let [count] = order.read(&mut reader, [Int])?;
        let size: u64 = if order.wide { 32 } else { 20 };
        range(reader.rest(), 0, count.checked_mul(size)?)?;
        let architecture = |_| {
            let [processor, kind, offset, size, alignment] =
                order.read(&mut reader, [Int, Int, Word, Word, Int])?;
            let [reserved] = if order.wide { order.read(&mut reader, [Int])? } else { [0] };
            Some([processor, kind, offset, size, alignment, reserved])
        };
        let architectures = (0..count).map_while(architecture).take(MAX_FAT_ARCHITECTURES).collect();
        Some(Fat { magic, count, architectures })
    }
}

/// The first four bytes, the first one most significant, what they say about the numbers after them, and these. They are
/// one of four: big-endian with 32 and 64 bits, little-endian with 32 and 64 bits.
fn begin(data: &[u8], magics: [u32; 4]) -> Option<(u64, Order, Reader<'_>)> {
    let mut reader = Reader::new(data);
    let magic = reader.u32()?.swap_bytes();
    let at = magics.iter().position(|&known| known == magic)?;
    Some((magic.into(), Order { big: at < 2, wide: at & 1 == 1 }, reader))
}
