//! Compares our parser with the parser of YARA-X: both trees are written as S-expressions, rule by rule.
//!
//! Always over the samples below and the rules of this repository; over every rule file below the directory named by
//! `HALLMARK_RULESETS` too, when it is set. Where the two are meant to differ, the difference is named here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hallmark_compiler::ast as ours;
use hallmark_compiler::codes;
use hallmark_compiler::diagnostic::{Severity, SourceId};
use yara_x_parser::ast as peer;

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
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let mut files = Vec::new();
    if own.is_dir() {
        rule_files(&own, &mut files);
    }
    if let Some(directory) = std::env::var_os("HALLMARK_RULESETS") {
        let directory = PathBuf::from(directory);
        assert!(directory.is_dir(), "HALLMARK_RULESETS: {} is not a directory", directory.display());
        let before = files.len();
        rule_files(&directory, &mut files);
        assert!(files.len() > before, "HALLMARK_RULESETS: no rule files below {}", directory.display());
    }
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

fn rule_files(directory: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rule_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yar" || extension == "yara") {
            files.push(path);
        }
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
    let peer_tree = peer::AST::from(bytes);
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

/// Writes our trees.
struct Ours;

impl Ours {
    fn item(&self, item: &ours::Item<'_>) -> (String, String) {
        match item {
            ours::Item::Import(name) => ("import".to_owned(), quoted(&name.value)),
            ours::Item::Include(name) => ("include".to_owned(), quoted(&name.value)),
            ours::Item::Rule(rule) => (format!("rule {}", rule.name.name), self.rule(rule)),
        }
    }

    fn rule(&self, rule: &ours::Rule<'_>) -> String {
        format!(
            "(rule private={} global={} (tags{}) (meta{}) (patterns{}) {})",
            rule.private.is_some(),
            rule.global.is_some(),
            join(rule.tags.iter().map(|tag| tag.name.to_owned())),
            join(rule.meta.iter().map(|meta| format!("({} {})", meta.name.name, self.meta(&meta.value)))),
            join(rule.patterns.iter().map(|pattern| self.pattern(pattern))),
            self.expr(&rule.condition)
        )
    }

    fn meta(&self, value: &ours::MetaValue<'_>) -> String {
        match value {
            ours::MetaValue::Int(value) => value.to_string(),
            ours::MetaValue::Float(value) => float(*value),
            ours::MetaValue::Bool(value) => value.to_string(),
            ours::MetaValue::Str(value) => quoted(value),
        }
    }

    fn pattern(&self, pattern: &ours::Pattern<'_>) -> String {
        let body = match &pattern.body {
            ours::PatternBody::Text(text) => quoted(&text.value),
            ours::PatternBody::Hex(tokens) => format!("{{{}}}", self.hex(tokens)),
            ours::PatternBody::Regex(regex) => self.regex(regex),
        };
        format!(
            "({} {body}{})",
            pattern.id.name,
            join(pattern.modifiers.iter().map(|one| self.modifier(one)))
        )
    }

