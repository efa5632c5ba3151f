//! Which rule matched which file, and whether two engines agree about it.

use std::collections::BTreeSet;
use std::path::Path;

use super::process::plain;

/// How many differences a message names.
const NAMED: usize = 5;

/// Pairs of a rule and the path of a file below the folder that was scanned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches {
    pairs: BTreeSet<(String, String)>,
}

/// What comparing an engine with the one that decides (YARA-X, where it is there) came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This is the one that decides, or there is nothing to compare.
    NotCompared,
    /// The same pairs, for all rules that both compiled.
    Same,
    /// Other pairs.
    Differs {
        /// How many pairs the engine lacks.
        missing: usize,
        /// How many pairs it has alone.
        extra: usize,
        /// Some of them, for people.
        examples: Vec<String>,
    },
}

impl Matches {
    /// The `RULE PATH` lines of what an engine printed while it scanned `folder`; other lines (rules may print) are
    /// passed over.
    pub fn parse(stdout: &[u8], folder: &Path) -> Self {
        let folder = folder.to_string_lossy();
        let text = String::from_utf8_lossy(stdout);
        let mut matches = Matches::default();
        for line in plain(&text).lines() {
            let Some((rule, path)) = line.split_once(' ') else { continue };
            let Some(below) = path.strip_prefix(&*folder) else { continue };
            if rule.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
                matches.insert(rule, below.trim_start_matches('/'));
            }
        }
        matches
    }

    /// Adds a pair.
    pub fn insert(&mut self, rule: &str, file: &str) {
        self.pairs.insert((rule.to_owned(), file.to_owned()));
    }

    /// How many pairs there are.
    pub fn count(&self) -> usize {
        self.pairs.len()
    }

    /// Compares with what the engine that decides found. Rules in `dropped` were not compiled by one of the two.
    pub fn beside(&self, reference: &Matches, dropped: &BTreeSet<String>) -> Verdict {
        let only = |a: &Matches, b: &Matches| -> Vec<(String, String)> {
            a.pairs.difference(&b.pairs).filter(|(rule, _)| !dropped.contains(rule)).cloned().collect()
        };
        let (missing, extra) = (only(reference, self), only(self, reference));
        if missing.is_empty() && extra.is_empty() {
            return Verdict::Same;
        }
        let tell = |what: &str, pairs: &[(String, String)]| -> Vec<String> {
            pairs.iter().take(NAMED).map(|(rule, file)| format!("{what} `{rule}` in `{file}`")).collect()
        };
        let examples = [tell("missing", &missing), tell("extra", &extra)].concat();
        Verdict::Differs { missing: missing.len(), extra: extra.len(), examples }
    }
}

impl Verdict {
    /// For a cell of a table.
    pub fn shown(&self) -> String {
        match self {
            Verdict::NotCompared => "–".to_owned(),
            Verdict::Same => "same".to_owned(),
            Verdict::Differs { missing, extra, .. } => format!("**DIFFERS** −{missing} +{extra}"),
        }
    }

    /// Whether it is a difference.
    pub fn differs(&self) -> bool {
        matches!(self, Verdict::Differs { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_and_other_lines_are_not() {
        let printed = b"hi 1\nrule_a /c/elf/one file\nrule_a /c/elf/one file\nb /elsewhere/x\nb /c/elf/sub/two\nodd! /c/elf/x\n";
        let matches = Matches::parse(printed, Path::new("/c/elf"));
        let mut expected = Matches::default();
        expected.insert("rule_a", "one file");
        expected.insert("b", "sub/two");
        assert_eq!(matches, expected);
    }

    #[test]
    fn a_difference_is_told_unless_its_rule_was_dropped() {
        let pairs = |list: &[(&str, &str)]| {
            let mut matches = Matches::default();
            list.iter().for_each(|(rule, file)| matches.insert(rule, file));
            matches
        };
        let theirs = pairs(&[("a", "1"), ("b", "1")]);
        let ours = pairs(&[("a", "1"), ("c", "1")]);
        let verdict = ours.beside(&theirs, &BTreeSet::new());
        assert_eq!(verdict.shown(), "**DIFFERS** −1 +1");
        assert!(verdict.differs());
        let dropped = BTreeSet::from(["b".to_owned(), "c".to_owned()]);
        assert_eq!(ours.beside(&theirs, &dropped), Verdict::Same);
    }
}
