//! The machine that runs programs against another engine, over random expressions.

mod builder;

use builder::{Body, PatternSpec, RuleSpec, VariantSpec, image, insn};
use hallmark_engine::{Scratch, Settings, scan};
use hallmark_image::Image;
use hallmark_image::insn::Op;
use hallmark_image::program::{Look, Repeat, Set, Writer};
use proptest::prelude::*;
use regex_automata::nfa::thompson::pikevm::PikeVM;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

/// An expression, to be written down in two ways.
#[derive(Debug, Clone)]
enum Re {
    Range(u8, u8),
    Class(Vec<u8>),
    Look(Look),
    Cat(Vec<Re>),
    Alt(Vec<Re>),
    Repeat(Box<Re>, u32, Option<u32>, bool),
}

impl Re {
    fn text(&self) -> String {
        let join = |parts: &[Re], by: &str| parts.iter().map(Re::text).collect::<Vec<_>>().join(by);
        match self {
            Re::Range(a, b) => format!("[\\x{a:02x}-\\x{b:02x}]"),
            Re::Class(bytes) => {
                format!("[{}]", bytes.iter().map(|b| format!("\\x{b:02x}")).collect::<String>())
            }
            Re::Look(Look::Start) => "\\A".to_owned(),
            Re::Look(Look::End) => "\\z".to_owned(),
            Re::Look(Look::WordBoundary) => "\\b".to_owned(),
            Re::Look(_) => "\\B".to_owned(),
            Re::Cat(parts) => format!("(?:{})", join(parts, "")),
            Re::Alt(parts) => format!("(?:{})", join(parts, "|")),
            Re::Repeat(re, min, max, greedy) => {
                let max = max.map_or(String::new(), |m| m.to_string());
                format!("(?:{}){{{min},{max}}}{}", re.text(), if *greedy { "" } else { "?" })
            }
        }
    }

    fn reversed(&self) -> Re {
        match self {
            Re::Cat(parts) => Re::Cat(parts.iter().rev().map(Re::reversed).collect()),
            Re::Alt(parts) => Re::Alt(parts.iter().map(Re::reversed).collect()),
            Re::Repeat(re, min, max, greedy) => Re::Repeat(Box::new(re.reversed()), *min, *max, *greedy),
            other => other.clone(),
        }
    }
}

fn write(writer: &mut Writer, re: &Re) {
    match re {
        Re::Range(byte, high) if byte == high => writer.masked(*byte, 0xFF),
        Re::Range(low, high) => writer.set(Set::Range(*low, *high)),
        Re::Class(bytes) => writer.set(Set::Class(&class(bytes))),
        Re::Look(look) => writer.look(*look, 0, &[0; 32]),
        Re::Cat(parts) => parts.iter().for_each(|part| write(writer, part)),
        Re::Alt(parts) => {
            let (last, others) = parts.split_last().unwrap();
            let mut ends = Vec::new();
            for part in others {
                let next = writer.split(true);
                write(writer, part);
                ends.push(writer.jump());
                writer.fill(next);
            }
            write(writer, last);
            ends.into_iter().for_each(|end| writer.fill(end));
        }
        Re::Repeat(re, min, max, greedy) => repeat(writer, re, *min, *max, *greedy),
    }
}

fn repeat(writer: &mut Writer, re: &Re, min: u32, max: Option<u32>, greedy: bool) {
    let bits;
    let set = match re {
        Re::Range(0, 255) => Some(Set::Any),
        Re::Range(low, high) => Some(Set::Range(*low, *high)),
        Re::Class(bytes) => {
            bits = class(bytes);
            Some(Set::Class(&bits))
        }
        _ => None,
    };
    if let Some(set) = set {
        let (min, max) = (min as u16, max.map(|max| max as u16));
        return writer.repeat(Repeat { set, min, max, greedy, wide: false });
    }
    let mut outs = Vec::new();
    match max {
        Some(max) => {
            (0..min).for_each(|_| write(writer, re));
            for _ in min..max {
                outs.push(writer.split(greedy));
                write(writer, re);
            }
        }
        None => {
            // One or more, then perhaps: what repeats nothing keeps its preference.
            outs.extend((min == 0).then(|| writer.split(greedy)));
            (1..min).for_each(|_| write(writer, re));
            let start = writer.here();
            write(writer, re);
            writer.split_back(start, greedy);
        }
    }
    outs.into_iter().for_each(|out| writer.fill(out));
}

fn class(bytes: &[u8]) -> [u8; 32] {
    let mut class = [0; 32];
    bytes.iter().for_each(|b| class[usize::from(b / 8)] |= 1 << (b % 8));
    class
}

fn compiled(re: &Re) -> Vec<u8> {
    let mut writer = Writer::default();
    write(&mut writer, re);
    writer.matched();
    writer.finish()
}

fn byte() -> impl Strategy<Value = Re> {
    let class = prop::sample::subsequence(b"abc_ \n\0".to_vec(), 1..4);
    prop_oneof![
        3 => prop::sample::select(b"abc".to_vec()).prop_map(|b| Re::Range(b, b)),
        1 => Just(Re::Range(b'a', b'c')),
        1 => Just(Re::Range(0, 255)),
        2 => class.prop_map(Re::Class),
    ]
}

