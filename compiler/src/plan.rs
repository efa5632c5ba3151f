//! The plan: which patterns arm a rule.
//!
//! A *trigger* is a set of patterns of which at least one must match if the condition is to hold. A rule whose
//! triggers have not matched is never evaluated; a rule without a trigger always is. Every construct that is not
//! listed here gives no information, which is always sound.

use std::collections::BTreeSet;

use hallmark_image::insn::Op;
use hallmark_image::record::{ANYWHERE, variant_flags};

use crate::ir::LoweredRule;
use crate::ir::{Anchor, Expr, Items, Kind, PatternRef, Quantifier, Value};
use crate::lower::{Body, LoweredVariant};

/// What must have matched.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Need {
    /// At least one of these; of none when the set is empty, which is to say that the condition can't hold.
    OneOf(BTreeSet<Wanted>),
    /// Unknown.
    Anything,
}

/// A pattern, or whichever pattern the loop with this local is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wanted {
    Pattern(u32),
    Current(u16),
}

/// The patterns (ascending) of which one must match for the rule to match; `None` when it has to be evaluated always.
pub fn triggers(rule: &LoweredRule<'_>) -> Option<Vec<u32>> {
    if rule.ir.global {
        return None;
    }
    let planner = Planner { rule };
    let Need::OneOf(wanted) = planner.need(&rule.ir.condition) else { return None };
    let searched = |&w: &Wanted| match w {
        Wanted::Pattern(index) => (!planner.is_slow(index)).then_some(index),
        Wanted::Current(_) => None,
    };
    wanted.iter().map(searched).collect()
}

/// The one offset at which matches of a pattern are reported: the condition needs it there, and asks nothing else of it
/// than whether it matches. Only plain literals are reported so, as YARA-X does.
pub fn only_at(rule: &LoweredRule<'_>, pattern: u32) -> Option<u32> {
    let lowered = rule.patterns.get(pattern as usize)?;
    let plain = |v: &LoweredVariant| {
        matches!(&v.body, Body::Bytes { mask, .. } if mask.is_empty()) && v.flags & variant_flags::XOR == 0
    };
    if !lowered.variants.iter().all(plain) {
        return None;
    }
    let condition = &rule.ir.condition;
    let mut uses = Uses { pattern, offsets: BTreeSet::new(), existence: false, other: false };
    uses.expr(condition);
    let [offset] = uses.offsets.iter().copied().collect::<Vec<_>>()[..] else { return None };
    let required = || {
        let conjuncts = match &condition.kind {
            Kind::And(operands) => operands.as_slice(),
            _ => std::slice::from_ref(condition),
        };
        conjuncts
            .iter()
            .any(|c| matches!(&c.kind, Kind::Match(PatternRef::Index(p), Anchor::At(_)) if *p == pattern))
    };
    let only = !uses.other && (!uses.existence || required());
    u32::try_from(offset).ok().filter(|&at| only && at != ANYWHERE)
}

/// What a condition asks of a pattern.
struct Uses {
    pattern: u32,
    /// Constant offsets at which it asks for it.
    offsets: BTreeSet<i64>,
    /// It asks whether it matches anywhere.
    existence: bool,
    /// It asks something else.
    other: bool,
}

impl Uses {
    fn anchored(&mut self, anchor: &Anchor) {
        match anchor {
            Anchor::Anywhere => self.existence = true,
            Anchor::At(offset) => match offset.as_int() {
                Some(offset) => drop(self.offsets.insert(offset)),
                None => self.other = true,
            },
            Anchor::In(_) => self.other = true,
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            Kind::Match(PatternRef::Index(p), anchor) if *p == self.pattern => self.anchored(anchor),
            Kind::OfPatterns(_, set, anchor) if set.contains(&self.pattern) => self.anchored(anchor),
            Kind::Count(PatternRef::Index(p), _)
            | Kind::Offset(PatternRef::Index(p), _)
            | Kind::Length(PatternRef::Index(p), _)
                if *p == self.pattern =>
            {
                self.other = true;
            }
            Kind::For(each) if matches!(&each.items, Items::Patterns(set) if set.contains(&self.pattern)) => {
                self.other = true;
            }
            _ => {}
        }
        expr.for_each_child(&mut |child| self.expr(child));
    }
}

fn one(pattern: PatternRef) -> Need {
    let wanted = match pattern {
        PatternRef::Index(index) => Wanted::Pattern(index),
        PatternRef::Local(local) => Wanted::Current(local),
    };
    Need::OneOf(BTreeSet::from([wanted]))
}

fn any(patterns: &[u32]) -> Need {
    Need::OneOf(patterns.iter().map(|&p| Wanted::Pattern(p)).collect())
}

