//! Tar: headers of 512 bytes, each with its member's bytes behind it. Members are slices of the archive.

use tar::{EntryType, Header, PaxExtensions};

use crate::bytes::size;
use crate::contain::contain;
use crate::limits::{CHUNK, MAX_NAME, MAX_TAR_VALUES};
use crate::walk::{Flow, Walk};
use crate::why::Why;

/// Bytes of a header; members are padded to a multiple of it.
const BLOCK: usize = 512;

/// Where the checksum of a header stands; it counts as spaces.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Whether the data begin with a header of a tar archive.
pub(crate) fn is_header(data: &[u8]) -> bool {
    data.get(..BLOCK).is_some_and(|block| block.first() != Some(&0) && sum_is_right(block))
}

fn sum_is_right(block: &[u8]) -> bool {
    let sum = block.iter().enumerate().fold(0u32, |sum, (at, &byte)| {
        sum.saturating_add(if CHECKSUM.contains(&at) { u32::from(b' ') } else { u32::from(byte) })
    });
    block.len() == BLOCK && Header::from_byte_slice(block).cksum().is_ok_and(|stated| stated == sum)
}

/// What headers before a member's own say about it.
#[derive(Default)]
struct Ahead {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    holes: bool,
}

pub(crate) fn walk(walk: &mut Walk<'_>, data: &[u8]) -> Flow {
    let mut ahead = Ahead::default();
    let mut at = 0usize;
    // Whether the last block was no header, so that others are taken for one only if they say so.
    let mut lost = false;
    let mut zeros = 0u32;
    while let Some(block) = data.get(at..at.saturating_add(BLOCK)) {
        let after = at.saturating_add(BLOCK);
        if at.is_multiple_of(CHUNK) {
            walk.check()?;
        }
        // Archives may follow one another, each ended by blocks of zeros, and what is behind a damaged header may be
        // whole: the search goes on to the end.
        if block.iter().all(|&byte| byte == 0) {
            zeros = zeros.saturating_add(1);
            // What comes after two of them need not be an archive.
            lost |= zeros >= 2;
            at = after;
            continue;
        }
        zeros = 0;
        if lost && block.get(257..262) != Some(b"ustar") {
            at = after;
            continue;
        }
        if !sum_is_right(block) {
            if !std::mem::replace(&mut lost, true) {
                walk.note(&Why::damaged("a header of a tar archive whose checksum is wrong"))?;
            }
            at = after;
            continue;
        }
        lost = false;
        at = entry(walk, data, block, after, &mut ahead)?;
    }
    // An archive ends with blocks of zeros, and is filled up with more.
    if zeros == 0 && !lost {
        walk.note(&Why::damaged("a tar archive without its end"))?;
    }
    Flow::Continue(())
}

/// An entry whose header is `block` and whose data begin at `start`; where the next one begins.
fn entry(
    walk: &mut Walk<'_>,
    data: &[u8],
    block: &[u8],
    start: usize,
    ahead: &mut Ahead,
) -> std::ops::ControlFlow<(), usize> {
    let header = Header::from_byte_slice(block);
    let kind = header.entry_type();
    let mut start = start;
    if kind == EntryType::GNUSparse {
        start = past_sparse_maps(data, block, start);
    }
    let stated = match (ahead.size.filter(|_| !is_about_next(kind)), header.entry_size()) {
        (Some(size), _) | (None, Ok(size)) => size,
        (None, Err(_)) => {
            walk.skip(&header.path_bytes(), Why::damaged("a tar header without a readable size"))?;
            *ahead = Ahead::default();
            return std::ops::ControlFlow::Continue(start);
        }
    };
    // Links have the size of what they lead to, and no data.
    let length = if kind == EntryType::Link { 0 } else { size(stated) };
    let end = start.saturating_add(length);
    let content = data.get(start..end.min(data.len())).unwrap_or_default();
    let next = end.checked_next_multiple_of(BLOCK).unwrap_or(usize::MAX);
    match kind {
        EntryType::GNULongName => {
            ahead.name = content.split(|&byte| byte == 0).next().map(kept);
        }
        EntryType::XHeader => extended(content.get(..MAX_TAR_VALUES).unwrap_or(content), ahead),
        EntryType::GNULongLink | EntryType::XGlobalHeader => {}
        _ => {
            let Ahead { name, holes, .. } = std::mem::take(ahead);
            let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
            let is_no_file = matches!(
                kind,
                EntryType::Directory
                    | EntryType::Link
                    | EntryType::Symlink
                    | EntryType::Char
                    | EntryType::Block
                    | EntryType::Fifo
            );
            if length > 0 || !(is_no_file || name.ends_with(b"/")) {
                let whole = content.len() == length;
                walk.slice(&name, content, |_, _| match whole {
                    false => Err(Why::damaged("it ends too early")),
                    true if holes || kind == EntryType::GNUSparse => Err(Why::Holes),
                    true => Ok(()),
                })?;
            }
        }
    }
    std::ops::ControlFlow::Continue(next)
}

/// Whether an entry says something about the one behind it, rather than be one.
fn is_about_next(kind: EntryType) -> bool {
    matches!(
        kind,
        EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader | EntryType::XGlobalHeader
    )
}

/// Where the data of a sparse file begin, whose map may go on in further blocks.
fn past_sparse_maps(data: &[u8], block: &[u8], start: usize) -> usize {
    let mut start = start;
    let mut extended = block.get(482).is_some_and(|&flag| flag != 0);
    while extended {
        let map = data.get(start..start.saturating_add(BLOCK)).unwrap_or_default();
        extended = map.get(504).is_some_and(|&flag| flag != 0);
        start = start.saturating_add(BLOCK);
    }
    start
}

/// A name, as much of it as is kept.
fn kept(name: &[u8]) -> Vec<u8> {
    name.get(..MAX_NAME).unwrap_or(name).to_vec()
}

/// What a header of named values says.
fn extended(content: &[u8], ahead: &mut Ahead) {
    let read = |ahead: &mut Ahead| {
        for value in PaxExtensions::new(content).map_while(Result::ok) {
            let text = value.value_bytes();
            match value.key_bytes() {
                b"path" | b"GNU.sparse.name" => ahead.name = Some(kept(text)),
                b"size" => ahead.size = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()),
                key if key.starts_with(b"GNU.sparse.") => ahead.holes = true,
                _ => {}
            }
        }
    };
    // A value that cannot be read is as good as one that is not there: the member's own header says the same.
    let _ = contain(|| read(ahead));
}
