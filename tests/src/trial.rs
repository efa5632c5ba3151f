//! Putting the engine on trial: rules and data are given to it and to the slow reference, and every answer is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;

use hallmark_compiler::ast::{Item, ModifierKind, Rule};
use hallmark_compiler::diagnostic::{Severity, SourceId};
use hallmark_compiler::{Compilation, Options, Source, compile, parser};
use hallmark_engine::{Outcome, Piece, Scratch, Settings, Shape, Window, scan_stream};
use hallmark_runtime::Database;

use crate::reference::{Evaluation, Found, Value};
use crate::run::NoIncludes;

/// Rules, and data to scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Source of each namespace.
    pub namespaces: Vec<String>,
    /// What is scanned.
    pub data: Vec<u8>,
}

/// How a trial ended that found no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Same answers; something matched.
    Matched,
    /// Same answers: nothing matched.
    Silent,
    /// Nothing was compared: rules that do not compile, or that the reference does not know.
    Void,
}

/// What stands between namespaces and before the data when a trial is written as one text.
const SEPARATOR: &[u8] = b"\n---\n";

/// The external variables of trials, with values when rules are built and when data are scanned.
fn externals(built: bool) -> [(&'static str, Value); 4] {
    [
        ("number", Value::Int(if built { 3 } else { -7 })),
        ("share", Value::Float(if built { 0.5 } else { 2.0 })),
        ("flag", Value::Bool(built)),
        ("word", Value::Str(if built { b"xaB1".to_vec() } else { Vec::new() })),
    ]
}

impl Trial {
    /// Reads a trial that was written as one text: sources and data, with a line `---` between each.
    pub fn from_text(text: &[u8]) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
            parts.push(std::str::from_utf8(&rest[..at]).ok()?.to_owned());
            rest = &rest[at + SEPARATOR.len()..];
        }
        (!parts.is_empty()).then(|| Trial { namespaces: parts, data: rest.to_vec() })
    }

    /// A rule of one pattern, all matches of which are compared.
    pub fn of_pattern(written: &str, data: Vec<u8>) -> Self {
        Trial { namespaces: vec![format!("rule r {{ strings: $a = {written} condition: $a }}")], data }
    }

    /// The trial as one text.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text: Vec<u8> = Vec::new();
        for source in &self.namespaces {
            text.extend_from_slice(source.as_bytes());
            text.extend_from_slice(SEPARATOR);
        }
        text.extend_from_slice(&self.data);
        text
    }

    /// Scans in every setting and compares what matches with what the reference says.
    ///
    /// # Errors
    /// What is different.
    pub fn run(&self) -> Result<Verdict, String> {
        let Some(database) = self.database()? else { return Ok(Verdict::Void) };
        let mut verdict = Verdict::Silent;
        for built in [true, false] {
            let Some(expected) = self.expected(built) else { return Ok(Verdict::Void) };
            for setting in [Setting::Plain, Setting::Strings, Setting::Fast] {
                let Some(found) = self.scan(&database, built, setting)? else { return Ok(Verdict::Void) };
                compare(&expected, &found, setting).map_err(|cause| {
                    format!("{setting:?}, values of {}: {cause}", if built { "building" } else { "scanning" })
                })?;
            }
            if !expected.is_empty() {
                verdict = Verdict::Matched;
            }
        }
        Ok(verdict)
    }

    /// `None` if the rules have errors.
    fn database(&self) -> Result<Option<Database>, String> {
        let options = Options { externals: externals(true).map(for_compiler).into(), ..Options::default() };
        let sources = self.namespaces.iter().enumerate().map(|(i, text)| Source {
            name: format!("{i}.yar"),
            namespace: format!("n{i}"),
            text: text.clone().into_bytes(),
        });
        opened(compile(sources.collect(), &options, &NoIncludes, &mut |_| {}))
    }

    /// Scans the data as a stream of which a small window is kept, and compares with what the reference says.
    ///
    /// # Errors
    /// What is different.
    pub fn run_streamed(&self, window: Window, chunk: usize) -> Result<Verdict, String> {
        let Some(database) = self.database()? else { return Ok(Verdict::Void) };
        let Some(expected) = self.expected(true) else { return Ok(Verdict::Void) };
        let mut scratch = Scratch::new();
        for setting in [Setting::Strings, Setting::Plain, Setting::Fast] {
            let settings = Settings {
                strings: setting == Setting::Strings,
                fast: setting == Setting::Fast,
                window,
                ..Settings::default()
            };
            let source = &mut Chunks { rest: &self.data, chunk };
            let outcome = scan_stream(database.image(), &mut scratch, source, Shape::File, &settings);
            let outcome = outcome.unwrap_or_else(|never| match never {});
            if !outcome.incomplete().is_empty() {
                return Ok(Verdict::Void);
            }
            compare(&expected, &answer(&outcome, &self.data)?, setting)
                .map_err(|cause| format!("{setting:?}, as a stream: {cause}"))?;
        }
        Ok(if expected.is_empty() { Verdict::Silent } else { Verdict::Matched })
    }

    /// What the reference finds, with the externals of the build or of the scan.
    fn expected(&self, built: bool) -> Option<Answer> {
        let mut answer = Answer::new();
        for (index, text) in self.namespaces.iter().enumerate() {
            let shown = with_rules(text, |rules| {
                let mut evaluation = Evaluation::new(&self.data);
                for (name, value) in externals(built) {
                    evaluation.define(name, value);
                }
                let mut shown = Vec::new();
                let mut all_global = true;
                for rule in rules {
                    let holds = evaluation.rule(rule).ok()?;
                    all_global &= holds || rule.global.is_none();
                    if holds && rule.private.is_none() {
                        let visible =
                            rule.patterns.iter().zip(evaluation.matches()).filter(|(pattern, _)| {
                                !pattern.modifiers.iter().any(|m| m.kind == ModifierKind::Private)
                            });
                        let patterns = visible.map(|(_, matches)| matches.clone()).collect();
                        let source = &text[rule.span.start as usize..rule.span.end as usize];
                        let anchors = source.contains(" at ");
                        shown.push((format!("n{index}:{}", rule.name.name), Matching { patterns, anchors }));
                    }
                }
                Some(if all_global { shown } else { Vec::new() })
            })?;
            answer.extend(shown);
        }
        Some(answer)
    }

    /// What the engine finds; `None` if it gave up on a pattern, as it says it may.
    fn scan(&self, database: &Database, built: bool, setting: Setting) -> Result<Option<Answer>, String> {
        let mut scanner = database.scanner();
        scanner.strings(setting == Setting::Strings).fast(setting == Setting::Fast);
        if !built {
            for (name, value) in externals(false) {
                scanner.define(name, for_scanner(value)).map_err(|error| error.to_string())?;
            }
        }
        let report = scanner.scan(&self.data).map_err(|error| error.to_string())?;
        if !report.incomplete().is_empty() {
            return Ok(None);
        }
        let rules = report.matches().map(|rule| {
            let patterns = rule.patterns().map(|pattern| {
                let matches = pattern.matches().map(|m| Found {
                    offset: m.offset as usize,
                    length: m.length as usize,
                    xor_key: m.xor_key,
                });
                (pattern.id().to_owned(), matches.collect())
            });
            let matching = Matching { patterns: patterns.collect(), anchors: false };
            (format!("{}:{}", rule.namespace(), rule.rule()), matching)
        });
        Ok(Some(rules.collect()))
    }
}

