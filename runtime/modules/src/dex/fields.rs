//! The fields of `dex`, laid out as the schema says, and its functions. Structures are written in the schema's order.

use std::borrow::Cow;

use hallmark_image::schema::Field;
use sha1::{Digest, Sha1};

use super::tables::{Class, Dex, Member, Proto};
use crate::record::Record;
use crate::value::{Answer, Arg, Node, Scalar, hex};

/// `dex\n`, as a big-endian number.
const MAGIC: i64 = 0x6465_780a;
const HEADER_SIZE: i64 = 0x70;
/// What the checksum and the signature cover, from here to the end.
const CHECKSUM_FROM: usize = 12;
const SIGNATURE_FROM: usize = 32;

/// All fields; of a file that is no Dalvik executable, `is_dex` and empty lists.
pub(crate) fn root<'a>(data: &'a [u8], schema: &'static [Field]) -> Node<'a> {
    let mut root = Record::new(schema);
    let dex = Dex::parse(data);
    root.set("is_dex", Node::Bool(dex.is_some()));
    let Some(dex) = dex else { return root.done() };
    let allowance = &dex.allowance;
    root.set("header", header(&dex));
    let all = 0..dex.strings.len();
    root.set("strings", Node::Array(allowance.each(1, all).map(|number| string(&dex, number)).collect()));
    let all = 0..dex.types.len();
    root.set("types", Node::Array(allowance.each(1, all).map(|number| ty(&dex, number)).collect()));
    root.set("protos", Node::Array(dex.protos.iter().map_while(|p| proto(&dex, p)).collect()));
    let fields = allowance.each(3, dex.fields()).map(|f| member(&dex, &f, ty(&dex, f.kind)));
    root.set("fields", Node::Array(fields.collect()));
    let method = |m: Member| Some(member(&dex, &m, proto(&dex, dex.protos.get(m.kind)?)?));
    root.set("methods", Node::Array(allowance.each(3, dex.methods()).map_while(method).collect()));
    let classes = allowance.each(4, dex.classes()).map(|c| class(&dex, &c));
    root.set("class_defs", Node::Array(classes.collect()));
    if let Some((size, items)) = dex.map() {
        let item = |item: &[u32; 4]| Node::Struct(item.iter().map(|&n| Node::Int(n.into())).collect());
        let items = Node::Array(allowance.each(4, items.iter()).map(item).collect());
        root.set("map_list", Node::Struct(vec![Node::Int(size.into()), items]));
    }
    root.done()
}

/// Calls `dex.<name>` for the file whose fields are `root`.
pub(crate) fn call<'a>(
    name: &str,
    args: &[Arg<'_>],
    data: &[u8],
    root: &Node<'_>,
    schema: &'static [Field],
) -> Answer<'a> {
    let field = |name: &str| {
        let Node::Struct(nodes) = root else { return None };
        nodes.get(schema.iter().position(|f| f.name == name)?)
    };
    let list = |name: &str| match field(name) {
        Some(Node::Array(nodes)) => nodes.as_slice(),
        _ => &[],
    };
    let is_dex = field("is_dex") == Some(&Node::Bool(true));
    match (name, args) {
        ("checksum", []) if is_dex => Some(Scalar::Int(adler32(data.get(CHECKSUM_FROM..)?).into())),
        ("signature", []) if is_dex => {
            Some(Scalar::Str(hex(&Sha1::digest(data.get(SIGNATURE_FROM..)?)).into()))
        }
        (_, [Arg::Str(wanted)]) => {
            std::str::from_utf8(wanted).ok()?;
            Some(Scalar::Bool(match name {
                // The format sorts strings and classes.
                "contains_string" => {
                    list("strings").binary_search_by(|node| text_of(node).cmp(&Some(wanted))).is_ok()
                }
                "contains_class" => {
                    let name = |node| part(node, 0).and_then(text_of);
                    list("class_defs").binary_search_by(|node| name(node).cmp(&Some(wanted))).is_ok()
                }
                "contains_method" => {
                    list("methods").iter().any(|node| part(node, 2).and_then(text_of) == Some(wanted))
                }
                _ => return None,
            }))
        }
        _ => None,
    }
}

/// The bytes of a text.
fn text_of<'n>(node: &'n Node<'_>) -> Option<&'n [u8]> {
    match node {
        Node::Str(bytes) => Some(bytes),
        _ => None,
    }
}

/// A field of a structure.
fn part<'n, 'a>(node: &'n Node<'a>, at: usize) -> Option<&'n Node<'a>> {
    match node {
        Node::Struct(nodes) => nodes.get(at),
        _ => None,
    }
}

fn header<'a>(dex: &Dex<'a>) -> Node<'a> {
    let header = &dex.header;
    let number = |n: u32| Node::Int(n.into());
    Node::Struct(vec![
        Node::Int(MAGIC),
        number(header.version),
        number(header.checksum),
        Node::Str(hex(header.signature).into()),
        number(header.file_size),
        Node::Int(HEADER_SIZE),
        number(header.endian_tag),
        number(header.link.size),
        number(header.link.offset),
        Node::Undefined,
        Node::Undefined,
        Node::int(header.container.map(|(size, _)| size)),
        Node::int(header.container.map(|(_, offset)| offset)),
    ])
}

fn string<'a>(dex: &Dex<'a>, number: usize) -> Node<'a> {
    let Some(text) = dex.strings.get(number) else { return Node::Undefined };
    match text {
        Cow::Borrowed(text) => Node::bytes(text),
        Cow::Owned(text) => {
            dex.allowance.spend(text.len()).map_or(Node::Undefined, |()| Node::Str(text.clone().into()))
        }
    }
}

fn ty<'a>(dex: &Dex<'a>, number: usize) -> Node<'a> {
    dex.types.get(number).map_or(Node::Undefined, |&number| string(dex, number))
}

/// `None` if there is no allowance for its parameters: many methods may share them.
fn proto<'a>(dex: &Dex<'a>, proto: &Proto) -> Option<Node<'a>> {
    let fields = proto.parameters.len().checked_add(4)?;
    dex.allowance.spend(fields.checked_mul(size_of::<Node<'_>>())?)?;
    Some(Node::Struct(vec![
        string(dex, proto.shorty),
        ty(dex, proto.result),
        Node::count(proto.parameters.len()),
        Node::Array(proto.parameters.iter().map(|&number| ty(dex, number)).collect()),
    ]))
}

fn member<'a>(dex: &Dex<'a>, member: &Member, kind: Node<'a>) -> Node<'a> {
    Node::Struct(vec![ty(dex, member.class), kind, string(dex, member.name)])
}

fn class<'a>(dex: &Dex<'a>, class: &Class) -> Node<'a> {
    Node::Struct(vec![
        ty(dex, class.class),
        Node::Int(class.flags.into()),
        class.superclass.map_or(Node::Undefined, |number| ty(dex, number)),
        class.source.map_or(Node::Undefined, |number| string(dex, number)),
    ])
}

/// The checksum of RFC 1950.
fn adler32(data: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    /// So many bytes can be added before a sum could run over.
    const RUN: usize = 5_552;
    let (mut low, mut high) = (1u32, 0u32);
    for run in data.chunks(RUN) {
        for &byte in run {
            low = low.wrapping_add(byte.into());
            high = high.wrapping_add(low);
        }
        low %= MODULUS;
        high %= MODULUS;
    }
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_of_short_and_long_data() {
        assert_eq!(adler32(b""), 1);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
        assert_eq!(adler32(&[0xff; 100_000]), 0x149a_302c);
    }
}
