//! Runs regular expression programs by keeping every thread alive at once, in order of preference.
//!
//! Time is the length of the text times the number of states, whatever the expression. The match reported is the one
//! a backtracking engine would find first.

use hallmark_image::program::{Look, Program, State, StateKind};

use crate::budget::{Budget, Stopped};

/// Buffers of the machine, reused by every run.
#[derive(Debug, Default)]
pub(crate) struct Pike {
    current: Threads,
    next: Threads,
    stack: Vec<u32>,
}

/// States reached at one place, by falling preference, those that only lead on left out.
#[derive(Debug, Default)]
struct Threads {
    order: Vec<u32>,
    /// For each state the last generation that reached it.
    seen: Vec<u32>,
    generation: u32,
}

impl Threads {
    fn reset(&mut self, states: usize) {
        if self.seen.len() < states {
            self.seen.resize(states, 0);
        }
        self.order.clear();
        self.generation = self.generation.checked_add(1).unwrap_or_else(|| {
            self.seen.fill(0);
            1
        });
    }

    fn first_visit(&mut self, state: u32) -> bool {
        match self.seen.get_mut(state as usize) {
            Some(seen) if *seen != self.generation => {
                *seen = self.generation;
                true
            }
            _ => false,
        }
    }
}

impl Pike {
    /// The end of the preferred match that starts at `start`; empty matches don't count.
    pub fn match_end(
        &mut self,
        program: &Program<'_>,
        data: &[u8],
        start: usize,
        budget: &mut Budget<'_>,
    ) -> Result<Option<usize>, Stopped> {
        let mut end = None;
        let mut at = start;
        self.current.reset(program.states.len());
        self.next.reset(program.states.len());
        follow(&mut self.current, &mut self.stack, program, program.start, data, at);
        while !self.current.order.is_empty() {
            budget.spend((self.current.order.len() as u64).saturating_add(1))?;
            let byte = data.get(at).copied();
            let after = at.saturating_add(1);
            for &id in &self.current.order {
                let Some(state) = program.states.get(id as usize) else { continue };
                if state.kind == MATCH {
                    if at > start {
                        end = Some(at);
                        // What is preferred less has lost.
                        break;
                    }
                } else if byte.is_some_and(|b| takes(program, state, b)) {
                    follow(&mut self.next, &mut self.stack, program, state.next.get(), data, after);
                }
            }
            at = after;
            self.step(program);
        }
        Ok(end)
    }

    /// Every start of a match of a backward program that begins at `place` and reads towards the start of the data.
    pub fn match_starts(
        &mut self,
        program: &Program<'_>,
        data: &[u8],
        place: usize,
        budget: &mut Budget<'_>,
        starts: &mut Vec<usize>,
    ) -> Result<(), Stopped> {
        let mut at = place;
        self.current.reset(program.states.len());
        self.next.reset(program.states.len());
        follow(&mut self.current, &mut self.stack, program, program.start, data, at);
        while !self.current.order.is_empty() {
            budget.spend((self.current.order.len() as u64).saturating_add(1))?;
            let before = at.checked_sub(1);
            let byte = before.and_then(|i| data.get(i)).copied();
            let mut matched = false;
            for &id in &self.current.order {
                let Some(state) = program.states.get(id as usize) else { continue };
                if state.kind == MATCH {
                    matched = true;
                } else if let (Some(byte), Some(before)) = (byte, before) {
                    if takes(program, state, byte) {
                        follow(&mut self.next, &mut self.stack, program, state.next.get(), data, before);
                    }
                }
            }
            if matched {
                starts.push(at);
            }
            let Some(before) = before else { break };
            at = before;
            self.step(program);
        }
        Ok(())
    }

    /// Whether the program matches anywhere in `text`, be it an empty match.
    pub fn is_match(
        &mut self,
        program: &Program<'_>,
        text: &[u8],
        budget: &mut Budget<'_>,
    ) -> Result<bool, Stopped> {
        self.current.reset(program.states.len());
        self.next.reset(program.states.len());
        for at in 0..=text.len() {
            follow(&mut self.current, &mut self.stack, program, program.start, text, at);
            budget.spend((self.current.order.len() as u64).saturating_add(1))?;
            let byte = text.get(at).copied();
            let after = at.saturating_add(1);
            for &id in &self.current.order {
                let Some(state) = program.states.get(id as usize) else { continue };
                if state.kind == MATCH {
                    return Ok(true);
                }
                if byte.is_some_and(|b| takes(program, state, b)) {
                    follow(&mut self.next, &mut self.stack, program, state.next.get(), text, after);
                }
            }
            self.step(program);
        }
        Ok(false)
    }

    fn step(&mut self, program: &Program<'_>) {
        std::mem::swap(&mut self.current, &mut self.next);
        self.next.reset(program.states.len());
    }
}

