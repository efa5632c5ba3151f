//! A source as pieces: tokens and comments, with what has to be known of the white space before each.

use crate::diagnostic::Span;
use crate::lexer::{Lexer, Token, TokenKind, is_word, span};

/// A token or comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    /// Line breaks before it, 2 standing for any more.
    pub(super) lines: u8,
    /// Bytes before it in its line if it is the first there, else 0.
    pub(super) column: u16,
    /// The next piece that is no comment.
    pub(super) next: u32,
    span: Span,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Token(TokenKind),
    Hex(Hex),
    /// `// …` up to the end of the line
    LineComment,
    /// `/* … */`
    BlockComment,
}

/// The pieces of hex patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hex {
    Open,
    Close,
    /// `4D`, `~4?`, and `(`, `|`, `)`
    Part,
    /// `[`
    JumpOpen,
    /// What is within a jump, and its `]`.
    Jump,
}

impl Kind {
    pub(super) fn is_comment(self) -> bool {
        matches!(self, Kind::LineComment | Kind::BlockComment)
    }
}

impl Piece {
    /// Its bytes, without blanks at the end of a line comment.
    pub(super) fn text<'s>(&self, source: &'s [u8]) -> &'s [u8] {
        let text = source.get(self.span.start as usize..self.span.end as usize).unwrap_or_default();
        match self.kind {
            Kind::LineComment => text.trim_ascii_end(),
            _ => text,
        }
    }
}

/// The pieces of a source.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) pieces: Vec<Piece>,
    /// Where the first piece can be: after the byte order mark.
    pub(super) start: usize,
    /// Whether lines end with CR LF.
    pub(super) crlf: bool,
}

/// Takes a source without syntax errors apart.
pub(super) fn scan(source: &[u8]) -> Scan {
    let lexer = Lexer::new(source);
    let start = lexer.position();
    let mut scanner = Scanner { lexer, pieces: Vec::new(), end: start, crlf: None };
    scanner.file();
    scanner.link();
    Scan { pieces: scanner.pieces, start, crlf: scanner.crlf.unwrap_or(false) }
}

struct Scanner<'s> {
    lexer: Lexer<'s>,
    pieces: Vec<Piece>,
    /// Where the last piece ended.
    end: usize,
    /// What the first line break outside of tokens and comments is. Others would not do: those within are kept, so
    /// that the next run could find another one first.
    crlf: Option<bool>,
}

impl Scanner<'_> {
    fn file(&mut self) {
        let mut before = [TokenKind::Eof; 2];
        loop {
            let Token { kind, span } = self.lexer.next();
            if kind == TokenKind::Eof {
                self.white_space(span.start as usize);
                return;
            }
            if kind == TokenKind::LeftBrace && before == [TokenKind::PatternId, TokenKind::Assign] {
                self.push(Kind::Hex(Hex::Open), span);
                self.hex();
            } else {
                self.push(Kind::Token(kind), span);
            }
            before = [before[1], kind];
        }
    }

    /// Tells each piece which is the next that is no comment.
    fn link(&mut self) {
        let mut next = u32::MAX;
        for (i, piece) in self.pieces.iter_mut().enumerate().rev() {
            piece.next = next;
            if !piece.kind.is_comment() {
                next = u32::try_from(i).unwrap_or(u32::MAX);
            }
        }
    }

    /// The inside of a hex pattern, and its closing brace.
    fn hex(&mut self) {
        while self.lexer.skip_trivia().is_none() {
            let at = self.lexer.position();
            let (hex, length) = match self.byte(at) {
                None => return,
                Some(b'}') => (Hex::Close, 1),
                Some(b'[') => (Hex::JumpOpen, 1),
                Some(b'(' | b')' | b'|') => (Hex::Part, 1),
                Some(b'~') => (Hex::Part, 3),
                Some(_) => (Hex::Part, 2),
            };
            self.push_hex(hex, at, length);
            match hex {
                Hex::Close => return,
                Hex::JumpOpen => self.jump(),
                _ => {}
            }
        }
    }

    fn jump(&mut self) {
        loop {
            let from = self.lexer.position();
            let Some(at) = (from..self.lexer.source().len()).find(|&at| !self.is_blank(at)) else { return };
            let word = (at..).take_while(|&at| self.byte(at).is_some_and(is_word)).count();
            self.push_hex(Hex::Jump, at, word.max(1));
            if self.byte(at) == Some(b']') {
                return;
            }
        }
    }

    fn is_blank(&self, at: usize) -> bool {
        self.byte(at).is_some_and(|byte| byte.is_ascii_whitespace())
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.lexer.source().get(at).copied()
    }

    fn push_hex(&mut self, hex: Hex, at: usize, length: usize) {
        let end = (at + length).min(self.lexer.source().len());
        self.lexer.set_position(end);
        self.push(Kind::Hex(hex), span(at, end));
    }

    /// Adds a token, and the comments before it.
    fn push(&mut self, kind: Kind, span: Span) {
        let (lines, column) = self.white_space(span.start as usize);
        self.pieces.push(Piece { kind, lines, column, next: 0, span });
        self.end = span.end as usize;
    }

    /// Adds the comments between the last piece and `to`. Gives the line breaks after the last one, and how far from the
    /// last line break `to` is.
    fn white_space(&mut self, to: usize) -> (u8, u16) {
        let source = self.lexer.source();
        let (mut lines, mut line_start) = (0u8, None);
        let mut at = self.end;
        while at < to {
            let rest = source.get(at..to).unwrap_or_default();
            let (kind, length) = match rest {
                [b'/', b'/', ..] => (Kind::LineComment, memchr::memchr(b'\n', rest).unwrap_or(rest.len())),
                [b'/', b'*', ..] => {
                    let inside = rest.get(2..).unwrap_or_default();
                    (Kind::BlockComment, memchr::memmem::find(inside, b"*/").map_or(rest.len(), |n| n + 4))
                }
                _ => {
                    if rest.first() == Some(&b'\n') {
                        self.crlf.get_or_insert(source.get(..at).is_some_and(|s| s.ends_with(b"\r")));
                        lines = (lines + 1).min(2);
                        line_start = Some(at + 1);
                    }
                    at += 1;
                    continue;
                }
            };
            let column = column(line_start, at);
            self.pieces.push(Piece { kind, lines, column, next: 0, span: span(at, at + length) });
            at += length;
            (lines, line_start) = (0, None);
        }
        self.end = to;
        (lines, column(line_start, to))
    }
}

fn column(line_start: Option<usize>, at: usize) -> u16 {
    line_start.map_or(0, |start| u16::try_from(at - start).unwrap_or(u16::MAX))
}
