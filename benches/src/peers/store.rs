//! A signed release of the rules, installed in a store: how agents use a database, and how several processes share one.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::engine::{EXTERNALS, Engine};
use super::process::{Runner, Words};
use crate::words;

/// Names of the throwaway key and of the database it vouches for.
const KEY: &str = "peers.example/build";
const DATABASE: &str = "peers.example/rules";

/// A store with a database in force, and the release it came from.
#[derive(Debug, Clone)]
pub struct Store {
    /// The signed release.
    pub container: PathBuf,
    /// The store.
    pub folder: PathBuf,
    policy: PathBuf,
    scanner: PathBuf,
}

impl Store {
    /// Builds and signs a release of `files` with a key made for it, and installs it below `scratch`.
    ///
    /// # Errors
    /// A step failed; what the command said is in the message.
    pub fn make(engine: &Engine, files: &[PathBuf], scratch: &Path, runner: &Runner) -> anyhow::Result<Self> {
        let (keys, container) = (scratch.join("keys"), scratch.join("release.hmk"));
        let (policy, folder) = (scratch.join("policy"), scratch.join("store"));
        let hallmark = &engine.scanner;
        runner.must(&words![hallmark, "key", "new", KEY, "-o", &keys], &[0])?;
        let public = keys.join(format!("{}.vkey", KEY.replace('/', "_")));
        let public =
            std::fs::read_to_string(&public).with_context(|| format!("cannot read {}", public.display()))?;
        let text = format!(
            "db {DATABASE}\nsigner build {}\ngroup release all build\nquorum release\n",
            public.trim()
        );
        std::fs::write(&policy, text).context("cannot write the policy")?;

        let secret = keys.join(format!("{}.secret", KEY.replace('/', "_")));
        let mut build = words![hallmark, "build", "-o", &container, "--db", DATABASE, "--key", secret];
        build.extend(EXTERNALS.into_iter().flat_map(|name| words!["-d", format!("{name}=")]));
        build.extend(files.iter().map(Into::into));
        runner.must(&build, &[0])?;
        runner
            .must(&words![hallmark, "install", &container, "--store", &folder, "--policy", &policy], &[0])?;
        Ok(Store { container, folder, policy, scanner: hallmark.clone() })
    }

    /// Scans `target` with the database in force.
    pub fn scan(&self, target: &Path, threads: usize) -> Words {
        self.scan_with(&self.folder, target, threads)
    }

    /// Scans `target` with the release as it was delivered: it is verified and unpacked each time.
    pub fn scan_packed(&self, target: &Path, threads: usize) -> Words {
        self.scan_with(&self.container, target, threads)
    }

    fn scan_with(&self, database: &Path, target: &Path, threads: usize) -> Words {
        words![
            &self.scanner,
            "scan",
            database,
            target,
            "--policy",
            &self.policy,
            "--progress",
            "never",
            "--threads",
            threads.to_string(),
        ]
    }
}
