//! Rules written to harm the compiler: each compiles or is refused by name, and all of them in bounded memory. How long
//! each may take is not tested, only that none hangs.

use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use hallmark_compiler::diagnostic::Severity;
use hallmark_compiler::{Loader, Options, Source, compile};

/// How long one source may take before it counts as hanging.
const HANG: Duration = Duration::from_secs(60);
/// Address space of the process that compiles them, in KiB: 1 GiB, and what threads and the program itself reserve.
const ADDRESS_SPACE: usize = (1 << 20) + (1 << 19);

/// Set for the process with bounded memory, which is this program once more.
const BOUNDED: &str = "HALLMARK_TEST_BOUNDED";

/// What a source is expected to give: an image.
const COMPILES: &str = "";

/// A name, a source, and the code of an error that it is refused with, if it is.
type Case = (&'static str, Vec<u8>, &'static str);

fn rule(condition: impl AsRef<str>) -> Vec<u8> {
    format!("rule r {{ condition: {} }}", condition.as_ref()).into_bytes()
}

fn pattern(pattern: impl AsRef<str>) -> Vec<u8> {
    format!("rule r {{ strings: $a = {} condition: $a }}", pattern.as_ref()).into_bytes()
}

fn regex(source: impl AsRef<str>) -> Vec<u8> {
    pattern(format!("/{}/", source.as_ref()))
}

/// A rule of `count` patterns.
fn patterns(count: usize, each: impl Fn(usize) -> String, condition: impl AsRef<str>) -> Vec<u8> {
    let patterns: String = (0..count).map(|n| format!("$a{n} = {}\n", each(n))).collect();
    format!("rule r {{ strings: {patterns} condition: {} }}", condition.as_ref()).into_bytes()
}

fn rules(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(|n| format!("rule a{n} {}\n", each(n))).collect()
}

fn nested(open: &str, inner: &str, close: &str, levels: usize) -> String {
    open.repeat(levels) + inner + &close.repeat(levels)
}

fn joined(count: usize, with: &str, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect::<Vec<_>>().join(with)
}

fn many<T: ToString>(count: usize, with: &str, what: T) -> String {
    joined(count, with, |_| what.to_string())
}

fn nesting() -> Vec<Case> {
    const DEEP: usize = 100_000;
    vec![
        ("parentheses", rule(nested("(", "true", ")", DEEP)), "E0023"),
        ("not", rule("not ".repeat(DEEP) + "true"), "E0023"),
        ("minus", rule("-".repeat(DEEP) + "1 == 1"), "E0023"),
        ("calls", rule(nested("uint8(", "0", ")", DEEP) + " == 1"), "E0023"),
        ("loops", rule(nested("for any i in (0..1) : (", "true", ")", DEEP)), "E0023"),
        (
            "loops of allowed depth",
            rule(nested("for all i in (0..9223372036854775806) : (", "true", ")", 16)),
            COMPILES,
        ),
        ("loops in a row", rule(many(5_000, " or ", "for all i in (0..99999999) : (i > 0)")), COMPILES),
        ("with", rule(nested("with i = 1 : (", "true", ")", DEEP)), "E0023"),
        ("sets of conditions", rule(nested("any of (", "true", ")", DEEP)), "E0023"),
        ("sums", rule(many(DEEP, "+", "filesize") + " == 1"), "E0023"),
        (
            "fields",
            [b"import \"pe\" ".to_vec(), rule("pe".to_owned() + &".a".repeat(DEEP) + " == 1")].concat(),
            "E0023",
        ),
        ("hex alternatives", pattern(format!("{{ 41 {} }}", nested("( 42 | ", "43", ")", DEEP))), "E0023"),
        ("groups", regex("x".to_owned() + &nested("(", "a", ")", 1_000)), "E0200"),
        ("stars", regex("x".to_owned() + &nested("(", "a", "*)*", 1_000)), "E0200"),
        ("more groups than text is allowed", regex("x".to_owned() + &nested("(", "a", ")", DEEP)), "E0204"),
    ]
}

