//! What hostile data cost: steps are counted, not time, and each adversary shows the bound it holds.

use hallmark_compiler::ast::{Item, Rule};
use hallmark_compiler::diagnostic::SourceId;
use hallmark_compiler::parser;
use hallmark_runtime::{Database, Why};
use hallmark_tests::compile_text;
use hallmark_tests::reference::{Found, find};

/// Length of the data, and of longer ones that must not cost more than in proportion.
const LEN: usize = 30_000;
/// Data over which every match is compared with the reference, which takes quadratic time.
const SMALL: usize = 240;

struct Cost {
    steps: u64,
    found: Vec<Found>,
    too_costly: Vec<String>,
}

fn rule(pattern: &str) -> String {
    format!("rule r {{ strings: $a = {pattern} condition: $a }}")
}

fn cost(pattern: &str, data: &[u8], fast: bool) -> Cost {
    let image = compile_text(&rule(pattern)).image.unwrap_or_else(|| panic!("{pattern} does not compile"));
    let database = Database::from_image_bytes(&image).unwrap();
    let mut scanner = database.scanner();
    let report = scanner.fast(fast).scan(data).unwrap();
    let incomplete = report.incomplete().iter();
    let too_costly = incomplete
        .map(|incomplete| {
            assert_eq!(incomplete.why, Why::TooCostly, "{}", incomplete.what);
            incomplete.what.clone()
        })
        .collect();
    let matches = report.matches().flat_map(|r| r.patterns()).flat_map(|p| p.matches());
    let found = matches
        .map(|m| Found { offset: m.offset as usize, length: m.length as usize, xor_key: m.xor_key })
        .collect();
    Cost { steps: report.stats().steps, found, too_costly }
}

fn expected(pattern: &str, data: &[u8]) -> Vec<Found> {
    let text = rule(pattern);
    let ast = parser::parse(SourceId(0), text.as_bytes(), &mut Vec::new());
    let rules: Vec<&Rule<'_>> = ast
        .items
        .iter()
        .filter_map(|item| if let Item::Rule(rule) = item { Some(&**rule) } else { None })
        .collect();
    find(&rules[0].patterns[0], data).expect("nothing that takes too long")
}

/// `unit` again and again, `len` bytes, then `end`.
fn repeated(unit: &[u8], len: usize, end: &[u8]) -> Vec<u8> {
    let mut data: Vec<u8> = unit.iter().copied().cycle().take(len).collect();
    data.extend(end);
    data
}

/// Patterns, what the data repeat, how they end, and the most steps a byte.
const LINEAR: &[(&str, &[u8], &[u8], u64)] = &[
    // From each atom leads a way back over all that came before.
    ("/[a-z]+zqxj/", b"zqxj", b"", 150),
    ("/[a-z]+zqxj/", b"a", b"zqxj", 40),
    ("/a+bc/", b"a", b"bc", 40),
    ("/a+bc/", b"aaabc", b"", 20),
    ("/\\w+zqxj\\w+/ wide", b"z\0q\0x\0j\0", b"", 120),
    // From each start leads a way to a far end, or to none.
    ("/ab.*c/s", b"ab", b"", 20),
    ("/ab.*c/s", b"ab", b"c", 20),
    ("/ab.*?cd/s", b"ab", b"", 5),
    ("/ab[^x]*c/", b"abc", b"x", 50),
    ("/[a-z]+zqxj[a-z]+/", b"azqxj", b"", 240),
    // The same without an atom, from every position.
    ("/(a|b)*c/", b"ab", b"", 40),
    ("/(a|b)*c/", b"ab", b"c", 40),
    ("/[a-z]+[0-9]/", b"a", b"", 40),
    ("/(x+x+)+y/", b"x", b"", 90),
    ("/(x*)*y/", b"x", b"y", 60),
    ("/(a|ab|b)+c/", b"ab", b"", 90),
    // Pieces that stand everywhere.
    ("{ 41 42 [0-60000] 42 41 [0-60000] 43 44 }", b"AB", b"", 6),
    ("{ 41 42 [0-60000] 42 41 [0-60000] 43 44 }", b"AB", b"CD", 6),
    ("{ 41 42 [-] 42 41 [-] 41 42 [-] 43 44 }", b"AB", b"", 6),
    ("{ 41 42 [0-500] 41 42 [0-500] 41 42 [0-500] 43 44 }", b"AB", b"CD", 6),
    // Each atom has up to as many starts as the gap before it is long.
    ("{ 41 [0-200] 42 43 44 45 [0-60000] 46 47 }", b"ABCDE", b"FG", 250),
    ("{ 41 42 [0-40] 41 42 [0-40] 41 42 [0-40] 43 44 }", b"AB", b"", 6),
];