fn re() -> impl Strategy<Value = Re> {
    use Look::*;
    let look = prop::sample::select(vec![Start, End, WordBoundary, NotWordBoundary]).prop_map(Re::Look);
    prop_oneof![8 => byte(), 1 => look].prop_recursive(4, 24, 4, |inner| {
        let repeat = (inner.clone(), 0u32..3, prop::option::of(0u32..3), any::<bool>());
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 1..4).prop_map(Re::Cat),
            2 => prop::collection::vec(inner, 1..4).prop_map(Re::Alt),
            2 => repeat.prop_map(|(re, min, more, greedy)| {
                Re::Repeat(Box::new(re), min, more.map(|m| min + m), greedy)
            }),
        ]
    })
}

fn data() -> impl Strategy<Value = Vec<u8>> {
    // Short ones with everything, and long ones over which runs meet again.
    let short = prop::collection::vec(prop::sample::select(b"aaabbcc_ \n\0".to_vec()), 0..60);
    let long = prop::collection::vec(prop::sample::select(b"aaaaaaaabc".to_vec()), 100..300);
    prop_oneof![3 => short, 1 => long]
}

fn other_engine(re: &Re) -> PikeVM {
    let config = syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true);
    let nfa = regex_automata::nfa::thompson::Config::new().utf8(false);
    PikeVM::builder().syntax(config).thompson(nfa).build(&re.text()).unwrap()
}

/// The end of the match at every start that has one.
fn expected(re: &Re, data: &[u8]) -> Vec<(u64, u64)> {
    let engine = other_engine(re);
    let mut cache = engine.create_cache();
    let mut at = |start| {
        let input = Input::new(data).range(start..).anchored(Anchored::Yes);
        let found = engine.find(&mut cache, input)?;
        (!found.is_empty()).then(|| (start as u64, found.len() as u64))
    };
    (0..data.len()).filter_map(&mut at).collect()
}

fn found(pattern: PatternSpec, data: &[u8]) -> Vec<(u64, u64)> {
    // Two bytes are searched for on demand, and where there are none every position is tried.
    let always = pattern.variants.iter().any(|v| v.runs.iter().all(|(bytes, _)| bytes.len() < 3));
    let mut rule = RuleSpec::any(vec![if always { pattern.on_demand() } else { pattern }]);
    rule.always = always;
    let bytes = image(&[rule], &[]);
    let image = Image::parse(&bytes).unwrap();
    let mut scratch = Scratch::new();
    let outcome = scan(&image, &mut scratch, data, &Settings::default());
    let matches =
        outcome.matching().flat_map(|r| r.patterns().flat_map(|p| p.matches().to_vec()).collect::<Vec<_>>());
    matches.map(|m| (m.offset, m.length)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Without an atom, from every start.
    #[test]
    fn programs_end_where_another_engine_says(first in byte(), rest in re(), data in data()) {
        // A first byte, because there the meaning of an empty match differs.
        let re = Re::Cat(vec![first, rest]);
        let pattern = PatternSpec::new(vec![VariantSpec::new(Body::Program(compiled(&re)), vec![])]);
        prop_assert_eq!(found(pattern, &data), expected(&re, &data), "{}", re.text());
    }

    /// With an atom in the middle, found backwards from there.
    #[test]
    fn backward_programs_find_every_start(before in re(), after in re(), data in data()) {
        let literal = Re::Cat(b"ab".iter().map(|&b| Re::Range(b, b)).collect());
        let re = Re::Cat(vec![before.clone(), literal, after]);
        let mut variant = VariantSpec::new(Body::Program(compiled(&re)), vec![(b"ab".to_vec(), 0)]);
        variant.backward = compiled(&before.reversed());
        prop_assert_eq!(found(PatternSpec::new(vec![variant]), &data), expected(&re, &data), "{}", re.text());
    }

    /// In conditions, anywhere in a string.
    #[test]
    fn strings_match_where_another_engine_says(re in re(), text in data()) {
        let mut rule = RuleSpec::new("r", vec![insn(Op::Str, 0, 0, 0), insn(Op::Matches, 0, 0, 1)]);
        rule.strings = vec![text.clone(), compiled(&re)];
        let bytes = image(&[rule], &[]);
        let image = Image::parse(&bytes).unwrap();
        let mut scratch = Scratch::new();
        let matching = scan(&image, &mut scratch, b"", &Settings::default()).matching().len() == 1;
        let engine = other_engine(&re);
        prop_assert_eq!(matching, engine.is_match(&mut engine.create_cache(), &text[..]), "{}", re.text());
    }
}

#[test]
fn wide_word_boundaries_look_at_two_byte_characters() {
    let wide = |look| {
        let parts = [b'a', 0].map(|b| Re::Range(b, b));
        Re::Cat(vec![Re::Look(look), parts[0].clone(), parts[1].clone(), Re::Look(look)])
    };
    let starts = |look, data: &[u8]| {
        let variant = VariantSpec::new(Body::Program(compiled(&wide(look))), vec![(b"a\0".to_vec(), 0)]);
        found(PatternSpec::new(vec![variant]), data).into_iter().map(|(o, _)| o).collect::<Vec<_>>()
    };
    assert_eq!(starts(Look::WideWordBoundary, b"a\0"), [0]);
    assert_eq!(starts(Look::WideWordBoundary, b"a\0 \0a\0b"), [0, 4]);
    assert!(starts(Look::WideWordBoundary, b"b\0a\0b\0").is_empty());
    assert_eq!(starts(Look::WideNotWordBoundary, b"b\0a\0b\0"), [2]);
}
