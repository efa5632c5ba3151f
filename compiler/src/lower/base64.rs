//! What a text looks like within base64.

use base64::Engine;
use base64::alphabet::Alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

use super::byteset::ByteSet;

/// What a text looks like at one of the three places at which it may begin within a group of three bytes.
pub(super) struct Shift {
    /// The characters that the text determines alone, whatever stands around it: what a match is.
    pub(super) chars: Vec<u8>,
    /// The characters that may stand before it, which share bits with the text and the byte before.
    pub(super) before: Option<ByteSet>,
    /// The characters that may stand after it.
    pub(super) after: Option<ByteSet>,
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
            let before = |value: u8| value & ((1 << shared) - 1) == first >> (8 - shared);
            let after = |value: u8| value >> (6 - left) == last & ((1 << left) - 1);
            Shift {
                chars: encoded,
                before: (shared > 0).then(|| chars(&before)),
                after: (left > 0).then(|| chars(&after)),
            }
        })
        .collect()
}
