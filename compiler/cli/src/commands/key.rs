//! `hallmark key new`: signing keys.

use std::path::PathBuf;

use hallmark_publish::SecretKey;

use crate::escape;
use crate::outcome::Outcome;
use crate::output;

/// Make signing keys.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    New(New),
}

/// Make a key pair: NAME.secret, which signs, and NAME.vkey, which goes into policies.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallmark key new example.org/build -o keys/

Each role (build, auditor) has its own key. A policy names verifier keys:
  db example.org/core
  signer build example.org/build+1f3c0a5d+AR...
  signer auditor auditor.example/rebuild+77aa01c2+AR...
  group release all build auditor
  quorum release")]
struct New {
    /// Name that signatures bear, such as example.org/build
    name: String,

    /// Directory to write to; nothing is overwritten
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let Command::New(New { name, output }) = &args.command;
    let key = SecretKey::generate(name)?;
    let files = key.write_files(output)?;
    output::print(&format!(
        "{}\nsecret key: {} (keep it; mode 0600)\nverifier key: {}\n",
        key.public(),
        escape::path(&files.secret),
        escape::path(&files.vkey)
    ))?;
    Ok(Outcome::Good)
}
