//! `peers corpus`: a repeatable corpus out of what this machine and the package index have.
//!
//! Each set is a folder of flat files: candidates are sorted, put into a seeded order, and copied until the set is
//! full, without repeating contents. The same machine gives the same corpus; the Windows programs come out of pinned
//! packages and are the same everywhere. The index says by digest which corpus it is.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};

use super::args::CorpusArgs;
use super::progress;
use super::sets::{self, HUGE, SMALL, Set};
use super::table::grouped;
use super::wheels;
use hallmark_benches::random::Random;

const SEED: u64 = 20_261_125;
/// Larger files are left out, so that one does not fill a set.
const LARGEST_FILE: u64 = 64 << 20;
/// How much of a file makes a small one: a page, and more than most scripts have.
const SMALL_BYTES: usize = 4096;
/// How deep folders are followed; real ones have some ten.
const DEEPEST: usize = 40;

const ELF_FOLDERS: [&str; 2] = ["/usr/bin", "/usr/lib/x86_64-linux-gnu"];
const TEXT_FOLDERS: [&str; 4] = ["/usr/share/doc", "/usr/share/perl", "/usr/share/perl5", "/usr/include"];

/// Makes the corpus and returns its sets.
///
/// # Errors
/// The folder holds something already, there is nothing to make a set of, or files can't be read or written.
pub fn make(args: &CorpusArgs) -> anyhow::Result<Vec<Set>> {
    let out = &args.out;
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let used =
        std::fs::read_dir(out).with_context(|| format!("cannot read {}", out.display()))?.next().is_some();
    ensure!(!used, "{} is not empty; name a new folder, so that nothing is mixed", out.display());
    let sizes = Sizes::of(args);

    let elf = walk(&ELF_FOLDERS.map(PathBuf::from));
    fill(&out.join("elf"), elf, sizes.set, |bytes| bytes.starts_with(b"\x7fELF"))?;

    let unpacked = tempfile::tempdir().context("cannot make a temporary folder")?;
    let programs = wheels::programs(&args.wheel_names(), &args.find_links, unpacked.path())?;
    fill(&out.join("pe"), programs, sizes.set, |bytes| bytes.starts_with(b"MZ"))?;

    let mut roots: Vec<PathBuf> = TEXT_FOLDERS.map(PathBuf::from).into();
    roots.extend(python_library());
    fill(&out.join("text"), walk(&roots), sizes.set, is_text)?;

    let mut all = Vec::new();
    for name in ["elf", "pe", "text"] {
        all.extend(sets::files_below(&out.join(name))?);
    }
    small(&out.join(SMALL), &all, sizes.small_files)?;
    huge(&out.join(HUGE), &all, sizes.huge)?;
    progress("writing the index");
    sets::write_index(out)
}

/// How big the sets become.
struct Sizes {
    set: u64,
    small_files: usize,
    huge: u64,
}

impl Sizes {
    fn of(args: &CorpusArgs) -> Self {
        if args.quick {
            return Sizes { set: 4_000_000, small_files: 200, huge: 32_000_000 };
        }
        Sizes { set: args.max_bytes, small_files: args.small_files, huge: args.huge_bytes }
    }
}

/// Copies those of `candidates` that are `wanted` into the new folder `to`, up to `most` bytes in all.
fn fill(
    to: &Path,
    candidates: Vec<PathBuf>,
    most: u64,
    wanted: impl Fn(&[u8]) -> bool,
) -> anyhow::Result<()> {
    std::fs::create_dir(to).with_context(|| format!("cannot make {}", to.display()))?;
    let mut candidates = candidates;
    candidates.sort();
    Random::new(SEED).shuffle(&mut candidates);
    let (mut files, mut total) = (0, 0);
    let mut seen = HashSet::new();
    for path in candidates {
        let Ok(meta) = path.symlink_metadata() else { continue };
        let size = meta.len();
        if !meta.is_file() || size == 0 || size > LARGEST_FILE || total + size > most {
            continue;
        }
        // What this user may not read is no part of a corpus.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        if !wanted(&bytes) || !seen.insert(Sha256::digest(&bytes)) {
            continue;
        }
        let target = to.join(flat_name(files, &path));
        std::fs::write(&target, &bytes).with_context(|| format!("cannot write {}", target.display()))?;
        files += 1;
        total += bytes.len() as u64;
    }
    ensure!(files > 0, "nothing was found for the set {}", to.display());
    progress(&format!("{}: {} files, {} bytes", to.display(), grouped(files as u64), grouped(total)));
    Ok(())
}

