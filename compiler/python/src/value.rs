//! Arguments from Python: paths, external variables, and limits of scans.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use hallmark_runtime::{ExternalValue, Scanner};
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyMapping, PyString};

/// A path: `str`, `bytes` or `os.PathLike`, any bytes that a file name may have.
pub fn path(given: &Bound<'_, PyAny>) -> PyResult<PathBuf> {
    let given = given.py().import("os")?.call_method1("fspath", (given,))?;
    match given.cast::<PyBytes>() {
        Ok(bytes) => Ok(OsStr::from_bytes(bytes.as_bytes()).into()),
        Err(_) => given.extract(),
    }
}

/// The items of a mapping, whose keys are text.
pub fn items<'py>(given: Option<&Bound<'py, PyMapping>>) -> PyResult<Vec<(String, Bound<'py, PyAny>)>> {
    given.map_or_else(|| Ok(Vec::new()), |given| given.items()?.extract())
}

/// External variables by name.
pub fn externals(given: Option<&Bound<'_, PyMapping>>) -> PyResult<Vec<(String, ExternalValue)>> {
    items(given)?
        .into_iter()
        .map(|(name, value)| {
            let mut bytes = name.bytes();
            let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
            if !first || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                let what = "is not the name of a variable: letters, digits and `_`, no digit first";
                return Err(PyValueError::new_err(format!("external variable {name:?} {what}")));
            }
            let value = external(&name, &value)?;
            Ok((name, value))
        })
        .collect()
}

fn external(name: &str, value: &Bound<'_, PyAny>) -> PyResult<ExternalValue> {
    // A bool is an int as well.
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(value.is_true().into());
    }
    if let Ok(value) = value.cast::<PyInt>() {
        let out_of_range = |_| format!("external variable `{name}`: {value} does not fit a 64-bit integer");
        return value.extract::<i64>().map(Into::into).map_err(|e| PyOverflowError::new_err(out_of_range(e)));
    }
    if let Ok(value) = value.cast::<PyFloat>() {
        return Ok(value.value().into());
    }
    if let Ok(value) = value.cast::<PyString>() {
        return Ok(value.extract::<String>()?.as_str().into());
    }
    if let Ok(value) = value.cast::<PyBytes>() {
        return Ok(value.as_bytes().into());
    }
    let given = value.get_type().name()?;
    let wanted = "is neither bool, int, float, str nor bytes";
    Err(PyTypeError::new_err(format!("external variable `{name}`: {given} {wanted}")))
}

/// What a caller may ask of a scan, in keyword arguments.
pub struct ScanOptions {
    timeout: Option<Duration>,
    max_steps: Option<u64>,
    max_bytes: Option<u64>,
    fast: bool,
    /// Whether matches of patterns are listed.
    pub strings: bool,
    externals: Vec<(String, ExternalValue)>,
}

impl ScanOptions {
    /// From the keyword arguments of a method.
    pub fn new(given: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let mut options = ScanOptions {
            timeout: None,
            max_steps: None,
            max_bytes: None,
            fast: false,
            strings: true,
            externals: Vec::new(),
        };
        for (name, value) in given.into_iter().flat_map(|given| given.iter()) {
            match name.extract::<String>()?.as_str() {
                "timeout" => options.timeout = value.extract::<Option<f64>>()?.map(seconds).transpose()?,
                "max_steps" => options.max_steps = value.extract()?,
                "max_bytes" => options.max_bytes = value.extract()?,
                "fast" => options.fast = value.extract()?,
                "strings" => options.strings = value.extract()?,
                "externals" => {
                    options.externals = externals(value.extract::<Option<Bound<'_, PyMapping>>>()?.as_ref())?;
                }
                name => {
                    let message = format!("unexpected keyword argument `{name}`");
                    return Err(PyTypeError::new_err(message));
                }
            }
        }
        Ok(options)
    }

    /// Asks a scanner for this and nothing else.
    pub fn apply(self, scanner: &mut Scanner<'static>) -> Result<(), hallmark_runtime::Error> {
        scanner.reset().fast(self.fast).strings(self.strings && !self.fast);
        if let Some(timeout) = self.timeout {
            scanner.deadline(timeout);
        }
        if let Some(steps) = self.max_steps {
            scanner.max_steps(steps);
        }
        if let Some(bytes) = self.max_bytes {
            scanner.max_bytes(bytes);
        }
        for (name, value) in self.externals {
            scanner.define(&name, value)?;
        }
        Ok(())
    }
}

fn seconds(given: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(given)
        .map_err(|error| PyValueError::new_err(format!("timeout of {given} seconds: {error}")))
}
