//! The rule map, published beside an image: which line of which source made which rule, and what was left out. Input:
//! a compilation. Output: JSON with one entry a line, sorted, so that it is the same wherever and whenever it is made.

use anyhow::{Context as _, ensure};
use hallmark_compiler::Compilation;
use hallmark_image::Image;
use serde::{Deserialize, Serialize};

use crate::fingerprint::{RuleName, fingerprints};
use crate::render::Lines;

const FORMAT: &str = "hallmark-rulemap/v1";

/// Which source made which rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleMap {
    format: String,
    /// By namespace and name.
    pub rules: Vec<MappedRule>,
    /// By file and line.
    pub rejected: Vec<MappedRejection>,
}

/// A rule of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedRule {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// File, relative to the source directory.
    pub file: String,
    /// One-based line of the name.
    pub line: u32,
    /// Digest of what it was compiled to.
    pub compiled: String,
}

/// Something left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappedRejection {
    /// File, relative to the source directory.
    pub file: String,
    /// One-based line of the rule's first error.
    pub line: usize,
    /// The rule; absent for an error outside of rules.
    pub rule: Option<String>,
    /// Code of its first error.
    pub code: String,
}

impl RuleMap {
    /// The map of what `compilation` gave.
    pub fn new(compilation: &Compilation, image: &Image<'_>) -> Self {
        let compiled = fingerprints(image);
        let rules = compilation.rules.iter().map(|rule| {
            let name = RuleName { namespace: rule.namespace.clone(), name: rule.name.clone() };
            MappedRule {
                compiled: compiled.get(&name).map(ToString::to_string).unwrap_or_default(),
                namespace: name.namespace,
                name: name.name,
                file: compilation
                    .sources
                    .get(rule.source.0 as usize)
                    .map(|s| s.name.clone())
                    .unwrap_or_default(),
                line: rule.line,
            }
        });
        Self { format: FORMAT.to_owned(), rules: rules.collect(), rejected: rejections(compilation) }
    }

    /// Reads the text.
    ///
    /// # Errors
    /// What is not such a map.
    pub fn parse(text: &[u8]) -> anyhow::Result<Self> {
        let map: Self = serde_json::from_slice(text).context("rule map")?;
        ensure!(map.format == FORMAT, "rule map: the format is not {FORMAT}");
        Ok(map)
    }

    /// The text: JSON, one entry a line.
    ///
    /// # Errors
    /// None that a map can provoke.
    pub fn to_text(&self) -> anyhow::Result<Vec<u8>> {
        let mut text = format!("{{\"format\":{},\n\"rules\":[", serde_json::to_string(&self.format)?);
        lines(&mut text, &self.rules)?;
        text += "],\n\"rejected\":[";
        lines(&mut text, &self.rejected)?;
        text += "]}\n";
        Ok(text.into_bytes())
    }
}

impl MappedRejection {
    /// As messages name it.
    pub fn shown(&self) -> String {
        match &self.rule {
            Some(rule) => format!("rule {rule} ({}:{}) {}", self.file, self.line, self.code),
            None => format!("{}:{} {}", self.file, self.line, self.code),
        }
    }
}

fn lines(text: &mut String, items: &[impl Serialize]) -> anyhow::Result<()> {
    for (at, item) in items.iter().enumerate() {
        text.push_str(if at == 0 { "\n" } else { ",\n" });
        text.push_str(&serde_json::to_string(item)?);
    }
    Ok(())
}

/// What was left out of a compilation, by file and line.
pub fn rejections(compilation: &Compilation) -> Vec<MappedRejection> {
    let places = Lines::new(&compilation.sources);
    let mut all: Vec<_> = compilation
        .rejected
        .iter()
        .map(|rejected| MappedRejection {
            file: compilation
                .sources
                .get(rejected.source.0 as usize)
                .map(|s| s.name.clone())
                .unwrap_or_default(),
            line: places.position(rejected.source, rejected.span.start as usize).0,
            rule: rejected.rule.clone(),
            code: rejected.code.to_owned(),
        })
        .collect();
    all.sort();
    all
}
