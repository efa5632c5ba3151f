//! The sets of files that are scanned: the folders of a corpus, what is in them, and proof that they are what the
//! index says.
//!
//! A corpus is a folder with a folder for each set and, if it was made by `peers corpus`, an [`INDEX`]. Sets are
//! scanned as whole folders, by every engine in its own order.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

use super::progress;
use hallmark_benches::random::Random;

/// Name of the file that lists a corpus: lines of set/path, size and SHA-256, tab-separated, sorted.
pub const INDEX: &str = "index.tsv";
/// The sets that `peers corpus` makes, in the order of the tables.
pub const SETS: [&str; 5] = ["elf", "pe", "text", "small", "huge"];
/// Of a set of many small files, files a second are told; of all others, bytes.
pub const SMALL: &str = "small";
/// The set with one big file.
pub const HUGE: &str = "huge";

/// How much of a set `--quick` takes.
const QUICK_BYTES: u64 = 3_000_000;
const QUICK_FILES: usize = 200;
const QUICK_HUGE_BYTES: usize = 24_000_000;
const QUICK_SEED: u64 = 11;

/// Files in a folder, all of which are scanned.
#[derive(Debug, Clone)]
pub struct Set {
    /// Name of the folder.
    pub name: String,
    /// Absolute path of the folder.
    pub folder: PathBuf,
    /// The files below it, sorted.
    pub files: Vec<PathBuf>,
    /// Bytes of all files.
    pub bytes: u64,
    /// SHA-256 over the lines of its index, in hexadecimal: the same files have the same digest anywhere.
    pub digest: String,
}

impl Set {
    /// How much of it a second of scanning is told in: files of the set of small ones, billions of bytes else.
    pub fn amount(&self) -> f64 {
        if self.name == SMALL { self.files.len() as f64 } else { self.bytes as f64 / 1e9 }
    }

    /// The unit that goes with [`Set::amount`].
    pub fn unit(&self) -> &'static str {
        if self.name == SMALL { "files/s" } else { "GB/s" }
    }
}

/// The sets of the corpus `folder`: those of `only`, or all. Every file is read, so that it is in the page cache when
/// scanning starts, and compared with the index if there is one. With `quick`, a part of each is copied to `scratch`
/// and taken instead.
///
/// # Errors
/// There is no such set, a file can't be read, or it is not what the index says.
pub fn load(folder: &Path, only: &[String], quick: bool, scratch: &Path) -> anyhow::Result<Vec<Set>> {
    let folder =
        folder.canonicalize().with_context(|| format!("cannot find the corpus {}", folder.display()))?;
    let index = Index::read(&folder)?;
    let mut names = folders(&folder)?;
    for name in only {
        ensure!(names.contains(name), "the corpus {} has no set `{name}`", folder.display());
    }
    names.retain(|name| only.is_empty() || only.contains(name));
    names.sort_by_key(|name| (SETS.iter().position(|set| set == name).unwrap_or(SETS.len()), name.clone()));
    let mut sets = Vec::new();
    for name in names {
        progress(&format!("reading the set {name}"));
        let mut from = folder.join(&name);
        if quick {
            from = part_of(&from, &scratch.join("corpus").join(&name), name == HUGE)?;
        }
        let set = read_set(name, &from)?;
        if let (Some(index), false) = (&index, quick) {
            index.check(&set)?;
        }
        sets.push(set);
    }
    ensure!(!sets.is_empty(), "the corpus {} has no folders; make one with `peers corpus`", folder.display());
    Ok(sets)
}

/// Lists a corpus: writes its [`INDEX`] and returns its sets.
///
/// # Errors
/// A file can't be read, or the index can't be written.
pub fn write_index(folder: &Path) -> anyhow::Result<Vec<Set>> {
    let mut text = String::new();
    let mut sets = Vec::new();
    for name in folders(folder)? {
        let set = folder.join(&name);
        text.push_str(&lines_of(&name, &set)?.concat());
        sets.push(read_set(name, &set)?);
    }
    let index = folder.join(INDEX);
    std::fs::write(&index, text).with_context(|| format!("cannot write {}", index.display()))?;
    Ok(sets)
}

/// What a corpus should hold: for each set, the digest of its lines.
struct Index {
    digests: BTreeMap<String, String>,
}

impl Index {
    fn read(folder: &Path) -> anyhow::Result<Option<Self>> {
        let path = folder.join(INDEX);
        if !path.exists() {
            return Ok(None);
        }
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut sets: BTreeMap<String, Sha256> = BTreeMap::new();
        for line in text.split_inclusive('\n') {
            let name = line.split('/').next().unwrap_or_default();
            sets.entry(name.to_owned()).or_default().update(line);
        }
        Ok(Some(Index {
            digests: sets.into_iter().map(|(name, hash)| (name, hex(&hash.finalize()))).collect(),
        }))
    }

