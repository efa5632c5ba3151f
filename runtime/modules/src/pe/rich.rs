//! The rich header: which tools built the objects of an image. Microsoft's linker writes it before the COFF header, as
//! `DanS`, padding and records, each word combined with a key by exclusive or, then `Rich` and the key.

use memchr::memmem;

use crate::limits::MAX_RICH_HEADER;
use crate::reader::Reader;

const DANS: u32 = u32::from_le_bytes(*b"DanS");
/// `DanS` and three words of padding.
const SIZE_OF_START: usize = 16;

/// The rich header.
pub(super) struct Rich<'a> {
    /// In the file.
    pub(super) offset: usize,
    pub(super) key: u32,
    pub(super) raw: &'a [u8],
    pub(super) clear: Vec<u8>,
    pub(super) tools: Vec<Tool>,
}

impl Rich<'_> {
    /// Ids and versions of the tools as they stand in the file, without the counts.
    pub(super) fn version_data(&self) -> Vec<u8> {
        self.tools.iter().flat_map(|tool| [tool.version, tool.id]).flat_map(u16::to_le_bytes).collect()
    }
}

/// A record: how many objects a version of a tool made.
pub(super) struct Tool {
    pub(super) id: u16,
    pub(super) version: u16,
    pub(super) times: u32,
}

/// The last rich header of what precedes the COFF header.
pub(super) fn rich(dos_stub: &[u8]) -> Option<Rich<'_>> {
    let end = memmem::rfind(dos_stub, b"Rich")?;
    let (before, after) = dos_stub.split_at_checked(end)?;
    let key = {
        let mut reader = Reader::new(after);
        reader.skip(4)?;
        reader.u32()?
    };
    let window = before.len().saturating_sub(MAX_RICH_HEADER);
    let offset = window.checked_add(memmem::rfind(before.get(window..)?, &(DANS ^ key).to_le_bytes())?)?;
    let raw = before.get(offset..)?;
    let clear: Vec<u8> = raw.iter().zip(key.to_le_bytes().into_iter().cycle()).map(|(b, k)| b ^ k).collect();
    let mut reader = Reader::new(clear.get(SIZE_OF_START..).unwrap_or_default());
    let tools =
        std::iter::from_fn(|| Some(Tool { version: reader.u16()?, id: reader.u16()?, times: reader.u32()? }))
            .collect();
    Some(Rich { offset, key, raw, clear, tools })
}
