//! The choice of runs: bytes that follow each other in every match, cheap to search for.
//!
//! Candidates are the stretches of a pattern in which every byte has its fixed place, what is not known of it hidden by
//! masks, and, for alternatives, the best stretches of all options together, each option seen with a few bytes of what
//! stands around it. Those whose [`atoms`] have the lowest expected cost win.
//!
//! Where everything before a run has a fixed length, the run's offset in the match is known. Else offsets count from
//! the last place after which lengths are fixed, and a backward program leads from there to the possible starts.

use hallmark_image::lanes::WINDOW;
use hallmark_image::limits::MAX_ATOM_OFFSET;

use super::atoms::{self, NO_KEYS};
use super::byteset::ByteSet;
use super::frequency::{Measured, is_common, measured};
use super::items::{self, Item};
use super::program::{self, Direction};
use super::spec::{Atoms, MaskedByte, Run};
use crate::limits::{MAX_BACKWARD_GAP, MAX_PAIR_COST, MAX_RUN, MAX_RUNS_PER_VARIANT};

/// Bytes around alternatives that their options are seen with: an option of one byte makes a run for the main lane.
const CONTEXT: usize = 7;
/// Nanoseconds a megabyte that it costs when files have the bytes of a run that is a trigger: the rule is evaluated, and
/// its other patterns may have to be searched.
const COST_OF_EVALUATION: f64 = 100_000.0;
/// Bytes of a file for which that is estimated.
const BYTES_OF_FILE: f64 = 400_000.0;
/// In how many of the files that have a run the rest of the pattern is expected.
const SHARE_OF_LONGER: f64 = 0.02;
/// How much dearer a run is when a bounded backward program has to find the start.
const COST_OF_BACKWARD: f64 = 4.0;
/// The same when that program may run far.
const COST_OF_FAR_BACKWARD: f64 = 64.0;

/// The run of a variant that is bytes under a mask (empty when exact).
pub(super) fn of_bytes(value: &[u8], mask: &[u8], classes: u8) -> Vec<Run> {
    of_keyed(value, mask, NO_KEYS, classes)
}

/// The run of bytes that are combined with each key of a range.
pub(super) fn of_xored(value: &[u8], keys: (u8, u8), classes: u8) -> Vec<Run> {
    of_keyed(value, &[], keys, classes)
}

fn of_keyed(value: &[u8], mask: &[u8], keys: (u8, u8), classes: u8) -> Vec<Run> {
    let bytes: Vec<MaskedByte> = value
        .iter()
        .take(MAX_RUN)
        .enumerate()
        .map(|(at, &byte)| {
            let mask = mask.get(at).copied().unwrap_or(0xFF);
            MaskedByte { value: byte & mask, mask }
        })
        .collect();
    run(&bytes, 0, keys, measured(classes)).into_iter().collect()
}

/// The runs of a list of items, and the encoded backward program (empty when offsets are exact).
pub(super) fn of_items(items: &[Item], classes: u8) -> (Vec<Run>, Vec<u8>) {
    let (mut runs, backward) = choose_best(items, measured(classes));
    for run in &mut runs {
        // What has more bytes than its run is found less often.
        if items.len() > run.bytes.len() + 4 {
            run.arming *= SHARE_OF_LONGER;
        }
    }
    (runs, backward)
}

fn choose_best(items: &[Item], classes: Measured) -> (Vec<Run>, Vec<u8>) {
    if let Some(found) = choose(items, true, classes).filter(Found::is_worthwhile) {
        if found.before.is_empty() {
            return (found.runs, Vec::new());
        }
        if let Ok(backward) = program::encode_items(&found.before, Direction::Backward) {
            return (found.runs, backward);
        }
    }
    let found = choose(items, false, classes).filter(Found::is_worthwhile);
    (found.map(|found| found.runs).unwrap_or_default(), Vec::new())
}

/// What searching files of these classes (as bits) for a run under every key of a range is expected to cost, in
/// nanoseconds a megabyte; `None` if it can't be searched for.
pub fn expected_cost(run: &[MaskedByte], keys: (u8, u8), classes: u8) -> Option<f64> {
    atoms::choose(run, keys, measured(classes)).map(|(_, cost)| cost)
}

