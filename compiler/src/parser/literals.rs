//! The values of numbers, texts and regular expressions.

use std::borrow::Cow;

use memchr::memchr;

use super::Parser;
use crate::ast::{Literal, Regex};
use crate::codes;
use crate::diagnostic::{Diagnostic, Span};

impl<'s> Parser<'s, '_> {
    /// The value of an integer up to `u64::MAX` as its two's complement; with a minus before it, down to `i64::MIN`.
    pub(super) fn integer(&mut self, span: Span, minus: Option<Span>) -> i64 {
        match (integer_value(self.lexer.slice(span)), minus) {
            (Some(value), None) => value.cast_signed(),
            (Some(value), Some(_)) if value <= i64::MIN.unsigned_abs() => value.cast_signed().wrapping_neg(),
            (_, minus) => {
                let error = self
                    .error(
                        codes::INVALID_NUMBER,
                        minus.map_or(span, |sign| sign.to(span)),
                        "this number is too large",
                        "",
                    )
                    .with_help(format!("integers go from {} to {}", i64::MIN, u64::MAX));
                self.report(error);
                0
            }
        }
    }

    /// The value of an integer that has to fit `i64`.
    pub(super) fn signed(&mut self, span: Span, minus: Option<Span>) -> i64 {
        let value = integer_value(self.lexer.slice(span));
        if minus.is_none() && value.is_some_and(|value| i64::try_from(value).is_err()) {
            let error = self
                .error(codes::INVALID_NUMBER, span, "this number is too large", "")
                .with_help(format!("here integers go from {} to {}", i64::MIN, i64::MAX));
            self.report(error);
        }
        self.integer(span, minus)
    }

    /// The value of a number with a decimal point.
    pub(super) fn float(&mut self, span: Span) -> f64 {
        let digits: String = self.lexer.text(span).chars().filter(|&letter| letter != '_').collect();
        match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => value,
            _ => {
                let error = self.error(codes::INVALID_NUMBER, span, "this number is too large", "");
                self.report(error);
                0.0
            }
        }
    }

    /// What stands between the quotes of a text, and where it begins.
    pub(super) fn between_quotes(&self, span: Span) -> (&'s [u8], u32) {
        let quoted = self.lexer.slice(span);
        let quotes = if quoted.len() >= 6 && quoted.starts_with(b"\"\"\"") { 3u8 } else { 1 };
        let end = quoted.len().saturating_sub(usize::from(quotes));
        let inner = quoted.get(usize::from(quotes)..end).unwrap_or_default();
        (inner, span.start.saturating_add(u32::from(quotes)))
    }

    /// A text as a literal.
    pub(super) fn literal(&mut self, span: Span) -> Literal<'s> {
        Literal { value: self.text(span), span }
    }

    /// The bytes that a text means.
    pub(super) fn text(&mut self, span: Span) -> Cow<'s, [u8]> {
        let (inner, start) = self.between_quotes(span);
        if !inner.is_ascii() && std::str::from_utf8(inner).is_err() {
            let warning = Diagnostic::warning(
                codes::NON_UTF8_TEXT,
                self.source,
                span,
                "this text is not UTF-8",
                "its bytes are taken as they are",
            )
            .with_help("write bytes beyond ASCII as escapes, such as `\\xe9`, or save the file as UTF-8");
            self.report(warning);
        }
        if memchr(b'\\', inner).is_none() {
            return Cow::Borrowed(inner);
        }
        Cow::Owned(self.unescape(inner, start))
    }

    fn unescape(&mut self, inner: &[u8], start: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(inner.len());
        let mut rest = inner;
        while let Some(plain) = memchr(b'\\', rest) {
            bytes.extend(rest.get(..plain).unwrap_or_default());
            let escape = rest.get(plain..).unwrap_or_default();
            let (byte, length) = match escape {
                [_, b'"', ..] => (b'"', 2),
                [_, b'\\', ..] => (b'\\', 2),
                [_, b't', ..] => (b'\t', 2),
                [_, b'n', ..] => (b'\n', 2),
                [_, b'r', ..] => (b'\r', 2),
                [_, b'0', ..] => (0, 2),
                [_, b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    (nibble(*high) << 4 | nibble(*low), 4)
                }
                _ => {
                    let length = escape_length(escape);
                    let offset = inner.len().saturating_sub(escape.len());
                    let at = start.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX));
                    self.invalid_escape(
                        escape,
                        Span { start: at, end: at.saturating_add(u32::from(length)) },
                    );
                    (0, usize::from(length))
                }
            };
            bytes.push(byte);
            rest = escape.get(length..).unwrap_or_default();
        }
        bytes.extend(rest);
        bytes
    }

    fn invalid_escape(&mut self, escape: &[u8], span: Span) {
        let error = if escape.get(1) == Some(&b'x') {
            self.error(codes::INVALID_ESCAPE, span, "`\\x` needs two hex digits", "expected such as `\\x4d`")
        } else {
            self.error(codes::INVALID_ESCAPE, span, "unknown escape", "not an escape").with_help(
                "a backslash is written `\\\\`; the escapes are `\\\"`, `\\\\`, `\\t`, `\\n`, `\\r`, `\\0` and `\\xHH`",
            )
        };
        self.report(error);
    }

    /// A regular expression between slashes, with its flags.
    pub(super) fn regex_literal(&mut self, span: Span) -> Regex<'s> {
        let whole = self.lexer.slice(span);
        let slash = memchr::memrchr(b'/', whole).unwrap_or(0).max(1);
        let flags = whole.get(slash..).unwrap_or_default();
        let inner = whole.get(1..slash).unwrap_or_default();
        let source = match std::str::from_utf8(inner) {
            Ok(text) => without_escaped_slashes(text),
            Err(invalid) => {
                let at = span.start.saturating_add(1 + u32::try_from(invalid.valid_up_to()).unwrap_or(0));
                let error = self
                    .error(
                        codes::NOT_UTF8,
                        Span { start: at, end: at.saturating_add(1) },
                        "this regular expression is not UTF-8",
                        "this byte is not",
                    )
                    .with_help("write the byte as an escape, such as `\\xe9`, or save the file as UTF-8");
                self.report(error);
                Cow::Borrowed("")
            }
        };
        Regex {
            source,
            case_insensitive: flags.contains(&b'i'),
            dot_matches_new_line: flags.contains(&b's'),
            span,
        }
    }
}

