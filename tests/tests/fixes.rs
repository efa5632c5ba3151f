//! Fixes that are applied unseen: what they make of each case, that their diagnostics are gone, and that rules which
//! compiled before mean the same.

use hallmark_compiler::diagnostic::{Diagnostic, Severity};
use hallmark_compiler::fix::apply;
use hallmark_compiler::{Compilation, Options, Source, compile};
use hallmark_runtime::Database;
use hallmark_tests::NoIncludes;
use proptest::prelude::*;

/// The code that is fixed, and the text before and after.
const CASES: &[(&str, &str, &str)] = &[
    ("E0001", "rule a : x,y , z { condition: filesize > 1 }", "rule a : x y z { condition: filesize > 1 }"),
    (
        "E0001",
        "rule a { condition: filesize > 1 AND filesize < 9 }",
        "rule a { condition: filesize > 1 and filesize < 9 }",
    ),
    ("E0001", "Rule a { condition: filesize > 1 }", "rule a { condition: filesize > 1 }"),
    ("E0005", "rule a { condition: filesize > 1; }", "rule a { condition: filesize > 1 }"),
    (
        "E0005",
        "rule a { strings: $a = \"x\"; $b = \"y\" ;\n condition: $a or $b }",
        "rule a { strings: $a = \"x\" $b = \"y\"\n condition: $a or $b }",
    ),
    ("E0012", "rule a {\n  meta:\n  condition: filesize > 1 }", "rule a {\n  condition: filesize > 1 }"),
    ("E0012", "rule a { strings : condition: filesize > 1 }", "rule a { condition: filesize > 1 }"),
    (
        "E0014",
        "rule a { strings: $a = \"x\" Wide condition: $a }",
        "rule a { strings: $a = \"x\" wide condition: $a }",
    ),
    (
        "E0015",
        "rule a { strings: $a = \"x\" wide ascii wide condition: $a }",
        "rule a { strings: $a = \"x\" wide ascii condition: $a }",
    ),
    (
        "E0020",
        "rule a { strings: $a = { 01 [0] 02 } condition: $a }",
        "rule a { strings: $a = { 01 02 } condition: $a }",
    ),
    (
        "E0022",
        "rule a { condition: filesize > 1&&filesize < 9 }",
        "rule a { condition: filesize > 1 and filesize < 9 }",
    ),
    (
        "E0022",
        "rule a { condition: filesize > 1 || !(filesize == 0) }",
        "rule a { condition: filesize > 1 or not (filesize == 0) }",
    ),
    ("E0022", "rule a { condition: filesize = 1 }", "rule a { condition: filesize == 1 }"),
    (
        "E0100",
        "rule a { condition: pe.is_pe and math.abs(filesize) > 1 }",
        "import \"math\"\nimport \"pe\"\nrule a { condition: pe.is_pe and math.abs(filesize) > 1 }",
    ),
    (
        "E0100",
        "import \"math\" // for later\nrule a { condition: pe.is_pe or math.abs(1) == filesize }",
        "import \"math\"\nimport \"pe\" // for later\nrule a { condition: pe.is_pe or math.abs(1) == filesize }",
    ),
    ("E0112", "rule a : t u t { condition: filesize > 1 }", "rule a : t u { condition: filesize > 1 }"),
    (
        "E0115",
        "rule a { strings: $a = { 01 02 } ascii condition: $a }",
        "rule a { strings: $a = { 01 02 } condition: $a }",
    ),
    (
        "W0002",
        "private global private rule a { condition: filesize > 1 }",
        "private global rule a { condition: filesize > 1 }",
    ),
];

