//! What a text looks like within base64.

use base64::Engine;
use base64::alphabet::Alphabet;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// The characters that the text determines alone, whatever stands around it, when it begins at each of the three places
/// within a group of three bytes. Where the alphabet repeats a character there are none.
///
/// Characters that share bits with neighbouring bytes are left out at both ends, and so are they in the offset and the
/// length of a match.
pub(super) fn shifts(text: &[u8], alphabet: &[u8; 64]) -> Vec<Vec<u8>> {
    let alphabet = std::str::from_utf8(alphabet).ok().and_then(|alphabet| Alphabet::new(alphabet).ok());
    let Some(alphabet) = alphabet else { return Vec::new() };
    let engine = GeneralPurpose::new(&alphabet, NO_PAD);
    // A byte before the text taints two characters, two bytes taint three.
    [(0, 0), (1, 2), (2, 3)]
        .into_iter()
        .map(|(padding, tainted)| {
            let bytes = [&[0; 2][..padding], text].concat();
            let mut encoded = engine.encode(&bytes).into_bytes();
            if bytes.len() % 3 != 0 {
                encoded.pop();
            }
            encoded.drain(..tainted.min(encoded.len()));
            encoded
        })
        .collect()
}
