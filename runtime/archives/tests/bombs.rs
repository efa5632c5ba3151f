//! Archives that would unpack to far too much: each ends with the limit it reached, in bounded memory.
//!
//! Memory is that of a process of its own for each, as the system counts it.

mod common;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{compound, fixture, look, look_until, look_within};
use flate2::{Compress, Compression, FlushCompress};
use hallmark_archives::{Limits, Stop, Why};

const MIB: u64 = 1 << 20;

/// Smaller than by default, so that tests are quick; what holds for these holds for others.
fn limits() -> Limits {
    Limits {
        members: 5_000,
        member_bytes: 64 * MIB,
        total_bytes: 128 * MIB,
        memory: 192 * MIB,
        ratio: 1_000_000,
        ..Limits::default()
    }
}

/// A bomb, and the reason with which it has to end.
struct Bomb {
    name: &'static str,
    make: fn() -> Vec<u8>,
    ends: fn(&Why) -> bool,
    /// MiB of memory beyond the members kept at once and 64 MiB.
    decoders: u64,
}

const BOMBS: &[Bomb] = &[
    Bomb { name: "gzip-10-gb", make: gzip_of_zeros, ends: is_member_bytes, decoders: 0 },
    Bomb { name: "xz-10-gb", make: xz_of_zeros, ends: is_member_bytes, decoders: 64 },
    Bomb { name: "zip-nested", make: nested_zip, ends: is_total, decoders: 0 },
    Bomb { name: "zip-overlapping", make: overlapping_zip, ends: is_total, decoders: 0 },
    Bomb { name: "zip-of-nothing-overlapping", make: silent_zip, ends: is_overlapping, decoders: 0 },
    Bomb { name: "zip-many-members", make: many_members, ends: is_members, decoders: 0 },
    Bomb { name: "zip-lengths", make: lying_zip, ends: is_damaged, decoders: 0 },
    Bomb { name: "tar-1-tb", make: huge_tar, ends: is_damaged, decoders: 0 },
    Bomb { name: "7z-dictionary", make: seven_zip_dictionary, ends: is_memory, decoders: 0 },
    Bomb { name: "7z-many-files", make: seven_zip_files, ends: is_members, decoders: 192 },
    Bomb { name: "7z-header", make: seven_zip_header, ends: is_memory, decoders: 0 },
    Bomb { name: "compound-loop", make: looping_compound, ends: is_member_bytes, decoders: 0 },
    Bomb { name: "cabinet-overlapping", make: overlapping_cabinet, ends: is_total, decoders: 0 },
    Bomb { name: "deep", make: deep_gzip, ends: is_depth, decoders: 0 },
];

fn is_member_bytes(why: &Why) -> bool {
    matches!(why, Why::MemberBytes { .. })
}
fn is_total(why: &Why) -> bool {
    matches!(why, Why::TotalBytes { .. })
}
fn is_members(why: &Why) -> bool {
    matches!(why, Why::Members { .. })
}
fn is_overlapping(why: &Why) -> bool {
    matches!(why, Why::Overlapping)
}
fn is_memory(why: &Why) -> bool {
    matches!(why, Why::Memory { .. })
}
fn is_damaged(why: &Why) -> bool {
    matches!(why, Why::Damaged { .. })
}
fn is_depth(why: &Why) -> bool {
    matches!(why, Why::Depth { .. })
}

/// Runs itself for each bomb in a process of its own, so that memory is that of one.
#[test]
fn bombs_end_at_a_limit_in_bounded_memory() {
    if let Ok(name) = std::env::var("BOMB") {
        return one_bomb(&name);
    }
    let mut table = String::new();
    for bomb in BOMBS {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["bombs_end_at_a_limit_in_bounded_memory", "--exact", "--nocapture"])
            .env("BOMB", bomb.name)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.split_once("peak ").map(|(_, rest)| rest));
        assert!(output.status.success(), "{}: {text}{}", bomb.name, String::from_utf8_lossy(&output.stderr));
        let peak: u64 = line.unwrap().split(' ').next().unwrap().parse().unwrap();
        let most = limits().total_bytes + (64 + bomb.decoders) * MIB;
        writeln!(table, "{:28} {:4} MiB of {:4}", bomb.name, peak / MIB, most / MIB).unwrap();
        assert!(peak <= most, "{table}");
    }
    println!("{table}");
}

