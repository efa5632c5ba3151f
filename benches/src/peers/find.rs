//! Which engines are there, and how to get those that are not.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use super::engine::{Engine, Kind};
use super::process::{Runner, is_program, on_path, shown};
use super::progress;
use crate::words;

/// Packages of the system that have the original and the library for sets of literals.
const SYSTEM_PACKAGES: [&str; 2] = ["yara", "libhyperscan-dev"];
/// Crates that have the others. They are built with the dependencies they were released with: newer ones need not fit.
const CRATES: [&str; 2] = ["yara-x-cli", "boreal-cli"];

/// The engines that are installed, and what to say about the others.
#[derive(Debug)]
pub struct Found {
    /// In the order of [`Kind::ALL`].
    pub engines: Vec<Engine>,
    /// A sentence for each that is absent.
    pub absent: Vec<String>,
}

/// Looks for the engines of `only`, or for all when it is empty: first in `folder` and its `bin`, then on `PATH`.
/// `hallmark` names our own program; without it, it is looked for beside this one.
///
/// # Errors
/// An engine does not answer, or there is none at all.
pub fn find(
    only: &[Kind],
    folder: Option<&Path>,
    hallmark: Option<&Path>,
    runner: &Runner,
) -> anyhow::Result<Found> {
    let mut found = Found { engines: Vec::new(), absent: Vec::new() };
    for kind in Kind::ALL.into_iter().filter(|kind| only.is_empty() || only.contains(kind)) {
        let programs: Vec<Option<PathBuf>> = kind
            .programs()
            .iter()
            .map(|name| match (kind, hallmark) {
                (Kind::Hallmark, Some(program)) => Some(program.to_owned()),
                (Kind::Hallmark, None) => beside_this(name).or_else(|| on_path(name)),
                _ => in_folder(folder, name).or_else(|| on_path(name)),
            })
            .collect();
        let (Some(Some(scanner)), Some(Some(compiler))) = (programs.first(), programs.last()) else {
            found.absent.push(format!("{kind} is not installed: {}", how_to_get(kind)));
            continue;
        };
        found.engines.push(ask(kind, scanner, compiler, runner)?);
    }
    ensure!(!found.engines.is_empty(), "no engine is installed: {}", found.absent.join("; "));
    Ok(found)
}

/// Installs the peers: packages of the system, and crates into `folder`.
///
/// # Errors
/// A package manager is missing or fails; its own message is on standard error.
pub fn install(folder: &Path) -> anyhow::Result<()> {
    let mut system = words!["apt-get", "install", "-y"];
    system.extend(SYSTEM_PACKAGES.map(Into::into));
    let mut crates = words!["cargo", "install", "--locked", "--root", folder];
    crates.extend(CRATES.map(Into::into));
    for words in [system, crates] {
        progress(&format!("installing: {}", shown(&words)));
        let (program, arguments) = words.split_first().context("a command line")?;
        let status = Command::new(program)
            .args(arguments)
            .status()
            .with_context(|| format!("cannot run {}", shown(&words)))?;
        if !status.success() {
            bail!("{}: {status}; apt-get needs to be run as root", shown(&words));
        }
    }
    Ok(())
}

fn how_to_get(kind: Kind) -> &'static str {
    match kind {
        Kind::Hallmark => "`cargo build --release`, or name it with --hallmark",
        Kind::YaraX => "`cargo install --locked --root DIR yara-x-cli` and --peers-dir DIR, or --install",
        Kind::Yara => "`apt-get install yara` (both `yara` and `yarac` are needed), or --install",
        Kind::Boreal => "`cargo install --locked --root DIR boreal-cli` and --peers-dir DIR, or --install",
    }
}

fn ask(kind: Kind, scanner: &Path, compiler: &Path, runner: &Runner) -> anyhow::Result<Engine> {
    let scanner = scanner.canonicalize().with_context(|| format!("cannot find {}", scanner.display()))?;
    let version = runner.must(&words![&scanner, "--version"], &[0])?.stdout;
    let version = String::from_utf8_lossy(&version);
    // `yara` gives the number alone, the others name themselves first.
    let version = version.split_whitespace().last().unwrap_or("unknown").to_owned();
    let fast_scan = kind == Kind::YaraX && {
        let help = runner.must(&words![&scanner, "scan", "--help"], &[0])?.stdout;
        String::from_utf8_lossy(&help).contains("--fast-scan")
    };
    Ok(Engine { kind, scanner, compiler: compiler.to_owned(), version, fast_scan })
}

fn in_folder(folder: Option<&Path>, name: &str) -> Option<PathBuf> {
    let folder = folder?;
    [folder.join(name), folder.join("bin").join(name)].into_iter().find(|program| is_program(program))
}

fn beside_this(name: &str) -> Option<PathBuf> {
    let this = std::env::current_exe().ok()?;
    let program = this.parent()?.join(name);
    is_program(&program).then_some(program)
}
