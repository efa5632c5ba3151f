//! Where inputs lie.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The folder of inputs of this package.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The inputs that a target's inputs are made from, by name.
///
/// # Errors
/// They cannot be read.
pub fn corpus(target: &str) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    read(&folder().join("corpus").join(target))
}

/// Inputs on which a target once failed, by name.
///
/// # Errors
/// They cannot be read.
pub fn regressions(target: &str) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = folder().join("regressions").join(target);
    if folder.exists() { read(&folder) } else { Ok(Vec::new()) }
}

fn read(folder: &Path) -> anyhow::Result<Vec<(PathBuf, Vec<u8>)>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((path, bytes))
    };
    paths.into_iter().map(read).collect()
}
