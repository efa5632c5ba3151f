//! Hex patterns. They are read byte by byte, because their inside has other tokens than the rest of the language.

use super::{Abort, Parsed, Parser, literals::nibble};
use crate::ast::HexToken;
use crate::codes;
use crate::diagnostic::{Edit, Span};
use crate::lexer::{is_word, span};

/// Digits of the largest jump worth reading.
const MAX_JUMP_DIGITS: usize = 16;

impl Parser<'_, '_> {
    /// A hex pattern; the current token is its opening brace.
    pub(super) fn hex_pattern(&mut self) -> Parsed<Vec<HexToken>> {
        let open = self.token.span;
        let tokens = self.hex_sequence(open)?;
        match self.hex_byte() {
            Some(b'}') => {
                self.skip_hex(1);
                self.previous_end = self.hex_position();
                self.token = self.lexer.next();
                Ok(tokens)
            }
            Some(_) => {
                let at = self.hex_span(1);
                let error = self
                    .error(codes::INVALID_HEX, at, "this closes nothing", "expected `}`")
                    .with_label(open, "the pattern begins here");
                Err(self.fail(error))
            }
            None => Err(self.unterminated_hex(open)),
        }
    }

    /// Bytes, jumps and alternatives up to `}`, `|`, `)` or the end of the file.
    fn hex_sequence(&mut self, open: Span) -> Parsed<Vec<HexToken>> {
        let mut tokens = Vec::new();
        loop {
            self.skip_hex_trivia()?;
            let Some(byte) = self.hex_byte() else { break };
            match byte {
                b'}' | b')' | b'|' => break,
                b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b'?' | b'~' => {
                    let token = self.hex_pair(byte == b'~')?;
                    tokens.push(token);
                }
                b'[' => {
                    let token = self.jump(tokens.is_empty())?;
                    tokens.push(token);
                }
                b'(' => {
                    let token = self.nested(Self::alternatives)?;
                    tokens.push(token);
                }
                _ => return Err(self.not_hex(open)),
            }
        }
        if self.hex_byte().is_none() {
            return Err(self.unterminated_hex(open));
        }
        match tokens.last() {
            Some(&HexToken::Jump { span, .. }) => {
                let error = self
                    .error(codes::INVALID_HEX, span, "a jump can't be last", "nothing follows to jump to")
                    .with_suggestion("remove the jump", vec![Edit::remove(span)]);
                self.report(error);
            }
            Some(_) => {}
            None => {
                let message = if self.hex_byte() == Some(b'}') {
                    "this pattern is empty"
                } else {
                    "an alternative is empty"
                };
                let at = self.hex_span(1);
                let error = self
                    .error(codes::INVALID_HEX, at, message, "expected a byte")
                    .with_label(open, "opened here");
                return Err(self.fail(error));
            }
        }
        Ok(tokens)
    }

    /// `4D`, `4?`, `~4D` and the like.
    fn hex_pair(&mut self, negated: bool) -> Parsed<HexToken> {
        let start = self.lexer.position();
        if negated {
            self.skip_hex(1);
        }
        let digit = |byte: Option<u8>| byte.filter(|byte| byte.is_ascii_hexdigit() || *byte == b'?');
        let (Some(high), Some(low)) = (digit(self.hex_byte()), digit(self.hex_byte_at(1))) else {
            let length = self.word_length().max(1);
            let at = self.hex_span(length);
            let error = self
                .error(codes::INVALID_HEX, at, "a byte needs two digits", "expected two hex digits or `?`")
                .with_help("write `0` or `?` for the missing digit, such as `04` or `4?`");
            return Err(self.fail(error));
        };
        self.skip_hex(2);
        let masks = |digit: u8| if digit == b'?' { 0 } else { 0xF };
        let mask = masks(high) << 4 | masks(low);
        let at = span(start, self.lexer.position());
        if negated && mask == 0 {
            let error = self
                .error(codes::INVALID_HEX, at, "`~??` can match nothing", "every byte is excluded")
                .with_help("exclude a byte (`~4D`) or half of one (`~4?`)");
            self.report(error);
        }
        Ok(HexToken::Byte { value: nibble(high) << 4 | nibble(low), mask, negated, span: at })
    }

