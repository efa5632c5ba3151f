//! The choice of atoms in a run of bytes: which few of them to search for.
//!
//! Input: bytes under masks that follow each other in every match. Output: [`Atoms`] and what searching for them is
//! expected to cost. For the main lane a run needs an atom of four bytes at each remainder of four, so that one of them
//! begins at a probed position however a match lies; where there are several the rarest is taken, wherever in the run it
//! is. A run that has no such four gets one atom of three bytes in the short lane. One of two bytes is only for searches
//! on demand.

use std::ops::Range;
use std::slice::SliceIndex;

use hallmark_image::lanes::{GRAM, TRIPLE, WINDOW};
use hallmark_image::limits::MAX_OPEN_BITS;

use super::frequency::{self, Measured};
use super::spec::{Atoms, MaskedByte};

/// Scale of costs: expected in this many bytes.
const MEGABYTE: f64 = 1_048_576.0;
/// Nanoseconds for a probe of the main lane that hits: it has to pass the second bitmap.
const NS_OF_GRAM: f64 = 4.0;
/// Nanoseconds for a probe of the short lane that hits.
const NS_OF_PAIR: f64 = 2.0;
/// Nanoseconds for what passes the second bitmap: it is looked up and verified.
const NS_OF_CANDIDATE: f64 = 60.0;
/// Nanoseconds a megabyte that a search for a pair of bytes takes.
const NS_OF_SEARCH: f64 = 100_000.0;
/// Nanoseconds in a megabyte that each atom costs by being in a bitmap.
const NS_OF_ATOM: f64 = 0.1;
/// How much more often windows are found than their pairs of bytes say, as a factor for each pair.
const CAUTION: f64 = 2.0;

/// Atoms of the main lane that cost so little, in nanoseconds a megabyte, are taken without looking at others.
const CHEAP: f64 = 50.0;

/// The keys of a text without `xor`.
pub(super) const NO_KEYS: (u8, u8) = (0, 0);

/// The cheapest atoms of a run under every key of a range, and their cost in nanoseconds a megabyte of such files.
pub(super) fn choose(run: &[MaskedByte], keys: (u8, u8), classes: Measured) -> Option<(Atoms, f64)> {
    let chooser = Chooser { run, keys, classes };
    let main = chooser.main();
    // Under many keys, shorter atoms are found too often to be worth counting.
    if main.is_some_and(|(_, cost)| cost <= CHEAP || keys.0 != keys.1) {
        return main;
    }
    let all = [main, chooser.short(), chooser.pair()];
    all.into_iter().flatten().min_by(|a, b| a.1.total_cmp(&b.1))
}

/// How often a run is expected at a position of such files, at most: its rarest four bytes, and what their neighbours
/// say.
pub(super) fn frequency(run: &[MaskedByte], keys: (u8, u8), classes: Measured) -> f64 {
    let chooser = Chooser { run, keys, classes };
    let len = run.len().min(GRAM);
    let places = 0..=run.len() - len;
    let open =
        |at: &usize| run[*at..at + len].iter().map(|b| b.mask.count_zeros()).sum::<u32>() <= MAX_OPEN_BITS;
    let of = |at: usize| {
        let keys = keys.0..=keys.1;
        let atoms: f64 = keys.map(|key| frequency::of_masked(&run[at..at + len], key, classes)).sum();
        let before = chooser.known(..at + 1).rev().take_while(Option::is_some).count().max(1) - 1;
        let after = chooser.known(at + len - 1..).take_while(Option::is_some).count().max(1) - 1;
        let around = [at - before..at + 1, at + len - 1..at + len + after];
        atoms * around.map(|range| chooser.given(range)).iter().product::<f64>()
    };
    places.filter(open).map(of).fold(1.0, f64::min)
}

struct Chooser<'r> {
    run: &'r [MaskedByte],
    keys: (u8, u8),
    classes: Measured,
}

