//! Every construct with its spans, every error with its code and place, and inputs made to do harm.

mod conditions;
mod errors;
mod hostile;

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
