//! A scan whose first pass was done in parts against one that was not divided.

mod arbitrary;
mod builder;

use std::ops::Range;
use std::sync::atomic::AtomicBool;

use arbitrary::{bytes, rules};
use builder::{Body, PatternSpec, RuleSpec, VariantSpec, image};
use hallmark_engine::{
    Match, MatchingRule, Outcome, Part, Scratch, Settings, Why, scan, scan_parts, search_part,
};
use hallmark_image::Image;
use proptest::prelude::*;
use proptest::sample::Index;

/// Everything an outcome says, but for the steps.
#[derive(Debug, PartialEq)]
struct Told {
    rules: Vec<(u32, Vec<Vec<Match>>)>,
    incomplete: Vec<(String, Why)>,
    bytes_candidates_matches_evaluated: [u64; 4],
}

fn told(outcome: &Outcome<'_>) -> Told {
    let patterns = |rule: MatchingRule<'_>| rule.patterns().map(|p| p.matches().to_vec()).collect();
    let stats = outcome.stats();
    let counts = [stats.bytes, stats.candidates, stats.matches, stats.rules_evaluated];
    Told {
        rules: outcome.matching().map(|rule| (rule.id().get(), patterns(rule))).collect(),
        incomplete: outcome.incomplete().iter().map(|i| (i.what.clone(), i.why)).collect(),
        bytes_candidates_matches_evaluated: counts,
    }
}

/// The ranges between these places.
fn ranges(len: usize, mut cuts: Vec<usize>) -> Vec<Range<usize>> {
    cuts.extend([0, len]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

fn parts(image: &Image<'_>, data: &[u8], ranges: Vec<Range<usize>>, settings: &Settings<'_>) -> Vec<Part> {
    let mut scratch = Scratch::new();
    ranges.into_iter().map(|range| search_part(image, &mut scratch, data, range, settings)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn parts_find_what_one_pass_finds(
        rules in rules(),
        data in bytes(0..600),
        cuts in prop::collection::vec(any::<Index>(), 0..6),
        strings in any::<bool>(),
        left_out in prop::option::of(any::<Index>()),
    ) {
        let bytes = image(&rules, &[]);
        let image = Image::parse(&bytes).unwrap();
        let settings = Settings { strings, ..Settings::default() };
        let cuts = cuts.iter().map(|cut| cut.index(data.len() + 1)).collect();
        let mut parts = parts(&image, &data, ranges(data.len(), cuts), &settings);
        // Neither the order of the parts nor a missing one makes a difference.
        parts.reverse();
        if let Some(left_out) = left_out {
            parts.remove(left_out.index(parts.len()));
        }
        let (mut whole, mut divided) = (Scratch::new(), Scratch::new());
        let expected = told(&scan(&image, &mut whole, &data, &settings));
        let found = told(&scan_parts(&image, &mut divided, &data, &parts, &settings));
        prop_assert_eq!(found, expected);
    }
}

/// A word, a regular expression's worth of chain, and one that only existence is asked of.
fn few_rules() -> Vec<RuleSpec> {
    let piece = |min, max, value: &[u8]| (min, max, value.to_vec(), vec![]);
    let pieces = vec![piece(0, 0, b"begin"), piece(0, 40_000, b"finish")];
    let chain = VariantSpec::new(Body::Chain(pieces), vec![(b"begin".to_vec(), 0)]);
    let words = [&b"unmistakable"[..], b"mis"].map(PatternSpec::literal);
    let mut rules = words.map(|word| RuleSpec::any(vec![word])).to_vec();
    rules.push(RuleSpec::any(vec![PatternSpec::new(vec![chain])]));
    rules
}

#[test]
fn matches_across_the_borders_are_found_once() {
    let bytes = image(&few_rules(), &[]);
    let image = Image::parse(&bytes).unwrap();
    for place in 32_760..32_772 {
        let mut data = vec![b'.'; 70_000];
        data[place..place + 12].copy_from_slice(b"unmistakable");
        data[10_000..10_005].copy_from_slice(b"begin");
        data[45_000..45_006].copy_from_slice(b"finish");
        for fast in [false, true] {
            let settings = Settings { fast, ..Settings::default() };
            let parts = parts(&image, &data, ranges(data.len(), vec![16_384, 32_768]), &settings);
            let (mut whole, mut divided) = (Scratch::new(), Scratch::new());
            let expected = told(&scan(&image, &mut whole, &data, &settings));
            assert_eq!(expected.rules.len(), 3);
            assert_eq!(
                told(&scan_parts(&image, &mut divided, &data, &parts, &settings)),
                expected,
                "{place}"
            );
        }
    }
}

#[test]
fn limits_of_steps_hold_for_the_sum_of_the_parts() {
    let bytes = image(&[RuleSpec::any(vec![PatternSpec::literal(b"abcdefgh")])], &[]);
    let image = Image::parse(&bytes).unwrap();
    let data = b"abcdefgh".repeat(1000);
    let mut scratch = Scratch::new();
    let steps = scan(&image, &mut scratch, &data, &Settings::default()).stats().steps;
    for (max_steps, expected) in [(steps, vec![]), (900, vec![("patterns".to_owned(), Why::Steps)])] {
        let settings = Settings { max_steps: Some(max_steps), ..Settings::default() };
        let parts = parts(&image, &data, ranges(data.len(), vec![4000]), &settings);
        let outcome = scan_parts(&image, &mut scratch, &data, &parts, &settings);
        assert_eq!(told(&outcome).incomplete, expected);
        assert_eq!(outcome.stats().steps, max_steps);
    }
}

#[test]
fn a_scan_stops_with_any_of_its_parts() {
    let bytes = image(&few_rules(), &[]);
    let image = Image::parse(&bytes).unwrap();
    let data = b"unmistakable".repeat(100);
    let cancel = AtomicBool::new(true);
    let cancelled = Settings { cancel: Some(&cancel), ..Settings::default() };
    let mut scratch = Scratch::new();
    let parts = [(0..600, &Settings::default()), (600..1200, &cancelled)]
        .map(|(range, settings)| search_part(&image, &mut scratch, &data, range, settings));
    let outcome = scan_parts(&image, &mut scratch, &data, &parts, &Settings::default());
    assert_eq!(told(&outcome).incomplete, [("patterns".to_owned(), Why::Cancelled)]);
    assert_eq!(outcome.matching().len(), 0);
    // Too long for a scan is too long for its parts.
    let short = Settings { max_bytes: Some(1199), ..Settings::default() };
    let part = search_part(&image, &mut scratch, &data, 0..1200, &short);
    let outcome = scan_parts(&image, &mut scratch, &data, &[part], &short);
    assert_eq!(told(&outcome).incomplete, [("data".to_owned(), Why::TooLong { len: 1200, max: 1199 })]);
}
