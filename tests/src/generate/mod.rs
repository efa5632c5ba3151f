//! Rules at random with data that hit them, grown from bytes: the same bytes give the same case.
//!
//! Fewer bytes give less, and zeros the simplest of everything, so that whoever shrinks the bytes shrinks the case. Data
//! are made of what the patterns match, of near misses with one byte changed, and of noise of the same few bytes.

mod condition;
mod data;
mod draw;
mod hex;
mod regex;
mod rules;
mod text;

pub use data::data;
pub use draw::Draw;
pub use hex::hex;
pub use regex::{regex, word};
pub use rules::case;
pub use text::{base64, text};

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// As a rule says it, with modifiers.
    pub text: String,
    /// What it should match, in each of its forms.
    pub samples: Vec<Vec<u8>>,
}

/// Bytes of which patterns are made, so that they meet often: letters of both cases, a digit, marks, zero, a high byte.
const BYTES: &[u8] = b"abAB1 _.\x00\xC3";

fn widened(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|&b| [b, 0]).collect()
}
