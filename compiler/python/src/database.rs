//! `hallmark.open`, and databases that are scanned with.

use std::ffi::CString;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use hallmark_compiler::diagnostic::Severity;
use hallmark_runtime::{LoadPolicy, Policy, Scanner, read_policy};
use pyo3::exceptions::{PyRuntimeWarning, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyMemoryView};

use crate::found::Found;
use crate::message::{DatabaseError, Findings, scan_error};
use crate::stream::PyReader;
use crate::value::{self, ScanOptions};

/// Scanners kept for the scans to come: as many as scan at the same time, up to this, each with some megabytes of
/// buffers. More threads than that wait for processors anyway.
const MAX_IDLE: usize = 64;

/// Opens a database that was built: a store directory, a release directory, a `.hmk` file or, with `allow_unsigned`,
/// a raw image as `Database.save` writes it.
///
/// >>> db = hallmark.open("/var/lib/hallmark", policy="/etc/hallmark/policy")
/// >>> db.scan_file("/bin/ls")
///
/// policy: path of the file that says who must have signed. Without it the environment variable HALLMARK_POLICY names
///     one, then `hallmark/policy` in the user's config folder is taken if it exists; a store brings its own along.
/// allow_unsigned: takes databases whose policy is not satisfied; signatures that are there must still verify.
///
/// Raises `DatabaseError` for what was refused, and why. A `RuntimeWarning` is given when a store had to fall back to
/// the database before, and for one that has expired.
#[pyfunction]
#[pyo3(signature = (path, policy=None, allow_unsigned=false))]
pub fn open(
    py: Python<'_>,
    path: &Bound<'_, PyAny>,
    policy: Option<&Bound<'_, PyAny>>,
    allow_unsigned: bool,
) -> PyResult<Database> {
    let path = value::path(path)?;
    let named = policy.map(value::path).transpose()?.or_else(policy_of_user);
    let opened = py.detach(|| {
        let policy: Option<Policy> = named.map(|named| read_policy(&named)).transpose()?;
        let policy = LoadPolicy { policy, allow_unsigned, ..LoadPolicy::default() };
        hallmark_runtime::Database::open(&path, &policy)
    });
    let database = opened.map_err(|error| DatabaseError::new_err(error.to_string()))?;
    for notice in notices(&database) {
        let notice = CString::new(format!("{}: {notice}", path.display()))?;
        PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), &notice, 1)?;
    }
    Ok(Database::new(py, database))
}

/// The policy that the `hallmark` command would take.
fn policy_of_user() -> Option<PathBuf> {
    let non_empty = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = || non_empty("XDG_CONFIG_HOME").or_else(|| Some(non_empty("HOME")?.join(".config")));
    let in_config =
        || Some(config()?.join("hallmark").join("policy")).filter(|p| p.symlink_metadata().is_ok());
    non_empty("HALLMARK_POLICY").or_else(in_config)
}

