//! Hex patterns: bytes, masks, what they are not, jumps, alternatives in alternatives.

use super::{BYTES, Draw, Written};

/// A hex pattern. It begins and ends with bytes.
pub fn hex(draw: &mut Draw<'_>) -> Written {
    let mut tokens = Vec::new();
    let mut sample = Vec::new();
    chain(draw, 2, &mut tokens, &mut sample);
    Written { text: format!("{{ {} }}", tokens.join(" ")), samples: vec![sample] }
}

fn chain(draw: &mut Draw<'_>, depth: u32, tokens: &mut Vec<String>, sample: &mut Vec<u8>) {
    bytes(draw, tokens, sample);
    for _ in 0..draw.number(0, 3) {
        if depth == 0 {
            break;
        }
        match draw.number(0, 5) {
            0 => bytes(draw, tokens, sample),
            1..=3 => jump(draw, tokens, sample),
            _ => alternatives(draw, depth - 1, tokens, sample),
        }
        chain(draw, depth - 1, tokens, sample);
    }
}

fn bytes(draw: &mut Draw<'_>, tokens: &mut Vec<String>, sample: &mut Vec<u8>) {
    for _ in 0..draw.number(1, 4) {
        let (byte, other) = (draw.one(BYTES), draw.one(BYTES));
        let (text, matched) = match draw.number(0, 11) {
            0..=5 => (format!("{byte:02X}"), byte),
            6 => ("??".to_owned(), other),
            7 => (format!("?{:X}", byte & 15), byte & 15 | other & 0xF0),
            8 => (format!("{:X}?", byte >> 4), byte & 0xF0 | other & 15),
            9 => (format!("~{byte:02X}"), byte ^ (other | 1)),
            10 => (format!("~?{:X}", byte & 15), byte ^ 1),
            _ => (format!("~{:X}?", byte >> 4), byte ^ 0x10),
        };
        tokens.push(text);
        sample.push(matched);
    }
}

fn jump(draw: &mut Draw<'_>, tokens: &mut Vec<String>, sample: &mut Vec<u8>) {
    let least = draw.number(0, 5);
    let most = (least + draw.number(0, 5)).max(1);
    let (text, taken) = match draw.number(0, 9) {
        0..=4 => (format!("[{least}-{most}]"), draw.number(least, most)),
        5 | 6 => (format!("[{most}]"), most),
        7 => (format!("[{least}-]"), least),
        8 => ("[-]".to_owned(), 2),
        // Longer than what is written as wildcards.
        _ => (format!("[{}-{}]", 30 + least, 34 + most), 31 + least),
    };
    tokens.push(text);
    sample.extend((0..taken).map(|_| draw.one(BYTES)));
}

fn alternatives(draw: &mut Draw<'_>, depth: u32, tokens: &mut Vec<String>, sample: &mut Vec<u8>) {
    let count = draw.number(2, 4);
    let chosen = draw.number(0, count - 1);
    let options: Vec<String> = (0..count)
        .map(|option| {
            let (mut inner, mut matched) = (Vec::new(), Vec::new());
            chain(draw, depth, &mut inner, &mut matched);
            if option == chosen {
                sample.extend(matched);
            }
            inner.join(" ")
        })
        .collect();
    tokens.push(format!("( {} )", options.join(" | ")));
}
