//! Scanning targets with a database: walk, scan in parallel, print in order.

mod confined;
mod findings;
mod interrupt;
mod members;
mod ordered;
mod print;
mod progress;
mod reading;
mod report;
mod serve;
mod stream;
mod targets;
mod text;
mod worker;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hallmark_runtime::{Database, Why};

pub use interrupt::Interrupt;
pub use print::{Format, Printer, printer};
pub use progress::{Progress, When};
pub use report::{Cost, FileReport};
pub use serve::serve;
pub use text::Columns;
pub use worker::Request;

use crate::escape;
use crate::outcome::complain;
use confined::{Confined, Handout};
use reading::INTERRUPTED;
use report::Incomplete;
use targets::Item;
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
    /// Whether the work ended before its end.
    pub interrupted: bool,
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
    if let Some(memory) = request.worker_memory {
        let handout = Handout::new(database, request, memory)?;
        let workers = Confined::start(database, request, &handout, threads)?;
        let workers = workers.into_iter().map(|mut worker| move |item| worker.scan(item));
        return run(started, request, targets, workers.collect(), progress, printer);
    }
    let helpers = match threads.get() {
        1 => None,
        threads => Some(Helpers::new(database, request, threads)?),
    };
    let workers = (0..threads.get()).map(|_| {
        let mut worker = Worker::new(database, request, helpers.as_ref())?;
        Ok(move |item| worker.scan(item))
    });
    let workers = workers.collect::<anyhow::Result<Vec<_>>>()?;
    run(started, request, targets, workers, progress, printer)
}

/// The same with workers that are ready.
fn run<W: FnMut(Item) -> FileReport + Send>(
    started: Instant,
    request: &Request,
    targets: &[PathBuf],
    workers: Vec<W>,
    progress: &Progress,
    printer: &mut dyn Printer,
) -> anyhow::Result<Summary> {
    let mut summary = Summary::default();
    let sink = |mut report: FileReport| {
        let members = std::mem::take(&mut report.members);
        progress.advance(report.size);
        progress.aside(|| {
            for report in std::iter::once(&report).chain(&members) {
                summary.add(report, request.interrupt.is_set());
                for incomplete in &report.incomplete {
                    let path = escape::path(report.shown_path());
                    let (what, why) = (escape::path(&incomplete.what), escape::path(&incomplete.why));
                    complain(&format!("incomplete: {path}: {what}: {why}"));
                }
                if request.all || report.has_something() {
                    printer.print(report)?;
                }
            }
            Ok(())
        })
    };
    // Set when the last item was taken: what is interrupted after that has lost nothing.
    let exhausted = AtomicBool::new(false);
    let processes = request.processes.iter().map(|&pid| Item::Process(pid));
    let mut walk = processes.chain(targets::items(targets));
    let items = std::iter::from_fn(|| {
        let item = if request.interrupt.is_set() { return None } else { walk.next() };
        exhausted.store(item.is_none(), Ordering::Relaxed);
        item
    });
    std::thread::scope(|scope| {
        if progress.is_shown() {
            scope.spawn(|| progress.measure(targets));
        }
        let done = ordered::run(items, workers, FileReport::weight, sink);
        progress.finish();
        done
    })?;
    printer.finish()?;
    summary.interrupted |= request.interrupt.is_set() && !exhausted.load(Ordering::Relaxed);
    summary.elapsed = started.elapsed();
    Ok(summary)
}

impl Summary {
    fn add(&mut self, report: &FileReport, interrupt: bool) {
        // One that was being worked on when the interruption came.
        let cut = |i: &Incomplete| i.why == INTERRUPTED || i.why == Why::Cancelled.to_string();
        match report.member {
            Some(_) => self.members = self.members.saturating_add(1),
            None if interrupt && report.incomplete.iter().any(cut) => self.interrupted = true,
            None => self.files += 1,
        }
        self.members = self.members.saturating_add(report.quiet.members);
        self.bytes = self.bytes.saturating_add(report.size).saturating_add(report.quiet.bytes);
        self.matched += u64::from(report.matched);
        self.matches += report.matches.len() as u64;
        self.incomplete += u64::from(!report.incomplete.is_empty());
        for cost in [report.cost, report.quiet.cost] {
            self.cost.add(cost);
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
