//! The fields of `macho`, laid out as the schema says. Structures are written in the schema's order.

use hallmark_image::schema::{Field, Type};

use super::file::{
    Fat, File, LC_BUILD_VERSION, LC_CODE_SIGNATURE, LC_DYLD_ENVIRONMENT, LC_DYLD_INFO, LC_DYLD_INFO_ONLY,
    LC_DYSYMTAB, LC_ID_DYLIB, LC_ID_DYLINKER, LC_LAZY_LOAD_DYLIB, LC_LINKER_OPTION, LC_LOAD_DYLIB,
    LC_LOAD_DYLINKER, LC_LOAD_UPWARD_DYLIB, LC_LOAD_WEAK_DYLIB, LC_MAIN, LC_REEXPORT_DYLIB, LC_RPATH,
    LC_SEGMENT, LC_SEGMENT_64, LC_SOURCE_VERSION, LC_SYMTAB, LC_UNIXTHREAD, LC_UUID, LC_VERSION_MIN_IPHONEOS,
    LC_VERSION_MIN_MACOSX, LC_VERSION_MIN_TVOS, LC_VERSION_MIN_WATCHOS,
};
use super::{names, signature, symbols};
use crate::late::Late;
use crate::limits::{MAX_LINKER_OPTIONS, MAX_MACHO_FILES, MAX_MACHO_OVERLAP};
use crate::reader::{Order, Reader, Width, range};
use crate::record::Record;
use crate::value::{Node, hex};

use Width::{Int, Word};

/// The fields of the header, in its order.
const HEADER: [&str; 6] = ["cputype", "cpusubtype", "filetype", "ncmds", "sizeofcmds", "flags"];
/// In `dysymtab`, so many fields are before two that are never set.
const BEFORE_SKIPPED: usize = 4;

/// Of a processor: bytes of its registers, whether these have 64 bits, and the place of the program counter.
const PROCESSORS: [(u64, usize, bool, usize); 9] = [
    (0x6, 72, false, 17),
    (0x7, 64, false, 10),
    (0x0100_0007, 168, true, 16),
    (0xc, 68, false, 15),
    (0x0100_000c, 268, true, 32),
    (0xd, 136, false, 31),
    (0xe, 72, false, 1),
    (0x12, 160, false, 0),
    (0x0100_0012, 308, true, 0),
];

/// All fields; of a file that is no Mach-O file, empty lists. What is for one architecture only is as a file of its own.
pub(crate) fn root<'a>(data: &'a [u8], schema: &'static [Field]) -> Node<'a> {
    let mut root = Record::new(schema);
    if let Some(file) = File::parse(data) {
        set_file(&mut root, &file);
        return root.done();
    }
    let Some(fat) = Fat::parse(data) else { return root.done() };
    let mut left = data.len().saturating_mul(MAX_MACHO_OVERLAP);
    let part = |&[_, _, offset, size, ..]: &[u64; 6]| {
        let file = range(data, offset, size)?;
        left = left.checked_sub(file.len())?;
        File::parse(file)
    };
    let files: Vec<_> = fat.architectures.iter().filter_map(part).take(MAX_MACHO_FILES).collect();
    if let [file] = files.as_slice() {
        set_file(&mut root, file);
        return root.done();
    }
    root.set_all(&["fat_magic", "nfat_arch"], &[fat.magic, fat.count]);
    root.set(
        "fat_arch",
        Node::Array(fat.architectures.iter().map(|numbers| Node::Struct(words(numbers))).collect()),
    );
    let file_schema = file_schema(schema);
    let nodes = files.iter().map(|file| {
        let mut record = Record::new(file_schema);
        set_file(&mut record, file);
        record.done()
    });
    root.set("file", Node::Array(nodes.collect()));
    root.done()
}

/// The fields of a file within a file.
pub(super) fn file_schema(schema: &'static [Field]) -> &'static [Field] {
    match schema.iter().find(|field| field.name == "file").map(|field| field.ty) {
        Some(Type::Array(Type::Struct(fields))) => fields,
        _ => &[],
    }
}

fn set_file<'a>(root: &mut Record<'a>, file: &File<'a>) {
    root.set("magic", Node::word(file.magic));
    root.set_all(&HEADER, &file.numbers);
    root.set("reserved", file.reserved.map_or(Node::Undefined, Node::word));
    let mut lists = Lists::default();
    for (kind, content) in file.commands() {
        // A command that is cut short sets nothing.
        let _ = command(root, &mut lists, file, kind, content);
    }
    root.set("number_of_segments", Node::count(lists.segments.len()));
    if let Some(address) = lists.start {
        root.set("entry_point", lists.offset(address).map_or(Node::Undefined, Node::word));
    }
    for (name, nodes) in [
        ("segments", lists.segments),
        ("dylibs", lists.dylibs),
        ("rpaths", lists.rpaths),
        ("linker_options", lists.linker_options),
    ] {
        root.set(name, Node::Array(nodes));
    }
    root.set("exports", Late::new(file.data, names::exports).at(&[]));
    root.set("imports", Late::new(file.data, names::imports).at(&[]));
    let signature = Late::new(file.data, signature::nodes);
    root.set("entitlements", signature.at(&[0]));
    root.set("certificates", signature.at(&[1]));
}

