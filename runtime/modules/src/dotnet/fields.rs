//! The fields of `dotnet`, laid out as the schema says. Structures are written in the schema's order.

use std::borrow::Cow;

use hallmark_image::schema::Field;

use super::classes::{Assembly, Class, Method};
use super::metadata::Metadata;
use super::tables::{
    ASSEMBLY, ASSEMBLY_REF, CONSTANT, CUSTOM_ATTRIBUTE, FIELD_RVA, FILE, Index, MANIFEST_RESOURCE,
    MEMBER_REF, MODULE, MODULE_REF, TYPE_REF,
};
use crate::pe::Pe;
use crate::reader::Reader;
use crate::record::Record;
use crate::value::Node;

/// The element type of texts.
const STRING: u32 = 0x0e;

/// All fields; of a file that is no assembly, `is_dotnet` and empty lists.
pub(crate) fn root<'a>(pe: Option<&Pe<'a>>, schema: &'static [Field]) -> Node<'a> {
    let mut root = Record::new(schema);
    let found = pe.and_then(|pe| Some((pe, Assembly::new(Metadata::parse(pe)?))));
    root.set("is_dotnet", Node::Bool(found.is_some()));
    let Some((pe, assembly)) = found else { return root.done() };
    let (metadata, allowance) = (&assembly.metadata, &assembly.metadata.allowance);
    root.set("version", Node::bytes(metadata.version.as_bytes()));
    root.set("module_name", text(assembly.text(MODULE, 0, 1)));
    root.set("typelib", text(type_library(&assembly)));
    let offsets = allowance.each(1, assembly.rows(FIELD_RVA)).filter_map(|row| {
        let offset = pe.rva_to_offset(assembly.tables.cell(FIELD_RVA, row, 0)?)?;
        Some(Node::Int(offset.into()))
    });
    let constants =
        assembly.rows(CONSTANT).filter(|&row| assembly.tables.cell(CONSTANT, row, 0) == Some(STRING));
    let constants = allowance.each(1, constants.filter_map(|row| assembly.blob(CONSTANT, row, 3)));
    let streams = metadata.streams.iter().map(|stream| {
        let name = std::str::from_utf8(stream.name).ok();
        Node::Struct(vec![text(name), Node::Int(stream.offset.into()), Node::Int(stream.size.into())])
    });
    let module_refs =
        allowance.each(1, assembly.rows(MODULE_REF)).filter_map(|row| assembly.text(MODULE_REF, row, 0));
    for (list, count, nodes) in [
        ("field_offsets", "number_of_field_offsets", offsets.collect::<Vec<_>>()),
        ("constants", "number_of_constants", constants.map(Node::bytes).collect()),
        ("streams", "number_of_streams", streams.collect()),
        ("guids", "number_of_guids", metadata.guids().map(Node::text).collect()),
        (
            "user_strings",
            "number_of_user_strings",
            allowance.each(1, metadata.user_strings()).map(Node::bytes).collect(),
        ),
        ("modulerefs", "number_of_modulerefs", module_refs.map(|name| text(Some(name))).collect()),
        (
            "assembly_refs",
            "number_of_assembly_refs",
            allowance.each(7, assembly.rows(ASSEMBLY_REF)).map(|row| assembly_ref(&assembly, row)).collect(),
        ),
        (
            "resources",
            "number_of_resources",
            allowance.each(3, assembly.rows(MANIFEST_RESOURCE)).map(|row| resource(&assembly, row)).collect(),
        ),
        ("classes", "number_of_classes", assembly.classes().into_iter().map(class).collect()),
    ] {
        root.set(count, Node::count(nodes.len()));
        root.set(list, Node::Array(nodes));
    }
    if assembly.tables.count(ASSEMBLY) > 0 {
        root.set(
            "assembly",
            Node::Struct(vec![
                text(assembly.text(ASSEMBLY, 0, 7)),
                text(assembly.text(ASSEMBLY, 0, 8).filter(|culture| !culture.is_empty())),
                version(&assembly, ASSEMBLY, 0, 1),
            ]),
        );
    }
    root.done()
}

/// The value of the first attribute of the assembly that is a `GuidAttribute`.
fn type_library<'a>(assembly: &Assembly<'a>) -> Option<&'a str> {
    let is_guid = |row: &usize| {
        let parent = assembly.tables.index(CUSTOM_ATTRIBUTE, *row, 0);
        let member = assembly.tables.index(CUSTOM_ATTRIBUTE, *row, 1);
        let (Some(Index { table: ASSEMBLY, .. }), Some(Index { table: MEMBER_REF, row })) = (parent, member)
        else {
            return false;
        };
        let class = assembly.tables.index(MEMBER_REF, row, 0).filter(|class| class.table == TYPE_REF);
        class.and_then(|class| assembly.text(TYPE_REF, class.row, 1)) == Some("GuidAttribute")
    };
    let row = assembly.rows(CUSTOM_ATTRIBUTE).find(is_guid)?;
    let mut value = Reader::new(assembly.blob(CUSTOM_ATTRIBUTE, row, 2)?);
    value.skip(2)?;
    let length = usize::from(value.u8()?);
    std::str::from_utf8(value.take(length)?).ok()
}

