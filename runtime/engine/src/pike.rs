//! Runs programs by keeping every thread alive at once, in order of preference.
//!
//! Time is the length of the text times the number of states, whatever the expression. The match reported is the one
//! a backtracking engine would find first. A thread that cannot take the next byte is not kept, so that most of the
//! time there is one, and what it is about to take is compared at once.
//!
//! What a run does next depends on its threads alone, not on where it began. At some positions a run compares its
//! threads with those that earlier runs of the program had there ([`Trail`]) and goes no further when they are the same,
//! so that many starts with one far end do not multiply.

use hallmark_image::program::{Insn, Look, Program, Repeat, Run, Set};

use crate::budget::{Budget, Stopped};
use crate::trail::{CHECKPOINT, Course, Trail};

/// Buffers of the machine, reused by every run.
#[derive(Debug, Default)]
pub(crate) struct Pike {
    current: Threads,
    next: Threads,
    todo: Vec<Thread>,
    course: Course,
    /// The lowest and the highest position up to which runs went or wanted to go.
    reach: Option<(usize, usize)>,
}

/// A way through the program: an instruction and how many bytes it has taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Thread {
    place: u32,
    taken: u32,
}

/// Stands for a thread that has not reached an instruction yet that takes bytes.
const ON_ITS_WAY: u32 = u32::MAX;

/// Threads at one position of the data, by falling preference.
#[derive(Debug, Default)]
struct Threads {
    order: Vec<Thread>,
    /// For each place of the code the last generation that reached it. Places within a repetition stand for its
    /// states, see [`Position::repeat`].
    seen: Vec<u32>,
    generation: u32,
}

impl Threads {
    fn reset(&mut self, places: usize) {
        if self.seen.len() < places {
            self.seen.resize(places, 0);
        }
        self.order.clear();
        self.generation = self.generation.checked_add(1).unwrap_or_else(|| {
            self.seen.fill(0);
            1
        });
    }

    #[inline]
    fn first_visit(&mut self, place: u32) -> bool {
        match self.seen.get_mut(place as usize) {
            Some(seen) if *seen != self.generation => {
                *seen = self.generation;
                true
            }
            _ => false,
        }
    }
}

/// The text a program runs over, and which way.
#[derive(Debug, Clone, Copy)]
struct Text<'a, const BACKWARD: bool>(&'a [u8]);

impl<const BACKWARD: bool> Text<'_, BACKWARD> {
    /// The byte that is taken at `at`.
    #[inline]
    fn byte(self, at: usize) -> Option<u8> {
        self.0.get(if BACKWARD { at.checked_sub(1)? } else { at }).copied()
    }

    /// The position after `len` bytes.
    #[inline]
    fn after(self, at: usize, len: usize) -> Option<usize> {
        if BACKWARD { at.checked_sub(len) } else { at.checked_add(len).filter(|&end| end <= self.0.len()) }
    }

    /// The position after the bytes of `run` from `index` on, if they stand at `at`.
    fn after_run(self, at: usize, run: &Run<'_>, index: usize) -> Option<usize> {
        let end = self.after(at, run.len().checked_sub(index)?)?;
        let same = match run {
            Run::Bytes(bytes) if !BACKWARD => self.0.get(at..end)? == bytes.get(index..)?,
            Run::Caseless(bytes) if !BACKWARD => {
                self.0.get(at..end)?.eq_ignore_ascii_case(bytes.get(index..)?)
            }
            _ if BACKWARD => (index..).zip(self.0.get(end..at)?.iter().rev()).all(|(i, &b)| run.takes(i, b)),
            _ => (index..).zip(self.0.get(at..end)?).all(|(i, &b)| run.takes(i, b)),
        };
        same.then_some(end)
    }

    /// The position at which a repetition of which so many bytes were taken has `len`, if they stand at `at`.
    fn after_repeat(self, at: usize, repeat: &Repeat<'_>, taken: u32, len: u32) -> Option<usize> {
        let end = self.after(at, len.checked_sub(taken)? as usize)?;
        let bytes = self.0.get(at.min(end)..at.max(end))?;
        let takes = |(i, &byte): (u32, &u8)| repeat.takes(i, byte, BACKWARD);
        let same = match BACKWARD {
            _ if repeat.set == Set::Any && !repeat.wide => true,
            true => (taken..).zip(bytes.iter().rev()).all(takes),
            false => (taken..).zip(bytes).all(takes),
        };
        same.then_some(end)
    }

    /// The next position, and how many bytes are before it, at which a repetition that has enough and takes the byte
    /// at `at` cannot go on, or at which what comes behind it can begin. An unbounded one stops at checkpoints too.
    fn after_others(self, at: usize, repeat: &Repeat<'_>, taken: u32, behind: &Run<'_>) -> (usize, u32) {
        let checkpoint = if BACKWARD { at.wrapping_sub(1) % CHECKPOINT } else { !at % CHECKPOINT };
        let most = match repeat.max {
            Some(max) => u32::from(max).saturating_sub(taken),
            None => (checkpoint as u32).saturating_add(1),
        };
        let (mut after, mut len) = (at, 0u32);
        loop {
            let Some(next) = self.after(after, 1) else { return (after, len) };
            (after, len) = (next, len.saturating_add(1));
            let goes_on = |byte| repeat.set.has(byte) && !behind.takes(0, byte);
            if len >= most || !self.byte(after).is_some_and(goes_on) {
                return (after, len);
            }
        }
    }
}

