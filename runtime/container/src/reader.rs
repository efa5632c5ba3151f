//! Reading the lines of a release note. Input: ASCII text. Output: a [`ReleaseNote`] in which every word, number and
//! digest was well-formed and every size within its limit. Whether the text was the canonical one is for the caller,
//! who writes the note again and compares.

use std::fmt;
use std::fmt::Write as _;

use crate::limits::{
    MAX_IMAGE, MAX_NAME, MAX_PATCHES, MAX_PAYLOAD, MAX_SECTIONS, MAX_WINDOW_LOG, MIN_WINDOW_LOG,
};
use crate::release::CONTEXT;
use crate::{
    Compiler, Counts, Digest, EngineVersion, Error, FormatVersion, FullPayload, PatchPayload, Previous,
    ReleaseNote, Section, SizedDigest, Source, valid_db_name, valid_word,
};

/// A decimal number with one spelling.
pub(crate) fn number<T: std::str::FromStr + fmt::Display>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    let mut spelling = String::new();
    write!(spelling, "{value}").ok()?;
    (spelling == text).then_some(value)
}

/// Forward reader over the lines of a note.
pub(crate) struct Lines<'a> {
    rest: std::iter::Peekable<std::str::SplitTerminator<'a, char>>,
    at: usize,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { rest: text.split_terminator('\n').peekable(), at: 0 }
    }

    /// The whole note. Lines are read strictly in order; optional ones may be absent.
    pub(crate) fn note(&mut self) -> Result<ReleaseNote, Error> {
        if self.rest.next() != Some(CONTEXT) {
            return Err(Error::NoteContext);
        }
        self.at = 1;
        let note = ReleaseNote {
            db: self
                .line("db", "db NAME", |w| w.next().filter(|name| valid_db_name(name)).map(str::to_owned))?,
            serial: self.line("serial", "serial N", |w| number(w.next()?))?,
            image_format: self
                .line("image-format", "image-format N.N", |w| FormatVersion::parse(w.next()?))?,
            engine_min: self.line("engine-min", "engine-min N.N.N", |w| EngineVersion::parse(w.next()?))?,
            source_date: self.line("source-date", "source-date N", |w| number(w.next()?))?,
            expires: self.optional("expires", "expires N", |w| number(w.next()?))?,
            source: self.line("source", "source sha256:HEX files N bytes N", |w| {
                let digest = Digest::parse(w.next()?)?;
                Some(Source { digest, files: w.labelled("files")?, bytes: w.labelled("bytes")? })
            })?,
            compiler: self.line("compiler", "compiler NAME VERSION sha256:HEX", |w| {
                let [name, version] = [w.next()?, w.next()?];
                let digest = Digest::parse(w.next()?)?;
                let words = valid_word(name) && valid_version(version);
                words.then(|| Compiler { name: name.to_owned(), version: version.to_owned(), digest })
            })?,
            options: self.line("options", "options sha256:HEX", |w| Digest::parse(w.next()?))?,
            image: self.line("image", "image sha256:HEX bytes N", Words::sized)?,
            sections: self.many("section", "section KIND NAME sha256:HEX bytes N", MAX_SECTIONS, |w| {
                let kind = number(w.next()?)?;
                let name = w.next().filter(|name| valid_word(name))?.to_owned();
                Some(Section { kind, name, content: w.sized()? })
            })?,
            rulemap: self.optional("rulemap", "rulemap sha256:HEX bytes N", Words::sized)?,
            counts: Counts {
                rules: self.line("count", "count rules N", |w| w.labelled("rules"))?,
                patterns: self.line("count", "count patterns N", |w| w.labelled("patterns"))?,
                rejected: self.line("count", "count rejected N", |w| w.labelled("rejected"))?,
            },
            prev: self.optional("prev", "prev N image sha256:HEX", |w| {
                let serial = number(w.next()?)?;
                w.word("image")?;
                Some(Previous { serial, image: Digest::parse(w.next()?)? })
            })?,
            payload: self.line("payload", "payload full zstd sha256:HEX bytes N window N", |w| {
                w.word("full")?;
                w.word("zstd")?;
                Some(FullPayload { content: w.sized()?, window_log: w.window()? })
            })?,
            patches: self.many(
                "payload",
                "payload patch sha256:HEX zstd sha256:HEX bytes N window N",
                MAX_PATCHES,
                |w| {
                    w.word("patch")?;
                    let from = Digest::parse(w.next()?)?;
                    w.word("zstd")?;
                    Some(PatchPayload { from, content: w.sized()?, window_log: w.window()? })
                },
            )?,
        };
        self.end(&note)?;
        Ok(note)
    }

    /// Checks that nothing follows, and what one line cannot say: order and sizes.
    fn end(&mut self, note: &ReleaseNote) -> Result<(), Error> {
        if self.rest.peek().is_some() {
            return Err(Error::NoteLine { line: self.at.saturating_add(1), expected: "end of the note" });
        }
        if !note.sections.is_sorted_by(|a, b| a.kind < b.kind)
            || !note.patches.is_sorted_by(|a, b| a.from < b.from)
        {
            return Err(Error::NoteNotCanonical);
        }
        let image = [("image", note.image.bytes, MAX_IMAGE)];
        let payload = [("payload", note.payload.content.bytes, MAX_PAYLOAD)];
        let sections = note.sections.iter().map(|s| ("section", s.content.bytes, note.image.bytes));
        let patches = note.patches.iter().map(|p| ("patch payload", p.content.bytes, MAX_PAYLOAD));
        for (what, value, max) in image.into_iter().chain(payload).chain(sections).chain(patches) {
            if value > max {
                return Err(Error::Limit { what, value, max });
            }
        }
        Ok(())
    }

    /// A line that must come next. `keyword` is its first word, `expected` its whole shape.
    fn line<T>(
        &mut self,
        keyword: &'static str,
        expected: &'static str,
        read: impl FnOnce(&mut Words<'a>) -> Option<T>,
    ) -> Result<T, Error> {
        self.at = self.at.saturating_add(1);
        let Some(line) = self.rest.next() else {
            return Err(Error::NoteTruncated { line: self.at, expected: keyword });
        };
        let mut words = Words(line.split(' '));
        let value = words.word(keyword).and_then(|()| read(&mut words));
        match (value, words.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(Error::NoteLine { line: self.at, expected }),
        }
    }

    fn next_is(&mut self, keyword: &str) -> bool {
        self.rest.peek().is_some_and(|line| line.split(' ').next() == Some(keyword))
    }

    fn optional<T>(
        &mut self,
        keyword: &'static str,
        expected: &'static str,
        read: impl FnOnce(&mut Words<'a>) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        if !self.next_is(keyword) {
            return Ok(None);
        }
        self.line(keyword, expected, read).map(Some)
    }

    fn many<T>(
        &mut self,
        keyword: &'static str,
        expected: &'static str,
        max: usize,
        read: impl Fn(&mut Words<'a>) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        while self.next_is(keyword) {
            if items.len() >= max {
                return Err(Error::Limit {
                    what: expected,
                    value: items.len().saturating_add(1) as u64,
                    max: max as u64,
                });
            }
            items.push(self.line(keyword, expected, &read)?);
        }
        Ok(items)
    }
}

/// Versions may carry `+build` and `-pre` parts.
fn valid_version(version: &str) -> bool {
    version.len() <= MAX_NAME && version.split('+').all(valid_word)
}

/// Forward reader over the words of one line.
struct Words<'a>(std::str::Split<'a, char>);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.0.next()
    }

    fn word(&mut self, expected: &str) -> Option<()> {
        (self.next()? == expected).then_some(())
    }

    fn labelled(&mut self, label: &str) -> Option<u64> {
        self.word(label)?;
        number(self.next()?)
    }

    fn sized(&mut self) -> Option<SizedDigest> {
        Some(SizedDigest { digest: Digest::parse(self.next()?)?, bytes: self.labelled("bytes")? })
    }

    fn window(&mut self) -> Option<u8> {
        self.word("window")?;
        number(self.next()?).filter(|log| (MIN_WINDOW_LOG..=MAX_WINDOW_LOG).contains(log))
    }
}
