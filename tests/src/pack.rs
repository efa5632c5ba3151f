//! The project's own rules and their cases, as `rules/README.md` describes them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_compiler::{Compilation, Options, Source, compile};
use serde::Deserialize;

use crate::run::NoIncludes;

/// The rule pack.
#[derive(Debug, Clone)]
pub struct RulePack {
    /// Its files, by path relative to the pack.
    pub sources: Vec<Source>,
    /// Its cases, by file and in order.
    pub cases: Vec<PackCase>,
}

/// A case of the rule pack.
#[derive(Debug, Clone)]
pub struct PackCase {
    /// File and name.
    pub name: String,
    /// The rules it is about; none means all of them.
    pub rules: Vec<String>,
    /// Whether they match.
    pub hit: bool,
    /// The bytes to scan.
    pub input: Vec<u8>,
}

impl RulePack {
    /// Reads the pack that lies beside this crate.
    ///
    /// # Errors
    /// A file cannot be read, or a case is not one.
    pub fn load() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
        let mut sources = Vec::new();
        for path in files(&root, "yar")? {
            let name = path.strip_prefix(&root)?.to_string_lossy().into_owned();
            let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            sources.push(Source { name, namespace: "default".to_owned(), text });
        }
        let mut cases = Vec::new();
        for path in files(&root.join("cases"), "toml")? {
            let text =
                std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let file: CaseFile = toml::from_str(&text).with_context(|| path.display().to_string())?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            for case in file.case {
                let name = format!("{stem}: {}", case.name);
                cases.push(case.read().with_context(|| name.clone()).map(|case| PackCase { name, ..case })?);
            }
        }
        Ok(RulePack { sources, cases })
    }

    /// Compiles all of it together.
    pub fn compile(&self) -> Compilation {
        compile(self.sources.clone(), &Options::default(), &NoIncludes, &mut |_| {})
    }
}

fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    case: Vec<RawCase>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    name: String,
    rule: Option<String>,
    rules: Option<Vec<String>>,
    hit: bool,
    text: Option<String>,
    hex: Option<String>,
    base64: Option<String>,
    repeat: Option<usize>,
    pad_to: Option<usize>,
}

impl RawCase {
    fn read(self) -> anyhow::Result<PackCase> {
        let rules = match (self.rule, self.rules) {
            (Some(rule), None) => vec![rule],
            (None, Some(rules)) => rules,
            _ => bail!("exactly one of `rule` and `rules` belongs here"),
        };
        ensure!(!rules.is_empty() || !self.hit, "without rules, `hit` is false");
        let dense = |text: String| text.split_ascii_whitespace().collect::<String>();
        let input = match (self.text, self.hex, self.base64) {
            (Some(text), None, None) => text.into_bytes(),
            (None, Some(hex), None) => unhex(&dense(hex)).context("`hex` is not hex")?,
            (None, None, Some(text)) => STANDARD.decode(dense(text)).context("`base64` is not base64")?,
            _ => bail!("exactly one of `text`, `hex` and `base64` belongs here"),
        };
        let repeat = self.repeat.unwrap_or(1);
        ensure!(repeat > 0, "`repeat` is at least 1");
        let mut input = input.repeat(repeat);
        let len = input.len().max(self.pad_to.unwrap_or(0));
        input.resize(len, 0);
        Ok(PackCase { name: self.name, rules, hit: self.hit, input })
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pair = |pair: &[u8]| match pair {
        [high, low] => {
            let digit = |b: u8| char::from(b).to_digit(16);
            Some((digit(*high)? * 16 + digit(*low)?) as u8)
        }
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}
