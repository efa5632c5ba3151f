//! Errors and warnings: code, place and help, and how parsing goes on.

use super::*;

#[test]
fn errors_say_where_and_what_to_do() {
    for (source, code, place, hint) in [
        ("rul a { condition: true }", codes::UNEXPECTED_TOKEN, "rul", "`rule`"),
        ("rule a { condition: true", codes::UNCLOSED_RULE, "", "add `}`"),
        ("rule a { strings: $a = \"x\" }", codes::MISSING_CONDITION, "a", "condition:"),
        ("rule a { }", codes::MISSING_CONDITION, "a", "condition:"),
        ("rule a { strings: condition: true }", codes::EMPTY_SECTION, "strings", "leave out"),
        ("rule a { meta: condition: true }", codes::EMPTY_SECTION, "meta", "leave out"),
        (
            "rule a { strings: $a = \"x\" meta: b = 1 condition: $a }",
            codes::MISPLACED_SECTION,
            "meta",
            "order",
        ),
        ("rule a { strings: $a = \"x\" wdie condition: $a }", codes::UNKNOWN_MODIFIER, "wdie", "`wide`"),
        (
            "rule a { strings: $a = \"x\" wide ascii wide condition: $a }",
            codes::DUPLICATE_MODIFIER,
            "wide",
            "",
        ),
        ("rule a { strings: $a = \"x\" b = \"y\" condition: $a }", codes::UNEXPECTED_TOKEN, "b", "`$b`"),
        (
            "rule a { strings: $a = \"x\" xor(256) condition: $a }",
            codes::MODIFIER_ARGUMENT,
            "256",
            "0 to 255",
        ),
        (
            "rule a { strings: $a = \"x\" xor(9-2) condition: $a }",
            codes::MODIFIER_ARGUMENT,
            "9-2",
            "xor(2-9)",
        ),
        ("rule a { strings: $a = \"\\y\" condition: $a }", codes::INVALID_ESCAPE, "\\y", "`\\\\`"),
        ("rule a { strings: $a = \"\\x4\" condition: $a }", codes::INVALID_ESCAPE, "\\x", ""),
        ("rule a { strings: $a = { 4 } condition: $a }", codes::INVALID_HEX, "4", "missing digit"),
        ("rule a { strings: $a = { ~?? } condition: $a }", codes::INVALID_HEX, "~??", ""),
        ("rule a { strings: $a = { } condition: $a }", codes::INVALID_HEX, "}", ""),
        ("rule a { strings: $a = { 01 [2] } condition: $a }", codes::INVALID_HEX, "[2]", "remove"),
        ("rule a { strings: $a = { [2] 01 } condition: $a }", codes::INVALID_HEX, "[2]", "remove"),
        ("rule a { strings: $a = { 01 ( 02 | ) 03 } condition: $a }", codes::INVALID_HEX, ")", ""),
        ("rule a { strings: $a = { 01 ( 02 03 } condition: $a }", codes::INVALID_HEX, "}", ""),
        ("rule a { strings: $a = { 01 \"b\" } condition: $a }", codes::INVALID_HEX, "\"", "quotes"),
        ("rule a { strings: $a = { 01 [4-2] 02 } condition: $a }", codes::INVALID_JUMP, "[4-2]", "[2-4]"),
        ("rule a { strings: $a = { 01 [0] 02 } condition: $a }", codes::INVALID_JUMP, "[0]", "remove"),
        (
            "rule a { strings: $a = { 01 [4294967296] 02 } condition: $a }",
            codes::INVALID_JUMP,
            "4294967296",
            "",
        ),
        ("rule a { strings: $a = /x/ig condition: $a }", codes::REGEX_FLAG, "ig", ""),
        ("rule a { condition: b = 1 }", codes::FOREIGN_OPERATOR, "=", "`==`"),
        ("rule a { condition: b && c }", codes::FOREIGN_OPERATOR, "&&", "`and`"),
        ("rule a { condition: b || c }", codes::FOREIGN_OPERATOR, "||", "`or`"),
        ("rule a { condition: !(b) }", codes::FOREIGN_OPERATOR, "!", "`not`"),
        ("rule a { condition: b AND c }", codes::UNEXPECTED_TOKEN, "AND", "lower case"),
        ("rule a { condition: b contain c }", codes::UNEXPECTED_TOKEN, "contain", "`contains`"),
        ("rule a { condition: 4 / 2 }", codes::FOREIGN_OPERATOR, "/ 2 }", "`\\`"),
        ("rule a { condition: (b or c }", codes::UNEXPECTED_TOKEN, "}", ""),
        ("rule a { condition: them }", codes::UNEXPECTED_TOKEN, "them", "any of them"),
        ("rule a { condition: any them }", codes::UNEXPECTED_TOKEN, "them", "any of them"),
        ("rule a { condition: }", codes::UNEXPECTED_TOKEN, "}", ""),
        ("rule a { condition: \u{201c}b\u{201d} }", codes::UNEXPECTED_CHARACTER, "\u{201c}", "straight"),
        ("rule a : b, c { condition: true }", codes::UNEXPECTED_TOKEN, ",", "spaces"),
        ("rule a { condition: true } }", codes::UNEXPECTED_TOKEN, "}", "remove"),
        ("rule a { condition: true } /* b", codes::UNTERMINATED_COMMENT, "/*", "`*/`"),
        ("rule a { strings: $a = { 01 /* b } condition: $a }", codes::UNTERMINATED_COMMENT, "/*", "`*/`"),
        ("rule a { strings: $a = { 01 ", codes::UNTERMINATED_HEX, "{", "`}`"),
        ("import pe", codes::UNEXPECTED_TOKEN, "pe", ""),
        ("rule a { meta: b = c condition: true }", codes::UNEXPECTED_TOKEN, "c", "double quotes"),
    ] {
        assert_eq!(complaints(source), [(code, place)], "{source}");
        assert!(help(source).contains(hint), "{source}: {:?} lacks {hint:?}", help(source));
    }
    let (_, diagnostics) = parsed(b"rule a { condition: (b or c }");
    assert_eq!(diagnostics[0].message, "expected an operator or `)`, found `}`");
    assert_eq!(diagnostics[0].secondary[0].span, Span { start: 20, end: 21 });
}