    /// `[n]`, `[n-m]`, `[n-]`, `[-m]`, `[-]`
    fn jump(&mut self, first: bool) -> Parsed<HexToken> {
        let start = self.lexer.position();
        self.skip_hex(1);
        self.skip_hex_space();
        let low = self.jump_bound()?;
        self.skip_hex_space();
        let ranged = self.hex_byte() == Some(b'-');
        let mut high = None;
        if ranged {
            self.skip_hex(1);
            self.skip_hex_space();
            high = self.jump_bound()?;
            self.skip_hex_space();
        }
        if self.hex_byte() != Some(b']') || (low.is_none() && !ranged) {
            let at = self.hex_span(1);
            let expected = if ranged { "expected `]`" } else { "expected a number, `-` or `]`" };
            let error = self
                .error(codes::INVALID_JUMP, at, "this jump can't be read", expected)
                .with_label(span(start, start + 1), "opened here")
                .with_help("jumps are written `[4]`, `[4-8]`, `[4-]` or `[-]`");
            return Err(self.fail(error));
        }
        self.skip_hex(1);
        let at = span(start, self.lexer.position());
        let max = if ranged { high } else { low };
        let min = low.unwrap_or(0);
        let code = if first { codes::INVALID_HEX } else { codes::INVALID_JUMP };
        let wrong = |message: &str| self.error(code, at, message, "");
        let error = match max {
            Some(max) if min > max => {
                let swapped = format!("[{max}-{min}]");
                let help = format!("write `{swapped}`");
                Some(wrong("this jump is reversed").with_suggestion(help, vec![Edit::replace(at, swapped)]))
            }
            Some(0) => {
                Some(wrong("this jump passes over nothing").with_fix("remove it", vec![Edit::remove(at)]))
            }
            _ if first => {
                Some(wrong("a jump can't be first").with_suggestion(
                    "remove it; a pattern matches anywhere by itself",
                    vec![Edit::remove(at)],
                ))
            }
            _ => None,
        };
        if let Some(error) = error {
            self.report(error);
        }
        Ok(HexToken::Jump { min, max, span: at })
    }

    /// The number at the position, if there is one.
    fn jump_bound(&mut self) -> Parsed<Option<u32>> {
        let length = self.word_length();
        if length == 0 {
            return Ok(None);
        }
        let at = self.hex_span(length);
        let word = self.lexer.text(at);
        let digits = |text: &str, radix| {
            (text.len() <= MAX_JUMP_DIGITS).then(|| u32::from_str_radix(text, radix).ok()).flatten()
        };
        let value = match (word.strip_prefix("0x"), word.strip_prefix("0o")) {
            (Some(hex), _) => digits(hex, 16),
            (_, Some(octal)) => digits(octal, 8),
            _ => digits(word, 10),
        };
        self.skip_hex(length);
        match value {
            Some(value) => Ok(Some(value)),
            None => {
                let error = self
                    .error(codes::INVALID_JUMP, at, "this is not the length of a jump", "expected a number")
                    .with_help(format!("lengths go up to {}", u32::MAX));
                Err(self.fail(error))
            }
        }
    }

    /// `( a | b | c )`
    fn alternatives(&mut self) -> Parsed<HexToken> {
        let start = self.lexer.position();
        let open = self.hex_span(1);
        self.skip_hex(1);
        let mut options = vec![self.hex_sequence(open)?];
        loop {
            match self.hex_byte() {
                Some(b'|') => {
                    self.skip_hex(1);
                    options.push(self.hex_sequence(open)?);
                }
                Some(b')') => break,
                _ => {
                    let at = self.hex_span(1);
                    let error = self
                        .error(
                            codes::INVALID_HEX,
                            at,
                            "these alternatives are not closed",
                            "expected `|` or `)`",
                        )
                        .with_label(open, "opened here");
                    return Err(self.fail(error));
                }
            }
        }
        self.skip_hex(1);
        Ok(HexToken::Alternatives { options, span: span(start, self.lexer.position()) })
    }

    fn not_hex(&mut self, open: Span) -> Abort {
        let length = self.word_length().max(1);
        let at = self.hex_span(length);
        let mut error = self
            .error(
                codes::INVALID_HEX,
                at,
                "this can't stand in a hex pattern",
                "expected two hex digits or `}`",
            )
            .with_label(open, "the pattern begins here");
        if self.hex_byte() == Some(b'"') {
            error = error.with_help("a text stands in quotes without braces; close the pattern with `}`");
        } else if self.hex_byte() == Some(b'$') || length > 4 {
            error = error.with_help("is the closing `}` missing?");
        }
        self.fail(error)
    }

    fn unterminated_hex(&mut self, open: Span) -> Abort {
        let error = self
            .error(codes::UNTERMINATED_HEX, open, "this hex pattern has no closing brace", "begins here")
            .with_help("add `}`");
        self.fail(error)
    }

    fn skip_hex_trivia(&mut self) -> Parsed<()> {
        // A comment without end is a token, and the parser has words for it.
        if let Some(bad) = self.lexer.skip_trivia() {
            self.token = bad;
            let error = self.unexpected("`}`");
            return Err(self.fail(error));
        }
        Ok(())
    }

    fn skip_hex_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.hex_byte() {
            self.skip_hex(1);
        }
    }

    fn hex_position(&self) -> u32 {
        span(self.lexer.position(), 0).start
    }

    fn hex_byte(&self) -> Option<u8> {
        self.hex_byte_at(0)
    }

    fn hex_byte_at(&self, ahead: usize) -> Option<u8> {
        self.lexer.source().get(self.lexer.position() + ahead).copied()
    }

    fn skip_hex(&mut self, bytes: usize) {
        self.lexer.set_position(self.lexer.position() + bytes);
    }

    /// How many letters and digits stand at the position.
    fn word_length(&self) -> usize {
        let rest = self.lexer.source().get(self.lexer.position()..).unwrap_or_default();
        rest.iter().position(|&byte| !is_word(byte)).unwrap_or(rest.len())
    }

    /// The next bytes, as many as there are up to `length`.
    fn hex_span(&self, length: usize) -> Span {
        let start = self.lexer.position();
        span(start, (start + length).min(self.lexer.source().len()))
    }
}
