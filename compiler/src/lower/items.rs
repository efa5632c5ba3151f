//! The form in which patterns are looked at: a list of items that follow each other.

use regex_syntax::hir::{Class, Hir, HirKind, Literal, Repetition};

use super::byteset::ByteSet;

/// A part of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Item {
    /// One byte of a set.
    Set(ByteSet),
    /// Any bytes, as few as possible.
    Gap {
        /// Least number.
        min: u32,
        /// Greatest number; `None` is unbounded.
        max: Option<u32>,
    },
    /// One of these, the first that leads to a match.
    Alternatives(Vec<Vec<Item>>),
    /// An assertion: takes no bytes.
    Look,
    /// Something that isn't taken apart further.
    Other(Hir),
}

impl Item {
    /// The least and the greatest number of bytes it takes; no greatest one where there is no bound.
    pub(super) fn lengths(&self) -> (usize, Option<usize>) {
        match self {
            Item::Set(_) => (1, Some(1)),
            Item::Look => (0, Some(0)),
            Item::Gap { min, max } => (*min as usize, max.map(|max| max as usize)),
            Item::Alternatives(options) => {
                let lengths = options.iter().map(|option| lengths(option));
                let either = |a: (usize, Option<usize>), b: (usize, Option<usize>)| {
                    (a.0.min(b.0), a.1.zip(b.1).map(|(a, b)| a.max(b)))
                };
                lengths.reduce(either).unwrap_or((0, Some(0)))
            }
            Item::Other(hir) => {
                let properties = hir.properties();
                (properties.minimum_len().unwrap_or(0), properties.maximum_len())
            }
        }
    }

    /// The number of bytes it takes, if it is always the same.
    pub(super) fn fixed_len(&self) -> Option<usize> {
        let (min, max) = self.lengths();
        max.filter(|&max| max == min)
    }
}

fn lengths(items: &[Item]) -> (usize, Option<usize>) {
    items.iter().map(Item::lengths).fold((0, Some(0)), |(min, max), (least, most)| {
        (min.saturating_add(least), max.zip(most).map(|(max, most)| max.saturating_add(most)))
    })
}

/// Takes an expression without Unicode classes apart, into at most about `budget` items.
///
/// The items match whatever the expression does; assertions are only marked, and preferences kept except for
/// repetitions.
pub(super) fn from_hir(hir: &Hir, budget: &mut usize) -> Vec<Item> {
    let mut items = Vec::new();
    append(hir, budget, &mut items);
    items
}

fn append(hir: &Hir, budget: &mut usize, out: &mut Vec<Item>) {
    match hir.kind() {
        HirKind::Empty => {}
        HirKind::Look(_) => out.push(Item::Look),
        HirKind::Capture(capture) => append(&capture.sub, budget, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| append(part, budget, out)),
        HirKind::Literal(Literal(bytes)) if take(budget, bytes.len()) => {
            out.extend(bytes.iter().map(|&byte| Item::Set(ByteSet::one(byte))));
        }
        HirKind::Class(Class::Bytes(class)) if take(budget, 1) => {
            out.push(Item::Set(ByteSet::of_class(class)))
        }
        HirKind::Alternation(options) if take(budget, options.len()) => {
            out.push(Item::Alternatives(options.iter().map(|option| from_hir(option, budget)).collect()));
        }
        HirKind::Repetition(repetition) => append_repetition(hir, repetition, budget, out),
        HirKind::Literal(_) | HirKind::Class(_) | HirKind::Alternation(_) => {
            out.push(Item::Other(hir.clone()))
        }
    }
}

fn append_repetition(hir: &Hir, repetition: &Repetition, budget: &mut usize, out: &mut Vec<Item>) {
    let Repetition { min, max, greedy, .. } = *repetition;
    if !take(budget, 1) {
        return out.push(Item::Other(hir.clone()));
    }
    if is_any(&repetition.sub) && (!greedy || max == Some(min)) {
        return out.push(Item::Gap { min, max });
    }
    let before = *budget;
    let once = from_hir(&repetition.sub, budget);
    if (min, max) == (0, Some(1)) {
        let options = if greedy { vec![once, Vec::new()] } else { vec![Vec::new(), once] };
        return out.push(Item::Alternatives(options));
    }
    // The copies that have to be there are written out as far as the budget goes; what is left stays a repetition.
    let cost = (before - *budget).max(1);
    let copies = usize::try_from(min).unwrap_or(usize::MAX).min(*budget / cost);
    *budget -= copies * cost;
    for _ in 0..copies {
        out.extend(once.iter().cloned());
    }
    let copies = copies as u32;
    if max != Some(copies) {
        out.push(Item::Other(Hir::repetition(Repetition {
            min: min - copies,
            max: max.map(|max| max - copies),
            greedy,
            sub: repetition.sub.clone(),
        })));
    }
}

fn take(budget: &mut usize, cost: usize) -> bool {
    match budget.checked_sub(cost) {
        Some(left) => {
            *budget = left;
            true
        }
        None => false,
    }
}

fn is_any(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Class(Class::Bytes(class)) if ByteSet::of_class(class) == ByteSet::ANY)
}

/// Whether the expression is a repetition that passes over more than `limit` bytes of any kind.
pub(super) fn crosses_anything(hir: &Hir, limit: u32) -> bool {
    match hir.kind() {
        HirKind::Repetition(repetition) => {
            is_any(&repetition.sub) && repetition.max.is_none_or(|max| max > limit)
        }
        _ => false,
    }
}
