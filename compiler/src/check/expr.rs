//! Expressions: names, operators, pattern matches, counts, offsets.

use hallmark_image::insn::Op;

use super::fold;
use super::lint_condition::Side;
use super::rule::{Checked, Checker, Refused};
use crate::ast::{self, BinaryOp, ExprKind, UnaryOp};
use crate::codes;
use crate::diagnostic::{Edit, Span};
use crate::ir::{Anchor, Expr, Kind, PatternRef, Type, Value};
use crate::suggest::{around, nearest};

impl<'c, 'a> Checker<'c, 'a> {
    pub(super) fn expr(&mut self, expr: &'a ast::Expr<'a>) -> Checked {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Bool(b) => Ok(Expr::constant(Value::Bool(*b))),
            ExprKind::Int(n) => Ok(Expr::constant(Value::Int(*n))),
            ExprKind::Float(x) => Ok(Expr::constant(Value::Float(*x))),
            ExprKind::Str(s) => Ok(Expr::constant(Value::Str(s.to_vec()))),
            ExprKind::Regex(regex) => {
                let regex = self.regex(regex);
                Ok(Expr { kind: Kind::RegexArg(regex), ty: Type::Regex })
            }
            ExprKind::Filesize => Ok(Expr { kind: Kind::Filesize, ty: Type::Int }),
            ExprKind::Entrypoint => {
                self.findings.push(
                    self.warning(codes::DEPRECATED, span, "`entrypoint` is deprecated", "written here")
                        .with_suggestion("use `pe.entry_point`", vec![Edit::replace(span, "pe.entry_point")]),
                );
                Ok(Expr { kind: Kind::Entrypoint, ty: Type::Int })
            }
            ExprKind::Match { id, anchor } => {
                let pattern = self.pattern(id)?;
                let anchor = self.anchor(anchor.as_deref())?;
                Ok(Expr { kind: Kind::Match(pattern, anchor), ty: Type::Bool })
            }
            ExprKind::Count { id, range } => {
                let pattern = self.pattern(id)?;
                let range = range.as_deref().map(|r| self.range(r)).transpose()?.map(Box::new);
                Ok(Expr { kind: Kind::Count(pattern, range), ty: Type::Int })
            }
            ExprKind::Offset { id, index } => {
                let (pattern, index) = self.indexed(id, index.as_deref())?;
                Ok(Expr { kind: Kind::Offset(pattern, index), ty: Type::Int })
            }
            ExprKind::Length { id, index } => {
                let (pattern, index) = self.indexed(id, index.as_deref())?;
                Ok(Expr { kind: Kind::Length(pattern, index), ty: Type::Int })
            }
            ExprKind::Ident(name) => self.name(name),
            ExprKind::Field(..) => self.field(expr),
            ExprKind::Index(base, index) => self.index(base, index, span),
            ExprKind::Call(callee, args) => self.call(callee, args, span),
            ExprKind::Unary(op, operand) => self.unary(*op, operand, span),
            ExprKind::And(operands) => {
                Ok(Expr { kind: Kind::And(self.truth_values(operands)?), ty: Type::Bool })
            }
            ExprKind::Or(operands) => {
                Ok(Expr { kind: Kind::Or(self.truth_values(operands)?), ty: Type::Bool })
            }
            ExprKind::Binary(op, left, right) => self.binary(*op, left, right, span),
            ExprKind::Of { quantifier, set, anchor } => self.of(quantifier, set, anchor.as_deref(), span),
            ExprKind::ForOf { quantifier, set, body } => self.for_of(quantifier, set, body, span),
            ExprKind::ForIn { quantifier, vars, iterable, body } => {
                self.for_in(quantifier, vars, iterable, body, span)
            }
            ExprKind::With { bindings, body } => self.with(bindings, body),
        }
    }

    /// Checks all of them before giving up on any.
    pub(super) fn exprs(&mut self, exprs: &'a [ast::Expr<'a>]) -> Result<Vec<Expr>, Refused> {
        let checked: Vec<Checked> = exprs.iter().map(|e| self.expr(e)).collect();
        checked.into_iter().collect()
    }

    fn truth_values(&mut self, operands: &'a [ast::Expr<'a>]) -> Result<Vec<Expr>, Refused> {
        let checked: Vec<Checked> = operands
            .iter()
            .map(|operand| {
                let expr = self.expr(operand)?;
                self.lint_constant(&expr, operand.span);
                self.truth_value(expr, operand.span)
            })
            .collect();
        checked.into_iter().collect()
    }

    /// An expression of a type that can be true or false; anything but a boolean is warned about.
    pub(super) fn truth_value(&mut self, expr: Expr, span: Span) -> Checked {
        match expr.ty {
            Type::Bool => {}
            Type::Int | Type::Float | Type::Str => self.findings.push(
                self.warning(
                    codes::NOT_BOOLEAN,
                    span,
                    "this is not a boolean",
                    format!("{} used as a boolean", type_name(&expr.ty)),
                )
                .with_help("zero and the empty string are false, everything else is true; say what you mean with `!=`"),
            ),
            _ => return Err(self.wrong_type(&expr.ty, "a boolean", span)),
        }
        Ok(expr)
    }

    pub(super) fn wrong_type(&mut self, found: &Type, wanted: &str, span: Span) -> Refused {
        let found = type_name(found);
        self.refuse(self.error(
            codes::WRONG_TYPE,
            span,
            "wrong type",
            format!("{wanted} is needed here, this is {found}"),
        ))
    }

    pub(super) fn int(&mut self, expr: &'a ast::Expr<'a>) -> Checked {
        let checked = self.expr(expr)?;
        if checked.ty != Type::Int {
            return Err(self.wrong_type(&checked.ty, "an integer", expr.span));
        }
        Ok(checked)
    }

    /// The pattern an identifier means; `$` is that of the loop around it.
    pub(super) fn pattern(&mut self, id: &ast::Ident<'a>) -> Result<PatternRef, Refused> {
        if id.name == "$" {
            return match self.current.last() {
                Some(&local) => Ok(PatternRef::Local(local)),
                None => Err(self.refuse(
                    self.error(
                        codes::UNKNOWN_PATTERN,
                        id.span,
                        "`$` outside of a `for … of` loop",
                        "which pattern?",
                    )
                    .with_help("name the pattern, or write `for any of them : ( … )` around this"),
                )),
            };
        }
        let Some(&index) = self.pattern_ids.get(id.name) else {
            let meant = format!("${}", id.name.get(1..).unwrap_or_default());
            let near = nearest(&meant, around(&meant, &self.pattern_ids));
            let mut finding = self.error(
                codes::UNKNOWN_PATTERN,
                id.span,
                format!("this rule has no pattern `{}`", id.name),
                "not defined under `strings`",
            );
            if let Some(near) = near {
                // The first byte, `$` or another, says what is asked about the pattern.
                let name = Span { start: id.span.start + 1, end: id.span.end };
                let edits = vec![Edit::replace(name, near.get(1..).unwrap_or_default())];
                finding = finding.with_suggestion(format!("did you mean `{near}`?"), edits);
            }
            return Err(self.refuse(finding));
        };
        self.used[index as usize] = true;
        if let Some((&name, _)) = self.pattern_ids.get_key_value(id.name) {
            self.named.entry(name).or_insert(id.span);
        }
        Ok(PatternRef::Index(index))
    }

    pub(super) fn anchor(&mut self, anchor: Option<&'a ast::Anchor<'a>>) -> Result<Anchor, Refused> {
        match anchor {
            None => Ok(Anchor::Anywhere),
            Some(ast::Anchor::At(at)) => {
                let offset = self.int(at)?;
                self.warn_undefined(
                    offset.as_int().is_some_and(|n| n < 0),
                    at.span,
                    "no match is at a negative offset",
                );
                Ok(Anchor::At(Box::new(offset)))
            }
            Some(ast::Anchor::In(range)) => Ok(Anchor::In(Box::new(self.range(range)?))),
        }
    }

    pub(super) fn range(&mut self, range: &'a ast::Range<'a>) -> Result<(Expr, Expr), Refused> {
        let (low, high) = (self.int(&range.low), self.int(&range.high));
        let (low, high) = (low?, high?);
        for (bound, ast) in [(&low, &range.low), (&high, &range.high)] {
            if bound.as_int().is_some_and(|n| n < 0) {
                return Err(self.refuse(self.error(
                    codes::NEGATIVE_NUMBER,
                    ast.span,
                    "a range with a negative bound",
                    "offsets are not negative",
                )));
            }
        }
        if let (Some(a), Some(b)) = (low.as_int(), high.as_int())
            && a > b
        {
            return Err(self.refuse(
                self.error(
                    codes::INVALID_RANGE,
                    range.span,
                    "this range is empty",
                    format!("{a} is greater than {b}"),
                )
                .with_suggestion(
                    format!("did you mean `({b}..{a})`?"),
                    vec![Edit::replace(range.span, format!("({b}..{a})"))],
                ),
            ));
        }
        Ok((low, high))
    }

    fn indexed(
        &mut self,
        id: &ast::Ident<'a>,
        index: Option<&'a ast::Expr<'a>>,
    ) -> Result<(PatternRef, Box<Expr>), Refused> {
        let pattern = self.pattern(id);
        let index = match index {
            None => Expr::constant(Value::Int(1)),
            Some(index) => {
                let checked = self.int(index)?;
                self.warn_undefined(
                    checked.as_int().is_some_and(|n| n < 1),
                    index.span,
                    "matches are counted from 1",
                );
                checked
            }
        };
        Ok((pattern?, Box::new(index)))
    }

    fn warn_undefined(&mut self, undefined: bool, span: Span, why: &str) {
        if undefined {
            self.findings.push(self.warning(codes::ALWAYS_UNDEFINED, span, "this is always undefined", why));
        }
    }

    fn unary(&mut self, op: UnaryOp, operand: &'a ast::Expr<'a>, _span: Span) -> Checked {
        let checked = self.expr(operand)?;
        let wanted = match (op, &checked.ty) {
            (UnaryOp::Defined, _) => return Ok(fold::unary(Op::Defined, checked, Type::Bool)),
            (UnaryOp::Not, _) => {
                let checked = self.truth_value(checked, operand.span)?;
                return Ok(fold::unary(Op::Not, checked, Type::Bool));
            }
            (UnaryOp::Neg, Type::Int | Type::Float) => {
                let ty = checked.ty;
                return Ok(fold::unary(Op::Neg, checked, ty));
            }
            (UnaryOp::BitNot, Type::Int) => return Ok(fold::unary(Op::BitNot, checked, Type::Int)),
            (UnaryOp::Neg, _) => "a number",
            (UnaryOp::BitNot, _) => "an integer",
        };
        Err(self.wrong_type(&checked.ty, wanted, operand.span))
    }

    fn binary(
        &mut self,
        op: BinaryOp,
        left: &'a ast::Expr<'a>,
        right: &'a ast::Expr<'a>,
        span: Span,
    ) -> Checked {
        if op == BinaryOp::Matches {
            return self.matches(left, right);
        }
        let (a, b) = (self.expr(left), self.expr(right));
        let (a, b) = (a?, b?);
        let (op, accepts) = operator(op);
        for (operand, at) in [(&a, left.span), (&b, right.span)] {
            if !accepts.types.contains(&operand.ty) {
                return Err(self.wrong_type(&operand.ty, accepts.wanted, at));
            }
        }
        let mixed = |x, y| (a.ty, b.ty) == (x, y) || (a.ty, b.ty) == (y, x);
        let compatible =
            a.ty == b.ty || mixed(Type::Int, Type::Float) || (op == Op::Eq && mixed(Type::Int, Type::Bool));
        if !compatible {
            return Err(self.refuse(
                self.error(
                    codes::MISMATCHED_TYPES,
                    right.span,
                    "the two sides have different types",
                    format!("this is {}", type_name(&b.ty)),
                )
                .with_label(left.span, format!("this is {}", type_name(&a.ty))),
            ));
        }
        let sides = [Side { expr: &a, span: left.span }, Side { expr: &b, span: right.span }];
        if mixed(Type::Int, Type::Bool) {
            self.lint_boolean(sides[0], sides[1], span);
        }
        self.lint_comparison(op, sides[0], sides[1], span);
        // Where both sides are constants folding has its own word for a negative shift.
        let why = match (op, a.as_int(), b.as_int()) {
            (Op::Shl | Op::Shr, None, Some(..0)) => "a shift by a negative number",
            (Op::Div | Op::Mod, _, Some(0)) if a.ty == Type::Int => "a division by zero",
            _ => "",
        };
        self.warn_undefined(!why.is_empty(), span, why);
        let ty = match accepts.result {
            Some(ty) => ty,
            None if mixed(Type::Float, Type::Float) || mixed(Type::Int, Type::Float) => Type::Float,
            None => Type::Int,
        };
        fold::binary(op, a, b, ty, (self.source(), span)).map_err(|finding| self.refuse(*finding))
    }

    fn matches(&mut self, left: &'a ast::Expr<'a>, right: &'a ast::Expr<'a>) -> Checked {
        let text = self.expr(left)?;
        if text.ty != Type::Str {
            return Err(self.wrong_type(&text.ty, "a string", left.span));
        }
        let ExprKind::Regex(regex) = &right.kind else {
            let found = self.expr(right)?;
            return Err(self.wrong_type(&found.ty, "a regular expression", right.span));
        };
        let regex = self.regex(regex);
        Ok(Expr { kind: Kind::Matches(Box::new(text), regex), ty: Type::Bool })
    }
}

