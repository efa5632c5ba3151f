//! What is remembered of variants while one scan lasts, so that nothing is learnt twice.
//!
//! Without it many candidates, each of which is the start of a long way through the data, take quadratic time. What is
//! remembered is bounded by the variants of the image and their pieces, and by [`MAX_PLACES`], whatever the data.

use std::collections::HashMap;

use hallmark_image::RuleId;

use crate::limits::{KEEP_CAPACITY, MAX_PLACES};
use crate::trail::Trail;

/// What is remembered of each variant that had to be verified by more than a comparison.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    variants: HashMap<(u32, u32), Memory>,
    /// Places in all trails.
    places: usize,
    /// Patterns with a variant that used up its steps, in the order in which they did.
    too_costly: Vec<(RuleId, usize)>,
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
        self.too_costly.clear();
        self.places = 0;
    }

    /// Calls `verify` with what is known of a variant.
    pub fn with<T>(&mut self, rule: RuleId, variant: u32, verify: impl FnOnce(&mut Memory) -> T) -> T {
        let memory = self.variants.entry((rule.get(), variant)).or_default();
        let before = memory.places();
        let result = verify(memory);
        self.places = self.places.saturating_add(memory.places()).saturating_sub(before);
        if self.places > MAX_PLACES {
            self.places = 0;
            for memory in self.variants.values_mut() {
                (memory.forward, memory.backward) = (Trail::default(), Trail::default());
            }
        }
        result
    }

    /// Notes that a variant of a pattern used up its steps.
    pub fn set_too_costly(&mut self, rule: RuleId, variant: u32, pattern: usize) {
        self.variants.entry((rule.get(), variant)).or_default().too_costly = true;
        if !self.too_costly.contains(&(rule, pattern)) {
            self.too_costly.push((rule, pattern));
        }
    }

    /// Patterns that were not searched for to the end.
    pub fn too_costly(&self) -> &[(RuleId, usize)] {
        &self.too_costly
    }
}

impl Memory {
    fn places(&self) -> usize {
        self.forward.len().saturating_add(self.backward.len())
    }
}
