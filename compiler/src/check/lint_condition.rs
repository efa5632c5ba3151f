//! Warnings about conditions: what can come out only one way, what costs much, and what probably means something else.

use hallmark_image::insn::Op;
use hallmark_image::schema::MODULES;

use super::bounds::{bounds, decided};
use super::rule::{Checker, Variable};
use crate::ast::{self, ExprKind};
use crate::codes;
use crate::diagnostic::{Edit, Span};
use crate::ir::{Anchor, Expr, Items, Kind, Quantifier, Value};
use crate::limits::MAX_QUIET_ITERATIONS;

/// Functions that give lower-case hex digits: module, name, and how many.
const HEX_DIGESTS: [(&str, &str, usize); 6] = [
    ("dex", "signature", 40),
    ("elf", "import_md5", 32),
    ("hash", "md5", 32),
    ("hash", "sha1", 40),
    ("hash", "sha256", 64),
    ("pe", "imphash", 32),
];

/// A checked operand and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Side<'e> {
    pub(super) expr: &'e Expr,
    pub(super) span: Span,
}

impl<'a> Checker<'_, 'a> {
    /// A constant where a condition is expected.
    pub(super) fn lint_constant(&mut self, expr: &Expr, span: Span) {
        let Kind::Const(value) = &expr.kind else { return };
        let holds = match value {
            Value::Bool(holds) => *holds,
            Value::Int(n) => *n != 0,
            Value::Float(x) => *x != 0.0,
            Value::Str(text) => !text.is_empty(),
        };
        self.findings.push(self.warning(
            codes::INVARIANT,
            span,
            format!("this is always {holds}"),
            "does not depend on the file",
        ));
    }

    /// A comparison of integers that can come out only one way, or of a digest with what no digest is.
    pub(super) fn lint_comparison(&mut self, op: Op, left: Side<'_>, right: Side<'_>, span: Span) {
        if let (Some(a), Some(b)) = (bounds(left.expr), bounds(right.expr))
            && let Some(holds) = decided(op, a, b)
        {
            let (code, message) = match holds {
                true => (codes::INVARIANT, "this is always true"),
                false => (codes::UNSATISFIABLE, "this is never true"),
            };
            let finding = self.warning(code, span, message, "");
            self.findings
                .push(finding.with_label(left.span, a.describe()).with_label(right.span, b.describe()));
        }
        for (text, digest) in [(left, right), (right, left)] {
            if let (Op::Eq | Op::IEquals, Kind::Const(Value::Str(value))) = (op, &text.expr.kind) {
                self.lint_digest(op, value, text.span, digest, span);
            }
        }
    }

    fn lint_digest(&mut self, op: Op, value: &[u8], at: Span, digest: Side<'_>, span: Span) {
        let Kind::Call(module, function, _) = digest.expr.kind else { return };
        let Some(module) = MODULES.get(usize::from(module)) else { return };
        let Some(function) = module.functions.get(usize::from(function)) else { return };
        let known = HEX_DIGESTS.iter().find(|(m, f, _)| (*m, *f) == (module.name, function.name));
        let Some((_, _, digits)) = known else { return };
        let finding = self.warning(codes::UNSATISFIABLE, span, "this is never true", "");
        if value.len() != *digits {
            self.findings.push(
                finding
                    .with_label(digest.span, format!("this has {digits} characters"))
                    .with_label(at, format!("this has {}", value.len()))
                    .with_help("is this the digest of another function?"),
            );
        } else if op == Op::Eq && value.iter().any(u8::is_ascii_uppercase) {
            let finding =
                finding.with_label(digest.span, "this is in lower case").with_label(at, "this is not");
            self.findings.push(match std::str::from_utf8(value) {
                Ok(text) if value.iter().all(u8::is_ascii_alphanumeric) => finding.with_suggestion(
                    "write the digest in lower case",
                    vec![Edit::replace(at, format!("\"{}\"", text.to_ascii_lowercase()))],
                ),
                _ => finding.with_help("write the digest in lower case"),
            });
        }
    }

    /// `x == 1` where `x` is a boolean.
    pub(super) fn lint_boolean(&mut self, left: Side<'_>, right: Side<'_>, span: Span) {
        let finding = self.warning(
            codes::BOOLEAN_AS_INTEGER,
            span,
            "a boolean is compared with an integer",
            "true is 1 and false is 0",
        );
        self.findings.push(match (left.expr.as_int(), right.expr.as_int()) {
            (_, Some(1)) => {
                let rest = Span { start: left.span.end, end: right.span.end };
                finding.with_fix("leave the comparison out", vec![Edit::remove(rest)])
            }
            (Some(1), _) => {
                let rest = Span { start: left.span.start, end: right.span.start };
                finding.with_fix("leave the comparison out", vec![Edit::remove(rest)])
            }
            (Some(0), _) | (_, Some(0)) => finding.with_help("write `not` before the boolean"),
            _ => finding.with_help("compare with `true` or `false`, or use the boolean as it is"),
        });
    }

    /// `0 of …`, which some read as "any number, even none".
    pub(super) fn lint_zero(&mut self, quantifier: &ast::Quantifier<'a>, span: Span) {
        let ast::Quantifier::Count(count) = quantifier else { return };
        if count.kind != ExprKind::Int(0) {
            return;
        }
        let finding = self.warning(
            codes::ZERO_OF_SET,
            span,
            "`0 of` means that none may match",
            "can be read as if any number would do",
        );
        self.findings.push(finding.with_fix("write `none`", vec![Edit::replace(count.span, "none")]));
    }

    /// Several patterns at one offset.
    pub(super) fn lint_same_place(
        &mut self,
        quantifier: &Quantifier,
        members: usize,
        anchor: &Anchor,
        span: Span,
    ) {
        let several = match quantifier {
            Quantifier::All => members > 1,
            Quantifier::Count(count) => count.as_int().is_some_and(|n| n > 1 && n <= members as i64),
            Quantifier::Percent(part) => {
                part.as_int().is_some_and(|part| members as i128 * i128::from(part) > 100)
            }
            Quantifier::Any | Quantifier::None => false,
        };
        if several && matches!(anchor, Anchor::At(_)) {
            let finding = self.warning(
                codes::UNSATISFIABLE,
                span,
                "several patterns at the same offset",
                "true only if one begins with another",
            );
            self.findings.push(finding.with_help("write `any of`, or give each pattern its own offset"));
        }
    }

    /// A range whose end depends on the file.
    pub(super) fn lint_range(&mut self, range: &ast::Range<'a>, low: &Expr, high: &Expr) {
        if low.as_int().is_some() && grows(high) {
            let finding = self.warning(
                codes::SLOW_LOOP,
                range.span,
                "this loop may be slow",
                "large files make it run millions of times",
            );
            self.findings.push(finding.with_help(
                "bound the end: `math.min(filesize, 4096)`, or a constant; or look for what the loop looks for with a pattern",
            ));
        }
    }

    /// A loop that runs so many times, within others. Gives how often its body runs.
    pub(super) fn lint_iterations(&mut self, times: Option<u64>, span: Span) -> u64 {
        let before = self.iterations;
        let after = before.saturating_mul(times.unwrap_or(1).max(1));
        if after > MAX_QUIET_ITERATIONS && before <= MAX_QUIET_ITERATIONS {
            let finding = self.warning(
                codes::MANY_ITERATIONS,
                span,
                "this loop runs very often",
                format!("{after} times for each file"),
            );
            self.findings.push(finding.with_help("let the ranges be smaller, or decide more with patterns"));
        }
        after
    }

    /// Variables that nothing used.
    pub(super) fn lint_unused(&mut self, variables: &[Variable<'a>], spans: impl Iterator<Item = Span>) {
        let quiet = |name: &str| name.starts_with('_');
        for (variable, span) in variables.iter().zip(spans) {
            if !variable.used && !quiet(variable.name) {
                let finding = self.warning(
                    codes::UNUSED_VARIABLE,
                    span,
                    format!("`{}` is not used", variable.name),
                    "nothing below mentions it",
                );
                self.findings.push(finding.with_help("use it, remove it, or let its name begin with `_`"));
            }
        }
    }

    /// Patterns that a set has only because their name begins like those it is meant for. `$*` is meant for all.
    pub(super) fn lint_sets(&mut self) {
        let mut wildcards = std::mem::take(&mut self.wildcards);
        wildcards.sort_by(|a, b| a.name.cmp(b.name));
        wildcards.dedup_by(|a, b| a.name == b.name);
        let next = wildcards.iter().skip(1).map(Some).chain([None]);
        for (item, next) in wildcards.iter().zip(next).filter(|(item, _)| item.name.len() > 1) {
            let members = || {
                let named = self.pattern_ids.range(item.name..);
                named.map(|(name, _)| *name).take_while(|name| name.starts_with(item.name))
            };
            let numbered = |name: &str| {
                let rest = name.get(item.name.len()..).unwrap_or_default();
                !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
            };
            // `$s*` beside `$st*` has all that the other one has.
            let longer = next.filter(|next| next.name.starts_with(item.name));
            if let Some(other) = longer {
                let finding = self
                    .warning(
                        codes::UNINTENDED_MEMBER,
                        item.span,
                        format!("`{}*` also means all of `{}*`", item.name, other.name),
                        "the wider set",
                    )
                    .with_label(other.span, "the narrower one");
                self.findings.push(finding.with_help("if that is not meant, give the patterns other names"));
                continue;
            }
            if !members().any(numbered) {
                continue;
            }
            let mut odd = members().filter(|name| !numbered(name) && name.len() > item.name.len());
            let found = odd.find_map(|name| Some((name, *self.named.get(name)?)));
            if let Some((name, span)) = found {
                let finding = self
                    .warning(
                        codes::UNINTENDED_MEMBER,
                        item.span,
                        format!("`{}*` also means `{name}`", item.name),
                        "a set of numbered patterns, by its name",
                    )
                    .with_label(span, "used by itself here");
                self.findings.push(finding.with_help("if that is not meant, give the pattern another name"));
            }
        }
    }

    /// A rule with the name of something else that conditions can name.
    pub(super) fn lint_name(&mut self) {
        let name = self.rule.name;
        let what = match name.name {
            name if self.declarations.imported(self.id, name) => "a module",
            name if self.declarations.external(name).is_some() => "an external variable",
            _ => return,
        };
        let finding = self.warning(
            codes::HIDDEN_NAME,
            name.span,
            format!("rule `{}` has the name of {what}", name.name),
            "the rules below can't use it any more",
        );
        self.findings.push(finding.with_help("give the rule another name"));
    }
}

/// How many items a loop has, if that does not depend on the file.
pub(super) fn count_items(items: &Items) -> Option<u64> {
    match items {
        Items::Range(low, high) => {
            let count = high.as_int()?.checked_sub(low.as_int()?)?.checked_add(1)?;
            u64::try_from(count).ok()
        }
        Items::List(list) => Some(list.len() as u64),
        Items::Patterns(patterns) => Some(patterns.len() as u64),
        Items::Elements(_) => None,
    }
}

/// Whether an expression grows with the file; the smaller of two values doesn't count as that.
fn grows(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Filesize | Kind::Count(..) => true,
        Kind::Call(module, function, _) => {
            let module = MODULES.get(usize::from(*module));
            let function = module.and_then(|m| m.functions.get(usize::from(*function)));
            let smaller =
                module.is_some_and(|m| m.name == "math") && function.is_some_and(|f| f.name == "min");
            !smaller && any_child_grows(expr)
        }
        Kind::Binary(Op::BitAnd | Op::Mod, ..) => false,
        _ => any_child_grows(expr),
    }
}

fn any_child_grows(expr: &Expr) -> bool {
    let mut found = false;
    expr.for_each_child(&mut |child| found = found || grows(child));
    found
}
