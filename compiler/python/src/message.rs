//! Exceptions, and what the compiler has to say, as Python sees them.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use hallmark_compiler::diagnostic::{Diagnostic, Severity, SourceId, Span};
use hallmark_compiler::{Compilation, Lines, Rejected};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyList;

pyo3::import_exception!(hallmark._types, CompileError);
pyo3::import_exception!(hallmark._types, DatabaseError);
pyo3::import_exception!(hallmark._types, ScanError);

/// Where it stands: path, line, column.
type Place = (String, usize, usize);

/// What there is to say about rules.
pub struct Findings {
    diagnostics: Vec<(Diagnostic, Place)>,
    rejected: Vec<(Rejected, Place)>,
}

impl Findings {
    /// Of a compilation.
    pub fn new(compilation: Compilation) -> Self {
        let Compilation { sources, diagnostics, rejected, .. } = compilation;
        let mut lines = BTreeMap::new();
        let mut place = |source: SourceId, span: Span| {
            let Some(text) = sources.get(source.0 as usize) else { return (String::new(), 1, 1) };
            let lines = lines.entry(source).or_insert_with(|| Lines::new(&text.text));
            let (line, column) = lines.position(span.start);
            (text.name.clone(), line, column)
        };
        let mut findings = Findings { diagnostics: Vec::new(), rejected: Vec::new() };
        for found in diagnostics {
            let place = place(found.source, found.primary.span);
            findings.diagnostics.push((found, place));
        }
        for found in rejected {
            let place = place(found.source, found.span);
            findings.rejected.push((found, place));
        }
        findings
    }

    /// A list of `Diagnostic`; with `only`, those of this severity.
    pub fn diagnostics<'py>(&self, py: Python<'py>, only: Option<Severity>) -> PyResult<Bound<'py, PyList>> {
        let class = py.import("hallmark._types")?.getattr("Diagnostic")?;
        let list = PyList::empty(py);
        for (found, (path, line, column)) in &self.diagnostics {
            let severity = match found.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            if only.is_none_or(|only| only == found.severity) {
                let (label, help) = (&found.primary.text, &found.help);
                let fields = (found.code, severity, &found.message, path, line, column, label, help);
                list.append(class.call1(fields)?)?;
            }
        }
        Ok(list)
    }

    /// A list of `Rejected`.
    pub fn rejected<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let class = py.import("hallmark._types")?.getattr("Rejected")?;
        let list = PyList::empty(py);
        for (found, (path, line, column)) in &self.rejected {
            list.append(class.call1((&found.rule, found.code, &found.message, path, line, column))?)?;
        }
        Ok(list)
    }

    /// The `CompileError` of all of them, `note` being its last line.
    pub fn error(&self, py: Python<'_>, note: Option<&str>) -> PyResult<PyErr> {
        let class = py.import("hallmark._types")?.getattr("CompileError")?;
        Ok(PyErr::from_value(class.call_method1("_of", (self.diagnostics(py, None)?, note))?))
    }
}

/// Rules that cannot be read, as a `CompileError`.
pub fn unreadable(py: Python<'_>, path: &Path, cause: io::Error) -> PyErr {
    let error = CompileError::new_err(format!("cannot read rules from {}: {cause}", path.display()));
    // With number and path, as Python's own `open` has it.
    let os_error = cause.raw_os_error().map(|number| {
        let reason = io::Error::from(cause.kind()).to_string();
        PyOSError::new_err((number, reason, path.as_os_str().to_owned()))
    });
    error.set_cause(py, Some(os_error.unwrap_or_else(|| cause.into())));
    error
}

/// Something that could not be scanned.
pub fn scan_error(py: Python<'_>, error: &hallmark_runtime::Error) -> PyErr {
    let raised = ScanError::new_err(error.to_string());
    if let hallmark_runtime::Error::Io { kind, reason, .. } = error {
        raised.set_cause(py, Some(io::Error::new(*kind, reason.clone()).into()));
    }
    raised
}
