//! Decompression under declared limits: the only place of the runtime where the Zstandard library is called.
//!
//! Input: a payload whose digest was compared with a judged note, the note's window exponent and the exact image
//! length. Every frame header is checked first (plain frames with a stated content size, no dictionary, no skippable
//! or legacy frames, window within the note's, sizes adding up to the image), then each frame is decoded into its
//! own slice of one buffer of exactly the image's length. A patch is one such frame, decoded with the image that it
//! starts from in front of it. Memory: the image and one fixed-size context.

use zstd::zstd_safe::{self, DCtx};

use crate::Error;
use crate::limits::{MAX_FRAMES, MAX_IMAGE};

/// Magic number of a plain Zstandard frame.
const FRAME_MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Decodes `payload` to exactly `image_len` bytes.
pub(crate) fn decode(payload: &[u8], image_len: u64, window_log: u8) -> Result<Vec<u8>, Error> {
    decode_frames(&frames(payload, image_len, window_log)?, None, image_len)
}

/// Decodes `patch`, made against the image `base`, to exactly `image_len` bytes.
pub(crate) fn decode_patch(
    patch: &[u8],
    base: &[u8],
    image_len: u64,
    window_log: u8,
) -> Result<Vec<u8>, Error> {
    decode_frames(&patch_frames(patch, image_len, window_log)?, Some(base), image_len)
}

/// Checks all of `patch` that can be checked without the image it starts from.
pub(crate) fn check_patch(patch: &[u8], image_len: u64, window_log: u8) -> Result<(), Error> {
    patch_frames(patch, image_len, window_log).map(drop)
}

/// The Zstandard library forgets a prefix after one frame, and so does `zstd --patch-from`.
fn patch_frames(patch: &[u8], image_len: u64, window_log: u8) -> Result<Vec<Frame<'_>>, Error> {
    let frames = frames(patch, image_len, window_log)?;
    match frames.get(1) {
        Some(second) => Err(Error::PayloadFrame { at: second.at, why: "a patch is one frame" }),
        None => Ok(frames),
    }
}

fn decode_frames(frames: &[Frame<'_>], base: Option<&[u8]>, image_len: u64) -> Result<Vec<u8>, Error> {
    let no_memory = || Error::OutOfMemory { bytes: image_len };
    let len = usize::try_from(image_len).map_err(|_| no_memory())?;
    let mut image = Vec::new();
    image.try_reserve_exact(len).map_err(|_| no_memory())?;
    image.resize(len, 0);

    let failed = |at: usize, code| Error::Decompress { at, why: zstd_safe::get_error_name(code).to_owned() };
    let mut decoder = DCtx::try_create().ok_or_else(no_memory)?;
    if let Some(base) = base {
        decoder.ref_prefix(base).map_err(|code| failed(0, code))?;
    }
    let mut rest = image.as_mut_slice();
    for frame in frames {
        let wrong_len = Error::ImageLength { want: image_len, have: frame.content_len };
        let len = usize::try_from(frame.content_len).map_err(|_| no_memory())?;
        let (target, after) = std::mem::take(&mut rest).split_at_mut_checked(len).ok_or(wrong_len.clone())?;
        rest = after;
        let written = decoder.decompress(target, frame.bytes).map_err(|code| failed(frame.at, code))?;
        if written != target.len() {
            return Err(wrong_len);
        }
    }
    Ok(image)
}

/// One frame of a payload, its header checked.
struct Frame<'a> {
    at: usize,
    bytes: &'a [u8],
    content_len: u64,
}

/// Splits a payload into frames whose contents add up to `image_len`.
fn frames(payload: &[u8], image_len: u64, window_log: u8) -> Result<Vec<Frame<'_>>, Error> {
    if image_len > MAX_IMAGE {
        return Err(Error::Limit { what: "image", value: image_len, max: MAX_IMAGE });
    }
    let max_window = 1u64.checked_shl(window_log.into()).unwrap_or(0);
    let mut frames = Vec::new();
    let mut rest = payload;
    let mut at = 0usize;
    let mut total = 0u64;
    while !rest.is_empty() {
        let header = FrameHeader::parse(rest).map_err(|why| Error::PayloadFrame { at, why })?;
        if header.window > max_window {
            return Err(Error::WindowTooLarge { at, need: header.window, max: max_window });
        }
        total = total.saturating_add(header.content_len);
        if total > image_len {
            return Err(Error::ImageLength { want: image_len, have: total });
        }
        let cut_short = Error::PayloadFrame { at, why: "cut short or damaged" };
        let len = zstd_safe::find_frame_compressed_size(rest).map_err(|_| cut_short.clone())?;
        let (bytes, after) = rest.split_at_checked(len).filter(|_| len > 0).ok_or(cut_short)?;
        if frames.len() >= MAX_FRAMES {
            return Err(Error::PayloadFrame { at, why: "one frame more than an image has parts" });
        }
        frames.push(Frame { at, bytes, content_len: header.content_len });
        rest = after;
        at = at.saturating_add(len);
    }
    if total != image_len {
        return Err(Error::ImageLength { want: image_len, have: total });
    }
    Ok(frames)
}

