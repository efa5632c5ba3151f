//! Runs a file of cases and tells which are answered as expected. All have to be, but for listed differences.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser;
use hallmark_tests::{KnownDifferences, Outcome, Summary, TIME_LIMIT, read_cases, run_bounded};

/// Runs a file of cases and tells which are answered as expected.
#[derive(Debug, Parser)]
struct Args {
    /// The cases, one JSON object a line
    #[arg(long, value_name = "FILE")]
    cases: PathBuf,

    /// Also write the results as Markdown
    #[arg(long, value_name = "OUT.md")]
    report: Option<PathBuf>,

    /// Cases that are answered otherwise on purpose; one that passes, or is not among the cases, is a failure
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,

    /// Leave these areas out, such as module:elf,module:dex
    #[arg(long, value_name = "AREA,…", value_delimiter = ',')]
    skip_areas: Vec<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let mut out = std::io::stdout().lock();
    let mut known = args.known.as_deref().map(KnownDifferences::read).transpose()?.unwrap_or_default();
    let mut summary = Summary::default();
    for case in read_cases(&args.cases)? {
        let outcome = match args.skip_areas.contains(&case.area) {
            true => Outcome::Skipped("area left out".to_owned()),
            false => known.judge(&case.id, run_bounded(&case, TIME_LIMIT)),
        };
        if let Outcome::Failed(cause) = &outcome {
            let differ = if case.peers_differ.is_some() { " (the peers differ here)" } else { "" };
            writeln!(out, "FAILED {} [{}]: {cause}{differ}", case.id, case.area)?;
        }
        summary.add(&case, &outcome);
    }
    if let Some(path) = &args.report {
        std::fs::write(path, summary.markdown())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    write!(out, "\n{}\n", summary.table())?;
    let unmet: Vec<_> = known.unmet().collect();
    if !unmet.is_empty() {
        writeln!(out, "listed as different, but not run: {}", unmet.join(" "))?;
    }
    writeln!(out, "{}", summary.line())?;
    let good = summary.failures().is_empty() && unmet.is_empty();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
