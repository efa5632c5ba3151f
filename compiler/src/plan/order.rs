//! The order of evaluation: what is cheap and known first, what has to be searched for last.
//!
//! `and`, `or` and sets of patterns are rearranged; that changes no result, because undefined counts as false in all of
//! them. An operand of an `or` that can't hold unless one of some patterns matches, which are searched in every file
//! anyway, is guarded by asking for those first.

use hallmark_image::insn::Op;
use hallmark_image::limits::SHORT_RANGE;
use hallmark_image::schema::{Type, module_id};

use super::triggers::Planner;
use crate::ir::{Anchor, Expr, Items, Kind, Loop, PatternRef, Quantifier};

/// Cost of a pattern whose matches are known.
const KNOWN: f64 = 2.0;
/// Cost of a pattern that is compared at each place of a short range.
const FEW_PLACES: f64 = 500.0;
/// Cost of a part of a module: it may have to be parsed.
const MODULE: f64 = 50.0;
/// Cost of a function, many of which read all data.
const CALL: f64 = 500.0;
/// Cost of a loop, besides that of its body.
const LOOP: f64 = 200.0;
/// Cost of searching for a pattern on demand, besides that of the search.
const DEMAND: f64 = 10_000.0;
/// Cost of a pattern that has to be tried at every position.
const SLOW: f64 = 1e12;

/// Rearranges conditions.
pub struct Orderer<'p> {
    /// Finds what operands need.
    pub planner: Planner<'p>,
    /// For each pattern the classes of files in which it is searched always.
    pub searched: &'p [u8],
}

