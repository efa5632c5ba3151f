//! The fields of `pe`, laid out as the schema says. Structures are written in the schema's order; a test compares.

use std::borrow::Cow;
use std::collections::HashMap;

use const_oid::ObjectIdentifier;
use hallmark_image::schema::Field;

use super::Pe;
use super::debug::pdb_path;
use super::exports::ExportedFunction;
use super::headers::{Directory, Section};
use super::imports::Library;
use super::resources::{Id, Resource};
use super::rich::Rich;
use super::signatures::{Signature, signatures};
use super::version_info::version_info;
use crate::certificates::{Certificate, oid_name};
use crate::late::Late;
use crate::reader::Allowance;
use crate::record::Record;
use crate::value::{Node, hex};

/// Places in a signature of what has to be verified.
const VERIFIED: usize = 9;
const FILE_DIGEST: usize = 12;
const COUNTERSIGNATURES: usize = 17;

impl<'a> Pe<'a> {
    /// All fields; of a file that is no PE (`None`), `is_pe` and empty lists.
    pub(crate) fn root(pe: Option<&Self>, schema: &'static [Field]) -> Node<'a> {
        let mut root = Record::new(schema);
        root.set("is_pe", Node::Bool(pe.is_some()));
        if let Some(pe) = pe {
            pe.set_headers(&mut root);
            pe.set_optional_header(&mut root);
            pe.set_tables(&mut root);
            pe.set_resources(&mut root);
            let verified = Late::new(pe.data, verified);
            let signatures = signatures(pe, false);
            root.set("is_signed", verified.at(&[0]));
            root.set("number_of_signatures", Node::count(signatures.len()));
            let signatures = signatures.iter().enumerate();
            let signatures =
                signatures.map(|(i, found)| signature(found, Some((&verified, i)), &pe.allowance));
            root.set("signatures", Node::Array(signatures.collect()));
        }
        root.done()
    }

    fn set_headers(&self, root: &mut Record<'a>) {
        let coff = &self.headers.coff;
        root.set("machine", Node::Int(coff.machine.into()));
        root.set("timestamp", Node::Int(coff.timestamp.into()));
        root.set("pointer_to_symbol_table", Node::Int(coff.pointer_to_symbol_table.into()));
        root.set("number_of_symbols", Node::Int(coff.number_of_symbols.into()));
        root.set("size_of_optional_header", Node::Int(coff.size_of_optional_header.into()));
        root.set("characteristics", Node::Int(coff.characteristics.into()));
        root.set("number_of_sections", Node::count(self.headers.sections.len()));
        root.set("sections", Node::Array(self.headers.sections.iter().map(section).collect()));
        let directories = self.headers.directories();
        root.set("data_directories", Node::Array(directories.into_iter().map(directory).collect()));
        if let Some(rich) = self.rich() {
            root.set("rich_signature", rich_signature(rich));
        }
        root.set("overlay", self.overlay());
    }

    fn set_optional_header(&self, root: &mut Record<'a>) {
        let header = &self.headers.optional;
        root.set("opthdr_magic", Node::Int(header.magic.into()));
        root.set("linker_version", pair(header.linker_version));
        root.set("size_of_code", Node::Int(header.size_of_code.into()));
        root.set("size_of_initialized_data", Node::Int(header.size_of_initialized_data.into()));
        root.set("size_of_uninitialized_data", Node::Int(header.size_of_uninitialized_data.into()));
        root.set("entry_point_raw", Node::Int(header.entry_point.into()));
        root.set("entry_point", Node::int(self.headers.rva_to_offset(header.entry_point)));
        root.set("base_of_code", Node::Int(header.base_of_code.into()));
        root.set("base_of_data", Node::int(header.base_of_data));
        root.set("image_base", Node::word(header.image_base));
        root.set("section_alignment", Node::Int(header.section_alignment.into()));
        root.set("file_alignment", Node::Int(header.file_alignment.into()));
        root.set("os_version", pair(header.os_version));
        root.set("image_version", pair(header.image_version));
        root.set("subsystem_version", pair(header.subsystem_version));
        root.set("win32_version_value", Node::Int(header.win32_version_value.into()));
        root.set("size_of_image", Node::Int(header.size_of_image.into()));
        root.set("size_of_headers", Node::Int(header.size_of_headers.into()));
        root.set("checksum", Node::Int(header.checksum.into()));
        root.set("subsystem", Node::Int(header.subsystem.into()));
        root.set("dll_characteristics", Node::Int(header.dll_characteristics.into()));
        root.set("size_of_stack_reserve", Node::word(header.size_of_stack_reserve));
        root.set("size_of_stack_commit", Node::word(header.size_of_stack_commit));
        root.set("size_of_heap_reserve", Node::word(header.size_of_heap_reserve));
        root.set("size_of_heap_commit", Node::word(header.size_of_heap_commit));
        root.set("loader_flags", Node::Int(header.loader_flags.into()));
        root.set("number_of_rva_and_sizes", Node::Int(header.number_of_rva_and_sizes.into()));
    }

    /// Imports, exports and debug information.
    fn set_tables(&self, root: &mut Record<'a>) {
        let functions =
            |libraries: &[Library<'_>]| Node::count(libraries.iter().map(|l| l.functions.len()).sum());
        let (standard, delayed) = (self.imports(), self.delayed_imports());
        root.set("number_of_imports", Node::count(standard.len()));
        root.set("number_of_imported_functions", functions(standard));
        root.set("import_details", Node::Array(standard.iter().map(library).collect()));
        root.set("number_of_delayed_imports", Node::count(delayed.len()));
        root.set("number_of_delayed_imported_functions", functions(delayed));
        root.set("delayed_import_details", Node::Array(delayed.iter().map(library).collect()));
        let exported: &[ExportedFunction<'a>] = self.exports().map_or(&[], |e| &e.functions);
        root.set("number_of_exports", Node::count(exported.len()));
        root.set("export_details", Node::Array(exported.iter().map(export).collect()));
        if let Some(exports) = self.exports() {
            root.set("dll_name", text(exports.library));
            root.set("export_timestamp", Node::Int(exports.timestamp.into()));
        }
        root.set("pdb_path", pdb_path(self).map_or(Node::Undefined, Node::bytes));
    }

    fn set_resources(&self, root: &mut Record<'a>) {
        let list: &[Resource<'a>] = self.resources().map_or(&[], |r| &r.list);
        root.set("number_of_resources", Node::count(list.len()));
        root.set("resources", Node::Array(list.iter().map(resource).collect()));
        if let Some(resources) = self.resources() {
            root.set("resource_timestamp", Node::Int(resources.timestamp.into()));
            root.set("resource_version", pair(resources.version));
        }
        let strings = version_info(self, list);
        root.set("number_of_version_infos", Node::count(strings.len()));
        let key_value =
            |(key, value): &(String, String)| Node::Struct(vec![Node::text(key), Node::text(value)]);
        root.set("version_info_list", Node::Array(strings.iter().map(key_value).collect()));
        root.set("version_info", last_of_each(strings));
    }

    /// What follows the last section in the file; zeros if nothing does.
    fn overlay(&self) -> Node<'a> {
        let end = |s: &Section<'_>| u64::from(s.raw_data_offset).saturating_add(s.raw_data_size.into());
        let end = self.headers.sections.iter().map(end).max().and_then(|end| usize::try_from(end).ok());
        let rest = end.and_then(|end| Some((end, self.data.len().checked_sub(end).filter(|&n| n > 0)?)));
        let (offset, size) = rest.unwrap_or_default();
        Node::Struct(vec![Node::count(offset), Node::count(size)])
    }
}

fn pair<'a>((first, second): (impl Into<i64>, impl Into<i64>)) -> Node<'a> {
    Node::Struct(vec![Node::Int(first.into()), Node::Int(second.into())])
}

fn text<'a>(text: Option<&'a str>) -> Node<'a> {
    text.map_or(Node::Undefined, |t| Node::bytes(t.as_bytes()))
}

fn owned<'a>(text: Option<&String>) -> Node<'a> {
    text.map_or(Node::Undefined, Node::text)
}

fn name_of<'a>(oid: Option<&ObjectIdentifier>) -> Node<'a> {
    oid.map_or(Node::Undefined, |oid| Node::text(oid_name(oid)))
}

fn numbers_of<'a>(oid: Option<&ObjectIdentifier>) -> Node<'a> {
    oid.map_or(Node::Undefined, |oid| Node::text(oid.to_string()))
}

fn digest<'a>(bytes: &[u8]) -> Node<'a> {
    Node::Str(hex(bytes).into())
}

/// A map in which the last of several values of one key counts.
fn last_of_each<'a>(strings: Vec<(String, String)>) -> Node<'a> {
    let mut positions = HashMap::new();
    let mut map: Vec<(Cow<'a, [u8]>, Node<'a>)> = Vec::new();
    for (key, value) in strings {
        let position = *positions.entry(key.clone()).or_insert(map.len());
        match map.get_mut(position) {
            Some((_, slot)) => *slot = Node::text(value),
            None => map.push((key.into_bytes().into(), Node::text(value))),
        }
    }
    Node::Map(map)
}

fn section<'a>(section: &Section<'a>) -> Node<'a> {
    Node::Struct(vec![
        Node::bytes(section.name),
        Node::bytes(section.full_name),
        Node::Int(section.characteristics.into()),
        Node::Int(section.raw_data_size.into()),
        Node::Int(section.raw_data_offset.into()),
        Node::Int(section.virtual_address.into()),
        Node::Int(section.virtual_size.into()),
        Node::Int(section.pointer_to_relocations.into()),
        Node::Int(section.pointer_to_line_numbers.into()),
        Node::Int(section.number_of_relocations.into()),
        Node::Int(section.number_of_line_numbers.into()),
    ])
}

