//! Values of conditions and the operators on them. Whatever an operator does not accept gives *undefined*.

use std::borrow::Cow;
use std::cmp::Ordering;

use hallmark_image::insn::Op;
use hallmark_modules::{Node, Scalar};
use memchr::memmem;

use crate::compare::lower;

/// A value of a condition.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Value<'a> {
    #[default]
    Undefined,
    Int(i64),
    Float(f64),
    Bool(bool),
    Str(Cow<'a, [u8]>),
    /// A structure, array or map of a module.
    Node(&'a Node<'a>),
    /// The bytes of a program.
    Regex(&'a [u8]),
}

impl<'a> Value<'a> {
    /// A node as a value.
    pub fn of_node(node: &'a Node<'a>) -> Self {
        match node.settled() {
            Node::Undefined | Node::Late(_) => Value::Undefined,
            Node::Int(i) => Value::Int(*i),
            Node::Float(x) => Value::Float(*x),
            Node::Bool(b) => Value::Bool(*b),
            Node::Str(s) => Value::Str(Cow::Borrowed(s)),
            node @ (Node::Struct(_) | Node::Array(_) | Node::Map(_)) => Value::Node(node),
        }
    }

    /// The answer of a function as a value.
    pub fn of_answer(answer: Option<Scalar<'a>>) -> Self {
        match answer {
            None => Value::Undefined,
            Some(Scalar::Int(i)) => Value::Int(i),
            Some(Scalar::Float(x)) => Value::Float(x),
            Some(Scalar::Bool(b)) => Value::Bool(b),
            Some(Scalar::Str(s)) => Value::Str(s),
        }
    }

    /// `None` is undefined.
    pub fn of_int(value: Option<i64>) -> Self {
        value.map_or(Value::Undefined, Value::Int)
    }

    /// `None` is undefined.
    pub fn of_bool(value: Option<bool>) -> Self {
        value.map_or(Value::Undefined, Value::Bool)
    }

    /// Whether it counts as true; `None` if undefined.
    pub fn truth(&self) -> Option<bool> {
        match self {
            Value::Undefined => None,
            Value::Int(i) => Some(*i != 0),
            Value::Float(x) => Some(*x != 0.0),
            Value::Bool(b) => Some(*b),
            Value::Str(s) => Some(!s.is_empty()),
            Value::Node(_) | Value::Regex(_) => Some(true),
        }
    }

    pub fn is_true(&self) -> bool {
        self.truth() == Some(true)
    }

    pub fn int(&self) -> Option<i64> {
        if let Value::Int(i) = self { Some(*i) } else { None }
    }

    /// The bytes of a string.
    pub fn text(&self) -> Option<&[u8]> {
        if let Value::Str(s) = self { Some(s) } else { None }
    }

    /// How much work an operator on it is, in steps.
    pub fn cost(&self) -> u64 {
        self.text().map_or(0, |t| t.len() as u64 / 32)
    }
}

/// An operator of two operands.
pub(crate) fn binary<'a>(op: Op, left: &Value<'a>, right: &Value<'a>) -> Value<'a> {
    match op {
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod => arithmetic(op, left, right),
        Op::BitAnd | Op::BitOr | Op::BitXor | Op::Shl | Op::Shr => {
            Value::of_int(left.int().zip(right.int()).and_then(|(l, r)| bits(op, l, r)))
        }
        Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => Value::of_bool(compare(op, left, right)),
        _ => Value::of_bool(left.text().zip(right.text()).and_then(|(l, r)| strings(op, l, r))),
    }
}

/// An operator of one operand.
pub(crate) fn unary<'a>(op: Op, operand: &Value<'a>) -> Value<'a> {
    match (op, operand) {
        (Op::Neg, Value::Int(i)) => Value::Int(i.wrapping_neg()),
        (Op::Neg, Value::Float(x)) => Value::Float(-x),
        (Op::BitNot, Value::Int(i)) => Value::Int(!i),
        (Op::Not, value) => Value::of_bool(value.truth().map(|t| !t)),
        (Op::ToBool, value) => Value::of_bool(value.truth()),
        (Op::Truth, value) => Value::Bool(value.is_true()),
        (Op::Defined, value) => Value::Bool(*value != Value::Undefined),
        _ => Value::Undefined,
    }
}

fn arithmetic<'a>(op: Op, left: &Value<'a>, right: &Value<'a>) -> Value<'a> {
    if let (Value::Int(l), Value::Int(r)) = (left, right) {
        return Value::of_int(match op {
            Op::Add => Some(l.wrapping_add(*r)),
            Op::Sub => Some(l.wrapping_sub(*r)),
            Op::Mul => Some(l.wrapping_mul(*r)),
            Op::Div => l.checked_div(*r),
            _ => l.checked_rem(*r),
        });
    }
    let Some((l, r)) = float(left).zip(float(right)) else { return Value::Undefined };
    match op {
        Op::Add => Value::Float(l + r),
        Op::Sub => Value::Float(l - r),
        Op::Mul => Value::Float(l * r),
        Op::Div => Value::Float(l / r),
        _ => Value::Undefined,
    }
}

fn float(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Int(i) => Some(*i as f64),
        Value::Float(x) => Some(*x),
        _ => None,
    }
}

fn bits(op: Op, left: i64, right: i64) -> Option<i64> {
    match op {
        Op::BitAnd => Some(left & right),
        Op::BitOr => Some(left | right),
        Op::BitXor => Some(left ^ right),
        _ if right < 0 => None,
        Op::Shl => Some(u32::try_from(right).ok().and_then(|r| left.checked_shl(r)).unwrap_or(0)),
        _ => Some(u32::try_from(right).ok().and_then(|r| left.checked_shr(r)).unwrap_or(0)),
    }
}

