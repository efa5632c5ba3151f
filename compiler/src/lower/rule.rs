//! All rules: their patterns and the regular expressions of their conditions, within one budget for all of them.
//!
//! What a few bytes of a rule can become is limited, and so is what all rules become together: programs beyond
//! [`FREE_PROGRAM_BYTES`] each count, in the order of the rules, and from the rule on with which there are more than
//! [`MAX_PROGRAM_BYTES`] those that may need programs are refused. Rules are lowered side by side; which are
//! refused does not depend on who is first.

use std::sync::atomic::{AtomicUsize, Ordering};

use hallmark_image::limits::MAX_PROGRAM_STATES;
use rayon::prelude::*;

use super::{Body, LowerError, Lowered, LoweredVariant, PatternSpec, lower, lower_regex};
use crate::ast::{PatternBody, Regex};
use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::ir::{LoweredRule, PatternIr, RuleIr};
use crate::limits::{FREE_PROGRAM_BYTES, MAX_PROGRAM_BYTES};

/// Bytes that a state of a large program takes, about.
const BYTES_OF_STATE: usize = 4;

/// A lowered rule, or a diagnostic for each of its patterns and regular expressions that can't be lowered.
pub type LoweredOrNot<'a> = Result<LoweredRule<'a>, Vec<Diagnostic>>;

/// Lowers checked rules, in their order; `classes` answers the files that a rule can match (as bits).
pub fn lower_rules<'a>(
    rules: Vec<RuleIr<'a>>,
    classes: impl Fn(&RuleIr<'a>) -> u8 + Sync,
    relaxed: bool,
) -> Vec<LoweredOrNot<'a>> {
    // Twice the budget: rules far down may be the first to use it.
    let ahead = Budget { spent: AtomicUsize::new(0), limit: 2 * MAX_PROGRAM_BYTES };
    let lowered: Vec<_> = rules
        .into_par_iter()
        .map(|ir| {
            let parts = parts(&ir, classes(&ir), relaxed, &ahead);
            (ir, parts)
        })
        .collect();
    let mut spent = 0;
    lowered
        .into_iter()
        .map(|(ir, found)| {
            if spent > MAX_PROGRAM_BYTES && may_be_large(&ir) {
                return Err(vec![too_many_programs(&ir)]);
            }
            let left = Budget { spent: AtomicUsize::new(spent), limit: MAX_PROGRAM_BYTES };
            let found = found.or_else(|end| match end {
                End::OfAll => parts(&ir, classes(&ir), relaxed, &left),
                End::OfRule => Err(end),
            });
            let Ok(parts) = found else {
                spent = usize::MAX;
                return Err(vec![too_many_programs(&ir)]);
            };
            spent = spent.saturating_add(parts.cost);
            if spent > MAX_PROGRAM_BYTES && parts.cost > 0 {
                return Err(vec![too_many_programs(&ir)]);
            }
            if parts.errors.is_empty() {
                Ok(LoweredRule { ir, patterns: parts.patterns, programs: parts.programs })
            } else {
                Err(parts.errors)
            }
        })
        .collect()
}

/// What programs may take, and what they have taken so far.
struct Budget {
    spent: AtomicUsize,
    limit: usize,
}

/// Why a rule was not lowered to its end.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Others have used the budget up.
    OfAll,
    /// It needs more than there is for all.
    OfRule,
}

/// What a rule's patterns and regular expressions became.
#[derive(Default)]
struct Parts {
    patterns: Vec<Lowered>,
    programs: Vec<Vec<u8>>,
    errors: Vec<Diagnostic>,
    cost: usize,
}

