//! What is remembered of variants while one scan lasts, so that nothing is learnt twice.
//!
//! Without it many candidates, each of which is the start of a long way through the data, take quadratic time. What is
//! remembered is bounded by the variants of the image and their pieces, and by [`MAX_PLACES`], whatever the data.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use hallmark_image::RuleId;

use crate::limits::{KEEP_CAPACITY, KEEP_MEMORIES, KEEP_PLACES, KEEP_SPANS, MAX_PLACES};
use crate::trail::Trail;

/// What is remembered of each variant that had to be verified by more than a comparison.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    /// Indices into `memories`, the first `used` of which are of this scan.
    variants: HashMap<u64, u32, BuildHasherDefault<Ids>>,
    memories: Vec<Memory>,
    used: usize,
    /// Places in all trails.
    places: usize,
    /// Patterns with a variant that used up its steps, in the order in which they did.
    too_costly: Vec<(RuleId, usize)>,
    /// Patterns that may have longer matches than the part of a stream that is kept.
    cut: Vec<(RuleId, usize)>,
}

/// What is remembered of one variant.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// For each piece of a chain.
    pub spans: Vec<Span>,
    /// Of runs of its program.
    pub forward: Trail,
    /// Of runs of its backward program.
    pub backward: Trail,
    /// Steps of all its verifications.
    pub spent: u64,
    /// It used up its steps and is left alone.
    pub too_costly: bool,
}

/// What a variant cost in a part of the data.
#[derive(Debug)]
pub(crate) struct Expense {
    variant: u64,
    pub steps: u64,
    too_costly: bool,
}

/// Nowhere in `from..to` stands a piece from which the rest of its chain follows; at `to` it does, if `good`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Span {
    pub from: usize,
    pub to: usize,
    pub good: bool,
}

impl Memories {
    /// Forgets the last scan.
    pub fn reset(&mut self) {
        self.variants.clear();
        self.variants.shrink_to(KEEP_CAPACITY);
        let mut room = 0usize;
        for memory in self.memories.iter_mut().take(self.used) {
            memory.reset();
            room = room.saturating_add(memory.forward.room()).saturating_add(memory.backward.room());
            if room > KEEP_PLACES {
                (memory.forward, memory.backward) = (Trail::default(), Trail::default());
            }
        }
        self.memories.truncate(KEEP_MEMORIES);
        self.too_costly.clear();
        self.cut.clear();
        (self.used, self.places) = (0, 0);
    }

    /// Calls `verify` with what is known of a variant.
    pub fn with<T>(&mut self, rule: RuleId, variant: u32, verify: impl FnOnce(&mut Memory) -> T) -> T {
        let Some(memory) = self.of(key(rule, variant)) else { return verify(&mut Memory::default()) };
        let before = memory.places();
        let result = verify(memory);
        let after = memory.places();
        self.places = self.places.saturating_add(after).saturating_sub(before);
        if self.places > MAX_PLACES {
            self.places = 0;
            for memory in self.memories.iter_mut().take(self.used) {
                memory.forward.reset();
                memory.backward.reset();
            }
        }
        result
    }

    /// Notes that a variant of a pattern used up its steps.
    pub fn set_too_costly(&mut self, rule: RuleId, variant: u32, pattern: usize) {
        if let Some(memory) = self.of(key(rule, variant)) {
            memory.too_costly = true;
        }
        self.list_too_costly(rule, pattern);
    }

    /// Notes that a pattern was not searched for to the end.
    pub fn list_too_costly(&mut self, rule: RuleId, pattern: usize) {
        if !self.too_costly.contains(&(rule, pattern)) {
            self.too_costly.push((rule, pattern));
        }
    }

    /// Forgets everything that was noted by place.
    pub fn forget_places(&mut self) {
        for memory in self.memories.iter_mut().take(self.used) {
            let Memory { spent, too_costly, .. } = *memory;
            memory.reset();
            (memory.spent, memory.too_costly) = (spent, too_costly);
        }
        self.places = 0;
    }

    /// Notes that a pattern may have matches that were not all there.
    pub fn list_cut(&mut self, rule: RuleId, pattern: usize) {
        if !self.cut.contains(&(rule, pattern)) {
            self.cut.push((rule, pattern));
        }
    }

    /// Patterns that may have matches that were not all there.
    pub fn cut(&self) -> &[(RuleId, usize)] {
        &self.cut
    }

    /// What each variant has cost so far.
    pub fn expenses(&self) -> impl Iterator<Item = Expense> + '_ {
        self.variants.iter().filter_map(|(&variant, &index)| {
            let memory = self.memories.get(index as usize)?;
            Some(Expense { variant, steps: memory.spent, too_costly: memory.too_costly })
        })
    }

    /// Charges a variant for what it cost in a part of the data.
    pub fn charge(&mut self, expense: &Expense) {
        if let Some(memory) = self.of(expense.variant) {
            memory.spent = memory.spent.saturating_add(expense.steps);
            memory.too_costly |= expense.too_costly;
        }
    }

    fn of(&mut self, variant: u64) -> Option<&mut Memory> {
        let fresh = u32::try_from(self.used).ok()?;
        let index = *self.variants.entry(variant).or_insert(fresh);
        if index == fresh {
            self.used = self.used.saturating_add(1);
            if self.memories.len() < self.used {
                self.memories.push(Memory::default());
            }
        }
        self.memories.get_mut(index as usize)
    }

    /// Patterns that were not searched for to the end.
    pub fn too_costly(&self) -> &[(RuleId, usize)] {
        &self.too_costly
    }
}

impl Memory {
    /// Forgets everything, but keeps what is allocated.
    fn reset(&mut self) {
        self.spans.clear();
        self.spans.shrink_to(KEEP_SPANS);
        self.forward.reset();
        self.backward.reset();
        (self.spent, self.too_costly) = (0, false);
    }

    fn places(&self) -> usize {
        self.forward.len().saturating_add(self.backward.len())
    }
}

fn key(rule: RuleId, variant: u32) -> u64 {
    u64::from(rule.get()) << 32 | u64::from(variant)
}

/// Hashes ids of variants, which the scanned data do not choose.
#[derive(Debug, Default)]
struct Ids(u64);

impl Hasher for Ids {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(byte.into()));
    }

    fn write_u64(&mut self, id: u64) {
        // Fibonacci hashing; the table takes its bits from both ends.
        self.0 = (self.0 ^ id).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 ^= self.0 >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
