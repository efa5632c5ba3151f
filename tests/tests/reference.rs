//! The engine against the slow and obvious: random patterns and conditions over random data with planted fragments.
//! Seeds are fixed, so that every run tries the same; what fails is shrunk.

use std::cell::Cell;

use hallmark_compiler::Compilation;
use hallmark_compiler::ast::{Item, Rule};
use hallmark_compiler::diagnostic::{Severity, SourceId};
use hallmark_compiler::parser;
use hallmark_runtime::Database;
use hallmark_tests::compile_text;
use hallmark_tests::reference::{Evaluation, Found, find};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Runs `test` on `cases` values; it answers whether anything matched, and in a fair share of the cases it must have.
/// For longer runs, `HALLMARK_TEST_FACTOR` multiplies the cases, and `HALLMARK_TEST_SEED` chooses others.
fn check<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<bool, TestCaseError>) {
    let setting = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u8>().ok());
    let cases = cases * u32::from(setting("HALLMARK_TEST_FACTOR").unwrap_or(1));
    let config = Config { cases, max_shrink_iters: 5000, failure_persistence: None, ..Config::default() };
    let seed = [setting("HALLMARK_TEST_SEED").unwrap_or(1); 32];
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let matched = Cell::new(0);
    let outcome = runner.run(&strategy, |value| {
        matched.set(matched.get() + u32::from(test(value)?));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert!(matched.get() >= cases / 8, "something matched in {} of {cases} cases only", matched.get());
}

fn opened(compilation: Compilation) -> Result<Database, TestCaseError> {
    let Compilation { image, diagnostics, .. } = compilation;
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let errors: Vec<_> = errors.map(|d| format!("{} {}", d.code, d.message)).collect();
    let image = image.ok_or_else(|| TestCaseError::fail(format!("does not compile: {errors:?}")))?;
    Database::from_image_bytes(&image).map_err(|e| TestCaseError::fail(e.to_string()))
}

/// The rules of `text`, handed to `with`.
fn with_rules<T>(text: &str, with: impl FnOnce(Vec<&Rule<'_>>) -> T) -> T {
    let ast = parser::parse(SourceId(0), text.as_bytes(), &mut Vec::new());
    let rules =
        ast.items.iter().filter_map(|item| if let Item::Rule(rule) = item { Some(&**rule) } else { None });
    with(rules.collect())
}

/// Compiles a rule with the pattern `written`, scans `data`, and compares every match with what the reference finds.
fn same_matches(written: &str, data: &[u8]) -> Result<bool, TestCaseError> {
    let text = format!("rule r {{ strings: $a = {written} condition: $a }}");
    let expected = with_rules(&text, |rules| find(&rules[0].patterns[0], data));
    let database = opened(compile_text(&text))?;
    for strings in [false, true] {
        let mut scanner = database.scanner();
        let report = scanner.strings(strings).scan(data).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert!(report.incomplete().is_empty());
        let found: Vec<Found> = report
            .matches()
            .flat_map(|rule| rule.patterns())
            .flat_map(|pattern| pattern.matches())
            .map(|m| Found { offset: m.offset as usize, length: m.length as usize, xor_key: m.xor_key })
            .collect();
        prop_assert_eq!(&found, &expected, "{} over {:?}", written, data);
        prop_assert_eq!(report.matches().len(), usize::from(!expected.is_empty()));
    }
    Ok(!expected.is_empty())
}

/// Bytes of which patterns are made, so that they meet often: letters of both cases, a digit, marks, zero, a high byte.
const BYTES: &[u8] = b"abAB1 _.\x00\xC3";

fn noise() -> impl Strategy<Value = Vec<u8>> {
    vec(select(BYTES), 0..12)
}

/// Pieces between noise.
fn planted(pieces: Vec<Vec<u8>>, noise: Vec<Vec<u8>>) -> Vec<u8> {
    let mut data = Vec::new();
    let mut pieces = pieces.into_iter();
    for between in noise {
        data.extend(between);
        data.extend(pieces.next().unwrap_or_default());
    }
    data.extend(pieces.flatten());
    data
}

fn quoted(text: &[u8]) -> String {
    let byte = |b: &u8| match b {
        b'"' | b'\\' => format!("\\{}", *b as char),
        0x20..=0x7E => (*b as char).to_string(),
        _ => format!("\\x{b:02x}"),
    };
    format!("\"{}\"", text.iter().map(byte).collect::<String>())
}

fn widened(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|&b| [b, 0]).collect()
}

#[test]
fn texts() {
    let modifiers = select(vec!["", "ascii", "wide", "wide ascii"]);
    let more = select(vec![
        "",
        "",
        "nocase",
        "fullword",
        "nocase fullword",
        "xor",
        "xor(1-255)",
        "xor(32)",
        "xor(0-3)",
        "xor fullword",
        "xor(1-32) fullword",
    ]);
    let change = (any::<bool>(), select(vec![0u8, 0, 1, 2, 32, 255]), any::<u16>());
    let strategy = (vec(select(BYTES), 1..9), modifiers, more, vec(change, 0..5), vec(noise(), 1..5));
    check(1500, strategy, |(text, modifiers, more, changes, noise)| {
        let pieces = changes.into_iter().map(|(wide, key, cases)| {
            let flip = |(i, b): (usize, &u8)| match b.is_ascii_alphabetic() && cases >> (i % 16) & 1 == 1 {
                true => b ^ 0x20,
                false => *b,
            };
            let piece: Vec<u8> = text.iter().enumerate().map(flip).collect();
            let piece = if wide { widened(&piece) } else { piece };
            piece.iter().map(|b| b ^ key).collect()
        });
        let data = planted(pieces.collect(), noise);
        same_matches(&format!("{} {modifiers} {more}", quoted(&text)), &data)
    });
}

#[test]
fn base64() {
    use ::base64::Engine as _;
    let modifiers =
        select(vec!["base64", "base64wide", "base64 base64wide", "base64 wide", "base64 wide ascii"]);
    let flaw = proptest::option::of((0usize..6, any::<bool>(), select(&b"AQgw/ =."[..])));
    let change = (any::<bool>(), any::<bool>(), vec(any::<u8>(), 0..5), vec(any::<u8>(), 0..5), flaw);
    let noise = vec(select(&b" .A=\0"[..]), 0..4);
    let strategy = (vec(any::<u8>(), 3..12), modifiers, vec(change, 0..4), vec(noise, 1..4));
    check(1500, strategy, |(text, modifiers, changes, noise)| {
        let pieces = changes.into_iter().map(|(wide_text, wide, before, after, flaw)| {
            let text = if wide_text { widened(&text) } else { text.clone() };
            let mut encoded = ::base64::engine::general_purpose::STANDARD
                .encode([before, text, after].concat())
                .into_bytes();
            if let Some((near, at_end, byte)) = flaw {
                let len = encoded.len();
                let at = if at_end { len.saturating_sub(1 + near) } else { near };
                encoded[at.min(len - 1)] = byte;
            }
            if wide { widened(&encoded) } else { encoded }
        });
        let data = planted(pieces.collect(), noise);
        same_matches(&format!("{} {modifiers}", quoted(&text)), &data)
    });
}

/// A hex pattern's inside as text, with bytes that it matches.
fn hex_byte() -> impl Strategy<Value = (String, Vec<u8>)> {
    let kind = select(vec![0, 0, 0, 0, 0, 1, 2, 3, 4, 5]);
    (select(BYTES), kind, select(BYTES)).prop_map(|(byte, kind, other)| match kind {
        0 => (format!("{byte:02X}"), vec![byte]),
        1 => ("??".to_owned(), vec![other]),
        2 => (format!("?{:X}", byte & 15), vec![byte & 15 | other & 0xF0]),
        3 => (format!("{:X}?", byte >> 4), vec![byte & 0xF0 | other & 15]),
        4 => (format!("~{byte:02X}"), vec![byte ^ (other | 1)]),
        _ => (format!("~?{:X}", byte & 15), vec![byte ^ 1]),
    })
}

fn joined(parts: Vec<(String, Vec<u8>)>) -> (String, Vec<u8>) {
    let (texts, bytes): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    (texts.join(" "), bytes.concat())
}

fn hex_tokens(depth: u32) -> BoxedStrategy<(String, Vec<u8>)> {
    let bytes = vec(hex_byte(), 1..4).prop_map(joined).boxed();
    if depth == 0 {
        return bytes;
    }
    let inner = hex_tokens(depth - 1);
    let alternatives =
        (vec(inner.clone(), 2..4), any::<prop::sample::Index>()).prop_map(|(options, chosen)| {
            let texts: Vec<&str> = options.iter().map(|(text, _)| text.as_str()).collect();
            (format!("( {} )", texts.join(" | ")), chosen.get(&options).1.clone())
        });
    let jump = (0u32..6, 0u32..6, 0usize..5, vec(select(BYTES), 6)).prop_map(|(min, more, form, skipped)| {
        let (low, high) = (min as usize, min + more);
        let (text, taken) = match form {
            0 => (format!("[{}]", min.max(1)), low.max(1)),
            1 => (format!("[{min}-]"), low),
            2 => ("[-]".to_owned(), 2),
            _ => (format!("[{min}-{}]", high.max(1)), low),
        };
        (text, skipped.into_iter().cycle().take(taken).collect())
    });
    let link = prop_oneof![3 => jump.boxed(), 2 => alternatives.boxed(), 1 => bytes.clone()];
    let chain = (bytes.clone(), vec((link, inner), 0..3)).prop_map(|(first, rest)| {
        let rest = rest.into_iter().flat_map(|(link, bytes)| [link, bytes]);
        joined(std::iter::once(first).chain(rest).collect())
    });
    chain.boxed()
}

#[test]
fn hex_patterns() {
    let strategy = (hex_tokens(2), 0usize..4, vec(noise(), 1..5));
    check(2000, strategy, |((inside, sample), times, noise)| {
        let data = planted(vec![sample; times], noise);
        same_matches(&format!("{{ {inside} }}"), &data)
    });
}

/// Classes, each with bytes in them.
const CLASSES: &[(&str, &[u8])] = &[
    (".", b"a1 \xC3"),
    ("\\d", b"1"),
    ("\\w", b"aB_1"),
    ("\\s", b" \n"),
    ("\\W", b" .\x00"),
    ("\\D", b"a. "),
    ("[ab]", b"ab"),
    ("[^a]", b"b1\n"),
    ("[a-cA]", b"abA"),
    ("[^\\x00-\\x1f]", b"a \xC3"),
    ("\\x00", b"\x00"),
    ("\\.", b"."),
    ("[_.]", b"_."),
    ("\\xC3", b"\xC3"),
];

fn class() -> impl Strategy<Value = (String, Vec<u8>)> {
    (select(CLASSES), any::<prop::sample::Index>())
        .prop_map(|((class, bytes), chosen)| ((*class).to_owned(), vec![*chosen.get(bytes)]))
}

fn regex_literal() -> impl Strategy<Value = (String, Vec<u8>)> {
    vec(select(&b"abAB1 _"[..]), 1..4).prop_map(|b| (String::from_utf8(b.clone()).expect("ASCII"), b))
}

fn repeated(
    inner: impl Strategy<Value = (String, Vec<u8>)> + 'static,
    lazy: &'static str,
) -> BoxedStrategy<(String, Vec<u8>)> {
    let counts = vec![
        ("*", 0),
        ("*", 2),
        ("+", 1),
        ("+", 3),
        ("?", 0),
        ("?", 1),
        ("{2}", 2),
        ("{1,3}", 2),
        ("{0,2}", 1),
        ("{2,}", 3),
        ("{3,5}", 4),
        ("{2,40}", 2),
    ];
    let repeated = (inner, select(counts)).prop_map(move |((text, sample), (count, times))| {
        (format!("{text}{count}{lazy}"), sample.repeat(times))
    });
    repeated.boxed()
}

/// A regular expression's inside as text, with bytes that it matches unless assertions forbid; `lazy` is the mark of its
/// repetitions.
fn regex_node(lazy: &'static str, depth: u32) -> BoxedStrategy<(String, Vec<u8>)> {
    let leaf = prop_oneof![3 => regex_literal(), 2 => class()].boxed();
    if depth == 0 {
        return leaf;
    }
    let options = (vec(regex_node(lazy, depth - 1), 1..4), any::<prop::sample::Index>());
    let group = options.prop_map(|(options, chosen)| {
        let texts: Vec<&str> = options.iter().map(|(text, _)| text.as_str()).collect();
        (format!("({})", texts.join("|")), chosen.get(&options).1.clone())
    });
    let group = group.boxed();
    let single = regex_literal().prop_map(|(text, sample)| (text[..1].to_owned(), sample[..1].to_vec()));
    let single = prop_oneof![single, class()];
    let look = select(vec!["\\b", "\\B"]).prop_map(|look| (look.to_owned(), Vec::new()));
    let part = prop_oneof![
        7 => leaf,
        4 => repeated(single, lazy),
        3 => group.clone(),
        2 => repeated(group, lazy),
        1 => look,
    ];
    let parts = vec(part, 1..4).prop_map(|parts| {
        let (texts, samples): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        (texts.concat(), samples.concat())
    });
    parts.boxed()
}

/// A whole expression, with bytes that it matches: one character at least, greedy or lazy throughout.
fn regex() -> impl Strategy<Value = (String, Vec<u8>)> {
    let sure = prop_oneof![regex_literal(), class()];
    let body = prop_oneof![regex_node("", 2), regex_node("?", 2)];
    (body, sure, any::<bool>(), 0u32..12, select(vec!["", "", "i", "s", "is"])).prop_map(
        |((body, inside), (sure, byte), first, anchors, flags)| {
            let (body, sample) = if first {
                (format!("{sure}{body}"), [byte, inside].concat())
            } else {
                (format!("{body}{sure}"), [inside, byte].concat())
            };
            let start = if anchors == 1 { "^" } else { "" };
            let end = if anchors == 2 { "$" } else { "" };
            (format!("/{start}{body}{end}/{flags}"), sample)
        },
    )
}

/// A byte to change, and into what.
type Change = Option<(prop::sample::Index, u8)>;

/// Samples and noise in turn; some samples have changed a byte.
fn with_samples(sample: &[u8], pieces: Vec<(Vec<u8>, bool, Change)>) -> Vec<u8> {
    let pieces = pieces.into_iter().map(|(noise, wide, change)| {
        let mut piece = sample.to_vec();
        if let Some((at, byte)) = change
            && !piece.is_empty()
        {
            let at = at.index(piece.len());
            piece[at] = byte;
        }
        [if wide { widened(&piece) } else { piece }, noise].concat()
    });
    pieces.collect::<Vec<_>>().concat()
}

fn changes() -> impl Strategy<Value = Change> {
    proptest::option::of((any::<prop::sample::Index>(), select(BYTES)))
}

#[test]
fn regexes() {
    let data = vec((vec(select(&b"aabbAB1 _.\n\x00\xC3"[..]), 0..12), Just(false), changes()), 0..4);
    let strategy = (regex(), select(vec!["", "", "ascii", "nocase"]), noise(), data);
    check(3000, strategy, |((regex, sample), modifiers, noise, pieces)| {
        let data = [noise, with_samples(&sample, pieces)].concat();
        same_matches(&format!("{regex} {modifiers}"), &data)
    });
}

#[test]
fn wide_regexes() {
    let pieces = vec((noise(), any::<bool>(), changes()), 0..5);
    let expression =
        regex().prop_filter("assertions at the ends", |(r, _)| !r.starts_with("/^") && !r.contains("$/"));
    let strategy = (expression, select(vec!["wide", "wide ascii", "wide nocase"]), noise(), pieces);
    check(1500, strategy, |((regex, sample), modifiers, noise, pieces)| {
        let data = [noise, with_samples(&sample, pieces)].concat();
        same_matches(&format!("{regex} {modifiers}"), &data)
    });
}

#[test]
fn regexes_as_words() {
    let part = select(vec!["a", "b", "1", "[ab]", "\\d", ".", "(a|b)", "\\w", "_"]);
    let strategy = (
        vec(part, 1..5),
        select(vec!["fullword", "fullword wide", "fullword wide ascii"]),
        vec(noise(), 0..5),
    );
    check(800, strategy, |(parts, modifiers, noise)| {
        let data = [noise.concat(), noise.iter().flat_map(|n| widened(n)).collect()].concat();
        same_matches(&format!("/{}/ {modifiers}", parts.concat()), &data)
    });
}

/// What can stand in a condition.
#[derive(Clone)]
struct Level {
    int: BoxedStrategy<String>,
    bool: BoxedStrategy<String>,
}

fn form<const N: usize>(template: &'static str, parts: [BoxedStrategy<String>; N]) -> BoxedStrategy<String> {
    let filled = |template: &str, values: Vec<String>| {
        let mut pieces = template.split('#');
        let mut text = pieces.next().unwrap_or_default().to_owned();
        for (value, piece) in values.into_iter().zip(pieces) {
            text.push_str(&value);
            text.push_str(piece);
        }
        text
    };
    parts.to_vec().prop_map(move |values| filled(template, values)).boxed()
}

fn words(words: &[&'static str]) -> BoxedStrategy<String> {
    select(words.to_vec()).prop_map(str::to_owned).boxed()
}

/// Expressions of a height, with these loop variables, inside of a loop over patterns or not.
fn level(height: u32, vars: &'static [&'static str], current: bool) -> Level {
    let ids: &[&str] = if current { &["_a", "_b", "_c", ""] } else { &["_a", "_b", "_c"] };
    let ids = words(&ids.iter().map(|s| &**s).collect::<Vec<_>>());
    let number = words(&["0", "1", "2", "3", "5", "7", "filesize", "-1", "0x100", "filesize"]);
    let mut ints =
        vec![number.clone(), form("¤#", [ids.clone()]), form("@#", [ids.clone()]), form("!#", [ids.clone()])];
    if !vars.is_empty() {
        ints.push(words(vars));
        ints.push(words(vars));
    }
    let bools = vec![
        words(&["true", "false"]),
        form("$#", [ids.clone()]),
        form("$#", [ids.clone()]),
        words(&[
            "any of them",
            "all of them",
            "none of them",
            "2 of them",
            "1 of ($_a, $_b)",
            "any of ($_a, $_c*)",
        ]),
    ];
    let flat = Level { int: union(ints.clone()), bool: union(bools.clone()) };
    if height == 0 {
        return flat;
    }
    let below = level(height - 1, vars, current);
    let (i, b) = (below.int.clone(), below.bool.clone());
    let arithmetic = words(&["+", "-", "*", "\\", "%", "&", "|", "^", "<<", ">>"]);
    let compare = words(&["==", "!=", "<", "<=", ">", ">="]);
    let quantifier = union(vec![
        words(&["any", "all", "none", "1", "2", "3", "0", "50%", "34%"]),
        form("(# & 3)", [i.clone()]),
    ]);
    let set = words(&["them", "($_a, $_b)", "($_*)", "($_b, $_c)"]);
    ints.extend([
        form("(# # #)", [i.clone(), arithmetic, i.clone()]),
        form("-(#)", [i.clone()]),
        form("~(#)", [i.clone()]),
        form("uint8(#)", [i.clone()]),
        form("int16be(#)", [i.clone()]),
        form("uint32(#)", [i.clone()]),
        form("@#[#]", [ids.clone(), i.clone()]),
        form("!#[#]", [ids.clone(), i.clone()]),
        form("¤# in (#..#)", [ids.clone(), number.clone(), i.clone()]),
    ]);
    let mut more = bools;
    more.extend([
        form("(# # #)", [i.clone(), compare.clone(), i.clone()]),
        form("(# # #)", [i.clone(), compare, i.clone()]),
        form("(# and #)", [b.clone(), b.clone()]),
        form("(# or #)", [b.clone(), b.clone()]),
        form("(# and # and #)", [b.clone(), b.clone(), b.clone()]),
        form("not #", [b.clone()]),
        form("defined (#)", [i.clone()]),
        form("defined (#)", [b.clone()]),
        form("$# at (#)", [ids.clone(), i.clone()]),
        form("$# in (#..#)", [ids, number.clone(), i.clone()]),
        form("# of #", [quantifier.clone(), set.clone()]),
        form("# of # in (#..#)", [words(&["any", "all", "none", "2"]), set.clone(), number, i.clone()]),
        form("# of # at (#)", [words(&["any", "all", "none", "2"]), set.clone(), i.clone()]),
        form("with w = # : (w > 1 or #)", [i.clone(), b.clone()]),
        form("(# * 0.5 # #)", [i.clone(), words(&["<", ">=", "=="]), i.clone()]),
        form("(# \\ 2.0 > 1.5)", [i.clone()]),
        form("any of (# and true, # or false)", [b.clone(), b.clone()]),
        form("2 of (# or false, # and true, true)", [b.clone(), b.clone()]),
        words(&["\"abc\" contains \"bc\"", "\"abc\" iendswith \"BD\"", "\"a1b\" matches /a\\db/"]),
    ]);
    let inner_of = level(height - 1, vars, true);
    more.push(form("for # of # : (#)", [quantifier.clone(), set, inner_of.bool]));
    let deeper: Option<(&'static str, &'static str, &'static [&'static str])> = match vars {
        [] => Some(("for # i in (0..# % 8) : (#)", "for # i in (#, 1, #) : (#)", &["i"])),
        ["i"] => Some(("for # j in (0..# % 8) : (#)", "for # j in (#, 1, #) : (#)", &["i", "j"])),
        _ => None,
    };
    if let Some((range, list, vars)) = deeper {
        let body = level(height - 1, vars, current).bool;
        more.push(form(range, [quantifier.clone(), i.clone(), body.clone()]));
        more.push(form(list, [quantifier, i.clone(), i, body]));
    }
    Level { int: union(ints), bool: union(more) }
}

