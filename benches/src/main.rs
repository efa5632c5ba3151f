//! `hallmark-benches peers`: Hallmark and other engines on the same rules and the same files.
//!
//! Prints where it stands on standard error and writes a report. The README beside this crate says what is measured.

#![forbid(unsafe_code)]

mod peers;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = peers::args::Cli::parse();
    match peers::run(&cli.command) {
        Ok(peers::Outcome::Agree) => ExitCode::SUCCESS,
        Ok(peers::Outcome::Differ) => ExitCode::from(1),
        Ok(peers::Outcome::Failed) => ExitCode::from(2),
        Err(error) => {
            peers::progress(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}
