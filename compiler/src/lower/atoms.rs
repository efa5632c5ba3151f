//! The choice of atoms: a few bytes that every match has, cheap to search for.
//!
//! Candidates are the windows of up to four bytes of every run of byte sets, each standing for all the byte strings
//! it can be, and, for alternatives, the best candidates of all options together, each option seen with up to three
//! bytes of what stands around it. The ones with the lowest expected number of candidates in a megabyte of data win.
//!
//! Where everything before an atom has a fixed length, the atom's offset in the match is known. Else offsets count from
//! the last place after which lengths are fixed, and a backward program leads from there to the possible starts.

use hallmark_image::limits::MAX_ATOM_OFFSET;

use super::byteset::ByteSet;
use super::frequency;
use super::items::{self, Item};
use super::program::{self, Direction};
use super::spec::Atom;
use crate::limits::{MAX_ATOM_EXPANSIONS, MAX_ATOMS_PER_VARIANT, MAX_BACKWARD_GAP, MAX_XOR_WINDOWS};

/// Longest atom.
const LONGEST: usize = 4;
/// Shortest atom.
const SHORTEST: usize = 2;
/// Sets of so many bytes are not told apart, as no atom can have one of them.
const MOST_BYTES: usize = MAX_ATOM_EXPANSIONS as usize + 1;
/// Scale of costs: candidates in this many bytes.
const MEGABYTE: f64 = 1_048_576.0;
/// What an atom costs by being there, in candidates per megabyte.
const COST_OF_ATOM: f64 = 0.02;
/// How much dearer a candidate is when a bounded backward program has to find the start.
const COST_OF_BACKWARD: f64 = 4.0;
/// The same when that program may run far.
const COST_OF_FAR_BACKWARD: f64 = 64.0;

/// The atoms of a variant that is bytes under a mask (empty when exact).
pub(super) fn of_bytes(value: &[u8], mask: &[u8]) -> Vec<Atom> {
    let run: Vec<ByteSet> = value
        .iter()
        .take(MAX_ATOM_OFFSET + LONGEST)
        .enumerate()
        .map(|(at, &byte)| ByteSet::masked(byte, mask.get(at).copied().unwrap_or(0xFF)))
        .collect();
    best_window(&run, 0).map(|found| sorted(found.atoms)).unwrap_or_default()
}

/// The atoms of bytes that are combined with each key of a range.
pub(super) fn of_xored(value: &[u8], keys: (u8, u8)) -> Vec<Atom> {
    let len = value.len().min(LONGEST);
    if len < SHORTEST {
        return Vec::new();
    }
    let under = |window: &[u8], key: u8| window.iter().map(|byte| byte ^ key).collect::<Vec<u8>>();
    let cost = |window: &[u8]| -> f64 {
        (keys.0..=keys.1).map(|key| frequency::of_bytes(&under(window, key))).sum()
    };
    let best = value
        .windows(len)
        .take(MAX_XOR_WINDOWS)
        .enumerate()
        .map(|(offset, window)| (cost(window), offset, window))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    let Some((_, offset, window)) = best else { return Vec::new() };
    sorted((keys.0..=keys.1).filter_map(|key| atom(&under(window, key), offset)).collect())
}

/// The atoms of a list of items, and the encoded backward program (empty when offsets are exact).
pub(super) fn of_items(items: &[Item]) -> (Vec<Atom>, Vec<u8>) {
    if let Some(found) = choose(items, true) {
        if found.before.is_empty() {
            return (sorted(found.atoms), Vec::new());
        }
        if let Ok(backward) = program::encode_items(&found.before, Direction::Backward) {
            return (sorted(found.atoms), backward);
        }
    }
    match choose(items, false) {
        Some(found) => (sorted(found.atoms), Vec::new()),
        None => (Vec::new(), Vec::new()),
    }
}

fn sorted(mut atoms: Vec<Atom>) -> Vec<Atom> {
    atoms.sort_unstable();
    atoms.dedup();
    atoms
}

