//! From `[NS:]PATH` to source texts. Input: arguments. Output: the rule files, read, in one order whatever the file
//! system's. Directories are walked through symbolic links; a loop is a named error.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};
use hallmark_compiler::Source;
use walkdir::WalkDir;

use crate::escape;

/// Largest rule file read. The compiler's own limit is lower; this one only keeps a mistaken argument, such as a disk
/// image, from being read to its end first.
pub const MAX_READ: u64 = 512 << 20;

/// The namespace of rules for which none was given.
const DEFAULT_NAMESPACE: &str = "default";

/// A file or directory of rules, and the namespace its rules belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceArg {
    /// As given before the colon.
    pub namespace: Option<String>,
    /// As given.
    pub path: PathBuf,
}

impl FromStr for SourceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let whole = SourceArg { namespace: None, path: text.into() };
        match text.split_once(':') {
            // A file may have a colon in its name; a namespace has no slash.
            Some((namespace, _)) if namespace.contains('/') || whole.path.exists() => Ok(whole),
            Some(("", _)) => Err("the namespace before `:` is empty".to_owned()),
            Some((_, "")) => Err("the path after `:` is empty".to_owned()),
            Some((namespace, path)) => {
                Ok(SourceArg { namespace: Some(namespace.to_owned()), path: path.into() })
            }
            None if text.is_empty() => Err("the path is empty".to_owned()),
            None => Ok(whole),
        }
    }
}

/// A source file on disk and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The path, beginning as the argument does.
    pub path: PathBuf,
    /// Namespace of its rules.
    pub namespace: String,
}

impl SourceFile {
    /// The name shown in diagnostics.
    pub fn name(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// Reads it.
    pub fn read(&self) -> anyhow::Result<Source> {
        let text = read_rules(&self.path)?;
        Ok(Source { name: self.name(), namespace: self.namespace.clone(), text })
    }
}

/// Finds the rule files of all arguments: a file as it is, a directory recursively for `*.yar` and `*.yara`, sorted by
/// the bytes of the path.
pub fn find(args: &[SourceArg], path_as_namespace: bool) -> anyhow::Result<Vec<SourceFile>> {
    let mut files = Vec::new();
    for SourceArg { namespace, path } in args {
        let shown = escape::path(path);
        let meta = fs::metadata(path).with_context(|| format!("cannot read rules from {shown}"))?;
        let mut paths = match meta.is_dir() {
            true => rule_files(path)?,
            false => vec![path.clone()],
        };
        if paths.is_empty() {
            bail!("no rules in {shown}: the directory has no *.yar or *.yara file");
        }
        paths.sort_by(|a, b| a.as_os_str().as_encoded_bytes().cmp(b.as_os_str().as_encoded_bytes()));
        files.extend(paths.into_iter().map(|path| {
            let namespace = match namespace {
                Some(namespace) => namespace.clone(),
                None if path_as_namespace => path.to_string_lossy().into_owned(),
                None => DEFAULT_NAMESPACE.to_owned(),
            };
            SourceFile { path, namespace }
        }));
    }
    Ok(files)
}

/// Reads a rule file whose size is within reason.
pub fn read_rules(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = escape::path(path);
    let file = File::open(path).with_context(|| format!("cannot read rules from {shown}"))?;
    let mut text = Vec::new();
    file.take(MAX_READ + 1)
        .read_to_end(&mut text)
        .with_context(|| format!("cannot read rules from {shown}"))?;
    if text.len() as u64 > MAX_READ {
        bail!("{shown} has more than {}: not a rule file", escape::size(MAX_READ));
    }
    Ok(text)
}

fn rule_files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in WalkDir::new(dir).follow_links(true) {
        let entry = entry.map_err(|error| walk_error(dir, error))?;
        let is_rules = entry.path().extension().is_some_and(|ext| ext == "yar" || ext == "yara");
        if is_rules && entry.file_type().is_file() {
            paths.push(entry.into_path());
        }
    }
    Ok(paths)
}

fn walk_error(dir: &Path, error: walkdir::Error) -> anyhow::Error {
    let place = escape::path(error.path().unwrap_or(dir));
    if let Some(ancestor) = error.loop_ancestor() {
        let ancestor = escape::path(ancestor);
        return anyhow::anyhow!(
            "directory loop: {place} is a link back to {ancestor}; remove it or name the rule folders one by one"
        );
    }
    let cause = error.into_io_error().map_or_else(|| anyhow::anyhow!("the walk failed"), anyhow::Error::from);
    cause.context(format!("cannot read rules from {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(Option<String>, String)> {
        let arg = text.parse::<SourceArg>().ok()?;
        Some((arg.namespace, arg.path.to_str().unwrap().to_owned()))
    }

    #[test]
    fn a_namespace_stands_before_the_first_colon() {
        assert_eq!(parse("no-such.yar"), Some((None, "no-such.yar".into())));
        assert_eq!(parse("ns:no:such.yar"), Some((Some("ns".into()), "no:such.yar".into())));
        assert_eq!(parse("dir/no:such.yar"), Some((None, "dir/no:such.yar".into())));
        assert_eq!(parse(":x"), None);
        assert_eq!(parse("x:"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn directories_are_sorted_by_path_bytes() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a/b.yar", "a.yar", "a/a.yara", "z.txt", "B.yar"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let arg = SourceArg { namespace: None, path: dir.path().into() };
        let found = find(&[arg], false).unwrap();
        let names: Vec<_> = found.iter().map(|f| f.path.strip_prefix(dir.path()).unwrap().to_str()).collect();
        assert_eq!(names, [Some("B.yar"), Some("a.yar"), Some("a/a.yara"), Some("a/b.yar")]);
        assert!(found.iter().all(|file| file.namespace == "default"));
    }
}