fn compare(op: Op, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
    // Booleans compare as 0 and 1.
    let integer = |value: &Value<'_>| match value {
        Value::Int(i) => Some(*i),
        Value::Bool(b) => Some(i64::from(*b)),
        _ => None,
    };
    let order = match (left, right) {
        (Value::Str(l), Value::Str(r)) => Some(l.cmp(r)),
        (Value::Float(_), _) | (_, Value::Float(_)) => float(left)?.partial_cmp(&float(right)?),
        _ => Some(integer(left)?.cmp(&integer(right)?)),
    };
    Some(match op {
        Op::Eq => order == Some(Ordering::Equal),
        Op::Ne => order != Some(Ordering::Equal),
        Op::Lt => order == Some(Ordering::Less),
        Op::Le => order.is_some_and(Ordering::is_le),
        Op::Gt => order == Some(Ordering::Greater),
        _ => order.is_some_and(Ordering::is_ge),
    })
}

fn strings(op: Op, left: &[u8], right: &[u8]) -> Option<bool> {
    let ends = |l: &[u8], r: &[u8]| l.eq_ignore_ascii_case(r);
    Some(match op {
        Op::Contains => memmem::find(left, right).is_some(),
        Op::IContains => memmem::find(&lower(left), &lower(right)).is_some(),
        Op::StartsWith => left.starts_with(right),
        Op::IStartsWith => left.get(..right.len()).is_some_and(|l| ends(l, right)),
        Op::EndsWith => left.ends_with(right),
        Op::IEndsWith => {
            let tail = left.len().checked_sub(right.len()).and_then(|at| left.get(at..));
            tail.is_some_and(|l| ends(l, right))
        }
        Op::IEquals => ends(left, right),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(s: &'static str) -> Value<'static> {
        Value::Str(Cow::Borrowed(s.as_bytes()))
    }

    #[test]
    fn integers_wrap_and_odd_divisions_are_undefined() {
        let int = |op, l, r| binary(op, &Value::Int(l), &Value::Int(r));
        assert_eq!(int(Op::Add, i64::MAX, 1), Value::Int(i64::MIN));
        assert_eq!(int(Op::Mul, i64::MIN, -1), Value::Int(i64::MIN));
        assert_eq!(int(Op::Div, 7, -2), Value::Int(-3));
        assert_eq!(int(Op::Mod, -7, 2), Value::Int(-1));
        for (op, l, r) in [
            (Op::Div, 1, 0),
            (Op::Mod, 1, 0),
            (Op::Mod, i64::MIN, -1),
            (Op::Div, i64::MIN, -1),
            (Op::Shl, 1, -1),
            (Op::Shr, 1, -1),
        ] {
            assert_eq!(int(op, l, r), Value::Undefined, "{op:?}");
        }
        assert_eq!(int(Op::Shl, 1, 63), Value::Int(i64::MIN));
        assert_eq!(int(Op::Shl, 1, 64), Value::Int(0));
        assert_eq!(int(Op::Shr, -1, 1 << 40), Value::Int(0));
        assert_eq!(int(Op::Shr, -8, 1), Value::Int(-4));
    }

    #[test]
    fn integers_become_floats_beside_floats() {
        assert_eq!(binary(Op::Div, &Value::Int(1), &Value::Float(2.0)), Value::Float(0.5));
        assert_eq!(binary(Op::Div, &Value::Float(1.0), &Value::Int(0)), Value::Float(f64::INFINITY));
        assert_eq!(binary(Op::Lt, &Value::Int(1), &Value::Float(1.5)), Value::Bool(true));
        assert_eq!(binary(Op::Ne, &Value::Float(f64::NAN), &Value::Float(f64::NAN)), Value::Bool(true));
        assert_eq!(binary(Op::Mod, &Value::Float(1.0), &Value::Int(2)), Value::Undefined);
        assert_eq!(binary(Op::Eq, &Value::Bool(true), &Value::Bool(true)), Value::Bool(true));
        assert_eq!(binary(Op::Eq, &text("a"), &Value::Int(1)), Value::Undefined);
    }

    #[test]
    fn letter_case_is_ascii_only() {
        let holds = |op, l, r| binary(op, &text(l), &text(r)) == Value::Bool(true);
        assert!(holds(Op::IContains, "xAbC", "aBc") && !holds(Op::IContains, "Ä", "ä"));
        assert!(holds(Op::IStartsWith, "ABc", "ab") && holds(Op::IEndsWith, "xAB", "ab"));
        assert!(!holds(Op::IEndsWith, "b", "ab") && holds(Op::IEquals, "aB", "Ab"));
        assert!(holds(Op::Contains, "abc", "") && holds(Op::Lt, "a", "b") && holds(Op::Lt, "", "a"));
        assert_eq!(binary(Op::Contains, &text("a"), &Value::Undefined), Value::Undefined);
    }

    #[test]
    fn undefined_stays_but_for_three_operators() {
        assert_eq!(unary(Op::Not, &Value::Undefined), Value::Undefined);
        assert_eq!(unary(Op::ToBool, &Value::Undefined), Value::Undefined);
        assert_eq!(unary(Op::Truth, &Value::Undefined), Value::Bool(false));
        assert_eq!(unary(Op::Defined, &Value::Undefined), Value::Bool(false));
        assert_eq!(unary(Op::Defined, &Value::Int(0)), Value::Bool(true));
        assert_eq!(unary(Op::Not, &text("")), Value::Bool(true));
    }
}