/// One of them, in the process that is measured.
fn one_bomb(name: &str) {
    let bomb = BOMBS.iter().find(|bomb| bomb.name == name).unwrap();
    let data = (bomb.make)();
    // Forget what making it took.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = peak_memory();
    let started = Instant::now();
    let told = look_within(&data, &limits());
    let (took, peak) = (started.elapsed(), peak_memory() - before);
    println!("peak {peak} bytes in {took:?}, {:?}", told.tally);
    assert!(told.left_out.iter().any(|(_, why)| (bomb.ends)(why)), "{:?}", told.left_out);
    assert!(told.tally.bytes <= limits().total_bytes, "{:?}", told.tally);
    assert!(told.longest as u64 <= limits().member_bytes);
    assert!(told.left_out.len() < 1_100);
    assert!(took < Duration::from_secs(60), "{took:?}");
}

/// The most memory this process had at once, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn the_ratio_is_that_of_the_whole_file() {
    let data = gzip_of_zeros();
    let limits = Limits { ratio: 10, ..Limits::default() };
    let told = look_within(&data, &limits);
    assert_eq!(told.left_out, [("data".to_owned(), Why::Ratio { max: 10 })]);
    assert_eq!(told.tally.bytes, 10 * data.len() as u64);
    assert_eq!(told.longest as u64, told.tally.bytes, "what came out by then was looked at");
    // A small file of one byte over and over is no bomb.
    let small = deflated_gzip(&[0; 1 << 20]);
    assert_eq!(look_within(&small, &limits).left_out, []);
}

#[test]
fn limits_that_are_reached_exactly_are_none() {
    let data = fixture("deflated.zip");
    let exact = Limits { members: 2, member_bytes: 601, total_bytes: 618, ..Limits::default() };
    assert_eq!(look_within(&data, &exact).left_out, []);
    let one_less = |limits: Limits| look_within(&data, &limits).left_out;
    let second = "dir/b.txt".to_owned();
    assert_eq!(
        one_less(Limits { member_bytes: 600, ..exact.clone() }),
        [(second.clone(), Why::MemberBytes { max: 600 })]
    );
    assert_eq!(
        one_less(Limits { total_bytes: 617, ..exact.clone() }),
        [(second, Why::TotalBytes { max: 617 })]
    );
    assert_eq!(one_less(Limits { members: 1, ..exact }), [(String::new(), Why::Members { max: 1 })]);
}

#[test]
fn a_long_member_hides_none_behind_it() {
    // Solid, so that the long one has to be unpacked to reach the next.
    let mut writer = sevenz_rust2::ArchiveWriter::new(std::io::Cursor::new(Vec::new())).unwrap();
    let entries = ["long", "needle"].map(sevenz_rust2::ArchiveEntry::new_file).to_vec();
    let contents = [vec![7; 300_000], b"found".to_vec()].map(std::io::Cursor::new);
    let readers: Vec<_> = contents.into_iter().map(sevenz_rust2::SourceReader::from).collect();
    writer.push_archive_entries(entries, readers).unwrap();
    let data = writer.finish().unwrap().into_inner();
    let cabinet = {
        let mut builder = cab::CabinetBuilder::new();
        let folder = builder.add_folder(cab::CompressionType::MsZip);
        folder.add_file("long");
        folder.add_file("needle");
        let mut writer = builder.build(std::io::Cursor::new(Vec::new())).unwrap();
        writer.next_file().unwrap().unwrap().write_all(&[7; 300_000]).unwrap();
        writer.next_file().unwrap().unwrap().write_all(b"found").unwrap();
        assert!(writer.next_file().unwrap().is_none());
        writer.finish().unwrap().into_inner()
    };
    for data in [data, cabinet] {
        let told = look_within(&data, &Limits { member_bytes: 1000, ..Limits::default() });
        assert_eq!(told.left_out, [("long".to_owned(), Why::MemberBytes { max: 1000 })]);
        assert_eq!(told.content("needle"), Some(&b"found"[..]));
        let all = told.tally.bytes;
        assert_eq!(all, 300_005, "what is passed over is charged");
    }
}

#[test]
fn the_caller_can_stop_it() {
    let data = gzip_of_zeros();
    let started = Instant::now();
    let after = Duration::from_millis(50);
    let stop = || (started.elapsed() > after).then_some(Stop::Deadline);
    let told = look_until(
        &data,
        &Limits { total_bytes: 1 << 40, member_bytes: 1 << 30, ..Limits::default() },
        &stop,
    );
    let late = started.elapsed() - after;
    println!("ended {late:?} late");
    assert!(late < Duration::from_millis(500), "{late:?}");
    assert_eq!(told.left_out, [("data".to_owned(), Why::Deadline)]);
    let told = look_until(&fixture("solid.7z"), &Limits::default(), &|| Some(Stop::Cancelled));
    assert_eq!(told.left_out.last().map(|(_, why)| why), Some(&Why::Cancelled));
    assert!(told.members.is_empty());
}

