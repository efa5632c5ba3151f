//! Programs: from an expression to the encoded automaton.

use std::collections::BTreeMap;

use hallmark_image::limits::MAX_PROGRAM_STATES;
use hallmark_image::program::{Look, ProgramHeader, State, StateKind};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::util::look::Look as NfaLook;
use regex_automata::util::primitives::StateID;
use regex_syntax::hir::Hir;
use zerocopy::IntoBytes;
use zerocopy::little_endian::U32;

use super::byteset::ByteSet;
use crate::limits::MAX_NFA_BYTES;

/// Why there is no program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProgramError {
    /// More than [`MAX_PROGRAM_STATES`].
    TooLarge,
    /// An assertion that programs don't have, as it is written.
    Unsupported(&'static str),
}

/// What kind of program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the start of a match, characters of one byte.
    Forward,
    /// From the start of a match, characters of two bytes. The zeros are in the expression already.
    ForwardWide,
    /// From the end of a match towards lower addresses; assertions are taken to hold.
    Backward,
}

/// The program of an expression.
pub(super) fn encode(hir: &Hir, direction: Direction) -> Result<Vec<u8>, ProgramError> {
    // Every byte of the shortest match takes a state: what is certainly too large isn't built at all.
    if hir.properties().minimum_len().is_some_and(|len| len > MAX_PROGRAM_STATES as usize) {
        return Err(ProgramError::TooLarge);
    }
    let config = NFA::config()
        .utf8(false)
        .reverse(direction == Direction::Backward)
        .which_captures(WhichCaptures::None)
        .nfa_size_limit(Some(MAX_NFA_BYTES));
    let nfa = NFA::compiler().configure(config).build_from_hir(hir).map_err(|_| ProgramError::TooLarge)?;
    Encoder { nfa: &nfa, direction, numbers: BTreeMap::new(), out: Output::default() }.run()
}

/// What stands around a run of characters.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// What the characters before it are, the nearest first.
    pub(super) before: Vec<ByteSet>,
    /// Ways in which the data may go on behind it, one of which must hold; none of them when anything may follow.
    pub(super) after: Vec<Vec<Neighbour>>,
}

/// What stands at a place behind a run.
#[derive(Debug, Clone, Copy)]
pub(super) enum Neighbour {
    /// One of these characters.
    Char(ByteSet),
    /// The end of the data.
    End,
}

/// The program of a run of bytes with certain characters around it. With `wide`, those have two bytes each.
pub(super) fn encode_within(bytes: &[u8], around: &Around, wide: bool) -> Result<Vec<u8>, ProgramError> {
    let mut out = Output::default();
    let (before, after, width) =
        if wide { (Look::WideBefore, Look::WideAfter, 2) } else { (Look::Before, Look::After, 1) };
    for (skipped, &set) in (0u8..).zip(&around.before) {
        let next = out.states.len() as u32 + 1;
        let look = out.look(before, Some(set), next);
        out.push(State { high: skipped * width, ..look })?;
    }
    for &byte in bytes {
        let next = out.states.len() as u32 + 1;
        out.push(state(StateKind::Range, byte, byte, next, 0))?;
    }
    // The ways are laid out one behind the other: a split leads to each and, failing that, to the next split.
    for (left, way) in (0..around.after.len()).rev().zip(&around.after) {
        if left > 0 {
            let here = out.states.len() as u32;
            out.push(state(StateKind::Split, 0, 0, here + 1, here + 2 + way.len() as u32))?;
        }
        for (skipped, neighbour) in (0u8..).zip(way) {
            let next = out.states.len() as u32 + 1;
            let look = match neighbour {
                Neighbour::Char(set) => out.look(after, Some(*set), next),
                Neighbour::End => out.look(Look::End, None, next),
            };
            out.push(State { high: skipped * width, ..look })?;
        }
        out.push(state(StateKind::Match, 0, 0, 0, 0))?;
    }
    if around.after.is_empty() {
        out.push(state(StateKind::Match, 0, 0, 0, 0))?;
    }
    Ok(out.finish(0))
}

/// Turns an automaton into states.
struct Encoder<'n> {
    nfa: &'n NFA,
    direction: Direction,
    /// Numbers of the states met so far.
    numbers: BTreeMap<StateID, u32>,
    out: Output,
}

