//! A database that is replaced while it is scanned with. Input: a store, in which somebody else installs. Output:
//! scanners that have the newest database at each of their scans; one that is under way ends with the one it began with.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use hallmark_runtime::{Database, Error, LoadPolicy, Scanner, State, store_state};

/// The database of a store, as it is now.
pub struct Live {
    store: PathBuf,
    policy: LoadPolicy,
    current: ArcSwap<Database>,
    /// What the store said when it was last looked at.
    seen: Mutex<State>,
}

impl Live {
    /// Opens what is in force.
    pub fn open(store: &Path, policy: LoadPolicy) -> Result<Self, Error> {
        // Looked at first: what is installed between the two is found by the next look.
        let seen = store_state(store)?;
        let current = ArcSwap::from_pointee(Database::open(store, &policy)?);
        Ok(Self { store: store.to_owned(), policy, current, seen: Mutex::new(seen) })
    }

    /// Looks whether another database is in force, and if so loads it for the scans to come. To be called from time to
    /// time by one thread, which loads; scanners do not wait for it. An error leaves the database that is in use in use.
    pub fn look(&self) -> Result<bool, Error> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let state = store_state(&self.store)?;
        if state == *seen {
            return Ok(false);
        }
        let database = Database::open(&self.store, &self.policy)?;
        self.current.store(Arc::new(database));
        *seen = state;
        Ok(true)
    }

    /// A scanner for one thread.
    pub fn scanner(&self) -> LiveScanner<'_> {
        let database = self.current.load_full();
        let scanner = database.scanner();
        LiveScanner { live: self, database, scanner }
    }
}

/// Scans with the newest database.
pub struct LiveScanner<'l> {
    live: &'l Live,
    database: Arc<Database>,
    scanner: Scanner<'static>,
}

impl LiveScanner<'_> {
    /// The scanner for the next scan. With the same database it is the same one, whose buffers are warm.
    pub fn newest(&mut self) -> &mut Scanner<'static> {
        let newest = self.live.current.load();
        if !Arc::ptr_eq(&newest, &self.database) {
            self.scanner = newest.scanner();
            self.database = Arc::clone(&newest);
        }
        &mut self.scanner
    }
}
