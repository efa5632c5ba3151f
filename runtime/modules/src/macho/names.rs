//! Names of what a file exports and imports: from the tables of the dynamic linker, or else from the symbols.
//!
//! A table is read up to what makes no sense; the names before that are kept. Names that are no UTF-8 are left out.

use std::collections::HashSet;

use super::file::File;
use super::symbols::{Symbol, symbols};
use crate::limits::MAX_MACHO_SYMBOLS;
use crate::reader::{Allowance, Reader, Width, from, range};
use crate::value::Node;

use Width::Int;

/// What the flags of an exported name can be, if not only where it is: a name of another library, or an address and
/// that of the function which works the real one out.
const REEXPORT: u64 = 0x08;
const STUB_AND_RESOLVER: u64 = 0x10;

/// Operations of the binding tables are in the upper four bits; this one is followed by a name.
const OPERATION: u8 = 0xf0;
const SET_SYMBOL: u8 = 0x40;
/// Those followed by one number, and by two.
const ONE_NUMBER: [u8; 5] = [0x20, 0x60, 0x70, 0x80, 0xa0];
const TWO_NUMBERS: u8 = 0xc0;

/// Formats of chained imports whose entries do not have four bytes.
const WITH_ADDEND: u64 = 2;
const WITH_LONG_ADDEND: u64 = 3;

/// `exports`.
pub(super) fn exports(data: &[u8]) -> Node<'static> {
    let mut names = Names::new(data);
    if let Some(file) = File::parse(data) {
        let tables = file.tables();
        let of_dyld_info = tables.dyld_info.map(|[.., offset, size]| [offset, size]);
        for [offset, size] in tables.exports.into_iter().chain(of_dyld_info) {
            names.add_trie(range(data, offset, size).unwrap_or_default());
        }
        if tables.exports.is_none() && of_dyld_info.is_none() {
            names.add_symbols(&file, |symbol| symbol.is_exported());
        }
    }
    names.nodes()
}

/// `imports`.
pub(super) fn imports(data: &[u8]) -> Node<'static> {
    let mut names = Names::new(data);
    if let Some(file) = File::parse(data) {
        let tables = file.tables();
        if let Some([_, _, bind, bind_size, weak, weak_size, lazy, lazy_size, ..]) = tables.dyld_info {
            let mut seen = HashSet::new();
            for (offset, size) in [(bind, bind_size), (lazy, lazy_size), (weak, weak_size)] {
                names.add_bindings(range(data, offset, size).unwrap_or_default(), &mut seen);
            }
        }
        if let Some([offset, size]) = tables.fixups {
            names.add_chained(range(data, offset, size).unwrap_or_default(), &file);
        }
        if tables.dyld_info.is_none() && tables.fixups.is_none() {
            names.add_symbols(&file, |symbol| symbol.is_imported());
        }
    }
    names.nodes()
}

struct Names {
    names: Vec<Vec<u8>>,
    allowance: Allowance,
}

impl Names {
    fn new(data: &[u8]) -> Self {
        Names { names: Vec::new(), allowance: Allowance::new(data.len()) }
    }

