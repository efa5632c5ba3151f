//! Scanning in confined processes, as the parent does it. Input: items. Output: a report of each, from a worker that has
//! no rights, or what became of the worker. The parent opens files and passes the descriptors on; it sees no byte of them
//! but those that matched, where they are asked for.
//!
//! A worker may end at any moment, say nothing, or say anything: it was handed what somebody else made. One that ends is
//! replaced, and its file tried once more; one that says what no scan finds counts as ended.

use std::fmt::{self, Display};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hallmark_runtime::Database;
use hallmark_store::sealed_file;

use super::findings::Findings;
use super::reading::{INTERRUPTED, cannot_read, open, read_stdin};
use super::report::FileReport;
use super::serve::{Answer, Hello, MAX_ANSWER, Setup};
use super::targets::Item;
use super::worker::{Request, process_path};
use crate::escape;
use crate::sandbox::{Failure, WorkerProcess};

/// How much longer than the scan may take a worker is waited for.
const GRACE: Duration = Duration::from_secs(5);

/// How long a worker may take for a file if no limit was asked for; and besides, for each so many bytes, one second.
const PATIENCE: Duration = Duration::from_secs(600);
const BYTES_A_SECOND: u64 = 1 << 20;

/// How often a file is given to a worker.
const TRIES: u32 = 2;

/// What every worker is handed when it starts: memory files that nobody can change.
#[derive(Debug)]
pub struct Handout {
    image: File,
    setup: File,
}

impl Handout {
    /// The image and the request; `memory` is how many bytes a worker may use besides the database.
    ///
    /// # Errors
    /// The system has no sealed memory.
    pub fn new(database: &Database, request: &Request, memory: u64) -> anyhow::Result<Self> {
        let setup = serde_json::to_vec(&Setup::new(request, memory))?;
        let sealed = |bytes| {
            sealed_file(bytes).context("--sandbox takes sealed memory files, which this system lacks")
        };
        Ok(Handout { image: sealed(database.image().bytes())?, setup: sealed(&setup)? })
    }
}

/// One thread's worker.
pub struct Confined<'a> {
    database: &'a Database,
    request: &'a Request,
    handout: &'a Handout,
    process: Option<WorkerProcess>,
}

impl<'a> Confined<'a> {
    /// So many workers, confined and ready.
    ///
    /// # Errors
    /// One cannot be started or, as the kernel lacks a part of it, not be confined.
    pub fn start(
        database: &'a Database,
        request: &'a Request,
        handout: &'a Handout,
        count: NonZeroUsize,
    ) -> anyhow::Result<Vec<Self>> {
        // All of them start at the same time.
        let started = (0..count.get()).map(|_| WorkerProcess::start(&handout.image, &handout.setup));
        let started = started.collect::<io::Result<Vec<_>>>().context("cannot start a worker")?;
        let ready = started.into_iter().map(|mut process| {
            let mut worker = Confined { database, request, handout, process: None };
            worker.process = Some(match worker.greet(&mut process) {
                Ok(()) => process,
                Err(Trouble::Ended(_)) => worker.process()?,
                Err(trouble) => return Err(trouble),
            });
            Ok(worker)
        });
        ready.collect::<Result<_, _>>().map_err(|trouble| anyhow::Error::msg(trouble.to_string()))
    }

    /// Has an item scanned and says what was found. Whatever goes wrong is in the report.
    pub fn scan(&mut self, item: Item) -> FileReport {
        let (path, file) = match item {
            Item::Problem(path, why) => return FileReport::unscanned(path, why),
            Item::Stdin => (PathBuf::from("-"), self.stdin()),
            // The command line doesn't let it come to this.
            Item::Process(pid) => {
                (process_path(pid), Err("not scanned: a worker may not look at processes".to_owned()))
            }
            Item::File(path, links) => {
                let opened = open(&path, links).map(|opened| (opened.state.size, opened.file));
                (path, opened)
            }
        };
        match file.and_then(|(size, file)| self.scan_file(&file, size)) {
            Ok(found) => found.report(path, self.request, self.database.image()),
            Err(why) => FileReport::unscanned(path, why),
        }
    }

