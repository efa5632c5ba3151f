//! Scanning with some of the rules only.

use std::collections::BTreeSet;

use hallmark_image::record::rule_flags;
use hallmark_image::{Image, RuleId, Unit};

/// Some rules of an image.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// By id: whether the rule is asked for.
    wanted: Vec<bool>,
    /// By id: whether it is asked for, or one is that refers to it or that it is global for.
    needed: Vec<bool>,
}

impl Selection {
    /// The rules of `image` for which `wants` says so. Those that they refer to are evaluated too, and so are the global
    /// rules of their namespaces; but they are not reported.
    pub fn new(image: &Image<'_>, mut wants: impl FnMut(RuleId, &Unit<'_>) -> bool) -> Self {
        let mut selection =
            Selection { wanted: vec![false; image.rule_slots()], needed: vec![false; image.rule_slots()] };
        let mut namespaces = BTreeSet::new();
        let mut todo = Vec::new();
        for (id, unit) in image.rules().filter(|(id, unit)| wants(*id, unit)) {
            mark(&mut selection.wanted, id);
            namespaces.insert(unit.header.namespace.get());
            todo.push(id);
        }
        let globals = image.rules().filter(|(_, unit)| {
            let header = unit.header;
            header.flags.get() & rule_flags::GLOBAL != 0 && namespaces.contains(&header.namespace.get())
        });
        todo.extend(globals.map(|(id, _)| id));
        while let Some(id) = todo.pop() {
            if mark(&mut selection.needed, id) {
                let references = image.unit(id).map_or(&[][..], |unit| unit.references);
                todo.extend(references.iter().map(|id| RuleId::new(id.get())));
            }
        }
        selection
    }

    /// Whether a rule is to be reported if it matches.
    pub fn wants(&self, rule: RuleId) -> bool {
        self.wanted.get(rule.index()).copied().unwrap_or_default()
    }

    /// Whether a rule is to be evaluated.
    pub fn needs(&self, rule: RuleId) -> bool {
        self.needed.get(rule.index()).copied().unwrap_or_default()
    }
}

/// Notes a rule; answers whether it is new.
fn mark(rules: &mut [bool], id: RuleId) -> bool {
    rules.get_mut(id.index()).is_some_and(|slot| !std::mem::replace(slot, true))
}
