//! Programs: from expressions and items straight to code, without an automaton in between.
//!
//! Every repetition and alternation is laid out so that ways are tried in the order in which a backtracking engine
//! tries them. Alternatives with different first bytes exclude each other; those with the same one share it.

use hallmark_image::limits::MAX_PROGRAM_STATES;
use hallmark_image::program::{Look, Repeat, Set, Writer};
use regex_syntax::hir::{Class, Hir, HirKind, Literal, Look as HirLook, Repetition};

use super::byteset::ByteSet;
use super::items::Item;

/// Fixed repetitions of one byte up to this many are written out, as they may be part of a run.
const MAX_WRITTEN_OUT: u32 = 8;

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

/// The program of an expression without captures and Unicode classes.
pub(super) fn encode(hir: &Hir, direction: Direction) -> Result<Vec<u8>, ProgramError> {
    let mut encoder = Encoder { writer: Writer::default(), direction };
    encoder.hir(hir)?;
    encoder.finish()
}

/// The program of items; assertions among them are taken to hold.
pub(super) fn encode_items(items: &[Item], direction: Direction) -> Result<Vec<u8>, ProgramError> {
    let mut encoder = Encoder { writer: Writer::default(), direction };
    encoder.parts(Parts::Items(items))?;
    encoder.finish()
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
    let direction = if wide { Direction::ForwardWide } else { Direction::Forward };
    let mut encoder = Encoder { writer: Writer::default(), direction };
    let Looks { before, after, width, .. } = encoder.looks();
    for (skipped, set) in (0u8..).zip(&around.before) {
        encoder.writer.look(before, skipped * width, &set.to_bits());
    }
    for &byte in bytes {
        encoder.set(ByteSet::one(byte))?;
    }
    encoder.options(&around.after, |encoder, way| {
        for (skipped, neighbour) in (0u8..).zip(way) {
            let (look, set) = match neighbour {
                Neighbour::Char(set) => (after, *set),
                Neighbour::End => (Look::End, ByteSet::default()),
            };
            encoder.writer.look(look, skipped * width, &set.to_bits());
        }
        encoder.check()
    })?;
    encoder.finish()
}

/// Assertions about characters of one or two bytes.
struct Looks {
    boundary: Look,
    not_boundary: Look,
    before: Look,
    after: Look,
    /// Bytes of a character.
    width: u8,
}

struct Encoder {
    writer: Writer,
    direction: Direction,
}

/// Parts that follow each other.
#[derive(Clone, Copy)]
enum Parts<'a> {
    Hirs(&'a [Hir]),
    Items(&'a [Item]),
}

/// An alternative: sets that it begins with, in the order in which they are met, and what comes then.
struct Way<'a> {
    head: Vec<ByteSet>,
    rest: Parts<'a>,
}

/// How often something is repeated, and whether often is preferred.
struct Times {
    min: u32,
    max: Option<u32>,
    greedy: bool,
}

impl Encoder {
    fn finish(mut self) -> Result<Vec<u8>, ProgramError> {
        self.writer.matched();
        self.check()?;
        Ok(self.writer.finish())
    }

    /// Called for whatever is repeated, so that nothing grows far beyond the limit.
    fn check(&self) -> Result<(), ProgramError> {
        match self.writer.states() > u64::from(MAX_PROGRAM_STATES) {
            true => Err(ProgramError::TooLarge),
            false => Ok(()),
        }
    }

    fn hir(&mut self, hir: &Hir) -> Result<(), ProgramError> {
        match hir.kind() {
            HirKind::Empty => Ok(()),
            HirKind::Literal(Literal(bytes)) => match self.direction {
                Direction::Backward => bytes.iter().rev().try_for_each(|&byte| self.set(ByteSet::one(byte))),
                _ => bytes.iter().try_for_each(|&byte| self.set(ByteSet::one(byte))),
            },
            HirKind::Class(class) => self.set(set_of(class)),
            HirKind::Look(look) => self.look(*look),
            HirKind::Capture(capture) => self.hir(&capture.sub),
            HirKind::Repetition(repetition) => self.repetition(repetition),
            HirKind::Concat(parts) => self.parts(Parts::Hirs(parts)),
            HirKind::Alternation(options) => {
                let ways = options.iter().map(|option| self.way(Parts::Hirs(std::slice::from_ref(option))));
                let ways = ways.collect();
                self.ways(ways)
            }
        }
    }