/// What several commands add to.
#[derive(Default)]
struct Lists<'a> {
    segments: Vec<Node<'a>>,
    /// Of each segment, address, size in memory, and offset.
    places: Vec<[u64; 3]>,
    dylibs: Vec<Node<'a>>,
    rpaths: Vec<Node<'a>>,
    linker_options: Vec<Node<'a>>,
    /// The address at which the first thread starts.
    start: Option<u64>,
}

impl Lists<'_> {
    /// Where in the file an address is.
    fn offset(&self, address: u64) -> Option<u64> {
        for &[start, size, offset] in &self.places {
            if (start..start.checked_add(size)?).contains(&address) {
                return offset.checked_add(address.checked_sub(start)?);
            }
        }
        None
    }
}

fn command<'a>(
    root: &mut Record<'a>,
    lists: &mut Lists<'a>,
    file: &File<'a>,
    kind: u64,
    content: &'a [u8],
) -> Option<()> {
    let order = file.order;
    let reader = &mut Reader::new(content);
    match kind {
        LC_SEGMENT | LC_SEGMENT_64 => {
            let (node, place) = segment(order, reader)?;
            lists.segments.push(node);
            lists.places.push(place);
        }
        LC_LOAD_DYLIB | LC_ID_DYLIB | LC_LOAD_WEAK_DYLIB | LC_REEXPORT_DYLIB | LC_LAZY_LOAD_DYLIB
        | LC_LOAD_UPWARD_DYLIB => {
            let [_, timestamp, current, compatible] = order.read(reader, [Int; 4])?;
            lists.dylibs.push(Node::Struct(vec![
                Node::bytes(before_zero(reader.rest())),
                Node::word(timestamp),
                version(compatible),
                version(current),
            ]));
        }
        LC_RPATH => lists.rpaths.push(path(order, reader)?),
        LC_LOAD_DYLINKER | LC_ID_DYLINKER | LC_DYLD_ENVIRONMENT => {
            root.set("dynamic_linker", path(order, reader)?);
        }
        LC_LINKER_OPTION => {
            let [count] = order.read(reader, [Int])?;
            let options = linker_options(count, reader.rest(), lists.linker_options.len())?;
            lists.linker_options.extend(options);
        }
        LC_MAIN => {
            let long = Order { wide: true, ..order };
            root.set_all(&["entry_point", "stack_size"], &long.read(reader, [Word; 2])?);
        }
        LC_UNIXTHREAD => lists.start = Some(program_counter(file, reader)?),
        LC_UUID => root.set("uuid", uuid(reader.take(16)?)),
        LC_SOURCE_VERSION => root.set("source_version", source_version(order, reader)?),
        LC_VERSION_MIN_MACOSX | LC_VERSION_MIN_IPHONEOS | LC_VERSION_MIN_TVOS | LC_VERSION_MIN_WATCHOS => {
            let [system, kit] = order.read(reader, [Int; 2])?;
            // Devices are numbered as their commands.
            root.set("min_version", Node::Struct(vec![Node::word(kind), version(system), version(kit)]));
        }
        LC_BUILD_VERSION => root.set("build_version", build_version(order, reader)?),
        LC_SYMTAB => {
            let mut nodes = words(&order.read(reader, [Int; 4])?);
            let symbols = Late::new(file.data, symbols::nodes);
            nodes.extend([symbols.at(&[0]), symbols.at(&[1])]);
            root.set("symtab", Node::Struct(nodes));
        }
        LC_DYSYMTAB => {
            let mut nodes = words(&order.read(reader, [Int; 16])?);
            nodes.splice(BEFORE_SKIPPED..BEFORE_SKIPPED, [Node::Undefined, Node::Undefined]);
            root.set("dysymtab", Node::Struct(nodes));
        }
        LC_DYLD_INFO | LC_DYLD_INFO_ONLY => {
            root.set("dyld_info", Node::Struct(words(&order.read(reader, [Int; 10])?)));
        }
        LC_CODE_SIGNATURE => {
            root.set("code_signature_data", Node::Struct(words(&order.read(reader, [Int; 2])?)));
        }
        _ => {}
    }
    Some(())
}

