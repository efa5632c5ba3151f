//! Instructions about matches of patterns and of other rules.

use std::ops::RangeInclusive;

use hallmark_image::RuleId;
use hallmark_image::insn::{Anchor, Insn, Op, Quantifier};
use zerocopy::little_endian::U32;

use super::{Machine, Rule};
use crate::budget::Stopped;
use crate::demand::has_lanes;
use crate::matches::Match;
use crate::value::Value;

impl<'a, 'd: 'a> Machine<'a, 'd> {
    /// An instruction about one pattern.
    pub(super) fn pattern(&mut self, rule: &Rule<'a>, op: Op, insn: &Insn) -> Result<Value<'a>, Stopped> {
        let pattern = self.pattern_index(insn);
        let second = if matches!(op, Op::MatchIn | Op::CountIn) { self.pop().int() } else { None };
        let first = if matches!(op, Op::Match | Op::Count) { None } else { self.pop().int() };
        let Some(pattern) = pattern else { return Ok(Value::Undefined) };
        Ok(match op {
            Op::Match => Value::Bool(!self.matches(rule, pattern)?.is_empty()),
            Op::Count => Value::Int(self.matches(rule, pattern)?.len() as i64),
            Op::MatchAt => match first.and_then(|at| usize::try_from(at).ok()) {
                Some(at) => Value::Bool(!self.matches_in(rule, pattern, at..=at)?.is_empty()),
                // An offset that no match can have is undefined, as one that is not known.
                None => Value::Undefined,
            },
            Op::MatchIn | Op::CountIn => match first.zip(second) {
                Some((low, high)) => {
                    let count = match offsets(low, high) {
                        Some(range) => self.matches_in(rule, pattern, range)?.len(),
                        None => 0,
                    };
                    if op == Op::MatchIn { Value::Bool(count > 0) } else { Value::Int(count as i64) }
                }
                None => Value::Undefined,
            },
            _ => {
                let found = self.matches(rule, pattern)?;
                // The first match has index 1.
                let index = first.and_then(|i| usize::try_from(i.checked_sub(1)?).ok());
                let found = index.and_then(|i| found.get(i));
                let number = |m: &Match| if op == Op::Offset { m.offset } else { m.length };
                Value::of_int(found.and_then(|m| i64::try_from(number(m)).ok()))
            }
        })
    }

    /// Whether as many patterns of a set match as the quantifier says. An anchor that is undefined is met by none.
    pub(super) fn of_patterns(&mut self, rule: &Rule<'a>, insn: &Insn) -> Result<Value<'a>, Stopped> {
        let range = match Anchor::new(insn.b.get()) {
            Some(Anchor::At) => self.pop().int().and_then(|at| offsets(at, at)),
            Some(Anchor::In) => {
                let high = self.pop().int();
                let low = self.pop().int();
                low.zip(high).and_then(|(low, high)| offsets(low, high))
            }
            Some(Anchor::Anywhere) | None => Some(0..=usize::MAX),
        };
        let anywhere = insn.b.get() == Anchor::Anywhere as u16;
        let set = rule.unit.set(insn.imm.get()).unwrap_or_default();
        let Some(mut tally) = self.quantifier(insn.a, set.len() as u64) else { return Ok(Value::Undefined) };
        for member in set {
            self.verifier.budget.spend(1)?;
            let pattern = member.get() as usize;
            let holds = match &range {
                None => false,
                Some(_) if anywhere => match self.matches(rule, pattern) {
                    Ok(found) => !found.is_empty(),
                    Err(Stopped::Waiting) if Quantifier::new(insn.a) != Some(Quantifier::All) => {
                        self.want_all(rule, set);
                        return Err(Stopped::Waiting);
                    }
                    Err(stopped) => return Err(stopped),
                },
                Some(range) => !self.matches_in(rule, pattern, range.clone())?.is_empty(),
            };
            if let Some(result) = tally.count(holds) {
                return Ok(Value::Bool(result));
            }
        }
        Ok(Value::Bool(tally.finish()))
    }

    /// Any pattern of a set may be the one that decides: all that have not been searched are wanted, not just the first.
    fn want_all(&mut self, rule: &Rule<'a>, set: &[U32]) {
        let verifier = &mut self.verifier;
        verifier.wanted.pop();
        for member in set {
            let pattern = member.get() as usize;
            if !verifier.is_searched(rule.id, &rule.unit, pattern) && has_lanes(&rule.unit, pattern) {
                verifier.wanted.push((rule.id, pattern));
            }
        }
    }

    /// Whether as many rules of a set match as the quantifier says.
    pub(super) fn of_rules(&mut self, rule: &Rule<'a>, insn: &Insn) -> Result<Value<'a>, Stopped> {
        let set = rule.unit.set(insn.imm.get()).unwrap_or_default();
        let Some(mut tally) = self.quantifier(insn.a, set.len() as u64) else { return Ok(Value::Undefined) };
        for member in set {
            let holds = self.reference(rule, member.get() as usize)?;
            if let Some(result) = tally.count(holds) {
                return Ok(Value::Bool(result));
            }
        }
        Ok(Value::Bool(tally.finish()))
    }

    /// Whether a referenced rule matches. Its rank is lower, so it was evaluated before; if it was not, nothing
    /// triggered it and it cannot match.
    pub(super) fn reference(&self, rule: &Rule<'a>, index: usize) -> Result<bool, Stopped> {
        let Some(id) = rule.unit.references.get(index).map(|id| RuleId::new(id.get())) else {
            return Ok(false);
        };
        let matches = &self.verifier.matches;
        if matches.is_unknown(id) {
            Err(Stopped::Unknown)
        } else if matches.is_waiting(id) {
            Err(Stopped::Waiting)
        } else {
            Ok(matches.matched(id))
        }
    }

    /// All matches of a pattern.
    fn matches(&mut self, rule: &Rule<'a>, pattern: usize) -> Result<&[Match], Stopped> {
        self.verifier.demand(rule.id, &rule.unit, pattern)?;
        Ok(self.verifier.matches.get(rule.id, pattern))
    }

    /// The matches that start in `range`.
    fn matches_in(
        &mut self,
        rule: &Rule<'a>,
        pattern: usize,
        range: RangeInclusive<usize>,
    ) -> Result<&[Match], Stopped> {
        let (low, high) = (*range.start() as u64, *range.end() as u64);
        self.verifier.demand_in(rule.id, &rule.unit, pattern, range)?;
        let all = self.verifier.matches.get(rule.id, pattern);
        let from = all.partition_point(|m| m.offset < low);
        let to = all.partition_point(|m| m.offset <= high);
        Ok(all.get(from..to).unwrap_or_default())
    }
}

/// The offsets from `low` to `high`, both included, that data can have.
fn offsets(low: i64, high: i64) -> Option<RangeInclusive<usize>> {
    let high = usize::try_from(high).ok()?;
    let low = usize::try_from(low.max(0)).ok()?;
    (low <= high).then_some(low..=high)
}
