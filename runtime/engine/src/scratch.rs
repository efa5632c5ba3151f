//! Buffers that scans reuse.

use std::collections::HashSet;

use hallmark_image::{Image, RuleId};

use crate::captured::Captured;
use crate::chain::Chains;
use crate::demand::Demands;
use crate::evaluate::Evaluation;
use crate::limits::KEEP_CAPACITY;
use crate::matches::Matches;
use crate::memory::Memories;
use crate::pike::Pike;
use crate::search::Hits;
use crate::settings::Settings;
use crate::stream;
use crate::verify::Verifier;
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
    /// Those of the round before.
    pub(crate) again: Vec<RuleId>,
    /// Rules that match and are reported.
    pub(crate) matching: Vec<RuleId>,
    /// Namespaces in which a global rule does not match.
    pub(crate) barred: Vec<u16>,
    /// Rules whose condition needs what is no longer at hand.
    pub(crate) unknown: Vec<RuleId>,
    pub(crate) stream: stream::Buffers,
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
    pub captured: Captured,
}

impl Tools {
    /// Whether verifications since the last call looked at bytes outside of `low..high`.
    pub fn took_to_the_edge(&mut self, low: usize, high: usize) -> bool {
        let (chains, (first, last)) = (self.chains.take_cut(), self.pike.take_reach());
        chains || first < low || last >= high
    }

    /// Forgets what was noted by place, as the places are no longer the same; what it cost is still known.
    pub fn forget_places(&mut self) {
        self.memories.forget_places();
        self.verified.clear();
    }
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
        // Only streams ask how far verifications went; those of a file before must not count as theirs.
        self.tools.took_to_the_edge(0, usize::MAX);
        self.demands.reset();
        self.wanted.clear();
        self.order.clear();
        self.waiting.clear();
        self.matching.clear();
        self.barred.clear();
        self.unknown.clear();
        self.tools.captured.reset();
        self.stream.reset();
    }

    /// What verifies, and what evaluates afterwards.
    pub(crate) fn begin<'a>(
        &'a mut self,
        image: &Image<'a>,
        data: &'a [u8],
        settings: &Settings<'a>,
    ) -> (Verifier<'a>, Evaluation<'a>) {
        let Scratch { matches, hits, demands, wanted, tools, buffers, order, waiting, matching, .. } = self;
        let Scratch { again, barred, unknown, .. } = self;
        let verifier = Verifier::new(image, data, settings, matches, tools, wanted);
        let held = Vec::new();
        (
            verifier,
            Evaluation { order, waiting, again, matching, barred, held, unknown, buffers, demands, hits },
        )
    }
}
