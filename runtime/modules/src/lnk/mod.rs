//! The `lnk` module: shortcuts of Windows, as MS-SHLLINK lays them out.
//!
//! After the header come parts that its flags announce, each as long as it says: `items` reads the way to the target,
//! `places` where the target was, `text` the strings. When a part is cut short, those before it are kept and nothing
//! after it is read.

mod items;
mod places;
#[cfg(test)]
mod tests;
mod text;

use hallmark_image::schema::Field;

use crate::reader::Reader;
use crate::record::Record;
use crate::value::Node;

use text::{guid, narrow, wide};

/// What a shortcut begins with: the size of the header, and a class.
const MAGIC: [u8; 20] = *b"\x4c\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0\x46";

const HAS_TARGET_ID_LIST: u32 = 0x01;
const HAS_LINK_INFO: u32 = 0x02;
const IS_UNICODE: u32 = 0x80;
/// The strings that there can be, in their order.
const STRINGS: [(u32, &str); 5] = [
    (0x04, "name"),
    (0x08, "relative_path"),
    (0x10, "working_dir"),
    (0x20, "cmd_line_args"),
    (0x40, "icon_location"),
];

/// Times are in units of 100 ns since 1601; those of rules are in seconds since 1970.
const TICKS: u64 = 10_000_000;
const EPOCH: u64 = 11_644_473_600;

/// A block with a size below that of the size itself is the last one.
const BLOCK_SIZE: u32 = 4;
const TRACKER: u32 = 0xa000_0003;

/// All fields; of a file that is no shortcut, `is_lnk` and empty lists.
pub(crate) fn root<'a>(data: &'a [u8], schema: &'static [Field]) -> Node<'a> {
    let mut root = Record::new(schema);
    let reader = &mut Reader::new(data.strip_prefix(&MAGIC).unwrap_or_default());
    let flags = header(reader, &mut root);
    root.set("is_lnk", Node::Bool(flags.is_some()));
    if let Some(flags) = flags {
        // Where parts end is where the file does.
        let _ = parts(reader, flags, data.len(), &mut root);
    }
    root.done()
}

/// Reads the header and gives the flags; `None`, and nothing set, if it is not all there.
fn header(reader: &mut Reader<'_>, root: &mut Record<'_>) -> Option<u32> {
    let (flags, attributes) = (reader.u32()?, reader.u32()?);
    let (created, accessed, written) = (reader.u64()?, reader.u64()?, reader.u64()?);
    let (size, icon, show) = (reader.u32()?, reader.u32()?, reader.u32()?);
    // A key that starts it, and nothing.
    reader.skip(12)?;
    for (name, ticks) in [("creation_time", created), ("access_time", accessed), ("write_time", written)] {
        root.set(name, (ticks / TICKS).checked_sub(EPOCH).map_or(Node::Undefined, Node::word));
    }
    root.set_all(&["file_size", "file_attributes", "icon_index"], &[size, attributes, icon].map(u64::from));
    root.set("show_command", enumeration(show));
    Some(flags)
}

fn parts<'a>(reader: &mut Reader<'a>, flags: u32, file_size: usize, root: &mut Record<'a>) -> Option<()> {
    if flags & HAS_TARGET_ID_LIST != 0 {
        let size = usize::from(reader.u16()?);
        let list = reader.take(size.min(reader.rest().len()))?;
        root.set("target_id_list", Node::Array(items::items(list)));
    }
    if flags & HAS_LINK_INFO != 0 {
        let size = Reader::new(reader.rest()).u32()?;
        places::set(reader.take(usize::try_from(size).ok()?)?, root);
    }
    for (_, name) in STRINGS.iter().filter(|(flag, _)| flags & flag != 0) {
        let length = usize::from(reader.u16()?);
        root.set(
            name,
            if flags & IS_UNICODE != 0 {
                wide(reader.take(length.checked_mul(2)?)?)
            } else {
                // Zeros do not end it, as in the peers.
                Node::lossy(reader.take(length)?)
            },
        );
    }
    loop {
        let size = reader.u32()?;
        let Some(size) = size.checked_sub(BLOCK_SIZE) else { break };
        let mut block = Reader::new(reader.take(usize::try_from(size).ok()?)?);
        if block.u32() == Some(TRACKER)
            && let Some(tracker) = tracker(&mut block)
        {
            root.set("tracker_data", tracker);
        }
    }
    let left = reader.rest().len();
    root.set("overlay_size", Node::count(left));
    if left > 0 {
        root.set("overlay_offset", Node::count(file_size.checked_sub(left)?));
    }
    Some(())
}

/// On which machine the target was, and identifiers of the volume and the file, of now and of when it was made.
fn tracker<'a>(block: &mut Reader<'a>) -> Option<Node<'a>> {
    block.skip(4)?;
    let version = block.u32()?;
    let mut nodes = vec![Node::Int(version.into()), narrow(block.take(16)?)];
    for _ in 0..4 {
        nodes.push(guid(block)?);
    }
    Some(Node::Struct(nodes))
}

/// A number that is unsigned in the file; in rules it is an enumeration, which has 31 bits.
fn enumeration<'a>(value: u32) -> Node<'a> {
    Node::int(i32::try_from(value).ok())
}
