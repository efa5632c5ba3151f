//! From candidates to matches: the whole variant is compared where its atom stands.

use std::ops::Range;

use hallmark_image::program::Program;
use hallmark_image::record::{Piece, Variant, VariantKind, pattern_flags, variant_flags};
use hallmark_image::{FileClass, Image, RuleId, Unit};
use zerocopy::FromBytes;

use crate::budget::{Budget, Stopped};
use crate::chain::Chain;
use crate::compare::{Masked, is_full_word};
use crate::limits::MAX_REMEMBERED;
use crate::matches::{Match, Matches};
use crate::memory::Memory;
use crate::scratch::Tools;
use crate::selection::Selection;
use crate::settings::Settings;
use crate::view::Size;

/// Bytes of the widest character.
const CHARACTER: usize = 2;
/// As far as verification can look.
const EVERYTHING: Range<usize> = 0..usize::MAX;

/// Where the bytes that a verifier sees stand in what is scanned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Address of the first one.
    pub base: u64,
    pub size: Size,
    /// The bytes pass by once, so that every pattern is searched for while they do.
    pub streamed: bool,
    /// A verification that looks at bytes before this one may want some that are gone.
    pub low: usize,
    /// One that looks at bytes from this one on may want some that are still to come.
    pub high: usize,
}

impl Place {
    /// For all of the data.
    pub fn whole(data: &[u8]) -> Self {
        let size = Size::Known(data.len() as u64);
        Place { base: 0, size, streamed: false, low: 0, high: usize::MAX }
    }
}

/// Verifies candidates and keeps the matches.
#[derive(Debug)]
pub(crate) struct Verifier<'a> {
    pub image: Image<'a>,
    pub data: &'a [u8],
    pub place: Place,
    pub class: FileClass,
    pub budget: Budget<'a>,
    pub matches: &'a mut Matches,
    pub tools: &'a mut Tools,
    /// See [`crate::Settings::fast`].
    pub fast: bool,
    /// See [`crate::Settings::strings`].
    pub strings: bool,
    /// See [`crate::Settings::selection`].
    pub selection: Option<&'a Selection>,
    /// Patterns that conditions wait for.
    pub wanted: &'a mut Vec<(RuleId, usize)>,
    /// Everything that can be searched for together was: what a condition still lacks is tried at every position.
    pub last_chance: bool,
    pub candidates: u64,
    /// The bytes that verification has looked at since this was last set; no more than these decided what it found.
    pub compared: Range<usize>,
}

/// What an atom leads to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Atom {
    pub rule: RuleId,
    /// Index of the variant in the rule's unit.
    pub variant: u32,
    /// Offset of the atom in the variant, or from where its backward program starts.
    pub offset: u16,
}

/// A variant and where it belongs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub rule: RuleId,
    pub unit: Unit<'a>,
    /// Index of the variant in the unit.
    pub index: u32,
    pub variant: &'a Variant,
}

impl<'a> Target<'a> {
    fn new(rule: RuleId, unit: Unit<'a>, index: u32) -> Option<Self> {
        Some(Target { rule, unit, index, variant: unit.variants.get(index as usize)? })
    }

    fn pattern(&self) -> usize {
        self.variant.pattern.get() as usize
    }

    fn has(&self, flag: u8) -> bool {
        self.variant.flags & flag != 0
    }
}

impl<'a> Verifier<'a> {
    /// A verifier for one scan, or a part of one.
    pub fn new(
        image: &Image<'a>,
        data: &'a [u8],
        settings: &Settings<'a>,
        matches: &'a mut Matches,
        tools: &'a mut Tools,
        wanted: &'a mut Vec<(RuleId, usize)>,
    ) -> Self {
        Verifier {
            image: *image,
            data,
            place: Place::whole(data),
            class: FileClass::of(data),
            budget: Budget::new(settings, data.len()),
            matches,
            tools,
            fast: settings.fast && !settings.strings,
            strings: settings.strings,
            selection: settings.selection,
            wanted,
            last_chance: false,
            candidates: 0,
            compared: 0..0,
        }
    }

