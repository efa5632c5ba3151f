//! The peer's trees as S-expressions, written as ours are.

use yara_x_parser::ast as peer;

use super::{anchored, float, join, quoted, set_item};

/// Writes the peer's trees the way [`Ours`] writes ours.
pub(super) struct Peer;

impl Peer {
    pub(super) fn item(&self, item: &peer::Item<'_>) -> (String, String) {
        match item {
            peer::Item::Import(import) => ("import".to_owned(), quoted(import.module_name.as_bytes())),
            peer::Item::Include(include) => ("include".to_owned(), quoted(include.file_name.as_bytes())),
            peer::Item::Rule(rule) => (format!("rule {}", rule.identifier.name), self.rule(rule)),
        }
    }

    fn rule(&self, rule: &peer::Rule<'_>) -> String {
        let tags = rule.tags.iter().flatten().map(|tag| tag.name.to_owned());
        let meta = rule.meta.iter().flatten();
        let patterns = rule.patterns.iter().flatten();
        format!(
            "(rule private={} global={} (tags{}) (meta{}) (patterns{}) {})",
            rule.flags.contains(peer::RuleFlags::Private),
            rule.flags.contains(peer::RuleFlags::Global),
            join(tags),
            join(meta.map(|meta| format!("({} {})", meta.identifier.name, self.meta(&meta.value)))),
            join(patterns.map(|pattern| self.pattern(pattern))),
            self.expr(&rule.condition)
        )
    }

    fn meta(&self, value: &peer::MetaValue<'_>) -> String {
        match value {
            peer::MetaValue::Integer((value, _)) => value.to_string(),
            peer::MetaValue::Float((value, _)) => float(*value),
            peer::MetaValue::Bool((value, _)) => value.to_string(),
            peer::MetaValue::String((value, _)) => quoted(value.as_bytes()),
            peer::MetaValue::Bytes((value, _)) => quoted(value),
        }
    }

    fn pattern(&self, pattern: &peer::Pattern<'_>) -> String {
        let body = match pattern {
            peer::Pattern::Text(text) => quoted(&text.text.value),
            peer::Pattern::Hex(hex) => format!("{{{}}}", self.hex(&hex.sub_patterns)),
            peer::Pattern::Regexp(regex) => self.regex(&regex.regexp),
        };
        let modifiers = join(pattern.modifiers().iter().map(|one| self.modifier(one)));
        format!("({} {body}{modifiers})", pattern.identifier().name)
    }

    fn modifier(&self, modifier: &peer::PatternModifier<'_>) -> String {
        match modifier {
            peer::PatternModifier::Xor { start, end, .. } => format!("xor({start}-{end})"),
            peer::PatternModifier::Base64 { alphabet: Some(alphabet), .. } => {
                format!("base64({})", quoted(&alphabet.value))
            }
            peer::PatternModifier::Base64Wide { alphabet: Some(alphabet), .. } => {
                format!("base64wide({})", quoted(&alphabet.value))
            }
            plain => plain.as_text().to_owned(),
        }
    }

    fn hex(&self, tokens: &peer::HexSubPattern) -> String {
        join(tokens.iter().map(|token| match token {
            peer::HexToken::Byte(byte) => format!("{:02x}/{:02x}", byte.value, byte.mask),
            peer::HexToken::NotByte(byte) => format!("~{:02x}/{:02x}", byte.value, byte.mask),
            peer::HexToken::Jump(jump) => format!("[{}-{:?}]", jump.start.unwrap_or(0), jump.end),
            peer::HexToken::Alternative(group) => {
                format!(
                    "({})",
                    group.alternatives.iter().map(|one| self.hex(one)).collect::<Vec<_>>().join("|")
                )
            }
        }))
    }

    /// The peer leaves `\/` in the text of a regular expression.
    fn regex(&self, regex: &peer::Regexp<'_>) -> String {
        let mut source = String::new();
        let mut letters = regex.src.chars();
        while let Some(letter) = letters.next() {
            match (letter, (letter == '\\').then(|| letters.next()).flatten()) {
                (_, Some('/')) => source.push('/'),
                (_, Some(escaped)) => source.extend(['\\', escaped]),
                (_, None) => source.push(letter),
            }
        }
        format!(
            "(regex {} {} {})",
            quoted(source.as_bytes()),
            regex.case_insensitive,
            regex.dot_matches_new_line
        )
    }