/// What a text becomes, with the diagnostics that are left.
fn fixed(text: &str) -> (String, Vec<Diagnostic>) {
    let mut text = text.as_bytes().to_vec();
    for _ in 0..100 {
        let diagnostics = check(&text).diagnostics;
        let fixes: Vec<_> = diagnostics.iter().filter_map(Diagnostic::certain_fix).collect();
        if fixes.is_empty() {
            return (String::from_utf8(text).unwrap(), diagnostics);
        }
        let (next, applied) = apply(&text, &fixes);
        assert!(applied > 0, "no fix applies: {fixes:?}");
        text = next;
    }
    panic!("fixing does not end: {}", String::from_utf8_lossy(&text));
}

fn check(text: &[u8]) -> Compilation {
    let source = Source { name: "a.yar".into(), namespace: "default".into(), text: text.to_vec() };
    compile(vec![source], &Options::default(), &NoIncludes, &mut |_| {})
}

#[test]
fn each_case_becomes_what_it_says() {
    for (code, before, after) in CASES {
        let found = check(before.as_bytes()).diagnostics;
        let fixes = found.iter().any(|d| d.code == *code && d.certain_fix().is_some());
        assert!(fixes, "{code} is not reported with a fix: {before}\n{found:?}");
        let (text, left) = fixed(before);
        assert_eq!(text, *after, "{code}");
        assert!(left.iter().all(|d| d.severity == Severity::Warning && d.code != *code), "{after}: {left:?}");
    }
}

#[test]
fn rules_that_compiled_before_mean_the_same() {
    let inputs: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![1],
        b"abcd".to_vec(),
        b"x ABCD abcd y".to_vec(),
        (0..=255).collect(),
        b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x10".to_vec(),
    ];
    let verdicts = |image: &[u8]| -> Vec<bool> {
        let database = Database::from_image_bytes(image).unwrap();
        let mut scanner = database.scanner();
        inputs.iter().map(|input| scanner.scan(input).unwrap().matches().count() > 0).collect()
    };
    let mut compared = 0;
    for (code, before, after) in CASES {
        let (Some(before), Some(after)) = (check(before.as_bytes()).image, check(after.as_bytes()).image)
        else {
            assert!(code.starts_with('E'), "{code}: {before}");
            continue;
        };
        compared += 1;
        assert_eq!(verdicts(&before), verdicts(&after), "{code}");
    }
    assert_eq!(compared, CASES.iter().filter(|case| case.0.starts_with('W')).count());
}

#[test]
fn what_is_refused_for_another_reason_is_not_made_to_mean_something() {
    let (text, left) = fixed("rule a { strings: $a = { 41 42 43 44 } wide wide condition: $a }");
    assert_eq!(text, "rule a { strings: $a = { 41 42 43 44 } wide condition: $a }");
    assert!(left.iter().any(|d| d.code == "E0115"), "{left:?}");
    let (text, left) = fixed("rule a { condition: $a = \"x\" }");
    assert_eq!(text, "rule a { condition: $a = \"x\" }");
    assert!(left.iter().any(|d| d.code == "E0022"), "{left:?}");
    let (text, _) = fixed("rule a { strings: $a = { 41 42 /* name */ 43 44 } condition: $a }");
    assert!(text.contains("/* name */"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Many cases in one file are all fixed, whatever stands beside them.
    #[test]
    fn all_are_fixed_together(chosen in prop::collection::vec(0..CASES.len(), 1..8), between in prop::collection::vec("[ \n]|// c\n|/\\* c \\*/", 8)) {
        let mut text = String::new();
        for (i, &case) in chosen.iter().enumerate() {
            text += &CASES[case].1.replace("ule a ", &format!("ule a{i} "));
            text += "\n";
            text += &between[i % between.len()];
        }
        let (after, left) = fixed(&text);
        prop_assert!(left.iter().all(|d| d.severity == Severity::Warning), "{}\n{}\n{:?}", text, after, left);
        let codes: Vec<_> = chosen.iter().map(|&case| CASES[case].0).collect();
        prop_assert!(!left.iter().any(|d| codes.contains(&d.code)), "{}\n{:?}", after, left);
    }
}