    fn item(&mut self, item: &Item) -> Result<(), ProgramError> {
        match item {
            Item::Set(set) => self.set(*set),
            Item::Gap { min, max } => {
                self.repeat(ByteSet::ANY, false, Times { min: *min, max: *max, greedy: false })
            }
            Item::Look => Ok(()),
            Item::Other(hir) => self.hir(hir),
            Item::Alternatives(options) => {
                let ways = options.iter().map(|option| self.way(Parts::Items(option))).collect();
                self.ways(ways)
            }
        }
    }

    fn parts(&mut self, parts: Parts<'_>) -> Result<(), ProgramError> {
        match (parts, self.direction) {
            (Parts::Hirs(hirs), Direction::Backward) => hirs.iter().rev().try_for_each(|hir| self.hir(hir)),
            (Parts::Hirs(hirs), _) => hirs.iter().try_for_each(|hir| self.hir(hir)),
            (Parts::Items(items), Direction::Backward) => {
                items.iter().rev().try_for_each(|item| self.item(item))
            }
            (Parts::Items(items), _) => items.iter().try_for_each(|item| self.item(item)),
        }
    }

    fn set(&mut self, set: ByteSet) -> Result<(), ProgramError> {
        match set.as_masked() {
            Some((value, mask)) => self.writer.masked(value, mask),
            None => self.writer.set(as_set(set, &set.to_bits())),
        }
        self.check()
    }

    /// Characters of a set, `wide` if each is followed by a zero.
    fn repeat(&mut self, set: ByteSet, wide: bool, times: Times) -> Result<(), ProgramError> {
        let Times { min, max, greedy } = times;
        if max == Some(min) && min <= MAX_WRITTEN_OUT {
            let mut char = [set, ByteSet::one(0)];
            let char = &mut char[..if wide { 2 } else { 1 }];
            if self.direction == Direction::Backward {
                char.reverse();
            }
            return (0..min).try_for_each(|_| char.iter().try_for_each(|&set| self.set(set)));
        }
        let count = |count: u32| u16::try_from(count).map_err(|_| ProgramError::TooLarge);
        let (min, max) = (count(min)?, max.map(count).transpose()?);
        self.writer.repeat(Repeat { set: as_set(set, &set.to_bits()), min, max, greedy, wide });
        self.check()
    }

    fn repetition(&mut self, repetition: &Repetition) -> Result<(), ProgramError> {
        let Repetition { min, max, greedy, ref sub } = *repetition;
        if let Some((set, wide)) = char_of(sub) {
            return self.repeat(set, wide, Times { min, max, greedy });
        }
        let Some(max) = max else {
            // One or more, then perhaps: what repeats nothing keeps its preference.
            let out = (min == 0).then(|| self.writer.split(greedy));
            for _ in 1..min {
                self.hir(sub)?;
            }
            let start = self.writer.here();
            self.hir(sub)?;
            self.writer.split_back(start, greedy);
            if let Some(out) = out {
                self.writer.fill(out);
            }
            return self.check();
        };
        for _ in 0..min {
            self.hir(sub)?;
        }
        let mut outs = Vec::new();
        for _ in min..max {
            outs.push(self.writer.split(greedy));
            self.hir(sub)?;
            self.check()?;
        }
        outs.into_iter().for_each(|out| self.writer.fill(out));
        Ok(())
    }

