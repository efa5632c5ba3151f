//! The rule pack compiles without a word, and answers its cases as they say.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_image::record::rule_flags;
use hallmark_runtime::Database;
use hallmark_tests::{RulePack, compile_text};

fn database(pack: &RulePack) -> Database {
    let compilation = pack.compile();
    let said: Vec<_> = compilation.diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
    Database::from_image_bytes(&compilation.image.unwrap()).unwrap()
}

/// Names of the rules, and whether each is private.
fn rules(database: &Database) -> BTreeMap<String, bool> {
    let private = |flags: u16| flags & rule_flags::PRIVATE != 0;
    let rules = database.image().rules().map(|(_, unit)| {
        (String::from_utf8(unit.name().to_vec()).unwrap(), private(unit.header.flags.get()))
    });
    rules.collect()
}

#[test]
fn cases_are_answered_as_they_say() {
    let pack = RulePack::load().unwrap();
    let database = database(&pack);
    let known = rules(&database);
    let mut wrong = Vec::new();
    let mut scanner = database.scanner();
    for case in &pack.cases {
        for rule in &case.rules {
            assert_eq!(known.get(rule), Some(&false), "{}: no public rule is called {rule}", case.name);
        }
        let report = scanner.scan(&case.input).unwrap();
        assert!(report.incomplete().is_empty(), "{}: {:?}", case.name, report.incomplete());
        let found: BTreeSet<_> = report.matches().map(|m| m.rule()).collect();
        if case.rules.is_empty() && !found.is_empty() {
            wrong.push(format!("{}: {found:?} match, nothing should", case.name));
        }
        for rule in case.rules.iter().filter(|rule| found.contains(rule.as_str()) != case.hit) {
            let should = if case.hit { "should match" } else { "should not match" };
            wrong.push(format!("{}: {rule} {should}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_rule_has_a_hit_and_a_miss() {
    let pack = RulePack::load().unwrap();
    let mut without = Vec::new();
    for (rule, private) in rules(&database(&pack)) {
        let has = |hit: bool| pack.cases.iter().any(|c| c.hit == hit && c.rules.contains(&rule));
        let tested = has(true) && has(false);
        if !private && !tested {
            without.push(rule);
        }
    }
    assert!(without.is_empty(), "{without:?}");
}

#[test]
fn every_file_compiles_alone() {
    for source in RulePack::load().unwrap().sources {
        let compilation = compile_text(std::str::from_utf8(&source.text).unwrap());
        let said: Vec<_> =
            compilation.diagnostics.iter().map(|d| format!("{} {}", d.code, d.message)).collect();
        assert!(compilation.image.is_some() && said.is_empty(), "{}: {}", source.name, said.join("\n"));
    }
}

#[test]
fn no_rule_matches_a_file_of_the_pack() {
    let pack = RulePack::load().unwrap();
    let database = database(&pack);
    let mut scanner = database.scanner();
    for source in &pack.sources {
        let report = scanner.scan(&source.text).unwrap();
        let found: Vec<_> = report.matches().map(|m| m.rule()).collect();
        assert!(found.is_empty(), "{}: {found:?}", source.name);
    }
}
