//! Buffers that scans reuse.

use std::collections::HashSet;

use hallmark_image::RuleId;

use crate::chain::Chains;
use crate::demand::Demands;
use crate::limits::KEEP_CAPACITY;
use crate::matches::Matches;
use crate::memory::Memories;
use crate::pike::Pike;
use crate::search::Hits;
use crate::vm::Buffers;

/// Buffers that scans reuse, so that after the first few nothing is allocated. One serves any number of images, one
/// after the other; keep one for each thread.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) matches: Matches,
    pub(crate) hits: Hits,
    pub(crate) demands: Demands,
    /// Patterns that conditions wait for: rule and place in it.
    pub(crate) wanted: Vec<(RuleId, usize)>,
    pub(crate) tools: Tools,
    pub(crate) buffers: Buffers,
    /// Rules to evaluate: rank and id.
    pub(crate) order: Vec<(u32, RuleId)>,
    /// Rules that wait for patterns to be searched, in the order of their ranks.
    pub(crate) waiting: Vec<RuleId>,
    /// Rules that match and are reported.
    pub(crate) matching: Vec<RuleId>,
    /// Namespaces in which a global rule does not match.
    pub(crate) barred: Vec<u16>,
}

/// Buffers of the verifiers.
#[derive(Debug, Default)]
pub(crate) struct Tools {
    pub pike: Pike,
    pub chains: Chains,
    pub memories: Memories,
    pub starts: Vec<usize>,
    /// Starts that backward programs led to: rule, variant and place.
    pub verified: HashSet<(u32, u32, usize)>,
}

impl Scratch {
    /// Empty buffers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the last scan.
    pub(crate) fn reset(&mut self, rule_slots: usize) {
        self.matches.reset(rule_slots);
        self.tools.memories.reset();
        self.tools.verified.clear();
        self.tools.verified.shrink_to(KEEP_CAPACITY);
        self.tools.starts.clear();
        self.tools.starts.shrink_to(KEEP_CAPACITY);
        self.demands.reset();
        self.wanted.clear();
        self.order.clear();
        self.waiting.clear();
        self.matching.clear();
        self.barred.clear();
    }
}
