//! Where lines break, and how far each is indented.

use super::Indent;
use super::pieces::{Hex, Kind, Piece, Scan};
use crate::lexer::{Keyword, TokenKind};
use crate::limits::MAX_INDENT_LEVELS;

/// Levels of headings, of what is below them, and of what goes on in the next line.
const HEADING: usize = 1;
const CONTENT: usize = 2;
const CONTINUED: usize = 3;

/// Writes the pieces in their layout.
pub(super) fn lay_out(source: &[u8], scanned: &Scan, indent: Indent) -> Vec<u8> {
    let mut layout = Layout {
        source,
        pieces: &scanned.pieces,
        out: source.get(..scanned.start).unwrap_or_default().to_vec(),
        newline: if scanned.crlf { b"\r\n" } else { b"\n" },
        indent,
        place: Place::Top,
        heading: None,
        fresh: false,
        opened: false,
        in_hex: false,
        last: [Kind::Token(TokenKind::Eof); 2],
        level: 0,
        brackets: Vec::new(),
        loop_head: None,
    };
    for i in 0..scanned.pieces.len() {
        layout.piece(i);
    }
    if !scanned.pieces.is_empty() {
        layout.out.extend_from_slice(layout.newline);
    }
    layout.out
}

/// The part of a file that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Between rules.
    Top,
    /// From the first modifier of a rule to its `{`.
    Header,
    /// After the `{`, before the first section.
    Body,
    Meta,
    Strings,
    Condition,
}

pub(super) struct Layout<'s> {
    source: &'s [u8],
    pieces: &'s [Piece],
    out: Vec<u8>,
    newline: &'static [u8],
    indent: Indent,
    pub(super) place: Place,
    /// The section whose heading was written without its colon.
    pub(super) heading: Option<Place>,
    /// Whether nothing was written since a rule or a section was opened.
    fresh: bool,
    /// Whether a condition was opened and no token of it was written.
    opened: bool,
    in_hex: bool,
    /// The last two pieces that were no comments.
    pub(super) last: [Kind; 2],
    /// Level of the current line.
    level: usize,
    /// For each bracket that is open in a condition, the level of its line.
    pub(super) brackets: Vec<usize>,
    /// How many brackets were open at the `for` whose quantifier is being written.
    pub(super) loop_head: Option<usize>,
}

/// What stands before a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gap {
    Line { level: usize, blank: bool },
    Space,
    Nothing,
}

impl<'s> Layout<'s> {
    fn piece(&mut self, i: usize) {
        let Some(piece) = self.pieces.get(i) else { return };
        let gap = self.gap(i, piece);
        match gap {
            Gap::Line { level, blank } => {
                self.out.extend_from_slice(self.newline);
                if blank {
                    self.out.extend_from_slice(self.newline);
                }
                self.level = level;
                self.indentation();
            }
            Gap::Space => self.out.push(b' '),
            Gap::Nothing => {}
        }
        self.out.extend_from_slice(piece.text(self.source));
        match piece.kind {
            Kind::Token(token) => self.token(i, token),
            Kind::Hex(hex) => self.in_hex = hex != Hex::Close,
            // A comment beside what opens a section leaves it as empty as it was.
            _ => {
                self.fresh &= !matches!(gap, Gap::Line { .. });
                return;
            }
        }
        self.last = [self.last[1], piece.kind];
    }

    fn indentation(&mut self) {
        let levels = self.level.min(MAX_INDENT_LEVELS);
        let (byte, width) = match self.indent {
            Indent::Spaces(width) => (b' ', usize::from(width.max(1))),
            Indent::Tab => (b'\t', 1),
        };
        self.out.extend(std::iter::repeat_n(byte, levels * width));
    }

    fn gap(&self, i: usize, piece: &Piece) -> Gap {
        let Some(before) = i.checked_sub(1).and_then(|i| self.pieces.get(i)) else { return Gap::Nothing };
        let gap = match piece.kind {
            Kind::Token(token) => self.before_token(i, piece, token),
            Kind::Hex(hex) => self.before_hex(i, piece, hex, before),
            _ if piece.lines > 0 => self.before_comment(i, piece),
            _ => self.in_line(i),
        };
        match gap {
            Gap::Line { .. } => gap,
            _ if before.kind == Kind::LineComment => self.line(self.continued(piece.kind), false),
            _ => gap,
        }
    }

    fn in_line(&self, i: usize) -> Gap {
        if self.spaced(i) { Gap::Space } else { Gap::Nothing }
    }

    fn line(&self, level: usize, blank: bool) -> Gap {
        Gap::Line { level, blank: blank && !self.fresh }
    }

    fn before_token(&self, i: usize, piece: &Piece, token: TokenKind) -> Gap {
        let blank = piece.lines > 1;
        match self.place {
            Place::Top => match token {
                TokenKind::Keyword(Keyword::Import | Keyword::Include) => {
                    self.line(0, blank || self.ends_item(i) && self.after_rule())
                }
                TokenKind::Keyword(_) => self.line(0, blank || self.ends_item(i)),
                _ => self.in_line(i),
            },
            Place::Header => self.in_line(i),
            _ if token == TokenKind::RightBrace => self.line(0, false),
            Place::Body | Place::Meta | Place::Strings => {
                if self.section(i).is_some() {
                    self.line(HEADING, blank)
                } else if self.is_entry(i) {
                    self.line(CONTENT, blank)
                } else {
                    self.in_line(i)
                }
            }
            Place::Condition if self.opened || piece.lines > 0 => {
                self.line(self.level_in_condition(piece.kind), blank)
            }
            Place::Condition => self.in_line(i),
        }
    }

