//! What a text looks like within base64.

use base64::Engine;
use base64::alphabet::Alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

use super::byteset::ByteSet;
use super::program::Around;
use super::program::Neighbour::{Char, End};

/// What a text looks like at one of the three places at which it may begin within a group of three bytes.
pub(super) struct Shift {
    /// The characters that the text determines alone, whatever stands around it: what a match is.
    pub(super) chars: Vec<u8>,
    /// What must stand around them for whole groups to be base64 that holds the text.
    pub(super) around: Around,
}

/// The three shifts of a text. Where the alphabet repeats a character there are none.
pub(super) fn shifts(text: &[u8], alphabet: &[u8; 64]) -> Vec<Shift> {
    let parsed = std::str::from_utf8(alphabet).ok().and_then(|alphabet| Alphabet::new(alphabet).ok());
    let (Some(parsed), Some(&first), Some(&last)) = (parsed, text.first(), text.last()) else {
        return Vec::new();
    };
    let engine = GeneralPurpose::new(&parsed, NO_PAD);
    let chars = |holds: &dyn Fn(u8) -> bool| {
        let chosen = (0..).zip(alphabet).filter(|&(value, _)| holds(value));
        chosen.fold(ByteSet::default(), |set, (_, &char)| set.union(ByteSet::one(char)))
    };
    let any = chars(&|_| true);
    let pad = ByteSet::one(b'=');
    // A byte before the text taints two characters, the second of which has four bits of the text; two bytes taint
    // three, the third of which has two.
    [(0, 0, 0), (1, 2, 4), (2, 3, 2)]
        .into_iter()
        .map(|(padding, tainted, shared)| {
            let bytes = [&[0; 2][..padding], text].concat();
            let mut encoded = engine.encode(&bytes).into_bytes();
            // Bits of the text in the character after those that are all its own.
            let left = bytes.len() * 8 % 6;
            if left > 0 {
                encoded.pop();
            }
            encoded.drain(..tainted.min(encoded.len()));
            let before = match tainted {
                0 => Vec::new(),
                _ => {
                    let holds_first = |value: u8| value & ((1 << shared) - 1) == first >> (8 - shared);
                    [&[chars(&holds_first)][..], &vec![any; tainted - 1]].concat()
                }
            };
            let holds_last = |value: u8| value >> (6 - left) == last & ((1 << left) - 1);
            let shared_after = chars(&holds_last);
            // Where the encoding ends, the bits that are left over are zero.
            let ends_after = chars(&|value| holds_last(value) && value.trailing_zeros() >= 6 - left as u32);
            let two_zeros = chars(&|value| value & 3 == 0);
            let after = match left {
                0 => Vec::new(),
                2 => vec![
                    vec![Char(shared_after), Char(any), Char(any)],
                    vec![Char(shared_after), Char(two_zeros), Char(pad)],
                    vec![Char(shared_after), Char(two_zeros), End],
                    vec![Char(ends_after), Char(pad), Char(pad)],
                    vec![Char(ends_after), Char(pad), End],
                    vec![Char(ends_after), End],
                ],
                _ => vec![
                    vec![Char(shared_after), Char(any)],
                    vec![Char(ends_after), Char(pad)],
                    vec![Char(ends_after), End],
                ],
            };
            Shift { chars: encoded, around: Around { before, after } }
        })
        .collect()
}
