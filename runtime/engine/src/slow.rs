//! Patterns that a condition asks for and that nothing was searched for: tried at every position that one of their
//! variants can start at. That is slow, but for a few positions, or for patterns without atoms, the only way.

use std::ops::{Range, RangeInclusive};

use hallmark_image::limits::SHORT_RANGE;
use hallmark_image::program::Program;
use hallmark_image::record::{Piece, Variant, VariantKind, variant_flags};
use hallmark_image::{RuleId, Unit};
use zerocopy::FromBytes;

use crate::budget::Stopped;
use crate::compare::Masked;
use crate::demand::{each_run_atom, has_lanes};
use crate::pike::Pike;
use crate::verify::{Atom, Target, Verifier};

/// Positions passed over between two charges to the budget.
const STRIDE: usize = 1 << 16;
/// Positions searched for one byte string between two charges to the budget.
const PIECE: usize = 1 << 20;

impl<'a> Verifier<'a> {
    /// Makes all matches of a pattern known.
    pub fn demand(&mut self, rule: RuleId, unit: &Unit<'a>, pattern: usize) -> Result<(), Stopped> {
        if self.is_searched(rule, unit, pattern) {
            return Ok(());
        }
        if !self.last_chance && has_lanes(unit, pattern) {
            self.wanted.push((rule, pattern));
            return Err(Stopped::Waiting);
        }
        self.try_all(rule, unit, pattern, 0..=self.data.len())?;
        self.matches.touch(rule, unit.patterns.len());
        self.matches.set_complete(rule, pattern);
        Ok(())
    }

    /// As [`Verifier::demand`], for the matches that start in `range`.
    pub fn demand_in(
        &mut self,
        rule: RuleId,
        unit: &Unit<'a>,
        pattern: usize,
        range: RangeInclusive<usize>,
    ) -> Result<(), Stopped> {
        if self.is_searched(rule, unit, pattern) {
            return Ok(());
        }
        if range.end().saturating_sub(*range.start()) > SHORT_RANGE {
            return self.demand(rule, unit, pattern);
        }
        self.try_all(rule, unit, pattern, range)?;
        self.matches.settle(rule, pattern);
        Ok(())
    }

    /// Searches for a pattern where its variants start in `range`.
    fn try_all(
        &mut self,
        rule: RuleId,
        unit: &Unit<'a>,
        pattern: usize,
        range: RangeInclusive<usize>,
    ) -> Result<(), Stopped> {
        let is_long = range.end().saturating_sub(*range.start()) > SHORT_RANGE;
        for (index, variant) in unit.variants_of(pattern) {
            if is_long && !unit.runs(variant).is_empty() {
                self.search_alone(rule, unit, index, variant, 0..self.data.len())?;
            } else {
                let target = Target { rule, unit: *unit, index, variant };
                self.try_each(&target, *range.start()..range.end().saturating_add(1))?;
            }
        }
        Ok(())
    }

    /// Searches for a pattern by itself, in one of several ranges that together are all of the data: where the runs of a
    /// variant stand in it, or, if it has none, where the variant starts in it.
    pub fn pass_alone(
        &mut self,
        rule: RuleId,
        unit: &Unit<'a>,
        pattern: usize,
        range: Range<usize>,
    ) -> Result<(), Stopped> {
        if self.suffices(rule, unit, pattern) {
            return Ok(());
        }
        for (index, variant) in unit.variants_of(pattern) {
            if unit.runs(variant).is_empty() {
                self.try_each(&Target { rule, unit: *unit, index, variant }, range.clone())?;
            } else {
                self.search_alone(rule, unit, index, variant, range.clone())?;
            }
        }
        Ok(())
    }

    /// Tries a variant wherever it can start in `range`.
    fn try_each(&mut self, target: &Target<'a>, range: Range<usize>) -> Result<(), Stopped> {
        let &Target { rule, ref unit, variant, .. } = target;
        let pattern = variant.pattern.get() as usize;
        let (data, first, last) = (self.data, range.start, range.end.min(self.data.len()));
        let head = head(variant, unit.blob);
        let can_start = starts(variant, unit.blob, &mut self.tools.pike);
        // Bytes of the head that are all known, which can be searched for fast.
        let known = head.and_then(|head| head.longest_exact());
        let mut from = first;
        while from < last {
            let stop = last.min(from.saturating_add(STRIDE));
            self.budget.spend((stop.saturating_sub(from) as u64) / 16)?;
            let mut places = Places::new(data, from..stop, known, &can_start);
            while let Some(at) = places.next() {
                if head.is_some_and(|head| !data.get(at..).is_some_and(|d| head.is_prefix(d, 0))) {
                    continue;
                }
                if self.verify_at(target, at)? && self.suffices(rule, unit, pattern) {
                    return Ok(());
                }
            }
            from = stop;
        }
        Ok(())
    }
}

