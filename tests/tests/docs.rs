//! The pages under `docs/` say what the code does: their tables are compared with the types, constants and manifests
//! they describe, and the examples of `diagnostics.md` are compiled.
//!
//! A missing row, an extra row and a wrong value each fail. The tables keep a fixed shape, so that a heading such as
//! ``### Record `Slice`: 8 bytes`` is enough to find one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::mem::{offset_of, size_of};
use std::path::{Path, PathBuf};

use hallmark_compiler::codes::{self, Code};
use hallmark_compiler::diagnostic::Severity;
use hallmark_compiler::{Loader, Options, Source, compile};
use hallmark_image::header::{Header, SectionKind, SectionRecord};
use hallmark_image::insn::{Anchor, Imm, Insn, Op, Quantifier};
use hallmark_image::lanes::{AtomEntry, AtomPage, ClassHeader, FilterHeader, Lane};
use hallmark_image::program::{self, Look, ProgramHeader, repeat_flags};
use hallmark_image::record::{
    AlwaysEntry, External, Gate, GlobalsHeader, Meta, Pattern, Piece, RulePage, RuleSlot, Run, Slice,
    UnitHeader, ValueKind, Variant, VariantKind, pattern_flags, rule_flags, variant_flags,
};
use hallmark_image::selftest::{SelfTestRecord, SelfTestsHeader};
use hallmark_image::{FileClass, limits, schema};
use hallmark_runtime::Database;
use hallmark_tests::KnownDifferences;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A page cut at its headings.
struct Page {
    name: &'static str,
    sections: Vec<(String, String)>,
}

impl Page {
    fn read(name: &'static str) -> Self {
        let mut sections = vec![(String::new(), String::new())];
        let mut fenced = false;
        for line in read(Path::new("docs").join(name)).lines() {
            fenced ^= line.starts_with("```");
            let heading = line.trim_start_matches('#');
            if !fenced && heading.len() < line.len() {
                sections.push((heading.trim().to_owned(), String::new()));
            } else if let Some((_, text)) = sections.last_mut() {
                text.push_str(line);
                text.push('\n');
            }
        }
        Page { name, sections }
    }

    fn section(&self, heading: &str) -> &str {
        let mut found = self.sections.iter().filter(|(h, _)| h == heading);
        let text = found.next().unwrap_or_else(|| panic!("{}: no heading `{heading}`", self.name)).1.as_str();
        assert!(found.next().is_none(), "{}: two headings `{heading}`", self.name);
        text
    }

    /// What stands after `prefix` in the headings that begin with it.
    fn headings(&self, prefix: &str) -> BTreeSet<String> {
        self.sections.iter().filter_map(|(h, _)| h.strip_prefix(prefix)).map(str::to_owned).collect()
    }

    /// The rows of the only table under a heading, its title row and the line below that left out.
    fn table(&self, heading: &str) -> Vec<Vec<String>> {
        let text = self.section(heading);
        let rows: Vec<Vec<String>> = text
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
            .collect();
        assert!(rows.len() > 2, "{}: no table under `{heading}`", self.name);
        rows.into_iter().skip(2).collect()
    }

    /// The first cells of each row of a table.
    fn columns<const N: usize>(&self, heading: &str) -> Vec<[String; N]> {
        let cells = |row: Vec<String>| {
            let shape = format!("{}: `{heading}`: too few cells in {row:?}", self.name);
            row.into_iter().take(N).collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("{shape}"))
        };
        self.table(heading).into_iter().map(cells).collect()
    }
}

/// Offset, size and name of the fields of a record, in order.
struct Record {
    heading: String,
    fields: Vec<[String; 3]>,
}

macro_rules! records {
    ($($record:ident { $($field:ident),* $(,)? })*) => {
        vec![$({
            // Does not compile when a field is missing here.
            #[expect(dead_code, reason = "compiled, never called")]
            fn all_fields(record: $record) {
                let $record { $($field: _),* } = record;
            }
            let mut fields = vec![$((offset_of!($record, $field), stringify!($field))),*];
            fields.sort_unstable();
            let ends = fields.iter().skip(1).map(|(offset, _)| *offset).chain([size_of::<$record>()]);
            let sized = fields.iter().zip(ends);
            Record {
                heading: format!("`{}`: {} bytes", stringify!($record), size_of::<$record>()),
                fields: sized
                    .map(|((start, name), end)| [start.to_string(), (end - start).to_string(), (*name).to_owned()])
                    .collect(),
            }
        }),*]
    };
}

