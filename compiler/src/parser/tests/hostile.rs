//! Inputs made to do harm.

use super::*;

/// Sources that nest without end in every way there is.
fn nesting(levels: usize) -> Vec<String> {
    let condition = |open: &str, inner: &str, close: &str| {
        format!("rule a {{ condition: {}{inner}{} }}", open.repeat(levels), close.repeat(levels))
    };
    vec![
        condition("(", "true", ")"),
        condition("not ", "true", ""),
        condition("not (", "true", ")"),
        condition("defined ", "true", ""),
        condition("- ", "x", ""),
        condition("~", "1", ""),
        condition("f(", "1", ")"),
        condition("a[", "1", "]"),
        condition("@a[", "1", "]"),
        condition("(1 + ", "1", ")"),
        condition("(x and (y or ", "1", "))"),
        condition("1 of (x.y, ", "true", ")"),
        condition("1 of (f(", "1", ") )"),
        condition("for any i in (1..2) : ( ", "true", ")"),
        condition("for any i in (1.. (", "2", ") ) : ( true )"),
        condition("for any of them : ( ", "true", ")"),
        condition("with a = 1 : ( ", "true", ")"),
        condition("$a at (", "1", ")"),
        condition("#a in (1..", "1", ")"),
        condition("$ in ((", "1", ")..1)"),
        format!(
            "rule a {{ strings: $a = {{ {}01{} }} condition: $a }}",
            "(".repeat(levels),
            ")".repeat(levels)
        ),
        format!("rule a {{ condition: x{} }}", ".y".repeat(levels)),
        format!("rule a {{ condition: x{} }}", "[1]".repeat(levels)),
        format!("rule a {{ condition: x{} }}", "(1)".repeat(levels)),
        format!("rule a {{ condition: 1{} }}", " + 1".repeat(levels)),
        format!("rule a {{ condition: 1{} }}", " == 1".repeat(levels)),
        format!("rule a {{ condition: 1{} }}", " | 1 ^ 1 & 1 << 1 + 1 * 1".repeat(levels)),
    ]
}

#[test]
fn nesting_is_limited() {
    for source in nesting(100_000) {
        let (ast, diagnostics) = parsed(source.as_bytes());
        assert_eq!(ast.items, [], "{}", &source[..60]);
        assert_eq!(
            diagnostics.iter().map(|one| one.code).collect::<Vec<_>>(),
            [codes::TOO_DEEP],
            "{}",
            &source[..60]
        );
    }
    for source in nesting(limits::MAX_NESTING as usize / 2 - 2) {
        let (ast, diagnostics) = parsed(source.as_bytes());
        assert_eq!(diagnostics, [], "{source}");
        assert_eq!(ast.items.len(), 1);
        assert_eq!(ast.clone(), ast);
    }
}

#[test]
fn chains_in_parentheses_count_towards_the_height() {
    let mut condition = "1".to_owned();
    for _ in 0..limits::MAX_NESTING - 1 {
        condition = format!("({condition}{})", " + 1".repeat(100));
    }
    let source = format!("rule a {{ condition: {condition} }}");
    let (_, diagnostics) = parsed(source.as_bytes());
    assert_eq!(diagnostics.iter().map(|one| one.code).collect::<Vec<_>>(), [codes::TOO_DEEP]);
}

#[test]
fn wide_inputs_are_not_limited() {
    let ors = format!("rule a {{ condition: true{} }}", " or true".repeat(100_000));
    let ExprKind::Or(operands) = rule(&ors).condition.kind else { panic!() };
    assert_eq!(operands.len(), 100_001);
    let alternatives =
        format!("rule a {{ strings: $a = {{ (01{}) }} condition: $a }}", "|02".repeat(100_000));
    rule(&alternatives);
    let patterns: String = (0..100_000).map(|index| format!("$a{index} = \"x\"\n")).collect();
    let counts: String = (0..100_000).map(|index| format!(" and #a{index} == 1")).collect();
    rule(&format!("rule a {{ strings: {patterns} condition: true {counts} }}"));
    rule(&format!("rule a {{ strings: $a = \"{}\" condition: $a }}", "x".repeat(10 << 20)));
    rule(&format!("rule a {{ condition: any of (x{}) }}", ", x".repeat(100_000)));
}

/// A source with every construct.
const EVERYTHING: &str = "\u{feff}import \"pe\"\ninclude \"x.yar\"\n// c\n/* d */\nprivate global rule r : t u {\n meta: a = -1 b = \"x\\x41\" c = 1.5 d = true\n strings:\n $a = \"t\\\"x\" ascii wide xor(1-2)\n $b = { 4D ?? ~5? [1-2] ( 01 | 02 [-] 03 ) 04 }\n $c = /r\\/e[x]{1,2}/is base64(\"q\")\n $ = \"\"\"m\nl\"\"\" private\n condition:\n (any of them or 50% of ($a, $b*) at 0x10) and for all i, j in (1..2KB) : ( @a[i] + !a \\ #b in (0..1) == uint16(3) ) and with x = pe.y[1].z(1, \"s\") : ( not defined x matches /a/i ) and 2 of (r*, s) and for 1 of ($*) : ( $ at 1 )\n}\n";

#[test]
fn truncated_anywhere_is_an_error_and_no_panic() {
    let rule_start = EVERYTHING.find("private").unwrap();
    for length in 0..EVERYTHING.len() {
        let (ast, diagnostics) = parsed(&EVERYTHING.as_bytes()[..length]);
        assert!(diagnostics.len() <= 3, "{length}: {diagnostics:?}");
        if (rule_start + 1..EVERYTHING.trim_end().len()).contains(&length) {
            assert!(!diagnostics.is_empty(), "{length}");
            assert!(ast.items.len() <= 2, "{length}");
        }
    }
    assert_eq!(parsed(EVERYTHING.as_bytes()).1, []);
}

#[test]
fn any_byte_anywhere_is_no_panic() {
    let noise =
        [0, 0xFF, b'"', b'/', b'\\', b'{', b'}', b'(', b')', b'$', b'*', b'[', b'0', b'x', b' ', b'\n', 0xE2];
    for position in 0..EVERYTHING.len() {
        for byte in noise {
            let mut source = EVERYTHING.as_bytes().to_vec();
            source[position] = byte;
            parsed(&source);
            source.insert(position, byte);
            parsed(&source);
            source.drain(position..(position + 3).min(source.len()));
            parsed(&source);
        }
    }
}
