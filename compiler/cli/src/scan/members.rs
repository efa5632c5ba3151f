//! What lies in an archive. Input: the bytes of a file. Output: a report on each member about which there is something to
//! say, and what was not looked at, in the report on the file.

use std::collections::HashMap;
use std::time::Instant;

use hallmark_image::Image;
use hallmark_runtime::{ArchiveLimits, InnerPath, LeftOut, Scanner};

use super::report::{FileReport, Incomplete};
use super::worker::Request;

/// Bytes that the reports on one file's members may take: some hundred thousand short ones. What a member that is not
/// reported matches would be lost, so the file is incomplete then.
const MAX_WEIGHT: usize = 128 << 20;

/// Looks into `data`, which `file` is the report on.
pub fn scan(
    scanner: &mut Scanner<'_>,
    request: &Request,
    image: &Image<'_>,
    limits: &ArchiveLimits,
    data: &[u8],
    file: &mut FileReport,
) {
    if let Some(end) = request.deadline {
        scanner.deadline(end.saturating_duration_since(Instant::now()));
    }
    let mut reports = Reports::default();
    let looked = scanner.scan_members(data, limits, |path, report| {
        let report =
            FileReport { member: Some(path.clone()), ..request.describe(image, file.path.clone(), report) };
        reports.add(report, request.all);
    });
    match looked {
        Ok(looked) => looked.left_out.into_iter().for_each(|left_out| reports.leave_out(left_out, file)),
        Err(error) => file.incomplete.push(archive(error.to_string())),
    }
    if reports.lost > 0 {
        let why = format!("there is more to report on {} further members than is kept", reports.lost);
        file.incomplete.push(archive(why));
    }
    file.members = reports.kept;
    file.quiet = reports.quiet;
}

fn archive(why: String) -> Incomplete {
    Incomplete { what: "archive".to_owned(), why }
}

/// Reports on members, in the order they were met.
#[derive(Default)]
struct Reports {
    kept: Vec<FileReport>,
    quiet: super::report::Quiet,
    /// The last report on each path; names may repeat.
    places: HashMap<InnerPath, usize>,
    weight: usize,
    /// Reports that were not kept though they had something to say.
    lost: u64,
}

impl Reports {
    fn add(&mut self, report: FileReport, all: bool) {
        if !all && !report.has_something() {
            self.quiet.members += 1;
            self.quiet.bytes += report.size;
            self.quiet.cost.candidates += report.cost.candidates;
            self.quiet.cost.rules_evaluated += report.cost.rules_evaluated;
            return;
        }
        self.weight = self.weight.saturating_add(weight(&report));
        if self.weight > MAX_WEIGHT {
            self.lost += 1;
            return;
        }
        if let Some(path) = &report.member {
            self.places.insert(path.clone(), self.kept.len());
        }
        self.kept.push(report);
    }

    /// What was left out belongs to the report on its member, to that on the file, or to one of its own.
    fn leave_out(&mut self, left_out: LeftOut, file: &mut FileReport) {
        let LeftOut { path, why, scanned } = left_out;
        if path.is_empty() {
            file.incomplete.push(archive(why.to_string()));
            return;
        }
        let what = if scanned.is_some() { "data" } else { "member" };
        let incomplete = Incomplete { what: what.to_owned(), why: why.to_string() };
        if let Some(report) = self.places.get(&path).and_then(|&place| self.kept.get_mut(place)) {
            report.incomplete.push(incomplete);
            return;
        }
        // Its bytes are counted with those of the members that had nothing to say.
        let known = if scanned.is_some() { 1 } else { 0 };
        self.quiet.members = self.quiet.members.saturating_sub(known);
        self.quiet.bytes = self.quiet.bytes.saturating_sub(scanned.unwrap_or(0));
        self.kept.push(FileReport {
            path: file.path.clone(),
            member: Some(path),
            size: scanned.unwrap_or(0),
            incomplete: vec![incomplete],
            ..FileReport::default()
        });
    }
}

/// About the bytes that a report takes.
fn weight(report: &FileReport) -> usize {
    let names: usize =
        report.member.iter().flat_map(InnerPath::names).map(|name| 2 * (name.len() + 32)).sum();
    let strings = report.matches.iter().flat_map(|rule| &rule.strings);
    let strings: usize = strings.map(|string| 128 + string.data.len()).sum();
    let console: usize = report.console.iter().map(|line| 32 + line.len()).sum();
    1024 + report.path.as_os_str().len() + names + 1024 * report.matches.len() + strings + console
}