fn conditions() -> Vec<Case> {
    let texts = |n: usize| format!("\"text{n}\"");
    vec![
        ("and without end", rule(many(200_000, " and ", "filesize == 1")), "E0028"),
        (
            "a long list",
            rule(format!("for any i in ({}) : (i == filesize)", joined(30_000, ",", |n| n.to_string()))),
            "E0125",
        ),
        ("a list without end", rule(format!("for any i in ({}) : (i == 1)", many(600_000, ",", 1))), "E0028"),
        ("a long set", rule(format!("2 of ({})", many(70_000, ",", "filesize == 1"))), "E0125"),
        (
            "variables",
            rule(format!("with {} : (a1 == 1)", joined(1_000, ",", |n| format!("a{n} = 1")))),
            "E0023",
        ),
        ("digits", rule("1".repeat(1_000_000) + " == 1"), "E0018"),
        ("sets of all", patterns(3_000, texts, many(3_000, " or ", "2 of ($a*)")), "E0124"),
        (
            "sets of all, again and again",
            patterns(100_000, texts, many(5_000, " or ", "2 of ($a*)")),
            "E0124",
        ),
        (
            "wildcards for each",
            patterns(10_000, texts, format!("2 of ({})", joined(10_000, ",", |n| format!("$a{n}*")))),
            COMPILES,
        ),
        (
            "names for each",
            patterns(10_000, texts, format!("2 of ({})", joined(10_000, ",", |n| format!("$a{n}")))),
            COMPILES,
        ),
        (
            "sets in ranges",
            patterns(3_000, texts, joined(3_000, " or ", |n| format!("any of them in ({n}..{n})"))),
            "E0124",
        ),
        (
            "triggers of triggers",
            patterns(
                300,
                texts,
                many(300, " and ", format!("({})", joined(300, " or ", |n| format!("$a{n}")))),
            ),
            COMPILES,
        ),
        ("half of many", patterns(3_000, texts, "1500 of them"), COMPILES),
        ("regular expressions", rule(many(1_000, " or ", "\"a\" matches /x(abc|def){0,3000}/")), "E0126"),
        ("unknown names", rule(joined(20_000, " or ", |n| format!("zz{n}"))), "E0100"),
        ("unknown patterns", patterns(10, texts, joined(20_000, " or ", |n| format!("$b{n}"))), "E0101"),
        ("unused patterns", patterns(20_000, texts, "true"), "E0113"),
    ]
}

fn regexes() -> Vec<Case> {
    let thousand = |source: &str| patterns(1_000, |_| format!("/{source}/"), "any of them");
    let words = joined(6_000, "|", |n| format!("word{n:05}"));
    vec![
        ("counted without end", regex("a{4294967295}"), "E0204"),
        ("counted beyond numbers", regex("a{99999999999}"), "E0200"),
        ("counts of counts", regex("x((a{1,1000}){1,1000}){1,1000}"), "E0204"),
        ("counts of nothing", regex("x((a{0}){1000000000}){1000000000}"), COMPILES),
        ("counts of maybe nothing", regex("x((|a){1000}){1000}"), "E0204"),
        ("counts of a place", regex("x".to_owned() + &nested("(", "\\b", "){1000}", 29)), COMPILES),
        ("a count as large as can be", regex("x[a-z]{0,30000}y"), COMPILES),
        ("many of those", thousand("x[a-z]{0,30000}y"), COMPILES),
        ("counted alternatives", thousand("x(abc|def|ghi){0,3000}y"), "E0126"),
        ("counted choices", thousand("x(a?b?c?d?){4000}y"), "E0126"),
        ("counted words", thousand("(abcdefgh){8000}"), "E0126"),
        ("counted letters of all scripts", thousand("(?u)x\\pL{0,50}y"), "E0126"),
        ("counted letters of all scripts, each within bounds", thousand("(?u)x\\pL{0,20}y"), "E0126"),
        ("classes", regex("x".to_owned() + &"[^a]".repeat(16_000)), COMPILES),
        ("classes of all scripts", regex("(?u)".to_owned() + &"x\\PL".repeat(300)), "E0204"),
        ("classes in classes", regex(format!("x{}", nested("[a-z&&", "[a]", "]", 90))), COMPILES),
        ("words", regex(format!("x({words})")), COMPILES),
        ("prefixes of each other", regex(format!("({})", joined(300, "|", |n| "a".repeat(n + 1)))), COMPILES),
        ("nothing or nothing", regex(format!("x({})", "|".repeat(30_000))), COMPILES),
        ("products of alternatives", regex("(ab|b)".repeat(9_000)), COMPILES),
        ("gaps", regex("ab".to_owned() + &".{0,60}".repeat(1_000) + "cd"), COMPILES),
        ("stars in a row", regex("ab".to_owned() + &".*".repeat(20_000) + "cd"), COMPILES),
        (
            "gaps in alternatives",
            regex(format!("({})", joined(2_000, "|", |n| format!("a.{{0,{n}}}b")))),
            "E0204",
        ),
        ("a megabyte", regex("ab".repeat(500_000)), "E0204"),
        ("never closed", rule("/".to_owned() + &"x".repeat(1_000_000)), "E0007"),
    ]
}

