//! The plan: what must be so before a rule can match, from its condition alone, and in which order to find out.
//!
//! Input: a lowered rule. Output: its [`Plan`]: the *gate*, a set of files outside of which the rule can't match; for
//! each class of files the *triggers*, patterns of which at least one must match; what is asked of each pattern; and the
//! condition, rearranged. Only triggers are searched for in every file; everything else is searched when the condition
//! of a triggered rule asks for it.

mod gate;
mod order;
mod streams;
#[cfg(test)]
mod tests;
mod triggers;
mod uses;

use hallmark_image::FileClass;
use hallmark_image::record::Gate;

use self::gate::Gatekeeper;
use self::order::Orderer;
use self::triggers::Planner;
use crate::ir::{Expr, Kind, LoweredRule, Quantifier};
use crate::limits::MAX_TRIGGER_COST;
use crate::lower::Lowered;
pub use gate::classes;
pub use uses::Use;

/// What must be so before a rule can match.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Files it can match.
    pub gate: Gate,
    /// Bits of the classes of files for which it is evaluated whatever matched.
    pub always: u8,
    /// For each pattern, bits of the classes of files in which it is searched always; a match has the rule evaluated.
    pub searched: Vec<u8>,
    /// What the condition asks of each pattern.
    pub uses: Vec<Use>,
    /// Bits of [`hallmark_image::record::rule_flags`] that tell what it can't be sure of in a stream or in memory.
    pub streams: u16,
    /// The condition, rearranged, without what the gate says already.
    pub condition: Expr,
}

/// Plans a rule.
pub fn plan(rule: &LoweredRule<'_>) -> Plan {
    let condition = &rule.ir.condition;
    let costs = costs(&rule.patterns);
    let gatekeeper = Gatekeeper { patterns: &rule.patterns };
    // A global rule that can't match has to be found false.
    let gate = if rule.ir.global { gate::EVERY_FILE } else { gate::of_rule(rule) };
    let mut searched = vec![0u8; rule.patterns.len()];
    let mut search = |patterns: &[u32], class: FileClass| {
        for &pattern in patterns {
            searched[pattern as usize] |= class.bit();
        }
    };
    let mut always = 0;
    for class in FileClass::ALL.into_iter().filter(|class| gate.classes & class.bit() != 0) {
        let planner = Planner { costs: &costs, gatekeeper, class: Some(class) };
        match planner.triggers(condition).filter(|found| !rule.ir.global && affordable(rule, found)) {
            Some(triggers) => search(&triggers, class),
            None => {
                always |= class.bit();
                let mut found = Vec::new();
                partial(rule, &planner, condition, &mut found);
                search(&found, class);
            }
        }
    }
    let planner = Planner { costs: &costs, gatekeeper, class: None };
    let condition = gate::without_implied(condition, &gate);
    let ordered = Orderer { planner, searched: &searched }.order(&condition);
    let (uses, streams) = (uses::of_rule(rule), streams::flags(rule));
    Plan { gate, always, searched, uses, streams, condition: ordered }
}

/// Of a condition that can hold without patterns: triggers of its parts that can't, so that these can be ruled out
/// without a search.
fn partial(rule: &LoweredRule<'_>, planner: &Planner<'_>, expr: &Expr, out: &mut Vec<u32>) {
    let operands = match &expr.kind {
        Kind::And(operands) | Kind::Or(operands) => operands,
        // Those that can be searched for are, when others can't.
        Kind::OfPatterns(Quantifier::Any, set, _) => {
            let searchable = |p: &u32| planner.costs.get(*p as usize).is_some_and(|cost| cost.is_finite());
            let found: Vec<u32> = set.iter().copied().filter(searchable).collect();
            return if affordable(rule, &found) {
                out.extend(found)
            };
        }
        _ => return,
    };
    for operand in operands {
        match planner.triggers(operand) {
            Some(triggers) if affordable(rule, &triggers) => out.extend(triggers),
            Some(_) => {}
            None => partial(rule, planner, operand, out),
        }
    }
}

/// Whether searching every file for these patterns is worth it.
fn affordable(rule: &LoweredRule<'_>, triggers: &[u32]) -> bool {
    let patterns = triggers.iter().filter_map(|&p| rule.patterns.get(p as usize));
    patterns.map(Lowered::cost).sum::<f64>() <= MAX_TRIGGER_COST
}

/// What each pattern costs as a trigger, arming included; infinite where it can't be one.
fn costs(patterns: &[Lowered]) -> Vec<f64> {
    let mut variants = 0;
    let cost = |pattern: &Lowered| {
        variants += pattern.variants.len();
        // Entries of atoms have 16 bits for the variant.
        let fits = variants <= usize::from(u16::MAX);
        if fits && pattern.is_searchable() { pattern.cost() + pattern.arming() } else { f64::INFINITY }
    };
    patterns.iter().map(cost).collect()
}
