//! Conditions by walking their tree. *Undefined* is a value like others.

use std::collections::BTreeMap;

use hallmark_compiler::ast::{
    Anchor, BinaryOp, Expr, ExprKind, Ident, Iterable, OfSet, Quantifier, Range, Rule, SetItem, UnaryOp,
};

use super::{Found, find, regex};

/// A value.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the variants are the types of the language")]
pub enum Value {
    Undefined,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Vec<u8>),
}

use Value::{Bool, Float, Int, Str, Undefined};

impl Value {
    /// Whether a condition with this value holds.
    pub fn holds(&self) -> bool {
        self.truth() == Some(true)
    }

    fn truth(&self) -> Option<bool> {
        match self {
            Undefined => None,
            Bool(value) => Some(*value),
            Int(value) => Some(*value != 0),
            Float(value) => Some(*value != 0.0),
            Str(value) => Some(!value.is_empty()),
        }
    }

    fn int(&self) -> Option<i64> {
        if let Int(value) = self { Some(*value) } else { None }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Int(value) => Some(*value as f64),
            Float(value) => Some(*value),
            _ => None,
        }
    }
}

fn truth(value: Option<bool>) -> Value {
    value.map_or(Undefined, Bool)
}

/// What [`Evaluation`] cannot tell: a rule uses something that it does not know, such as a module, or takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

/// Expressions that may be evaluated for one rule; nested loops would take for ever.
const MAX_STEPS: u32 = 1 << 20;

/// Evaluates the rules of one namespace, in order.
#[derive(Debug)]
pub struct Evaluation<'d> {
    data: &'d [u8],
    externals: BTreeMap<String, Value>,
    rules: BTreeMap<String, bool>,
    matches: Vec<(String, Vec<Found>)>,
    locals: Vec<(String, Value)>,
    /// The pattern that `$` stands for.
    current: Vec<usize>,
    /// Expressions that may still be evaluated; nothing is left after something unknown.
    left: u32,
}

impl<'d> Evaluation<'d> {
    /// Nothing evaluated yet.
    pub fn new(data: &'d [u8]) -> Self {
        Evaluation {
            data,
            externals: BTreeMap::new(),
            rules: BTreeMap::new(),
            matches: Vec::new(),
            locals: Vec::new(),
            current: Vec::new(),
            left: 0,
        }
    }

    /// Gives an external variable a value.
    pub fn define(&mut self, name: &str, value: Value) {
        self.externals.insert(name.to_owned(), value);
    }

    /// Whether the condition of `rule` holds; rules after it can refer to it.
    ///
    /// # Errors
    /// This evaluator does not know the answer.
    pub fn rule(&mut self, rule: &Rule<'_>) -> Result<bool, Unknown> {
        let found = rule.patterns.iter().map(|p| Some((p.id.name.to_owned(), find(p, self.data)?)));
        self.matches = found.collect::<Option<_>>().ok_or(Unknown)?;
        self.left = MAX_STEPS;
        let holds = self.value(&rule.condition).holds();
        if self.left == 0 {
            return Err(Unknown);
        }
        self.rules.insert(rule.name.name.to_owned(), holds);
        Ok(holds)
    }

    /// The matches of each pattern of the rule that was evaluated last, by name.
    pub fn matches(&self) -> &[(String, Vec<Found>)] {
        &self.matches
    }

    fn unknown(&mut self) -> Value {
        self.left = 0;
        Undefined
    }

