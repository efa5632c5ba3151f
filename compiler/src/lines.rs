//! Numbers of lines, found without reading a text from its start each time.

/// Bytes between places whose line is known.
const STEP: usize = 4096;

/// The lines of a text.
#[derive(Debug, Clone)]
pub struct Lines<'t> {
    text: &'t [u8],
    /// Line ends before each multiple of [`STEP`].
    before: Vec<u32>,
}

impl<'t> Lines<'t> {
    /// Counts the lines of a text.
    pub fn new(text: &'t [u8]) -> Self {
        let mut ends = 0;
        let before = text.chunks(STEP).map(|chunk| {
            let before = ends;
            ends += memchr::memchr_iter(b'\n', chunk).count() as u32;
            before
        });
        Lines { text, before: before.collect() }
    }

    /// The line, from 1, of a byte offset; past the end of the text, the last line.
    pub fn number(&self, offset: u32) -> u32 {
        let offset = (offset as usize).min(self.text.len());
        let step = (offset / STEP).min(self.before.len().saturating_sub(1));
        let rest = self.text.get(step * STEP..offset).unwrap_or_default();
        let before = self.before.get(step).copied().unwrap_or_default();
        1 + before + memchr::memchr_iter(b'\n', rest).count() as u32
    }
}

impl Lines<'_> {
    /// Line and column, both from 1, of a byte offset; columns count characters.
    pub fn position(&self, offset: u32) -> (usize, usize) {
        let before = self.text.get(..offset as usize).unwrap_or(self.text);
        let start = memchr::memrchr(b'\n', before).map_or(0, |end| end + 1);
        let line = before.get(start..).unwrap_or_default();
        (self.number(offset) as usize, 1 + String::from_utf8_lossy(line).chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, STEP};

    #[test]
    fn lines_are_those_that_counting_gives() {
        for text in [b"".to_vec(), b"a".to_vec(), b"a\n\nb\n".repeat(STEP / 2), b"\n".repeat(2 * STEP)] {
            let lines = Lines::new(&text);
            for offset in (0..text.len() + 2).step_by(97).chain([STEP - 1, STEP, STEP + 1]) {
                let counted = text.iter().take(offset).filter(|&&b| b == b'\n').count();
                assert_eq!(lines.number(offset as u32) as usize, 1 + counted, "{offset} of {}", text.len());
                let column = 1 + text.iter().take(offset).rev().take_while(|&&b| b != b'\n').count();
                assert_eq!(
                    lines.position(offset as u32),
                    (1 + counted, column),
                    "{offset} of {}",
                    text.len()
                );
            }
        }
    }
}
