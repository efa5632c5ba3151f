//! One thread's work: read a file, scan it, say what was found.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hallmark_image::record::rule_flags;
use hallmark_image::{Image, RuleId, Unit};
use hallmark_runtime::{
    ArchiveLimits, Database, ExternalValue, ModuleData, Report, RuleMatch, ScanPart, Scanner, SearchedPart,
};
use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::members;
use super::report::{Cost, FileReport, Incomplete, RuleReport, StringReport};
use super::targets::Item;
use crate::escape;
use crate::externals::Define;
use crate::meta;

/// Capacity of the buffer that is kept from one file to the next.
const KEEP_BUFFER: usize = 64 << 20;

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
    /// Most steps for each file.
    pub max_steps: Option<u64>,
    /// External variables.
    pub defines: Vec<Define>,
    /// Reports for modules.
    pub module_data: ModuleData,
    /// How far to look into archives, if at all.
    pub archives: Option<ArchiveLimits>,
    /// Files and members with nothing to report are wanted too.
    pub all: bool,
}

/// A scanner with its buffer.
pub struct Worker<'a> {
    request: &'a Request,
    image: &'a Image<'a>,
    scanner: Scanner<'static>,
    /// Scanners for the pieces of large files, one for each thread of the pool.
    helpers: Option<&'a Helpers>,
    buffer: Vec<u8>,
}

/// Scanners that serve any thread for one piece of a file after the other.
pub struct Helpers(Mutex<Vec<Scanner<'static>>>);

impl Helpers {
    /// So many helpers.
    ///
    /// # Errors
    /// An external variable the database doesn't declare.
    pub fn new(database: &Database, request: &Request, count: usize) -> anyhow::Result<Self> {
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

fn scanner(database: &Database, request: &Request) -> anyhow::Result<Scanner<'static>> {
    let mut scanner = database.scanner();
    scanner.strings(request.strings).fast(!request.strings).module_data(&request.module_data);
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
        helpers: Option<&'a Helpers>,
    ) -> anyhow::Result<Self> {
        let scanner = scanner(database, request)?;
        Ok(Worker { request, image: database.image(), scanner, helpers, buffer: Vec::new() })
    }

    /// Scans an item and says what was found. Whatever goes wrong is in the report.
    pub fn scan(&mut self, item: Item) -> FileReport {
        let (path, read) = match item {
            Item::Problem(path, why) => return FileReport::unscanned(path, why),
            Item::Stdin => (PathBuf::from("-"), self.read(io::stdin().lock(), 0)),
            Item::File(path) => {
                let read = self.read_file(&path);
                (path, read)
            }
        };
        match read {
            Ok(()) => self.scan_buffer(path),
            Err(why) => FileReport::unscanned(path, why),
        }
    }

    fn read_file(&mut self, path: &Path) -> Result<(), String> {
        let file = File::open(path).map_err(cannot_read)?;
        let size = file.metadata().map_err(cannot_read)?.len();
        self.read(file, size)
    }

    /// Fills the buffer; `size` is what is expected.
    fn read(&mut self, from: impl Read, size: u64) -> Result<(), String> {
        let max = self.request.max_size;
        let too_large = || format!("not scanned: larger than {max} bytes, the limit of --max-size");
        self.buffer.clear();
        self.buffer.shrink_to(KEEP_BUFFER);
        if self.request.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err("not scanned: the time limit was reached".to_owned());
        }
        if size > max {
            return Err(too_large());
        }
        let room = usize::try_from(size).ok().and_then(|size| self.buffer.try_reserve(size).ok());
        room.ok_or_else(|| format!("not scanned: no memory for {size} bytes"))?;
        from.take(max.saturating_add(1)).read_to_end(&mut self.buffer).map_err(cannot_read)?;
        if self.buffer.len() as u64 > max {
            return Err(too_large());
        }
        Ok(())
    }

    fn scan_buffer(&mut self, path: PathBuf) -> FileReport {
        let data = self.buffer.as_slice();
        let deadline = self.request.deadline.map(|end| end.saturating_duration_since(Instant::now()));
        if let Some(deadline) = deadline {
            self.scanner.deadline(deadline);
        }
        let pieces = match (self.helpers, NonZeroUsize::new(data.len() / PIECE)) {
            // Steps are counted exactly only where one scanner takes them all.
            (Some(helpers), Some(count)) if count.get() > 1 && self.request.max_steps.is_none() => {
                let pieces = ScanPart::split(data, count).into_par_iter().with_max_len(1);
                pieces.filter_map(|piece| helpers.search(piece, deadline)).collect()
            }
            _ => Vec::new(),
        };
        let mut described = match self.scanner.scan_parts(data, pieces) {
            Ok(report) => self.request.describe(self.image, path, &report),
            Err(error) => return FileReport::unscanned(path, format!("not scanned: {error}")),
        };
        if let Some(limits) = &self.request.archives {
            members::scan(&mut self.scanner, self.request, self.image, limits, data, &mut described);
        }
        described
    }
}

