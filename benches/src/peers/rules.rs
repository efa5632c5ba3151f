//! The rules that are compared: rule files with the names of their rules, and each engine's share of them.
//!
//! An engine that refuses a file is given the others. A file is dropped whole, because no two engines agree on how to
//! drop a single rule, and because what was dropped has to be known when matches are compared.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use hallmark_compiler::ast::Item;
use hallmark_compiler::diagnostic::SourceId;
use hallmark_compiler::parser;

use super::engine::{Engine, Kind, Rules};
use super::process::{Ended, Runner, plain, shown};
use super::progress;

/// How often an engine may be asked again after files were dropped: compilers that stop at the first error need one
/// turn a file.
const MAX_TURNS: usize = 200;

/// Rule files, sorted by path.
#[derive(Debug, Clone)]
pub struct RuleSet {
    /// Each file.
    pub files: Vec<RuleFile>,
}

/// One rule file.
#[derive(Debug, Clone)]
pub struct RuleFile {
    /// Its absolute path.
    pub path: PathBuf,
    /// Its bytes.
    pub text: Vec<u8>,
    /// Names of its rules.
    pub rules: Vec<String>,
}

/// An engine with the rules it compiled.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The engine.
    pub engine: Engine,
    /// What it scans with.
    pub rules: Rules,
    /// The files it compiled.
    pub files: Vec<PathBuf>,
    /// How many rules are in these.
    pub rule_count: usize,
    /// The files it refused, each with the first line of the reason.
    pub refused: Vec<(PathBuf, String)>,
    /// Names of the rules in these.
    pub dropped: BTreeSet<String>,
    /// Why it scans with sources, if it does.
    pub note: Option<String>,
}

impl RuleSet {
    /// Every `*.yar` and `*.yara` file of `paths`, which are files or folders.
    ///
    /// # Errors
    /// A path can't be read, or there is no rule file.
    pub fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut found = BTreeSet::new();
        for path in paths {
            let path =
                path.canonicalize().with_context(|| format!("cannot find rules {}", path.display()))?;
            collect(&path, true, &mut found)?;
        }
        ensure!(!found.is_empty(), "no rule files (*.yar, *.yara) below the paths given with --rules");
        let mut files = Vec::new();
        for path in found {
            let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let rules = rule_names(&text);
            files.push(RuleFile { path, text, rules });
        }
        Ok(RuleSet { files })
    }

    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.text.len() as u64).sum()
    }

    /// Rules of all files.
    pub fn rule_count(&self) -> usize {
        self.files.iter().map(|file| file.rules.len()).sum()
    }

    /// Lets an engine compile these rules in `scratch`, without the files that it refuses.
    ///
    /// # Errors
    /// It refuses them for a reason that names no file, takes too long, or cannot scan with them at all.
    pub fn prepare(&self, engine: &Engine, scratch: &Path, runner: &Runner) -> anyhow::Result<Prepared> {
        let output = scratch.join(format!("{}.rules", engine.kind));
        let mut files: Vec<PathBuf> = self.files.iter().map(|file| file.path.clone()).collect();
        let mut refused = Vec::new();
        for turn in 0.. {
            ensure!(!files.is_empty(), "{} refuses every rule file", engine.kind);
            ensure!(turn < MAX_TURNS, "{} still refuses files after {turn} were dropped", engine.kind);
            let words = engine.compile(&files, &output, 1);
            // boreal does not overwrite.
            let _ = std::fs::remove_file(&output);
            let done = match runner.run(&words)? {
                Ended::Done(done) => done,
                Ended::OverTime => bail!("compiling takes more than {} s", runner.limit().as_secs_f64()),
            };
            // boreal reports errors with exit code 0 too when it goes on; a compiler that wrote nothing has failed.
            if done.code == 0 && output.is_file() {
                break;
            }
            let bad = refused_files(&done.stderr, &files);
            if bad.is_empty() {
                done.checked(&words, &[0])?;
                bail!("{} wrote no rules", shown(&words));
            }
            progress(&format!("{} refuses {} rule files; going on without them", engine.kind, bad.len()));
            files.retain(|file| bad.iter().all(|(path, _)| path != file));
            refused.extend(bad);
        }
        let (rules, note) = usable(engine, &files, output, scratch, runner)?;
        let dropped: BTreeSet<String> = self
            .files
            .iter()
            .filter(|file| refused.iter().any(|(path, _)| *path == file.path))
            .flat_map(|file| file.rules.iter().cloned())
            .collect();
        let kept = self.files.iter().filter(|file| files.contains(&file.path));
        let rule_count = kept.map(|file| file.rules.len()).sum();
        Ok(Prepared { engine: engine.clone(), rules, files, rule_count, refused, dropped, note })
    }
}