    /// An alternative taken apart.
    fn way<'a>(&self, parts: Parts<'a>) -> Way<'a> {
        let mut way = Way { head: Vec::new(), rest: parts };
        let backward = self.direction == Direction::Backward;
        loop {
            let (hirs, items): (&[Hir], &[Item]) = match way.rest {
                Parts::Hirs(hirs) => (hirs, &[]),
                Parts::Items(items) => (&[], items),
            };
            // What is met first, and the others.
            let (hir, hirs) = split(hirs, backward);
            let (item, items) = split(items, backward);
            match (hir.map(Hir::kind), item) {
                (Some(HirKind::Concat(parts)), _) if hirs.is_empty() => {
                    way.rest = Parts::Hirs(parts);
                    continue;
                }
                (Some(HirKind::Literal(Literal(bytes))), _) => {
                    let sets = bytes.iter().map(|&byte| ByteSet::one(byte));
                    if backward { way.head.extend(sets.rev()) } else { way.head.extend(sets) }
                }
                (Some(HirKind::Class(class)), _) => way.head.push(set_of(class)),
                (_, Some(Item::Set(set))) => way.head.push(*set),
                _ => return way,
            }
            way.rest = match way.rest {
                Parts::Hirs(_) => Parts::Hirs(hirs),
                Parts::Items(_) => Parts::Items(items),
            };
        }
    }

    /// Alternatives, the preferred ones first.
    fn ways(&mut self, ways: Vec<Way<'_>>) -> Result<(), ProgramError> {
        let groups = groups(ways);
        self.options(&groups, |encoder, group| encoder.group(group))
    }

    /// Alternatives that begin with the same set, or only one.
    fn group(&mut self, group: &[Way<'_>]) -> Result<(), ProgramError> {
        let Some((first, others)) = group.split_first() else { return Ok(()) };
        let shared = others.iter().fold(first.head.len(), |shared, way| {
            first.head.iter().take(shared).zip(&way.head).take_while(|(a, b)| a == b).count()
        });
        first.head.iter().take(shared).try_for_each(|&set| self.set(set))?;
        if others.is_empty() {
            return self.parts(first.rest);
        }
        let rest = |way: &Way<'_>| way.head.get(shared..).unwrap_or_default().to_vec();
        self.ways(group.iter().map(|way| Way { head: rest(way), rest: way.rest }).collect())
    }

    /// Lays out ways one behind the other, a branch before each but the last.
    fn options<T>(
        &mut self,
        options: &[T],
        mut write: impl FnMut(&mut Self, &T) -> Result<(), ProgramError>,
    ) -> Result<(), ProgramError> {
        let Some((last, others)) = options.split_last() else { return Ok(()) };
        let mut ends = Vec::with_capacity(others.len());
        for option in others {
            let next = self.writer.split(true);
            write(self, option)?;
            ends.push(self.writer.jump());
            self.writer.fill(next);
            self.check()?;
        }
        write(self, last)?;
        ends.into_iter().for_each(|end| self.writer.fill(end));
        Ok(())
    }

    fn looks(&self) -> Looks {
        match self.direction {
            Direction::ForwardWide => Looks {
                boundary: Look::WideWordBoundary,
                not_boundary: Look::WideNotWordBoundary,
                before: Look::WideBefore,
                after: Look::WideAfter,
                width: 2,
            },
            _ => Looks {
                boundary: Look::WordBoundary,
                not_boundary: Look::NotWordBoundary,
                before: Look::Before,
                after: Look::After,
                width: 1,
            },
        }
    }

    fn look(&mut self, look: HirLook) -> Result<(), ProgramError> {
        if self.direction == Direction::Backward {
            return Ok(());
        }
        let Looks { boundary, not_boundary, before, after, width } = self.looks();
        let (wide, none) = (width == 2, ByteSet::default());
        match look {
            HirLook::Start => self.all(&[(Look::Start, none)]),
            HirLook::End => self.all(&[(Look::End, none)]),
            HirLook::WordAscii => self.all(&[(boundary, none)]),
            HirLook::WordAsciiNegate => self.all(&[(not_boundary, none)]),
            // A line begins at the start of the data and after its separator, and ends likewise.
            HirLook::StartLF => self.any(&[(Look::Start, none), (before, ByteSet::one(b'\n'))]),
            HirLook::EndLF => self.any(&[(Look::End, none), (after, ByteSet::one(b'\n'))]),
            // A word begins at a boundary after which it goes on, and ends at one before which it was.
            HirLook::WordStartAscii => self.all(&[(boundary, none), (after, word())]),
            HirLook::WordEndAscii => self.all(&[(boundary, none), (before, word())]),
            HirLook::WordStartHalfAscii if !wide => {
                self.any(&[(Look::Start, none), (before, word().negated())])
            }
            HirLook::WordEndHalfAscii if !wide => self.any(&[(Look::End, none), (after, word().negated())]),
            HirLook::WordStartHalfAscii => Err(ProgramError::Unsupported("\\b{start-half}")),
            HirLook::WordEndHalfAscii => Err(ProgramError::Unsupported("\\b{end-half}")),
            HirLook::StartCRLF => Err(ProgramError::Unsupported("(?mR)^")),
            HirLook::EndCRLF => Err(ProgramError::Unsupported("(?mR)$")),
            _ => Err(ProgramError::Unsupported("(?u)\\b")),
        }
    }

    fn all(&mut self, looks: &[(Look, ByteSet)]) -> Result<(), ProgramError> {
        looks.iter().for_each(|(look, set)| self.writer.look(*look, 0, &set.to_bits()));
        self.check()
    }

    fn any(&mut self, looks: &[(Look, ByteSet)]) -> Result<(), ProgramError> {
        self.options(looks, |encoder, look| encoder.all(std::slice::from_ref(look)))
    }
}

