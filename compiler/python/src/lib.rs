//! The package `hallmark` for Python: rules to a database in memory, and scans with it.
//!
//! Input: what Python has. Output: the classes and functions of the extension module `_hallmark`, which the package
//! in `python/hallmark` passes on together with its exceptions and plain results. The interpreter is let go of while
//! rules are compiled and data are scanned; panics become exceptions.

#![forbid(unsafe_code)]

mod compile;
mod database;
mod found;
mod message;
mod rules;
mod stream;
mod value;

use pyo3::prelude::*;

/// The extension module; users import `hallmark`.
#[pymodule]
mod _hallmark {
    #[pymodule_export]
    use super::compile::compile;
    #[pymodule_export]
    use super::database::{Database, open};
    #[pymodule_export]
    use super::found::{Match, StringMatch};
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
