//! The file offset of the entry point, for rules that still ask for `entrypoint`.

use hallmark_image::schema::{MODULES, module_id};
use hallmark_modules::{Modules, Node};

use crate::limits::MAX_ELF_RECORDS;

/// The entry point of a PE file as the `pe` module reports it, or that of an ELF file as an offset in it.
pub(crate) fn entry_point(modules: &Modules<'_>, data: &[u8]) -> Option<i64> {
    if data.starts_with(b"\x7FELF") {
        return elf_entry_point(data).and_then(|offset| i64::try_from(offset).ok());
    }
    let module = module_id("pe")?;
    let field = MODULES.get(usize::from(module))?.fields.iter().position(|f| f.name == "entry_point")?;
    match modules.root(module)? {
        Node::Struct(fields) => match fields.get(field)? {
            Node::Int(offset) => Some(*offset),
            _ => None,
        },
        _ => None,
    }
}

/// Where tables of an ELF header and fields of their records are, by class.
struct Layout {
    word: usize,
    entry: usize,
    segments: usize,
    sections: usize,
    /// Place of the sizes and counts of both tables.
    counts: usize,
    /// Offset, address and file size of a segment.
    segment: [usize; 3],
    /// Address, offset and size of a section.
    section: [usize; 3],
}

const ELF32: Layout = Layout {
    word: 4,
    entry: 24,
    segments: 28,
    sections: 32,
    counts: 42,
    segment: [4, 8, 16],
    section: [12, 16, 20],
};
const ELF64: Layout = Layout {
    word: 8,
    entry: 24,
    segments: 32,
    sections: 40,
    counts: 54,
    segment: [8, 16, 32],
    section: [16, 24, 32],
};

/// Programs are mapped by their segments, shared objects and the like by their sections.
fn elf_entry_point(data: &[u8]) -> Option<u64> {
    const EXECUTABLE: u64 = 2;
    const NO_BITS: u64 = 8;
    let layout = if *data.get(4)? == 2 { ELF64 } else { ELF32 };
    let big = *data.get(5)? == 2;
    let read = |at: usize, width: usize| -> Option<u64> {
        let bytes = data.get(at..at.checked_add(width)?)?;
        let join = |n: u64, b: &u8| n << 8 | u64::from(*b);
        Some(if big { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) })
    };
    let entry = read(layout.entry, layout.word)?;
    let executable = read(16, 2)? == EXECUTABLE;
    let (table, sizes) = if executable {
        (layout.segments, layout.counts)
    } else {
        (layout.sections, layout.counts.checked_add(4)?)
    };
    let table = usize::try_from(read(table, layout.word)?).ok()?;
    let size = usize::try_from(read(sizes, 2)?).ok()?;
    let count = usize::try_from(read(sizes.checked_add(2)?, 2)?).ok()?;
    for i in 0..count.min(MAX_ELF_RECORDS) {
        let record = table.checked_add(i.checked_mul(size)?)?;
        let field = |at: usize| read(record.checked_add(at)?, layout.word);
        let (offset, address, len) = if executable {
            let [offset, address, len] = layout.segment;
            (field(offset)?, field(address)?, field(len)?)
        } else {
            let [address, offset, len] = layout.section;
            if matches!(read(record.checked_add(4)?, 4)?, 0 | NO_BITS) {
                continue;
            }
            (field(offset)?, field(address)?, field(len)?)
        };
        if let Some(within) = entry.checked_sub(address).filter(|&w| w < len) {
            return offset.checked_add(within);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit little-endian file with one segment and one section of it.
    fn elf(kind: u8) -> Vec<u8> {
        let mut elf = vec![0; 64 + 56 + 64];
        elf[..6].copy_from_slice(b"\x7FELF\x02\x01");
        elf[16] = kind;
        elf[24..32].copy_from_slice(&0x40_1010u64.to_le_bytes());
        (elf[32], elf[40]) = (64, 120);
        (elf[54], elf[56], elf[58], elf[60]) = (56, 1, 64, 1);
        let segment = 64;
        elf[segment + 8..segment + 16].copy_from_slice(&0x1000u64.to_le_bytes());
        elf[segment + 16..segment + 24].copy_from_slice(&0x40_1000u64.to_le_bytes());
        elf[segment + 32..segment + 40].copy_from_slice(&0x100u64.to_le_bytes());
        let section = 120;
        elf[section + 4] = 1;
        elf[section + 16..section + 24].copy_from_slice(&0x40_1000u64.to_le_bytes());
        elf[section + 24..section + 32].copy_from_slice(&0x2000u64.to_le_bytes());
        elf[section + 32..section + 40].copy_from_slice(&0x100u64.to_le_bytes());
        elf
    }

    #[test]
    fn entry_points_of_elf_files() {
        assert_eq!(elf_entry_point(&elf(2)), Some(0x1010));
        assert_eq!(elf_entry_point(&elf(3)), Some(0x2010));
        let whole = elf(2);
        for len in 0..whole.len() {
            elf_entry_point(&whole[..len]);
        }
    }
}