/// The part of a frame header (RFC 8878, section 3.1.1.1) that decides what decoding costs.
struct FrameHeader {
    window: u64,
    content_len: u64,
}

impl FrameHeader {
    fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        const CUT: &str = "header cut short";
        let mut rest = bytes.strip_prefix(&FRAME_MAGIC).ok_or("not a plain Zstandard frame")?;
        let mut field = |len: usize| -> Result<u64, &'static str> {
            let (field, after) = rest.split_at_checked(len).ok_or(CUT)?;
            rest = after;
            Ok(field.iter().rev().fold(0, |value, byte| (value << 8) | u64::from(*byte)))
        };
        let descriptor = field(1)?;
        let single_segment = descriptor & 0x20 != 0;
        if descriptor & 0x1B != 0 {
            return Err("uses a dictionary or reserved bits");
        }
        if descriptor & 0x04 != 0 {
            return Err("carries a checksum; the release note's digest is the only one");
        }
        let window_descriptor = if single_segment { None } else { Some(field(1)?) };
        let content_len = match (descriptor >> 6, single_segment) {
            (0, false) => return Err("does not state its content size"),
            (0, true) => field(1)?,
            (1, _) => field(2)?.saturating_add(256),
            (2, _) => field(4)?,
            _ => field(8)?,
        };
        let window = match window_descriptor {
            None => content_len,
            Some(byte) => {
                // Exponent in the upper five bits, eighths to add in the lower three: at most 15 * 2^38.
                let base = 1u64 << (byte >> 3).saturating_add(10);
                base.saturating_add((base >> 3).saturating_mul(byte & 7))
            }
        };
        Ok(Self { window, content_len })
    }
}

#[cfg(test)]
mod tests {
    use zstd::bulk::Compressor;
    use zstd::zstd_safe::CParameter;

    use super::*;

    fn compress(bytes: &[u8], parameters: &[CParameter]) -> Vec<u8> {
        let mut compressor = Compressor::new(3).unwrap();
        for parameter in parameters {
            compressor.set_parameter(*parameter).unwrap();
        }
        compressor.compress(bytes).unwrap()
    }

    fn refuse(payload: &[u8], len: u64) -> Error {
        decode(payload, len, 20).unwrap_err()
    }

    #[test]
    fn several_frames_make_one_image() {
        let parts = [vec![1u8; 5000], vec![2; 300], vec![], vec![3; 70_000]];
        let payload: Vec<u8> = parts.iter().flat_map(|part| compress(part, &[])).collect();
        assert_eq!(decode(&payload, 75_300, 20).unwrap(), parts.concat());
        assert_eq!(refuse(&payload, 75_301), Error::ImageLength { want: 75_301, have: 75_300 });
        assert_eq!(refuse(&payload, 75_299), Error::ImageLength { want: 75_299, have: 75_300 });
        assert_eq!(refuse(&[], 1), Error::ImageLength { want: 1, have: 0 });
    }

    #[test]
    fn windows_over_the_note_are_refused_before_decoding() {
        let wide = compress(&vec![0; 2 << 20], &[]);
        assert_eq!(
            decode(&wide, 2 << 20, 20),
            Err(Error::WindowTooLarge { at: 0, need: 2 << 20, max: 1 << 20 })
        );
        let sized = [CParameter::WindowLog(21), CParameter::ContentSizeFlag(true)];
        assert!(matches!(
            refuse(&compress(&vec![0; 2 << 20], &sized), 2 << 20),
            Error::WindowTooLarge { .. }
        ));
        // The largest window a header can state.
        let mut huge = FRAME_MAGIC.to_vec();
        huge.extend_from_slice(&[0x40, 0xFF, 0, 0]);
        assert_eq!(refuse(&huge, 256), Error::WindowTooLarge { at: 0, need: 15 << 38, max: 1 << 20 });
    }