    /// Standard input, copied to a memory file: a worker that ends takes nothing with it.
    fn stdin(&self) -> Result<(u64, File), String> {
        let mut bytes = Vec::new();
        if self.request.stream {
            return Err("not scanned: with --sandbox standard input can't be scanned as a stream".to_owned());
        }
        self.request.may_begin(self.request.deadline)?;
        read_stdin(&mut bytes, self.request.max_size, &self.request.interrupt)?;
        let unable = |error: io::Error| format!("not scanned: {error}");
        let file = match sealed_file(&bytes) {
            Some(file) => file,
            None => {
                let mut file = tempfile::tempfile().map_err(unable)?;
                file.write_all(&bytes).map_err(unable)?;
                file
            }
        };
        Ok((bytes.len() as u64, file))
    }

    fn scan_file(&mut self, file: &File, size: u64) -> Result<Findings, String> {
        let mut ended = String::new();
        for _ in 0..TRIES {
            match self.try_file(file, size) {
                Ok(found) => return Ok(found),
                Err(Trouble::Ended(how)) if ended.is_empty() || ended == how => ended = how,
                Err(Trouble::Ended(how)) => ended = format!("{ended}, another one {how}"),
                Err(Trouble::Unscanned(why)) => return Err(why),
            }
        }
        Err(format!("not scanned, though tried {TRIES} times: the worker {ended}"))
    }

    fn try_file(&mut self, mut file: &File, size: u64) -> Result<Findings, Trouble> {
        self.request.may_begin(self.request.deadline)?;
        file.rewind().map_err(cannot_read)?;
        let mut process = self.process()?;
        let (time, until) = self.times(size);
        let answer = process.ask(file, time, until, MAX_ANSWER, || self.request.interrupt.is_set());
        let found = self.judge(&answer?)?;
        self.process = Some(process);
        found.map_err(Trouble::Unscanned)
    }

    /// The worker, or a new one in the place of one that has ended.
    fn process(&mut self) -> Result<WorkerProcess, Trouble> {
        if let Some(process) = self.process.take() {
            return Ok(process);
        }
        let Handout { image, setup } = self.handout;
        let mut process = WorkerProcess::start(image, setup)
            .map_err(|error| format!("not scanned: no worker could be started: {error}"))?;
        self.greet(&mut process)?;
        Ok(process)
    }

    /// Waits until a worker is confined and ready.
    fn greet(&self, process: &mut WorkerProcess) -> Result<(), Trouble> {
        let hello = process.ready(|| self.request.interrupt.is_set())?;
        match serde_json::from_slice(&hello) {
            Ok(Hello::Ready) => Ok(()),
            Ok(Hello::Unable(why)) => Err(Trouble::Unscanned(escape::path(why))),
            Err(error) => Err(Trouble::nonsense(error)),
        }
    }

    /// How long the scan may take, and when the worker is given up.
    fn times(&self, size: u64) -> (Option<Duration>, Option<Instant>) {
        let now = Instant::now();
        match self.request.deadline {
            Some(deadline) => {
                (Some(deadline.saturating_duration_since(now)), deadline.max(now).checked_add(GRACE))
            }
            None => {
                let unpacked = self.request.archives.as_ref().map_or(0, |limits| limits.total_bytes);
                let seconds = size.saturating_add(unpacked) / BYTES_A_SECOND;
                (None, now.checked_add(PATIENCE + Duration::from_secs(seconds)))
            }
        }
    }

    /// What the answer says, if a scan can say that.
    fn judge(&self, answer: &[u8]) -> Result<Result<Findings, String>, Trouble> {
        match serde_json::from_slice(answer).map_err(Trouble::nonsense)? {
            Answer::Found(found) => {
                found.check(self.request, self.database.image()).map_err(Trouble::nonsense)?;
                Ok(Ok(found))
            }
            Answer::Unscanned(why) => Ok(Err(why)),
        }
    }
}

/// Why there are no findings.
#[derive(Debug)]
enum Trouble {
    /// The worker is of no use any more, and another one may do better: what happened, as the rest of a sentence about it.
    Ended(String),
    /// There is no use in another try.
    Unscanned(String),
}

impl Trouble {
    fn nonsense(why: impl Display) -> Self {
        Trouble::Ended(format!("gave an answer that is none: {}", escape::path(why.to_string())))
    }
}

impl Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Ended(how) => write!(f, "the worker {how}"),
            Trouble::Unscanned(why) => f.write_str(why),
        }
    }
}

impl From<String> for Trouble {
    fn from(why: String) -> Self {
        Trouble::Unscanned(why)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Ended(how) => Trouble::Ended(how),
            Failure::Unwanted => Trouble::Unscanned(INTERRUPTED.to_owned()),
            Failure::Late => {
                Trouble::Unscanned("not scanned: the worker did not answer in time and was killed".to_owned())
            }
        }
    }
}
