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

/// How often the words beside the bar change.
const REDRAW: Duration = Duration::from_millis(100);

/// How often a line is written where there is no terminal to draw a bar on.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// What a file counts besides its bytes when the time left is estimated: about as many bytes are scanned in the time that
/// opening one takes.
const FILE: u64 = 16 << 10;

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
    total_bytes: AtomicU64,
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
            total_bytes: AtomicU64::new(0),
        }
    }

    /// Whether [`Progress::measure`] is worth its time.
    pub fn is_shown(&self) -> bool {
        self.style != Style::Nothing
    }

    /// Finds out how much there is to do, while it is being done.
    pub fn measure(&self, targets: &[PathBuf]) {
        if let Some((files, bytes)) = targets::measure(targets, || self.finished.load(Ordering::Relaxed)) {
            self.total_bytes.store(bytes, Ordering::Relaxed);
            self.total_files.store(files, Ordering::Relaxed);
            self.bar.set_length(work(files, bytes));
        }
    }

    /// One more file is done.
    pub fn advance(&self, bytes: u64) {
        let files = self.files.fetch_add(1, Ordering::Relaxed) + 1;
        let bytes_done = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        match self.style {
            Style::Nothing => {}
            Style::Bar => {
                self.bar.set_position(work(files, bytes_done));
                self.show_when_due();
                // A million messages that nobody sees would take their time.
                if self.shown.load(Ordering::Relaxed) && self.due_again(REDRAW) {
                    self.bar.set_message(self.done(self.total_files.load(Ordering::Relaxed)));
                }
            }
            Style::Lines => {
                if self.due_again(LINE_EVERY) {
                    self.print_line();
                }
            }
        }
    }

    /// Whether so much time has passed since this was last true.
    fn due_again(&self, every: Duration) -> bool {
        self.last_line.try_lock().is_ok_and(|mut last| {
            let due = last.elapsed() >= every;
            if due {
                *last = Instant::now();
            }
            due
        })
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
            complain(&format!("progress: {}", self.done(0)));
        }
    }

    fn print_line(&self) {
        let (total, bytes) =
            (self.total_files.load(Ordering::Relaxed), self.total_bytes.load(Ordering::Relaxed));
        let mut line = format!("progress: {}", self.done(total));
        if total > 0 {
            let done = work(self.files.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
            let left = work(total, bytes).saturating_sub(done) as f64 / done.max(1) as f64;
            line += &format!(", {:.0} s left", self.started.elapsed().as_secs_f64() * left);
        }
        complain(&line);
    }

    /// Files and bytes that are done, of how many if that is known, and the rate.
    fn done(&self, total: u64) -> String {
        let (files, bytes) = (self.files.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
        let rate = bytes as f64 / 1e9 / self.started.elapsed().as_secs_f64();
        let megabytes = bytes as f64 / 1e6;
        match total {
            0 => format!("{files} files, {megabytes:.1} MB, {rate:.2} GB/s"),
            total => {
                let of = self.total_bytes.load(Ordering::Relaxed) as f64 / 1e6;
                format!("{files} of {total} files, {megabytes:.1} of {of:.1} MB, {rate:.2} GB/s")
            }
        }
    }

    fn show_when_due(&self) {
        if Instant::now() < self.due || self.shown.swap(true, Ordering::Relaxed) {
            return;
        }
        let template = "{bar:24} {msg}, {eta} left";
        // The template is a constant; the default style would do as well.
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.bar.set_style(style);
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
    }
}

/// What files and their bytes count together.
fn work(files: u64, bytes: u64) -> u64 {
    bytes.saturating_add(files.saturating_mul(FILE))
}
