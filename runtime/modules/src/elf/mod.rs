//! The `elf` module: a reader of Unix executables that takes whatever the file holds.
//!
//! Input: the bytes of any file. Output: [`Elf`], if there is a header; symbols are read when asked for. A table of
//! headers that is not all in the file is not there; of symbols and dynamic entries those in the file are.

mod fields;
mod functions;
#[cfg(test)]
mod tests;
mod tlsh;

use crate::limits::MAX_SYMBOLS;
use crate::reader::{Allowance, Order, Reader, Width, from, range};

use Width::{Byte, Half, Int, Word};

const MAGIC: &[u8] = b"\x7fELF";
/// Types whose addresses are those of segments.
const LOADED: [u64; 2] = [2, 3];
const PT_DYNAMIC: u64 = 2;
const SHT_NULL: u64 = 0;
const SHT_SYMTAB: u64 = 2;
const SHT_NOBITS: u64 = 8;
const SHT_DYNSYM: u64 = 11;
/// So many sections, or more, are taken for damage.
const RESERVED_INDEXES: u64 = 0xff00;

/// An ELF file.
pub(crate) struct Elf<'a> {
    data: &'a [u8],
    order: Order,
    osabi: u8,
    header: Header,
    /// `None` if the table is not all there.
    segments: Option<Vec<Segment>>,
    /// `None` if the table is not all there.
    sections: Option<Vec<Section>>,
}

struct Header {
    kind: u64,
    machine: u64,
    entry: u64,
    ph_offset: u64,
    sh_offset: u64,
    ph_entry_size: u64,
    ph_count: u64,
    sh_entry_size: u64,
    sh_count: u64,
    /// The section with the names of sections.
    names: u64,
}

struct Segment {
    kind: u64,
    flags: u64,
    offset: u64,
    virtual_address: u64,
    physical_address: u64,
    file_size: u64,
    memory_size: u64,
    alignment: u64,
}

struct Section {
    name: u64,
    kind: u64,
    flags: u64,
    address: u64,
    offset: u64,
    size: u64,
    link: u64,
}

struct Symbol {
    name: u64,
    info: u64,
    other: u64,
    section: u64,
    value: u64,
    size: u64,
}

impl<'a> Elf<'a> {
    /// `None` if `data` is no ELF file.
    pub(crate) fn parse(data: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(data.strip_prefix(MAGIC)?);
        let (class, encoding) = (reader.u8()?, reader.u8()?);
        if ![1, 2].contains(&class) || ![1, 2].contains(&encoding) {
            return None;
        }
        reader.skip(1)?;
        let osabi = reader.u8()?;
        reader.skip(8)?;
        let order = Order { big: encoding == 2, wide: class == 2 };
        let header = Header::read(order, &mut reader)?;
        let table = |offset, count| Some((Reader::new(from(data, offset)?), 0..count));
        let segments = table(header.ph_offset, header.ph_count).and_then(|(mut reader, mut all)| {
            all.try_fold(Vec::new(), |list, _| segment(list, order, &mut reader))
        });
        let sections = table(header.sh_offset, header.sh_count).and_then(|(mut reader, mut all)| {
            all.try_fold(Vec::new(), |list, _| section(list, order, &mut reader))
        });
        Some(Elf { data, order, osabi, header, segments, sections })
    }

    /// Whether the table of sections is taken for damage; nothing is read of it then.
    fn has_too_many_sections(&self) -> bool {
        self.header.sh_count >= RESERVED_INDEXES
    }

    /// The sections; `None` if the table is not there or damaged.
    fn sections(&self) -> Option<&[Section]> {
        self.sections.as_deref().filter(|_| !self.has_too_many_sections())
    }

    /// Where the entry point is in the file.
    fn entry_point(&self) -> Option<u64> {
        let address = self.header.entry;
        if address == 0 || self.has_too_many_sections() {
            return None;
        }
        if LOADED.contains(&self.header.kind) {
            for segment in self.segments.iter().flatten() {
                if in_range(address, segment.virtual_address, segment.memory_size)? {
                    return segment.offset.checked_add(address.checked_sub(segment.virtual_address)?);
                }
            }
        } else {
            let filled = |s: &&Section| s.kind != SHT_NOBITS && s.kind != SHT_NULL;
            for section in self.sections.iter().flatten().filter(filled) {
                if in_range(address, section.address, section.size)? {
                    return section.offset.checked_add(address.checked_sub(section.address)?);
                }
            }
        }
        None
    }

