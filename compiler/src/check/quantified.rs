//! Quantifiers: `of`, `for … of`, `for … in`, and `with`.

use hallmark_image::limits::MAX_LOOPS;

use super::lint_condition::count_items;
use super::rule::{Checked, Checker, Refused, Variable};
use crate::ast::{self, ExprKind, Iterable, OfSet, SetItem};
use crate::codes;
use crate::diagnostic::Span;
use crate::ir::{Expr, Items, Kind, Loop, Quantifier, Type};

impl<'c, 'a> Checker<'c, 'a> {
    fn quantifier(&mut self, quantifier: &'a ast::Quantifier<'a>) -> Result<Quantifier, Refused> {
        Ok(match quantifier {
            ast::Quantifier::All => Quantifier::All,
            ast::Quantifier::Any => Quantifier::Any,
            ast::Quantifier::None => Quantifier::None,
            ast::Quantifier::Count(count) => Quantifier::Count(Box::new(self.not_negative(count, i64::MAX)?)),
            ast::Quantifier::Percent(percent) => {
                Quantifier::Percent(Box::new(self.not_negative(percent, 100)?))
            }
        })
    }

    fn not_negative(&mut self, expr: &'a ast::Expr<'a>, most: i64) -> Checked {
        let checked = self.int(expr)?;
        match checked.as_int() {
            Some(n) if n < 0 => Err(self.refuse(self.error(
                codes::NEGATIVE_NUMBER,
                expr.span,
                "a negative number of items",
                format!("this is {n}"),
            ))),
            Some(n) if n > most => Err(self.refuse(self.error(
                codes::NUMBER_RANGE,
                expr.span,
                "a percentage above 100",
                format!("this is {n}%"),
            ))),
            _ => Ok(checked),
        }
    }

    pub(super) fn of(
        &mut self,
        quantifier: &'a ast::Quantifier<'a>,
        set: &'a OfSet<'a>,
        anchor: Option<&'a ast::Anchor<'a>>,
        span: Span,
    ) -> Checked {
        self.lint_zero(quantifier, span);
        let quantifier = self.quantifier(quantifier);
        let kind = match set {
            OfSet::Them(_) | OfSet::Patterns(_) => {
                let patterns = self.pattern_set(set, span)?;
                let anchor = self.anchor(anchor)?;
                let quantifier = quantifier?;
                self.warn_count(&quantifier, patterns.len() as u64, span);
                self.lint_same_place(&quantifier, patterns.len(), &anchor, span);
                Kind::OfPatterns(quantifier, patterns, anchor)
            }
            OfSet::Rules(items) => {
                self.no_anchor(anchor, span)?;
                match self.rule_set(items)? {
                    Some(rules) => {
                        let quantifier = quantifier?;
                        self.warn_count(&quantifier, rules.len() as u64, span);
                        Kind::OfRules(quantifier, rules)
                    }
                    None => {
                        let exprs: Vec<Checked> = items
                            .iter()
                            .map(|item| {
                                let expr = self.name(&ast::Ident { name: item.name, span: item.span })?;
                                self.truth_value(expr, item.span)
                            })
                            .collect();
                        let exprs = exprs.into_iter().collect::<Result<_, _>>()?;
                        return self.of_exprs(quantifier?, exprs, span);
                    }
                }
            }
            OfSet::Exprs(exprs) => {
                self.no_anchor(anchor, span)?;
                let checked = self.exprs(exprs)?;
                let checked: Result<Vec<_>, _> =
                    checked.into_iter().zip(exprs).map(|(e, ast)| self.truth_value(e, ast.span)).collect();
                return self.of_exprs(quantifier?, checked?, span);
            }
        };
        Ok(Expr { kind, ty: Type::Bool })
    }

    fn no_anchor(&mut self, anchor: Option<&'a ast::Anchor<'a>>, span: Span) -> Result<(), Refused> {
        if anchor.is_none() {
            return Ok(());
        }
        Err(self.refuse(
            self.error(codes::WRONG_TYPE, span, "`at` and `in` need patterns", "this set has none")
                .with_help("only patterns match at offsets"),
        ))
    }

    /// `N of (a, b)` over booleans is a loop over their values.
    fn of_exprs(&mut self, quantifier: Quantifier, exprs: Vec<Expr>, span: Span) -> Checked {
        let (live, local, depth) = self.enter_loop(span)?;
        self.leave_loop(live);
        let body = Expr { kind: Kind::Local(local), ty: Type::Bool };
        let items = Items::List(exprs);
        Ok(Expr { kind: Kind::For(Box::new(Loop { quantifier, local, depth, items, body })), ty: Type::Bool })
    }

    fn warn_count(&mut self, quantifier: &Quantifier, available: u64, span: Span) {
        if let Quantifier::Count(count) = quantifier
            && count.as_int().is_some_and(|n| u64::try_from(n).is_ok_and(|n| n > available))
        {
            self.findings.push(self.warning(
                codes::INVARIANT,
                span,
                "this is always false",
                format!("the set has only {available}"),
            ));
        }
    }

