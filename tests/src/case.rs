//! Cases as data. Input: lines of JSON. Output: [`Case`]s. Refused: unknown keys and values, with file and line.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_compiler::{ExternalValue, Source};
use hallmark_runtime::ModuleData;
use serde::Deserialize;
use serde_json::Value;

/// Rules, an input and the expected answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// What it exercises.
    pub area: String,
    /// The rules, in the namespace `default`.
    #[serde(default)]
    pub rules: Option<String>,
    /// The rules by namespace, instead.
    #[serde(default)]
    pub namespaces: BTreeMap<String, Sources>,
    /// External variables.
    #[serde(default)]
    pub globals: BTreeMap<String, Value>,
    /// Values that they are given when scanning.
    #[serde(default)]
    pub scan_globals: BTreeMap<String, Value>,
    /// Files that can be included, by path.
    #[serde(default)]
    pub include_files: BTreeMap<String, String>,
    /// Reports for modules, by module: JSON, or a text that is to be JSON.
    #[serde(default)]
    pub module_data: BTreeMap<String, Value>,
    /// The input, where it is plain text.
    #[serde(default)]
    pub input: Option<String>,
    /// The input in base64.
    #[serde(default)]
    pub input_b64: Option<String>,
    /// What happens.
    pub expect: Expect,
    /// `namespace:rule` of every rule that matches.
    #[serde(default)]
    pub matching_rules: Vec<String>,
    /// Every match of a pattern of a matching rule.
    #[serde(default)]
    pub matches: Vec<MatchRow>,
    /// What other implementations answer, where that is something else.
    #[serde(default)]
    pub peers_differ: Option<Value>,
}

/// One source text, or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Sources {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// What happens to a case's rules and input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// A rule matches.
    Match,
    /// No rule matches.
    Nomatch,
    /// The rules compile; nothing is scanned.
    CompileOk,
    /// The rules do not compile.
    CompileError,
}

/// A match of a pattern: `[pattern, offset, length]`, and the key where the pattern has keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "Vec<Value>")]
pub struct MatchRow {
    /// `$a`, or `$`.
    pub pattern: String,
    /// Where it starts.
    pub offset: u64,
    /// How many bytes it has.
    pub length: u64,
    /// The key of a pattern with `xor`.
    pub xor_key: Option<u8>,
}

impl TryFrom<Vec<Value>> for MatchRow {
    type Error = String;

    fn try_from(row: Vec<Value>) -> Result<Self, String> {
        let wrong =
            || format!("expected [pattern, offset, length] or [pattern, offset, length, key], not {row:?}");
        let number = |at: usize| row.get(at).and_then(Value::as_u64).ok_or_else(wrong);
        let pattern = row.first().and_then(Value::as_str).ok_or_else(wrong)?.to_owned();
        let xor_key = match row.len() {
            3 => None,
            4 => Some(u8::try_from(number(3)?).map_err(|_| wrong())?),
            _ => return Err(wrong()),
        };
        Ok(MatchRow { pattern, offset: number(1)?, length: number(2)?, xor_key })
    }
}

impl std::fmt::Display for MatchRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}+{}", self.pattern, self.offset, self.length)?;
        self.xor_key.map_or(Ok(()), |key| write!(f, "^{key}"))
    }
}

impl Case {
    /// The bytes to scan.
    ///
    /// # Errors
    /// The case gives its input twice, or not as base64.
    pub fn input(&self) -> anyhow::Result<Vec<u8>> {
        match (&self.input, &self.input_b64) {
            (Some(_), Some(_)) => bail!("both `input` and `input_b64` are given"),
            (Some(text), None) => Ok(text.clone().into_bytes()),
            (None, Some(text)) => STANDARD.decode(text).context("`input_b64` is not base64"),
            (None, None) => Ok(Vec::new()),
        }
    }

    /// The reports that modules get.
    ///
    /// # Errors
    /// A module takes none, or cannot read it.
    pub fn module_data(&self) -> anyhow::Result<ModuleData> {
        let mut data = ModuleData::default();
        for (module, report) in &self.module_data {
            let report = report.as_str().map_or_else(|| report.to_string(), str::to_owned);
            data.add(module, report.as_bytes())?;
        }
        Ok(data)
    }

    /// The sources to compile.
    pub fn sources(&self) -> Vec<Source> {
        let source = |name: String, namespace: &str, text: &str| Source {
            name,
            namespace: namespace.to_owned(),
            text: text.as_bytes().to_vec(),
        };
        let plain = self.rules.iter().map(|text| source("rules.yar".to_owned(), "default", text));
        let named = self.namespaces.iter().flat_map(|(namespace, texts)| {
            let texts = match texts {
                Sources::One(text) => std::slice::from_ref(text),
                Sources::Many(texts) => texts,
            };
            let named =
                move |(i, text): (usize, &String)| source(format!("{namespace}-{i}.yar"), namespace, text);
            texts.iter().enumerate().map(named)
        });
        plain.chain(named).collect()
    }

    /// The external variables, and what some of them are when scanning.
    ///
    /// # Errors
    /// A value is neither a boolean, a number nor a text.
    pub fn externals(&self) -> anyhow::Result<[Vec<(String, ExternalValue)>; 2]> {
        let value = |value: &Value| match value {
            Value::Bool(value) => Some(ExternalValue::Bool(*value)),
            Value::Number(n) => {
                n.as_i64().map(ExternalValue::Int).or_else(|| n.as_f64().map(ExternalValue::Float))
            }
            Value::String(text) => Some(ExternalValue::Str(text.clone().into_bytes())),
            _ => None,
        };
        let global = |(name, given): (&String, &Value)| {
            let value = value(given).ok_or_else(|| anyhow!("`{given}` is no value for `{name}`"))?;
            Ok((name.clone(), value))
        };
        let values = |of: &BTreeMap<_, _>| of.iter().map(global).collect::<anyhow::Result<_>>();
        Ok([values(&self.globals)?, values(&self.scan_globals)?])
    }
}

/// The cases of a file, one JSON object a line.
///
/// # Errors
/// The file cannot be read, or a line is not a case.
pub fn read_cases(path: &Path) -> anyhow::Result<Vec<Case>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parse = |(i, line): (usize, &str)| {
        serde_json::from_str(line).with_context(|| format!("{}:{}: not a case", path.display(), i + 1))
    };
    lines.map(parse).collect()
}
