//! Splits source bytes into tokens.
//!
//! Input: any bytes. Output: one [`Token`] a call, [`TokenKind::Eof`] for ever at the end. Every token but the last
//! has at least one byte and tokens never overlap, so that reading always ends. Nothing is allocated and nothing is
//! reported: what can't be a token is [`TokenKind::Bad`] and the parser words the error, or skips it while recovering.
//!
//! The inside of a hex pattern is not made of these tokens; the parser reads it from [`Lexer::position`] on.

use memchr::{memchr, memchr2, memchr3, memmem};

use crate::diagnostic::Span;

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Eof,
    Ident,
    Keyword(Keyword),
    /// `$a`, `$`
    PatternId,
    /// `#a`, `#`
    PatternCount,
    /// `@a`, `@`
    PatternOffset,
    /// `!a`, `!`
    PatternLength,
    Int,
    Float,
    /// `"…"` or, over several lines, `"""…"""`
    Text,
    /// `/…/` with up to two flags
    Regex,
    LeftBrace,
    RightBrace,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    Colon,
    Comma,
    Dot,
    DotDot,
    Assign,
    Plus,
    Minus,
    Star,
    Backslash,
    Percent,
    Ampersand,
    Pipe,
    Caret,
    Tilde,
    Shl,
    Shr,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// Not a token of the language.
    Bad(Fault),
}

/// Why something is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A character no token begins with.
    Character,
    /// A control character, as in binary files.
    Control,
    /// A byte that is not UTF-8.
    NotUtf8,
    /// A text that ends with its line, or the file.
    Text,
    /// A regular expression that ends with its line, or the file.
    Regex,
    /// A comment that ends with the file.
    Comment,
    /// Letters that can't follow a number.
    Number,
    /// A flag other than `i` and `s` after a regular expression.
    RegexFlag,
}

