//! Rules and data at random, alike enough that there are matches.

use hallmark_image::record::variant_flags;
use proptest::prelude::*;

use crate::builder::{Body, PatternSpec, RuleSpec, TRIGGER, VariantSpec};

/// Few different bytes, so that there are matches.
pub fn bytes(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"ab\0 ".to_vec()), len)
}

fn masked() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    bytes(1..14).prop_flat_map(|value| {
        let byte = prop_oneof![6 => Just(0xFFu8), 1 => Just(0u8), 1 => Just(0xF0), 1 => Just(0xDF)];
        let mask = prop_oneof![1 => Just(vec![]), 1 => prop::collection::vec(byte, value.len())];
        (Just(value), mask)
    })
}

/// A variant with an atom anywhere in its first fixed run, or without one.
fn variant() -> impl Strategy<Value = VariantSpec> {
    let plain = (masked(), any::<u8>()).prop_map(|((value, mask), pick)| {
        let atoms = run(&value, &mask, pick).into_iter().collect();
        VariantSpec::new(Body::Bytes(value, mask), atoms)
    });
    let xored = (bytes(2..12), 0u8..4, 0u8..4).prop_map(|(value, low, more)| {
        let runs = vec![(value.clone(), 0)];
        let mut variant = VariantSpec::new(Body::Bytes(value, vec![]), runs);
        (variant.flags, variant.xor) = (variant_flags::XOR, (low, low + more));
        variant
    });
    let gap = prop_oneof![
        4 => (0u32..4, 0u32..4).prop_map(|(min, more)| (min, min + more)),
        1 => (0u32..200, 100u32..2000).prop_map(|(min, more)| (min, min + more)),
        1 => (0u32..4).prop_map(|min| (min, u32::MAX)),
    ];
    let chained = prop::collection::vec((gap, masked()), 2..6).prop_map(|pieces| {
        let mut pieces: Vec<_> = pieces.into_iter().map(|((a, b), (v, m))| (a, b, v, m)).collect();
        (pieces[0].0, pieces[0].1) = (0, 0);
        let atoms = run(&pieces[0].2, &pieces[0].3, 0).into_iter().collect();
        VariantSpec::new(Body::Chain(pieces), atoms)
    });
    let any = prop_oneof![4 => plain, 1 => xored, 2 => chained];
    (
        any,
        prop::sample::select(vec![
            0,
            0,
            variant_flags::FULLWORD,
            variant_flags::FULLWORD | variant_flags::WIDE,
        ]),
    )
        .prop_map(|(mut variant, flags)| {
            variant.flags |= flags;
            variant
        })
}

/// A run of two or more bytes, all of whose bits count, at one of the places there are.
fn run(value: &[u8], mask: &[u8], pick: u8) -> Option<(Vec<u8>, u16)> {
    let fixed = |i: usize| mask.get(i).is_none_or(|&m| m == 0xFF);
    let windows: Vec<(usize, usize)> = (2..=value.len())
        .flat_map(|len| (0..=value.len() - len).map(move |s| (s, len)))
        .filter(|&(s, len)| (s..s + len).all(fixed))
        .collect();
    let &(start, len) =
        windows.get(windows.len().checked_sub(1 + usize::from(pick) % windows.len().max(1))?)?;
    Some((value[start..start + len].to_vec(), start as u16))
}

fn pattern() -> impl Strategy<Value = PatternSpec> {
    (prop::collection::vec(variant(), 1..4), any::<bool>()).prop_map(|(variants, on_demand)| {
        // Two bytes are searched for on demand, and where there are none every position is tried.
        let lanes = variants.iter().all(|v| v.runs.iter().any(|(bytes, _)| bytes.len() > 2));
        let pattern = PatternSpec::new(variants);
        if on_demand || !lanes { pattern.on_demand() } else { pattern }
    })
}

/// Rules that match where any of their patterns does.
pub fn rules() -> impl Strategy<Value = Vec<RuleSpec>> {
    let rule = prop::collection::vec(pattern(), 1..5).prop_map(|patterns| {
        let mut rule = RuleSpec::any(patterns);
        rule.always = rule.patterns.iter().any(|p| p.flags & TRIGGER == 0);
        rule
    });
    prop::collection::vec(rule, 1..40)
}