fn texts_and_bytes() -> Vec<Case> {
    let megabyte = "abcdefgh".repeat(125_000);
    let text = |modifiers: &str| pattern(format!("\"{megabyte}\" {modifiers}"));
    let hex = |source: String| pattern(format!("{{ {source} }}"));
    let numbered = |count, modifiers: &'static str| {
        patterns(count, move |n| format!("\"text{n}\" {modifiers}"), "any of them")
    };
    vec![
        ("a megabyte of text", text(""), COMPILES),
        ("a megabyte in all cases", text("wide ascii nocase"), COMPILES),
        ("a megabyte under all keys", text("xor wide ascii fullword"), COMPILES),
        ("a megabyte in base64", text("base64 base64wide ascii wide"), "E0204"),
        ("ten thousand texts", numbered(10_000, ""), COMPILES),
        ("ten thousand in all cases", numbered(10_000, "wide ascii nocase fullword"), COMPILES),
        ("ten thousand under all keys", numbered(10_000, "xor"), COMPILES),
        ("a hundred thousand under all keys", numbered(100_000, "xor wide ascii"), "E0126"),
        ("ten thousand in base64", numbered(10_000, "base64 base64wide wide ascii"), COMPILES),
        (
            "long ones in base64",
            patterns(
                500,
                |n| format!("\"{}\" base64 base64wide wide ascii", format!("t{n:04}").repeat(2_000)),
                "any of them",
            ),
            "E0126",
        ),
        ("more patterns than a rule may have", numbered(100_001, ""), "E0114"),
        (
            "ten thousand times the same",
            patterns(10_000, |_| "\"same text\"".to_owned(), "any of them"),
            COMPILES,
        ),
        ("a megabyte of hex", hex("41 42 ".repeat(200_000)), COMPILES),
        ("nothing known", hex("41".to_owned() + &" ??".repeat(300_000) + " 42"), COMPILES),
        ("nibbles", hex("4? ?1 ".repeat(100_000) + "43"), COMPILES),
        ("bytes that must not be", hex("41".to_owned() + &" ~42".repeat(100_000) + " 43"), "E0204"),
        ("jumps", hex("41 [1-2] ".repeat(5_000) + "42"), "E0205"),
        ("a jump beyond numbers", hex("41 [0-99999999999999999999] 42".to_owned()), "E0020"),
        ("the longest jump", hex("41 [0-4294967295] 42".to_owned()), COMPILES),
        ("the longest jump in alternatives", hex("41 ( 42 [0-4294967295] 43 | 44 ) 45".to_owned()), "E0204"),
        ("alternatives in a row", hex("( 41 | 42 )".repeat(20_000)), COMPILES),
        ("alternatives of jumps", hex("( 41 | 42 [1-20] 43 )".repeat(1_000)), COMPILES),
        (
            "twenty thousand alternatives",
            hex(format!("41 ({}) 42", joined(20_000, "|", |n| format!("{:02x} {:02x}", n / 256, n % 256)))),
            COMPILES,
        ),
    ]
}

fn files() -> Vec<Case> {
    let refer = |n: usize| n.checked_sub(1).map_or("false".to_owned(), |above| format!("a{above}"));
    vec![
        ("rules", rules(50_000, |n| format!("{{ condition: filesize == {n} }}")).into(), COMPILES),
        (
            "rules that refer to each other",
            rules(20_000, |n| format!("{{ condition: {} }}", refer(n))).into(),
            COMPILES,
        ),
        ("rules of one name", "rule a { condition: false }\n".repeat(50_000).into(), "E0110"),
        ("rules of unknown names", rules(50_000, |n| format!("{{ condition: zz{n} }}")).into(), "E0100"),
        (
            "sets of rules",
            [rules(3_000, |_| "{ condition: false }".into()).into(), rule(many(3_000, " or ", "2 of (a*)"))]
                .concat(),
            "E0124",
        ),
        (
            "sets of rules in all rules",
            ((0..6_000)
                .map(|n| format!("rule a{n} {{ condition: false }} rule b{n} {{ condition: 1 of (a*) }}\n")))
            .collect::<String>()
            .replace("(a*)", "(a0, a*)")
            .into(),
            "E0100",
        ),
        ("rules that never end", "rule r { condition: ".repeat(100_000).into(), "E0025"),
        ("words", "rule ".repeat(1_000_000).into(), "E0024"),
        ("braces", "{".repeat(1_000_000).into(), "E0001"),
        ("comments in comments", "/*".repeat(1_000_000).into(), "E0009"),
        (
            "metadata",
            format!(
                "rule r {{ meta: {} condition: true }}",
                joined(200_000, " ", |n| format!("m{n} = \"value\""))
            )
            .into(),
            COMPILES,
        ),
        (
            "much metadata",
            format!("rule r {{ meta: m = \"{}\" condition: true }}", "x".repeat(20_000_000)).into(),
            COMPILES,
        ),
        (
            "tags",
            format!("rule r : {} {{ condition: true }}", joined(100_000, " ", |n| format!("t{n}"))).into(),
            COMPILES,
        ),
        (
            "tags of one name",
            format!("rule r : {} {{ condition: true }}", many(100_000, " ", "t")).into(),
            "E0112",
        ),
        ("a long name", format!("rule {} {{ condition: true }}", "r".repeat(1_000_000)).into(), COMPILES),
        (
            "long names that are nearly alike",
            [
                rules(1_000, |n| format!("{}{n} {{ condition: true }}", "a".repeat(1_000)))
                    .replace("rule a", "rule b")
                    .into(),
                rule("a".repeat(1_000)),
            ]
            .concat(),
            "E0001",
        ),
        ("imports", "import \"nothing\"\n".repeat(50_000).into(), "E0103"),
        ("includes", "include \"nothing\"\n".repeat(20_000).into(), "E0119"),
        ("a file that includes itself", "include \"itself\"\n".repeat(1_000).into(), "E0120"),
        ("files that include the next", "include \"next\"".into(), "E0120"),
        ("zeros", vec![0; 10_000_000], "E0002"),
        ("all bytes", (0..=255u8).cycle().take(1 << 20).collect(), "E0002"),
        ("bytes that are not text", b"rule r { strings: $a = /\xFF/ condition: $a }".to_vec(), "E0004"),
        ("a name that is not text", b"rule \xFF { condition: true }".to_vec(), "E0004"),
        (
            "metadata that is not text",
            [&b"rule r { meta: "[..], &b"a = \"\xFF\" ".repeat(100_000), b"condition: true }"].concat(),
            COMPILES,
        ),
        ("lines", "\n".repeat(10_000_000).into(), COMPILES),
    ]
}

