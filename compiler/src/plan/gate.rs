//! Gates: what is known of the files that a rule can match, from their first bytes and their size alone.
//!
//! The condition is interpreted over sets of files: each construct gives a set that certainly holds every file for
//! which it can be true. Whatever isn't listed gives every file.

use hallmark_image::FileClass;
use hallmark_image::insn::Op;
use hallmark_image::record::Gate;
use hallmark_image::schema::{MODULES, Type, module_id};
use zerocopy::little_endian::U32;

use crate::ir::{Anchor, Expr, Items, Kind, LoweredRule, PatternRef, Value};
use crate::lower::{Body, Lowered, LoweredVariant};

/// Functions of `pe` that answer something for every file.
const PE_FUNCTIONS_OF_ANY_FILE: &[&str] =
    &["imports", "exports", "rich_signature.toolid", "rich_signature.version", "locale", "language"];

/// A set of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Files {
    classes: u8,
    /// Sizes, both included; reversed when there are none.
    min: u64,
    max: u64,
}

impl Files {
    const ALL: Files = Files { classes: FileClass::EVERY, min: 0, max: u64::MAX };
    const NONE: Files = Files { classes: 0, min: u64::MAX, max: 0 };

    fn of_classes(classes: u8) -> Self {
        Files { classes, ..Files::ALL }
    }

    fn and(self, other: Files) -> Files {
        Files {
            classes: self.classes & other.classes,
            min: self.min.max(other.min),
            max: self.max.min(other.max),
        }
    }

    fn or(self, other: Files) -> Files {
        let is_empty = |files: &Files| files.classes == 0 || files.min > files.max;
        match (is_empty(&self), is_empty(&other)) {
            (true, _) => other,
            (_, true) => self,
            _ => Files {
                classes: self.classes | other.classes,
                min: self.min.min(other.min),
                max: self.max.max(other.max),
            },
        }
    }
}

/// The gate that is always open.
pub const EVERY_FILE: Gate =
    Gate { classes: FileClass::EVERY, min_size: U32::ZERO, max_size: U32::new(u32::MAX) };

/// The gate of a rule.
pub fn of_rule(rule: &LoweredRule<'_>) -> Gate {
    of_condition(&rule.ir.condition, &rule.patterns)
}

/// The gate of a condition about patterns.
pub fn of_condition(condition: &Expr, patterns: &[Lowered]) -> Gate {
    let files = Gatekeeper { patterns }.of(condition);
    let clamp = |size: u64| U32::new(u32::try_from(size).unwrap_or(u32::MAX));
    // A size that 32 bits can't hold is no limit.
    Gate { classes: files.classes, min_size: clamp(files.min), max_size: clamp(files.max) }
}

/// The condition without those operands of its outermost `and` that hold for every file that the gate admits: no other
/// file is ever shown to it.
pub fn without_implied(condition: &Expr, gate: &Gate) -> Expr {
    let Kind::And(operands) = &condition.kind else { return condition.clone() };
    let mut left: Vec<Expr> = operands.iter().filter(|e| !is_implied(e, gate)).cloned().collect();
    match left.len() {
        0 => Expr { kind: Kind::Const(Value::Bool(true)), ty: condition.ty },
        1 => left.swap_remove(0),
        _ => Expr { kind: Kind::And(left), ty: condition.ty },
    }
}

/// Whether the condition can only hold where there is a size, because an operand of its outermost `and` compares it.
pub fn bounds_size(condition: &Expr) -> bool {
    let compares = |expr: &Expr| match &expr.kind {
        Kind::Binary(op, left, right) => {
            with_constant(*op, left, right).is_some_and(|(_, expr, _)| matches!(expr.kind, Kind::Filesize))
        }
        _ => false,
    };
    match &condition.kind {
        Kind::And(operands) => operands.iter().any(compares),
        _ => compares(condition),
    }
}

/// Whether a comparison holds for every file that the gate admits.
fn is_implied(expr: &Expr, gate: &Gate) -> bool {
    let Kind::Binary(op, left, right) = &expr.kind else { return false };
    let Some((op, expr, n)) = with_constant(*op, left, right) else { return false };
    match (&expr.kind, op) {
        (Kind::Filesize, _) => {
            let files = compared(op, expr, n);
            let max = if gate.max_size.get() == u32::MAX { u64::MAX } else { gate.max_size.get().into() };
            files != Files::ALL && files.min <= gate.min_size.get().into() && max <= files.max
        }
        (Kind::ReadInt(code, offset), Op::Eq) => {
            let Some(known) = read_bytes(*code, offset, n) else { return false };
            let admitted = FileClass::ALL.iter().filter(|class| gate.classes & class.bit() != 0);
            admitted
                .map(|class| class.magic())
                .all(|magic| known.clone().all(|(at, byte)| magic.get(at) == Some(&byte)))
        }
        _ => false,
    }
}

