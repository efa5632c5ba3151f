//! Quantifiers and what they run over: `of`, `for … of`, `for … in`, and `with`.

use super::expr::{ARITHMETIC, Node};
use super::{Abort, Parsed, Parser};
use crate::ast::{BinaryOp, ExprKind, Ident, Iterable, OfSet, Quantifier, SetItem};
use crate::codes;
use crate::diagnostic::Span;
use crate::lexer::{Keyword, TokenKind};

impl<'s> Parser<'s, '_> {
    /// `all of …`, `any of …`, `none of …`
    pub(super) fn of_keyword(&mut self) -> Parsed<Node<'s>> {
        let start = self.token.span;
        let Some(quantifier) = self.quantifier_keyword() else {
            let error = self.unexpected("a quantifier");
            return Err(self.fail(error));
        };
        if !self.at_keyword(Keyword::Of) {
            let error =
                self.unexpected("of").with_help(format!("write `{} of them`", self.lexer.text(start)));
            return Err(self.fail(error));
        }
        self.of(quantifier, start, 0)
    }

    fn quantifier_keyword(&mut self) -> Option<Quantifier<'s>> {
        let quantifier = match self.token.kind {
            TokenKind::Keyword(Keyword::All) => Quantifier::All,
            TokenKind::Keyword(Keyword::Any) => Quantifier::Any,
            TokenKind::Keyword(Keyword::None) => Quantifier::None,
            _ => return None,
        };
        self.bump();
        Some(quantifier)
    }

    /// `N of …`, `N% of …`, where N has been read.
    pub(super) fn of_count(&mut self, count: Node<'s>) -> Parsed<Node<'s>> {
        let (start, height) = (count.expr.span, count.height);
        let quantifier = self.count_or_percent(count);
        self.of(quantifier, start, height)
    }

    fn count_or_percent(&mut self, count: Node<'s>) -> Quantifier<'s> {
        let span = count.expr.span;
        let Some(percent) = self.accept(TokenKind::Percent) else {
            return Quantifier::Count(Box::new(count.expr));
        };
        let product = |op| matches!(op, BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod);
        if matches!(count.expr.kind, ExprKind::Binary(op, ..) if !product(op)) && self.parenthesised != span {
            let error = self
                .error(
                    codes::AMBIGUOUS_PERCENTAGE,
                    span.to(percent),
                    "this percentage can be read in two ways",
                    "",
                )
                .with_help("put what stands before `%` in parentheses");
            self.report(error);
        }
        Quantifier::Percent(Box::new(count.expr))
    }

    fn of(&mut self, quantifier: Quantifier<'s>, start: Span, height: u32) -> Parsed<Node<'s>> {
        self.bump();
        let (set, end, set_height) = self.of_set()?;
        let span = start.to(end);
        if !matches!(set, OfSet::Them(_) | OfSet::Patterns(_))
            && let TokenKind::Keyword(Keyword::At | Keyword::In) = self.token.kind
        {
            let error = self
                .error(
                    codes::INVALID_SET,
                    self.token.span,
                    "only patterns are found at an offset",
                    "not for this set",
                )
                .with_label(end, "a set of rules or conditions");
            return Err(self.fail(error));
        }
        let (anchor, span, anchor_height) = self.anchor(span)?;
        let height = height.max(set_height).max(anchor_height);
        self.node(ExprKind::Of { quantifier, set, anchor }, span, height)
    }

    /// `them`, patterns, rules or conditions; its span and height.
    fn of_set(&mut self) -> Parsed<(OfSet<'s>, Span, u32)> {
        if let Some(span) = self.accept_keyword(Keyword::Them) {
            return Ok((OfSet::Them(span), span, 0));
        }
        let start = self.token.span;
        if !self.at(TokenKind::LeftParen) {
            let error = self
                .unexpected("`them` or `(`")
                .with_help("write such as `any of them` or `any of ($a, $b*)`");
            return Err(self.fail(error));
        }
        for (kind, set) in [
            (TokenKind::PatternId, OfSet::Patterns as fn(Vec<SetItem<'s>>) -> OfSet<'s>),
            (TokenKind::Ident, OfSet::Rules as fn(Vec<SetItem<'s>>) -> OfSet<'s>),
        ] {
            if let Some(items) = self.names(kind) {
                return Ok((set(items), Span { start: start.start, end: self.previous_end }, 0));
            }
        }
        let open = self.bump().span;
        let (exprs, height) = self.list(Self::boolean)?;
        let close = self.close(TokenKind::RightParen, open)?;
        Ok((OfSet::Exprs(exprs), open.to(close), height))
    }

    /// `(a, b*)` with names of one kind; takes nothing if something else stands there.
    fn names(&mut self, kind: TokenKind) -> Option<Vec<SetItem<'s>>> {
        let matches = |found: TokenKind| {
            found == kind || kind == TokenKind::Ident && found == TokenKind::Keyword(Keyword::With)
        };
        let mut ahead = self.lexer;
        let mut items = Vec::new();
        loop {
            let name = ahead.next();
            if !matches(name.kind) {
                return None;
            }
            let mut item = SetItem { name: self.lexer.text(name.span), wildcard: false, span: name.span };
            let mut next = ahead.next();
            if next.kind == TokenKind::Star {
                item.wildcard = true;
                item.span = name.span.to(next.span);
                next = ahead.next();
            }
            items.push(item);
            match next.kind {
                TokenKind::Comma => {}
                TokenKind::RightParen => {
                    self.lexer = ahead;
                    self.previous_end = next.span.end;
                    self.token = self.lexer.next();
                    return Some(items);
                }
                _ => return None,
            }
        }
    }

    /// `for …`
    pub(super) fn for_loop(&mut self) -> Parsed<Node<'s>> {
        let start = self.bump().span;
        let (quantifier, height) = self.for_quantifier()?;
        if self.accept_keyword(Keyword::Of).is_some() {
            let (set, end, _) = self.of_set()?;
            if !matches!(set, OfSet::Them(_) | OfSet::Patterns(_)) {
                let error = self
                    .error(codes::INVALID_SET, end, "`for … of` runs over patterns only", "not patterns")
                    .with_help("write `them`, or patterns such as `($a, $b*)`");
                return Err(self.fail(error));
            }
            let (body, end) = self.body()?;
            let height = height.max(body.height);
            let kind = ExprKind::ForOf { quantifier, set, body: Box::new(body.expr) };
            return self.node(kind, start.to(end), height);
        }
        if !matches!(self.token.kind, TokenKind::Ident | TokenKind::Keyword(Keyword::With)) {
            let error = self.unexpected("`of` or a loop variable");
            return Err(self.fail(error));
        }
        let mut vars = vec![self.name("a loop variable")?];
        while self.accept(TokenKind::Comma).is_some() {
            vars.push(self.name("a loop variable")?);
        }
        self.expect(TokenKind::Keyword(Keyword::In))?;
        let (iterable, iterable_height) = self.iterable()?;
        let (body, end) = self.body()?;
        let height = height.max(iterable_height).max(body.height);
        let kind = ExprKind::ForIn { quantifier, vars, iterable, body: Box::new(body.expr) };
        self.node(kind, start.to(end), height)
    }

    fn for_quantifier(&mut self) -> Parsed<(Quantifier<'s>, u32)> {
        if let Some(quantifier) = self.quantifier_keyword() {
            return Ok((quantifier, 0));
        }
        let first = self.nested(Self::unary)?;
        if self.at_percent_of_loop() {
            let height = first.height;
            return Ok((self.count_or_percent(first), height));
        }
        let count = self.binary_from(first, ARITHMETIC)?;
        let height = count.height;
        Ok((self.count_or_percent(count), height))
    }

    /// Whether `% of`, `% x in` or `% x, y in` stands here, where `%` doesn't mean a remainder.
    fn at_percent_of_loop(&self) -> bool {
        if !self.at(TokenKind::Percent) {
            return false;
        }
        let mut ahead = self.lexer;
        match ahead.next().kind {
            TokenKind::Keyword(Keyword::Of) => true,
            TokenKind::Ident => {
                matches!(ahead.next().kind, TokenKind::Comma | TokenKind::Keyword(Keyword::In))
            }
            _ => false,
        }
    }

    /// A range, a list, or an array or map.
    fn iterable(&mut self) -> Parsed<(Iterable<'s>, u32)> {
        let Some(open) = self.accept(TokenKind::LeftParen) else {
            let node = self.nested(Self::arithmetic)?;
            return Ok((Iterable::Expr(Box::new(node.expr)), node.height));
        };
        let first = self.nested(Self::arithmetic)?;
        if self.accept(TokenKind::DotDot).is_some() {
            let (range, height) = self.range_end(open, first)?;
            return Ok((Iterable::Range(Box::new(range)), height));
        }
        let mut items = vec![first.expr];
        let mut height = first.height;
        if self.accept(TokenKind::Comma).is_some() {
            let (rest, rest_height) = self.list(Self::arithmetic)?;
            items.extend(rest);
            height = height.max(rest_height);
        }
        match self.accept(TokenKind::RightParen) {
            Some(_) => Ok((Iterable::List(items), height)),
            None => Err(self.unclosed_iterable(open, items.len())),
        }
    }

    fn unclosed_iterable(&mut self, open: Span, items: usize) -> Abort {
        self.after_expression(if items == 1 { "`..`, `,` or `)`" } else { "`,` or `)`" }, Some(open))
    }

    /// `: ( … )`; the expression and the span of the closing parenthesis.
    fn body(&mut self) -> Parsed<(Node<'s>, Span)> {
        if self.accept(TokenKind::Colon).is_none() {
            return Err(self.after_expression("`:`", None));
        }
        let open = self.expect(TokenKind::LeftParen)?;
        let body = self.nested(Self::boolean)?;
        let close = self.close(TokenKind::RightParen, open)?;
        Ok((body, close))
    }

    /// Whether `with` begins an expression and isn't a name.
    pub(super) fn at_with(&self) -> bool {
        let mut ahead = self.lexer;
        matches!(ahead.next().kind, TokenKind::Ident | TokenKind::Keyword(Keyword::With))
            && ahead.next().kind == TokenKind::Assign
    }

    /// `with a = x, b = y : ( … )`
    pub(super) fn with(&mut self) -> Parsed<Node<'s>> {
        let start = self.bump().span;
        let mut bindings = Vec::new();
        let mut height = 0;
        loop {
            let name: Ident<'s> = self.name("a variable")?;
            self.expect(TokenKind::Assign)?;
            let value = self.nested(Self::arithmetic)?;
            height = height.max(value.height);
            bindings.push((name, value.expr));
            if self.accept(TokenKind::Comma).is_none() {
                break;
            }
        }
        let (body, end) = self.body()?;
        let height = height.max(body.height);
        self.node(ExprKind::With { bindings, body: Box::new(body.expr) }, start.to(end), height)
    }
}
