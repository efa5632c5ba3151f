//! A shortcut built of all its parts, cut and changed anywhere.

use hallmark_image::schema::{MODULES, module_id};

use super::{MAGIC, root};
use crate::Node;

fn shortcut() -> Vec<u8> {
    let mut file = MAGIC.to_vec();
    file.extend(0x87u32.to_le_bytes());
    file.extend([0; 28]);
    file.extend([0; 24]);
    file.extend(b"\x0c\0\x0a\0\x2e\0\x01\x02\x03\x04\x05\x06\0\0");
    file.extend(0x33u32.to_le_bytes());
    for number in [0x1c, 3, 0x1c, 0x2d, 0, 0x30u32] {
        file.extend(number.to_le_bytes());
    }
    for number in [0x11, 3, 0x1234, 0x10u32] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"\0C:\0s\0\0");
    file.extend(b"\x02\0h\0i\0");
    file.extend(b"\x60\0\0\0\x03\0\0\xa0\x58\0\0\0\0\0\0\0machine\0\0\0\0\0\0\0\0\0");
    file.extend([7; 64]);
    file.extend([0; 4]);
    file.extend(b"more");
    file
}

fn field(data: &[u8], name: &str) -> Node<'static> {
    let fields = MODULES[usize::from(module_id("lnk").unwrap())].fields;
    let Node::Struct(mut nodes) = root(data, fields) else { panic!("no structure") };
    assert_eq!(nodes.len(), fields.len());
    match nodes.swap_remove(fields.iter().position(|f| f.name == name).unwrap()) {
        Node::Str(text) => Node::Str(text.into_owned().into()),
        Node::Int(number) => Node::Int(number),
        Node::Bool(truth) => Node::Bool(truth),
        Node::Array(items) => Node::Int(i64::try_from(items.len()).unwrap()),
        _ => Node::Undefined,
    }
}

#[test]
fn all_parts_are_read() {
    let file = shortcut();
    for (name, expected) in [
        ("is_lnk", Node::Bool(true)),
        ("target_id_list", Node::Int(1)),
        ("drive_type", Node::Int(3)),
        ("drive_serial_number", Node::Int(0x1234)),
        ("volume_label", Node::bytes(b"")),
        ("local_base_path", Node::bytes(b"C:")),
        ("common_path_suffix", Node::bytes(b"s")),
        ("name", Node::bytes(b"hi")),
        ("overlay_size", Node::Int(4)),
        ("overlay_offset", Node::Int(i64::try_from(file.len() - 4).unwrap())),
    ] {
        assert_eq!(field(&file, name), expected, "{name}");
    }
}

#[test]
fn what_is_before_a_cut_is_kept() {
    let file = shortcut();
    for end in 0..file.len() {
        let is_whole = field(&file[..end], "is_lnk") == Node::Bool(true);
        assert_eq!(is_whole, end >= 0x4c, "{end}");
        assert_eq!(field(&file[..end], "overlay_offset") != Node::Undefined, end > file.len() - 4, "{end}");
    }
}

#[test]
fn changed_shortcuts_are_read_as_far_as_they_go() {
    let file = shortcut();
    for at in MAGIC.len()..file.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut changed = file.clone();
            changed[at] = value;
            assert_eq!(field(&changed, "is_lnk"), Node::Bool(true), "{at}");
        }
    }
}
