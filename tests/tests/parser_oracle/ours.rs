//! Our trees as S-expressions.

use hallmark_compiler::ast as ours;

use super::{anchored, float, join, quoted, set_item};

/// Writes our trees.
pub(super) struct Ours;

impl Ours {
    pub(super) fn item(&self, item: &ours::Item<'_>) -> (String, String) {
        match item {
            ours::Item::Import(name) => ("import".to_owned(), quoted(&name.value)),
            ours::Item::Include(name) => ("include".to_owned(), quoted(&name.value)),
            ours::Item::Rule(rule) => (format!("rule {}", rule.name.name), self.rule(rule)),
        }
    }

    fn rule(&self, rule: &ours::Rule<'_>) -> String {
        format!(
            "(rule private={} global={} (tags{}) (meta{}) (patterns{}) {})",
            rule.private.is_some(),
            rule.global.is_some(),
            join(rule.tags.iter().map(|tag| tag.name.to_owned())),
            join(rule.meta.iter().map(|meta| format!("({} {})", meta.name.name, self.meta(&meta.value)))),
            join(rule.patterns.iter().map(|pattern| self.pattern(pattern))),
            self.expr(&rule.condition)
        )
    }

    fn meta(&self, value: &ours::MetaValue<'_>) -> String {
        match value {
            ours::MetaValue::Int(value) => value.to_string(),
            ours::MetaValue::Float(value) => float(*value),
            ours::MetaValue::Bool(value) => value.to_string(),
            ours::MetaValue::Str(value) => quoted(value),
        }
    }

    fn pattern(&self, pattern: &ours::Pattern<'_>) -> String {
        let body = match &pattern.body {
            ours::PatternBody::Text(text) => quoted(&text.value),
            ours::PatternBody::Hex(tokens) => format!("{{{}}}", self.hex(tokens)),
            ours::PatternBody::Regex(regex) => self.regex(regex),
        };
        format!(
            "({} {body}{})",
            pattern.id.name,
            join(pattern.modifiers.iter().map(|one| self.modifier(one)))
        )
    }

