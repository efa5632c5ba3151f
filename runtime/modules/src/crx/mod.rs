//! The `crx` module: extensions of Chrome and its kin, in the second and third version of the format.

mod header;
mod manifest;

use hallmark_image::schema::Field;
use sha2::{Digest, Sha256};

use crate::archive::Archive;
use crate::late::Late;
use crate::record::Record;
use crate::value::{Answer, Node, Scalar, hex};
use header::{Header, signatures};
use manifest::Manifest;

/// All fields; of a file that is no extension, `is_crx` and empty lists. Signatures are verified when a rule asks for
/// them.
pub(crate) fn root<'a>(data: &'a [u8], schema: &'static [Field]) -> Node<'a> {
    let mut root = Record::new(schema);
    let parsed = Header::parse(data);
    let archive = parsed.as_ref().and_then(|header| Archive::open(header.archive)).filter(Archive::is_whole);
    let (Some(header), Some(archive)) = (parsed, archive) else {
        root.set("is_crx", Node::Bool(false));
        return root.done();
    };
    root.set("is_crx", Node::Bool(true));
    root.set("crx_version", Node::Int(header.version.into()));
    root.set("header_size", Node::count(header.size));
    root.set("id", Node::text(header.id()));
    root.set("signatures", Late::new(data, signatures).at(&[]));
    if let Some(manifest) = Manifest::read(&archive) {
        manifest.fill(&mut root);
    }
    root.done()
}

/// Calls `crx.<name>` for the file whose fields are `root`.
pub(crate) fn call(name: &str, root: &Node<'_>, schema: &'static [Field]) -> Answer<'static> {
    let Node::Struct(nodes) = root else { return None };
    let field = |name: &str| nodes.get(schema.iter().position(|field| field.name == name)?);
    match (name, field("is_crx"), field("permissions")) {
        ("permhash", Some(Node::Bool(true)), Some(Node::Array(permissions))) => {
            let mut digest = Sha256::new();
            for permission in permissions {
                if let Node::Str(bytes) = permission {
                    digest.update(bytes);
                }
            }
            Some(Scalar::Str(hex(&digest.finalize()).into()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