macro_rules! keywords {
    ($($variant:ident $text:literal),* $(,)?) => {
        /// The reserved words.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Keyword {
            $($variant,)*
        }

        impl Keyword {
            /// How it is written.
            pub(crate) fn text(self) -> &'static str {
                match self {
                    $(Keyword::$variant => $text,)*
                }
            }

            /// The keyword written like this.
            pub(crate) fn from_text(text: &str) -> Option<Keyword> {
                match text {
                    $($text => Some(Keyword::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

keywords! {
    All "all", And "and", Any "any", Ascii "ascii", At "at", Base64 "base64", Base64Wide "base64wide",
    Condition "condition", Contains "contains", Defined "defined", EndsWith "endswith", Entrypoint "entrypoint",
    False "false", Filesize "filesize", For "for", Fullword "fullword", Global "global", IContains "icontains",
    IEndsWith "iendswith", IEquals "iequals", Import "import", In "in", Include "include",
    IStartsWith "istartswith", Matches "matches", Meta "meta", Nocase "nocase", None "none", Not "not", Of "of",
    Or "or", Private "private", Rule "rule", StartsWith "startswith", Strings "strings", Them "them", True "true",
    Wide "wide", With "with", Xor "xor",
}

/// Bytes of the longest and the shortest keyword.
const KEYWORD_LENGTHS: std::ops::RangeInclusive<usize> = 2..=11;

/// Reads tokens from source bytes, of which there are fewer than `u32::MAX`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lexer<'s> {
    bytes: &'s [u8],
    position: usize,
}

impl<'s> Lexer<'s> {
    /// A lexer that stands after the byte order mark, if there is one.
    pub(crate) fn new(bytes: &'s [u8]) -> Self {
        let position = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        Lexer { bytes, position }
    }

    /// Offset of the first byte not yet read.
    pub(crate) fn position(&self) -> usize {
        self.position
    }

    /// Goes on reading at this offset.
    pub(crate) fn set_position(&mut self, position: usize) {
        self.position = position.min(self.bytes.len());
    }

    /// The bytes of a span.
    pub(crate) fn slice(&self, span: Span) -> &'s [u8] {
        self.bytes.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// The text of a token made of ASCII.
    pub(crate) fn text(&self, span: Span) -> &'s str {
        std::str::from_utf8(self.slice(span)).unwrap_or_default()
    }

    /// All source bytes.
    pub(crate) fn source(&self) -> &'s [u8] {
        self.bytes
    }

    /// Passes over space and comments. An unterminated comment is returned as a token.
    pub(crate) fn skip_trivia(&mut self) -> Option<Token> {
        loop {
            match self.byte(0) {
                b' ' | b'\t' | b'\n' | b'\r' if self.position < self.bytes.len() => self.position += 1,
                b'/' if self.byte(1) == b'/' => {
                    let rest = self.rest();
                    self.position += memchr(b'\n', rest).unwrap_or(rest.len());
                }
                b'/' if self.byte(1) == b'*' => {
                    let start = self.position;
                    let body = self.bytes.get(start + 2..).unwrap_or_default();
                    match memmem::find(body, b"*/") {
                        Some(length) => self.position += length + 4,
                        None => {
                            self.position = self.bytes.len();
                            return Some(self.token_from(start, TokenKind::Bad(Fault::Comment)));
                        }
                    }
                }
                0x80.. => match unicode_space(self.rest()) {
                    0 => return None,
                    length => self.position += length,
                },
                _ => return None,
            }
        }
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Token {
        if let Some(bad) = self.skip_trivia() {
            return bad;
        }
        let start = self.position;
        let Some(&first) = self.bytes.get(start) else {
            return self.token_from(start, TokenKind::Eof);
        };
        let kind = match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
            b'$' => self.pattern(TokenKind::PatternId),
            b'#' => self.pattern(TokenKind::PatternCount),
            b'@' => self.pattern(TokenKind::PatternOffset),
            b'!' if self.byte(1) == b'=' => self.advance(2, TokenKind::Ne),
            b'!' => self.pattern(TokenKind::PatternLength),
            b'0'..=b'9' => self.number(),
            b'"' => self.quoted(),
            b'/' => self.regex(),
            b'{' => self.advance(1, TokenKind::LeftBrace),
            b'}' => self.advance(1, TokenKind::RightBrace),
            b'(' => self.advance(1, TokenKind::LeftParen),
            b')' => self.advance(1, TokenKind::RightParen),
            b'[' => self.advance(1, TokenKind::LeftBracket),
            b']' => self.advance(1, TokenKind::RightBracket),
            b':' => self.advance(1, TokenKind::Colon),
            b',' => self.advance(1, TokenKind::Comma),
            b'.' if self.byte(1) == b'.' => self.advance(2, TokenKind::DotDot),
            b'.' => self.advance(1, TokenKind::Dot),
            b'=' if self.byte(1) == b'=' => self.advance(2, TokenKind::Eq),
            b'=' => self.advance(1, TokenKind::Assign),
            b'+' => self.advance(1, TokenKind::Plus),
            b'-' => self.advance(1, TokenKind::Minus),
            b'*' => self.advance(1, TokenKind::Star),
            b'\\' => self.advance(1, TokenKind::Backslash),
            b'%' => self.advance(1, TokenKind::Percent),
            b'&' => self.advance(1, TokenKind::Ampersand),
            b'|' => self.advance(1, TokenKind::Pipe),
            b'^' => self.advance(1, TokenKind::Caret),
            b'~' => self.advance(1, TokenKind::Tilde),
            b'<' if self.byte(1) == b'<' => self.advance(2, TokenKind::Shl),
            b'<' if self.byte(1) == b'=' => self.advance(2, TokenKind::Le),
            b'<' => self.advance(1, TokenKind::Lt),
            b'>' if self.byte(1) == b'>' => self.advance(2, TokenKind::Shr),
            b'>' if self.byte(1) == b'=' => self.advance(2, TokenKind::Ge),
            b'>' => self.advance(1, TokenKind::Gt),
            0x80.. => self.beyond_ascii(),
            0..=0x20 | 0x7F => self.advance(1, TokenKind::Bad(Fault::Control)),
            _ => self.advance(1, TokenKind::Bad(Fault::Character)),
        };
        self.token_from(start, kind)
    }

    /// The byte `ahead` of the position; 0 past the end, which no arm takes for a token.
    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.position + ahead).copied().unwrap_or(0)
    }

    fn rest(&self) -> &'s [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    fn token_from(&self, start: usize, kind: TokenKind) -> Token {
        Token { kind, span: span(start, self.position) }
    }

    fn advance(&mut self, bytes: usize, kind: TokenKind) -> TokenKind {
        self.position += bytes;
        kind
    }

    fn skip_while(&mut self, matches: impl Fn(u8) -> bool) {
        let rest = self.rest();
        self.position += rest.iter().position(|&byte| !matches(byte)).unwrap_or(rest.len());
    }

    fn word(&mut self) -> TokenKind {
        let start = self.position;
        self.skip_while(is_word);
        match self.keyword_from(start) {
            Some(keyword) => TokenKind::Keyword(keyword),
            None => TokenKind::Ident,
        }
    }

    fn keyword_from(&self, start: usize) -> Option<Keyword> {
        let word = self.bytes.get(start..self.position)?;
        if !KEYWORD_LENGTHS.contains(&word.len()) || !word.first()?.is_ascii_lowercase() {
            return None;
        }
        Keyword::from_text(std::str::from_utf8(word).ok()?)
    }

    fn pattern(&mut self, kind: TokenKind) -> TokenKind {
        self.position += 1;
        self.skip_while(is_word);
        kind
    }

    fn number(&mut self) -> TokenKind {
        let mut kind = TokenKind::Int;
        match (self.byte(0), self.byte(1)) {
            (b'0', b'x') if self.byte(2).is_ascii_hexdigit() => {
                self.position += 2;
                self.skip_while(|byte| byte.is_ascii_hexdigit() || byte == b'_');
            }
            (b'0', b'o') if matches!(self.byte(2), b'0'..=b'7') => {
                self.position += 2;
                self.skip_while(|byte| matches!(byte, b'0'..=b'7' | b'_'));
            }
            _ => {
                self.skip_while(|byte| byte.is_ascii_digit() || byte == b'_');
                if self.byte(0) == b'.' && (self.byte(1).is_ascii_digit() || self.byte(1) == b'_') {
                    self.position += 1;
                    self.skip_while(|byte| byte.is_ascii_digit() || byte == b'_');
                    kind = TokenKind::Float;
                } else if self.rest().starts_with(b"KB") || self.rest().starts_with(b"MB") {
                    self.position += 2;
                }
            }
        }
        if self.followed_by_unknown_word() { TokenKind::Bad(Fault::Number) } else { kind }
    }

    /// Whether a word that is not a keyword follows at once; if so, passes over it.
    fn followed_by_unknown_word(&mut self) -> bool {
        if !is_word(self.byte(0)) {
            return false;
        }
        let start = self.position;
        self.skip_while(is_word);
        let unknown = self.keyword_from(start).is_none();
        if !unknown {
            self.position = start;
        }
        unknown
    }

    fn quoted(&mut self) -> TokenKind {
        if self.rest().starts_with(b"\"\"\"") {
            return self.quoted_lines();
        }
        self.position += 1;
        loop {
            let rest = self.rest();
            let Some(length) = memchr3(b'"', b'\\', b'\n', rest) else {
                self.position = self.bytes.len();
                return TokenKind::Bad(Fault::Text);
            };
            self.position += length;
            match self.byte(0) {
                b'"' => return self.advance(1, TokenKind::Text),
                b'\\' if self.position + 1 < self.bytes.len() && self.byte(1) != b'\n' => self.position += 2,
                b'\\' => return self.advance(1, TokenKind::Bad(Fault::Text)),
                _ => return TokenKind::Bad(Fault::Text),
            }
        }
    }

    /// `"""…"""`; a quote within stands after a backslash.
    fn quoted_lines(&mut self) -> TokenKind {
        let start = self.position;
        self.position += 3;
        loop {
            let rest = self.rest();
            let Some(length) = memchr2(b'"', b'\\', rest) else { break };
            self.position += length;
            if self.byte(0) == b'\\' {
                self.position = (self.position + 2).min(self.bytes.len());
            } else if self.rest().starts_with(b"\"\"\"") {
                return self.advance(3, TokenKind::Text);
            } else {
                break;
            }
        }
        // Only the opening quotes are taken, so that what follows is still read.
        self.position = start + 3;
        TokenKind::Bad(Fault::Text)
    }

    fn regex(&mut self) -> TokenKind {
        self.position += 1;
        loop {
            let rest = self.rest();
            let Some(length) = memchr3(b'/', b'\\', b'\n', rest) else {
                self.position = self.bytes.len();
                return TokenKind::Bad(Fault::Regex);
            };
            self.position += length;
            match self.byte(0) {
                b'/' => break,
                b'\\' if self.position + 1 < self.bytes.len() && self.byte(1) != b'\n' => self.position += 2,
                b'\\' => return self.advance(1, TokenKind::Bad(Fault::Regex)),
                _ => return TokenKind::Bad(Fault::Regex),
            }
        }
        self.position += 1;
        // `/a/wide` is a regular expression and a modifier, `/a/iswide` too.
        for flags in 0..=2 {
            let start = self.position;
            if !self.followed_by_unknown_word() {
                return TokenKind::Regex;
            }
            self.position = start;
            if flags == 2 || !matches!(self.byte(0), b'i' | b's') {
                break;
            }
            self.position += 1;
        }
        self.skip_while(is_word);
        TokenKind::Bad(Fault::RegexFlag)
    }

    fn beyond_ascii(&mut self) -> TokenKind {
        let rest = self.rest();
        let window = rest.get(..rest.len().min(4)).unwrap_or_default();
        match window.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next()) {
            Some(character) => self.advance(character.len_utf8(), TokenKind::Bad(Fault::Character)),
            None => self.advance(1, TokenKind::Bad(Fault::NotUtf8)),
        }
    }
}

/// Whether names may contain this byte.
pub(crate) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// A span from offsets, which fit because sources are limited in size.
pub(crate) fn span(start: usize, end: usize) -> Span {
    let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { start: offset(start), end: offset(end) }
}

/// Length of the space character beyond ASCII at the start of `bytes`; 0 if there is none.
fn unicode_space(bytes: &[u8]) -> usize {
    match bytes {
        // No-break space.
        [0xC2, 0xA0, ..] => 2,
        // Ogham space; en quad to hair space; narrow no-break space; mathematical space; ideographic space.
        [0xE1, 0x9A, 0x80, ..]
        | [0xE2, 0x80, 0x80..=0x8A | 0xAF, ..]
        | [0xE2, 0x81, 0x9F, ..]
        | [0xE3, 0x80, 0x80, ..] => 3,
        _ => 0,
    }
}
