//! Real rules one by one: the text of each, and where its name and the bytes of its patterns stand in it.
//!
//! Only rules that stand alone are taken: rules that are global or private, that other rules are named in, or that come
//! from a file with includes are left out, since what they mean depends on others. Doubtful ones are left out too.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use hallmark_compiler::ast::{Ast, HexToken, Item, PatternBody, Rule};
use hallmark_compiler::diagnostic::{SourceId, Span};
use hallmark_compiler::parser;

use super::rules::RuleFile;

/// A rule that can be written anywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Its name.
    pub name: String,
    /// From its first word to its closing brace.
    pub text: Vec<u8>,
    /// Where its name stands in the text.
    pub name_at: Range<usize>,
    /// Modules that it uses.
    pub imports: BTreeSet<String>,
    /// The bytes of its patterns, in the order of the text.
    pub literals: Vec<Literal>,
}

/// Bytes of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Where they stand in the text of the rule.
    pub place: Place,
}

/// How bytes are written, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A text in quotes, these included.
    Text(Range<usize>),
    /// Two hexadecimal digits for each byte; wildcards and jumps may stand between.
    Hex(Vec<Range<usize>>),
}

/// The rules of `files` that stand alone, in the order of the files; of several with one name the first.
pub fn split(files: &[&RuleFile]) -> Vec<Whole> {
    let names: BTreeSet<&str> = files.iter().flat_map(|file| file.rules.iter().map(String::as_str)).collect();
    let mut taken = BTreeMap::new();
    let mut order = Vec::new();
    for file in files {
        let ast = parser::parse(SourceId(0), &file.text, &mut Vec::new());
        if ast.items.iter().any(|item| matches!(item, Item::Include(_))) {
            continue;
        }
        let modules = modules_of(&ast);
        for item in &ast.items {
            let Item::Rule(rule) = item else { continue };
            if rule.global.is_some() || rule.private.is_some() || taken.contains_key(rule.name.name) {
                continue;
            }
            let condition = &file.text[range(rule.condition.span).start..range(rule.span).end];
            if !names_rules(condition, &names) {
                taken.insert(rule.name.name.to_owned(), order.len());
                order.push(whole(rule, &file.text, condition, &modules));
            }
        }
    }
    order
}

fn whole(rule: &Rule<'_>, source: &[u8], condition: &[u8], modules: &[String]) -> Whole {
    let all = range(rule.span);
    let here = |span: Span| {
        let range = range(span);
        range.start - all.start..range.end - all.start
    };
    let used: BTreeSet<&[u8]> = words(condition).map(|(word, _)| word).collect();
    let imports = modules.iter().filter(|module| used.contains(module.as_bytes())).cloned().collect();
    let mut literals = Vec::new();
    for pattern in &rule.patterns {
        match &pattern.body {
            PatternBody::Text(literal) => {
                let place = Place::Text(here(literal.span));
                literals.push(Literal { bytes: literal.value.to_vec(), place });
            }
            PatternBody::Hex(tokens) => {
                let mut fixed = Vec::new();
                fixed_bytes(tokens, &mut fixed);
                let (bytes, places) = fixed.into_iter().map(|(byte, span)| (byte, here(span))).unzip();
                literals.push(Literal { bytes, place: Place::Hex(places) });
            }
            PatternBody::Regex(_) => {}
        }
    }
    let text = source[all.clone()].to_vec();
    Whole { name: rule.name.name.to_owned(), text, name_at: here(rule.name.span), imports, literals }
}

/// Bytes without wildcards, those in alternatives too.
fn fixed_bytes(tokens: &[HexToken], fixed: &mut Vec<(u8, Span)>) {
    for token in tokens {
        match token {
            // Two digits side by side; other spellings are left as they are.
            HexToken::Byte { value, mask: 0xFF, negated: false, span } if span.end - span.start == 2 => {
                fixed.push((*value, *span));
            }
            HexToken::Alternatives { options, .. } => {
                options.iter().for_each(|option| fixed_bytes(option, fixed));
            }
            HexToken::Byte { .. } | HexToken::Jump { .. } => {}
        }
    }
}

