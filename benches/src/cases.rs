//! Cases that each keep one stage of the engine busy, with what they must find.
//!
//! Rules and data are made from a seed. A case states how many rules are evaluated besides what is found: when that
//! changes, the case measures something else than it says.

use std::fmt::Write as _;

use hallmark_compiler::Source;
use hallmark_runtime::{Database, Scanner};

use crate::random::Random;
use crate::{build, files, portable_executable, sample};

/// Bytes of each case's files together.
const LEN: usize = 1 << 20;
/// Bytes of a small file.
const SMALL: usize = 4096;
const SEED: u64 = 20_261_125;

/// What a case finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// Rules that match, all files together.
    pub rules: usize,
    /// Matches of their patterns.
    pub matches: usize,
    /// Rules whose condition was evaluated.
    pub evaluated: u64,
}

/// Rules, files and what they find.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name.
    pub name: &'static str,
    /// Text of the rules.
    pub rules: String,
    /// The files, scanned one after the other.
    pub files: Vec<Vec<u8>>,
    /// Scanned with `fast`.
    pub fast: bool,
    /// What has to be found.
    pub expected: Found,
}

/// All cases.
pub fn cases() -> Vec<Case> {
    vec![
        main_lane(),
        short_lane(),
        on_demand(),
        masked(),
        chains(),
        regexes(),
        small_files(),
        pe_module(),
        module("module-pe", "pe", vec![files::seed("pe32"), files::seed("pe64")], 128),
        module("module-pe-signed", "pe", vec![files::seed("pe_signed_rsa")], 16),
        module("module-dotnet", "dotnet", vec![files::seed("dotnet")], 256),
        module("module-elf", "elf", vec![files::seed("elf"), files::seed("elf_big_endian")], 128),
        module("module-dex", "dex", vec![files::seed("dex")], 256),
        module("module-hostile-pe", "pe", vec![files::hostile_pe()], 1),
        module("module-hostile-elf", "elf", vec![files::hostile_elf()], 1),
        module("module-hostile-dex", "dex", vec![files::hostile_dex()], 1),
        many_matches("matches", false, 196_761),
        many_matches("matches-fast", true, 16),
    ]
}

impl Case {
    /// The image of its rules.
    ///
    /// # Panics
    /// The rules don't compile.
    pub fn image(&self) -> Vec<u8> {
        let text = self.rules.clone().into_bytes();
        let source = Source { name: self.name.to_owned(), namespace: "default".to_owned(), text };
        build(vec![source]).image.unwrap_or_else(|| panic!("{}: the rules don't compile", self.name))
    }

    /// Bytes of its files together.
    pub fn len(&self) -> usize {
        self.files.iter().map(Vec::len).sum()
    }

    /// Whether there is nothing to scan.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A scanner with its settings.
    pub fn scanner(&self, database: &Database) -> Scanner<'static> {
        let mut scanner = database.scanner();
        scanner.fast(self.fast);
        scanner
    }

    /// Scans its files once.
    ///
    /// # Panics
    /// Something else than expected is found, or something was left out.
    pub fn scan(&self, scanner: &mut Scanner<'_>) {
        let mut found = Found::default();
        for file in &self.files {
            let report = scanner.scan(file).unwrap_or_else(|e| panic!("{}: {e}", self.name));
            assert_eq!(report.incomplete(), [], "{}", self.name);
            found.rules += report.matches().len();
            let patterns = report.matches().flat_map(|rule| rule.patterns());
            found.matches += patterns.map(|pattern| pattern.matches().len()).sum::<usize>();
            found.evaluated += report.stats().rules_evaluated;
        }
        assert_eq!(found, self.expected, "{}", self.name);
    }
}

/// Texts of twelve bytes and more, none of which is in the data.
fn main_lane() -> Case {
    let mut random = Random::new(SEED);
    let rules = (0..2000).map(|i| {
        let len = 12 + random.below(9) as usize;
        format!("rule r{i} {{ strings: $a = \"{}\" condition: $a }}\n", word(&mut random, len))
    });
    let (rules, files) = (rules.collect(), vec![sample(SEED, LEN)]);
    Case { name: "main-lane", rules, files, fast: false, expected: Found::default() }
}

/// Texts of three to six bytes, of capital letters and digits, which the data have by chance only.
fn short_lane() -> Case {
    let mut random = Random::new(SEED + 1);
    let rules = (0..200).map(|i| {
        let len = 3 + random.below(4) as usize;
        let text = word(&mut random, len).to_ascii_uppercase();
        format!("rule r{i} {{ strings: $a = \"{text}\" condition: $a }}\n")
    });
    let (rules, files) = (rules.collect(), vec![sample(SEED + 1, LEN)]);
    let expected = Found { rules: 2, matches: 2, evaluated: 2 };
    Case { name: "short-lane", rules, files, fast: false, expected }
}

