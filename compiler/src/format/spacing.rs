//! Whether a space stands between two pieces of one line.

use super::layout::{Layout, Place};
use super::pieces::{Hex, Kind};
use crate::lexer::{Keyword, TokenKind};

impl Layout<'_> {
    /// Whether a space stands before piece `i` when it is not the first of its line.
    pub(super) fn spaced(&self, i: usize) -> bool {
        let (before, kind) = (self.kind(i.wrapping_sub(1)), self.kind(i));
        let joined = match kind {
            Kind::Hex(Hex::Jump) => true,
            Kind::Token(token) => self.joined_to_before(i, before, token),
            _ => false,
        };
        !joined && !self.joined_to_after(i, before)
    }

    /// Whether a token stands right after what is before it.
    fn joined_to_before(&self, i: usize, before: Kind, token: TokenKind) -> bool {
        match token {
            TokenKind::RightParen
            | TokenKind::RightBracket
            | TokenKind::LeftBracket
            | TokenKind::Comma
            | TokenKind::Dot
            | TokenKind::DotDot => true,
            TokenKind::LeftParen => {
                let called = [TokenKind::Ident, TokenKind::RightBracket, TokenKind::RightParen];
                self.place == Place::Strings || called.map(Kind::Token).contains(&before)
            }
            TokenKind::Colon => self.heading.is_some(),
            TokenKind::Minus => self.place == Place::Strings,
            TokenKind::Star => {
                matches!(self.token_after(i), Some((_, TokenKind::Comma | TokenKind::RightParen)))
            }
            TokenKind::Percent => self.is_percentage(i),
            _ => false,
        }
    }

    /// Whether the token before, of this kind, has what follows right after it.
    fn joined_to_after(&self, i: usize, before: Kind) -> bool {
        let Kind::Token(token) = before else { return before == Kind::Hex(Hex::JumpOpen) };
        match token {
            TokenKind::LeftParen | TokenKind::LeftBracket | TokenKind::Dot | TokenKind::DotDot => true,
            TokenKind::Minus | TokenKind::Tilde => {
                !self.kind(i).is_comment() && (self.place == Place::Strings || self.is_prefix())
            }
            _ => false,
        }
    }

    /// Whether the `-` or `~` that was written last has one operand.
    fn is_prefix(&self) -> bool {
        use crate::lexer::Keyword::{Entrypoint, False, Filesize, True, With};
        use TokenKind::*;
        let Kind::Token(before) = self.last[0] else { return true };
        let operand = matches!(
            before,
            Ident
                | PatternId
                | PatternCount
                | PatternOffset
                | PatternLength
                | Int
                | Float
                | Text
                | Regex
                | RightParen
                | RightBracket
                | Keyword(With | Filesize | Entrypoint | True | False)
        );
        !operand
    }

    /// Whether the `%` at `i` follows a percentage and isn't a remainder: `50% of`, `for 50% i in`.
    fn is_percentage(&self, i: usize) -> bool {
        match self.token_after(i) {
            Some((_, TokenKind::Keyword(Keyword::Of))) => true,
            Some((name, TokenKind::Ident)) if self.loop_head == Some(self.brackets.len()) => matches!(
                self.token_after(name),
                Some((_, TokenKind::Comma | TokenKind::Keyword(Keyword::In)))
            ),
            _ => false,
        }
    }
}
