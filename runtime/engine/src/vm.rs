//! Runs conditions: a stack machine over tagged values.
//!
//! Input: a proved unit. Output: whether its condition is true; undefined is not. Patterns that are searched on demand
//! are searched when an instruction asks for them. Where an image does not hold what its proof promised, an
//! instruction gives *undefined*.

use std::cell::{Cell, OnceCell, RefCell};

use hallmark_image::insn::{FROM_SLOT, Insn, Op, Quantifier};
use hallmark_image::limits::MAX_ARGS;
use hallmark_image::program::Program;
use hallmark_image::record::{Slice, ValueKind};
use hallmark_image::schema::{call_needs_rest, needs_rest};
use hallmark_image::{FileClass, RuleId, Unit};
use hallmark_modules::{Answer, Arg, Mark, Modules, Node};

use crate::budget::{Stopped, why_over};
use crate::entrypoint::entry_point;
use crate::outcome::Why;
use crate::quantify::Tally;
use crate::settings::{ExternalValue, Settings};
use crate::value::{Value, binary, unary};
use crate::verify::Verifier;
use crate::view::{Gone, Kept, Size, View, slice};

mod loops;
mod patterns;

use loops::Loop;

/// Buffers of the machine. They are empty between scans, which is what lets them outlive one.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    stack: Vec<Value<'static>>,
    locals: Vec<Value<'static>>,
    loops: Vec<Loop<'static>>,
}

/// Runs the conditions of one scan.
pub(crate) struct Machine<'a, 'd> {
    pub verifier: Verifier<'a>,
    modules: &'a OnceCell<Modules<'d>>,
    view: View<'d>,
    settings: Settings<'a>,
    stack: Vec<Value<'a>>,
    locals: Vec<Value<'a>>,
    loops: Vec<Loop<'a>>,
    entry_point: Option<Option<i64>>,
}

/// A rule whose condition is run.
#[derive(Clone, Copy)]
struct Rule<'a> {
    id: RuleId,
    unit: Unit<'a>,
}

/// An empty vector with the allocation of another one.
fn recycled<A, B: Default>(mut vec: Vec<A>) -> Vec<B> {
    vec.clear();
    vec.into_iter().map(|_| B::default()).collect()
}

