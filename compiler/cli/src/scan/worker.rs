//! One thread's work: read a file, scan it, say what was found.

use std::fs::File;
use std::io::Read;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hallmark_image::{Image, RuleId, Unit};
use hallmark_runtime::{
    ArchiveLimits, Database, ExternalValue, ModuleData, Report, RuleMatch, ScanPart, Scanner, SearchedPart,
};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::findings::{Findings, Found};
use super::interrupt::Interrupt;
use super::reading::{INTERRUPTED, Opened, State, changed, open, read_file, read_stdin, stdin};
use super::report::{Cost, FileReport, Incomplete, StringReport};
use super::targets::Item;
use super::{members, stream};
use crate::escape;
use crate::externals::Define;
use crate::module_data::Given;

/// Longer files are searched in pieces of this length by all threads that have nothing else to do: some milliseconds
/// of work each, so that what one thread is left with at the end is little.
const PIECE: usize = 4 << 20;

/// What is asked of every scan.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// List the matches of patterns.
    pub strings: bool,
    /// Report the rules that do not match instead.
    pub negate: bool,
    /// Report only rules with one of these tags, if there are any.
    pub tags: Vec<String>,
    /// Report only these rules, if there are any.
    pub identifiers: Vec<String>,
    /// Report the SHA-256 of each file.
    pub sha256: bool,
    /// When the work ends, done or not.
    pub deadline: Option<Instant>,
    /// Larger files are not scanned.
    pub max_size: u64,
    /// Processes with more memory are not scanned.
    pub max_memory: u64,
    /// Most steps for each file.
    pub max_steps: Option<u64>,
    /// External variables.
    pub defines: Vec<Define>,
    /// Reports for modules.
    pub module_data: ModuleData,
    /// Processes whose memory is scanned, before the targets.
    pub processes: Vec<u32>,
    /// Scan files as streams, without holding them in memory.
    pub stream: bool,
    /// How far to look into archives, if at all.
    pub archives: Option<ArchiveLimits>,
    /// Files and members with nothing to report are wanted too.
    pub all: bool,
    /// The same as they were given, for processes that have to read them again.
    pub module_reports: Vec<Given>,
    /// Whether the work is to end before its end.
    pub interrupt: Interrupt,
    /// Scan in confined processes, each with so many bytes of memory besides the database.
    pub worker_memory: Option<u64>,
}

/// A scanner with its buffer.
pub struct Worker<'a> {
    request: &'a Request,
    image: &'a Image<'a>,
    scanner: Scanner<'a>,
    /// Scanners for the pieces of large files, one for each thread of the pool.
    helpers: Option<&'a Helpers<'a>>,
    buffer: Vec<u8>,
    /// How many bytes of matches are listed for a file.
    room: usize,
}

/// Scanners that serve any thread for one piece of a file after the other.
pub struct Helpers<'a>(Mutex<Vec<Scanner<'a>>>);

impl<'a> Helpers<'a> {
    /// So many helpers.
    ///
    /// # Errors
    /// An external variable the database doesn't declare.
    pub fn new(database: &Database, request: &'a Request, count: usize) -> anyhow::Result<Self> {
        let scanners = (0..count).map(|_| scanner(database, request));
        Ok(Helpers(Mutex::new(scanners.collect::<anyhow::Result<_>>()?)))
    }

    /// Searches a piece; `None` only if there are more threads than helpers.
    fn search<'d>(&self, piece: ScanPart<'d>, deadline: Option<Duration>) -> Option<SearchedPart<'d>> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scanner = lock().pop()?;
        if let Some(deadline) = deadline {
            scanner.deadline(deadline);
        }
        let searched = piece.run(&mut scanner);
        lock().push(scanner);
        Some(searched)
    }
}

fn scanner<'a>(database: &Database, request: &'a Request) -> anyhow::Result<Scanner<'a>> {
    let mut scanner = database.scanner();
    scanner.cancel(request.interrupt.flag());
    scanner.strings(request.strings).fast(!request.strings).module_data(&request.module_data);
    let all = request.negate || (request.tags.is_empty() && request.identifiers.is_empty());
    if !all {
        // The others need not be evaluated.
        let image = database.image();
        scanner.select(|rule| request.wants_id(image, rule.id()));
    }
    for Define { name, value } in &request.defines {
        scanner.define(name, runtime_value(value))?;
    }
    if let Some(steps) = request.max_steps {
        scanner.max_steps(steps);
    }
    Ok(scanner)
}

