//! Constant folding: integer arithmetic that does not fit 64 bits is an error, division by a constant zero undefined.

use hallmark_image::insn::Op;

use crate::codes;
use crate::diagnostic::{Diagnostic, SourceId, Span};
use crate::ir::{Expr, Kind, Type, Value};

/// An operation with two operands that have been type-checked; folded when both are constants.
pub(super) fn binary(
    op: Op,
    left: Expr,
    right: Expr,
    ty: Type,
    (source, span): (SourceId, Span),
) -> Result<Expr, Box<Diagnostic>> {
    if let (Some(a), Some(b)) = (left.as_int(), right.as_int()) {
        let overflow = || {
            let message = "this number does not fit 64 bits";
            let finding = Diagnostic::error(
                codes::NUMBER_RANGE,
                source,
                span,
                message,
                "the result of this arithmetic",
            );
            Box::new(finding.with_help("integers go from -9223372036854775808 to 9223372036854775807"))
        };
        let int = |n| Ok(Expr::constant(Value::Int(n)));
        match op {
            Op::Add => return a.checked_add(b).ok_or_else(overflow).and_then(int),
            Op::Sub => return a.checked_sub(b).ok_or_else(overflow).and_then(int),
            Op::Mul => return a.checked_mul(b).ok_or_else(overflow).and_then(int),
            Op::BitAnd => return int(a & b),
            Op::BitOr => return int(a | b),
            Op::BitXor => return int(a ^ b),
            Op::Shl if b >= 0 => return int(if b < 64 { a << b } else { 0 }),
            Op::Shr if b >= 0 => return int(if b < 64 { a >> b } else { 0 }),
            Op::Shl | Op::Shr => {
                let message = "shift by a negative number";
                return Err(Box::new(Diagnostic::error(
                    codes::NEGATIVE_NUMBER,
                    source,
                    span,
                    message,
                    "negative shift",
                )));
            }
            Op::Div | Op::Mod if b == 0 => return Ok(Expr { kind: Kind::Undefined, ty }),
            _ => {}
        }
    }
    if let (Kind::Const(Value::Float(a)), Kind::Const(Value::Float(b))) = (&left.kind, &right.kind) {
        let folded = match op {
            Op::Add => Some(a + b),
            Op::Sub => Some(a - b),
            Op::Mul => Some(a * b),
            _ => None,
        };
        if let Some(x) = folded {
            return Ok(Expr::constant(Value::Float(x)));
        }
    }
    Ok(Expr { kind: Kind::Binary(op, Box::new(left), Box::new(right)), ty })
}

/// An operation with one operand that has been type-checked; folded when it is a constant.
pub(super) fn unary(op: Op, operand: Expr, ty: Type) -> Expr {
    let folded = match (op, &operand.kind) {
        (Op::Neg, Kind::Const(Value::Int(n))) => Some(Value::Int(n.wrapping_neg())),
        (Op::Neg, Kind::Const(Value::Float(x))) => Some(Value::Float(-x)),
        (Op::BitNot, Kind::Const(Value::Int(n))) => Some(Value::Int(!n)),
        (Op::Not, Kind::Const(Value::Bool(b))) => Some(Value::Bool(!b)),
        _ => None,
    };
    folded.map_or_else(|| Expr { kind: Kind::Unary(op, Box::new(operand)), ty }, Expr::constant)
}
