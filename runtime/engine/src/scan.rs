//! A scan: the stages in their order.

use std::cell::OnceCell;

use hallmark_image::record::{ANYWHERE, pattern_flags, rule_flags};
use hallmark_image::{Image, RuleId};
use hallmark_modules::Modules;

use crate::budget::Stopped;
use crate::captured::Bytes;
use crate::demand::Demands;
use crate::evaluate::Evaluation;
use crate::matches::Matches;
use crate::outcome::{Incomplete, Outcome, Stats, Why};
use crate::part::{Part, search_rest};
use crate::scratch::Scratch;
use crate::search::Hits;
use crate::settings::Settings;
use crate::verify::Verifier;
use crate::view::View;

/// Scans `data` with the rules of `image`.
///
/// Never panics and never fails: what was not evaluated is in [`Outcome::incomplete`].
pub fn scan<'a>(
    image: &Image<'a>,
    scratch: &'a mut Scratch,
    data: &'a [u8],
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
    data: &'a [u8],
    parts: &[Part],
    settings: &Settings<'_>,
) -> Outcome<'a> {
    let len = data.len() as u64;
    if let Some(max) = settings.max_bytes.filter(|&max| len > max) {
        return skip(image, scratch, Why::TooLong { len, max });
    }
    scratch.reset(image.rule_slots());
    let ended = run(image, scratch, data, parts, settings);
    let Scratch { matches, matching, .. } = scratch;
    ended.outcome(image, matching, matches, Bytes::All(data))
}

/// The outcome for data that the caller does not even want to load, such as a file of known length that is too long.
pub fn skip<'a>(image: &Image<'a>, scratch: &'a mut Scratch, why: Why) -> Outcome<'a> {
    scratch.reset(image.rule_slots());
    let incomplete = vec![Incomplete { what: "data".to_owned(), why }];
    let Scratch { matches, matching, .. } = scratch;
    Ended { incomplete, ..Ended::default() }.outcome(image, matching, matches, Bytes::All(&[]))
}

/// What a scan came to, but for the matches.
#[derive(Default)]
pub(crate) struct Ended {
    incomplete: Vec<Incomplete>,
    messages: Vec<String>,
    stats: Stats,
}

impl Ended {
    /// Tells of something more that was not evaluated.
    pub fn add(&mut self, incomplete: Incomplete) {
        self.incomplete.push(incomplete);
    }

    pub fn outcome<'a>(
        self,
        image: &Image<'a>,
        matching: &'a [RuleId],
        matches: &'a Matches,
        bytes: Bytes<'a>,
    ) -> Outcome<'a> {
        let Ended { incomplete, messages, stats } = self;
        Outcome { image: *image, matching, matches, bytes, incomplete, messages, stats }
    }
}

pub(crate) fn run(
    image: &Image<'_>,
    scratch: &mut Scratch,
    data: &[u8],
    parts: &[Part],
    settings: &Settings<'_>,
) -> Ended {
    let modules = OnceCell::new();
    let (mut verifier, evaluation) = scratch.begin(image, data, settings);
    let searched = search_rest(&mut verifier, parts, evaluation.hits);
    conclude(verifier, searched, evaluation, &modules, View::Whole(data), settings)
}

/// The stages after the first pass.
pub(crate) fn conclude<'a, 'd: 'a>(
    mut verifier: Verifier<'a>,
    searched: Result<(), Stopped>,
    mut evaluation: Evaluation<'_>,
    modules: &'a OnceCell<Modules<'d>>,
    view: View<'d>,
    settings: &Settings<'a>,
) -> Ended {
    let image = verifier.image;
    let mut stats = Stats { bytes: view.len(), ..Stats::default() };
    let what = match searched {
        Ok(()) => {
            verifier.matches.settle_all();
            (verifier, stats.rules_evaluated) = evaluation.run(verifier, modules, view, settings);
            let Evaluation { demands, hits, matching, .. } = &mut evaluation;
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
    let cut = verifier.tools.memories.cut().iter().copied();
    let cut = cut.filter(|&(rule, pattern)| matters(&verifier, rule, pattern, settings)).collect();
    for (mut patterns, why) in
        [(truncated, Why::TooManyMatches), (too_costly, Why::TooCostly), (cut, Why::LongMatch)]
    {
        // In an order that does not depend on which part of the data showed it first.
        patterns.sort_unstable();
        let named = patterns.iter().map(|&(rule, pattern)| name(&image, rule, Some(pattern)));
        incomplete.extend(named.map(|what| Incomplete { what, why }));
    }
    let unknown = evaluation.unknown.iter().filter(|&&rule| shows(&image, rule));
    incomplete.extend(unknown.map(|&rule| Incomplete { what: name(&image, rule, None), why: Why::NotKept }));
    stats.candidates = verifier.candidates;
    stats.matches = verifier.matches.total() as u64;
    stats.steps = verifier.budget.steps();
    let messages = modules.get().map(|modules| modules.take_messages()).unwrap_or_default();
    Ended { incomplete, messages, stats }
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

/// Whether it makes a difference that a pattern may have more matches, or longer ones.
fn matters(verifier: &Verifier<'_>, rule: RuleId, pattern: usize, settings: &Settings<'_>) -> bool {
    let unit = verifier.image.unit(rule);
    let flags = unit.and_then(|unit| unit.patterns.get(pattern)).map_or(0, |p| p.flags.get());
    let is_settled = flags & pattern_flags::EXISTENCE != 0 && !verifier.matches.get(rule, pattern).is_empty();
    settings.strings || !is_settled
}

/// Whether anyone would see that the rule matches, or that it doesn't.
fn shows(image: &Image<'_>, rule: RuleId) -> bool {
    let flags = image.unit_header(rule).map_or(0, |header| header.flags.get());
    flags & (rule_flags::PRIVATE | rule_flags::GLOBAL) != rule_flags::PRIVATE
}

/// As reports name a rule, or one of its patterns.
fn name(image: &Image<'_>, rule: RuleId, pattern: Option<usize>) -> String {
    let Some(unit) = image.unit(rule) else { return String::new() };
    let text = String::from_utf8_lossy;
    let rule = format!("{}:{}", text(image.namespace(unit.header.namespace.get())), text(unit.name()));
    match pattern {
        None => rule,
        Some(pattern) => {
            let id = unit.patterns.get(pattern).map_or(&[][..], |p| p.id.of(unit.blob));
            format!("{rule}:{}", text(id))
        }
    }
}
