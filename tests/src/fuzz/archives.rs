//! What lies in archives.

use hallmark_archives::{InnerPath, Limits, Visitor, Why, walk};

/// Longest file that is looked into.
const MAX_FILE: usize = 16 << 10;

/// Low enough for inputs to reach all of them.
const LIMITS: Limits = Limits {
    depth: 4,
    members: 500,
    member_bytes: 1 << 20,
    total_bytes: 4 << 20,
    ratio: 1_000,
    memory: 192 << 20,
};

/// Looks into a file, and once more after the checksums of its headers were made right, without which most changes would
/// only be found out: what is told stays within the limits, is the same the second time, and no decoder panics.
///
/// # Panics
/// Something of this is not so.
pub fn archives(data: &[u8]) {
    let data = &data[..data.len().min(MAX_FILE)];
    let told = look(data);
    assert_eq!(told, look(data), "looking twice gives different members");
    let mut righted = data.to_vec();
    right_sums(&mut righted);
    if righted != data {
        look(&righted);
    }
}

/// What was told: paths, lengths and checksums of members, and what was left out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    members: Vec<(InnerPath, usize, u64)>,
    left_out: Vec<(InnerPath, Why)>,
    bytes: usize,
}

fn look(data: &[u8]) -> Told {
    let mut told = Told::default();
    let tally = walk(data, &LIMITS, &|| None, &mut told);
    assert!(tally.bytes <= LIMITS.total_bytes && tally.members <= LIMITS.members, "{tally:?}");
    assert!(told.bytes as u64 <= tally.bytes, "{} of {tally:?}", told.bytes);
    assert!(tally.left_out == 0 || !told.left_out.is_empty(), "nothing was told of {tally:?}");
    told
}

impl Visitor for Told {
    fn member(&mut self, path: &InnerPath, data: &[u8]) {
        assert!((1..=LIMITS.depth as usize).contains(&path.names().len()), "{path}");
        assert!(data.len() as u64 <= LIMITS.member_bytes, "{path}: {} bytes", data.len());
        self.bytes += data.len();
        let sum = data.iter().fold(0u64, |sum, &byte| sum.rotate_left(5) ^ u64::from(byte));
        self.members.push((path.clone(), data.len(), sum));
    }

    fn left_out(&mut self, path: &InnerPath, why: &Why) {
        assert_ne!(*why, Why::Damaged { what: "its decoder gave up" }, "a decoder panicked at {path}");
        self.left_out.push((path.clone(), why.clone()));
        assert!(self.left_out.len() <= 1_002);
    }
}

/// Makes the checksums right that stand before everything else: of tar headers, and of the headers of 7z.
fn right_sums(data: &mut [u8]) {
    for block in data.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    if data.len() < 32 || !data.starts_with(b"7z") {
        return;
    }
    let number = |at: usize| u64::from_le_bytes(data[at..at + 8].try_into().expect("eight bytes")) as usize;
    let start = number(12).checked_add(32);
    let header = start.and_then(|start| data.get(start..start.checked_add(number(20))?));
    if let Some(sum) = header.map(crc32fast::hash) {
        data[28..32].copy_from_slice(&sum.to_le_bytes());
    }
    let sum = crc32fast::hash(&data[12..32]);
    data[8..12].copy_from_slice(&sum.to_le_bytes());
}