fn assembly_ref<'a>(assembly: &Assembly<'a>, row: usize) -> Node<'a> {
    let key = assembly.blob(ASSEMBLY_REF, row, 5).filter(|key| !key.is_empty());
    Node::Struct(vec![
        text(assembly.text(ASSEMBLY_REF, row, 6)),
        key.map_or(Node::Undefined, Node::bytes),
        version(assembly, ASSEMBLY_REF, row, 0),
    ])
}

/// Four numbers, from column `first`.
fn version<'a>(assembly: &Assembly<'a>, table: usize, row: usize, first: usize) -> Node<'a> {
    let columns = (first..).take(4);
    Node::Struct(columns.map(|column| Node::int(assembly.tables.cell(table, row, column))).collect())
}

/// A resource; where it is, if it is in this file.
fn resource<'a>(assembly: &Assembly<'a>, row: usize) -> Node<'a> {
    let (offset, length) = place(assembly, row).unwrap_or_default();
    Node::Struct(vec![offset, length, text(assembly.text(MANIFEST_RESOURCE, row, 2))])
}

fn place<'a>(assembly: &Assembly<'a>, row: usize) -> Option<(Node<'a>, Node<'a>)> {
    const THIS_FILE: Index = Index { table: FILE, row: 0 };
    assembly.tables.index(MANIFEST_RESOURCE, row, 3).filter(|file| *file == THIS_FILE)?;
    let offset = assembly.tables.cell(MANIFEST_RESOURCE, row, 0)?;
    let mut data = Reader::new(assembly.metadata.resources?.get(usize::try_from(offset).ok()?..)?);
    let length = data.u32()?;
    let whole = data.take(usize::try_from(length).ok()?);
    let start = assembly.metadata.resources_offset.map(|base| base.saturating_add(offset.saturating_add(4)));
    Some((Node::int(start), whole.map_or(Node::Undefined, |data| Node::count(data.len()))))
}

fn class(class: Class<'_>) -> Node<'_> {
    let (namespace, name) = match class.full_name.as_deref().map(|name| name.rsplit_once('.').ok_or(name)) {
        None => (Node::Undefined, Node::Undefined),
        Some(Ok((namespace, name))) => (Node::text(namespace), Node::text(name)),
        Some(Err(name)) => (Node::Undefined, Node::text(name)),
    };
    Node::Struct(vec![
        class.full_name.map_or(Node::Undefined, Node::text),
        name,
        namespace,
        word(class.visibility),
        word(if class.is_interface { "interface" } else { "class" }),
        Node::Bool(class.is_abstract),
        Node::Bool(class.is_sealed),
        Node::count(class.base_types.len()),
        Node::count(class.generic.len()),
        Node::count(class.methods.len()),
        Node::Array(class.base_types.into_iter().map(Node::text).collect()),
        Node::Array(class.generic.into_iter().map(word).collect()),
        Node::Array(class.methods.into_iter().map(method).collect()),
    ])
}

fn method(method: Method<'_>) -> Node<'_> {
    let flag = |bit: u32| Node::Bool(method.flags & bit != 0);
    let flags = [flag(0x400), flag(0x10), flag(0x40), flag(0x20)];
    let mut nodes = vec![word(method.name), word(method.visibility)];
    nodes.extend(flags);
    nodes.extend([
        method.return_type.map_or(Node::Undefined, Node::text),
        Node::count(method.generic.len()),
        Node::count(method.parameters.len()),
        Node::Array(method.generic.into_iter().map(word).collect()),
        Node::Array(method.parameters.into_iter().map(|(name, ty)| parameter(name, ty)).collect()),
    ]);
    Node::Struct(nodes)
}

fn parameter(name: Cow<'_, str>, ty: String) -> Node<'_> {
    let name = match name {
        Cow::Borrowed(name) => word(name),
        Cow::Owned(name) => Node::text(name),
    };
    Node::Struct(vec![name, Node::text(ty)])
}

fn word(text: &str) -> Node<'_> {
    Node::bytes(text.as_bytes())
}

fn text(text: Option<&str>) -> Node<'_> {
    text.map_or(Node::Undefined, word)
}
