//! `all`, `any`, `none`, a number or a percentage of something.

use hallmark_image::insn::Quantifier;

use crate::value::Value;

/// How many must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    All,
    Any,
    None,
    Count(i64),
}

/// Counts what holds against what must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    need: Need,
    held: i64,
}

impl Tally {
    /// For `quantifier` over `items` things; `operand` is its number. `None` if that is undefined.
    pub fn new(quantifier: Quantifier, operand: &Value<'_>, items: u64) -> Option<Self> {
        let need = match (quantifier, operand) {
            (Quantifier::All, _) => Need::All,
            (Quantifier::Any, _) => Need::Any,
            (Quantifier::None, _) => Need::None,
            (Quantifier::Count, Value::Int(n)) => Need::Count(*n),
            (Quantifier::Percent, Value::Int(n)) => Need::Count(percent(*n as f64, items)),
            (Quantifier::Percent, Value::Float(x)) => Need::Count(percent(*x, items)),
            (Quantifier::Count | Quantifier::Percent, _) => return None,
        };
        Some(Tally { need, held: 0 })
    }

    /// Counts one more; the answer, if it is certain now.
    pub fn count(&mut self, holds: bool) -> Option<bool> {
        match (self.need, holds) {
            (Need::All, false) | (Need::None, true) => Some(false),
            (Need::Any, true) => Some(true),
            (Need::Count(n), true) => {
                self.held = self.held.saturating_add(1);
                // `0 of` means none of, and no number of things is less than none.
                (self.held >= n).then_some(n > 0)
            }
            (Need::All, true) | (Need::None, false) | (Need::Any | Need::Count(_), false) => None,
        }
    }

    /// The answer when all were counted.
    pub fn finish(&self) -> bool {
        matches!(self.need, Need::All | Need::None | Need::Count(0))
    }
}

/// Rounded up, as `50% of` three is two.
fn percent(percent: f64, items: u64) -> i64 {
    (items as f64 * percent / 100.0).ceil() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(quantifier: Quantifier, operand: Value<'_>, items: &[bool]) -> Option<bool> {
        let mut tally = Tally::new(quantifier, &operand, items.len() as u64)?;
        Some(items.iter().find_map(|&i| tally.count(i)).unwrap_or_else(|| tally.finish()))
    }

    #[test]
    fn quantifiers() {
        use Quantifier::*;
        let (yes, no) = (Some(true), Some(false));
        for (quantifier, operand, none, some, all) in [
            (All, 0, no, no, yes),
            (Any, 0, no, yes, yes),
            (None, 0, yes, no, no),
            (Count, 0, yes, no, no),
            (Count, 1, no, yes, yes),
            (Count, 3, no, no, yes),
            (Count, 4, no, no, no),
            (Percent, 50, no, no, yes),
            (Percent, 33, no, yes, yes),
            (Percent, 0, yes, no, no),
        ] {
            for (items, expected) in [([false; 3], none), ([false, true, false], some), ([true; 3], all)] {
                assert_eq!(
                    holds(quantifier, Value::Int(operand), &items),
                    expected,
                    "{quantifier:?} {operand}"
                );
            }
        }
        assert_eq!(holds(Count, Value::Undefined, &[true]), Option::None);
    }
}
