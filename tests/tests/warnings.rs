//! What is warned about, and, as important, what is not.

use std::collections::BTreeSet;

use hallmark_compiler::diagnostic::Severity;
use hallmark_compiler::{Compilation, ExternalValue, Options, Source, compile};
use hallmark_tests::NoIncludes;

fn check(text: &str) -> Compilation {
    let source = Source { name: "a.yar".into(), namespace: "default".into(), text: text.as_bytes().to_vec() };
    let externals = vec![("external".to_owned(), ExternalValue::Int(1))];
    compile(vec![source], &Options { externals, ..Options::default() }, &NoIncludes, &mut |_| {})
}

/// The codes of what is said, each once, and the text they point at.
#[track_caller]
fn said(text: &str) -> Vec<String> {
    let compilation = check(text);
    let errors: Vec<_> = compilation.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{text}\n{errors:#?}");
    let all: BTreeSet<_> = compilation
        .diagnostics
        .iter()
        .map(|d| {
            let span = d.primary.span;
            format!("{} {}", d.code, &text[span.start as usize..span.end as usize])
        })
        .collect();
    all.into_iter().collect()
}

/// A condition, over two patterns, and what is said about it.
const CONDITIONS: &[(&str, &[&str])] = &[
    ("$a or $b", &[]),
    ("any of them", &[]),
    ("none of them", &[]),
    ("0 of them", &["W0104 0 of them"]),
    ("1 of them", &[]),
    ("2 of them", &[]),
    ("3 of them", &["W0102 3 of them"]),
    ("for 3 of them : (# > 1)", &["W0102 for 3 of them : (# > 1)"]),
    ("$a and $b and true", &["W0102 true"]),
    ("$a and ($b or false)", &["W0102 false"]),
    ("not true and $a and $b", &["W0102 not true"]),
    ("any of ($*) and filesize >= 0", &["W0102 filesize >= 0"]),
    ("any of them and 1 == 1", &["W0102 1 == 1"]),
    ("any of them and filesize < 0", &["W0111 filesize < 0"]),
    ("any of them and uint8(0) > 255", &["W0111 uint8(0) > 255"]),
    ("any of them and uint8(0) <= 255", &[]),
    ("any of them and uint8(0) == 255", &[]),
    ("any of them and int8(0) == 255", &["W0111 int8(0) == 255"]),
    ("any of them and uint16(0) == 0x5A4D and uint32be(4) != 0", &[]),
    ("any of them and int32(0) == 0xFFFFFFFF", &["W0111 int32(0) == 0xFFFFFFFF"]),
    ("any of them and (uint16(0) & 0x0F) == 0x10", &["W0111 (uint16(0) & 0x0F) == 0x10"]),
    ("any of them and #a in (0..10) >= 0", &[]),
    ("#a < 0 or $b", &["W0111 #a < 0"]),
    ("any of them and external == 1", &[]),
    ("any of them and external << -1 == 2", &["W0101 external << -1"]),
    ("any of them and external << 1 == 2", &[]),
    ("any of them and filesize % 0 == 2", &["W0101 filesize % 0"]),
    ("any of them and filesize \\ 2 == 2", &[]),
    ("any of them at 0", &[]),
    ("all of them at 0", &["W0111 all of them at 0"]),
    ("all of ($a) at 0 or $b", &[]),
    ("50% of them at 0", &[]),
    ("51% of them at 0", &["W0111 51% of them at 0"]),
    ("hash.md5(0, filesize) == \"00112233445566778899aabbccddeeff\" and any of them", &[]),
    (
        "hash.md5(0, filesize) == \"00112233445566778899AABBCCDDEEFF\" and any of them",
        &["W0111 hash.md5(0, filesize) == \"00112233445566778899AABBCCDDEEFF\""],
    ),
    ("hash.md5(0, filesize) iequals \"00112233445566778899AABBCCDDEEFF\" and any of them", &[]),
    ("\"00\" == hash.sha1(0, 9) and any of them", &["W0111 \"00\" == hash.sha1(0, 9)"]),
    ("elf.import_md5() == \"00\" and any of them", &["W0111 elf.import_md5() == \"00\""]),
    ("elf.import_md5() == \"00112233445566778899aabbccddeeff\" and any of them", &[]),
    ("dex.signature() == \"AB\" and any of them", &["W0111 dex.signature() == \"AB\""]),
    ("any of them and for any i in (0..filesize) : (uint8(i) == 1)", &["W0109 (0..filesize)"]),
    ("$b and for any i in (1..#a) : (@a[i] == 1)", &["W0109 (1..#a)"]),
    ("any of them and for any i in (filesize - 9..filesize) : (uint8(i) == 1)", &[]),
    ("any of them and for any i in (0..math.min(filesize, 99)) : (uint8(i) == 1)", &[]),
    ("any of them and for any i in (0..filesize % 16) : (uint8(i) == 1)", &[]),
    ("any of them and for any i in (1..1000) : (for any j in (1..1000) : (uint8(i) == uint8(j)))", &[]),
    (
        "any of them and for any i in (1..1000) : (for any j in (1..1001) : (for any k in (1, 2) : (uint8(i) == uint8(j + k))))",
        &["W0110 for any j in (1..1001) : (for any k in (1, 2) : (uint8(i) == uint8(j + k)))"],
    ),
    ("any of them and for any i in (1..9) : (uint8(0) == 1)", &["W0112 i"]),
    ("any of them and for any _i in (1..9) : (uint8(0) == 1)", &[]),
    ("any of them and for any k, v in pe.version_info : (v == \"x\")", &[]),
    ("with x = uint8(0), y = x + 1, z = 2 : (y == 3 and any of them)", &["W0112 z"]),
    ("pe.is_pe and any of them", &[]),
    ("pe.is_pe == 1 and any of them", &["W0105 pe.is_pe == 1"]),
    ("pe.is_pe == true and any of them", &[]),
];

#[test]
fn conditions_are_warned_about_as_listed() {
    for (condition, wanted) in CONDITIONS {
        let text = format!(
            "import \"pe\" import \"hash\" import \"math\" import \"elf\" import \"dex\" rule r {{ strings: $a = \"abcd\" $b = \"efgh\" condition: {condition} }}"
        );
        assert_eq!(said(&text), *wanted, "{condition}");
    }
}

/// Patterns, the condition, and what is said about them.
const PATTERNS: &[(&str, &str, &[&str])] = &[
    ("$a = \"abcd\" $b = \"abcd\" wide", "any of them", &[]),
    ("$a = \"abcd\" ascii wide $b = \"abcd\" wide ascii", "any of them", &["W0107 \"abcd\""]),
    (
        "$a = { 01 02 03 04 0? [2] 03 } $b = {010203040? [2-2]03}",
        "any of them",
        &["W0107 {010203040? [2-2]03}"],
    ),
    ("$a = { 05 06 07 01 ( 02 | 03 ) 04 } $b = { 05 06 07 01 ( 02 03 ) 04 }", "any of them", &[]),
    ("$a = /abcd/i $b = /abcd/ nocase", "any of them", &[]),
    ("$a = /abcd/i nocase", "$a", &["W0115 nocase"]),
    ("$a = \"abcd\" xor $b = \"abcd\" xor(1-255)", "any of them", &[]),
    ("$a = { 4D 5A }", "$a", &[]),
    ("$a = { 41 42 43 00 }", "$a", &[]),
    ("$a = { 41 42 43 44 }", "$a", &["W0116 { 41 42 43 44 }"]),
    ("$a = { 41 42 43 4? }", "$a", &[]),
    ("$a = { 41 42 43 00 [1] 44 [1] 45 46 47 }", "$a", &[]),
    ("$a = { 41 42 43 00 ( 01 [1-2] [3] 02 | 03 ) }", "$a", &["W0117 [1-2] [3]"]),
    ("$s1 = \"abcd\" $s2 = \"efgh\" $sus = \"ijkl\"", "$sus and any of ($s*)", &["W0113 $s*"]),
    ("$s1 = \"abcd\" $s2 = \"efgh\" $sus = \"ijkl\"", "any of ($s*)", &[]),
    ("$s1 = \"abcd\" $s2 = \"efgh\"", "$s1 and any of ($s*)", &[]),
    ("$s1 = \"abcd\" $t1 = \"efgh\" $t2 = \"ijkl\"", "any of ($s*) and any of ($t*) and all of ($*)", &[]),
    ("$s1 = \"abcd\" $st1 = \"efgh\"", "any of ($s*) and any of ($st*)", &["W0113 $s*"]),
    ("$a = { 00 [1-10] 01 }", "$a", &["W0200 { 00 [1-10] 01 }"]),
    ("$a = { 00 [1-10] 01 }", "$a at 0", &[]),
    ("$a = { 00 [1-10] 01 }", "$a in (0..100)", &[]),
    ("$a = { 00 [1-10] 01 }", "$a in (0..100000)", &["W0200 { 00 [1-10] 01 }"]),
    ("$a = { 00 [1-10] 01 }", "for any of them : ($ at 0)", &["W0200 { 00 [1-10] 01 }"]),
    ("$a = /[a-z]+[0-9]+/ wide", "$a", &["W0200 /[a-z]+[0-9]+/"]),
    ("$a = { 00 00 00 00 }", "$a", &["W0200 { 00 00 00 00 }"]),
    ("$a = { 00 00 00 00 }", "$a and filesize < 0", &["W0111 filesize < 0"]),
    ("$a = \"the \" wide nocase", "$a", &[]),
    ("$a = /[a-z]+word[0-9]+/", "$a", &[]),
];

#[test]
fn patterns_are_warned_about_as_listed() {
    for (patterns, condition, wanted) in PATTERNS {
        let text = format!("rule r {{ strings: {patterns} condition: {condition} }}");
        assert_eq!(said(&text), *wanted, "{patterns} {condition}");
    }
}

#[test]
fn rules_and_imports_are_warned_about() {
    let codes = |text: &str| said(text).into_iter().map(|one| one[..5].to_owned()).collect::<Vec<_>>();
    assert_eq!(codes("import \"pe\" rule pe { condition: filesize > 1 }"), ["W0114"]);
    assert_eq!(codes("rule pe { condition: filesize > 1 }"), [""; 0]);
    assert_eq!(codes("rule external { condition: filesize > 1 }"), ["W0114"]);
    assert_eq!(codes("import \"pe\" import /* again */ \"pe\" rule a { condition: pe.is_pe }"), ["W0106"]);
    let global = "global rule g { condition: filesize > 1 } ";
    assert_eq!(codes(&format!("{global} rule a {{ condition: g and filesize < 9 }}")), ["W0108"]);
    assert_eq!(codes(&format!("{global} global rule a {{ condition: g and filesize < 9 }}")), [""; 0]);
    assert_eq!(codes("rule a { condition: true }"), ["W0102"]);
    assert_eq!(codes("rule a { condition: filesize > 1 } rule b { condition: a }"), [""; 0]);
}

#[test]
fn many_patterns_and_sets_are_judged_in_reasonable_time() {
    let patterns: String = (0..20_000).map(|i| format!("$p{i:05}x = \"abcdefgh{i}\" ")).collect();
    let sets: Vec<String> = (0..2_000).map(|i| format!("any of ($p{i:04}*)")).collect();
    let text = format!("rule r {{ strings: {patterns} condition: any of them and ({}) }}", sets.join(" or "));
    assert!(said(&text).is_empty());
    let nested: Vec<String> = (1..2_000).map(|i| format!("any of (${}*)", "p".repeat(i))).collect();
    let name = "p".repeat(2_000);
    let text = format!("rule r {{ strings: ${name} = \"abcdefgh\" condition: {} }}", nested.join(" or "));
    // A hundred of them, and how many more there are.
    assert_eq!(said(&text).len(), 101);
}