#[test]
fn records_are_those_of_the_page() {
    let page = Page::read("image-format.md");
    let records = records! {
        Header {
            magic, major, minor, header_len, image_len, section_count, flags, source_digest, options_digest, schema,
        }
        SectionRecord { kind, flags, offset, len, elem_size, elem_count, sha256 }
        Slice { offset, len }
        GlobalsHeader { rules, patterns, namespaces, externals, blob_len }
        External { name, kind, value }
        RulePage { base, slots }
        RuleSlot { offset, len }
        UnitHeader {
            flags, namespace, rank, gate, name, variants, patterns, tags, metas, references, constants, insns, sets, blob_len,
            max_stack, locals,
        }
        Meta { name, kind, value }
        Pattern { id, flags, first_variant, variants, only_at }
        Variant { kind, flags, xor_min, xor_max, pattern, body, mask, backward, runs }
        Run { offset, len, lane, value, mask, atoms }
        Gate { classes, min_size, max_size }
        AlwaysEntry { rule, gate }
        Piece { gap_min, gap_max, value, mask }
        FilterHeader { atom_pages, short_pages, classes }
        ClassHeader { grams, windows, pairs, triples }
        AtomPage { count, spill, reserved, entries }
        AtomEntry { check, rule, variant, offset }
        Insn { op, a, b, imm }
        ProgramHeader { classes }
        SelfTestsHeader { tests, rules, blob_len }
        SelfTestRecord { input, rules }
    };
    let headings: BTreeSet<String> = records.iter().map(|r| r.heading.clone()).collect();
    assert_eq!(page.headings("Record "), headings);
    for record in records {
        let heading = format!("Record {}", record.heading);
        assert_eq!(page.columns::<3>(&heading), record.fields, "{heading}");
    }
}

/// Numbers and names of an enumeration, found by trying every number it could have.
fn values<T: Debug>(new: impl Fn(u16) -> Option<T>) -> Vec<[String; 2]> {
    (0..=u16::from(u8::MAX)).filter_map(|n| Some([n.to_string(), format!("{:?}", new(n)?)])).collect()
}

#[test]
fn enumerations_are_those_of_the_page() {
    let page = Page::read("image-format.md");
    let byte = |n: u16| u8::try_from(n).ok();
    let expected = [
        ("ValueKind", values(|n| ValueKind::new(n.into()))),
        ("FileClass", values(|n| FileClass::ALL.into_iter().find(|&c| c as u16 == n))),
        ("Lane", values(|n| Lane::new(byte(n)?))),
        ("VariantKind", values(|n| VariantKind::new(byte(n)?))),
        ("program::Op", values(|n| program::Op::new(byte(n)?))),
        ("Look", values(|n| Look::new(byte(n)?))),
        ("Quantifier", values(|n| Quantifier::new(byte(n)?))),
        ("Anchor", values(Anchor::new)),
    ];
    let names: BTreeSet<String> = expected.iter().map(|(name, _)| format!("`{name}`")).collect();
    assert_eq!(page.headings("Values of "), names);
    for (name, values) in expected {
        assert_eq!(page.columns::<2>(&format!("Values of `{name}`")), values, "{name}");
    }
    let sections: Vec<_> =
        SectionKind::ALL.iter().map(|&s| [(s as u32).to_string(), s.name().to_owned()]).collect();
    assert_eq!(page.columns::<2>("Sections"), sections);
    let modules: Vec<_> =
        schema::MODULES.iter().enumerate().map(|(i, m)| [i.to_string(), m.name.to_owned()]).collect();
    assert_eq!(page.columns::<2>("Modules"), modules);
}

