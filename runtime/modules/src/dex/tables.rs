//! The header, and the tables it points to.

use std::borrow::Cow;

use super::text::decode;
use crate::limits::{MAX_DEX_ITEMS, MAX_DEX_STRINGS};
use crate::reader::{Allowance, Reader};

const HEADER_SIZE: u32 = 0x70;
/// Tags of the two byte orders; all files there are have the first.
const ENDIAN: [u32; 2] = [0x1234_5678, 0x7856_3412];
const VERSIONS: std::ops::RangeInclusive<u32> = 35..=41;
/// The first version with containers.
const CONTAINER_VERSION: u32 = 41;
/// What a method can have.
const MAX_PARAMETERS: u32 = 255;
const MAX_STRING: u32 = 0x1_0000;
/// What a byte of a string that is not ASCII counts for.
const DECODING: usize = 24;

/// A Dalvik executable.
pub(super) struct Dex<'a> {
    pub(super) header: Header<'a>,
    pub(super) strings: Vec<Cow<'a, [u8]>>,
    /// Of the string that names each type, its number.
    pub(super) types: Vec<usize>,
    pub(super) protos: Vec<Proto>,
    pub(super) allowance: Allowance,
    data: &'a [u8],
}

/// The header.
pub(super) struct Header<'a> {
    pub(super) version: u32,
    pub(super) checksum: u32,
    pub(super) signature: &'a [u8],
    pub(super) file_size: u32,
    pub(super) endian_tag: u32,
    pub(super) link: Table,
    /// Size and place of the container, in newer files.
    pub(super) container: Option<(u32, u32)>,
    map: u32,
    strings: Table,
    types: Table,
    protos: Table,
    fields: Table,
    methods: Table,
    classes: Table,
}

/// Where a table is, and how many entries it has.
#[derive(Clone, Copy)]
pub(super) struct Table {
    pub(super) size: u32,
    pub(super) offset: u32,
}

/// A prototype of methods: a string and types, by their numbers.
pub(super) struct Proto {
    pub(super) shorty: usize,
    pub(super) result: usize,
    pub(super) parameters: Vec<usize>,
}

/// A field or a method: its class, its type or prototype, and its name.
pub(super) struct Member {
    pub(super) class: usize,
    pub(super) kind: usize,
    pub(super) name: usize,
}

/// A class.
pub(super) struct Class {
    pub(super) class: usize,
    pub(super) flags: u32,
    pub(super) superclass: Option<usize>,
    pub(super) source: Option<usize>,
}

impl<'a> Header<'a> {
    fn parse(data: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(data);
        let [b'd', b'e', b'x', b'\n', b'0', tens, ones, 0] = *reader.take(8)? else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(10);
        let version = digit(tens)?.checked_mul(10)?.checked_add(digit(ones)?)?;
        let inside = |offset: u32| usize::try_from(offset).is_ok_and(|offset| offset <= data.len());
        let table = |reader: &mut Reader<'_>| {
            Some(Table { size: reader.u32()?, offset: reader.u32().filter(|&offset| inside(offset))? })
        };
        let few = |table: &Table| table.size <= 0xffff;
        let (checksum, signature) = (reader.u32()?, reader.take(20)?);
        let file_size = reader.u32().filter(|&size| inside(size))?;
        reader.u32().filter(|&size| size == HEADER_SIZE)?;
        let endian_tag = reader.u32().filter(|tag| ENDIAN.contains(tag))?;
        let link = table(&mut reader)?;
        let map = reader.u32().filter(|&offset| inside(offset))?;
        let strings = table(&mut reader)?;
        let (types, protos) = (table(&mut reader).filter(few)?, table(&mut reader).filter(few)?);
        let (fields, methods, classes) = (table(&mut reader)?, table(&mut reader)?, table(&mut reader)?);
        // Where the data is.
        table(&mut reader)?;
        let container =
            if version >= CONTAINER_VERSION { Some((reader.u32()?, reader.u32()?)) } else { None };
        VERSIONS.contains(&version).then_some(Header {
            version,
            checksum,
            signature,
            file_size,
            endian_tag,
            link,
            container,
            map,
            strings,
            types,
            protos,
            fields,
            methods,
            classes,
        })
    }
}

impl<'a> Dex<'a> {
    /// `None` if the file is no Dalvik executable.
    pub(super) fn parse(data: &'a [u8]) -> Option<Self> {
        let header = Header::parse(data)?;
        let allowance = Allowance::new(data.len());
        let mut dex =
            Dex { header, strings: Vec::new(), types: Vec::new(), protos: Vec::new(), allowance, data };
        dex.strings = dex.read_strings();
        dex.types = dex.entries(dex.header.types, Reader::u32).filter_map(|n| dex.string(n)).collect();
        dex.protos = dex
            .entries(dex.header.protos, |reader| Some((reader.u32()?, reader.u32()?, reader.u32()?)))
            .filter_map(|(shorty, result, list)| {
                let (shorty, result) = (dex.string(shorty)?, dex.ty(result)?);
                let list = if list == 0 { None } else { dex.type_list(list) };
                Some(Proto { shorty, result, parameters: list.unwrap_or_default() })
            })
            .collect();
        Some(dex)
    }