    fn before_hex(&self, i: usize, piece: &Piece, hex: Hex, before: &Piece) -> Gap {
        match hex {
            Hex::Open | Hex::Jump => self.in_line(i),
            _ if piece.lines == 0 => self.in_line(i),
            Hex::Close => self.line(CONTENT, false),
            _ => self.line(CONTINUED, piece.lines > 1 && before.kind != Kind::Hex(Hex::Open)),
        }
    }

    /// A comment that is the first piece of its line stands as far right as what it is about.
    fn before_comment(&self, i: usize, piece: &Piece) -> Gap {
        let level = match self.place {
            _ if self.in_hex => CONTINUED,
            Place::Top => 0,
            Place::Header | Place::Body => HEADING,
            Place::Meta | Place::Strings => match self.token_after(i) {
                // Before a heading it may be about that, or a part of the section before: its column says which.
                Some((heading, _)) if self.section(heading).is_some() => {
                    let column = self.pieces.get(heading).map_or(0, |piece| piece.column);
                    if piece.column > column { CONTENT } else { HEADING }
                }
                Some((entry, _)) if !self.is_entry(entry) => CONTINUED,
                _ => CONTENT,
            },
            Place::Condition => self.level_in_condition(piece.kind),
        };
        let after_rule = self.after_rule() && self.ends_item(i);
        self.line(level, piece.lines > 1 || after_rule)
    }

    /// The level of a piece that a comment before it has pushed to the next line.
    fn continued(&self, kind: Kind) -> usize {
        match self.place {
            Place::Top => HEADING,
            Place::Header if kind == Kind::Token(TokenKind::LeftBrace) => 0,
            Place::Header => HEADING,
            Place::Body | Place::Meta | Place::Strings => CONTINUED,
            Place::Condition => self.level_in_condition(kind),
        }
    }

    fn level_in_condition(&self, kind: Kind) -> usize {
        let closes = matches!(kind, Kind::Token(TokenKind::RightParen | TokenKind::RightBracket));
        self.brackets.last().map_or(CONTENT, |&level| level + usize::from(!closes))
    }

    /// Whether what stands before `i` ends an item, so that a blank line belongs here: not a comment about what follows.
    fn ends_item(&self, i: usize) -> bool {
        let Some(at) = i.checked_sub(1) else { return false };
        let Some(before) = self.pieces.get(at) else { return false };
        !before.kind.is_comment() || at > 0 && before.lines == 0
    }

    /// Whether the last token was the end of a rule.
    fn after_rule(&self) -> bool {
        self.place == Place::Top && self.last[1] == Kind::Token(TokenKind::RightBrace)
    }

    /// Whether an entry of `meta` or `strings` begins at `i`.
    fn is_entry(&self, i: usize) -> bool {
        match self.kind(i) {
            Kind::Token(TokenKind::PatternId) => true,
            Kind::Token(TokenKind::Ident | TokenKind::Keyword(Keyword::With)) => {
                matches!(self.token_after(i), Some((_, TokenKind::Assign)))
            }
            _ => false,
        }
    }

    /// The section whose heading begins at `i`.
    fn section(&self, i: usize) -> Option<Place> {
        match self.kind(i) {
            Kind::Token(TokenKind::Keyword(Keyword::Meta)) => Some(Place::Meta),
            Kind::Token(TokenKind::Keyword(Keyword::Strings)) => Some(Place::Strings),
            Kind::Token(TokenKind::Keyword(Keyword::Condition)) => Some(Place::Condition),
            _ => None,
        }
    }

    /// What a token that was written changes.
    fn token(&mut self, i: usize, token: TokenKind) {
        (self.fresh, self.opened) = (false, false);
        match (self.place, token) {
            (Place::Top, TokenKind::Keyword(Keyword::Private | Keyword::Global | Keyword::Rule)) => {
                self.place = Place::Header;
            }
            (Place::Header, TokenKind::LeftBrace) => {
                self.place = Place::Body;
                self.fresh = true;
            }
            (_, TokenKind::RightBrace) => self.place = Place::Top,
            (Place::Body | Place::Meta | Place::Strings, TokenKind::Colon) => {
                if let Some(section) = self.heading.take() {
                    self.place = section;
                    self.fresh = true;
                    self.opened = section == Place::Condition;
                }
            }
            (Place::Body | Place::Meta | Place::Strings, _) => self.heading = self.section(i),
            (Place::Condition, TokenKind::LeftParen | TokenKind::LeftBracket) => {
                self.brackets.push(self.level);
            }
            (Place::Condition, TokenKind::RightParen | TokenKind::RightBracket) => {
                self.brackets.pop();
            }
            (Place::Condition, TokenKind::Keyword(Keyword::For)) => {
                self.loop_head = Some(self.brackets.len());
            }
            (Place::Condition, TokenKind::Keyword(Keyword::Of | Keyword::In))
                if self.loop_head == Some(self.brackets.len()) =>
            {
                self.loop_head = None;
            }
            _ => {}
        }
    }

    pub(super) fn kind(&self, i: usize) -> Kind {
        self.pieces.get(i).map_or(Kind::Token(TokenKind::Eof), |piece| piece.kind)
    }

    /// The first token after `i`, and its place.
    pub(super) fn token_after(&self, i: usize) -> Option<(usize, TokenKind)> {
        let next = self.pieces.get(i)?.next as usize;
        match self.pieces.get(next)?.kind {
            Kind::Token(token) => Some((next, token)),
            _ => None,
        }
    }
}
