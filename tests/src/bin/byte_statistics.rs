//! Measures which bytes follow each other in benign files, for the compiler's choice of atoms.
//!
//! Input: files and directories. Output: the file `compiler/data/byte-statistics.bin`, described in
//! `docs/byte-statistics.md`. The same files give the same bytes: files are read in the order of their paths, and
//! everything is counted and rounded with integers.

#![forbid(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Parser;
use hallmark_compiler::lower::window_hash;

/// Measures which bytes follow each other in benign files.
#[derive(Debug, Parser)]
struct Args {
    /// The file to write
    out: PathBuf,

    /// Files, and directories with all below them
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Strings listed of each length: the most frequent of those that their pairs underestimate
    #[arg(long, value_name = "N", default_value_t = 8192)]
    strings: usize,
}

const MAGIC: &[u8; 8] = b"HMKBYTE2";
/// What a file is read in; strings do not cross the borders.
const BLOCK: usize = 65_536;
/// No more blocks are taken of a file, so that none dominates; they are spread over it.
const MAX_BLOCKS: usize = 64;
/// Slots in which strings of four bytes are counted at first.
const SLOT_BITS: u32 = 24;
/// Strings are of interest that are found once in this many bytes.
const RARE: u64 = 1 << 20;
/// And that their pairs make this much rarer, in eighths of a bit.
const UNDERESTIMATED: u32 = 8;

/// Windows are common that one in so many files has.
const SHARE: usize = 8;
/// Bits of the hash by which windows are counted, and of that by which they are filed.
const WINDOW_BITS: u32 = 28;
const FILTER_BITS: u32 = 19;
/// Of a file no more bytes are looked at for common windows.
const MAX_WINDOWED: usize = 4 << 20;

/// Rarities of a string in each class, in the order of [`CLASSES`].
type Rarities = [u32; CLASSES.len()];
/// Of a string that is too rare in a class to be counted; more than any estimate that is made of it.
const UNKNOWN: u32 = 1 << 16;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Elf,
    Pe,
    Text,
    /// Text again, in two bytes a character.
    Wide,
}

const CLASSES: [Class; 4] = [Class::Elf, Class::Pe, Class::Text, Class::Wide];

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut paths = BTreeSet::new();
    for path in &args.files {
        collect(path, &mut paths)?;
    }
    let mut files: BTreeMap<Class, Vec<PathBuf>> = BTreeMap::new();
    for path in paths {
        match class_of(&read(&path)?) {
            Some(Class::Text) => {
                files.entry(Class::Wide).or_default().push(path.clone());
                files.entry(Class::Text).or_default().push(path);
            }
            Some(class) => files.entry(class).or_default().push(path),
            None => {}
        }
    }

    let mut tables = Vec::new();
    let mut windows = Vec::new();
    let mut strings: BTreeMap<(u8, u32), Rarities> = BTreeMap::new();
    for (index, class) in CLASSES.into_iter().enumerate() {
        let files = files.get(&class).with_context(|| format!("there is no file of class {class:?}"))?;
        let counts = Counts::of(class, files)?;
        writeln!(std::io::stderr(), "{class:?}: {} files, {} bytes", files.len(), counts.total)?;
        for (string, count) in counts.frequent(class, files)? {
            strings.entry(string).or_insert([UNKNOWN; CLASSES.len()])[index] = rarity(count, counts.total);
        }
        tables.push(Table::of(&counts));
        if let Some(common) = common(class, files)? {
            windows.push(common);
        }
    }

    let listed = listed(&strings, &tables, args.strings);
    let mut out = MAGIC.to_vec();
    out.extend((tables.len() as u32).to_le_bytes());
    for len in [3, 4] {
        out.extend((listed.keys().filter(|key| key.0 == len).count() as u32).to_le_bytes());
    }
    // The classes of each byte, then of each pair, stand together.
    let single = tables.iter().map(|table| table.single.as_slice()).collect();
    let pairs = tables.iter().map(|table| table.pairs.as_slice()).collect();
    out.extend(interleaved(single));
    out.extend(interleaved(pairs));
    for ((_, string), bits) in &listed {
        out.extend(string.to_le_bytes());
        out.extend(bits.map(byte));
    }
    windows.iter().for_each(|filter| out.extend(filter));
    std::fs::write(&args.out, out).with_context(|| format!("cannot write {}", args.out.display()))
}

