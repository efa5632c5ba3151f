//! Rules from texts and paths, and what they include. Input: what `compile` was given. Output: sources for the compiler,
//! and a loader that stays within the folders it was told of.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hallmark_compiler::limits::MAX_SOURCE_BYTES;
use hallmark_compiler::{Loader, Source};
use walkdir::WalkDir;

/// Rules of one namespace.
pub struct Given {
    pub namespace: String,
    pub rules: Rules,
}

/// Where rules are.
pub enum Rules {
    /// In this text, which diagnostics give this name.
    Text { name: String, text: Vec<u8> },
    /// In this file, or in the rule files below this folder.
    Path(PathBuf),
}

/// Rules that cannot be read.
pub struct Unreadable {
    pub path: PathBuf,
    pub cause: io::Error,
}

impl Unreadable {
    fn new(path: &Path, cause: io::Error) -> Self {
        Unreadable { path: path.to_owned(), cause }
    }
}

/// Reads rules.
///
/// # Errors
/// A file or folder that cannot be read, or a folder without rules.
pub fn read(
    given: Vec<Given>,
    include_dirs: Option<Vec<PathBuf>>,
) -> Result<(Vec<Source>, FileLoader), Unreadable> {
    let mut sources = Vec::new();
    let mut loader = FileLoader::new(include_dirs)?;
    for Given { namespace, rules } in given {
        let path = match rules {
            Rules::Text { name, text } => {
                sources.push(Source { name, namespace, text });
                continue;
            }
            Rules::Path(path) => path,
        };
        let is_dir = fs::metadata(&path).map_err(|e| Unreadable::new(&path, e))?.is_dir();
        if is_dir {
            loader.roots.push(fs::canonicalize(&path).map_err(|e| Unreadable::new(&path, e))?);
        }
        for file in if is_dir { rule_files(&path)? } else { vec![path] } {
            let text = read_file(&file).map_err(|e| Unreadable::new(&file, e))?;
            let name = name(&file);
            loader.add(&file, &name);
            sources.push(Source { name, namespace: namespace.clone(), text });
        }
    }
    Ok((sources, loader))
}

/// The `*.yar` and `*.yara` files below a folder, as `hallmark build` takes them.
fn rule_files(folder: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).follow_links(true) {
        // A loop of links is one of its errors.
        let entry = entry.map_err(|e| Unreadable::new(folder, e.into()))?;
        let is_rules = entry.path().extension().is_some_and(|ext| ext == "yar" || ext == "yara");
        if is_rules && entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    if files.is_empty() {
        return Err(Unreadable::new(folder, io::Error::other("the folder has no *.yar or *.yara file")));
    }
    files.sort();
    Ok(files)
}

/// Reads a file up to one byte more than the compiler takes; it is the compiler that refuses it.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(MAX_SOURCE_BYTES as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// A path as text, another one for each path.
fn name(path: &Path) -> String {
    match path.to_str() {
        Some(path) => path.to_owned(),
        None => path.as_os_str().as_encoded_bytes().escape_ascii().to_string(),
    }
}

/// Resolves includes from the folder of the including file (of a text: the working directory), then the folders given.
/// What is included lies below one of these or below a folder of rules that is compiled, links and `..` resolved.
pub struct FileLoader {
    /// Folders given; `None` when nothing may be included.
    include_dirs: Option<Vec<PathBuf>>,
    /// Folders of rules.
    roots: Vec<PathBuf>,
    /// Names of files by what they really are, so that a cycle comes back to its own name.
    names: BTreeMap<PathBuf, String>,
    /// The folders of files by name, included ones too.
    folders: Mutex<BTreeMap<String, PathBuf>>,
}

impl FileLoader {
    fn new(include_dirs: Option<Vec<PathBuf>>) -> Result<Self, Unreadable> {
        let real = |dir: PathBuf| fs::canonicalize(&dir).map_err(|e| Unreadable::new(&dir, e));
        let include_dirs = include_dirs.map(|dirs| dirs.into_iter().map(real).collect()).transpose()?;
        Ok(FileLoader { include_dirs, roots: Vec::new(), names: BTreeMap::new(), folders: Mutex::default() })
    }

    fn add(&mut self, file: &Path, name: &str) {
        let Ok(real) = fs::canonicalize(file) else { return };
        self.remember(name, &real);
        self.names.entry(real).or_insert_with(|| name.to_owned());
    }

    fn remember(&self, name: &str, real: &Path) {
        let folder = real.parent().unwrap_or(real).to_owned();
        self.folders.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), folder);
    }
}

impl Loader for FileLoader {
    fn load(&self, from: &str, include: &str) -> Result<(String, Vec<u8>), String> {
        let Some(include_dirs) = &self.include_dirs else {
            return Err("includes are not allowed here; compile with includes=True".to_owned());
        };
        let folder = self.folders.lock().unwrap_or_else(PoisonError::into_inner).get(from).cloned();
        let own = folder.or_else(|| fs::canonicalize(".").ok());
        let searched = || own.iter().chain(include_dirs);
        let Some(real) = searched().find_map(|dir| fs::canonicalize(dir.join(include)).ok()) else {
            let folders: Vec<_> = searched().map(|dir| name(dir)).collect();
            return Err(format!("it was not found in {}", folders.join(", ")));
        };
        if !searched().chain(&self.roots).any(|dir| real.starts_with(dir)) {
            return Err(
                "it leads out of the including file's folder; name its folder in include_dirs".to_owned()
            );
        }
        let text = read_file(&real).map_err(|error| error.to_string())?;
        let name = self.names.get(&real).cloned().unwrap_or_else(|| name(&real));
        self.remember(&name, &real);
        Ok((name, text))
    }
}