/// The states and classes written so far.
#[derive(Default)]
struct Output {
    states: Vec<State>,
    classes: Vec<[u8; 32]>,
    class_numbers: BTreeMap<[u8; 32], u32>,
}

impl Encoder<'_> {
    fn run(mut self) -> Result<Vec<u8>, ProgramError> {
        // States are numbered in the order in which they are met from the start; the others are left out.
        let mut queue = Vec::new();
        let start = self.number(self.nfa.start_anchored(), &mut queue)?;
        while let Some(id) = queue.pop() {
            self.state(id, &mut queue)?;
        }
        Ok(self.out.finish(start))
    }

    fn number(&mut self, id: StateID, queue: &mut Vec<StateID>) -> Result<u32, ProgramError> {
        if let Some(&number) = self.numbers.get(&id) {
            return Ok(number);
        }
        let number = self.out.push(state(StateKind::Fail, 0, 0, 0, 0))?;
        self.numbers.insert(id, number);
        queue.push(id);
        Ok(number)
    }

    fn state(&mut self, id: StateID, queue: &mut Vec<StateID>) -> Result<(), ProgramError> {
        use thompson::State as Nfa;
        let at = self.number(id, queue)?;
        let encoded = match self.nfa.state(id) {
            Nfa::ByteRange { trans } => {
                let next = self.number(trans.next, queue)?;
                state(StateKind::Range, trans.start, trans.end, next, 0)
            }
            Nfa::Sparse(sparse) => {
                let mut sets: BTreeMap<StateID, ByteSet> = BTreeMap::new();
                for trans in &*sparse.transitions {
                    let set = sets.entry(trans.next).or_default();
                    (trans.start..=trans.end).for_each(|byte| set.insert(byte));
                }
                self.sets(&sets, queue)?
            }
            Nfa::Dense(dense) => {
                let mut sets: BTreeMap<StateID, ByteSet> = BTreeMap::new();
                for byte in 0..=255u8 {
                    match dense.transitions.get(usize::from(byte)) {
                        Some(&next) if next != StateID::ZERO => sets.entry(next).or_default().insert(byte),
                        _ => {}
                    }
                }
                self.sets(&sets, queue)?
            }
            Nfa::Look { look, next } => {
                let next = self.number(*next, queue)?;
                self.look(*look, next)?
            }
            Nfa::Union { alternates } => {
                let ways =
                    alternates.iter().map(|&way| self.number(way, queue)).collect::<Result<Vec<_>, _>>()?;
                self.out.split(&ways)?
            }
            Nfa::BinaryUnion { alt1, alt2 } => {
                let ways = [self.number(*alt1, queue)?, self.number(*alt2, queue)?];
                self.out.split(&ways)?
            }
            Nfa::Capture { next, .. } => {
                let next = self.number(*next, queue)?;
                state(StateKind::Split, 0, 0, next, next)
            }
            Nfa::Fail => state(StateKind::Fail, 0, 0, 0, 0),
            Nfa::Match { .. } => state(StateKind::Match, 0, 0, 0, 0),
        };
        self.out.states[at as usize] = encoded;
        Ok(())
    }

    /// The state that takes one of several sets of bytes, no two of which share one.
    fn sets(
        &mut self,
        sets: &BTreeMap<StateID, ByteSet>,
        queue: &mut Vec<StateID>,
    ) -> Result<State, ProgramError> {
        let mut single = Vec::with_capacity(sets.len());
        for (&next, &set) in sets {
            let next = self.number(next, queue)?;
            single.push(match set.as_range() {
                Some((low, high)) => state(StateKind::Range, low, high, next, 0),
                None => state(StateKind::Class, 0, 0, next, self.out.class(set)),
            });
        }
        if let [only] = single[..] {
            return Ok(only);
        }
        let ways = single.into_iter().map(|state| self.out.push(state)).collect::<Result<Vec<_>, _>>()?;
        self.out.split(&ways)
    }

    /// The state that goes on at `next` where the assertion holds.
    fn look(&mut self, look: NfaLook, next: u32) -> Result<State, ProgramError> {
        let wide = self.direction == Direction::ForwardWide;
        let (boundary, not_boundary, before, after) = if wide {
            (Look::WideWordBoundary, Look::WideNotWordBoundary, Look::WideBefore, Look::WideAfter)
        } else {
            (Look::WordBoundary, Look::NotWordBoundary, Look::Before, Look::After)
        };
        let out = &mut self.out;
        Ok(match look {
            _ if self.direction == Direction::Backward => state(StateKind::Split, 0, 0, next, next),
            NfaLook::Start => out.look(Look::Start, None, next),
            NfaLook::End => out.look(Look::End, None, next),
            NfaLook::WordAscii => out.look(boundary, None, next),
            NfaLook::WordAsciiNegate => out.look(not_boundary, None, next),
            // A line begins at the start of the data and after its separator, and ends likewise.
            NfaLook::StartLF => {
                let ways = [out.look(Look::Start, None, next), out.look(before, Some(line_feed()), next)];
                out.split_states(ways)?
            }
            NfaLook::EndLF => {
                let ways = [out.look(Look::End, None, next), out.look(after, Some(line_feed()), next)];
                out.split_states(ways)?
            }
            // A word begins at a boundary after which it goes on, and ends at one before which it was.
            NfaLook::WordStartAscii => {
                let inside = out.look(after, Some(word()), next);
                let inside = out.push(inside)?;
                out.look(boundary, None, inside)
            }
            NfaLook::WordEndAscii => {
                let inside = out.look(before, Some(word()), next);
                let inside = out.push(inside)?;
                out.look(boundary, None, inside)
            }
            NfaLook::WordStartHalfAscii if !wide => {
                let set = word().negated();
                let ways = [out.look(Look::Start, None, next), out.look(before, Some(set), next)];
                out.split_states(ways)?
            }
            NfaLook::WordEndHalfAscii if !wide => {
                let set = word().negated();
                let ways = [out.look(Look::End, None, next), out.look(after, Some(set), next)];
                out.split_states(ways)?
            }
            NfaLook::WordStartHalfAscii => return Err(ProgramError::Unsupported("\\b{start-half}")),
            NfaLook::WordEndHalfAscii => return Err(ProgramError::Unsupported("\\b{end-half}")),
            NfaLook::StartCRLF => return Err(ProgramError::Unsupported("(?mR)^")),
            NfaLook::EndCRLF => return Err(ProgramError::Unsupported("(?mR)$")),
            _ => return Err(ProgramError::Unsupported("(?u)\\b")),
        })
    }
}