#[test]
fn flags_are_those_of_the_page() {
    let page = Page::read("image-format.md");
    let check = |name: &str, known: u32, flags: &[(&str, u32)]| {
        assert_eq!(flags.iter().fold(0, |all, (_, bit)| all | bit), known, "{name}");
        let rows: Vec<_> = flags.iter().map(|(flag, bit)| [bit.to_string(), (*flag).to_owned()]).collect();
        assert_eq!(page.columns::<2>(&format!("Flags `{name}`")), rows);
    };
    let rule = [
        ("GLOBAL", rule_flags::GLOBAL.into()),
        ("PRIVATE", rule_flags::PRIVATE.into()),
        ("WHOLE_FILE", rule_flags::WHOLE_FILE.into()),
        ("LONG_MATCHES", rule_flags::LONG_MATCHES.into()),
        ("SIZED", rule_flags::SIZED.into()),
    ];
    check("rule_flags", rule_flags::KNOWN.into(), &rule);
    let pattern = [
        ("PRIVATE", pattern_flags::PRIVATE),
        ("EXISTENCE", pattern_flags::EXISTENCE),
        ("ANCHORED", pattern_flags::ANCHORED),
        ("SEARCHED", u32::from(FileClass::EVERY) << pattern_flags::SEARCHED_SHIFT),
    ];
    check("pattern_flags", pattern_flags::KNOWN, &pattern);
    let variant = [
        ("FULLWORD", variant_flags::FULLWORD.into()),
        ("WIDE", variant_flags::WIDE.into()),
        ("XOR", variant_flags::XOR.into()),
    ];
    check("variant_flags", variant_flags::KNOWN.into(), &variant);
    check(
        "repeat_flags",
        repeat_flags::KNOWN.into(),
        &[("LAZY", repeat_flags::LAZY.into()), ("WIDE", repeat_flags::WIDE.into())],
    );
}

#[test]
fn instructions_are_those_of_the_page() {
    let page = Page::read("image-format.md");
    let instructions: Vec<[String; 5]> = Op::ALL
        .iter()
        .map(|&op| {
            let (pops, pushes, imm) = op.effect();
            [
                (op as u8).to_string(),
                format!("{op:?}"),
                pops.to_string(),
                pushes.to_string(),
                format!("{imm:?}"),
            ]
        })
        .collect();
    assert_eq!(page.columns::<5>("Instructions"), instructions);
    use Imm::*;
    let operands = [
        None, Any, Constant, Str, Regex, External, Pattern, PatternSet, RuleSet, Reference, Target, Module,
        Field, Function,
    ];
    let used: BTreeSet<String> = Op::ALL.iter().map(|op| format!("{:?}", op.effect().2)).collect();
    let operands: Vec<[String; 1]> = operands.iter().map(|imm| [format!("{imm:?}")]).collect();
    assert_eq!(page.columns::<1>("Operand `imm`"), operands);
    assert_eq!(used, operands.into_iter().map(|[name]| name).collect());
}

#[test]
fn limits_are_those_of_the_page() {
    macro_rules! constants {
        ($($name:ident),* $(,)?) => { [$((stringify!($name), limits::$name.to_string())),*] };
    }
    let expected = constants![
        MAX_IMAGE_LEN,
        MAX_SECTIONS,
        SECTION_ALIGN,
        SLOTS_PER_PAGE,
        ENTRIES_PER_PAGE,
        MAX_STACK,
        MAX_LOCALS,
        MAX_LOOPS,
        MAX_PROGRAM_STATES,
        MAX_PIECES,
        MAX_ATOM_OFFSET,
        MAX_OPEN_BITS,
        SHORT_RANGE,
        MAX_ARGS,
        MAX_SELF_TESTS,
        MAX_SELF_TEST_RULES,
        MAX_SELF_TEST_BYTES,
        STREAM_KEEPS,
    ];
    let source = read("runtime/image/src/limits.rs");
    let declared = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once(':'));
    assert!(
        declared.map(|(name, _)| name).eq(expected.iter().map(|(name, _)| *name)),
        "the list in this test is not that of limits.rs"
    );
    let rows = expected.map(|(name, value)| [name.to_owned(), value]);
    assert_eq!(Page::read("image-format.md").columns::<2>("Limits"), rows);
}

