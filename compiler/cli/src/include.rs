//! `include` from the file system, within bounds: an included file lies below the including file's own directory, an
//! `--include-dir` or a directory of rules named on the command line, after links and `..` are resolved.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use hallmark_compiler::Loader;

use crate::escape;
use crate::sources::{SourceArg, SourceFile, read_rules};

/// Resolves includes.
pub struct FileLoader {
    /// Searched after the including file's directory.
    include_dirs: Vec<Root>,
    /// Directories of rules, within which `..` may lead.
    source_dirs: Vec<Root>,
    /// Names of the files given to the compiler, by what they really are, so that a cycle comes back to its own name.
    names: BTreeMap<PathBuf, String>,
    /// The other way round: a name may not be UTF-8.
    paths: BTreeMap<String, PathBuf>,
    /// What files are to hold instead of what they do.
    texts: BTreeMap<String, Vec<u8>>,
}

/// A directory as given, and as it really is.
struct Root {
    given: PathBuf,
    real: PathBuf,
}

impl FileLoader {
    /// A loader for these files, which came from these arguments.
    pub fn new(include_dirs: &[PathBuf], args: &[SourceArg], files: &[SourceFile]) -> Self {
        let root = |given: &Path| Some(Root { given: given.to_owned(), real: fs::canonicalize(given).ok()? });
        let real = |file: &SourceFile| Some((fs::canonicalize(&file.path).ok()?, file.name()));
        FileLoader {
            include_dirs: include_dirs.iter().filter_map(|dir| root(dir)).collect(),
            source_dirs: args.iter().filter(|a| a.path.is_dir()).filter_map(|a| root(&a.path)).collect(),
            // The first of several names wins, whatever the order of the map.
            names: files.iter().rev().filter_map(real).collect(),
            paths: files.iter().map(|file| (file.name(), file.path.clone())).collect(),
            texts: BTreeMap::new(),
        }
    }

    /// The same, with other texts for some names.
    pub fn with_texts(self, texts: BTreeMap<String, Vec<u8>>) -> Self {
        FileLoader { texts, ..self }
    }

    fn own_dir(&self, from: &str) -> Option<Root> {
        let path = self.paths.get(from).cloned().unwrap_or_else(|| PathBuf::from(from));
        let given = path.parent()?.to_owned();
        let real = fs::canonicalize(if given.as_os_str().is_empty() { Path::new(".") } else { &given });
        Some(Root { given, real: real.ok()? })
    }
}

impl Loader for FileLoader {
    fn load(&self, from: &str, include: &str) -> Result<(String, Vec<u8>), String> {
        let own = self.own_dir(from);
        let searched = || own.iter().chain(&self.include_dirs);
        let Some(real) = searched().find_map(|dir| fs::canonicalize(dir.real.join(include)).ok()) else {
            let dirs: Vec<_> = searched().map(|dir| shown_dir(&dir.given)).collect();
            return Err(format!("`{}` was not found in {}", escape::path(include), dirs.join(", ")));
        };
        let root = searched().chain(&self.source_dirs).find(|dir| real.starts_with(&dir.real));
        let Some(root) = root else {
            return Err(format!(
                "`{}` leads outside the including file's directory; allow its folder with --include-dir",
                escape::path(include)
            ));
        };
        let name = self.names.get(&real).cloned().unwrap_or_else(|| {
            let below = real.strip_prefix(&root.real).unwrap_or(&real);
            root.given.join(below).to_string_lossy().into_owned()
        });
        let text = match self.texts.get(&name) {
            Some(text) => text.clone(),
            None => read_rules(&real).map_err(|error| format!("{error:#}"))?,
        };
        Ok((name, text))
    }
}

fn shown_dir(dir: &Path) -> String {
    if dir.as_os_str().is_empty() { ".".to_owned() } else { escape::path(dir) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup() -> (tempfile::TempDir, FileLoader, String) {
        let dir = tempfile::tempdir().unwrap();
        for name in ["rules/main.yar", "rules/sub/part.yar", "lib/shared.yar", "secret.yar"] {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let file = SourceFile { path: dir.path().join("rules/main.yar"), namespace: "default".into() };
        let name = file.name();
        let loader = FileLoader::new(&[dir.path().join("lib")], &[], &[file]);
        (dir, loader, name)
    }

    #[test]
    fn own_directory_comes_first_then_include_dirs() {
        let (dir, loader, main) = setup();
        let name = |path: &str| dir.path().join(path).to_str().unwrap().to_owned();
        assert_eq!(loader.load(&main, "./sub/part.yar").unwrap().0, name("rules/sub/part.yar"));
        assert_eq!(
            loader.load(&main, "shared.yar").unwrap(),
            (name("lib/shared.yar"), b"lib/shared.yar".to_vec())
        );
        assert!(loader.load(&main, "none.yar").unwrap_err().contains("was not found in"));
    }

    #[test]
    fn a_cycle_comes_back_to_the_first_name() {
        let (_dir, loader, main) = setup();
        assert_eq!(loader.load(&main, "sub/../main.yar").unwrap().0, main);
    }

    #[test]
    fn nothing_outside_is_reached() {
        let (dir, loader, main) = setup();
        let absolute = dir.path().join("secret.yar");
        std::os::unix::fs::symlink(&absolute, dir.path().join("rules/link.yar")).unwrap();
        for include in ["../secret.yar", "link.yar", absolute.to_str().unwrap()] {
            assert!(loader.load(&main, include).unwrap_err().contains("leads outside"), "{include}");
        }
        assert!(loader.load(&main, "../lib/shared.yar").is_ok());
        assert!(loader.load(&main, "sub").is_err());
    }
}
