//! Hostile files: what costs much, and files cut and changed anywhere.

use hallmark_image::schema::{MODULES, Type, module_id};

use super::fields::root;
use crate::limits::{MAX_FAT_ARCHITECTURES, MAX_LINKER_OPTIONS, MAX_MACHO_FILES};
use crate::{Modules, Node, Scalar};

const HEADER: usize = 32;

fn command(kind: u32, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len() + 8).unwrap();
    [&kind.to_le_bytes(), &size.to_le_bytes(), content].concat()
}

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

/// A 64-bit little-endian file: the commands, and what follows them.
fn file(commands: &[Vec<u8>], rest: &[u8]) -> Vec<u8> {
    let count = u32::try_from(commands.len()).unwrap();
    let body = commands.concat();
    let header = numbers(&[0xfeed_facf, 0x0100_0007, 3, 2, count, u32::try_from(body.len()).unwrap(), 0, 0]);
    [header, body, rest.to_vec()].concat()
}

/// A table of names that are exported.
fn exporting(trie: &[u8]) -> Vec<u8> {
    let at = u32::try_from(HEADER + 16).unwrap();
    file(&[command(0x8000_0033, &numbers(&[at, u32::try_from(trie.len()).unwrap()]))], trie)
}

fn schema() -> &'static [hallmark_image::schema::Field] {
    MODULES[usize::from(module_id("macho").unwrap())].fields
}

/// The length of a list.
fn length(data: &[u8], name: &str) -> usize {
    let Node::Struct(nodes) = root(data, schema()) else { panic!("no structure") };
    let at = schema().iter().position(|f| f.name == name && matches!(f.ty, Type::Array(_))).unwrap();
    let Node::Array(items) = nodes[at].settled() else { panic!("no list") };
    items.len()
}

/// All lists worked out, so that whatever a file can do is done.
fn read_all(data: &[u8]) {
    fn settle(node: &Node<'_>) -> usize {
        match node.settled() {
            Node::Struct(nodes) | Node::Array(nodes) => nodes.iter().map(settle).sum(),
            _ => 1,
        }
    }
    let modules = Modules::new(data, 0);
    let id = module_id("macho").unwrap();
    assert!(settle(modules.root(id).unwrap()) >= schema().len() / 2);
    for function in 0..u16::try_from(MODULES[usize::from(id)].functions.len()).unwrap() {
        modules.call(id, function, &[]);
    }
}

#[test]
fn a_file_cut_or_changed_anywhere_is_read_as_far_as_it_goes() {
    let trie = b"\0\x02_a\0\x0c_b\0\x10\0\x02\0\x01\0\x02\0\x02\0";
    let name = b"/usr/lib/a.dylib\0\0\0\0\0\0\0\0";
    let good = file(
        &[
            command(0x19, &[b"__TEXT\0\0\0\0\0\0\0\0\0\0".to_vec(), vec![0; 48]].concat()),
            command(0xc, &[numbers(&[24, 2, 0x0001_0000, 0x0001_0000]), name.to_vec()].concat()),
            command(0x2d, b"\x01\0\0\0-lz\0"),
            command(0x8000_0022, &numbers(&[0, 0, 0, 0, 0, 0, 0, 0, 240, 20])),
        ],
        trie,
    );
    read_all(&good);
    for end in 0..good.len() {
        read_all(&good[..end]);
    }
    for at in 0..good.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut changed = good.clone();
            changed[at] = value;
            read_all(&changed);
        }
    }
}

#[test]
fn names_with_long_beginnings_are_bounded() {
    // Each node leads to the next one, and all are names: written out they have the square of their number of bytes.
    let (count, node) = (100_000usize, 11);
    let mut trie = Vec::new();
    for i in 1..=count {
        let next = i * node;
        let place = [0, 7, 14].map(|shift| u8::try_from(next >> shift & 0x7f).unwrap() | 0x80);
        trie.extend(b"\x02\0\0\x01xyz\0");
        trie.extend(&place[..2]);
        trie.push(place[2] & 0x7f);
    }
    let names = length(&exporting(&trie), "exports");
    assert!((500..count / 10).contains(&names), "{names}");
    assert_eq!(length(&exporting(&trie[..node * 50]), "exports"), 50);
}

#[test]
fn tables_that_lead_to_themselves_end() {
    assert_eq!(length(&exporting(b"\x02\0\0\x01x\0\0"), "exports"), 1);
    assert_eq!(length(&exporting(b"\0\x02a\0\0b\0\0"), "exports"), 0);
}

#[test]
fn overlapping_files_and_tiny_options_are_bounded() {
    let one = file(&[command(0x2d, &[&4u32.to_le_bytes()[..], &[0; 4]].concat())], &[]);
    let many = 2_000u32;
    let start = 8 + 20 * many;
    let mut fat = [0xcafe_babe, many].map(u32::to_be_bytes).concat();
    for _ in 0..many {
        let size = u32::try_from(one.len()).unwrap();
        fat.extend([7, 3, start, size, 0].map(u32::to_be_bytes).concat());
    }
    fat.extend(&one);
    assert_eq!(length(&fat, "file"), MAX_MACHO_FILES);
    assert_eq!(length(&fat, "fat_arch"), MAX_FAT_ARCHITECTURES);

    let options = u32::try_from(MAX_LINKER_OPTIONS).unwrap();
    let all = |count: u32| {
        let content = [&count.to_le_bytes()[..], &vec![0; usize::try_from(count).unwrap()]].concat();
        length(&file(&[command(0x2d, &content)], &[]), "linker_options")
    };
    assert_eq!(all(options), MAX_LINKER_OPTIONS);
    assert_eq!(all(options + 1), 0);
}

#[test]
fn entry_points_are_found_for_the_architecture_that_is_asked_for() {
    let part = |entry: u32| file(&[command(0x8000_0028, &numbers(&[entry, 0, 0, 0]))], &[]);
    let parts = [part(0x10), part(0x20)];
    let size = u32::try_from(parts[0].len()).unwrap();
    let mut fat =
        [0xcafe_babe, 2, 7, 3, 48, size, 0, 12, 9, 48 + size, size, 0].map(u32::to_be_bytes).concat();
    fat.extend(parts.concat());
    let modules = Modules::new(&fat, 0);
    let id = module_id("macho").unwrap();
    let ask = |name: &str, args: &[crate::Arg<'_>]| {
        let functions = MODULES[usize::from(id)].functions;
        let at = functions.iter().position(|f| f.name == name && f.args.len() == args.len()).unwrap();
        modules.call(id, u16::try_from(at).unwrap(), args)
    };
    let int = crate::Arg::Int;
    assert_eq!(ask("file_index_for_arch", &[int(12)]), Some(Scalar::Int(1)));
    assert_eq!(ask("file_index_for_arch", &[int(12), int(3)]), None);
    assert_eq!(ask("entry_point_for_arch", &[int(7)]), Some(Scalar::Int(48 + 0x10)));
    assert_eq!(
        ask("entry_point_for_arch", &[int(12), int(9)]),
        Some(Scalar::Int(i64::from(48 + size + 0x20)))
    );
}
