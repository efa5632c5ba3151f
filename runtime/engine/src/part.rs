//! The first pass over the data in parts, side by side: this crate starts no threads, the caller may.
//!
//! A candidate belongs to the part in which its probed position lies, and its verification always sees the whole data.
//! So parts need no overlap, and together they find exactly what one pass finds. Input: a range of the data and a
//! [`Scratch`] of its own. Output: a [`Part`], which [`crate::scan_parts`] takes over.

use std::ops::Range;

use hallmark_image::{Image, RuleId};

use crate::budget::Stopped;
use crate::lookup::Lookup;
use crate::matches::Found;
use crate::memory::Expense;
use crate::outcome::Why;
use crate::scratch::Scratch;
use crate::search::{Hits, MAIN_STRIDE, search};
use crate::settings::Settings;
use crate::verify::Verifier;

/// What the first pass found in one part of the data.
#[derive(Debug)]
pub struct Part {
    /// Nothing, if the data are longer than the caller allows.
    range: Range<usize>,
    found: Vec<Found>,
    expenses: Vec<Expense>,
    too_costly: Vec<(RuleId, usize)>,
    candidates: u64,
    steps: u64,
    stopped: Option<Why>,
}

/// Searches `range` of `data`, for a scan of the whole `data` by [`crate::scan_parts`]: with the same image, the same
/// data and the same settings. Both ends of the range are rounded up to a multiple of four, so that the parts of any
/// division still fit together.
///
/// The limits of steps hold for each part as if it were the only one, so that they don't depend on the division; what
/// the parts took is added up afterwards.
pub fn search_part(
    image: &Image<'_>,
    scratch: &mut Scratch,
    data: &[u8],
    range: Range<usize>,
    settings: &Settings<'_>,
) -> Part {
    let too_long = settings.max_bytes.is_some_and(|max| data.len() as u64 > max);
    let place =
        |at: usize| at.checked_next_multiple_of(MAIN_STRIDE).map_or(data.len(), |at| at.min(data.len()));
    let range = if too_long { 0..0 } else { place(range.start)..place(range.end) };
    scratch.reset(image.rule_slots());
    let Scratch { matches, hits, wanted, tools, .. } = scratch;
    let mut verifier = Verifier::new(image, data, settings, matches, tools, wanted);
    // What stopped it is known to the budget.
    let _ = search_range(&mut verifier, range.clone(), hits);
    let (candidates, steps, stopped) = (verifier.candidates, verifier.budget.steps(), verifier.budget.why());
    Part {
        range,
        found: matches.take(),
        expenses: tools.memories.expenses().collect(),
        too_costly: tools.memories.too_costly().to_vec(),
        candidates,
        steps,
        stopped,
    }
}

/// The first pass: takes over what parts found, and searches what none of them covers.
pub(crate) fn search_rest<'p>(
    verifier: &mut Verifier<'_>,
    parts: impl IntoIterator<Item = &'p Part>,
    hits: &mut Hits,
) -> Result<(), Stopped> {
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|part| part.range.start);
    let mut from = 0;
    for part in parts {
        search_range(verifier, from..part.range.start, hits)?;
        take_over(verifier, part)?;
        from = from.max(part.range.end);
    }
    search_range(verifier, from..verifier.data.len(), hits)
}

pub(crate) fn search_range(
    verifier: &mut Verifier<'_>,
    range: Range<usize>,
    hits: &mut Hits,
) -> Result<(), Stopped> {
    let data = verifier.data;
    let filter = verifier.image.filter();
    search(&filter.class(verifier.class), data, range, hits, &mut Lookup::new(filter, verifier))
}

/// As if the verifier had searched the part itself.
fn take_over(verifier: &mut Verifier<'_>, part: &Part) -> Result<(), Stopped> {
    let class = verifier.class;
    for list in &part.found {
        let (rule, pattern) = (list.rule, list.pattern);
        let Some(unit) = verifier.image.unit(rule) else { continue };
        if verifier.suffices(rule, &unit, pattern) {
            continue;
        }
        let trigger = unit.patterns.get(pattern).is_some_and(|p| p.is_searched(class));
        verifier.matches.touch(rule, unit.patterns.len());
        for &found in &list.matches {
            verifier.matches.add(rule, pattern, trigger, found);
        }
        if list.truncated {
            verifier.matches.set_truncated(rule, pattern);
        }
    }
    for expense in &part.expenses {
        verifier.tools.memories.charge(expense);
        verifier.budget.charge_verifications(expense.steps);
    }
    for &(rule, pattern) in &part.too_costly {
        verifier.tools.memories.list_too_costly(rule, pattern);
    }
    verifier.candidates = verifier.candidates.saturating_add(part.candidates);
    verifier.budget.spend(part.steps)?;
    match part.stopped {
        Some(why) => Err(verifier.budget.stop(why)),
        None => Ok(()),
    }
}