    fn value(&mut self, expr: &Expr<'_>) -> Value {
        if self.left <= 1 {
            return self.unknown();
        }
        self.left -= 1;
        match &expr.kind {
            ExprKind::Bool(value) => Bool(*value),
            ExprKind::Int(value) => Int(*value),
            ExprKind::Float(value) => Float(*value),
            ExprKind::Str(value) => Str(value.to_vec()),
            ExprKind::Filesize => Int(self.data.len() as i64),
            ExprKind::Match { id, anchor } => {
                let pattern = self.pattern(id);
                self.matched(pattern, anchor.as_deref())
            }
            ExprKind::Count { id, range } => {
                let pattern = self.pattern(id);
                let bounds = match range {
                    None => Some((i64::MIN, i64::MAX)),
                    Some(range) => self.bounds(range),
                };
                let Some((low, high)) = bounds else { return Undefined };
                let inside =
                    self.matches[pattern].1.iter().filter(|m| (low..=high).contains(&(m.offset as i64)));
                Int(inside.count() as i64)
            }
            ExprKind::Offset { id, index } => self.nth(id, index.as_deref(), |m| m.offset),
            ExprKind::Length { id, index } => self.nth(id, index.as_deref(), |m| m.length),
            ExprKind::Ident(name) => self.named(name.name),
            ExprKind::Call(function, arguments) => self.call(function, arguments),
            ExprKind::Unary(op, operand) => {
                let operand = self.value(operand);
                unary(*op, operand)
            }
            ExprKind::And(operands) => Bool(operands.iter().all(|operand| self.value(operand).holds())),
            ExprKind::Or(operands) => Bool(operands.iter().any(|operand| self.value(operand).holds())),
            ExprKind::Binary(BinaryOp::Matches, text, pattern) => match (self.value(text), &pattern.kind) {
                (Str(text), ExprKind::Regex(r)) => {
                    match regex::Program::new(&r.source, r.case_insensitive, r.dot_matches_new_line) {
                        Some(program) => Bool(program.is_match(&text)),
                        None => self.unknown(),
                    }
                }
                _ => Undefined,
            },
            ExprKind::Binary(op, left, right) => {
                let (left, right) = (self.value(left), self.value(right));
                binary(*op, &left, &right)
            }
            ExprKind::Of { quantifier, set, anchor } => self.of(quantifier, set, anchor.as_deref()),
            ExprKind::ForOf { quantifier, set, body } => {
                let members = self.patterns(set);
                let Some(wanted) = self.wanted(quantifier, members.len()) else { return Undefined };
                let mut found = 0;
                for &member in &members {
                    self.current.push(member);
                    found += i64::from(self.value(body).holds());
                    self.current.pop();
                }
                Bool(wanted.met(found, members.len()))
            }
            ExprKind::ForIn { quantifier, vars, iterable, body } => {
                let items = self.items(iterable);
                if items.is_empty() {
                    return Bool(false);
                }
                let Some(wanted) = self.wanted(quantifier, items.len()) else { return Undefined };
                let name = vars.first().expect("a variable").name.to_owned();
                let mut found = 0;
                for item in &items {
                    self.locals.push((name.clone(), item.clone()));
                    found += i64::from(self.value(body).holds());
                    self.locals.pop();
                }
                Bool(wanted.met(found, items.len()))
            }
            ExprKind::With { bindings, body } => {
                let before = self.locals.len();
                for (name, value) in bindings {
                    let value = self.value(value);
                    self.locals.push((name.name.to_owned(), value));
                }
                let value = self.value(body);
                self.locals.truncate(before);
                value
            }
            // Of what is no program.
            ExprKind::Entrypoint if !self.data.starts_with(b"MZ") && !self.data.starts_with(b"\x7F") => {
                Undefined
            }
            ExprKind::Regex(_) | ExprKind::Entrypoint | ExprKind::Field(..) | ExprKind::Index(..) => {
                self.unknown()
            }
        }
    }

    fn named(&mut self, name: &str) -> Value {
        let local = self.locals.iter().rev().find(|(local, _)| local == name).map(|(_, value)| value.clone());
        let rule = || self.rules.get(name).map(|holds| Bool(*holds));
        let named = local.or_else(rule).or_else(|| self.externals.get(name).cloned());
        named.unwrap_or_else(|| self.unknown())
    }

    fn pattern(&self, id: &Ident<'_>) -> usize {
        if id.name == "$" {
            return *self.current.last().expect("a loop around `$`");
        }
        let found = self.matches.iter().position(|(name, _)| name == id.name);
        found.unwrap_or_else(|| panic!("no pattern is called {}", id.name))
    }

    fn matched(&mut self, pattern: usize, anchor: Option<&Anchor<'_>>) -> Value {
        let matches = |this: &Self, low: i64, high: i64| {
            Bool(this.matches[pattern].1.iter().any(|m| (low..=high).contains(&(m.offset as i64))))
        };
        match anchor {
            None => matches(self, 0, i64::MAX),
            Some(Anchor::At(offset)) => match self.value(offset).int() {
                Some(at) if at >= 0 => matches(self, at, at),
                _ => Undefined,
            },
            Some(Anchor::In(range)) => match self.bounds(range) {
                Some((low, high)) => matches(self, low, high),
                None => Undefined,
            },
        }
    }

    fn nth(&mut self, id: &Ident<'_>, index: Option<&Expr<'_>>, what: fn(&Found) -> usize) -> Value {
        let pattern = self.pattern(id);
        let index = index.map_or(Some(1), |index| self.value(index).int());
        let nth = index.and_then(|i| usize::try_from(i).ok()?.checked_sub(1));
        let found = nth.and_then(|i| self.matches[pattern].1.get(i));
        found.map_or(Undefined, |m| Int(what(m) as i64))
    }

