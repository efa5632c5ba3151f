//! A small executable with one of everything, built byte by byte.

/// File offset of the only mapped data; its relative virtual address is `RVA`.
pub(super) const OFFSET: u32 = 0x400;
pub(super) const RVA: u32 = 0x1000;
const SIZE: u32 = 0x1000;
const LFANEW: usize = 0x100;
const RICH_OFFSET: usize = 0x80;
const RICH_KEY: u32 = 0x1234_5678;

/// Mapped data under way; pieces are aligned to 8 bytes.
#[derive(Default)]
struct Section {
    bytes: Vec<u8>,
}

impl Section {
    /// Adds `piece` and tells its relative virtual address.
    fn put(&mut self, piece: impl AsRef<[u8]>) -> u32 {
        let rva = self.next();
        self.bytes.extend(piece.as_ref());
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        rva
    }

    /// Where the next piece will be.
    fn next(&self) -> u32 {
        RVA + u32::try_from(self.bytes.len()).unwrap()
    }
}

/// `words` as little-endian bytes.
fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Thunks of the image's width, with the zero at the end; ordinals have the high bit.
fn thunks(wide: bool, names: &[u32], ordinals: &[u16]) -> Vec<u8> {
    let all =
        names.iter().map(|&n| (u64::from(n), false)).chain(ordinals.iter().map(|&o| (u64::from(o), true)));
    let mut bytes = Vec::new();
    for (value, by_ordinal) in all.chain([(0, false)]) {
        if wide {
            bytes.extend((value | u64::from(by_ordinal) << 63).to_le_bytes());
        } else {
            bytes.extend((u32::try_from(value).unwrap() | u32::from(by_ordinal) << 31).to_le_bytes());
        }
    }
    bytes
}

/// A node of a version resource.
fn version_node(key: &str, value: &[u8], children: &[Vec<u8>]) -> Vec<u8> {
    let mut node =
        [vec![0, 0], u16::try_from(value.len()).unwrap().to_le_bytes().to_vec(), vec![1, 0]].concat();
    node.extend(utf16(key));
    node.extend([0, 0]);
    for piece in std::iter::once(value).chain(children.iter().map(Vec::as_slice)) {
        node.resize(node.len().next_multiple_of(4), 0);
        node.extend(piece);
    }
    let length = u16::try_from(node.len()).unwrap();
    node[..2].copy_from_slice(&length.to_le_bytes());
    node.resize(node.len().next_multiple_of(4), 0);
    node
}

fn version_string(key: &str, value: &str) -> Vec<u8> {
    version_node(key, &[utf16(value), vec![0, 0]].concat(), &[])
}

fn version_resource() -> Vec<u8> {
    let strings = [
        version_string("CompanyName", "Example"),
        version_string("FileVersion", "1.0"),
        version_string("Empty", ""),
    ];
    let table = version_node("040904b0", &[], &strings);
    let var = version_node("VarFileInfo", &[], &[]);
    version_node("VS_VERSION_INFO", &[0; 52], &[var, version_node("StringFileInfo", &[], &[table])])
}

/// An executable of 64 or 32 bits.
pub(super) fn executable(wide: bool) -> Vec<u8> {
    let mut section = Section::default();
    let directories = directories(&mut section, wide);
    let strings = section.put(b"\0\0\0\0.gnu_debuglink\0") - RVA + OFFSET;
    section.bytes.resize(SIZE as usize, 0);

    let mut file = b"MZ".to_vec();
    file.resize(0x3c, 0);
    file.extend(u32::try_from(LFANEW).unwrap().to_le_bytes());
    file.resize(RICH_OFFSET, 0);
    file.extend(rich_header());
    file.resize(LFANEW, 0);
    file.extend(b"PE\0\0");
    file.extend(if wide { 0x8664u16 } else { 0x14c }.to_le_bytes());
    file.extend(2u16.to_le_bytes());
    file.extend(words(&[0x5f00_0000, strings, 0]));
    file.extend(if wide { 240u16 } else { 224 }.to_le_bytes());
    file.extend(0x2022u16.to_le_bytes());
    file.extend(optional_header(wide));
    let signature = super::pkcs7::signature();
    let table = OFFSET + SIZE;
    for (index, (rva, size)) in directories.into_iter().enumerate() {
        let entry = if index == 4 { [table, u32::try_from(signature.len()).unwrap()] } else { [rva, size] };
        file.extend(words(&entry));
    }
    file.extend(section_header(b".text\0\0\0", RVA, SIZE, OFFSET, SIZE));
    file.extend(section_header(b"/4\0\0\0\0\0\0", RVA + SIZE, 0x1000, 0, 0));
    file.resize(OFFSET as usize, 0);
    file.extend(section.bytes);
    file.extend(signature);
    file
}

