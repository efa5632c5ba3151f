//! Triggers: a set of patterns of which at least one must match if the condition is to hold.
//!
//! A rule whose triggers have not matched is never evaluated; a rule without triggers always is. Where there is a
//! choice, the set that is expected to cost the least to search for is taken. Every construct that is not listed here
//! gives no information, which is always sound.

use std::collections::BTreeSet;

use hallmark_image::FileClass;
use hallmark_image::insn::Op;

use super::gate::Gatekeeper;
use crate::ir::{Anchor, Expr, Items, Kind, PatternRef, Quantifier, Value};

/// What must have matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// At least one of these; of none when the set is empty, which is to say that the condition can't hold.
    OneOf(BTreeSet<Wanted>),
    /// Unknown.
    Anything,
}

/// A pattern, or whichever pattern the loop with this local is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wanted {
    /// By index.
    Pattern(u32),
    /// The one that the loop with this local is at.
    Current(u16),
}

/// Finds what a condition needs.
pub struct Planner<'p> {
    /// Cost of each pattern as a trigger, infinite where it can't be one.
    pub costs: &'p [f64],
    /// What is known of files.
    pub gatekeeper: Gatekeeper<'p>,
    /// The class of file that is scanned, if one is assumed.
    pub class: Option<FileClass>,
}

impl Need {
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
}

impl Planner<'_> {
    /// The patterns (ascending) of which one must match for a condition to hold, if there are such and they can be
    /// searched for.
    pub fn triggers(&self, condition: &Expr) -> Option<Vec<u32>> {
        let Need::OneOf(wanted) = self.need(condition) else { return None };
        let pattern = |w: &Wanted| match w {
            Wanted::Pattern(index) => Some(*index),
            Wanted::Current(_) => None,
        };
        let cost = wanted.iter().map(|w| self.cost(w)).sum::<f64>();
        let patterns = wanted.iter().map(pattern).collect::<Option<Vec<u32>>>()?;
        cost.is_finite().then_some(patterns)
    }

    fn need(&self, expr: &Expr) -> Need {
        if self.class.is_some_and(|class| !self.gatekeeper.admits(expr, class)) {
            return Need::OneOf(BTreeSet::new());
        }
        match &expr.kind {
            Kind::Const(Value::Bool(false)) => Need::OneOf(BTreeSet::new()),
            Kind::Match(pattern, anchor) => {
                let anchored = self.cheapest(anchor.operands().into_iter().map(|e| self.defined(e)));
                self.cheapest([Need::one(*pattern), anchored])
            }
            Kind::And(operands) => self.cheapest(operands.iter().map(|e| self.need(e))),
            Kind::Or(operands) => Need::union(operands.iter().map(|e| self.need(e))),
            Kind::Binary(op, left, right) => {
                self.cheapest([self.comparison(*op, left, right), self.defined(expr)])
            }
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
                        Need::union([Need::OneOf(others), Need::any(set)])
                    }
                    (found, Items::Patterns(_) | Items::Range(..) | Items::List(_) | Items::Elements(_)) => {
                        found
                    }
                }
            }
            Kind::With(_, body) => self.need(body),
            _ => self.defined(expr),
        }
    }

    /// What must have matched for an expression to be anything but undefined.
    fn defined(&self, expr: &Expr) -> Need {
        match &expr.kind {
            // Without a match there is no offset and no length.
            Kind::Offset(pattern, index) | Kind::Length(pattern, index) => {
                self.cheapest([Need::one(*pattern), self.defined(index)])
            }
            Kind::Binary(_, left, right) => self.cheapest([self.defined(left), self.defined(right)]),
            Kind::ReadInt(_, operand) | Kind::Matches(operand, _) => self.defined(operand),
            Kind::Unary(op, operand) if !matches!(op, Op::Defined | Op::Truth) => self.defined(operand),
            Kind::Call(_, _, args) => self.cheapest(args.iter().map(|arg| self.defined(arg))),
            _ => Need::Anything,
        }
    }

    /// All of them must hold: the one that is cheapest to search.
    fn cheapest(&self, needs: impl IntoIterator<Item = Need>) -> Need {
        let sized = needs.into_iter().filter_map(|need| match need {
            Need::OneOf(set) => Some(set),
            Need::Anything => None,
        });
        let cost = |set: &BTreeSet<Wanted>| set.iter().map(|w| self.cost(w)).sum::<f64>();
        sized.min_by(|a, b| cost(a).total_cmp(&cost(b))).map_or(Need::Anything, Need::OneOf)
    }

    fn cost(&self, wanted: &Wanted) -> f64 {
        match wanted {
            Wanted::Pattern(index) => self.costs.get(*index as usize).copied().unwrap_or(f64::INFINITY),
            // Known, and finite, only when the loop's patterns are.
            Wanted::Current(_) => 0.0,
        }
    }

    /// `#a > 0`, `#a >= 1`, `#a == 3`, `#a + #b > #c` and their mirror images need a match of what is counted on the
    /// greater side.
    fn comparison(&self, op: Op, left: &Expr, right: &Expr) -> Need {
        let mirrored = match op {
            Op::Lt => Op::Gt,
            Op::Le => Op::Ge,
            Op::Gt => Op::Lt,
            Op::Ge => Op::Le,
            Op::Eq => Op::Eq,
            _ => return Need::Anything,
        };
        let side = |op: Op, side: &Expr, other: &Expr| {
            let counted = counted(side)?;
            let positive = match (op, other.as_int()) {
                (Op::Gt, Some(n)) => n >= 0,
                (Op::Ge | Op::Eq, Some(n)) => n >= 1,
                // Counts can't be so many that their sum wraps.
                (Op::Gt, None) => self::counted(other).is_some(),
                _ => false,
            };
            positive.then(|| Need::union(counted.into_iter().map(Need::one)))
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
        let cost = |p: &u32| self.cost(&Wanted::Pattern(*p));
        cheapest_first.sort_by(|a, b| cost(a).total_cmp(&cost(b)).then(a.cmp(b)));
        cheapest_first.truncate((set.len() + 1).saturating_sub(needed));
        Need::any(&cheapest_first)
    }
}

/// The patterns whose numbers of matches an expression adds up, if it does nothing else.
fn counted(expr: &Expr) -> Option<Vec<PatternRef>> {
    match &expr.kind {
        Kind::Count(pattern, _) => Some(vec![*pattern]),
        Kind::Binary(Op::Add, left, right) => {
            let (mut left, right) = (counted(left)?, counted(right)?);
            left.extend(right);
            Some(left)
        }
        _ => None,
    }
}

fn at_least_one(quantifier: &Quantifier) -> bool {
    match quantifier {
        // A loop over nothing is false, also with `all`.
        Quantifier::All | Quantifier::Any => true,
        Quantifier::None => false,
        Quantifier::Count(n) | Quantifier::Percent(n) => n.as_int().is_some_and(|n| n >= 1),
    }
}

impl Anchor {
    fn operands(&self) -> Vec<&Expr> {
        match self {
            Anchor::Anywhere => Vec::new(),
            Anchor::At(offset) => vec![offset],
            Anchor::In(range) => vec![&range.0, &range.1],
        }
    }
}