    fn modifier(&self, modifier: &ours::Modifier<'_>) -> String {
        let alphabet = |alphabet: &Option<ours::Literal<'_>>| match alphabet {
            Some(alphabet) => format!("({})", quoted(&alphabet.value)),
            None => String::new(),
        };
        match &modifier.kind {
            ours::ModifierKind::Ascii => "ascii".to_owned(),
            ours::ModifierKind::Wide => "wide".to_owned(),
            ours::ModifierKind::Nocase => "nocase".to_owned(),
            ours::ModifierKind::Fullword => "fullword".to_owned(),
            ours::ModifierKind::Private => "private".to_owned(),
            ours::ModifierKind::Xor { min, max } => format!("xor({min}-{max})"),
            ours::ModifierKind::Base64(one) => format!("base64{}", alphabet(one)),
            ours::ModifierKind::Base64Wide(one) => format!("base64wide{}", alphabet(one)),
        }
    }

    fn hex(&self, tokens: &[ours::HexToken]) -> String {
        join(tokens.iter().map(|token| match token {
            ours::HexToken::Byte { value, mask, negated, .. } => {
                format!("{}{value:02x}/{mask:02x}", if *negated { "~" } else { "" })
            }
            ours::HexToken::Jump { min, max, .. } => format!("[{min}-{max:?}]"),
            ours::HexToken::Alternatives { options, .. } => {
                format!("({})", options.iter().map(|option| self.hex(option)).collect::<Vec<_>>().join("|"))
            }
        }))
    }

    fn regex(&self, regex: &ours::Regex<'_>) -> String {
        format!(
            "(regex {} {} {})",
            quoted(regex.source.as_bytes()),
            regex.case_insensitive,
            regex.dot_matches_new_line
        )
    }

    fn exprs(&self, exprs: &[ours::Expr<'_>]) -> String {
        join(exprs.iter().map(|expr| self.expr(expr)))
    }

    fn expr(&self, expr: &ours::Expr<'_>) -> String {
        match &expr.kind {
            ours::ExprKind::Bool(value) => value.to_string(),
            ours::ExprKind::Int(value) => value.to_string(),
            ours::ExprKind::Float(value) => float(*value),
            ours::ExprKind::Str(value) => quoted(value),
            ours::ExprKind::Regex(regex) => self.regex(regex),
            ours::ExprKind::Filesize => "filesize".to_owned(),
            ours::ExprKind::Entrypoint => "entrypoint".to_owned(),
            ours::ExprKind::Match { id, anchor } => {
                anchored(format!("match {}", id.name), anchor.as_deref().map(|anchor| self.anchor(anchor)))
            }
            ours::ExprKind::Count { id, range } => {
                anchored(format!("count {}", id.name), range.as_deref().map(|range| self.range(range)))
            }
            ours::ExprKind::Offset { id, index } => {
                anchored(format!("offset {}", id.name), index.as_deref().map(|index| self.expr(index)))
            }
            ours::ExprKind::Length { id, index } => {
                anchored(format!("length {}", id.name), index.as_deref().map(|index| self.expr(index)))
            }
            ours::ExprKind::Ident(name) => name.name.to_owned(),
            ours::ExprKind::Field(of, name) => format!("(field {} {})", self.expr(of), name.name),
            ours::ExprKind::Index(of, index) => format!("(index {} {})", self.expr(of), self.expr(index)),
            ours::ExprKind::Call(function, arguments) => {
                format!("(call {}{})", self.expr(function), self.exprs(arguments))
            }
            ours::ExprKind::Unary(op, operand) => format!("({op:?} {})", self.expr(operand)),
            ours::ExprKind::And(operands) => format!("(and{})", self.exprs(operands)),
            ours::ExprKind::Or(operands) => format!("(or{})", self.exprs(operands)),
            ours::ExprKind::Binary(op, left, right) => {
                format!("({op:?} {} {})", self.expr(left), self.expr(right))
            }
            ours::ExprKind::Of { quantifier, set, anchor } => anchored(
                format!("of {} {}", self.quantifier(quantifier), self.set(set)),
                anchor.as_deref().map(|anchor| self.anchor(anchor)),
            ),
            ours::ExprKind::ForOf { quantifier, set, body } => {
                format!("(for {} of {} {})", self.quantifier(quantifier), self.set(set), self.expr(body))
            }
            ours::ExprKind::ForIn { quantifier, vars, iterable, body } => {
                let iterable = match iterable {
                    ours::Iterable::Range(range) => self.range(range),
                    ours::Iterable::List(items) => format!("(list{})", self.exprs(items)),
                    ours::Iterable::Expr(expr) => self.expr(expr),
                };
                let vars = join(vars.iter().map(|var| var.name.to_owned()));
                format!("(for {}{vars} in {iterable} {})", self.quantifier(quantifier), self.expr(body))
            }
            ours::ExprKind::With { bindings, body } => {
                let bindings = join(
                    bindings.iter().map(|(name, value)| format!("({} {})", name.name, self.expr(value))),
                );
                format!("(with{bindings} {})", self.expr(body))
            }
        }
    }

    fn anchor(&self, anchor: &ours::Anchor<'_>) -> String {
        match anchor {
            ours::Anchor::At(expr) => format!("at {}", self.expr(expr)),
            ours::Anchor::In(range) => format!("in {}", self.range(range)),
        }
    }

    fn range(&self, range: &ours::Range<'_>) -> String {
        format!("({}..{})", self.expr(&range.low), self.expr(&range.high))
    }

    fn quantifier(&self, quantifier: &ours::Quantifier<'_>) -> String {
        match quantifier {
            ours::Quantifier::All => "all".to_owned(),
            ours::Quantifier::Any => "any".to_owned(),
            ours::Quantifier::None => "none".to_owned(),
            ours::Quantifier::Count(expr) => self.expr(expr),
            ours::Quantifier::Percent(expr) => format!("{}%", self.expr(expr)),
        }
    }

    fn set(&self, set: &ours::OfSet<'_>) -> String {
        let names =
            |items: &[ours::SetItem<'_>]| join(items.iter().map(|item| set_item(item.name, item.wildcard)));
        match set {
            ours::OfSet::Them(_) => "them".to_owned(),
            ours::OfSet::Patterns(items) => format!("(set{})", names(items)),
            ours::OfSet::Rules(items) => format!("(exprs{})", names(items)),
            ours::OfSet::Exprs(exprs) => format!("(exprs{})", self.exprs(exprs)),
        }
    }
}
