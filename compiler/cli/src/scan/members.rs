//! What lies in an archive. Input: the bytes of a file. Output: a report on each member about which there is something to
//! say, and what was not looked at, in the report on the file.

use std::collections::HashMap;

use hallmark_image::Image;
use hallmark_runtime::{ArchiveLimits, InnerPath, LeftOut, Scanner};

use super::findings::{Findings, Member, Name};
use super::report::{Incomplete, Quiet};
use super::worker::Request;

/// Bytes that the reports on one file's members may take: some hundred thousand short ones. What a member that is not
/// reported matches would be lost, so the file is incomplete then.
const MAX_WEIGHT: usize = 128 << 20;

/// Looks into `data`, in which `file` was found.
pub fn scan(
    scanner: &mut Scanner<'_>,
    request: &Request,
    image: &Image<'_>,
    limits: &ArchiveLimits,
    data: &[u8],
    room: &mut usize,
    file: &mut Findings,
) {
    let mut reports = Reports::default();
    let looked = scanner.scan_members(data, limits, |path, report| {
        let found = request.findings(image, report, room);
        let says = request.all || found.has_something(request, image);
        reports.add(path, found, says);
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
    kept: Vec<Member>,
    quiet: Quiet,
    /// The last report on each path; names may repeat.
    places: HashMap<InnerPath, usize>,
    weight: usize,
    /// Reports that were not kept though they had something to say.
    lost: u64,
}

impl Reports {
    fn add(&mut self, path: &InnerPath, found: Findings, says: bool) {
        if !says {
            self.quiet.members += 1;
            self.quiet.bytes += found.size;
            self.quiet.cost.add(found.cost);
            return;
        }
        let member = Member { path: names(path), found };
        self.weight = self.weight.saturating_add(weight(&member));
        if self.weight > MAX_WEIGHT {
            self.lost += 1;
            return;
        }
        self.places.insert(path.clone(), self.kept.len());
        self.kept.push(member);
    }

    /// What was left out belongs to the report on its member, to that on the file, or to one of its own.
    fn leave_out(&mut self, left_out: LeftOut, file: &mut Findings) {
        let LeftOut { path, why, scanned } = left_out;
        if path.is_empty() {
            file.incomplete.push(archive(why.to_string()));
            return;
        }
        let what = if scanned.is_some() { "data" } else { "member" };
        let incomplete = Incomplete { what: what.to_owned(), why: why.to_string() };
        if let Some(member) = self.places.get(&path).and_then(|&place| self.kept.get_mut(place)) {
            member.found.incomplete.push(incomplete);
            return;
        }
        // Its bytes are counted with those of the members that had nothing to say.
        let known = if scanned.is_some() { 1 } else { 0 };
        self.quiet.members = self.quiet.members.saturating_sub(known);
        self.quiet.bytes = self.quiet.bytes.saturating_sub(scanned.unwrap_or(0));
        let found =
            Findings { size: scanned.unwrap_or(0), incomplete: vec![incomplete], ..Findings::default() };
        self.kept.push(Member { path: names(&path), found });
    }
}

fn names(path: &InnerPath) -> Vec<Name> {
    path.names().map(|name| Name(name.to_vec())).collect()
}

/// About the bytes that a report takes.
fn weight(member: &Member) -> usize {
    let Member { path, found } = member;
    let names: usize = path.iter().map(|Name(name)| 2 * (name.len() + 32)).sum();
    let strings = found.rules.iter().flat_map(|rule| &rule.strings);
    let strings: usize = strings.map(|string| 128 + string.data.len()).sum();
    let console: usize = found.console.iter().map(|line| 32 + line.len()).sum();
    1024 + names + 1024 * found.rules.len() + strings + console
}
