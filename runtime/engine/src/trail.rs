//! Where runs of one program over one text meet.
//!
//! What a run does from some position on depends on its threads there and on nothing else. A long run leaves a trail:
//! its threads at some positions, close together near its start and ever farther apart. A run that has the same threads
//! at such a position comes to the same end, and stops. So the next starts cost a few steps each, starts farther away
//! leave a trail of their own, and `n` starts with one far end cost about `n` times the logarithm of `n`.

use std::collections::BTreeMap;

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
    /// By the lowest position of each.
    stretches: BTreeMap<usize, Stretch>,
}

/// At all checkpoints up to `high` a run had the same threads.
#[derive(Debug)]
struct Stretch {
    high: usize,
    threads: Vec<Thread>,
    /// Where the match of that run ends, if it has one.
    end: Option<usize>,
}

/// A run that goes on.
#[derive(Debug)]
pub(crate) struct Course {
    start: usize,
    /// First and last position, and the threads at all checkpoints between them.
    stretches: Vec<(usize, usize, Vec<Thread>)>,
}

impl Course {
    pub fn new(start: usize) -> Self {
        Course { start, stretches: Vec::new() }
    }

    fn note(&mut self, at: usize, threads: &[Thread]) {
        let distance = at.abs_diff(self.start);
        let next = match self.stretches.last_mut() {
            Some((_, to, same)) if to.abs_diff(at) == CHECKPOINT && same == threads => {
                *to = at;
                return;
            }
            Some((_, to, _)) => to.abs_diff(self.start).saturating_add(distance / SPARSENESS),
            None => LONG_RUN,
        };
        if distance >= next && threads.len() <= MAX_THREADS {
            self.stretches.push((at, at, threads.to_vec()));
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
        let before = self.stretches.range(..=at).next_back();
        let known = before.filter(|(_, stretch)| at <= stretch.high && stretch.threads == threads);
        match known {
            Some((_, stretch)) => Some(stretch.end.filter(|&end| end >= at)),
            None => {
                course.note(at, threads);
                None
            }
        }
    }

    /// Keeps the trail of a run that has come to its end.
    pub fn keep(&mut self, course: Course, end: Option<usize>) {
        for (from, to, threads) in course.stretches {
            self.stretches.insert(from.min(to), Stretch { high: from.max(to), threads, end });
            if self.stretches.len() > MAX_PLACES {
                self.stretches.pop_first();
            }
        }
    }

    /// How many places are remembered.
    pub fn len(&self) -> usize {
        self.stretches.len()
    }
}