impl Orderer<'_> {
    /// The condition, rearranged.
    pub fn order(&self, condition: &Expr) -> Expr {
        if writes(condition) { condition.clone() } else { self.expr(condition) }
    }

    fn expr(&self, expr: &Expr) -> Expr {
        let kind = match &expr.kind {
            Kind::And(operands) => Kind::And(self.cheapest_first(operands.iter().map(|e| self.expr(e)))),
            Kind::Or(operands) => {
                Kind::Or(self.cheapest_first(operands.iter().map(|e| self.guarded(e, self.expr(e)))))
            }
            Kind::OfPatterns(quantifier, set, anchor) => {
                let mut set = set.clone();
                set.sort_by(|a, b| self.pattern(*a).total_cmp(&self.pattern(*b)));
                Kind::OfPatterns(quantifier.clone(), set, anchor.clone())
            }
            Kind::For(each) => Kind::For(Box::new(Loop { body: self.expr(&each.body), ..(**each).clone() })),
            Kind::With(values, body) => Kind::With(values.clone(), Box::new(self.expr(body))),
            other => other.clone(),
        };
        Expr { kind, ty: expr.ty }
    }

    fn cheapest_first(&self, operands: impl Iterator<Item = Expr>) -> Vec<Expr> {
        let mut operands: Vec<(f64, Expr)> = operands.map(|e| (self.cost(&e), e)).collect();
        operands.sort_by(|a, b| a.0.total_cmp(&b.0));
        operands.into_iter().map(|(_, operand)| operand).collect()
    }

    /// An operand of an `or`, with the patterns asked for first of which it needs one.
    fn guarded(&self, original: &Expr, ordered: Expr) -> Expr {
        let Some(triggers) = self.planner.triggers(original) else { return ordered };
        let known = triggers.iter().all(|&p| self.is_searched(p));
        if triggers.is_empty() || !known || !self.demands(original) {
            return ordered;
        }
        let guard = Kind::OfPatterns(Quantifier::Any, triggers, Anchor::Anywhere);
        let guard = Expr { kind: guard, ty: Type::Bool };
        Expr { kind: Kind::And(vec![guard, ordered]), ty: Type::Bool }
    }

    fn is_searched(&self, pattern: u32) -> bool {
        self.searched.get(pattern as usize).is_some_and(|&classes| classes != 0)
    }

    /// Whether an expression asks for a pattern that would have to be searched for.
    fn demands(&self, expr: &Expr) -> bool {
        let unknown = |pattern: &PatternRef| match pattern {
            PatternRef::Index(index) => !self.is_searched(*index),
            PatternRef::Local(_) => false,
        };
        let here = match &expr.kind {
            Kind::Match(pattern, Anchor::Anywhere | Anchor::In(_))
            | Kind::Count(pattern, _)
            | Kind::Offset(pattern, _)
            | Kind::Length(pattern, _) => unknown(pattern),
            Kind::OfPatterns(_, set, _) => set.iter().any(|&p| !self.is_searched(p)),
            Kind::For(each) => match &each.items {
                Items::Patterns(set) => set.iter().any(|&p| !self.is_searched(p)),
                _ => false,
            },
            _ => false,
        };
        let mut found = here;
        expr.for_each_child(&mut |child| found = found || self.demands(child));
        found
    }

    fn pattern(&self, index: u32) -> f64 {
        let searched = self.is_searched(index);
        let cost = self.planner.costs.get(index as usize).copied().unwrap_or(f64::INFINITY);
        if searched { KNOWN } else { DEMAND + cost.min(SLOW) }
    }

    /// A rough measure of what evaluating an expression costs, in nanoseconds.
    fn cost(&self, expr: &Expr) -> f64 {
        let mut of_children = 0.0;
        expr.for_each_child(&mut |child| of_children += self.cost(child));
        let anchored = |pattern: f64, anchor: &Anchor| match anchor {
            // At one place it is compared, not searched for.
            Anchor::At(_) => KNOWN,
            Anchor::In(range) if is_short(range) => FEW_PLACES,
            Anchor::Anywhere | Anchor::In(_) => pattern,
        };
        let of_pattern = |pattern: &PatternRef| match pattern {
            PatternRef::Index(index) => self.pattern(*index),
            PatternRef::Local(_) => DEMAND,
        };
        match &expr.kind {
            // The first one, which is the cheapest, usually decides.
            Kind::And(operands) => operands.first().map_or(0.0, |e| self.cost(e)),
            Kind::Match(pattern, anchor) => of_children + anchored(of_pattern(pattern), anchor),
            Kind::Count(pattern, _) | Kind::Offset(pattern, _) | Kind::Length(pattern, _) => {
                of_children + of_pattern(pattern)
            }
            Kind::OfPatterns(quantifier, set, anchor) => {
                let costs = set.iter().map(|&p| anchored(self.pattern(p), anchor));
                let of_set = match quantifier {
                    Quantifier::All => costs.fold(f64::INFINITY, f64::min),
                    _ => costs.sum(),
                };
                of_children + of_set
            }
            Kind::Module(_) => MODULE,
            Kind::Call(..) => of_children + CALL,
            Kind::For(each) => {
                let patterns = match &each.items {
                    Items::Patterns(set) => set.iter().map(|&p| self.pattern(p)).sum(),
                    _ => 0.0,
                };
                of_children + LOOP + patterns
            }
            _ => of_children + 1.0,
        }
    }
}

/// Whether a range has so few places that the pattern is compared at each of them.
fn is_short((from, to): &(Expr, Expr)) -> bool {
    let short = |len: i64| (0..=SHORT_RANGE as i64).contains(&len);
    match (from.as_int(), to.as_int(), &from.kind, &to.kind) {
        (Some(from), Some(to), ..) => to.checked_sub(from).is_some_and(short),
        (_, _, Kind::Binary(Op::Sub, end, len), Kind::Filesize) => {
            matches!(end.kind, Kind::Filesize) && len.as_int().is_some_and(short)
        }
        _ => false,
    }
}

/// Whether evaluation writes messages, whose number and order have to stay.
fn writes(expr: &Expr) -> bool {
    if matches!(expr.kind, Kind::Call(module, _, _) if Some(module) == module_id("console")) {
        return true;
    }
    let mut found = false;
    expr.for_each_child(&mut |child| found = found || writes(child));
    found
}