const MATCH: u8 = StateKind::Match as u8;
const RANGE: u8 = StateKind::Range as u8;
const CLASS: u8 = StateKind::Class as u8;
const SPLIT: u8 = StateKind::Split as u8;
const LOOK: u8 = StateKind::Look as u8;

/// Adds the threads reachable from `state` at `at` without a byte, the preferred ones first.
#[inline(always)]
fn follow(
    threads: &mut Threads,
    stack: &mut Vec<u32>,
    program: &Program<'_>,
    state: u32,
    data: &[u8],
    at: usize,
) {
    // Most states lead straight to one that takes a byte.
    match program.states.get(state as usize).map(|s| s.kind) {
        Some(MATCH | RANGE | CLASS) if threads.first_visit(state) => threads.order.push(state),
        Some(SPLIT | LOOK) => follow_all(threads, stack, program, state, data, at),
        _ => {}
    }
}

fn follow_all(
    threads: &mut Threads,
    stack: &mut Vec<u32>,
    program: &Program<'_>,
    state: u32,
    data: &[u8],
    at: usize,
) {
    stack.clear();
    let mut next = Some(state);
    while let Some(id) = next.take().or_else(|| stack.pop()) {
        if !threads.first_visit(id) {
            continue;
        }
        let Some(state) = program.states.get(id as usize) else { continue };
        match state.kind {
            SPLIT => {
                stack.push(state.other.get());
                next = Some(state.next.get());
            }
            LOOK if Look::new(state.low).is_some_and(|look| holds(program, state, look, data, at)) => {
                next = Some(state.next.get());
            }
            MATCH | RANGE | CLASS => threads.order.push(id),
            _ => {}
        }
    }
}

#[inline]
fn takes(program: &Program<'_>, state: &State, byte: u8) -> bool {
    if state.kind == RANGE {
        return (state.low..=state.high).contains(&byte);
    }
    in_class(program, state, byte)
}

#[inline]
fn in_class(program: &Program<'_>, state: &State, byte: u8) -> bool {
    let class = program.classes.get(state.other.get() as usize);
    class.and_then(|c| c.get(usize::from(byte >> 3))).is_some_and(|bits| bits >> (byte & 7) & 1 != 0)
}

/// The bytes that a match of the program can start with, `None` if it can be empty.
pub(crate) fn first_bytes(program: &Program<'_>) -> Option<[bool; 256]> {
    let mut first = [false; 256];
    let mut seen = vec![false; program.states.len()];
    let mut stack = vec![program.start];
    while let Some(id) = stack.pop() {
        let Some(seen) = seen.get_mut(id as usize).filter(|s| !**s) else { continue };
        *seen = true;
        let state = program.states.get(id as usize)?;
        match StateKind::new(state.kind)? {
            StateKind::Match => return None,
            StateKind::Fail => {}
            StateKind::Range | StateKind::Class => {
                for (byte, slot) in (0..=u8::MAX).zip(&mut first) {
                    *slot |= takes(program, state, byte);
                }
            }
            StateKind::Split => stack.extend([state.next.get(), state.other.get()]),
            StateKind::Look => stack.push(state.next.get()),
        }
    }
    Some(first)
}

fn holds(program: &Program<'_>, state: &State, look: Look, data: &[u8], at: usize) -> bool {
    let narrow = |i: Option<usize>| i.and_then(|i| data.get(i)).is_some_and(|&b| in_class(program, state, b));
    let wide = |i: Option<usize>| {
        let pair = i.and_then(|i| data.get(i..)?.first_chunk());
        pair.is_some_and(|&[b, zero]| zero == 0 && in_class(program, state, b))
    };
    let distance = usize::from(state.high);
    let back = |width: usize| at.checked_sub(distance.saturating_add(width));
    let ahead = at.saturating_add(distance);
    match look {
        Look::Before => narrow(back(1)),
        Look::After => narrow(Some(ahead)),
        Look::WideBefore => wide(back(2)),
        Look::WideAfter => wide(Some(ahead)),
        Look::Start => at == 0,
        Look::End => ahead == data.len(),
        Look::WordBoundary => is_word_boundary(data, at),
        Look::NotWordBoundary => !is_word_boundary(data, at),
        Look::WideWordBoundary => is_wide_word_boundary(data, at),
        Look::WideNotWordBoundary => !is_wide_word_boundary(data, at),
    }
}

fn is_word_boundary(data: &[u8], at: usize) -> bool {
    let word = |i: Option<usize>| i.and_then(|i| data.get(i)).is_some_and(|&b| is_word(b));
    word(at.checked_sub(1)) != word(Some(at))
}

fn is_wide_word_boundary(data: &[u8], at: usize) -> bool {
    let word = |i: Option<usize>| {
        let pair = i.and_then(|i| data.get(i..)).and_then(|d| d.first_chunk::<2>());
        pair.is_some_and(|&[low, high]| high == 0 && is_word(low))
    };
    word(at.checked_sub(2)) != word(Some(at))
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
