//! The header of the common language runtime, the root of the metadata, and its streams.

use super::types::unsigned;
use crate::limits::{MAX_DOTNET_NAME, MAX_DOTNET_STREAMS, MAX_DOTNET_USER_STRINGS};
use crate::pe::Pe;
use crate::reader::{Allowance, Reader};

const DIRECTORY_CLR: usize = 14;
const CLR_HEADER_SIZE: u32 = 72;
const SIGNATURE: u32 = 0x424a_5342;
const MAX_VERSION: u32 = 255;
const MAX_GUIDS: usize = 16;
const GUID_SIZE: usize = 16;

/// The metadata of an assembly.
pub(super) struct Metadata<'a> {
    pub(super) version: &'a str,
    pub(super) streams: Vec<Stream<'a>>,
    /// The table stream; empty if there is none.
    pub(super) tables: &'a [u8],
    /// What resource offsets are relative to, and where it is in the file.
    pub(super) resources: Option<&'a [u8]>,
    pub(super) resources_offset: Option<u32>,
    strings: Option<&'a [u8]>,
    user_strings: Option<&'a [u8]>,
    blobs: Option<&'a [u8]>,
    guids: Option<&'a [u8]>,
    pub(super) allowance: Allowance,
}

/// A stream of the metadata.
pub(super) struct Stream<'a> {
    pub(super) name: &'a [u8],
    /// In the file.
    pub(super) offset: u32,
    pub(super) size: u32,
}

impl<'a> Metadata<'a> {
    /// `None` if the file is no assembly.
    pub(super) fn parse(pe: &Pe<'a>) -> Option<Self> {
        let mut header = Reader::new(pe.after_directory_entry(DIRECTORY_CLR)?);
        if header.u32()? != CLR_HEADER_SIZE {
            return None;
        }
        header.skip(4)?;
        let (rva, size) = (header.u32()?, header.u32()?);
        header.skip(8)?;
        let (resources_rva, resources_size) = (header.u32()?, header.u32()?);
        header.skip(8)?;
        let start = pe.rva_to_offset(rva)?;
        let mut root = Reader::new(pe.range_at_rva(rva, size)?);
        if root.u32()? != SIGNATURE {
            return None;
        }
        root.skip(8)?;
        let length = root.u32().filter(|&length| length <= MAX_VERSION)?;
        let version = until_zero(root.take(usize::try_from(length).ok()?)?);
        let version = std::str::from_utf8(version).ok()?;
        root.skip(2)?;
        let count = usize::from(root.u16()?);
        if count > MAX_DOTNET_STREAMS {
            return None;
        }
        let streams: Vec<_> = (0..count).map(|_| Stream::parse(&mut root, start)).collect::<Option<_>>()?;
        // Of streams with one name the last counts.
        let find = |names: &[&[u8]]| {
            let stream = streams.iter().rev().find(|s| names.contains(&s.name))?;
            let offset = usize::try_from(stream.offset).ok()?;
            let end = offset.checked_add(usize::try_from(stream.size).ok()?)?;
            pe.data().get(offset..end)
        };
        Some(Metadata {
            version,
            tables: find(&[b"#~", b"#-"]).unwrap_or_default(),
            resources: pe.range_at_rva(resources_rva, resources_size),
            resources_offset: pe.rva_to_offset(resources_rva),
            strings: find(&[b"#Strings"]),
            user_strings: find(&[b"#US"]),
            blobs: find(&[b"#Blob"]),
            guids: find(&[b"#GUID"]),
            streams,
            allowance: Allowance::new(pe.data().len()),
        })
    }

    /// Takes `amount` from the allowance; `None` if there isn't so much.
    pub(super) fn spend(&self, amount: usize) -> Option<()> {
        self.allowance.spend(amount)
    }

    /// The string at `index` of the string heap.
    pub(super) fn string(&self, index: u32) -> Option<&'a str> {
        let start = self.strings?.get(usize::try_from(index).ok()?..)?;
        let start = start.get(..MAX_DOTNET_NAME).unwrap_or(start);
        let Some(end) = memchr::memchr(0, start) else {
            self.spend(start.len())?;
            return None;
        };
        self.spend(end)?;
        std::str::from_utf8(start.get(..end)?).ok()
    }

    /// The bytes at `index` of the blob heap.
    pub(super) fn blob(&self, index: u32) -> Option<&'a [u8]> {
        let mut reader = Reader::new(self.blobs?.get(usize::try_from(index).ok()?..)?);
        let length = unsigned(&mut reader)?;
        reader.take(usize::try_from(length).ok()?)
    }

    /// The identifiers of the GUID heap.
    pub(super) fn guids(&self) -> impl Iterator<Item = String> + use<'a> {
        self.guids.unwrap_or_default().chunks_exact(GUID_SIZE).take(MAX_GUIDS).filter_map(guid)
    }

    /// The strings of the user string heap that are not empty, in UTF-16LE.
    pub(super) fn user_strings(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut reader = Reader::new(self.user_strings.unwrap_or_default());
        let next = move || {
            let length = unsigned(&mut reader)?;
            reader.take(usize::try_from(length).ok()?)
        };
        // After the text there is a byte that tells about its characters.
        let text = |bytes: &'a [u8]| bytes.split_last().map(|(_, text)| text).filter(|text| text.len() >= 2);
        std::iter::from_fn(next).filter_map(text).take(MAX_DOTNET_USER_STRINGS)
    }
}

impl<'a> Stream<'a> {
    fn parse(reader: &mut Reader<'a>, start: u32) -> Option<Self> {
        let (offset, size) = (reader.u32()?, reader.u32()?);
        let name = until_zero(reader.rest());
        // With its zero, padded to a multiple of 4.
        reader.skip(name.len().checked_add(1)?.checked_next_multiple_of(4)?)?;
        Some(Stream { name, offset: offset.saturating_add(start), size })
    }
}

fn until_zero(bytes: &[u8]) -> &[u8] {
    memchr::memchr(0, bytes).and_then(|end| bytes.get(..end)).unwrap_or(bytes)
}

/// A GUID as it is usually written.
fn guid(bytes: &[u8]) -> Option<String> {
    let mut reader = Reader::new(bytes);
    let (a, b, c) = (reader.u32()?, reader.u16()?, reader.u16()?);
    let hex = |bytes: &[u8]| String::from_utf8_lossy(&crate::value::hex(bytes)).into_owned();
    Some(format!("{a:08x}-{b:04x}-{c:04x}-{}-{}", hex(reader.take(2)?), hex(reader.take(6)?)))
}