#[test]
fn crates_depend_on_each_other_as_the_page_says() {
    let page = Page::read("ARCHITECTURE.md");
    let short = |name: &str| name.trim_start_matches("hallmark-").to_owned();
    let manifest = |folder: &str| -> toml::Table {
        read(Path::new(folder).join("Cargo.toml")).parse().unwrap_or_else(|e| panic!("{folder}: {e}"))
    };
    let workspace = manifest(".");
    let members = workspace["workspace"]["members"].as_array().expect("members");
    let mut edges = BTreeMap::new();
    for folder in members.iter().filter_map(|m| m.as_str()) {
        let manifest = manifest(folder);
        let name = manifest["package"]["name"].as_str().expect("a name").to_owned();
        let tables =
            ["dependencies", "build-dependencies"].into_iter().filter_map(|t| manifest.get(t)?.as_table());
        let names = tables.flat_map(|t| t.keys()).filter(|n| n.starts_with("hallmark-")).map(|n| short(n));
        // Tests see both sides; that nothing depends on them shows in the other rows.
        let names = match name.as_str() {
            "hallmark-tests" => BTreeSet::from(["anything".to_owned()]),
            _ => names.collect(),
        };
        edges.insert(name, (folder.to_owned(), names));
    }
    let said: BTreeMap<_, _> = page
        .columns::<3>("Crates and arrows")
        .into_iter()
        .map(|[name, folder, uses]| {
            let uses = uses.split(", ").filter(|u| *u != "–").map(str::to_owned).collect();
            (name, (folder, uses))
        })
        .collect();
    assert_eq!(said, edges);

    // The way through other crates is checked too: nothing that runs on an endpoint may lead to the compiler.
    let folders: BTreeMap<String, &str> = edges.iter().map(|(n, (f, _))| (short(n), f.as_str())).collect();
    for (name, (folder, _)) in edges.iter().filter(|(_, (folder, _))| folder.starts_with("runtime")) {
        let mut reached = BTreeSet::from([short(name)]);
        let mut pending = vec![short(name)];
        while let Some(next) = pending.pop() {
            let uses = &edges[&format!("hallmark-{next}")].1;
            pending.extend(uses.iter().filter(|u| reached.insert((*u).clone())).cloned());
        }
        let outside: Vec<_> = reached.iter().filter(|r| !folders[*r].starts_with("runtime")).collect();
        assert!(outside.is_empty(), "{folder} depends on {outside:?}");
    }
}