    /// Verifies what the atom leads to that stands at `at`. Answers whether anyone wants to know: if not, it stays so.
    pub fn verify(&mut self, atom: Atom, at: usize) -> Result<bool, Stopped> {
        let Atom { rule, variant, offset } = atom;
        if !self.admits(rule) {
            return Ok(false);
        }
        let target = self.image.unit(rule).and_then(|unit| Target::new(rule, unit, variant));
        let Some(target) = target else { return Ok(false) };
        if self.suffices(rule, &target.unit, target.pattern()) {
            return Ok(false);
        }
        let Some(place) = at.checked_sub(usize::from(offset)) else {
            self.compare(EVERYTHING);
            if self.place.low > 0 {
                // It starts before the part of a stream that is kept.
                self.tools.memories.list_cut(rule, target.pattern());
            }
            return Ok(true);
        };
        let backward = target.variant.backward.of(target.unit.blob);
        if backward.is_empty() {
            return self.verify_at(&target, place).map(|_| true);
        }
        self.compare(EVERYTHING);
        let Some(program) = Program::view(backward) else { return Ok(true) };
        let mut starts = std::mem::take(&mut self.tools.starts);
        starts.clear();
        let found = self.metered(&target, |verifier, memory| {
            let pike = &mut verifier.tools.pike;
            pike.match_starts(
                &program,
                verifier.data,
                place,
                &mut memory.backward,
                &mut verifier.budget,
                &mut starts,
            )
        });
        // Ascending, as the memory of chains likes them.
        let done =
            found.and_then(|_| starts.iter().rev().try_for_each(|&start| self.verify_once(&target, start)));
        self.tools.starts = starts;
        done.map(|()| true)
    }

    /// Whether the rule can match this file at all.
    pub fn admits(&mut self, rule: RuleId) -> bool {
        let (image, class, size) = (&self.image, self.class, self.place.size);
        let is_needed = self.selection.is_none_or(|selection| selection.needs(rule));
        let header = || image.unit_header(rule);
        is_needed
            && self.matches.admits(rule, || header().is_some_and(|header| size.is_admitted(header, class)))
    }

    /// Whether a match of the pattern is known, and that is all that anyone wants to know of it.
    pub fn suffices(&self, rule: RuleId, unit: &Unit<'_>, pattern: usize) -> bool {
        let flags = unit.patterns.get(pattern).map_or(0, |p| p.flags.get());
        self.fast && flags & pattern_flags::EXISTENCE != 0 && !self.matches.get(rule, pattern).is_empty()
    }

    /// Whether all matches of a pattern are known that anyone wants to know.
    pub fn is_searched(&self, rule: RuleId, unit: &Unit<'_>, pattern: usize) -> bool {
        self.place.streamed
            || unit.patterns.get(pattern).is_some_and(|p| p.is_searched(self.class))
            || self.matches.is_complete(rule, pattern)
    }

    /// Compares a variant at `start`, if that was not done before in this scan: many atoms may lead to one start.
    fn verify_once(&mut self, target: &Target<'a>, start: usize) -> Result<(), Stopped> {
        if self.suffices(target.rule, &target.unit, target.pattern()) {
            return Ok(());
        }
        if self.tools.verified.len() >= MAX_REMEMBERED {
            self.tools.verified.clear();
        }
        if self.tools.verified.insert((target.rule.get(), target.index, start)) {
            self.verify_at(target, start)?;
        }
        Ok(())
    }

    /// Compares a variant at `start`, keeps the match and tells whether there is one.
    pub fn verify_at(&mut self, target: &Target<'a>, start: usize) -> Result<bool, Stopped> {
        let Some((end, xor_key)) = self.match_end(target, start)? else { return Ok(false) };
        let length = end.saturating_sub(start) as u64;
        let found = Match { offset: self.place.base.saturating_add(start as u64), length, xor_key };
        let Target { rule, unit, .. } = target;
        self.matches.touch(*rule, unit.patterns.len());
        let trigger = unit.patterns.get(target.pattern()).is_some_and(|p| p.is_searched(self.class));
        self.matches.add(*rule, target.pattern(), trigger, found);
        if self.strings && self.place.streamed {
            self.tools.captured.keep(found.offset, self.data.get(start..end).unwrap_or_default());
        }
        Ok(true)
    }

    /// Whether the program matches somewhere in `text`.
    pub fn is_match(&mut self, program: &Program<'_>, text: &[u8]) -> Result<bool, Stopped> {
        self.tools.pike.is_match(program, text, &mut self.budget)
    }