/// Every file below a path; links are not followed.
fn collect(path: &Path, paths: &mut BTreeSet<PathBuf>) -> anyhow::Result<()> {
    let context = || format!("cannot read {}", path.display());
    let kind = std::fs::symlink_metadata(path).with_context(context)?.file_type();
    if kind.is_dir() {
        for entry in std::fs::read_dir(path).with_context(context)? {
            collect(&entry.with_context(context)?.path(), paths)?;
        }
    } else if kind.is_file() {
        paths.insert(path.to_owned());
    }
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn class_of(data: &[u8]) -> Option<Class> {
    if data.starts_with(b"\x7fELF") {
        Some(Class::Elf)
    } else if data.starts_with(b"MZ") {
        Some(Class::Pe)
    } else {
        (!data.contains(&0) && std::str::from_utf8(data).is_ok()).then_some(Class::Text)
    }
}

/// Hands the blocks of a class to `each`.
fn blocks(class: Class, files: &[PathBuf], mut each: impl FnMut(&[u8])) -> anyhow::Result<()> {
    for path in files {
        let mut data = read(path)?;
        if class == Class::Wide {
            let text = String::from_utf8_lossy(&data);
            data = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        }
        let step = data.len().div_ceil(BLOCK).div_ceil(MAX_BLOCKS).max(1);
        data.chunks(BLOCK).step_by(step).for_each(&mut each);
    }
    Ok(())
}

/// How often strings of bytes are found in the files of a class.
struct Counts {
    total: u64,
    single: Vec<u64>,
    pairs: Vec<u64>,
    triples: Vec<u32>,
    /// Strings of four bytes, several in a slot.
    slots: Vec<u32>,
}

/// A string as one number, its first byte the most significant.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

fn slot(string: u32) -> usize {
    (string.wrapping_mul(0x9E37_79B1) >> (32 - SLOT_BITS)) as usize
}

impl Counts {
    fn of(class: Class, files: &[PathBuf]) -> anyhow::Result<Self> {
        let mut counts = Counts {
            total: 0,
            single: vec![0; 1 << 8],
            pairs: vec![0; 1 << 16],
            triples: vec![0; 1 << 24],
            slots: vec![0; 1 << SLOT_BITS],
        };
        blocks(class, files, |block| {
            for pair in block.windows(2) {
                counts.total += 1;
                counts.single[usize::from(pair[0])] += 1;
                counts.pairs[number(pair) as usize] += 1;
            }
            for triple in block.windows(3) {
                let count = &mut counts.triples[number(triple) as usize];
                *count = count.saturating_add(1);
            }
            for string in block.windows(4) {
                let count = &mut counts.slots[slot(number(string))];
                *count = count.saturating_add(1);
            }
        })?;
        Ok(counts)
    }

    /// The strings of four bytes that are not rare, those of three bytes in them and others that are not rare, with
    /// how often they are found, each by its length and number.
    fn frequent(&self, class: Class, files: &[PathBuf]) -> anyhow::Result<BTreeMap<(u8, u32), u64>> {
        let enough = self.total / RARE + 1;
        let mut found: HashMap<u32, u64> = HashMap::new();
        blocks(class, files, |block| {
            for string in block.windows(4).map(number) {
                if u64::from(self.slots[slot(string)]) >= enough {
                    *found.entry(string).or_default() += 1;
                }
            }
        })?;
        let four = found.into_iter().filter(|(_, count)| *count >= enough);
        let three = (0u32..).zip(&self.triples).map(|(string, count)| (string, u64::from(*count)));
        let three = three.filter(|(_, count)| *count >= enough);
        Ok(four.map(|(s, n)| ((4, s), n)).chain(three.map(|(s, n)| ((3, s), n))).collect())
    }
}

/// The probability of a byte and of a pair, as the negative binary logarithm in eighths.
struct Table {
    single: Vec<u8>,
    pairs: Vec<u8>,
}

impl Table {
    fn of(counts: &Counts) -> Self {
        let all = |counts: &[u64], total| counts.iter().map(|&n| byte(rarity(n, total))).collect();
        Table { single: all(&counts.single, counts.total), pairs: all(&counts.pairs, counts.total) }
    }

    /// What the pairs in a string say about it.
    fn estimate(&self, string: &[u8]) -> u32 {
        let mut bits = 0;
        for (at, pair) in string.windows(2).enumerate() {
            let pair_bits = u32::from(self.pairs[number(pair) as usize]);
            let given = if at == 0 { 0 } else { u32::from(self.single[usize::from(pair[0])]) };
            bits += pair_bits.saturating_sub(given);
        }
        bits
    }
}

/// The first bytes of all tables, then the second ones, and so on.
fn interleaved(tables: Vec<&[u8]>) -> Vec<u8> {
    let len = tables.iter().map(|table| table.len()).min().unwrap_or(0);
    (0..len).flat_map(|at| tables.iter().map(move |table| table[at])).collect()
}

fn byte(bits: u32) -> u8 {
    bits.min(u32::from(u8::MAX)) as u8
}

/// The negative binary logarithm of a share, in eighths; what was not found counts as half a time.
fn rarity(count: u64, total: u64) -> u32 {
    eighths(2 * total + 1).saturating_sub(eighths(2 * count + 1))
}

/// The binary logarithm in eighths, rounded down; of zero, zero.
fn eighths(value: u64) -> u32 {
    let Some(whole) = value.checked_ilog2() else { return 0 };
    // From one to two, in units of 2^-31; each squaring gives a bit of the logarithm.
    let mut mantissa = if whole > 31 { value >> (whole - 31) } else { value << (31 - whole) };
    let mut result = whole;
    for _ in 0..3 {
        mantissa = (mantissa * mantissa) >> 31;
        let bit = (mantissa >> 32) as u32;
        mantissa >>= bit;
        result = result << 1 | bit;
    }
    result
}

/// A filter of the common windows of eight bytes of a class. Text in two bytes a character is made of the text, and not
/// looked at again.
fn common(class: Class, files: &[PathBuf]) -> anyhow::Result<Option<Vec<u8>>> {
    if class == Class::Wide {
        return Ok(None);
    }
    // Of each window, by a hash, the number of files that have it, and the last of these.
    let mut counts = vec![(0u32, 0u32); 1 << WINDOW_BITS];
    for (number, path) in (1u32..).zip(files) {
        let data = read(path)?;
        for window in data[..data.len().min(MAX_WINDOWED)].windows(8) {
            let slot = &mut counts[(window_hash(window) >> (64 - WINDOW_BITS)) as usize];
            if slot.1 != number {
                *slot = (slot.0 + 1, number);
            }
        }
    }
    let enough = (files.len() / SHARE).max(2) as u32;
    let common = (0u64..).zip(&counts).filter(|(_, (count, _))| *count >= enough);
    let mut filter = vec![0u8; 1 << (FILTER_BITS - 3)];
    let mut found = 0;
    for (slot, _) in common {
        // The filter goes by the top bits of the same hash.
        let bit = slot >> (WINDOW_BITS - FILTER_BITS);
        filter[(bit / 8) as usize] |= 1 << (bit % 8);
        found += 1;
    }
    writeln!(std::io::stderr(), "{class:?}: {found} windows in one of {SHARE} files")?;
    Ok(Some(filter))
}

/// The strings to list, with their rarities: those that the pairs of a class underestimate in it, and for each of four
/// bytes the two of three bytes in it where they would else look rarer than measured.
fn listed(
    strings: &BTreeMap<(u8, u32), Rarities>,
    tables: &[Table],
    limit: usize,
) -> BTreeMap<(u8, u32), Rarities> {
    let underestimated = |key: &(u8, u32), rarities: &Rarities, by: u32| {
        let bytes = key.1.to_be_bytes();
        let bytes = &bytes[4 - usize::from(key.0)..];
        let of_class =
            tables.iter().zip(rarities).filter(|(table, bits)| **bits + by <= table.estimate(bytes));
        of_class.map(|(_, bits)| *bits).min()
    };
    let mut listed = BTreeMap::new();
    for len in [3, 4] {
        let mut worst: Vec<_> = strings
            .range((len, 0)..=(len, u32::MAX))
            .filter_map(|(key, rarities)| Some((underestimated(key, rarities, UNDERESTIMATED)?, *key)))
            .collect();
        // The most frequent first.
        worst.sort_unstable();
        writeln!(std::io::stderr(), "{len} bytes: {} strings underestimated", worst.len()).ok();
        listed.extend(worst.iter().take(limit).map(|(_, key)| (*key, strings[key])));
    }
    let four: Vec<u32> = listed.keys().filter(|key| key.0 == 4).map(|key| key.1).collect();
    for key in four.iter().flat_map(|string| [(3, string >> 8), (3, string & 0xFF_FFFF)]) {
        if let Some(rarities) = strings.get(&key).filter(|found| underestimated(&key, found, 1).is_some()) {
            listed.insert(key, *rarities);
        }
    }
    listed
}
