//! Every format, written by other programs than the ones that read it here.

mod common;

use std::io::Write as _;

use common::{compound, fixture, look, look_within, lzx_cabinet};
use hallmark_archives::{Limits, Why};

const A: &[u8] = b"the first needle\n";

fn b() -> Vec<u8> {
    let mut text = b"second needle, ".repeat(40);
    text.push(b'\n');
    text
}

#[test]
fn members_come_out_whole_and_by_name() {
    for (name, second) in [
        ("stored.zip", "dir/b.txt"),
        ("deflated.zip", "dir/b.txt"),
        ("deflate64.zip", "dir/b.txt"),
        ("lzma.zip", "dir/b.txt"),
        ("streamed.zip", "dir/b.txt"),
        ("solid.7z", "dir/b.txt"),
        ("lzma.7z", "dir/b.txt"),
        ("copy.7z", "dir/b.txt"),
        ("bcj2.7z", "dir/b.txt"),
        ("ustar.tar", "dir/b.txt"),
        ("stored.cab", "b.txt"),
        ("mszip.cab", "b.txt"),
    ] {
        let told = look(&fixture(name));
        assert_eq!(told.members, [("a.txt".to_owned(), A.to_vec()), (second.to_owned(), b())], "{name}");
        assert_eq!(told.left_out, [], "{name}");
        assert_eq!((told.tally.members, told.tally.bytes, told.tally.left_out), (2, 618, 0), "{name}");
    }
}

#[test]
fn single_files_have_the_name_they_were_given() {
    assert_eq!(look(&fixture("named.gz")).lines(), ["named.txt = a needle in gzip\\n"]);
    assert_eq!(look(&fixture("twice.gz")).lines(), ["data = one needle in two\\n"]);
    assert_eq!(look(&fixture("text.xz")).lines(), ["data = a needle in xz\\n"]);
}

#[test]
fn long_names_are_whole() {
    let name = format!("data!{}/{}.txt", "x".repeat(150), "y".repeat(120));
    for tar in ["pax.tar.xz", "gnu.tar.xz"] {
        let told = look(&fixture(tar));
        assert_eq!(told.content(&name), Some(&b"long needle\n"[..]), "{tar}");
        assert_eq!(told.left_out, [], "{tar}");
    }
}

#[test]
fn archives_in_archives_are_looked_into() {
    let told = look(&fixture("nested.7z"));
    let paths: Vec<_> = told.members.iter().map(|(path, _)| path.as_str()).collect();
    let zip = "bundle.tgz!bundle.tar!inner.zip";
    assert_eq!(paths, ["bundle.tgz", "bundle.tgz!bundle.tar", zip, &format!("{zip}!deep/inner.txt")]);
    assert_eq!(told.content(&format!("{zip}!deep/inner.txt")), Some(&b"the deepest needle\n"[..]));
    assert_eq!(told.left_out, []);
    let shallow = look_within(&fixture("nested.7z"), &Limits { depth: 3, ..Limits::default() });
    assert_eq!(shallow.members.len(), 3, "the ZIP itself is a member");
    assert_eq!(shallow.left_out, [(zip.to_owned(), Why::Depth { max: 3 })]);
}

#[test]
fn what_cannot_be_read_is_told() {
    for name in ["encrypted.zip", "encrypted.7z"] {
        let lines = look(&fixture(name)).lines();
        assert_eq!(lines, ["a.txt - it is encrypted", "dir/b.txt - it is encrypted"], "{name}");
    }
    assert_eq!(look(&fixture("encrypted-names.7z")).lines(), [" - it is encrypted"]);
    assert_eq!(look(&fixture("ppmd.7z")).lines(), ["a.txt - not supported: PPMD in 7z archives"]);
    let lines = look(&fixture("bzip2.zip")).lines();
    assert_eq!(lines[0], "a.txt - not supported: BZIP2 in ZIP archives");
    assert_eq!(lines.len(), 2);
    assert_eq!(look(b"Rar!\x1a\x07\x01\0").lines(), [" - not supported: RAR archives"]);
    assert_eq!(look(b"BZh91AY&SY").lines(), [" - not supported: bzip2 archives"]);
    assert!(look(b"neither").lines().is_empty());
}

#[test]
fn an_archive_may_follow_a_program() {
    let data = [b"MZ this unpacks itself ".repeat(50), fixture("deflated.zip")].concat();
    assert_eq!(look(&data).content("a.txt"), Some(A));
    assert_eq!(look(&data).left_out, []);
}

