//! The progress bar: files, bytes, rate and time left, on standard error, and only where the work takes a while.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::targets;
use crate::outcome::complain;

/// Work shorter than this shows no bar.
const QUIET: Duration = Duration::from_millis(700);

/// How often a line is written where there is no terminal to draw a bar on.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// When progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum When {
    /// A bar on a terminal, for work that takes a while
    Auto,
    /// From the start; where standard error is not a terminal, a line a second
    Always,
    /// Never
    Never,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Bar,
    Lines,
    Nothing,
}

/// Progress of one scan.
pub struct Progress {
    style: Style,
    /// The bar, once it is due; drawn nowhere before.
    bar: ProgressBar,
    due: Instant,
    shown: AtomicBool,
    finished: AtomicBool,
    started: Instant,
    last_line: Mutex<Instant>,
    files: AtomicU64,
    bytes: AtomicU64,
    total_files: AtomicU64,
}

impl Progress {
    /// Nothing is shown yet.
    pub fn new(when: When) -> Self {
        let style = match (when, io::stderr().is_terminal()) {
            (When::Never, _) | (When::Auto, false) => Style::Nothing,
            (When::Always, false) => Style::Lines,
            (When::Auto | When::Always, true) => Style::Bar,
        };
        let started = Instant::now();
        Progress {
            style,
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            due: if when == When::Auto { started + QUIET } else { started },
            shown: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            started,
            last_line: Mutex::new(started),
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            total_files: AtomicU64::new(0),
        }
    }

    /// Whether [`Progress::measure`] is worth its time.
    pub fn is_shown(&self) -> bool {
        self.style != Style::Nothing
    }

    /// Finds out how much there is to do, while it is being done.
    pub fn measure(&self, targets: &[PathBuf]) {
        if let Some((files, bytes)) = targets::measure(targets, || self.finished.load(Ordering::Relaxed)) {
            self.total_files.store(files, Ordering::Relaxed);
            self.bar.set_length(bytes);
        }
    }

    /// One more file is done.
    pub fn advance(&self, bytes: u64) {
        let files = self.files.fetch_add(1, Ordering::Relaxed) + 1;
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        match self.style {
            Style::Nothing => {}
            Style::Bar => {
                self.bar.inc(bytes);
                self.show_when_due();
                self.bar.set_message(match self.total_files.load(Ordering::Relaxed) {
                    0 => format!("{files} files"),
                    total => format!("{files}/{total} files"),
                });
            }
            Style::Lines => {
                let due = self.last_line.try_lock().is_ok_and(|mut last| {
                    let due = last.elapsed() >= LINE_EVERY;
                    if due {
                        *last = Instant::now();
                    }
                    due
                });
                if due {
                    self.print_line();
                }
            }
        }
    }

    /// Prints something while the bar is out of the way.
    pub fn aside<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }

    /// The work is done: the bar goes away.
    pub fn finish(&self) {
        self.finished.store(true, Ordering::Relaxed);
        self.bar.finish_and_clear();
        if self.style == Style::Lines {
            self.print_line();
        }
    }

    fn print_line(&self) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        complain(&format!(
            "progress: {} files, {:.1} MB, {:.2} GB/s",
            self.files.load(Ordering::Relaxed),
            bytes as f64 / 1e6,
            bytes as f64 / 1e9 / self.started.elapsed().as_secs_f64()
        ));
    }

    fn show_when_due(&self) {
        if Instant::now() < self.due || self.shown.swap(true, Ordering::Relaxed) {
            return;
        }
        let template =
            "{bar:24} {decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec} {msg}, {eta} left";
        // The template is a constant; the default style would do as well.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bar.set_style(style);
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
    }
}
