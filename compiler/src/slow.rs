//! Warnings about patterns that are slow to search for.
//!
//! Input: lowered rules. A pattern is found by bytes in a row that its matches have ([`crate::lower::Run`]). One that has
//! none is tried at every position, and one whose bytes every file is full of is tried often: dear enough not to be a
//! trigger ([`MAX_TRIGGER_COST`]). That matters only where a condition asks for it anywhere.

use hallmark_image::limits::SHORT_RANGE;

use crate::codes;
use crate::diagnostic::Diagnostic;
use crate::ir::{Anchor, Expr, Items, Kind, LoweredRule, PatternRef};
use crate::limits::MAX_TRIGGER_COST;

/// A warning for each pattern that is searched for and slow, of a rule that can match files of these classes (as bits).
pub fn warnings(rule: &LoweredRule<'_>, classes: u8) -> Vec<Diagnostic> {
    // What no file can have costs nothing, and of what it is expected to cost nothing is known.
    if classes == 0 || rule.patterns.iter().all(|lowered| lowered.cost() <= MAX_TRIGGER_COST) {
        return Vec::new();
    }
    let mut searched = vec![false; rule.patterns.len()];
    mark(&rule.ir.condition, &mut searched);
    let all = rule.patterns.iter().zip(&rule.ir.patterns).zip(searched);
    all.filter(|((lowered, _), searched)| *searched && lowered.cost() > MAX_TRIGGER_COST)
        .map(|((lowered, pattern), _)| {
            let (label, help) = match lowered.slow {
                true => (
                    "no bytes in a row lead to it, so every position of a file is tried",
                    "let it have three bytes in a row that are known, better four; `?`, jumps and classes interrupt them",
                ),
                false => (
                    "files are full of the bytes that lead to it, and each place is tried",
                    "let it have some bytes that are rarer; zeros, spaces and repetitions are not",
                ),
            };
            Diagnostic::warning(
                codes::SLOW_PATTERN,
                rule.ir.source,
                pattern.span,
                format!("pattern `{}` is slow to search for", pattern.id),
                label,
            )
            .with_help(help)
        })
        .collect()
}

/// Marks the patterns that are asked for in more than one small place.
fn mark(expr: &Expr, searched: &mut [bool]) {
    let mut note = |pattern: u32| {
        if let Some(found) = searched.get_mut(pattern as usize) {
            *found = true;
        }
    };
    match &expr.kind {
        Kind::Match(PatternRef::Index(pattern), anchor) if !is_small(anchor) => note(*pattern),
        Kind::Count(PatternRef::Index(pattern), _)
        | Kind::Offset(PatternRef::Index(pattern), _)
        | Kind::Length(PatternRef::Index(pattern), _) => note(*pattern),
        Kind::OfPatterns(_, set, anchor) if !is_small(anchor) => set.iter().for_each(|&p| note(p)),
        Kind::For(each) => {
            if let Items::Patterns(set) = &each.items {
                set.iter().for_each(|&p| note(p));
            }
        }
        _ => {}
    }
    expr.for_each_child(&mut |child| mark(child, searched));
}

fn is_small(anchor: &Anchor) -> bool {
    match anchor {
        Anchor::Anywhere => false,
        Anchor::At(_) => true,
        Anchor::In(range) => {
            let width = range.1.as_int().zip(range.0.as_int()).and_then(|(high, low)| high.checked_sub(low));
            width.is_some_and(|width| width < SHORT_RANGE as i64)
        }
    }
}
