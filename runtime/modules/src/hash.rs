//! The `hash` module: digests and checksums of ranges of the file and of strings.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::reader::pieces;
use crate::value::{Answer, Arg, Scalar, hex};

/// Calls `hash.<name>`; a range that is not wholly in the file answers undefined.
pub(crate) fn call(name: &str, args: &[Arg<'_>], data: &[u8], is_over: &dyn Fn() -> bool) -> Answer<'static> {
    let bytes = match args {
        [Arg::Int(offset), Arg::Int(size)] => {
            let start = usize::try_from(*offset).ok()?;
            data.get(start..start.checked_add(usize::try_from(*size).ok()?)?)?
        }
        [Arg::Str(s)] => s,
        _ => return None,
    };
    Some(match name {
        "md5" => digest::<Md5>(bytes, is_over),
        "sha1" => digest::<Sha1>(bytes, is_over),
        "sha256" => digest::<Sha256>(bytes, is_over),
        "crc32" => {
            let mut hasher = crc32fast::Hasher::new();
            pieces(bytes, is_over).for_each(|piece| hasher.update(piece));
            Scalar::Int(hasher.finalize().into())
        }
        "checksum32" => {
            let sum = |sum: u32, piece: &[u8]| piece.iter().fold(sum, |sum, &b| sum.wrapping_add(b.into()));
            Scalar::Int(pieces(bytes, is_over).fold(0, sum).into())
        }
        _ => return None,
    })
}

fn digest<D: Digest>(bytes: &[u8], is_over: &dyn Fn() -> bool) -> Scalar<'static> {
    let mut digest = D::new();
    pieces(bytes, is_over).for_each(|piece| digest.update(piece));
    Scalar::Str(hex(&digest.finalize()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &str) -> Answer<'_> {
        Some(Scalar::Str(s.as_bytes().into()))
    }

    #[test]
    fn digests_of_known_strings() {
        let of = |name| call(name, &[Arg::Str(b"abc")], b"", &|| false);
        assert_eq!(of("md5"), text("900150983cd24fb0d6963f7d28e17f72"));
        assert_eq!(of("sha1"), text("a9993e364706816aba3e25717850c26c9cd0d89d"));
        assert_eq!(of("sha256"), text("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
        assert_eq!(of("crc32"), Some(Scalar::Int(0x352441c2)));
        assert_eq!(of("checksum32"), Some(Scalar::Int(97 + 98 + 99)));
    }

    #[test]
    fn ranges_must_be_in_the_file() {
        let range = |offset, size| [Arg::Int(offset), Arg::Int(size)];
        let of = |offset, size| call("checksum32", &range(offset, size), b"\x01\x02\x03", &|| false);
        assert_eq!(of(1, 2), Some(Scalar::Int(5)));
        assert_eq!(of(3, 0), Some(Scalar::Int(0)));
        assert_eq!(of(1, 3), None);
        assert_eq!(of(4, 0), None);
        assert_eq!(of(-1, 2), None);
        assert_eq!(of(0, -1), None);
        assert_eq!(of(i64::MAX, i64::MAX), None);
    }
}
