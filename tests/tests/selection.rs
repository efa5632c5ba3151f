//! Scanning with some of the rules: the same answers about them as scanning with all.

use std::collections::BTreeSet;

use hallmark_compiler::{Options, Source, compile};
use hallmark_runtime::{Database, Report, Rule, Scanner};
use hallmark_tests::NoIncludes;

const RULES: [(&str, &str); 2] = [
    (
        "a",
        r#"
        private rule base { strings: $a = "needle" condition: $a }
        rule refers : tag { condition: base }
        rule other : tag spare { strings: $a = "hay" condition: #a > 1 }
        rule silent : spare { strings: $a = "nothing" condition: $a }
        "#,
    ),
    (
        "b",
        r#"
        global rule small { condition: filesize < 1000 }
        rule others { strings: $a = "hay" condition: #a > 5 }
        rule refers { strings: $a = /ne{2}dle/ condition: $a and not others }
        "#,
    ),
];

fn database() -> Database {
    let sources = RULES.map(|(namespace, text)| Source {
        name: format!("{namespace}.yar"),
        namespace: namespace.into(),
        text: text.as_bytes().to_vec(),
    });
    let compilation = compile(sources.to_vec(), &Options::default(), &NoIncludes, &mut |_| {});
    Database::from_image_bytes(&compilation.image.unwrap_or_else(|| panic!("{:?}", compilation.diagnostics)))
        .unwrap()
}

fn names(report: &Report<'_>) -> BTreeSet<String> {
    report.matches().map(|rule| format!("{}:{}", rule.namespace(), rule.rule())).collect()
}

fn full(rule: &Rule<'_>) -> String {
    format!("{}:{}", rule.namespace(), rule.name())
}

#[test]
fn every_selection_is_a_part_of_the_whole() {
    let database = database();
    let rules: Vec<String> = database.rules().map(|rule| full(&rule)).collect();
    assert_eq!(rules.len(), 7);
    let long = [b"hay hay hay hay hay hay needle ".repeat(2), vec![b' '; 2000]].concat();
    for data in [&b"a needle in hay, hay"[..], b"hay", b"needle", &long] {
        let whole = names(&database.scanner().scan(data).unwrap());
        for chosen in 0..1u32 << rules.len() {
            let is_chosen = |name: &str| {
                rules.iter().position(|known| known == name).is_some_and(|i| chosen >> i & 1 == 1)
            };
            let mut scanner = database.scanner();
            scanner.select(|rule| is_chosen(&full(rule)));
            let wanted = || whole.iter().filter(|name| is_chosen(name)).cloned().collect::<BTreeSet<_>>();
            assert_eq!(names(&scanner.scan(data).unwrap()), wanted());
            assert_eq!(names(&scanner.scan_stream(data).unwrap()), wanted());
            assert_eq!(names(&scanner.select_all().scan(data).unwrap()), whole);
        }
    }
}

#[test]
fn rules_are_chosen_by_tag_namespace_or_name() {
    let database = database();
    let data = b"a needle in hay, hay";
    type Wants = fn(&Rule<'_>) -> bool;
    let choices: [(Wants, &[&str]); 5] = [
        (|rule| rule.tags().any(|tag| tag == "tag"), &["a:other", "a:refers"]),
        (|rule| rule.namespace() == "b", &["b:refers", "b:small"]),
        (|rule| rule.name() == "refers", &["a:refers", "b:refers"]),
        (|rule| rule.is_private() || rule.is_global(), &["b:small"]),
        (|_| false, &[]),
    ];
    for (wants, expected) in choices {
        let mut scanner: Scanner<'_> = database.scanner();
        let report = scanner.select(wants).scan(data).unwrap();
        assert_eq!(names(&report).into_iter().collect::<Vec<_>>(), expected);
    }
    let evaluated = |wants: Wants| {
        let mut scanner = database.scanner();
        scanner.select(wants).scan(data).unwrap().stats().rules_evaluated
    };
    assert_eq!(evaluated(|_| false), 0);
    assert_eq!(evaluated(|rule| rule.name() == "other"), 1);
}
