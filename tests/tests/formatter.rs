//! Formatting rule files changes white space and nothing else: bytes, syntax trees and what is compiled stay.
//!
//! Always over the rules of this repository; over every rule file below the directory named by `HALLMARK_RULESETS` too,
//! when it is set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hallmark_compiler::diagnostic::{Severity, SourceId};
use hallmark_compiler::format::{Indent, format};
use hallmark_compiler::{Options, Source, Stats, compile, parser};
use hallmark_tests::{NoIncludes, rule_files};

/// Space characters beyond ASCII that rule files were seen to have between tokens.
const NO_BREAK_SPACE: &[u8] = &[0xC2, 0xA0];

#[test]
fn rule_files_keep_their_bytes_trees_and_rules() {
    let (mut refused, mut changed) = (0, 0);
    let mut folders: BTreeMap<PathBuf, Vec<(Source, Source)>> = BTreeMap::new();
    let files = rule_files();
    for path in &files {
        let text = std::fs::read(path).unwrap();
        let name = path.display().to_string();
        let once = match format(&text, Indent::default()) {
            Ok(once) => once,
            Err(errors) => {
                assert!(errors.iter().all(|e| e.code != "E0123"), "{name}: {errors:?}");
                refused += 1;
                continue;
            }
        };
        changed += usize::from(once != text);
        assert!(visible(&text) == visible(&once), "{name}: other bytes");
        assert_eq!(format(&once, Indent::default()).as_deref(), Ok(&once[..]), "{name}: a second time");
        assert_eq!(tree(&text), tree(&once), "{name}");
        let source = |text| Source { name: name.clone(), namespace: "default".to_owned(), text };
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        folders.entry(folder).or_default().push((source(text), source(once)));
    }
    println!("{} files, {changed} changed, {refused} with errors", files.len());
    assert!(refused < files.len() / 20, "{refused} of {} files were refused", files.len());
    for (folder, sources) in folders {
        let (before, after): (Vec<_>, Vec<_>) = sources.into_iter().unzip();
        assert!(compiled(before) == compiled(after), "{}: other rules are compiled", folder.display());
    }
}

/// All bytes that are not white space.
fn visible(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        rest = match rest.strip_prefix(NO_BREAK_SPACE) {
            Some(after) => after,
            None => {
                bytes.extend(Some(first).filter(|byte| !byte.is_ascii_whitespace()));
                after
            }
        };
    }
    bytes
}

/// The syntax tree as text, without its spans.
fn tree(text: &[u8]) -> String {
    let mut diagnostics = Vec::new();
    let ast = parser::parse(SourceId(0), text, &mut diagnostics);
    assert!(diagnostics.iter().all(|d| d.severity == Severity::Warning), "{diagnostics:?}");
    let tree = format!("{ast:?}");
    let mut parts = tree.split("Span { start: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |all, part| all + part.split_once('}').map_or("", |(_, rest)| rest))
}

/// What is compiled: digests of the rules by name, the codes of what was said, and all counts.
#[derive(PartialEq)]
struct Compiled {
    rules: Vec<(String, [u8; 32])>,
    said: Vec<&'static str>,
    stats: Stats,
}

fn compiled(sources: Vec<Source>) -> Compiled {
    let options = Options { ignore_invalid_rules: true, ..Options::default() };
    let compilation = compile(sources, &options, &NoIncludes, &mut |_| {});
    Compiled {
        rules: compilation.rules.into_iter().map(|rule| (rule.name, rule.sha256)).collect(),
        said: compilation.diagnostics.iter().map(|d| d.code).collect(),
        stats: compilation.stats,
    }
}
