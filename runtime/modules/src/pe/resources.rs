//! The resource tree: directories of types, of names, of languages, and leaves.

use std::collections::VecDeque;

use super::Pe;
use super::headers::Directory;
use crate::limits::{MAX_RESOURCE_ENTRIES, MAX_RESOURCE_NAME, MAX_RESOURCES};
use crate::reader::Reader;

const DIRECTORY_RESOURCE: usize = 2;
/// The high bit of an entry's name tells a string from a number; of its offset, a directory from a leaf.
const FLAG: u32 = 1 << 31;
/// The levels of the tree: type, name, language.
const LEVELS: usize = 3;
const MAX_LANGUAGE: u32 = 0xf_ffff;
/// What an entry that is a directory, and a resource, counts for: about the bytes it takes.
const ENTRY_WORK: usize = 64;
const RESOURCE_WORK: usize = 512;
/// Larger than any file; sizes above it are noise.
const MAX_LENGTH: u32 = 0x3fff_ffff;

/// The resources, and what the root directory says.
pub(super) struct Resources<'a> {
    pub(super) timestamp: u32,
    pub(super) version: (u16, u16),
    pub(super) list: Vec<Resource<'a>>,
}

/// A leaf of the tree.
pub(super) struct Resource<'a> {
    /// Type, name and language.
    pub(super) ids: [Id<'a>; LEVELS],
    pub(super) rva: u32,
    /// In the file.
    pub(super) offset: Option<u32>,
    pub(super) length: u32,
}

/// What a resource is called on one level.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) enum Id<'a> {
    /// The tree ends above this level, or the name is not in the file.
    #[default]
    Unknown,
    /// A number.
    Number(u32),
    /// UTF-16LE text.
    Name(&'a [u8]),
}

struct DirectoryHeader {
    timestamp: u32,
    version: (u16, u16),
    entries: usize,
}

/// Every leaf, breadth first; `None` if there is none.
pub(super) fn resources<'a>(pe: &Pe<'a>) -> Option<Resources<'a>> {
    let Directory { virtual_address, .. } = pe.headers.directory(DIRECTORY_RESOURCE)?;
    let tree = pe.at_rva(virtual_address)?;
    let mut found = Resources { timestamp: 0, version: (0, 0), list: Vec::new() };
    let mut budget = MAX_RESOURCE_ENTRIES;
    let mut queue = VecDeque::from([(0, [Id::Unknown; LEVELS], tree)]);
    while let Some((level, ids, directory)) = queue.pop_front() {
        let mut reader = Reader::new(directory);
        let Some(header) = DirectoryHeader::parse(&mut reader) else { continue };
        if level == 0 {
            (found.timestamp, found.version) = (header.timestamp, header.version);
        }
        for _ in 0..header.entries.min(budget) {
            budget = budget.saturating_sub(1);
            let (Some(name), Some(offset)) = (reader.u32(), reader.u32()) else { break };
            let Some(child) = child(tree, offset) else { continue };
            let mut ids = ids;
            // Deeper levels mean nothing.
            let Some(id) = ids.get_mut(level) else { break };
            *id = Id::parse(name, tree);
            if level == 2 && matches!(id, Id::Number(n) if *n > MAX_LANGUAGE) {
                continue;
            }
            if offset & FLAG != 0 {
                if pe.allowance.spend(ENTRY_WORK).is_none() {
                    break;
                }
                queue.push_back((level.saturating_add(1), ids, child));
            }
            // Some files mark leaves as directories.
            if let Some((rva, length)) = leaf(child) {
                if pe.allowance.spend(RESOURCE_WORK).is_none() {
                    return Some(found);
                }
                found.list.push(Resource { ids, rva, offset: pe.headers.rva_to_offset(rva), length });
                if found.list.len() == MAX_RESOURCES {
                    return Some(found);
                }
            }
        }
    }
    (!found.list.is_empty()).then_some(found)
}

/// What an entry points to; offset 0 is the root itself, which no sound entry points to.
fn child(tree: &[u8], offset: u32) -> Option<&[u8]> {
    let offset = usize::try_from(offset & !FLAG).ok().filter(|&o| o != 0)?;
    tree.get(offset..).filter(|rest| !rest.is_empty())
}

/// Address and size of a resource.
fn leaf(data: &[u8]) -> Option<(u32, u32)> {
    let mut reader = Reader::new(data);
    let (rva, length) = (reader.u32()?, reader.u32()?);
    reader.skip(8)?;
    (rva != 0 && (1..MAX_LENGTH).contains(&length)).then_some((rva, length))
}

impl Resource<'_> {
    /// The language, if it is a number.
    pub(super) fn language(&self) -> Option<u32> {
        if let [.., Id::Number(language)] = self.ids { Some(language) } else { None }
    }
}

impl DirectoryHeader {
    fn parse(reader: &mut Reader<'_>) -> Option<Self> {
        // Characteristics are reserved.
        if reader.u32()? != 0 {
            return None;
        }
        let timestamp = reader.u32()?;
        let version = (reader.u16()?, reader.u16()?);
        let (named, numbered) = (reader.u16()?, reader.u16()?);
        if named > 0x8000 || numbered > 0x8000 {
            return None;
        }
        Some(DirectoryHeader {
            timestamp,
            version,
            entries: usize::from(named).saturating_add(numbered.into()),
        })
    }
}

impl<'a> Id<'a> {
    fn parse(name: u32, tree: &'a [u8]) -> Self {
        if name & FLAG == 0 {
            return Id::Number(name);
        }
        Self::text(name & !FLAG, tree).map_or(Id::Unknown, Id::Name)
    }

    fn text(offset: u32, tree: &'a [u8]) -> Option<&'a [u8]> {
        let mut reader = Reader::new(tree.get(usize::try_from(offset).ok()?..)?);
        let characters = reader.u16().filter(|&n| n < MAX_RESOURCE_NAME)?;
        reader.take(usize::from(characters).checked_mul(2)?)
    }
}
