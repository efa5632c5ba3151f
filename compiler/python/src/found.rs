//! What a scan found, kept apart from the scanner and the data, and the classes that show it.
//!
//! A report is copied while the interpreter is let go of; objects of Python are made of it when they are asked for. Of
//! the data no byte is kept twice, however many matches overlap.

use std::sync::Arc;

use hallmark_runtime::{MetaValue, Report};
use pyo3::IntoPyObjectExt as _;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyType};

/// A report of its own.
pub struct Found {
    rules: Vec<Rule>,
    pieces: Vec<Piece>,
    incomplete: Vec<(String, String)>,
    messages: Vec<String>,
    stats: (u64, u64, u64, u64, u64),
}

struct Rule {
    name: String,
    namespace: String,
    tags: Vec<String>,
    meta: Vec<(String, Meta)>,
    patterns: Vec<String>,
    strings: Vec<Place>,
}

enum Meta {
    Int(i64),
    Float(f64),
    Bool(bool),
    Bytes(Vec<u8>),
}

/// A match of the pattern with this number.
struct Place {
    pattern: usize,
    offset: u64,
    length: u64,
    xor_key: Option<u8>,
}

/// Bytes of the data that lie in matches, with no gap between them.
struct Piece {
    offset: u64,
    bytes: Vec<u8>,
}

impl Found {
    /// Copies a report; with `strings`, the matches of patterns too.
    pub fn new(report: &Report<'_>, strings: bool) -> Self {
        let mut slices = Vec::new();
        let rules = report.matches().map(|rule| {
            let mut copy = Rule {
                name: rule.rule().to_owned(),
                namespace: rule.namespace().to_owned(),
                tags: rule.tags().map(str::to_owned).collect(),
                meta: rule.meta().map(|(name, value)| (name.to_owned(), Meta::of(value))).collect(),
                patterns: Vec::new(),
                strings: Vec::new(),
            };
            if strings {
                for (number, pattern) in rule.patterns().enumerate() {
                    copy.patterns.push(pattern.id().to_owned());
                    for found in pattern.matches() {
                        let (offset, length, xor_key) = (found.offset, found.length, found.xor_key);
                        copy.strings.push(Place { pattern: number, offset, length, xor_key });
                        slices.push((offset, found.data));
                    }
                }
            }
            copy
        });
        let rules = rules.collect();
        let stats = report.stats();
        Found {
            rules,
            pieces: join(slices),
            incomplete: report.incomplete().iter().map(|i| (i.what.clone(), i.why.to_string())).collect(),
            messages: report.messages().to_vec(),
            stats: (stats.bytes, stats.candidates, stats.matches, stats.rules_evaluated, stats.steps),
        }
    }

    /// As a `ScanResult`.
    pub fn into_result(mut self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
        let (incomplete, messages) =
            (std::mem::take(&mut self.incomplete), std::mem::take(&mut self.messages));
        let found = Arc::new(self);
        let matches = (0..found.rules.len()).map(|rule| Match::new(Arc::clone(&found), rule));
        let matches = PyList::new(py, matches)?;
        CLASS.import(py, "hallmark._types", "ScanResult")?.call1((matches, incomplete, messages, found.stats))
    }

    fn bytes(&self, place: &Place) -> &[u8] {
        let after = self.pieces.partition_point(|piece| piece.offset <= place.offset);
        let Some(piece) = after.checked_sub(1).and_then(|at| self.pieces.get(at)) else { return &[] };
        let from = usize::try_from(place.offset - piece.offset).unwrap_or(usize::MAX);
        let rest = piece.bytes.get(from..).unwrap_or_default();
        rest.get(..usize::try_from(place.length).unwrap_or(usize::MAX)).unwrap_or(rest)
    }
}

impl Meta {
    fn of(value: MetaValue<'_>) -> Self {
        match value {
            MetaValue::Int(value) => Meta::Int(value),
            MetaValue::Float(value) => Meta::Float(value),
            MetaValue::Bool(value) => Meta::Bool(value),
            MetaValue::Str(value) => Meta::Bytes(value.to_vec()),
        }
    }

    fn object<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Meta::Int(value) => value.into_bound_py_any(py),
            Meta::Float(value) => value.into_bound_py_any(py),
            Meta::Bool(value) => value.into_bound_py_any(py),
            Meta::Bytes(value) => match std::str::from_utf8(value) {
                Ok(text) => text.into_bound_py_any(py),
                Err(_) => Ok(PyBytes::new(py, value).into_any()),
            },
        }
    }
}

