//! The functions of `macho`, answered from its fields.

use hallmark_image::schema::Field;
use md5::{Digest, Md5};

use super::fields::file_schema;
use super::symbols::is_looked_for;
use crate::value::{Answer, Arg, Node, Scalar, hex};

/// Calls `macho.<name>` for the file whose fields are `root`.
pub(crate) fn call<'a>(
    name: &str,
    args: &[Arg<'_>],
    root: &Node<'_>,
    schema: &'static [Field],
) -> Answer<'a> {
    let whole = View { node: root, schema };
    let schema = file_schema(schema);
    let mut files = whole.list("file").iter().map(|node| View { node, schema });
    match (name, args) {
        ("file_index_for_arch", _) => whole.index(args).map(|(index, _)| Scalar::Int(index)),
        ("entry_point_for_arch", _) => {
            let (index, offset) = whole.index(args)?;
            let entry = number(files.nth(usize::try_from(index).ok()?)?.field("entry_point")?)?;
            offset.checked_add(entry).map(Scalar::Int)
        }
        (_, [Arg::Str(wanted)]) => {
            let list = match name {
                "has_dylib" => "dylibs",
                "has_rpath" => "rpaths",
                "has_entitlement" => "entitlements",
                "has_import" => "imports",
                "has_export" => "exports",
                _ => return None,
            };
            let has = |file: View<'_, '_>| file.texts(list).any(|text| text.eq_ignore_ascii_case(wanted));
            Some(Scalar::Bool(has(whole) || files.any(has)))
        }
        (_, []) => {
            // Of several files, the first is asked.
            let file = files.next().unwrap_or(whole);
            match name {
                "dylib_hash" => digest(file.texts("dylibs")),
                "entitlement_hash" => digest(file.texts("entitlements")),
                "import_hash" => digest(file.texts("imports")),
                "export_hash" => digest(file.texts("exports")),
                "symhash" => file.symhash(),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The fields of a file, by name.
#[derive(Clone, Copy)]
struct View<'n, 'a> {
    node: &'n Node<'a>,
    schema: &'static [Field],
}

impl<'n, 'a> View<'n, 'a> {
    fn field(self, name: &str) -> Option<&'n Node<'a>> {
        part(self.node, self.schema.iter().position(|field| field.name == name)?)
    }

    fn list(self, name: &str) -> &'n [Node<'a>] {
        self.field(name).map_or(&[], items)
    }

    /// The texts of a list, or the first fields of its structures.
    fn texts(self, name: &str) -> impl Iterator<Item = &'n [u8]> {
        self.list(name).iter().filter_map(|node| match part(node, 0).unwrap_or(node) {
            Node::Str(text) => Some(text.as_ref()),
            _ => None,
        })
    }

    /// The number of the first architecture for a processor, and of a kind if one is given, and where its file is.
    fn index(self, args: &[Arg<'_>]) -> Option<(i64, i64)> {
        let fits = |architecture: &Node<'_>| {
            let numbers = (0..).map(|at| part(architecture, at).and_then(number));
            args.iter().zip(numbers).all(|(arg, number)| matches!(arg, Arg::Int(n) if Some(*n) == number))
        };
        let (index, architecture) = (0..).zip(self.list("fat_arch")).find(|(_, node)| fits(node))?;
        Some((index, number(part(architecture, 2)?)?))
    }

    /// The digest of the names of symbols that other files have to define.
    fn symhash(self) -> Answer<'static> {
        let table = self.field("symtab")?;
        let (names, numbers) = (items(part(table, 4)?), items(part(table, 5)?));
        let looked_for = |symbol: &&Node<'_>| part(symbol, 1).and_then(number).is_some_and(is_looked_for);
        let names = names.iter().zip(numbers).filter(|(_, symbol)| looked_for(symbol));
        let names =
            names.filter_map(|(name, _)| if let Node::Str(name) = name { Some(name.as_ref()) } else { None });
        if numbers.is_empty() { None } else { Some(md5(names, str::to_owned)) }
    }
}

/// The MD5 of names in lower case, if there are any.
fn digest<'n>(names: impl Iterator<Item = &'n [u8]>) -> Answer<'static> {
    let mut names = names.peekable();
    names.peek()?;
    Some(md5(names, str::to_lowercase))
}

/// The MD5 of names without spaces around them and in the case that `fold` gives: sorted, each once, with commas
/// between.
fn md5<'n>(names: impl Iterator<Item = &'n [u8]>, fold: fn(&str) -> String) -> Scalar<'static> {
    let mut names: Vec<_> = names.map(|name| fold(String::from_utf8_lossy(name).trim())).collect();
    names.sort_unstable();
    names.dedup();
    Scalar::Str(hex(&Md5::digest(names.join(","))).into())
}

fn items<'n, 'a>(node: &'n Node<'a>) -> &'n [Node<'a>] {
    match node.settled() {
        Node::Array(nodes) => nodes,
        _ => &[],
    }
}

fn part<'n, 'a>(node: &'n Node<'a>, at: usize) -> Option<&'n Node<'a>> {
    match node {
        Node::Struct(nodes) => nodes.get(at),
        _ => None,
    }
}

fn number(node: &Node<'_>) -> Option<i64> {
    match node {
        Node::Int(number) => Some(*number),
        _ => None,
    }
}
