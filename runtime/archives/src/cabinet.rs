//! Windows cabinets: folders, each a stream of blocks in which the members lie one after the other.
//!
//! The reader is ours because the library for it finds members by name only, so that one of two with the same name is
//! hidden, unpacks a folder anew for each of its members, and indexes beyond its tables where a member lies beyond its
//! folder. The decoders are libraries.

use std::cell::Cell;
use std::io::{self, Read};

use lzxd::{Lzxd, WindowSize};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use crate::bytes::{Numbers as _, size};
use crate::input::Input;
use crate::limits::MAX_CAB_BLOCK;
use crate::walk::{Flow, Walk};
use crate::why::Why;

/// Bytes of the header without what is optional.
const HEADER: usize = 36;

/// Numbers of folders that begin or end in another cabinet.
const FROM_OTHER: std::ops::RangeInclusive<u16> = 0xFFFD..=0xFFFF;

/// The tables of a cabinet.
struct Cabinet<'a> {
    data: &'a [u8],
    folders: Vec<Folder>,
    files: Vec<File<'a>>,
    /// Bytes between a block's header and its data.
    reserve: usize,
}

struct Folder {
    start: usize,
    blocks: u16,
    method: u16,
}

struct File<'a> {
    name: &'a [u8],
    length: usize,
    offset: usize,
    folder: u16,
}

pub(crate) fn walk(walk: &mut Walk<'_>, data: &[u8]) -> Flow {
    let Some((mut cabinet, whole)) = Cabinet::parse(data) else {
        return walk.note(&Why::damaged("the header of a cabinet"));
    };
    if !whole {
        walk.note(&Why::damaged("the tables of a cabinet"))?;
    }
    let mut files = std::mem::take(&mut cabinet.files);
    files.sort_by_key(|file| (file.folder, file.offset));
    for files in files.chunk_by(|a, b| a.folder == b.folder) {
        folder(walk, &cabinet, files)?;
    }
    Flow::Continue(())
}

impl<'a> Cabinet<'a> {
    /// The tables as far as they can be read, and whether that is all of them.
    fn parse(data: &'a [u8]) -> Option<(Self, bool)> {
        let first_file = size(u64::from(data.u32_at(16)?));
        let (folders, files, flags) = (data.u16_at(26)?, data.u16_at(28)?, data.u16_at(30)?);
        let mut at = HEADER;
        let (mut folder_reserve, mut reserve) = (0, 0);
        if flags & 4 != 0 {
            let header_reserve = usize::from(data.u16_at(at)?);
            folder_reserve = usize::from(*data.get(38)?);
            reserve = usize::from(*data.get(39)?);
            at = at.checked_add(4)?.checked_add(header_reserve)?;
        }
        // Names of the cabinet and disk before this one, and of those after it.
        for _ in 0..(flags & 3).count_ones().saturating_mul(2) {
            at = data.text_at(at)?.1;
        }
        let mut cabinet = Cabinet { data, folders: Vec::new(), files: Vec::new(), reserve };
        let mut whole = true;
        for _ in 0..folders {
            let Some(folder) = Folder::parse(data, at) else {
                whole = false;
                break;
            };
            cabinet.folders.push(folder);
            at = at.checked_add(8)?.checked_add(folder_reserve)?;
        }
        at = first_file;
        for _ in 0..files {
            let Some((file, after)) = File::parse(data, at) else {
                whole = false;
                break;
            };
            cabinet.files.push(file);
            at = after;
        }
        Some((cabinet, whole))
    }
}

impl Folder {
    fn parse(data: &[u8], at: usize) -> Option<Self> {
        let entry = data.part(at, 8)?;
        Some(Folder {
            start: size(u64::from(entry.u32_at(0)?)),
            blocks: entry.u16_at(4)?,
            method: entry.u16_at(6)?,
        })
    }
}

impl<'a> File<'a> {
    fn parse(data: &'a [u8], at: usize) -> Option<(Self, usize)> {
        let entry = data.part(at, 16)?;
        let (name, after) = data.text_at(at.checked_add(16)?)?;
        let file = File {
            name,
            length: size(u64::from(entry.u32_at(0)?)),
            offset: size(u64::from(entry.u32_at(4)?)),
            folder: entry.u16_at(8)?,
        };
        Some((file, after))
    }
}

/// The members of one folder, by offset.
fn folder(walk: &mut Walk<'_>, cabinet: &Cabinet<'_>, files: &[File<'_>]) -> Flow {
    let number = files.first().map_or(0, |file| file.folder);
    let folder = cabinet.folders.get(usize::from(number));
    let method = folder.map(|folder| folder.method & 15);
    let why = match method {
        _ if FROM_OTHER.contains(&number) => Some(Why::OtherFile),
        None => Some(Why::damaged("it is in a folder that the cabinet doesn't have")),
        Some(0 | 1 | 3) => None,
        Some(2) => Some(Why::unsupported("Quantum in cabinets")),
        Some(other) => Some(Why::unsupported(format!("compression method {other} of cabinets"))),
    };
    let (Some(folder), None) = (folder, &why) else {
        for file in files {
            walk.skip(file.name, why.clone().unwrap_or(Why::OtherFile))?;
        }
        return Flow::Continue(());
    };
    let at = Cell::new(folder.start);
    let mut stream = Stream::new(cabinet, folder, Input::new(cabinet.data, &at, walk.meter()));
    for file in files {
        if file.offset < stream.position {
            // Members that lie over one another: from the beginning once more, which is charged.
            at.set(folder.start);
            stream = Stream::new(cabinet, folder, Input::new(cabinet.data, &at, walk.meter()));
        }
        let gap = file.offset.saturating_sub(stream.position);
        let mut before = (&mut stream).take(gap as u64);
        walk.drain(&mut before)?;
        let length = file.length;
        walk.stream(file.name, (&mut stream).take(length as u64), |_, data| match data.len() == length {
            true => Ok(()),
            false => Err(Why::damaged("it ends too early")),
        })?;
        // What was too long to keep lies before the next one.
        let read = stream.position.saturating_sub(file.offset);
        walk.drain(&mut (&mut stream).take(length.saturating_sub(read) as u64))?;
    }
    Flow::Continue(())
}

/// What the blocks of a folder unpack to.
struct Stream<'a> {
    input: Input<'a>,
    reserve: usize,
    /// Blocks that are left.
    blocks: u16,
    decoder: Decoder,
    /// The present block, and how much of it was taken.
    block: Vec<u8>,
    taken: usize,
    /// Bytes taken of the folder.
    position: usize,
    failed: bool,
}