#[test]
fn members_that_no_directory_lists_are_looked_at() {
    let zip = fixture("deflated.zip");
    let directory = zip.windows(4).position(|mark| mark == b"PK\x01\x02").unwrap();
    // The same archive with a directory of the second member only.
    let second = directory + 46 + 5;
    let mut hidden = [&zip[..directory], &zip[second..]].concat();
    let end = hidden.len() - 22;
    hidden[end + 8..end + 12].copy_from_slice(&[1, 0, 1, 0]);
    let size = u32::try_from(zip.len() - 22 - second).unwrap();
    hidden[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
    let told = look(&hidden);
    assert_eq!(told.content("a.txt"), Some(A));
    assert_eq!(told.content("dir/b.txt"), Some(&b()[..]));
    assert_eq!(told.left_out, []);
    // Bytes that only look like a member's beginning are none.
    let stub = [b"MZ PK\x03\x04 and then nothing of that kind ".as_slice(), &zip].concat();
    assert_eq!(look(&stub).lines(), look(&zip).lines());
}

#[test]
fn streams_of_compound_files_are_members() {
    for version in [cfb::Version::V3, cfb::Version::V4] {
        let large: Vec<u8> = (0..200_000u32).map(|i| (i / 7) as u8).collect();
        let data = compound(
            version,
            &[("/WordDocument", &large[..]), ("/Macros/VBA/Module1", b"a needle"), ("/empty", b"")],
        );
        let told = look(&data);
        assert_eq!(told.left_out, [], "{version:?}");
        assert_eq!(told.members.len(), 3, "{:?}", told.lines());
        assert_eq!(told.content("WordDocument"), Some(&large[..]));
        assert_eq!(told.content("Macros/VBA/Module1"), Some(&b"a needle"[..]));
        assert_eq!(told.content("empty"), Some(&b""[..]));
        // A stream that no tree leads to is still in the directory.
        let name: Vec<u8> = "Macros".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let entry = data.windows(name.len()).position(|part| part == name).unwrap();
        let mut orphaned = data.clone();
        orphaned[entry + 76..entry + 80].fill(0xFF);
        assert_eq!(look(&orphaned).content("Module1"), Some(&b"a needle"[..]));
    }
}

#[test]
fn cabinets_in_lzx_are_read() {
    let content = b"a needle in LZX. ".repeat(4000);
    let told = look(&lzx_cabinet(&content));
    assert_eq!(told.left_out, []);
    assert_eq!(told.content("lzx.txt"), Some(&content[..]));
}

#[test]
fn cabinets_of_several_folders_and_blocks_are_read() {
    let large: Vec<u8> = (0..100_000u32).flat_map(|i| (i.wrapping_mul(i)).to_le_bytes()).collect();
    let mut builder = cab::CabinetBuilder::new();
    builder.add_folder(cab::CompressionType::MsZip).add_file("large");
    let folder = builder.add_folder(cab::CompressionType::None);
    folder.add_file("one");
    folder.add_file("one");
    let mut writer = builder.build(std::io::Cursor::new(Vec::new())).unwrap();
    let mut contents = [&large[..], b"first", b"second"].into_iter();
    while let Some(mut file) = writer.next_file().unwrap() {
        file.write_all(contents.next().unwrap()).unwrap();
    }
    let told = look(&writer.finish().unwrap().into_inner());
    let members = [("large", &large[..]), ("one", b"first"), ("one", b"second")];
    assert_eq!(told.members, members.map(|(name, data)| (name.to_owned(), data.to_vec())));
    assert_eq!(told.left_out, []);
}

#[test]
fn names_are_bytes_of_any_kind() {
    let mut archive = tar::Builder::new(Vec::new());
    let names: [&[u8]; 4] = [b"../../etc/passwd", b"/absolute", b"line\nbreak!\\", b"\xff\xfe"];
    for name in names {
        let mut header = tar::Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_size(1);
        header.set_cksum();
        archive.append(&header, &b"x"[..]).unwrap();
    }
    let lines = look(&archive.into_inner().unwrap()).lines();
    assert_eq!(
        lines,
        ["../../etc/passwd = x", "/absolute = x", "line\\x0Abreak\\x21\\\\ = x", "\\xFF\\xFE = x"]
    );
}

#[test]
fn sparse_files_are_told() {
    let mut header = tar::Header::new_gnu();
    header.set_path("sparse").unwrap();
    header.set_entry_type(tar::EntryType::GNUSparse);
    header.set_size(7);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header, &b"needle!"[..]).unwrap();
    let lines = look(&archive.into_inner().unwrap()).lines();
    assert_eq!(lines, ["sparse = needle!", "sparse - a sparse file: its holes were left out"]);
}