/// The pieces that these slices of the data are in.
fn join(mut slices: Vec<(u64, &[u8])>) -> Vec<Piece> {
    slices.sort_unstable_by_key(|&(offset, _)| offset);
    let mut pieces: Vec<Piece> = Vec::new();
    for (offset, bytes) in slices {
        let new = match pieces.last_mut() {
            Some(piece) if offset <= piece.offset + piece.bytes.len() as u64 => {
                let known = piece.offset + piece.bytes.len() as u64 - offset;
                let new = usize::try_from(known).ok().and_then(|known| bytes.get(known..));
                piece.bytes.extend_from_slice(new.unwrap_or_default());
                continue;
            }
            _ => bytes.to_vec(),
        };
        pieces.push(Piece { offset, bytes: new });
    }
    pieces
}

/// A rule that matches.
///
/// Attributes: `rule` and `namespace` (str), `tags` (list of str), `meta` (dict; a key that the rule has several times
/// has a list of its values) and `strings` (list of `StringMatch`, by pattern, then offset).
#[pyclass(frozen, module = "hallmark")]
pub struct Match {
    found: Arc<Found>,
    rule: usize,
    strings: PyOnceLock<Py<PyList>>,
    meta: PyOnceLock<Py<PyDict>>,
    tags: PyOnceLock<Py<PyList>>,
}

impl Match {
    fn new(found: Arc<Found>, rule: usize) -> Self {
        let (strings, meta, tags) = (PyOnceLock::new(), PyOnceLock::new(), PyOnceLock::new());
        Match { found, rule, strings, meta, tags }
    }

    fn get(&self) -> &Rule {
        &self.found.rules[self.rule]
    }
}

#[pymethods]
impl Match {
    /// Name of the rule.
    #[getter]
    fn rule(&self) -> &str {
        &self.get().name
    }

    /// Its namespace.
    #[getter]
    fn namespace(&self) -> &str {
        &self.get().namespace
    }

    /// Its tags, in the order of the source.
    #[getter]
    fn tags<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyList>> {
        let make = || Ok::<_, PyErr>(PyList::new(py, &self.get().tags)?.unbind());
        Ok(self.tags.get_or_try_init(py, make)?.bind(py))
    }

    /// Its metadata. Text is `str`, or `bytes` where it is not UTF-8.
    #[getter]
    fn meta<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyDict>> {
        let make = || {
            let dict = PyDict::new(py);
            let entries = &self.get().meta;
            for (name, value) in entries {
                let value = value.object(py)?;
                match dict.get_item(name)? {
                    None => dict.set_item(name, value)?,
                    Some(before) => match before.cast::<PyList>() {
                        Ok(list) => list.append(value)?,
                        Err(_) => dict.set_item(name, PyList::new(py, [&before, &value])?)?,
                    },
                }
            }
            Ok::<_, PyErr>(dict.unbind())
        };
        Ok(self.meta.get_or_try_init(py, make)?.bind(py))
    }

    /// The matches of its patterns, by pattern, then offset; private patterns are left out.
    #[getter]
    fn strings<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, PyList>> {
        let make = || {
            let strings = (0..self.get().strings.len()).map(|place| StringMatch {
                found: Arc::clone(&self.found),
                rule: self.rule,
                place,
            });
            Ok::<_, PyErr>(PyList::new(py, strings)?.unbind())
        };
        Ok(self.strings.get_or_try_init(py, make)?.bind(py))
    }

    fn __repr__(&self) -> String {
        format!("<hallmark.Match {}:{}>", self.namespace(), self.rule())
    }
}

/// One match of a pattern.
///
/// Attributes: `id` (such as "$a"), `offset` and `length` in bytes, `data` (the bytes as they are in the data; of a long
/// stream only the first of them, or none), and `xor_key` (int, or None where the pattern has no `xor`).
#[pyclass(frozen, module = "hallmark")]
pub struct StringMatch {
    found: Arc<Found>,
    rule: usize,
    place: usize,
}

impl StringMatch {
    fn place(&self) -> &Place {
        &self.found.rules[self.rule].strings[self.place]
    }
}

#[pymethods]
impl StringMatch {
    /// The pattern, such as "$a", or "$" if it has no name.
    #[getter]
    fn id(&self) -> &str {
        &self.found.rules[self.rule].patterns[self.place().pattern]
    }

    /// Offset of the first byte.
    #[getter]
    fn offset(&self) -> u64 {
        self.place().offset
    }

    /// Number of bytes.
    #[getter]
    fn length(&self) -> u64 {
        self.place().length
    }

    /// The bytes, as they are in the data; of a long stream only the first of them, or none.
    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.found.bytes(self.place()))
    }

    /// The key of an `xor` pattern, or None.
    #[getter]
    fn xor_key(&self) -> Option<u8> {
        self.place().xor_key
    }

    fn __repr__(&self) -> String {
        format!("<hallmark.StringMatch {} at {:#x}, {} bytes>", self.id(), self.offset(), self.length())
    }
}
