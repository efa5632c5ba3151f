//! The state file of a store: which database is in force, which one was before, and the serial below which no
//! release is accepted any more. Canonical text; replacing it is the commit point of an installation.
//!
//! ```text
//! hallmark-store/v1
//! db example.org/core
//! floor 20417
//! current sha256:<image> serial 20417 note sha256:<note file> policy sha256:<policy file>
//! previous sha256:<image> serial 20416 note sha256:<note file> policy sha256:<policy file>
//! ```

use std::fmt;

use hallmark_container::{Digest, valid_db_name};

const CONTEXT: &str = "hallmark-store/v1";

/// Name of the state file in a store.
pub(crate) const STATE_FILE: &str = "state";

/// Longest state file; a valid one has under 1 KiB.
pub(crate) const MAX_STATE: u64 = 4096;

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Database the store is for.
    pub db: String,
    /// Lowest serial accepted; never drops.
    pub floor: u64,
    /// The database in force.
    pub current: Entry,
    /// The one before, kept as last-known-good.
    pub previous: Option<Entry>,
}

/// One installed database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// SHA-256 of the image; names its file in the store.
    pub image: Digest,
    /// Serial of the release it was installed from.
    pub serial: u64,
    /// SHA-256 of the signed note it was installed from; names the stored copy.
    pub note: Digest,
    /// SHA-256 of the policy it was installed under; names the stored copy.
    pub policy: Digest,
}

impl State {
    /// Reads the text; `Err` says what is wrong with it.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| "not text")?;
        let mut lines = text.lines();
        if lines.next() != Some(CONTEXT) {
            return Err("the first line is not `hallmark-store/v1`");
        }
        let mut field = |keyword| lines.next().and_then(|line| line.strip_prefix(keyword));
        let state = Self {
            db: field("db ").filter(|db| valid_db_name(db)).ok_or("no valid `db` line")?.to_owned(),
            floor: field("floor ").and_then(|floor| floor.parse().ok()).ok_or("no valid `floor` line")?,
            current: field("current ").and_then(Entry::parse).ok_or("no valid `current` line")?,
            previous: field("previous ").and_then(Entry::parse),
        };
        if state.to_string().as_bytes() != bytes {
            return Err("not in canonical form");
        }
        if state.entries().any(|entry| entry.serial > state.floor) {
            return Err("the floor is below the serial of a database");
        }
        Ok(state)
    }

    /// Current and previous, in the order in which they are tried.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry> {
        std::iter::once(self.current).chain(self.previous)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{CONTEXT}\ndb {}\nfloor {}\ncurrent {}", self.db, self.floor, self.current)?;
        self.previous.iter().try_for_each(|entry| writeln!(f, "previous {entry}"))
    }
}

impl Entry {
    fn parse(text: &str) -> Option<Self> {
        let words: Vec<_> = text.split(' ').collect();
        let [image, "serial", serial, "note", note, "policy", policy] = *words.as_slice() else {
            return None;
        };
        Some(Self {
            image: Digest::parse(image)?,
            serial: serial.parse().ok()?,
            note: Digest::parse(note)?,
            policy: Digest::parse(policy)?,
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} serial {} note {} policy {}", self.image, self.serial, self.note, self.policy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seed: u8, serial: u64) -> Entry {
        Entry { image: Digest::of(&[seed]), serial, note: Digest::of(b"note"), policy: Digest::of(b"policy") }
    }

    #[test]
    fn round_trips_and_refuses_other_spellings() {
        let first = State { db: "example.org/core".into(), floor: 7, current: entry(1, 7), previous: None };
        assert_eq!(State::parse(first.to_string().as_bytes()), Ok(first.clone()));
        let second = State { floor: 8, current: entry(2, 8), previous: Some(first.current), ..first };
        let text = second.to_string();
        assert_eq!(State::parse(text.as_bytes()), Ok(second));
        for (from, to) in [
            ("floor 8", "floor 08"),
            ("floor 8", "floor x"),
            ("floor 8", "floor 7"),
            ("store/v1", "store/v2"),
            ("previous", "earlier"),
            ("serial 7", "serial +7"),
            ("db example", "db /example"),
            ("\ncurrent", "\n\ncurrent"),
        ] {
            assert!(State::parse(text.replacen(from, to, 1).as_bytes()).is_err(), "{to}");
        }
        for cut in 0..text.len() {
            // Without its last line the text is a valid state that knows no previous database.
            let state = State::parse(&text.as_bytes()[..cut]);
            assert!(state.is_err() || state.is_ok_and(|state| state.previous.is_none()), "cut at {cut}");
        }
    }
}