    fn read_strings(&self) -> Vec<Cow<'a, [u8]>> {
        self.allowance
            .each(1, self.entries(self.header.strings, Reader::u32))
            .filter_map(|offset| {
                let mut reader =
                    Reader::new(self.at(offset.max(HEADER_SIZE)).filter(|_| offset >= HEADER_SIZE)?);
                let length = leb128(&mut reader).filter(|&length| length <= MAX_STRING)?;
                // The number of UTF-16 units, taken for that of bytes as the peers do.
                let bytes = reader.take(usize::try_from(length).ok()?)?;
                // Many entries may share a string, and decoding takes a while.
                self.allowance.spend(bytes.len())?;
                if !bytes.is_ascii() {
                    self.allowance.spend(bytes.len().checked_mul(DECODING)?)?;
                }
                decode(bytes)
            })
            .take(MAX_DEX_STRINGS)
            .collect()
    }

    /// The entries of a table, as far as they are in the file.
    fn entries<T>(
        &self,
        table: Table,
        read: impl Fn(&mut Reader<'a>) -> Option<T>,
    ) -> impl Iterator<Item = T> {
        let start = if table.offset == 0 { None } else { self.at(table.offset) };
        let mut reader = Reader::new(start.unwrap_or_default());
        let count = usize::try_from(table.size).unwrap_or(usize::MAX).min(MAX_DEX_STRINGS);
        std::iter::from_fn(move || read(&mut reader)).take(count)
    }

    fn type_list(&self, offset: u32) -> Option<Vec<usize>> {
        let mut reader = Reader::new(self.at(offset)?);
        let size = usize::try_from(reader.u32().filter(|&size| size <= MAX_PARAMETERS)?).ok()?;
        self.allowance.spend(size.checked_mul(size_of::<usize>())?)?;
        let numbers = std::iter::from_fn(|| reader.u16()).take(size);
        Some(numbers.filter_map(|n| self.ty(n.into())).collect())
    }

    /// The fields.
    pub(super) fn fields(&self) -> impl Iterator<Item = Member> {
        self.members(self.header.fields, self.types.len())
    }

    /// The methods.
    pub(super) fn methods(&self) -> impl Iterator<Item = Member> {
        self.members(self.header.methods, self.protos.len())
    }

    fn members(&self, table: Table, kinds: usize) -> impl Iterator<Item = Member> {
        self.entries(table, |reader| Some((reader.u16()?, reader.u16()?, reader.u32()?)))
            .filter_map(move |(class, kind, name)| {
                let kind = usize::from(kind);
                let (class, name) = (self.ty(class.into())?, self.string(name)?);
                (kind < kinds).then_some(Member { class, kind, name })
            })
            .take(MAX_DEX_ITEMS)
    }

    /// The classes.
    pub(super) fn classes(&self) -> impl Iterator<Item = Class> {
        self.entries(self.header.classes, |reader| {
            let (class, flags, superclass) = (reader.u32()?, reader.u32()?, reader.u32()?);
            reader.skip(4)?;
            let source = reader.u32()?;
            reader.skip(12)?;
            Some((class, flags, superclass, source))
        })
        .filter_map(|(class, flags, superclass, source)| {
            let class = self.ty(class)?;
            // There is no type or string with the number that stands for none.
            Some(Class { class, flags, superclass: self.ty(superclass), source: self.string(source) })
        })
        .take(MAX_DEX_ITEMS)
    }

    /// The number of entries the map tells of, and the entries: kind, an unused number, size and offset.
    pub(super) fn map(&self) -> Option<(u32, Vec<[u32; 4]>)> {
        let mut reader = Reader::new(self.at(self.header.map)?);
        let size = reader.u32()?;
        let item = || Some([reader.u16()?.into(), reader.u16()?.into(), reader.u32()?, reader.u32()?]);
        let count = usize::try_from(size).ok()?.min(MAX_DEX_ITEMS);
        Some((size, std::iter::from_fn(item).take(count).collect()))
    }

    /// A number of a string, if there is one.
    fn string(&self, number: u32) -> Option<usize> {
        usize::try_from(number).ok().filter(|&n| n < self.strings.len())
    }

    /// A number of a type, if there is one.
    fn ty(&self, number: u32) -> Option<usize> {
        usize::try_from(number).ok().filter(|&n| n < self.types.len())
    }

    fn at(&self, offset: u32) -> Option<&'a [u8]> {
        self.data.get(usize::try_from(offset).ok()?..)
    }
}

/// A number in groups of seven bits, the lowest first.
fn leb128(reader: &mut Reader<'_>) -> Option<u32> {
    let mut value = 0u32;
    for shift in [0, 7, 14, 21, 28] {
        let byte = reader.u8()?;
        value |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