#[test]
fn verification_is_linear_in_the_data() {
    let mut bad = Vec::new();
    for (pattern, unit, end, most) in LINEAR {
        for len in [LEN, 4 * LEN] {
            let data = repeated(unit, len, end);
            for fast in [false, true] {
                let Cost { steps, too_costly, .. } = cost(pattern, &data, fast);
                let each = steps / data.len() as u64;
                if each > *most || !too_costly.is_empty() {
                    bad.push(format!("{pattern} over {unit:?} {end:?}: {each} steps a byte, {too_costly:?}"));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn what_is_remembered_changes_no_answer() {
    for (pattern, unit, end, _) in LINEAR {
        for noise in [0, 7, 101] {
            let mut data = repeated(unit, SMALL, end);
            // Some other byte now and then, so that ways part and meet again.
            data.iter_mut()
                .skip(noise)
                .step_by(noise.max(1))
                .filter(|_| noise > 0)
                .for_each(|byte| *byte = b'-');
            let Cost { found, too_costly, .. } = cost(pattern, &data, false);
            assert!(too_costly.is_empty(), "{pattern}");
            assert_eq!(found, expected(pattern, &data), "{pattern} over {unit:?} {end:?}, noise {noise}");
        }
    }
}

/// Ways that differ in how much of a long counted gap they have taken are all different.
#[test]
fn what_costs_too_much_is_told_and_left_alone() {
    let cases: &[(&str, &[u8])] = &[
        ("/ab[^\\n]{0,60000}c/", b"ab"),
        ("{ 41 42 [0-30000] ~41 43 }", b"AB"),
        ("/ab(.{1,3000}x){1,9}c/s", b"abx"),
    ];
    for (pattern, unit) in cases {
        let data = repeated(unit, 4 * LEN, b"");
        let Cost { steps, too_costly, .. } = cost(pattern, &data, false);
        assert!(steps <= 257 * data.len() as u64 + (1 << 20) + (1 << 17), "{pattern}: {steps} steps");
        assert_eq!(too_costly, ["default:r:$a"], "{pattern}");
    }
}

#[test]
fn one_costly_pattern_leaves_the_others_as_they_are() {
    let text =
        r#"rule r { strings: $a = /ab[^\n]{0,60000}c/ $b = "needle" $c = /ne+dle/ condition: any of them }"#;
    let image = compile_text(text).image.unwrap();
    let database = Database::from_image_bytes(&image).unwrap();
    let data = repeated(b"ab", 4 * LEN, b"needle");
    let mut scanner = database.scanner();
    scanner.strings(true);
    let report = scanner.scan(&data).unwrap();
    let rule = report.matches().next().expect("the rule matches");
    let counts: Vec<usize> = rule.patterns().map(|p| p.matches().len()).collect();
    assert_eq!(counts[1..], [1, 1]);
    assert_eq!(report.incomplete().len(), 1);
}

/// However many variants are at their limit, all verifications together have one.
#[test]
fn many_costly_patterns_share_a_limit() {
    let patterns: String = (0..60).map(|i| format!("$a{i} = /ab[^\\n]{{0,6{i:03}}}c/ ")).collect();
    let image =
        compile_text(&format!("rule r {{ strings: {patterns} condition: any of them }}")).image.unwrap();
    let database = Database::from_image_bytes(&image).unwrap();
    let data = repeated(b"ab", LEN, b"");
    let mut scanner = database.scanner();
    let report = scanner.scan(&data).unwrap();
    let (steps, len) = (report.stats().steps, data.len() as u64);
    // The limit, what passes it between two looks, and a step for each candidate.
    assert!(steps <= 512 * len + (1 << 24) + 60 * (8192 + len), "{steps} steps");
    assert_eq!(report.incomplete().len(), 60);
}
