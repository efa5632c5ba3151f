//! `hallmark sign`: a signature line more.

use std::path::PathBuf;

use anyhow::Context as _;
use hallmark_publish::{SecretKey, sign_path};

use crate::escape;
use crate::outcome::Outcome;
use crate::output;

/// Add a signature to a release.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallmark sign --key keys/example.org_build.secret rules.hmk

Signing again with the same key changes nothing.")]
pub struct Args {
    /// Secret key, as `hallmark key new` wrote it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// Release directory or .hmk file
    release: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let key = SecretKey::load(&args.key).context("--key")?;
    let signed = sign_path(&args.release, &key)?;
    let names: Vec<_> = signed.note.signatures().iter().map(|line| line.name.as_str()).collect();
    let did = if signed.changed.is_empty() { "already signed" } else { "signed" };
    output::print(&format!(
        "{}: {did} by {}; signatures: {}\n",
        escape::path(&args.release),
        key.name(),
        names.join(", ")
    ))?;
    Ok(Outcome::Good)
}
