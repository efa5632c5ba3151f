//! Where runs of one program over one text meet.
//!
//! What a run does from some position on depends on its threads there and on nothing else. A long run leaves a trail:
//! its threads at some positions, close together near its start and ever farther apart. A run that has the same threads
//! at such a position comes to the same end, and stops. So the next starts cost a few steps each, starts farther away
//! leave a trail of their own, and `n` starts with one far end cost about `n` times the logarithm of `n`.

use std::collections::VecDeque;

use crate::pike::Thread;

/// Positions at which runs are compared: multiples of this.
pub(crate) const CHECKPOINT: usize = 8;
/// How far a run goes before it leaves a trail; most end earlier.
const LONG_RUN: usize = 32;
/// The distance between two places of a trail is this fraction of that to the start.
const SPARSENESS: usize = 8;
/// Most threads that are compared; a run with more seldom meets another.
const MAX_THREADS: usize = 16;
/// Most places remembered of a program. The lowest are forgotten first, as runs begin at ever higher ones.
const MAX_PLACES: usize = 512;

/// What earlier runs of a program over this data did, by place.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// By ascending position, apart from each other.
    stretches: VecDeque<Stretch>,
}

/// At all checkpoints from `low` to `high` a run had the same threads.
#[derive(Debug, Clone)]
struct Stretch {
    low: usize,
    high: usize,
    threads: Few,
    /// Where the match of that run ends, if it has one.
    end: Option<usize>,
}

/// Some threads, in place.
#[derive(Debug, Clone)]
struct Few {
    threads: [Thread; MAX_THREADS],
    len: usize,
}

impl Few {
    /// `None` if there are more than is worth it.
    fn new(threads: &[Thread]) -> Option<Self> {
        let mut few = Few { threads: [Thread::default(); MAX_THREADS], len: threads.len() };
        few.threads.get_mut(..threads.len())?.copy_from_slice(threads);
        Some(few)
    }

    fn are(&self, threads: &[Thread]) -> bool {
        self.threads.get(..self.len) == Some(threads)
    }
}

/// A run that goes on. One after the other uses it, as it keeps its room.
#[derive(Debug, Default)]
pub(crate) struct Course {
    start: usize,
    /// In the order of the run.
    stretches: Vec<Stretch>,
}

impl Course {
    pub fn begin(&mut self, start: usize) {
        self.start = start;
        self.stretches.clear();
    }

    fn note(&mut self, at: usize, threads: &[Thread]) {
        let distance = at.abs_diff(self.start);
        let next = match self.stretches.last_mut() {
            Some(last) => {
                // Runs go either way.
                let to = if at > self.start { &mut last.high } else { &mut last.low };
                if to.abs_diff(at) == CHECKPOINT && last.threads.are(threads) {
                    *to = at;
                    return;
                }
                to.abs_diff(self.start).saturating_add(distance / SPARSENESS)
            }
            None => LONG_RUN,
        };
        if distance >= next
            && let Some(threads) = Few::new(threads)
        {
            self.stretches.push(Stretch { low: at, high: at, threads, end: None });
        }
    }
}

impl Trail {
    /// What a run with these threads comes to: the end of its match from here on, if there is one. `None` if no
    /// earlier run tells.
    #[inline]
    pub fn meets(&self, course: &mut Course, at: usize, threads: &[Thread]) -> Option<Option<usize>> {
        if at % CHECKPOINT != 0 || at == course.start {
            return None;
        }
        let before = self.stretches.partition_point(|stretch| stretch.low <= at).checked_sub(1);
        let before = before.and_then(|before| self.stretches.get(before));
        match before.filter(|stretch| at <= stretch.high && stretch.threads.are(threads)) {
            Some(stretch) => Some(stretch.end.filter(|&end| end >= at)),
            None => {
                course.note(at, threads);
                None
            }
        }
    }

    /// Keeps the trail of a run that has come to its end.
    pub fn keep(&mut self, course: &mut Course, end: Option<usize>) {
        for stretch in course.stretches.drain(..) {
            let stretch = Stretch { end, ..stretch };
            let at = self.stretches.partition_point(|known| known.low < stretch.low);
            match self.stretches.get_mut(at).filter(|known| known.low == stretch.low) {
                Some(known) => *known = stretch,
                None => self.stretches.insert(at, stretch),
            }
            if self.stretches.len() > MAX_PLACES {
                self.stretches.pop_front();
            }
        }
    }

    /// Forgets everything, but keeps the room.
    pub fn reset(&mut self) {
        self.stretches.clear();
    }

    /// For how many places there is room.
    pub fn room(&self) -> usize {
        self.stretches.capacity()
    }

    /// How many places are remembered.
    pub fn len(&self) -> usize {
        self.stretches.len()
    }
}
