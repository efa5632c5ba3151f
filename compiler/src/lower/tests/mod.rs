//! Lowered patterns against direct interpretations of what they mean.

mod cases;
mod properties;
mod reference;

use std::borrow::Cow;

use hallmark_image::FileClass;

use crate::ast::{HexToken, Literal, PatternBody, Regex};
use crate::diagnostic::Span;
use crate::lower::{LowerError, Lowered, PatternSpec, lower};

/// A pattern without modifiers.
fn plain<'a>(body: &'a PatternBody<'a>) -> PatternSpec<'a> {
    PatternSpec {
        body,
        ascii: true,
        wide: false,
        nocase: false,
        fullword: false,
        xor: None,
        base64: None,
        base64wide: None,
        relaxed: false,
        classes: FileClass::EVERY,
    }
}

fn text(value: &[u8]) -> PatternBody<'_> {
    PatternBody::Text(Literal { value: Cow::Borrowed(value), span: Span::default() })
}

/// A regular expression as it stands in a file, slashes and flags included.
fn regex(written: &str) -> PatternBody<'_> {
    let end = written.rfind('/').expect("a slash");
    let flags = &written[end..];
    PatternBody::Regex(Regex {
        source: Cow::Owned(written[1..end].replace("\\/", "/")),
        case_insensitive: flags.contains('i'),
        dot_matches_new_line: flags.contains('s'),
        span: Span { start: 0, end: written.len() as u32 },
    })
}

fn lower_regex_pattern(written: &str) -> Result<Lowered, LowerError> {
    lower(&plain(&regex(written)))
}

fn byte(value: u8, mask: u8) -> HexToken {
    HexToken::Byte { value: value & mask, mask, negated: false, span: Span::default() }
}

fn not_byte(value: u8, mask: u8) -> HexToken {
    HexToken::Byte { value: value & mask, mask, negated: true, span: Span::default() }
}

fn jump(min: u32, max: Option<u32>) -> HexToken {
    HexToken::Jump { min, max, span: Span::default() }
}

fn either(options: Vec<Vec<HexToken>>) -> HexToken {
    HexToken::Alternatives { options, span: Span::default() }
}
