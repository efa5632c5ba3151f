//! Regular expressions of the subset that YARA and the `regex` crate read alike.

use super::{Draw, Written};

/// Classes, each with bytes in them.
const CLASSES: &[(&str, &[u8])] = &[
    (".", b"a1 \xC3"),
    ("\\d", b"1"),
    ("\\w", b"aB_1"),
    ("\\s", b" \n"),
    ("\\W", b" .\x00"),
    ("\\D", b"a. "),
    ("\\S", b"a.\x00"),
    ("[ab]", b"ab"),
    ("[^a]", b"b1\n"),
    ("[a-cA]", b"abA"),
    ("[^\\x00-\\x1f]", b"a \xC3"),
    ("[\\w.-]", b"a.-"),
    ("[[:alpha:]]", b"aB"),
    ("\\x00", b"\x00"),
    ("\\.", b"."),
    ("\\n", b"\n"),
    ("\\t", b"\t"),
    ("[_.]", b"_."),
    ("\\xC3", b"\xC3"),
    ("(?i:a)", b"aA"),
    ("(?s:.)", b"\na"),
];

const COUNTS: &[(&str, usize)] = &[
    ("*", 0),
    ("*", 2),
    ("+", 1),
    ("+", 3),
    ("?", 0),
    ("?", 1),
    ("{2}", 2),
    ("{1,3}", 2),
    ("{0,2}", 1),
    ("{2,}", 3),
    ("{3,5}", 4),
    ("{2,40}", 2),
    ("{40}", 40),
];

/// An expression with flags and modifiers: one character at least, greedy or lazy throughout.
pub fn regex(draw: &mut Draw<'_>) -> Written {
    let modifiers = draw.one(&["", "", "ascii", "nocase", "wide", "wide ascii", "wide nocase"]);
    let lazy = draw.one(&["", "?"]);
    let mut made = (String::new(), Vec::new());
    let sure_first = draw.chance(8);
    if sure_first {
        single(draw, &mut made);
    }
    node(draw, lazy, 2, &mut made);
    if !sure_first {
        single(draw, &mut made);
    }
    let (start, end) = draw.one(&[
        ("", ""),
        ("", ""),
        ("", ""),
        ("", ""),
        ("^", ""),
        ("", "$"),
        ("\\A", "\\z"),
        ("\\b", "\\b"),
    ]);
    let flags = draw.one(&["", "", "i", "s", "is"]);
    Written { text: format!("/{start}{}{end}/{flags} {modifiers}", made.0), samples: vec![made.1] }
}

/// A short expression with `fullword`.
pub fn word(draw: &mut Draw<'_>) -> Written {
    let modifiers = draw.one(&["fullword", "fullword wide", "fullword wide ascii", "fullword nocase"]);
    let mut made = (String::new(), Vec::new());
    for _ in 0..draw.number(1, 4) {
        if draw.chance(4) { repeated(draw, "", &mut made) } else { single(draw, &mut made) }
    }
    single(draw, &mut made);
    Written { text: format!("/{}/ {modifiers}", made.0), samples: vec![made.1] }
}

fn single(draw: &mut Draw<'_>, made: &mut (String, Vec<u8>)) {
    if draw.chance(6) {
        let (class, bytes) = draw.one(CLASSES);
        made.0.push_str(class);
        made.1.push(draw.one(bytes));
    } else {
        let byte = draw.one(b"abAB1 _");
        made.0.push(byte.into());
        made.1.push(byte);
    }
}

fn repeated(draw: &mut Draw<'_>, lazy: &str, made: &mut (String, Vec<u8>)) {
    let (count, times) = draw.one(COUNTS);
    let mut inner = (String::new(), Vec::new());
    single(draw, &mut inner);
    made.0 += &format!("{}{count}{lazy}", inner.0);
    made.1.extend(inner.1.repeat(times));
}

fn node(draw: &mut Draw<'_>, lazy: &str, depth: u32, made: &mut (String, Vec<u8>)) {
    for _ in 0..draw.number(1, 4) {
        match draw.number(0, 15) {
            0..=5 => single(draw, made),
            6..=8 => repeated(draw, lazy, made),
            9 => made.0.push_str(draw.one(&["\\b", "\\B", "", "(?:^|a)", "(?:$|a)"])),
            10 if depth > 0 => {
                let (count, times) = draw.one(COUNTS);
                let mut inner = (String::new(), Vec::new());
                group(draw, lazy, depth - 1, &mut inner);
                made.0 += &format!("{}{count}{lazy}", inner.0);
                // Nested repetitions multiply; a sample this long has nothing to add.
                made.1.extend(inner.1.repeat(times).into_iter().take(100));
            }
            11..=13 if depth > 0 => group(draw, lazy, depth - 1, made),
            _ => {
                single(draw, made);
                single(draw, made);
            }
        }
    }
}

fn group(draw: &mut Draw<'_>, lazy: &str, depth: u32, made: &mut (String, Vec<u8>)) {
    let count = draw.number(1, 3);
    let chosen = draw.number(0, count - 1);
    made.0.push_str(draw.one(&["(", "(?:"]));
    for option in 0..count {
        let mut inner = (String::new(), Vec::new());
        node(draw, lazy, depth, &mut inner);
        if option > 0 {
            made.0.push('|');
        }
        made.0.push_str(&inner.0);
        if option == chosen {
            made.1.extend(inner.1);
        }
    }
    made.0.push(')');
}