/// One of them must hold.
fn union(needs: impl IntoIterator<Item = Need>) -> Need {
    let mut all = BTreeSet::new();
    for need in needs {
        match need {
            Need::OneOf(set) => all.extend(set),
            Need::Anything => return Need::Anything,
        }
    }
    Need::OneOf(all)
}

fn at_least_one(quantifier: &Quantifier) -> bool {
    match quantifier {
        // A loop over nothing is false, also with `all`.
        Quantifier::All | Quantifier::Any => true,
        Quantifier::None => false,
        Quantifier::Count(n) | Quantifier::Percent(n) => n.as_int().is_some_and(|n| n >= 1),
    }
}

/// A pattern without atoms can't trigger: more than any number of others.
const SLOW: usize = 1 << 32;

struct Planner<'p, 'a> {
    rule: &'p LoweredRule<'a>,
}

impl Planner<'_, '_> {
    fn need(&self, expr: &Expr) -> Need {
        match &expr.kind {
            Kind::Const(Value::Bool(false)) => Need::OneOf(BTreeSet::new()),
            Kind::Match(pattern, _) => one(*pattern),
            Kind::And(operands) => self.cheapest(operands.iter().map(|e| self.need(e))),
            Kind::Or(operands) => union(operands.iter().map(|e| self.need(e))),
            Kind::Binary(op, left, right) => self.comparison(*op, left, right),
            Kind::OfPatterns(quantifier, set, _) => self.of_set(quantifier, set),
            Kind::For(each) => {
                if !at_least_one(&each.quantifier) {
                    return Need::Anything;
                }
                match (self.need(&each.body), &each.items) {
                    (Need::OneOf(wanted), Items::Patterns(set))
                        if wanted.contains(&Wanted::Current(each.local)) =>
                    {
                        let others =
                            wanted.into_iter().filter(|&w| w != Wanted::Current(each.local)).collect();
                        union([Need::OneOf(others), any(set)])
                    }
                    (found, Items::Patterns(_) | Items::Range(..) | Items::List(_) | Items::Elements(_)) => {
                        found
                    }
                }
            }
            Kind::With(_, body) => self.need(body),
            _ => Need::Anything,
        }
    }

    /// All of them must hold: the one that is cheapest to search.
    fn cheapest(&self, needs: impl IntoIterator<Item = Need>) -> Need {
        let sized = needs.into_iter().filter_map(|need| match need {
            Need::OneOf(set) => Some(set),
            Need::Anything => None,
        });
        sized
            .min_by_key(|set| set.iter().map(|w| self.cost(w)).sum::<usize>())
            .map_or(Need::Anything, Need::OneOf)
    }

    fn cost(&self, wanted: &Wanted) -> usize {
        match wanted {
            Wanted::Pattern(index) if self.is_slow(*index) => SLOW,
            _ => 1,
        }
    }

    fn is_slow(&self, pattern: u32) -> bool {
        self.rule.patterns.get(pattern as usize).is_none_or(|p| p.slow)
    }

    /// `#a > 0`, `#a >= 1`, `#a == 3`, `@a < X`, `!a == Y` and their mirror images need a match of `$a`.
    fn comparison(&self, op: Op, left: &Expr, right: &Expr) -> Need {
        let mirrored = match op {
            Op::Lt => Op::Gt,
            Op::Le => Op::Ge,
            Op::Gt => Op::Lt,
            Op::Ge => Op::Le,
            Op::Eq => Op::Eq,
            _ => return Need::Anything,
        };
        let side = |op: Op, side: &Expr, other: &Expr| match &side.kind {
            // Undefined without a match, and a comparison with undefined is never true.
            Kind::Offset(pattern, _) | Kind::Length(pattern, _) => Some(one(*pattern)),
            Kind::Count(pattern, _) => {
                let n = other.as_int()?;
                let positive = match op {
                    Op::Gt => n >= 0,
                    Op::Ge | Op::Eq => n >= 1,
                    _ => false,
                };
                positive.then(|| one(*pattern))
            }
            _ => None,
        };
        self.cheapest([side(op, left, right), side(mirrored, right, left)].into_iter().flatten())
    }

    /// `k of n` distinct patterns: any `n - k + 1` of them must hold a match, or fewer than `k` could.
    fn of_set(&self, quantifier: &Quantifier, set: &[u32]) -> Need {
        let needed = match quantifier {
            Quantifier::All => set.len(),
            Quantifier::Count(k) => match k.as_int().and_then(|k| usize::try_from(k).ok()) {
                Some(k) if k >= 1 => k,
                _ => return Need::Anything,
            },
            Quantifier::Any | Quantifier::Percent(_) if at_least_one(quantifier) => 1,
            _ => return Need::Anything,
        };
        let mut cheapest_first = set.to_vec();
        cheapest_first.sort_by_key(|&p| self.is_slow(p));
        cheapest_first.truncate((set.len() + 1).saturating_sub(needed));
        any(&cheapest_first)
    }
}