    fn bounds(&mut self, range: &Range<'_>) -> Option<(i64, i64)> {
        let low = self.value(&range.low).int();
        let high = self.value(&range.high).int();
        low.zip(high)
    }

    fn call(&mut self, function: &Expr<'_>, arguments: &[Expr<'_>]) -> Value {
        let (ExprKind::Ident(name), [offset]) = (&function.kind, arguments) else {
            return self.unknown();
        };
        let offset = self.value(offset).int().and_then(|o| usize::try_from(o).ok());
        let read = |len: usize| {
            let start = offset?;
            Some(
                self.data
                    .get(start..start.checked_add(len)?)?
                    .iter()
                    .map(|&b| u64::from(b))
                    .collect::<Vec<_>>(),
            )
        };
        let (kind, big) = match name.name.strip_suffix("be") {
            Some(kind) => (kind, true),
            None => (name.name, false),
        };
        let (len, signed) = match kind {
            "uint8" => (1, false),
            "uint16" => (2, false),
            "uint32" => (4, false),
            "int8" => (1, true),
            "int16" => (2, true),
            "int32" => (4, true),
            _ => return self.unknown(),
        };
        let Some(mut bytes) = read(len) else { return Undefined };
        if !big {
            bytes.reverse();
        }
        let value = bytes.iter().fold(0u64, |n, b| n << 8 | b);
        let unused = 64 - 8 * len as u32;
        Int(if signed { (value << unused) as i64 >> unused } else { value as i64 })
    }

    fn of(&mut self, quantifier: &Quantifier<'_>, set: &OfSet<'_>, anchor: Option<&Anchor<'_>>) -> Value {
        let members: Vec<bool> = match set {
            OfSet::Them(_) | OfSet::Patterns(_) => {
                let members = self.patterns(set);
                members.into_iter().map(|member| self.matched(member, anchor).holds()).collect()
            }
            OfSet::Rules(items) => items.iter().flat_map(|item| self.rules_named(item)).collect(),
            OfSet::Exprs(exprs) => exprs.iter().map(|expr| self.value(expr).holds()).collect(),
        };
        let Some(wanted) = self.wanted(quantifier, members.len()) else { return Undefined };
        let found = members.iter().filter(|&&holds| holds).count() as i64;
        Bool(wanted.met(found, members.len()))
    }

    /// The values of a member of a set of rules; a name that no rule has is a truth value of its own.
    fn rules_named(&mut self, item: &SetItem<'_>) -> Vec<bool> {
        if !item.wildcard {
            return vec![self.named(item.name).holds()];
        }
        let named = self.rules.iter().filter(|(name, _)| name.starts_with(item.name));
        named.map(|(_, holds)| *holds).collect()
    }

    /// The patterns of a set, each once.
    fn patterns(&self, set: &OfSet<'_>) -> Vec<usize> {
        let all = 0..self.matches.len();
        match set {
            OfSet::Patterns(items) => {
                let named = |item: &SetItem<'_>, i: usize| match item.wildcard {
                    true => self.matches[i].0.starts_with(item.name),
                    false => self.matches[i].0 == item.name,
                };
                all.filter(|&i| items.iter().any(|item| named(item, i))).collect()
            }
            _ => all.collect(),
        }
    }

    fn items(&mut self, iterable: &Iterable<'_>) -> Vec<Value> {
        match iterable {
            Iterable::Range(range) => {
                let Some((low, high)) = self.bounds(range) else { return Vec::new() };
                if high.saturating_sub(low) > i64::from(MAX_STEPS) {
                    self.unknown();
                    return Vec::new();
                }
                (low..=high).map(Int).collect()
            }
            Iterable::List(items) => items.iter().map(|item| self.value(item)).collect(),
            Iterable::Expr(_) => {
                self.unknown();
                Vec::new()
            }
        }
    }

    /// How many of `len` are asked for; `None` if that is undefined.
    fn wanted(&mut self, quantifier: &Quantifier<'_>, len: usize) -> Option<Wanted> {
        let wanted = match quantifier {
            Quantifier::All => Wanted::All,
            Quantifier::Any => Wanted::Least(1),
            Quantifier::None => Wanted::Least(0),
            Quantifier::Count(count) => Wanted::Least(self.value(count).int()?),
            Quantifier::Percent(percent) => {
                let share = self.value(percent).float()? * len as f64 / 100.0;
                Wanted::Least(share.ceil() as i64)
            }
        };
        Some(wanted)
    }
}