impl Chooser<'_> {
    fn main(&self) -> Option<(Atoms, f64)> {
        let mut best = [(f64::INFINITY, 0u8); GRAM];
        for at in 0..self.run.len().saturating_sub(GRAM - 1).min(usize::from(u8::MAX)) {
            let slot = &mut best[at % GRAM];
            let passes = self.passes(at);
            let ns = (NS_OF_GRAM + NS_OF_CANDIDATE * passes) / GRAM as f64;
            if let Some(cost) = self.cost(at..at + GRAM, ns).filter(|&cost| cost < slot.0) {
                *slot = (cost, at as u8);
            }
        }
        let total = best.iter().map(|(cost, _)| cost).sum::<f64>();
        total.is_finite().then(|| (Atoms::Main(best.map(|(_, at)| at)), total))
    }

    fn short(&self) -> Option<(Atoms, f64)> {
        let cost = |at: usize| {
            // First what has the most open bits: there may be too many.
            let triple = self.cost(at..at + TRIPLE, NS_OF_CANDIDATE)?;
            let pairs = [at..at + 2, at + 1..at + 3];
            let pairs =
                pairs.into_iter().map(|pair| self.cost(pair, NS_OF_PAIR / 2.0)).sum::<Option<f64>>()?;
            Some(pairs + triple)
        };
        let places = 0..self.run.len().saturating_sub(TRIPLE - 1).min(usize::from(u8::MAX));
        let costs = places.filter_map(|at| Some((cost(at)?, at as u8)));
        let (cost, at) = costs.min_by(|a, b| a.0.total_cmp(&b.0))?;
        Some((Atoms::Short(at), cost))
    }

    /// A pair of known bytes, for a run that has nothing better.
    fn pair(&self) -> Option<(Atoms, f64)> {
        let places = 0..self.run.len().saturating_sub(1).min(usize::from(u8::MAX));
        let known = |at: &usize| self.keys == NO_KEYS && self.run[*at..at + 2].iter().all(|b| b.mask == 0xFF);
        let costs = places
            .filter(known)
            .filter_map(|at| Some((self.cost(at..at + 2, NS_OF_CANDIDATE)? + NS_OF_SEARCH, at as u8)));
        let (cost, at) = costs.min_by(|a, b| a.0.total_cmp(&b.0))?;
        Some((Atoms::Pair(at), cost))
    }

    /// How often what stands around the atom at `at` is as the second bitmap wants it.
    fn passes(&self, at: usize) -> f64 {
        let closed = |from: usize| {
            self.run.get(from..from + WINDOW).is_some_and(|w| w.iter().all(MaskedByte::is_letter))
        };
        let rest = if closed(at) {
            at + GRAM - 1..at + WINDOW
        } else if at >= WINDOW - GRAM && closed(at + GRAM - WINDOW) {
            at + GRAM - WINDOW..at + 1
        } else {
            return 1.0;
        };
        self.given(rest)
    }

    /// How often bytes follow the first of them, letter case not looked at.
    fn given(&self, range: Range<usize>) -> f64 {
        let byte = |b: &MaskedByte| b.value ^ self.keys.0;
        let pairs =
            self.run[range].windows(2).map(|w| frequency::given([byte(&w[0]), byte(&w[1])], self.classes));
        pairs.map(|p| (CAUTION * p).min(1.0)).product()
    }

    /// The bytes of a part of the run, as far as they are known.
    fn known(
        &self,
        range: impl SliceIndex<[MaskedByte], Output = [MaskedByte]>,
    ) -> impl DoubleEndedIterator<Item = Option<u8>> {
        self.run[range].iter().map(|b| b.is_letter().then_some(b.value))
    }

    /// What the byte strings that a part of the run stands for cost, if they aren't too many.
    fn cost(&self, part: Range<usize>, ns_of_hit: f64) -> Option<f64> {
        let window = self.run.get(part)?;
        let open: u32 = window.iter().map(|byte| byte.mask.count_zeros()).sum();
        if open > MAX_OPEN_BITS {
            return None;
        }
        let keys = self.keys.0..=self.keys.1;
        let of_atoms = NS_OF_ATOM * f64::from(1 << open) * keys.len() as f64;
        let frequency: f64 = keys.map(|key| frequency::of_masked(window, key, self.classes)).sum();
        Some(frequency * MEGABYTE * ns_of_hit + of_atoms)
    }
}
