//! Targets to scan. Input: the arguments. Output: files in a fixed order (arguments as given, directories depth-first
//! by name), and a problem for whatever cannot be scanned, so that nothing is skipped silently.
//!
//! Symbolic links named as a target are followed, links found below a target are not: what they lead to is scanned
//! where it is, or was not asked for.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::reading::{Links, cannot_read, not_regular, special};
use crate::escape;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Scan this file, if it is still one.
    File(PathBuf, Links),
    /// Scan the memory of this process.
    Process(u32),
    /// Scan standard input.
    Stdin,
    /// Report that this was not scanned, and why.
    Problem(PathBuf, String),
}

/// Everything to scan, found while scanning goes on.
pub fn items(targets: &[PathBuf]) -> impl Iterator<Item = Item> + Send + '_ {
    targets.iter().flat_map(|target| expand(target))
}

/// Number and total size of the files in `targets`, as far as they can be told without opening one; `None` once
/// `stop` says so.
pub fn measure(targets: &[PathBuf], stop: impl Fn() -> bool) -> Option<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for item in items(targets) {
        if stop() {
            return None;
        }
        files += 1;
        if let Item::File(path, _) = item {
            bytes += fs::metadata(path).map_or(0, |meta| meta.len());
        }
    }
    Some((files, bytes))
}

fn expand(target: &Path) -> Box<dyn Iterator<Item = Item> + Send + '_> {
    let one = |item| Box::new(std::iter::once(item));
    if target.as_os_str() == "-" {
        return one(Item::Stdin);
    }
    match fs::metadata(target) {
        Ok(meta) if meta.is_dir() => {
            let walk = WalkDir::new(target).follow_links(false).sort_by_file_name();
            Box::new(walk.into_iter().filter_map(|entry| found(target, entry)))
        }
        Ok(meta) => one(file_or_problem(target, &meta)),
        Err(error) => one(Item::Problem(target.to_owned(), cannot_read(error))),
    }
}

fn file_or_problem(path: &Path, meta: &Metadata) -> Item {
    match special(meta.file_type()) {
        Some(kind) => Item::Problem(path.to_owned(), not_regular(kind)),
        None => Item::File(path.to_owned(), Links::Follow),
    }
}

fn found(target: &Path, entry: walkdir::Result<walkdir::DirEntry>) -> Option<Item> {
    let entry = match entry {
        Ok(entry) => entry,
        Err(error) => {
            let path = error.path().unwrap_or(target).to_owned();
            let why = error.io_error().map_or_else(|| error.to_string(), ToString::to_string);
            return Some(Item::Problem(path, format!("cannot read: {}", escape::path(why))));
        }
    };
    let kind = entry.file_type();
    if kind.is_dir() || kind.is_symlink() {
        return None;
    }
    match special(kind) {
        Some(kind) => Some(Item::Problem(entry.into_path(), not_regular(kind))),
        None => Some(Item::File(entry.into_path(), Links::Refuse)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn directories_are_walked_in_order_and_specials_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        fs::create_dir(root.join("b")).unwrap();
        for file in ["b/2", "b/1", "a", "c"] {
            fs::write(root.join(file), file).unwrap();
        }
        symlink(root, root.join("b/loop")).unwrap();
        symlink(root.join("a"), root.join("d")).unwrap();
        let _socket = UnixListener::bind(root.join("e")).unwrap();
        let targets = [root.to_owned(), root.join("d"), "-".into(), root.join("missing"), "/dev/null".into()];
        let shown: Vec<_> = items(&targets)
            .map(|item| match item {
                Item::File(path, _) => path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(),
                Item::Stdin => "stdin".to_owned(),
                Item::Process(_) => "a process".to_owned(),
                Item::Problem(_, why) => why,
            })
            .collect();
        let socket = "not scanned: a socket, not a regular file";
        let device = "not scanned: a device, not a regular file";
        assert_eq!(shown[..7], ["a", "b/1", "b/2", "c", socket, "d", "stdin"]);
        assert!(shown[7].starts_with("cannot read: "), "{shown:?}");
        assert_eq!(shown[8], device);
        assert_eq!(measure(&targets, || false), Some((9, 9)));
        assert_eq!(measure(&targets, || true), None);
    }
}
