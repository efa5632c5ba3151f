//! One rule: its name, tags, metadata and patterns; the state that checking its condition needs.

use std::collections::BTreeMap;

use super::names::Declarations;
use super::patterns::check_pattern;
use crate::ast;
use crate::codes;
use crate::diagnostic::{Diagnostic, Edit, Severity, SourceId, Span};
use crate::ir::{self, DeclId, RuleIr, Type, Value};
use crate::limits::{FREE_SET_MEMBERS, MAX_EXCESS_MEMBERS, MAX_PATTERNS, MAX_SET_MEMBERS};

/// Proof that a diagnostic was reported.
#[derive(Debug)]
pub(super) struct Refused;

/// The result of checking an expression.
pub(super) type Checked = Result<ir::Expr, Refused>;

/// Checks one rule, whose sets may name no more than its patterns when the rules before have `exhausted` what there is
/// for larger ones. `None` when it has errors; what was found is appended to `diagnostics` either way.
pub fn check_rule<'a>(
    declarations: &Declarations<'a>,
    id: DeclId,
    relaxed: bool,
    exhausted: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<RuleIr<'a>> {
    let declaration = declarations.get(id);
    let mut checker = Checker::new(declarations, id, declaration.rule, relaxed, exhausted);
    let rule = checker.rule();
    let refused = rule.is_none() || checker.findings.iter().any(|f| f.severity == Severity::Error);
    diagnostics.append(&mut checker.findings);
    rule.filter(|_| !refused)
}

/// A variable in scope.
pub(super) struct Variable<'a> {
    pub name: &'a str,
    pub local: u16,
    pub ty: Type,
    pub used: bool,
}

pub(super) struct Checker<'c, 'a> {
    pub declarations: &'c Declarations<'a>,
    pub id: DeclId,
    pub rule: &'a ast::Rule<'a>,
    pub relaxed: bool,
    pub findings: Vec<Diagnostic>,
    pub pattern_ids: BTreeMap<&'a str, u32>,
    pub used: Vec<bool>,
    pub references: Vec<DeclId>,
    /// Where each rule is in that list.
    pub places: BTreeMap<DeclId, u32>,
    /// Members of all sets so far, and whether rules before have used up what there is for all.
    pub set_members: usize,
    pub exhausted: bool,
    pub regexes: Vec<&'a ast::Regex<'a>>,
    pub scope: Vec<Variable<'a>>,
    /// The locals of the `for … of` loops around the expression, outermost first.
    pub current: Vec<u16>,
    pub loops: u16,
    pub live_locals: u16,
    pub locals: u16,
    /// How often the expression is evaluated by the loops around it, as far as that is known.
    pub iterations: u64,
    /// Patterns that the condition names, each with a place where it does.
    pub named: BTreeMap<&'a str, Span>,
    /// Members of sets that stand for all patterns whose name begins like theirs.
    pub wildcards: Vec<ast::SetItem<'a>>,
}

impl<'c, 'a> Checker<'c, 'a> {
    fn new(
        declarations: &'c Declarations<'a>,
        id: DeclId,
        rule: &'a ast::Rule<'a>,
        relaxed: bool,
        exhausted: bool,
    ) -> Self {
        Checker {
            declarations,
            id,
            rule,
            relaxed,
            findings: Vec::new(),
            pattern_ids: BTreeMap::new(),
            used: vec![false; rule.patterns.len()],
            references: Vec::new(),
            places: BTreeMap::new(),
            set_members: 0,
            exhausted,
            regexes: Vec::new(),
            scope: Vec::new(),
            current: Vec::new(),
            loops: 0,
            live_locals: 0,
            locals: 0,
            iterations: 1,
            named: BTreeMap::new(),
            wildcards: Vec::new(),
        }
    }

    pub fn source(&self) -> SourceId {
        self.declarations.get(self.id).source
    }

    pub fn error(
        &self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(code, self.source(), span, message, label)
    }

    pub fn warning(
        &self,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::warning(code, self.source(), span, message, label)
    }

    pub fn refuse(&mut self, finding: Diagnostic) -> Refused {
        self.findings.push(finding);
        Refused
    }

