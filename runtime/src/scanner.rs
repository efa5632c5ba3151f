//! Scans with a database, one after the other.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hallmark_engine::{
    ExternalValue, Externals, ModuleData, Part, Scratch, Selection, Settings, Why, Window, scan, scan_parts,
    search_part, skip,
};

use crate::database::Database;
use crate::error::Error;
use crate::part::{ScanPart, SearchedPart};
use crate::report::Report;
use crate::rule::Rule;

/// Capacity of the file buffer that is kept from one scan to the next.
const KEEP_BUFFER: usize = 16 << 20;

/// Scans with a database, one after the other. Its buffers are reused, so that scans allocate next to nothing after
/// the first ones.
#[derive(Debug)]
pub struct Scanner<'c> {
    pub(crate) database: Database,
    pub(crate) scratch: Scratch,
    pub(crate) wishes: Wishes<'c>,
    file: Vec<u8>,
}

/// What the caller asked for.
#[derive(Debug, Default)]
pub(crate) struct Wishes<'c> {
    externals: Externals,
    module_data: ModuleData,
    deadline: Option<Duration>,
    max_steps: Option<u64>,
    max_bytes: Option<u64>,
    cancel: Option<&'c AtomicBool>,
    fast: bool,
    strings: bool,
    pub(crate) window: Window,
    selection: Option<Selection>,
}

impl<'c> Scanner<'c> {
    pub(crate) fn new(database: Database) -> Self {
        Scanner { database, scratch: Scratch::new(), wishes: Wishes::default(), file: Vec::new() }
    }

    /// Gives up a scan after this time.
    pub fn deadline(&mut self, deadline: Duration) -> &mut Self {
        self.wishes.deadline = Some(deadline);
        self
    }

    /// Gives up a scan after so many steps of verifiers and conditions, which unlike time are repeatable.
    pub fn max_steps(&mut self, steps: u64) -> &mut Self {
        self.wishes.max_steps = Some(steps);
        self
    }

    /// Does not scan data longer than this.
    pub fn max_bytes(&mut self, bytes: u64) -> &mut Self {
        self.wishes.max_bytes = Some(bytes);
        self
    }

    /// Gives up a scan as soon as `cancel` is true.
    pub fn cancel(&mut self, cancel: &'c AtomicBool) -> &mut Self {
        self.wishes.cancel = Some(cancel);
        self
    }

    /// Leaves out further matches of a pattern where conditions only ask whether there is one.
    pub fn fast(&mut self, fast: bool) -> &mut Self {
        self.wishes.fast = fast;
        self
    }

    /// Searches for every pattern of the rules that match, even those their conditions did not need, so that a report
    /// can list them. Takes precedence over [`Scanner::fast`].
    pub fn strings(&mut self, strings: bool) -> &mut Self {
        self.wishes.strings = strings;
        self
    }