impl Request {
    /// What is reported about a scan.
    pub fn describe(&self, image: &Image<'_>, path: PathBuf, report: &Report<'_>) -> FileReport {
        let mut matching = Vec::new();
        let mut matches = Vec::new();
        for rule in report.matches() {
            matching.push(rule.id());
            let Some(mut described) = image.unit(rule.id()).map(|unit| describe(image, &unit)) else {
                continue;
            };
            if self.wants(&described) {
                if self.strings {
                    described.strings = strings(&rule);
                }
                matches.push(described);
            }
        }
        let matched = !matches.is_empty();
        if self.negate {
            matching.sort();
            matches = others(image, &matching);
            matches.retain(|rule| self.wants(rule));
        }
        let incomplete = report.incomplete().iter();
        let incomplete = incomplete.map(|i| Incomplete { what: i.what.clone(), why: i.why.to_string() });
        let stats = report.stats();
        FileReport {
            path,
            size: report.data().len() as u64,
            sha256: self.sha256.then(|| escape::hex(&Sha256::digest(report.data()))),
            matched,
            matches,
            incomplete: incomplete.collect(),
            cost: Cost { candidates: stats.candidates, rules_evaluated: stats.rules_evaluated },
            console: report.messages().to_vec(),
            ..FileReport::default()
        }
    }

    fn wants(&self, rule: &RuleReport) -> bool {
        let tag = self.tags.is_empty() || rule.tags.iter().any(|tag| self.tags.contains(tag));
        let identifier = self.identifiers.is_empty() || self.identifiers.contains(&rule.rule);
        tag && identifier
    }
}

/// The rules that are not in `matching` (sorted), private ones apart, by namespace, then name.
fn others(image: &Image<'_>, matching: &[RuleId]) -> Vec<RuleReport> {
    let public = |unit: &Unit<'_>| unit.header.flags.get() & rule_flags::PRIVATE == 0;
    let rules = image.rules().filter(|(id, unit)| public(unit) && matching.binary_search(id).is_err());
    let mut rules: Vec<_> = rules.map(|(_, unit)| describe(image, &unit)).collect();
    rules.sort_by(|a, b| (&a.namespace, &a.rule).cmp(&(&b.namespace, &b.rule)));
    rules
}

fn describe(image: &Image<'_>, unit: &Unit<'_>) -> RuleReport {
    RuleReport {
        rule: lossy(unit.name()),
        namespace: lossy(image.namespace(unit.header.namespace.get())),
        tags: unit.tags.iter().map(|tag| lossy(tag.of(unit.blob))).collect(),
        meta: meta::of(unit),
        strings: Vec::new(),
    }
}

fn strings(rule: &RuleMatch<'_>) -> Vec<StringReport> {
    let mut out = Vec::new();
    for pattern in rule.patterns() {
        out.extend(pattern.matches().map(|found| StringReport {
            id: pattern.id().to_owned(),
            offset: found.offset,
            length: found.length,
            data: found.data.to_vec(),
            xor_key: found.xor_key,
        }));
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

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn cannot_read(error: io::Error) -> String {
    format!("cannot read: {error}")
}
