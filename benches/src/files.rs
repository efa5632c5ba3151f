//! Files that modules read: small ones of each format, and hostile ones that cost as much as can be.

use std::path::Path;

/// A file of the corpus that modules are fuzzed with.
///
/// # Panics
/// It is not there.
pub fn seed(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus/modules").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Bytes of each hostile file.
const LEN: usize = 1 << 20;
/// What is named: long, and shared by all that have a name.
const NAME: usize = 1 << 10;

/// A 64-bit object whose two tables of symbols are the whole file, and whose symbols share a long name.
pub fn hostile_elf() -> Vec<u8> {
    const HEADER: usize = 64;
    const SECTION: usize = 64;
    const NAMES: usize = HEADER + 4 * SECTION;
    let mut file = vec![0; LEN];
    put(&mut file, 0, b"\x7fELF\x02\x01\x01");
    put(&mut file, 16, &[1, 0, 62, 0, 1]);
    put_u64(&mut file, 40, HEADER as u64);
    put(&mut file, 58, &[SECTION as u8, 0, 4, 0, 3, 0]);
    for (i, (kind, offset, size)) in
        [(0u32, 0, 0), (2, 0, LEN), (11, 0, LEN), (3, NAMES, LEN - NAMES)].into_iter().enumerate()
    {
        let at = HEADER + i * SECTION;
        put_u32(&mut file, at + 4, kind);
        put_u64(&mut file, at + 24, offset as u64);
        put_u64(&mut file, at + 32, size as u64);
        put_u32(&mut file, at + 40, 3);
    }
    // Numbers of names that are small lead to the long one.
    file[NAMES..NAMES + NAME].fill(b'n');
    file
}

/// A Dalvik executable whose strings are all the same one of 64 KiB, which is not ASCII.
pub fn hostile_dex() -> Vec<u8> {
    const HEADER: usize = 0x70;
    const TEXT: usize = 60_000;
    let mut file = vec![0; LEN];
    put(&mut file, 0, b"dex\n035\0");
    put_u32(&mut file, 0x20, LEN as u32);
    put_u32(&mut file, 0x24, HEADER as u32);
    put_u32(&mut file, 0x28, 0x1234_5678);
    let text = LEN - TEXT - 3;
    let strings = (text - HEADER) / 4;
    put_u32(&mut file, 0x38, strings as u32);
    put_u32(&mut file, 0x3C, HEADER as u32);
    for i in 0..strings {
        put_u32(&mut file, HEADER + 4 * i, text as u32);
    }
    put(&mut file, text, &[TEXT as u8 | 0x80, (TEXT >> 7) as u8 | 0x80, (TEXT >> 14) as u8]);
    for pair in file[text + 3..].chunks_exact_mut(2) {
        pair.copy_from_slice("é".as_bytes());
    }
    file
}

/// A program with as many imports, delayed imports, exports and resources as are read, and names as long.
pub fn hostile_pe() -> Vec<u8> {
    const HEADERS: usize = 0x400;
    const OPTIONAL: usize = 0x80 + 24;
    let mut file = crate::portable_executable(0, vec![0; LEN]);
    // One section, as it lies in the file.
    put(&mut file, 0x86, &[1, 0]);
    let section = OPTIONAL + 224;
    for (at, value) in [(8, LEN), (12, HEADERS), (16, LEN - HEADERS), (20, HEADERS)] {
        put_u32(&mut file, section + at, value as u32);
    }
    let name = LEN - 2 * NAME;
    let thunks = name - 4 * 70_000;
    let exports = HEADERS;
    let imports = HEADERS + 0x40;
    let delayed = imports + 20 * 16;
    let resources = thunks - 16 * 34_000;
    for (index, at) in [(0, exports), (1, imports), (2, resources), (13, delayed)] {
        put_u32(&mut file, OPTIONAL + 96 + 8 * index, at as u32);
        put_u32(&mut file, OPTIONAL + 100 + 8 * index, 0x1000);
    }
    // Exports: names of all functions are the same.
    for (at, value) in
        [(12, name), (16, 1), (20, 70_000), (24, 70_000), (28, thunks), (32, thunks), (36, HEADERS)]
    {
        put_u32(&mut file, exports + at, value as u32);
    }
    for i in 0..16 {
        for (at, value) in [(0, thunks), (12, name), (16, thunks)] {
            put_u32(&mut file, imports + 20 * i + at, value as u32);
        }
    }
    for i in 0..4 {
        for (at, value) in [(0, 1), (4, name), (12, thunks), (16, thunks)] {
            put_u32(&mut file, delayed + 32 * i + at, value as u32);
        }
    }
    for i in 0..70_000 {
        put_u32(&mut file, thunks + 4 * i, name as u32);
    }
    // Resources: entries of the root lead to directories with leaves, each of which is a directory, too.
    put(&mut file, resources + 12, &[0, 0x40, 0, 0x40]);
    for i in 0..32_000 {
        put_u32(&mut file, resources + 16 + 8 * i, 16);
        put_u32(&mut file, resources + 20 + 8 * i, 1 << 31 | (16 + 8 * i as u32));
    }
    file[name..].fill(b'n');
    put(&mut file, LEN - 1, &[0]);
    file
}

fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

fn put_u32(file: &mut [u8], at: usize, value: u32) {
    put(file, at, &value.to_le_bytes());
}

fn put_u64(file: &mut [u8], at: usize, value: u64) {
    put(file, at, &value.to_le_bytes());
}