impl<'a, 'd: 'a> Machine<'a, 'd> {
    pub fn new(
        verifier: Verifier<'a>,
        modules: &'a OnceCell<Modules<'d>>,
        view: View<'d>,
        settings: &Settings<'a>,
        buffers: &mut Buffers,
    ) -> Self {
        Machine {
            verifier,
            modules,
            view,
            settings: *settings,
            stack: recycled(std::mem::take(&mut buffers.stack)),
            locals: recycled(std::mem::take(&mut buffers.locals)),
            loops: recycled(std::mem::take(&mut buffers.loops)),
            entry_point: None,
        }
    }

    /// Gives the buffers back.
    pub fn finish(self, buffers: &mut Buffers) -> Verifier<'a> {
        buffers.stack = recycled(self.stack);
        buffers.locals = recycled(self.locals);
        buffers.loops = recycled(self.loops);
        self.verifier
    }

    /// Whether the condition of `unit` is true.
    pub fn run(&mut self, id: RuleId, unit: Unit<'a>) -> Result<bool, Stopped> {
        self.stack.clear();
        self.loops.clear();
        self.locals.clear();
        self.locals.resize(usize::from(unit.header.locals.get()), Value::Undefined);
        let rule = Rule { id, unit };
        let mut at = 0usize;
        while let Some(insn) = unit.insns.get(at) {
            self.verifier.budget.spend(1)?;
            at = match self.step(&rule, insn)? {
                Some(target) => target,
                None => at.saturating_add(1),
            };
        }
        Ok(self.pop().is_true())
    }

    /// How much conditions have written so far, to go back to if one has to be run again.
    pub fn mark(&self) -> Mark {
        self.modules.get().map(Modules::mark).unwrap_or_default()
    }

    /// Forgets what was written since the mark.
    pub fn rewind(&self, mark: Mark) {
        if let Some(modules) = self.modules.get() {
            modules.rewind(mark);
        }
    }

    /// Runs one instruction; answers where to continue if that is not the next one.
    fn step(&mut self, rule: &Rule<'a>, insn: &Insn) -> Result<Option<usize>, Stopped> {
        let Some(op) = Op::new(insn.op) else { return Ok(None) };
        let (imm, target) = (insn.imm.get(), insn.imm.get() as usize);
        let value = match op {
            Op::Undefined => Value::Undefined,
            Op::True => Value::Bool(true),
            Op::False => Value::Bool(false),
            Op::Small => Value::Int(i64::from(imm as i32)),
            Op::Int => Value::of_int(rule.constant(imm).map(|c| c as i64)),
            Op::Float => rule.constant(imm).map_or(Value::Undefined, |c| Value::Float(f64::from_bits(c))),
            Op::Str => Value::Str(rule.bytes(imm).into()),
            Op::RegexArg => Value::Regex(rule.bytes(imm)),
            Op::External => self.external(target),
            Op::Filesize => Value::of_int(self.view.size().known().and_then(|size| i64::try_from(size).ok())),
            Op::Entrypoint => self.entrypoint()?,
            Op::Load => {
                let value = self.local(insn.b.get());
                self.verifier.budget.spend(value.cost())?;
                value
            }
            Op::Store => {
                let value = self.pop();
                self.set_local(usize::from(insn.b.get()), value);
                return Ok(None);
            }
            Op::Pop => {
                self.pop();
                return Ok(None);
            }
            Op::AndElse | Op::OrElse => {
                let leaves = op == Op::OrElse;
                if self.pop().is_true() != leaves {
                    return Ok(None);
                }
                self.stack.push(Value::Bool(leaves));
                return Ok(Some(target));
            }
            Op::Neg | Op::BitNot | Op::Not | Op::Truth | Op::ToBool | Op::Defined => unary(op, &self.pop()),
            Op::Add
            | Op::Sub
            | Op::Mul
            | Op::Div
            | Op::Mod
            | Op::BitAnd
            | Op::BitOr
            | Op::BitXor
            | Op::Shl
            | Op::Shr
            | Op::Eq
            | Op::Ne
            | Op::Lt
            | Op::Le
            | Op::Gt
            | Op::Ge
            | Op::Contains
            | Op::IContains
            | Op::StartsWith
            | Op::IStartsWith
            | Op::EndsWith
            | Op::IEndsWith
            | Op::IEquals => {
                let right = self.pop();
                let left = self.pop();
                self.verifier.budget.spend(left.cost().saturating_add(right.cost()))?;
                binary(op, &left, &right)
            }
            Op::Matches => {
                let text = self.pop();
                match text.text().zip(Program::view(rule.bytes(imm))) {
                    Some((text, program)) => Value::Bool(self.verifier.is_match(&program, text)?),
                    None => Value::Undefined,
                }
            }
            Op::Match | Op::MatchAt | Op::MatchIn | Op::Count | Op::CountIn | Op::Offset | Op::Length => {
                self.pattern(rule, op, insn)?
            }
            Op::OfPatterns => self.of_patterns(rule, insn)?,
            Op::OfRules => self.of_rules(rule, insn)?,
            Op::Rule => Value::Bool(self.reference(rule, target)?),
            Op::ReadInt => {
                let (offset, width) = (self.pop().int(), usize::from(insn.a & 15));
                let bytes = match (offset.map(u64::try_from), self.view) {
                    (Some(Ok(offset)), View::Whole(data)) => slice(data, offset, width),
                    (Some(Ok(offset)), View::Kept(kept)) => kept.read(offset, width)?,
                    (None | Some(Err(_)), _) => None,
                };
                Value::of_int(bytes.map(|bytes| read_int(bytes, insn.a)))
            }
            Op::Module => {
                let module = u16::try_from(imm).unwrap_or(u16::MAX);
                let root = if self.has_file(|head| needs_rest(module, head))? {
                    self.modules().root(module)
                } else {
                    None
                };
                root.map_or(Value::Undefined, Value::of_node)
            }
            Op::Field => match self.pop() {
                Value::Node(Node::Struct(fields)) => {
                    fields.get(target).map_or(Value::Undefined, Value::of_node)
                }
                _ => Value::Undefined,
            },
            Op::Index => {
                let index = self.pop();
                let collection = self.pop();
                self.index(&collection, &index)?
            }
            Op::Call => self.call(insn)?,
            Op::LoopRange | Op::LoopList | Op::LoopItems | Op::LoopPatterns => {
                self.start_loop(rule, op, insn);
                return Ok(None);
            }
            Op::LoopNext => return Ok(self.next_item(rule, insn)),
            Op::LoopStep => {
                self.count_item(insn);
                return Ok(Some(target));
            }
        };
        self.stack.push(value);
        Ok(None)
    }

    fn pop(&mut self) -> Value<'a> {
        self.stack.pop().unwrap_or_default()
    }

    fn local(&self, index: u16) -> Value<'a> {
        self.locals.get(usize::from(index)).cloned().unwrap_or_default()
    }

    fn set_local(&mut self, index: usize, value: Value<'a>) {
        if let Some(slot) = self.locals.get_mut(index) {
            *slot = value;
        }
    }

    /// The number that a quantifier takes from the stack, below what was popped already.
    fn quantifier(&mut self, code: u8, items: u64) -> Option<Tally> {
        let quantifier = Quantifier::new(code)?;
        let operand = if quantifier.operands() == 0 { Value::Undefined } else { self.pop() };
        Tally::new(quantifier, &operand, items)
    }

    fn modules(&self) -> &'a Modules<'d> {
        self.modules.get_or_init(|| {
            let modules = Modules::new(self.view.head(), self.settings.now);
            match self.settings.module_data {
                Some(given) => modules.with(given),
                None => modules,
            }
        })
    }

    fn external(&self, index: usize) -> Value<'a> {
        match self.settings.externals.and_then(|e| e.get(index)) {
            Some(ExternalValue::Int(i)) => return Value::Int(*i),
            Some(ExternalValue::Float(x)) => return Value::Float(*x),
            Some(ExternalValue::Bool(b)) => return Value::Bool(*b),
            Some(ExternalValue::Str(s)) => return Value::Str(s.as_slice().into()),
            None => {}
        }
        let globals = self.verifier.image.globals();
        let Some(external) = globals.externals.get(index) else { return Value::Undefined };
        let bits = external.value.get();
        match ValueKind::new(external.kind.get()) {
            Some(ValueKind::Int) => Value::Int(bits as i64),
            Some(ValueKind::Float) => Value::Float(f64::from_bits(bits)),
            Some(ValueKind::Bool) => Value::Bool(bits != 0),
            Some(ValueKind::Str) => Value::Str(Slice::from_bits(bits).of(globals.blob).into()),
            None => Value::Undefined,
        }
    }

    fn entrypoint(&mut self) -> Result<Value<'a>, Stopped> {
        let head = self.view.head();
        if !self.has_file(|head| FileClass::of(head) != FileClass::Other)? {
            return Ok(Value::Undefined);
        }
        let known = self.entry_point.unwrap_or_else(|| entry_point(self.modules(), head));
        self.entry_point = Some(known);
        Ok(Value::of_int(known))
    }

    /// Whether there is a file for modules to look at, all of it if they need that; in memory there is none.
    fn has_file(&self, needs_all: impl FnOnce(&[u8]) -> bool) -> Result<bool, Gone> {
        match self.view {
            View::Whole(_) => Ok(true),
            View::Kept(kept) if !needs_all(kept.head) => Ok(true),
            View::Kept(Kept { size: Size::None, .. }) => Ok(false),
            View::Kept(_) => Err(Gone),
        }
    }

    fn index(&mut self, collection: &Value<'a>, index: &Value<'a>) -> Result<Value<'a>, Stopped> {
        let found = match (collection, index) {
            (Value::Node(Node::Array(items)), Value::Int(i)) => {
                usize::try_from(*i).ok().and_then(|i| items.get(i))
            }
            (Value::Node(Node::Map(entries)), Value::Str(key)) => {
                self.verifier.budget.spend(entries.len() as u64 / 8)?;
                entries.iter().find_map(|(k, node)| (k == key).then_some(node))
            }
            _ => None,
        };
        Ok(found.map_or(Value::Undefined, Value::of_node))
    }

    /// Calls a function of a module. One that gets an undefined argument is not called.
    fn call(&mut self, insn: &Insn) -> Result<Value<'a>, Stopped> {
        // What a call costs is not known, but many read all data.
        self.verifier.budget.spend((self.view.head().len() as u64 / 256).saturating_add(16))?;
        let count = usize::from(insn.a);
        let function = u16::try_from(insn.imm.get()).unwrap_or(u16::MAX);
        if !self.has_file(|head| call_needs_rest(insn.b.get(), function, head))? {
            let below = self.stack.len().saturating_sub(count);
            self.stack.truncate(below);
            return Ok(Value::Undefined);
        }
        if count == 0 {
            // Most calls, of which a rule set makes hundreds for each file.
            let answer = ask(self.modules(), &self.settings, insn.b.get(), function, &[]);
            return answer.map(Value::of_answer).map_err(|why| self.verifier.budget.stop(why));
        }
        let mut values: [Value<'a>; MAX_ARGS as usize] = std::array::from_fn(|_| Value::Undefined);
        for slot in values.iter_mut().take(count).rev() {
            *slot = self.pop();
        }
        let (modules, settings) = (self.modules(), self.settings);
        let verifier = RefCell::new(&mut self.verifier);
        let matchers: [_; MAX_ARGS as usize] = std::array::from_fn(|i| {
            let bytes = match values.get(i) {
                Some(Value::Regex(bytes)) => *bytes,
                _ => &[],
            };
            let verifier = &verifier;
            move |text: &[u8]| {
                let program = Program::view(bytes);
                // When the budget ends here, the next instruction notices.
                program.is_some_and(|p| verifier.borrow_mut().is_match(&p, text).unwrap_or(false))
            }
        });
        let mut args = [Arg::Int(0); MAX_ARGS as usize];
        for ((arg, value), matcher) in args.iter_mut().zip(&values).zip(&matchers).take(count) {
            *arg = match value {
                Value::Int(i) => Arg::Int(*i),
                Value::Float(x) => Arg::Float(*x),
                Value::Bool(b) => Arg::Bool(*b),
                Value::Str(s) => Arg::Str(s),
                Value::Regex(_) => Arg::Regex(matcher),
                Value::Undefined | Value::Node(_) => return Ok(Value::Undefined),
            };
        }
        let args = args.get(..count).unwrap_or_default();
        let answer = ask(modules, &settings, insn.b.get(), function, args);
        let answer = answer.map_err(|why| self.verifier.budget.stop(why))?;
        self.verifier.budget.spend(0)?;
        Ok(Value::of_answer(answer))
    }

    /// The index of the pattern an instruction names.
    fn pattern_index(&self, insn: &Insn) -> Option<usize> {
        if insn.a & FROM_SLOT == 0 {
            return Some(insn.imm.get() as usize);
        }
        usize::try_from(self.local(insn.b.get()).int()?).ok()
    }
}

