//! Which rules match: conditions in the order of their ranks, so that every rule finds the results it refers to.

use std::cell::OnceCell;

use hallmark_image::record::{AlwaysEntry, UnitHeader, rule_flags};
use hallmark_image::{Image, RuleId};
use hallmark_modules::Modules;

use crate::budget::Stopped;
use crate::demand::Demands;
use crate::search::Hits;
use crate::settings::Settings;
use crate::verify::Verifier;
use crate::view::{Size, View};
use crate::vm::{Buffers, Machine};

/// Rounds in which only those patterns are searched that conditions wait for. Most rules that wait for one find that it
/// isn't there, and need no others.
const FRUGAL_ROUNDS: u32 = 2;

/// Where evaluation keeps what it finds, and what it needs to find more.
pub(crate) struct Evaluation<'s> {
    /// Rules to evaluate: rank and id.
    pub order: &'s mut Vec<(u32, RuleId)>,
    /// Rules that wait for patterns to be searched.
    pub waiting: &'s mut Vec<RuleId>,
    /// Those of the round before.
    pub again: &'s mut Vec<RuleId>,
    /// Rules that match and are reported.
    pub matching: &'s mut Vec<RuleId>,
    /// Namespaces in which a global rule does not match.
    pub barred: &'s mut Vec<u16>,
    /// Namespaces with a global rule that waits; so do their other rules.
    pub held: Vec<u16>,
    /// Rules whose condition needs what is no longer at hand.
    pub unknown: &'s mut Vec<RuleId>,
    pub buffers: &'s mut Buffers,
    pub demands: &'s mut Demands,
    pub hits: &'s mut Hits,
}