/// A file that includes itself, and files each of which includes the next, without end.
struct Endless;

impl Loader for Endless {
    fn load(&self, from: &str, include: &str) -> Result<(String, Vec<u8>), String> {
        match include {
            "itself" => Ok((include.to_owned(), b"include \"itself\"\n".repeat(1_000))),
            "next" => Ok((format!("{from}+"), b"include \"next\"".to_vec())),
            _ => Err("there is no such file".to_owned()),
        }
    }
}

#[test]
fn namespaces_without_end_are_refused() {
    let source = |n: usize| Source {
        name: format!("{n}.yar"),
        namespace: format!("n{n:05}"),
        text: b"rule r { condition: false }".to_vec(),
    };
    let compiled = compile((0..65_538).map(source).collect(), &Options::default(), &Endless, &mut |_| {});
    let errors = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let errors: Vec<_> =
        errors.map(|d| (d.code, compiled.sources[d.source.0 as usize].name.as_str())).collect();
    assert_eq!(errors, [("E0127", "65536.yar"), ("E0127", "65537.yar")]);
}

/// What is wrong with the outcome of a case, if anything.
fn judge(text: Vec<u8>, expected: &str) -> Result<(), String> {
    let source = Source { name: "hostile.yar".into(), namespace: "default".into(), text };
    let compiled = compile(vec![source], &Options::default(), &Endless, &mut |_| {});
    let errors = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    let codes: std::collections::BTreeSet<_> = errors.map(|d| d.code).collect();
    let shown = compiled.diagnostics.len();
    match compiled.image {
        _ if shown > 300 => Err(format!("{shown} diagnostics for one file")),
        Some(_) if expected == COMPILES => Ok(()),
        None if codes.contains(expected) => Ok(()),
        image => Err(format!("expected {expected:?}, found {codes:?}, image: {}", image.is_some())),
    }
}

#[test]
fn hostile_rules_compile_or_are_refused_by_name_in_bounded_memory() {
    if std::env::var_os(BOUNDED).is_some() {
        return judge_all();
    }
    let test = "hostile_rules_compile_or_are_refused_by_name_in_bounded_memory";
    let shell = format!("ulimit -v {ADDRESS_SPACE} && exec \"$0\" --exact --nocapture {test}");
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new("sh");
    child.args(["-c", &shell]).arg(program).env(BOUNDED, "1");
    // Every thread reserves address space.
    child.env("RAYON_NUM_THREADS", "2").env("MALLOC_ARENA_MAX", "2");
    let output = child.output().expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{}\n{text}", output.status);
}

fn judge_all() {
    let mut wrong = Vec::new();
    for (name, text, expected) in [nesting(), conditions(), regexes(), texts_and_bytes(), files()].concat() {
        let (sender, receiver) = channel();
        let started = std::time::Instant::now();
        thread::spawn(move || sender.send(judge(text, expected)));
        let outcome = receiver.recv_timeout(HANG).unwrap_or_else(|error| Err(format!("{error}")));
        println!("{:6} ms  {name}", started.elapsed().as_millis());
        if let Err(why) = outcome {
            wrong.push(format!("{name}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases\n{}", wrong.len(), wrong.join("\n"));
}