/// How many of a set have to hold.
enum Wanted {
    All,
    /// At least so many; none at all where it is zero.
    Least(i64),
}

impl Wanted {
    fn met(&self, found: i64, len: usize) -> bool {
        match *self {
            Wanted::All => found == len as i64,
            Wanted::Least(0) => found == 0,
            Wanted::Least(least) => least > 0 && found >= least,
        }
    }
}

fn unary(op: UnaryOp, operand: Value) -> Value {
    match (op, operand) {
        (UnaryOp::Defined, operand) => Bool(operand != Undefined),
        (UnaryOp::Not, operand) => truth(operand.truth().map(|value| !value)),
        (UnaryOp::Neg, Int(value)) => Int(value.wrapping_neg()),
        (UnaryOp::Neg, Float(value)) => Float(-value),
        (UnaryOp::BitNot, Int(value)) => Int(!value),
        _ => Undefined,
    }
}

fn binary(op: BinaryOp, left: &Value, right: &Value) -> Value {
    match (left, right) {
        (Str(left), Str(right)) => texts(op, left, right),
        (Int(left), Int(right)) => integers(op, *left, *right),
        (Bool(left), Bool(right)) => integers(op, i64::from(*left), i64::from(*right)),
        (Bool(left), Int(right)) | (Int(right), Bool(left)) => integers(op, i64::from(*left), *right),
        _ => match (left.float(), right.float()) {
            (Some(left), Some(right)) => floats(op, left, right),
            _ => Undefined,
        },
    }
}

fn integers(op: BinaryOp, left: i64, right: i64) -> Value {
    use BinaryOp::*;
    let shift = |shifted: fn(i64, u32) -> i64| match u32::try_from(right) {
        Ok(by) if by < 64 => Int(shifted(left, by)),
        _ if right < 0 => Undefined,
        _ => Int(0),
    };
    let defined = |value: Option<i64>| value.map_or(Undefined, Int);
    match op {
        Add => Int(left.wrapping_add(right)),
        Sub => Int(left.wrapping_sub(right)),
        Mul => Int(left.wrapping_mul(right)),
        Div => defined(left.checked_div(right)),
        Mod => defined(left.checked_rem(right)),
        BitAnd => Int(left & right),
        BitOr => Int(left | right),
        BitXor => Int(left ^ right),
        Shl => shift(|value, by| value << by),
        Shr => shift(|value, by| value >> by),
        _ => compared(op, Some(left.cmp(&right))),
    }
}

fn floats(op: BinaryOp, left: f64, right: f64) -> Value {
    match op {
        BinaryOp::Add => Float(left + right),
        BinaryOp::Sub => Float(left - right),
        BinaryOp::Mul => Float(left * right),
        BinaryOp::Div => Float(left / right),
        _ => compared(op, left.partial_cmp(&right)),
    }
}

fn texts(op: BinaryOp, left: &[u8], right: &[u8]) -> Value {
    use BinaryOp::*;
    let contains = |a: &[u8], b: &[u8]| b.is_empty() || a.windows(b.len()).any(|w| w == b);
    let (l, r) = (left.to_ascii_lowercase(), right.to_ascii_lowercase());
    match op {
        Contains => Bool(contains(left, right)),
        IContains => Bool(contains(&l, &r)),
        StartsWith => Bool(left.starts_with(right)),
        IStartsWith => Bool(l.starts_with(&r)),
        EndsWith => Bool(left.ends_with(right)),
        IEndsWith => Bool(l.ends_with(&r)),
        IEquals => Bool(l == r),
        _ => compared(op, Some(left.cmp(right))),
    }
}

fn compared(op: BinaryOp, order: Option<std::cmp::Ordering>) -> Value {
    match op {
        BinaryOp::Eq => Bool(order.is_some_and(|o| o.is_eq())),
        BinaryOp::Ne => Bool(order.is_none_or(|o| o.is_ne())),
        BinaryOp::Lt => Bool(order.is_some_and(|o| o.is_lt())),
        BinaryOp::Le => Bool(order.is_some_and(|o| o.is_le())),
        BinaryOp::Gt => Bool(order.is_some_and(|o| o.is_gt())),
        BinaryOp::Ge => Bool(order.is_some_and(|o| o.is_ge())),
        _ => Undefined,
    }
}
