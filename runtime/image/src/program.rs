//! Programs: regular expressions as code for a machine that keeps every way alive at once.
//!
//! Layout: [`ProgramHeader`], classes (256 bits each), code. An instruction is the number of an [`Op`] and its operands;
//! after it comes the next one, unless it leads elsewhere. Where there are two ways on, one is preferred to the other,
//! so that the first match found in that order is the one a backtracking engine reports.
//!
//! Whatever takes bytes takes them one by one in one instruction, a run of bytes as well as a counted repetition, so
//! that a thread is an instruction and how many bytes it has taken there.

mod writer;

use zerocopy::little_endian::U16;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

pub use self::writer::{Hole, Writer};
use crate::limits::MAX_PROGRAM_STATES;

/// Start of a program.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct ProgramHeader {
    /// Number of classes.
    pub classes: U16,
}

/// Instructions, with their operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Op {
    /// The program has matched.
    Match = 0,
    /// A length, and so many bytes to take.
    Bytes = 1,
    /// As `Bytes`; the case of ASCII letters does not count.
    Caseless = 2,
    /// A length, so many bytes to take, and for each which of its bits count.
    Masked = 3,
    /// First and last byte of a range, one of which to take.
    Range = 4,
    /// Index of a class, one byte of which to take.
    Class = 5,
    /// Flags, least and greatest number (zero is unbounded) of bytes to take, whatever they are.
    RepeatAny = 6,
    /// As `RepeatAny`, then first and last byte of a range.
    RepeatRange = 7,
    /// As `RepeatAny`, then index of a class.
    RepeatClass = 8,
    /// Goes on elsewhere.
    Jump = 9,
    /// Goes on with the next instruction or, less preferred, elsewhere.
    NextOr = 10,
    /// Goes on elsewhere or, less preferred, with the next instruction.
    ElseNext = 11,
    /// A [`Look`], how many bytes lie between it and what it looks at, index of a class: goes on where it holds.
    Look = 12,
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
    /// The byte before (or further away) is of the class.
    Before = 6,
    /// The byte after (or further away) is of the class.
    After = 7,
    /// The two-byte character before is a byte of the class and a zero.
    WideBefore = 8,
    /// The two-byte character after is a byte of the class and a zero.
    WideAfter = 9,
}

/// Flags of a repetition.
pub mod repeat_flags {
    /// As few as possible are preferred, instead of as many.
    pub const LAZY: u8 = 1;
    /// Characters of two bytes, the second zero; the numbers count characters.
    pub const WIDE: u8 = 2;
    /// All flags of this version.
    pub const KNOWN: u8 = LAZY | WIDE;
}

impl Op {
    /// The instruction with this number.
    pub fn new(op: u8) -> Option<Self> {
        use Op::*;
        const OPS: [Op; 13] = [
            Match,
            Bytes,
            Caseless,
            Masked,
            Range,
            Class,
            RepeatAny,
            RepeatRange,
            RepeatClass,
            Jump,
            NextOr,
            ElseNext,
            Look,
        ];
        OPS.get(usize::from(op)).copied()
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

    /// Whether it asks for a byte of a class.
    pub fn has_class(self) -> bool {
        matches!(self, Self::Before | Self::After | Self::WideBefore | Self::WideAfter)
    }
}

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set<'a> {
    /// Every byte.
    Any,
    /// Those between two.
    Range(u8, u8),
    /// Those of a class.
    Class(&'a [u8; 32]),
}

impl Set<'_> {
    /// Whether the byte is in it.
    #[inline]
    pub fn has(&self, byte: u8) -> bool {
        match self {
            Set::Any => true,
            Set::Range(low, high) => (*low..=*high).contains(&byte),
            Set::Class(class) => class.get(usize::from(byte >> 3)).is_some_and(|b| b >> (byte & 7) & 1 != 0),
        }
    }
}

/// Bytes to take one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run<'a> {
    /// These.
    Bytes(&'a [u8]),
    /// These, whatever the case of ASCII letters.
    Caseless(&'a [u8]),
    /// These in the bits that count, of which there are as many bytes.
    Masked(&'a [u8], &'a [u8]),
}

impl Run<'_> {
    /// How many.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            Run::Bytes(bytes) | Run::Caseless(bytes) | Run::Masked(bytes, _) => bytes.len(),
        }
    }

    /// Whether there are none; [`crate::Image::parse`] has excluded that.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the byte at `index` can be `byte`.
    #[inline]
    pub fn takes(&self, index: usize, byte: u8) -> bool {
        match self {
            Run::Bytes(bytes) => bytes.get(index) == Some(&byte),
            Run::Caseless(bytes) => bytes.get(index).is_some_and(|b| b.eq_ignore_ascii_case(&byte)),
            Run::Masked(bytes, mask) => {
                bytes.get(index).zip(mask.get(index)).is_some_and(|(b, m)| (b ^ byte) & m == 0)
            }
        }
    }
}