    fn pattern_set(&mut self, set: &'a OfSet<'a>, span: Span) -> Result<Vec<u32>, Refused> {
        let rule = self.rule;
        // A rule that has had too many members is not read further.
        self.count_members(0, span)?;
        let mut indices = Vec::new();
        match set {
            OfSet::Them(_) => {
                self.count_members(rule.patterns.len(), span)?;
                indices.extend(0..rule.patterns.len() as u32);
            }
            OfSet::Patterns(items) => {
                for item in items {
                    if item.wildcard {
                        self.wildcards.push(*item);
                    } else {
                        self.named.entry(item.name).or_insert(item.span);
                    }
                    let before = indices.len();
                    match item.name {
                        // Anonymous patterns have no name to be found by.
                        "$" if item.wildcard => indices.extend(0..rule.patterns.len() as u32),
                        prefix if item.wildcard => {
                            let named = self.pattern_ids.range(prefix..);
                            let named = named.take_while(|(name, _)| name.starts_with(prefix));
                            indices.extend(named.map(|(_, &index)| index));
                        }
                        name => indices.extend(self.pattern_ids.get(name)),
                    }
                    self.count_members(indices.len() - before, item.span)?;
                    if indices.len() == before {
                        let star = if item.wildcard { "*" } else { "" };
                        return Err(self.refuse(self.error(
                            codes::UNKNOWN_PATTERN,
                            item.span,
                            format!("no pattern is called `{}{star}`", item.name),
                            "matches nothing under `strings`",
                        )));
                    }
                }
            }
            OfSet::Rules(_) | OfSet::Exprs(_) => {
                return Err(self.refuse(self.error(
                    codes::WRONG_TYPE,
                    span,
                    "patterns are needed here",
                    "not patterns",
                )));
            }
        }
        if indices.is_empty() {
            return Err(self.refuse(
                self.error(codes::UNKNOWN_PATTERN, span, "this rule has no patterns", "a set of none")
                    .with_help("add a `strings` section"),
            ));
        }
        // A pattern named twice counts once.
        indices.sort_unstable();
        indices.dedup();
        for &index in &indices {
            self.used[index as usize] = true;
        }
        Ok(indices)
    }

    /// Places of the rules a set names; `None` when it names something that is not a rule.
    fn rule_set(&mut self, items: &[SetItem<'a>]) -> Result<Option<Vec<u32>>, Refused> {
        let mut rules = Vec::new();
        for item in items {
            if !item.wildcard {
                match self.declarations.find(self.id, item.name) {
                    Some(id) => {
                        self.count_members(1, item.span)?;
                        rules.push(id);
                    }
                    None => return Ok(None),
                }
                continue;
            }
            let named = self.declarations.with_prefix(self.id, item.name);
            self.count_members(named.len(), item.span)?;
            if named.is_empty() {
                return Err(self.refuse(self.error(
                    codes::UNKNOWN_NAME,
                    item.span,
                    format!("no rule is called `{}*`", item.name),
                    "matches no rule known here",
                )));
            }
            if let Some(below) = self.declarations.defined_below(self.id, item.name) {
                let message =
                    format!("`{}*` would also mean rule `{below}`, which is defined below", item.name);
                let finding =
                    self.error(codes::UNKNOWN_NAME, item.span, message, "only rules above are known here");
                return Err(
                    self.refuse(finding.with_help("move this rule below all rules that the set means"))
                );
            }
            rules.extend(named);
        }
        // Unlike a pattern, a rule named twice counts twice, as in YARA-X.
        Ok(Some(rules.into_iter().map(|id| self.reference(id)).collect()))
    }

    /// Opens a loop: how many locals were live before, the loop's first local, its depth.
    fn enter_loop(&mut self, span: Span) -> Result<(u16, u16, u16), Refused> {
        if self.loops >= MAX_LOOPS {
            return Err(self.refuse(self.error(
                codes::TOO_DEEP,
                span,
                "loops nest too deep",
                format!("more than {MAX_LOOPS} levels"),
            )));
        }
        let live = self.live_locals;
        // Two, since the items of a map are a key and a value.
        let local = self.new_local(2, span)?;
        self.loops += 1;
        Ok((live, local, self.loops - 1))
    }

    fn leave_loop(&mut self, live: u16) {
        self.live_locals = live;
        self.loops -= 1;
    }

    pub(super) fn for_of(
        &mut self,
        quantifier: &'a ast::Quantifier<'a>,
        set: &'a OfSet<'a>,
        body: &'a ast::Expr<'a>,
        span: Span,
    ) -> Checked {
        let quantifier = self.quantifier(quantifier);
        let items = self.pattern_set(set, span);
        let (live, local, depth) = self.enter_loop(span)?;
        self.current.push(local);
        let outer = self.iterations;
        self.iterations = self.lint_iterations(items.as_ref().ok().map(|items| items.len() as u64), span);
        let checked = self.expr(body).and_then(|e| self.truth_value(e, body.span));
        self.iterations = outer;
        self.current.pop();
        self.leave_loop(live);
        let (quantifier, items, body) = (quantifier?, Items::Patterns(items?), checked?);
        if let Some(available) = count_items(&items) {
            self.warn_count(&quantifier, available, span);
        }
        Ok(Expr { kind: Kind::For(Box::new(Loop { quantifier, local, depth, items, body })), ty: Type::Bool })
    }

    pub(super) fn for_in(
        &mut self,
        quantifier: &'a ast::Quantifier<'a>,
        vars: &'a [ast::Ident<'a>],
        iterable: &'a Iterable<'a>,
        body: &'a ast::Expr<'a>,
        span: Span,
    ) -> Checked {
        let quantifier = self.quantifier(quantifier);
        // The loop is opened first: the items may hold loops themselves, which must not share its variables.
        let (live, local, depth) = self.enter_loop(span)?;
        let items = self.items(iterable);
        let (items, types) = match items {
            Ok(found) => found,
            Err(refused) => {
                self.leave_loop(live);
                return Err(refused);
            }
        };
        let mark = self.scope.len();
        let fits = vars.len() == types.len();
        for (i, (var, ty)) in vars.iter().zip(types.iter().copied()).enumerate() {
            self.scope.push(Variable { name: var.name, local: local + i as u16, ty, used: false });
        }
        let outer = self.iterations;
        self.iterations = self.lint_iterations(count_items(&items), span);
        let checked = if fits {
            self.expr(body).and_then(|e| self.truth_value(e, body.span))
        } else {
            Err(self.refuse(self.error(
                codes::WRONG_ARGUMENTS,
                span,
                "wrong number of loop variables",
                format!("{} needed, {} given", types.len(), vars.len()),
            )))
        };
        self.iterations = outer;
        let variables = self.scope.split_off(mark);
        self.leave_loop(live);
        let (quantifier, body) = (quantifier?, checked?);
        if let Some(available) = count_items(&items) {
            self.warn_count(&quantifier, available, span);
        }
        // Of the key and the value of a map one is often enough.
        if !variables.iter().any(|variable| variable.used) {
            self.lint_unused(&variables, vars.iter().map(|var| var.span));
        }
        Ok(Expr { kind: Kind::For(Box::new(Loop { quantifier, local, depth, items, body })), ty: Type::Bool })
    }