fn rich_header() -> Vec<u8> {
    let clear = [b"DanS".to_vec(), words(&[0, 0, 0, 0x0104_6789, 7, 0x0105_6789, 3])].concat();
    let mut header: Vec<u8> =
        clear.iter().zip(RICH_KEY.to_le_bytes().iter().cycle()).map(|(b, k)| b ^ k).collect();
    header.extend(b"Rich");
    header.extend(RICH_KEY.to_le_bytes());
    header
}

fn optional_header(wide: bool) -> Vec<u8> {
    let mut header = if wide { 0x20bu16 } else { 0x10b }.to_le_bytes().to_vec();
    header.extend([14, 29]);
    // Sizes, entry point, base of code.
    header.extend(words(&[0x200, 0x300, 0x400, RVA + 0x10, RVA]));
    if wide {
        header.extend(0x1_4000_0000u64.to_le_bytes());
    } else {
        header.extend(words(&[RVA + 0x800, 0x40_0000]));
    }
    header.extend(words(&[0x1000, 0x200, 6, 0x0002_0001, 0x0003_0006, 0, 0x3000, OFFSET, 0xabcd]));
    header.extend(words(&[0x8160_0003]));
    for size in [0x10_0000u64, 0x1000, 0x20_0000, 0x2000] {
        header.extend(&size.to_le_bytes()[..if wide { 8 } else { 4 }]);
    }
    header.extend(words(&[0, 16]));
    header
}

fn section_header(name: &[u8; 8], rva: u32, size: u32, offset: u32, raw_size: u32) -> Vec<u8> {
    [name.to_vec(), words(&[size, rva, raw_size, offset, 0, 0, 0, 0x6000_0020])].concat()
}

/// Puts what directories point to, and tells address and size of each.
fn directories(section: &mut Section, wide: bool) -> [(u32, u32); 16] {
    let mut directories = [(0, 0); 16];
    section.put([0x90; 0x40]);

    let library = section.put(b"sample.dll\0");
    let (first, second) = (section.put(b"First\0"), section.put(b"Forwarded\0"));
    let names = section.put(words(&[first, second]));
    let ordinals = section.put([0, 0, 2, 0]);
    // The name of a forwarder is within the directory: behind its header, which the functions precede.
    let header = section.next() + 16;
    let functions = section.put(words(&[RVA + 0x20, RVA + 0x30, header + 40]));
    section.put(words(&[0, 0x5f00_0001, 0, library, 5, 3, 2, functions, names, ordinals]));
    section.put(b"other.Function\0");
    directories[0] = (header, section.next() - header);

    let (kernel32, ws2_32) = (section.put(b"KERNEL32.dll\0"), section.put(b"WS2_32.dll\0"));
    let exit_process = section.put(b"\0\0ExitProcess\0");
    let sleep = section.put(b"\0\0Sleep\0");
    let named = section.put(thunks(wide, &[exit_process, sleep], &[]));
    let numbered = section.put(thunks(wide, &[], &[115, 999]));
    let descriptors = [named, 0, 0, kernel32, RVA + 0x600, 0, 0, 0, ws2_32, numbered];
    directories[1] = (section.put([words(&descriptors), vec![0; 20]].concat()), 60);
    let user32 = section.put(b"user32.dll\0");
    let message_box = section.put(b"\0\0MessageBoxA\0");
    let delayed = section.put(thunks(wide, &[message_box], &[7]));
    directories[13] =
        (section.put([words(&[1, user32, 0, RVA + 0x700, delayed, 0, 0, 0]), vec![0; 32]].concat()), 64);

    directories[2] = resources(section);

    let pdb = section.put([b"RSDS".to_vec(), vec![7; 20], b"C:\\sample.pdb\0".to_vec()].concat());
    directories[6] = (section.put(words(&[0, 0, 0, 2, 40, pdb, 0])), 28);
    directories
}

/// Type 16 and a named type, each over one number over one language.
fn resources(section: &mut Section) -> (u32, u32) {
    const NAME: u32 = 0x80;
    const FLAG: u32 = 1 << 31;
    let version = version_resource();
    let data = section.put(&version);
    let directory = |named: u32, numbered: u32, entries: &[u32]| {
        words(&[&[0, 0x5f00_0002, 0x0001_0002, named | numbered << 16], entries].concat())
    };
    let leaf = |rva: u32, size: usize| words(&[rva, u32::try_from(size).unwrap(), 0, 0]);
    let mut tree = directory(1, 1, &[FLAG | NAME, FLAG | 0x20, 16, FLAG | 0x90]);
    tree.extend(directory(0, 1, &[7, FLAG | 0x38]));
    tree.extend(directory(0, 1, &[0x0409, 0x50]));
    tree.extend(leaf(RVA + 0x40, 4));
    tree.resize(NAME as usize, 0);
    tree.extend([4, 0]);
    tree.extend(utf16("KIND"));
    tree.resize(0x90, 0);
    tree.extend(directory(0, 1, &[1, FLAG | 0xa8]));
    tree.extend(directory(0, 1, &[0x0c07, 0xc0]));
    tree.extend(leaf(data, version.len()));
    (section.put(&tree), u32::try_from(tree.len()).unwrap())
}
