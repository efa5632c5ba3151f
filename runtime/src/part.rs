//! Large data, divided among threads of the caller.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::Instant;

use hallmark_engine::Part;

use crate::database::Database;
use crate::scanner::Scanner;

/// Parts begin at multiples of what the engine searches in one go, so that even of a fast scan, which keeps the first
/// match it comes across, the matches are the same.
const ALIGN: usize = 16 << 10;

/// A part of some data, to be searched by any [`Scanner`] that is as the one that joins the parts: with the same
/// database, and asked for the same. The runtime starts no threads; the caller's take a part each:
///
/// ```
/// use std::num::NonZeroUsize;
///
/// use hallmark_runtime::{Database, Error, ScanPart};
///
/// fn matching_rules(database: &Database, data: &[u8], threads: NonZeroUsize) -> Result<usize, Error> {
///     let parts = std::thread::scope(|scope| {
///         let searches = ScanPart::split(data, threads)
///             .into_iter()
///             .map(|part| scope.spawn(move || part.run(&mut database.scanner())));
///         let searches: Vec<_> = searches.collect();
///         searches.into_iter().filter_map(|search| search.join().ok()).collect()
///     });
///     Ok(database.scanner().scan_parts(data, parts)?.matches().len())
/// }
/// ```
///
/// A deadline counts from the division on. A limit of steps holds for each part, and then for all of them together.
#[derive(Debug, Clone)]
pub struct ScanPart<'d> {
    pub(crate) data: &'d [u8],
    pub(crate) range: Range<usize>,
    pub(crate) began: Instant,
}

/// What was found in a part, for [`Scanner::scan_parts`].
#[derive(Debug)]
pub struct SearchedPart<'d> {
    pub(crate) database: Database,
    pub(crate) data: &'d [u8],
    pub(crate) found: Part,
    pub(crate) began: Instant,
}

impl<'d> ScanPart<'d> {
    /// Divides data into at most `parts` parts of about the same length. There is no use in parts of less than some
    /// 100 kB.
    pub fn split(data: &'d [u8], parts: NonZeroUsize) -> Vec<Self> {
        let began = Instant::now();
        let length = data.len().div_ceil(parts.get()).checked_next_multiple_of(ALIGN).unwrap_or(usize::MAX);
        let starts = (0..data.len()).step_by(length.max(ALIGN));
        starts
            .map(|from| ScanPart { data, range: from..from.saturating_add(length).min(data.len()), began })
            .collect()
    }

    /// Searches this part.
    pub fn run(self, scanner: &mut Scanner<'_>) -> SearchedPart<'d> {
        scanner.search(&self)
    }
}

impl SearchedPart<'_> {
    /// Whether it is a part of these data, and of a scan with this database.
    pub(crate) fn is_of(&self, database: &Database, data: &[u8]) -> bool {
        std::ptr::eq(self.data, data) && self.database.is(database)
    }
}