    /// The symbols of the first section of this kind, with the bytes that have their names.
    fn symbols(&self, kind: u64) -> (Vec<Symbol>, Option<&'a [u8]>) {
        let sections = self.sections().unwrap_or_default();
        let Some(section) = sections.iter().find(|s| s.kind == kind) else { return (Vec::new(), None) };
        let mut reader = Reader::new(range(self.data, section.offset, section.size).unwrap_or_default());
        let symbols = std::iter::from_fn(|| symbol(self.order, &mut reader)).take(MAX_SYMBOLS).collect();
        (symbols, self.strings(section.link))
    }

    /// From where a section begins to the end of the file: tables of strings are taken to go on, since some files give
    /// them a wrong size.
    fn strings(&self, section: u64) -> Option<&'a [u8]> {
        from(self.data, self.sections()?.get(usize::try_from(section).ok()?)?.offset)
    }
}

/// A string of a table.
fn name<'a>(table: Option<&'a [u8]>, at: u64, allowance: &Allowance) -> Option<&'a [u8]> {
    allowance.until_zero(from(table?, at)?).map(|(name, _)| name)
}

/// Whether `address` is one of `size` from `start`; `None` if these go beyond the last address.
fn in_range(address: u64, start: u64, size: u64) -> Option<bool> {
    Some((start..start.checked_add(size)?).contains(&address))
}

impl Header {
    fn read(order: Order, reader: &mut Reader<'_>) -> Option<Header> {
        let widths = [Half, Half, Int, Word, Word, Word, Int, Half, Half, Half, Half, Half, Half];
        let [
            kind,
            machine,
            _,
            entry,
            ph_offset,
            sh_offset,
            _,
            _,
            ph_entry_size,
            ph_count,
            sh_entry_size,
            sh_count,
            names,
        ] = order.read(reader, widths)?;
        Some(Header {
            kind,
            machine,
            entry,
            ph_offset,
            sh_offset,
            ph_entry_size,
            ph_count,
            sh_entry_size,
            sh_count,
            names,
        })
    }
}

fn segment(mut list: Vec<Segment>, order: Order, reader: &mut Reader<'_>) -> Option<Vec<Segment>> {
    let (kind, flags, places) = if order.wide {
        let [kind, flags] = order.read(reader, [Int; 2])?;
        (kind, Some(flags), order.read(reader, [Word; 5])?)
    } else {
        let [kind] = order.read(reader, [Int])?;
        (kind, None, order.read(reader, [Word; 5])?)
    };
    let [offset, virtual_address, physical_address, file_size, memory_size] = places;
    let flags = match flags {
        Some(flags) => flags,
        None => order.read(reader, [Int]).map(|[flags]| flags)?,
    };
    let [alignment] = order.read(reader, [Word])?;
    list.push(Segment {
        kind,
        flags,
        offset,
        virtual_address,
        physical_address,
        file_size,
        memory_size,
        alignment,
    });
    Some(list)
}

fn section(mut list: Vec<Section>, order: Order, reader: &mut Reader<'_>) -> Option<Vec<Section>> {
    let [name, kind, flags, address, offset, size, link, _, _, _] =
        order.read(reader, [Int, Int, Word, Word, Word, Word, Int, Int, Word, Word])?;
    list.push(Section { name, kind, flags, address, offset, size, link });
    Some(list)
}

fn symbol(order: Order, reader: &mut Reader<'_>) -> Option<Symbol> {
    if order.wide {
        let [name, info, other, section, value, size] =
            order.read(reader, [Int, Byte, Byte, Half, Word, Word])?;
        Some(Symbol { name, info, other, section, value, size })
    } else {
        let [name, value, size, info, other, section] =
            order.read(reader, [Int, Int, Int, Byte, Byte, Half])?;
        Some(Symbol { name, info, other, section, value, size })
    }
}
