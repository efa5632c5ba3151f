//! Hostile tables.

use hallmark_image::schema::{MODULES, module_id};

use super::root;
use crate::Node;
use crate::limits::{ALLOWANCE_FACTOR, ALLOWANCE_MIN};

const HEADER: u32 = 0x70;
const PARAMETERS: u16 = 255;

/// A file whose methods, as many as can be named, all have one prototype with as many parameters as can be.
fn many_parameters(methods: u32) -> Vec<u8> {
    let (string, type_id, proto, list) = (HEADER, HEADER + 4, HEADER + 8, HEADER + 20);
    let text = list + 4 + 2 * u32::from(PARAMETERS);
    let first = text + 2;
    let mut file = b"dex\n035\0".to_vec();
    file.resize(32, 0);
    let size = first + 8 * methods;
    let header = [
        size,
        HEADER,
        0x1234_5678,
        0,
        0,
        0,
        1,
        string,
        1,
        type_id,
        1,
        proto,
        0,
        0,
        methods,
        first,
        0,
        0,
        0,
        0,
    ];
    let tables = [text, 0, 0, 0, list, u32::from(PARAMETERS)];
    file.extend(header.iter().chain(&tables).flat_map(|n| n.to_le_bytes()));
    file.resize(usize::try_from(text).unwrap(), 0);
    file.extend(b"\x01I");
    file.resize(usize::try_from(size).unwrap(), 0);
    file
}

fn lists(file: &[u8]) -> Vec<(&'static str, usize)> {
    let fields = MODULES[usize::from(module_id("dex").unwrap())].fields;
    let Node::Struct(nodes) = root(file, fields) else { panic!("no structure") };
    let length = |node: &Node<'_>| if let Node::Array(nodes) = node { Some(nodes.len()) } else { None };
    fields.iter().zip(&nodes).filter_map(|(f, node)| Some((f.name, length(node)?))).collect()
}

#[test]
fn parameters_that_methods_share_are_bounded() {
    let few = lists(&many_parameters(10));
    assert!(few.contains(&("methods", 10)), "{few:?}");
    let file = many_parameters(60_000);
    let bound =
        (ALLOWANCE_MIN + file.len() * ALLOWANCE_FACTOR) / (usize::from(PARAMETERS) * size_of::<Node<'_>>());
    let many = lists(&file);
    let (_, methods) = many.iter().find(|(name, _)| *name == "methods").unwrap();
    assert!((bound / 2..bound).contains(methods), "{methods} methods, at most {bound}");
}

#[test]
fn a_file_cut_anywhere_has_no_methods() {
    let file = many_parameters(3);
    for end in 0..file.len() {
        assert!(lists(&file[..end]).iter().all(|(_, length)| *length == 0), "{end}");
    }
}
