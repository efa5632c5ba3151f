//! Random patterns on random data with planted matches.

use std::collections::BTreeMap;

use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::reference::{forward, matches};
use super::*;
use crate::lower::lower_regex;

/// A part of a regular expression, and bytes it matches.
type Sample = (String, Vec<u8>);

fn sample(greedy: bool) -> impl Strategy<Value = Sample> {
    let leaf = prop_oneof![
        8 => "[abcA_ ]{1,3}".prop_map(|text| (text.clone(), text.into_bytes())),
        1 => Just((".".to_owned(), b"b".to_vec())),
        1 => Just(("[ab]".to_owned(), b"a".to_vec())),
        1 => Just(("[^ab]".to_owned(), b"c".to_vec())),
        1 => Just(("\\w".to_owned(), b"_".to_vec())),
        1 => Just(("\\x00".to_owned(), b"\0".to_vec())),
        1 => Just(("\\b".to_owned(), Vec::new())),
        1 => Just(("\\B".to_owned(), Vec::new())),
        1 => Just(("^".to_owned(), Vec::new())),
        1 => Just(("$".to_owned(), Vec::new())),
        1 => prop::sample::select(vec!["(?m:^)", "(?m:$)", "\\b{start}", "\\b{end}"])
            .prop_map(|look| (look.to_owned(), Vec::new())),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let lazy = if greedy { "" } else { "?" };
        prop_oneof![
            4 => prop::collection::vec(inner.clone(), 2..5).prop_map(|parts| {
                (parts.iter().map(|part| part.0.as_str()).collect(), parts.into_iter().flat_map(|part| part.1).collect())
            }),
            2 => (prop::collection::vec(inner.clone(), 2..4), any::<prop::sample::Index>()).prop_map(|(options, which)| {
                let joined = options.iter().map(|option| option.0.as_str()).collect::<Vec<_>>().join("|");
                (format!("({joined})"), options[which.index(options.len())].1.clone())
            }),
            3 => (inner, 0usize..6, 0usize..3).prop_map(move |((text, bytes), kind, more)| {
                let (operator, least) = match kind {
                    0 => ("*".to_owned(), 0),
                    1 => ("+".to_owned(), 1),
                    2 => ("?".to_owned(), 0),
                    3 => ("{2}".to_owned(), 2),
                    4 => ("{1,3}".to_owned(), 1),
                    _ => ("{2,}".to_owned(), 2),
                };
                let count = if kind == 2 || kind == 3 { least } else { least + more.min(2 - least.min(2)) };
                (format!("(?:{text}){operator}{lazy}"), bytes.repeat(count))
            }),
        ]
    })
}

fn filler() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(b"abcAB_ \0\n".to_vec()), 0..12)
}

/// An expression, bytes to plant, and what stands around them.
fn case() -> impl Strategy<Value = (Sample, Vec<u8>, Vec<u8>)> {
    let sample = any::<bool>().prop_flat_map(sample);
    (sample, filler(), filler())
}

fn oracle(source: &str, nocase: bool, all: bool, data: &[u8]) -> BTreeMap<usize, usize> {
    let vm = PikeVM::builder()
        .syntax(
            syntax::Config::new()
                .unicode(false)
                .utf8(false)
                .case_insensitive(nocase)
                .dot_matches_new_line(all),
        )
        .thompson(thompson::Config::new().utf8(false))
        .build(source)
        .expect("an expression");
    let mut cache = vm.create_cache();
    let starts = (0..=data.len()).filter_map(|at| {
        let found = vm.find(&mut cache, Input::new(data).range(at..).anchored(Anchored::Yes))?;
        Some((at, found.len()))
    });
    starts.collect()
}

fn planted(around: (&[u8], &[u8]), bytes: &[u8]) -> Vec<u8> {
    [around.0, bytes, around.1, bytes].concat()
}

