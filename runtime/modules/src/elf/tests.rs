//! What rules see of a small object, and of hostile changes to it.

use hallmark_image::schema::{MODULES, module_id};

use super::tlsh::tlsh;
use crate::{Modules, Node, Scalar};

/// A 64-bit little-endian object: a null section, names, and symbols `name` (undefined) and one without a name.
fn object() -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\x03\0\0\0\0\0\0\0\0".to_vec();
    for n in [1u16, 62] {
        file.extend(n.to_le_bytes());
    }
    file.extend(1u32.to_le_bytes());
    for n in [0u64, 0, 0x100] {
        file.extend(n.to_le_bytes());
    }
    file.extend(0u32.to_le_bytes());
    for n in [64u16, 56, 0, 64, 3, 1] {
        file.extend(n.to_le_bytes());
    }
    file.extend(b"\0Name\0.symtab\0");
    file.resize(0x80, 0);
    for (name, info) in [(0u32, 0u8), (1, 0x12)] {
        file.extend(name.to_le_bytes());
        file.extend([info, 0, 0, 0]);
        file.extend([0; 16]);
    }
    file.resize(0x100, 0);
    for (name, kind, offset, size) in [(0u32, 0u32, 0u64, 0u64), (0, 3, 0x40, 14), (6, 2, 0x80, 48)] {
        file.extend(name.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend([0; 16]);
        file.extend(offset.to_le_bytes());
        file.extend(size.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend([0; 20]);
    }
    file
}

fn field<'n>(modules: &'n Modules<'_>, name: &str) -> &'n Node<'n> {
    let id = module_id("elf").unwrap();
    let position = MODULES[usize::from(id)].fields.iter().position(|f| f.name == name).unwrap();
    let Some(Node::Struct(nodes)) = modules.root(id) else { panic!("no structure") };
    assert_eq!(nodes.len(), MODULES[usize::from(id)].fields.len());
    &nodes[position]
}

#[test]
fn an_object_is_read() {
    let file = object();
    let modules = Modules::new(&file, 0);
    assert_eq!(field(&modules, "machine"), &Node::Int(62));
    assert_eq!(field(&modules, "osabi"), &Node::Int(3));
    assert_eq!(field(&modules, "entry_point"), &Node::Undefined);
    assert_eq!(field(&modules, "symtab_entries"), &Node::Int(2));
    let Node::Array(symbols) = field(&modules, "symtab") else { panic!("no list") };
    let Node::Struct(symbol) = &symbols[1] else { panic!("no structure") };
    assert_eq!(symbol[..5], [Node::bytes(b"Name"), Node::Int(0), Node::Int(0), Node::Int(2), Node::Int(1)]);
    // The MD5 of `name`.
    let md5 = modules.call(module_id("elf").unwrap(), 0, &[]);
    assert_eq!(md5, Some(Scalar::Str(b"b068931cc450442b63f5b3d276ea4297".into())));
}

#[test]
fn cut_and_changed_objects_are_read_as_far_as_they_go() {
    let file = object();
    for end in 0..file.len() {
        field(&Modules::new(&file[..end], 0), "type");
    }
    for at in 0..file.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut changed = file.clone();
            changed[at] = value;
            field(&Modules::new(&changed, 0), "type");
        }
    }
}

#[test]
fn data_without_variety_has_no_digest() {
    assert_eq!(tlsh(&[b'a'; 49]), None);
    assert_eq!(tlsh(&[b'a'; 500]), None);
}
