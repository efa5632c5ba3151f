//! The table of symbols.

use super::file::File;
use crate::limits::MAX_MACHO_SYMBOLS;
use crate::reader::{Allowance, Reader, Width, from, range};
use crate::value::Node;

use Width::{Byte, Half, Int, Word};

/// Bits of a symbol's kind: of a debugger's symbols, of the kind proper, and whether other files can see it.
const N_STAB: u64 = 0xe0;
const N_TYPE: u64 = 0x0e;
const N_EXT: u64 = 0x01;
/// Kinds proper: defined elsewhere; at an address, under another name, in a section.
const N_UNDF: u64 = 0x0;
const DEFINED: [u64; 3] = [0x2, 0xa, 0xe];

/// A symbol that has a name.
pub(super) struct Symbol<'a> {
    pub(super) name: &'a [u8],
    /// Place of the name, kind, section, description, and value.
    numbers: [u64; 5],
}

/// The symbols that have a name, in the order of the table, up to a name without an end.
pub(super) fn symbols<'a>(file: &File<'a>) -> Vec<Symbol<'a>> {
    let tables = file.tables();
    let Some([offset, count, strings, size]) = tables.symbols else { return Vec::new() };
    let Some(strings) = range(file.data, strings, size) else { return Vec::new() };
    let mut reader = Reader::new(from(file.data, offset).unwrap_or_default());
    let allowance = Allowance::new(file.data.len());
    let count = usize::try_from(count).unwrap_or(usize::MAX).min(MAX_MACHO_SYMBOLS);
    let entries =
        std::iter::from_fn(|| file.order.read(&mut reader, [Int, Byte, Byte, Half, Word])).take(count);
    let mut symbols = Vec::new();
    for numbers in entries {
        let [place, ..] = numbers;
        let Some(rest) = from(strings, place) else { continue };
        match allowance.until_zero(rest) {
            Some((&[], true)) => {}
            Some((name, true)) => symbols.push(Symbol { name, numbers }),
            // Nothing ends the name.
            _ => break,
        }
    }
    symbols
}

impl Symbol<'_> {
    /// Whether it is defined here and other files can see it.
    pub(super) fn is_exported(&self) -> bool {
        self.kind() & N_STAB == 0 && self.kind() & N_EXT != 0 && DEFINED.contains(&(self.kind() & N_TYPE))
    }

    /// Whether it is defined elsewhere.
    pub(super) fn is_imported(&self) -> bool {
        self.kind() & N_STAB == 0 && self.kind() & N_TYPE == N_UNDF
    }

    fn kind(&self) -> u64 {
        let [_, kind, ..] = self.numbers;
        kind
    }
}

/// Whether a symbol of this kind is looked for in other files, as `symhash` understands it.
pub(super) fn is_looked_for(kind: i64) -> bool {
    u64::try_from(kind).is_ok_and(|kind| kind & (N_STAB | N_TYPE | N_EXT) == N_UNDF | N_EXT)
}

/// `entries` and `nlists`.
pub(super) fn nodes(data: &[u8]) -> Node<'static> {
    let symbols = File::parse(data).map_or_else(Vec::new, |file| symbols(&file));
    let names = symbols.iter().map(|symbol| Node::Str(symbol.name.to_vec().into()));
    let numbers = symbols.iter().map(|s| Node::Struct(s.numbers.iter().map(|&n| Node::word(n)).collect()));
    Node::Struct(vec![Node::Array(names.collect()), Node::Array(numbers.collect())])
}
