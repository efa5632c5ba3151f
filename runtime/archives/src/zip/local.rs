//! Members of a ZIP archive that no directory lists: of one that was cut short or damaged, or that were left behind or
//! hidden. Each has a header of its own before its data.

use std::cell::Cell;

use memchr::memmem;
use rawzip::CompressionMethod;

use super::Packed;
use crate::bytes::{Numbers as _, size};
use crate::limits::MAX_NAME;
use crate::walk::{Flow, Walk};
use crate::why::Why;

const MARK: &[u8] = b"PK\x03\x04";

/// Bytes of the header without name and extra fields.
const HEADER: usize = 30;

/// Bytes that are searched between two looks at the clock.
const STRIDE: usize = 1 << 20;

/// What a member's own header says.
struct Local<'a> {
    name: &'a [u8],
    method: CompressionMethod,
    encrypted: bool,
    crc: u32,
    /// `None` if the length stands behind the data.
    packed_length: Option<usize>,
    start: usize,
}

/// Looks for members outside `listed`, the places of those that were looked at already. If `quiet`, the ones from which
/// nothing comes out are not told: bytes that happen to look like a header are no member.
pub(super) fn walk(walk: &mut Walk<'_>, data: &[u8], listed: Vec<(usize, usize)>, quiet: bool) -> Flow {
    let listed = merged(listed);
    let mut after = listed.iter().copied().peekable();
    let mut at = 0usize;
    loop {
        walk.check()?;
        let reach = at.saturating_add(STRIDE).min(data.len());
        let found = data.get(at..reach).and_then(|part| memmem::find(part, MARK));
        let Some(found) = found.map(|found| at.saturating_add(found)) else {
            if reach == data.len() {
                return Flow::Continue(());
            }
            // The mark may lie across the border.
            at = reach.saturating_sub(MARK.len().saturating_sub(1));
            continue;
        };
        while after.peek().is_some_and(|&(_, end)| end <= found) {
            after.next();
        }
        at = match after.peek() {
            Some(&(start, end)) if start <= found => end.max(found.saturating_add(1)),
            _ => match local(data, found) {
                Some(local) => member(walk, data, &local, quiet)?,
                None => found.saturating_add(MARK.len()),
            },
        };
    }
}

/// Places in order, joined where they touch.
fn merged(mut places: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
    places.sort_unstable();
    places.dedup_by(|next, before| {
        let joined = next.0 <= before.1;
        if joined {
            before.1 = before.1.max(next.1);
        }
        joined
    });
    places
}

fn local(data: &[u8], at: usize) -> Option<Local<'_>> {
    let header = data.part(at, HEADER)?;
    let flags = header.u16_at(6)?;
    let method = CompressionMethod::new(header.u16_at(8)?);
    let (name_length, extra_length) = (usize::from(header.u16_at(26)?), usize::from(header.u16_at(28)?));
    // A version above 10.0 and a method without a name are of no header.
    let version = *header.get(4)?;
    if version > 100 || method.name().is_none() || name_length == 0 || name_length > MAX_NAME {
        return None;
    }
    let name_at = at.checked_add(HEADER)?;
    let name = data.part(name_at, name_length)?;
    let extra_at = name_at.checked_add(name_length)?;
    let extra = data.part(extra_at, extra_length)?;
    let packed = match header.u32_at(18)? {
        u32::MAX => long_length(extra).unwrap_or(u64::from(u32::MAX)),
        length => u64::from(length),
    };
    let behind = flags & 8 != 0 && packed == 0;
    Some(Local {
        name,
        method,
        encrypted: flags & 0x2041 != 0,
        crc: header.u32_at(14)?,
        packed_length: (!behind).then_some(size(packed)),
        start: extra_at.checked_add(extra_length)?,
    })
}

/// The packed length among the extra fields, for members of 4 GiB and more.
fn long_length(extra: &[u8]) -> Option<u64> {
    let mut at = 0usize;
    loop {
        let (id, length) = (extra.u16_at(at)?, extra.u16_at(at.checked_add(2)?)?);
        at = at.checked_add(4)?;
        if id == 1 {
            return extra.u64_at(at.checked_add(8)?);
        }
        at = at.checked_add(usize::from(length))?;
    }
}

/// Unpacks a member; answers where to go on.
fn member(
    walk: &mut Walk<'_>,
    data: &[u8],
    local: &Local<'_>,
    quiet: bool,
) -> std::ops::ControlFlow<(), usize> {
    let rest = data.get(local.start..).unwrap_or_default();
    let stored = local.method == CompressionMethod::STORE;
    let length = match local.packed_length {
        Some(length) => length,
        // Data that are not packed don't say where they end; the next record does.
        None if stored || local.encrypted => next_record(rest),
        None => rest.len(),
    };
    let packed = rest.get(..length).unwrap_or(rest);
    let end = local.start.saturating_add(packed.len());
    if local.name.ends_with(b"/") && packed.is_empty() {
        return std::ops::ControlFlow::Continue(end);
    }
    if local.encrypted {
        walk.skip(local.name, Why::Encrypted)?;
        return std::ops::ControlFlow::Continue(end);
    }
    let at = Cell::new(0);
    let packed = Packed { data: packed, at: &at, method: local.method };
    if quiet && !packed.gives_something(walk) {
        return std::ops::ControlFlow::Continue(local.start);
    }
    at.set(0);
    let cut = rest.len() < length;
    let crc = local.packed_length.map(|_| local.crc);
    packed.unpack(walk, local.name, |meter, data| match crc {
        _ if cut => Err(Why::damaged("it ends too early")),
        Some(crc) if meter.crc32(data)? != crc => Err(Why::damaged("it is not what its checksum says")),
        _ => Ok(()),
    })?;
    let end = match local.packed_length {
        Some(_) => end,
        None => local.start.saturating_add(at.get()),
    };
    std::ops::ControlFlow::Continue(end)
}

/// Bytes before the next record of a ZIP archive.
fn next_record(rest: &[u8]) -> usize {
    let mut from = 0usize;
    while let Some(found) = rest.get(from..).and_then(|rest| memmem::find(rest, b"PK")) {
        let at = from.saturating_add(found);
        let kind = rest.part(at, 4).and_then(|mark| mark.get(2..)).unwrap_or_default();
        if matches!(kind, b"\x07\x08" | b"\x03\x04" | b"\x01\x02" | b"\x05\x06") {
            return at;
        }
        from = at.saturating_add(2);
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_joined() {
        assert_eq!(merged(vec![(5, 9), (0, 3), (2, 4), (9, 12), (20, 21)]), [(0, 4), (5, 12), (20, 21)]);
    }

    #[test]
    fn data_end_where_the_next_record_begins() {
        assert_eq!(next_record(b"PPKPK\x09\x09abcPK\x07\x08"), 10);
        assert_eq!(next_record(b"abc"), 3);
    }
}