/// The classes of files for which a condition can hold, as bits, patterns not looked at.
pub fn classes(condition: &Expr) -> u8 {
    Gatekeeper { patterns: &[] }.of(condition).classes
}

/// Finds the files for which expressions can be true.
#[derive(Debug, Clone, Copy)]
pub struct Gatekeeper<'p> {
    /// The patterns of the rule, as far as they are known.
    pub patterns: &'p [Lowered],
}

impl Gatekeeper<'_> {
    /// Whether an expression can be true for files of a class.
    pub fn admits(self, expr: &Expr, class: FileClass) -> bool {
        self.of(expr).classes & class.bit() != 0
    }

    fn of(&self, expr: &Expr) -> Files {
        if needs_pe(expr) {
            return Files::of_classes(FileClass::Pe.bit());
        }
        match &expr.kind {
            Kind::And(operands) => operands.iter().map(|e| self.of(e)).fold(Files::ALL, Files::and),
            Kind::Or(operands) => operands.iter().map(|e| self.of(e)).fold(Files::NONE, Files::or),
            Kind::Binary(op, left, right) => comparison(*op, left, right),
            Kind::Match(PatternRef::Index(pattern), Anchor::At(offset)) => match offset.as_int() {
                Some(offset) => self.anchored(*pattern, offset),
                None => Files::ALL,
            },
            Kind::With(_, body) => self.of(body),
            Kind::Unary(Op::ToBool | Op::Truth, operand) => self.of(operand),
            Kind::Call(module, function, _) if is_pe(*module) => {
                // As a condition they hold for no other file.
                match pe_function(*function) {
                    Some(_) => Files::of_classes(FileClass::Pe.bit()),
                    None => Files::ALL,
                }
            }
            Kind::Field(base, _) if matches!(base.kind, Kind::Module(module) if is_pe(module)) => {
                // `pe.is_pe`: everything else was undefined above.
                if expr.ty == Type::Bool { Files::of_classes(FileClass::Pe.bit()) } else { Files::ALL }
            }
            Kind::For(each) => match &each.items {
                // A loop over nothing is false, and so is one over something undefined.
                Items::Elements(items) if needs_pe_items(items) => Files::of_classes(FileClass::Pe.bit()),
                Items::Range(low, high) if needs_pe(low) || needs_pe(high) => {
                    Files::of_classes(FileClass::Pe.bit())
                }
                _ => Files::ALL,
            },
            _ => Files::ALL,
        }
    }

    /// Files with a pattern at a constant offset.
    fn anchored(&self, pattern: u32, offset: i64) -> Files {
        let (Some(pattern), Ok(offset)) = (self.patterns.get(pattern as usize), usize::try_from(offset))
        else {
            return Files::ALL;
        };
        let of = |variant: &LoweredVariant| match &variant.body {
            Body::Bytes { value, mask } if variant.xor == (0, 0) => {
                let known = value.iter().enumerate().filter(|(i, _)| mask.get(*i).is_none_or(|&m| m == 0xFF));
                let head = Head::of(known.map(|(i, &byte)| (offset + i, byte)));
                Files { min: (offset + value.len()) as u64, ..Files::of_classes(head.classes()) }
            }
            _ => Files::ALL,
        };
        pattern.variants.iter().map(of).fold(Files::NONE, Files::or)
    }
}

/// Bytes known of the beginning of a file.
#[derive(Debug, Default)]
struct Head([Option<u8>; 4]);

impl Head {
    fn of(known: impl Iterator<Item = (usize, u8)>) -> Self {
        let mut head = Head::default();
        for (at, byte) in known {
            if let Some(slot) = head.0.get_mut(at) {
                *slot = Some(byte);
            }
        }
        head
    }

    /// The classes of files that can begin so.
    fn classes(&self) -> u8 {
        let agrees = |class: &FileClass| {
            let mut pairs = class.magic().iter().zip(self.0);
            pairs.all(|(magic, known)| known.is_none_or(|known| known == *magic))
        };
        let is = |class: &FileClass| {
            let mut pairs = class.magic().iter().zip(self.0);
            !class.magic().is_empty() && pairs.all(|(magic, known)| known == Some(*magic))
        };
        match FileClass::ALL.iter().find(|class| is(class)) {
            Some(class) => class.bit(),
            None => FileClass::ALL.iter().filter(|class| agrees(class)).fold(0, |set, c| set | c.bit()),
        }
    }
}

/// Comparisons of the size, and of integers at the start of the file, with constants.
fn comparison(op: Op, left: &Expr, right: &Expr) -> Files {
    with_constant(op, left, right).map_or(Files::ALL, |(op, expr, n)| compared(op, expr, n))
}

