//! A directory of sources as a release is made of it: its rule files and what its settings say. Input: a directory.
//! Output: texts under names relative to it, so that nothing depends on where it lies. Nothing outside it is read.

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use hallmark_compiler::{Compilation, Loader, Source};
use hallmark_publish::SourceManifest;

use crate::compile::{CompileArgs, Compiled};
use crate::escape;
use crate::rulemap::{MappedRejection, rejections};
use crate::selftests::{self, SelfTests};
use crate::settings::{self, Settings};
use crate::sources::{SourceArg, find, read_rules};

/// A source directory, read.
pub struct SourceTree {
    root: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
    settings: Settings,
    self_tests: SelfTests,
    /// Settings files, and inputs of self-tests, by name, as they were read.
    extra: BTreeMap<String, Vec<u8>>,
}

impl SourceTree {
    /// Reads the rule files and settings of a directory.
    ///
    /// # Errors
    /// What can't be read, links that lead out of the directory, and settings that aren't what they should be.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        if !dir.is_dir() {
            bail!("{}: a release is made of one directory of sources", escape::path(dir));
        }
        let root = fs::canonicalize(dir).with_context(|| escape::path(dir))?;
        let mut files = BTreeMap::new();
        for file in find(&[SourceArg { namespace: None, path: root.clone() }], false)? {
            let real = fs::canonicalize(&file.path).with_context(|| escape::path(&file.path))?;
            if !real.starts_with(&root) {
                bail!("{}: leads out of the source directory", escape::path(&file.path));
            }
            let text = read_rules(&real)?;
            files.insert(name_below(&root, &file.path)?, text);
        }
        let mut extra = BTreeMap::new();
        for name in settings::FILES {
            let path = root.join(name);
            if let Ok(meta) = fs::symlink_metadata(&path) {
                if !meta.is_file() {
                    bail!("{}: not a regular file", escape::path(&path));
                }
                extra.insert(name.to_owned(), read_rules(&path)?);
            }
        }
        let settings = Settings::parse(&extra)?;
        let self_tests = extra.get(selftests::NAME).map(|bytes| SelfTests::read(&root, bytes));
        let self_tests = self_tests.transpose()?.unwrap_or_default();
        extra.extend(self_tests.files().clone());
        Ok(Self { root, files, settings, self_tests, extra })
    }

    /// What the settings files say.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What `selftest.toml` says.
    pub fn self_tests(&self) -> &SelfTests {
        &self.self_tests
    }

    /// Compiles the rules, and puts the self-tests into the image. Those with errors are left out; whether they may be is judged by [`Self::unaccepted`]. What
    /// `flags` say goes before what `options.toml` says.
    ///
    /// # Errors
    /// Include folders that are not there, self-tests of rules that are not there, and threads that can't be started.
    pub fn compile(
        &self,
        namespace: Option<&str>,
        flags: &CompileArgs,
        threads: Option<NonZeroUsize>,
    ) -> anyhow::Result<Compiled> {
        let started = Instant::now();
        let args = self.settings.options.with_flags(flags);
        for dir in &args.include_dir {
            let real = fs::canonicalize(self.root.join(dir));
            let real = real.with_context(|| format!("include folder {}", escape::path(dir)))?;
            if !real.starts_with(&self.root) {
                bail!("include folder {}: outside of the source directory", escape::path(dir));
            }
        }
        let sources = self.files.iter().map(|(name, text)| Source {
            name: name.clone(),
            namespace: self.settings.options.namespace(name, namespace, args.path_as_namespace),
            text: text.clone(),
        });
        let loader = TreeLoader { tree: self, include_dirs: &args.include_dir };
        let mut compiled = args.compile(sources.collect(), &loader, true, threads, started)?;
        // A rule that a test names may be missing because of the errors that are shown here.
        self.self_tests.add_to(&mut compiled.compilation).inspect_err(|_| compiled.print_diagnostics())?;
        Ok(compiled)
    }

    /// The manifest of all sources: rule files, what they include, and settings.
    ///
    /// # Errors
    /// Names that can't be listed.
    pub fn manifest(&self, compilation: &Compilation) -> anyhow::Result<SourceManifest> {
        let rules = compilation.sources.iter().map(|source| (source.name.as_str(), source.text.as_slice()));
        let extra = self.extra.iter().map(|(name, text)| (name.as_str(), text.as_slice()));
        // An included file is loaded once for each namespace that includes it.
        let all: BTreeMap<_, _> = rules.chain(extra).collect();
        Ok(SourceManifest::new(all)?)
    }

    /// How the rules left out differ from those that `rejected.toml` lists, a line each. Without that file none may be.
    pub fn unaccepted(&self, compilation: &Compilation) -> Vec<String> {
        let mut accepted = self.settings.rejected.clone();
        let mut lines = Vec::new();
        for found in rejections(compilation) {
            match accepted.iter().position(|a| a.accepts(&found)) {
                Some(at) => drop(accepted.swap_remove(at)),
                None => lines.push(format!("{} is not accepted by {}", found.shown(), settings::REJECTED)),
            }
        }
        accepted.sort();
        lines.extend(
            accepted.iter().map(|a| format!("{}: {} is listed, but compiles", settings::REJECTED, a.shown())),
        );
        lines
    }

    /// Whether the directory says itself what may be left out.
    pub fn lists_rejected(&self) -> bool {
        self.extra.contains_key(settings::REJECTED)
    }
}