#[test]
fn unterminated_texts_and_regular_expressions() {
    let text = "rule a { strings: $a = \"x\n $b = \"y\" condition: $a }\nrule b { condition: true }";
    assert_eq!(complaints(text), [(codes::UNTERMINATED_TEXT, "\"x")]);
    let regex = "rule a { strings: $a = /x\n condition: $a }\nrule b { condition: true }";
    assert_eq!(complaints(regex), [(codes::UNTERMINATED_REGEX, "/x")]);
    let lines = "rule a { strings: $a = \"\"\"x\" condition: $a }\nrule b { condition: true }";
    assert_eq!(complaints(lines), [(codes::UNTERMINATED_TEXT, "\"\"\"")]);
    for source in [text, regex, lines] {
        assert_eq!(parsed(source.as_bytes()).0.items.len(), 1, "{source}");
    }
}

#[test]
fn recovers_at_the_next_rule() {
    let source = "rule a { condition: ) }\nrule b { condition: true }\nrule c { strings: $a = \"rule x { \" $b = } condition: 1 }\nimport \"pe\"\nrule d { condition: true\nprivate rule e { condition: true }\nrule f { strings: $a = \"\\q\" $b = { 0 } condition: $a }\n";
    let (ast, diagnostics) = parsed(source.as_bytes());
    let codes: Vec<_> = diagnostics.iter().map(|one| one.code).collect();
    assert_eq!(
        codes,
        [
            codes::UNEXPECTED_TOKEN,
            codes::UNEXPECTED_TOKEN,
            codes::UNCLOSED_RULE,
            codes::INVALID_ESCAPE,
            codes::INVALID_HEX
        ]
    );
    let names: Vec<_> = ast
        .items
        .iter()
        .map(|item| match item {
            Item::Rule(rule) => rule.name.name,
            Item::Import(_) => "import",
            Item::Include(_) => "include",
        })
        .collect();
    assert_eq!(names, ["b", "import", "e"]);
    let broken: Vec<_> = ast.broken.iter().map(|broken| broken.name.map(|name| name.name)).collect();
    assert_eq!(broken, [Some("a"), Some("c"), Some("d"), Some("f")]);
}

