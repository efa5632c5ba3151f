//! The `math` module: arithmetic helpers and statistics of bytes.
//!
//! A range `(offset, size)` is cut at the end of the file and undefined when it starts behind it. Statistics of nothing
//! are undefined, except that its entropy is 0 and its serial correlation, as that of constant bytes, -100000.

use std::f64::consts::PI;

use hallmark_image::schema::math::ARITHMETIC;

use crate::limits::PIECE;
use crate::reader::pieces;
use crate::value::{Answer, Arg, Node, Scalar};

/// The fields of `math`: `MEAN_BYTES`, the mean of random bytes.
pub(crate) fn root() -> Node<'static> {
    Node::Struct(vec![Node::Float(127.5)])
}

/// Calls `math.<name>`.
pub(crate) fn call(name: &str, args: &[Arg<'_>], data: &[u8], is_over: &dyn Fn() -> bool) -> Answer<'static> {
    arithmetic(name, args).or_else(|| statistics(name, args, data, is_over))
}

/// Whether `math.<name>` looks at its arguments only.
pub(crate) fn is_arithmetic(name: &str) -> bool {
    ARITHMETIC.contains(&name)
}

fn arithmetic(name: &str, args: &[Arg<'_>]) -> Answer<'static> {
    Some(match (name, args) {
        ("min", [Arg::Int(a), Arg::Int(b)]) => Scalar::Int(*a.min(b)),
        ("max", [Arg::Int(a), Arg::Int(b)]) => Scalar::Int(*a.max(b)),
        ("abs", [Arg::Int(x)]) => Scalar::Int(x.wrapping_abs()),
        ("in_range", [Arg::Float(x), Arg::Float(low), Arg::Float(high)]) => {
            Scalar::Bool(low <= x && x <= high)
        }
        ("in_range", [Arg::Int(x), Arg::Int(low), Arg::Int(high)]) => Scalar::Bool(low <= x && x <= high),
        ("to_string", [Arg::Int(x)]) => digits(*x, 10)?,
        ("to_string", [Arg::Int(x), Arg::Int(base)]) => digits(*x, *base)?,
        ("to_number", [Arg::Bool(b)]) => Scalar::Int((*b).into()),
        _ => return None,
    })
}

fn statistics(name: &str, args: &[Arg<'_>], data: &[u8], is_over: &dyn Fn() -> bool) -> Answer<'static> {
    let bytes = |args| bytes(args, data).map(|bytes| Range { bytes, is_over });
    let data = Range { bytes: data, is_over };
    match (name, args) {
        ("count", [Arg::Int(byte)]) => count(data, *byte).map(Scalar::Int),
        ("count", [Arg::Int(byte), range @ ..]) => count(bytes(range)?, *byte).map(Scalar::Int),
        ("percentage", [Arg::Int(byte)]) => percentage(data, *byte).map(Scalar::Float),
        ("percentage", [Arg::Int(byte), range @ ..]) => percentage(bytes(range)?, *byte).map(Scalar::Float),
        ("mode", []) => mode(data).map(Scalar::Int),
        ("mode", range) => mode(bytes(range)?).map(Scalar::Int),
        ("entropy", of) => Some(Scalar::Float(entropy(bytes(of)?))),
        ("deviation", [of @ .., Arg::Float(from)]) => deviation(bytes(of)?, *from).map(Scalar::Float),
        // The distance of bytes, none negative, to 0 is their value.
        ("mean", of) => deviation(bytes(of)?, 0.0).map(Scalar::Float),
        ("serial_correlation", of) => Some(Scalar::Float(serial_correlation(bytes(of)?))),
        ("monte_carlo_pi", of) => monte_carlo_pi(bytes(of)?).map(Scalar::Float),
        _ => None,
    }
}

/// The bytes a string or a range stands for.
fn bytes<'d>(args: &[Arg<'d>], data: &'d [u8]) -> Option<&'d [u8]> {
    match args {
        [Arg::Str(s)] => Some(s),
        [Arg::Int(offset), Arg::Int(size)] => {
            let start = usize::try_from(*offset).ok()?;
            let end = start.saturating_add(usize::try_from(*size).ok()?);
            data.get(start..end.min(data.len()))
        }
        _ => None,
    }
}

fn digits(x: i64, base: i64) -> Answer<'static> {
    let text = match base {
        8 => format!("{x:o}"),
        10 => x.to_string(),
        16 => format!("{x:x}"),
        _ => return None,
    };
    Some(Scalar::Str(text.into_bytes().into()))
}

/// Bytes to look at, until it is over.
#[derive(Clone, Copy)]
struct Range<'d, 'o> {
    bytes: &'d [u8],
    is_over: &'o dyn Fn() -> bool,
}

impl<'d> Range<'d, '_> {
    fn pieces(&self) -> impl Iterator<Item = &'d [u8]> {
        pieces(self.bytes, self.is_over)
    }

    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

fn count(bytes: Range<'_, '_>, byte: i64) -> Option<i64> {
    let byte = u8::try_from(byte).ok()?;
    i64::try_from(bytes.pieces().map(|piece| memchr::memchr_iter(byte, piece).count()).sum::<usize>()).ok()
}

fn percentage(bytes: Range<'_, '_>, byte: i64) -> Option<f64> {
    let count = count(bytes, byte)?;
    (!bytes.is_empty()).then(|| count as f64 / bytes.len() as f64)
}

fn histogram(bytes: Range<'_, '_>) -> [u64; 256] {
    let mut counts = [0u64; 256];
    for &b in bytes.pieces().flatten() {
        if let Some(count) = counts.get_mut(usize::from(b)) {
            *count = count.wrapping_add(1);
        }
    }
    counts
}

/// The most frequent byte, the smallest of several.
fn mode(bytes: Range<'_, '_>) -> Option<i64> {
    if bytes.is_empty() {
        return None;
    }
    let counts = histogram(bytes);
    let most = counts.iter().max()?;
    i64::try_from(counts.iter().position(|c| c == most)?).ok()
}

/// Shannon entropy in bits a byte.
fn entropy(bytes: Range<'_, '_>) -> f64 {
    let mut entropy = 0.0;
    for count in histogram(bytes).into_iter().filter(|&c| c != 0) {
        let p = count as f64 / bytes.len() as f64;
        entropy -= p * p.log2();
    }
    entropy
}

/// Mean distance to `from`.
fn deviation(bytes: Range<'_, '_>, from: f64) -> Option<f64> {
    if bytes.is_empty() {
        return None;
    }
    let mut sum = 0.0;
    for (byte, count) in histogram(bytes).into_iter().enumerate() {
        sum += (byte as f64 - from).abs() * count as f64;
    }
    Some(sum / bytes.len() as f64)
}

/// Correlation of each byte with the next, the last with the first, as the `ent` program computes it.
fn serial_correlation(bytes: Range<'_, '_>) -> f64 {
    const UNCORRELATED: f64 = -100_000.0;
    let Some(&last) = bytes.bytes.last() else { return UNCORRELATED };
    let (mut products, mut sum, mut squares) = (0.0, 0.0, 0.0);
    // Each byte after the one before it, and the first after the last.
    let mut before = f64::from(last);
    for &byte in bytes.pieces().flatten() {
        let byte = f64::from(byte);
        products += before * byte;
        sum += byte;
        squares += byte * byte;
        before = byte;
    }
    let n = bytes.len() as f64;
    let correlation = (n * products - sum * sum) / (n * squares - sum * sum);
    if correlation.is_nan() { UNCORRELATED } else { correlation }
}

/// Relative error of Pi as estimated from points of two 24-bit coordinates, as the `ent` program computes it.
fn monte_carlo_pi(bytes: Range<'_, '_>) -> Option<f64> {
    const RADIUS: u64 = (1 << 24) - 1;
    let (mut points, mut inside) = (0u64, 0u64);
    // Pieces of a multiple of six bytes.
    let pieces = bytes.bytes.chunks(PIECE / 6 * 6).take_while(|_| bytes.len() <= PIECE || !(bytes.is_over)());
    for point in pieces.flat_map(|piece| piece.chunks_exact(6)) {
        let coordinate = |part: &[u8]| part.iter().fold(0u64, |n, &b| (n << 8) | u64::from(b));
        let (x, y) = point.split_at(3);
        let (x, y) = (coordinate(x), coordinate(y));
        // Coordinates have 24 bits, so nothing wraps.
        if x.wrapping_mul(x).wrapping_add(y.wrapping_mul(y)) < RADIUS * RADIUS {
            inside = inside.wrapping_add(1);
        }
        points = points.wrapping_add(1);
    }
    (points > 0).then(|| (4.0 * (inside as f64 / points as f64) - PI).abs() / PI)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INT: fn(i64) -> Arg<'static> = Arg::Int;

    fn float(name: &str, args: &[Arg<'_>], data: &[u8]) -> Option<f64> {
        match call(name, args, data, &|| false) {
            Some(Scalar::Float(f)) => Some(f),
            None => None,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn arithmetic_is_signed() {
        let of = |name, args: &[Arg<'_>]| call(name, args, b"", &|| false);
        assert_eq!(of("min", &[INT(-1), INT(0)]), Some(Scalar::Int(-1)));
        assert_eq!(of("max", &[INT(-1), INT(0)]), Some(Scalar::Int(0)));
        assert_eq!(of("abs", &[INT(-5)]), Some(Scalar::Int(5)));
        assert_eq!(of("abs", &[INT(i64::MIN)]), Some(Scalar::Int(i64::MIN)));
        assert_eq!(of("in_range", &[INT(3), INT(1), INT(2)]), Some(Scalar::Bool(false)));
        assert_eq!(of("to_string", &[INT(-16), INT(16)]), Some(Scalar::Str(b"fffffffffffffff0".into())));
        assert_eq!(of("to_string", &[INT(32), INT(7)]), None);
        assert_eq!(of("to_number", &[Arg::Bool(true)]), Some(Scalar::Int(1)));
        assert_eq!(of("min", &[INT(1)]), None);
    }

    #[test]
    fn counts_and_modes() {
        let data = b"AABAAB";
        assert_eq!(call("count", &[INT(0x41)], data, &|| false), Some(Scalar::Int(4)));
        assert_eq!(call("count", &[INT(0x41), INT(4), INT(10)], data, &|| false), Some(Scalar::Int(1)));
        assert_eq!(call("count", &[INT(0x41), INT(10), INT(4)], data, &|| false), None);
        assert_eq!(call("count", &[INT(256)], data, &|| false), None);
        assert_eq!(float("percentage", &[INT(0x41), INT(4), INT(10)], data), Some(0.5));
        assert_eq!(float("percentage", &[INT(0x41), INT(0), INT(0)], data), None);
        assert_eq!(call("mode", &[], b"ABAB", &|| false), Some(Scalar::Int(0x41)));
        assert_eq!(call("mode", &[INT(2), INT(3)], b"CCABACC", &|| false), Some(Scalar::Int(0x41)));
        assert_eq!(call("mode", &[], b"", &|| false), None);
    }

    #[test]
    fn statistics_of_bytes() {
        assert_eq!(float("entropy", &[Arg::Str(b"AABB")], b""), Some(1.0));
        assert_eq!(float("entropy", &[Arg::Str(b"")], b""), Some(0.0));
        assert_eq!(float("entropy", &[INT(2), INT(100)], b"CCAAACCC"), Some(1.0));
        assert_eq!(float("deviation", &[INT(2), INT(4), Arg::Float(65.0)], b"ABABABAB"), Some(0.5));
        assert_eq!(float("deviation", &[Arg::Str(b""), Arg::Float(65.0)], b""), None);
        assert_eq!(float("mean", &[INT(0), INT(1000)], b"ABCABC"), Some(66.0));
        assert_eq!(float("serial_correlation", &[Arg::Str(b"BCA")], b""), Some(-0.5));
        assert_eq!(float("serial_correlation", &[Arg::Str(b"AAA")], b""), Some(-100000.0));
        assert_eq!(float("serial_correlation", &[INT(0), INT(0)], b"ABC"), Some(-100000.0));
        assert!(float("monte_carlo_pi", &[INT(3), INT(15)], b"123ABCDEF123456987DE").unwrap() < 0.3);
        assert_eq!(float("monte_carlo_pi", &[Arg::Str(b"short")], b""), None);
    }
}
