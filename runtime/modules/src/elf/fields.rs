//! The fields of `elf`.

use hallmark_image::schema::Field;

use super::{Elf, PT_DYNAMIC, SHT_DYNSYM, SHT_SYMTAB, Symbol, Word, name};
use crate::limits::MAX_DYNAMIC;
use crate::reader::{Allowance, Reader, range};
use crate::record::Record;
use crate::value::Node;

impl<'a> Elf<'a> {
    /// All fields; of a file that is no ELF (`None`), empty lists.
    pub(crate) fn root(elf: Option<&Self>, schema: &'static [Field]) -> Node<'a> {
        let mut root = Record::new(schema);
        if let Some(elf) = elf {
            let allowance = &Allowance::new(elf.data.len());
            elf.set_header(&mut root);
            elf.set_segments(&mut root, allowance);
            elf.set_sections(&mut root, allowance);
        }
        root.done()
    }

    fn set_header(&self, root: &mut Record<'a>) {
        let header = &self.header;
        root.set_all(
            &[
                "type",
                "machine",
                "osabi",
                "sh_offset",
                "sh_entry_size",
                "ph_offset",
                "ph_entry_size",
                "number_of_sections",
                "number_of_segments",
            ],
            &[
                header.kind,
                header.machine,
                self.osabi.into(),
                header.sh_offset,
                header.sh_entry_size,
                header.ph_offset,
                header.ph_entry_size,
                header.sh_count,
                header.ph_count,
            ],
        );
        root.set("entry_point", self.entry_point().map_or(Node::Undefined, Node::word));
    }

    fn set_segments(&self, root: &mut Record<'a>, allowance: &Allowance) {
        let segments = allowance.each(8, self.segments.iter().flatten()).map(|segment| {
            Node::Struct(vec![
                Node::kind(segment.kind),
                Node::word(segment.flags),
                Node::word(segment.offset),
                Node::word(segment.virtual_address),
                Node::word(segment.physical_address),
                Node::word(segment.file_size),
                Node::word(segment.memory_size),
                Node::word(segment.alignment),
            ])
        });
        root.set("segments", Node::Array(segments.collect()));
        let dynamic = self.dynamic();
        root.set("dynamic_section_entries", Node::count(dynamic.len()));
        root.set("dynamic", Node::Array(dynamic));
    }

    /// The entries of all dynamic segments, of each up to the one that ends it.
    fn dynamic(&self) -> Vec<Node<'a>> {
        let mut entries = Vec::new();
        for segment in self.segments.iter().flatten().filter(|s| s.kind == PT_DYNAMIC) {
            let mut reader =
                Reader::new(range(self.data, segment.offset, segment.file_size).unwrap_or_default());
            while let Some([tag, value]) =
                self.order.read(&mut reader, [Word; 2]).filter(|[tag, _]| *tag != 0)
            {
                if entries.len() >= MAX_DYNAMIC {
                    return entries;
                }
                entries.push(Node::Struct(vec![Node::kind(tag), Node::word(value)]));
            }
        }
        entries
    }

    fn set_sections(&self, root: &mut Record<'a>, allowance: &Allowance) {
        let Some(sections) = self.sections() else { return };
        let names = self.strings(self.header.names);
        let list = allowance.each(6, sections.iter()).map(|section| {
            Node::Struct(vec![
                Node::kind(section.kind),
                Node::word(section.flags),
                Node::word(section.address),
                Node::word(section.size),
                Node::word(section.offset),
                text(names, section.name, allowance),
            ])
        });
        root.set("sections", Node::Array(list.collect()));
        for (table, count, kind) in
            [("symtab", "symtab_entries", SHT_SYMTAB), ("dynsym", "dynsym_entries", SHT_DYNSYM)]
        {
            let (symbols, names) = self.symbols(kind);
            root.set(count, Node::count(symbols.len()));
            let list = allowance.each(7, symbols.iter()).map(|symbol| node(symbol, names, allowance));
            root.set(table, Node::Array(list.collect()));
        }
    }
}

/// A name as a value; what is no UTF-8 takes longer.
fn text<'a>(names: Option<&'a [u8]>, at: u64, allowance: &Allowance) -> Node<'a> {
    const REPLACING: usize = 8;
    let Some(bytes) = name(names, at, allowance) else { return Node::Undefined };
    if std::str::from_utf8(bytes).is_ok() {
        return Node::bytes(bytes);
    }
    let affordable = allowance.spend(bytes.len().saturating_mul(REPLACING));
    affordable.map_or(Node::Undefined, |()| Node::lossy(bytes))
}

fn node<'a>(symbol: &Symbol, names: Option<&'a [u8]>, allowance: &Allowance) -> Node<'a> {
    Node::Struct(vec![
        text(names, symbol.name, allowance),
        Node::word(symbol.value),
        Node::word(symbol.size),
        Node::word(symbol.kind()),
        Node::word(symbol.binding()),
        Node::word(symbol.section),
        Node::word(symbol.visibility()),
    ])
}

impl Symbol {
    pub(super) fn kind(&self) -> u64 {
        self.info & 15
    }

    pub(super) fn binding(&self) -> u64 {
        self.info >> 4
    }

    pub(super) fn visibility(&self) -> u64 {
        self.other & 3
    }
}