/// What the engine can scan with: the compiled file, or the sources if it can't read that again.
fn usable(
    engine: &Engine,
    files: &[PathBuf],
    output: PathBuf,
    scratch: &Path,
    runner: &Runner,
) -> anyhow::Result<(Rules, Option<String>)> {
    let tiny = tiny_file(scratch)?;
    let compiled = Rules::Compiled(output);
    let error = match runner.must(&engine.scan(&compiled, &tiny, 1), engine.good_scan()) {
        Ok(_) => return Ok((compiled, None)),
        Err(error) if engine.kind == Kind::Hallmark => return Err(error),
        Err(error) => error,
    };
    let sources = Rules::Sources(files.to_vec());
    runner.must(&engine.scan(&sources, &tiny, 1), engine.good_scan())?;
    let note =
        format!("it can't read the file it compiled ({error:#}), so each process compiles the sources again");
    Ok((sources, Some(note)))
}

/// A file of one byte, with which opening is measured.
///
/// # Errors
/// It can't be written.
pub fn tiny_file(scratch: &Path) -> anyhow::Result<PathBuf> {
    let path = scratch.join("one-byte");
    std::fs::write(&path, b"x").with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn collect(path: &Path, named: bool, found: &mut BTreeSet<PathBuf>) -> anyhow::Result<()> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read {}", path.display()))?;
            collect(&entry.path(), false, found)?;
        }
    } else if path.is_file() && (named || path.extension().is_some_and(|e| e == "yar" || e == "yara")) {
        found.insert(path.to_owned());
    }
    Ok(())
}

/// Names of the rules in a file, those with syntax errors too.
fn rule_names(text: &[u8]) -> Vec<String> {
    let ast = parser::parse(SourceId(0), text, &mut Vec::new());
    let whole = ast.items.iter().filter_map(|item| match item {
        Item::Rule(rule) => Some(rule.name.name),
        _ => None,
    });
    let broken = ast.broken.iter().filter_map(|rule| rule.name.map(|name| name.name));
    whole.chain(broken).map(str::to_owned).collect()
}

/// The files that error messages are about, with the first line of each message. A message is about the first file
/// it names; warnings are passed over.
fn refused_files(stderr: &str, files: &[PathBuf]) -> Vec<(PathBuf, String)> {
    let mut refused: Vec<(PathBuf, String)> = Vec::new();
    let mut open: Option<String> = None;
    for line in plain(stderr).lines() {
        if line.starts_with("error") {
            open = Some(line.to_owned());
        } else if line.starts_with("warning") {
            open = None;
        }
        let Some(message) = &open else { continue };
        let Some(file) = files.iter().find(|file| names_place(line, file)) else { continue };
        if refused.iter().all(|(known, _)| known != file) {
            refused.push((file.clone(), message.clone()));
        }
        open = None;
    }
    refused
}

/// Whether `line` names a place in `file`, as `FILE:LINE` or `FILE(LINE)`.
fn names_place(line: &str, file: &Path) -> bool {
    let file = file.to_string_lossy();
    line.match_indices(&*file)
        .any(|(at, found)| line[at + found.len()..].starts_with([':', '(']) && !line[..at].ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_files_are_found_in_the_messages_of_each_compiler() {
        let files = ["/r/a.yar", "/r/b.yar", "/r/b.yara", "/r/c.yar"].map(PathBuf::from);
        let refused = |text: &str| -> Vec<String> {
            refused_files(text, &files).into_iter().map(|(path, _)| path.display().to_string()).collect()
        };
        let yara = "error: rule \"b\" in /r/b.yar(1): undefined identifier \"nosuch\"\n";
        assert_eq!(refused(yara), ["/r/b.yar"]);
        let boreal = "\u{1b}[0m\u{1b}[1m\u{1b}[38;5;9merror\u{1b}[0m\u{1b}[1m: unknown\u{1b}[0m\n  \u{1b}[36m┌─\u{1b}[0m /r/b.yara:1:21\n";
        assert_eq!(refused(boreal), ["/r/b.yara"]);
        let others = "warning[W1]: slow\n --> /r/a.yar:1:2\nerror[E1]: twice\n --> /r/c.yar:1:6\n  ::: /r/a.yar:3\n\
                      error[E2]: unknown\n --> /r/c.yar:9:6\n";
        assert_eq!(refused(others), ["/r/c.yar"]);
        assert!(refused("error: 3 errors found\n").is_empty());
    }

    #[test]
    fn names_are_read_from_whole_and_broken_rules() {
        let text = b"rule a { condition: true } rule b { condition: } private rule c { condition: a }";
        let mut names = rule_names(text);
        names.sort();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn folders_are_searched_and_files_taken_as_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        for (name, text) in [("a.yar", "rule a { condition: true }"), ("sub/b.yara", ""), ("c.txt", "")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let set = RuleSet::read(&[folder.path().to_owned()]).unwrap();
        assert_eq!((set.files.len(), set.rule_count(), set.bytes()), (2, 1, 26));
        assert_eq!(RuleSet::read(&[folder.path().join("c.txt")]).unwrap().files.len(), 1);
        assert!(RuleSet::read(&[folder.path().join("none")]).is_err());
    }
}