/// Atoms of which every match has one.
#[derive(Debug, Clone)]
struct Found {
    atoms: Vec<Atom>,
    /// Expected candidates in a megabyte.
    cost: f64,
    /// What comes before the place from which offsets count; empty when that is the start.
    before: Vec<Item>,
}

impl Found {
    fn is_better_than(&self, other: &Option<Found>) -> bool {
        other.as_ref().is_none_or(|other| self.cost.total_cmp(&other.cost).is_lt())
    }
}

/// Where an item stands: `offset` bytes after the item `start`, all of fixed length between them.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    offset: usize,
}

/// The best atoms of a list of items; with `backward`, also those behind parts of variable length.
fn choose(items: &[Item], backward: bool) -> Option<Found> {
    if items.iter().any(|item| matches!(item, Item::Set(set) if set.len() == 0)) {
        // It never matches, and no atom is needed.
        return Some(Found { atoms: Vec::new(), cost: 0.0, before: Vec::new() });
    }
    let mut best: Option<Found> = None;
    let mut walk = Walk { items, backward, penalty: 1.0, places: Vec::with_capacity(items.len()) };
    let mut place = Place { start: 0, offset: 0 };
    let mut run: Vec<ByteSet> = Vec::new();
    let mut run_place = place;
    for (at, item) in items.iter().enumerate() {
        walk.places.push(place);
        match item {
            Item::Set(set) => {
                if run.is_empty() {
                    run_place = place;
                }
                run.push(*set);
                place.offset += 1;
                continue;
            }
            Item::Look => continue,
            _ => {}
        }
        walk.keep_run(&mut best, &mut run, run_place);
        if let Item::Alternatives(options) = item {
            walk.keep(&mut best, walk.alternatives(at, options));
        }
        match fixed_len(item) {
            Some(len) => place.offset = place.offset.saturating_add(len),
            None => {
                if !backward {
                    return best;
                }
                let Some(penalty) = penalty(item) else { return best };
                walk.penalty = walk.penalty.max(penalty);
                place = Place { start: at + 1, offset: 0 };
            }
        }
    }
    walk.keep_run(&mut best, &mut run, run_place);
    best
}

struct Walk<'i> {
    items: &'i [Item],
    backward: bool,
    /// How much dearer candidates are at this place.
    penalty: f64,
    /// Places of the items so far.
    places: Vec<Place>,
}

impl Walk<'_> {
    /// Looks at a run that has ended, and clears it.
    fn keep_run(&self, best: &mut Option<Found>, run: &mut Vec<ByteSet>, place: Place) {
        let mut found = best_window(run, place.offset);
        if let Some(found) = &mut found {
            found.before = self.items[..place.start].to_vec();
        }
        run.clear();
        self.keep(best, found);
    }

    fn keep(&self, best: &mut Option<Found>, found: Option<Found>) {
        let Some(mut found) = found else { return };
        if !found.before.is_empty() {
            found.cost *= self.penalty.max(COST_OF_BACKWARD);
        }
        if found.is_better_than(best) {
            *best = Some(found);
        }
    }

    /// The atoms of all options of the item at `at` together.
    fn alternatives(&self, at: usize, options: &[Vec<Item>]) -> Option<Found> {
        let is_set = |item: &&Item| matches!(item, Item::Set(_));
        let pre = self.items[..at].iter().rev().take(LONGEST - 1).take_while(is_set).count();
        let post = self.items[at + 1..].iter().take(LONGEST - 1).take_while(is_set).count();
        let (pre, post) = (&self.items[at - pre..at], &self.items[at + 1..at + 1 + post]);
        let from = at - pre.len();
        let place = *self.places.get(from)?;

        let mut all = Vec::with_capacity(options.len());
        let (mut cost, mut count) = (0.0, 0);
        for option in options {
            let seen = [pre, option.as_slice(), post].concat();
            let found = choose(&seen, self.backward)?;
            cost += found.cost;
            count += found.atoms.len();
            if count > MAX_ATOMS_PER_VARIANT {
                return None;
            }
            all.push(found);
        }
        if all.iter().all(|found| found.before.is_empty()) {
            let atoms = all.into_iter().flat_map(|found| found.atoms);
            let atoms = atoms.map(|atom| moved(atom, place.offset)).collect::<Option<_>>()?;
            return Some(Found { atoms, cost, before: self.items[..place.start].to_vec() });
        }
        let mut before = self.items[..from].to_vec();
        let mut atoms = Vec::with_capacity(count);
        let mut options = Vec::with_capacity(all.len());
        for found in all {
            atoms.extend(found.atoms);
            options.push(found.before);
        }
        before.push(Item::Alternatives(options));
        Some(Found { atoms, cost, before })
    }
}

