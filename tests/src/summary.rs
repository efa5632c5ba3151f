//! What became of many cases, as a table by area and a list of failures.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::case::Case;
use crate::run::Outcome;

/// What became of many cases.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    areas: BTreeMap<String, Counts>,
    failures: Vec<(String, String)>,
    differences: BTreeMap<String, Vec<String>>,
    skipped: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    different: usize,
    skipped: usize,
}

impl Summary {
    /// Adds the outcome of a case.
    pub fn add(&mut self, case: &Case, outcome: &Outcome) {
        let counts = self.areas.entry(case.area.clone()).or_default();
        match outcome {
            Outcome::Passed => counts.passed += 1,
            Outcome::Failed(cause) => {
                counts.failed += 1;
                self.failures.push((case.id.clone(), cause.clone()));
            }
            Outcome::Differs(topic) => {
                counts.different += 1;
                self.differences.entry(topic.clone()).or_default().push(case.id.clone());
            }
            Outcome::Skipped(why) => {
                counts.skipped += 1;
                self.skipped.entry(why.clone()).or_default().push(case.id.clone());
            }
        }
    }

    /// `N passed, N failed, N different on purpose, N skipped`
    pub fn line(&self) -> String {
        let Counts { passed, failed, different, skipped } = self.total();
        format!("{passed} passed, {failed} failed, {different} different on purpose, {skipped} skipped")
    }

    /// Id and cause of every failure, in the order of the cases.
    pub fn failures(&self) -> &[(String, String)] {
        &self.failures
    }

    /// A table by area, in Markdown.
    pub fn table(&self) -> String {
        let mut text = "| area | passed | failed | different | skipped |\n|---|---|---|---|---|\n".to_owned();
        let total = self.total();
        for (area, counts) in self.areas.iter().map(|(a, c)| (a.as_str(), c)).chain([("all", &total)]) {
            let Counts { passed, failed, different, skipped } = counts;
            // Writing to a string does not fail.
            let _ = writeln!(text, "| {area} | {passed} | {failed} | {different} | {skipped} |");
        }
        text
    }

    /// The whole report, in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = format!("# Conformance\n\n{}\n\n{}", self.line(), self.table());
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        if !self.failures.is_empty() {
            text.push_str("\n## Failures\n\n| case | cause |\n|---|---|\n");
            for (id, cause) in &self.failures {
                let _ = writeln!(text, "| {id} | {} |", cell(cause));
            }
        }
        for (title, lists) in [("Different on purpose", &self.differences), ("Skipped", &self.skipped)] {
            if !lists.is_empty() {
                let _ = write!(text, "\n## {title}\n\n| why | cases |\n|---|---|\n");
            }
            for (why, ids) in lists {
                let _ = writeln!(text, "| {} | {} |", cell(why), ids.join(" "));
            }
        }
        text
    }

    fn total(&self) -> Counts {
        self.areas.values().fold(Counts::default(), |sum, counts| Counts {
            passed: sum.passed + counts.passed,
            failed: sum.failed + counts.failed,
            different: sum.different + counts.different,
            skipped: sum.skipped + counts.skipped,
        })
    }
}
