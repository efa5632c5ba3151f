//! Chosen patterns: forms, atoms and errors.

use hallmark_image::limits::{MAX_PIECES, MAX_PROGRAM_STATES};
use hallmark_image::record::variant_flags::{FULLWORD, WIDE};

use super::*;
use crate::lower::{Body, LoweredVariant};

fn only(lowered: Lowered) -> LoweredVariant {
    let [variant] = <[_; 1]>::try_from(lowered.variants).expect("one variant");
    variant
}

fn of_regex(written: &str) -> LoweredVariant {
    only(lower_regex_pattern(written).expect("a pattern"))
}

fn of_hex(tokens: Vec<HexToken>) -> Result<Lowered, LowerError> {
    lower(&plain(&PatternBody::Hex(tokens)))
}

/// The atoms of the short lane as texts, with their offsets.
fn triples(variant: &LoweredVariant) -> Vec<(String, u16)> {
    let atoms = variant.runs.iter().flat_map(|run| run.atoms().map(move |atom| (run, atom)));
    atoms
        .map(|(run, (at, len))| {
            assert_eq!(len, 3, "{run:?}");
            let bytes: Vec<u8> = run.bytes[at..at + len].iter().map(|b| b.value).collect();
            (String::from_utf8_lossy(&bytes).into_owned(), run.offset + at as u16)
        })
        .collect()
}

fn triple(text: &str, offset: u16) -> (String, u16) {
    (text.to_owned(), offset)
}

/// The places of the atoms in the match, of a variant with one run.
fn places(variant: &LoweredVariant) -> Vec<usize> {
    let [run] = &variant.runs[..] else { panic!("one run: {variant:?}") };
    run.atoms().map(|(at, _)| usize::from(run.offset) + at).collect()
}

fn exact(value: &[u8]) -> Body {
    Body::Bytes { value: value.to_vec(), mask: Vec::new() }
}

#[test]
fn literal_regexes_are_bytes() {
    assert_eq!(of_regex("/ab\\.cd/").body, exact(b"ab.cd"));
    assert_eq!(of_regex("/a{3}(bc){2}/").body, exact(b"aaabcbc"));
    assert_eq!(of_regex("/\u{e9}\\xe9\\//").body, exact(b"\xc3\xa9\xe9/"));
    assert_eq!(of_regex("/a1./is").body, Body::Bytes { value: b"A1\0".to_vec(), mask: vec![0xDF, 0xFF, 0] });
    assert!(matches!(of_regex("/abcd./").body, Body::Program { .. }), "a dot is not every byte");
    assert!(matches!(of_regex("/^abcd/").body, Body::Program { .. }));
}

#[test]
fn lazy_gaps_are_chains() {
    let Body::Chain(pieces) = of_regex("/abcd.{2,9}?efgh/s").body else { panic!("a chain") };
    assert_eq!(
        pieces.iter().map(|piece| (piece.gap_min, piece.gap_max)).collect::<Vec<_>>(),
        [(0, 0), (2, 9)]
    );
    assert!(matches!(of_regex("/abcd.{2,9}efgh/s").body, Body::Program { .. }), "greedy gaps are not");
    let gap = |n, m| vec![byte(1, 0xFF), jump(n, m), byte(2, 0xFF)];
    let body = |tokens| only(of_hex(tokens).expect("a pattern")).body;
    assert_eq!(body(gap(2, Some(2))), Body::Bytes { value: vec![1, 0, 0, 2], mask: vec![0xFF, 0, 0, 0xFF] });
    let Body::Chain(pieces) = body(gap(1000, Some(1000))) else { panic!("a chain") };
    assert_eq!((pieces[1].gap_min, pieces[1].gap_max), (1000, 1000));
    let Body::Chain(pieces) = body(gap(4, None)) else { panic!("a chain") };
    assert_eq!((pieces[1].gap_min, pieces[1].gap_max), (4, u32::MAX));
}

#[test]
fn programs_have_outlines() {
    let outline = |source: &str| {
        let Body::Program { outline, .. } = of_regex(source).body else { panic!("a program") };
        outline.into_iter().map(|p| (p.gap_min, p.gap_max, p.value)).collect::<Vec<_>>()
    };
    let abc = (0, 0, b"abc".to_vec());
    assert_eq!(outline("/abc.{2,9}de/"), [abc.clone(), (2, 9, b"de".to_vec())]);
    assert_eq!(outline("/abc(d|efg)?\\bhi.x*/"), [abc.clone(), (0, 3, b"hi".to_vec())]);
    assert_eq!(outline("/abc.*de/"), vec![abc.clone()], "what follows may be anywhere");
    assert_eq!(
        outline("/abc(d|e|k|z)f/"),
        [(0, 0, b"abc\x60f".to_vec())],
        "a letter of which some bits are known"
    );
    assert_eq!(outline("/[^x]{40,50}de/"), [(0, 0, vec![0]), (39, 49, b"de".to_vec())]);
    assert_eq!(outline("/x?abc/"), [], "nothing is known of the start");
    assert_eq!(outline("/(ab|c)[^z]/"), [], "nor of anything here");
}

