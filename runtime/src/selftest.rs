//! Running the self-tests that a database carries. Input: a database. Output: how many tests held, or the first that
//! did not.

use std::fmt;
use std::time::{Duration, Instant};

use hallmark_engine::Incomplete;
use hallmark_image::{Image, RuleId};

use crate::database::Database;
use crate::error::Error;
use crate::scanner::Scanner;

/// What a database without self-tests is tried with: nothing, and a few bytes of each class of files. A scan of them has
/// to end; what matches is not looked at.
const BUILT_IN: [&[u8]; 4] = [b"", b"MZ\x90\0", b"\x7FELF\x02\x01", b"A line of text.\r\n\0\0\xFF\xFF"];

/// Which self-test did not hold, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelfTestFailure {
    /// Its index among those of the database; `None` for an input that is no part of the database.
    pub test: Option<usize>,
    /// What happened instead.
    pub why: SelfTestWhy,
}

/// What happened instead of what a self-test says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelfTestWhy {
    /// A rule, as `namespace:rule`, did not match.
    Missing(String),
    /// A rule, as `namespace:rule`, matched an input that must match nothing.
    Unexpected(String),
    /// The input was not scanned completely.
    Incomplete(Incomplete),
}

impl Database {
    /// Scans the inputs that the database carries, and compares what matches with what it says must match. Answers the
    /// number of tests; a database without any scans a few built-in inputs, and answers zero.
    ///
    /// The tests run on the calling thread and take at most `limit`, and the memory of a scan. A database that nobody
    /// has tried yet is best tested in a process that may crash; `hallmark install` does that.
    ///
    /// # Errors
    /// The first test that does not hold, as [`Error::SelfTest`].
    pub fn self_test(&self, limit: Duration) -> Result<usize, Error> {
        let image = self.image();
        let mut run = Run { scanner: self.scanner(), end: Instant::now().checked_add(limit) };
        if image.self_tests().is_empty() {
            BUILT_IN.iter().try_for_each(|input| run.matching(input, None).map(drop))?;
        }
        for (index, test) in image.self_tests().iter().enumerate() {
            let found = run.matching(test.input, Some(index))?;
            let named = |id: RuleId| name(image, id);
            let why = match test.rules().len() {
                0 => found.first().map(|&id| SelfTestWhy::Unexpected(named(id))),
                _ => test.rules().find(|id| !found.contains(id)).map(|id| SelfTestWhy::Missing(named(id))),
            };
            if let Some(why) = why {
                return Err(Error::SelfTest(SelfTestFailure { test: Some(index), why }));
            }
        }
        Ok(image.self_tests().len())
    }
}

struct Run {
    scanner: Scanner<'static>,
    end: Option<Instant>,
}

impl Run {
    /// The rules that match an input.
    fn matching(&mut self, input: &[u8], test: Option<usize>) -> Result<Vec<RuleId>, Error> {
        if let Some(end) = self.end {
            self.scanner.deadline(end.saturating_duration_since(Instant::now()));
        }
        let report = self.scanner.scan(input)?;
        if let Some(incomplete) = report.incomplete().first() {
            let why = SelfTestWhy::Incomplete(incomplete.clone());
            return Err(Error::SelfTest(SelfTestFailure { test, why }));
        }
        Ok(report.matches().map(|rule| rule.id()).collect())
    }
}

fn name(image: &Image<'_>, id: RuleId) -> String {
    let Some(unit) = image.unit(id) else { return String::new() };
    let text = String::from_utf8_lossy;
    let namespace = image.namespace(unit.header.namespace.get());
    format!("{}:{}", text(namespace).escape_debug(), text(unit.name()).escape_debug())
}

impl fmt::Display for SelfTestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.test {
            Some(index) => write!(f, "self-test {}: ", index.saturating_add(1))?,
            None => f.write_str("built-in input: ")?,
        }
        match &self.why {
            SelfTestWhy::Missing(rule) => write!(f, "rule {rule} does not match"),
            SelfTestWhy::Unexpected(rule) => write!(f, "rule {rule} matches what must match nothing"),
            SelfTestWhy::Incomplete(Incomplete { what, why }) => {
                write!(f, "not scanned completely: {}: {why}", what.escape_debug())
            }
        }
    }
}
