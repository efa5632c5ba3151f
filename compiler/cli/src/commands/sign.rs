//! `hallmark sign`: a signature line more.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use hallmark_publish::{SecretKey, SignedPath, sign_path};

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
    let did = if signed.changed.is_empty() { "already signed" } else { "signed" };
    report(&args.release, did, &key, &signed)?;
    Ok(Outcome::Good)
}

/// Says what was done with a key, and which signatures there are now.
pub fn report(release: &Path, did: &str, key: &SecretKey, signed: &SignedPath) -> anyhow::Result<()> {
    let names: Vec<_> = signed.note.signatures().iter().map(|line| line.name.as_str()).collect();
    let (release, by, names) = (escape::path(release), key.name(), names.join(", "));
    output::print(&format!("{release}: {did} by {by}; signatures: {names}\n"))
}
