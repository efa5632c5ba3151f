//! A file object of Python, as a reader.

use std::io::{self, Read};

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Bytes asked for in one call: few enough that limits of time are looked at often, and that next to nothing is copied
/// in vain.
const MOST_AT_ONCE: usize = 256 << 10;

/// Calls the `read` method of a file object, attached to the interpreter only meanwhile.
pub struct PyReader {
    read: Py<PyAny>,
    raised: Option<PyErr>,
}

impl PyReader {
    /// Of a file object that is open for reading bytes.
    pub fn new(file: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(PyReader { read: file.getattr("read")?.unbind(), raised: None })
    }

    /// The exception that ended it, as it was raised.
    pub fn into_raised(self) -> Option<PyErr> {
        self.raised
    }
}

impl Read for PyReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = into.len().min(MOST_AT_ONCE);
        let into = into.get_mut(..most).unwrap_or_default();
        Python::attach(|py| fill(self.read.bind(py), into)).map_err(|raised| {
            self.raised = Some(raised);
            io::Error::other("its read method raised an exception")
        })
    }
}

fn fill(read: &Bound<'_, PyAny>, into: &mut [u8]) -> PyResult<usize> {
    // A method that is not written in Python may never look.
    read.py().check_signals()?;
    let given = read.call1((into.len(),))?;
    let Ok(bytes) = given.cast::<PyBytes>() else {
        let name = given.get_type().name()?;
        let message = format!("read() gave {name}, not bytes; open the file in binary mode, and blocking");
        return Err(PyTypeError::new_err(message));
    };
    let bytes = bytes.as_bytes();
    let Some(into) = into.get_mut(..bytes.len()) else {
        let message = format!("read({}) gave {} bytes", into.len(), bytes.len());
        return Err(PyValueError::new_err(message));
    };
    into.copy_from_slice(bytes);
    Ok(bytes.len())
}
