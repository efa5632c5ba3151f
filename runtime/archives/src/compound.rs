//! Compound files: a file system of sectors, whose files are streams.
//!
//! The reader is ours because the library for it copies all tables into memory, which a hostile file can make larger than
//! itself, and finds streams by way of the tree of names, which can hide them. Here every entry of the directory that is a
//! stream is looked at, whether the tree leads to it or not, and tables stay where they are.

use std::io::{self, Read};

use crate::bytes::{Numbers as _, size};
use crate::limits::{ENTRIES_PER_MEMBER, MAX_STORAGES};
use crate::walk::{Flow, Walk};
use crate::why::Why;

/// Bytes of a directory entry.
const ENTRY: usize = 128;

/// Bytes of a small sector.
const SMALL: usize = 64;

/// The first number that is no sector.
const NO_SECTOR: u32 = 0xFFFF_FFFA;

/// No entry.
const NONE: u32 = u32::MAX;

/// A compound file's tables.
struct Compound<'a> {
    data: &'a [u8],
    shift: u32,
    /// Sectors of the table that leads from each sector to the next.
    table: Vec<u32>,
    /// Sectors of the same table for small sectors.
    small_table: Vec<u32>,
    /// Sectors that the small ones lie in.
    small: Vec<u32>,
    /// Shorter streams lie in small sectors.
    cutoff: u64,
}

#[derive(Clone, Copy)]
struct Entry {
    at: usize,
    kind: u8,
    left: u32,
    right: u32,
    child: u32,
    start: u32,
    length: u64,
}

pub(crate) fn walk(walk: &mut Walk<'_>, data: &[u8]) -> Flow {
    let most = walk.meter().limits().members.saturating_mul(ENTRIES_PER_MEMBER);
    let Some((compound, entries, whole)) = Compound::parse(data, size(most)) else {
        return walk.note(&Why::damaged("the header of a compound file"));
    };
    if !whole {
        walk.note(&Why::damaged("the directory of a compound file"))?;
    }
    let parents = parents(&entries);
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.kind == 2) {
        let name = path(data, &entries, &parents, index);
        let length = entry.length;
        walk.stream(&name, Chain::new(&compound, entry), |_, data| match data.len() as u64 == length {
            true => Ok(()),
            false => Err(Why::damaged("it ends too early")),
        })?;
    }
    Flow::Continue(())
}

impl<'a> Compound<'a> {
    /// The tables and at most so many entries of the directory, and whether they are all and end as they should.
    fn parse(data: &'a [u8], most: usize) -> Option<(Self, Vec<Entry>, bool)> {
        let version = data.u16_at(26)?;
        let shift: u32 = match data.u16_at(30)? {
            9 => 9,
            12 => 12,
            _ => return None,
        };
        let (directory, small_table, difat) = (data.u32_at(48)?, data.u32_at(60)?, data.u32_at(68)?);
        let mut compound = Compound {
            data,
            shift,
            table: Vec::new(),
            small_table: Vec::new(),
            small: Vec::new(),
            cutoff: u64::from(data.u32_at(56)?),
        };
        compound.table = compound.table(difat);
        let (directory, ends) = compound.chain(directory);
        let entries = compound.entries(&directory, version, most);
        let whole = ends && entries.len() == directory.len().saturating_mul((1 << shift) / ENTRY);
        let root = entries.iter().find(|entry| entry.kind == 5);
        compound.small = root.map(|root| compound.chain(root.start).0).unwrap_or_default();
        compound.small_table = compound.chain(small_table).0;
        Some((compound, entries, whole))
    }

    /// Sectors that lie in the file, the last one perhaps in part.
    fn sectors(&self) -> usize {
        self.data.len().div_ceil(1 << self.shift)
    }

    /// The bytes of a sector, fewer at the end of the file.
    fn sector(&self, number: u32) -> Option<&'a [u8]> {
        let start = size(u64::from(number).checked_add(1)?.checked_shl(self.shift)?);
        let end = start.checked_add(1 << self.shift)?.min(self.data.len());
        self.data.get(start..end)
    }

    /// The sectors of the table: the first 109 are listed in the header, the others in sectors that lead to each other.
    fn table(&self, difat: u32) -> Vec<u32> {
        // No more than a table for every sector needs: each of its sectors speaks of 128 or 1,024 others.
        let most = (self.sectors() >> self.shift.saturating_sub(2)).saturating_add(1);
        let mut table = Vec::new();
        let header = self.data.part(76, 436).unwrap_or_default();
        let mut list = header;
        let mut next = difat;
        for _ in 0..=most {
            let listed = list.chunks_exact(4).filter_map(|number| number.u32_at(0));
            table.extend(
                listed.take_while(|&number| number < NO_SECTOR).take(most.saturating_sub(table.len())),
            );
            let Some(sector) = self.sector(next).filter(|_| next < NO_SECTOR && table.len() < most) else {
                break;
            };
            let Some((numbers, after)) = sector.split_last_chunk::<4>() else { break };
            list = numbers;
            next = u32::from_le_bytes(*after);
        }
        table
    }

    /// The sector after this one, by the table that lies in `table`.
    fn next(&self, table: &[u32], number: u32) -> Option<u32> {
        let each = self.shift.checked_sub(2)?;
        let sector = *table.get(size(u64::from(number)) >> each)?;
        let within = size(u64::from(number)) & (1usize << each).checked_sub(1)?;
        self.sector(sector)?.u32_at(within.checked_mul(4)?)
    }

    /// The sectors of a chain as far as it leads, and whether it ends as it should. One that goes round ends once it has
    /// as many sectors as the file.
    fn chain(&self, start: u32) -> (Vec<u32>, bool) {
        let mut chain = Vec::new();
        let mut number = start;
        while number < NO_SECTOR {
            if chain.len() >= self.sectors() || self.sector(number).is_none() {
                return (chain, false);
            }
            chain.push(number);
            match self.next(&self.table, number) {
                Some(next) => number = next,
                None => return (chain, false),
            }
        }
        (chain, true)
    }

    fn entries(&self, directory: &[u32], version: u16, most: usize) -> Vec<Entry> {
        let mut entries = Vec::new();
        for &sector in directory {
            let start = (size(u64::from(sector)).saturating_add(1)).saturating_mul(1 << self.shift);
            let count = self.sector(sector).map_or(0, |bytes| bytes.len() / ENTRY);
            let places = (0..count).map(|index| start.saturating_add(index.saturating_mul(ENTRY)));
            let left = most.saturating_sub(entries.len());
            entries.extend(places.filter_map(|at| Entry::parse(self.data, at, version)).take(left));
        }
        entries
    }
}

