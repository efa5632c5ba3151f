//! Choices, out of bytes.

use arbitrary::Unstructured;

/// What is chosen from: bytes that are used up one after the other. When there are none left, everything is the first
/// or least of its kind, so that what grows from it ends.
#[derive(Debug)]
pub struct Draw<'b>(Unstructured<'b>);

impl<'b> Draw<'b> {
    /// Choices out of `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Draw(Unstructured::new(bytes))
    }

    /// A number from `least` to `most`.
    pub fn number(&mut self, least: usize, most: usize) -> usize {
        self.0.int_in_range(least..=most.max(least)).unwrap_or(least)
    }

    /// One of them; the first is the simplest.
    ///
    /// # Panics
    /// There is none.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.number(0, of.len() - 1)]
    }

    /// True `n` times in 16.
    pub fn chance(&mut self, n: usize) -> bool {
        self.number(0, 15) > 15 - n
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// From `least` to `most` bytes of `alphabet`.
    pub fn bytes(&mut self, alphabet: &[u8], least: usize, most: usize) -> Vec<u8> {
        (0..self.number(least, most)).map(|_| self.one(alphabet)).collect()
    }

    /// The bytes that are not used up, all of which are then.
    pub fn rest(&mut self) -> &'b [u8] {
        std::mem::replace(&mut self.0, Unstructured::new(&[])).take_rest()
    }

    /// Whether all bytes are used up.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
