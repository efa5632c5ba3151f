//! Scans of what lies in archives, member by member.

use std::sync::atomic::Ordering;
use std::time::Instant;

use hallmark_archives::{InnerPath, Limits, Stop, Visitor, Why, walk};

use crate::error::Error;
use crate::report::Report;
use crate::scanner::Scanner;

/// What came of looking into a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArchiveReport {
    /// What was not looked at, or not to its end. While this is not empty, rules may match in there. At most 1,001 of
    /// them: the last one then says that there are more.
    pub left_out: Vec<LeftOut>,
    /// Members met, those of archives within archives included; 0 if the file is no archive.
    pub members: u64,
    /// Bytes of members that were scanned or passed over.
    pub bytes: u64,
}

/// Something that was not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// A member, or an archive of which something is missing; empty for the file itself.
    pub path: InnerPath,
    /// Why not.
    pub why: Why,
    /// Bytes that were scanned nevertheless: of a member that could be unpacked in part, or is not what its checksum says.
    pub scanned: Option<u64>,
}

impl Scanner<'_> {
    /// Scans bytes, and then, if they are an archive, each of its members as a file of its own, those of archives within
    /// it included: `filesize` and modules are about the member. `visit` is told each report, that of the bytes
    /// themselves with an empty path. A member that could be unpacked in part is scanned as far as it goes.
    ///
    /// The deadline is one for everything. A limit of steps holds for each member, and so does one of bytes, as far as
    /// `limits` doesn't stop before. Give a deadline where strangers make the files: the limits are of bytes, not of what
    /// rules do with them.
    ///
    /// ```
    /// use hallmark_runtime::{ArchiveLimits, Database, Error};
    ///
    /// fn print_matches(database: &Database, data: &[u8]) -> Result<bool, Error> {
    ///     let limits = ArchiveLimits { total_bytes: 100 << 20, ..ArchiveLimits::default() };
    ///     let mut complete = true;
    ///     let looked = database.scanner().scan_archive(data, &limits, |path, report| {
    ///         complete &= report.incomplete().is_empty();
    ///         for rule in report.matches() {
    ///             println!("{} matches {path}", rule.rule());
    ///         }
    ///     })?;
    ///     for left_out in &looked.left_out {
    ///         println!("{} was not scanned: {}", left_out.path, left_out.why);
    ///     }
    ///     Ok(complete && looked.left_out.is_empty())
    /// }
    /// ```
    ///
    /// # Errors
    /// None at present: what was not looked at is in the report.
    pub fn scan_archive(
        &mut self,
        data: &[u8],
        limits: &Limits,
        mut visit: impl FnMut(&InnerPath, &Report<'_>),
    ) -> Result<ArchiveReport, Error> {
        let began = Instant::now();
        visit(&InnerPath::default(), &self.scan_since(began, data));
        Ok(self.members(began, data, limits, visit))
    }

    /// The same without the bytes themselves, for a caller that has scanned them already: only what lies in them. The
    /// deadline counts from here on.
    ///
    /// # Errors
    /// None at present: what was not looked at is in the report.
    pub fn scan_members(
        &mut self,
        data: &[u8],
        limits: &Limits,
        visit: impl FnMut(&InnerPath, &Report<'_>),
    ) -> Result<ArchiveReport, Error> {
        Ok(self.members(Instant::now(), data, limits, visit))
    }

    fn members(
        &mut self,
        began: Instant,
        data: &[u8],
        limits: &Limits,
        visit: impl FnMut(&InnerPath, &Report<'_>),
    ) -> ArchiveReport {
        let (deadline, cancel) = self.ends(began);
        let stop = || {
            if cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
                Some(Stop::Cancelled)
            } else {
                deadline.filter(|deadline| Instant::now() >= *deadline).map(|_| Stop::Deadline)
            }
        };
        let mut members = Members { scanner: self, began, visit, left_out: Vec::new(), last: None };
        let tally = walk(data, limits, &stop, &mut members);
        ArchiveReport { left_out: members.left_out, members: tally.members, bytes: tally.bytes }
    }
}

/// Scans members as they come.
struct Members<'s, 'c, F> {
    scanner: &'s mut Scanner<'c>,
    began: Instant,
    visit: F,
    left_out: Vec<LeftOut>,
    /// The member scanned last, and its length.
    last: Option<(InnerPath, u64)>,
}

impl<F: FnMut(&InnerPath, &Report<'_>)> Visitor for Members<'_, '_, F> {
    fn member(&mut self, path: &InnerPath, data: &[u8]) {
        let report = self.scanner.scan_since(self.began, data);
        (self.visit)(path, &report);
        self.last = Some((path.clone(), data.len() as u64));
    }

    fn left_out(&mut self, path: &InnerPath, why: &Why) {
        let scanned = self.last.as_ref().filter(|(last, _)| last == path).map(|&(_, length)| length);
        self.left_out.push(LeftOut { path: path.clone(), why: why.clone(), scanned });
    }
}
