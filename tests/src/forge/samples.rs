//! Valid images to begin with, and data that they match.

use std::sync::OnceLock;

use hallmark_compiler::{ExternalValue, Options, SelfTest, Source, add_self_tests, compile};

use super::fields::{Field, fields};
use crate::run::NoIncludes;

/// A valid image.
#[derive(Debug)]
pub struct Sample {
    /// Its bytes.
    pub image: Vec<u8>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// What some of its rules match.
    pub data: &'static [&'static [u8]],
}

/// One rule of each kind that an image knows: every variant, values of every type, loops, sets, references, modules.
const SAMPLER: &str = r#"
import "math"
import "pe"
global private rule base { condition: filesize >= 0 }
rule texts : one two {
    meta: name = "value" number = -7 truth = true share = 1.5
    strings:
        $a = "alpha" nocase wide ascii
        $b = "beta" xor(1-9) fullword
        $c = "gamma delta" base64
        $_d = "d" private
    condition: (2 of them and #a in (0..100) > 0) or $b at 3 or any of ($a, $c) in (5..filesize)
}
rule bytes {
    strings:
        $a = { 4D 5A ?? 9? [0-4] 50 45 }
        $b = { AA BB CC DD [200-900] EE FF }
        $c = { 11 ( 22 | 33 44 ) ~55 66 }
    condition: any of them and (@a[1] < 10 or !a > 3 or not defined @b)
}
rule regexes {
    strings:
        $a = /ab+[c-e]{2,5}(x|yz)\b/i
        $b = /[0-9]{1,3}\.exe$/ wide
    condition: $a or $b or "text" matches /^te.t$/
}
rule loops {
    strings:
        $a = "alpha"
        $b = "omega"
    condition:
        texts or for any i in (1..#a) : (@a[i] + uint16be(i) > 5 and for all of them : ($ in (i..filesize))) or
        for 50% n in (1, 3, filesize) : (n % 2 == 1) or with x = math.entropy(0, filesize) : (x > 1.5) or
        for any s in pe.sections : (s.name contains "text") or outside == 3
}
rule sets { condition: 1 of (texts, bytes) or none of (regexes, loops) or pe.number_of_sections > 2 }
"#;

/// Patterns whose verification is long, and conditions that ask for counts, places and bytes.
const SEARCHES: &str = r#"
import "console"
import "hash"
private rule hidden { strings: $a = "aab" condition: #a > 1 }
rule counts { strings: $a = "ab" $b = /a{2,}b?/ condition: #a > 2 and @a[2] < 60 and !b[1] >= 2 }
rule far { strings: $a = { 61 62 [2-40] 62 61 } $b = { 61 [-] 7A 7A } condition: all of them }
rule lazy { strings: $a = /a.{0,30}?z/s $b = /(ab|ba)+z?/ condition: #a + #b > 1 and hidden }
rule empty { condition: filesize == 0 }
rule places { strings: $a = "b" wide $b = "ba" fullword condition: $a at 10 or $b in (3..20) or for any i in (1..#b) : (@b[i] > 30) }
rule numbers { condition: for any i in (0..filesize - 1) : (uint8(i) == 0x7a and uint16be(i) > 100) }
rule told { strings: $a = "zz" condition: $a and console.log("a ", @a[1]) and hash.crc32(0, 3) >= 0 }
rule inverse { strings: $a = "ab" $b = "zz" condition: not $a or none of them }
rule masked { strings: $a = { 6? 6? 62 } $b = { ( 61 | 62 ) ?A } $c = "ab" xor condition: 2 of them }
"#;

/// As little as there can be.
const LITTLE: &str = "rule one { strings: $a = \"ab\" condition: $a } rule two { condition: one }";

/// What [`sampler`] matches.
pub const DATA: &[u8] =
    b"alpha ALPHA a\0l\0p\0h\0a\0 MZ\x90\x90PE abbcdx omega 12.exe \x11\x33\x44\x99\x66 .text";

/// An image with something of everything that the format knows, with self-tests and external variables.
pub fn sampler() -> Vec<u8> {
    let externals = vec![
        ("outside".to_owned(), ExternalValue::Int(3)),
        ("word".to_owned(), ExternalValue::Str(b"outside".to_vec())),
        ("share".to_owned(), ExternalValue::Float(0.5)),
        ("flag".to_owned(), ExternalValue::Bool(true)),
    ];
    let image = image(SAMPLER, externals);
    let test = |input: &[u8], rules: &[&str]| SelfTest {
        input: input.to_vec(),
        rules: rules.iter().map(|&rule| rule.to_owned()).collect(),
    };
    let tests = [test(DATA, &["texts", "sets"]), test(b"", &[]), test(b"12.exe", &["sets"])];
    add_self_tests(image, &tests).expect("tests of rules that exist")
}

/// The images that changed ones are made from.
pub fn samples() -> &'static [Sample] {
    static SAMPLES: OnceLock<Vec<Sample>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let sample = |image: Vec<u8>, data| Sample { fields: fields(&image), image, data };
        let text: &[&[u8]] = &[
            b"aab abba b\0a\0 aaab xx ab ba ababab zz ba",
            b"abzaabaab ba  ab--------------------ba zz a.......z",
            b"zz",
            b"",
        ];
        vec![
            sample(sampler(), &[DATA, b"12.exe", b"MZ\x90\0alpha", b""]),
            sample(image(SEARCHES, Vec::new()), text),
            sample(image(LITTLE, Vec::new()), &[b"xxab", b"\x7FELF ab"]),
        ]
    })
}

fn image(rules: &str, externals: Vec<(String, ExternalValue)>) -> Vec<u8> {
    let source = Source { name: "a.yar".into(), namespace: "default".into(), text: rules.into() };
    let options = Options { externals, ..Options::default() };
    let compilation = compile(vec![source], &options, &NoIncludes, &mut |_| {});
    compilation.image.unwrap_or_else(|| panic!("{:?}", compilation.diagnostics))
}