impl Pike {
    /// The lowest and the highest position up to which runs went, or wanted to go, since the last call.
    pub fn take_reach(&mut self) -> (usize, usize) {
        self.reach.take().unwrap_or((usize::MAX, 0))
    }

    fn reaches(&mut self, at: usize) {
        let (low, high) = self.reach.unwrap_or((at, at));
        self.reach = Some((low.min(at), high.max(at)));
    }

    /// The end of the preferred match that starts at `start`; empty matches don't count. `trail` is what earlier calls
    /// with this program and data left there.
    pub fn match_end(
        &mut self,
        program: &Program<'_>,
        data: &[u8],
        start: usize,
        trail: &mut Trail,
        budget: &mut Budget<'_>,
    ) -> Result<Option<usize>, Stopped> {
        let text = Text::<false>(data);
        self.course.begin(start);
        let mut end = None;
        let mut at = start;
        self.begin(program, text, at, budget)?;
        while !self.current.order.is_empty() {
            if let Some(known) = trail.meets(&mut self.course, at, &self.current.order) {
                end = known.or(end);
                break;
            }
            if let Some(after) = self.leap(program, text, at, budget)? {
                at = after;
                continue;
            }
            let matched = self.step(program, text, at, at > start, budget)?;
            if matched && at > start {
                end = Some(at);
            }
            at = at.saturating_add(1);
        }
        self.reaches(at);
        trail.keep(&mut self.course, end);
        Ok(end)
    }

    /// Every start of a match of a backward program that begins at `place` and reads towards the start of the data, but
    /// those that earlier calls with this program, data and `trail` have told.
    pub fn match_starts(
        &mut self,
        program: &Program<'_>,
        data: &[u8],
        place: usize,
        trail: &mut Trail,
        budget: &mut Budget<'_>,
        starts: &mut Vec<usize>,
    ) -> Result<(), Stopped> {
        let text = Text::<true>(data);
        self.course.begin(place);
        let mut at = place;
        self.begin(program, text, at, budget)?;
        while !self.current.order.is_empty() {
            if trail.meets(&mut self.course, at, &self.current.order).is_some() {
                break;
            }
            if let Some(after) = self.leap(program, text, at, budget)? {
                at = after;
                continue;
            }
            if self.step(program, text, at, false, budget)? {
                starts.push(at);
            }
            let Some(before) = at.checked_sub(1) else { break };
            at = before;
        }
        self.reaches(at);
        trail.keep(&mut self.course, None);
        Ok(())
    }

    /// Whether the program matches anywhere in `text`, be it an empty match.
    pub fn is_match(
        &mut self,
        program: &Program<'_>,
        text: &[u8],
        budget: &mut Budget<'_>,
    ) -> Result<bool, Stopped> {
        let text = Text::<false>(text);
        self.begin(program, text, 0, budget)?;
        for at in 0..=text.0.len() {
            if self.step(program, text, at, true, budget)? {
                return Ok(true);
            }
            let at = at.saturating_add(1);
            let steps = Position { program, text, at }.enter(&mut self.current, &mut self.todo);
            budget.spend(steps)?;
        }
        Ok(false)
    }

    /// The bytes that a match of the program can start with, `None` if it can be empty.
    pub fn first_bytes(&mut self, program: &Program<'_>) -> Option<[bool; 256]> {
        let mut first = [false; 256];
        let mut mark = |holds: &dyn Fn(u8) -> bool| {
            for (byte, slot) in (0..=u8::MAX).zip(&mut first) {
                *slot |= holds(byte);
            }
        };
        let to = |place| Thread { place, taken: ON_ITS_WAY };
        self.current.reset(program.code.len());
        self.todo.clear();
        self.todo.push(to(0));
        while let Some(Thread { place, .. }) = self.todo.pop() {
            if !self.current.first_visit(place) {
                continue;
            }
            let (insn, next) = program.insn(place)?;
            match insn {
                Insn::Match => return None,
                Insn::Run(run) => mark(&|byte| run.takes(0, byte)),
                Insn::Repeat(repeat) => {
                    mark(&|byte| repeat.set.has(byte));
                    self.todo.extend(Some(to(next)).filter(|_| repeat.min == 0));
                }
                Insn::Jump(place) => self.todo.push(to(place)),
                Insn::Split(first, second) => self.todo.extend([to(first), to(second)]),
                Insn::Look { .. } => self.todo.push(to(next)),
            }
        }
        Some(first)
    }