fn wide(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|&byte| [byte, 0]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn regexes(((source, bytes), before, after) in case(), nocase: bool, all: bool) {
        let data = planted((&before, &after), &bytes);
        let expected = oracle(&source, nocase, all, &data);
        let written = format!("/{source}/{}{}", if nocase { "i" } else { "" }, if all { "s" } else { "" });
        let body = regex(&written);
        match lower(&plain(&body)) {
            Ok(lowered) => prop_assert_eq!(matches(&lowered.variants, &data), expected.clone(), "{}", written),
            Err(error) => prop_assert!(matches!(error, LowerError::MatchesEmpty { .. }), "{written}: {error}"),
        }
        let PatternBody::Regex(regex) = &body else { unreachable!() };
        let program = lower_regex(regex, false).expect("a program");
        for at in 0..=data.len() {
            let len = forward(&program, &data, at).map(|end| end - at);
            prop_assert_eq!(len, expected.get(&at).copied());
        }
    }

    #[test]
    fn wide_regexes(((source, bytes), before, after) in case(), nocase: bool) {
        let narrow = planted((&before, &after), &bytes);
        let written = format!("/{source}/");
        let body = regex(&written);
        if let Ok(lowered) = lower(&PatternSpec { ascii: false, wide: true, nocase, ..plain(&body) }) {
            let found = matches(&lowered.variants, &wide(&narrow));
            for (at, len) in oracle(&source, nocase, false, &narrow) {
                prop_assert_eq!(found.get(&(2 * at)), Some(&(2 * len)), "{} {:?}", written, narrow);
            }
        }
    }

    #[test]
    fn texts(
        value in prop::collection::vec(prop::sample::select(b"abAB1 \0".to_vec()), 1..9),
        before in filler(), after in filler(),
        ascii: bool, is_wide: bool, nocase: bool, xor in prop::option::of((0u8..=255, 0u8..=255)), key: u8,
    ) {
        let nocase = nocase && xor.is_none();
        let xor = xor.map(|(a, b)| (a.min(b), a.max(b)));
        let body = text(&value);
        let lowered = lower(&PatternSpec { ascii, wide: is_wide, nocase, xor, ..plain(&body) }).expect("a text");
        let hidden: Vec<u8> = value.iter().map(|byte| byte ^ key).collect();
        let data = [before, value.clone(), after, wide(&value.to_ascii_uppercase()), wide(&hidden), hidden].concat();
        let mut expected = BTreeMap::new();
        for (used, form) in [(ascii || !is_wide, value.clone()), (is_wide, wide(&value))] {
            for at in (0..data.len()).filter(|_| used) {
                let Some(here) = data.get(at..at + form.len()) else { continue };
                let same = match xor {
                    Some((min, max)) => (min..=max).any(|key| here.iter().zip(&form).all(|(a, b)| a ^ key == *b)),
                    None if nocase => here.eq_ignore_ascii_case(&form),
                    None => here == form,
                };
                if same {
                    let longest = expected.entry(at).or_insert(0);
                    *longest = form.len().max(*longest);
                }
            }
        }
        prop_assert_eq!(matches(&lowered.variants, &data), expected);
        // Short texts may be too frequent to be searched for.
        prop_assert!(!lowered.slow || (value.len() < 3 && (ascii || !is_wide)) || value.len() < 2);
    }

    #[test]
    fn base64_texts(
        value in prop::collection::vec(any::<u8>(), 3..12),
        before in prop::collection::vec(any::<u8>(), 0..7),
        after in prop::collection::vec(any::<u8>(), 0..7),
        is_wide: bool,
    ) {
        let alphabet = *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let body = text(&value);
        let (plain_alphabet, wide_alphabet) = if is_wide { (None, Some(alphabet)) } else { (Some(alphabet), None) };
        let spec = PatternSpec { base64: plain_alphabet, base64wide: wide_alphabet, ..plain(&body) };
        let lowered = lower(&spec).expect("a text");
        let encoded = STANDARD.encode([before.as_slice(), &value, &after].concat());
        let data = if is_wide { wide(encoded.as_bytes()) } else { encoded.into_bytes() };
        // The first character all of whose bits are the text's.
        let (at, bits) = ((before.len() * 8).div_ceil(6), (before.len() + value.len()) * 8);
        let len = bits / 6 - at;
        let width = if is_wide { 2 } else { 1 };
        let found = matches(&lowered.variants, &data);
        prop_assert_eq!(found.get(&(at * width)), Some(&(len * width)));
    }

    #[test]
    fn hex_patterns((tokens, bytes) in hex_sample(), before in hex_filler(), after in hex_filler()) {
        let data = planted((&before, &after), &bytes);
        let expected: BTreeMap<_, _> = (0..=data.len())
            .filter_map(|at| Some((at, hex_match(&[&tokens], &data, at)? - at)))
            .collect();
        let body = PatternBody::Hex(tokens);
        let lowered = lower(&plain(&body)).expect("a pattern");
        prop_assert_eq!(matches(&lowered.variants, &data), expected);
    }
}

