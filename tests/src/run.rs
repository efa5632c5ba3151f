//! Running a case: compile, image bytes, database, scan, compare. Every case runs under each setting of the scanner.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use hallmark_compiler::ast::Item;
use hallmark_compiler::diagnostic::{Severity, SourceId};
use hallmark_compiler::{Compilation, ExternalValue, Loader, Options, Source, compile, parser};
use hallmark_image::schema::module_id;
use hallmark_runtime::{Database, ModuleData, Scanner};

use crate::case::{Case, Expect, MatchRow};

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// As expected.
    Passed,
    /// Not as expected: how.
    Failed(String),
    /// Not as expected, on purpose: the heading that says why.
    Differs(String),
    /// It needs something that is not there: what.
    Skipped(String),
}

/// How long a case may take.
pub const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A case file that lists as many matches as this may have left others out.
const MOST_LISTED: usize = 64;

/// Runs a case on a thread of its own: a panic is a failure, and so is taking longer than `limit`.
pub fn run_bounded(case: &Case, limit: Duration) -> Outcome {
    let (sender, receiver) = channel();
    let owned = case.clone();
    thread::spawn(move || {
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&owned))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message");
            Outcome::Failed(format!("panic: {text}"))
        });
        // Nobody listens any more once the time is over.
        let _ = sender.send(outcome);
    });
    receiver.recv_timeout(limit).unwrap_or_else(|error| match error {
        RecvTimeoutError::Timeout => Outcome::Failed(format!("not done after {} s", limit.as_secs())),
        RecvTimeoutError::Disconnected => Outcome::Failed("the thread died".to_owned()),
    })
}

/// Runs a case.
pub fn run(case: &Case) -> Outcome {
    if let Some(module) = missing_module(case) {
        return Outcome::Skipped(format!("no module `{module}`"));
    }
    match judge(case) {
        Ok(()) => Outcome::Passed,
        Err(cause) => Outcome::Failed(cause),
    }
}

fn judge(case: &Case) -> Result<(), String> {
    let text = |error: anyhow::Error| format!("bad case: {error:#}");
    let input = case.input().map_err(text)?;
    let data = case.module_data().map_err(text)?;
    let [externals, defines] = case.externals().map_err(text)?;
    let options = Options { externals, ..Options::default() };
    let loader = Files(&case.include_files);
    let compilation = compile(case.sources(), &options, &loader, &mut |_| {});
    let image = match (compilation.image.as_deref(), case.expect) {
        (None, Expect::CompileError) => return Ok(()),
        (None, _) => return Err(format!("does not compile: {}", first_error(&compilation))),
        (Some(_), Expect::CompileError) => return Err("compiles, but should not".to_owned()),
        (Some(_), Expect::CompileOk) => return Ok(()),
        (Some(image), Expect::Match | Expect::Nomatch) => image,
    };
    let database = Database::from_image_bytes(image).map_err(|e| format!("own image refused: {e}"))?;
    let scan = |setting| scan(scanner(&database, &defines, &data)?, &input, setting);
    let plain = scan(Setting::Plain)?;
    let listing = scan(Setting::Strings)?;
    let fast = scan(Setting::Fast)?;
    let mut rules = case.matching_rules.clone();
    rules.sort();
    if (case.expect == Expect::Match) == rules.is_empty() {
        return Err("bad case: `expect` and `matching_rules` contradict each other".to_owned());
    }
    compare("rules", &rules, &plain.rules)?;
    compare("rules when listing all matches", &rules, &listing.rules)?;
    compare("rules when stopping early", &rules, &fast.rules)?;
    let mut matches = case.matches.clone();
    matches.sort();
    // What the condition did not need may be listed in full, or not at all.
    compare_matches(&matches, &plain.matches)
        .or_else(|cause| compare_matches(&matches, &listing.matches).map_err(|_| cause))
}

/// Case files list the first matches only where there are many.
fn compare_matches(expected: &[MatchRow], found: &[MatchRow]) -> Result<(), String> {
    let shown = if expected.len() == MOST_LISTED { MOST_LISTED.min(found.len()) } else { found.len() };
    compare("matches", expected, &found[..shown])
}

/// How the scanner is asked.
#[derive(Debug, Clone, Copy)]
enum Setting {
    Plain,
    Strings,
    Fast,
}

/// What a scan found, sorted.
struct Found {
    rules: Vec<String>,
    matches: Vec<MatchRow>,
}

fn scanner<'c>(
    database: &Database,
    defines: &[(String, ExternalValue)],
    data: &ModuleData,
) -> Result<Scanner<'c>, String> {
    let mut scanner = database.scanner();
    for (name, value) in defines {
        let value = match value.clone() {
            ExternalValue::Bool(value) => hallmark_runtime::ExternalValue::Bool(value),
            ExternalValue::Int(value) => hallmark_runtime::ExternalValue::Int(value),
            ExternalValue::Float(value) => hallmark_runtime::ExternalValue::Float(value),
            ExternalValue::Str(value) => hallmark_runtime::ExternalValue::Str(value),
        };
        scanner.define(name, value).map_err(|error| format!("{name}: {error}"))?;
    }
    scanner.deadline(TIME_LIMIT / 4).module_data(data);
    Ok(scanner)
}