    /// Starts at `at`.
    fn begin<const BACKWARD: bool>(
        &mut self,
        program: &Program<'_>,
        text: Text<'_, BACKWARD>,
        at: usize,
        budget: &mut Budget<'_>,
    ) -> Result<(), Stopped> {
        self.current.reset(program.code.len());
        self.next.reset(program.code.len());
        budget.spend(Position { program, text, at }.enter(&mut self.current, &mut self.todo))
    }

    /// Where a single thread has one way on only: goes on to where it may have more, and answers where that is.
    fn leap<const BACKWARD: bool>(
        &mut self,
        program: &Program<'_>,
        text: Text<'_, BACKWARD>,
        at: usize,
        budget: &mut Budget<'_>,
    ) -> Result<Option<usize>, Stopped> {
        let [thread] = self.current.order[..] else { return Ok(None) };
        let Some((insn, next)) = program.insn(thread.place) else { return Ok(None) };
        let mut repeated = None;
        // The bytes that it cannot go on without.
        let mut needed = 0;
        let (after, len) = match insn {
            Insn::Run(run) => {
                needed = run.len().saturating_sub(thread.taken as usize);
                (text.after_run(at, &run, thread.taken as usize), run.len() / 4)
            }
            Insn::Repeat(repeat) if thread.taken.saturating_add(1) < least(&repeat) => {
                let least = least(&repeat);
                repeated = Some((repeat, least));
                needed = least.saturating_sub(thread.taken) as usize;
                (text.after_repeat(at, &repeat, thread.taken, least), least as usize / 4)
            }
            Insn::Repeat(repeat) if thread.taken >= least(&repeat) && !repeat.wide => {
                let Some((Insn::Run(behind), _)) = program.insn(next) else { return Ok(None) };
                let (after, len) = text.after_others(at, &repeat, thread.taken, &behind);
                if len == 0 {
                    return Ok(None);
                }
                repeated = Some((repeat, thread.taken.saturating_add(len)));
                (Some(after), len as usize)
            }
            _ => return Ok(None),
        };
        self.current.reset(program.code.len());
        let mut steps = (len as u64 / 4).saturating_add(1);
        let Some(at) = after else {
            if text.after(at, needed).is_none() {
                self.reaches(if BACKWARD { 0 } else { usize::MAX });
            }
            return budget.spend(steps).map(|()| Some(at));
        };
        let position = Position { program, text, at };
        match repeated {
            Some((repeat, taken)) => {
                let thread = Thread { taken, ..thread };
                position.repeat(&mut self.current, &mut self.todo, thread, &repeat, next);
            }
            None => self.todo.push(Thread { place: next, taken: ON_ITS_WAY }),
        }
        steps = steps.saturating_add(position.spread(&mut self.current, &mut self.todo));
        budget.spend(steps)?;
        Ok(Some(at))
    }

    /// Lets every thread take the byte at `at`; answers whether one has matched there. If so and `first`, what is
    /// preferred less has lost.
    fn step<const BACKWARD: bool>(
        &mut self,
        program: &Program<'_>,
        text: Text<'_, BACKWARD>,
        at: usize,
        first: bool,
        budget: &mut Budget<'_>,
    ) -> Result<bool, Stopped> {
        let mut matched = false;
        let mut steps = 1u64;
        // Threads that take a byte were only kept where there is one.
        let after = text.after(at, 1).unwrap_or(at);
        let position = Position { program, text, at: after };
        for thread in &self.current.order {
            steps = steps.saturating_add(1);
            let Some((insn, next)) = program.insn(thread.place) else { continue };
            let thread = Thread { taken: thread.taken.saturating_add(1), ..*thread };
            match insn {
                Insn::Match => {
                    matched = true;
                    if first {
                        break;
                    }
                }
                Insn::Run(run) if (thread.taken as usize) < run.len() => {
                    let byte = text.byte(after);
                    if byte.is_some_and(|b| run.takes(thread.taken as usize, b)) {
                        self.next.order.push(thread);
                    }
                }
                Insn::Run(_) => {
                    self.todo.push(Thread { place: next, taken: ON_ITS_WAY });
                    steps = steps.saturating_add(position.spread(&mut self.next, &mut self.todo));
                }
                Insn::Repeat(repeat) => {
                    position.repeat(&mut self.next, &mut self.todo, thread, &repeat, next);
                    steps = steps.saturating_add(position.spread(&mut self.next, &mut self.todo));
                }
                _ => {}
            }
        }
        std::mem::swap(&mut self.current, &mut self.next);
        self.next.reset(program.code.len());
        budget.spend(steps)?;
        Ok(matched)
    }
}

