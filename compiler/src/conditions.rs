//! Conditions: typed expressions in, bytecode out.
//!
//! Output is what [`hallmark_image::Image::parse`] proves: every path leaves exactly one value.

use std::collections::BTreeMap;

use hallmark_image::insn::{self, FROM_SLOT, Insn, Op};
use hallmark_image::limits::MAX_STACK;
use hallmark_image::record::Slice;

use crate::ir::{Anchor, Expr, Items, Kind, Loop, LoweredRule, PatternRef, Quantifier, Value};

/// A condition's code and what it names by place.
#[derive(Debug, Default)]
pub struct Code {
    /// Instructions.
    pub insns: Vec<Insn>,
    /// 64-bit constants.
    pub constants: Vec<u64>,
    /// Sets: a length, then the members.
    pub sets: Vec<u32>,
    /// Deepest evaluation stack.
    pub max_stack: u16,
}

/// Compiles a rule's condition as it is planned; `intern` puts bytes into the unit's blob.
pub fn emit<'r>(rule: &'r LoweredRule<'r>, condition: &Expr, intern: &mut dyn FnMut(&[u8]) -> Slice) -> Code {
    let mut emitter = Emitter {
        rule,
        intern,
        code: Code::default(),
        depth: 0,
        constants: BTreeMap::new(),
        sets: BTreeMap::new(),
    };
    emitter.expr(condition);
    emitter.op(Op::Truth);
    emitter.code
}

/// Whether a rule's condition needs no more values at once than the format allows.
pub fn fits(rule: &LoweredRule<'_>) -> bool {
    emit(rule, &rule.ir.condition, &mut |_| Slice::default()).max_stack <= MAX_STACK
}

struct Emitter<'r, 'i> {
    rule: &'r LoweredRule<'r>,
    intern: &'i mut dyn FnMut(&[u8]) -> Slice,
    code: Code,
    depth: u16,
    constants: BTreeMap<u64, u32>,
    sets: BTreeMap<Vec<u32>, u32>,
}

impl Emitter<'_, '_> {
    /// Appends an instruction that takes `extra` values besides those its table entry says; answers its index.
    fn push(&mut self, insn: Insn, extra: u16) -> usize {
        if let Some(op) = Op::new(insn.op) {
            let (pops, pushes, _) = op.effect();
            self.depth = self.depth.saturating_sub(pops.saturating_add(extra)).saturating_add(pushes);
            self.code.max_stack = self.code.max_stack.max(self.depth);
        }
        self.code.insns.push(insn);
        self.code.insns.len() - 1
    }

    fn op(&mut self, op: Op) -> usize {
        self.push(Insn::new(op, 0, 0, 0), 0)
    }

    fn imm(&mut self, op: Op, imm: u32) -> usize {
        self.push(Insn::new(op, 0, 0, imm), 0)
    }

    fn here(&self) -> u32 {
        self.code.insns.len() as u32
    }

    fn patch(&mut self, at: usize, target: u32) {
        if let Some(insn) = self.code.insns.get_mut(at) {
            insn.imm.set(target);
        }
    }

    fn constant(&mut self, bits: u64) -> u32 {
        let constants = &mut self.code.constants;
        *self.constants.entry(bits).or_insert_with(|| {
            constants.push(bits);
            constants.len() as u32 - 1
        })
    }

    fn bytes(&mut self, bytes: &[u8]) -> u32 {
        let slice = (self.intern)(bytes);
        self.constant(slice.to_bits())
    }