enum Decoder {
    Stored,
    /// With up to a block before the present one, which it refers to.
    Deflate(Box<DecompressorOxide>, Vec<u8>),
    Lzx(Box<Lzxd>),
}

impl<'a> Stream<'a> {
    fn new(cabinet: &Cabinet<'_>, folder: &Folder, input: Input<'a>) -> Self {
        let decoder = match folder.method & 15 {
            1 => Decoder::Deflate(Box::default(), Vec::new()),
            3 => Decoder::Lzx(Box::new(Lzxd::new(window(folder.method >> 8)))),
            _ => Decoder::Stored,
        };
        Stream {
            input,
            reserve: cabinet.reserve,
            blocks: folder.blocks,
            decoder,
            block: Vec::new(),
            taken: 0,
            position: 0,
            failed: false,
        }
    }

    /// Unpacks the next block; false after the last.
    fn next_block(&mut self) -> io::Result<bool> {
        self.block.clear();
        self.taken = 0;
        let Some(left) = self.blocks.checked_sub(1) else { return Ok(false) };
        self.blocks = left;
        let mut header = [0; 8];
        self.input.read_exact(&mut header)?;
        let (Some(sum), Some(packed), Some(length)) = (header.u32_at(0), header.u16_at(4), header.u16_at(6))
        else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let mut data = vec![0; self.reserve.saturating_add(usize::from(packed))];
        self.input.read_exact(&mut data)?;
        let length = usize::from(length);
        // A block of no length goes on in another cabinet.
        if length == 0 || length > MAX_CAB_BLOCK {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let right = sum == 0 || sum == checksum(header.get(4..).unwrap_or_default(), checksum(&data, 0));
        let packed = data.get(self.reserve..).unwrap_or_default();
        self.decoder.unpack(packed, length, &mut self.block)?;
        // What came out of a damaged block is given first.
        self.failed = !right;
        Ok(true)
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if self.taken >= self.block.len()
            && (self.failed || !self.next_block().inspect_err(|_| self.blocks = 0)?)
        {
            return if self.failed { Err(io::ErrorKind::InvalidData.into()) } else { Ok(0) };
        }
        let read = self.block.get(self.taken..).unwrap_or_default().read(buf)?;
        self.taken = self.taken.saturating_add(read);
        self.position = self.position.saturating_add(read);
        Ok(read)
    }
}

impl Decoder {
    fn unpack(&mut self, packed: &[u8], length: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        match self {
            Decoder::Stored => out.extend_from_slice(packed.get(..length).ok_or_else(damaged)?),
            Decoder::Deflate(state, history) => {
                let packed = packed.strip_prefix(b"CK").ok_or_else(damaged)?;
                // One buffer for both, as what is referred to has to lie before what comes out.
                let start = history.len();
                history.resize(start.saturating_add(length), 0);
                state.init();
                let (status, _, written) =
                    decompress(state, packed, history, start, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF);
                let end = start.saturating_add(written);
                out.extend_from_slice(history.get(start..end).unwrap_or_default());
                let keep = end.saturating_sub(MAX_CAB_BLOCK);
                history.truncate(end);
                history.drain(..keep);
                if status != TINFLStatus::Done || written != length {
                    return if written > 0 { Ok(()) } else { Err(damaged()) };
                }
            }
            Decoder::Lzx(state) => {
                out.extend_from_slice(state.decompress_next(packed, length).map_err(|_| damaged())?);
            }
        }
        Ok(())
    }
}

/// The window of LZX; one that there isn't is the largest, and the data will be damaged.
fn window(log: u16) -> WindowSize {
    match log & 31 {
        15 => WindowSize::KB32,
        16 => WindowSize::KB64,
        17 => WindowSize::KB128,
        18 => WindowSize::KB256,
        19 => WindowSize::KB512,
        20 => WindowSize::MB1,
        _ => WindowSize::MB2,
    }
}

/// The checksum of a block: its words, and what is left in the other order, exclusive or.
fn checksum(data: &[u8], start: u32) -> u32 {
    let words = data.chunks_exact(4);
    let rest = words.remainder().iter().fold(0, |sum: u32, &byte| (sum << 8) | u32::from(byte));
    let word = |sum, word: &[u8]| sum ^ word.u32_at(0).unwrap_or(0);
    words.fold(start, word) ^ rest
}