/// The rules that match, by name.
type Answer = BTreeMap<String, Matching>;

/// A rule that matches.
#[derive(Debug)]
struct Matching {
    /// Its patterns, private ones apart, with their matches.
    patterns: Vec<(String, Vec<Found>)>,
    /// Whether its source says `at`; of what was scanned that is not known.
    anchors: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    Plain,
    Strings,
    Fast,
}

/// Gives bytes out in pieces of one length.
struct Chunks<'d> {
    rest: &'d [u8],
    chunk: usize,
}

impl hallmark_engine::Source for Chunks<'_> {
    type Error = Infallible;

    fn next(&mut self, into: &mut [u8]) -> Result<Piece, Infallible> {
        let count = self.chunk.min(self.rest.len()).min(into.len());
        let (now, rest) = self.rest.split_at(count);
        into[..count].copy_from_slice(now);
        self.rest = rest;
        Ok(if count == 0 { Piece::End } else { Piece::Bytes(count) })
    }
}

/// An outcome as an answer. The bytes of matches have to be those of the data, as far as they were kept.
fn answer(outcome: &Outcome<'_>, data: &[u8]) -> Result<Answer, String> {
    let mut answer = Answer::new();
    for rule in outcome.matching() {
        let unit = rule.unit().ok_or("a rule without a unit")?;
        let mut patterns = Vec::new();
        for pattern in rule.patterns() {
            let mut found = Vec::new();
            for m in pattern.matches() {
                let (offset, length) = (m.offset as usize, m.length as usize);
                let bytes = outcome.bytes().of(m);
                if !data[offset..offset + length].starts_with(bytes) {
                    return Err(format!("the bytes of a match at {offset} are {}", bytes.escape_ascii()));
                }
                found.push(Found { offset, length, xor_key: m.xor_key });
            }
            patterns.push((String::from_utf8_lossy(pattern.id()).into_owned(), found));
        }
        let text = String::from_utf8_lossy;
        let name = format!("{}:{}", text(rule.namespace()), text(unit.name()));
        answer.insert(name, Matching { patterns, anchors: false });
    }
    Ok(answer)
}

