//! Imported libraries and functions, standard and delayed.
//!
//! A directory is an array of descriptors, one a library, that ends with an empty one. A descriptor points to an array
//! of thunks, one a function, that ends with a zero; a thunk is an ordinal or points to a name.

use std::borrow::Cow;

use super::Pe;
use super::ordinals;
use crate::limits::{MAX_FUNCTION_NAME, MAX_IMPORTS, MAX_THUNKS};
use crate::reader::Reader;

const DIRECTORY_IMPORT: usize = 1;
const DIRECTORY_DELAY_IMPORT: usize = 13;
/// What a function counts for, beside its name: about the bytes it takes.
const FUNCTION_WORK: usize = 256;

/// A library and what is imported from it: at least one function.
pub(super) struct Library<'a> {
    pub(super) name: &'a str,
    pub(super) functions: Vec<ImportedFunction<'a>>,
}

/// An imported function.
pub(super) struct ImportedFunction<'a> {
    /// Functions imported by ordinal get the name the library is known to give it, or `ord<ordinal>`.
    pub(super) name: Cow<'a, str>,
    pub(super) ordinal: Option<u16>,
    /// Of its slot in the import address table.
    pub(super) rva: u32,
}

struct Descriptor {
    /// Old delayed descriptors hold virtual addresses instead of relative ones.
    absolute: bool,
    name: u32,
    name_table: u32,
    address_table: u32,
}

/// The standard imports.
pub(super) fn standard<'a>(pe: &Pe<'a>) -> Vec<Library<'a>> {
    libraries(pe, DIRECTORY_IMPORT, Descriptor::standard)
}

/// The delayed imports.
pub(super) fn delayed<'a>(pe: &Pe<'a>) -> Vec<Library<'a>> {
    libraries(pe, DIRECTORY_DELAY_IMPORT, Descriptor::delayed)
}

fn libraries<'a>(
    pe: &Pe<'a>,
    directory: usize,
    parse: impl Fn(&mut Reader<'_>) -> Option<Descriptor>,
) -> Vec<Library<'a>> {
    let Some(entry) = pe.headers.directory(directory).filter(|d| d.virtual_address != 0) else {
        return Vec::new();
    };
    // The size of the standard directory is often wrong, and loaders don't look at it.
    let table =
        if directory == DIRECTORY_IMPORT { pe.at_rva(entry.virtual_address) } else { pe.at_directory(entry) };
    let mut reader = Reader::new(table.unwrap_or_default());
    let descriptors = std::iter::from_fn(|| parse(&mut reader).filter(|d| !d.is_last()));
    let mut libraries = Vec::new();
    let mut found = 0usize;
    let mut budget = MAX_THUNKS;
    for descriptor in descriptors.take(MAX_IMPORTS) {
        let Some(library) = library(pe, descriptor, &mut budget) else { continue };
        found = found.saturating_add(library.functions.len());
        libraries.push(library);
        if found >= MAX_IMPORTS {
            break;
        }
    }
    libraries
}

fn library<'a>(pe: &Pe<'a>, descriptor: Descriptor, budget: &mut usize) -> Option<Library<'a>> {
    let descriptor = if descriptor.absolute { descriptor.relative(pe)? } else { descriptor };
    let name = pe.library_name(descriptor.name)?;
    // The name table outlives binding; without one, the address table holds the same until the file is loaded.
    let by_name = (descriptor.name_table != 0).then(|| pe.at_rva(descriptor.name_table)).flatten();
    let mut thunks = Reader::new(by_name.or_else(|| pe.at_rva(descriptor.address_table))?);
    let mut functions = Vec::new();
    let wide = pe.headers.is_64bit();
    let width = if wide { 8 } else { 4 };
    let mut slot = descriptor.address_table;
    for _ in 0..MAX_IMPORTS.min(*budget) {
        let thunk = if wide { thunks.u64() } else { thunks.u32().map(u64::from) };
        let Some(thunk) = thunk.filter(|&t| t != 0) else { break };
        *budget = budget.saturating_sub(1);
        functions.extend(function(pe, name, &descriptor, thunk, slot));
        slot = slot.saturating_add(width);
    }
    (!functions.is_empty()).then_some(Library { name, functions })
}

fn function<'a>(
    pe: &Pe<'a>,
    library: &str,
    descriptor: &Descriptor,
    thunk: u64,
    rva: u32,
) -> Option<ImportedFunction<'a>> {
    let by_ordinal: u64 = if pe.headers.is_64bit() { 1 << 63 } else { 1 << 31 };
    pe.allowance.spend(FUNCTION_WORK)?;
    if thunk & by_ordinal != 0 {
        // Only the low 16 bits may be set.
        let ordinal = u16::try_from(thunk ^ by_ordinal).ok()?;
        return Some(ImportedFunction {
            name: ordinals::name(library, ordinal),
            ordinal: Some(ordinal),
            rva,
        });
    }
    let thunk =
        if descriptor.absolute { thunk.saturating_sub(pe.headers.optional.image_base) } else { thunk };
    // A hint of two bytes, then the name.
    let name = pe.at_rva(u32::try_from(thunk).ok()?)?.get(2..)?;
    let name = name.get(..MAX_FUNCTION_NAME).unwrap_or(name);
    let (name, _) = pe.allowance.until_zero(name)?;
    // Without an early end, which is faster.
    let is_printable = name.iter().fold(true, |all, b| all & b.is_ascii_graphic());
    if name.is_empty() || !is_printable {
        return None;
    }
    Some(ImportedFunction { name: std::str::from_utf8(name).ok()?.into(), ordinal: None, rva })
}

impl Descriptor {
    fn standard(reader: &mut Reader<'_>) -> Option<Self> {
        let name_table = reader.u32()?;
        reader.skip(8)?;
        Some(Descriptor { absolute: false, name_table, name: reader.u32()?, address_table: reader.u32()? })
    }

    fn delayed(reader: &mut Reader<'_>) -> Option<Self> {
        let absolute = reader.u32()? & 1 == 0;
        let name = reader.u32()?;
        reader.skip(4)?;
        let (address_table, name_table) = (reader.u32()?, reader.u32()?);
        reader.skip(12)?;
        Some(Descriptor { absolute, name, name_table, address_table })
    }

    fn is_last(&self) -> bool {
        self.name == 0 || (self.name_table == 0 && self.address_table == 0)
    }

    /// With relative addresses; it still says that those of its thunks are not.
    fn relative(self, pe: &Pe<'_>) -> Option<Self> {
        let base = u32::try_from(pe.headers.optional.image_base).ok()?;
        Some(Descriptor {
            absolute: true,
            name: self.name.saturating_sub(base),
            name_table: self.name_table.saturating_sub(base),
            address_table: self.address_table.saturating_sub(base),
        })
    }
}