fn directory<'a>(directory: Directory) -> Node<'a> {
    pair((directory.virtual_address, directory.size))
}

fn rich_signature<'a>(rich: &Rich<'a>) -> Node<'a> {
    let tools = rich.tools.iter().map(|tool| {
        Node::Struct(vec![
            Node::Int(tool.id.into()),
            Node::Int(tool.version.into()),
            Node::Int(tool.times.into()),
        ])
    });
    Node::Struct(vec![
        Node::count(rich.offset),
        Node::count(rich.raw.len()),
        Node::Int(rich.key.into()),
        Node::bytes(rich.raw),
        Node::Str(rich.clear.clone().into()),
        Node::Array(tools.collect()),
        Node::Str(rich.version_data().into()),
    ])
}

fn library<'a>(library: &Library<'a>) -> Node<'a> {
    let functions = library.functions.iter().map(|function| {
        let name = match &function.name {
            Cow::Borrowed(name) => Node::bytes(name.as_bytes()),
            Cow::Owned(name) => Node::text(name),
        };
        Node::Struct(vec![name, Node::int(function.ordinal), Node::Int(function.rva.into())])
    });
    Node::Struct(vec![
        Node::bytes(library.name.as_bytes()),
        Node::count(library.functions.len()),
        Node::Array(functions.collect()),
    ])
}