fn hex_filler() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0, 1, 2, 0x11, 0x12, 0xFF]), 0..12)
}

fn hex_sample() -> impl Strategy<Value = (Vec<HexToken>, Vec<u8>)> {
    let one = prop::sample::select(vec![0u8, 1, 2, 0x11, 0x12, 0xFF]);
    let leaf = prop_oneof![
        6 => (one.clone(), prop::sample::select(vec![0xFFu8, 0xFF, 0xFF, 0xF0, 0x0F, 0]))
            .prop_map(|(value, mask)| (vec![byte(value, mask)], vec![value])),
        1 => one.prop_map(|value| (vec![not_byte(value, 0xFF)], vec![value ^ 1])),
    ];
    let run = prop::collection::vec(leaf, 1..5).prop_map(concat);
    run.prop_recursive(3, 12, 3, |inner| {
        let gap = prop_oneof![
            Just((1, Some(1))),
            Just((0, Some(2))),
            Just((2, Some(40))),
            Just((1, None)),
            Just((40, Some(40)))
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(concat),
            (inner.clone(), gap, inner.clone(), 0usize..2).prop_map(|(left, (min, max), right, more)| {
                let middle = if max == Some(min) { min as usize } else { min as usize + more };
                concat(vec![left, (vec![jump(min, max)], vec![1; middle]), right])
            }),
            (prop::collection::vec(inner, 2..4), any::<prop::sample::Index>()).prop_map(
                |(options, which)| {
                    let bytes = options[which.index(options.len())].1.clone();
                    (vec![either(options.into_iter().map(|option| option.0).collect())], bytes)
                }
            ),
        ]
    })
}

fn concat(parts: Vec<(Vec<HexToken>, Vec<u8>)>) -> (Vec<HexToken>, Vec<u8>) {
    let (tokens, bytes): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    (tokens.concat(), bytes.concat())
}

/// The end of the preferred match of token lists that follow each other.
fn hex_match(lists: &[&[HexToken]], data: &[u8], at: usize) -> Option<usize> {
    let Some((list, others)) = lists.split_first() else { return Some(at) };
    let Some((token, rest)) = list.split_first() else { return hex_match(others, data, at) };
    let and_then = |first: &[HexToken], at: usize| {
        let lists: Vec<&[HexToken]> = [first, rest].into_iter().chain(others.iter().copied()).collect();
        hex_match(&lists, data, at)
    };
    match token {
        HexToken::Byte { value, mask, negated, .. } => {
            let byte = *data.get(at)?;
            ((byte & mask == *value) != *negated).then(|| and_then(&[], at + 1)).flatten()
        }
        HexToken::Jump { min, max, .. } => {
            let last = (data.len() - at).min(max.map_or(usize::MAX, |max| max as usize));
            (*min as usize..=last).find_map(|gap| and_then(&[], at + gap))
        }
        HexToken::Alternatives { options, .. } => options.iter().find_map(|option| and_then(option, at)),
    }
}