/// The best window of a run that begins `offset` bytes after the place from which offsets count.
fn best_window(run: &[ByteSet], offset: usize) -> Option<Found> {
    let bytes: Vec<Vec<u8>> = run.iter().map(|set| set.iter().take(MOST_BYTES).collect()).collect();
    let is_one = |at: usize| bytes.get(at).is_some_and(|set| set.len() == 1);
    let mut best: Option<(f64, usize, usize)> = None;
    for len in (SHORTEST..=LONGEST).rev() {
        for (at, sets) in bytes.windows(len).enumerate() {
            // Four sets have at most 2^26.
            let expansions: u64 = sets.iter().map(|set| set.len() as u64).product();
            if expansions > MAX_ATOM_EXPANSIONS || offset + at > MAX_ATOM_OFFSET {
                continue;
            }
            // One byte more makes as many atoms, and none is more frequent.
            if len < LONGEST && (is_one(at + len) || at > 0 && is_one(at - 1)) {
                continue;
            }
            let cost = frequency::of_window(sets) * MEGABYTE + expansions as f64 * COST_OF_ATOM;
            if best.is_none_or(|(least, _, _)| cost < least) {
                best = Some((cost, at, len));
            }
        }
    }
    let (cost, at, len) = best?;
    let atoms = expand(run.get(at..at + len)?, offset + at);
    Some(Found { atoms, cost, before: Vec::new() })
}

/// Every byte string that a window can be.
fn expand(sets: &[ByteSet], offset: usize) -> Vec<Atom> {
    let mut strings = vec![Vec::with_capacity(sets.len())];
    for set in sets {
        strings = strings
            .iter()
            .flat_map(|string: &Vec<u8>| set.iter().map(move |byte| [string.as_slice(), &[byte]].concat()))
            .collect();
    }
    strings.iter().filter_map(|string| atom(string, offset)).collect()
}

fn atom(bytes: &[u8], offset: usize) -> Option<Atom> {
    let mut padded = [0; LONGEST];
    padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(Atom { bytes: padded, len: bytes.len() as u8, offset: u16::try_from(offset).ok()? })
}

fn moved(atom: Atom, by: usize) -> Option<Atom> {
    let offset = u16::try_from(usize::from(atom.offset).checked_add(by)?).ok()?;
    Some(Atom { offset, ..atom })
}

/// The number of bytes an item takes, if it is always the same.
fn fixed_len(item: &Item) -> Option<usize> {
    match item {
        Item::Set(_) => Some(1),
        Item::Look => Some(0),
        Item::Gap { min, max } => (*max == Some(*min)).then_some(*min as usize),
        Item::Alternatives(options) => {
            let mut lens = options.iter().map(|option| fixed_len_of(option));
            let first = lens.next()??;
            lens.all(|len| len == Some(first)).then_some(first)
        }
        Item::Other(hir) => {
            let properties = hir.properties();
            properties.minimum_len().filter(|&min| properties.maximum_len() == Some(min))
        }
    }
}

fn fixed_len_of(items: &[Item]) -> Option<usize> {
    items.iter().try_fold(0usize, |sum, item| sum.checked_add(fixed_len(item)?))
}

/// How much dearer atoms behind this item of variable length are; `None` when they are not worth it at all, because
/// every atom would be tried with every start before it.
fn penalty(item: &Item) -> Option<f64> {
    match item {
        Item::Gap { max, .. } => max.filter(|&max| max <= MAX_BACKWARD_GAP).map(|_| COST_OF_BACKWARD),
        Item::Alternatives(options) => {
            let items = options.iter().flatten().filter(|item| fixed_len(item).is_none());
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
