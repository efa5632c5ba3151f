//! From an atom in the data to the variants it belongs to: the image's pages, as a [`Sink`] of the search.

use hallmark_image::Filter;
use hallmark_image::RuleId;
use hallmark_image::lanes::{AtomPage, Lane, atom_place};

use crate::budget::Stopped;
use crate::search::Sink;
use crate::verify::{Atom, Verifier};

/// Looks atoms up in the pages of an image and has what they lead to verified.
pub(crate) struct Lookup<'v, 'a> {
    pub filter: Filter<'a>,
    pub verifier: &'v mut Verifier<'a>,
}

impl Sink for Lookup<'_, '_> {
    fn chunk(&mut self) -> Result<(), Stopped> {
        self.verifier.budget.check()
    }

    fn candidate(&mut self, lane: Lane, atom: u32, at: usize) -> Result<(), Stopped> {
        self.verifier.candidates = self.verifier.candidates.saturating_add(1);
        let header = self.filter.header;
        let (pages, count) = match lane {
            Lane::Main => (self.filter.atoms, header.atom_pages.get()),
            Lane::Short | Lane::Pair => (self.filter.shorts, header.short_pages.get()),
        };
        let (home, check) = atom_place(atom, count);
        let spill = pages.get(home).map_or(0, |page| page.spill.get());
        for i in 0..=usize::from(spill) {
            let Some(page) = cyclic(pages, home.wrapping_add(i)) else { break };
            let entries = page.entries.get(..usize::from(page.count.get())).unwrap_or_default();
            let first = entries.partition_point(|e| e.check.get() < check);
            let equal = entries.get(first..).unwrap_or_default().iter();
            for entry in equal.take_while(|e| e.check.get() == check) {
                let atom = Atom {
                    rule: RuleId::new(entry.rule.get()),
                    variant: entry.variant.get().into(),
                    offset: entry.offset.get(),
                };
                self.verifier.verify(atom, at)?;
            }
        }
        Ok(())
    }
}

fn cyclic(pages: &[AtomPage], index: usize) -> Option<&AtomPage> {
    pages.get(index).or_else(|| pages.get(index.wrapping_sub(pages.len())))
}
