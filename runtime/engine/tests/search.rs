//! Search and verification against a searcher that tries every variant at every position.

mod arbitrary;
mod builder;

use std::ops::Range;

use arbitrary::{bytes, rules};
use builder::{Body, PatternSpec, RuleSpec, VariantSpec, image};
use hallmark_engine::{Match, Scratch, Settings, Why, scan};
use hallmark_image::Image;
use hallmark_image::record::variant_flags;
use proptest::prelude::*;

/// Every match, found without atoms, tables or memory.
fn naive(pattern: &PatternSpec, data: &[u8]) -> Vec<Match> {
    let mut found = Vec::new();
    for start in 0..data.len() {
        let ends = pattern.variants.iter().filter_map(|v| naive_end(v, data, start));
        if let Some((end, xor_key)) = ends.max_by_key(|(end, key)| (*end, std::cmp::Reverse(*key))) {
            found.push(Match { offset: start as u64, length: (end - start) as u64, xor_key });
        }
    }
    found
}

fn naive_end(variant: &VariantSpec, data: &[u8], start: usize) -> Option<(usize, Option<u8>)> {
    let xor = variant.flags & variant_flags::XOR != 0;
    let keys = if xor { variant.xor.0..=variant.xor.1 } else { 0..=0 };
    keys.into_iter().find_map(|key| {
        let end = match &variant.body {
            Body::Bytes(value, mask) => stands(value, mask, data, start, key).then(|| start + value.len()),
            Body::Chain(pieces) => naive_chain(pieces, data, start, 0..=0),
            Body::Program(_) => unreachable!("programs have their own test"),
        }?;
        let word = |i: usize| data.get(i).is_some_and(|b| (b ^ key).is_ascii_alphanumeric());
        let zero = |i: usize| data.get(i).is_some_and(|b| b ^ key == 0);
        let touched = if variant.flags & variant_flags::WIDE != 0 {
            (start >= 2 && zero(start - 1) && word(start - 2)) || (zero(end + 1) && word(end))
        } else {
            (start >= 1 && word(start - 1)) || word(end)
        };
        let full_word = variant.flags & variant_flags::FULLWORD != 0;
        (!touched || !full_word).then_some((end, xor.then_some(key)))
    })
}

fn stands(value: &[u8], mask: &[u8], data: &[u8], at: usize, key: u8) -> bool {
    let bits = |i: usize| mask.get(i).copied().unwrap_or(0xFF);
    (0..value.len()).all(|i| data.get(at + i).is_some_and(|d| (d ^ key ^ value[i]) & bits(i) == 0))
}

fn naive_chain(
    pieces: &[(u32, u32, Vec<u8>, Vec<u8>)],
    data: &[u8],
    end: usize,
    gaps: std::ops::RangeInclusive<u32>,
) -> Option<usize> {
    let Some(((_, _, value, mask), rest)) = pieces.split_first() else { return Some(end) };
    let next = rest.first().map_or(0..=0, |p| p.0..=p.1);
    gaps.into_iter().take_while(|&gap| end + gap as usize <= data.len()).find_map(|gap| {
        let at = end + gap as usize;
        stands(value, mask, data, at, 0).then(|| naive_chain(rest, data, at + value.len(), next.clone()))?
    })
}

