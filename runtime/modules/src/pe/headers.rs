//! The headers of a PE file: DOS, COFF, optional, and the section table.

use crate::limits::{MAX_DATA_DIRECTORIES, MAX_SECTION_NAME, MAX_SECTIONS};
use crate::reader::Reader;

/// `opthdr_magic` of 32-bit images.
pub(super) const MAGIC_32: u16 = 0x10b;
/// `opthdr_magic` of 64-bit images. Every other value is read as 32-bit.
pub(super) const MAGIC_64: u16 = 0x20b;
/// `characteristics` of libraries.
pub(super) const CHARACTERISTIC_DLL: u16 = 0x2000;

const SIZE_OF_COFF_HEADER: usize = 24;
const SIZE_OF_SYMBOL: u32 = 18;

/// All headers.
pub(super) struct Headers<'a> {
    /// Everything before the COFF header; the rich header is in it.
    pub(super) dos_stub: &'a [u8],
    pub(super) coff: Coff,
    /// All zero if the file ends within it.
    pub(super) optional: Optional,
    /// From the data directory to the end of the file.
    directories: &'a [u8],
    /// Those of the section table that are in the file.
    pub(super) sections: Vec<Section<'a>>,
}

/// The COFF header.
pub(super) struct Coff {
    pub(super) machine: u16,
    number_of_sections: u16,
    pub(super) timestamp: u32,
    pub(super) pointer_to_symbol_table: u32,
    pub(super) number_of_symbols: u32,
    pub(super) size_of_optional_header: u16,
    pub(super) characteristics: u16,
}

/// The optional header.
#[derive(Default)]
pub(super) struct Optional {
    pub(super) magic: u16,
    pub(super) linker_version: (u8, u8),
    pub(super) size_of_code: u32,
    pub(super) size_of_initialized_data: u32,
    pub(super) size_of_uninitialized_data: u32,
    pub(super) entry_point: u32,
    pub(super) base_of_code: u32,
    /// Not in 64-bit images.
    pub(super) base_of_data: Option<u32>,
    pub(super) image_base: u64,
    pub(super) section_alignment: u32,
    pub(super) file_alignment: u32,
    pub(super) os_version: (u16, u16),
    pub(super) image_version: (u16, u16),
    pub(super) subsystem_version: (u16, u16),
    pub(super) win32_version_value: u32,
    pub(super) size_of_image: u32,
    pub(super) size_of_headers: u32,
    pub(super) checksum: u32,
    pub(super) subsystem: u16,
    pub(super) dll_characteristics: u16,
    pub(super) size_of_stack_reserve: u64,
    pub(super) size_of_stack_commit: u64,
    pub(super) size_of_heap_reserve: u64,
    pub(super) size_of_heap_commit: u64,
    pub(super) loader_flags: u32,
    pub(super) number_of_rva_and_sizes: u32,
}

/// An entry of the section table.
pub(super) struct Section<'a> {
    /// Without the zeros at its end.
    pub(super) name: &'a [u8],
    /// From the string table if `name` is `/<offset>`, as GNU linkers write names of more than 8 bytes; else `name`.
    pub(super) full_name: &'a [u8],
    pub(super) virtual_size: u32,
    pub(super) virtual_address: u32,
    pub(super) raw_data_size: u32,
    pub(super) raw_data_offset: u32,
    pub(super) pointer_to_relocations: u32,
    pub(super) pointer_to_line_numbers: u32,
    pub(super) number_of_relocations: u16,
    pub(super) number_of_line_numbers: u16,
    pub(super) characteristics: u32,
}

/// An entry of the data directory.
#[derive(Clone, Copy)]
pub(super) struct Directory {
    pub(super) virtual_address: u32,
    pub(super) size: u32,
}

impl<'a> Headers<'a> {
    /// `None` if `data` is no PE file: `MZ` and `PE` are missing, or the COFF header is cut.
    pub(super) fn parse(data: &'a [u8]) -> Option<Self> {
        let mut dos = Reader::new(data);
        if dos.take(2)? != b"MZ" {
            return None;
        }
        dos.skip(0x3a)?;
        let (dos_stub, image) = data.split_at_checked(usize::try_from(dos.u32()?).ok()?)?;
        let mut reader = Reader::new(image);
        if reader.take(4)? != b"PE\0\0" {
            return None;
        }
        let coff = Coff::parse(&mut reader)?;
        let (optional, directories) = match Optional::parse(&mut reader) {
            Some(optional) => (optional, reader.rest()),
            None => (Optional::default(), Default::default()),
        };
        let symbols = coff.number_of_symbols.saturating_mul(SIZE_OF_SYMBOL);
        let strings = usize::try_from(coff.pointer_to_symbol_table.saturating_add(symbols)).ok();
        let strings = strings.and_then(|offset| data.get(offset..)).unwrap_or_default();
        let table = SIZE_OF_COFF_HEADER.saturating_add(coff.size_of_optional_header.into());
        let mut table = Reader::new(image.get(table..).unwrap_or_default());
        let wanted = usize::from(coff.number_of_sections).min(MAX_SECTIONS);
        let sections = (0..wanted).map_while(|_| Section::parse(&mut table, strings)).collect();
        Some(Headers { dos_stub, coff, optional, directories, sections })
    }

    /// Entry `index` of the data directory, even if `number_of_rva_and_sizes` says it isn't there: loaders read it.
    pub(super) fn directory(&self, index: usize) -> Option<Directory> {
        let at = index.checked_mul(8)?;
        Directory::parse(&mut Reader::new(self.directories.get(at..)?))
    }