fn export<'a>(function: &ExportedFunction<'a>) -> Node<'a> {
    Node::Struct(vec![
        text(function.name),
        Node::Int(function.ordinal.into()),
        Node::Int(function.rva.into()),
        Node::int(function.offset),
        text(function.forward_name),
    ])
}

fn resource<'a>(resource: &Resource<'a>) -> Node<'a> {
    let number = |id: Id<'a>| if let Id::Number(n) = id { Node::Int(n.into()) } else { Node::Undefined };
    let name = |id: Id<'a>| if let Id::Name(name) = id { Node::bytes(name) } else { Node::Undefined };
    let [kind, id, language] = resource.ids;
    Node::Struct(vec![
        Node::Int(resource.length.into()),
        Node::Int(resource.rva.into()),
        Node::int(resource.offset),
        number(kind),
        number(id),
        number(language),
        name(kind),
        name(id),
        name(language),
    ])
}

/// Whether a signature is right, and all signatures once they were verified.
fn verified(data: &[u8]) -> Node<'static> {
    let pe = Pe::parse(data);
    let found = pe.as_ref().map(|pe| signatures(pe, true)).unwrap_or_default();
    let allowance = Allowance::new(data.len());
    let is_signed = Node::Bool(found.iter().any(|s| s.is_verified));
    Node::Struct(vec![
        is_signed,
        Node::Array(found.iter().map(|found| signature(found, None, &allowance)).collect()),
    ])
}