fn modules_of(ast: &Ast<'_>) -> Vec<String> {
    let modules = ast.items.iter().filter_map(|item| match item {
        Item::Import(module) => Some(String::from_utf8_lossy(&module.value).into_owned()),
        _ => None,
    });
    modules.collect()
}

/// Whether a word of the condition is the name of a rule, or, with a `*`, the beginning of one.
fn names_rules(condition: &[u8], names: &BTreeSet<&str>) -> bool {
    words(condition).any(|(word, wildcard)| {
        let Ok(word) = std::str::from_utf8(word) else { return false };
        let first = names.range(word..).next();
        names.contains(word) || wildcard && first.is_some_and(|name| name.starts_with(word))
    })
}

/// The words of a condition that are no names of patterns, each with whether a `*` follows.
fn words(text: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let is_word = |byte: &u8| *byte == b'_' || byte.is_ascii_alphanumeric();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += text.get(at..)?.iter().position(is_word)?;
            let start = at;
            at += text[at..].iter().position(|byte| !is_word(byte)).unwrap_or(text.len() - at);
            let pattern = start > 0 && b"$#@!".contains(&text[start - 1]);
            if !pattern {
                return Some((&text[start..at], text.get(at) == Some(&b'*')));
            }
        }
    })
}

fn range(span: Span) -> Range<usize> {
    span.start as usize..span.end as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, rules: &[&str]) -> RuleFile {
        RuleFile {
            path: "a.yar".into(),
            text: text.as_bytes().to_vec(),
            rules: rules.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    #[test]
    fn a_rule_keeps_its_text_and_the_places_of_its_bytes() {
        let source = r#"import "pe" import "math"
/* before */ rule one : tag { strings: $a = "x\"y" wide $b = { 4D ?? (5A | 6?) [2] 00 } $c = /re/ condition:
  pe.is_dll() and any of ($a*) and 1 of them } rule two { condition: true }"#;
        let rules = split(&[&file(source, &["one", "two"])]);
        let names: Vec<_> = rules.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(names, ["one", "two"]);
        let rule = &rules[0];
        let shown = |range: &Range<usize>| std::str::from_utf8(&rule.text[range.clone()]).unwrap();
        assert!(rule.text.starts_with(b"rule one : tag {") && rule.text.ends_with(b"}"));
        assert_eq!(shown(&rule.name_at), "one");
        assert_eq!(rule.imports, BTreeSet::from(["pe".to_owned()]));
        assert_eq!(rule.literals[0].bytes, b"x\"y");
        assert!(matches!(&rule.literals[0].place, Place::Text(at) if shown(at) == r#""x\"y""#));
        assert_eq!(rule.literals[1].bytes, [0x4D, 0x5A, 0x00]);
        let Place::Hex(places) = &rule.literals[1].place else { panic!("no hex pattern") };
        assert_eq!(places.iter().map(shown).collect::<Vec<_>>(), ["4D", "5A", "00"]);
        assert_eq!(rule.literals.len(), 2);
    }

    #[test]
    fn rules_that_depend_on_others_are_left_out() {
        let source = "rule base { condition: true } private rule hidden { condition: true } \
                      global rule all { condition: true } rule uses { condition: base } \
                      rule family { condition: any of (bas*) } rule own { strings: $base = \"abcd\" condition: $base }";
        let names = ["base", "hidden", "all", "uses", "family", "own"];
        let found: Vec<_> = split(&[&file(source, &names)]).into_iter().map(|rule| rule.name).collect();
        assert_eq!(found, ["base", "own"]);
        let includes = file("include \"x.yar\" rule alone { condition: true }", &["alone"]);
        assert!(split(&[&includes]).is_empty());
    }
}
