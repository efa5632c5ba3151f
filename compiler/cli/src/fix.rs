//! `check --fix`: applies the certain fixes of all diagnostics, in rounds, and writes the files when all is done.
//!
//! Between rounds the rules are checked again, so that fixes which overlap come one after the other, and what an error hid
//! is fixed too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Instant;

use hallmark_compiler::Source;
use hallmark_compiler::diagnostic::Fix;
use hallmark_compiler::fix::apply;

use crate::compile::{CompileArgs, Compiled};
use crate::escape;
use crate::include::FileLoader;
use crate::output;
use crate::sources::SourceArg;

/// Rounds after which what is left is left. Fixes wait for others that touch them, seldom more than once.
const MAX_ROUNDS: usize = 100;

/// What was done.
#[derive(Debug, Default)]
pub struct Fixed {
    /// Fixes applied.
    pub fixes: usize,
    /// Files changed.
    pub files: usize,
}

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fixes, files) = (self.fixes as u64, self.files as u64);
        write!(f, "fixed {} in {}", escape::count(fixes, "problem"), escape::count(files, "file"))
    }
}

/// Fixes the files of `paths`, and gives what is left to say about them. Included files that lie elsewhere stay as they
/// are.
pub fn run(compile: &CompileArgs, paths: &[SourceArg]) -> anyhow::Result<(Compiled, Fixed)> {
    let files = compile.find(paths)?;
    let mut sources = files.iter().map(|file| file.read()).collect::<anyhow::Result<Vec<_>>>()?;
    let check = |sources: &[Source]| {
        let texts = sources.iter().map(|source| (source.name.clone(), source.text.clone())).collect();
        let loader = FileLoader::new(&compile.include_dir, paths, &files).with_texts(texts);
        compile.compile(sources.to_vec(), &loader, false, None, Instant::now())
    };
    // Two paths may be shown by one name when they are not UTF-8; which is meant can't be told then.
    let mut places: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for file in &files {
        places.entry(file.name()).or_default().insert(file.path.clone());
    }
    places.retain(|_, paths| paths.len() == 1);

    let mut compiled = check(&sources)?;
    let mut fixed = Fixed::default();
    let mut changed = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        let fixes = certain(&compiled, &places);
        if fixes.is_empty() {
            break;
        }
        let (mut next, mut applied) = (sources.clone(), 0);
        let mut counted = BTreeSet::new();
        for source in &mut next {
            let Some(fixes) = fixes.get(&source.name) else { continue };
            let (text, count) = apply(&source.text, fixes);
            source.text = text;
            // A file may be given twice, for two namespaces.
            applied += if counted.insert(source.name.clone()) { count } else { 0 };
        }
        if applied == 0 {
            break;
        }
        changed.extend(fixes.into_keys());
        fixed.fixes += applied;
        sources = next;
        compiled = check(&sources)?;
    }
    let texts: BTreeMap<_, _> = sources.iter().map(|source| (&source.name, source)).collect();
    for (name, path) in places.iter().filter(|(name, _)| changed.contains(*name)) {
        let (Some(Source { text, .. }), Some(path)) = (texts.get(name), path.first()) else { continue };
        output::replace_file(path, text)?;
        fixed.files += 1;
    }
    Ok((compiled, fixed))
}

/// The certain fixes, by the name of the file.
fn certain<'c>(
    compiled: &'c Compiled,
    places: &BTreeMap<String, BTreeSet<PathBuf>>,
) -> BTreeMap<String, Vec<&'c Fix>> {
    let mut fixes: BTreeMap<String, Vec<&Fix>> = BTreeMap::new();
    for diagnostic in &compiled.compilation.diagnostics {
        let source = compiled.compilation.sources.get(diagnostic.source.0 as usize);
        if let (Some(source), Some(fix)) = (source, diagnostic.certain_fix())
            && places.contains_key(&source.name)
        {
            fixes.entry(source.name.clone()).or_default().push(fix);
        }
    }
    fixes
}