#[test]
fn what_is_told_is_bounded_too() {
    let told = look(&many_encrypted());
    assert_eq!(told.left_out.len(), 1_001);
    assert_eq!(told.left_out[1_000], (String::new(), Why::More { listed: 1_000 }));
    assert_eq!(told.tally.left_out, 3_000);
}

/// Deflate data of `repeats` times `block`, without the end.
fn deflated(block: &[u8], repeats: usize) -> Vec<u8> {
    let mut packer = Compress::new(Compression::best(), false);
    let mut piece = Vec::with_capacity(1 << 20);
    packer.compress_vec(block, &mut piece, FlushCompress::Full).unwrap();
    // After a full flush nothing refers back, so that pieces can be repeated.
    piece.repeat(repeats)
}

/// An empty last block.
const LAST: [u8; 2] = [3, 0];

fn gzip_of_zeros() -> Vec<u8> {
    let ten_gigabytes = deflated(&[0; 1 << 20], 10_000);
    [b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice(), &ten_gigabytes, &LAST, &[0; 8]].concat()
}

fn deflated_gzip(data: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(data).unwrap();
    packer.finish().unwrap()
}

fn xz_of_zeros() -> Vec<u8> {
    fixture("zeros.xz").repeat(160)
}

/// A member of a ZIP archive: name, method, packed bytes, and what its headers say about them.
#[derive(Clone)]
struct Member {
    name: String,
    method: u16,
    flags: u16,
    packed: Vec<u8>,
    crc: u32,
    length: u32,
}

impl Member {
    fn deflated(name: &str, packed: Vec<u8>, content: &[u8]) -> Self {
        let (crc, length) = (crc32fast::hash(content), content.len() as u32);
        Member { name: name.to_owned(), method: 8, flags: 0, packed, crc, length }
    }

    fn common(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for number in [20, self.flags, self.method, 0, 0] {
            out.extend(number.to_le_bytes());
        }
        for number in [self.crc, self.packed.len() as u32, self.length] {
            out.extend(number.to_le_bytes());
        }
        out.extend((self.name.len() as u16).to_le_bytes());
        out.extend([0, 0]);
        out
    }

    fn local(&self) -> Vec<u8> {
        [b"PK\x03\x04".as_slice(), &self.common(), self.name.as_bytes(), &self.packed].concat()
    }

    fn listed(&self, at: usize) -> Vec<u8> {
        let at = (at as u32).to_le_bytes();
        [b"PK\x01\x02\x14\0".as_slice(), &self.common(), &[0; 10], &at, self.name.as_bytes()].concat()
    }
}

/// An archive of one member's bytes, which the directory lists under each of the names.
fn zip(locals: &[u8], listed: &[Vec<u8>]) -> Vec<u8> {
    let directory = listed.concat();
    let count = (listed.len() as u16).to_le_bytes();
    let [size, start] = [directory.len(), locals.len()].map(|n| (n as u32).to_le_bytes());
    [locals, &directory, b"PK\x05\x06\0\0\0\0", &count, &count, &size, &start, b"\0\0"].concat()
}

fn zip_of(members: &[Member]) -> Vec<u8> {
    let (mut locals, mut listed) = (Vec::new(), Vec::new());
    for member in members {
        listed.push(member.listed(locals.len()));
        locals.extend(member.local());
    }
    zip(&locals, &listed)
}

fn finished(mut packed: Vec<u8>) -> Vec<u8> {
    packed.extend(LAST);
    packed
}

/// Four times sixteen archives in archives, around 4 GB of zeros each.
fn nested_zip() -> Vec<u8> {
    let zeros = finished(deflated(&[0; 1 << 20], 4_000));
    let mut data = zip_of(&[Member::deflated("zeros", zeros, b"")]);
    for level in 0..4 {
        let packed = finished(deflated(&data, 1));
        let members: Vec<_> = (0..16)
            .map(|number| Member::deflated(&format!("{level}-{number}.zip"), packed.clone(), &data))
            .collect();
        data = zip_of(&members);
    }
    data
}

/// A thousand members with the same data.
fn overlapping_zip() -> Vec<u8> {
    let member = Member::deflated("m", finished(deflated(&[0; 1 << 20], 8)), &[0; 8 << 20]);
    zip(&member.local(), &vec![member.listed(0); 1_000])
}

/// Four thousand members with the same data, from which nothing comes out.
fn silent_zip() -> Vec<u8> {
    let nothing = finished([0, 0, 0, 0xFF, 0xFF].repeat(100_000));
    let member = Member::deflated("m", nothing, b"");
    zip(&member.local(), &vec![member.listed(0); 4_000])
}

