//! Scanning what passes by once: readers, and blocks of memory.

use std::convert::Infallible;
use std::io::{self, Read};

use hallmark_engine::{Piece, Shape, Source, Window, scan_stream};

use crate::error::Error;
use crate::report::Report;
use crate::scanner::Scanner;

/// A piece of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<D> {
    /// Address of its first byte.
    pub base: u64,
    /// Its bytes.
    pub data: D,
}

impl Scanner<'_> {
    /// Keeps so many bytes of a stream, at least 1 MiB; 16 MiB if nothing else is said. A stream that is shorter is
    /// scanned as a file is.
    pub fn window(&mut self, bytes: usize) -> &mut Self {
        self.wishes.window = Window::new(bytes);
        self
    }

    /// Scans what a reader gives, in bounded memory.
    ///
    /// A stream that fits into the window is scanned as a file is. Of a longer one a match is found wherever it lies, if
    /// it is no longer than a thirty-second part of the window; if a pattern may have a longer one there, it is in
    /// [`Report::incomplete`]. `filesize` is what came. Conditions are evaluated at the end: what they then ask of bytes
    /// that are neither among the first ones (a sixteenth part of the window) nor in the last window, and of modules that
    /// need the whole file, is not known, and such a rule is in [`Report::incomplete`] too. The bytes of matches are kept
    /// if [`Scanner::strings`] are wanted: up to 512 of each, 1 MiB in all.
    ///
    /// The deadline and the wish to end are looked at between reads: a reader that never returns cannot be interrupted.
    ///
    /// ```no_run
    /// # fn f(scanner: &mut hallmark_runtime::Scanner<'_>) -> Result<(), hallmark_runtime::Error> {
    /// let report = scanner.scan_stream(std::io::stdin().lock())?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// The reader's, as [`Error::Stream`].
    pub fn scan_stream(&mut self, reader: impl Read) -> Result<Report<'_>, Error> {
        self.scan_source(&mut FromReader(reader), Shape::File)
            .map_err(|error| Error::Stream { kind: error.kind(), reason: error.to_string() })
    }

    /// Scans blocks of memory, each of which stands at an address; blocks that follow each other without a gap are one.
    ///
    /// Offsets are addresses. There is no file: `filesize`, `entrypoint` and what modules tell of files are undefined, and
    /// a rule that sets bounds to `filesize` does not match. Otherwise it is as with [`Scanner::scan_stream`]; the first
    /// bytes are those at address zero, if they come first.
    ///
    /// # Errors
    /// None at present: what was not evaluated is in the report.
    pub fn scan_blocks<D: AsRef<[u8]>>(
        &mut self,
        blocks: impl IntoIterator<Item = Block<D>>,
    ) -> Result<Report<'_>, Error> {
        let mut source = FromBlocks { blocks: blocks.into_iter(), current: None, given: 0 };
        self.scan_source(&mut source, Shape::Memory).map_err(|never| match never {})
    }

    pub(crate) fn scan_source<S: Source>(
        &mut self,
        source: &mut S,
        shape: Shape,
    ) -> Result<Report<'_>, S::Error> {
        let settings = self.wishes.settings(std::time::Instant::now());
        self.database.scan_begins();
        let outcome = scan_stream(self.database.image(), &mut self.scratch, source, shape, &settings);
        self.database.scan_ends();
        Ok(Report::new(outcome?))
    }
}

struct FromReader<R>(R);

impl<R: Read> Source for FromReader<R> {
    type Error = io::Error;

    fn next(&mut self, into: &mut [u8]) -> io::Result<Piece> {
        loop {
            match self.0.read(into) {
                Ok(0) => return Ok(Piece::End),
                Ok(count) => return Ok(Piece::Bytes(count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

struct FromBlocks<I, D> {
    blocks: I,
    current: Option<D>,
    /// Bytes of the current block that were given.
    given: usize,
}

impl<D: AsRef<[u8]>, I: Iterator<Item = Block<D>>> Source for FromBlocks<I, D> {
    type Error = Infallible;

    fn next(&mut self, into: &mut [u8]) -> Result<Piece, Infallible> {
        let rest = self.current.as_ref().and_then(|data| data.as_ref().get(self.given..)).unwrap_or_default();
        if rest.is_empty() {
            let Some(Block { base, data }) = self.blocks.next() else { return Ok(Piece::End) };
            (self.current, self.given) = (Some(data), 0);
            return Ok(Piece::At(base));
        }
        let count = rest.len().min(into.len());
        let halves = into.split_at_mut_checked(count).zip(rest.split_at_checked(count));
        if let Some(((into, _), (from, _))) = halves {
            into.copy_from_slice(from);
        }
        self.given = self.given.saturating_add(count);
        Ok(Piece::Bytes(count))
    }
}
