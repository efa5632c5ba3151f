//! What a condition asks of each of its patterns.

use std::collections::BTreeSet;

use hallmark_image::record::{ANYWHERE, variant_flags};

use crate::ir::{Anchor, Expr, Items, Kind, LoweredRule, PatternRef};
use crate::lower::{Body, LoweredVariant};

/// What a condition asks of a pattern.
#[derive(Debug, Clone, Default)]
pub struct Use {
    /// Constant offsets at which it asks for it.
    offsets: BTreeSet<i64>,
    /// It asks whether it matches anywhere.
    existence: bool,
    /// It has to match at a constant offset.
    required: bool,
    /// It asks something else.
    other: bool,
}

impl Use {
    /// Whether the condition asks at most whether the pattern matches somewhere.
    pub fn is_existence(&self) -> bool {
        self.offsets.is_empty() && !self.other
    }

    /// Whether the condition only asks whether the pattern matches at constant offsets.
    pub fn is_anchored(&self) -> bool {
        !self.offsets.is_empty() && !self.existence && !self.other
    }

    /// The one offset at which matches of a pattern are reported: the condition needs it there, and asks nothing else
    /// of it than whether it matches. Only plain literals are reported so, as YARA-X does.
    pub fn only_at(&self, variants: &[LoweredVariant]) -> u32 {
        let plain = |v: &LoweredVariant| {
            matches!(&v.body, Body::Bytes { mask, .. } if mask.is_empty())
                && v.flags & variant_flags::XOR == 0
        };
        let [offset] = self.offsets.iter().copied().collect::<Vec<_>>()[..] else { return ANYWHERE };
        let only = variants.iter().all(plain) && !self.other && (!self.existence || self.required);
        u32::try_from(offset).ok().filter(|_| only).unwrap_or(ANYWHERE)
    }
}

/// What the condition asks of each pattern, in their order.
pub fn of_rule(rule: &LoweredRule<'_>) -> Vec<Use> {
    let mut uses = Uses(vec![Use::default(); rule.patterns.len()]);
    let condition = &rule.ir.condition;
    uses.expr(condition);
    let conjuncts = match &condition.kind {
        Kind::And(operands) => operands.as_slice(),
        _ => std::slice::from_ref(condition),
    };
    for conjunct in conjuncts {
        if let Kind::Match(PatternRef::Index(pattern), Anchor::At(_)) = &conjunct.kind {
            uses.of(*pattern, |u| u.required = true);
        }
    }
    uses.0
}

struct Uses(Vec<Use>);

impl Uses {
    fn of(&mut self, pattern: u32, note: impl FnOnce(&mut Use)) {
        if let Some(found) = self.0.get_mut(pattern as usize) {
            note(found);
        }
    }

    fn anchored(&mut self, pattern: u32, anchor: &Anchor) {
        self.of(pattern, |found| match anchor {
            Anchor::Anywhere => found.existence = true,
            Anchor::At(offset) => match offset.as_int() {
                Some(offset) => drop(found.offsets.insert(offset)),
                None => found.other = true,
            },
            Anchor::In(_) => found.other = true,
        });
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            Kind::Match(PatternRef::Index(pattern), anchor) => self.anchored(*pattern, anchor),
            Kind::OfPatterns(_, set, anchor) => set.iter().for_each(|&p| self.anchored(p, anchor)),
            Kind::Count(PatternRef::Index(pattern), _)
            | Kind::Offset(PatternRef::Index(pattern), _)
            | Kind::Length(PatternRef::Index(pattern), _) => self.of(*pattern, |u| u.other = true),
            Kind::For(each) => {
                if let Items::Patterns(set) = &each.items {
                    set.iter().for_each(|&p| self.of(p, |u| u.other = true));
                }
            }
            _ => {}
        }
        expr.for_each_child(&mut |child| self.expr(child));
    }
}
