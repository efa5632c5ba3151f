//! The way to the target: folders and files within each other, from the desktop on.

use super::text::{guid, narrow, wide};
use crate::reader::Reader;
use crate::value::Node;

const CONTROL_PANEL_CPL: u8 = 0x00;
const ROOT_FOLDER: u8 = 0x1f;
const VOLUME: u8 = 0x20;
const FILE_ENTRY: u8 = 0x30;
const NETWORK_LOCATION: u8 = 0x40;
const CONTROL_PANEL: u8 = 0x71;
/// Of these kinds, the bits that tell them apart.
const KIND: u8 = 0x70;

const HAS_NAME: u8 = 0x01;
const IS_UNICODE: u8 = 0x04;

/// Bytes of the name of a volume.
const VOLUME_NAME: usize = 20;
/// Where names are, from behind the byte with the kind.
const CPL_PATH: usize = 9;
const CPL_WIDE_PATH: usize = 21;
const FILE_NAME: usize = 11;
const LOCATION: usize = 2;

/// The items, up to one of size zero. One that is longer than what is left is taken to be as long.
pub(super) fn items(list: &[u8]) -> Vec<Node<'_>> {
    let mut reader = Reader::new(list);
    let mut items = Vec::new();
    while let Some(size) = reader.u16().filter(|&size| size != 0) {
        // The size counts itself.
        let size = usize::from(size).saturating_sub(2).min(reader.rest().len());
        let Some((kind, data)) = reader.take(size).and_then(<[u8]>::split_first) else { continue };
        items.push(item(*kind, data));
    }
    items
}

fn item(number: u8, data: &[u8]) -> Node<'_> {
    let [mut cpl_path, mut folder, mut volume_name, mut volume, mut file, mut location] = Default::default();
    let kind = kind(number);
    match kind {
        CONTROL_PANEL_CPL => cpl_path = control_panel_path(data).unwrap_or_default(),
        ROOT_FOLDER => folder = identifier(data),
        VOLUME if number & HAS_NAME != 0 => {
            volume_name = data.get(..VOLUME_NAME).map(narrow).unwrap_or_default()
        }
        VOLUME => volume = identifier(data),
        FILE_ENTRY => {
            let name = data.get(FILE_NAME..);
            file =
                if number & IS_UNICODE != 0 { name.map(wide) } else { name.map(narrow) }.unwrap_or_default();
        }
        NETWORK_LOCATION => location = data.get(LOCATION..).map(narrow).unwrap_or_default(),
        _ => {}
    }
    Node::Struct(vec![
        Node::Int(kind.into()),
        Node::bytes(data),
        cpl_path,
        folder,
        volume_name,
        volume,
        file,
        location,
    ])
}

/// The number that rules know a kind by.
fn kind(number: u8) -> u8 {
    match number {
        0x1e => ROOT_FOLDER,
        0x70 => CONTROL_PANEL,
        _ => match number & KIND {
            kind @ (VOLUME | FILE_ENTRY | NETWORK_LOCATION) => kind,
            _ => number,
        },
    }
}

/// The path in one of two places: if there is none in narrow characters, it is further on in wide ones.
fn control_panel_path(data: &[u8]) -> Option<Node<'_>> {
    let path = data.get(CPL_PATH..)?;
    if path.first().is_some_and(|&byte| byte != 0) {
        return Some(narrow(path));
    }
    data.get(CPL_WIDE_PATH..).map(wide)
}

fn identifier(data: &[u8]) -> Node<'_> {
    let identifier = data.get(1..).and_then(|data| guid(&mut Reader::new(data)));
    identifier.unwrap_or_default()
}