    /// Scans with those rules only for which `wants` says so, in all scans from now on. Rules that they refer to are
    /// evaluated too, and global rules of their namespaces hold for them as ever, but no other rule is reported.
    ///
    /// ```no_run
    /// # fn f(scanner: &mut hallmark_runtime::Scanner<'_>) {
    /// scanner.select(|rule| rule.namespace() == "apt" || rule.tags().any(|tag| tag == "packed"));
    /// # }
    /// ```
    pub fn select(&mut self, mut wants: impl FnMut(&Rule<'_>) -> bool) -> &mut Self {
        let image = self.database.image();
        self.wishes.selection = Some(Selection::new(image, |id, unit| {
            wants(&Rule::new(id, image.namespace(unit.header.namespace.get()), Some(*unit)))
        }));
        self
    }

    /// Scans with all rules again.
    pub fn select_all(&mut self) -> &mut Self {
        self.wishes.selection = None;
        self
    }

    /// Gives an external variable a value, in all scans from now on.
    ///
    /// # Errors
    /// The database declares no such variable, or one of another type.
    pub fn define(&mut self, name: &str, value: impl Into<ExternalValue>) -> Result<&mut Self, Error> {
        self.wishes.externals.define(self.database.image(), name, value.into())?;
        Ok(self)
    }

    /// Gives modules what they need besides the data, in all scans from now on; what they were given before is forgotten.
    ///
    /// ```
    /// use hallmark_runtime::{Database, Error, ModuleData};
    ///
    /// fn matches(database: &Database, sample: &[u8], report: &[u8]) -> Result<bool, Error> {
    ///     let mut given = ModuleData::default();
    ///     given.add("cuckoo", report)?;
    ///     let mut scanner = database.scanner();
    ///     Ok(scanner.module_data(&given).scan(sample)?.matches().len() > 0)
    /// }
    /// ```
    pub fn module_data(&mut self, given: &ModuleData) -> &mut Self {
        self.wishes.module_data = given.clone();
        self
    }

    /// The database it scans with.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Scans bytes. The report borrows the scanner until the next scan.
    ///
    /// # Errors
    /// None at present: what was not evaluated is in the report.
    pub fn scan<'s>(&'s mut self, data: &'s [u8]) -> Result<Report<'s>, Error> {
        Ok(self.scan_since(Instant::now(), data))
    }

    /// Scans bytes as part of what began then.
    pub(crate) fn scan_since<'s>(&'s mut self, began: Instant, data: &'s [u8]) -> Report<'s> {
        let settings = self.wishes.settings(began);
        self.database.scan_begins();
        let outcome = scan(self.database.image(), &mut self.scratch, data, &settings);
        self.database.scan_ends();
        Report::new(outcome)
    }

    /// When a scan that began then has to end, and what tells it to end before.
    #[cfg(feature = "archives")]
    pub(crate) fn ends(&self, began: Instant) -> (Option<Instant>, Option<&'c AtomicBool>) {
        (self.wishes.deadline.and_then(|deadline| began.checked_add(deadline)), self.wishes.cancel)
    }

    /// Scans bytes, parts of which other scanners have searched already; the report is that of [`Scanner::scan`]. See
    /// [`ScanPart`].
    ///
    /// What was searched in other data, or with another database, does not count.
    ///
    /// # Errors
    /// None at present: what was not evaluated is in the report.
    pub fn scan_parts<'s>(
        &'s mut self,
        data: &'s [u8],
        parts: Vec<SearchedPart<'_>>,
    ) -> Result<Report<'s>, Error> {
        let ours = parts.into_iter().filter(|part| part.is_of(&self.database, data));
        let mut began = Instant::now();
        let parts: Vec<Part> = ours
            .map(|part| {
                began = began.min(part.began);
                part.found
            })
            .collect();
        let settings = self.wishes.settings(began);
        self.database.scan_begins();
        let outcome = scan_parts(self.database.image(), &mut self.scratch, data, &parts, &settings);
        self.database.scan_ends();
        Ok(Report::new(outcome))
    }

    pub(crate) fn search<'d>(&mut self, part: &ScanPart<'d>) -> SearchedPart<'d> {
        let &ScanPart { data, ref range, began } = part;
        let settings = self.wishes.settings(began);
        self.database.scan_begins();
        let found = search_part(self.database.image(), &mut self.scratch, data, range.clone(), &settings);
        SearchedPart { database: self.database.clone(), data, found, began }
    }

    /// Scans a regular file, which is read, not mapped: a file may shrink while it is scanned.
    ///
    /// # Errors
    /// The file cannot be read, or is no regular file. That it is longer than allowed is in the report.
    pub fn scan_file(&mut self, path: &Path) -> Result<Report<'_>, Error> {
        let mut data = std::mem::take(&mut self.file);
        let read = read_file(path, self.wishes.max_bytes, &mut data);
        self.file = data;
        if let Some(why) = read? {
            let outcome = skip(self.database.image(), &mut self.scratch, why);
            return Ok(Report::new(outcome));
        }
        let settings = self.wishes.settings(Instant::now());
        self.database.scan_begins();
        let outcome = scan(self.database.image(), &mut self.scratch, &self.file, &settings);
        self.database.scan_ends();
        Ok(Report::new(outcome))
    }
}

impl Wishes<'_> {
    /// For a scan that began then.
    pub(crate) fn settings(&self, began: Instant) -> Settings<'_> {
        Settings {
            deadline: self.deadline.and_then(|d| began.checked_add(d)),
            max_steps: self.max_steps,
            max_bytes: self.max_bytes,
            cancel: self.cancel,
            externals: Some(&self.externals),
            module_data: Some(&self.module_data),
            now: now(),
            fast: self.fast,
            strings: self.strings,
            window: self.window,
            selection: self.selection.as_ref(),
        }
    }
}

/// Reads a file into `data`, or tells that it is longer than `max`.
fn read_file(path: &Path, max: Option<u64>, data: &mut Vec<u8>) -> Result<Option<Why>, Error> {
    data.clear();
    data.shrink_to(KEEP_BUFFER);
    // Opening a pipe would wait for its other end, so the path is looked at first.
    let before = fs::metadata(path).map_err(|e| Error::io("open", path, &e))?;
    if !before.is_file() {
        return Err(Error::NotAFile { path: path.to_owned() });
    }
    let max = max.unwrap_or(u64::MAX);
    if before.len() > max {
        return Ok(Some(Why::TooLong { len: before.len(), max }));
    }
    let file = File::open(path).map_err(|e| Error::io("open", path, &e))?;
    let expected = usize::try_from(before.len()).unwrap_or(usize::MAX).saturating_add(1);
    data.try_reserve(expected).map_err(|e| Error::io("read", path, &std::io::Error::from(e)))?;
    file.take(max.saturating_add(1)).read_to_end(data).map_err(|e| Error::io("read", path, &e))?;
    // It may have grown meanwhile.
    let len = data.len() as u64;
    Ok((len > max).then_some(Why::TooLong { len, max }))
}

/// Seconds since the Unix epoch.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