#[test]
fn rooms_of_unchecked_code_are_those_of_the_page() {
    // A lint demands this comment of every block, and `.ci/layers.py` looks for the keyword itself.
    const REASON: &str = "// SAFETY:";
    fn search(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                search(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source");
                if text.contains(REASON) {
                    let relative = path.strip_prefix(root()).expect("a path below the root");
                    found.insert(relative.display().to_string());
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    for side in ["runtime", "compiler"] {
        search(&root().join(side), &mut found);
    }
    let said = Page::read("ARCHITECTURE.md")
        .columns::<1>("Code that is not checked")
        .into_iter()
        .map(|[file]| file)
        .collect();
    assert_eq!(found, said);
}

#[test]
fn tests_of_the_threat_model_are_those_of_the_page() {
    let rows = Page::read("threat-model.md").columns::<2>("What shows it");
    let words = rows.iter().flat_map(|[_, tests]| tests.split('`').skip(1).step_by(2)).collect::<Vec<_>>();
    let said: BTreeSet<_> = words.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect();
    let tests = |file: &str| -> Vec<(String, String)> {
        let text = read(file);
        let below = text.lines().map(str::trim).skip_while(|line| *line != "#[test]");
        let names = below.filter_map(|line| line.strip_prefix("fn ")?.strip_suffix("() {"));
        names.map(|name| (file.to_owned(), name.to_owned())).collect()
    };
    for (file, test) in &said {
        assert!(tests(file).contains(&(file.clone(), test.clone())), "{file}: no test {test}");
    }
    for entry in std::fs::read_dir(root().join("tests/tests/attackers")).expect("a folder") {
        let file = format!("tests/tests/attackers/{}", entry.expect("an entry").file_name().display());
        for test in tests(&file) {
            assert!(said.contains(&test), "{test:?} is not in the page");
        }
    }
}

#[test]
fn byte_statistics_are_those_of_the_page() {
    let data = std::fs::read(root().join("compiler/data/byte-statistics.bin")).expect("the statistics");
    let number = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().expect("four bytes")) as usize;
    let grouped = |n: usize| if n < 1000 { n.to_string() } else { format!("{},{:03}", n / 1000, n % 1000) };
    let [three, four, all] = [number(12), number(16), data.len()].map(grouped);
    let page = read("docs/byte-statistics.md");
    let stated = format!("`n` = {three}, `m` = {four} and {all} bytes");
    assert!(page.contains(&stated), "the page does not say: {stated}");
    let magic = String::from_utf8_lossy(&data[..8]);
    assert!(page.contains(&format!("| magic, `{magic}` |")), "the page does not say: {magic}");
}

#[test]
fn modules_are_those_of_the_page() {
    let rows = Page::read("yara-compat.md").columns::<2>("Modules of this version");
    let mut modules: Vec<_> = schema::MODULES
        .iter()
        .map(|m| {
            let names: BTreeSet<&str> = m.functions.iter().map(|f| f.name).collect();
            [format!("`{}`", m.name), names.len().to_string()]
        })
        .collect();
    modules.sort();
    assert_eq!(rows, modules);
}

/// Heading of a code in `diagnostics.md`.
fn heading(code: &Code) -> String {
    format!("{}: {}", code.id, code.title)
}

#[test]
fn every_code_has_its_place_in_the_page() {
    let page = Page::read("diagnostics.md");
    let is_code = |h: &&String| h.as_bytes().get(1..5).is_some_and(|id| id.iter().all(u8::is_ascii_digit));
    let headings: Vec<&String> = page.sections.iter().map(|(h, _)| h).filter(is_code).collect();
    assert!(headings.into_iter().eq(&codes::ALL.iter().map(heading).collect::<Vec<_>>()));
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for code in codes::ALL {
        let text = words(page.section(&heading(code)));
        assert!(text.contains(&words(code.explanation)), "{}: the explanation is another one", code.id);
    }
}

/// Codes that no short text shows.
const WITHOUT_EXAMPLE: &[&str] = &[
    codes::NOT_RULES,
    codes::SOURCE_TOO_LARGE,
    codes::NOT_UTF8,
    codes::TOO_DEEP,
    codes::TOO_MANY_ERRORS,
    codes::CONDITION_TOO_LONG,
    codes::TOO_MANY_PATTERNS,
    codes::INTERNAL,
    codes::SETS_TOO_LARGE,
    codes::TOO_MANY_VALUES,
    codes::TOO_MANY_PROGRAMS,
    codes::TOO_MANY_NAMESPACES,
    codes::TOO_MANY_PIECES,
    codes::PATTERN_TOO_DEEP,
    codes::PATTERN_TOO_SHORT,
    codes::INVALID_HEX_PATTERN,
    codes::NON_UTF8_TEXT,
    codes::MORE_WARNINGS,
];

/// What the examples include: one file, which is the example itself.
struct Itself<'a>(&'a str);

impl Loader for Itself<'_> {
    fn load(&self, _from: &str, include: &str) -> Result<(String, Vec<u8>), String> {
        match include {
            "itself.yar" => Ok((include.to_owned(), self.0.as_bytes().to_vec())),
            _ => Err("no such file".to_owned()),
        }
    }
}