impl Verifier<'_> {
    /// Searches a range for the runs of one variant, each by itself.
    pub fn search_alone(
        &mut self,
        rule: RuleId,
        unit: &Unit<'_>,
        index: u32,
        variant: &Variant,
        range: Range<usize>,
    ) -> Result<(), Stopped> {
        let data = self.data;
        let leads_to = |offset| Atom { rule, variant: index, offset };
        let pattern = variant.pattern.get() as usize;
        for run in unit.runs(variant) {
            let exact = run.bytes(unit.blob).filter(|(_, mask)| mask.is_empty());
            if let Some((value, _)) = exact.filter(|_| variant.flags & variant_flags::XOR == 0) {
                // More bytes than an atom's are found as fast, and less often.
                for piece in pieces(range.clone()) {
                    self.budget.spend(piece.len() as u64 / 64)?;
                    for at in Overlapping::new(data, value, piece) {
                        self.verify(leads_to(run.offset.get()), at)?;
                        if self.suffices(rule, unit, pattern) {
                            return Ok(());
                        }
                    }
                }
                continue;
            }
            let mut result = Ok(());
            each_run_atom(unit, variant, run, &mut |lane, bytes, offset| {
                let atom = bytes.to_le_bytes();
                let atom = atom.get(..lane.width()).unwrap_or_default();
                let mut search = |piece: Range<usize>| {
                    self.budget.spend(piece.len() as u64 / 64)?;
                    Overlapping::new(data, atom, piece)
                        .try_for_each(|at| self.verify(leads_to(offset), at).map(drop))
                };
                if result.is_ok() {
                    result = pieces(range.clone()).try_for_each(&mut search);
                }
            });
            result?;
        }
        Ok(())
    }
}

/// A range in parts, between which the clock is looked at.
fn pieces(range: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let Range { start, end } = range;
    (start..end).step_by(PIECE).map(move |from| from..end.min(from.saturating_add(PIECE)))
}

/// Every place of a range at which bytes stand, those that overlap among them.
struct Overlapping<'p> {
    data: &'p [u8],
    finder: memchr::memmem::Finder<'p>,
    next: usize,
}

impl<'p> Overlapping<'p> {
    fn new(data: &'p [u8], bytes: &'p [u8], range: Range<usize>) -> Self {
        // The last place is the end of the range less one.
        let end = range.end.saturating_add(bytes.len()).saturating_sub(1).min(data.len());
        let data = data.get(..end).unwrap_or_default();
        Overlapping { data, finder: memchr::memmem::Finder::new(bytes), next: range.start }
    }
}

impl Iterator for Overlapping<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let at = self.next.saturating_add(self.finder.find(self.data.get(self.next..)?)?);
        self.next = at.saturating_add(1);
        Some(at)
    }
}

/// The places of a range at which a variant may start.
#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
enum Places<'p> {
    /// Where known bytes stand, less their offset.
    Known { found: Overlapping<'p>, offset: usize },
    /// Where its first byte can stand.
    Byte { data: &'p [u8], next: usize, can_start: &'p [bool; 256] },
}

impl<'p> Places<'p> {
    fn new(
        data: &'p [u8],
        range: Range<usize>,
        known: Option<(usize, &'p [u8])>,
        can_start: &'p [bool; 256],
    ) -> Self {
        if let Some((offset, bytes)) = known {
            // Starts in the range have the bytes `offset` further on.
            let known = range.start.saturating_add(offset)..range.end.saturating_add(offset);
            return Places::Known { found: Overlapping::new(data, bytes, known), offset };
        }
        Places::Byte { data: data.get(..range.end).unwrap_or(data), next: range.start, can_start }
    }

    fn next(&mut self) -> Option<usize> {
        match self {
            Places::Known { found, offset } => found.next()?.checked_sub(*offset),
            Places::Byte { data, next, can_start } => {
                let rest = data.get(*next..)?;
                let can_start = |b: &u8| can_start.get(usize::from(*b)).copied().unwrap_or_default();
                let at = next.saturating_add(rest.iter().position(can_start)?);
                *next = at.saturating_add(1);
                Some(at)
            }
        }
    }
}

/// The bytes that every match of the variant starts with, if they are known.
fn head<'a>(variant: &Variant, blob: &'a [u8]) -> Option<Masked<'a>> {
    let body = variant.body.of(blob);
    match VariantKind::new(variant.kind)? {
        VariantKind::Bytes if variant.flags & variant_flags::XOR == 0 => {
            Some(Masked { value: body, mask: variant.mask.of(blob) })
        }
        VariantKind::Chain => {
            let piece = <[Piece]>::ref_from_bytes(body).ok()?.first()?;
            Some(Masked { value: piece.value.of(blob), mask: piece.mask.of(blob) })
        }
        VariantKind::Bytes | VariantKind::Program => None,
    }
}

/// The bytes that a match of the variant can start with.
fn starts(variant: &Variant, blob: &[u8], pike: &mut Pike) -> [bool; 256] {
    let body = variant.body.of(blob);
    let masked = |value: &[u8], mask: &[u8]| {
        let (first, bits) = (value.first().copied(), mask.first().copied().unwrap_or(0xFF));
        std::array::from_fn(|byte| first.is_none_or(|f| (byte as u8 ^ f) & bits == 0))
    };
    match VariantKind::new(variant.kind) {
        Some(VariantKind::Bytes) if variant.flags & variant_flags::XOR != 0 => {
            let keys = variant.xor_min..=variant.xor_max;
            std::array::from_fn(|byte| body.first().is_none_or(|f| keys.contains(&(byte as u8 ^ f))))
        }
        Some(VariantKind::Bytes) => masked(body, variant.mask.of(blob)),
        Some(VariantKind::Chain) => match <[Piece]>::ref_from_bytes(body).ok().and_then(|p| p.first()) {
            Some(piece) => masked(piece.value.of(blob), piece.mask.of(blob)),
            None => [false; 256],
        },
        Some(VariantKind::Program) => {
            Program::view(body).and_then(|p| pike.first_bytes(&p)).unwrap_or([true; 256])
        }
        None => [false; 256],
    }
}
