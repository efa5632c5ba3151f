//! A scan: the stages in their order.

use std::cell::OnceCell;

use hallmark_image::record::ANYWHERE;
use hallmark_image::{FileClass, Image, RuleId};
use hallmark_modules::Modules;

use crate::budget::{Budget, Stopped};
use crate::demand::Demands;
use crate::evaluate::Evaluation;
use crate::lookup::Lookup;
use crate::outcome::{Incomplete, Outcome, Stats, Why};
use crate::scratch::Scratch;
use crate::search::{Hits, search};
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
    let Scratch { matches, hits, demands, wanted, tools, buffers, order, waiting, matching, barred } =
        scratch;
    let mut verifier = Verifier {
        image: *image,
        data,
        class: FileClass::of(data),
        budget: Budget::new(settings, data.len()),
        matches,
        tools,
        fast: settings.fast && !settings.strings,
        wanted,
        last_chance: false,
        candidates: 0,
    };
    let filter = image.filter();
    let class = filter.class(verifier.class);
    let mut lookup = Lookup { filter, verifier: &mut verifier };
    let what = match search(&class, data, 0..data.len(), hits, &mut lookup) {
        Ok(()) => {
            verifier.matches.settle_all();
            let evaluation = Evaluation { order, waiting, matching, barred, buffers, demands, hits };
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
