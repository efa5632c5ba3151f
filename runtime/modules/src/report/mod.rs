//! Reports of other tools about a file, for the modules that know nothing by themselves.
//!
//! A report is JSON, read once into what rules can ask of it; the rest of it is passed over without being kept. Missing
//! and `null` parts are empty. A report that is no JSON, or has something of another type where rules look, is refused.

mod androguard;
mod cuckoo;

use std::fmt;
use std::sync::Arc;

use hallmark_image::schema::module_id;
use thiserror::Error;

use crate::limits::MAX_REPORT_BYTES;

pub(crate) use androguard::Androguard;
pub(crate) use cuckoo::Cuckoo;

/// What modules were given besides the file. Clones share the reports.
#[derive(Clone, Default)]
pub struct ModuleData {
    androguard: Option<Arc<Androguard>>,
    cuckoo: Option<Arc<Cuckoo>>,
}

/// Why a module cannot be given some data.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DataError {
    /// There is no such module.
    #[error("no module is called `{module}`; those that take data are {}", ModuleData::TAKERS.join(" and "))]
    Unknown {
        /// The name given.
        module: String,
    },
    /// The module works on the file alone.
    #[error("module `{module}` takes no data besides the file; those that do are {}", ModuleData::TAKERS.join(" and "))]
    TakesNone {
        /// The module.
        module: String,
    },
    /// The report is too long.
    #[error(
        "the report for module `{module}` has more than {MAX_REPORT_BYTES} bytes; leave out what rules don't ask for"
    )]
    TooLong {
        /// The module.
        module: &'static str,
    },
    /// It is no report of the tool.
    #[error("the report for module `{module}` cannot be read: {reason}; expected the JSON of {expected}")]
    Damaged {
        /// The module.
        module: &'static str,
        /// What is wrong, and where.
        reason: String,
        /// What should be there.
        expected: &'static str,
    },
}

impl ModuleData {
    /// Modules that take a report.
    pub const TAKERS: [&'static str; 2] = ["androguard", "cuckoo"];

    /// Longest report, in bytes.
    pub const MAX_BYTES: u64 = MAX_REPORT_BYTES;

    /// Whether the module takes a report.
    ///
    /// # Errors
    /// It doesn't, or there is no such module.
    pub fn taker(module: &str) -> Result<&'static str, DataError> {
        let taker = Self::TAKERS.into_iter().find(|taker| *taker == module);
        taker.ok_or_else(|| match module_id(module) {
            Some(_) => DataError::TakesNone { module: module.to_owned() },
            None => DataError::Unknown { module: module.to_owned() },
        })
    }

    /// Gives a module a report, in place of one that it had. No bytes at all are no report.
    ///
    /// # Errors
    /// The module takes none, or the report is too long or damaged; what the module had stays.
    pub fn add(&mut self, module: &str, report: &[u8]) -> Result<(), DataError> {
        let module = Self::taker(module)?;
        if report.len() as u64 > MAX_REPORT_BYTES {
            return Err(DataError::TooLong { module });
        }
        let damaged = |expected| {
            move |error: serde_json::Error| DataError::Damaged { module, reason: error.to_string(), expected }
        };
        match module {
            "androguard" if report.is_empty() => self.androguard = None,
            "androguard" => {
                let read =
                    Androguard::read(report).map_err(damaged("an Androguard report as Koodous makes it"))?;
                self.androguard = Some(Arc::new(read));
            }
            _ if report.is_empty() => self.cuckoo = None,
            _ => {
                let read = Cuckoo::read(report).map_err(damaged("a Cuckoo report (report.json)"))?;
                self.cuckoo = Some(Arc::new(read));
            }
        }
        Ok(())
    }

    /// Whether the module has a report.
    pub fn has(&self, module: &str) -> bool {
        match module {
            "androguard" => self.androguard.is_some(),
            "cuckoo" => self.cuckoo.is_some(),
            _ => false,
        }
    }

    pub(crate) fn androguard(&self) -> Option<&Androguard> {
        self.androguard.as_deref()
    }

    pub(crate) fn cuckoo(&self) -> Option<&Cuckoo> {
        self.cuckoo.as_deref()
    }

    /// The texts that a function of a module is answered from, as they stand in the report; a port is behind its
    /// address, `10.0.0.1:80`. `None` if the module has no report, or no such function.
    pub fn texts(&self, module: &str, function: &str) -> Option<Vec<String>> {
        match module {
            "androguard" => Some(self.androguard()?.texts(function)?.map(str::to_owned).collect()),
            "cuckoo" => Some(self.cuckoo()?.entries(function)?.map(|entry| entry.to_string()).collect()),
            _ => None,
        }
    }
}

impl fmt::Debug for ModuleData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(Self::TAKERS.iter().filter(|module| self.has(module))).finish()
    }
}

#[cfg(test)]
mod tests;