impl<'a> Rule<'a> {
    fn constant(&self, index: u32) -> Option<u64> {
        self.unit.constants.get(index as usize).map(|c| c.get())
    }

    /// The bytes that a constant names.
    fn bytes(&self, index: u32) -> &'a [u8] {
        self.constant(index).map_or(&[], |bits| Slice::from_bits(bits).of(self.unit.blob))
    }
}

/// Calls a function, until the time is over or the caller cancels.
fn ask<'d>(
    modules: &Modules<'d>,
    settings: &Settings<'_>,
    module: u16,
    function: u16,
    args: &[Arg<'_>],
) -> Result<Answer<'d>, Why> {
    let over = Cell::new(None);
    let is_over = || {
        over.set(over.get().or_else(|| why_over(settings.deadline, settings.cancel)));
        over.get().is_some()
    };
    let answer = modules.call_until(module, function, args, &is_over);
    over.get().map_or(Ok(answer), Err)
}

/// The integer in `bytes`, as `code` says: their number, plus 16 if signed, plus 32 if big-endian.
fn read_int(bytes: &[u8], code: u8) -> i64 {
    let width = usize::from(code & 15);
    let join = |n: u64, b: &u8| n << 8 | u64::from(*b);
    let value = if code & 32 == 0 { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) };
    let signed = code & 16 != 0;
    match width {
        1 if signed => i64::from(value as i8),
        2 if signed => i64::from(value as i16),
        4 if signed => i64::from(value as i32),
        _ => value as i64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_width_sign_and_order() {
        let data = [0xFE, 0xFF, 0x00, 0x80, 0x01];
        for (offset, code, expected) in [
            (0, 1, 0xFE),
            (0, 1 | 16, -2),
            (0, 2, 0xFFFE),
            (0, 2 | 16, -2),
            (0, 2 | 32, 0xFEFF),
            (0, 2 | 16 | 32, -257),
            (0, 4, 0x8000_FFFE),
            (0, 4 | 16, 0x8000_FFFEu32 as i32 as i64),
            (1, 4 | 32, 0xFF00_8001),
        ] {
            let bytes = &data[offset..][..usize::from(code & 15)];
            assert_eq!(read_int(bytes, code), expected, "{offset} {code}");
        }
    }

    #[test]
    fn recycling_keeps_the_allocation() {
        let mut vec: Vec<Value<'_>> = Vec::with_capacity(100);
        vec.push(Value::Int(1));
        let place = vec.as_ptr();
        let vec: Vec<Value<'static>> = recycled(vec);
        assert!(vec.is_empty() && vec.capacity() >= 100 && vec.as_ptr() == place);
    }
}