    fn set(&mut self, members: &[u32]) -> u32 {
        if let Some(&offset) = self.sets.get(members) {
            return offset;
        }
        let offset = self.code.sets.len() as u32;
        self.code.sets.push(members.len() as u32);
        self.code.sets.extend_from_slice(members);
        self.sets.insert(members.to_vec(), offset);
        offset
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Bool(b) => self.op(if *b { Op::True } else { Op::False }),
            Value::Int(n) => match i32::try_from(*n) {
                Ok(small) => self.imm(Op::Small, small as u32),
                Err(_) => {
                    let constant = self.constant(*n as u64);
                    self.imm(Op::Int, constant)
                }
            },
            Value::Float(x) => {
                let constant = self.constant(x.to_bits());
                self.imm(Op::Float, constant)
            }
            Value::Str(s) => {
                let constant = self.bytes(s);
                self.imm(Op::Str, constant)
            }
        };
    }

    fn program(&mut self, index: u32) -> u32 {
        let rule = self.rule;
        let program = rule.programs.get(index as usize).map_or(&[][..], Vec::as_slice);
        self.bytes(program)
    }

    fn pattern(&mut self, op: Op, pattern: PatternRef) {
        let insn = match pattern {
            PatternRef::Index(index) => Insn::new(op, 0, 0, index),
            PatternRef::Local(local) => Insn::new(op, FROM_SLOT, local, 0),
        };
        self.push(insn, 0);
    }

    fn exprs(&mut self, exprs: &[Expr]) {
        for expr in exprs {
            self.expr(expr);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            Kind::Const(value) => self.value(value),
            Kind::Undefined => drop(self.op(Op::Undefined)),
            Kind::Filesize => drop(self.op(Op::Filesize)),
            Kind::Entrypoint => drop(self.op(Op::Entrypoint)),
            Kind::External(index) => drop(self.imm(Op::External, *index)),
            Kind::Local(local) => drop(self.push(Insn::new(Op::Load, 0, *local, 0), 0)),
            Kind::Rule(place) => drop(self.imm(Op::Rule, *place)),
            Kind::Match(pattern, anchor) => {
                let op = match anchor {
                    Anchor::Anywhere => Op::Match,
                    Anchor::At(_) => Op::MatchAt,
                    Anchor::In(_) => Op::MatchIn,
                };
                self.anchor(anchor);
                self.pattern(op, *pattern);
            }
            Kind::Count(pattern, None) => self.pattern(Op::Count, *pattern),
            Kind::Count(pattern, Some(range)) => {
                self.expr(&range.0);
                self.expr(&range.1);
                self.pattern(Op::CountIn, *pattern);
            }
            Kind::Offset(pattern, index) => {
                self.expr(index);
                self.pattern(Op::Offset, *pattern);
            }
            Kind::Length(pattern, index) => {
                self.expr(index);
                self.pattern(Op::Length, *pattern);
            }
            Kind::Unary(op, operand) => {
                self.expr(operand);
                self.op(*op);
            }
            Kind::Binary(op, left, right) => {
                self.expr(left);
                self.expr(right);
                self.op(*op);
            }
            Kind::And(operands) => self.chain(Op::AndElse, operands),
            Kind::Or(operands) => self.chain(Op::OrElse, operands),
            Kind::Matches(text, program) => {
                self.expr(text);
                let program = self.program(*program);
                self.imm(Op::Matches, program);
            }
            Kind::ReadInt(code, offset) => {
                self.expr(offset);
                self.push(Insn::new(Op::ReadInt, *code, 0, 0), 0);
            }
            Kind::Module(module) => drop(self.imm(Op::Module, u32::from(*module))),
            Kind::Field(base, field) => {
                self.expr(base);
                self.imm(Op::Field, u32::from(*field));
            }
            Kind::Index(base, index) => {
                self.expr(base);
                self.expr(index);
                self.op(Op::Index);
            }
            Kind::Call(module, function, args) => {
                self.exprs(args);
                let count = args.len() as u8;
                self.push(Insn::new(Op::Call, count, *module, u32::from(*function)), u16::from(count));
            }
            Kind::RegexArg(program) => {
                let program = self.program(*program);
                self.imm(Op::RegexArg, program);
            }
            Kind::OfPatterns(quantifier, set, anchor) => {
                let (code, operands) = self.quantifier(quantifier);
                let (anchor_code, values) = self.anchor(anchor);
                let set = self.set(set);
                self.push(Insn::new(Op::OfPatterns, code, anchor_code, set), operands + values);
            }
            Kind::OfRules(quantifier, set) => {
                let (code, operands) = self.quantifier(quantifier);
                let set = self.set(set);
                self.push(Insn::new(Op::OfRules, code, 0, set), operands);
            }
            Kind::For(each) => self.each(each),
            Kind::With(bindings, body) => {
                for (local, value) in bindings {
                    self.expr(value);
                    self.push(Insn::new(Op::Store, 0, *local, 0), 0);
                }
                self.expr(body);
            }
        }
    }

    /// `a and b and c`: each operand but the last may decide and leave.
    fn chain(&mut self, leave: Op, operands: &[Expr]) {
        let Some((last, rest)) = operands.split_last() else { return };
        let mut leaves = Vec::with_capacity(rest.len());
        for operand in rest {
            self.expr(operand);
            leaves.push(self.op(leave));
        }
        self.expr(last);
        self.op(Op::Truth);
        let target = self.here();
        for at in leaves {
            self.patch(at, target);
        }
    }

    /// Pushes what the quantifier computes; answers its code and how many values that was.
    fn quantifier(&mut self, quantifier: &Quantifier) -> (u8, u16) {
        let code = match quantifier {
            Quantifier::All => insn::Quantifier::All,
            Quantifier::Any => insn::Quantifier::Any,
            Quantifier::None => insn::Quantifier::None,
            Quantifier::Count(_) => insn::Quantifier::Count,
            Quantifier::Percent(_) => insn::Quantifier::Percent,
        };
        if let Quantifier::Count(n) | Quantifier::Percent(n) = quantifier {
            self.expr(n);
        }
        (code as u8, code.operands())
    }

    fn anchor(&mut self, anchor: &Anchor) -> (u16, u16) {
        let code = match anchor {
            Anchor::Anywhere => insn::Anchor::Anywhere,
            Anchor::At(offset) => {
                self.expr(offset);
                insn::Anchor::At
            }
            Anchor::In(range) => {
                self.expr(&range.0);
                self.expr(&range.1);
                insn::Anchor::In
            }
        };
        (code as u16, code as u16)
    }

    fn each(&mut self, each: &Loop) {
        let (code, operands) = self.quantifier(&each.quantifier);
        let depth = each.depth;
        match &each.items {
            Items::Range(low, high) => {
                self.expr(low);
                self.expr(high);
                self.push(Insn::new(Op::LoopRange, code, depth, 0), operands);
            }
            Items::List(items) => {
                self.exprs(items);
                let count = items.len() as u32;
                let values = u16::try_from(count).unwrap_or(u16::MAX);
                self.push(Insn::new(Op::LoopList, code, depth, count), operands.saturating_add(values));
            }
            Items::Elements(collection) => {
                self.expr(collection);
                self.push(Insn::new(Op::LoopItems, code, depth, 0), operands);
            }
            Items::Patterns(set) => {
                let set = self.set(set);
                self.push(Insn::new(Op::LoopPatterns, code, depth, set), operands);
            }
        }
        let next = self.push(Insn::new(Op::LoopNext, each.local as u8, depth, 0), 0);
        self.expr(&each.body);
        self.op(Op::Truth);
        self.push(Insn::new(Op::LoopStep, 0, depth, next as u32), 0);
        let exit = self.here();
        self.patch(next, exit);
        self.depth = self.depth.saturating_add(1);
        self.code.max_stack = self.code.max_stack.max(self.depth);
    }
}
