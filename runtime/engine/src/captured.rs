//! The bytes of matches, for those who want to see them.

use std::collections::HashMap;
use std::ops::Range;

use crate::limits::{CAPTURE_ALL, CAPTURE_EACH};
use crate::matches::Match;

/// Where the bytes of matches are.
#[derive(Debug, Clone, Copy)]
pub enum Bytes<'a> {
    /// In the data.
    All(&'a [u8]),
    /// In a copy, as the data are gone.
    Captured(&'a Captured),
}

impl<'a> Bytes<'a> {
    /// The bytes of a match. Of a stream only the first ones are kept, and none once too many were.
    pub fn of(&self, found: &Match) -> &'a [u8] {
        match self {
            Bytes::All(data) => {
                let start = usize::try_from(found.offset).unwrap_or(usize::MAX);
                let length = usize::try_from(found.length).unwrap_or(usize::MAX);
                start.checked_add(length).and_then(|end| data.get(start..end)).unwrap_or_default()
            }
            Bytes::Captured(captured) => captured.get(found),
        }
    }
}

/// The first bytes of matches in data that pass by once.
#[derive(Debug, Default)]
pub struct Captured {
    bytes: Vec<u8>,
    /// By address, where they are in `bytes`.
    places: HashMap<u64, Range<usize>>,
}

impl Captured {
    pub(crate) fn reset(&mut self) {
        self.bytes.clear();
        self.places.clear();
    }

    /// Keeps the first bytes of a match.
    pub(crate) fn keep(&mut self, offset: u64, bytes: &[u8]) {
        let bytes = bytes.get(..CAPTURE_EACH).unwrap_or(bytes);
        if self.bytes.len().saturating_add(bytes.len()) > CAPTURE_ALL
            || self.places.get(&offset).is_some_and(|known| known.len() >= bytes.len())
        {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.places.insert(offset, start..self.bytes.len());
    }

    fn get(&self, found: &Match) -> &[u8] {
        let kept = self.places.get(&found.offset).and_then(|place| self.bytes.get(place.clone()));
        let length = usize::try_from(found.length).unwrap_or(usize::MAX);
        kept.map_or(&[], |kept| kept.get(..length).unwrap_or(kept))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_of_matches_are_kept_up_to_a_limit() {
        let mut captured = Captured::default();
        let found = |offset, length| Match { offset, length, xor_key: None };
        captured.keep(7, b"ab");
        captured.keep(7, b"abcd");
        captured.keep(7, b"abc");
        assert_eq!(captured.get(&found(7, 4)), b"abcd");
        assert_eq!(captured.get(&found(7, 2)), b"ab");
        assert_eq!(captured.get(&found(8, 2)), b"");
        for at in 10..CAPTURE_ALL as u64 {
            captured.keep(at, &[1; 2 * CAPTURE_EACH]);
        }
        assert_eq!(captured.get(&found(10, 5000)).len(), CAPTURE_EACH);
        assert!(captured.bytes.len() <= CAPTURE_ALL && captured.bytes.capacity() <= 2 * CAPTURE_ALL);
    }
}