#[test]
fn a_rule_whose_strings_run_into_a_private_rule() {
    let source = "rule a { strings: $a = \"x\"\nprivate rule b { condition: true }";
    let (ast, diagnostics) = parsed(source.as_bytes());
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    assert_eq!((ast.items.len(), ast.broken.len()), (1, 1));
}

#[test]
fn bytes_that_are_not_utf8() {
    let source = b"// \xff\nrule a { /* \xfe */ meta: b = \"\xe9\" strings: $a = \"\xe9\\n\" condition: $a }";
    let (ast, diagnostics) = parsed(source);
    assert_eq!(diagnostics.iter().map(|one| one.code).collect::<Vec<_>>(), [codes::NON_UTF8_TEXT; 2]);
    assert!(diagnostics.iter().all(|one| one.severity == Severity::Warning));
    let [Item::Rule(rule)] = &ast.items[..] else { panic!() };
    assert_eq!(rule.meta[0].value, MetaValue::Str(b"\xe9"[..].into()));
    for (source, start) in [
        (&b"rule a { strings: $a = /\xe9/ condition: $a }"[..], 24),
        (b"rule a\xe9 { condition: true }", 6),
        (b"rule a { condition: b\xe9 }", 21),
    ] {
        let (ast, diagnostics) = parsed(source);
        assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
        assert_eq!((diagnostics[0].code, diagnostics[0].primary.span.start), (codes::NOT_UTF8, start));
        assert_eq!(ast.items, []);
    }
}

#[test]
fn warns_about_repeated_rule_modifiers() {
    let source = "global private global rule a { condition: true }";
    assert_eq!(complaints(source), [(codes::DUPLICATE_RULE_MODIFIER, "global")]);
    assert_eq!(parsed(source.as_bytes()).0.items.len(), 1);
}

#[test]
fn files_that_are_not_rules() {
    let elf = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0";
    let pe = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff";
    let utf16: Vec<u8> =
        std::iter::once(0xFEFF).chain("rule a".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for source in [&elf[..], pe, &utf16, &[0; 100_000], &[0xFF; 100_000]] {
        let (ast, diagnostics) = parsed(source);
        assert_eq!(diagnostics.iter().map(|one| one.code).collect::<Vec<_>>(), [codes::NOT_RULES]);
        assert_eq!(ast, Ast::default());
    }
    let (_, diagnostics) = parsed("<html>\n<body>rule of thumb: 1</body>\n".repeat(1000).as_bytes());
    assert_eq!(diagnostics.len(), 1);
    assert_eq!(parsed(b"").1, []);
    assert_eq!(parsed(b"\xEF\xBB\xBF // nothing").1, []);
}

#[test]
fn stops_after_too_many_errors() {
    let source = "rule a { condition: ) }\n".repeat(10_000);
    let (ast, diagnostics) = parsed(source.as_bytes());
    assert_eq!(diagnostics.len(), limits::MAX_ERRORS_PER_FILE + 1);
    assert_eq!(diagnostics.last().map(|one| one.code), Some(codes::TOO_MANY_ERRORS));
    assert!(ast.broken.len() <= limits::MAX_ERRORS_PER_FILE + 1);
    let source = "global global rule a { condition: true }\n".repeat(1000);
    let (ast, diagnostics) = parsed(source.as_bytes());
    assert_eq!(ast.items.len(), 1000);
    assert_eq!(diagnostics.len(), limits::MAX_WARNINGS_PER_FILE + 1);
}
