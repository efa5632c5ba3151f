//! Databases with different rules are exchanged while two threads scan: each scan is answered by the database that it
//! began with, and nothing is kept of those that are gone.
//!
//! `HALLMARK_TEST_FACTOR=40 cargo test -p hallmark-tests --test reloads` exchanges ten thousand times.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use arc_swap::ArcSwap;
use hallmark_container::Container;
use hallmark_runtime::{Database, LoadPolicy, Scanner};
use hallmark_store::install;
use hallmark_tests::compile_text;
use hallmark_tests::signed::{DB, auditor, builder, pack, policy_for};

/// Exchanges without `HALLMARK_TEST_FACTOR`.
const RELOADS: usize = 250;

const THREADS: usize = 2;

/// Different databases.
const DATABASES: usize = 5;

/// What the memory of the process may grow by between a tenth of the exchanges and all, in bytes. A database is mapped,
/// so if they were kept, ten thousand would be a gigabyte.
const MAX_GROWTH: usize = 24 << 20;

/// What is scanned, and how often database number `n` finds its own pattern in it.
const DATA: &[u8] = b"needle0 needle1 needle1 needle2 needle2 needle2 needle3 needle4 neeedle";

/// Rules that say which database they are of.
fn rules(number: usize) -> String {
    let more: String = (0..40 * number)
        .map(|i| format!("rule more_{i} {{ strings: $a = \"unseen{i}\" condition: $a }}\n"))
        .collect();
    format!(
        "rule first_{number} {{ strings: $a = \"needle{number}\" condition: $a }}\n\
         rule second_{number} {{ strings: $a = /ne+dle/ $b = \"needle{number}\" condition: #a == 9 and #b > 0 }}\n\
         rule never_{number} {{ strings: $a = \"needle9\" condition: $a }}\n{more}"
    )
}

/// Opens database number `n`: an image in memory, a file in a container, or what is in force in a store.
struct Shelf {
    images: Vec<Vec<u8>>,
    folder: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        // Memory does not make anybody wait for the disk.
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = tempfile::tempdir_in(base).unwrap();
        let mut images = Vec::new();
        for number in 0..DATABASES {
            let compilation = compile_text(&rules(number));
            let release = pack(&compilation, 1, None, &[builder(), auditor()]);
            let container = release.container().unwrap();
            match number % 3 {
                1 => {
                    let store = folder.path().join(format!("store{number}"));
                    install(&store, Container::parse(&container).unwrap(), &policy_for(DB), |_| Ok(()))
                        .unwrap();
                }
                2 => std::fs::write(folder.path().join(format!("{number}.hmk")), &container).unwrap(),
                _ => {}
            }
            images.push(compilation.image.unwrap());
        }
        Shelf { images, folder }
    }

    fn open(&self, number: usize) -> Database {
        let policy = || LoadPolicy::require(policy_for(DB));
        match number % 3 {
            1 => Database::open(&self.folder.path().join(format!("store{number}")), &policy()).unwrap(),
            2 => Database::open(&self.folder.path().join(format!("{number}.hmk")), &policy()).unwrap(),
            _ => Database::from_image_bytes(&self.images[number]).unwrap(),
        }
    }
}

/// The one in use, with its number.
type Live = ArcSwap<(usize, Database)>;

/// Scans until it is told to stop; answers the number of scans, and of those during which the database was exchanged.
fn scan(live: &Live, stop: &AtomicBool) -> (usize, usize) {
    let (mut scans, mut overtaken) = (0, 0);
    // Of a database that may be gone already.
    let mut old: Option<(usize, Scanner<'static>)> = None;
    while !stop.load(Ordering::Acquire) {
        let current = live.load_full();
        let mut scanner = current.1.scanner();
        scanner.strings(true);
        for _ in 0..3 {
            check(current.0, &mut scanner);
            scans += 1;
            overtaken += usize::from(!Arc::ptr_eq(&current, &live.load()));
        }
        if let Some((number, old)) = &mut old {
            check(*number, old);
            scans += 1;
        }
        if scans % 8 == 0 || old.is_none() {
            old = Some((current.0, scanner));
        }
    }
    (scans, overtaken)
}

fn check(number: usize, scanner: &mut Scanner<'_>) {
    let report = scanner.scan(DATA).unwrap();
    assert_eq!(report.incomplete(), []);
    let rules: Vec<_> = report.matches().map(|rule| rule.rule()).collect();
    assert_eq!(rules, [format!("first_{number}"), format!("second_{number}")], "database {number}");
    let first = report.matches().next().unwrap();
    let found: Vec<_> = first.patterns().next().unwrap().matches().map(|found| found.data).collect();
    let needle = format!("needle{number}");
    assert_eq!(found, vec![needle.as_bytes(); [1, 2, 3, 1, 1][number]]);
}

/// Bytes of memory that the process has.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[cfg(not(target_os = "linux"))]
fn resident() -> usize {
    0
}

#[test]
fn a_scan_is_answered_by_the_database_it_began_with() {
    let factor =
        std::env::var("HALLMARK_TEST_FACTOR").ok().and_then(|factor| factor.parse().ok()).unwrap_or(1);
    let reloads = RELOADS * factor;
    let shelf = Shelf::new();
    let live = Live::from_pointee((0, shelf.open(0)));
    let (stop, failed) = (AtomicBool::new(false), AtomicUsize::new(0));
    let began = Instant::now();
    let mut early = 0;
    let scanned = thread::scope(|scope| {
        let scanning: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| scan(&live, &stop))).collect();
        for reload in 1..=reloads {
            // Not in turn: the same one may follow itself.
            let number = reload.wrapping_mul(2_654_435_761) / 7 % DATABASES;
            live.store(Arc::new((number, shelf.open(number))));
            if reload == (reloads / 10).max(50) {
                early = resident();
            }
            if scanning.iter().any(|thread| thread.is_finished()) {
                failed.store(reload, Ordering::Release);
                break;
            }
        }
        stop.store(true, Ordering::Release);
        scanning.into_iter().map(|thread| thread.join().expect("right answers")).collect::<Vec<_>>()
    });
    let late = resident();
    println!(
        "{reloads} reloads in {:?}; scans, and those overtaken: {scanned:?}; {} then {} MiB of memory",
        began.elapsed(),
        early >> 20,
        late >> 20
    );
    assert_eq!(failed.into_inner(), 0);
    assert!(scanned.iter().all(|&(scans, _)| scans > 50), "{scanned:?}");
    assert!(
        scanned.iter().any(|&(_, overtaken)| overtaken > 0),
        "no database was exchanged during a scan: {scanned:?}"
    );
    assert!(late <= early + MAX_GROWTH, "{early} bytes of memory grew to {late}");
    // Nothing is left of processes that wait for a first scan.
    for number in (0..DATABASES).filter(|number| number % 3 == 1) {
        let starts = shelf.folder.path().join(format!("store{number}/starts"));
        let left = std::fs::read_dir(starts).map_or(0, Iterator::count);
        assert!(left < 8, "{left} files of starts are left");
    }
}
