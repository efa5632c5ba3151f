//! The engines: how each compiles rules and scans with them, as command lines.
//!
//! All are asked for the same thing: which rules match which files, not where. Modes that promise to stop looking once
//! that is known are switched on where a command has one (`yara --fast-scan`, `yr --fast-scan`; boreal does so by itself
//! as long as it isn't asked for strings, and `hallmark scan` has no such mode).

use std::fmt;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::process::Words;
use crate::words;

/// External variables that scanners of public rule sets provide; here they are empty.
pub const EXTERNALS: [&str; 5] = ["filename", "filepath", "extension", "filetype", "owner"];

/// The engines that are compared, in the order of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum Kind {
    /// This project.
    Hallmark,
    /// The rewrite of YARA in Rust, which decides what is right.
    YaraX,
    /// The original in C.
    Yara,
    /// An independent engine in Rust.
    Boreal,
}

impl Kind {
    /// Every engine.
    pub const ALL: [Kind; 4] = [Kind::Hallmark, Kind::YaraX, Kind::Yara, Kind::Boreal];

    /// Its name in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Hallmark => "hallmark",
            Kind::YaraX => "yara-x",
            Kind::Yara => "yara",
            Kind::Boreal => "boreal",
        }
    }

    /// The programs it needs: the one that scans, and the one that compiles if that is another.
    pub fn programs(self) -> &'static [&'static str] {
        match self {
            Kind::Hallmark => &["hallmark"],
            Kind::YaraX => &["yr"],
            Kind::Yara => &["yara", "yarac"],
            Kind::Boreal => &["boreal"],
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An engine that is installed.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Which one.
    pub kind: Kind,
    /// The program that scans.
    pub scanner: PathBuf,
    /// The program that compiles.
    pub compiler: PathBuf,
    /// What it says its version is.
    pub version: String,
    /// Whether `yr` knows `--fast-scan`; older ones don't.
    pub fast_scan: bool,
}

/// What an engine scans with.
#[derive(Debug, Clone)]
pub enum Rules {
    /// A file that its compiler wrote.
    Compiled(PathBuf),
    /// Rule files that are compiled again in each process, because the engine can't read what it wrote.
    Sources(Vec<PathBuf>),
}

impl Engine {
    /// Compiles rule files to `output`, with as many threads where the engine's compiler takes a number.
    pub fn compile(&self, files: &[PathBuf], output: &Path, threads: usize) -> Words {
        let files = files.iter();
        match self.kind {
            Kind::Hallmark => {
                let mut words = words![&self.compiler, "build"];
                words.extend(defines(""));
                // The raw image is what other compilers write: mapped as it is, neither packed nor signed.
                words.extend(words!["--threads", threads.to_string(), "--image", output]);
                words.extend(files.map(Into::into));
                words
            }
            Kind::YaraX => {
                let mut words = words![&self.compiler, "compile", "--disable-warnings=all"];
                words.extend(defines("\"\""));
                words.extend(words!["--output", output]);
                words.extend(files.map(Into::into));
                words
            }
            Kind::Yara => {
                let mut words = words![&self.compiler, "--no-warnings"];
                words.extend(defines(""));
                words.extend(files.map(Into::into));
                words.push(output.into());
                words
            }
            Kind::Boreal => {
                let mut words = words![&self.compiler, "save", "--no-warnings"];
                words.extend(defines(""));
                words.extend(files.flat_map(|file| words!["-f", file]));
                words.push(output.into());
                words
            }
        }
    }

    /// Scans `target`, a file or a folder with all below it, and prints `RULE PATH` lines.
    pub fn scan(&self, rules: &Rules, target: &Path, threads: usize) -> Words {
        let threads = threads.to_string();
        match (self.kind, rules) {
            (Kind::Hallmark, Rules::Compiled(database)) => words![
                &self.scanner,
                "scan",
                database,
                target,
                "--allow-unsigned",
                "--progress",
                "never",
                "--threads",
                threads,
            ],
            (Kind::Hallmark, Rules::Sources(files)) => {
                let mut words =
                    words![&self.scanner, "scan", target, "--progress", "never", "--threads", threads];
                words.extend(defines(""));
                words.extend(files.iter().flat_map(|file| words!["--rules", file]));
                words
            }
            (Kind::YaraX, rules) => {
                let mut words = words![&self.scanner, "scan", "--disable-warnings=all", "--threads", threads];
                if self.fast_scan {
                    words.push("--fast-scan".into());
                }
                if target.is_dir() {
                    words.push("--recursive".into());
                }
                match rules {
                    Rules::Compiled(database) => words.extend(words!["--compiled-rules", database]),
                    Rules::Sources(files) => {
                        words.extend(defines("\"\""));
                        words.extend(files.iter().map(Into::into));
                    }
                }
                words.push(target.into());
                words
            }
            (Kind::Yara, rules) => {
                let mut words =
                    words![&self.scanner, "--no-warnings", "--fast-scan", "--recursive", "-p", threads];
                match rules {
                    Rules::Compiled(database) => words.extend(words!["--compiled-rules", database]),
                    Rules::Sources(files) => {
                        words.extend(defines(""));
                        words.extend(files.iter().map(Into::into));
                    }
                }
                words.push(target.into());
                words
            }
            (Kind::Boreal, Rules::Compiled(database)) => {
                words![&self.scanner, "load", "--no-warnings", "--recursive", "-p", threads, database, target,]
            }
            (Kind::Boreal, Rules::Sources(files)) => {
                let mut words = words![&self.scanner, "scan", "--no-warnings", "--recursive", "-p", threads];
                words.extend(defines(""));
                words.extend(files.iter().flat_map(|file| words!["-f", file]));
                words.push(target.into());
                words
            }
        }
    }

    /// Exit codes of a scan that did what was asked: Hallmark says by its code whether something matched.
    pub fn good_scan(&self) -> &'static [i32] {
        if self.kind == Kind::Hallmark { &[0, 1] } else { &[0] }
    }
}

/// `-d NAME=VALUE` for each external variable.
fn defines(empty: &str) -> impl Iterator<Item = std::ffi::OsString> {
    EXTERNALS.into_iter().flat_map(move |name| words!["-d", format!("{name}={empty}")])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(kind: Kind) -> Engine {
        let program = PathBuf::from(kind.programs()[0]);
        let version = "1".to_owned();
        Engine { kind, scanner: program.clone(), compiler: program, version, fast_scan: true }
    }

    #[test]
    fn every_command_line_names_rules_target_and_threads() {
        for kind in Kind::ALL {
            for rules in [Rules::Compiled("db".into()), Rules::Sources(vec!["a.yar".into(), "b.yar".into()])]
            {
                let words = engine(kind).scan(&rules, Path::new("/nowhere"), 3);
                let has = |word: &str| words.iter().any(|w| w == word);
                assert!(has("/nowhere") && has("3"), "{words:?}");
                match rules {
                    Rules::Compiled(_) => assert!(has("db"), "{words:?}"),
                    Rules::Sources(_) => assert!(has("a.yar") && has("b.yar"), "{words:?}"),
                }
            }
        }
    }

    #[test]
    fn every_compiler_is_given_files_output_and_externals() {
        for kind in Kind::ALL {
            let words = engine(kind).compile(&["a.yar".into()], Path::new("out"), 2);
            let has = |word: &str| words.iter().any(|w| w == word);
            assert!(has("a.yar") && has("out"), "{words:?}");
            let owner = if kind == Kind::YaraX { "owner=\"\"" } else { "owner=" };
            assert!(has(owner), "{words:?}");
        }
    }
}