/// The value of an integer token; `None` if it doesn't fit.
fn integer_value(digits: &[u8]) -> Option<u64> {
    let (digits, unit) = match digits {
        [size @ .., b'K', b'B'] => (size, 1 << 10),
        [size @ .., b'M', b'B'] => (size, 1 << 20),
        _ => (digits, 1),
    };
    let (digits, radix) = match digits {
        [b'0', b'x', digits @ ..] => (digits, 16),
        [b'0', b'o', digits @ ..] => (digits, 8),
        _ => (digits, 10),
    };
    digits
        .iter()
        .filter(|&&digit| digit != b'_')
        .try_fold(0u64, |value, &digit| value.checked_mul(radix)?.checked_add(u64::from(nibble(digit))))?
        .checked_mul(unit)
}

/// The value of a hex digit; 0 for anything else.
pub(super) fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// Bytes of an unknown escape: the backslash and the character after it.
fn escape_length(escape: &[u8]) -> u8 {
    match escape.get(1) {
        Some(0xC0..=0xDF) => 3,
        Some(0xE0..=0xEF) => 4,
        Some(0xF0..) => 5,
        Some(_) => 2,
        None => 1,
    }
}

/// The text with `\/` as `/`, other escapes untouched.
fn without_escaped_slashes(text: &str) -> Cow<'_, str> {
    if !text.contains("\\/") {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            plain.push(letter);
            continue;
        }
        match letters.next() {
            Some('/') => plain.push('/'),
            Some(escaped) => plain.extend([letter, escaped]),
            None => plain.push(letter),
        }
    }
    Cow::Owned(plain)
}
