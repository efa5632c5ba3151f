//! Cases that are answered otherwise on purpose. Input: a TOML file of headings of `docs/yara-compat.md`, each with the
//! names of cases. Refused: a case that is listed twice.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, bail};

use crate::run::Outcome;

/// Cases that are answered otherwise on purpose.
#[derive(Debug, Clone, Default)]
pub struct KnownDifferences {
    /// The heading that says why, and whether the case was met, by name of the case.
    cases: BTreeMap<String, (String, bool)>,
}

impl KnownDifferences {
    /// Reads a list.
    ///
    /// # Errors
    /// The file cannot be read, is not a table of lists, or names a case twice.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("{}: not a list of differences", path.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let topics: BTreeMap<String, Vec<String>> = toml::from_str(text)?;
        let mut cases = BTreeMap::new();
        for (topic, ids) in topics {
            for id in ids {
                if cases.insert(id.clone(), (topic.clone(), false)).is_some() {
                    bail!("{id} is listed twice");
                }
            }
        }
        Ok(KnownDifferences { cases })
    }

    /// The headings that say why.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        self.cases.values().map(|(topic, _)| topic.as_str())
    }

    /// The outcome of a case in the light of the list: a listed case that fails differs, one that passes fails.
    pub fn judge(&mut self, id: &str, outcome: Outcome) -> Outcome {
        let Some((topic, met)) = self.cases.get_mut(id) else { return outcome };
        match outcome {
            Outcome::Failed(_) => {
                *met = true;
                Outcome::Differs(topic.clone())
            }
            Outcome::Passed => {
                *met = true;
                Outcome::Failed(format!("passes, but is listed as a difference: {topic}"))
            }
            other => other,
        }
    }

    /// Listed cases that were not run.
    pub fn unmet(&self) -> impl Iterator<Item = &str> {
        self.cases.iter().filter(|(_, (_, met))| !met).map(|(id, _)| id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_cases_differ_and_nothing_else_is_excused() {
        let mut known = KnownDifferences::parse("\"Some topic\" = [\"a\", \"b\", \"c\"]").unwrap();
        let failed = || Outcome::Failed("otherwise".into());
        assert_eq!(known.judge("a", failed()), Outcome::Differs("Some topic".into()));
        assert!(matches!(known.judge("b", Outcome::Passed), Outcome::Failed(_)));
        assert_eq!(known.judge("other", failed()), failed());
        assert_eq!(known.judge("other", Outcome::Passed), Outcome::Passed);
        assert_eq!(known.judge("c", Outcome::Skipped("why".into())), Outcome::Skipped("why".into()));
        assert_eq!(known.unmet().collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn a_case_has_one_topic() {
        assert!(KnownDifferences::parse("one = [\"a\"]\ntwo = [\"a\"]").is_err());
    }
}