    /// The entries `number_of_rva_and_sizes` tells of; none if the file ends within them.
    pub(super) fn directories(&self) -> Vec<Directory> {
        let wanted = usize::try_from(self.optional.number_of_rva_and_sizes).unwrap_or(usize::MAX);
        let mut reader = Reader::new(self.directories);
        let entries: Option<_> =
            (0..wanted.min(MAX_DATA_DIRECTORIES)).map(|_| Directory::parse(&mut reader)).collect();
        entries.unwrap_or_default()
    }

    /// Whether addresses in tables have 64 bits.
    pub(super) fn is_64bit(&self) -> bool {
        self.optional.magic == MAGIC_64
    }

    /// The file offset of a relative virtual address; it may be past the end of the file.
    pub(super) fn rva_to_offset(&self, rva: u32) -> Option<u32> {
        // Below all sections are the headers, which are mapped as they are.
        if self.sections.iter().map(|s| s.virtual_address).min().is_some_and(|lowest| rva < lowest) {
            return Some(rva);
        }
        // Of the sections that hold the address, that with the highest start; of equal ones, the last. Some files
        // have more bytes in the file than in memory, so the larger size counts.
        let holds = |s: &&Section<'_>| {
            let size = s.virtual_size.max(s.raw_data_size);
            (s.virtual_address..s.virtual_address.saturating_add(size)).contains(&rva)
        };
        let section = self.sections.iter().filter(holds).max_by_key(|s| s.virtual_address)?;
        let within = rva.checked_sub(section.virtual_address)?;
        // In memory only.
        if within >= section.raw_data_size {
            return None;
        }
        Some(self.aligned(section.raw_data_offset).saturating_add(within))
    }

    /// Where the loader reads a section: file alignments above a sector count as one sector, and pages of the usual
    /// size or more are read from a sector's start.
    fn aligned(&self, offset: u32) -> u32 {
        const SECTOR: u32 = 0x200;
        const PAGE: u32 = 0x1000;
        let down = |offset: u32, to: u32| offset.saturating_sub(offset.checked_rem(to).unwrap_or(0));
        let offset = down(offset, self.optional.file_alignment.min(SECTOR));
        if self.optional.section_alignment >= PAGE { down(offset, SECTOR) } else { offset }
    }
}

impl Coff {
    fn parse(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Coff {
            machine: reader.u16()?,
            number_of_sections: reader.u16()?,
            timestamp: reader.u32()?,
            pointer_to_symbol_table: reader.u32()?,
            number_of_symbols: reader.u32()?,
            size_of_optional_header: reader.u16()?,
            characteristics: reader.u16()?,
        })
    }
}

impl Optional {
    fn parse(reader: &mut Reader<'_>) -> Option<Self> {
        let magic = reader.u16()?;
        let wide = magic == MAGIC_64;
        let word = |reader: &mut Reader<'_>| if wide { reader.u64() } else { reader.u32().map(u64::from) };
        // In the order of the file.
        Some(Optional {
            magic,
            linker_version: (reader.u8()?, reader.u8()?),
            size_of_code: reader.u32()?,
            size_of_initialized_data: reader.u32()?,
            size_of_uninitialized_data: reader.u32()?,
            entry_point: reader.u32()?,
            base_of_code: reader.u32()?,
            base_of_data: if wide { None } else { Some(reader.u32()?) },
            image_base: word(reader)?,
            section_alignment: reader.u32()?,
            file_alignment: reader.u32()?,
            os_version: (reader.u16()?, reader.u16()?),
            image_version: (reader.u16()?, reader.u16()?),
            subsystem_version: (reader.u16()?, reader.u16()?),
            win32_version_value: reader.u32()?,
            size_of_image: reader.u32()?,
            size_of_headers: reader.u32()?,
            checksum: reader.u32()?,
            subsystem: reader.u16()?,
            dll_characteristics: reader.u16()?,
            size_of_stack_reserve: word(reader)?,
            size_of_stack_commit: word(reader)?,
            size_of_heap_reserve: word(reader)?,
            size_of_heap_commit: word(reader)?,
            loader_flags: reader.u32()?,
            number_of_rva_and_sizes: reader.u32()?,
        })
    }
}

impl<'a> Section<'a> {
    fn parse(reader: &mut Reader<'a>, strings: &'a [u8]) -> Option<Self> {
        let name = reader.take(8)?;
        let end = name.iter().rposition(|&b| b != 0).map_or(0, |last| last.saturating_add(1));
        let name = name.get(..end)?;
        Some(Section {
            name,
            full_name: long_name(name, strings).unwrap_or(name),
            virtual_size: reader.u32()?,
            virtual_address: reader.u32()?,
            raw_data_size: reader.u32()?,
            raw_data_offset: reader.u32()?,
            pointer_to_relocations: reader.u32()?,
            pointer_to_line_numbers: reader.u32()?,
            number_of_relocations: reader.u16()?,
            number_of_line_numbers: reader.u16()?,
            characteristics: reader.u32()?,
        })
    }
}

impl Directory {
    fn parse(reader: &mut Reader<'_>) -> Option<Self> {
        Some(Directory { virtual_address: reader.u32()?, size: reader.u32()? })
    }
}

fn long_name<'a>(name: &[u8], strings: &'a [u8]) -> Option<&'a [u8]> {
    let offset: u32 = std::str::from_utf8(name).ok()?.strip_prefix('/')?.parse().ok()?;
    let start = strings.get(usize::try_from(offset).ok()?..)?;
    let start = start.get(..MAX_SECTION_NAME).unwrap_or(start);
    start.get(..memchr::memchr(0, start).unwrap_or(start.len()))
}