    #[test]
    fn only_plain_frames_are_accepted() {
        let skippable = [0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 9];
        let plain = compress(b"plain", &[]);
        let why = |payload: &[u8]| match refuse(payload, 5) {
            Error::PayloadFrame { at, why } => (at, why),
            other => panic!("{other:?}"),
        };
        assert_eq!(why(&skippable), (0, "not a plain Zstandard frame"));
        assert_eq!(why(&[plain.as_slice(), &skippable].concat()).0, plain.len());
        let checksum = compress(b"plain", &[CParameter::ChecksumFlag(true)]);
        assert!(why(&checksum).1.contains("checksum"));
        let unsized_frame = compress(b"plain", &[CParameter::ContentSizeFlag(false)]);
        assert!(why(&unsized_frame).1.contains("content size"));
        let dictionary = [FRAME_MAGIC.as_slice(), &[0x21, 7, 5]].concat();
        assert!(why(&dictionary).1.contains("dictionary"));
        let crowd: Vec<u8> = (0..=MAX_FRAMES).flat_map(|_| compress(b"", &[])).collect();
        assert!(why(&crowd).1.contains("more than"));
    }

    #[test]
    fn damaged_frames_are_named_errors() {
        let text: Vec<u8> = (0..2000u32).flat_map(|n| (n * n).to_le_bytes()).collect();
        let good = compress(&text, &[]);
        for cut in 0..good.len() {
            assert!(decode(&good[..cut], 8000, 20).is_err(), "cut at {cut}");
        }
        for at in 0..good.len() {
            let mut bytes = good.clone();
            bytes[at] ^= 0x10;
            if let Ok(decoded) = decode(&bytes, 8000, 20) {
                assert_eq!(decoded.len(), 8000);
            }
        }
    }

    #[test]
    fn a_bomb_stops_at_the_declared_length() {
        let bomb = compress(&vec![0; 64 << 20], &[CParameter::WindowLog(20)]);
        assert!(bomb.len() < 8192);
        assert_eq!(refuse(&bomb, 4096), Error::ImageLength { want: 4096, have: 64 << 20 });
        // A header that lies about its content: 4096 stated, 64 MiB in the blocks.
        let mut liar = FRAME_MAGIC.to_vec();
        liar.extend_from_slice(&[0x80, 0x50]);
        liar.extend_from_slice(&4096u32.to_le_bytes());
        let descriptor = bomb[4];
        let header = 6 + match descriptor >> 6 {
            0 => 0,
            1 => 2,
            2 => 4,
            _ => 8,
        };
        assert_eq!(descriptor & 0x20, 0);
        liar.extend_from_slice(&bomb[header..]);
        assert!(matches!(refuse(&liar, 4096), Error::Decompress { at: 0, .. }));
        assert!(matches!(decode(&bomb, MAX_IMAGE + 1, 27), Err(Error::Limit { .. })));
    }

    /// What `zstd --patch-from` makes.
    fn patch(base: &[u8], image: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::new(3).unwrap();
        compressor.context_mut().ref_prefix(base).unwrap();
        compressor.compress(image).unwrap()
    }

    fn noise(mut state: u32, len: usize) -> Vec<u8> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn a_patch_needs_its_base() {
        let base = noise(1, 60_000);
        let image = [&base[..20_000], b"something new", &base[20_000..]].concat();
        let len = image.len() as u64;
        let patch = patch(&base, &image);
        assert!(patch.len() < 200, "{} bytes", patch.len());
        assert_eq!(decode_patch(&patch, &base, len, 20).unwrap(), image);
        assert_eq!(check_patch(&patch, len, 20), Ok(()));
        for other in [&b""[..], &base[..30_000], &noise(2, 60_000)] {
            assert_ne!(decode_patch(&patch, other, len, 20).ok(), Some(image.clone()));
        }
        assert!(decode(&patch, len, 20).is_err());
        assert_eq!(
            decode_patch(&patch, &base, len - 1, 20),
            Err(Error::ImageLength { want: len - 1, have: len })
        );
        assert_eq!(
            decode_patch(&patch, &base, len, 12),
            Err(Error::WindowTooLarge { at: 0, need: len, max: 4096 })
        );
        let two = [patch.as_slice(), &compress(b"", &[])].concat();
        assert_eq!(
            check_patch(&two, len, 20),
            Err(Error::PayloadFrame { at: patch.len(), why: "a patch is one frame" })
        );
    }

    #[test]
    fn damaged_patches_are_named_errors_or_other_bytes() {
        let base = noise(3, 3000);
        let image = [&base[1000..], &noise(4, 300), &base[..2000]].concat();
        let (len, patch) = (image.len() as u64, patch(&base, &image));
        for cut in 0..patch.len() {
            assert!(decode_patch(&patch[..cut], &base, len, 20).is_err(), "cut at {cut}");
        }
        for at in 0..patch.len() {
            for flip in [0x01, 0x10, 0x80] {
                let mut bytes = patch.clone();
                bytes[at] ^= flip;
                if let Ok(decoded) = decode_patch(&bytes, &base, len, 20) {
                    assert_eq!(decoded.len(), image.len());
                }
            }
        }
    }
}