#[test]
fn alternatives_of_bytes_are_masks() {
    let body = |tokens| only(of_hex(tokens).expect("a pattern")).body;
    let option = |values: &[u8]| values.iter().map(|&value| byte(value, 0xFF)).collect::<Vec<_>>();
    let tokens = vec![byte(1, 0xFF), either(vec![option(&[2]), option(&[3])])];
    assert_eq!(body(tokens), Body::Bytes { value: vec![1, 2], mask: vec![0xFF, 0xFE] });
    let tokens = vec![byte(1, 0xFF), either(vec![option(&[2]), option(&[5])])];
    assert!(matches!(body(tokens), Body::Program { .. }));
}

#[test]
fn forms_and_flags() {
    let body = text(b"Ab1");
    let spec = PatternSpec { wide: true, fullword: true, nocase: true, ..plain(&body) };
    let lowered = lower(&spec).expect("a text");
    let flags: Vec<_> = lowered.variants.iter().map(|variant| variant.flags).collect();
    assert_eq!(flags, [FULLWORD, FULLWORD | WIDE]);
    let wide = Body::Bytes { value: b"A\0B\x001\0".to_vec(), mask: vec![0xDF, 0xFF, 0xDF, 0xFF, 0xFF, 0xFF] };
    assert_eq!(lowered.variants[1].body, wide);
    assert_eq!(triples(&lowered.variants[0]), [triple("AB1", 0)]);
}

#[test]
fn rare_bytes_are_preferred() {
    // One atom for each way in which a match can lie, all of them away from the zeros as far as that goes.
    let all = |places: Vec<usize>, range: std::ops::Range<usize>| places.iter().all(|at| range.contains(at));
    assert!(all(places(&of_regex("/\\x00{8}QZ#%&~QX\\x00{8}/")), 5..16));
    assert!(all(places(&of_regex("/the [a-z] zqxjkvwqzjx/")), 6..16));
    assert_eq!(triples(&of_regex("/ab[^x]cde/")), [triple("cde", 3)]);
    assert_eq!(triples(&of_regex("/[0-9]{3}-zqx/")), [triple("zqx", 4)]);
    assert_eq!(triples(&of_regex("/(GEQ|PUQ) x/")), [triple("EQ ", 1), triple("UQ ", 1)]);
    assert_eq!(triples(&of_regex("/.{3}(zqx|jkv)/s")), [triple("zqx", 3), triple("jkv", 3)]);
    // Wildcards in between don't matter.
    assert_eq!(places(&of_regex("/QZ#%.~X#%.%&~Q.QX%~/s")).len(), 4);
}

#[test]
fn backward_programs() {
    let variant = of_regex("/[a-z]+zqx/");
    assert_eq!((triples(&variant), variant.backward.is_empty()), (vec![triple("zqx", 0)], false));
    let variant = of_regex("/[a-z]+\\d\\d\\dzqx/");
    assert_eq!((triples(&variant), variant.backward.is_empty()), (vec![triple("zqx", 3)], false));
    // Over a long gap of anything there is none, and what is before it has to do.
    let tokens = |max| {
        let after = [0xE1, 0x92, 0xD3, 0x94].map(|value| byte(value, 0xFF));
        [vec![byte(9, 0xFF), byte(8, 0xFF), byte(7, 0xFF), jump(0, max)], after.to_vec()].concat()
    };
    let near = only(of_hex(tokens(Some(256))).expect("a pattern"));
    let far = only(of_hex(tokens(Some(257))).expect("a pattern"));
    assert!(far.backward.is_empty() && far.runs[0].bytes[0].value == 9);
    assert!(near.backward.is_empty() || near.runs[0].bytes[0].value == 0xE1);
    assert!(lower_regex_pattern("/a.*bcde/s").expect("a pattern").slow);
    assert!(!lower_regex_pattern("/a.*bcde/").expect("a pattern").slow);
}

#[test]
fn slow_patterns() {
    for written in ["/a/", "/./", "/[a-z]+/", "/(ab|c)/", "/a..b..c/", "/[^\\x00-\\xff]/"] {
        assert!(lower_regex_pattern(written).expect("a pattern").slow, "{written}");
    }
    for written in ["/qz/", "/(qzx|jkv)/", "/q[zx]j/", "/\\bqzx\\b/", "/(?i)qzj/"] {
        assert!(!lower_regex_pattern(written).expect("a pattern").slow, "{written}");
    }
    assert!(of_hex(vec![byte(0, 0), byte(0, 0)]).expect("a pattern").slow);
}

