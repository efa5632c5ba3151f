//! Text patterns with all modifiers.

use base64::Engine as _;
use base64::alphabet::Alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{NO_PAD, PAD};

use super::{BYTES, Draw, Written, widened};

const ALPHABETS: &[&str] = &[
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/",
    "!@#$%^&*(){}[].,|ABCDEFGHIJ09LMNOPQRSTUVWXYZabcdefghijklmnopqrst",
];

/// A text with `ascii`, `wide`, `nocase`, `fullword`, `xor`, as they go together.
pub fn text(draw: &mut Draw<'_>) -> Written {
    let text = draw.bytes(BYTES, 1, 9);
    let widths = draw.one(&["", "ascii", "wide", "wide ascii"]);
    let (low, high) = draw.one(&[(0u8, 0u8), (0, 255), (1, 255), (32, 32), (0, 3), (1, 32), (200, 255)]);
    let kind = draw.number(0, 7);
    let more = match kind {
        0 => String::new(),
        1 => "nocase".to_owned(),
        2 => "fullword".to_owned(),
        3 => "nocase fullword".to_owned(),
        // Zero to zero is not written, but `xor` alone.
        4 | 6 if high == 0 || (low, high) == (0, 255) => "xor".to_owned(),
        4 | 6 if low == high => format!("xor({low})"),
        4 | 6 => format!("xor({low}-{high})"),
        _ if high == 0 => "xor fullword".to_owned(),
        _ => format!("fullword xor({low}-{high})"),
    };
    let samples = (0..3).map(|_| {
        let key = match kind {
            0..=3 => draw.one(&[0, 0, 0, 1]),
            _ => draw.one(&[low, high, 1, 32, low.wrapping_add(1)]),
        };
        let cases = draw.byte();
        let flip = |(i, b): (usize, &u8)| match b.is_ascii_alphabetic() && cases >> (i % 8) & 1 == 1 {
            true => b ^ 0x20,
            false => *b,
        };
        let piece: Vec<u8> = text.iter().enumerate().map(flip).collect();
        let wide = widths.contains("wide") && draw.chance(8);
        let piece = if wide { widened(&piece) } else { piece };
        piece.iter().map(|b| b ^ key).collect()
    });
    let samples = samples.collect();
    Written { text: format!("{} {widths} {more}", quoted(&text)), samples }
}

/// A text with `base64`, `base64wide` or both, with an alphabet or without.
pub fn base64(draw: &mut Draw<'_>) -> Written {
    let text = draw.bytes(b"abc\x00\xFF\x55 zA", 3, 11);
    let alphabet = draw.one(&[0, 0, 1, 2]);
    let given = if alphabet == 0 { String::new() } else { format!("(\"{}\")", ALPHABETS[alphabet]) };
    let widths = draw.one(&["", "wide", "wide ascii"]);
    let kinds = draw.one(&[(true, false), (false, true), (true, true)]);
    let mut modifiers = vec![widths.to_owned()];
    modifiers.extend(kinds.0.then(|| format!("base64{given}")));
    modifiers.extend(kinds.1.then(|| format!("base64wide{given}")));
    let samples = (0..4).map(|_| {
        let inner = if !widths.is_empty() && draw.chance(8) { widened(&text) } else { text.clone() };
        let before = draw.bytes(BYTES, 0, 4);
        let after = draw.bytes(BYTES, 0, 4);
        let letters = Alphabet::new(ALPHABETS[alphabet]).expect("64 letters");
        let padding = if draw.chance(3) { NO_PAD } else { PAD };
        let coded =
            GeneralPurpose::new(&letters, padding).encode([before, inner, after].concat()).into_bytes();
        if kinds.1 && (!kinds.0 || draw.chance(8)) { widened(&coded) } else { coded }
    });
    let samples = samples.collect();
    Written { text: format!("{} {}", quoted(&text), modifiers.join(" ")), samples }
}

/// A text as a literal.
pub(super) fn quoted(text: &[u8]) -> String {
    let byte = |b: &u8| match b {
        b'"' | b'\\' => format!("\\{}", *b as char),
        b'\n' => "\\n".to_owned(),
        0x20..=0x7E => (*b as char).to_string(),
        _ => format!("\\x{b:02x}"),
    };
    format!("\"{}\"", text.iter().map(byte).collect::<String>())
}