/// A comparison with a constant, turned so that it stands on the right.
fn with_constant<'e>(op: Op, left: &'e Expr, right: &'e Expr) -> Option<(Op, &'e Expr, i64)> {
    let mirrored = match op {
        Op::Lt => Op::Gt,
        Op::Le => Op::Ge,
        Op::Gt => Op::Lt,
        Op::Ge => Op::Le,
        Op::Eq => Op::Eq,
        _ => return None,
    };
    match (left.as_int(), right.as_int()) {
        (None, Some(n)) => Some((op, left, n)),
        (Some(n), None) => Some((mirrored, right, n)),
        _ => None,
    }
}

fn compared(op: Op, expr: &Expr, n: i64) -> Files {
    match (&expr.kind, op) {
        (Kind::Filesize, Op::Eq | Op::Lt | Op::Le) if n < 0 => Files::NONE,
        (Kind::Filesize, Op::Eq) => Files { min: n as u64, max: n as u64, ..Files::ALL },
        (Kind::Filesize, Op::Le) => Files { max: n as u64, ..Files::ALL },
        (Kind::Filesize, Op::Lt) => match (n as u64).checked_sub(1) {
            Some(max) => Files { max, ..Files::ALL },
            None => Files::NONE,
        },
        (Kind::Filesize, Op::Ge) => Files { min: n.max(0) as u64, ..Files::ALL },
        (Kind::Filesize, Op::Gt) => Files { min: n.saturating_add(1).max(0) as u64, ..Files::ALL },
        (Kind::ReadInt(code, offset), Op::Eq) => match read_bytes(*code, offset, n) {
            Some(known) => Files::of_classes(Head::of(known).classes()),
            None => Files::ALL,
        },
        _ => Files::ALL,
    }
}

/// The bytes, and where they stand, of a file in which the integer at a constant offset is `n`.
fn read_bytes(code: u8, offset: &Expr, n: i64) -> Option<impl Iterator<Item = (usize, u8)> + Clone> {
    let (offset, width) = (usize::try_from(offset.as_int()?).ok()?, usize::from(code & 15));
    let mut bytes = n.to_le_bytes();
    let (read, above) = bytes.split_at_mut_checked(width)?;
    // A number that so many bytes can't be is left to the evaluation.
    let sign = if code & 16 != 0 && read.last().is_some_and(|&top| top >= 0x80) { 0xFF } else { 0 };
    if above.iter().any(|&byte| byte != sign) {
        return None;
    }
    if code & 32 != 0 {
        read.reverse();
    }
    Some(bytes.into_iter().take(width).enumerate().map(move |(i, byte)| (offset.saturating_add(i), byte)))
}

fn is_pe(module: u16) -> bool {
    module_id("pe") == Some(module)
}

/// The name of a function of `pe` that can't be true for a file that is none.
fn pe_function(function: u16) -> Option<&'static str> {
    let module = MODULES.get(usize::from(module_id("pe")?))?;
    module.functions.get(usize::from(function)).map(|f| f.name)
}

/// Whether an expression is undefined for every file that is no PE file.
fn needs_pe(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Field(base, _) => {
            let scalar = !matches!(expr.ty, Type::Struct(_) | Type::Array(_) | Type::Map(_));
            scalar && rooted_in_pe(base) && !is_the_flag(expr)
        }
        Kind::Index(base, index) => rooted_in_pe(base) || needs_pe(index),
        Kind::Call(module, function, _) if is_pe(*module) => {
            pe_function(*function).is_some_and(|name| !PE_FUNCTIONS_OF_ANY_FILE.contains(&name))
        }
        Kind::Matches(text, _) => needs_pe(text),
        Kind::Unary(op, operand) => !matches!(op, Op::Defined | Op::Truth) && needs_pe(operand),
        Kind::Binary(_, left, right) => needs_pe(left) || needs_pe(right),
        Kind::ReadInt(_, offset) => needs_pe(offset),
        Kind::Match(_, Anchor::At(offset)) => needs_pe(offset),
        Kind::Match(_, Anchor::In(range)) => needs_pe(&range.0) || needs_pe(&range.1),
        _ => false,
    }
}

/// Whether an expression is the module `pe`, or a part of it that can have parts.
fn rooted_in_pe(expr: &Expr) -> bool {
    match &expr.kind {
        Kind::Module(module) => is_pe(*module),
        Kind::Field(base, _) | Kind::Index(base, _) => rooted_in_pe(base),
        _ => false,
    }
}

/// A list or map of `pe`, which is empty or undefined for other files.
fn needs_pe_items(expr: &Expr) -> bool {
    !matches!(expr.kind, Kind::Module(_)) && rooted_in_pe(expr)
}

/// `pe.is_pe`, which is false for other files, not undefined.
fn is_the_flag(expr: &Expr) -> bool {
    let Kind::Field(base, field) = &expr.kind else { return false };
    let Kind::Module(module) = base.kind else { return false };
    let schema = MODULES.get(usize::from(module));
    schema.and_then(|m| m.fields.get(usize::from(*field))).is_some_and(|f| f.name == "is_pe")
}