/// The fenced rules in a text.
fn examples(text: &str) -> Vec<&str> {
    let blocks = text.split("```yara\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default()).collect()
}

#[test]
fn examples_show_their_codes() {
    let page = Page::read("diagnostics.md");
    for code in codes::ALL {
        let examples = examples(page.section(&heading(code)));
        assert_eq!(examples.is_empty(), WITHOUT_EXAMPLE.contains(&code.id), "{}: examples", code.id);
        for text in examples {
            let source = Source {
                name: "itself.yar".into(),
                namespace: "default".into(),
                text: text.as_bytes().to_vec(),
            };
            let compiled = compile(vec![source], &Options::default(), &Itself(text), &mut |_| {});
            let found: BTreeSet<_> = compiled.diagnostics.iter().map(|d| d.code).collect();
            assert!(found.contains(code.id), "{}:\n{text}{:#?}", code.id, compiled.diagnostics);
        }
    }
}

/// What a rule of an example is expected to do.
#[derive(Debug)]
enum Answer<'a> {
    Matches(bool),
    Refused(&'a str),
}

/// The comments at the start of an example: data and the answer for them.
fn checks(example: &str) -> Vec<(Vec<u8>, Answer<'_>)> {
    let comments = example.lines().map_while(|line| line.strip_prefix("// "));
    comments
        .map(|comment| {
            if let Some(code) = comment.strip_prefix("is refused: ") {
                return (Vec::new(), Answer::Refused(code));
            }
            let (data, verdict) =
                comment.rsplit_once(": ").unwrap_or_else(|| panic!("no answer in {comment:?}"));
            match verdict {
                "matches" => (bytes(data), Answer::Matches(true)),
                "does not match" => (bytes(data), Answer::Matches(false)),
                _ => panic!("unknown answer in {comment:?}"),
            }
        })
        .collect()
}

/// The bytes of one or more quoted texts; `\n` and `\xHH` are escapes, and `"a" 3 times "b"` is `aaab`.
fn bytes(data: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut last = Vec::new();
    for (at, part) in data.split('"').enumerate() {
        let times = part.trim().strip_suffix(" times").and_then(|n| n.parse().ok());
        match times {
            Some(times) if at % 2 == 0 => out.extend(last.repeat(times)),
            _ if at % 2 == 0 => out.append(&mut last),
            _ => last = unescape(part),
        }
    }
    out
}

fn unescape(text: &str) -> Vec<u8> {
    let mut parts = text.split('\\');
    let mut out = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (byte, rest) = match part.as_bytes() {
            [b'n', ..] => (b'\n', &part[1..]),
            [b'x', ..] => (u8::from_str_radix(&part[1..3], 16).expect("two hex digits"), &part[3..]),
            _ => panic!("unknown escape in {text:?}"),
        };
        out.push(byte);
        out.extend(rest.as_bytes());
    }
    out
}

#[test]
fn differences_from_the_conformance_suite_have_their_place_in_the_page() {
    let page = Page::read("yara-compat.md");
    let known = KnownDifferences::read(&root().join("tests/conformance.toml")).expect("the list");
    assert!(known.topics().count() > 0);
    for topic in known.topics() {
        assert!(!examples(page.section(topic)).is_empty(), "{topic}: no example pins it");
    }
}

#[test]
fn examples_answer_as_the_page_says() {
    for (heading, text) in &Page::read("yara-compat.md").sections {
        for example in examples(text) {
            let checks = checks(example);
            assert!(!checks.is_empty(), "{heading}: an example without an answer");
            let source = Source {
                name: "example.yar".into(),
                namespace: "default".into(),
                text: example.as_bytes().to_vec(),
            };
            let compiled = compile(vec![source], &Options::default(), &Itself(example), &mut |_| {});
            for (data, answer) in checks {
                let errors = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error);
                let found: Vec<_> = errors.map(|d| d.code).collect();
                let expected = match answer {
                    Answer::Refused(code) => {
                        assert!(compiled.image.is_none() && found == [code], "{heading}: {found:?}");
                        continue;
                    }
                    Answer::Matches(expected) => expected,
                };
                let image =
                    compiled.image.as_deref().unwrap_or_else(|| panic!("{heading}: refused: {found:?}"));
                let database = Database::from_image_bytes(image).expect("the compiler's own image");
                let mut scanner = database.scanner();
                let report = scanner.scan(&data).expect("data in memory");
                let matches = report.matches().any(|rule| rule.rule() == "example");
                assert_eq!(matches, expected, "{heading}: {data:?}");
            }
        }
    }
}
