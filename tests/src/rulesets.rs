//! Rule files of the repository, and of public rule sets where somebody has them.

use std::path::{Path, PathBuf};

/// The rule files of this repository, and those below the directory that `HALLMARK_RULESETS` names, when it is set.
///
/// # Panics
/// When it names something without rule files.
pub fn rule_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules"), &mut files);
    if let Some(directory) = std::env::var_os("HALLMARK_RULESETS") {
        let directory = PathBuf::from(directory);
        assert!(directory.is_dir(), "HALLMARK_RULESETS: {} is not a directory", directory.display());
        let before = files.len();
        collect(&directory, &mut files);
        assert!(files.len() > before, "HALLMARK_RULESETS: no rule files below {}", directory.display());
    }
    files
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut entries: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yar" || extension == "yara") {
            files.push(path);
        }
    }
}
