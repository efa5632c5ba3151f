//! Compiling, as `build`, `check`, `scan --rules` and `try` share it: options, sources, includes, threads and clock.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hallmark_compiler::diagnostic::{Diagnostic, Severity};
use hallmark_compiler::{Compilation, Loader, Options, Source, Stage, compile};

use crate::escape;
use crate::externals::Define;
use crate::include::FileLoader;
use crate::outcome::complain;
use crate::render::{self, Diagnostics, Lines};
use crate::sources::{self, SourceArg, SourceFile};

/// Options that say how rules are compiled.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct CompileArgs {
    /// Define an external variable: true/false, an integer, a float, "a quoted text" or a bare one
    #[arg(short = 'd', long = "define", value_name = "VAR=VALUE")]
    pub defines: Vec<Define>,

    /// Also look for included files below this directory
    #[arg(long, value_name = "DIR")]
    pub include_dir: Vec<PathBuf>,

    /// Let the path of each file be the namespace of its rules, where none is given
    #[arg(long)]
    pub path_as_namespace: bool,

    /// Let escapes and braces without a meaning in regular expressions stand for themselves, as YARA does
    #[arg(long)]
    pub relaxed_re_syntax: bool,
}

/// What compiling gave.
pub struct Compiled {
    /// Image, diagnostics, rejected rules.
    pub compilation: Compilation,
    /// What each stage took; reading the files comes first.
    pub timing: Vec<(&'static str, Duration)>,
    /// Size of all source files given, without what they include.
    pub source_bytes: u64,
}

impl CompileArgs {
    /// The first option given that means something only while compiling; external variables mean something later too.
    pub fn compile_only(&self) -> Option<&'static str> {
        let given = [
            (!self.include_dir.is_empty(), "--include-dir"),
            (self.path_as_namespace, "--path-as-namespace"),
            (self.relaxed_re_syntax, "--relaxed-re-syntax"),
        ];
        given.into_iter().find(|(given, _)| *given).map(|(_, name)| name)
    }

    /// Reads and compiles the rules of `paths`.
    ///
    /// # Errors
    /// Files that cannot be read. What is wrong with rules is in the diagnostics.
    pub fn run(
        &self,
        paths: &[SourceArg],
        ignore_invalid_rules: bool,
        threads: Option<NonZeroUsize>,
    ) -> anyhow::Result<Compiled> {
        let started = Instant::now();
        let files = self.find(paths)?;
        let sources = files.iter().map(|file| file.read()).collect::<anyhow::Result<Vec<_>>>()?;
        let loader = FileLoader::new(&self.include_dir, paths, &files);
        self.compile(sources, &loader, ignore_invalid_rules, threads, started)
    }

    /// The files of `paths`.
    ///
    /// # Errors
    /// Folders that cannot be read.
    pub fn find(&self, paths: &[SourceArg]) -> anyhow::Result<Vec<SourceFile>> {
        if let Some(dir) = self.include_dir.iter().find(|dir| !dir.is_dir()) {
            anyhow::bail!("--include-dir {}: no such directory", escape::path(dir));
        }
        sources::find(paths, self.path_as_namespace)
    }

    /// Compiles these sources and what they include.
    ///
    /// # Errors
    /// Threads that cannot be started.
    pub fn compile(
        &self,
        sources: Vec<Source>,
        loader: &dyn Loader,
        ignore_invalid_rules: bool,
        threads: Option<NonZeroUsize>,
        started: Instant,
    ) -> anyhow::Result<Compiled> {
        let source_bytes = sources.iter().map(|source| source.text.len() as u64).sum();
        let options = Options {
            externals: self.defines.iter().map(|d| (d.name.clone(), d.value.clone())).collect(),
            ignore_invalid_rules,
            relaxed_regex: self.relaxed_re_syntax,
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.map_or(0, NonZeroUsize::get))
            .build()
            .context("cannot start threads")?;
        let mut clock = StageClock { done: Vec::new(), current: ("read", started) };
        let compilation = pool
            .install(|| compile(sources, &options, loader, &mut |stage: Stage| clock.start(stage.name())));
        Ok(Compiled { compilation, timing: clock.finish(), source_bytes })
    }
}

impl Compiled {
    /// Prints every diagnostic to standard error.
    pub fn print_diagnostics(&self) {
        let Compilation { diagnostics, sources, .. } = &self.compilation;
        Diagnostics::new(sources, render::wants_colour()).print(diagnostics);
    }

    /// Prints every rule that was left out to standard error, a line each.
    pub fn print_rejected(&self) {
        let Compilation { sources, rejected, .. } = &self.compilation;
        let lines = Lines::new(sources);
        for rejection in rejected {
            let Some(source) = sources.get(rejection.source.0 as usize) else { continue };
            let (line, _) = lines.position(rejection.source, rejection.span.start as usize);
            let what = match &rejection.rule {
                Some(rule) => format!("rule {rule}"),
                None => "file".to_owned(),
            };
            complain(&format!(
                "rejected: {what} ({}:{line}): {} {}",
                escape::path(&source.name),
                rejection.code,
                rejection.message
            ));
        }
    }
}

/// Whether a diagnostic is an error.
pub fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}

struct StageClock {
    done: Vec<(&'static str, Duration)>,
    current: (&'static str, Instant),
}

impl StageClock {
    fn start(&mut self, name: &'static str) {
        let now = Instant::now();
        let (last, since) = std::mem::replace(&mut self.current, (name, now));
        self.done.push((last, now - since));
    }

    fn finish(mut self) -> Vec<(&'static str, Duration)> {
        self.start("");
        self.done
    }
}