    fn modifier(&self, modifier: &ours::Modifier<'_>) -> String {
        let alphabet = |alphabet: &Option<ours::Literal<'_>>| match alphabet {
            Some(alphabet) => format!("({})", quoted(&alphabet.value)),
            None => String::new(),
        };
        match &modifier.kind {
            ours::ModifierKind::Ascii => "ascii".to_owned(),
            ours::ModifierKind::Wide => "wide".to_owned(),
            ours::ModifierKind::Nocase => "nocase".to_owned(),
            ours::ModifierKind::Fullword => "fullword".to_owned(),
            ours::ModifierKind::Private => "private".to_owned(),
            ours::ModifierKind::Xor { min, max } => format!("xor({min}-{max})"),
            ours::ModifierKind::Base64(one) => format!("base64{}", alphabet(one)),
            ours::ModifierKind::Base64Wide(one) => format!("base64wide{}", alphabet(one)),
        }
    }

    fn hex(&self, tokens: &[ours::HexToken]) -> String {
        join(tokens.iter().map(|token| match token {
            ours::HexToken::Byte { value, mask, negated, .. } => {
                format!("{}{value:02x}/{mask:02x}", if *negated { "~" } else { "" })
            }
            ours::HexToken::Jump { min, max, .. } => format!("[{min}-{max:?}]"),
            ours::HexToken::Alternatives { options, .. } => {
                format!("({})", options.iter().map(|option| self.hex(option)).collect::<Vec<_>>().join("|"))
            }
        }))
    }

    fn regex(&self, regex: &ours::Regex<'_>) -> String {
        format!(
            "(regex {} {} {})",
            quoted(regex.source.as_bytes()),
            regex.case_insensitive,
            regex.dot_matches_new_line
        )
    }

    fn exprs(&self, exprs: &[ours::Expr<'_>]) -> String {
        join(exprs.iter().map(|expr| self.expr(expr)))
    }

    fn expr(&self, expr: &ours::Expr<'_>) -> String {
        match &expr.kind {
            ours::ExprKind::Bool(value) => value.to_string(),
            ours::ExprKind::Int(value) => value.to_string(),
            ours::ExprKind::Float(value) => float(*value),
            ours::ExprKind::Str(value) => quoted(value),
            ours::ExprKind::Regex(regex) => self.regex(regex),
            ours::ExprKind::Filesize => "filesize".to_owned(),
            ours::ExprKind::Entrypoint => "entrypoint".to_owned(),
            ours::ExprKind::Match { id, anchor } => {
                anchored(format!("match {}", id.name), anchor.as_deref().map(|anchor| self.anchor(anchor)))
            }
            ours::ExprKind::Count { id, range } => {
                anchored(format!("count {}", id.name), range.as_deref().map(|range| self.range(range)))
            }
            ours::ExprKind::Offset { id, index } => {
                anchored(format!("offset {}", id.name), index.as_deref().map(|index| self.expr(index)))
            }
            ours::ExprKind::Length { id, index } => {
                anchored(format!("length {}", id.name), index.as_deref().map(|index| self.expr(index)))
            }
            ours::ExprKind::Ident(name) => name.name.to_owned(),
            ours::ExprKind::Field(of, name) => format!("(field {} {})", self.expr(of), name.name),
            ours::ExprKind::Index(of, index) => format!("(index {} {})", self.expr(of), self.expr(index)),
            ours::ExprKind::Call(function, arguments) => {
                format!("(call {}{})", self.expr(function), self.exprs(arguments))
            }
            ours::ExprKind::Unary(op, operand) => format!("({op:?} {})", self.expr(operand)),
            ours::ExprKind::And(operands) => format!("(and{})", self.exprs(operands)),
            ours::ExprKind::Or(operands) => format!("(or{})", self.exprs(operands)),
            ours::ExprKind::Binary(op, left, right) => {
                format!("({op:?} {} {})", self.expr(left), self.expr(right))
            }
            ours::ExprKind::Of { quantifier, set, anchor } => anchored(
                format!("of {} {}", self.quantifier(quantifier), self.set(set)),
                anchor.as_deref().map(|anchor| self.anchor(anchor)),
            ),
            ours::ExprKind::ForOf { quantifier, set, body } => {
                format!("(for {} of {} {})", self.quantifier(quantifier), self.set(set), self.expr(body))
            }
            ours::ExprKind::ForIn { quantifier, vars, iterable, body } => {
                let iterable = match iterable {
                    ours::Iterable::Range(range) => self.range(range),
                    ours::Iterable::List(items) => format!("(list{})", self.exprs(items)),
                    ours::Iterable::Expr(expr) => self.expr(expr),
                };
                let vars = join(vars.iter().map(|var| var.name.to_owned()));
                format!("(for {}{vars} in {iterable} {})", self.quantifier(quantifier), self.expr(body))
            }
            ours::ExprKind::With { bindings, body } => {
                let bindings = join(
                    bindings.iter().map(|(name, value)| format!("({} {})", name.name, self.expr(value))),
                );
                format!("(with{bindings} {})", self.expr(body))
            }
        }
    }

    fn anchor(&self, anchor: &ours::Anchor<'_>) -> String {
        match anchor {
            ours::Anchor::At(expr) => format!("at {}", self.expr(expr)),
            ours::Anchor::In(range) => format!("in {}", self.range(range)),
        }
    }

    fn range(&self, range: &ours::Range<'_>) -> String {
        format!("({}..{})", self.expr(&range.low), self.expr(&range.high))
    }

    fn quantifier(&self, quantifier: &ours::Quantifier<'_>) -> String {
        match quantifier {
            ours::Quantifier::All => "all".to_owned(),
            ours::Quantifier::Any => "any".to_owned(),
            ours::Quantifier::None => "none".to_owned(),
            ours::Quantifier::Count(expr) => self.expr(expr),
            ours::Quantifier::Percent(expr) => format!("{}%", self.expr(expr)),
        }
    }

    fn set(&self, set: &ours::OfSet<'_>) -> String {
        let names =
            |items: &[ours::SetItem<'_>]| join(items.iter().map(|item| set_item(item.name, item.wildcard)));
        match set {
            ours::OfSet::Them(_) => "them".to_owned(),
            ours::OfSet::Patterns(items) => format!("(set{})", names(items)),
            ours::OfSet::Rules(items) => format!("(exprs{})", names(items)),
            ours::OfSet::Exprs(exprs) => format!("(exprs{})", self.exprs(exprs)),
        }
    }
}

/// Writes the peer's trees the way [`Ours`] writes ours.
struct Peer;

impl Peer {
    fn item(&self, item: &peer::Item<'_>) -> (String, String) {
        match item {
            peer::Item::Import(import) => ("import".to_owned(), quoted(import.module_name.as_bytes())),
            peer::Item::Include(include) => ("include".to_owned(), quoted(include.file_name.as_bytes())),
            peer::Item::Rule(rule) => (format!("rule {}", rule.identifier.name), self.rule(rule)),
        }
    }

    fn rule(&self, rule: &peer::Rule<'_>) -> String {
        let tags = rule.tags.iter().flatten().map(|tag| tag.name.to_owned());
        let meta = rule.meta.iter().flatten();
        let patterns = rule.patterns.iter().flatten();
        format!(
            "(rule private={} global={} (tags{}) (meta{}) (patterns{}) {})",
            rule.flags.contains(peer::RuleFlags::Private),
            rule.flags.contains(peer::RuleFlags::Global),
            join(tags),
            join(meta.map(|meta| format!("({} {})", meta.identifier.name, self.meta(&meta.value)))),
            join(patterns.map(|pattern| self.pattern(pattern))),
            self.expr(&rule.condition)
        )
    }

    fn meta(&self, value: &peer::MetaValue<'_>) -> String {
        match value {
            peer::MetaValue::Integer((value, _)) => value.to_string(),
            peer::MetaValue::Float((value, _)) => float(*value),
            peer::MetaValue::Bool((value, _)) => value.to_string(),
            peer::MetaValue::String((value, _)) => quoted(value.as_bytes()),
            peer::MetaValue::Bytes((value, _)) => quoted(value),
        }
    }

    fn pattern(&self, pattern: &peer::Pattern<'_>) -> String {
        let body = match pattern {
            peer::Pattern::Text(text) => quoted(&text.text.value),
            peer::Pattern::Hex(hex) => format!("{{{}}}", self.hex(&hex.sub_patterns)),
            peer::Pattern::Regexp(regex) => self.regex(&regex.regexp),
        };
        let modifiers = join(pattern.modifiers().iter().map(|one| self.modifier(one)));
        format!("({} {body}{modifiers})", pattern.identifier().name)
    }

    fn modifier(&self, modifier: &peer::PatternModifier<'_>) -> String {
        match modifier {
            peer::PatternModifier::Xor { start, end, .. } => format!("xor({start}-{end})"),
            peer::PatternModifier::Base64 { alphabet: Some(alphabet), .. } => {
                format!("base64({})", quoted(&alphabet.value))
            }
            peer::PatternModifier::Base64Wide { alphabet: Some(alphabet), .. } => {
                format!("base64wide({})", quoted(&alphabet.value))
            }
            plain => plain.as_text().to_owned(),
        }
    }

    fn hex(&self, tokens: &peer::HexSubPattern) -> String {
        join(tokens.iter().map(|token| match token {
            peer::HexToken::Byte(byte) => format!("{:02x}/{:02x}", byte.value, byte.mask),
            peer::HexToken::NotByte(byte) => format!("~{:02x}/{:02x}", byte.value, byte.mask),
            peer::HexToken::Jump(jump) => format!("[{}-{:?}]", jump.start.unwrap_or(0), jump.end),
            peer::HexToken::Alternative(group) => {
                format!(
                    "({})",
                    group.alternatives.iter().map(|one| self.hex(one)).collect::<Vec<_>>().join("|")
                )
            }
        }))
    }

    /// The peer leaves `\/` in the text of a regular expression.
    fn regex(&self, regex: &peer::Regexp<'_>) -> String {
        let mut source = String::new();
        let mut letters = regex.src.chars();
        while let Some(letter) = letters.next() {
            match (letter, (letter == '\\').then(|| letters.next()).flatten()) {
                (_, Some('/')) => source.push('/'),
                (_, Some(escaped)) => source.extend(['\\', escaped]),
                (_, None) => source.push(letter),
            }
        }
        format!(
            "(regex {} {} {})",
            quoted(source.as_bytes()),
            regex.case_insensitive,
            regex.dot_matches_new_line
        )
    }

    fn exprs<'e>(&self, exprs: impl IntoIterator<Item = &'e peer::Expr<'e>>) -> String {
        join(exprs.into_iter().map(|expr| self.expr(expr)))
    }

    /// The peer keeps chains of one arithmetic operator flat.
    fn chain(&self, op: &str, chain: &peer::NAryExpr<'_>) -> String {
        let mut operands = chain.operands().map(|operand| self.expr(operand));
        let first = operands.next().unwrap();
        operands.fold(first, |left, right| format!("({op} {left} {right})"))
    }

    fn binary(&self, op: &str, binary: &peer::BinaryExpr<'_>) -> String {
        format!("({op} {} {})", self.expr(&binary.lhs), self.expr(&binary.rhs))
    }

    fn pattern_name(name: &str) -> String {
        format!("${}", name.get(1..).unwrap_or_default())
    }

    fn expr(&self, expr: &peer::Expr<'_>) -> String {
        use peer::Expr;
        match expr {
            Expr::True { .. } => "true".to_owned(),
            Expr::False { .. } => "false".to_owned(),
            Expr::Filesize { .. } => "filesize".to_owned(),
            Expr::Entrypoint { .. } => "entrypoint".to_owned(),
            Expr::LiteralString(text) => quoted(&text.value),
            Expr::LiteralInteger(integer) => integer.value.to_string(),
            Expr::LiteralFloat(value) => float(value.value),
            Expr::Regexp(regex) => self.regex(regex),
            Expr::Ident(name) => name.name.to_owned(),
            Expr::PatternMatch(found) => anchored(
                format!("match {}", found.identifier.name),
                found.anchor.as_ref().map(|anchor| self.anchor(anchor)),
            ),
            Expr::PatternCount(count) => anchored(
                format!("count {}", Self::pattern_name(count.identifier.name)),
                count.range.as_ref().map(|range| self.range(range)),
            ),
            Expr::PatternOffset(offset) => anchored(
                format!("offset {}", Self::pattern_name(offset.identifier.name)),
                offset.index.as_ref().map(|index| self.expr(index)),
            ),
            Expr::PatternLength(length) => anchored(
                format!("length {}", Self::pattern_name(length.identifier.name)),
                length.index.as_ref().map(|index| self.expr(index)),
            ),
            Expr::Lookup(lookup) => {
                format!("(index {} {})", self.expr(&lookup.primary), self.expr(&lookup.index))
            }
            Expr::FieldAccess(path) => self.path(path.operands()),
            Expr::FuncCall(call) => self.call(call, None),
            Expr::Defined(unary) => format!("(Defined {})", self.expr(&unary.operand)),
            Expr::Not(unary) => format!("(Not {})", self.expr(&unary.operand)),
            // Ours folds `-0` as it does every other literal.
            Expr::Minus(unary) => match &unary.operand {
                Expr::LiteralInteger(zero) if zero.value == 0 => "0".to_owned(),
                operand => format!("(Neg {})", self.expr(operand)),
            },
            Expr::BitwiseNot(unary) => format!("(BitNot {})", self.expr(&unary.operand)),
            Expr::And(chain) => format!("(and{})", self.exprs(chain.operands())),
            Expr::Or(chain) => format!("(or{})", self.exprs(chain.operands())),
            Expr::Add(chain) => self.chain("Add", chain),
            Expr::Sub(chain) => self.chain("Sub", chain),
            Expr::Mul(chain) => self.chain("Mul", chain),
            Expr::Div(chain) => self.chain("Div", chain),
            Expr::Mod(chain) => self.chain("Mod", chain),
            Expr::Shl(binary) => self.binary("Shl", binary),
            Expr::Shr(binary) => self.binary("Shr", binary),
            Expr::BitwiseAnd(binary) => self.binary("BitAnd", binary),
            Expr::BitwiseOr(binary) => self.binary("BitOr", binary),
            Expr::BitwiseXor(binary) => self.binary("BitXor", binary),
            Expr::Eq(binary) => self.binary("Eq", binary),
            Expr::Ne(binary) => self.binary("Ne", binary),
            Expr::Lt(binary) => self.binary("Lt", binary),
            Expr::Gt(binary) => self.binary("Gt", binary),
            Expr::Le(binary) => self.binary("Le", binary),
            Expr::Ge(binary) => self.binary("Ge", binary),
            Expr::Contains(binary) => self.binary("Contains", binary),
            Expr::IContains(binary) => self.binary("IContains", binary),
            Expr::StartsWith(binary) => self.binary("StartsWith", binary),
            Expr::IStartsWith(binary) => self.binary("IStartsWith", binary),
            Expr::EndsWith(binary) => self.binary("EndsWith", binary),
            Expr::IEndsWith(binary) => self.binary("IEndsWith", binary),
            Expr::IEquals(binary) => self.binary("IEquals", binary),
            Expr::Matches(binary) => self.binary("Matches", binary),
            Expr::Of(of) => anchored(
                format!(
                    "of {} {}",
                    self.quantifier(&of.quantifier),
                    match &of.items {
                        peer::OfItems::PatternSet(set) => self.set(set),
                        peer::OfItems::BoolExprTuple(exprs) => format!("(exprs{})", self.exprs(exprs)),
                    }
                ),
                of.anchor.as_ref().map(|anchor| self.anchor(anchor)),
            ),
            Expr::ForOf(each) => format!(
                "(for {} of {} {})",
                self.quantifier(&each.quantifier),
                self.set(&each.pattern_set),
                self.expr(&each.body)
            ),
            Expr::ForIn(each) => {
                let iterable = match &each.iterable {
                    peer::Iterable::Range(range) => self.range(range),
                    peer::Iterable::ExprTuple(items) => format!("(list{})", self.exprs(items)),
                    peer::Iterable::Expr(expr) => self.expr(expr),
                };
                let vars = join(each.variables.iter().map(|var| var.name.to_owned()));
                format!(
                    "(for {}{vars} in {iterable} {})",
                    self.quantifier(&each.quantifier),
                    self.expr(&each.body)
                )
            }
            Expr::With(with) => {
                let bindings = join(
                    with.declarations
                        .iter()
                        .map(|one| format!("({} {})", one.identifier.name, self.expr(&one.expression))),
                );
                format!("(with{bindings} {})", self.expr(&with.body))
            }
        }
    }

    /// The peer's paths are lists whose calls and lookups hold the steps before them; ours are nested to the left.
    fn path<'e>(&self, steps: impl Iterator<Item = &'e peer::Expr<'e>>) -> String {
        let mut path: Option<String> = None;
        for step in steps {
            path = Some(match path {
                None => self.expr(step),
                Some(before) => self.step(before, step),
            });
        }
        path.unwrap_or_default()
    }

    /// One step of a path, after those before it.
    fn step(&self, before: String, step: &peer::Expr<'_>) -> String {
        match step {
            peer::Expr::Ident(name) => format!("(field {before} {})", name.name),
            peer::Expr::Lookup(lookup) => {
                format!("(index {} {})", self.step(before, &lookup.primary), self.expr(&lookup.index))
            }
            peer::Expr::FuncCall(call) => self.call(call, Some(before)),
            peer::Expr::FieldAccess(path) => {
                path.operands().fold(before, |before, step| self.step(before, step))
            }
            other => panic!("unexpected step of a path: {other:?}"),
        }
    }

    fn call(&self, call: &peer::FuncCall<'_>, before: Option<String>) -> String {
        let object = match (&call.object, before) {
            (Some(object), Some(before)) => Some(self.step(before, object)),
            (Some(object), None) => Some(self.expr(object)),
            (None, before) => before,
        };
        let function = match object {
            Some(object) => format!("(field {object} {})", call.identifier.name),
            None => call.identifier.name.to_owned(),
        };
        format!("(call {function}{})", self.exprs(&call.args))
    }

    fn anchor(&self, anchor: &peer::MatchAnchor<'_>) -> String {
        match anchor {
            peer::MatchAnchor::At(at) => format!("at {}", self.expr(&at.expr)),
            peer::MatchAnchor::In(within) => format!("in {}", self.range(&within.range)),
        }
    }

    fn range(&self, range: &peer::Range<'_>) -> String {
        format!("({}..{})", self.expr(&range.lower_bound), self.expr(&range.upper_bound))
    }

    fn quantifier(&self, quantifier: &peer::Quantifier<'_>) -> String {
        match quantifier {
            peer::Quantifier::All { .. } => "all".to_owned(),
            peer::Quantifier::Any { .. } => "any".to_owned(),
            peer::Quantifier::None { .. } => "none".to_owned(),
            peer::Quantifier::Expr(expr) => self.expr(expr),
            peer::Quantifier::Percentage(expr) => format!("{}%", self.expr(expr)),
        }
    }

    fn set(&self, set: &peer::PatternSet<'_>) -> String {
        match set {
            peer::PatternSet::Them { .. } => "them".to_owned(),
            peer::PatternSet::Set(items) => {
                format!("(set{})", join(items.iter().map(|item| set_item(item.identifier, item.wildcard))))
            }
        }
    }
}
