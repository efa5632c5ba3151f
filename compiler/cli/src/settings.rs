//! What a source directory says about itself: `release.toml`, `options.toml` and `rejected.toml`. Each may be absent.
//! `selftest.toml`, which names files too, is read by `selftests.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use hallmark_compiler::ExternalValue;
use hallmark_container::valid_db_name;
use serde::Deserialize;

use crate::compile::CompileArgs;
use crate::externals::Define;
use crate::selftests;

/// Name, serial and dates of the release.
const RELEASE: &str = "release.toml";
/// How the rules are compiled.
const OPTIONS: &str = "options.toml";
/// Rules that are known not to compile.
pub const REJECTED: &str = "rejected.toml";
/// All settings files.
pub const FILES: [&str; 4] = [OPTIONS, REJECTED, RELEASE, selftests::NAME];

/// The settings of a source directory.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// `release.toml`.
    pub release: ReleaseSettings,
    /// `options.toml`.
    pub options: OptionSettings,
    /// `rejected.toml`.
    pub rejected: Vec<Accepted>,
}

/// `release.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReleaseSettings {
    /// Name of the database.
    pub db: Option<String>,
    /// Serial.
    pub serial: Option<u64>,
    /// Unix seconds.
    pub source_date: Option<u64>,
    /// Days after the source date at which the release is stale.
    pub days: Option<u64>,
}

/// `options.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct OptionSettings {
    externals: BTreeMap<String, toml::Value>,
    /// Namespace of the rules of a file, or of those below a folder; the longest name that fits decides.
    namespaces: BTreeMap<String, String>,
    include_dirs: Vec<PathBuf>,
    path_as_namespace: bool,
    relaxed_re_syntax: bool,
    #[serde(skip)]
    defines: Vec<Define>,
}

/// An entry of `rejected.toml`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accepted {
    /// File, relative to the source directory.
    pub file: String,
    /// The rule; absent for an error outside of rules.
    pub rule: Option<String>,
    /// Code of its first error.
    pub code: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RejectedFile {
    rejected: Vec<Accepted>,
}

impl Settings {
    /// Reads the files, given by name.
    ///
    /// # Errors
    /// Files that are not TOML, and keys or values that mean nothing.
    pub fn parse(files: &BTreeMap<String, Vec<u8>>) -> anyhow::Result<Self> {
        let release: ReleaseSettings = read(files, RELEASE)?;
        if let Some(db) = release.db.as_deref().filter(|db| !valid_db_name(db)) {
            bail!("{RELEASE}: db {db:?}: use words of letters, digits, `.`, `_`, `-` joined by `/`");
        }
        let mut options: OptionSettings = read(files, OPTIONS)?;
        for (name, value) in &options.externals {
            let value = external(value).with_context(|| {
                format!("{OPTIONS}: external {name}: give true or false, a number or a text")
            })?;
            options.defines.push(Define { name: name.clone(), value });
        }
        Ok(Self { release, options, rejected: read::<RejectedFile>(files, REJECTED)?.rejected })
    }
}

fn read<T: Default + for<'a> Deserialize<'a>>(
    files: &BTreeMap<String, Vec<u8>>,
    name: &str,
) -> anyhow::Result<T> {
    let Some(bytes) = files.get(name) else { return Ok(T::default()) };
    let text = std::str::from_utf8(bytes).with_context(|| format!("{name}: not UTF-8"))?;
    toml::from_str(text).with_context(|| name.to_owned())
}

fn external(value: &toml::Value) -> Option<ExternalValue> {
    Some(match value {
        toml::Value::Boolean(value) => ExternalValue::Bool(*value),
        toml::Value::Integer(value) => ExternalValue::Int(*value),
        toml::Value::Float(value) => ExternalValue::Float(*value),
        toml::Value::String(value) => ExternalValue::Str(value.as_bytes().to_vec()),
        _ => return None,
    })
}

impl OptionSettings {
    /// These options under what flags say: externals of the same name are replaced, everything else is added.
    pub fn with_flags(&self, flags: &CompileArgs) -> CompileArgs {
        let given = |name: &str| flags.defines.iter().any(|define| define.name == name);
        let own = self.defines.iter().filter(|define| !given(&define.name));
        CompileArgs {
            defines: own.chain(&flags.defines).cloned().collect(),
            include_dir: self.include_dirs.iter().chain(&flags.include_dir).cloned().collect(),
            path_as_namespace: self.path_as_namespace || flags.path_as_namespace,
            relaxed_re_syntax: self.relaxed_re_syntax || flags.relaxed_re_syntax,
        }
    }

    /// Namespace of the rules of the file `name`.
    pub fn namespace(&self, name: &str, given: Option<&str>, path_as_namespace: bool) -> String {
        let fits = |key: &str| {
            name.strip_prefix(key.trim_end_matches('/'))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let listed = self.namespaces.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len());
        match (given, listed) {
            (Some(given), _) => given.to_owned(),
            (None, Some((_, namespace))) => namespace.clone(),
            (None, None) if path_as_namespace => name.to_owned(),
            (None, None) => "default".to_owned(),
        }
    }
}

impl Accepted {
    /// As messages name it.
    pub fn shown(&self) -> String {
        match &self.rule {
            Some(rule) => format!("rule {rule} ({}) {}", self.file, self.code),
            None => format!("{} {}", self.file, self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, text: &str) -> anyhow::Result<Settings> {
        Settings::parse(&[(name.to_owned(), text.as_bytes().to_vec())].into())
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (name, text) in [
            (RELEASE, "dates = 1"),
            (RELEASE, "serial = -1"),
            (RELEASE, "db = \"../x\""),
            (OPTIONS, "externals = 1"),
            (OPTIONS, "[externals]\na = [1]"),
            (OPTIONS, "threads = 2"),
            (REJECTED, "[[rejected]]\nrule = \"x\""),
            (REJECTED, "="),
        ] {
            let error = parse(name, text).err().map(|error| error.to_string());
            assert!(error.is_some_and(|error| error.contains(name)), "{name}: {text}");
        }
    }

    #[test]
    fn the_longest_name_gives_the_namespace() {
        let text = "[namespaces]\napt = \"a\"\n\"apt/x.yar\" = \"x\"\n";
        let options = parse(OPTIONS, text).unwrap().options;
        let of = |name| options.namespace(name, None, false);
        assert_eq!([of("apt/y.yar"), of("apt/x.yar"), of("apt2/x.yar")], ["a", "x", "default"]);
        assert_eq!(options.namespace("b.yar", None, true), "b.yar");
        assert_eq!(options.namespace("apt/x.yar", Some("n"), true), "n");
    }

    #[test]
    fn flags_go_before_options() {
        let options = parse(OPTIONS, "[externals]\na = 1\nb = 2\n").unwrap().options;
        let flags = CompileArgs { defines: vec!["b=3".parse().unwrap()], ..CompileArgs::default() };
        let merged = options.with_flags(&flags).defines;
        let names: Vec<_> = merged.iter().map(|d| (d.name.as_str(), d.value.clone())).collect();
        assert_eq!(names, [("a", ExternalValue::Int(1)), ("b", ExternalValue::Int(3))]);
    }
}