/// Runs of which every match has one.
#[derive(Debug, Clone)]
struct Found {
    runs: Vec<Run>,
    /// What searching for them costs, and what finding starts does.
    cost: f64,
    /// What comes before the place from which offsets count; empty when that is the start.
    before: Vec<Item>,
}

impl Found {
    /// Whether it is better to search for the runs than to try every position.
    fn is_worthwhile(&self) -> bool {
        self.cost <= MAX_PAIR_COST || !self.runs.iter().any(|run| matches!(run.atoms, Atoms::Pair(_)))
    }
}

/// Where an item stands: `offset` bytes after the item `start`, all of fixed length between them.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    offset: usize,
}

/// The best runs of a list of items; with `backward`, also those behind parts of variable length.
fn choose(items: &[Item], backward: bool, classes: Measured) -> Option<Found> {
    if items.iter().any(|item| matches!(item, Item::Set(set) if set.len() == 0)) {
        // It never matches, and nothing has to be searched for.
        return Some(Found { runs: Vec::new(), cost: 0.0, before: Vec::new() });
    }
    let mut best: Option<Found> = None;
    let mut walk = Walk { items, backward, classes, penalty: 1.0, places: Vec::with_capacity(items.len()) };
    let mut place = Place { start: 0, offset: 0 };
    let mut stretch = Stretch { bytes: Vec::new(), place };
    for (at, item) in items.iter().enumerate() {
        walk.places.push(place);
        if let Item::Alternatives(options) = item {
            walk.keep(&mut best, walk.alternatives(at, options));
        }
        match item.fixed_len() {
            Some(len) => {
                if stretch.bytes.len().saturating_add(len) > MAX_RUN {
                    walk.keep_stretch(&mut best, &mut stretch);
                }
                if stretch.bytes.is_empty() {
                    stretch.place = place;
                }
                if len <= MAX_RUN {
                    let unknown = ByteSet::ANY;
                    let set = if let Item::Set(set) = item { *set } else { unknown };
                    stretch.bytes.extend(std::iter::repeat_n(set.cover(), len));
                }
                place.offset = place.offset.saturating_add(len);
            }
            None => {
                walk.keep_stretch(&mut best, &mut stretch);
                if !backward {
                    return best;
                }
                let Some(penalty) = penalty(item) else { return best };
                walk.penalty = walk.penalty.max(penalty);
                place = Place { start: at + 1, offset: 0 };
            }
        }
    }
    walk.keep_stretch(&mut best, &mut stretch);
    best
}

/// Bytes at fixed distances from each other.
struct Stretch {
    bytes: Vec<MaskedByte>,
    place: Place,
}

struct Walk<'i> {
    items: &'i [Item],
    backward: bool,
    classes: Measured,
    /// How much dearer candidates are at this place.
    penalty: f64,
    /// Places of the items so far.
    places: Vec<Place>,
}

impl Walk<'_> {
    /// Looks at a stretch that has ended, and clears it.
    fn keep_stretch(&self, best: &mut Option<Found>, stretch: &mut Stretch) {
        let Stretch { bytes, place } = stretch;
        let found = run(bytes, place.offset, NO_KEYS, self.classes);
        bytes.clear();
        let Some(found) = found else { return };
        let (cost, before) = (found.cost, &self.items[..place.start]);
        self.keep(best, Some(Found { runs: vec![found], cost, before: before.to_vec() }));
    }

    fn keep(&self, best: &mut Option<Found>, found: Option<Found>) {
        let Some(mut found) = found else { return };
        if !found.before.is_empty() {
            found.cost *= self.penalty.max(COST_OF_BACKWARD);
        }
        if best.as_ref().is_none_or(|best| found.cost < best.cost) {
            *best = Some(found);
        }
    }

    /// The runs of all options of the item at `at` together.
    fn alternatives(&self, at: usize, options: &[Vec<Item>]) -> Option<Found> {
        let is_set = |item: &&Item| matches!(item, Item::Set(_));
        let pre = self.items[..at].iter().rev().take(CONTEXT).take_while(is_set).count();
        let post = self.items[at + 1..].iter().take(CONTEXT).take_while(is_set).count();
        let (pre, post) = (&self.items[at - pre..at], &self.items[at + 1..at + 1 + post]);
        let from = at - pre.len();
        let place = *self.places.get(from)?;

        let mut all = Vec::with_capacity(options.len());
        let (mut cost, mut count) = (0.0, 0);
        for option in options {
            let seen = [pre, option.as_slice(), post].concat();
            let found = choose(&seen, self.backward, self.classes)?;
            cost += found.cost;
            count += found.runs.len();
            if count > MAX_RUNS_PER_VARIANT {
                return None;
            }
            all.push(found);
        }
        if all.iter().all(|found| found.before.is_empty()) {
            let runs = all.into_iter().flat_map(|found| found.runs);
            let runs = runs.map(|run| moved(run, place.offset)).collect::<Option<_>>()?;
            return Some(Found { runs, cost, before: self.items[..place.start].to_vec() });
        }
        let mut before = self.items[..from].to_vec();
        let mut runs = Vec::with_capacity(count);
        let mut options = Vec::with_capacity(all.len());
        for found in all {
            runs.extend(found.runs);
            options.push(found.before);
        }
        before.push(Item::Alternatives(options));
        Some(Found { runs, cost, before })
    }
}

