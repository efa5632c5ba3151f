//! What integers can be: enough to say that a comparison can come out only one way.

use hallmark_image::insn::Op;

use crate::ir::{Expr, Kind, Value};

/// Least and greatest value of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) min: i64,
    pub(super) max: i64,
    /// Whether it always has a value.
    defined: bool,
}

impl Bounds {
    /// In words, for a label.
    pub(super) fn describe(self) -> String {
        match self {
            Bounds { min, max, .. } if min == max => format!("this is {min}"),
            Bounds { min, max: i64::MAX, .. } => format!("this is at least {min}"),
            Bounds { min, max, .. } => format!("this is from {min} to {max}"),
        }
    }
}

/// The bounds of an integer expression, as far as they are known by its kind.
pub(super) fn bounds(expr: &Expr) -> Option<Bounds> {
    let natural = |defined| Some(Bounds { min: 0, max: i64::MAX, defined });
    match &expr.kind {
        Kind::Const(Value::Int(n)) => Some(Bounds { min: *n, max: *n, defined: true }),
        Kind::Filesize => natural(true),
        Kind::Count(_, range) => natural(range.is_none()),
        Kind::Offset(..) | Kind::Length(..) => natural(false),
        Kind::ReadInt(code, _) => {
            let bits = u32::from(code & 0xF) * 8;
            let (min, max) = match code & 16 {
                0 => (0, (1i64 << bits) - 1),
                _ => (-(1i64 << (bits - 1)), (1i64 << (bits - 1)) - 1),
            };
            Some(Bounds { min, max, defined: false })
        }
        Kind::Binary(Op::BitAnd, left, right) => {
            let mask = [left, right].into_iter().find_map(|side| side.as_int().filter(|&n| n >= 0))?;
            Some(Bounds { min: 0, max: mask, defined: false })
        }
        _ => None,
    }
}

/// How a comparison comes out whatever the file is. One that is false, or else undefined, counts as false.
pub(super) fn decided(op: Op, a: Bounds, b: Bounds) -> Option<bool> {
    let apart = a.max < b.min || b.max < a.min;
    let same = a.min == a.max && b.min == b.max && a.min == b.min;
    let (holds, fails) = match op {
        Op::Eq => (same, apart),
        Op::Ne => (apart, same),
        Op::Lt => (a.max < b.min, a.min >= b.max),
        Op::Le => (a.max <= b.min, a.min > b.max),
        Op::Gt => (a.min > b.max, a.max <= b.min),
        Op::Ge => (a.min >= b.max, a.max < b.min),
        _ => return None,
    };
    match (holds && a.defined && b.defined, fails) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_decided_as_all_their_values_say() {
        let values = -2i64..=2;
        let ranges: Vec<Bounds> = values
            .clone()
            .flat_map(|min| (min..=2).map(move |max| Bounds { min, max, defined: true }))
            .collect();
        let holds = |op, x: i64, y: i64| match op {
            Op::Eq => x == y,
            Op::Ne => x != y,
            Op::Lt => x < y,
            Op::Le => x <= y,
            Op::Gt => x > y,
            _ => x >= y,
        };
        for op in [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge] {
            for a in &ranges {
                for b in &ranges {
                    let all: Vec<bool> =
                        (a.min..=a.max).flat_map(|x| (b.min..=b.max).map(move |y| holds(op, x, y))).collect();
                    let wanted = all.iter().all(|&one| one == all[0]).then_some(all[0]);
                    assert_eq!(decided(op, *a, *b), wanted, "{op:?} {a:?} {b:?}");
                    let unsure = Bounds { defined: false, ..*a };
                    assert_eq!(decided(op, unsure, *b), wanted.filter(|&always| !always));
                }
            }
        }
    }
}