    fn rule(&mut self) -> Option<RuleIr<'a>> {
        let rule = self.rule;
        self.lint_name();
        self.tags();
        self.names_of_patterns();
        self.lint_patterns();
        let mut patterns = Vec::with_capacity(rule.patterns.len());
        for pattern in &rule.patterns {
            match check_pattern(pattern, self.source(), self.relaxed) {
                Ok(spec) => patterns.push(ir::PatternIr {
                    id: pattern.id.name.to_owned(),
                    span: pattern.body_span,
                    private: pattern.modifiers.iter().any(|m| m.kind == ast::ModifierKind::Private),
                    spec,
                }),
                Err(found) => self.findings.extend(found),
            }
        }
        let condition = self.condition(&rule.condition);
        self.unused_patterns();
        self.lint_sets();
        let condition = condition.ok()?;
        let declaration = self.declarations.get(self.id);
        Some(RuleIr {
            decl: self.id,
            source: declaration.source,
            name_span: rule.name.span,
            namespace: declaration.namespace.to_owned(),
            name: rule.name.name.to_owned(),
            global: rule.global.is_some(),
            private: rule.private.is_some(),
            tags: rule.tags.iter().map(|t| t.name.to_owned()).collect(),
            meta: rule.meta.iter().map(|m| (m.name.name.to_owned(), meta_value(&m.value))).collect(),
            patterns,
            references: std::mem::take(&mut self.references),
            regexes: std::mem::take(&mut self.regexes),
            condition,
            locals: self.locals,
            excess: self.excess(),
        })
    }

    /// The condition as a whole: any value that can be true or false.
    fn condition(&mut self, condition: &'a ast::Expr<'a>) -> Checked {
        let expr = self.expr(condition)?;
        self.lint_constant(&expr, condition.span);
        self.truth_value(expr, condition.span)
    }

    fn tags(&mut self) {
        let rule = self.rule;
        let mut seen = BTreeMap::new();
        for tag in &rule.tags {
            if let Some(&first) = seen.get(tag.name) {
                self.findings.push(
                    self.error(
                        codes::DUPLICATE_TAG,
                        tag.span,
                        format!("tag `{}` is given twice", tag.name),
                        "again here",
                    )
                    .with_label(first, "first given here")
                    .with_fix("remove one of them", vec![Edit::remove(tag.span)]),
                );
            } else {
                seen.insert(tag.name, tag.span);
            }
        }
    }

    fn names_of_patterns(&mut self) {
        let rule = self.rule;
        if rule.patterns.len() > MAX_PATTERNS {
            self.findings.push(
                self.error(
                    codes::TOO_MANY_PATTERNS,
                    rule.name.span,
                    format!("rule `{}` has {} patterns", rule.name.name, rule.patterns.len()),
                    format!("a rule may have {MAX_PATTERNS}"),
                )
                .with_help("split the rule"),
            );
        }
        for (index, pattern) in rule.patterns.iter().enumerate() {
            let id = pattern.id;
            if id.name == "$" {
                continue;
            }
            if let Some(&first) = self.pattern_ids.get(id.name) {
                let mut finding = self.error(
                    codes::DUPLICATE_PATTERN,
                    id.span,
                    format!("pattern `{}` is defined twice", id.name),
                    "defined again here",
                );
                if let Some(first) = rule.patterns.get(first as usize) {
                    finding = finding.with_label(first.id.span, "first defined here");
                }
                self.findings.push(finding.with_help("give one of them another name"));
                continue;
            }
            self.pattern_ids.insert(id.name, index as u32);
        }
    }

    fn unused_patterns(&mut self) {
        let rule = self.rule;
        for (pattern, used) in rule.patterns.iter().zip(&self.used) {
            if !used && !pattern.id.name.starts_with("$_") {
                let finding = self.error(
                    codes::UNUSED_PATTERN,
                    pattern.id.span,
                    format!("pattern `{}` is not used", pattern.id.name),
                    "the condition does not mention it",
                );
                let help = "use it in the condition, remove it, or let its name begin with `$_`";
                self.findings.push(match pattern.id.name {
                    "$" => finding.with_help(help),
                    _ => finding.with_suggestion(help, vec![Edit::insert(pattern.id.span.start + 1, "_")]),
                });
            }
        }
    }

    pub fn new_local(&mut self, count: u16, span: Span) -> Result<u16, Refused> {
        let first = self.live_locals;
        let end = first + count;
        if end > hallmark_image::limits::MAX_LOCALS {
            return Err(self.refuse(
                self.error(
                    codes::TOO_DEEP,
                    span,
                    "too many variables in this condition",
                    "one too many here",
                )
                .with_help("split the rule"),
            ));
        }
        self.live_locals = end;
        self.locals = self.locals.max(end);
        Ok(first)
    }

    /// Counts the members of a set.
    pub fn count_members(&mut self, count: usize, span: Span) -> Result<(), Refused> {
        self.set_members = self.set_members.saturating_add(count);
        let spent = self.exhausted && self.excess() > 0;
        if self.set_members <= MAX_SET_MEMBERS && !spent {
            return Ok(());
        }
        // What the rest of the condition uses is not known.
        self.used.fill(true);
        let label = if spent {
            format!("the sets of all rules together may have {MAX_EXCESS_MEMBERS}")
        } else {
            format!("the sets of one rule may have {MAX_SET_MEMBERS}")
        };
        Err(self.refuse(
            self.error(codes::SETS_TOO_LARGE, span, "the sets of this rule have too many members", label)
                .with_help("name a large set once, in a private rule, and refer to that"),
        ))
    }

    /// Members of sets beyond what rules usually have.
    fn excess(&self) -> usize {
        self.set_members.saturating_sub(FREE_SET_MEMBERS * (self.rule.patterns.len() + 1))
    }

    /// The place of a referenced rule in the rule's list of references.
    pub fn reference(&mut self, rule: DeclId) -> u32 {
        *self.places.entry(rule).or_insert_with(|| {
            self.references.push(rule);
            self.references.len() as u32 - 1
        })
    }

    /// The place of a regular expression among those of the condition.
    pub fn regex(&mut self, regex: &'a ast::Regex<'a>) -> u32 {
        self.regexes.push(regex);
        self.regexes.len() as u32 - 1
    }
}

fn meta_value(value: &ast::MetaValue<'_>) -> Value {
    match value {
        ast::MetaValue::Int(n) => Value::Int(*n),
        ast::MetaValue::Float(x) => Value::Float(*x),
        ast::MetaValue::Bool(b) => Value::Bool(*b),
        ast::MetaValue::Str(s) => Value::Str(s.to_vec()),
    }
}