/// The run of bytes that begin at `offset`, cut down to its atoms and what the second bitmap sees around them.
fn run(bytes: &[MaskedByte], offset: usize, keys: (u8, u8), classes: Measured) -> Option<Run> {
    let (atoms, cost) = atoms::choose(bytes, keys, classes)?;
    let (first, last) = match atoms {
        Atoms::Main(places) => (places.into_iter().min()?, places.into_iter().max()?),
        Atoms::Short(at) | Atoms::Pair(at) => (at, at),
    };
    // Atoms keep their remainders of four.
    let from = usize::from(first).saturating_sub(WINDOW / 2) / 4 * 4;
    let to = bytes.len().min(usize::from(last) + WINDOW);
    let offset = u16::try_from(offset + from).ok().filter(|&offset| {
        // The last atom's offset is stored in 16 bits as well.
        usize::from(offset) + MAX_RUN <= MAX_ATOM_OFFSET
    })?;
    let moved = |at: u8| at - from as u8;
    let atoms = match atoms {
        Atoms::Main(places) => Atoms::Main(places.map(moved)),
        Atoms::Short(at) => Atoms::Short(moved(at)),
        Atoms::Pair(at) => Atoms::Pair(moved(at)),
    };
    let arming = cost_of_arming(bytes, keys, classes);
    Some(Run { offset, bytes: bytes.get(from..to)?.to_vec(), atoms, cost, arming })
}

/// What it costs that files have the bytes which the rule isn't meant for, so that it has to be evaluated.
fn cost_of_arming(bytes: &[MaskedByte], keys: (u8, u8), classes: Measured) -> f64 {
    let exact: Vec<u8> = bytes.iter().take_while(|b| b.mask == 0xFF).map(|b| b.value ^ keys.0).collect();
    if exact.len() == bytes.len() && exact.len() >= WINDOW {
        return if is_common(&exact, classes) { COST_OF_EVALUATION } else { 0.0 };
    }
    // Of other bytes there is no telling but how often they are expected.
    let per_file = BYTES_OF_FILE * atoms::frequency(bytes, keys, classes);
    COST_OF_EVALUATION * per_file.min(1.0)
}

fn moved(run: Run, by: usize) -> Option<Run> {
    let offset =
        usize::from(run.offset).checked_add(by).filter(|offset| offset + MAX_RUN <= MAX_ATOM_OFFSET)?;
    Some(Run { offset: u16::try_from(offset).ok()?, ..run })
}

/// How much dearer atoms behind this item of variable length are; `None` when they are not worth it at all, because
/// every atom would be tried with every start before it.
fn penalty(item: &Item) -> Option<f64> {
    match item {
        Item::Gap { max, .. } => max.filter(|&max| max <= MAX_BACKWARD_GAP).map(|_| COST_OF_BACKWARD),
        Item::Alternatives(options) => {
            let items = options.iter().flatten().filter(|item| item.fixed_len().is_none());
            items.map(penalty).try_fold(COST_OF_BACKWARD, |most, next| Some(most.max(next?)))
        }
        Item::Other(hir) if items::crosses_anything(hir, MAX_BACKWARD_GAP) => None,
        Item::Other(hir) => match hir.properties().maximum_len() {
            Some(max) if max <= MAX_BACKWARD_GAP as usize => Some(COST_OF_BACKWARD),
            _ => Some(COST_OF_FAR_BACKWARD),
        },
        Item::Set(_) | Item::Look => Some(1.0),
    }
}