impl<'a> Worker<'a> {
    /// A worker for one thread.
    ///
    /// # Errors
    /// An external variable the database doesn't declare.
    pub fn new(
        database: &'a Database,
        request: &'a Request,
        helpers: Option<&'a Helpers<'a>>,
    ) -> anyhow::Result<Self> {
        let scanner = scanner(database, request)?;
        let image = database.image();
        Ok(Worker { request, image, scanner, helpers, buffer: Vec::new(), room: usize::MAX })
    }

    /// Lists matches of a file only as far as they, and what they matched, have so many bytes.
    pub fn room(&mut self, bytes: usize) {
        self.room = bytes;
    }

    /// Scans an item and says what was found. Whatever goes wrong is in the report.
    pub fn scan(&mut self, item: Item) -> FileReport {
        let deadline = self.request.deadline;
        let (path, found) = match item {
            Item::Problem(path, why) => return FileReport::unscanned(path, why),
            Item::Stdin => (PathBuf::from("-"), self.scan_stdin(deadline)),
            Item::Process(pid) => (process_path(pid), self.scan_process(pid, deadline)),
            Item::File(path, links) => {
                let found = open(&path, links).and_then(|opened| self.scan_opened(&opened, deadline));
                (path, found)
            }
        };
        match found {
            Ok(found) => found.report(path, self.request, self.image),
            Err(why) => FileReport::unscanned(path, why),
        }
    }

    /// Scans an open file, which has to be a regular one.
    ///
    /// # Errors
    /// Why nothing was scanned.
    pub fn scan_file(&mut self, file: File, deadline: Option<Instant>) -> Result<Findings, String> {
        let state = State::of(&file)?;
        self.scan_opened(&Opened { file, state }, deadline)
    }

    fn scan_opened(&mut self, opened: &Opened, deadline: Option<Instant>) -> Result<Findings, String> {
        self.request.may_begin(deadline)?;
        let Request { max_size, interrupt, .. } = self.request;
        if self.request.stream {
            let mut found = self.scan_stream(&opened.file, deadline)?;
            found.incomplete.extend(changed(opened, found.size)?.map(Incomplete::file));
            return Ok(found);
        }
        let changed = read_file(opened, &mut self.buffer, *max_size, interrupt)?;
        let mut found = self.scan_buffer(deadline)?;
        found.incomplete.extend(changed.map(Incomplete::file));
        Ok(found)
    }

    fn scan_stdin(&mut self, deadline: Option<Instant>) -> Result<Findings, String> {
        self.request.may_begin(deadline)?;
        if self.request.stream {
            return self.scan_stream(stdin(&self.request.interrupt), deadline);
        }
        read_stdin(&mut self.buffer, self.request.max_size, &self.request.interrupt)?;
        self.scan_buffer(deadline)
    }

    fn scan_stream(&mut self, from: impl Read, deadline: Option<Instant>) -> Result<Findings, String> {
        self.until(deadline);
        let mut room = self.room;
        let found = stream::scan(&mut self.scanner, self.request, self.image, from, &mut room)?;
        Ok(self.with_room(found, room))
    }

    fn scan_process(&mut self, pid: u32, deadline: Option<Instant>) -> Result<Findings, String> {
        self.request.may_begin(deadline)?;
        self.until(deadline);
        let mut room = self.room;
        let found = stream::scan_process(&mut self.scanner, self.request, self.image, pid, &mut room)?;
        Ok(self.with_room(found, room))
    }

    /// Gives the next scan what is left of the time.
    fn until(&mut self, end: Option<Instant>) -> Option<Duration> {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        if let Some(left) = left {
            self.scanner.deadline(left);
        }
        left
    }

    /// Says so if there was no room for all matches.
    fn with_room(&self, mut found: Findings, room: usize) -> Findings {
        if room == 0 {
            let why = format!(
                "the list of a worker has at most {} bytes; scan this file without --sandbox",
                self.room
            );
            found.incomplete.push(Incomplete { what: "matches".to_owned(), why });
        }
        found
    }

