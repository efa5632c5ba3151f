//! Scans of what lies in archives.

#[path = "../engine/tests/builder/mod.rs"]
mod builder;

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use builder::{PatternSpec, RuleSpec, image};
use hallmark_runtime::{ArchiveLimits, ArchiveReport, ArchiveWhy, Database, Scanner, Why};

fn database() -> Database {
    let rule = RuleSpec::any(vec![PatternSpec::literal(b"needle")]);
    Database::from_image_bytes(&image(&[rule], &[])).unwrap()
}

fn archive(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("archives/tests/data").join(name)).unwrap()
}

/// Where the rule matches, and what was not looked at.
fn scan(scanner: &mut Scanner<'_>, data: &[u8], limits: &ArchiveLimits) -> (Vec<String>, ArchiveReport) {
    let mut matching = Vec::new();
    let looked = scanner.scan_archive(data, limits, |path, report| {
        assert_eq!(path.is_empty(), report.data() == data);
        if report.matches().len() > 0 {
            let offset =
                report.matches().next().unwrap().patterns().next().unwrap().matches().next().unwrap();
            matching.push(format!("{path}@{}", offset.offset));
        }
    });
    (matching, looked.unwrap())
}

#[test]
fn members_are_files_of_their_own() {
    let database = database();
    let mut scanner = database.scanner();
    let limits = ArchiveLimits::default();
    let (matching, looked) = scan(&mut scanner, &archive("nested.7z"), &limits);
    // The tar in the middle has no packed bytes of the text, but its ZIP has the text deflated.
    assert_eq!(matching, ["bundle.tgz!bundle.tar!inner.zip!deep/inner.txt@12"]);
    assert_eq!((looked.members, looked.left_out.len()), (4, 0));
    // The bytes of the file itself are scanned too, as without the archive.
    let (matching, _) = scan(&mut scanner, &archive("stored.zip"), &limits);
    assert_eq!(matching, ["@45", "a.txt@10", "dir/b.txt@7"]);
    let (matching, looked) = scan(&mut scanner, b"a plain needle", &limits);
    assert_eq!(matching, ["@8"]);
    assert_eq!(looked, ArchiveReport::default());
    let mut members = 0;
    scanner
        .scan_members(&archive("stored.zip"), &limits, |path, _| members += usize::from(!path.is_empty()))
        .unwrap();
    assert_eq!(members, 2);
}

#[test]
fn what_is_left_out_has_its_path_and_reason() {
    let database = database();
    let (matching, looked) =
        scan(&mut database.scanner(), &archive("encrypted.zip"), &ArchiveLimits::default());
    assert_eq!(matching, [""; 0]);
    let told: Vec<_> = looked.left_out.iter().map(|left| (left.path.to_string(), &left.why)).collect();
    assert_eq!(
        told,
        [("a.txt".into(), &ArchiveWhy::Encrypted), ("dir/b.txt".into(), &ArchiveWhy::Encrypted)]
    );
    let limits = ArchiveLimits { members: 1, ..ArchiveLimits::default() };
    let (matching, looked) = scan(&mut database.scanner(), &archive("deflated.zip"), &limits);
    assert_eq!(matching, ["a.txt@10"]);
    assert_eq!(looked.left_out[0].why, ArchiveWhy::Members { max: 1 });
}

#[test]
fn one_deadline_and_one_switch_hold_for_everything() {
    let database = database();
    let mut scanner = database.scanner();
    scanner.deadline(Duration::ZERO);
    let mut seen = 0;
    let looked = scanner.scan_archive(&archive("stored.zip"), &ArchiveLimits::default(), |path, report| {
        assert!(path.is_empty());
        assert_eq!(report.incomplete()[0].why, Why::Deadline);
        seen += 1;
    });
    assert_eq!(seen, 1);
    assert_eq!(looked.unwrap().left_out[0].why, ArchiveWhy::Deadline);
    let cancel = AtomicBool::new(true);
    let mut scanner = database.scanner();
    let looked =
        scanner.cancel(&cancel).scan_members(&archive("stored.zip"), &ArchiveLimits::default(), |_, _| ());
    assert_eq!(looked.unwrap().left_out[0].why, ArchiveWhy::Cancelled);
}

#[test]
fn limits_of_the_scanner_hold_for_each_member() {
    let database = database();
    let mut scanner = database.scanner();
    let mut told = Vec::new();
    scanner
        .max_bytes(100)
        .scan_members(&archive("deflated.zip"), &ArchiveLimits::default(), |path, report| {
            told.push((path.to_string(), report.matches().len(), report.incomplete().len()));
        })
        .unwrap();
    assert_eq!(told, [("a.txt".to_owned(), 1, 0), ("dir/b.txt".to_owned(), 0, 1)]);
}