/// A segment, and its address, size in memory and offset.
fn segment<'a>(order: Order, reader: &mut Reader<'a>) -> Option<(Node<'a>, [u64; 3])> {
    let name = reader.take(16)?;
    let numbers = order.read(reader, [Word, Word, Word, Word, Int, Int, Int, Int])?;
    let [address, size, offset, _, _, _, count, _] = numbers;
    let sections = (0..count).map(|_| section(order, reader)).collect::<Option<_>>()?;
    let mut nodes = vec![without_padding(name)];
    nodes.extend(words(&numbers));
    nodes.push(Node::Array(sections));
    Some((Node::Struct(nodes), [address, size, offset]))
}

fn section<'a>(order: Order, reader: &mut Reader<'a>) -> Option<Node<'a>> {
    let (name, segment) = (reader.take(16)?, reader.take(16)?);
    let numbers = order.read(reader, [Word, Word, Int, Int, Int, Int, Int, Int, Int])?;
    let mut nodes = vec![without_padding(segment), without_padding(name)];
    nodes.extend(words(&numbers));
    nodes.push(if order.wide {
        Node::word(order.read(reader, [Int]).map(|[n]| n)?)
    } else {
        Node::Undefined
    });
    Some(Node::Struct(nodes))
}

/// The path after the number that says where it is. The peers take it to be right behind that number.
fn path<'a>(order: Order, reader: &mut Reader<'a>) -> Option<Node<'a>> {
    order.read(reader, [Int])?;
    Some(Node::bytes(before_zero(reader.rest())))
}

/// `count` strings that each end in zero; `None` if there are fewer, or too many with those before.
fn linker_options(count: u64, content: &[u8], before: usize) -> Option<Vec<Node<'_>>> {
    let count = usize::try_from(count).ok().filter(|&n| n <= MAX_LINKER_OPTIONS.saturating_sub(before))?;
    let mut strings = content.split(|&byte| byte == 0);
    let options: Vec<_> = strings.by_ref().take(count).map(Node::bytes).collect();
    // What is left is at least what follows the last zero.
    (options.len() == count && strings.next().is_some()).then_some(options)
}

/// Where the first thread starts, from its registers.
fn program_counter(file: &File<'_>, reader: &mut Reader<'_>) -> Option<u64> {
    let [processor, ..] = file.numbers;
    let (_, size, wide, place) = PROCESSORS.iter().find(|(number, ..)| *number == processor)?;
    // Which registers they are, and how many; the processor tells.
    file.order.read(reader, [Int; 2])?;
    let registers = reader.take(*size)?;
    let width = if *wide { 8 } else { 4 };
    let mut register = Reader::new(registers.get(place.checked_mul(width)?..)?);
    let order = Order { big: file.order.big, wide: *wide };
    order.read(&mut register, [Word]).map(|[address]| address)
}

fn uuid<'a>(bytes: &[u8]) -> Node<'a> {
    let mut text = String::from_utf8_lossy(&hex(bytes)).to_uppercase();
    for place in [20, 16, 12, 8] {
        text.insert(place, '-');
    }
    Node::text(text)
}

fn build_version<'a>(order: Order, reader: &mut Reader<'_>) -> Option<Node<'a>> {
    let [platform, system, kit, count] = order.read(reader, [Int; 4])?;
    let tool = |_| {
        let [tool, number] = order.read(reader, [Int; 2])?;
        let number = Node::text(format!("{}.{}", number >> 16, number >> 8 & 0xff));
        Some(Node::Struct(vec![Node::word(tool), number]))
    };
    let tools = (0..count).map(tool).collect::<Option<_>>()?;
    Some(Node::Struct(vec![
        Node::word(platform),
        version(system),
        version(kit),
        Node::word(count),
        Node::Array(tools),
    ]))
}

fn source_version<'a>(order: Order, reader: &mut Reader<'_>) -> Option<Node<'a>> {
    let [number] = Order { wide: true, ..order }.read(reader, [Word])?;
    // The four last parts have ten bits each, of which the peers show six.
    let [a, b, c, d] = [number >> 30, number >> 20, number >> 10, number].map(|part| part & 0x3f);
    Some(Node::text(format!("{}.{a}.{b}.{c}.{d}", number >> 40)))
}

fn version<'a>(number: u64) -> Node<'a> {
    Node::text(format!("{}.{}.{}", number >> 16, number >> 8 & 0xff, number & 0xff))
}

fn words<'a>(numbers: &[u64]) -> Vec<Node<'a>> {
    numbers.iter().map(|&number| Node::word(number)).collect()
}

fn before_zero(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

fn without_padding(name: &[u8]) -> Node<'_> {
    let end = name.iter().rposition(|&byte| byte != 0).map_or(0, |last| last.saturating_add(1));
    Node::bytes(name.get(..end).unwrap_or(name))
}