    /// What a loop runs over, and the types of its variables.
    fn items(&mut self, iterable: &'a Iterable<'a>) -> Result<(Items, Vec<Type>), Refused> {
        match iterable {
            Iterable::Range(range) => {
                let (low, high) = self.loop_range(range)?;
                self.lint_range(range, &low, &high);
                Ok((Items::Range(low, high), vec![Type::Int]))
            }
            Iterable::List(list) => {
                let checked = self.exprs(list)?;
                let first = checked.first().map_or(Type::Int, |e| e.ty);
                for (expr, ast) in checked.iter().zip(list) {
                    if expr.ty != first {
                        return Err(self.refuse(self.error(
                            codes::MISMATCHED_TYPES,
                            ast.span,
                            "the items of a list have different types",
                            format!("this is {}", super::expr::type_name(&expr.ty)),
                        )));
                    }
                }
                Ok((Items::List(checked), vec![first]))
            }
            Iterable::Expr(expr) => {
                let checked = self.expr(expr)?;
                match checked.ty {
                    Type::Array(element) => Ok((Items::Elements(checked), vec![*element])),
                    Type::Map(element) => Ok((Items::Elements(checked), vec![Type::Str, *element])),
                    other => Err(self.wrong_type(&other, "an array, map, range or list", expr.span)),
                }
            }
        }
    }

    /// Unlike a range of offsets, one that a loop runs over may begin below zero.
    fn loop_range(&mut self, range: &'a ast::Range<'a>) -> Result<(Expr, Expr), Refused> {
        let negative = |e: &ast::Expr<'_>| matches!(e.kind, ExprKind::Unary(ast::UnaryOp::Neg, _));
        if !negative(&range.low) && !negative(&range.high) {
            return self.range(range);
        }
        let (low, high) = (self.int(&range.low)?, self.int(&range.high)?);
        Ok((low, high))
    }

    pub(super) fn with(
        &mut self,
        bindings: &'a [(ast::Ident<'a>, ast::Expr<'a>)],
        body: &'a ast::Expr<'a>,
    ) -> Checked {
        let (mark, live) = (self.scope.len(), self.live_locals);
        let mut values = Vec::with_capacity(bindings.len());
        for (name, value) in bindings {
            let checked = self.expr(value);
            let local = self.new_local(1, name.span)?;
            let checked = checked?;
            self.scope.push(Variable { name: name.name, local, ty: checked.ty, used: false });
            values.push((local, checked));
        }
        let checked = self.expr(body);
        let variables = self.scope.split_off(mark);
        self.live_locals = live;
        let checked = checked?;
        self.lint_unused(&variables, bindings.iter().map(|(name, _)| name.span));
        let ty = checked.ty;
        Ok(Expr { kind: Kind::With(values, Box::new(checked)), ty })
    }
}
