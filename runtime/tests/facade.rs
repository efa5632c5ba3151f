//! The facade over images made by hand: databases, files, limits, reports.

#[path = "../engine/tests/builder/mod.rs"]
mod builder;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use builder::{PatternSpec, RuleSpec, image, insn};
use hallmark_image::insn::Op;
use hallmark_image::record::ValueKind;
use hallmark_runtime::{Database, Error, LoadPolicy, Origin, Report, ScanPart, Scanner, Why};

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
fn a_scanner_that_was_reset_is_like_a_new_one() {
    let database = Database::from_image_bytes(&database()).unwrap();
    let mut scanner = database.scanner();
    scanner.max_bytes(1).max_steps(0).deadline(Duration::ZERO).define("on", true).unwrap();
    assert!(!scanner.scan(b"evil").unwrap().incomplete().is_empty());
    let report = scanner.reset().scan(b"evil").unwrap();
    assert_eq!(report.incomplete(), []);
    assert_eq!(report.matches().map(|rule| rule.rule()).collect::<Vec<_>>(), ["any"]);
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
    assert_eq!(opened.image_bytes(), bytes);
    assert_eq!(opened.scanner().scan(b"zebra").unwrap().matches().len(), 1);
    assert!(matches!(Database::open(file.path(), &LoadPolicy::default()), Err(Error::Load(_))));
}

#[test]
fn data_are_searched_in_parts_side_by_side() {
    let database = Database::from_image_bytes(&database()).unwrap();
    let mut data = vec![b'.'; 200_000];
    for place in [0, 32_767, 65_534, 131_070, 199_996] {
        data[place..place + 4].copy_from_slice(b"evil");
    }
    let listed = |report: &Report<'_>| {
        let rules = report.matches().map(|rule| {
            let found = rule.patterns().flat_map(|p| p.matches()).map(|m| (m.offset, m.data.to_vec()));
            (rule.rule().to_owned(), found.collect::<Vec<_>>())
        });
        rules.collect::<Vec<_>>()
    };
    let expected = listed(&database.scanner().scan(&data).unwrap());
    assert_eq!(expected[0].1.len(), 5);
    let mut scanner = database.scanner();
    for parts in [1, 2, 3, 6, 7, 1000] {
        let parts = ScanPart::split(&data, NonZeroUsize::new(parts).unwrap());
        let searched: Vec<_> = std::thread::scope(|scope| {
            let database = &database;
            let search = |part| scope.spawn(move || ScanPart::run(part, &mut database.scanner()));
            let threads: Vec<_> = parts.into_iter().map(search).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(listed(&scanner.scan_parts(&data, searched).unwrap()), expected);
    }
    assert!(ScanPart::split(&[], NonZeroUsize::MIN).is_empty());
}

#[test]
fn parts_of_other_data_or_another_database_do_not_count() {
    let database = Database::from_image_bytes(&database()).unwrap();
    let other = image(&[RuleSpec::any(vec![PatternSpec::literal(b"zebra")])], &[]);
    let other = Database::from_image_bytes(&other).unwrap();
    let (data, benign) = (b"evil".repeat(9), b"good".repeat(9));
    let search = |database: &Database, data| {
        ScanPart::split(data, NonZeroUsize::MIN).remove(0).run(&mut database.scanner())
    };
    let mut scanner = database.scanner();
    for foreign in [search(&other, &data), search(&database, &benign)] {
        assert_eq!(scanner.scan_parts(&data, vec![foreign]).unwrap().matches().len(), 1);
    }
    // The deadline is that of the division.
    scanner.deadline(Duration::ZERO);
    let part = ScanPart::split(&data, NonZeroUsize::MIN).remove(0).run(&mut scanner);
    scanner.deadline(Duration::from_secs(60));
    let report = scanner.scan_parts(&data, vec![part]).unwrap();
    assert_eq!(report.incomplete()[0].why, Why::Deadline);
}
