//! Code signatures: what a program asks to be allowed, and whose certificates are in it. Nothing is verified.

use roxmltree::{Document, ParsingOptions};

use super::file::File;
use super::subject::name;
use crate::ber::{Ber, SEQUENCE, SET, context};
use crate::certificates::Certificate;
use crate::limits::{
    MAX_CERTIFICATES, MAX_CODE_BLOBS, MAX_ENTITLEMENT_BYTES, MAX_ENTITLEMENT_NODES, MAX_SIGNATURE_BYTES,
};
use crate::reader::{Order, Reader, Width, from, range};
use crate::value::Node;

use Width::Int;

/// Parts are told apart by their own magic numbers, in whatever order they are.
const ENTITLEMENTS: u64 = 0xfade_7171;
const SIGNATURE: u64 = 0xfade_0b01;
/// A signature has big-endian numbers, whatever those of the file are.
const ORDER: Order = Order { big: true, wide: false };

/// `entitlements` and `certificates`.
pub(super) fn nodes(data: &[u8]) -> Node<'static> {
    let tables = File::parse(data).map(|file| file.tables()).unwrap_or_default();
    let signature = tables.signature.and_then(|[offset, size]| range(data, offset, size));
    let (mut keys, mut certificates) = (Vec::new(), Vec::new());
    for (magic, content) in parts(signature.unwrap_or_default()) {
        match magic {
            ENTITLEMENTS => keys.extend(entitlements(content).unwrap_or_default()),
            SIGNATURE => certificates.extend(signers(content).unwrap_or_default()),
            _ => {}
        }
    }
    certificates.truncate(MAX_CERTIFICATES);
    Node::Struct(vec![Node::Array(keys), Node::Array(certificates)])
}

/// The magic numbers and contents of the parts of a signature.
fn parts(signature: &[u8]) -> Vec<(u64, &[u8])> {
    let mut reader = Reader::new(signature);
    let Some([_, _, count]) = ORDER.read(&mut reader, [Int; 3]) else { return Vec::new() };
    let Some(table) = count.checked_mul(8).and_then(|size| range(reader.rest(), 0, size)) else {
        return Vec::new();
    };
    let mut reader = Reader::new(table);
    let places = std::iter::from_fn(|| ORDER.read(&mut reader, [Int; 2])).take(MAX_CODE_BLOBS);
    let part = |[_, offset]: [u64; 2]| {
        let mut reader = Reader::new(from(signature, offset)?);
        let [magic, size] = ORDER.read(&mut reader, [Int; 2])?;
        Some((magic, range(reader.rest(), 0, size.checked_sub(8)?)?))
    };
    places.filter_map(part).collect()
}

/// The keys of a property list.
fn entitlements(content: &[u8]) -> Option<Vec<Node<'static>>> {
    let text = std::str::from_utf8(content.get(..MAX_ENTITLEMENT_BYTES).unwrap_or(content)).ok()?;
    // Property lists name the definition of their type.
    let options =
        ParsingOptions { allow_dtd: true, nodes_limit: MAX_ENTITLEMENT_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).ok()?;
    let keys = document.descendants().filter(|node| node.tag_name().name() == "key");
    Some(keys.filter_map(|key| key.text()).map(Node::text).collect())
}

/// The certificates in a signature, up to the first that is none.
fn signers(content: &[u8]) -> Option<Vec<Node<'static>>> {
    let mut info = Ber::new(content.get(..MAX_SIGNATURE_BYTES).unwrap_or(content)).open(SEQUENCE)?;
    info.oid()?;
    let mut signed = info.open(context(0))?.open(SEQUENCE)?;
    signed.small_integer()?;
    signed.content(SET)?;
    signed.content(SEQUENCE)?;
    let mut certificates = signed.open(context(0))?;
    let node = |certificate: Certificate<'_>| {
        Node::Struct(vec![
            Node::text(name(certificate.issuer)),
            Node::text(name(certificate.subject)),
            Node::Bool(certificate.is_issued_by(certificate.subject)),
        ])
    };
    let certificates = std::iter::from_fn(|| Certificate::parse(&mut certificates)).take(MAX_CERTIFICATES);
    Some(certificates.map(node).collect())
}
