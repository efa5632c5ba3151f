//! The `strings` section.

use super::{Parsed, Parser};
use crate::ast::{Ident, Literal, Modifier, ModifierKind, Pattern, PatternBody};
use crate::codes;
use crate::diagnostic::{Edit, Span};
use crate::lexer::{Keyword, TokenKind};
use crate::suggest::nearest;

/// The words that may follow a pattern.
const MODIFIERS: [&str; 8] =
    ["ascii", "wide", "nocase", "fullword", "private", "xor", "base64", "base64wide"];

impl<'s> Parser<'s, '_> {
    /// `strings:` and its patterns, if the section is there.
    pub(super) fn strings_section(&mut self) -> Parsed<Vec<Pattern<'s>>> {
        let mut patterns = Vec::new();
        let Some(heading) = self.accept_keyword(Keyword::Strings) else { return Ok(patterns) };
        self.expect(TokenKind::Colon)?;
        while self.at(TokenKind::PatternId) {
            let span = self.bump().span;
            let name = self.lexer.text(span);
            self.declared.push(name);
            patterns.push(self.pattern(Ident { name, span })?);
        }
        if self.at(TokenKind::Ident) {
            let at = self.token.span;
            let error = self.unexpected("a pattern or `condition`").with_suggestion(
                format!("patterns begin with `$`: `${}`", self.lexer.text(at)),
                vec![Edit::insert(at.start, "$")],
            );
            return Err(self.fail(error));
        }
        if patterns.is_empty() {
            self.empty_section(heading, "strings");
        }
        Ok(patterns)
    }

    fn pattern(&mut self, id: Ident<'s>) -> Parsed<Pattern<'s>> {
        self.expect(TokenKind::Assign)?;
        let start = self.token.span.start;
        let body = match self.token.kind {
            TokenKind::Text => {
                let span = self.bump().span;
                PatternBody::Text(self.literal(span))
            }
            TokenKind::Regex => {
                let span = self.bump().span;
                PatternBody::Regex(self.regex_literal(span))
            }
            TokenKind::LeftBrace => PatternBody::Hex(self.hex_pattern()?),
            _ => {
                let error = self
                    .unexpected("a pattern")
                    .with_help("a pattern is a \"text\", a { hex pattern } or a /regular expression/");
                return Err(self.fail(error));
            }
        };
        let body_span = Span { start, end: self.previous_end };
        let modifiers = self.modifiers()?;
        let span = Span { start: id.span.start, end: self.previous_end };
        Ok(Pattern { id, body, body_span, modifiers, span })
    }

    fn modifiers(&mut self) -> Parsed<Vec<Modifier<'s>>> {
        let mut modifiers: Vec<Modifier<'s>> = Vec::new();
        loop {
            let start = self.token.span;
            let kind = match self.token.kind {
                TokenKind::Keyword(Keyword::Ascii) => self.plain(ModifierKind::Ascii),
                TokenKind::Keyword(Keyword::Wide) => self.plain(ModifierKind::Wide),
                TokenKind::Keyword(Keyword::Nocase) => self.plain(ModifierKind::Nocase),
                TokenKind::Keyword(Keyword::Fullword) => self.plain(ModifierKind::Fullword),
                // A rule whose end was forgotten may begin with `private`.
                TokenKind::Keyword(Keyword::Private) if !self.at_item() => self.plain(ModifierKind::Private),
                TokenKind::Keyword(Keyword::Xor) => self.xor()?,
                TokenKind::Keyword(Keyword::Base64) => {
                    self.bump();
                    ModifierKind::Base64(self.alphabet()?)
                }
                TokenKind::Keyword(Keyword::Base64Wide) => {
                    self.bump();
                    ModifierKind::Base64Wide(self.alphabet()?)
                }
                TokenKind::Ident if !self.at_assignment() => {
                    self.unknown_modifier();
                    continue;
                }
                _ => return Ok(modifiers),
            };
            let span = Span { start: start.start, end: self.previous_end };
            let same =
                |other: &&Modifier<'s>| std::mem::discriminant(&other.kind) == std::mem::discriminant(&kind);
            if let Some(first) = modifiers.iter().find(same) {
                let error = self
                    .error(
                        codes::DUPLICATE_MODIFIER,
                        span,
                        format!("modifier `{}` is given twice", self.lexer.text(start)),
                        "again here",
                    )
                    .with_label(first.span, "given here");
                let remove = vec![Edit::remove(span)];
                let error = match self.lexer.slice(first.span) == self.lexer.slice(span) {
                    true => error.with_fix("remove one of them", remove),
                    false => error.with_suggestion("remove one of them", remove),
                };
                self.report(error);
                continue;
            }
            modifiers.push(Modifier { kind, span });
        }
    }

    fn plain(&mut self, kind: ModifierKind<'s>) -> ModifierKind<'s> {
        self.bump();
        kind
    }

    /// Whether the current name is that of another pattern whose `$` was forgotten.
    fn at_assignment(&self) -> bool {
        let mut ahead = self.lexer;
        ahead.next().kind == TokenKind::Assign
    }

    /// Reports a word that is no modifier and passes over it.
    fn unknown_modifier(&mut self) {
        let span = self.bump().span;
        let word = self.lexer.text(span);
        let error =
            self.error(codes::UNKNOWN_MODIFIER, span, format!("unknown modifier `{word}`"), "not a modifier");
        let error = match nearest(word, MODIFIERS) {
            Some(modifier) if modifier.eq_ignore_ascii_case(word) => error.with_fix(
                format!("modifiers are lower case: `{modifier}`"),
                vec![Edit::replace(span, modifier)],
            ),
            Some(modifier) => error
                .with_suggestion(format!("did you mean `{modifier}`?"), vec![Edit::replace(span, modifier)]),
            None => error.with_help(format!("the modifiers are `{}`", MODIFIERS.join("`, `"))),
        };
        self.report(error);
    }

    /// `xor`, `xor(k)`, `xor(a-b)`
    fn xor(&mut self) -> Parsed<ModifierKind<'s>> {
        self.bump();
        let Some(open) = self.accept(TokenKind::LeftParen) else {
            return Ok(ModifierKind::Xor { min: 0, max: u8::MAX });
        };
        let first = self.expect(TokenKind::Int)?;
        let min = self.key(first);
        let (last, max) = match self.accept(TokenKind::Minus) {
            Some(_) => {
                let last = self.expect(TokenKind::Int)?;
                (last, self.key(last))
            }
            None => (first, min),
        };
        if self.accept(TokenKind::RightParen).is_none() {
            let error = self.unexpected("`-` or `)`").with_label(open, "opened here");
            return Err(self.fail(error));
        }
        if min > max {
            let error = self
                .error(
                    codes::MODIFIER_ARGUMENT,
                    first.to(last),
                    "this range of keys is empty",
                    "the first key is greater than the last",
                )
                .with_suggestion(
                    format!("write `xor({max}-{min})`"),
                    vec![Edit::replace(first.to(last), format!("{max}-{min}"))],
                );
            self.report(error);
        }
        Ok(ModifierKind::Xor { min, max })
    }

    fn key(&mut self, span: Span) -> u8 {
        let value = self.integer(span, None);
        u8::try_from(value).unwrap_or_else(|_| {
            let error = self
                .error(codes::MODIFIER_ARGUMENT, span, "this is not a key for `xor`", "more than 255")
                .with_help("keys are bytes: 0 to 255");
            self.report(error);
            0
        })
    }

    /// `("…")` after `base64` or `base64wide`, if it is there.
    fn alphabet(&mut self) -> Parsed<Option<Literal<'s>>> {
        let Some(open) = self.accept(TokenKind::LeftParen) else { return Ok(None) };
        let span = self.expect(TokenKind::Text)?;
        let alphabet = self.literal(span);
        if self.accept(TokenKind::RightParen).is_none() {
            let error = self.unexpected("`)`").with_label(open, "opened here");
            return Err(self.fail(error));
        }
        Ok(Some(alphabet))
    }
}
