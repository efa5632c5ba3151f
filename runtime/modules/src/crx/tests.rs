//! Hostile extensions, and hostile archives.

use hallmark_image::schema::{MODULES, Module, module_id};

use super::{call, root};
use crate::archive::sample::archive;
use crate::limits::{MAX_CRX_FILE, MAX_CRX_HEADER, MAX_CRX_SIGNATURES, MAX_ZIP_ENTRIES};
use crate::value::{Node, Scalar};
use crate::zip;

fn schema(name: &str) -> &'static Module {
    &MODULES[usize::from(module_id(name).unwrap())]
}

/// A field of `crx`, worked out.
fn field(file: &[u8], name: &str) -> Node<'static> {
    let fields = schema("crx").fields;
    let Node::Struct(nodes) = root(file, fields) else { panic!("no structure") };
    let at = fields.iter().position(|field| field.name == name).unwrap();
    match nodes[at].settled() {
        Node::Bool(value) => Node::Bool(*value),
        Node::Str(bytes) => Node::Str(bytes.to_vec().into()),
        Node::Array(items) => Node::Array(vec![Node::Undefined; items.len()]),
        _ => Node::Undefined,
    }
}

/// The entries that `zip` lists, and whether it is an archive.
fn entries(file: &[u8]) -> Option<usize> {
    let module = schema("zip");
    let Node::Struct(nodes) = zip::root(file, module.fields, module.constants) else {
        panic!("no structure")
    };
    match nodes.as_slice() {
        [Node::Bool(true), Node::Array(entries)] => Some(entries.len()),
        [Node::Bool(false), Node::Array(entries)] if entries.is_empty() => None,
        other => panic!("{other:?}"),
    }
}

/// An extension with these fields in its header, signed by nobody.
fn extension(header: &[u8], archive: &[u8]) -> Vec<u8> {
    let header = [header, b"\x82\xf1\x04\x12\x0a\x10sixteen of them!"].concat();
    let length = u32::try_from(header.len()).unwrap().to_le_bytes();
    [b"Cr24\x03\0\0\0", &length[..], &header, archive].concat()
}

const MANIFEST: &[u8] = br#"{"name": "__MSG_n__", "permissions": ["a", "b"]}"#;
const MESSAGES: &[u8] = br#"{"n": {"message": "Name"}}"#;

fn ordinary() -> Vec<u8> {
    extension(b"", &archive(&[("manifest.json", MANIFEST), ("_locales/en/messages.json", MESSAGES)]))
}

#[test]
fn an_ordinary_extension() {
    let file = ordinary();
    assert_eq!(field(&file, "is_crx"), Node::Bool(true));
    assert_eq!(field(&file, "name"), Node::Str(b"Name".into()));
    assert_eq!(field(&file, "raw_name"), Node::Str(b"__MSG_n__".into()));
    assert_eq!(field(&file, "permissions"), Node::Array(vec![Node::Undefined; 2]));
    assert_eq!(entries(&file), Some(2));
}

#[test]
fn cut_and_changed_anywhere() {
    let file = ordinary();
    for end in 0..file.len() {
        assert_eq!(field(&file[..end], "is_crx"), Node::Bool(false), "{end}");
        assert_eq!(entries(&file[..end]), None, "{end}");
    }
    for at in 0..file.len() {
        for change in [1, 0x80, 0xff] {
            let mut changed = file.clone();
            changed[at] ^= change;
            let fields = schema("crx").fields;
            let root = root(&changed, fields);
            let is_crx = field(&changed, "is_crx") == Node::Bool(true);
            let hashed = matches!(call("permhash", &root, fields), Some(Scalar::Str(_)));
            assert_eq!(is_crx, hashed, "{at}");
            assert!(entries(&changed).is_none_or(|count| count <= 2), "{at}");
        }
    }
}

#[test]
fn what_unpacks_to_much_is_not_read() {
    let manifest = |length: usize| {
        let text = format!(r#"{{"name": "N", "x": "{}"}}"#, "a".repeat(length));
        let padding = text.len() - length;
        (padding, extension(b"", &archive(&[("manifest.json", text.as_bytes())])))
    };
    let (padding, _) = manifest(0);
    let (_, longest) = manifest(MAX_CRX_FILE - padding);
    assert_eq!(field(&longest, "name"), Node::Str(b"N".into()));
    let (_, bomb) = manifest(MAX_CRX_FILE - padding + 1);
    assert!(bomb.len() < MAX_CRX_FILE / 100, "{}", bomb.len());
    assert_eq!(field(&bomb, "is_crx"), Node::Bool(true));
    assert_eq!(field(&bomb, "name"), Node::Undefined);
}

#[test]
fn listed_signatures_are_bounded() {
    let proof = b"\x12\x06\x0a\x01k\x12\x01s";
    let file = |count: usize| extension(&proof.repeat(count), &archive(&[]));
    assert_eq!(field(&file(3), "signatures"), Node::Array(vec![Node::Undefined; 3]));
    let many = field(&file(10_000), "signatures");
    assert_eq!(many, Node::Array(vec![Node::Undefined; MAX_CRX_SIGNATURES]));
    let fill = |count: usize| field(&extension(&b"\x22\0".repeat(count), &archive(&[])), "is_crx");
    assert_eq!(fill(MAX_CRX_HEADER / 2 - 100), Node::Bool(true));
    assert_eq!(fill(MAX_CRX_HEADER / 2), Node::Bool(false));
}

#[test]
fn listed_entries_are_bounded() {
    // As many records as are announced in the form for large archives, each of an empty name.
    let count = MAX_ZIP_ENTRIES + 1;
    let record = [&b"PK\x01\x02"[..], &[0; 42]].concat();
    let mut file = record.repeat(count);
    let end = u64::try_from(file.len()).unwrap();
    file.extend(b"PK\x06\x06");
    file.extend(44u64.to_le_bytes());
    file.extend([0; 12]);
    for number in [count as u64, count as u64, end, 0] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend(end.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend([&b"PK\x05\x06\0\0\0\0"[..], &[0xff; 12], b"\0\0"].concat());
    assert_eq!(entries(&file), Some(MAX_ZIP_ENTRIES));
    assert_eq!(field(&extension(b"", &file), "is_crx"), Node::Bool(false));
}
