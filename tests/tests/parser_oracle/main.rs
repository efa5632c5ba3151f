//! Compares our parser with the parser of YARA-X: both trees are written as S-expressions, rule by rule.
//!
//! Always over the samples below and the rules of this repository; over every rule file below the directory named by
//! `HALLMARK_RULESETS` too, when it is set. Where the two are meant to differ, the difference is named here.

mod ours;
mod peer;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hallmark_compiler::codes;
use hallmark_compiler::diagnostic::{Severity, SourceId};
use hallmark_tests::rule_files;

use ours::Ours;
use peer::Peer;

/// Stack of the thread that runs the peer's parser, which recurses deeply when unoptimised.
const STACK_BYTES: usize = 256 << 20;

/// Errors of our parser that the peer leaves to its compiler: repeated modifiers, keys and jumps that can't be.
const REFUSED_LATER_BY_PEER: [&str; 3] =
    [codes::DUPLICATE_MODIFIER, codes::MODIFIER_ARGUMENT, codes::INVALID_JUMP];

/// Constructs that real rule sets seldom have.
const SAMPLES: &[&str] = &[
    r#"import "pe" include "other.yar" rule a { condition: true }"#,
    r#"private global rule a : t1 t2 { meta: a = 1 b = -2 c = 0x10 d = 2KB e = 1.5 f = -1.5 g = true h = "x\x41\n" condition: false }"#,
    "global private rule a { condition: none of them }",
    r#"rule a { strings: $a = "a\"\\\t\r\n\x00" $ = "b" wide ascii nocase fullword private $c = """x
y""" condition: $a and $ }"#,
    r#"rule a { strings: $a = "a" xor $b = "b" xor(3) $c = "c" xor(0x01-0xff) condition: any of ($a, $b*, $*) }"#,
    r#"rule a { strings: $a = "abc" base64 $b = "abc" base64wide("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/") condition: all of them }"#,
    "rule a { strings: $a = { 4D5a ?? 4? ?D ~4D ~4? [4] [4-8] [4-] [-8] [-] 00 } condition: $a }",
    "rule a { strings: $a = { 01 ( 02 | 03 [1-2] ( 04 05 | ?? ) 06 | (07) ) 08 /* c */ 09 // d\n 0A } condition: $a }",
    r"rule a { strings: $a = /a\/b[^\n]*c\\/is $b = /x/i wide $c = /y/s $d = /[\/]/ condition: 1 of ($a*) }",
    "rule a { strings: $a = \"x\" condition: $a at 0 or $a in (0..filesize - 1) or #a in (1..2) > 3 or @a[1] == 4 or !a[#a] == @a + !a }",
    "rule a { strings: $a = \"x\" condition: for all of ($a*) : ( $ at 0 and # == 1 and @ == 2 and ! == 3 and @[1] > 2 and ![1] > 3 ) }",
    "rule a { strings: $a = \"x\" condition: 50% of them or (1+1) of ($a) at 4 or #a of ($a) in (0..10) or 5 % 3 == 2 or -1 of them }",
    "rule a { condition: for any i in (1..3) : ( i == 2 ) and for 2 i in (1, 2, 3) : ( i > 1 ) and for 50% k, v in x.y : ( k == v ) }",
    "rule a { condition: for all i in (1) : ( for none j in a[i].b(1) : ( j != i ) ) and for 50 % i in (1..2) : (i == 1) }",
    "rule a { condition: any of (true, 1 == 2, b and not c) or 2 of (a, b) or none of (a.b()) }",
    "rule a { condition: with a = 1 + 2, b = c.d : ( a == b ) and defined a.b[1].c(2, 3 == 4).d and not defined b }",
    "rule a { condition: 1 + 2 * 3 - 4 \\ 5 % 6 << 7 >> 8 & 9 | 10 ^ 11 == ~12 and -13 < - -14 or --15 >= -a }",
    "rule a { condition: a or b and c or not d and e == f != g < h <= i > j >= k }",
    "rule a { condition: (a or b) or c or (d or e) and (f and g) and h }",
    "rule a { condition: a + b - c - d + e + (f + g) * h * (i \\ j) \\ k \\ l % m % n }",
    r#"rule a { condition: a contains "b" and a icontains "b" and a startswith "b" and a istartswith "b" and a endswith "b" and a iendswith "b" and a iequals "b" and a matches /b/is }"#,
    "rule a { condition: 9223372036854775807 == 18446744073709551615 or 0xFFFFFFFFFFFFFFFF == -9223372036854775808 or 0o17 == 1_000KB or 1.5_0 == 2_0.5 }",
    "rule a { condition: uint16(0) == 0x5A4D and uint32(uint32(0x3C)) == 0x4550 and entrypoint > 1MB and f() and g(/x/i) }",
    "rule a { condition: 10of (true) and 1 == 1 == 1 and 1 < 2 == 2 and not not a and not 1 == 2 }",
    "rule a { strings: $a = \"x\" condition: any of ($a and true, $a at 0) and (($a)) and ((1)) == (((2))) and (a) contains (b) }",
    "rule\u{a0}a\u{3000}{\r\n\tcondition:\u{2003}true\r}",
];

#[test]
fn agrees_on_samples() {
    with_stack(|| {
        for sample in SAMPLES {
            let outcome = compare(sample.as_bytes());
            assert_eq!(outcome.peer_errors, Vec::<String>::new(), "the peer refuses {sample}");
            assert_eq!(outcome.differences, Vec::<String>::new(), "{sample}");
            assert!(outcome.equal > 0, "nothing was compared: {sample}");
        }
    });
}

#[test]
fn accepts_what_the_peer_refuses() {
    with_stack(|| {
        for sample in [
            "rule a1 { condition: true } rule b { condition: any of (a*) }",
            "rule with { condition: true } rule b { condition: with }",
            "global global rule a { condition: true }",
            "rule a { condition: 1050%100% of (true, false) }",
            "rule a { condition: true == true and (1 == 1) == (2 == 2) }",
            "rule a { strings: $a = /x/wide condition: $a }",
        ] {
            let outcome = compare(sample.as_bytes());
            assert_ne!(outcome.peer_errors, Vec::<String>::new(), "the peer accepts {sample}");
            assert_eq!(outcome.our_errors, Vec::<String>::new(), "{sample}");
        }
        let outcome = compare(b"rule a { /* \xff */ meta: a = \"\xff\" condition: true // \xfe\n}");
        assert_ne!(outcome.peer_errors, Vec::<String>::new());
        assert_eq!(outcome.our_errors, Vec::<String>::new());
    });
}

#[test]
fn agrees_on_rule_files() {
    let files = rule_files();
    with_stack(move || {
        let (mut equal, mut refused_by_peer, mut differences) = (0, Vec::new(), Vec::new());
        for file in &files {
            let bytes = std::fs::read(file).unwrap();
            let outcome = compare(&bytes);
            equal += outcome.equal;
            let named =
                |lines: Vec<String>| lines.into_iter().map(|line| format!("{}: {line}", file.display()));
            refused_by_peer.extend(named(outcome.peer_errors));
            differences.extend(named(outcome.differences));
        }
        println!("{} files, {equal} rules equal", files.len());
        for line in &refused_by_peer {
            println!("refused by the peer: {line}");
        }
        assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    });
}

fn with_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(test).unwrap();
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

/// What comparing the two parsers on one source gave.
struct Outcome {
    /// Items equal in both.
    equal: usize,
    differences: Vec<String>,
    our_errors: Vec<String>,
    peer_errors: Vec<String>,
}

/// Items are compared in order, by name for rules. A rule only one parser gives is a difference, unless the peer
/// reported an error: it refuses more than we do.
fn compare(bytes: &[u8]) -> Outcome {
    let mut diagnostics = Vec::new();
    let our_tree = hallmark_compiler::parser::parse(SourceId(0), bytes, &mut diagnostics);
    let peer_tree = yara_x_parser::ast::AST::from(bytes);
    let errors = || diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    let refused_later = errors().any(|error| REFUSED_LATER_BY_PEER.contains(&error.code));
    let our_errors: Vec<String> = errors()
        .filter(|error| !REFUSED_LATER_BY_PEER.contains(&error.code))
        .map(|diagnostic| {
            format!("{} {} at {}", diagnostic.code, diagnostic.message, diagnostic.primary.span.start)
        })
        .collect();
    let peer_errors: Vec<String> = peer_tree.errors().iter().map(|error| format!("{error:?}")).collect();

    let mut items: BTreeMap<String, (Vec<String>, Vec<String>)> = BTreeMap::new();
    for item in &our_tree.items {
        let (name, text) = Ours.item(item);
        items.entry(name).or_default().0.push(text);
    }
    for item in peer_tree.items() {
        let (name, text) = Peer.item(item);
        items.entry(name).or_default().1.push(text);
    }
    let mut outcome = Outcome { equal: 0, differences: Vec::new(), our_errors, peer_errors };
    for (name, (ours, peers)) in items {
        if ours == peers {
            outcome.equal += ours.len();
        } else if ours.is_empty() && refused_later || peers.is_empty() && !outcome.peer_errors.is_empty() {
            continue;
        } else {
            outcome.differences.push(format!("{name}\n   ours: {ours:?}\n   peer: {peers:?}"));
        }
    }
    if outcome.peer_errors.is_empty() {
        outcome.differences.extend(outcome.our_errors.iter().map(|error| format!("only we report: {error}")));
    }
    outcome
}

fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

fn join(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().fold(String::new(), |mut all, part| {
        let _ = write!(all, " {part}");
        all
    })
}

fn set_item(name: &str, wildcard: bool) -> String {
    format!("{name}{}", if wildcard { "*" } else { "" })
}

fn anchored(text: String, anchor: Option<String>) -> String {
    match anchor {
        Some(anchor) => format!("({text} {anchor})"),
        None => format!("({text})"),
    }
}

fn float(value: f64) -> String {
    format!("{:016x}", value.to_bits())
}
