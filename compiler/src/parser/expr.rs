//! Expressions: operators by precedence, operands, and what may follow a name.
//!
//! From loose to tight: `or`; `and`; `not` and `defined`; equality and text operators; order; `|`; `^`; `&`; shifts;
//! sums; products; `-` and `~`. All associate to the left. Parentheses hold any expression; whether a truth value may be
//! compared or added is left to the checker.

use super::{Parsed, Parser};
use crate::ast::{Anchor, BinaryOp, Expr, ExprKind, Ident, Range, UnaryOp};
use crate::codes;
use crate::diagnostic::{Edit, Span};
use crate::lexer::{Keyword, TokenKind};
use crate::limits;

/// An expression and the height of its tree.
pub(super) struct Node<'s> {
    pub(super) expr: Expr<'s>,
    pub(super) height: u32,
}

/// Precedence of the loosest operator that gives a number or a text.
pub(super) const ARITHMETIC: u8 = 3;
/// Precedence of the loosest operator with two operands, `and` and `or` apart.
const COMPARISON: u8 = 1;
/// Precedence of products, to which `%` belongs.
const PRODUCT: u8 = 8;

/// The operator of this token, and how tight it binds.
fn binary_operator(kind: TokenKind) -> Option<(BinaryOp, u8)> {
    Some(match kind {
        TokenKind::Eq => (BinaryOp::Eq, COMPARISON),
        TokenKind::Ne => (BinaryOp::Ne, COMPARISON),
        TokenKind::Keyword(Keyword::Contains) => (BinaryOp::Contains, COMPARISON),
        TokenKind::Keyword(Keyword::IContains) => (BinaryOp::IContains, COMPARISON),
        TokenKind::Keyword(Keyword::StartsWith) => (BinaryOp::StartsWith, COMPARISON),
        TokenKind::Keyword(Keyword::IStartsWith) => (BinaryOp::IStartsWith, COMPARISON),
        TokenKind::Keyword(Keyword::EndsWith) => (BinaryOp::EndsWith, COMPARISON),
        TokenKind::Keyword(Keyword::IEndsWith) => (BinaryOp::IEndsWith, COMPARISON),
        TokenKind::Keyword(Keyword::IEquals) => (BinaryOp::IEquals, COMPARISON),
        TokenKind::Keyword(Keyword::Matches) => (BinaryOp::Matches, COMPARISON),
        TokenKind::Lt => (BinaryOp::Lt, 2),
        TokenKind::Le => (BinaryOp::Le, 2),
        TokenKind::Gt => (BinaryOp::Gt, 2),
        TokenKind::Ge => (BinaryOp::Ge, 2),
        TokenKind::Pipe => (BinaryOp::BitOr, ARITHMETIC),
        TokenKind::Caret => (BinaryOp::BitXor, 4),
        TokenKind::Ampersand => (BinaryOp::BitAnd, 5),
        TokenKind::Shl => (BinaryOp::Shl, 6),
        TokenKind::Shr => (BinaryOp::Shr, 6),
        TokenKind::Plus => (BinaryOp::Add, 7),
        TokenKind::Minus => (BinaryOp::Sub, 7),
        TokenKind::Star => (BinaryOp::Mul, PRODUCT),
        TokenKind::Backslash => (BinaryOp::Div, PRODUCT),
        TokenKind::Percent => (BinaryOp::Mod, PRODUCT),
        _ => return None,
    })
}

