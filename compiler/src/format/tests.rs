//! The layout by examples, and what must hold for any source: tokens, comments and trees stay, and once is enough.

use proptest::prelude::*;

use super::pieces::{Kind, scan};
use super::{Indent, format, texts};
use crate::diagnostic::SourceId;
use crate::lexer::TokenKind;

fn formatted(source: &[u8]) -> Vec<u8> {
    format(source, Indent::default()).unwrap_or_else(|errors| panic!("{errors:?}\n{}", source.escape_ascii()))
}

#[track_caller]
fn gives(source: &str, wanted: &str) {
    let once = String::from_utf8(formatted(source.as_bytes())).unwrap();
    assert_eq!(once, wanted, "{source}");
    assert_eq!(String::from_utf8(formatted(wanted.as_bytes())).unwrap(), wanted, "a second time");
}

#[test]
fn a_rule_has_one_layout() {
    let wanted = r#"import "pe"
include "other.yar"

private global rule a : t1 t2 {
    meta:
        author = "me"
        score = -5
        good = true
    strings:
        $a = "x" wide ascii xor(1-255)
        $b = { 4D 5A ?? [4-8] ( 01 | ~0? ) }
        $c = /a b/is fullword
        $ = "y" base64("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/")
    condition:
        uint16(0) == 0x5A4D and -1 < --1 and #a > @b[1] - 1 or not pe.sections[0].name contains "x"
}

rule b {
    condition:
        false
}
"#;
    gives(wanted, wanted);
    let crushed: String = wanted.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
    gives(&crushed, wanted);
    // Within entries and headers line breaks are not the author's.
    let loose = crushed.replace(" = ", "\n=\n\n").replace(": ", " :\n\n").replace(" {", "\n\n{");
    assert_eq!(formatted(loose.as_bytes()), formatted(crushed.as_bytes()));
}

#[test]
fn sets_percentages_loops_and_signs_are_spaced_as_they_are_read() {
    let cases = [
        ("any of($a*,$b)in(0 .. 10)", "any of ($a*, $b) in (0..10)"),
        ("50 %of them and 5% 3==- 1", "50% of them and 5 % 3 == -1"),
        ("for 50 % i in(1..3):(i*2>( 1 ))", "for 50% i in (1..3) : (i * 2 > (1))"),
        ("for 50 % k,v in x . y:(k==v)", "for 50% k, v in x.y : (k == v)"),
        ("any of(a*)or~ 1==filesize-1", "any of (a*) or ~1 == filesize - 1"),
        ("with a=1,b=c [ 1 ] :( a==b( 1 , 2 ) )", "with a = 1, b = c[1] : (a == b(1, 2))"),
        ("#a in(0..1)>! a  [ 1 ]-@b", "#a in (0..1) > !a[1] - @b"),
        ("1 \\ 2 /* c */+(/* d */3)", "1 \\ 2 /* c */ + (/* d */ 3)"),
    ];
    for (source, wanted) in cases {
        let source = source.replace("! a", "!a");
        let rule = |condition: &str| format!("rule r {{\n    condition:\n        {condition}\n}}\n");
        gives(&rule(&source), &rule(wanted));
    }
}

#[test]
fn lines_of_a_condition_stay_and_are_indented_by_brackets() {
    gives(
        "rule a { condition: b and\nfor any i in (1..3) : (\n  c and (d or\ne)\n\n\n  )\nand f(\n(1)) }",
        "rule a {\n    condition:\n        b and\n        for any i in (1..3) : (\n            c and (d or\n                e)\n\n        )\n        and f(\n            (1))\n}\n",
    );
}

#[test]
fn comments_stay_with_what_they_are_about() {
    let wanted = "// file\n\n// a\nrule a { // brace\n    // meta\n    meta: // heading\n        a = 1 // value\n        // b = 2\n    // the strings\n    strings:\n        // first\n        $a = {\n            4D 5A // magic\n            // more\n            [4-8] 00\n        }\n        $b = // after\n            \"x\" /* in */ wide\n        /* kept\n   as it is  */\n    condition:\n        // all\n        $a and // both\n        // not c\n        $b\n        // end\n}\n\n// tail\n";
    gives(wanted, wanted);
    let spread = wanted.replace("\n    meta: // h", "\n    meta:// h").replace(" /* in */ ", "/* in */");
    gives(&spread, wanted);
    gives(
        "rule a // x\n{ condition: true } // y\nrule b { condition /* z */ : true }",
        "rule a // x\n{\n    condition:\n        true\n} // y\n\nrule b {\n    condition /* z */:\n        true\n}\n",
    );
}

#[test]
fn bytes_line_ends_and_marks_are_kept() {
    assert_eq!(formatted(b""), b"");
    assert_eq!(formatted(b" \n "), b"");
    assert_eq!(formatted(b"\xEF\xBB\xBF"), b"\xEF\xBB\xBF");
    assert_eq!(
        formatted(b"\xEF\xBB\xBFrule a {\r\n/* \xFF */ meta: a = \"\xFE\" condition:true } // \xFF \t\r\n"),
        b"\xEF\xBB\xBFrule a {\r\n    /* \xFF */\r\n    meta:\r\n        a = \"\xFE\"\r\n    condition:\r\n        true\r\n} // \xFF\r\n"
    );
    let tabs = format(b"rule a{condition:true}", Indent::Tab).unwrap();
    assert_eq!(tabs, b"rule a {\n\tcondition:\n\t\ttrue\n}\n");
    let none = format(b"rule a{condition:true}", Indent::Spaces(0)).unwrap();
    assert_eq!(none, b"rule a {\n condition:\n  true\n}\n");
}

