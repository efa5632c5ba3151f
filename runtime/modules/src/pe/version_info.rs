//! The strings of version resources (`CompanyName`, `FileVersion`, …).
//!
//! A version resource is a tree of nodes `length, value length, type, key, padding, value, padding, children`:
//! `VS_VERSION_INFO` over `StringFileInfo` over one table a language over strings, with `VarFileInfo` somewhere beside
//! `StringFileInfo`. Value lengths are unreliable (bytes or characters, with the final zero or not, or wrong), so
//! values are read up to their zero.

use super::Pe;
use super::resources::{Id, Resource};
use crate::limits::{MAX_VERSION_RESOURCES, MAX_VERSION_STRINGS};
use crate::reader::Reader;

const RESOURCE_TYPE_VERSION: u32 = 16;
/// `VS_FIXEDFILEINFO`, the value of the root.
const SIZE_OF_FIXED_INFO: usize = 52;

struct Node<'a> {
    key: String,
    value_length: u16,
    /// Value and children.
    body: &'a [u8],
}

/// Keys and values of all version resources among `resources`, in the order of the file.
pub(super) fn version_info(pe: &Pe<'_>, resources: &[Resource<'_>]) -> Vec<(String, String)> {
    let mut strings = Vec::new();
    let versions = resources.iter().filter(|r| matches!(r.ids, [Id::Number(RESOURCE_TYPE_VERSION), ..]));
    for resource in versions.take(MAX_VERSION_RESOURCES) {
        let data = resource.offset.and_then(|offset| pe.at_offset(offset)).unwrap_or_default();
        strings.extend(root(data).unwrap_or_default());
    }
    strings.truncate(MAX_VERSION_STRINGS);
    strings
}

fn root(data: &[u8]) -> Option<Vec<(String, String)>> {
    let root = Node::parse(&mut Reader::new(data)).filter(|n| n.key == "VS_VERSION_INFO")?;
    let mut children = Reader::new(root.body);
    if root.value_length > 0 && root.body.len() >= SIZE_OF_FIXED_INFO {
        children.skip(SIZE_OF_FIXED_INFO)?;
    }
    let mut info = Node::parse(&mut children)?;
    if info.key == "VarFileInfo" {
        info = Node::parse(&mut children)?;
    }
    if info.key != "StringFileInfo" {
        return None;
    }
    let mut tables = Reader::new(info.body);
    let mut strings = table(&mut tables)?;
    while let Some(more) = table(&mut tables) {
        strings.extend(more);
    }
    Some(strings)
}

/// The strings of the next table: at least one.
fn table(reader: &mut Reader<'_>) -> Option<Vec<(String, String)>> {
    let mut ahead = *reader;
    let table = Node::parse(&mut ahead)?;
    let mut entries = Reader::new(table.body);
    let strings: Vec<_> = std::iter::from_fn(|| Node::parse(&mut entries)).map(Node::into_string).collect();
    *reader = ahead;
    (!strings.is_empty()).then_some(strings)
}

impl<'a> Node<'a> {
    /// The next node, whose length is rounded up to 4 bytes.
    fn parse(reader: &mut Reader<'a>) -> Option<Self> {
        let mut ahead = *reader;
        let length = ahead.u16()?;
        let node = reader.take(usize::from(length).next_multiple_of(4))?;
        let mut fields = Reader::new(node);
        fields.skip(2)?;
        let value_length = fields.u16()?;
        fields.skip(2)?;
        let key = text(&mut fields)?;
        let read = node.len().checked_sub(fields.rest().len())?;
        Some(Node { key, value_length, body: node.get(read.next_multiple_of(4)..)? })
    }

    fn into_string(self) -> (String, String) {
        let value = if self.value_length > 0 { text(&mut Reader::new(self.body)) } else { None };
        (self.key, value.unwrap_or_default())
    }
}

/// UTF-16LE text up to its zero, which is passed over, or to the end; `None` if half a character is left.
fn text(reader: &mut Reader<'_>) -> Option<String> {
    let mut units = Vec::new();
    while !reader.rest().is_empty() {
        match reader.u16()? {
            0 => break,
            unit => units.push(unit),
        }
    }
    Some(String::from_utf16_lossy(&units))
}