    fn exprs<'e>(&self, exprs: impl IntoIterator<Item = &'e peer::Expr<'e>>) -> String {
        join(exprs.into_iter().map(|expr| self.expr(expr)))
    }

    /// The peer keeps chains of one arithmetic operator flat.
    fn chain(&self, op: &str, chain: &peer::NAryExpr<'_>) -> String {
        let mut operands = chain.operands().map(|operand| self.expr(operand));
        let first = operands.next().unwrap();
        operands.fold(first, |left, right| format!("({op} {left} {right})"))
    }

    fn binary(&self, op: &str, binary: &peer::BinaryExpr<'_>) -> String {
        format!("({op} {} {})", self.expr(&binary.lhs), self.expr(&binary.rhs))
    }

    fn pattern_name(name: &str) -> String {
        format!("${}", name.get(1..).unwrap_or_default())
    }

    fn expr(&self, expr: &peer::Expr<'_>) -> String {
        use peer::Expr;
        match expr {
            Expr::True { .. } => "true".to_owned(),
            Expr::False { .. } => "false".to_owned(),
            Expr::Filesize { .. } => "filesize".to_owned(),
            Expr::Entrypoint { .. } => "entrypoint".to_owned(),
            Expr::LiteralString(text) => quoted(&text.value),
            Expr::LiteralInteger(integer) => integer.value.to_string(),
            Expr::LiteralFloat(value) => float(value.value),
            Expr::Regexp(regex) => self.regex(regex),
            Expr::Ident(name) => name.name.to_owned(),
            Expr::PatternMatch(found) => anchored(
                format!("match {}", found.identifier.name),
                found.anchor.as_ref().map(|anchor| self.anchor(anchor)),
            ),
            Expr::PatternCount(count) => anchored(
                format!("count {}", Self::pattern_name(count.identifier.name)),
                count.range.as_ref().map(|range| self.range(range)),
            ),
            Expr::PatternOffset(offset) => anchored(
                format!("offset {}", Self::pattern_name(offset.identifier.name)),
                offset.index.as_ref().map(|index| self.expr(index)),
            ),
            Expr::PatternLength(length) => anchored(
                format!("length {}", Self::pattern_name(length.identifier.name)),
                length.index.as_ref().map(|index| self.expr(index)),
            ),
            Expr::Lookup(lookup) => {
                format!("(index {} {})", self.expr(&lookup.primary), self.expr(&lookup.index))
            }
            Expr::FieldAccess(path) => self.path(path.operands()),
            Expr::FuncCall(call) => self.call(call, None),
            Expr::Defined(unary) => format!("(Defined {})", self.expr(&unary.operand)),
            Expr::Not(unary) => format!("(Not {})", self.expr(&unary.operand)),
            // Ours folds `-0` as it does every other literal.
            Expr::Minus(unary) => match &unary.operand {
                Expr::LiteralInteger(zero) if zero.value == 0 => "0".to_owned(),
                operand => format!("(Neg {})", self.expr(operand)),
            },
            Expr::BitwiseNot(unary) => format!("(BitNot {})", self.expr(&unary.operand)),
            Expr::And(chain) => format!("(and{})", self.exprs(chain.operands())),
            Expr::Or(chain) => format!("(or{})", self.exprs(chain.operands())),
            Expr::Add(chain) => self.chain("Add", chain),
            Expr::Sub(chain) => self.chain("Sub", chain),
            Expr::Mul(chain) => self.chain("Mul", chain),
            Expr::Div(chain) => self.chain("Div", chain),
            Expr::Mod(chain) => self.chain("Mod", chain),
            Expr::Shl(binary) => self.binary("Shl", binary),
            Expr::Shr(binary) => self.binary("Shr", binary),
            Expr::BitwiseAnd(binary) => self.binary("BitAnd", binary),
            Expr::BitwiseOr(binary) => self.binary("BitOr", binary),
            Expr::BitwiseXor(binary) => self.binary("BitXor", binary),
            Expr::Eq(binary) => self.binary("Eq", binary),
            Expr::Ne(binary) => self.binary("Ne", binary),
            Expr::Lt(binary) => self.binary("Lt", binary),
            Expr::Gt(binary) => self.binary("Gt", binary),
            Expr::Le(binary) => self.binary("Le", binary),
            Expr::Ge(binary) => self.binary("Ge", binary),
            Expr::Contains(binary) => self.binary("Contains", binary),
            Expr::IContains(binary) => self.binary("IContains", binary),
            Expr::StartsWith(binary) => self.binary("StartsWith", binary),
            Expr::IStartsWith(binary) => self.binary("IStartsWith", binary),
            Expr::EndsWith(binary) => self.binary("EndsWith", binary),
            Expr::IEndsWith(binary) => self.binary("IEndsWith", binary),
            Expr::IEquals(binary) => self.binary("IEquals", binary),
            Expr::Matches(binary) => self.binary("Matches", binary),
            Expr::Of(of) => anchored(
                format!(
                    "of {} {}",
                    self.quantifier(&of.quantifier),
                    match &of.items {
                        peer::OfItems::PatternSet(set) => self.set(set),
                        peer::OfItems::BoolExprTuple(exprs) => format!("(exprs{})", self.exprs(exprs)),
                    }
                ),
                of.anchor.as_ref().map(|anchor| self.anchor(anchor)),
            ),
            Expr::ForOf(each) => format!(
                "(for {} of {} {})",
                self.quantifier(&each.quantifier),
                self.set(&each.pattern_set),
                self.expr(&each.body)
            ),
            Expr::ForIn(each) => {
                let iterable = match &each.iterable {
                    peer::Iterable::Range(range) => self.range(range),
                    peer::Iterable::ExprTuple(items) => format!("(list{})", self.exprs(items)),
                    peer::Iterable::Expr(expr) => self.expr(expr),
                };
                let vars = join(each.variables.iter().map(|var| var.name.to_owned()));
                format!(
                    "(for {}{vars} in {iterable} {})",
                    self.quantifier(&each.quantifier),
                    self.expr(&each.body)
                )
            }
            Expr::With(with) => {
                let bindings = join(
                    with.declarations
                        .iter()
                        .map(|one| format!("({} {})", one.identifier.name, self.expr(&one.expression))),
                );
                format!("(with{bindings} {})", self.expr(&with.body))
            }
        }
    }

    /// The peer's paths are lists whose calls and lookups hold the steps before them; ours are nested to the left.
    fn path<'e>(&self, steps: impl Iterator<Item = &'e peer::Expr<'e>>) -> String {
        let mut path: Option<String> = None;
        for step in steps {
            path = Some(match path {
                None => self.expr(step),
                Some(before) => self.step(before, step),
            });
        }
        path.unwrap_or_default()
    }

    /// One step of a path, after those before it.
    fn step(&self, before: String, step: &peer::Expr<'_>) -> String {
        match step {
            peer::Expr::Ident(name) => format!("(field {before} {})", name.name),
            peer::Expr::Lookup(lookup) => {
                format!("(index {} {})", self.step(before, &lookup.primary), self.expr(&lookup.index))
            }
            peer::Expr::FuncCall(call) => self.call(call, Some(before)),
            peer::Expr::FieldAccess(path) => {
                path.operands().fold(before, |before, step| self.step(before, step))
            }
            other => panic!("unexpected step of a path: {other:?}"),
        }
    }

    fn call(&self, call: &peer::FuncCall<'_>, before: Option<String>) -> String {
        let object = match (&call.object, before) {
            (Some(object), Some(before)) => Some(self.step(before, object)),
            (Some(object), None) => Some(self.expr(object)),
            (None, before) => before,
        };
        let function = match object {
            Some(object) => format!("(field {object} {})", call.identifier.name),
            None => call.identifier.name.to_owned(),
        };
        format!("(call {function}{})", self.exprs(&call.args))
    }

    fn anchor(&self, anchor: &peer::MatchAnchor<'_>) -> String {
        match anchor {
            peer::MatchAnchor::At(at) => format!("at {}", self.expr(&at.expr)),
            peer::MatchAnchor::In(within) => format!("in {}", self.range(&within.range)),
        }
    }

    fn range(&self, range: &peer::Range<'_>) -> String {
        format!("({}..{})", self.expr(&range.lower_bound), self.expr(&range.upper_bound))
    }

    fn quantifier(&self, quantifier: &peer::Quantifier<'_>) -> String {
        match quantifier {
            peer::Quantifier::All { .. } => "all".to_owned(),
            peer::Quantifier::Any { .. } => "any".to_owned(),
            peer::Quantifier::None { .. } => "none".to_owned(),
            peer::Quantifier::Expr(expr) => self.expr(expr),
            peer::Quantifier::Percentage(expr) => format!("{}%", self.expr(expr)),
        }
    }

    fn set(&self, set: &peer::PatternSet<'_>) -> String {
        match set {
            peer::PatternSet::Them { .. } => "them".to_owned(),
            peer::PatternSet::Set(items) => {
                format!("(set{})", join(items.iter().map(|item| set_item(item.identifier, item.wildcard))))
            }
        }
    }
}
