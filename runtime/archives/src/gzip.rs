//! Single files in gzip and in xz.

use std::cell::Cell;
use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use lzma_rust2::XzReader;

use crate::contain::contain;
use crate::input::Input;
use crate::walk::{Flow, Walk};

/// What the one member is called where the format has no name for it.
const NO_NAME: &[u8] = b"data";

/// How a file in gzip begins.
const MARK: &[u8] = b"\x1f\x8b\x08";

/// A file in gzip. Several, one after the other, are one file, as for `gunzip`; what follows them is not looked at here.
pub(crate) fn walk(walk: &mut Walk<'_>, data: &[u8]) -> Flow {
    let meter = walk.meter();
    let at = Cell::new(0);
    let decoder = match contain(|| GzDecoder::new(Input::new(data, &at, meter))) {
        Ok(decoder) => decoder,
        Err(why) => return walk.note(&why),
    };
    let name = decoder.header().and_then(|header| header.filename()).filter(|name| !name.is_empty());
    let name = name.unwrap_or(NO_NAME).to_vec();
    walk.stream(&name, Concatenated { decoder: Some(decoder) }, |_, _| Ok(()))
}

/// Gzip files one after the other.
struct Concatenated<'a> {
    decoder: Option<GzDecoder<Input<'a>>>,
}

impl Read for Concatenated<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while let Some(decoder) = &mut self.decoder {
            let read = decoder.read(buf)?;
            if read > 0 || buf.is_empty() {
                return Ok(read);
            }
            let Some(rest) = self.decoder.take().map(GzDecoder::into_inner) else { break };
            let beginning = rest.rest().get(..MARK.len()).unwrap_or(rest.rest());
            if beginning.is_empty() || !MARK.starts_with(beginning) {
                break;
            }
            // If it is cut even before its header ends, reading says so.
            self.decoder = Some(GzDecoder::new(rest));
        }
        Ok(0)
    }
}

/// A file in xz.
pub(crate) fn walk_xz(walk: &mut Walk<'_>, data: &[u8]) -> Flow {
    let at = Cell::new(0);
    let input = Input::new(data, &at, walk.meter());
    let reader = XzReader::new_mem_limit(input, true, kibibytes(walk.memory()));
    walk.stream(NO_NAME, reader, |_, _| Ok(()))
}

/// A limit of memory as the decoders of LZMA take it. The greatest number would mean that there is none.
pub(crate) fn kibibytes(bytes: u64) -> u32 {
    u32::try_from(bytes >> 10).unwrap_or(u32::MAX).min(u32::MAX >> 1)
}