impl<'s> Parser<'s, '_> {
    /// The condition of a rule.
    pub(super) fn condition(&mut self) -> Parsed<Expr<'s>> {
        Ok(self.boolean()?.expr)
    }

    /// Any expression.
    pub(super) fn boolean(&mut self) -> Parsed<Node<'s>> {
        let first = self.conjunction()?;
        if !self.at_keyword(Keyword::Or) {
            return Ok(first);
        }
        let mut span = first.expr.span;
        let mut height = first.height;
        let mut operands = match first.expr.kind {
            ExprKind::Or(operands) => operands,
            kind => vec![Expr { kind, span }],
        };
        while self.accept_keyword(Keyword::Or).is_some() {
            let next = self.conjunction()?;
            span = span.to(next.expr.span);
            height = height.max(next.height);
            operands.push(next.expr);
        }
        self.node(ExprKind::Or(operands), span, height)
    }

    fn conjunction(&mut self) -> Parsed<Node<'s>> {
        let first = self.term()?;
        if !self.at_keyword(Keyword::And) {
            return Ok(first);
        }
        let mut span = first.expr.span;
        let mut height = first.height;
        let mut operands = match first.expr.kind {
            ExprKind::And(operands) => operands,
            kind => vec![Expr { kind, span }],
        };
        while self.accept_keyword(Keyword::And).is_some() {
            let next = self.term()?;
            span = span.to(next.expr.span);
            height = height.max(next.height);
            operands.push(next.expr);
        }
        self.node(ExprKind::And(operands), span, height)
    }

    /// An operand of `and`.
    fn term(&mut self) -> Parsed<Node<'s>> {
        match self.token.kind {
            TokenKind::Keyword(Keyword::Not) => self.prefixed(UnaryOp::Not, Self::term),
            TokenKind::Keyword(Keyword::Defined) => self.prefixed(UnaryOp::Defined, Self::term),
            TokenKind::Keyword(Keyword::For) => self.for_loop(),
            TokenKind::Keyword(Keyword::With) if self.at_with() => self.with(),
            TokenKind::Keyword(Keyword::All | Keyword::Any | Keyword::None) => self.of_keyword(),
            _ => {
                let left = self.arithmetic()?;
                if self.at_keyword(Keyword::Of) || self.at_percent_of() {
                    return self.of_count(left);
                }
                self.binary_from(left, COMPARISON)
            }
        }
    }

    /// An operand of comparisons: a number, a text, or what the checker will say is neither.
    pub(super) fn arithmetic(&mut self) -> Parsed<Node<'s>> {
        let left = self.unary()?;
        self.binary_from(left, ARITHMETIC)
    }

    /// Operators at least as tight as `least`, with `left` as the first operand.
    pub(super) fn binary_from(&mut self, mut left: Node<'s>, least: u8) -> Parsed<Node<'s>> {
        while let Some((op, tightness)) = binary_operator(self.token.kind) {
            if tightness < least || self.at_percent_of() {
                break;
            }
            let operator = self.bump().span;
            if op == BinaryOp::BitAnd && self.at(TokenKind::Ampersand) {
                return Err(self.foreign(operator.to(self.token.span), "and"));
            }
            if op == BinaryOp::BitOr && self.at(TokenKind::Pipe) {
                return Err(self.foreign(operator.to(self.token.span), "or"));
            }
            let first = self.unary()?;
            // One level for each precedence at most, so that this recursion is not counted.
            let right = self.binary_from(first, tightness + 1)?;
            let span = left.expr.span.to(right.expr.span);
            let height = left.height.max(right.height);
            left =
                self.node(ExprKind::Binary(op, Box::new(left.expr), Box::new(right.expr)), span, height)?;
        }
        Ok(left)
    }

    fn foreign(&mut self, span: Span, word: &str) -> super::Abort {
        let text = self.lexer.text(span);
        let error = self
            .error(codes::FOREIGN_OPERATOR, span, format!("`{text}` is not an operator"), "")
            .with_fix(format!("write `{word}`"), vec![Edit::replace(span, self.in_blanks(span, word))]);
        self.fail(error)
    }

    /// The word with blanks around it where the span has none.
    fn in_blanks(&self, span: Span, word: &str) -> String {
        let source = self.lexer.source();
        let solid = |at: usize| source.get(at).is_some_and(|byte| !byte.is_ascii_whitespace());
        let blank = |solid: bool| if solid { " " } else { "" };
        let before =
            (span.start as usize).checked_sub(1).is_some_and(|at| solid(at) && source.get(at) != Some(&b'('));
        format!("{}{word}{}", blank(before), blank(solid(span.end as usize)))
    }

    /// Whether `% of` stands here.
    pub(super) fn at_percent_of(&self) -> bool {
        if !self.at(TokenKind::Percent) {
            return false;
        }
        let mut ahead = self.lexer;
        ahead.next().kind == TokenKind::Keyword(Keyword::Of)
    }

    /// An operand with the `-` and `~` before it.
    pub(super) fn unary(&mut self) -> Parsed<Node<'s>> {
        match self.token.kind {
            TokenKind::Minus => {
                let mut ahead = self.lexer;
                if ahead.next().kind != TokenKind::Int {
                    return self.prefixed(UnaryOp::Neg, Self::unary);
                }
                let minus = self.bump().span;
                let digits = self.bump().span;
                let value = self.integer(digits, Some(minus));
                self.node(ExprKind::Int(value), minus.to(digits), 0)
            }
            TokenKind::Tilde => self.prefixed(UnaryOp::BitNot, Self::unary),
            _ => self.operand(),
        }
    }

    fn prefixed(&mut self, op: UnaryOp, operand: fn(&mut Self) -> Parsed<Node<'s>>) -> Parsed<Node<'s>> {
        let start = self.bump().span;
        let inner = self.nested(operand)?;
        let span = start.to(inner.expr.span);
        self.node(ExprKind::Unary(op, Box::new(inner.expr)), span, inner.height)
    }

    fn operand(&mut self) -> Parsed<Node<'s>> {
        let span = self.token.span;
        let kind = match self.token.kind {
            TokenKind::LeftParen => return self.parentheses(),
            TokenKind::Ident | TokenKind::Keyword(Keyword::With) => return self.path_expression(),
            TokenKind::PatternId => return self.pattern_match(),
            TokenKind::PatternCount => return self.pattern_count(),
            TokenKind::PatternOffset | TokenKind::PatternLength => return self.pattern_indexed(),
            TokenKind::Int => {
                self.bump();
                ExprKind::Int(self.integer(span, None))
            }
            TokenKind::Float => {
                self.bump();
                ExprKind::Float(self.float(span))
            }
            TokenKind::Text => {
                self.bump();
                ExprKind::Str(self.text(span))
            }
            TokenKind::Regex => {
                self.bump();
                ExprKind::Regex(self.regex_literal(span))
            }
            TokenKind::Keyword(Keyword::True) => self.word(ExprKind::Bool(true)),
            TokenKind::Keyword(Keyword::False) => self.word(ExprKind::Bool(false)),
            TokenKind::Keyword(Keyword::Filesize) => self.word(ExprKind::Filesize),
            TokenKind::Keyword(Keyword::Entrypoint) => self.word(ExprKind::Entrypoint),
            _ => return Err(self.no_operand()),
        };
        self.node(kind, span, 0)
    }

    fn word(&mut self, kind: ExprKind<'s>) -> ExprKind<'s> {
        self.bump();
        kind
    }

    fn no_operand(&mut self) -> super::Abort {
        let error = self.unexpected("an expression");
        let error = match self.token.kind {
            TokenKind::Keyword(keyword @ (Keyword::Not | Keyword::Defined)) => {
                error.with_help(format!("put the part with `{}` in parentheses", keyword.text()))
            }
            TokenKind::Keyword(Keyword::Them) => {
                error.with_help("say how many: `any of them`, `all of them`, `2 of them`")
            }
            TokenKind::LeftBrace => error.with_help("hex patterns belong in the `strings` section"),
            TokenKind::Assign => error.with_help("equality is written `==`"),
            _ => error,
        };
        self.fail(error)
    }

    /// `( … )`
    fn parentheses(&mut self) -> Parsed<Node<'s>> {
        let open = self.bump().span;
        let mut inner = self.nested(Self::boolean)?;
        let close = self.close(TokenKind::RightParen, open)?;
        inner.expr.span = open.to(close);
        self.parenthesised = inner.expr.span;
        Ok(inner)
    }

    /// A name and the fields, indexes and arguments after it.
    fn path_expression(&mut self) -> Parsed<Node<'s>> {
        let name = self.name("a name")?;
        let mut node = self.node(ExprKind::Ident(name), name.span, 0)?;
        loop {
            let start = node.expr.span;
            match self.token.kind {
                TokenKind::Dot => {
                    self.bump();
                    let field = self.name("a field name")?;
                    let span = start.to(field.span);
                    node = self.node(ExprKind::Field(Box::new(node.expr), field), span, node.height)?;
                }
                TokenKind::LeftBracket => {
                    let open = self.bump().span;
                    let index = self.nested(Self::arithmetic)?;
                    let span = start.to(self.close(TokenKind::RightBracket, open)?);
                    let height = node.height.max(index.height);
                    node =
                        self.node(ExprKind::Index(Box::new(node.expr), Box::new(index.expr)), span, height)?;
                }
                TokenKind::LeftParen => {
                    let open = self.bump().span;
                    let (arguments, height) = self.arguments()?;
                    let span = start.to(self.close(TokenKind::RightParen, open)?);
                    let height = node.height.max(height);
                    node = self.node(ExprKind::Call(Box::new(node.expr), arguments), span, height)?;
                }
                _ => return Ok(node),
            }
        }
    }

    fn arguments(&mut self) -> Parsed<(Vec<Expr<'s>>, u32)> {
        if self.at(TokenKind::RightParen) {
            return Ok((Vec::new(), 0));
        }
        self.list(Self::boolean)
    }

    /// One or more expressions with commas between them.
    pub(super) fn list(&mut self, item: fn(&mut Self) -> Parsed<Node<'s>>) -> Parsed<(Vec<Expr<'s>>, u32)> {
        let mut items = Vec::new();
        let mut height = 0;
        loop {
            let node = self.nested(item)?;
            height = height.max(node.height);
            items.push(node.expr);
            if self.accept(TokenKind::Comma).is_none() {
                return Ok((items, height));
            }
        }
    }

    /// Takes a pattern token. Its name is given as `$a` for `#a`, `@a` and `!a` too, if such a pattern is declared.
    fn pattern_ident(&mut self) -> Ident<'s> {
        let span = self.bump().span;
        let written = self.lexer.text(span);
        let bare = written.get(1..).unwrap_or_default();
        if bare.is_empty() {
            return Ident { name: "$", span };
        }
        if written.starts_with('$') {
            return Ident { name: written, span };
        }
        if !self.declared_sorted {
            self.declared.sort_unstable();
            self.declared_sorted = true;
        }
        // Names are borrowed from the source, which has a `$a` only where the pattern is declared.
        let place = self.declared.binary_search_by(|name| name.get(1..).unwrap_or_default().cmp(bare));
        let name = place.ok().and_then(|place| self.declared.get(place)).copied().unwrap_or(written);
        Ident { name, span }
    }

    /// `$a`, `$a at X`, `$a in (X..Y)`
    fn pattern_match(&mut self) -> Parsed<Node<'s>> {
        let id = self.pattern_ident();
        let (anchor, span, height) = self.anchor(id.span)?;
        self.node(ExprKind::Match { id, anchor }, span, height)
    }

    /// `at X` or `in (X..Y)`, if it is there; the span and the height of all from `start` on.
    pub(super) fn anchor(&mut self, start: Span) -> Parsed<(Option<Box<Anchor<'s>>>, Span, u32)> {
        if self.accept_keyword(Keyword::At).is_some() {
            let at = self.nested(Self::arithmetic)?;
            let span = start.to(at.expr.span);
            return Ok((Some(Box::new(Anchor::At(at.expr))), span, at.height));
        }
        if self.accept_keyword(Keyword::In).is_some() {
            let (range, height) = self.range()?;
            let span = start.to(range.span);
            return Ok((Some(Box::new(Anchor::In(range))), span, height));
        }
        Ok((None, start, 0))
    }

    /// `(X..Y)`
    pub(super) fn range(&mut self) -> Parsed<(Range<'s>, u32)> {
        let open = self.expect(TokenKind::LeftParen)?;
        let low = self.nested(Self::arithmetic)?;
        if self.accept(TokenKind::DotDot).is_none() {
            return Err(self.after_expression("`..`", Some(open)));
        }
        self.range_end(open, low)
    }

    /// The rest of a range after `..`.
    pub(super) fn range_end(&mut self, open: Span, low: Node<'s>) -> Parsed<(Range<'s>, u32)> {
        let high = self.nested(Self::arithmetic)?;
        let close = self.close(TokenKind::RightParen, open)?;
        let height = low.height.max(high.height);
        Ok((Range { low: low.expr, high: high.expr, span: open.to(close) }, height))
    }

    /// `#a`, `#a in (X..Y)`
    fn pattern_count(&mut self) -> Parsed<Node<'s>> {
        let id = self.pattern_ident();
        if self.accept_keyword(Keyword::In).is_none() {
            return self.node(ExprKind::Count { id, range: None }, id.span, 0);
        }
        let (range, height) = self.range()?;
        let span = id.span.to(range.span);
        self.node(ExprKind::Count { id, range: Some(Box::new(range)) }, span, height)
    }

    /// `@a`, `@a[i]`, `!a`, `!a[i]`
    fn pattern_indexed(&mut self) -> Parsed<Node<'s>> {
        let length = self.at(TokenKind::PatternLength);
        let id = self.pattern_ident();
        if length && id.name.len() == 1 && self.at(TokenKind::LeftParen) {
            return Err(self.foreign(id.span, "not"));
        }
        let (mut index, mut span, mut height) = (None, id.span, 0);
        if let Some(open) = self.accept(TokenKind::LeftBracket) {
            let node = self.nested(Self::arithmetic)?;
            span = span.to(self.close(TokenKind::RightBracket, open)?);
            height = node.height;
            index = Some(Box::new(node.expr));
        }
        let kind = if length { ExprKind::Length { id, index } } else { ExprKind::Offset { id, index } };
        self.node(kind, span, height)
    }

    /// An expression above others of at most this height.
    pub(super) fn node(&mut self, kind: ExprKind<'s>, span: Span, height: u32) -> Parsed<Node<'s>> {
        if height >= limits::MAX_EXPR_HEIGHT {
            let error = self.too_deep(span, limits::MAX_EXPR_HEIGHT);
            return Err(self.fail(error));
        }
        self.nodes += 1;
        if self.nodes > limits::MAX_EXPR_NODES {
            let label = format!("more than {} operands and operators", limits::MAX_EXPR_NODES);
            let error = self
                .error(codes::CONDITION_TOO_LONG, span, "this condition is too long", label)
                .with_help("name parts of it as private rules of their own");
            return Err(self.fail(error));
        }
        Ok(Node { expr: Expr { kind, span }, height: height + 1 })
    }
}
