//! Exported functions.

use super::Pe;
use crate::limits::{MAX_EXPORTS, MAX_FUNCTION_NAME};
use crate::reader::Reader;

const DIRECTORY_EXPORT: usize = 0;

/// The export directory.
pub(super) struct Exports<'a> {
    /// The library's own name.
    pub(super) library: Option<&'a str>,
    pub(super) timestamp: u32,
    pub(super) functions: Vec<ExportedFunction<'a>>,
}

/// An exported function.
pub(super) struct ExportedFunction<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) ordinal: u32,
    pub(super) rva: u32,
    /// In the file; not of forwarded functions.
    pub(super) offset: Option<u32>,
    /// `LIBRARY.function` that it is forwarded to.
    pub(super) forward_name: Option<&'a str>,
}

/// The exports, if the file has the directory.
pub(super) fn exports<'a>(pe: &Pe<'a>) -> Option<Exports<'a>> {
    let directory = pe.headers.directory(DIRECTORY_EXPORT).filter(|d| d.virtual_address != 0)?;
    let mut reader = Reader::new(pe.at_directory(directory)?);
    reader.skip(4)?;
    let timestamp = reader.u32()?;
    reader.skip(4)?;
    let library = reader.u32()?;
    let base = reader.u32()?;
    let number_of_functions = capped(reader.u32()?);
    let number_of_names = capped(reader.u32()?);
    let (functions, names, name_ordinals) = (reader.u32()?, reader.u32()?, reader.u32()?);
    let mut exports = Exports { library: pe.library_name(library), timestamp, functions: Vec::new() };
    if functions == 0 {
        return Some(exports);
    }
    let name_of = names_by_index(pe, names, name_ordinals, number_of_functions, number_of_names);
    // Addresses within the directory are those of forwarders' names.
    let end = directory.virtual_address.saturating_add(directory.size);
    let forwards = directory.virtual_address..end;
    let mut rvas = Reader::new(pe.at_rva(functions).unwrap_or_default());
    for (name, ordinal) in pe.allowance.each(5, name_of.into_iter().zip(base..=u32::MAX)) {
        let Some(rva) = rvas.u32() else { break };
        let forwarded = forwards.contains(&rva);
        exports.functions.push(ExportedFunction {
            name: name.and_then(|rva| pe.text_at_rva(rva, MAX_FUNCTION_NAME)),
            ordinal,
            rva,
            offset: if forwarded { None } else { pe.headers.rva_to_offset(rva) },
            forward_name: if forwarded { pe.text_at_rva(rva, MAX_FUNCTION_NAME) } else { None },
        });
    }
    Some(exports)
}

/// For each function the address of its name: two parallel tables list names and the indexes they belong to, and the
/// first of several counts. No names at all if the file ends within the table of names.
fn names_by_index(
    pe: &Pe<'_>,
    names: u32,
    ordinals: u32,
    functions: usize,
    wanted: usize,
) -> Vec<Option<u32>> {
    let mut by_index = vec![None; functions];
    let mut names = Reader::new(pe.at_rva(names).unwrap_or_default());
    let names: Option<Vec<u32>> = (0..wanted).map(|_| names.u32()).collect();
    let mut ordinals = Reader::new(pe.at_rva(ordinals).unwrap_or_default());
    for name in names.unwrap_or_default() {
        let Some(index) = ordinals.u16() else { break };
        if let Some(slot @ None) = by_index.get_mut(usize::from(index)) {
            *slot = Some(name);
        }
    }
    by_index
}

fn capped(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX).min(MAX_EXPORTS)
}