fn many_members() -> Vec<u8> {
    let member = |number| Member::deflated(&format!("{number}"), LAST.to_vec(), b"");
    zip_of(&(0..60_000).map(member).collect::<Vec<_>>())
}

fn many_encrypted() -> Vec<u8> {
    let member = |number| Member { flags: 1, ..Member::deflated(&format!("{number}"), LAST.to_vec(), b"") };
    zip_of(&(0..3_000).map(member).collect::<Vec<_>>())
}

/// A member that says it has 4 GB.
fn lying_zip() -> Vec<u8> {
    let member = Member { length: u32::MAX - 1, ..Member::deflated("m", finished(deflated(b"x", 1)), b"x") };
    zip_of(&[member])
}

fn huge_tar() -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    [header.as_bytes().as_slice(), &[b'x'; 1024]].concat()
}

/// Bytes of a 7z archive with this header behind these packed data.
fn seven_zip(packed: &[u8], header: &[u8]) -> Vec<u8> {
    let mut start = Vec::new();
    start.extend((packed.len() as u64).to_le_bytes());
    start.extend((header.len() as u64).to_le_bytes());
    start.extend(crc32fast::hash(header).to_le_bytes());
    let sum = crc32fast::hash(&start).to_le_bytes();
    [b"7z\xbc\xaf\x27\x1c\0\x04".as_slice(), &sum, &start, packed, header].concat()
}

fn seven_zip_dictionary() -> Vec<u8> {
    let data = fixture("lzma-plain.7z");
    let packed = u64::from_le_bytes(data[12..20].try_into().unwrap()) as usize;
    let mut header = data[32 + packed..].to_vec();
    let properties = header.windows(2).position(|part| part == [5, 0x5D]).unwrap();
    header[properties + 2..properties + 6].copy_from_slice(&0xFFFF_FFF0u32.to_le_bytes());
    seven_zip(&data[32..32 + packed], &header)
}

/// A header of so many bytes that says it has as many files.
fn seven_zip_of_files(length: usize) -> Vec<u8> {
    // Three bytes follow the first, which says so.
    let number = |number: usize| [&[0xE0][..], &(number as u32).to_le_bytes()[..3]].concat();
    let files = length / 2;
    // All of them empty, and none of them with a name.
    let bits = vec![0xFF; files.div_ceil(8)];
    let padding = length - bits.len();
    let header = [
        &[1, 5][..],
        &number(files),
        &[0x0E],
        &number(bits.len()),
        &bits,
        &[0x0F],
        &number(bits.len()),
        &bits,
        &[0x19],
        &number(padding),
        &vec![0; padding],
        &[0, 0],
    ];
    seven_zip(b"", &header.concat())
}

fn seven_zip_files() -> Vec<u8> {
    seven_zip_of_files((192 << 20) / 128 - 200_000)
}

fn seven_zip_header() -> Vec<u8> {
    seven_zip_of_files(8 << 20)
}

/// A stream of 4 GB in a chain that leads back to its beginning.
fn looping_compound() -> Vec<u8> {
    let mut data = compound(cfb::Version::V3, &[("/loop", &vec![b'x'; 10_000])]);
    let name: Vec<u8> = "loop".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let entry = data.windows(name.len()).position(|part| part == name).unwrap();
    let start = u32::from_le_bytes(data[entry + 116..entry + 120].try_into().unwrap());
    data[entry + 120..entry + 124].fill(0xF0);
    let table = u32::from_le_bytes(data[76..80].try_into().unwrap()) as usize;
    let place = (table + 1) * 512 + 4 * start as usize;
    data[place..place + 4].copy_from_slice(&start.to_le_bytes());
    data
}

/// Four thousand members of one folder, each over the whole of it.
fn overlapping_cabinet() -> Vec<u8> {
    let mut builder = cab::CabinetBuilder::new();
    let folder = builder.add_folder(cab::CompressionType::MsZip);
    for _ in 0..4_000 {
        folder.add_file("m");
    }
    let mut writer = builder.build(std::io::Cursor::new(Vec::new())).unwrap();
    while let Some(mut file) = writer.next_file().unwrap() {
        file.write_all(&[0; 1000]).unwrap();
    }
    let mut data = writer.finish().unwrap().into_inner();
    let mut at = u32::from_le_bytes(data[16..20].try_into().unwrap()) as usize;
    for _ in 0..4_000 {
        data[at..at + 4].copy_from_slice(&4_000_000u32.to_le_bytes());
        data[at + 4..at + 8].fill(0);
        at += 18;
    }
    data
}

fn deep_gzip() -> Vec<u8> {
    (0..100).fold(b"a needle".to_vec(), |data, _| deflated_gzip(&data))
}