/// A signature; what has to be verified is taken from the signature with this number of those [`verified`], if given.
fn signature<'a>(
    signature: &Signature<'_>,
    verified: Option<(&Late<'a>, usize)>,
    allowance: &Allowance,
) -> Node<'a> {
    let late = |path: &[usize], known: Node<'a>| match verified {
        Some((late, number)) => late.at(&[&[1, number], path].concat()),
        None => known,
    };
    let chain = signature.chain();
    let of_signer =
        |property: fn(&Certificate<'_>) -> Node<'a>| chain.first().map_or(Node::Undefined, |c| property(c));
    let countersignatures = signature.countersignatures.iter().enumerate().map(|(i, countersignature)| {
        let chain = signature.chain_of(countersignature);
        Node::Struct(vec![
            late(&[COUNTERSIGNATURES, i, 0], Node::Bool(countersignature.is_verified)),
            Node::int(countersignature.sign_time),
            digest(countersignature.digest),
            name_of(Some(&countersignature.digest_algorithm)),
            certificates(chain.iter().copied(), allowance),
            Node::count(chain.len()),
        ])
    });
    let signer = Node::Struct(vec![
        owned(signature.program_name.as_ref()),
        owned(signature.more_info.as_ref()),
        digest(signature.signer_digest),
        name_of(Some(&signature.signer_digest_algorithm)),
        certificates(chain.iter().copied(), allowance),
        Node::count(chain.len()),
    ]);
    Node::Struct(vec![
        of_signer(|c| Node::text(c.subject())),
        of_signer(|c| Node::text(c.issuer())),
        of_signer(|c| Node::Str(c.thumbprint.clone().into())),
        of_signer(|c| Node::Int(c.version)),
        of_signer(|c| name_of(c.algorithm.as_ref())),
        of_signer(|c| numbers_of(c.algorithm.as_ref())),
        of_signer(|c| Node::text(c.serial())),
        of_signer(|c| Node::Int(c.not_before)),
        of_signer(|c| Node::Int(c.not_after)),
        late(&[VERIFIED], Node::Bool(signature.is_verified)),
        name_of(Some(&signature.digest_algorithm)),
        digest(signature.digest),
        late(&[FILE_DIGEST], signature.file_digest.as_deref().map_or(Node::Undefined, digest)),
        Node::count(signature.certificates.len()),
        Node::count(signature.countersignatures.len()),
        signer,
        certificates(&signature.certificates, allowance),
        Node::Array(countersignatures.collect()),
    ])
}

fn certificates<'n, 'c, 'a: 'c>(
    list: impl IntoIterator<Item = &'c Certificate<'a>>,
    allowance: &Allowance,
) -> Node<'n> {
    let certificate = |c: &Certificate<'_>| {
        Node::Struct(vec![
            Node::text(c.issuer()),
            Node::text(c.subject()),
            Node::Str(c.thumbprint.clone().into()),
            Node::Int(c.version),
            name_of(c.algorithm.as_ref()),
            numbers_of(c.algorithm.as_ref()),
            Node::text(c.serial()),
            Node::Int(c.not_before),
            Node::Int(c.not_after),
        ])
    };
    // Many chains may share a certificate.
    let affordable = |c: &&Certificate<'_>| allowance.spend(c.text_len()).is_some();
    Node::Array(list.into_iter().take_while(affordable).map(certificate).collect())
}
