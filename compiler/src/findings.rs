//! What follows from all diagnostics together: which rules are rejected, and what of it is shown.
//!
//! Input: diagnostics in the order of sources and places. Output: a rejection for each rule with errors; the diagnostics,
//! at most a hundred errors and a hundred warnings of each source.

use std::collections::{BTreeMap, BTreeSet};

use crate::ast::{Ast, Item};
use crate::codes;
use crate::diagnostic::{Diagnostic, Severity, Span};
use crate::limits::{MAX_ERRORS_PER_FILE, MAX_WARNINGS_PER_FILE};
use crate::output::Rejected;

/// One entry for each rule with errors, and one for each error outside of rules.
pub fn rejections(asts: &[Ast<'_>], diagnostics: &[Diagnostic]) -> Vec<Rejected> {
    let mut rejected: Vec<Rejected> = Vec::new();
    let mut rules_of = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for diagnostic in diagnostics.iter().filter(|d| d.severity == Severity::Error) {
        let rules = rules_of
            .entry(diagnostic.source)
            .or_insert_with(|| asts.get(diagnostic.source.0 as usize).map(rules).unwrap_or_default());
        let at = diagnostic.primary.span.start;
        let above = rules.partition_point(|(span, _)| span.start <= at);
        let rule = above.checked_sub(1).and_then(|last| rules.get(last)).filter(|(span, _)| at <= span.end);
        if let Some((span, _)) = rule
            && !seen.insert((diagnostic.source, span.start))
        {
            continue;
        }
        rejected.push(Rejected {
            source: diagnostic.source,
            rule: rule.and_then(|(_, name)| *name).map(str::to_owned),
            code: diagnostic.code,
            message: diagnostic.message.clone(),
            span: diagnostic.primary.span,
        });
    }
    rejected
}

/// Spans and, if known, names of the rules of a source, those with syntax errors included, from top to bottom.
fn rules<'s>(ast: &Ast<'s>) -> Vec<(Span, Option<&'s str>)> {
    let whole = ast.items.iter().filter_map(|item| match item {
        Item::Rule(rule) => Some((rule.span, Some(rule.name.name))),
        _ => None,
    });
    let broken = ast.broken.iter().map(|rule| (rule.span, rule.name.map(|n| n.name)));
    let mut rules: Vec<_> = whole.chain(broken).collect();
    rules.sort_by_key(|(span, _)| *span);
    rules
}

/// Leaves out errors and warnings of a source beyond a hundred of each, and says so.
pub fn limit(diagnostics: &mut Vec<Diagnostic>) {
    let mut counts = BTreeMap::new();
    diagnostics.retain_mut(|diagnostic| {
        let (most, code, what) = match diagnostic.severity {
            Severity::Error => (MAX_ERRORS_PER_FILE, codes::TOO_MANY_ERRORS, "errors"),
            Severity::Warning => (MAX_WARNINGS_PER_FILE, codes::MORE_WARNINGS, "warnings"),
        };
        let count: &mut usize = counts.entry((diagnostic.source, diagnostic.severity)).or_default();
        *count += 1;
        // The parser may have said the same here.
        if *count == most + 1 && diagnostic.code != code {
            let (source, span) = (diagnostic.source, diagnostic.primary.span);
            let message = format!("too many {what}; further ones are not shown");
            *diagnostic = match diagnostic.severity {
                Severity::Error => Diagnostic::error(code, source, span, message, ""),
                Severity::Warning => Diagnostic::warning(code, source, span, message, ""),
            };
        }
        *count <= most + 1
    });
}
