//! Every construct with its spans, every error with its code and place, and inputs made to do harm.

use super::parse;
use crate::ast::*;
use crate::codes;
use crate::diagnostic::{Diagnostic, Severity, SourceId, Span};
use crate::limits;

fn parsed(source: &[u8]) -> (Ast<'_>, Vec<Diagnostic>) {
    let mut diagnostics = Vec::new();
    let ast = parse(SourceId(7), source, &mut diagnostics);
    assert!(diagnostics.iter().all(|diagnostic| diagnostic.source == SourceId(7)));
    for label in diagnostics.iter().flat_map(|one| std::iter::once(&one.primary).chain(&one.secondary)) {
        assert!(
            label.span.start <= label.span.end && label.span.end as usize <= source.len(),
            "{diagnostics:?}"
        );
    }
    (ast, diagnostics)
}

/// The rules of a source without diagnostics.
fn rules(source: &str) -> Vec<Rule<'_>> {
    let (ast, diagnostics) = parsed(source.as_bytes());
    assert_eq!(diagnostics, [], "{source}");
    assert_eq!(ast.broken, [], "{source}");
    let rule = |item| if let Item::Rule(rule) = item { Some(*rule) } else { None };
    ast.items.into_iter().filter_map(rule).collect()
}

fn rule(source: &str) -> Rule<'_> {
    let mut all = rules(source);
    assert_eq!(all.len(), 1, "{source}");
    all.remove(0)
}

/// Code and text of the place of each diagnostic.
fn complaints(source: &str) -> Vec<(&'static str, &str)> {
    let (_, diagnostics) = parsed(source.as_bytes());
    diagnostics.iter().map(|one| (one.code, at(source, one.primary.span))).collect()
}

/// The help of the only diagnostic.
fn help(source: &str) -> String {
    let (_, diagnostics) = parsed(source.as_bytes());
    assert_eq!(diagnostics.len(), 1, "{source}: {diagnostics:?}");
    diagnostics[0].help.clone().unwrap_or_default()
}

fn at(source: &str, span: Span) -> &str {
    &source[span.start as usize..span.end as usize]
}

/// The condition, written with all its parentheses.
fn shape(condition: &str) -> String {
    let source = format!("rule r {{ strings: $a = \"x\" $b = \"y\" condition: {condition} }}");
    let rule = rule(&source);
    assert_eq!(at(&source, rule.condition.span), condition, "the condition's span");
    written(&rule.condition)
}

