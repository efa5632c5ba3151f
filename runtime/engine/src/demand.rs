//! Patterns that are searched only because a condition asked for them: all that the rules in question still lack, in
//! one pass over the data with bitmaps made for just these patterns.

use std::ops::Range;

use hallmark_image::lanes::{Lane, PAIR_WORDS, WORDS_LOG2, each_atom, gram_bit, pair_bit, triple_bit};
use hallmark_image::record::{ANYWHERE, EXACT, Run, UnitHeader, Variant, pattern_flags, variant_flags};
use hallmark_image::{ClassFilter, FileClass, Image, RuleId, Unit};
use zerocopy::little_endian::U32;

use crate::budget::Stopped;
use crate::limits::{KEEP_CAPACITY, MAX_DEMANDED};
use crate::lookup::{Lookup, Table};
use crate::search::{Hits, search};
use crate::verify::{Atom, Verifier};

/// Bits of the bitmap for each atom: about one probe in 32 hits by chance.
const BITS_PER_ATOM: usize = 32;

/// Up to so many byte strings are searched for one by one.
const FEW: usize = 6;

/// The patterns to search for, and the tables made of them; reused from scan to scan.
#[derive(Debug, Default)]
pub(crate) struct Demands {
    patterns: Vec<(RuleId, usize)>,
    entries: Vec<Entry>,
    /// For each hash one more than the index of its last entry, or zero.
    heads: Vec<u32>,
    grams: Vec<U32>,
    pairs: Vec<U32>,
    triples: Vec<U32>,
}

/// An atom, what it leads to, and the entry before it with the same hash.
#[derive(Debug, Clone, Copy)]
struct Entry {
    lane: Lane,
    bytes: u32,
    leads_to: Atom,
    next: u32,
}

impl Demands {
    /// Forgets the patterns of the last scan.
    pub fn reset(&mut self) {
        self.patterns.clear();
        self.patterns.shrink_to(KEEP_CAPACITY);
        self.entries.shrink_to(KEEP_CAPACITY);
        self.heads.shrink_to(KEEP_CAPACITY);
    }

    /// Takes over the patterns that conditions asked for.
    pub fn take(&mut self, wanted: &mut Vec<(RuleId, usize)>) {
        self.patterns.append(wanted);
    }

    /// Adds every pattern of a rule that has not been searched and has atoms.
    pub fn add_rule(&mut self, verifier: &Verifier<'_>, rule: RuleId, unit: &Unit<'_>) {
        for (index, pattern) in unit.patterns.iter().enumerate() {
            let flags = pattern.flags.get();
            // Those are compared where the condition says.
            let anchored = flags & pattern_flags::ANCHORED != 0 && pattern.only_at.get() != ANYWHERE;
            if !anchored && !verifier.is_searched(rule, unit, index) && has_lanes(unit, index) {
                self.patterns.push((rule, index));
            }
        }
    }

    /// Searches for the patterns added, and notes them as searched.
    pub fn search(&mut self, verifier: &mut Verifier<'_>, hits: &mut Hits) -> Result<(), Stopped> {
        // Each lane is a pass over the data. Where there are few byte strings for it, they are found faster one by one.
        let first_short = self.short_last(verifier);
        for range in [first_short..self.patterns.len(), 0..first_short] {
            if are_few(verifier, self.patterns.get(range.clone()).unwrap_or_default()) {
                for (rule, pattern) in self.patterns.drain(range) {
                    search_alone(verifier, rule, pattern)?;
                }
            }
        }
        if self.patterns.is_empty() {
            return Ok(());
        }
        let fitting = self.build(&verifier.image);
        verifier.budget.spend(self.entries.len() as u64 / 64)?;
        for (rule, pattern) in self.patterns.drain(fitting..) {
            search_alone(verifier, rule, pattern)?;
        }
        self.pass(verifier, 0..verifier.data.len(), hits)?;
        for (rule, pattern) in self.patterns.drain(..) {
            note_searched(verifier, rule, pattern);
        }
        Ok(())
    }

