//! ZIP: the members that the directory at the end lists, and those that it doesn't.

mod local;

use std::cell::Cell;
use std::io::{self, Read};

use deflate64::Deflate64Decoder;
use flate2::bufread::DeflateDecoder;
use lzma_rust2::{LzmaReader, XzReader};
use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive};

use crate::bytes::{Numbers as _, size};
use crate::contain::contain;
use crate::gzip::kibibytes;
use crate::input::Input;
use crate::meter::Meter;
use crate::walk::{Flow, Walk};
use crate::why::Why;

pub(crate) fn walk(walk: &mut Walk<'_>, data: &[u8]) -> Flow {
    let mut listed = Vec::new();
    let end = match contain(|| ZipArchive::from_slice(data)) {
        Ok(Ok(archive)) => entries(walk, &archive, &mut listed)?,
        Ok(Err(_)) => Err(Why::damaged("a ZIP archive without the directory at its end")),
        Err(why) => Err(why),
    };
    if let Err(why) = &end {
        walk.note(why)?;
    }
    // Where the directory is whole, what else looks like a member is told only if something comes out.
    local::walk(walk, data, listed, end.is_ok())
}

/// The members that the directory lists; `listed` gets the places of those that are there.
fn entries(
    walk: &mut Walk<'_>,
    archive: &ZipSliceArchive<&[u8]>,
    listed: &mut Vec<(usize, usize)>,
) -> std::ops::ControlFlow<(), Result<(), Why>> {
    use std::ops::ControlFlow::Continue;
    let mut entries = match contain(|| archive.entries()) {
        Ok(entries) => entries,
        Err(why) => return Continue(Err(why)),
    };
    loop {
        walk.check()?;
        match contain(|| entries.next_entry()) {
            Ok(Ok(Some(record))) => entry(walk, archive, &record, listed)?,
            Ok(Ok(None)) => return Continue(Ok(())),
            Ok(Err(_)) => return Continue(Err(Why::damaged("the directory of a ZIP archive"))),
            Err(why) => return Continue(Err(why)),
        }
    }
}

fn entry(
    walk: &mut Walk<'_>,
    archive: &ZipSliceArchive<&[u8]>,
    record: &ZipFileHeaderRecord<'_>,
    listed: &mut Vec<(usize, usize)>,
) -> Flow {
    let path = record.file_path();
    let name = path.as_bytes();
    let found = match contain(|| archive.get_entry(record.wayfinder())) {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => return walk.skip(name, Why::damaged("its data are not where the directory says")),
        Err(why) => return walk.skip(name, why),
    };
    listed.push((size(record.local_header_offset()), size(found.compressed_data_range().1)));
    if name.ends_with(b"/") && record.uncompressed_size_hint() == 0 {
        return Flow::Continue(());
    }
    let flags = record.flags();
    if flags.is_encrypted() || flags.has_strong_encryption() || flags.is_masked() {
        return walk.skip(name, Why::Encrypted);
    }
    let packed = Packed { data: found.data(), at: &Cell::new(0), method: record.compression_method() };
    let (crc, length) = (record.crc32(), record.uncompressed_size_hint());
    packed.unpack(walk, name, |meter, data| match meter.crc32(data)? == crc && data.len() as u64 == length {
        true => Ok(()),
        false => Err(Why::damaged("it is not what its checksum or length says")),
    })
}

/// The packed bytes of a member.
struct Packed<'a> {
    data: &'a [u8],
    /// How far unpacking came.
    at: &'a Cell<usize>,
    method: CompressionMethod,
}

impl Packed<'_> {
    fn unpack(
        &self,
        walk: &mut Walk<'_>,
        name: &[u8],
        check: impl FnOnce(&Meter<'_>, &[u8]) -> Result<(), Why>,
    ) -> Flow {
        let input = Input::new(self.data, self.at, walk.meter());
        let memory = kibibytes(walk.memory());
        match self.method {
            CompressionMethod::STORE => {
                self.at.set(self.data.len());
                walk.slice(name, self.data, check)
            }
            CompressionMethod::DEFLATE => walk.stream(name, DeflateDecoder::new(input), check),
            CompressionMethod::DEFLATE64 => walk.stream(name, Deflate64Decoder::with_buffer(input), check),
            CompressionMethod::LZMA => walk.stream(name, Lzma::new(input, memory), check),
            CompressionMethod::XZ => walk.stream(name, XzReader::new_mem_limit(input, false, memory), check),
            CompressionMethod::AES => walk.skip(name, Why::Encrypted),
            other => walk.skip(name, Why::unsupported(method_name(other))),
        }
    }
}

fn method_name(method: CompressionMethod) -> String {
    let number = method.as_u16();
    method
        .name()
        .map_or_else(|| format!("compression method {number}"), |name| format!("{name} in ZIP archives"))
}

/// LZMA as ZIP archives have it: two bytes of version, the length of the properties, and them, before the data. It is
/// opened with the first read, so that an error is that of a member.
enum Lzma<'a> {
    Closed(Option<Input<'a>>, u32),
    Open(Box<LzmaReader<Input<'a>>>),
}

impl<'a> Lzma<'a> {
    fn new(input: Input<'a>, memory: u32) -> Self {
        Lzma::Closed(Some(input), memory)
    }

    fn open(mut input: Input<'a>, memory: u32) -> io::Result<LzmaReader<Input<'a>>> {
        let mut header = [0; 9];
        input.read_exact(&mut header)?;
        let [.., props, _, _, _, _] = header;
        let (length, dictionary) = (header.u16_at(2), header.u32_at(5));
        let (Some(5), Some(dictionary)) = (length, dictionary) else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        if lzma_rust2::lzma_get_memory_usage_by_props(dictionary, props)? > memory {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        // The length is checked by the caller; the data may end with a mark or not.
        LzmaReader::new_with_props(input, u64::MAX, props, dictionary, None)
    }
}

impl Read for Lzma<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Lzma::Closed(input, memory) = self {
            let input = input.take().ok_or(io::ErrorKind::InvalidData)?;
            *self = Lzma::Open(Box::new(Lzma::open(input, *memory)?));
        }
        match self {
            Lzma::Open(reader) => reader.read(buf),
            Lzma::Closed(..) => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

impl Packed<'_> {
    /// Whether the first bytes can be unpacked at all.
    fn gives_something(&self, walk: &Walk<'_>) -> bool {
        let input = Input::new(self.data, self.at, walk.meter());
        let mut first = [0; 64];
        let read = |reader: &mut dyn Read, first: &mut [u8]| matches!(contain(|| reader.read(first)), Ok(Ok(read)) if read > 0);
        match self.method {
            CompressionMethod::STORE => !self.data.is_empty(),
            CompressionMethod::DEFLATE => read(&mut DeflateDecoder::new(input), &mut first),
            CompressionMethod::DEFLATE64 => read(&mut Deflate64Decoder::with_buffer(input), &mut first),
            CompressionMethod::LZMA => read(&mut Lzma::new(input, kibibytes(walk.memory())), &mut first),
            CompressionMethod::XZ => self.data.starts_with(b"\xfd7zXZ\0"),
            _ => true,
        }
    }
}
