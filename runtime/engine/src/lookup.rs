//! From an atom in the data to the variants it belongs to: a table of them, as a [`Sink`] of the search.

use std::ops::Range;

use hallmark_image::Filter;
use hallmark_image::RuleId;
use hallmark_image::lanes::{AtomPage, Lane, atom_place};

use crate::budget::Stopped;
use crate::padding::Padding;
use crate::search::Sink;
use crate::verify::{Atom, Verifier};

/// Atoms remembered that lead nowhere in this scan.
const REMEMBERED: usize = 64;

/// Atoms, and what they lead to.
pub(crate) trait Table {
    /// Has everything verified that the atom leads to which stands at `at`. Answers whether anyone wants to know: if not,
    /// it stays so.
    fn verify(&self, lane: Lane, atom: u32, at: usize, verifier: &mut Verifier<'_>) -> Result<bool, Stopped>;
}

/// Looks atoms up in a table and has what they lead to verified.
pub(crate) struct Lookup<'v, 'a, T> {
    table: T,
    verifier: &'v mut Verifier<'a>,
    /// Atoms all of whose rules exclude the file or want to know no more, which stays so. A file may be full of one,
    /// such as zeros, that many rules share.
    exhausted: [Option<(Lane, u32)>; REMEMBERED],
    padding: Padding,
}

impl<'v, 'a, T> Lookup<'v, 'a, T> {
    pub fn new(table: T, verifier: &'v mut Verifier<'a>) -> Self {
        Lookup { table, verifier, exhausted: [None; REMEMBERED], padding: Padding::default() }
    }
}

impl<T: Table> Sink for Lookup<'_, '_, T> {
    fn chunk(&mut self) -> Result<(), Stopped> {
        self.verifier.budget.check()
    }

    fn is_quiet(&mut self, lane: Lane, byte: u8, places: &Range<usize>) -> bool {
        let atom = Padding::atom(lane, byte);
        let is_exhausted = self.exhausted.get(slot(atom)) == Some(&Some((lane, atom)));
        let last = places.end.saturating_sub(1);
        let data = self.verifier.data;
        // Places before the first are looked at too, by one byte.
        let mut is_quiet = |at: usize| self.padding.is_quiet(lane, byte, data, at);
        is_exhausted || (is_quiet(places.start.saturating_sub(1)) && is_quiet(last))
    }

    fn candidate(&mut self, lane: Lane, atom: u32, at: usize) -> Result<(), Stopped> {
        self.verifier.candidates = self.verifier.candidates.saturating_add(1);
        let slot = slot(atom);
        if self.exhausted.get(slot) == Some(&Some((lane, atom))) {
            return Ok(());
        }
        let padding = Padding::byte(lane, atom);
        if padding.is_some_and(|byte| self.padding.is_quiet(lane, byte, self.verifier.data, at)) {
            return Ok(());
        }
        let matches = self.verifier.matches.total();
        self.verifier.compared = at..at;
        let is_wanted = self.table.verify(lane, atom, at, self.verifier)?;
        if let Some(slot) = self.exhausted.get_mut(slot).filter(|_| !is_wanted) {
            *slot = Some((lane, atom));
        }
        if let Some(byte) = padding.filter(|_| self.verifier.matches.total() == matches) {
            self.padding.learn(lane, byte, self.verifier.data, at, &self.verifier.compared);
        }
        Ok(())
    }
}

/// Where an atom is remembered: any bits that differ will do.
fn slot(atom: u32) -> usize {
    (atom ^ atom >> 8 ^ atom >> 16) as usize & (REMEMBERED - 1)
}

/// The pages of an image.
impl Table for Filter<'_> {
    #[inline(always)]
    fn verify(&self, lane: Lane, atom: u32, at: usize, verifier: &mut Verifier<'_>) -> Result<bool, Stopped> {
        let mut is_wanted = false;
        let (pages, count) = match lane {
            Lane::Main => (self.atoms, self.header.atom_pages.get()),
            Lane::Short | Lane::Pair => (self.shorts, self.header.short_pages.get()),
        };
        let (home, check) = atom_place(atom, count);
        let spill = pages.get(home).map_or(0, |page| page.spill.get());
        for i in 0..=spill as usize {
            // An image may say that everything spills over all its pages.
            if i > 0 {
                verifier.budget.spend(1)?;
            }
            let Some(page) = cyclic(pages, home.wrapping_add(i)) else { break };
            let entries = page.entries.get(..usize::from(page.count.get())).unwrap_or_default();
            let first = entries.partition_point(|e| e.check.get() < check);
            let equal = entries.get(first..).unwrap_or_default().iter();
            for entry in equal.take_while(|e| e.check.get() == check) {
                let leads_to = Atom {
                    rule: RuleId::new(entry.rule.get()),
                    variant: entry.variant.get().into(),
                    offset: entry.offset.get(),
                };
                is_wanted |= verifier.verify(leads_to, at)?;
            }
        }
        Ok(is_wanted)
    }
}

fn cyclic(pages: &[AtomPage], index: usize) -> Option<&AtomPage> {
    pages.get(index).or_else(|| pages.get(index.wrapping_sub(pages.len())))
}
