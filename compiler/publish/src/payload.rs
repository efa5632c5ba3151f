//! Compression of an image to Zstandard frames: one for the header, one for each section with its padding, so that
//! an unchanged section keeps its bytes; and of the difference between two images to one frame. One thread and fixed
//! parameters: the same images give the same payload with the same library. The other file that calls the Zstandard
//! library is the container's decoder.

use hallmark_container::limits::{MAX_WINDOW_LOG, MIN_WINDOW_LOG};
use zstd::bulk::Compressor;
use zstd::zstd_safe::{self, CParameter};

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

/// Compresses `image` for those who have `base`: one frame, which `zstd --patch-from` decodes too.
///
/// The library finds other matches where the two lie one behind the other in memory, so they always do here. Memory:
/// both images, and some times as much for the search.
pub fn compress_patch(base: &[u8], image: &[u8], level: i32) -> Result<Packed, Error> {
    let failed = |why: String| Error::Compress { why };
    let window_log = window_log(image.len());
    let both = [base, image].concat();
    let (base, image) = both.split_at(base.len());
    let mut compressor = compressor(window_log, level).map_err(|error| failed(error.to_string()))?;
    let referred = compressor.context_mut().ref_prefix(base);
    referred.map_err(|code| failed(zstd_safe::get_error_name(code).to_owned()))?;
    let bytes = compressor.compress(image).map_err(|error| failed(error.to_string()))?;
    Ok(Packed { bytes, window_log })
}

fn compress_piece(piece: &[u8], window_log: u8, level: i32) -> std::io::Result<Vec<u8>> {
    compressor(window_log, level)?.compress(piece)
}

fn compressor(window_log: u8, level: i32) -> std::io::Result<Compressor<'static>> {
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
    Ok(compressor)
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

    #[test]
    fn patches_are_small_repeatable_and_stock() {
        let base: Vec<u8> =
            (0..60_000u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 7).to_le_bytes()).collect();
        let image = [&base[..100_000], b"something new", &base[90_000..]].concat();
        let patch = compress_patch(&base, &image, DEFAULT_LEVEL).unwrap();
        assert!(patch.bytes.len() < 100, "{} bytes", patch.bytes.len());
        assert_eq!(patch.window_log, 18);
        // Wherever the two lie.
        let both = [base.as_slice(), &image].concat();
        let (first, second) = both.split_at(base.len());
        assert_eq!(compress_patch(first, second, DEFAULT_LEVEL).unwrap(), patch);
        let mut decoded = Vec::new();
        let mut decoder = zstd::Decoder::with_ref_prefix(patch.bytes.as_slice(), &base).unwrap();
        std::io::Read::read_to_end(&mut decoder, &mut decoded).unwrap();
        assert_eq!(decoded, image);
        let from_nothing = compress_patch(b"", &image, 3).unwrap();
        assert_eq!(zstd::decode_all(from_nothing.bytes.as_slice()).unwrap(), image);
    }
}