/// Lowers what is in a rule, unless the budget ends on the way.
fn parts(ir: &RuleIr<'_>, classes: u8, relaxed: bool, budget: &Budget) -> Result<Parts, End> {
    let own = AtomicUsize::new(0);
    let spend = |cost: usize| {
        own.fetch_add(cost, Ordering::Relaxed);
        budget.spent.fetch_add(cost, Ordering::Relaxed);
        cost
    };
    let may_go_on = || {
        if own.load(Ordering::Relaxed) > MAX_PROGRAM_BYTES {
            Err(End::OfRule)
        } else if budget.spent.load(Ordering::Relaxed) > budget.limit {
            Err(End::OfAll)
        } else {
            Ok(())
        }
    };
    let lower_one = |pattern: &PatternIr<'_>| {
        let spec = PatternSpec { classes, ..pattern.spec };
        if !is_cheap(&spec) {
            may_go_on()?;
        }
        let lowered = lower(&spec);
        let cost = spend(cost(&lowered, |lowered| lowered.size(matches!(spec.body, PatternBody::Regex(_)))));
        Ok((lowered, cost))
    };
    let lowered: Vec<_> = ir.patterns.par_iter().map(lower_one).collect::<Result<_, End>>()?;
    let compile_one = |regex: &&Regex<'_>| {
        may_go_on()?;
        let program = lower_regex(regex, relaxed);
        let cost = spend(cost(&program, Vec::len));
        Ok((program, cost))
    };
    let programs: Vec<_> = ir.regexes.par_iter().map(compile_one).collect::<Result<_, End>>()?;
    let mut parts = Parts::default();
    for (lowered, cost) in lowered {
        parts.cost += cost;
        match lowered {
            Ok(lowered) => parts.patterns.push(lowered),
            Err(error) => parts.errors.push(diagnostic(ir, &error)),
        }
    }
    for (program, cost) in programs {
        parts.cost += cost;
        match program {
            Ok(program) => parts.programs.push(program),
            Err(error) => parts.errors.push(diagnostic(ir, &error)),
        }
    }
    Ok(parts)
}

/// What counts: finding that something is too large takes as long as making the largest.
fn cost<T>(lowered: &Result<T, LowerError>, bytes: impl Fn(&T) -> usize) -> usize {
    match lowered {
        Ok(lowered) => bytes(lowered).saturating_sub(FREE_PROGRAM_BYTES),
        Err(LowerError::TooLarge { .. }) => BYTES_OF_STATE * MAX_PROGRAM_STATES as usize,
        Err(_) => 0,
    }
}

/// Whether a pattern can't become much larger than it is written.
fn is_cheap(spec: &PatternSpec<'_>) -> bool {
    let plain = spec.base64.is_none() && spec.base64wide.is_none() && spec.xor.is_none();
    plain && matches!(spec.body, PatternBody::Text(_))
}

fn may_be_large(ir: &RuleIr<'_>) -> bool {
    !ir.regexes.is_empty() || ir.patterns.iter().any(|pattern| !is_cheap(&pattern.spec))
}

fn too_many_programs(ir: &RuleIr<'_>) -> Diagnostic {
    let message = format!("no room is left for the patterns of rule `{}`", ir.name);
    let label = format!("large patterns of all rules may have {MAX_PROGRAM_BYTES} bytes");
    Diagnostic::error(codes::TOO_MANY_PROGRAMS, ir.source, ir.name_span, message, label)
        .with_help("lower the counts of repetitions, or build the rules as several databases")
}

fn diagnostic(ir: &RuleIr<'_>, error: &LowerError) -> Diagnostic {
    let mut diagnostic =
        Diagnostic::error(error.code(), ir.source, error.span(), error.to_string(), error.label());
    if let Some((span, text)) = error.secondary() {
        diagnostic = diagnostic.with_label(span, text);
    }
    diagnostic.help = error.help();
    diagnostic
}

impl Lowered {
    /// Bytes of its programs, of its atoms' surroundings under each key, and of what repetitions have `unrolled`.
    fn size(&self, unrolled: bool) -> usize {
        let of = |variant: &LoweredVariant| {
            let body = match &variant.body {
                Body::Program { program, .. } => program.len(),
                Body::Bytes { value, .. } if unrolled => BYTES_OF_STATE * value.len(),
                Body::Bytes { .. } | Body::Chain(_) => 0,
            };
            let keys = usize::from(variant.xor.1.abs_diff(variant.xor.0));
            let keyed = variant.runs.iter().map(|run| keys * run.bytes.len()).sum::<usize>();
            body + variant.backward.len() + keyed
        };
        self.variants.iter().map(of).sum()
    }
}
