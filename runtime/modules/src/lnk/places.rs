//! Where the target was when the shortcut was made: a drive, and paths on it or on the network.

use super::enumeration;
use super::text::{narrow, wide};
use crate::reader::{Reader, from};
use crate::record::Record;
use crate::value::Node;

const HAS_VOLUME_AND_PATH: u32 = 0x1;
const HAS_NETWORK_PATH: u32 = 0x2;
/// Headers of this size and above also say where strings in wide characters are.
const WIDE_HEADER: u32 = 0x24;
/// Where the label of a volume is if it is in wide characters: where that says.
const WIDE_LABEL: u32 = 0x14;

/// Sets what the part says; nothing if its header is not all there.
pub(super) fn set<'a>(info: &'a [u8], root: &mut Record<'a>) -> Option<()> {
    let mut reader = Reader::new(info);
    reader.skip(4)?;
    let (header, flags) = (reader.u32()?, reader.u32()?);
    let (volume, path, _, suffix) = (reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()?);
    let (wide_path, wide_suffix) =
        if header >= WIDE_HEADER { (reader.u32()?, reader.u32()?) } else { (0, 0) };
    let string = |narrow_at: u32, wide_at: u32| match wide_at {
        0 => from(info, narrow_at.into()).map(narrow).unwrap_or_default(),
        _ => from(info, wide_at.into()).map(wide).unwrap_or_default(),
    };
    if flags & HAS_VOLUME_AND_PATH != 0 {
        set_volume(from(info, volume.into()).unwrap_or_default(), root);
        root.set("local_base_path", string(path, wide_path));
    }
    if flags & HAS_NETWORK_PATH != 0 {
        root.set("common_path_suffix", string(suffix, wide_suffix));
    }
    Some(())
}

fn set_volume<'a>(volume: &'a [u8], root: &mut Record<'a>) -> Option<()> {
    let mut reader = Reader::new(volume);
    let (size, kind) = (reader.u32()?, reader.u32()?);
    let (serial, label) = (reader.u32()?, reader.u32()?);
    root.set("drive_type", enumeration(kind));
    root.set("drive_serial_number", Node::Int(serial.into()));
    let volume = volume.get(..usize::try_from(size).ok()?)?;
    let label = if label == WIDE_LABEL {
        wide(from(volume, reader.u32()?.into())?)
    } else {
        narrow(from(volume, label.into())?)
    };
    root.set("volume_label", label);
    Some(())
}
