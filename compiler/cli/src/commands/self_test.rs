//! `hallmark self-test`: the confined side of `hallmark install`. Not for users: it reads an image that nobody has looked
//! at from standard input, and prints a verdict.

use std::io::Read as _;

use anyhow::{Context as _, ensure};
use hallmark_runtime::Database;
use hallmark_store::MAX_RAW_IMAGE;

use crate::outcome::Outcome;
use crate::output;
use crate::sandbox::{Confinement, Limits, Tried, Verdict, confine};

/// Parse and test an image in this process, after giving up its rights; run by install.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    limits: Limits,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let confinement = confine(args.limits).context("cannot confine this process")?;
    let verdict = verdict(args.limits, confinement)?;
    output::print(&(serde_json::to_string(&verdict)? + "\n"))?;
    Ok(Outcome::Good)
}

fn verdict(limits: Limits, confinement: Confinement) -> anyhow::Result<Verdict> {
    let mut image = Vec::new();
    std::io::stdin().lock().take(MAX_RAW_IMAGE + 1).read_to_end(&mut image).context("standard input")?;
    ensure!(image.len() as u64 <= MAX_RAW_IMAGE, "standard input: more than an image can have");
    let tested = Database::from_image_bytes(&image).and_then(|database| database.self_test(limits.time()));
    Ok(match tested {
        Ok(tests) => Verdict::Good(Tried { tests, confinement }),
        Err(error) => Verdict::Refused(error.to_string()),
    })
}