    fn match_end(
        &mut self,
        target: &Target<'a>,
        start: usize,
    ) -> Result<Option<(usize, Option<u8>)>, Stopped> {
        let (data, variant, blob) = (self.data, target.variant, target.unit.blob);
        let body = variant.body.of(blob);
        let mut xor_key = None;
        let end = match VariantKind::new(variant.kind) {
            Some(VariantKind::Bytes) => {
                self.budget.spend(1)?;
                self.compare(start..start.saturating_add(body.len()));
                if self.place.streamed && self.is_cut(start, start.saturating_add(body.len())) {
                    self.tools.memories.list_cut(target.rule, target.pattern());
                }
                let masked = Masked { value: body, mask: variant.mask.of(blob) };
                xor_key = key(variant, body, data, start);
                // A xor pattern without a key of its range does not match.
                let candidate = target.has(variant_flags::XOR) == xor_key.is_some();
                let rest = data.get(start..).filter(|_| candidate);
                let stands = rest.is_some_and(|d| masked.is_prefix(d, xor_key.unwrap_or(0)));
                stands.then(|| start.saturating_add(body.len()))
            }
            Some(VariantKind::Chain) => {
                let pieces = <[Piece]>::ref_from_bytes(body).unwrap_or_default();
                let chain = Chain { pieces, blob };
                self.budget.spend(1)?;
                if !self.begins(&chain, start) {
                    return Ok(None);
                }
                self.metered(target, |verifier, memory| {
                    let chains = &mut verifier.tools.chains;
                    chains.match_end(&chain, data, start, &mut memory.spans, &mut verifier.budget)
                })?
            }
            Some(VariantKind::Program) => {
                // Comparing bytes is much cheaper than running the program, which is the one that decides.
                let pieces = <[Piece]>::ref_from_bytes(variant.mask.of(blob)).unwrap_or_default();
                let outline = Chain { pieces, blob };
                self.budget.spend(1)?;
                if !self.begins(&outline, start) {
                    return Ok(None);
                }
                let Some(program) = Program::view(body) else { return Ok(None) };
                self.metered(target, |verifier, memory| {
                    let Verifier { budget, tools: Tools { chains, pike, .. }, .. } = verifier;
                    if !pieces.is_empty()
                        && chains.match_end(&outline, data, start, &mut memory.spans, budget)?.is_none()
                    {
                        return Ok(None);
                    }
                    pike.match_end(&program, data, start, &mut memory.forward, budget)
                })?
            }
            None => None,
        };
        let full_word = |end: usize| {
            let wide = target.has(variant_flags::WIDE);
            is_full_word(data, start, end, wide, xor_key.unwrap_or(0))
        };
        let end = end.filter(|&end| !target.has(variant_flags::FULLWORD) || full_word(end));
        Ok(end.map(|end| (end, xor_key)))
    }
}

impl<'a> Verifier<'a> {
    /// Whether the first piece of a chain stands at `start`; one without pieces begins everywhere.
    fn begins(&mut self, chain: &Chain<'_>, start: usize) -> bool {
        let begins = chain.pieces.is_empty() || chain.begins(self.data, start);
        let first = chain.pieces.first().map_or(0, |piece| piece.value.len.get() as usize);
        self.compare(if begins { EVERYTHING } else { start..start.saturating_add(first) });
        begins
    }

    /// Whether some of these bytes, or of the characters around them, are gone from a stream or still to come. Those of a
    /// match that is no longer than half the reach never are.
    fn is_cut(&self, start: usize, end: usize) -> bool {
        let Place { low, high, .. } = self.place;
        (low > 0 && start < CHARACTER)
            || (high < usize::MAX && end.saturating_add(CHARACTER) > self.data.len())
    }

    /// Notes that these bytes are looked at, and perhaps the characters around them.
    fn compare(&mut self, bytes: Range<usize>) {
        self.compared.start = self.compared.start.min(bytes.start.saturating_sub(CHARACTER));
        self.compared.end = self.compared.end.max(bytes.end.saturating_add(CHARACTER));
    }

    /// Verifies with what is known of a variant, within the steps that it may take. When they are used up it is left
    /// alone, which the outcome tells, and nothing else ends.
    fn metered<T: Default>(
        &mut self,
        target: &Target<'a>,
        verify: impl FnOnce(&mut Self, &mut Memory) -> Result<T, Stopped>,
    ) -> Result<T, Stopped> {
        let mut memories = std::mem::take(&mut self.tools.memories);
        let mut result = memories.with(target.rule, target.index, |memory| {
            if memory.too_costly {
                return Ok(T::default());
            }
            let result = self.budget.begin(memory.spent).and_then(|()| verify(self, memory));
            memory.spent = memory.spent.saturating_add(self.budget.end());
            result
        });
        if self.place.streamed && self.tools.took_to_the_edge(self.place.low, self.place.high) {
            memories.list_cut(target.rule, target.pattern());
        }
        if result.is_err() && self.budget.why().is_none() {
            memories.set_too_costly(target.rule, target.index, target.pattern());
            result = Ok(T::default());
        }
        self.tools.memories = memories;
        result
    }
}

/// The key under which the first byte of a xor variant stands at `start`, if it is one of its keys.
fn key(variant: &Variant, body: &[u8], data: &[u8], start: usize) -> Option<u8> {
    let key = data.get(start)? ^ body.first()?;
    let xor = variant.flags & variant_flags::XOR != 0;
    (xor && (variant.xor_min..=variant.xor_max).contains(&key)).then_some(key)
}
