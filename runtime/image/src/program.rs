//! Regular expression programs: a Thompson automaton whose states are fixed-size records.
//!
//! Layout: [`ProgramHeader`], states, classes (256 bits each). Where a state has two ways on, `next` is preferred to
//! `other`, so that the first match found in that order is the one a backtracking engine reports.

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::limits::MAX_PROGRAM_STATES;

/// Start of a program.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ProgramHeader {
    /// Number of states.
    pub states: U32,
    /// Number of classes.
    pub classes: U32,
    /// The state it starts in.
    pub start: U32,
}

/// A state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct State {
    /// A [`StateKind`].
    pub kind: u8,
    /// First byte of a range, or a [`Look`].
    pub low: u8,
    /// Last byte of a range, or how many bytes lie between a [`Look`] and what it looks at.
    pub high: u8,
    /// Zero.
    pub reserved: u8,
    /// The state after this one.
    pub next: U32,
    /// The second choice, or the index of a class, that of a byte to take or of one that an assertion asks for.
    pub other: U32,
}

/// What a state does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum StateKind {
    /// The program has matched.
    Match = 0,
    /// This way leads nowhere.
    Fail = 1,
    /// Takes a byte between `low` and `high`.
    Range = 2,
    /// Takes a byte of class `other`.
    Class = 3,
    /// Goes on at `next`, then at `other`.
    Split = 4,
    /// Goes on where the assertion holds.
    Look = 5,
}

/// Assertions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Look {
    /// At the start of the data.
    Start = 0,
    /// At the end of the data, or so many bytes before it.
    End = 1,
    /// `\b`
    WordBoundary = 2,
    /// `\B`
    NotWordBoundary = 3,
    /// `\b` between two-byte characters.
    WideWordBoundary = 4,
    /// `\B` between two-byte characters.
    WideNotWordBoundary = 5,
    /// The byte before (or further away) is of class `other`.
    Before = 6,
    /// The byte after (or further away) is of class `other`.
    After = 7,
    /// The two-byte character before is a byte of class `other` and a zero.
    WideBefore = 8,
    /// The two-byte character after is a byte of class `other` and a zero.
    WideAfter = 9,
}

impl StateKind {
    /// The kind with this number.
    pub fn new(kind: u8) -> Option<Self> {
        use StateKind::*;
        [Match, Fail, Range, Class, Split, Look].into_iter().find(|&k| k as u8 == kind)
    }
}

impl Look {
    /// The assertion with this number.
    pub fn new(look: u8) -> Option<Self> {
        use Look::*;
        let words = [Start, End, WordBoundary, NotWordBoundary, WideWordBoundary, WideNotWordBoundary];
        let classes = [Before, After, WideBefore, WideAfter];
        words.into_iter().chain(classes).find(|&k| k as u8 == look)
    }

    /// Whether it asks for a byte of the state's class.
    pub fn has_class(self) -> bool {
        matches!(self, Self::Before | Self::After | Self::WideBefore | Self::WideAfter)
    }
}

/// A program in the image.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// The states.
    pub states: &'a [State],
    /// The classes.
    pub classes: &'a [[u8; 32]],
    /// The state it starts in.
    pub start: u32,
}

impl<'a> Program<'a> {
    /// The program in `bytes`, if their length is what the header says. States are not looked at.
    pub fn view(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = ProgramHeader::ref_from_prefix(bytes).ok()?;
        let (states, rest) =
            <[State]>::ref_from_prefix_with_elems(rest, header.states.get() as usize).ok()?;
        let classes = <[[u8; 32]]>::ref_from_bytes_with_elems(rest, header.classes.get() as usize).ok()?;
        Some(Program { states, classes, start: header.start.get() })
    }

    /// Proves that every state, class and kind that running it follows exists.
    pub(crate) fn prove(bytes: &'a [u8]) -> Result<(), &'static str> {
        let program = Self::view(bytes).ok_or("program leaves its slice")?;
        let count = program.states.len() as u32;
        if count > MAX_PROGRAM_STATES || program.start >= count {
            return Err("program has too many states or a start outside them");
        }
        for state in program.states {
            let kind = StateKind::new(state.kind).ok_or("unknown kind of state")?;
            let (next, other) = (state.next.get(), state.other.get());
            let ok = match kind {
                StateKind::Match | StateKind::Fail => true,
                StateKind::Range => next < count && state.low <= state.high,
                StateKind::Class => next < count && (other as usize) < program.classes.len(),
                StateKind::Split => next < count && other < count,
                StateKind::Look => {
                    let look = Look::new(state.low).ok_or("unknown assertion")?;
                    next < count && (!look.has_class() || (other as usize) < program.classes.len())
                }
            };
            if !ok || state.reserved != 0 {
                return Err("state leads outside the program");
            }
        }
        Ok(())
    }
}
