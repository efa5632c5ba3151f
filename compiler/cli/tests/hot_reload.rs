//! Databases are installed while two threads scan: each scan is answered by one whole database, none by an older one than
//! the scan before, and the last one installed is the one in use. What swaps them is the example of the runtime.

mod common;
#[path = "../../../runtime/examples/hot_reload/reload.rs"]
mod reload;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use common::release::{image, packed};
use hallmark_container::{Container, Policy};
use hallmark_publish::SecretKey;
use hallmark_runtime::LoadPolicy;
use hallmark_store::install;
use reload::Live;

const INSTALLATIONS: u64 = 250;

const THREADS: usize = 2;

fn key() -> SecretKey {
    SecretKey::from_seed("example.org/build", &[1; 32]).unwrap()
}

fn policy() -> Policy {
    Policy::parse(format!("db test/core\nsigner build {}\nquorum build\n", key().public()).as_bytes())
        .unwrap()
}

/// Two rules that match the needle and say which release they are of.
fn publish(store: &Path, serial: u64) {
    let text = format!(
        "rule a_{serial} {{ strings: $a = \"needle\" condition: $a }} \
         rule b_{serial} {{ strings: $a = /ne+dle/ condition: #a == 2 }}"
    );
    let bytes = packed(&image(&text, &[]), serial, &[key()]);
    install(store, Container::parse(&bytes).unwrap(), &policy(), |_| Ok(())).unwrap();
}

/// Scans until it is told to stop and the last database was seen; answers the number of scans and of databases.
fn scan(live: &Live, stop: &AtomicBool) -> (u64, u64) {
    let mut scanner = live.scanner();
    let (mut scans, mut databases, mut last) = (0, 0, 0);
    loop {
        let stopping = stop.load(Ordering::Acquire);
        let report = scanner.newest().scan(b"needle and neeedle").unwrap();
        assert_eq!(report.incomplete(), []);
        let rules: Vec<_> = report.matches().map(|rule| rule.rule().to_owned()).collect();
        let serial: u64 = rules[0].trim_start_matches("a_").parse().unwrap();
        assert_eq!(rules, [format!("a_{serial}"), format!("b_{serial}")]);
        assert!(serial >= last, "{serial} after {last}");
        databases += u64::from(serial > last);
        (scans, last) = (scans + 1, serial);
        if stopping {
            assert_eq!(last, INSTALLATIONS);
            return (scans, databases);
        }
    }
}

#[test]
fn databases_are_replaced_while_threads_scan() {
    // Each installation waits for the disk a dozen times; memory does not make it wait.
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let dir = tempfile::tempdir_in(base).unwrap();
    let store = dir.path().join("store");
    publish(&store, 1);
    let live = Live::open(&store, LoadPolicy::require(policy())).unwrap();
    let (stop, installed) = (AtomicBool::new(false), AtomicU64::new(1));
    let (reloads, scanned) = thread::scope(|scope| {
        let scanning: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| scan(&live, &stop))).collect();
        let reloading = scope.spawn(|| {
            let mut reloads = 0;
            loop {
                let last = installed.load(Ordering::Acquire) == INSTALLATIONS;
                reloads += u64::from(live.look().unwrap());
                if last {
                    stop.store(true, Ordering::Release);
                    return reloads;
                }
            }
        });
        for serial in 2..=INSTALLATIONS {
            publish(&store, serial);
            installed.store(serial, Ordering::Release);
        }
        let reloads = reloading.join().unwrap();
        (reloads, scanning.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>())
    });
    assert!(reloads >= INSTALLATIONS / 2, "{reloads} reloads");
    for (scans, databases) in scanned {
        assert!(scans > databases && databases > 1, "{scans} scans with {databases} databases");
    }
}
