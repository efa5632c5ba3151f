//! The facade over images made by hand: databases, files, limits, reports.

#[path = "../engine/tests/builder/mod.rs"]
mod builder;

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use builder::{PatternSpec, RuleSpec, image, insn};
use hallmark_image::insn::Op;
use hallmark_image::record::ValueKind;
use hallmark_runtime::{Database, Error, LoadPolicy, Origin, Scanner, Why};

fn database() -> Vec<u8> {
    let mut second = RuleSpec::any(vec![PatternSpec::literal(b"zebra")]);
    second.name = "a_last";
    second.namespace = 1;
    let mut external = RuleSpec::new("external", vec![insn(Op::External, 0, 0, 0)]);
    external.rank = 7;
    image(
        &[second, RuleSpec::any(vec![PatternSpec::literal(b"evil")]), external],
        &[("on", ValueKind::Bool, 0)],
    )
}

fn shared<T: Send + Sync>(_: &T) {}

fn movable<T: Send>(_: &T) {}

#[test]
fn matches_are_listed_by_namespace_and_name() {
    let database = Database::from_image_bytes(&database()).unwrap();
    shared(&database);
    assert!(database.digest().starts_with("sha256:"));
    assert_eq!(database.info().origin, Origin::RawImage);
    let mut scanner = database.scanner();
    movable(&scanner);
    drop(database);
    let list = |scanner: &mut Scanner<'_>, data: &[u8]| -> Vec<String> {
        let report = scanner.scan(data).unwrap();
        assert_eq!(report.incomplete(), []);
        report.matches().map(|r| format!("{}:{}", r.namespace(), r.rule())).collect()
    };
    assert_eq!(list(&mut scanner, b"a zebra, evil"), ["n0:any", "n1:a_last"]);
    scanner.define("on", true).unwrap();
    assert_eq!(list(&mut scanner, b"nothing"), ["n0:external"]);
    assert!(matches!(scanner.define("off", true), Err(Error::External(_))));
    let report = scanner.scan(b"evil evil").unwrap();
    let rule = report.matches().next().unwrap();
    let pattern = rule.patterns().next().unwrap();
    let found: Vec<_> = pattern.matches().map(|m| (m.offset, m.length, m.data)).collect();
    assert_eq!((pattern.id(), found), ("$0", vec![(0, 4, &b"evil"[..]), (5, 4, b"evil")]));
}

#[test]
fn files_are_read_up_to_the_limit() {
    let database = Database::from_image_bytes(&database()).unwrap();
    let mut scanner = database.scanner();
    scanner.deadline(Duration::from_secs(60)).max_bytes(8).fast(true);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"..evil..").unwrap();
    let report = scanner.scan_file(file.path()).unwrap();
    assert_eq!((report.matches().len(), report.data()), (1, &b"..evil.."[..]));
    file.write_all(b".").unwrap();
    let report = scanner.scan_file(file.path()).unwrap();
    assert_eq!(report.matches().len(), 0);
    assert_eq!(report.incomplete()[0].why, Why::TooLong { len: 9, max: 8 });
    assert_eq!(scanner.scan(b"evil").unwrap().matches().len(), 1);
    assert!(matches!(scanner.scan_file(Path::new("/")), Err(Error::NotAFile { .. })));
    let missing = scanner.scan_file(Path::new("/does/not/exist")).unwrap_err();
    assert!(matches!(missing, Error::Io { kind: std::io::ErrorKind::NotFound, .. }));
    assert!(missing.to_string().starts_with("cannot open /does/not/exist: "));
}

#[test]
fn only_images_are_taken_and_raw_ones_only_unsigned() {
    let bytes = database();
    assert!(matches!(Database::from_image_bytes(b"no"), Err(Error::Image(_))));
    let mut damaged = bytes.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    assert!(matches!(Database::from_image_bytes(&damaged), Err(Error::Image(_))));
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&bytes).unwrap();
    let opened = Database::open(file.path(), &LoadPolicy::unsigned()).unwrap();
    assert_eq!(opened.scanner().scan(b"zebra").unwrap().matches().len(), 1);
    assert!(matches!(Database::open(file.path(), &LoadPolicy::default()), Err(Error::Load(_))));
}