fn scan(mut scanner: Scanner<'_>, input: &[u8], setting: Setting) -> Result<Found, String> {
    match setting {
        Setting::Plain => {}
        Setting::Strings => {
            scanner.strings(true);
        }
        Setting::Fast => {
            scanner.fast(true);
        }
    }
    let report = scanner.scan(input).map_err(|error| format!("scan: {error}"))?;
    if let Some(incomplete) = report.incomplete().first() {
        return Err(format!("incomplete: {}: {}", incomplete.what, incomplete.why));
    }
    let mut found = Found { rules: Vec::new(), matches: Vec::new() };
    for rule in report.matches() {
        found.rules.push(format!("{}:{}", rule.namespace(), rule.rule()));
        for pattern in rule.patterns() {
            found.matches.extend(pattern.matches().map(|m| MatchRow {
                pattern: pattern.id().to_owned(),
                offset: m.offset,
                length: m.length,
                xor_key: m.xor_key,
            }));
        }
    }
    found.rules.sort();
    found.matches.sort();
    Ok(found)
}

/// Compares sorted lists, duplicates counting; tells what is missing and what is too much.
fn compare<T: Ord + std::fmt::Display>(what: &str, expected: &[T], found: &[T]) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let listed = |of: &[T], without: &[T]| {
        let mut left: Vec<&T> = without.iter().collect();
        let mut rest = Vec::new();
        for item in of {
            match left.iter().position(|other| *other == item) {
                Some(at) => drop(left.swap_remove(at)),
                None => rest.push(item.to_string()),
            }
        }
        let more = rest.len().saturating_sub(5);
        rest.truncate(5);
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        if rest.is_empty() { "nothing".to_owned() } else { rest.join(" ") + &tail }
    };
    Err(format!("{what}: missing {}; unexpected {}", listed(expected, found), listed(found, expected)))
}

fn first_error(compilation: &Compilation) -> String {
    let mut errors = compilation.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    errors.next().map_or_else(
        || "no image and no error".to_owned(),
        |d| format!("{} {} ({})", d.code, d.message, d.primary.text),
    )
}

/// A module that the rules import and this version does not have. A case about such a module is not judged by the
/// error it gives either.
fn missing_module(case: &Case) -> Option<String> {
    if case.expect == Expect::CompileError && !case.area.starts_with("module:") {
        return None;
    }
    let sources = case.sources();
    let included = case.include_files.values().map(|text| text.as_bytes());
    sources.iter().map(|s| s.text.as_slice()).chain(included).find_map(|text| {
        let ast = parser::parse(SourceId(0), text, &mut Vec::new());
        ast.items.iter().find_map(|item| match item {
            Item::Import(name) => {
                let name = String::from_utf8_lossy(&name.value).into_owned();
                module_id(&name).is_none().then_some(name)
            }
            _ => None,
        })
    })
}

/// Compiles one text in the namespace `default`, without includes or external variables.
pub fn compile_text(text: &str) -> Compilation {
    let source =
        Source { name: "rules.yar".into(), namespace: "default".into(), text: text.as_bytes().to_vec() };
    compile(vec![source], &Options::default(), &NoIncludes, &mut |_| {})
}

/// There is nothing to include.
#[derive(Debug, Clone, Copy)]
pub struct NoIncludes;

impl Loader for NoIncludes {
    fn load(&self, _from: &str, include: &str) -> Result<(String, Vec<u8>), String> {
        Err(format!("`{include}` was not found"))
    }
}

/// Includes from a case: beside the including file first, then from the root.
struct Files<'a>(&'a BTreeMap<String, String>);

impl Loader for Files<'_> {
    fn load(&self, from: &str, include: &str) -> Result<(String, Vec<u8>), String> {
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let places = [folded(&format!("{folder}/{include}")), folded(include)];
        let found = places.into_iter().flatten().find_map(|path| {
            let text = self.0.get(&path)?.clone().into_bytes();
            Some((path, text))
        });
        found.ok_or_else(|| format!("`{include}` was not found"))
    }
}

/// A path without `.` and `..`; `None` if it leads out.
fn folded(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(line: &str) -> Case {
        serde_json::from_str(line).unwrap()
    }

    #[test]
    fn a_wrong_answer_is_seen() {
        let good = r#"{"id":"x","area":"x","rules":"rule a { strings: $a=\"ab\" condition: $a }","input":"xabab",
            "expect":"match","matching_rules":["default:a"],"matches":[["$a",1,2],["$a",3,2]]}"#;
        assert_eq!(run(&case(good)), Outcome::Passed);
        for (right, wrong) in [
            ("default:a", "default:b"),
            ("[\"$a\",3,2]", "[\"$a\",3,1]"),
            (",[\"$a\",3,2]", ""),
            ("xabab", "xabxx"),
            ("[\"$a\",1,2]", "[\"$a\",1,2],[\"$a\",1,2]"),
            ("$a }", "$b }"),
            ("\"match\"", "\"compile_error\""),
        ] {
            let outcome = run(&case(&good.replace(right, wrong)));
            assert!(matches!(outcome, Outcome::Failed(_)), "{wrong}: {outcome:?}");
        }
    }

    #[test]
    fn missing_modules_are_skipped() {
        let line = r#"{"id":"x","area":"module:x","rules":"import \"nothing\" rule a { condition: true }",
            "expect":"compile_ok"}"#;
        assert_eq!(run(&case(line)), Outcome::Skipped("no module `nothing`".into()));
    }

    #[test]
    fn paths_fold() {
        assert_eq!(folded("a/./b/../c").as_deref(), Some("a/c"));
        assert_eq!(folded("../c"), None);
    }
}