    fn scan_buffer(&mut self, end: Option<Instant>) -> Result<Findings, String> {
        let deadline = self.until(end);
        let data = self.buffer.as_slice();
        let pieces = match (self.helpers, NonZeroUsize::new(data.len() / PIECE)) {
            // Steps are counted exactly only where one scanner takes them all.
            (Some(helpers), Some(count)) if count.get() > 1 && self.request.max_steps.is_none() => {
                let pieces = ScanPart::split(data, count).into_par_iter().with_max_len(1);
                pieces.filter_map(|piece| helpers.search(piece, deadline)).collect()
            }
            _ => Vec::new(),
        };
        let mut room = self.room;
        let mut found = match self.scanner.scan_parts(data, pieces) {
            Ok(report) => self.request.findings(self.image, &report, &mut room),
            Err(error) => return Err(format!("not scanned: {error}")),
        };
        if let Some(limits) = &self.request.archives {
            // What is left of the time is not what there was before the file was scanned.
            if let Some(end) = end {
                self.scanner.deadline(end.saturating_duration_since(Instant::now()));
            }
            members::scan(&mut self.scanner, self.request, self.image, limits, data, &mut room, &mut found);
        }
        Ok(self.with_room(found, room))
    }
}

/// What stands in the place of a path for the memory of a process.
pub fn process_path(pid: u32) -> PathBuf {
    PathBuf::from(format!("pid:{pid}"))
}

impl Request {
    /// What a report says, as far as it is asked for; matches are listed until there is no room left.
    pub fn findings(&self, image: &Image<'_>, report: &Report<'_>, room: &mut usize) -> Findings {
        let mut rules = Vec::new();
        for rule in report.matches() {
            let mut found = Found { rule: rule.id().get(), strings: Vec::new() };
            if self.strings && self.wants_id(image, rule.id()) {
                found.strings = strings(&rule, room);
            }
            rules.push(found);
        }
        let incomplete = report.incomplete().iter();
        let incomplete = incomplete.map(|i| Incomplete { what: i.what.clone(), why: i.why.to_string() });
        let stats = report.stats();
        Findings {
            size: stats.bytes,
            sha256: self.sha256.then(|| escape::hex(&Sha256::digest(report.data()))),
            rules,
            incomplete: incomplete.collect(),
            cost: Cost { candidates: stats.candidates, rules_evaluated: stats.rules_evaluated },
            console: report.messages().to_vec(),
            ..Findings::default()
        }
    }

    /// Whether a rule is one of those asked for.
    pub fn wants(&self, unit: &Unit<'_>) -> bool {
        let is_among = |asked: &[String], name: &[u8]| asked.iter().any(|asked| asked.as_bytes() == name);
        let tag = self.tags.is_empty() || unit.tags.iter().any(|tag| is_among(&self.tags, tag.of(unit.blob)));
        tag && (self.identifiers.is_empty() || is_among(&self.identifiers, unit.name()))
    }

    /// The same for a rule by its id.
    pub fn wants_id(&self, image: &Image<'_>, id: RuleId) -> bool {
        image.unit(id).is_some_and(|unit| self.wants(&unit))
    }

    /// Whether there is any use in another scan.
    pub fn may_begin(&self, deadline: Option<Instant>) -> Result<(), String> {
        if self.interrupt.is_set() {
            return Err(INTERRUPTED.to_owned());
        }
        match deadline {
            Some(deadline) if Instant::now() >= deadline => {
                Err("not scanned: the time limit was reached".to_owned())
            }
            _ => Ok(()),
        }
    }
}

/// The matches of a rule, until there is no room left.
fn strings(rule: &RuleMatch<'_>, room: &mut usize) -> Vec<StringReport> {
    let mut out = Vec::new();
    for pattern in rule.patterns() {
        for found in pattern.matches() {
            *room = room.saturating_sub(size_of::<StringReport>() + found.data.len());
            if *room == 0 {
                return out;
            }
            out.push(StringReport {
                id: pattern.id().to_owned(),
                offset: found.offset,
                length: found.length,
                data: found.data.to_vec(),
                xor_key: found.xor_key,
            });
        }
    }
    out
}

fn runtime_value(value: &hallmark_compiler::ExternalValue) -> ExternalValue {
    use hallmark_compiler::ExternalValue as Compiled;
    match value {
        Compiled::Int(value) => ExternalValue::Int(*value),
        Compiled::Float(value) => ExternalValue::Float(*value),
        Compiled::Bool(value) => ExternalValue::Bool(*value),
        Compiled::Str(value) => ExternalValue::Str(value.clone()),
    }
}