    fn nodes(self) -> Node<'static> {
        Node::Array(self.names.into_iter().map(|name| Node::Str(name.into())).collect())
    }

    /// `None` when there are too many.
    fn push(&mut self, name: Vec<u8>) -> Option<()> {
        if self.names.len() >= MAX_MACHO_SYMBOLS {
            return None;
        }
        self.names.push(name);
        Some(())
    }

    fn add_symbols(&mut self, file: &File<'_>, wanted: fn(&Symbol<'_>) -> bool) {
        let names = symbols(file).into_iter().filter(wanted);
        self.names.extend(names.map(|symbol| String::from_utf8_lossy(symbol.name).into_owned().into_bytes()));
    }

    /// The bytes before the next zero.
    fn string<'d>(&mut self, reader: &mut Reader<'d>) -> Option<&'d [u8]> {
        let (string, ends) = self.allowance.until_zero(reader.rest())?;
        reader.skip(string.len())?;
        reader.skip(1)?;
        ends.then_some(string)
    }

    /// Names whose beginnings are shared: what leads to a node is the beginning of all names under it. Each node is
    /// visited once, the last branch first.
    fn add_trie(&mut self, trie: &[u8]) {
        let (mut seen, mut open) = (HashSet::new(), vec![(0, Vec::new())]);
        while let Some((offset, beginning)) = open.pop() {
            if !seen.insert(offset) {
                continue;
            }
            let Some(node) = from(trie, offset) else { continue };
            if self.add_node(Reader::new(node), beginning, &mut open).is_none() {
                return;
            }
        }
    }

    fn add_node(
        &mut self,
        mut node: Reader<'_>,
        beginning: Vec<u8>,
        open: &mut Vec<(u64, Vec<u8>)>,
    ) -> Option<()> {
        let is_name = leb128(&mut node)? != 0;
        if is_name {
            let flags = leb128(&mut node)?;
            leb128(&mut node)?;
            match flags {
                REEXPORT => {
                    self.string(&mut node)?;
                }
                STUB_AND_RESOLVER => {
                    leb128(&mut node)?;
                }
                _ => {}
            }
        }
        for _ in 0..node.u8()? {
            let label = self.string(&mut node)?;
            let offset = leb128(&mut node)?;
            // Nodes may overlap, so that there are many more branches than bytes.
            self.allowance.spend(beginning.len().saturating_add(1))?;
            if open.len() >= MAX_MACHO_SYMBOLS {
                return None;
            }
            if std::str::from_utf8(label).is_ok() {
                open.push((offset, [&beginning, label].concat()));
            }
        }
        if is_name { self.push(beginning) } else { Some(()) }
    }

    /// The names that a program of the dynamic linker binds, without those it bound before.
    fn add_bindings<'d>(&mut self, program: &'d [u8], seen: &mut HashSet<&'d [u8]>) {
        let mut reader = Reader::new(program);
        while self.add_binding(&mut reader, seen).is_some() {}
    }

    fn add_binding<'d>(&mut self, reader: &mut Reader<'d>, seen: &mut HashSet<&'d [u8]>) -> Option<()> {
        match reader.u8()? & OPERATION {
            SET_SYMBOL => {
                let name = self.string(reader)?;
                if std::str::from_utf8(name).is_ok() && seen.insert(name) {
                    self.push(name.to_vec())?;
                }
            }
            TWO_NUMBERS => {
                leb128(reader)?;
                leb128(reader)?;
            }
            operation if ONE_NUMBER.contains(&operation) => {
                leb128(reader)?;
            }
            _ => {}
        }
        Some(())
    }

    /// The names that chained fixups refer to.
    fn add_chained(&mut self, fixups: &[u8], file: &File<'_>) -> Option<()> {
        let order = file.order;
        let [_, _, imports, strings, count, format, _] = order.read(&mut Reader::new(fixups), [Int; 7])?;
        let size: u64 = match format {
            WITH_ADDEND => 8,
            WITH_LONG_ADDEND => 16,
            _ => 4,
        };
        let mut reader = Reader::new(range(fixups, imports, count.checked_mul(size)?)?);
        for _ in 0..count {
            let mut entry = Reader::new(reader.take(usize::try_from(size).ok()?)?);
            // Before the place of the name are the number of its library and whether it may be missing.
            let place = if format == WITH_LONG_ADDEND {
                let [first, second] = order.read(&mut entry, [Int; 2])?;
                if order.big { first } else { second }
            } else {
                order.read(&mut entry, [Int]).map(|[entry]| entry >> 9)?
            };
            let Some(rest) = from(fixups, strings.checked_add(place)?) else { continue };
            let name = self.string(&mut Reader::new(rest))?;
            if std::str::from_utf8(name).is_ok() {
                self.push(name.to_vec())?;
            }
        }
        Some(())
    }
}

/// A number in groups of seven bits, the lowest first, in at most ten bytes; bits above the 64th are lost.
fn leb128(reader: &mut Reader<'_>) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let byte = reader.u8()?;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
