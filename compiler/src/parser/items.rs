//! Rules with their tags and metadata, imports and includes.

use super::{Abort, Parsed, Parser};
use crate::ast::{Ident, Literal, Meta, MetaValue, Rule};
use crate::codes;
use crate::diagnostic::{Diagnostic, Edit, Span};
use crate::lexer::{Keyword, Token, TokenKind};

impl<'s> Parser<'s, '_> {
    /// `import "…"` or `include "…"`; the text is taken as it stands, without escapes.
    pub(super) fn path(&mut self, what: &str) -> Parsed<Literal<'s>> {
        self.bump();
        if !self.at(TokenKind::Text) {
            let error = self.unexpected(&format!("{what} in quotes"));
            return Err(self.fail(error));
        }
        let span = self.bump().span;
        Ok(Literal { value: self.between_quotes(span).0.into(), span })
    }

    /// A rule. Its name is left in `name` even when the rule turns out to be broken.
    pub(super) fn rule(&mut self, name: &mut Option<Ident<'s>>) -> Parsed<Rule<'s>> {
        let start = self.token.span;
        let (mut global, mut private) = (None, None);
        loop {
            let modifier = match self.token.kind {
                TokenKind::Keyword(Keyword::Global) => &mut global,
                TokenKind::Keyword(Keyword::Private) => &mut private,
                _ => break,
            };
            let Token { span, .. } = self.bump();
            if let Some(first) = *modifier {
                self.warn_duplicate(span, first);
            } else {
                *modifier = Some(span);
            }
        }
        self.expect(TokenKind::Keyword(Keyword::Rule))?;
        let ident = self.name("a rule name")?;
        *name = Some(ident);
        let tags = self.tags()?;
        let open = self.expect(TokenKind::LeftBrace)?;
        let meta = self.meta_section()?;
        let patterns = self.strings_section()?;
        self.condition_heading(ident, open)?;
        let condition = self.condition()?;
        let close = match self.accept(TokenKind::RightBrace) {
            Some(close) => close,
            None => return Err(self.unclosed(open)),
        };
        Ok(Rule { global, private, name: ident, tags, meta, patterns, condition, span: start.to(close) })
    }

    fn warn_duplicate(&mut self, span: Span, first: Span) {
        let text = self.lexer.text(span);
        let warning = Diagnostic::warning(
            codes::DUPLICATE_RULE_MODIFIER,
            self.source,
            span,
            format!("`{text}` is given twice"),
            "again here",
        )
        .with_label(first, "given here")
        .with_fix("remove one of them", vec![Edit::remove(span)]);
        self.report(warning);
    }

    fn tags(&mut self) -> Parsed<Vec<Ident<'s>>> {
        let mut tags = Vec::new();
        if self.accept(TokenKind::Colon).is_none() {
            return Ok(tags);
        }
        tags.push(self.name("a tag")?);
        while matches!(self.token.kind, TokenKind::Ident | TokenKind::Keyword(_)) {
            tags.push(self.name("a tag")?);
        }
        if self.at(TokenKind::Comma) {
            let comma = self.token.span;
            let mut ahead = self.lexer;
            let error = self.unexpected("another tag or `{`");
            let error = match ahead.next().kind {
                TokenKind::Ident => {
                    let blank =
                        self.lexer.source().get(comma.end as usize).is_some_and(u8::is_ascii_whitespace);
                    let between = if blank { "" } else { " " };
                    error.with_fix("tags are separated by spaces", vec![Edit::replace(comma, between)])
                }
                _ => error.with_help("tags are separated by spaces"),
            };
            return Err(self.fail(error));
        }
        Ok(tags)
    }

    fn meta_section(&mut self) -> Parsed<Vec<Meta<'s>>> {
        let mut meta = Vec::new();
        let Some(heading) = self.accept_keyword(Keyword::Meta) else { return Ok(meta) };
        self.expect(TokenKind::Colon)?;
        while matches!(self.token.kind, TokenKind::Ident | TokenKind::Keyword(Keyword::With)) {
            let name = self.name("a metadata name")?;
            self.expect(TokenKind::Assign)?;
            meta.push(Meta { name, value: self.meta_value()? });
        }
        if let TokenKind::Keyword(_) = self.token.kind {
            let mut ahead = self.lexer;
            if ahead.next().kind == TokenKind::Assign {
                self.name("a metadata name")?;
            }
        }
        if meta.is_empty() {
            self.empty_section(heading, "meta");
        }
        Ok(meta)
    }

    fn meta_value(&mut self) -> Parsed<MetaValue<'s>> {
        let minus = self.accept(TokenKind::Minus);
        let sign = |value: f64| if minus.is_some() { -value } else { value };
        match self.token.kind {
            TokenKind::Int => {
                let span = self.bump().span;
                Ok(MetaValue::Int(self.signed(span, minus)))
            }
            TokenKind::Float => {
                let span = self.bump().span;
                Ok(MetaValue::Float(sign(self.float(span))))
            }
            TokenKind::Text if minus.is_none() => {
                let span = self.bump().span;
                Ok(MetaValue::Str(self.text(span)))
            }
            TokenKind::Keyword(Keyword::True) if minus.is_none() => {
                self.bump();
                Ok(MetaValue::Bool(true))
            }
            TokenKind::Keyword(Keyword::False) if minus.is_none() => {
                self.bump();
                Ok(MetaValue::Bool(false))
            }
            _ => {
                let error = match minus {
                    Some(_) => self.unexpected("a number"),
                    None => self
                        .unexpected("a metadata value")
                        .with_help("values are texts in double quotes, numbers, `true` and `false`"),
                };
                Err(self.fail(error))
            }
        }
    }

    /// Reports a section heading that nothing follows.
    pub(super) fn empty_section(&mut self, heading: Span, name: &str) {
        if let TokenKind::Bad(_) | TokenKind::Eof = self.token.kind {
            return;
        }
        let error = self.error(
            codes::EMPTY_SECTION,
            heading,
            format!("the `{name}` section is empty"),
            "nothing follows",
        );
        let help = format!("leave out `{name}:`");
        let error = match self.token.kind {
            TokenKind::Keyword(Keyword::Meta | Keyword::Strings | Keyword::Condition) => {
                let whole = Span { start: heading.start, end: self.previous_end };
                error.with_fix(help, vec![Edit::remove(whole)])
            }
            // What follows may have been meant to be in it.
            _ => error.with_help(help),
        };
        self.report(error);
    }

    /// `condition:`
    fn condition_heading(&mut self, rule: Ident<'s>, open: Span) -> Parsed<()> {
        if self.accept_keyword(Keyword::Condition).is_some() {
            self.expect(TokenKind::Colon)?;
            return Ok(());
        }
        let error = match self.token.kind {
            TokenKind::Keyword(section @ (Keyword::Meta | Keyword::Strings)) => self
                .error(
                    codes::MISPLACED_SECTION,
                    self.token.span,
                    format!("the `{}` section can't stand here", section.text()),
                    "twice, or too late",
                )
                .with_help("the order is `meta`, `strings`, `condition`, each at most once"),
            TokenKind::RightBrace => self
                .error(
                    codes::MISSING_CONDITION,
                    rule.span,
                    format!("rule `{}` has no condition", rule.name),
                    "this rule",
                )
                .with_label(self.token.span, "expected `condition:` before this")
                .with_help("add `condition:` and when the rule matches, such as `any of them` or `true`"),
            _ if self.at_item() || self.at(TokenKind::Eof) => return Err(self.unclosed(open)),
            _ => self.unexpected("`meta`, `strings` or `condition`"),
        };
        Err(self.fail(error))
    }

    /// The error for a rule that is not closed where its condition ends.
    fn unclosed(&mut self, open: Span) -> Abort {
        if !self.at_item() && !self.at(TokenKind::Eof) {
            return self.after_expression("`}`", None);
        }
        let at = Span { start: self.previous_end, end: self.previous_end };
        let error = self
            .error(codes::UNCLOSED_RULE, at, "this rule is not closed", "expected `}`")
            .with_label(open, "opened here")
            .with_help("add `}`");
        self.fail(error)
    }
}
