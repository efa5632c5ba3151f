//! Payloads that cost more than they say, under notes that both keys signed, so that they reach the decoder. Each is
//! installed in a process of its own, which reports its name and how much memory it ever had.

use std::fs;
use std::path::{Path, PathBuf};

use hallmark_container::limits::{MAX_FRAMES, MAX_IMAGE};
use hallmark_container::{FullPayload, ReleaseNote, SizedDigest, encode};
use hallmark_tests::signed::{self, auditor, builder};

use crate::endpoint::{Endpoint, NEXT, again, release};

/// Set for the process that is measured: the store.
const MEASURED: &str = "HALLMARK_TEST_BOMB";
const MIB: u64 = 1 << 20;
/// What a program has that does nothing, and what an installation needs beside payload and image.
const BASE: u64 = 48 * MIB;

/// The beginning of a frame: a magic number, and a descriptor that says which fields follow.
const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// A frame with its content size in four bytes, a window, and blocks that repeat a zero `len` times in all.
fn frame(content: u32, window: u8, len: u32) -> Vec<u8> {
    const BLOCK: u32 = 128 << 10;
    const REPEATED: u32 = 0b010;
    let mut frame = [&MAGIC[..], &[0x80, window], &content.to_le_bytes()].concat();
    let mut left = len;
    loop {
        let (block, last) = (left.min(BLOCK), u32::from(left <= BLOCK));
        frame.extend_from_slice(&(block << 3 | REPEATED | last).to_le_bytes()[..3]);
        frame.push(0);
        left -= block;
        if last == 1 {
            return frame;
        }
    }
}

struct Bomb {
    what: &'static str,
    payload: Vec<u8>,
    /// What the note says the image has.
    image: u64,
    window_log: u8,
    name: &'static str,
}

fn bombs() -> Vec<Bomb> {
    let bomb = |what, payload, image, name| Bomb { what, payload, image, window_log: 27, name };
    let skippable =
        |len: u32| [&[0x50, 0x2A, 0x4D, 0x18], &len.to_le_bytes()[..], &vec![0; len as usize]].concat();
    let zeros = |len: u64| frame(len as u32, 0x50, len as u32);
    vec![
        bomb("more than the note says", zeros(512 * MIB), 4096, "Release/ImageLength"),
        bomb("more than its header says", frame(4096, 0x50, 512 << 20), 4096, "Release/Decompress"),
        bomb("a header that says four gigabytes", frame(u32::MAX, 0x50, 4096), 4096, "Release/ImageLength"),
        bomb("a gigabyte that is not there", zeros(MIB), MAX_IMAGE, "Release/ImageLength"),
        bomb("the largest window of all", frame(4096, 0xFF, 4096), 4096, "Release/WindowTooLarge"),
        Bomb {
            window_log: 20,
            ..bomb("a window larger than the note's", frame(4096, 0x58, 4096), 4096, "Release/WindowTooLarge")
        },
        bomb("the largest window allowed", frame(4096, 0x88, 4096), 4096, "SelfTest"),
        bomb("a skippable frame", skippable(16 << 20), 4096, "Release/PayloadFrame"),
        bomb(
            "a skippable frame behind a plain one",
            [frame(4096, 0x50, 4096), skippable(16)].concat(),
            4096,
            "Release/PayloadFrame",
        ),
        bomb("many frames", frame(0, 0x50, 0).repeat(200_000), 4096, "Release/PayloadFrame"),
        bomb("as many frames as may be", frame(0, 0x50, 0).repeat(MAX_FRAMES), 4096, "Release/ImageLength"),
        bomb("half a frame", frame(4096, 0x50, 4096)[..11].to_vec(), 4096, "Release/PayloadFrame"),
        bomb("no frame", b"no frame".repeat(1000), 4096, "Release/PayloadFrame"),
        bomb("a good deal of nothing, as promised", zeros(128 * MIB), 128 * MIB, "SelfTest"),
    ]
}

impl Bomb {
    fn container(&self) -> Vec<u8> {
        let mut note: ReleaseNote = release(NEXT).note().release().clone();
        note.payload = FullPayload { content: SizedDigest::of(&self.payload), window_log: self.window_log };
        // The digest is that of what a frame would give, so that nothing but the frame is wrong.
        note.image = SizedDigest::of(&vec![0; self.image.min(128 * MIB) as usize]);
        note.image.bytes = self.image;
        note.sections.clear();
        let note = signed::note(&note, &[builder(), auditor()]);
        encode(&note.to_bytes(), b"", &self.payload).unwrap()
    }

    /// What it may cost: the container as it was read, and the image, if it is there.
    fn limit(&self) -> u64 {
        let image = if self.name == "SelfTest" { self.image } else { 0 };
        BASE + self.payload.len() as u64 + image
    }
}

/// Most memory that this process ever had, in bytes.
fn high_water_mark() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// The child: installs `bomb.hmk`.
fn measured(store: &Path) {
    let endpoint = Endpoint::existing(store);
    let offered = endpoint.offer_path(&endpoint.beside("bomb.hmk"));
    endpoint.refuses("bomb", offered.clone(), &[offered.unwrap_err().as_str()]);
    println!(
        "measured {} {}",
        endpoint.offer_path(&endpoint.beside("bomb.hmk")).unwrap_err(),
        high_water_mark()
    );
}

#[test]
fn bombs_cost_what_their_note_says_at_most() {
    if let Some(store) = std::env::var_os(MEASURED) {
        return measured(&PathBuf::from(store));
    }
    let endpoint = Endpoint::new();
    for bomb in bombs() {
        fs::write(endpoint.beside("bomb.hmk"), bomb.container()).unwrap();
        let store = endpoint.store.to_str().unwrap();
        let ran = again("bombs::bombs_cost_what_their_note_says_at_most", MEASURED, store).output().unwrap();
        let text = String::from_utf8_lossy(&ran.stdout);
        let line = text.lines().find_map(|line| line.split_once("measured ")).map(|(_, line)| line);
        let (name, bytes) = line.and_then(|line| line.split_once(' ')).unwrap_or_else(|| {
            panic!("{}: {text}{}", bomb.what, String::from_utf8_lossy(&ran.stderr));
        });
        assert_eq!(name, bomb.name, "{}", bomb.what);
        let (bytes, limit): (u64, _) = (bytes.parse().unwrap(), bomb.limit());
        assert!(bytes <= limit, "{}: {} MiB of {}", bomb.what, bytes / MIB, limit / MIB);
    }
    // Nothing was put on the disk either.
    endpoint.unharmed();
    let names = fs::read_dir(endpoint.beside("")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["bomb.hmk", "store"]);
}
