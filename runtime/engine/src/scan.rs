//! A scan: the stages in their order.

use std::cell::OnceCell;

use hallmark_image::record::ANYWHERE;
use hallmark_image::{Image, RuleId};
use hallmark_modules::Modules;

use crate::budget::Stopped;
use crate::demand::Demands;
use crate::evaluate::Evaluation;
use crate::outcome::{Incomplete, Outcome, Stats, Why};
use crate::part::{Part, search_rest};
use crate::scratch::Scratch;
use crate::search::Hits;
use crate::settings::Settings;
use crate::verify::Verifier;

/// Scans `data` with the rules of `image`.
///
/// Never panics and never fails: what was not evaluated is in [`Outcome::incomplete`].
pub fn scan<'a>(
    image: &Image<'a>,
    scratch: &'a mut Scratch,
    data: &[u8],
    settings: &Settings<'_>,
) -> Outcome<'a> {
    scan_parts(image, scratch, data, &[], settings)
}

/// Scans `data`, parts of which were searched by [`crate::search_part`] with the same image, data and settings: the
/// outcome is that of [`scan`], whatever the parts and their order. What no part covers is searched here.
///
/// Steps that the parts took count as steps of this scan; together they may be a few more than [`scan`] takes, as parts
/// don't learn from each other. If one of them was stopped, so is the scan.
pub fn scan_parts<'a>(
    image: &Image<'a>,
    scratch: &'a mut Scratch,
    data: &[u8],
    parts: &[Part],
    settings: &Settings<'_>,
) -> Outcome<'a> {
    let len = data.len() as u64;
    if let Some(max) = settings.max_bytes.filter(|&max| len > max) {
        return skip(image, scratch, Why::TooLong { len, max });
    }
    scratch.reset(image.rule_slots());
    let (incomplete, messages, stats) = run(image, scratch, data, parts, settings);
    let Scratch { matches, matching, .. } = scratch;
    Outcome { image: *image, matching, matches, incomplete, messages, stats }
}

/// The outcome for data that the caller does not even want to load, such as a file of known length that is too long.
pub fn skip<'a>(image: &Image<'a>, scratch: &'a mut Scratch, why: Why) -> Outcome<'a> {
    scratch.reset(image.rule_slots());
    let incomplete = vec![Incomplete { what: "data".to_owned(), why }];
    let Scratch { matches, matching, .. } = scratch;
    Outcome { image: *image, matching, matches, incomplete, messages: Vec::new(), stats: Stats::default() }
}

fn run(
    image: &Image<'_>,
    scratch: &mut Scratch,
    data: &[u8],
    parts: &[Part],
    settings: &Settings<'_>,
) -> (Vec<Incomplete>, Vec<String>, Stats) {
    let mut stats = Stats { bytes: data.len() as u64, ..Stats::default() };
    let modules = OnceCell::<Modules<'_>>::new();
    let Scratch { matches, hits, demands, wanted, tools, buffers, order, waiting, matching, barred } =
        scratch;
    let mut verifier = Verifier::new(image, data, settings, matches, tools, wanted);
    let what = match search_rest(&mut verifier, parts, hits) {
        Ok(()) => {
            verifier.matches.settle_all();
            let evaluation =
                Evaluation { order, waiting, matching, barred, held: Vec::new(), buffers, demands, hits };
            (verifier, stats.rules_evaluated) = evaluation.run(verifier, &modules, data, settings);
            if settings.strings && verifier.budget.why().is_none() {
                // When the budget ends in here, the rules are certain and some of their matches are missing.
                match demand_all(&mut verifier, demands, hits, matching) {
                    Ok(()) => "rules",
                    Err(_) => "matches",
                }
            } else {
                "rules"
            }
        }
        // Conditions would be evaluated without some of the matches: no result would be certain.
        Err(_) => "patterns",
    };
    verifier.matches.settle_all();
    let stopped = verifier.budget.why().map(|why| Incomplete { what: what.to_owned(), why });
    let mut incomplete = Vec::from_iter(stopped);
    let truncated = verifier.matches.truncated().collect();
    let too_costly = verifier.tools.memories.too_costly().to_vec();
    for (mut patterns, why) in [(truncated, Why::TooManyMatches), (too_costly, Why::TooCostly)] {
        // In an order that does not depend on which part of the data showed it first.
        patterns.sort_unstable();
        let named = patterns.iter().map(|&(rule, pattern)| name(image, rule, pattern));
        incomplete.extend(named.map(|what| Incomplete { what, why }));
    }
    stats.candidates = verifier.candidates;
    stats.matches = verifier.matches.total() as u64;
    stats.steps = verifier.budget.steps();
    let messages = modules.get().map(|modules| modules.take_messages()).unwrap_or_default();
    (incomplete, messages, stats)
}

/// Searches for the patterns of matching rules that their conditions did not ask for.
fn demand_all<'a>(
    verifier: &mut Verifier<'a>,
    demands: &mut Demands,
    hits: &mut Hits,
    matching: &[RuleId],
) -> Result<(), Stopped> {
    let image = verifier.image;
    let units = || matching.iter().filter_map(|&id| Some((id, image.unit(id)?)));
    for (id, unit) in units() {
        demands.add_rule(verifier, id, &unit);
    }
    demands.search(verifier, hits)?;
    verifier.last_chance = true;
    for (id, unit) in units() {
        for (index, pattern) in unit.patterns.iter().enumerate() {
            match pattern.only_at.get() {
                ANYWHERE => verifier.demand(id, &unit, index)?,
                at => verifier.demand_in(id, &unit, index, at as usize..=at as usize)?,
            }
        }
    }
    Ok(())
}

fn name(image: &Image<'_>, rule: RuleId, pattern: usize) -> String {
    let Some(unit) = image.unit(rule) else { return String::new() };
    let id = unit.patterns.get(pattern).map_or(&[][..], |p| p.id.of(unit.blob));
    let text = String::from_utf8_lossy;
    format!("{}:{}:{}", text(image.namespace(unit.header.namespace.get())), text(unit.name()), text(id))
}