impl Output {
    fn push(&mut self, state: State) -> Result<u32, ProgramError> {
        let number = self.states.len() as u32;
        if number >= MAX_PROGRAM_STATES {
            return Err(ProgramError::TooLarge);
        }
        self.states.push(state);
        Ok(number)
    }

    /// The number of a class.
    fn class(&mut self, set: ByteSet) -> u32 {
        let bits = set.to_bits();
        *self.class_numbers.entry(bits).or_insert_with(|| {
            self.classes.push(bits);
            self.classes.len() as u32 - 1
        })
    }

    fn look(&mut self, look: Look, set: Option<ByteSet>, next: u32) -> State {
        let class = set.map_or(0, |set| self.class(set));
        state(StateKind::Look, look as u8, 0, next, class)
    }

    /// The state that tries the ways in order.
    fn split(&mut self, ways: &[u32]) -> Result<State, ProgramError> {
        let Some((&last, others)) = ways.split_last() else { return Ok(state(StateKind::Fail, 0, 0, 0, 0)) };
        let mut rest = last;
        for (index, &way) in others.iter().enumerate().rev() {
            let split = state(StateKind::Split, 0, 0, way, rest);
            if index == 0 {
                return Ok(split);
            }
            rest = self.push(split)?;
        }
        Ok(state(StateKind::Split, 0, 0, last, last))
    }

    fn split_states(&mut self, ways: [State; 2]) -> Result<State, ProgramError> {
        let ways = [self.push(ways[0])?, self.push(ways[1])?];
        self.split(&ways)
    }

    fn finish(self, start: u32) -> Vec<u8> {
        let header = ProgramHeader {
            states: U32::new(self.states.len() as u32),
            classes: U32::new(self.classes.len() as u32),
            start: U32::new(start),
        };
        [header.as_bytes(), self.states.as_bytes(), self.classes.as_bytes()].concat()
    }
}

fn line_feed() -> ByteSet {
    ByteSet::one(b'\n')
}

fn word() -> ByteSet {
    ByteSet::of(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn state(kind: StateKind, low: u8, high: u8, next: u32, other: u32) -> State {
    State { kind: kind as u8, low, high, reserved: 0, next: U32::new(next), other: U32::new(other) }
}
