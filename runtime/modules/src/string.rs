//! The `string` module. Numbers are read as C's `strtol` reads them: white space, a sign, `0x` and `0` prefixes.

use crate::value::{Answer, Arg, Scalar};

/// Calls `string.<name>`.
pub(crate) fn call(name: &str, args: &[Arg<'_>]) -> Answer<'static> {
    match (name, args) {
        ("to_int", [Arg::Str(s)]) => number(s, 0).map(Scalar::Int),
        ("to_int", [Arg::Str(s), Arg::Int(base)]) => number(s, *base).map(Scalar::Int),
        ("length", [Arg::Str(s)]) => i64::try_from(s.len()).ok().map(Scalar::Int),
        _ => None,
    }
}

/// The whole of `text` as a number; base 0 lets the prefix decide, and is `to_int` with one argument.
fn number(text: &[u8], base: i64) -> Option<i64> {
    let text = text.trim_ascii_start();
    let text = match text {
        // Vertical tab is white space for C only.
        [0x0b, ..] => return number(text.get(1..)?, base),
        _ => text,
    };
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let (base, digits) = match (base, digits) {
        (0 | 16, [b'0', b'x' | b'X', rest @ ..]) => (16, rest),
        (0, [b'0', ..]) => (8, digits),
        (0, _) => (10, digits),
        (2..=36, _) => (u32::try_from(base).ok()?, digits),
        _ => return None,
    };
    // The signs `from_str_radix` takes were taken above.
    if !digits.first()?.is_ascii_alphanumeric() {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    let magnitude = i128::from(u64::from_str_radix(digits, base).ok()?);
    let value = if negative { magnitude.checked_neg()? } else { magnitude };
    i64::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn to_int_reads_numbers_as_strtol_does() {
        for (text, expected) in [
            ("1234", Some(1234)),
            ("-10", Some(-10)),
            ("0x10", Some(16)),
            ("-0X1f", Some(-31)),
            ("010", Some(8)),
            ("0", Some(0)),
            (" \t+1", Some(1)),
            ("\u{b} 7", Some(7)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("99999999999999999999", None),
            ("08", None),
            ("0x", None),
            ("1 ", None),
            ("+-1", None),
            ("", None),
            ("-", None),
            ("é", None),
        ] {
            assert_eq!(number(text.as_bytes(), 0), expected, "{text:?}");
        }
    }

    #[test]
    fn to_int_with_a_base() {
        for (text, base, expected) in [
            ("A", 16, Some(10)),
            ("0xA", 16, Some(10)),
            ("-011", 8, Some(-9)),
            ("z", 36, Some(35)),
            ("12", 2, None),
            ("12", 1, None),
            ("12", 37, None),
            ("12", -1, None),
            ("0x10", 0, Some(16)),
        ] {
            assert_eq!(number(text.as_bytes(), base), expected, "{text:?} in base {base}");
        }
    }

    #[test]
    fn length_counts_bytes() {
        assert_eq!(call("length", &[Arg::Str(b"A\x00\xff")]), Some(Scalar::Int(3)));
        assert_eq!(call("length", &[Arg::Int(3)]), None);
    }
}
