//! The engine against the slow and obvious: random rules over random data that are made to match, or nearly. Seeds are
//! fixed, so that every run tries the same; what fails is shrunk.

use std::cell::Cell;

use hallmark_engine::Window;
use hallmark_tests::generate::{self, Draw, Written};
use hallmark_tests::{Trial, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Bytes that a case grows from at most.
const MAX_BYTES: usize = 500;

/// Runs `grow` on the bytes of `cases` cases and each trial it makes. A fair share must match something, and nearly all
/// must be comparable at all. For longer runs, `HALLMARK_TEST_FACTOR` multiplies the cases, and `HALLMARK_TEST_SEED`
/// chooses others.
fn check(cases: u32, grow: impl Fn(&mut Draw<'_>) -> Trial) {
    check_by(cases, |draw| {
        let trial = grow(draw);
        (trial.run(), trial)
    });
}

/// As [`check`], with what a trial came to.
fn check_by(cases: u32, run: impl Fn(&mut Draw<'_>) -> (Result<Verdict, String>, Trial)) {
    let setting = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u8>().ok());
    let cases = cases * u32::from(setting("HALLMARK_TEST_FACTOR").unwrap_or(1));
    let config = Config { cases, max_shrink_iters: 20_000, failure_persistence: None, ..Config::default() };
    let seed = [setting("HALLMARK_TEST_SEED").unwrap_or(1); 32];
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let (matched, void) = (Cell::new(0), Cell::new(0));
    let outcome = runner.run(&vec(any::<u8>(), 0..MAX_BYTES), |bytes| {
        let (result, trial) = run(&mut Draw::new(&bytes));
        match result.map_err(|cause| TestCaseError::fail(format!("{cause}\n{trial}")))? {
            Verdict::Matched => matched.set(matched.get() + 1),
            Verdict::Void => void.set(void.get() + 1),
            Verdict::Silent => {}
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let (matched, void) = (matched.get(), void.get());
    assert!(matched >= cases / 4, "something matched in {matched} of {cases} cases only");
    assert!(void <= cases / 5, "nothing was compared in {void} of {cases} cases");
}

/// Data made for one pattern.
fn one_pattern(draw: &mut Draw<'_>, written: Written) -> Trial {
    let data = generate::data(draw, std::slice::from_ref(&written));
    Trial::of_pattern(&written.text, data)
}

#[test]
fn texts() {
    check(1500, |draw| {
        let written = generate::text(draw);
        one_pattern(draw, written)
    });
}

#[test]
fn base64() {
    check(1500, |draw| {
        let written = generate::base64(draw);
        one_pattern(draw, written)
    });
}

#[test]
fn hex_patterns() {
    check(2000, |draw| {
        let written = generate::hex(draw);
        one_pattern(draw, written)
    });
}

#[test]
fn regexes() {
    check(3000, |draw| {
        let written = generate::regex(draw);
        one_pattern(draw, written)
    });
}

#[test]
fn regexes_as_words() {
    check(1000, |draw| {
        let written = generate::word(draw);
        one_pattern(draw, written)
    });
}

#[test]
fn conditions() {
    check(4000, generate::case);
}

/// Runs of one byte that are longer than what is searched in one go, and patterns that stand in them or at their ends.
#[test]
fn long_runs_of_one_byte() {
    const CHUNK: usize = 16 * 1024;
    let patterns = [
        "{ 00 00 00 00 01 }",
        "{ 01 00 00 00 00 00 }",
        "{ 41 00 00 00 }",
        "{ 00 00 00 41 }",
        "{ 00 00 00 41 41 41 41 41 41 }",
        "{ 41 41 41 [0-4] 00 00 00 }",
        "\"AAAAAA\" fullword",
        "\"aaaa\" nocase fullword",
        "/\\x00A{4,9}\\x01/",
        "/A{3}\\x00{3,90}\\x01/",
    ];
    for (byte, other) in [(0u8, b'A'), (b'A', 0)] {
        for (before, run, between) in
            [(0, CHUNK, 1), (1, CHUNK + 1, 2), (5, 2 * CHUNK - 3, 7), (CHUNK - 2, CHUNK + 7, 3)]
        {
            let mut data = vec![other; before];
            for _ in 0..2 {
                data.extend(std::iter::repeat_n(byte, run));
                data.extend(std::iter::repeat_n(other, between));
                data.push(1);
            }
            for pattern in patterns {
                let trial = Trial::of_pattern(pattern, data.clone());
                let (len, ends) = (data.len(), data[data.len() - 9..].escape_ascii());
                let verdict =
                    trial.run().unwrap_or_else(|cause| panic!("{pattern} {len} …{ends}: {cause:.300}"));
                assert_ne!(verdict, Verdict::Void, "{pattern}");
                trial.run_streamed(Window { len: 1 << 15, reach: 1 << 13 }, CHUNK).unwrap();
            }
        }
    }
}

/// Data that are much longer than the window, and pieces of any length. Conditions about bytes that are gone, and long
/// matches, make a trial void.
fn streamed(draw: &mut Draw<'_>, grow: impl Fn(&mut Draw<'_>) -> Trial) -> (Result<Verdict, String>, Trial) {
    let window = Window { len: 64 * draw.number(3, 5), reach: 48 };
    let chunk = draw.number(1, 300);
    let gaps = [0; 3].map(|_| draw.number(0, 200));
    let mut trial = grow(draw);
    let data = std::mem::take(&mut trial.data);
    for gap in gaps {
        trial.data.extend_from_slice(&data);
        trial.data.extend((0..gap).map(|i| b"xyz \0"[i % 5]));
    }
    trial.data.extend_from_slice(&data);
    (trial.run_streamed(window, chunk), trial)
}

#[test]
fn streams_of_patterns() {
    check_by(3000, |draw| {
        streamed(draw, |draw| {
            let written = match draw.number(0, 3) {
                0 => generate::text(draw),
                1 => generate::hex(draw),
                2 => generate::base64(draw),
                _ => generate::regex(draw),
            };
            one_pattern(draw, written)
        })
    });
}

#[test]
fn streams_of_conditions() {
    check_by(3000, |draw| streamed(draw, generate::case));
}

/// What cases are made of is what the language has: none of it may get lost on the way.
#[test]
fn the_language_is_covered() {
    let config = TestRng::from_seed(RngAlgorithm::ChaCha, &[9; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), config);
    let mut all = String::new();
    for _ in 0..3000 {
        let bytes = vec(any::<u8>(), MAX_BYTES).new_tree(&mut runner).unwrap().current();
        let trial = generate::case(&mut Draw::new(&bytes));
        if trial.run() != Ok(Verdict::Void) {
            all.push_str(&trial.namespaces.concat());
        }
    }
    for word in [
        " ascii",
        " wide",
        " nocase",
        " fullword",
        " private\n",
        " xor ",
        " xor(1-255)",
        " base64",
        " base64wide",
        "base64(\"",
        "??",
        "~",
        "[-]",
        " | ",
        "*?",
        "\\b",
        "/is",
        "global ",
        "private ",
        "global private ",
        "rule q",
        "$ = ",
        " of them",
        "any of (",
        "all of (",
        "none of (",
        "2 of ",
        "50% of ",
        "& 3) of",
        "& 127)% of",
        "($*)",
        "(p0",
        "p*)",
        "for any of ",
        "for all of ",
        "for none i in (",
        "for any i in (1..#",
        "for all j in ",
        "for any k in ",
        "(with w0 = ",
        ", w1 = ",
        "$ at (",
        "$ in (",
        "$_a at (",
        "$_b in (",
        "#_a in (",
        "#_a",
        "@_a",
        "!_a",
        "@_a[",
        "!_a[",
        "# ",
        "@[",
        "![",
        "uint8(",
        "uint16be(",
        "int32be(",
        "int8(",
        "filesize",
        "entrypoint",
        "number",
        "share",
        "flag",
        "word",
        " contains ",
        " icontains ",
        " startswith ",
        " istartswith ",
        " endswith ",
        " iendswith ",
        " iequals ",
        " matches /",
        "defined (",
        "not (",
        " and ",
        " or ",
        " == ",
        " != ",
        " <= ",
        " + ",
        " - ",
        " * ",
        " \\ ",
        " % ",
        " & ",
        " | ",
        " ^ ",
        " << ",
        " >> ",
        "~(",
        "-(",
        "9223372036854775807",
        "1KB",
        "0x10",
        " at (",
        " in (0..",
    ] {
        assert!(all.contains(word), "no case has `{word}`");
    }
}
