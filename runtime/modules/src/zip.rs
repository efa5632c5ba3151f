//! The `zip` module: what an archive's central directory lists.

use hallmark_image::schema::{Constant, Field};

use crate::archive::{Archive, Entry};
use crate::record::Record;
use crate::value::Node;

/// A method without a name.
const UNKNOWN: i64 = 255;

/// The fields; entries are listed up to the first one that doesn't parse.
pub(crate) fn root<'a>(data: &[u8], schema: &'static [Field], methods: &[Constant]) -> Node<'a> {
    let mut root = Record::new(schema);
    let archive = Archive::open(data);
    root.set("is_zip", Node::Bool(archive.is_some()));
    if let Some(archive) = archive {
        root.set("entries", Node::Array(archive.entries().map(|entry| node(entry, methods)).collect()));
    }
    root.done()
}

/// In the order of the schema.
fn node<'a>(entry: Entry, methods: &[Constant]) -> Node<'a> {
    let method = i64::from(entry.method);
    let known = methods.iter().any(|constant| constant.value == method);
    Node::Struct(vec![
        Node::text(String::from_utf8_lossy(&entry.path)),
        Node::Int(if known { method } else { UNKNOWN }),
        Node::word(entry.size),
        Node::word(entry.compressed_size),
    ])
}
