//! Writing programs, instruction by instruction.

use std::collections::HashMap;

use zerocopy::IntoBytes;
use zerocopy::little_endian::U16;

use super::{Look, Op, ProgramHeader, Repeat, Set, repeat_flags};

/// Longest run of bytes in one instruction.
const MAX_RUN: usize = 255;
/// So many bytes in a row that all count are worth an instruction between masked ones.
const WORTH_A_RUN: usize = 4;
const LETTER: u8 = 0xDF;

/// Writes a program from its start to its end.
#[derive(Debug, Default)]
pub struct Writer {
    code: Vec<u8>,
    classes: Vec<[u8; 32]>,
    class_numbers: HashMap<[u8; 32], u16>,
    /// Bytes and masks that no instruction takes yet.
    run: Vec<(u8, u8)>,
    states: u64,
}

/// The target of a jump that is not known yet.
#[derive(Debug)]
#[must_use]
pub struct Hole(usize);

impl Writer {
    /// An upper bound of how many states the program has so far; more than
    /// [`MAX_PROGRAM_STATES`](crate::limits::MAX_PROGRAM_STATES) are refused by the reader.
    pub fn states(&self) -> u64 {
        self.states
    }

    /// Takes a byte that is `value` in the bits of `mask`.
    pub fn masked(&mut self, value: u8, mask: u8) {
        self.states += 1;
        self.run.push((value & mask, mask));
    }

    /// Takes a byte of a set.
    pub fn set(&mut self, set: Set<'_>) {
        match set {
            Set::Any => self.masked(0, 0),
            Set::Range(low, high) => self.op(Op::Range, &[low, high]),
            Set::Class(class) => {
                let class = self.class(class);
                self.op(Op::Class, &class);
            }
        }
    }

    /// Takes some number of characters of a set; none if there may be none.
    pub fn repeat(&mut self, repeat: Repeat<'_>) {
        let Repeat { set, min, max, greedy, wide } = repeat;
        if max == Some(0) {
            return;
        }
        let (op, set) = match set {
            Set::Any => (Op::RepeatAny, None),
            Set::Range(low, high) => (Op::RepeatRange, Some([low, high])),
            Set::Class(class) => (Op::RepeatClass, Some(self.class(class))),
        };
        let lazy = if greedy { 0 } else { repeat_flags::LAZY };
        self.op(op, &[lazy | if wide { repeat_flags::WIDE } else { 0 }]);
        self.code.extend(min.to_le_bytes());
        self.code.extend(max.unwrap_or(0).to_le_bytes());
        self.code.extend(set.iter().flatten());
        self.states += max.map_or(u64::from(min) + 1, u64::from) * u64::from(repeat.width());
    }

    /// Goes on where the assertion, so many bytes away, holds.
    pub fn look(&mut self, look: Look, distance: u8, class: &[u8; 32]) {
        let class = look.has_class().then(|| self.class(class));
        self.op(Op::Look, &[look as u8, distance]);
        self.code.extend(class.iter().flatten());
    }

    /// Ends with a match.
    pub fn matched(&mut self) {
        self.op(Op::Match, &[]);
    }

    /// Goes on at a place that comes later.
    pub fn jump(&mut self) -> Hole {
        self.branch(Op::Jump)
    }

    /// Goes on here or at a place that comes later; `here` is preferred or not.
    pub fn split(&mut self, here: bool) -> Hole {
        self.branch(if here { Op::NextOr } else { Op::ElseNext })
    }

    /// The place of the next instruction.
    pub fn here(&mut self) -> usize {
        self.flush();
        self.code.len()
    }

    /// Goes on at an earlier place or here; `back` is preferred or not.
    pub fn split_back(&mut self, to: usize, back: bool) {
        let Hole(at) = self.branch(if back { Op::ElseNext } else { Op::NextOr });
        self.lead(at, to);
    }

    /// Makes the place of the next instruction a target.
    pub fn fill(&mut self, Hole(at): Hole) {
        let here = self.here();
        self.lead(at, here);
    }

    /// The program.
    pub fn finish(mut self) -> Vec<u8> {
        self.flush();
        let header = ProgramHeader { classes: U16::new(self.classes.len() as u16) };
        [header.as_bytes(), self.classes.as_bytes(), &self.code].concat()
    }

    fn op(&mut self, op: Op, operands: &[u8]) {
        self.flush();
        self.states += 1;
        self.code.push(op as u8);
        self.code.extend(operands);
    }

    fn branch(&mut self, op: Op) -> Hole {
        self.op(op, &[0; 3]);
        Hole(self.code.len() - 4)
    }

    fn lead(&mut self, from: usize, to: usize) {
        // Programs within their limit are far from 2^23 bytes long.
        let distance = (to as i32).wrapping_sub(from as i32);
        if let Some(slot) = self.code.get_mut(from + 1..from + 4) {
            slot.copy_from_slice(&distance.to_le_bytes()[..3]);
        }
    }

    fn class(&mut self, class: &[u8; 32]) -> [u8; 2] {
        let number = *self.class_numbers.entry(*class).or_insert_with(|| {
            self.classes.push(*class);
            (self.classes.len() - 1) as u16
        });
        number.to_le_bytes()
    }

    /// Writes the bytes that were kept back, as few instructions.
    fn flush(&mut self) {
        let run = std::mem::take(&mut self.run);
        let mut rest = run.as_slice();
        while !rest.is_empty() {
            let (op, len) = first_run(rest);
            let (now, later) = rest.split_at(len.min(MAX_RUN));
            rest = later;
            self.code.extend([op as u8, now.len() as u8]);
            self.code.extend(now.iter().map(|(value, _)| value));
            if op == Op::Masked {
                self.code.extend(now.iter().map(|(_, mask)| mask));
            }
        }
        self.run = run;
        self.run.clear();
    }
}

/// The instruction that best takes the first bytes, and how many.
fn first_run(run: &[(u8, u8)]) -> (Op, usize) {
    let (op, len) = plain_run(run);
    if len >= WORTH_A_RUN.min(run.len()) {
        return (op, len);
    }
    let masked = (1..run.len()).find(|&at| {
        let rest = run.get(at..).unwrap_or_default();
        plain_run(rest).1 >= WORTH_A_RUN
    });
    (Op::Masked, masked.unwrap_or(run.len()))
}

/// How many of the first bytes need no mask, and the instruction that takes them.
fn plain_run(run: &[(u8, u8)]) -> (Op, usize) {
    let count = |fits: fn(&(u8, u8)) -> bool| run.iter().take(MAX_RUN).take_while(|byte| fits(byte)).count();
    let exact = count(|&(_, mask)| mask == 0xFF);
    let caseless = count(|&(value, mask)| match value.is_ascii_alphabetic() {
        true => mask == LETTER,
        false => mask == 0xFF,
    });
    if exact >= caseless { (Op::Bytes, exact) } else { (Op::Caseless, caseless) }
}