impl settings::Accepted {
    fn accepts(&self, found: &MappedRejection) -> bool {
        self.file == found.file && self.rule == found.rule && self.code == found.code
    }
}

fn name_below(root: &Path, path: &Path) -> anyhow::Result<String> {
    let below = path.strip_prefix(root).unwrap_or(path);
    let name = below.to_str().with_context(|| format!("{}: the name is not UTF-8", escape::path(path)))?;
    Ok(name.to_owned())
}

/// Includes within the tree.
struct TreeLoader<'a> {
    tree: &'a SourceTree,
    include_dirs: &'a [PathBuf],
}

impl Loader for TreeLoader<'_> {
    fn load(&self, from: &str, include: &str) -> Result<(String, Vec<u8>), String> {
        let root = &self.tree.root;
        let own = Path::new(from).parent().unwrap_or(Path::new(""));
        let mut dirs = std::iter::once(own).chain(self.include_dirs.iter().map(PathBuf::as_path));
        let shown = escape::path(include);
        let real = dirs
            .find_map(|dir| fs::canonicalize(root.join(dir).join(include)).ok())
            .ok_or_else(|| format!("`{shown}` was not found in the source directory"))?;
        if !real.starts_with(root) {
            return Err(format!("`{shown}` leads out of the source directory"));
        }
        let name = name_below(root, &real).map_err(|error| format!("{error:#}"))?;
        let text = match self.tree.files.get(&name) {
            Some(text) => text.clone(),
            None => read_rules(&real).map_err(|error| format!("{error:#}"))?,
        };
        Ok((name, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, SourceTree) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let tree = SourceTree::read(dir.path()).unwrap();
        (dir, tree)
    }

    fn compilation(tree: &SourceTree) -> Compilation {
        tree.compile(None, &CompileArgs::default(), None).unwrap().compilation
    }

    #[test]
    fn the_manifest_lists_rules_includes_and_settings() {
        let (_dir, tree) = tree(&[
            ("a/x.yar", "include \"part.inc\" rule x { condition: true }"),
            ("lib/part.inc", "rule part { condition: true }"),
            ("options.toml", "include-dirs = [\"lib\"]"),
            ("notes.txt", "not a source"),
        ]);
        let compilation = compilation(&tree);
        assert_eq!(compilation.rules.len(), 2, "{:?}", compilation.diagnostics);
        let manifest = tree.manifest(&compilation).unwrap();
        let names: Vec<_> = manifest.text().lines().map(|line| &line[66..]).collect();
        assert_eq!(names, ["a/x.yar", "lib/part.inc", "options.toml"]);
    }

    #[test]
    fn nothing_outside_is_read() {
        let outside = tempfile::tempdir().unwrap();
        let secret = outside.path().join("secret.yar");
        fs::write(&secret, "rule secret { condition: true }").unwrap();
        let (dir, tree) = tree(&[("a.yar", &format!("include \"{}\"", secret.display()))]);
        assert!(tree.unaccepted(&compilation(&tree))[0].contains("a.yar:1"));
        std::os::unix::fs::symlink(&secret, dir.path().join("link.yar")).unwrap();
        assert!(SourceTree::read(dir.path()).is_err_and(|e| e.to_string().contains("leads out")));
        assert!(SourceTree::read(&secret).is_err());
    }

    #[test]
    fn what_is_left_out_must_be_what_is_listed() {
        let bad = "rule bad { condition: nothing } rule good { condition: true }";
        let listed = "[[rejected]]\nfile = \"a.yar\"\nrule = \"bad\"\ncode = \"E0202\"\n";
        let (_dir, plain) = tree(&[("a.yar", bad)]);
        let found = plain.unaccepted(&compilation(&plain));
        let code = rejections(&compilation(&plain))[0].code.clone();
        assert!(found.len() == 1 && found[0].contains("rule bad (a.yar:1)"), "{found:?}");
        let listed = listed.replace("E0202", &code);
        let (_dir, same) = tree(&[("a.yar", bad), ("rejected.toml", &listed)]);
        assert!(same.unaccepted(&compilation(&same)).is_empty());
        let mended = bad.replace("nothing", "true");
        let (_dir, fixed) = tree(&[("a.yar", &mended), ("rejected.toml", &listed)]);
        let found = fixed.unaccepted(&compilation(&fixed));
        assert!(found.len() == 1 && found[0].contains("listed, but compiles"), "{found:?}");
    }
}