fn scanned(rules: &[RuleSpec], data: &[u8], scratch: &mut Scratch) -> Vec<Vec<Match>> {
    let bytes = image(rules, &[]);
    let image = Image::parse(&bytes).unwrap();
    let outcome = scan(&image, scratch, data, &Settings { strings: true, ..Settings::default() });
    assert_eq!(outcome.incomplete(), []);
    let mut found = vec![Vec::new(); rules.iter().map(|r| r.patterns.len()).sum()];
    let firsts: Vec<usize> =
        rules.iter().scan(0, |n, r| Some(std::mem::replace(n, *n + r.patterns.len()))).collect();
    for rule in outcome.matching() {
        for (i, pattern) in rule.patterns().enumerate() {
            found[firsts[rule.id().index()] + i] = pattern.matches().to_vec();
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_trying_everything_finds(
        rules in rules(),
        data in prop::collection::vec(bytes(0..400), 2),
    ) {
        let mut scratch = Scratch::new();
        for data in &data {
            let found = scanned(&rules, data, &mut scratch);
            let expected: Vec<_> = rules.iter().flat_map(|r| &r.patterns).map(|p| naive(p, data)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    /// Where an atom led to nothing is remembered in long runs of one byte.
    #[test]
    fn runs_of_one_byte_change_no_answer(
        literals in prop::collection::vec((runs(1..4, 3..12), any::<bool>()), 1..12),
        data in runs(1..8, 1..200),
    ) {
        let rules: Vec<_> = literals.iter().map(|(bytes, full_word)| {
            let mut pattern = PatternSpec::literal(bytes);
            pattern.variants[0].flags = if *full_word { variant_flags::FULLWORD } else { 0 };
            RuleSpec::any(vec![pattern])
        }).collect();
        let found = scanned(&rules, &data, &mut Scratch::new());
        let expected: Vec<_> = rules.iter().flat_map(|r| &r.patterns).map(|p| naive(p, &data)).collect();
        prop_assert_eq!(found, expected);
    }
}

/// Bytes that repeat: how many runs, and how long each is.
fn runs(count: Range<usize>, len: Range<usize>) -> impl Strategy<Value = Vec<u8>> {
    let run = (prop::sample::select(b"\0a".to_vec()), len).prop_map(|(byte, len)| vec![byte; len]);
    prop::collection::vec(run, count).prop_map(|runs| runs.concat())
}

#[test]
fn padding_costs_little_however_many_patterns_have_some() {
    let literal = |i: u16| PatternSpec::literal(&[&[0; 20][..], &i.to_be_bytes(), b"rest"].concat());
    let rules: Vec<_> = (1000..2000).map(|i| RuleSpec::any(vec![literal(i)])).collect();
    let bytes = image(&rules, &[]);
    let image = Image::parse(&bytes).unwrap();
    let mut scratch = Scratch::new();
    let outcome = scan(&image, &mut scratch, &[0; 400_000], &Settings::default());
    // A run of zeros is passed over once it is known to lead to nothing.
    assert!((1..=10_000).contains(&outcome.stats().candidates), "{}", outcome.stats().candidates);
    assert!(outcome.stats().steps < 100_000, "{}", outcome.stats().steps);
}

#[test]
fn literals_are_found_at_every_place_of_a_long_buffer() {
    // One for each lane, those with and without bytes around their atoms; "in" is searched for on demand.
    let literals = [&b"unmistakable"[..], b"mistake", b"mistakab", b"mis", b"taka", b"in"];
    let mut rules: Vec<RuleSpec> =
        literals.map(|bytes| RuleSpec::any(vec![PatternSpec::literal(bytes)])).to_vec();
    rules[5].patterns[0].flags = 0;
    rules[5].always = true;
    let mut scratch = Scratch::new();
    for len in [14, 15, 16, 17, 23, 24, 4095, 8192, 16_383, 16_384, 16_385, 16_396, 32_768, 70_000] {
        for place in (0..len - 13).filter(|p| *p < 40 || p + 40 > len - 13 || p % 997 == 0) {
            let mut data = vec![b'.'; len];
            data[place..place + 14].copy_from_slice(b"unmistakablein");
            let found = scanned(&rules, &data, &mut scratch);
            let lengths: Vec<_> =
                found.iter().map(|m| m.iter().map(|m| (m.offset, m.length)).collect::<Vec<_>>()).collect();
            let at = |offset: usize, length: u64| vec![((place + offset) as u64, length)];
            let expected = [at(0, 12), vec![], at(2, 8), at(2, 3), at(5, 4), at(12, 2)];
            assert_eq!(lengths, expected, "{place} of {len}");
        }
    }
}

#[test]
fn many_rules_with_one_atom_spill_over_pages() {
    let rules = vec![RuleSpec::any(vec![PatternSpec::literal(b"abcdef")]); 300];
    let mut scratch = Scratch::new();
    let found = scanned(&rules, b"xxabcdefxxabcde", &mut scratch);
    assert_eq!(found.len(), 300);
    assert!(found.iter().all(|m| m.len() == 1 && m[0].offset == 2));
}

#[test]
fn hostile_chains_end_with_the_budget() {
    let piece = |min, max, value: &[u8]| (min, max, value.to_vec(), vec![]);
    let mut pieces = vec![piece(0, 0, b"aaaa")];
    pieces.extend((0..100).map(|_| piece(0, 500, b"a")));
    pieces.push(piece(0, u32::MAX, b"b"));
    let variant = VariantSpec::new(Body::Chain(pieces), vec![(b"aaaa".to_vec(), 0)]);
    let bytes = image(&[RuleSpec::any(vec![PatternSpec::new(vec![variant])])], &[]);
    let image = Image::parse(&bytes).unwrap();
    let data = vec![b'a'; 100_000];
    let mut scratch = Scratch::new();
    let settings = Settings { max_steps: Some(200_000), ..Settings::default() };
    let outcome = scan(&image, &mut scratch, &data, &settings);
    assert_eq!(outcome.incomplete()[0].why, Why::Steps);
    assert_eq!(outcome.incomplete()[0].what, "patterns");
}

#[test]
fn many_heads_with_one_far_tail_are_linear() {
    let piece = |min, max, value: &[u8]| (min, max, value.to_vec(), vec![]);
    let pieces = vec![piece(0, 0, b"head"), piece(0, u32::MAX, b"tail")];
    let variant = VariantSpec::new(Body::Chain(pieces), vec![(b"head".to_vec(), 0)]);
    let rules = [RuleSpec::any(vec![PatternSpec::new(vec![variant])])];
    let mut data = b"head".repeat(50_000);
    let mut scratch = Scratch::new();
    assert_eq!(scanned(&rules, &data, &mut scratch)[0].len(), 0);
    data.extend_from_slice(b"tail");
    let found = scanned(&rules, &data, &mut scratch);
    assert_eq!(found[0].len(), 50_000);
    assert_eq!(found[0][0].length, data.len() as u64);
}