#[test]
fn refused_regexes() {
    let cases = [
        ("/ab{/", "E0200", 3..4),
        ("/ab{}/", "E0200", 4..5),
        ("/ab{5,3}/", "E0200", 3..8),
        ("/ab\\/c\\Z/", "E0200", 6..8),
        ("/ab\\1/", "E0200", 3..5),
        ("/[\\b]a/", "E0200", 2..4),
        ("/[\u{e9}]a/", "E0200", 2..4),
        ("/\\pLab/", "E0200", 1..4),
        ("/a(?=b)/", "E0200", 2..5),
        ("/ab(c/", "E0200", 3..4),
        ("/[z-a]/", "E0200", 2..5),
        ("/?abc/", "E0200", 1..2),
        ("/a+?bc+/", "E0201", 6..7),
        ("/a+?bc{3}d/", "E0201", 6..9),
        ("/a{2}?{3}/", "E0201", 6..9),
        ("/a*/", "E0202", 0..4),
        ("/^$/", "E0202", 0..4),
        ("/a|b|/", "E0202", 0..6),
        ("/[^\\x00-\\xff]|/", "E0202", 0..15),
        ("/(?mR)^ab/", "E0203", 0..10),
        ("/(?u)ab\\b/", "E0203", 0..10),
        ("/a{1,70000}b/", "E0204", 0..13),
        ("/(((.a{1000}){1000}){1000}){1000}/", "E0204", 0..34),
    ];
    for (written, code, span) in cases {
        let error = lower_regex_pattern(written).expect_err(written);
        assert_eq!(error.code(), code, "{written}: {error}");
        assert_eq!((error.span().start, error.span().end), (span.start, span.end), "{written}: {error}");
    }
    let body = regex("/ab{\\Z/");
    let lowered = lower(&PatternSpec { relaxed: true, ..plain(&body) }).expect("a relaxed expression");
    assert_eq!(only(lowered).body, exact(b"ab{Z"));
    assert_eq!(of_regex("/\\<ab\\>/").body, exact(b"<ab>"));
}

#[test]
fn refused_hex_patterns() {
    let code = |tokens| of_hex(tokens).expect_err("an error").code();
    assert_eq!(code(Vec::new()), "E0207");
    assert_eq!(code(vec![jump(1, None), byte(1, 0xFF)]), "E0208");
    assert_eq!(code(vec![byte(1, 0xFF), jump(3, Some(2)), byte(1, 0xFF)]), "E0208");
    assert_eq!(code(vec![not_byte(0, 0)]), "E0208");
    let huge = vec![not_byte(1, 0xFF), jump(0, Some(1 << 20)), byte(1, 0xFF)];
    assert_eq!(code(huge), "E0204");
    let chain = (0..=MAX_PIECES).flat_map(|_| [byte(1, 0xFF), jump(0, None)]).chain([byte(1, 0xFF)]);
    assert_eq!(code(chain.collect()), "E0205");
    let nested = (0..200).fold(vec![byte(1, 0xFF), byte(2, 0xFF)], |inner, _| vec![either(vec![inner])]);
    assert_eq!(code(nested), "E0206");
}

#[test]
fn hostile_patterns_end_soon() {
    let long = format!("/{}/", "[ab]".repeat(16_000));
    assert!(!lower_regex_pattern(&long).expect("a pattern").slow);
    let words: Vec<String> = (0..9000).map(|n| format!("w{n:04}")).collect();
    assert!(of_regex(&format!("/x+({})/", words.join("|"))).runs.len() > 10);
    let nested = format!("/{}a{}/", "(".repeat(100), "{2})".repeat(100));
    assert!(matches!(lower_regex_pattern(&nested), Err(LowerError::TooLarge { .. })));
    let nested = format!("/{}ab{}/", "(x|".repeat(80), ")".repeat(80));
    lower_regex_pattern(&nested).expect("a pattern");
    let nested = format!("/{}ab{}/", "(".repeat(300), ")".repeat(300));
    assert!(matches!(lower_regex_pattern(&nested), Err(LowerError::RegexSyntax { .. })));
    let literal = text(&[b'a'; 1 << 20]);
    assert_eq!(lower(&plain(&literal)).expect("a text").variants[0].runs.len(), 1);
    let unicode = format!("/(?u){}/", "\\w".repeat(300));
    assert!(matches!(
        lower_regex_pattern(&unicode),
        Err(LowerError::TooLarge { limit: MAX_PROGRAM_STATES, .. })
    ));
    let tokens = (0..100_000).map(|n| byte(n as u8, 0xFE)).collect();
    assert!(matches!(only(of_hex(tokens).expect("a pattern")).body, Body::Bytes { .. }));
}
