//! Patterns without an atom: tried at every position that one of their variants can start at, and only when a
//! condition asks for them.

use std::ops::RangeInclusive;

use hallmark_image::program::Program;
use hallmark_image::record::{Piece, Variant, VariantKind, pattern_flags, variant_flags};
use hallmark_image::{RuleId, Unit};
use zerocopy::FromBytes;

use crate::budget::Stopped;
use crate::pike::first_bytes;
use crate::verify::{Target, Verifier};

/// Positions passed over between two charges to the budget.
const STRIDE: usize = 4096;

impl<'a> Verifier<'a> {
    /// Searches everywhere for a pattern that is searched on demand, unless that was done.
    pub fn demand(&mut self, rule: RuleId, unit: &Unit<'a>, pattern: usize) -> Result<(), Stopped> {
        if !is_slow(unit, pattern) || self.matches.is_complete(rule, pattern) {
            return Ok(());
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
        if !is_slow(unit, pattern) || self.matches.is_complete(rule, pattern) {
            return Ok(());
        }
        self.try_all(rule, unit, pattern, range)?;
        self.matches.settle(rule, pattern);
        Ok(())
    }

    fn try_all(
        &mut self,
        rule: RuleId,
        unit: &Unit<'a>,
        pattern: usize,
        range: RangeInclusive<usize>,
    ) -> Result<(), Stopped> {
        let Some(record) = unit.patterns.get(pattern) else { return Ok(()) };
        let first = record.first_variant.get();
        for index in first..first.saturating_add(record.variants.get()) {
            let Some(variant) = unit.variants.get(index as usize) else { return Ok(()) };
            let target = Target { rule, unit: *unit, index, variant };
            let can_start = starts(variant, unit.blob);
            let data = self.data;
            let last = range.end().saturating_add(1).min(data.len());
            let mut from = *range.start();
            while from < last {
                let stop = last.min(from.saturating_add(STRIDE));
                self.budget.spend((stop.saturating_sub(from) as u64) / 16)?;
                for (at, byte) in (from..stop).zip(data.get(from..stop).unwrap_or_default()) {
                    if can_start.get(usize::from(*byte)).is_some_and(|&b| b) {
                        let found = self.verify_at(&target, at)?;
                        if found && self.fast && self.matches.suffices(rule, pattern) {
                            return Ok(());
                        }
                    }
                }
                from = stop;
            }
        }
        Ok(())
    }
}

/// Whether the pattern is searched on demand.
fn is_slow(unit: &Unit<'_>, pattern: usize) -> bool {
    unit.patterns.get(pattern).is_some_and(|p| p.flags.get() & pattern_flags::SLOW != 0)
}

/// The bytes that a match of the variant can start with.
fn starts(variant: &Variant, blob: &[u8]) -> [bool; 256] {
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
            Program::view(body).and_then(|p| first_bytes(&p)).unwrap_or([true; 256])
        }
        None => [false; 256],
    }
}