    /// Makes the tables for all patterns of the rules needed that are not triggers in files of a class. Those without
    /// atoms, and those for which there is no room, are left in `alone`.
    pub fn build_all(
        &mut self,
        image: &Image<'_>,
        class: FileClass,
        is_needed: impl Fn(RuleId, &UnitHeader) -> bool,
        alone: &mut Vec<(RuleId, usize)>,
    ) {
        self.patterns.clear();
        for (rule, unit) in image.rules().filter(|(id, unit)| is_needed(*id, unit.header)) {
            for (index, _) in unit.patterns.iter().enumerate().filter(|(_, p)| !p.is_searched(class)) {
                let list = if has_lanes(&unit, index) { &mut self.patterns } else { &mut *alone };
                list.push((rule, index));
            }
        }
        let fitting = self.build(image);
        alone.extend(self.patterns.drain(fitting..));
    }

    /// Searches a range of the data, as [`search`] does, for the patterns that the tables were made for.
    pub fn pass(
        &self,
        verifier: &mut Verifier<'_>,
        range: Range<usize>,
        hits: &mut Hits,
    ) -> Result<(), Stopped> {
        let filter =
            ClassFilter { grams: &self.grams, windows: &[], pairs: &self.pairs, triples: &self.triples };
        let (data, table) = (verifier.data, Demanded { entries: &self.entries, heads: &self.heads });
        search(&filter, data, range, hits, &mut Lookup::new(table, verifier))
    }

    /// Moves the patterns for the short lane behind the others; answers where they begin.
    fn short_last(&mut self, verifier: &Verifier<'_>) -> usize {
        let (mut next, mut end) = (0usize, self.patterns.len());
        while next < end {
            let Some(&(rule, pattern)) = self.patterns.get(next) else { break };
            if verifier.image.unit(rule).is_some_and(|unit| has_short(&unit, pattern)) {
                end = end.saturating_sub(1);
                self.patterns.swap(next, end);
            } else {
                next = next.saturating_add(1);
            }
        }
        end
    }

    /// Makes the tables for as many of the patterns as there is room for, and answers how many these are.
    fn build(&mut self, image: &Image<'_>) -> usize {
        self.entries.clear();
        let (entries, mut fitting) = (&mut self.entries, 0usize);
        for &(rule, pattern) in &self.patterns {
            let before = entries.len();
            if let Some(unit) = image.unit(rule) {
                for (index, variant) in unit.variants_of(pattern) {
                    for run in unit.runs(variant) {
                        if entries.len() > MAX_DEMANDED {
                            break;
                        }
                        each_run_atom(&unit, variant, run, &mut |lane, bytes, offset| {
                            let leads_to = Atom { rule, variant: index, offset };
                            entries.push(Entry { lane, bytes, leads_to, next: 0 });
                        });
                    }
                }
            }
            if entries.len() > MAX_DEMANDED {
                entries.truncate(before);
                break;
            }
            fitting = fitting.saturating_add(1);
        }
        let count = |lane: Lane| self.entries.iter().filter(|e| e.lane == lane).count();
        clear(&mut self.grams, words(count(Lane::Main)));
        let shorts = words(count(Lane::Short));
        clear(&mut self.pairs, if shorts == 0 { 0 } else { PAIR_WORDS });
        clear(&mut self.triples, shorts);
        self.heads.clear();
        self.heads.resize(self.entries.len().saturating_mul(2).next_power_of_two(), 0);
        let (gram_log2, triple_log2) =
            (self.grams.len().trailing_zeros(), self.triples.len().trailing_zeros());
        for (entry, number) in self.entries.iter_mut().zip(1u32..) {
            match entry.lane {
                Lane::Main => set(&mut self.grams, gram_bit(entry.bytes, gram_log2)),
                Lane::Short | Lane::Pair => {
                    set(&mut self.pairs, pair_bit(entry.bytes as u16));
                    set(&mut self.pairs, pair_bit((entry.bytes >> 8) as u16));
                    set(&mut self.triples, triple_bit(entry.bytes, triple_log2));
                }
            }
            let home = head(entry.lane, entry.bytes, self.heads.len());
            if let Some(slot) = self.heads.get_mut(home) {
                entry.next = std::mem::replace(slot, number);
            }
        }
        fitting
    }
}

/// Whether there are few byte strings to search for.
fn are_few(verifier: &Verifier<'_>, patterns: &[(RuleId, usize)]) -> bool {
    let mut left = FEW;
    patterns.iter().all(|&(rule, pattern)| {
        let Some(unit) = verifier.image.unit(rule) else { return true };
        unit.variants_of(pattern).all(|(_, variant)| {
            let runs = unit.runs(variant);
            let exact = runs.iter().all(|run| run.mask.get() == EXACT);
            let few = left.checked_sub(runs.len());
            left = few.unwrap_or_default();
            few.is_some() && exact && variant.flags & variant_flags::XOR == 0
        })
    })
}

