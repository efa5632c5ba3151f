//! Compression of an image to Zstandard frames: one for the header, one for each section with its padding, so that
//! an unchanged section keeps its bytes. One thread and fixed parameters: the same image gives the same payload with
//! the same library. The other file that calls the Zstandard library is the container's decoder.

use hallmark_container::limits::{MAX_WINDOW_LOG, MIN_WINDOW_LOG};
use zstd::bulk::Compressor;
use zstd::zstd_safe::CParameter;

use crate::Error;

/// Compression level of a release: packing happens once, unpacking on every endpoint.
pub const DEFAULT_LEVEL: i32 = 19;

/// A compressed image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The frames, one after the other.
    pub bytes: Vec<u8>,
    /// Window exponent a decoder needs.
    pub window_log: u8,
}

/// Compresses `image` in pieces that start at the offsets `cuts` (ascending; 0 and the end need not be named).
pub fn compress(image: &[u8], cuts: &[usize], level: i32) -> Result<Packed, Error> {
    let mut packed = Packed { bytes: Vec::new(), window_log: MIN_WINDOW_LOG };
    let mut rest = image;
    let mut start = 0;
    for cut in cuts.iter().copied().chain([image.len()]) {
        let length = cut.checked_sub(start).and_then(|length| rest.split_at_checked(length));
        let (piece, after) =
            length.ok_or_else(|| Error::Compress { why: format!("no cut possible at {cut}") })?;
        if !piece.is_empty() {
            let window_log = window_log(piece.len());
            let frame = compress_piece(piece, window_log, level);
            packed.bytes.extend(frame.map_err(|error| Error::Compress { why: error.to_string() })?);
            packed.window_log = packed.window_log.max(window_log);
        }
        (rest, start) = (after, cut);
    }
    Ok(packed)
}

fn compress_piece(piece: &[u8], window_log: u8, level: i32) -> std::io::Result<Vec<u8>> {
    let mut compressor = Compressor::new(level)?;
    for parameter in [
        CParameter::WindowLog(window_log.into()),
        CParameter::EnableLongDistanceMatching(true),
        CParameter::ContentSizeFlag(true),
        CParameter::ChecksumFlag(false),
        CParameter::DictIdFlag(false),
    ] {
        compressor.set_parameter(parameter)?;
    }
    compressor.compress(piece)
}

/// The smallest window that covers the whole piece, within the limits.
fn window_log(length: usize) -> u8 {
    let bits = length.saturating_sub(1).checked_ilog2().map_or(0, |log| log + 1);
    u8::try_from(bits).unwrap_or(MAX_WINDOW_LOG).clamp(MIN_WINDOW_LOG, MAX_WINDOW_LOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_the_piece() {
        for (length, log) in
            [(0, 10), (1, 10), (1024, 10), (1025, 11), (4096, 12), (1 << 25, 25), (1 << 29, 27)]
        {
            assert_eq!(window_log(length), log, "{length}");
        }
    }

    #[test]
    fn pieces_are_independent_and_repeatable() {
        let image: Vec<u8> = (0..40_000u32).flat_map(|n| (n / 3).to_le_bytes()).collect();
        let packed = compress(&image, &[4096, 100_000], 3).unwrap();
        assert_eq!(compress(&image, &[4096, 100_000], 3).unwrap(), packed);
        assert_eq!(packed.window_log, 17);
        let first = compress(&image[..4096], &[], 3).unwrap();
        assert!(packed.bytes.starts_with(&first.bytes));
        assert_eq!(zstd::decode_all(packed.bytes.as_slice()).unwrap(), image);
        assert!(compress(&image, &[5, 4], 3).is_err());
        assert!(compress(&image, &[image.len() + 1], 3).is_err());
    }
}
