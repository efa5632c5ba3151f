//! The `hallmark` command: rules to databases, databases to verdicts.

#![forbid(unsafe_code)]

mod archives;
mod commands;
mod compile;
mod disassemble;
mod escape;
mod externals;
mod fingerprint;
mod fix;
mod include;
mod meta;
mod module_data;
mod outcome;
mod output;
mod packed;
mod patches;
mod rebuild;
mod release;
mod render;
mod rulemap;
mod sandbox;
mod sarif;
mod scan;
mod selftests;
mod settings;
mod sources;
mod tree;
mod trust;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{
    audit, build, check, cosign, delta, diff, dump, fmt, inspect, install, key, scan as scan_command,
    self_test, sign, status, try_out, verify,
};

/// Compile detection rules to signed databases, and scan with them
#[derive(Debug, Parser)]
#[command(
    name = "hallmark",
    version,
    after_help = "Example:
  hallmark try"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Try(try_out::Args),
    Build(build::Args),
    Check(check::Args),
    Fmt(fmt::Args),
    Scan(scan_command::Args),
    Dump(dump::Args),
    Inspect(inspect::Args),
    Key(key::Args),
    Sign(sign::Args),
    Cosign(cosign::Args),
    Verify(verify::Args),
    Audit(audit::Args),
    Diff(diff::Args),
    Delta(delta::Args),
    Install(install::Args),
    Status(status::Args),
    #[command(name = sandbox::COMMAND, hide = true)]
    SelfTest(self_test::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    outcome::exit_code(match &cli.command {
        Command::Try(args) => try_out::run(args),
        Command::Build(args) => build::run(args),
        Command::Check(args) => check::run(args),
        Command::Fmt(args) => fmt::run(args),
        Command::Scan(args) => scan_command::run(args),
        Command::Dump(args) => dump::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Key(args) => key::run(args),
        Command::Sign(args) => sign::run(args),
        Command::Cosign(args) => cosign::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Delta(args) => delta::run(args),
        Command::Install(args) => install::run(args),
        Command::Status(args) => status::run(args),
        Command::SelfTest(args) => self_test::run(args),
    })
}