/// What whoever opens a database should hear, though it can be used.
fn notices(database: &hallmark_runtime::Database) -> Vec<String> {
    let info = database.info();
    let mut notices = Vec::new();
    if let Some(reason) = &info.fallback {
        notices.push(format!("the database in force cannot be used, so the one before it is: {reason}"));
    }
    if let Some(reason) = &info.unwatched {
        notices.push(format!("a crash would not count against the database: {reason}"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    if info.note.as_ref().is_some_and(|note| note.release().is_stale(now)) {
        notices.push("the database has expired; install a newer release".to_owned());
    }
    notices
}

/// Rules that are ready to be scanned with; made by `hallmark.compile` and `hallmark.open`.
///
/// It can be used from any number of threads at once: while one of its methods scans, the others run. All scans take the
/// same keyword arguments:
///
/// timeout: seconds after which the scan gives up; what it had no time for is in `incomplete` of the result.
/// max_steps: gives up after so many steps, which unlike time are repeatable.
/// max_bytes: does not scan data that are longer.
/// fast: leaves out further matches of a pattern where conditions only ask whether there is one.
/// strings: lists the matches of patterns, every one of them unless `fast`; False leaves `Match.strings` empty.
/// externals: values of external variables for this scan, by name.
#[pyclass(frozen, module = "hallmark")]
pub struct Database {
    database: hallmark_runtime::Database,
    /// Scanners that nobody uses, with warm buffers. Locked only while attached to the interpreter, so that a fork never
    /// leaves it locked.
    idle: Mutex<Vec<Scanner<'static>>>,
    warnings: Py<PyList>,
    rejected: Py<PyList>,
}

impl Database {
    fn new(py: Python<'_>, database: hallmark_runtime::Database) -> Self {
        let nothing = || PyList::empty(py).unbind();
        Database { database, idle: Mutex::default(), warnings: nothing(), rejected: nothing() }
    }

    /// One that was just compiled.
    pub fn compiled(
        py: Python<'_>,
        database: hallmark_runtime::Database,
        findings: &Findings,
    ) -> PyResult<Self> {
        let warnings = findings.diagnostics(py, Some(Severity::Warning))?.unbind();
        Ok(Database { warnings, rejected: findings.rejected(py)?.unbind(), ..Self::new(py, database) })
    }

    /// Scans with a scanner of its own, detached from the interpreter.
    fn run<'py>(
        &self,
        py: Python<'py>,
        options: Option<&Bound<'py, PyDict>>,
        scan: impl Send + FnOnce(&mut Scanner<'static>, bool) -> Result<Found, hallmark_runtime::Error>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let options = ScanOptions::new(options)?;
        let strings = options.strings;
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut scanner = kept.unwrap_or_else(|| self.database.scanner());
        let found = match options.apply(&mut scanner) {
            Ok(()) => py.detach(|| scan(&mut scanner, strings)),
            Err(error) => Err(error),
        };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE {
            idle.push(scanner);
        }
        drop(idle);
        found.map_err(|error| scan_error(py, &error))?.into_result(py)
    }
}

#[pymethods]
impl Database {
    /// Scans data: bytes, bytearray, memoryview or anything else with a buffer. What can change is copied first.
    ///
    /// >>> result = db.scan(b"some data", timeout=10)
    /// >>> [match.rule for match in result], result.complete
    ///
    /// Gives a `ScanResult`, a list of `Match` that also says what was not evaluated. The help of `Database` has the
    /// keyword arguments. Raises `ScanError` for external variables that the database does not have.
    #[pyo3(
        signature = (data, **options),
        text_signature = "($self, data, *, timeout=None, max_steps=None, max_bytes=None, fast=False, strings=True, \
                          externals=None)"
    )]
    fn scan<'py>(
        &self,
        data: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = data.py();
        let data = match data.cast::<PyBytes>() {
            Ok(bytes) => bytes.clone(),
            Err(_) => PyMemoryView::from(data)?.call_method0("tobytes")?.cast_into()?,
        };
        let data = data.as_bytes();
        self.run(py, options, move |scanner, strings| Ok(Found::new(&scanner.scan(data)?, strings)))
    }

    /// Scans a regular file, which is read, not mapped.
    ///
    /// >>> db.scan_file("/bin/ls", max_bytes=100_000_000).check()
    ///
    /// As `scan`. Raises `ScanError` for a file that cannot be read; the `OSError` is its `__cause__`.
    #[pyo3(
        signature = (path, **options),
        text_signature = "($self, path, *, timeout=None, max_steps=None, max_bytes=None, fast=False, strings=True, \
                          externals=None)"
    )]
    fn scan_file<'py>(
        &self,
        path: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = path.py();
        let path = value::path(path)?;
        self.run(py, options, move |scanner, strings| Ok(Found::new(&scanner.scan_file(&path)?, strings)))
    }

    /// Scans what the `read` method of a file object gives, to its end, in bounded memory.
    ///
    /// >>> with gzip.open("backup.gz") as stream:
    /// ...     result = db.scan_stream(stream)
    ///
    /// As `scan` for up to 16 MiB. Of more, `data` of a match has its first bytes or none, and what rules ask of parts that
    /// have passed by is in `incomplete`. The file is open in binary mode; exceptions of its `read` are passed on as they
    /// are. Limits of time are looked at between calls of it.
    #[pyo3(
        signature = (stream, **options),
        text_signature = "($self, stream, *, timeout=None, max_steps=None, max_bytes=None, fast=False, strings=True, \
                          externals=None)"
    )]
    fn scan_stream<'py>(
        &self,
        stream: &Bound<'py, PyAny>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let mut reader = PyReader::new(stream)?;
        let result = self.run(stream.py(), options, |scanner, strings| {
            Ok(Found::new(&scanner.scan_stream(&mut reader)?, strings))
        });
        match reader.into_raised() {
            Some(raised) => Err(raised),
            None => result,
        }
    }

    /// Writes the raw image, which `hallmark.open` takes with `allow_unsigned=True`.
    ///
    /// >>> db.save("rules.img")
    ///
    /// Signed containers (`.hmk`) are made by the `hallmark` command: `hallmark build` and `hallmark sign`. Raises
    /// `OSError` when the file cannot be written.
    fn save(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<()> {
        let path = value::path(path)?;
        if path.extension() == Some("hmk".as_ref()) {
            let message = "save writes a raw image, call it .img; containers are made by `hallmark build` and \
                           signed by `hallmark sign`";
            return Err(PyValueError::new_err(message));
        }
        Ok(py.detach(|| std::fs::write(path, self.database.image_bytes()))?)
    }

    /// The identity of the database: "sha256:" and the digest of its image.
    #[getter]
    fn digest(&self) -> String {
        self.database.digest()
    }

    /// What the compiler warned about, as a list of `Diagnostic`; empty for a database that was opened.
    #[getter]
    fn warnings(&self, py: Python<'_>) -> Py<PyList> {
        self.warnings.clone_ref(py)
    }

    /// The rules that `ignore_invalid_rules` left out, as a list of `Rejected`.
    #[getter]
    fn rejected(&self, py: Python<'_>) -> Py<PyList> {
        self.rejected.clone_ref(py)
    }

    fn __repr__(&self) -> String {
        format!("<hallmark.Database {}>", self.digest())
    }
}