/// The beginnings of files, in a seeded order.
fn small(to: &Path, from: &[PathBuf], most: usize) -> anyhow::Result<()> {
    std::fs::create_dir(to).with_context(|| format!("cannot make {}", to.display()))?;
    let mut from = from.to_vec();
    Random::new(SEED).shuffle(&mut from);
    let mut files = 0;
    for path in from.iter().filter(|path| path.metadata().is_ok_and(|meta| meta.len() >= SMALL_BYTES as u64))
    {
        if files == most {
            break;
        }
        let target = to.join(flat_name(files, path));
        std::fs::write(&target, sets::beginning(path, SMALL_BYTES)?)
            .with_context(|| format!("cannot write {}", target.display()))?;
        files += 1;
    }
    progress(&format!("{}: {} files of {SMALL_BYTES} bytes", to.display(), grouped(files as u64)));
    Ok(())
}

/// One file of all others in a seeded order, again and again until it is full.
fn huge(to: &Path, from: &[PathBuf], size: u64) -> anyhow::Result<()> {
    std::fs::create_dir(to).with_context(|| format!("cannot make {}", to.display()))?;
    let target = to.join("all.bin");
    let context = || format!("cannot write {}", target.display());
    let mut from = from.to_vec();
    Random::new(SEED).shuffle(&mut from);
    let mut file = std::io::BufWriter::new(File::create(&target).with_context(context)?);
    let mut left = usize::try_from(size).context("the size of the huge file")?;
    while left > 0 {
        for path in &from {
            let bytes = sets::beginning(path, left)?;
            file.write_all(&bytes).with_context(context)?;
            left -= bytes.len();
        }
    }
    file.flush().with_context(context)?;
    progress(&format!("{}: {} bytes", target.display(), grouped(size)));
    Ok(())
}

/// Regular files below `roots`; folders that can't be read are passed over, and links are not followed.
fn walk(roots: &[PathBuf]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders: Vec<(PathBuf, usize)> = roots.iter().map(|root| (root.clone(), 0)).collect();
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < DEEPEST => folders.push((entry.path(), depth + 1)),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files
}

/// Python's own library, if there is a Python: a few thousand real source files.
fn python_library() -> Option<PathBuf> {
    let program = "import sysconfig; print(sysconfig.get_path('stdlib'))";
    let output = Command::new("python3").args(["-c", program]).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_dir().then_some(path)
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}

/// A name without anything that an engine or a report could stumble over, and with the number that keeps it unique.
fn flat_name(number: usize, path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let keep = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
    format!("{number:05}_{}", name.chars().take(60).map(keep).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_the_same_each_time_and_repeats_no_contents() {
        let from = tempfile::tempdir().unwrap();
        let mut paths = Vec::new();
        for number in 0..20 {
            let path = from.path().join(format!("file {number}"));
            std::fs::write(&path, format!("text {}", number / 2)).unwrap();
            paths.push(path);
        }
        let names = |folder: &str| {
            let to = from.path().join(folder);
            fill(&to, paths.clone(), 1000, is_text).unwrap();
            let files = sets::files_below(&to).unwrap();
            files.iter().map(|f| f.file_name().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let one = names("one");
        assert_eq!(one.len(), 10);
        assert_eq!(one, names("two"));
    }

    #[test]
    fn the_huge_file_has_the_size_that_was_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        huge(&folder.path().join("huge"), &[path], 10).unwrap();
        assert_eq!(std::fs::read(folder.path().join("huge/all.bin")).unwrap(), b"abcabcabca");
    }

    #[test]
    fn text_has_no_zeros_and_names_are_plain() {
        assert!(is_text("naïve".as_bytes()) && !is_text(b"a\0b") && !is_text(b"\xff\xfe"));
        assert_eq!(flat_name(7, Path::new("/x/[ ä.so")), "00007____.so");
    }
}