/// Alternatives in the order in which they are tried, with those next to each other that begin with the same set.
///
/// Of ways that begin with disjoint sets at most one leads on, so that their order does not matter. A way of which
/// that isn't certain stays where it is.
fn groups(ways: Vec<Way<'_>>) -> Vec<Vec<Way<'_>>> {
    let mut groups: Vec<Vec<Way<'_>>> = Vec::new();
    // Groups before this one are closed.
    let mut open = 0;
    for way in ways {
        let first = |group: &Vec<Way<'_>>| group.first().and_then(|way| way.head.first().copied());
        let Some(&set) = way.head.first() else {
            groups.push(vec![way]);
            open = groups.len();
            continue;
        };
        match groups[open..].iter().position(|group| first(group).is_some_and(|other| other.meets(set))) {
            Some(at) if first(&groups[open + at]) == Some(set) => groups[open + at].push(way),
            Some(_) => {
                open = groups.len();
                groups.push(vec![way]);
            }
            None => groups.push(vec![way]),
        }
    }
    groups
}

fn split<T>(parts: &[T], from_end: bool) -> (Option<&T>, &[T]) {
    let split = if from_end { parts.split_last() } else { parts.split_first() };
    split.map_or((None, &[]), |(first, others)| (Some(first), others))
}

/// The set of which an expression is one character, and whether a zero follows it.
fn char_of(hir: &Hir) -> Option<(ByteSet, bool)> {
    match hir.kind() {
        HirKind::Class(class) => Some((set_of(class), false)),
        HirKind::Literal(Literal(bytes)) => match **bytes {
            [byte] => Some((ByteSet::one(byte), false)),
            [byte, 0] => Some((ByteSet::one(byte), true)),
            _ => None,
        },
        HirKind::Concat(parts) => match &parts[..] {
            [char, zero] if char_of(zero) == Some((ByteSet::one(0), false)) => match char.kind() {
                HirKind::Class(class) => Some((set_of(class), true)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn set_of(class: &Class) -> ByteSet {
    match class {
        Class::Bytes(class) => ByteSet::of_class(class),
        // Others are taken apart into bytes before they come here.
        Class::Unicode(class) => {
            class.to_byte_class().map(|class| ByteSet::of_class(&class)).unwrap_or_default()
        }
    }
}

fn as_set(set: ByteSet, bits: &[u8; 32]) -> Set<'_> {
    match set.as_range() {
        _ if set == ByteSet::ANY => Set::Any,
        Some((low, high)) => Set::Range(low, high),
        None => Set::Class(bits),
    }
}

fn word() -> ByteSet {
    ByteSet::of(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