/// Characters of one set, some number of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat<'a> {
    /// The set.
    pub set: Set<'a>,
    /// Least number.
    pub min: u16,
    /// Greatest number; `None` is unbounded.
    pub max: Option<u16>,
    /// As many as possible are preferred, instead of as few.
    pub greedy: bool,
    /// Characters have two bytes, the second zero.
    pub wide: bool,
}

impl Repeat<'_> {
    /// Bytes of a character.
    #[inline]
    pub fn width(&self) -> u32 {
        if self.wide { 2 } else { 1 }
    }

    /// Whether `byte` can come after `taken` others; `backward` if they are taken from the end.
    #[inline]
    pub fn takes(&self, taken: u32, byte: u8, backward: bool) -> bool {
        if self.wide && (taken & 1 == 1) != backward { byte == 0 } else { self.set.has(byte) }
    }
}

/// An instruction, its targets as places in the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Insn<'a> {
    /// The program has matched.
    Match,
    /// Takes bytes one after the other.
    Run(Run<'a>),
    /// Takes bytes of a set.
    Repeat(Repeat<'a>),
    /// Goes on there.
    Jump(u32),
    /// Goes on at both, the first preferred.
    Split(u32, u32),
    /// Goes on where the assertion holds.
    Look {
        /// The assertion.
        look: Look,
        /// How many bytes lie between it and what it looks at.
        distance: u8,
        /// The class that it asks for; empty where it asks for none.
        set: Set<'a>,
    },
}

impl Insn<'_> {
    /// In how many states a thread can be here: one for each byte it can have taken before the next.
    fn states(&self) -> u32 {
        match self {
            Insn::Run(run) => run.len() as u32,
            Insn::Repeat(repeat) => repeat.max.map_or(u32::from(repeat.min) + 1, u32::from) * repeat.width(),
            _ => 1,
        }
    }
}

/// A program in the image. It starts with its first instruction.
#[derive(Debug, Clone, Copy)]
pub struct Program<'a> {
    /// The instructions.
    pub code: &'a [u8],
    /// The classes: bit `n % 8` of byte `n / 8` stands for byte value `n`.
    pub classes: &'a [[u8; 32]],
}

impl<'a> Program<'a> {
    /// The program in `bytes`, if its classes fit. Instructions are not looked at.
    pub fn view(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = ProgramHeader::ref_from_prefix(bytes).ok()?;
        let (classes, code) =
            <[[u8; 32]]>::ref_from_prefix_with_elems(rest, usize::from(header.classes.get())).ok()?;
        Some(Program { code, classes })
    }

    /// The instruction at a place in the code, and the place behind it.
    #[inline]
    pub fn insn(&self, place: u32) -> Option<(Insn<'a>, u32)> {
        let mut operands = Operands { code: self.code, place };
        let insn = match Op::new(operands.byte()?)? {
            Op::Match => Insn::Match,
            Op::Bytes => Insn::Run(Run::Bytes(operands.run(1)?)),
            Op::Caseless => Insn::Run(Run::Caseless(operands.run(1)?)),
            Op::Masked => {
                let run = operands.run(2)?;
                let (bytes, mask) = run.split_at(run.len() / 2);
                Insn::Run(Run::Masked(bytes, mask))
            }
            Op::Range => Insn::Repeat(once(operands.range()?)),
            Op::Class => Insn::Repeat(once(operands.class(self.classes)?)),
            Op::RepeatAny => Insn::Repeat(operands.repeat(|_| Some(Set::Any))?),
            Op::RepeatRange => Insn::Repeat(operands.repeat(Operands::range)?),
            Op::RepeatClass => Insn::Repeat(operands.repeat(|o| o.class(self.classes))?),
            Op::Jump => Insn::Jump(operands.target(place)?),
            Op::NextOr => {
                let target = operands.target(place)?;
                Insn::Split(operands.place, target)
            }
            Op::ElseNext => {
                let target = operands.target(place)?;
                Insn::Split(target, operands.place)
            }
            Op::Look => {
                let look = Look::new(operands.byte()?)?;
                let distance = operands.byte()?;
                let set = if look.has_class() { operands.class(self.classes)? } else { EMPTY };
                Insn::Look { look, distance, set }
            }
        };
        Some((insn, operands.place))
    }