impl Evaluation<'_> {
    /// Evaluates the rules that are always evaluated and those that a match triggered; answers how many. Rules that
    /// can't be decided without patterns that have not been searched wait for the others; then their patterns are
    /// searched, all in one pass, and they are evaluated again.
    ///
    /// When the budget ends, what was found so far is certain, but for namespaces with a global rule that was not
    /// evaluated: nothing is reported of those.
    pub fn run<'a, 'd: 'a>(
        &mut self,
        verifier: Verifier<'a>,
        modules: &'a OnceCell<Modules<'d>>,
        view: View<'d>,
        settings: &Settings<'a>,
    ) -> (Verifier<'a>, u64) {
        let image = verifier.image;
        self.collect(&verifier, settings);
        let mut machine = Machine::new(verifier, modules, view, settings, self.buffers);
        let rules = std::mem::take(self.order);
        let evaluated = self.evaluate_all(&mut machine, &rules);
        *self.order = rules;
        self.order.clear();
        self.report(&image, settings);
        (machine.finish(self.buffers), evaluated)
    }

    fn collect(&mut self, verifier: &Verifier<'_>, settings: &Settings<'_>) {
        let (image, class, size) = (&verifier.image, verifier.class, verifier.place.size);
        let is_open = |entry: &&AlwaysEntry| match size {
            // Without a look at the unit.
            Size::Known(size) => entry.gate.admits(class, size),
            Size::AtLeast(_) | Size::None => true,
        };
        let always = image.always().iter().filter(is_open).map(|entry| RuleId::new(entry.rule.get()));
        let always = always.filter(|&id| settings.needs(id));
        let ids = always.chain(verifier.matches.triggered().iter().copied());
        let headers = ids.filter_map(|id| Some((id, image.unit_header(id)?)));
        // When a match triggered a rule, the size may not have been known yet.
        let open = headers.filter(|(_, header)| !verifier.place.streamed || size.is_admitted(header, class));
        self.order.extend(open.map(|(id, header)| (header.rank.get(), id)));
        self.order.sort_unstable();
        self.order.dedup();
    }

    /// All rounds; answers how many rules were evaluated.
    fn evaluate_all<'a, 'd: 'a>(&mut self, machine: &mut Machine<'a, 'd>, rules: &[(u32, RuleId)]) -> u64 {
        let image = machine.verifier.image;
        for (i, &(_, id)) in rules.iter().enumerate() {
            if self.evaluate(machine, id).is_err() {
                let rest = rules.get(i..).unwrap_or_default().iter().map(|(_, id)| *id);
                let waiting = std::mem::take(self.waiting);
                self.bar_undecided(&image, rest.chain(waiting));
                return i as u64;
            }
        }
        let mut rounds = 0u32;
        let mut waiting = std::mem::take(self.again);
        while !self.waiting.is_empty() {
            waiting.clear();
            std::mem::swap(&mut waiting, self.waiting);
            self.held.clear();
            rounds = rounds.saturating_add(1);
            self.demand(machine, &waiting, rounds > FRUGAL_ROUNDS);
            let searched = self.demands.search(&mut machine.verifier, self.hits).is_ok();
            machine.verifier.matches.settle_all();
            for (i, &id) in waiting.iter().enumerate() {
                if !searched || self.evaluate(machine, id).is_err() {
                    let rest = waiting.get(i..).unwrap_or_default().iter().copied();
                    let again = std::mem::take(self.waiting);
                    self.bar_undecided(&image, rest.chain(again));
                    return rules.len() as u64;
                }
            }
        }
        *self.again = waiting;
        rules.len() as u64
    }

    /// Collects the patterns to search for: those that the waiting rules asked for, or all that they lack. Without the
    /// latter a rule with many patterns that do match would have the data searched for each of them.
    fn demand(&mut self, machine: &mut Machine<'_, '_>, waiting: &[RuleId], everything: bool) {
        let verifier = &mut machine.verifier;
        if !everything {
            self.demands.take(verifier.wanted);
            return;
        }
        verifier.wanted.clear();
        verifier.last_chance = true;
        for &id in waiting {
            if let Some(unit) = verifier.image.unit(id) {
                self.demands.add_rule(verifier, id, &unit);
            }
        }
    }

    /// Nothing is reported of a namespace with a global rule that was not decided.
    fn bar_undecided(&mut self, image: &Image<'_>, rules: impl Iterator<Item = RuleId>) {
        let globals = rules.filter_map(|id| image.unit_header(id)).filter(|header| is_global(header));
        self.barred.extend(globals.map(|header| header.namespace.get()));
    }

    /// Evaluates a rule, or notes that it has to wait.
    fn evaluate<'a, 'd: 'a>(&mut self, machine: &mut Machine<'a, 'd>, id: RuleId) -> Result<(), Stopped> {
        let Some(unit) = machine.verifier.image.unit(id) else { return Ok(()) };
        machine.verifier.matches.clear_waiting(id);
        let mark = machine.mark();
        let result = if self.barred.contains(&unit.header.namespace.get()) {
            Ok(false)
        } else if self.held.contains(&unit.header.namespace.get()) {
            Err(Stopped::Waiting)
        } else {
            machine.run(id, unit)
        };
        match result {
            Ok(true) => {
                machine.verifier.matches.set_matched(id);
                if unit.header.flags.get() & rule_flags::PRIVATE == 0 {
                    self.matching.push(id);
                }
            }
            Ok(false) if is_global(unit.header) => self.barred.push(unit.header.namespace.get()),
            Ok(false) => {}
            Err(Stopped::Waiting) => {
                machine.rewind(mark);
                if is_global(unit.header) {
                    self.held.push(unit.header.namespace.get());
                }
                machine.verifier.matches.set_waiting(id);
                self.waiting.push(id);
            }
            Err(Stopped::Unknown) => {
                machine.rewind(mark);
                if is_global(unit.header) {
                    self.barred.push(unit.header.namespace.get());
                }
                machine.verifier.matches.set_unknown(id);
                self.unknown.push(id);
            }
            Err(Stopped::Exhausted) => return Err(Stopped::Exhausted),
        }
        Ok(())
    }

    /// Drops what global rules exclude, and orders the rest by namespace and name.
    fn report(&mut self, image: &Image<'_>, settings: &Settings<'_>) {
        let namespace = |id: RuleId| image.unit_header(id).map(|header| header.namespace.get());
        let barred = &self.barred;
        let is_wanted = |id: RuleId| settings.selection.is_none_or(|selection| selection.wants(id));
        self.matching.retain(|&id| is_wanted(id) && namespace(id).is_some_and(|n| !barred.contains(&n)));
        let key = |id: &RuleId| {
            let unit = image.unit(*id);
            (unit.map(|u| image.namespace(u.header.namespace.get())), unit.map(|u| u.name()), *id)
        };
        self.matching.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
    }
}

fn is_global(header: &UnitHeader) -> bool {
    header.flags.get() & rule_flags::GLOBAL != 0
}
