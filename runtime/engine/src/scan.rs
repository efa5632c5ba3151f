//! A scan: the stages in their order.

use std::cell::OnceCell;

use hallmark_image::{Image, RuleId};
use hallmark_modules::Modules;

use crate::budget::{Budget, Stopped};
use crate::evaluate::Evaluation;
use crate::outcome::{Incomplete, Outcome, Stats, Why};
use crate::scratch::Scratch;
use crate::search::search;
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
    let len = data.len() as u64;
    if let Some(max) = settings.max_bytes.filter(|&max| len > max) {
        return skip(image, scratch, Why::TooLong { len, max });
    }
    scratch.reset(image.rule_slots());
    let mut incomplete = Vec::new();
    let mut messages = Vec::new();
    let mut stats = Stats::default();
    run(image, scratch, data, settings, &mut incomplete, &mut messages, &mut stats);
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
    settings: &Settings<'_>,
    incomplete: &mut Vec<Incomplete>,
    messages: &mut Vec<String>,
    stats: &mut Stats,
) {
    let modules = OnceCell::<Modules<'_>>::new();
    let Scratch { matches, hits, tools, buffers, order, matching, barred } = scratch;
    let mut verifier = Verifier {
        image: *image,
        data,
        budget: Budget::new(settings, data.len()),
        matches,
        tools,
        fast: settings.fast && !settings.strings,
        candidates: 0,
    };
    let what = match search(&image.filter(), data, hits, &mut verifier) {
        Ok(()) => {
            verifier.matches.settle_all();
            let evaluation = Evaluation { order, matching, barred, buffers };
            (verifier, stats.rules_evaluated) = evaluation.run(verifier, &modules, data, settings);
            if settings.strings && verifier.budget.why().is_none() {
                // When the budget ends in here, the rules are certain and some of their matches are missing.
                match matching.iter().try_for_each(|&id| demand_all(&mut verifier, id)) {
                    Ok(()) => "rules",
                    Err(Stopped) => "matches",
                }
            } else {
                "rules"
            }
        }
        // Conditions would be evaluated without some of the matches: no result would be certain.
        Err(_) => "patterns",
    };
    verifier.matches.settle_all();
    if let Some(why) = verifier.budget.why() {
        incomplete.push(Incomplete { what: what.to_owned(), why });
    }
    let truncated = verifier.matches.truncated();
    incomplete.extend(
        truncated
            .map(|(rule, pattern)| Incomplete { what: name(image, rule, pattern), why: Why::TooManyMatches }),
    );
    let costly = verifier.tools.memories.too_costly().iter();
    incomplete.extend(
        costly.map(|&(rule, pattern)| Incomplete { what: name(image, rule, pattern), why: Why::TooCostly }),
    );
    if let Some(modules) = modules.get() {
        *messages = modules.take_messages();
    }
    stats.bytes = data.len() as u64;
    stats.candidates = verifier.candidates;
    stats.matches = verifier.matches.total() as u64;
    stats.steps = verifier.budget.steps();
}

/// Searches for the patterns of a rule that its condition did not ask for.
fn demand_all<'a>(verifier: &mut Verifier<'a>, rule: RuleId) -> Result<(), Stopped> {
    let Some(unit) = verifier.image.unit(rule) else { return Ok(()) };
    (0..unit.patterns.len()).try_for_each(|pattern| verifier.demand(rule, &unit, pattern))
}

fn name(image: &Image<'_>, rule: RuleId, pattern: usize) -> String {
    let Some(unit) = image.unit(rule) else { return String::new() };
    let id = unit.patterns.get(pattern).map_or(&[][..], |p| p.id.of(unit.blob));
    let text = String::from_utf8_lossy;
    format!("{}:{}:{}", text(image.namespace(unit.header.namespace.get())), text(unit.name()), text(id))
}
