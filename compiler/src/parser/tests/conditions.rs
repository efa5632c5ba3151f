//! Conditions: precedence, numbers, quantifiers, loops.

use super::*;

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