#[test]
fn sources_with_errors_are_refused() {
    for source in [
        "rule a { condition: }",
        "rule a { condition: true } junk",
        "/* open",
        "rule a { strings: $a = { 4 } condition: $a }",
    ] {
        assert!(!format(source.as_bytes(), Indent::default()).unwrap_err().is_empty(), "{source}");
    }
}

#[test]
fn nesting_and_comments_cost_what_they_are_long() {
    let deep = format!("rule a {{ condition: {}true{} }}", "(\n".repeat(90), "\n)".repeat(90));
    let out = formatted(deep.as_bytes());
    let widest = out.split(|&b| b == b'\n').map(<[u8]>::len).max().unwrap();
    assert!(widest <= 16 * 4 + 8, "{widest}");
    let comments = format!("rule a {{ strings: {} $a = \"x\" condition: $a }}", "/**/\n".repeat(300_000));
    assert!(formatted(comments.as_bytes()).len() < comments.len() * 4);
}

/// Sources with every construct, to which white space and comments are added.
const SOURCES: &[&str] = &[
    "import \"pe\" include \"x\" rule a : t { condition : true } private rule b { condition : false }",
    "global rule a { meta : a = - 1 b = \"x\" c = true with = 1.5 strings : $a = \"a\\\"\" xor ( 1 - 0xff ) private $ = { 4D 5? ( 01 | ~02 [2-3] 03 ) } $b = /x\\/y/is wide condition : all of ( $a * , $b ) and $ }",
    "rule a { strings : $a = \"\"\"x\ny\"\"\" condition : for all of them : ( $ at 0 and # > 1 and @ [ 1 ] < ! ) and 50 % of them or 5 % 3 == 2 }",
    "rule a { condition : for 50 % k , v in x . y ( - 1 , ~ 2 ) : ( k == v ) and with a = 1 - 2 : ( a << 1 != 0x10 ) and any of ( r * ) }",
];

/// White space and comments that may stand between any two tokens.
fn trivia() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => Just(b" ".to_vec()),
        2 => Just(b"\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => Just(b"\n\n\n\t".to_vec()),
        1 => Just("\u{a0}".as_bytes().to_vec()),
        1 => Just(b"// c \xFF \t\n".to_vec()),
        1 => Just(b"// \"'{}\r\n".to_vec()),
        1 => Just(b"/* c */".to_vec()),
        1 => Just(b"/* \xFE\n  * // c\r\n */".to_vec()),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| parts.concat())
}

/// The source with these between its tokens, where they are needed.
fn spread(source: &str, trivia: &[Vec<u8>]) -> Vec<u8> {
    let scanned = scan(source.as_bytes());
    let mut out = Vec::new();
    for (i, piece) in scanned.pieces.iter().enumerate() {
        let jump = matches!(piece.kind, Kind::Hex(super::pieces::Hex::Jump));
        let between = trivia.get(i % trivia.len()).filter(|_| !jump).map_or(&b""[..], |t| t);
        let text = piece.text(source.as_bytes());
        let word = |byte: Option<&u8>| {
            byte.is_some_and(|b| b.is_ascii_alphanumeric() || b"_\"/$@#!%<>=~*".contains(b))
        };
        if between.is_empty() && word(out.last()) && word(text.first()) {
            out.push(b' ');
        }
        // A slash before a comment would be one of its own.
        if between.starts_with(b"/") {
            out.push(b' ');
        }
        out.extend_from_slice(between);
        out.extend_from_slice(text);
    }
    out
}

/// The syntax tree as text, without its spans.
fn tree(source: &[u8]) -> String {
    let mut diagnostics = Vec::new();
    let ast = crate::parser::parse(SourceId(0), source, &mut diagnostics);
    let text = format!("{ast:?}");
    let mut parts = text.split("Span { start: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('}').map_or("", |(_, rest)| rest))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_once_is_enough(
        source in prop::sample::select(SOURCES),
        trivia in prop::collection::vec(trivia(), 1..24),
        tab in any::<bool>(),
    ) {
        let source = spread(source, &trivia);
        let indent = if tab { Indent::Tab } else { Indent::default() };
        let once = format(&source, indent).unwrap_or_else(|e| panic!("{e:?}\n{}", source.escape_ascii()));
        prop_assert!(texts(&source, &scan(&source)).eq(texts(&once, &scan(&once))));
        prop_assert_eq!(tree(&source), tree(&once));
        let twice = format(&once, indent).unwrap();
        prop_assert!(once == twice, "{}\n{}", once.escape_ascii(), twice.escape_ascii());
        prop_assert!(once.ends_with(b"\n") && !once.ends_with(b"\n\n"));
    }

    #[test]
    fn any_bytes_are_formatted_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64), cut in 0usize..400) {
        let _ = format(&bytes, Indent::default());
        let source = SOURCES[1].as_bytes();
        let mut damaged = source[..cut.min(source.len())].to_vec();
        damaged.extend(bytes);
        let _ = format(&damaged, Indent::default());
        prop_assert!(scan(&damaged).pieces.iter().all(|piece| piece.kind != Kind::Token(TokenKind::Eof)));
    }
}
