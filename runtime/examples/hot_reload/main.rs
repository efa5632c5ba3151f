//! Scans the files that standard input names, on two threads, with whatever database is in force in a store. Install
//! another one meanwhile: nothing stops.
//!
//! ```text
//! find /srv -type f | cargo run --release -p hallmark-runtime --example hot_reload -- /var/lib/hallmark
//! ```

mod reload;

use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hallmark_runtime::LoadPolicy;
use reload::Live;

const THREADS: usize = 2;

/// How often the store is looked at: a file of under a kilobyte is read.
const LOOK: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn Error>> {
    let store = std::env::args_os().nth(1).ok_or("give the directory of a store")?;
    // The policy of the installation judges.
    let live = Live::open(Path::new(&store), LoadPolicy::default())?;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let looking = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                match live.look() {
                    Ok(true) => eprintln!("another database is in force"),
                    Ok(false) => {}
                    Err(error) => eprintln!("the database stays what it was: {error}"),
                }
                thread::park_timeout(LOOK);
            }
        });
        let scanning: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| scan(&live))).collect();
        for thread in scanning {
            // A panic has been printed already.
            let _ = thread.join();
        }
        done.store(true, Ordering::Relaxed);
        looking.thread().unpark();
    });
    Ok(())
}

/// Takes names and scans the files, until there are no more.
fn scan(live: &Live) {
    let mut scanner = live.scanner();
    loop {
        let mut name = String::new();
        match std::io::stdin().read_line(&mut name) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let name = name.trim_end_matches('\n');
        match scanner.newest().scan_file(Path::new(name)) {
            Ok(report) => report.matches().for_each(|rule| println!("{} {name}", rule.rule())),
            Err(error) => eprintln!("{error}"),
        }
    }
}
