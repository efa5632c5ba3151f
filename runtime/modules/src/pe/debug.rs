//! The path of the debug information, from the debug directory.

use super::Pe;
use crate::limits::MAX_DEBUG_ENTRIES;
use crate::reader::Reader;

const DIRECTORY_DEBUG: usize = 6;
const TYPE_CODEVIEW: u32 = 2;

/// The path in the first CodeView entry that has one.
pub(super) fn pdb_path<'a>(pe: &Pe<'a>) -> Option<&'a [u8]> {
    let mut directory = Reader::new(pe.at_directory(pe.headers.directory(DIRECTORY_DEBUG)?)?);
    let entries = std::iter::from_fn(|| {
        directory.skip(12)?;
        let kind = directory.u32()?;
        directory.skip(4)?;
        Some((kind, directory.u32()?, directory.u32()?))
    });
    entries
        .take(MAX_DEBUG_ENTRIES)
        .filter(|&(kind, ..)| kind == TYPE_CODEVIEW)
        .find_map(|(_, rva, offset)| path(pe, rva, offset))
}

/// The entry's data is at `rva`, or, if that is 0 or not in the file, at `offset`.
fn path<'a>(pe: &Pe<'a>, rva: u32, offset: u32) -> Option<&'a [u8]> {
    let mapped = if rva == 0 { None } else { pe.headers.rva_to_offset(rva) };
    let mut reader = Reader::new(pe.at_offset(Some(mapped.unwrap_or(offset)).filter(|&o| o != 0)?)?);
    // Identifiers of different lengths stand before the path.
    let skipped = match reader.take(4)? {
        b"RSDS" => 20,
        b"NB10" => 12,
        b"MTOC" => 16,
        _ => return None,
    };
    reader.skip(skipped)?;
    pe.allowance.until_zero(reader.rest()).map(|(path, _)| path)
}