/// Searches for a pattern by itself.
fn search_alone(verifier: &mut Verifier<'_>, rule: RuleId, pattern: usize) -> Result<(), Stopped> {
    let Some(unit) = verifier.image.unit(rule) else { return Ok(()) };
    for (index, variant) in unit.variants_of(pattern) {
        verifier.search_alone(rule, &unit, index, variant, 0..verifier.data.len())?;
    }
    note_searched(verifier, rule, pattern);
    Ok(())
}

fn note_searched(verifier: &mut Verifier<'_>, rule: RuleId, pattern: usize) {
    if let Some(unit) = verifier.image.unit(rule) {
        verifier.matches.touch(rule, unit.patterns.len());
        verifier.matches.set_complete(rule, pattern);
    }
}

/// Whether a run of the pattern is for the short lane.
fn has_short(unit: &Unit<'_>, pattern: usize) -> bool {
    unit.variants_of(pattern)
        .any(|(_, variant)| unit.runs(variant).iter().any(|run| run.lane == Lane::Short as u8))
}

/// The atoms of the patterns to search for.
struct Demanded<'d> {
    entries: &'d [Entry],
    heads: &'d [u32],
}

impl Table for Demanded<'_> {
    fn verify(&self, lane: Lane, atom: u32, at: usize, verifier: &mut Verifier<'_>) -> Result<bool, Stopped> {
        let mut is_wanted = false;
        let mut next = self.heads.get(head(lane, atom, self.heads.len())).copied().unwrap_or(0);
        while let Some(entry) = next.checked_sub(1).and_then(|i| self.entries.get(i as usize)) {
            if entry.bytes == atom && entry.lane == lane && verifier.verify(entry.leads_to, at)? {
                is_wanted = true;
            } else {
                // An image may have any number of atoms that share their hash.
                verifier.budget.spend(1)?;
            }
            next = entry.next;
        }
        Ok(is_wanted)
    }
}

/// The place in a power of two of heads.
fn head(lane: Lane, bytes: u32, heads: usize) -> usize {
    let mixed = (bytes ^ (lane as u32)).wrapping_mul(0x85EB_CA6B);
    (mixed ^ mixed >> 15) as usize & heads.saturating_sub(1)
}

fn clear(words: &mut Vec<U32>, len: usize) {
    words.clear();
    words.resize(len, U32::ZERO);
}

fn set(words: &mut [U32], (word, bit): (usize, u32)) {
    if let Some(word) = words.get_mut(word) {
        *word |= U32::new(1 << (bit & 31));
    }
}

/// The size of a bitmap for so many atoms.
fn words(atoms: usize) -> usize {
    let wanted = atoms.saturating_mul(BITS_PER_ATOM) / 32;
    let sizes = WORDS_LOG2.map(|log2| 1usize << log2);
    if atoms == 0 { 0 } else { sizes.into_iter().find(|&s| s >= wanted).unwrap_or(1 << 20) }
}

/// Whether a pattern can be searched for together with others.
pub(crate) fn has_lanes(unit: &Unit<'_>, pattern: usize) -> bool {
    unit.variants_of(pattern).all(|(_, variant)| {
        let runs = unit.runs(variant);
        !runs.is_empty() && runs.iter().all(|run| run.lane != Lane::Pair as u8)
    })
}

/// Calls `each` with the lane, the bytes and the offset of every atom of a run.
pub(crate) fn each_run_atom(
    unit: &Unit<'_>,
    variant: &Variant,
    run: &Run,
    each: &mut dyn FnMut(Lane, u32, u16),
) {
    let (Some((value, mask)), Some((lane, places))) = (run.bytes(unit.blob), run.atoms()) else { return };
    let xor = variant.flags & variant_flags::XOR != 0;
    let keys = if xor { variant.xor_min..=variant.xor_max } else { 0..=0 };
    for &at in places {
        let place = usize::from(at)..usize::from(at).saturating_add(lane.width());
        let Some(value) = value.get(place.clone()) else { continue };
        let mask = mask.get(place).unwrap_or_default();
        let offset = run.offset.get().saturating_add(at.into());
        for key in keys.clone() {
            each_atom(value, mask, key, &mut |bytes| each(lane, bytes, offset));
        }
    }
}