/// The same rules; and of their patterns the same matches, those apart that the setting lets be left out. A pattern that
/// its condition names with `at` alone may be looked for at that place only, whatever the setting.
fn compare(expected: &Answer, found: &Answer, setting: Setting) -> Result<(), String> {
    let names = |answer: &Answer| answer.keys().cloned().collect::<BTreeSet<_>>();
    let (want, have) = (names(expected), names(found));
    if want != have {
        let missing: Vec<_> = want.difference(&have).collect();
        let unexpected: Vec<_> = have.difference(&want).collect();
        return Err(format!("missing {missing:?}, unexpected {unexpected:?}"));
    }
    for ((name, rule), have) in expected.iter().zip(found.values()) {
        let (listed, declared) = (have.patterns.len(), rule.patterns.len());
        if listed != declared {
            return Err(format!("{name}: {listed} patterns listed, {declared} expected"));
        }
        for ((id, want), (_, have)) in rule.patterns.iter().zip(&have.patterns) {
            let known = |m: &Found| match setting {
                // The first form that is found at an offset need not be the longest.
                Setting::Fast => want.iter().any(|w| w.offset == m.offset && w.length >= m.length),
                Setting::Plain | Setting::Strings => want.contains(m),
            };
            let complete = setting != Setting::Strings || want.len() == have.len();
            let same = have.iter().all(known) && (complete || (rule.anchors && have.len() <= 1));
            if !same {
                return Err(format!("{name} {id}: found {have:?}, expected {want:?}"));
            }
        }
    }
    Ok(())
}

/// `None` if the rules have errors.
fn opened(compilation: Compilation) -> Result<Option<Database>, String> {
    let Compilation { image, diagnostics, .. } = compilation;
    if let Some(internal) = diagnostics.iter().find(|d| d.code == INTERNAL) {
        return Err(internal.message.clone());
    }
    let errors = diagnostics.iter().any(|d| d.severity == Severity::Error);
    match image {
        Some(_) if errors => Err("an image in spite of errors".to_owned()),
        Some(image) => {
            Database::from_image_bytes(&image).map(Some).map_err(|e| format!("own image refused: {e}"))
        }
        None if errors => Ok(None),
        None => Err("no image and no error".to_owned()),
    }
}

