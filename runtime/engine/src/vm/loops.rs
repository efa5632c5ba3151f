//! Loops of conditions.

use hallmark_image::Unit;
use hallmark_image::insn::{Insn, Op};
use hallmark_modules::Node;

use super::{Machine, Rule};
use crate::quantify::Tally;
use crate::value::Value;

/// A loop that is running, or was.
#[derive(Debug, Default)]
pub(super) struct Loop<'a> {
    items: Items<'a>,
    /// Index of the next item.
    next: u64,
    /// Number of items.
    count: u64,
    tally: Option<Tally>,
    /// The result, once it is certain; undefined if that is what it is.
    result: Option<Value<'a>>,
}

#[derive(Debug, Default)]
enum Items<'a> {
    #[default]
    None,
    /// From this integer on.
    Range(i64),
    List(Vec<Value<'a>>),
    Elements(&'a Node<'a>),
    /// Word offset of a set.
    Patterns(u32),
}

impl<'a, 'd: 'a> Machine<'a, 'd> {
    /// Sets up loop `b` of an instruction. A loop over nothing is false, whatever its quantifier; one over something
    /// undefined is undefined.
    pub(super) fn start_loop(&mut self, rule: &Rule<'a>, op: Op, insn: &Insn) {
        let mut result = None;
        let (items, count) = match op {
            Op::LoopRange => {
                let high = self.pop().int();
                let low = self.pop().int();
                let (low, high) = low.zip(high).unwrap_or((1, 0));
                // Undefined bounds make an empty range.
                let count = if low <= high { high.abs_diff(low).saturating_add(1) } else { 0 };
                (Items::Range(low), count)
            }
            Op::LoopList => {
                let count = insn.imm.get() as usize;
                let first = self.stack.len().saturating_sub(count);
                (Items::List(self.stack.drain(first..).collect()), count as u64)
            }
            Op::LoopItems => match self.pop() {
                Value::Node(node @ Node::Array(items)) => (Items::Elements(node), items.len() as u64),
                Value::Node(node @ Node::Map(entries)) => (Items::Elements(node), entries.len() as u64),
                _ => {
                    result = Some(Value::Undefined);
                    (Items::None, 0)
                }
            },
            _ => {
                let set = insn.imm.get();
                (Items::Patterns(set), rule.unit.set(set).map_or(0, <[_]>::len) as u64)
            }
        };
        let tally = self.quantifier(insn.a, count);
        if result.is_none() {
            result = match (count, &tally) {
                (0, _) => Some(Value::Bool(false)),
                (_, None) => Some(Value::Undefined),
                _ => None,
            };
        }
        let depth = usize::from(insn.b.get());
        if self.loops.len() <= depth {
            self.loops.resize_with(depth.saturating_add(1), Loop::default);
        }
        if let Some(slot) = self.loops.get_mut(depth) {
            *slot = Loop { items, next: 0, count, tally, result };
        }
    }

    /// Puts the next item into the loop's locals, or leaves the result and answers where to go on.
    pub(super) fn next_item(&mut self, rule: &Rule<'a>, insn: &Insn) -> Option<usize> {
        let current = self.loops.get_mut(usize::from(insn.b.get()));
        let result = match &current {
            None => Some(Value::Undefined),
            Some(l) => l
                .result
                .clone()
                .or_else(|| (l.next >= l.count).then(|| Value::of_bool(l.tally.as_ref().map(Tally::finish)))),
        };
        if let Some(result) = result {
            self.stack.push(result);
            return Some(insn.imm.get() as usize);
        }
        let (first, second) = current.map(|l| l.take(&rule.unit)).unwrap_or_default();
        let local = usize::from(insn.a);
        self.set_local(local, first);
        if let Some(second) = second {
            self.set_local(local.saturating_add(1), second);
        }
        None
    }

    /// Counts the body's result for loop `b`.
    pub(super) fn count_item(&mut self, insn: &Insn) {
        let holds = self.pop().is_true();
        if let Some(current) = self.loops.get_mut(usize::from(insn.b.get())) {
            let result = current.tally.as_mut().and_then(|t| t.count(holds));
            current.result = result.map(Value::Bool);
        }
    }
}

impl<'a> Loop<'a> {
    /// The next item; for maps, key and value.
    fn take(&mut self, unit: &Unit<'a>) -> (Value<'a>, Option<Value<'a>>) {
        let index = usize::try_from(self.next).unwrap_or(usize::MAX);
        let offset = self.next as i64;
        self.next = self.next.saturating_add(1);
        match &mut self.items {
            Items::None => (Value::Undefined, None),
            Items::Range(low) => (Value::Int(low.wrapping_add(offset)), None),
            Items::List(values) => (values.get_mut(index).map(std::mem::take).unwrap_or_default(), None),
            Items::Elements(Node::Map(entries)) => match entries.get(index) {
                Some((key, node)) => (Value::Str(key.as_ref().into()), Some(Value::of_node(node))),
                None => (Value::Undefined, None),
            },
            Items::Elements(Node::Array(items)) => {
                (items.get(index).map(Value::of_node).unwrap_or_default(), None)
            }
            Items::Elements(_) => (Value::Undefined, None),
            Items::Patterns(set) => {
                let member = unit.set(*set).and_then(|s| s.get(index));
                (Value::of_int(member.map(|m| i64::from(m.get()))), None)
            }
        }
    }
}
