//! Which rules match: conditions in the order of their ranks, so that every rule finds the results it refers to.

use std::cell::OnceCell;

use hallmark_image::record::rule_flags;
use hallmark_image::{Image, RuleId, Unit};
use hallmark_modules::Modules;

use crate::budget::Stopped;
use crate::settings::Settings;
use crate::verify::Verifier;
use crate::vm::{Buffers, Machine};

/// Where evaluation keeps what it finds.
pub(crate) struct Evaluation<'s> {
    /// Rules to evaluate: rank and id.
    pub order: &'s mut Vec<(u32, RuleId)>,
    /// Rules that match and are reported.
    pub matching: &'s mut Vec<RuleId>,
    /// Namespaces in which a global rule does not match.
    pub barred: &'s mut Vec<u16>,
    pub buffers: &'s mut Buffers,
}

impl Evaluation<'_> {
    /// Evaluates the rules that are always evaluated and those that a match triggered; answers how many.
    ///
    /// When the budget ends, what was found so far is certain, but for namespaces with a global rule that was not
    /// evaluated: nothing is reported of those.
    pub fn run<'a, 'd: 'a>(
        mut self,
        verifier: Verifier<'a>,
        modules: &'a OnceCell<Modules<'d>>,
        data: &'d [u8],
        settings: &Settings<'a>,
    ) -> (Verifier<'a>, u64) {
        let image = verifier.image;
        self.collect(&image, verifier.matches.triggered());
        let mut machine =
            Machine::new(verifier, modules, data, settings.externals, settings.now, self.buffers);
        let mut evaluated = 0u64;
        let mut rules = std::mem::take(self.order);
        for (i, &(_, id)) in rules.iter().enumerate() {
            let Some(unit) = image.unit(id) else { continue };
            let Ok(matches) = self.evaluate(&mut machine, id, unit) else {
                let rest = rules.get(i..).unwrap_or_default().iter();
                let globals = rest.filter_map(|(_, id)| image.unit(*id)).filter(is_global);
                self.barred.extend(globals.map(|unit| unit.header.namespace.get()));
                break;
            };
            evaluated = evaluated.saturating_add(1);
            if matches {
                machine.verifier.matches.set_matched(id);
                if unit.header.flags.get() & rule_flags::PRIVATE == 0 {
                    self.matching.push(id);
                }
            } else if is_global(&unit) {
                self.barred.push(unit.header.namespace.get());
            }
        }
        rules.clear();
        *self.order = rules;
        self.report(&image);
        (machine.finish(self.buffers), evaluated)
    }

    fn collect(&mut self, image: &Image<'_>, triggered: &[RuleId]) {
        let always = image.always().iter().map(|id| RuleId::new(id.get()));
        let ids = always.chain(triggered.iter().copied());
        self.order.extend(ids.filter_map(|id| Some((image.unit(id)?.header.rank.get(), id))));
        self.order.sort_unstable();
        self.order.dedup();
    }

    fn evaluate<'a, 'd: 'a>(
        &self,
        machine: &mut Machine<'a, 'd>,
        id: RuleId,
        unit: Unit<'a>,
    ) -> Result<bool, Stopped> {
        if self.barred.contains(&unit.header.namespace.get()) {
            return Ok(false);
        }
        machine.run(id, unit)
    }

    /// Drops what global rules exclude, and orders the rest by namespace and name.
    fn report(&mut self, image: &Image<'_>) {
        let namespace = |id: RuleId| image.unit(id).map(|u| u.header.namespace.get());
        let barred = &self.barred;
        self.matching.retain(|&id| namespace(id).is_some_and(|n| !barred.contains(&n)));
        let key = |id: &RuleId| {
            let unit = image.unit(*id);
            (unit.map(|u| image.namespace(u.header.namespace.get())), unit.map(|u| u.name()), *id)
        };
        self.matching.sort_unstable_by(|a, b| key(a).cmp(&key(b)));
    }
}

fn is_global(unit: &Unit<'_>) -> bool {
    unit.header.flags.get() & rule_flags::GLOBAL != 0
}
