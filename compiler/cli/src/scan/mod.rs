//! Scanning targets with a database: walk, scan in parallel, print in order.

mod members;
mod ordered;
mod print;
mod progress;
mod report;
mod targets;
mod text;
mod worker;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hallmark_runtime::Database;

pub use print::{Format, Printer, printer};
pub use progress::{Progress, When};
pub use report::{Cost, FileReport};
pub use text::Columns;
pub use worker::Request;

use crate::escape;
use crate::outcome::complain;
use worker::{Helpers, Worker};

/// What a scan came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Targets looked at.
    pub files: u64,
    /// Members of archives looked at.
    pub members: u64,
    /// Bytes scanned.
    pub bytes: u64,
    /// Files and members that some rule matched.
    pub matched: u64,
    /// Rules reported.
    pub matches: u64,
    /// Files and members with something that was not evaluated.
    pub incomplete: u64,
    /// Cost of all scans together.
    pub cost: Cost,
    /// From the first file to the last line.
    pub elapsed: Duration,
}

/// Scans `targets` with `threads` threads and hands each report to `printer`, in the order of the targets, those of a
/// file's members after its own. Files and members with nothing to report are left out unless all are wanted. What was not
/// evaluated is said on standard error.
///
/// # Errors
/// External variables the database doesn't declare, or output that cannot be written.
pub fn scan(
    database: &Database,
    request: &Request,
    targets: &[PathBuf],
    threads: NonZeroUsize,
    progress: &Progress,
    printer: &mut dyn Printer,
) -> anyhow::Result<Summary> {
    let started = Instant::now();
    let helpers = match threads.get() {
        1 => None,
        threads => Some(Helpers::new(database, request, threads)?),
    };
    let workers = (0..threads.get()).map(|_| {
        let mut worker = Worker::new(database, request, helpers.as_ref())?;
        Ok(move |item| worker.scan(item))
    });
    let workers = workers.collect::<anyhow::Result<Vec<_>>>()?;
    let mut summary = Summary::default();
    let sink = |mut report: FileReport| {
        let members = std::mem::take(&mut report.members);
        progress.advance(report.size);
        progress.aside(|| {
            for report in std::iter::once(&report).chain(&members) {
                summary.add(report);
                for incomplete in &report.incomplete {
                    let path = escape::path(report.shown_path());
                    complain(&format!("incomplete: {path}: {}: {}", incomplete.what, incomplete.why));
                }
                if request.all || report.has_something() {
                    printer.print(report)?;
                }
            }
            Ok(())
        })
    };
    std::thread::scope(|scope| {
        if progress.is_shown() {
            scope.spawn(|| progress.measure(targets));
        }
        let done = ordered::run(targets::items(targets), workers, sink);
        progress.finish();
        done
    })?;
    printer.finish()?;
    summary.elapsed = started.elapsed();
    Ok(summary)
}

impl Summary {
    fn add(&mut self, report: &FileReport) {
        match report.member {
            Some(_) => self.members += 1,
            None => self.files += 1,
        }
        self.members += report.quiet.members;
        self.bytes += report.size + report.quiet.bytes;
        self.matched += u64::from(report.matched);
        self.matches += report.matches.len() as u64;
        self.incomplete += u64::from(!report.incomplete.is_empty());
        for cost in [report.cost, report.quiet.cost] {
            self.cost.candidates += cost.candidates;
            self.cost.rules_evaluated += cost.rules_evaluated;
        }
    }

    /// Throughput in decimal gigabytes a second.
    pub fn gigabytes_per_second(&self) -> f64 {
        self.bytes as f64 / 1e9 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The figures of `--stats`.
    pub fn write_stats(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let megabytes = (self.bytes as f64 / 1e6).max(1e-6);
        writeln!(out, "files            {:>12}", self.files)?;
        if self.members > 0 {
            writeln!(out, "members          {:>12}", self.members)?;
        }
        writeln!(out, "bytes            {:>12}", self.bytes)?;
        writeln!(out, "seconds          {:>12.3}", self.elapsed.as_secs_f64())?;
        writeln!(out, "GB/s             {:>12.3}", self.gigabytes_per_second())?;
        writeln!(out, "candidates/MB    {:>12.1}", self.cost.candidates as f64 / megabytes)?;
        writeln!(out, "rules evaluated  {:>12}", self.cost.rules_evaluated)?;
        writeln!(out, "matching files   {:>12}", self.matched)?;
        writeln!(out, "rules reported   {:>12}", self.matches)?;
        writeln!(out, "incomplete files {:>12}", self.incomplete)
    }
}