/// Rules of whose triggers one in five is in the data, and their other patterns are not.
fn on_demand() -> Case {
    let mut random = Random::new(SEED + 2);
    let mut rules = String::new();
    let mut data = sample(SEED + 2, LEN);
    for i in 0..300 {
        let trigger = word(&mut random, 16);
        let mut others = String::new();
        for j in 0..10 {
            let _ = write!(others, "$p{j} = \"{}\" ", word(&mut random, 14));
        }
        let _ = writeln!(
            rules,
            "rule r{i} {{ strings: $t = \"{trigger}\" {others}condition: $t and 2 of ($p*) }}"
        );
        if i % 5 == 0 {
            plant(&mut data, &mut random, trigger.as_bytes());
        }
    }
    let expected = Found { rules: 0, matches: 0, evaluated: 60 };
    Case { name: "on-demand", rules, files: vec![data], fast: false, expected }
}

/// Bytes under masks: in the data stand many that differ in the last byte, and few that don't.
fn masked() -> Case {
    let rule = |i: usize, b: &[u8; 8]| {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = b;
        let hex = format!(
            "{b0:02X} {b1:02X} {b2:02X} {b3:02X} {b4:02X} {b5:02X} {b6:02X} ?? {:X}? ?{:X} {b7:02X}",
            b0 >> 4,
            b1 & 15
        );
        format!("rule r{i} {{ strings: $a = {{ {hex} }} condition: $a }}\n")
    };
    let sample = |b: &[u8; 8], good: bool| {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = *b;
        vec![b0, b1, b2, b3, b4, b5, b6, 0x5A, b0 & 0xF0 | 5, 0x60 | b1 & 15, if good { b7 } else { !b7 }]
    };
    planted("masked", SEED + 3, rule, sample, Found { rules: 100, matches: 200, evaluated: 100 })
}

/// Chains of three pieces with jumps between them: in the data stand many without the last piece.
fn chains() -> Case {
    let rule = |i: usize, b: &[u8; 8]| {
        let [b0, b1, b2, b3, b4, b5, b6, b7] = b;
        let hex = format!(
            "{b0:02X} {b1:02X} {b2:02X} {b3:02X} {b4:02X} {b5:02X} {b6:02X} {b7:02X} [40-200] {b1:02X} {b0:02X} [2-60] {b3:02X} {b2:02X}"
        );
        format!("rule r{i} {{ strings: $a = {{ {hex} }} condition: $a }}\n")
    };
    let sample = |b: &[u8; 8], good: bool| {
        let mut bytes = b.to_vec();
        bytes.extend([0x11; 90]);
        bytes.extend([b[1], b[0], 1, 2, 3, b[3], if good { b[2] } else { !b[2] }]);
        bytes
    };
    planted("chains", SEED + 4, rule, sample, Found { rules: 100, matches: 200, evaluated: 100 })
}

/// Regular expressions with a fixed word: in the data stand many whose end is missing.
fn regexes() -> Case {
    let rule = |i: usize, b: &[u8; 8]| {
        format!(
            "rule r{i} {{ strings: $a = /{}=[a-z0-9]{{8,40}};\\s*(path|root)=\\// condition: $a }}\n",
            letters(b)
        )
    };
    let sample = |b: &[u8; 8], good: bool| {
        let end = if good { "path=/" } else { "path:/" };
        format!("{}=0123456789abcdef0123;  {end}\n", letters(b)).into_bytes()
    };
    planted("regexes", SEED + 5, rule, sample, Found { rules: 100, matches: 200, evaluated: 100 })
}

/// A hundred rules, for each of which the data have forty near misses and two matches.
fn planted(
    name: &'static str,
    seed: u64,
    rule: impl Fn(usize, &[u8; 8]) -> String,
    sample_of: impl Fn(&[u8; 8], bool) -> Vec<u8>,
    expected: Found,
) -> Case {
    let mut random = Random::new(seed);
    let mut rules = String::new();
    let mut fragments = Vec::new();
    for i in 0..100 {
        let bytes = random.bits().to_le_bytes();
        rules.push_str(&rule(i, &bytes));
        fragments.extend((0..42).map(|n| sample_of(&bytes, n < 2)));
    }
    random.shuffle(&mut fragments);
    let mut data = Vec::with_capacity(LEN);
    let gap = (LEN - fragments.iter().map(Vec::len).sum::<usize>()) / fragments.len();
    let filler = sample(seed, LEN);
    for (fragment, between) in fragments.iter().zip(filler.chunks(gap)) {
        data.extend_from_slice(between);
        data.extend_from_slice(fragment);
    }
    Case { name, rules, files: vec![data], fast: false, expected }
}

/// Files of 4 KiB under rules that no pattern decides.
fn small_files() -> Case {
    let mut random = Random::new(SEED + 6);
    let mut rules = String::new();
    for i in 0..200 {
        let (at, value) = (4 + random.below(64), random.below(1 << 32));
        let _ = writeln!(rules, "rule a{i} {{ condition: uint32({at}) == {value} and filesize > {i} }}");
    }
    for i in 0..200 {
        let _ = writeln!(rules, "rule s{i} {{ strings: $a = \"{}\" condition: $a }}", word(&mut random, 12));
    }
    let files: Vec<_> = (0..(LEN / SMALL) as u64).map(|i| sample(SEED + 6 + i, SMALL)).collect();
    let evaluated = 200 * files.len() as u64;
    Case {
        name: "small-files",
        rules,
        files,
        fast: false,
        expected: Found { rules: 0, matches: 0, evaluated },
    }
}