/// The code of a bug of the compiler.
pub(crate) const INTERNAL: &str = "E0123";

/// The rules of `text`, handed to `with`.
fn with_rules<T>(text: &str, with: impl FnOnce(Vec<&Rule<'_>>) -> T) -> T {
    let ast = parser::parse(SourceId(0), text.as_bytes(), &mut Vec::new());
    let rules =
        ast.items.iter().filter_map(|item| if let Item::Rule(rule) = item { Some(&**rule) } else { None });
    with(rules.collect())
}

fn for_compiler((name, value): (&str, Value)) -> (String, hallmark_compiler::ExternalValue) {
    use hallmark_compiler::ExternalValue as Given;
    let given = match value {
        Value::Int(n) => Given::Int(n),
        Value::Float(x) => Given::Float(x),
        Value::Str(s) => Given::Str(s),
        Value::Bool(b) => Given::Bool(b),
        Value::Undefined => Given::Bool(false),
    };
    (name.to_owned(), given)
}

fn for_scanner(value: Value) -> hallmark_runtime::ExternalValue {
    use hallmark_runtime::ExternalValue as Given;
    match value {
        Value::Int(n) => Given::Int(n),
        Value::Float(x) => Given::Float(x),
        Value::Str(s) => Given::Str(s),
        Value::Bool(b) => Given::Bool(b),
        Value::Undefined => Given::Bool(false),
    }
}

/// A trial as a message shows it.
impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n--- over {}", self.namespaces.join("\n---\n"), self.data.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(source: &str, data: &[u8]) -> Trial {
        Trial { namespaces: vec![source.to_owned()], data: data.to_vec() }
    }

    #[test]
    fn text_and_back() {
        let trial = Trial { namespaces: vec!["a\n--".into(), "b".into()], data: b"\x00\n---".to_vec() };
        assert_eq!(Trial::from_text(&trial.to_text()), Some(trial));
        assert_eq!(Trial::from_text(b"no separator"), None);
    }

    #[test]
    fn verdicts() {
        let rule = "rule r { strings: $a = \"ab\" condition: #a == 2 }";
        assert_eq!(trial(rule, b"abab").run(), Ok(Verdict::Matched));
        assert_eq!(trial(rule, b"ab").run(), Ok(Verdict::Silent));
        assert_eq!(trial("rule r { condition: nothing }", b"").run(), Ok(Verdict::Void));
    }

    #[test]
    fn wrong_answers_are_seen() {
        let found = |offset, length| Found { offset, length, xor_key: None };
        let answer = |rule: &str, matches: &[Found], anchors| {
            let patterns = vec![("$a".to_owned(), matches.to_vec())];
            Answer::from([(rule.to_owned(), Matching { patterns, anchors })])
        };
        let (one, two) = (found(1, 2), found(5, 2));
        let expected = answer("r", &[one, two], false);
        let same = |found: &Answer, setting| compare(&expected, found, setting).is_ok();
        for setting in [Setting::Plain, Setting::Strings, Setting::Fast] {
            assert!(same(&answer("r", &[one, two], false), setting));
            assert!(!same(&answer("s", &[one, two], false), setting));
            assert!(!same(&Answer::new(), setting));
            assert!(!same(&answer("r", &[one, found(4, 2)], false), setting));
            assert!(!same(&answer("r", &[found(1, 3)], false), setting));
            assert_eq!(same(&answer("r", &[one], false), setting), setting != Setting::Strings);
        }
        let anchored = answer("r", &[one, two], true);
        assert!(compare(&anchored, &answer("r", &[two], false), Setting::Strings).is_ok());
        assert!(compare(&anchored, &answer("r", &[found(2, 2)], false), Setting::Strings).is_err());
    }
}
