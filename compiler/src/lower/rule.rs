//! A whole rule: its patterns and the regular expressions of its condition.

use super::{LowerError, PatternSpec, lower, lower_regex};
use crate::diagnostic::Diagnostic;
use crate::ir::{LoweredRule, RuleIr};

/// Lowers a checked rule that can match files of these classes (as bits).
///
/// # Errors
/// A diagnostic for each pattern and regular expression that can't be lowered.
pub fn lower_rule(ir: RuleIr<'_>, classes: u8, relaxed: bool) -> Result<LoweredRule<'_>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut keep = |error: LowerError| {
        let mut diagnostic =
            Diagnostic::error(error.code(), ir.source, error.span(), error.to_string(), error.label());
        if let Some((span, text)) = error.secondary() {
            diagnostic = diagnostic.with_label(span, text);
        }
        diagnostic.help = error.help();
        found.push(diagnostic);
    };
    let mut patterns = Vec::with_capacity(ir.patterns.len());
    for pattern in &ir.patterns {
        match lower(&PatternSpec { classes, ..pattern.spec }) {
            Ok(lowered) => patterns.push(lowered),
            Err(error) => keep(error),
        }
    }
    let mut programs = Vec::with_capacity(ir.regexes.len());
    for regex in &ir.regexes {
        match lower_regex(regex, relaxed) {
            Ok(program) => programs.push(program),
            Err(error) => keep(error),
        }
    }
    if found.is_empty() { Ok(LoweredRule { ir, patterns, programs }) } else { Err(found) }
}