fn union(options: Vec<BoxedStrategy<String>>) -> BoxedStrategy<String> {
    proptest::strategy::Union::new(options).boxed()
}

/// In templates `#` is a hole, so counts are written with another sign until here.
fn counts(text: &str) -> String {
    text.replace('¤', "#")
}

#[test]
fn conditions() {
    let condition = level(3, &[], false).bool;
    let data = vec(select(&b"aabbc\x00\x01"[..]), 0..14);
    let strategy = (condition.clone(), condition, select(vec!["", "global ", "private "]), data);
    check(2500, strategy, |(first, second, modifier, data)| {
        let strings = "strings: $_a = \"aa\" $_b = \"b\" $_c = { 62 [0-2] 63 }";
        let (first, second) = (counts(&first), counts(&second));
        let text = format!(
            "{modifier}rule one {{ {strings} condition: {first} }}\n\
             rule two {{ {strings} condition: {second} }}\n\
             rule three {{ {strings} condition: one and ($_a or not two) }}\n\
             rule four {{ condition: 1 of (one, two) }}"
        );
        let expected: Vec<String> = with_rules(&text, |rules| {
            let mut evaluation = Evaluation::new(&data);
            let holds: Vec<_> = rules.iter().map(|rule| (evaluation.rule(rule), rule)).collect();
            if holds.iter().any(|(holds, rule)| rule.global.is_some() && !holds) {
                return Vec::new();
            }
            let shown = holds.iter().filter(|(holds, rule)| *holds && rule.private.is_none());
            shown.map(|(_, rule)| rule.name.name.to_owned()).collect()
        });
        let compilation = compile_text(&text);
        // Constants that cannot be are refused, rightly.
        if compilation.diagnostics.iter().any(|d| matches!(d.code, "E0107" | "E0108" | "E0109")) {
            return Ok(false);
        }
        let database = opened(compilation)?;
        for (strings, fast) in [(false, false), (true, false), (false, true)] {
            let mut scanner = database.scanner();
            let report = scanner.strings(strings).fast(fast).scan(&data).expect("a report");
            prop_assert!(report.incomplete().is_empty());
            let mut found: Vec<_> = report.matches().map(|rule| rule.rule().to_owned()).collect();
            found.sort();
            let mut expected = expected.clone();
            expected.sort();
            prop_assert_eq!(found, expected, "{}", text);
        }
        Ok(!expected.is_empty())
    });
}