    fn check(&self, set: &Set) -> anyhow::Result<()> {
        match self.digests.get(&set.name) {
            Some(digest) if *digest == set.digest => Ok(()),
            Some(_) => bail!(
                "{} is not what {INDEX} says: files were changed, added or removed; make the corpus again",
                set.folder.display()
            ),
            None => bail!("{INDEX} does not list the set {}", set.name),
        }
    }
}

fn read_set(name: String, folder: &Path) -> anyhow::Result<Set> {
    let files = files_below(folder)?;
    ensure!(!files.is_empty(), "the set {} has no files", folder.display());
    let mut bytes = 0;
    for file in &files {
        bytes += file.metadata().with_context(|| format!("cannot read {}", file.display()))?.len();
    }
    let digest = hex(&Sha256::digest(lines_of(&name, folder)?.concat()));
    Ok(Set { name, folder: folder.to_owned(), files, bytes, digest })
}

/// The lines of the index for one set.
fn lines_of(name: &str, folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    for file in files_below(folder)? {
        let context = || format!("cannot read {}", file.display());
        let mut hash = Sha256::new();
        let mut reader = std::fs::File::open(&file).with_context(context)?;
        let size = std::io::copy(&mut reader, &mut hash).with_context(context)?;
        let below = file.strip_prefix(folder).unwrap_or(&file).display();
        lines.push(format!("{name}/{below}\t{size}\t{}\n", hex(&hash.finalize())));
    }
    Ok(lines)
}

fn folders(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Regular files below `folder`, sorted.
///
/// # Errors
/// A folder can't be read, or holds a link: engines treat these differently.
pub fn files_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?
        {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                files.push(entry.path());
            } else {
                bail!("{} is no regular file; copy what it stands for", entry.path().display());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// A part of a set, in a folder of its own: some files by a seeded choice, or the beginning of the huge one.
fn part_of(from: &Path, to: &Path, huge: bool) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let mut files = files_below(from)?;
    Random::new(QUICK_SEED).shuffle(&mut files);
    let mut bytes = 0;
    let mut copied = 0;
    for file in files {
        let context = || format!("cannot copy {}", file.display());
        let size = file.metadata().with_context(context)?.len();
        let name = to.join(file.file_name().unwrap_or_default());
        if huge {
            std::fs::write(&name, beginning(&file, QUICK_HUGE_BYTES)?).with_context(context)?;
            break;
        }
        if (bytes + size <= QUICK_BYTES || copied == 0) && copied < QUICK_FILES {
            std::fs::copy(&file, &name).with_context(context)?;
            bytes += size;
            copied += 1;
        }
    }
    Ok(to.to_owned())
}

/// Up to `most` bytes from the beginning of a file.
///
/// # Errors
/// It can't be read.
pub fn beginning(file: &Path, most: usize) -> anyhow::Result<Vec<u8>> {
    use std::io::Read as _;
    let context = || format!("cannot read {}", file.display());
    let mut bytes = Vec::new();
    let reader = std::fs::File::open(file).with_context(context)?;
    reader.take(most as u64).read_to_end(&mut bytes).with_context(context)?;
    Ok(bytes)
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn corpus() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("text/b", "bb"), ("text/a", "a"), ("elf/x", "xyz"), ("huge/h", "hhhh")] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn a_corpus_is_what_its_index_says_until_a_file_changes() {
        let folder = corpus();
        let scratch = tempfile::tempdir().unwrap();
        let written = write_index(folder.path()).unwrap();
        let sets = load(folder.path(), &[], false, scratch.path()).unwrap();
        let names: Vec<_> = sets.iter().map(|set| (set.name.as_str(), set.files.len(), set.bytes)).collect();
        assert_eq!(names, [("elf", 1, 3), ("text", 2, 3), ("huge", 1, 4)]);
        assert!(written.iter().all(|one| sets.iter().any(|set| set.digest == one.digest)));
        std::fs::write(folder.path().join("text/a"), "b").unwrap();
        let error = load(folder.path(), &[], false, scratch.path()).unwrap_err().to_string();
        assert!(error.contains("not what index.tsv says"), "{error}");
        assert_eq!(load(folder.path(), &["elf".to_owned()], false, scratch.path()).unwrap().len(), 1);
        assert!(load(folder.path(), &["pe".to_owned()], false, scratch.path()).is_err());
    }

    #[test]
    fn a_quick_part_is_a_copy() {
        let folder = corpus();
        let scratch = tempfile::tempdir().unwrap();
        let sets = load(folder.path(), &[], true, scratch.path()).unwrap();
        assert!(sets.iter().all(|set| set.folder.starts_with(scratch.path())));
        assert_eq!(sets.iter().map(|set| set.bytes).sum::<u64>(), 10);
    }

    #[test]
    fn links_are_refused() {
        let folder = corpus();
        std::os::unix::fs::symlink("a", folder.path().join("text/link")).unwrap();
        assert!(
            files_below(&folder.path().join("text")).unwrap_err().to_string().contains("no regular file")
        );
    }
}