    /// Proves that running it meets nothing but whole instructions: each is known, its classes exist, every way on
    /// leads to one, and the last leads elsewhere. That the machine comes to an end needs no proof, as it visits an
    /// instruction once a byte.
    pub(crate) fn prove(bytes: &'a [u8]) -> Result<(), &'static str> {
        let program = Self::view(bytes).ok_or("program leaves its slice")?;
        let mut starts = Places::new(program.code.len());
        let mut targets = Vec::new();
        let (mut place, mut states, mut ends) = (0u32, 0u32, false);
        while (place as usize) < program.code.len() {
            starts.mark(place);
            let (insn, next) = program.insn(place).ok_or("unknown instruction in a program")?;
            ends = match insn {
                Insn::Match => true,
                Insn::Jump(target) => {
                    targets.push(target);
                    true
                }
                Insn::Split(first, second) => {
                    targets.push(if first == next { second } else { first });
                    false
                }
                Insn::Run(_) | Insn::Repeat(_) | Insn::Look { .. } => false,
            };
            states = states.saturating_add(insn.states());
            place = next;
        }
        if !ends {
            return Err("a program runs over its end");
        }
        if states > MAX_PROGRAM_STATES {
            return Err("program has too many states");
        }
        if !targets.into_iter().all(|target| starts.has(target)) {
            return Err("a program leads between its instructions");
        }
        Ok(())
    }
}

/// No byte.
const EMPTY: Set<'static> = Set::Class(&[0; 32]);

fn once(set: Set<'_>) -> Repeat<'_> {
    Repeat { set, min: 1, max: Some(1), greedy: true, wide: false }
}

/// Reads what follows the number of an instruction.
struct Operands<'a> {
    code: &'a [u8],
    place: u32,
}

impl<'a> Operands<'a> {
    #[inline]
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let start = self.place as usize;
        let end = start.checked_add(len)?;
        let bytes = self.code.get(start..end)?;
        self.place = u32::try_from(end).ok()?;
        Some(bytes)
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
    }

    /// A length and so many times `width` bytes.
    #[inline]
    fn run(&mut self, width: usize) -> Option<&'a [u8]> {
        let len = self.byte().filter(|&len| len > 0)?;
        self.take(usize::from(len).checked_mul(width)?)
    }

    fn range(&mut self) -> Option<Set<'a>> {
        let (low, high) = (self.byte()?, self.byte()?);
        (low <= high).then_some(Set::Range(low, high))
    }

    fn class(&mut self, classes: &'a [[u8; 32]]) -> Option<Set<'a>> {
        classes.get(usize::from(self.u16()?)).map(Set::Class)
    }

    fn repeat(&mut self, set: impl Fn(&mut Self) -> Option<Set<'a>>) -> Option<Repeat<'a>> {
        let flags = self.byte().filter(|flags| flags & !repeat_flags::KNOWN == 0)?;
        let (min, max) = (self.u16()?, self.u16()?);
        let max = if max == 0 { None } else { Some(max) };
        let (greedy, wide) = (flags & repeat_flags::LAZY == 0, flags & repeat_flags::WIDE != 0);
        let repeat = Repeat { set: set(self)?, min, max, greedy, wide };
        max.is_none_or(|max| min <= max).then_some(repeat)
    }

    /// A distance from the start of the instruction: 24 bits, two's complement.
    fn target(&mut self, from: u32) -> Option<u32> {
        let [low, middle, high] = *self.take(3)?.first_chunk()?;
        let distance = i32::from_le_bytes([0, low, middle, high]) >> 8;
        from.checked_add_signed(distance)
    }
}

/// A set of places in code.
struct Places(Vec<u64>);

impl Places {
    fn new(len: usize) -> Self {
        Places(vec![0; len.div_ceil(64)])
    }

    fn mark(&mut self, place: u32) {
        if let Some(word) = self.0.get_mut(place as usize / 64) {
            *word |= 1 << (place % 64);
        }
    }

    fn has(&self, place: u32) -> bool {
        self.0.get(place as usize / 64).is_some_and(|word| word >> (place % 64) & 1 != 0)
    }
}