/// What an operator takes and gives; no result stands for integer, or float when either side is one.
struct Accepts {
    types: &'static [Type],
    wanted: &'static str,
    result: Option<Type>,
}

fn operator(op: BinaryOp) -> (Op, Accepts) {
    const NUMBERS: Accepts = Accepts { types: &[Type::Int, Type::Float], wanted: "a number", result: None };
    const INTEGERS: Accepts = Accepts { types: &[Type::Int], wanted: "an integer", result: Some(Type::Int) };
    const STRINGS: Accepts = Accepts { types: &[Type::Str], wanted: "a string", result: Some(Type::Bool) };
    const ORDERED: Accepts = Accepts {
        types: &[Type::Int, Type::Float, Type::Str],
        wanted: "a number or string",
        result: Some(Type::Bool),
    };
    const EQUAL: Accepts = Accepts {
        types: &[Type::Bool, Type::Int, Type::Float, Type::Str],
        wanted: "a number, string or boolean",
        result: Some(Type::Bool),
    };
    match op {
        BinaryOp::Add => (Op::Add, NUMBERS),
        BinaryOp::Sub => (Op::Sub, NUMBERS),
        BinaryOp::Mul => (Op::Mul, NUMBERS),
        BinaryOp::Div => (Op::Div, NUMBERS),
        BinaryOp::Mod => (Op::Mod, INTEGERS),
        BinaryOp::BitAnd => (Op::BitAnd, INTEGERS),
        BinaryOp::BitOr => (Op::BitOr, INTEGERS),
        BinaryOp::BitXor => (Op::BitXor, INTEGERS),
        BinaryOp::Shl => (Op::Shl, INTEGERS),
        BinaryOp::Shr => (Op::Shr, INTEGERS),
        BinaryOp::Eq => (Op::Eq, EQUAL),
        BinaryOp::Ne => (Op::Ne, ORDERED),
        BinaryOp::Lt => (Op::Lt, ORDERED),
        BinaryOp::Le => (Op::Le, ORDERED),
        BinaryOp::Gt => (Op::Gt, ORDERED),
        BinaryOp::Ge => (Op::Ge, ORDERED),
        BinaryOp::Contains => (Op::Contains, STRINGS),
        BinaryOp::IContains => (Op::IContains, STRINGS),
        BinaryOp::StartsWith => (Op::StartsWith, STRINGS),
        BinaryOp::IStartsWith => (Op::IStartsWith, STRINGS),
        BinaryOp::EndsWith => (Op::EndsWith, STRINGS),
        BinaryOp::IEndsWith => (Op::IEndsWith, STRINGS),
        // `matches` has its own check; its arm only completes the table.
        BinaryOp::IEquals | BinaryOp::Matches => (Op::IEquals, STRINGS),
    }
}

/// A type as messages name it.
pub(super) fn type_name(ty: &Type) -> &'static str {
    match ty {
        Type::Int => "an integer",
        Type::Float => "a float",
        Type::Bool => "a boolean",
        Type::Str => "a string",
        Type::Regex => "a regular expression",
        Type::Struct(_) => "a structure",
        Type::Array(_) => "an array",
        Type::Map(_) => "a map",
    }
}