/// Where threads go on without taking a byte.
#[derive(Debug, Clone, Copy)]
struct Position<'a, const BACKWARD: bool> {
    program: &'a Program<'a>,
    text: Text<'a, BACKWARD>,
    at: usize,
}

impl<const BACKWARD: bool> Position<'_, BACKWARD> {
    /// Adds the threads reachable from the start of the program; answers how many instructions that took.
    fn enter(&self, threads: &mut Threads, todo: &mut Vec<Thread>) -> u64 {
        todo.clear();
        todo.push(Thread { place: 0, taken: ON_ITS_WAY });
        self.spread(threads, todo)
    }

    /// Adds the threads reachable from those to do, the last of which is preferred.
    fn spread(&self, threads: &mut Threads, todo: &mut Vec<Thread>) -> u64 {
        let byte = self.text.byte(self.at);
        let mut steps = 0u64;
        while let Some(thread) = todo.pop() {
            if thread.taken != ON_ITS_WAY {
                threads.order.push(thread);
                continue;
            }
            if !threads.first_visit(thread.place) {
                continue;
            }
            steps = steps.saturating_add(1);
            let Some((insn, next)) = self.program.insn(thread.place) else { continue };
            let mut follow = |place| todo.push(Thread { place, taken: ON_ITS_WAY });
            let thread = Thread { taken: 0, ..thread };
            match insn {
                Insn::Match => threads.order.push(thread),
                Insn::Run(run) => {
                    if byte.is_some_and(|b| run.takes(0, b)) {
                        threads.order.push(thread);
                    }
                }
                Insn::Repeat(repeat) => self.repeat(threads, todo, thread, &repeat, next),
                Insn::Jump(place) => follow(place),
                Insn::Split(first, second) => {
                    follow(second);
                    follow(first);
                }
                Insn::Look { look, distance, set } => {
                    if holds(look, usize::from(distance), &set, self.text.0, self.at) {
                        follow(next);
                    }
                }
            }
        }
        steps
    }

    /// A thread that has taken so many bytes of a repetition may take more, or go on at `next`.
    ///
    /// Two threads cannot have taken equally many of a bounded one, unless they entered it at one position, which
    /// only the first does. In an unbounded one all that have taken enough are alike; they are told apart by the
    /// place of its second byte, which no instruction has.
    fn repeat(
        &self,
        threads: &mut Threads,
        todo: &mut Vec<Thread>,
        thread: Thread,
        repeat: &Repeat<'_>,
        next: u32,
    ) {
        let (least, width) = (least(repeat), repeat.width());
        let whole = !repeat.wide || thread.taken & 1 == 0;
        let enough = whole && thread.taken >= least;
        let mut again = thread;
        let more = match repeat.max {
            Some(max) => thread.taken < u32::from(max).saturating_mul(width),
            None => {
                if enough && !threads.first_visit(thread.place.saturating_add(1)) {
                    return;
                }
                // One that has enough, or that and half a character.
                again.taken = thread.taken.min(least.saturating_add(u32::from(!whole)));
                true
            }
        };
        let takes = |byte| repeat.takes(again.taken, byte, BACKWARD);
        let again = Some(again).filter(|_| more && self.text.byte(self.at).is_some_and(takes));
        let on = Some(Thread { place: next, taken: ON_ITS_WAY }).filter(|_| enough);
        // What is preferred is done first, and lies on top.
        let (first, second) = if repeat.greedy { (again, on) } else { (on, again) };
        todo.extend(second);
        todo.extend(first);
    }
}

/// The least number of bytes that a repetition takes.
fn least(repeat: &Repeat<'_>) -> u32 {
    u32::from(repeat.min).saturating_mul(repeat.width())
}

fn holds(look: Look, distance: usize, set: &Set<'_>, data: &[u8], at: usize) -> bool {
    let narrow = |i: Option<usize>| i.and_then(|i| data.get(i)).is_some_and(|&b| set.has(b));
    let wide = |i: Option<usize>| {
        let pair = i.and_then(|i| data.get(i..)?.first_chunk());
        pair.is_some_and(|&[b, zero]| zero == 0 && set.has(b))
    };
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