fn written(expr: &Expr<'_>) -> String {
    let all = |exprs: &[Expr<'_>], between| exprs.iter().map(written).collect::<Vec<_>>().join(between);
    match &expr.kind {
        ExprKind::Int(value) => value.to_string(),
        ExprKind::Bool(value) => value.to_string(),
        ExprKind::Ident(name) => name.name.to_owned(),
        ExprKind::Match { id, anchor: None } => id.name.to_owned(),
        ExprKind::And(exprs) => format!("({})", all(exprs, " and ")),
        ExprKind::Or(exprs) => format!("({})", all(exprs, " or ")),
        ExprKind::Unary(op, operand) => format!("{op:?}({})", written(operand)),
        ExprKind::Binary(op, left, right) => format!("({} {op:?} {})", written(left), written(right)),
        ExprKind::Field(of, name) => format!("{}.{}", written(of), name.name),
        ExprKind::Index(of, index) => format!("{}[{}]", written(of), written(index)),
        ExprKind::Call(function, arguments) => format!("{}({})", written(function), all(arguments, ", ")),
        other => format!("{other:?}"),
    }
}

#[test]
fn items_and_sections() {
    let source = "\u{feff}import \"pe\"\ninclude \"a\\b.yar\"\nprivate global rule r : t1 t2 {\n meta: a = -2 b = \"x\\x41\" c = 1.5 d = true e = 0x10 f = 2KB\n strings: $a = \"x\" wide $ = { 01 }\n condition: $a\n}\n";
    let (ast, diagnostics) = parsed(source.as_bytes());
    assert_eq!(diagnostics, []);
    let [Item::Import(module), Item::Include(file), Item::Rule(rule)] = &ast.items[..] else {
        panic!("{ast:?}")
    };
    assert_eq!((&*module.value, at(source, module.span)), (&b"pe"[..], "\"pe\""));
    assert_eq!(&*file.value, b"a\\b.yar");
    assert_eq!(rule.name.name, "r");
    assert_eq!(at(source, rule.private.unwrap()), "private");
    assert_eq!(at(source, rule.global.unwrap()), "global");
    assert!(at(source, rule.span).starts_with("private global") && at(source, rule.span).ends_with('}'));
    assert_eq!(rule.tags.iter().map(|tag| tag.name).collect::<Vec<_>>(), ["t1", "t2"]);
    let meta: Vec<_> = rule.meta.iter().map(|meta| meta.value.clone()).collect();
    let text = MetaValue::Str(b"xA".to_vec().into());
    let (float, yes) = (MetaValue::Float(1.5), MetaValue::Bool(true));
    assert_eq!(meta, [MetaValue::Int(-2), text, float, yes, MetaValue::Int(16), MetaValue::Int(2048)]);
    assert_eq!(at(source, rule.patterns[0].span), "$a = \"x\" wide");
    assert_eq!(rule.patterns[1].id.name, "$");
}

#[test]
fn texts() {
    let source = "rule r { strings: $a = \"\\\"\\\\\\t\\n\\r\\0\\xfF\" $b = \"plain\" $c = \"\"\"two\nlines\"\"\" $d = \"\" condition: any of them }";
    let texts: Vec<Vec<u8>> = rule(source)
        .patterns
        .into_iter()
        .map(|pattern| match pattern.body {
            PatternBody::Text(text) => text.value.into_owned(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(texts, [b"\"\\\t\n\r\0\xFF".to_vec(), b"plain".to_vec(), b"two\nlines".to_vec(), Vec::new()]);
}

#[test]
fn modifiers() {
    let source = "rule r { strings: $a = \"x\" ascii wide nocase fullword private $b = \"x\" xor $c = \"x\" xor(3) $d = \"x\" xor(1-0x10) $e = \"x\" base64 base64wide(\"abc\") condition: all of them }";
    let rule = rule(source);
    let kinds =
        |index: usize| rule.patterns[index].modifiers.iter().map(|one| one.kind.clone()).collect::<Vec<_>>();
    use ModifierKind::*;
    assert_eq!(kinds(0), [Ascii, Wide, Nocase, Fullword, Private]);
    assert_eq!(kinds(1), [Xor { min: 0, max: 255 }]);
    assert_eq!(kinds(2), [Xor { min: 3, max: 3 }]);
    assert_eq!(kinds(3), [Xor { min: 1, max: 16 }]);
    assert_eq!(at(source, rule.patterns[3].modifiers[0].span), "xor(1-0x10)");
    let [Base64(None), Base64Wide(Some(alphabet))] = &kinds(4)[..] else { panic!() };
    assert_eq!((&*alphabet.value, at(source, alphabet.span)), (&b"abc"[..], "\"abc\""));
}

#[test]
fn hex_patterns() {
    let source = "rule r { strings: $a = { 4D ?5 ~a? ?? [4] [1-2] [3-] [-4] [-] 00 } $b = {01(02|03[2](0405|06))/*}*/07//}\n} condition: all of them }";
    let rule = rule(source);
    let PatternBody::Hex(tokens) = &rule.patterns[0].body else { panic!() };
    let short: Vec<String> = tokens
        .iter()
        .map(|token| match token {
            HexToken::Byte { value, mask, negated, span } => {
                format!("{value:02x}/{mask:02x} {negated} {}", at(source, *span))
            }
            HexToken::Jump { min, max, span } => format!("{min} {max:?} {}", at(source, *span)),
            HexToken::Alternatives { .. } => panic!(),
        })
        .collect();
    assert_eq!(
        short,
        [
            "4d/ff false 4D",
            "05/0f false ?5",
            "a0/f0 true ~a?",
            "00/00 false ??",
            "4 Some(4) [4]",
            "1 Some(2) [1-2]",
            "3 None [3-]",
            "0 Some(4) [-4]",
            "0 None [-]",
            "00/ff false 00"
        ]
    );
    let PatternBody::Hex(tokens) = &rule.patterns[1].body else { panic!() };
    let [_, HexToken::Alternatives { options, span }, _] = &tokens[..] else { panic!("{tokens:?}") };
    assert_eq!(at(source, *span), "(02|03[2](0405|06))");
    assert_eq!(options.iter().map(Vec::len).collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn regular_expressions() {
    let source = r"rule r { strings: $a = /a\/b\\/is $b = /x/wide $c = /é[/]/ condition: all of them }";
    let (_, diagnostics) = parsed(source.as_bytes());
    assert_eq!(diagnostics.len(), 1, "a slash in a class ends the expression: {diagnostics:?}");
    let source = r"rule r { strings: $a = /a\/b\\/is $b = /x/wide $c = /é[\/]/ condition: all of them }";
    let rule = rule(source);
    let regex = |index: usize| match &rule.patterns[index].body {
        PatternBody::Regex(regex) => regex.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(regex(0).source, r"a/b\\");
    assert!(regex(0).case_insensitive && regex(0).dot_matches_new_line);
    assert_eq!(at(source, regex(0).span), r"/a\/b\\/is");
    assert_eq!(rule.patterns[1].modifiers[0].kind, ModifierKind::Wide);
    assert!(!regex(1).case_insensitive);
    assert_eq!(regex(2).source, "é[/]");
}

#[test]
fn precedence() {
    for (condition, expected) in [
        ("1 + 2 * 3", "(1 Add (2 Mul 3))"),
        ("1 - 2 - 3", "((1 Sub 2) Sub 3)"),
        ("1 | 2 ^ 3 & 4 << 5 + 6 * -x", "(1 BitOr (2 BitXor (3 BitAnd (4 Shl (5 Add (6 Mul Neg(x)))))))"),
        ("a == b < c", "(a Eq (b Lt c))"),
        ("1 < 2 == 2", "((1 Lt 2) Eq 2)"),
        ("not a == 1 and b or c", "((Not((a Eq 1)) and b) or c)"),
        ("defined a and not defined b", "(Defined(a) and Not(Defined(b)))"),
        ("(a or b) or c", "(a or b or c)"),
        ("a and (b and c)", "(a and (b and c))"),
        ("-1 + - 2 - -x", "((-1 Add -2) Sub Neg(x))"),
        ("~1 \\ 2 % 3", "((BitNot(1) Div 2) Mod 3)"),
        ("a contains b or a iequals b", "((a Contains b) or (a IEquals b))"),
        ("a.b[1].c(2, x or y).d", "a.b[1].c(2, (x or y)).d"),
        ("(a)", "a"),
        ("with", "with"),
    ] {
        assert_eq!(shape(condition), expected, "{condition}");
    }
}

#[test]
fn numbers() {
    for (condition, expected) in [
        ("0x1F", 31),
        ("0o17", 15),
        ("2KB", 2048),
        ("3MB", 3 << 20),
        ("1_000", 1000),
        ("18446744073709551615", -1),
        ("0x8000000000000000", i64::MIN),
        ("-9223372036854775808", i64::MIN),
        ("010", 10),
    ] {
        assert_eq!(shape(condition), expected.to_string());
    }
    for number in
        ["18446744073709551616", "0xFFFFFFFFFFFFFFFFF", "18446744073709551615KB", "-9223372036854775809"]
    {
        let source = format!("rule r {{ condition: {number} }}");
        assert_eq!(complaints(&source), [(codes::INVALID_NUMBER, number)]);
    }
    assert_eq!(complaints("rule r { condition: 2kb }"), [(codes::INVALID_NUMBER, "2kb")]);
    assert!(help("rule r { condition: 2kb }").contains("`KB`"));
    // A keyword may follow a number at once.
    assert!(shape("10of (a, b) and 1").starts_with("(Of { quantifier: Count"));
}

#[test]
fn patterns_in_conditions() {
    let source = "rule r { strings: $a = \"x\" condition: #a in (1..2) + @a[#a] + !a + # + #zz == 0 and $a at 4 and $a in (0..9) }";
    let rule = rule(source);
    let ExprKind::And(operands) = &rule.condition.kind else { panic!() };
    let mut names = Vec::new();
    let mut left = match &operands[0].kind {
        ExprKind::Binary(BinaryOp::Eq, left, _) => &**left,
        other => panic!("{other:?}"),
    };
    while let ExprKind::Binary(BinaryOp::Add, before, right) = &left.kind {
        match &right.kind {
            ExprKind::Count { id, .. } | ExprKind::Length { id, .. } | ExprKind::Offset { id, .. } => {
                names.push((id.name, at(source, id.span)));
            }
            other => panic!("{other:?}"),
        }
        left = before;
    }
    // A pattern that isn't declared keeps the name it is called by.
    assert_eq!(names, [("#zz", "#zz"), ("$", "#"), ("$a", "!a"), ("$a", "@a")]);
    let ExprKind::Count { id, range: Some(range) } = &left.kind else { panic!() };
    assert_eq!((id.name, at(source, range.span), at(source, left.span)), ("$a", "(1..2)", "#a in (1..2)"));
    assert!(
        matches!(&operands[1].kind, ExprKind::Match { anchor: Some(anchor), .. } if matches!(**anchor, Anchor::At(_)))
    );
    assert!(
        matches!(&operands[2].kind, ExprKind::Match { anchor: Some(anchor), .. } if matches!(**anchor, Anchor::In(_)))
    );
}

#[test]
fn quantifiers_and_sets() {
    let of = |condition: &str| -> String {
        let source = format!("rule r {{ strings: $a = \"x\" condition: {condition} }}");
        let rule = rule(&source);
        assert_eq!(at(&source, rule.condition.span), condition);
        let ExprKind::Of { quantifier, set, anchor } = &rule.condition.kind else { panic!("{condition}") };
        let quantifier = match quantifier {
            Quantifier::Count(count) => written(count),
            Quantifier::Percent(count) => format!("{}%", written(count)),
            other => format!("{other:?}"),
        };
        let names = |items: &[SetItem<'_>]| {
            items
                .iter()
                .map(|item| format!("{}{}", item.name, if item.wildcard { "*" } else { "" }))
                .collect::<Vec<_>>()
        };
        let set = match set {
            OfSet::Them(span) => at(&source, *span).to_owned(),
            OfSet::Patterns(items) => format!("patterns {:?}", names(items)),
            OfSet::Rules(items) => format!("rules {:?}", names(items)),
            OfSet::Exprs(exprs) => format!("exprs {}", exprs.len()),
        };
        format!("{quantifier} {set}{}", if anchor.is_some() { " anchored" } else { "" })
    };
    assert_eq!(of("all of them"), "All them");
    assert_eq!(of("none of ($a, $b*, $*)"), "None patterns [\"$a\", \"$b*\", \"$*\"]");
    assert_eq!(of("any of (a, b*, with)"), "Any rules [\"a\", \"b*\", \"with\"]");
    assert_eq!(of("2 of (a, b.c, $a)"), "2 exprs 3");
    assert_eq!(of("1 + 1 of ($a and b)"), "(1 Add 1) exprs 1");
    assert_eq!(of("50% of them at 0"), "50% them anchored");
    assert_eq!(of("(1 + 1)% of them in (0..9)"), "(1 Add 1)% them anchored");
    assert_eq!(of("1050%100% of them"), "(1050 Mod 100)% them");
    assert_eq!(shape("5 % 3 == 2"), "((5 Mod 3) Eq 2)");
    assert_eq!(
        complaints("rule r { condition: 1 + 50% of them }"),
        [(codes::AMBIGUOUS_PERCENTAGE, "1 + 50%")]
    );
    assert_eq!(complaints("rule r { condition: any of (a, b) at 0 }"), [(codes::INVALID_SET, "at")]);
    assert_eq!(complaints("rule r { condition: for any of (a) : (true) }"), [(codes::INVALID_SET, "(a)")]);
}

#[test]
fn loops() {
    let condition = |condition: &str| {
        let source = format!("rule r {{ strings: $a = \"x\" condition: {condition} }}");
        let rule = rule(&source);
        assert_eq!(at(&source, rule.condition.span), condition);
        format!("{:?}", rule.condition.kind)
    };
    assert!(condition("for all of ($a*) : ( $ at 1 )").starts_with("ForOf { quantifier: All, set: Patterns"));
    assert!(condition("for 50% i in (1..3) : ( i == 1 )").contains("Percent"));
    assert!(condition("for 50 % k, v in x.y : ( k == v )").contains("iterable: Expr"));
    assert!(condition("for any i in (1) : ( i == 1 )").contains("iterable: List"));
    assert!(condition("for #a i in (1, 2) : ( i == 1 )").contains("iterable: List"));
    assert!(
        condition("with a = 1, b = a + 1 : ( a == b )").starts_with("With { bindings: [(Ident { name: \"a\"")
    );
}

#[test]
fn words_that_are_names_too() {
    let all =
        rules("rule with { condition: true } rule b : with { meta: with = 1 condition: with and x.with(1) }");
    assert_eq!(all.iter().map(|rule| rule.name.name).collect::<Vec<_>>(), ["with", "b"]);
    assert_eq!(complaints("rule strings { condition: true }"), [(codes::KEYWORD_AS_NAME, "strings")]);
    assert_eq!(
        complaints("rule r { meta: condition = 1 condition: true }"),
        [(codes::KEYWORD_AS_NAME, "condition")]
    );
}

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