/// Programs of 4 KiB under rules that ask the module `pe`.
fn pe_module() -> Case {
    let mut rules = "import \"pe\"\n".to_owned();
    for i in 0..50 {
        let _ =
            writeln!(rules, "rule t{i} {{ condition: pe.number_of_sections == 3 and pe.timestamp == {i} }}");
        let _ = writeln!(
            rules,
            "rule n{i} {{ condition: for any s in pe.sections : (s.name == \".n{i}\" and s.raw_data_size > 0) }}"
        );
    }
    let files: Vec<_> =
        (0..(LEN / SMALL) as u32).map(|i| portable_executable(i, sample(SEED + i as u64, SMALL))).collect();
    let evaluated = 100 * files.len() as u64;
    // The timestamp of each file is its number.
    Case {
        name: "pe-module",
        rules,
        files,
        fast: false,
        expected: Found { rules: 50, matches: 0, evaluated },
    }
}

/// Files that are parsed by one module because a rule asks for a field that all of them have.
fn module(name: &'static str, module: &str, kinds: Vec<Vec<u8>>, times: usize) -> Case {
    let question = match name {
        "module-pe-signed" => "pe.is_signed",
        "module-hostile-pe" => {
            // They use up what a file may cost, so that nothing is read of what comes after them.
            "pe.number_of_imported_functions == 16384 and pe.number_of_delayed_imported_functions > 8192"
        }
        "module-hostile-elf" => "elf.symtab_entries == 43690 and elf.dynsym_entries == 43690",
        _ => match module {
            "pe" => "pe.number_of_imports > 0 and pe.number_of_resources > 0 and pe.number_of_exports > 0",
            "dotnet" => "dotnet.is_dotnet and dotnet.number_of_classes > 0",
            "elf" => "elf.dynsym_entries == 4",
            _ => "dex.is_dex",
        },
    };
    let rules = format!("import \"{module}\" rule r {{ condition: {question} }}");
    let files: Vec<_> = kinds.iter().flat_map(|kind| vec![kind.clone(); times]).collect();
    let (matching, evaluated) = (files.len(), files.len() as u64);
    Case { name, rules, files, fast: false, expected: Found { rules: matching, matches: 0, evaluated } }
}

/// Words that the data of [`many_matches`] are full of.
const WORDS: [&str; 5] = ["return ", "error: ", "config", "path", "value="];

/// Three patterns for each of some frequent words, and one more for one of them.
fn many_matches(name: &'static str, fast: bool, matches: usize) -> Case {
    let mut rules = String::new();
    for (i, word) in WORDS.iter().enumerate() {
        let _ = writeln!(rules, "rule t{i} {{ strings: $a = \"{word}\" condition: $a }}");
        let _ = writeln!(
            rules,
            "rule n{i} {{ strings: $a = \"{word}\" nocase $b = /{word}/ condition: all of them }}"
        );
    }
    let rule = r#"rule both { strings: $a = "config" wide ascii condition: $a }"#;
    rules.push_str(rule);
    let expected = Found { rules: 11, matches, evaluated: 11 };
    Case { name, rules, files: vec![sample(SEED + 7, LEN)], fast, expected }
}

/// A word of small letters and digits.
fn word(random: &mut Random, len: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    (0..len).map(|_| char::from(LETTERS[random.below(LETTERS.len() as u64) as usize])).collect()
}

/// Eight small letters.
fn letters(bytes: &[u8; 8]) -> String {
    bytes.iter().map(|b| char::from(b'a' + b % 26)).collect()
}

/// Puts `fragment` somewhere into the data.
fn plant(data: &mut [u8], random: &mut Random, fragment: &[u8]) {
    let at = random.below((data.len() - fragment.len()) as u64) as usize;
    data[at..at + fragment.len()].copy_from_slice(fragment);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_finds_what_it_should() {
        for case in cases() {
            let database = Database::from_image_bytes(&case.image()).expect("an image");
            let mut scanner = case.scanner(&database);
            // The second scan reuses the buffers of the first.
            case.scan(&mut scanner);
            case.scan(&mut scanner);
        }
    }

    #[test]
    fn frequent_words_are_as_many_as_expected() {
        let case = many_matches("matches", false, 0);
        let count = |word: &str| case.files[0].windows(word.len()).filter(|w| *w == word.as_bytes()).count();
        let all: usize = WORDS.iter().map(|word| 3 * count(word)).sum();
        let listed = cases().into_iter().find(|c| c.name == "matches").expect("the case");
        assert_eq!(all + count("config"), listed.expected.matches);
    }
}