impl Entry {
    fn parse(data: &[u8], at: usize, version: u16) -> Option<Self> {
        let entry = data.part(at, ENTRY)?;
        let length = entry.u64_at(120)?;
        Some(Entry {
            at,
            kind: *entry.get(66)?,
            left: entry.u32_at(68)?,
            right: entry.u32_at(72)?,
            child: entry.u32_at(76)?,
            start: entry.u32_at(116)?,
            // The upper half means nothing in version 3.
            length: if version == 3 { length & u64::from(u32::MAX) } else { length },
        })
    }

    fn name(&self, data: &[u8]) -> String {
        let bytes = data.part(self.at, ENTRY).unwrap_or_default();
        let length = usize::from(bytes.u16_at(64).unwrap_or(0)).saturating_sub(2).min(62);
        let units = bytes.get(..length).unwrap_or_default().chunks_exact(2).filter_map(|unit| unit.u16_at(0));
        char::decode_utf16(units).map(|ch| ch.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }
}

/// For each entry the storage it lies in, by number; `NONE` for those that no tree leads to.
fn parents(entries: &[Entry]) -> Vec<u32> {
    let mut parents = vec![NONE; entries.len()];
    let mut waiting: Vec<(u32, u32)> = Vec::new();
    let root = entries.iter().position(|entry| entry.kind == 5);
    if let Some((number, root)) = root.and_then(|at| Some((u32::try_from(at).ok()?, entries.get(at)?))) {
        waiting.push((root.child, number));
    }
    while let Some((number, parent)) = waiting.pop() {
        let index = size(u64::from(number));
        let (Some(entry), Some(slot)) = (entries.get(index), parents.get_mut(index)) else { continue };
        // Each entry lies in one storage; a tree that goes round ends here.
        if *slot != NONE || entry.kind == 5 {
            continue;
        }
        *slot = parent;
        waiting.extend([(entry.left, parent), (entry.right, parent)]);
        if entry.kind == 1 {
            waiting.push((entry.child, number));
        }
    }
    parents
}

/// The name of a stream, after those of the storages it lies in.
fn path(data: &[u8], entries: &[Entry], parents: &[u32], index: usize) -> Vec<u8> {
    let mut names = Vec::new();
    let mut next = Some(index);
    while let Some(entry) = next.and_then(|index| entries.get(index)).filter(|entry| entry.kind != 5) {
        names.push(entry.name(data));
        if names.len() > MAX_STORAGES {
            break;
        }
        let parent = next.and_then(|index| parents.get(index)).copied().unwrap_or(NONE);
        next = (parent != NONE).then(|| size(u64::from(parent)));
    }
    names.reverse();
    names.join("/").into_bytes()
}

/// The bytes of a stream.
struct Chain<'c, 'a> {
    compound: &'c Compound<'a>,
    small: bool,
    sector: u32,
    /// What was taken of the present sector.
    taken: usize,
    left: u64,
}

impl<'c, 'a> Chain<'c, 'a> {
    fn new(compound: &'c Compound<'a>, entry: &Entry) -> Self {
        let small = entry.length < compound.cutoff;
        Chain { compound, small, sector: entry.start, taken: 0, left: entry.length }
    }

    /// The bytes of the present sector.
    fn present(&self) -> Option<&'a [u8]> {
        if self.sector >= NO_SECTOR {
            return None;
        }
        if !self.small {
            return self.compound.sector(self.sector);
        }
        let at = size(u64::from(self.sector)).checked_mul(SMALL)?;
        let sector = *self.compound.small.get(at >> self.compound.shift)?;
        let within = at & (1usize << self.compound.shift).checked_sub(1)?;
        let bytes = self.compound.sector(sector)?.get(within..)?;
        Some(bytes.get(..SMALL).unwrap_or(bytes))
    }
}

impl Read for Chain<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 || buf.is_empty() {
            return Ok(0);
        }
        // A chain that goes round ends with the length of the stream, or where a limit is reached.
        let damaged = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let bytes = self.present().ok_or_else(damaged)?;
        let rest = bytes.get(self.taken..).unwrap_or_default();
        let most = rest.get(..size(self.left)).unwrap_or(rest);
        let read = { most }.read(buf)?;
        if read == 0 {
            return Err(damaged());
        }
        self.taken = self.taken.saturating_add(read);
        self.left = self.left.saturating_sub(read as u64);
        if self.taken >= bytes.len() {
            let table = if self.small { &self.compound.small_table } else { &self.compound.table };
            self.taken = 0;
            self.sector = self.compound.next(table, self.sector).unwrap_or(NONE);
        }
        Ok(read)
    }
}
