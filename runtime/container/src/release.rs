//! The release note: one canonical ASCII text that says everything a release promises. Input: text. Output:
//! [`ReleaseNote`]. A text is accepted only if writing the parsed note gives the same bytes, so each release has one
//! spelling and a signature covers exactly one meaning.

use std::fmt;

use crate::limits::{MAX_NAME, MAX_NOTE_TEXT};
use crate::reader::{Lines, number};
use crate::{Digest, Error};

/// First line: names the role of the text, so that no other signed text can pass for a release.
pub(crate) const CONTEXT: &str = "hallmark-release/v1";

/// What a release promises, field by field in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseNote {
    /// Database name; see [`valid_db_name`].
    pub db: String,
    /// Grows with every release of the database.
    pub serial: u64,
    /// Format of the image.
    pub image_format: FormatVersion,
    /// Oldest engine that can run the image.
    pub engine_min: EngineVersion,
    /// Unix seconds, stated by the source, never by a clock.
    pub source_date: u64,
    /// Unix seconds after which the release is stale; absent means it never is.
    pub expires: Option<u64>,
    /// The source manifest.
    pub source: Source,
    /// The compiler that made the image.
    pub compiler: Compiler,
    /// Digest of the compile options.
    pub options: Digest,
    /// The uncompressed image: the identity of the release.
    pub image: SizedDigest,
    /// Sections of the image, kinds strictly ascending.
    pub sections: Vec<Section>,
    /// The rule map published beside the image.
    pub rulemap: Option<SizedDigest>,
    /// How much was compiled.
    pub counts: Counts,
    /// The release before this one.
    pub prev: Option<Previous>,
    /// The payload that holds the whole image.
    pub payload: FullPayload,
    /// Patches, ascending by the image they start from.
    pub patches: Vec<PatchPayload>,
}

/// `major.minor` of the image format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FormatVersion {
    /// Changes when old readers cannot read new images.
    pub major: u16,
    /// Changes when old readers can.
    pub minor: u16,
}

/// `major.minor.patch` of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EngineVersion {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

/// The `source` line: SHA-256 of the sorted manifest of all source files, their number and total size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Digest of the manifest.
    pub digest: Digest,
    /// Number of files.
    pub files: u64,
    /// Their total size.
    pub bytes: u64,
}

/// The `compiler` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiler {
    /// Program name; one word.
    pub name: String,
    /// Its version; one word.
    pub version: String,
    /// Digest of its own source manifest.
    pub digest: Digest,
}

/// A digest with the length of what it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizedDigest {
    /// SHA-256.
    pub digest: Digest,
    /// Length in bytes.
    pub bytes: u64,
}

impl SizedDigest {
    /// Digest and length of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self { digest: Digest::of(bytes), bytes: bytes.len() as u64 }
    }
}

/// A `section` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Section kind in the image.
    pub kind: u32,
    /// Its name; one word.
    pub name: String,
    /// Digest and length of its bytes.
    pub content: SizedDigest,
}

/// The `count` lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Rules in the image.
    pub rules: u64,
    /// Patterns in the image.
    pub patterns: u64,
    /// Rules left out, each accepted by the source.
    pub rejected: u64,
}

/// The `prev` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Previous {
    /// Serial of the release before.
    pub serial: u64,
    /// Its image.
    pub image: Digest,
}

/// The `payload full` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullPayload {
    /// Digest and length of the compressed payload.
    pub content: SizedDigest,
    /// Window exponent a decoder needs.
    pub window_log: u8,
}

/// A `payload patch` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchPayload {
    /// The image the patch starts from.
    pub from: Digest,
    /// Digest and length of the patch.
    pub content: SizedDigest,
    /// Window exponent a decoder needs.
    pub window_log: u8,
}

impl ReleaseNote {
    /// Reads the canonical text, without signatures.
    pub fn parse_text(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_NOTE_TEXT {
            return Err(Error::Limit {
                what: "release note text",
                value: text.len() as u64,
                max: MAX_NOTE_TEXT as u64,
            });
        }
        if let Some(at) = text.bytes().position(|b| b != b'\n' && b != b' ' && !b.is_ascii_graphic()) {
            return Err(Error::NoteNotAscii { at });
        }
        let note = Lines::new(text).note()?;
        if note.to_text() != text {
            return Err(Error::NoteNotCanonical);
        }
        Ok(note)
    }

    /// The canonical text: what is signed and what a log stores.
    pub fn to_text(&self) -> String {
        self.to_string()
    }

    /// The patch from the image `from`, if there is one.
    pub fn patch_from(&self, from: Digest) -> Option<&PatchPayload> {
        self.patches.iter().find(|patch| patch.from == from)
    }

    /// The patches with this content: one, unless the same bytes do for two images.
    pub fn patches_of(&self, content: SizedDigest) -> impl Iterator<Item = &PatchPayload> {
        self.patches.iter().filter(move |patch| patch.content == content)
    }

    /// Whether the release has expired at `now` (Unix seconds). Scanning goes on; someone should be told.
    pub fn is_stale(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| now > expires)
    }
}

impl fmt::Display for ReleaseNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{CONTEXT}")?;
        writeln!(f, "db {}", self.db)?;
        writeln!(f, "serial {}", self.serial)?;
        writeln!(f, "image-format {}", self.image_format)?;
        writeln!(f, "engine-min {}", self.engine_min)?;
        writeln!(f, "source-date {}", self.source_date)?;
        if let Some(expires) = self.expires {
            writeln!(f, "expires {expires}")?;
        }
        let Source { digest, files, bytes } = self.source;
        writeln!(f, "source {digest} files {files} bytes {bytes}")?;
        let Compiler { name, version, digest } = &self.compiler;
        writeln!(f, "compiler {name} {version} {digest}")?;
        writeln!(f, "options {}", self.options)?;
        writeln!(f, "image {}", self.image)?;
        for Section { kind, name, content } in &self.sections {
            writeln!(f, "section {kind} {name} {content}")?;
        }
        if let Some(rulemap) = self.rulemap {
            writeln!(f, "rulemap {rulemap}")?;
        }
        writeln!(f, "count rules {}", self.counts.rules)?;
        writeln!(f, "count patterns {}", self.counts.patterns)?;
        writeln!(f, "count rejected {}", self.counts.rejected)?;
        if let Some(Previous { serial, image }) = self.prev {
            writeln!(f, "prev {serial} image {image}")?;
        }
        let FullPayload { content, window_log } = self.payload;
        writeln!(f, "payload full zstd {content} window {window_log}")?;
        for PatchPayload { from, content, window_log } in &self.patches {
            writeln!(f, "payload patch {from} zstd {content} window {window_log}")?;
        }
        Ok(())
    }
}

impl fmt::Display for SizedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes {}", self.digest, self.bytes)
    }
}

impl fmt::Display for FormatVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for EngineVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl EngineVersion {
    /// Reads `major.minor.patch`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.').map(number::<u32>);
        Some(Self { major: parts.next()??, minor: parts.next()??, patch: parts.next()?? })
    }
}

impl FormatVersion {
    /// Reads `major.minor`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(2, '.').map(number::<u16>);
        Some(Self { major: parts.next()??, minor: parts.next()?? })
    }
}

/// Whether `name` can name a database: path-like words of ASCII letters, digits, `.`, `_`, `-`, joined by `/`, none
/// of them `.` or `..`, at most [`MAX_NAME`] bytes. Such a name is safe in a file name once `/` is replaced.
pub fn valid_db_name(name: &str) -> bool {
    name.len() <= MAX_NAME && name.split('/').all(valid_word)
}

/// Whether `word` is one plain word of a note: ASCII letters, digits, `.`, `_`, `-`, and not only dots.
pub fn valid_word(word: &str) -> bool {
    word.len() <= MAX_NAME
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && word.bytes().any(|b| b != b'.')
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::{MAX_IMAGE, MAX_PAYLOAD, MAX_WINDOW_LOG, MIN_WINDOW_LOG};

    /// The example of the format's documentation.
    pub(crate) fn sample() -> ReleaseNote {
        let digest = |seed: u8| Digest::of(&[seed]);
        let sized = |seed, bytes| SizedDigest { digest: digest(seed), bytes };
        ReleaseNote {
            db: "example.org/core".into(),
            serial: 20417,
            image_format: FormatVersion { major: 1, minor: 0 },
            engine_min: EngineVersion { major: 0, minor: 1, patch: 0 },
            source_date: 1763856000,
            expires: Some(1766448000),
            source: Source { digest: digest(1), files: 1040, bytes: 4106240 },
            compiler: Compiler { name: "hallmark".into(), version: "0.1.0".into(), digest: digest(2) },
            options: digest(3),
            image: sized(4, 31457280),
            sections: vec![
                Section { kind: 1, name: "strings".into(), content: sized(5, 8388608) },
                Section { kind: 3, name: "prefilter".into(), content: sized(6, 1327539) },
            ],
            rulemap: Some(sized(7, 1843200)),
            counts: Counts { rules: 12044, patterns: 59216, rejected: 3 },
            prev: Some(Previous { serial: 20416, image: digest(8) }),
            payload: FullPayload { content: sized(9, 9437184), window_log: 25 },
            patches: vec![PatchPayload { from: digest(8), content: sized(10, 41233), window_log: 26 }],
        }
    }

    fn refuse(text: &str) -> Error {
        ReleaseNote::parse_text(text).unwrap_err()
    }

    #[test]
    fn lines_are_those_of_the_format() {
        let text = sample().to_text();
        let hex = Digest::of(&[9]).hex();
        assert!(
            text.starts_with("hallmark-release/v1\ndb example.org/core\nserial 20417\nimage-format 1.0\n")
        );
        assert!(text.contains(&format!("\npayload full zstd sha256:{hex} bytes 9437184 window 25\n")));
        assert!(text.contains(&format!("\nprev 20416 image {}\n", Digest::of(&[8]))));
        assert_eq!(ReleaseNote::parse_text(&text).unwrap(), sample());
    }

    #[test]
    fn optional_lines_may_be_absent() {
        let note = ReleaseNote {
            expires: None,
            rulemap: None,
            prev: None,
            patches: vec![],
            sections: vec![],
            ..sample()
        };
        assert_eq!(ReleaseNote::parse_text(&note.to_text()).unwrap(), note);
        assert!(!note.is_stale(u64::MAX));
        assert!(sample().is_stale(1766448001) && !sample().is_stale(1766448000));
    }

    #[test]
    fn other_spellings_are_refused() {
        let text = sample().to_text();
        for (from, to) in [
            ("serial 20417", "serial 020417"),
            ("serial 20417", "serial +20417"),
            ("serial 20417", "serial  20417"),
            ("serial 20417", "serial 20417 "),
            ("serial 20417", "Serial 20417"),
            ("image-format 1.0", "image-format 1.00"),
            ("engine-min 0.1.0", "engine-min 0.1"),
            ("engine-min 0.1.0", "engine-min 0.1.0.0"),
            ("db example.org/core", "db ../core"),
            ("db example.org/core", "db /core"),
            ("db example.org/core", "db core/"),
            ("window 25", "window 28"),
            ("window 25", "window 9"),
            ("files 1040 bytes 4106240", "bytes 4106240 files 1040"),
            ("section 3 prefilter", "section 3 pre/filter"),
        ] {
            assert!(text.contains(from), "{from}");
            assert!(matches!(refuse(&text.replacen(from, to, 1)), Error::NoteLine { .. }), "{to}");
        }
        assert_eq!(refuse(&text.replace("section 3", "section 1")), Error::NoteNotCanonical);
        assert_eq!(refuse(&text.replace("hallmark-release/v1", "hallmark-release/v2")), Error::NoteContext);
        assert!(matches!(refuse(&text.replace('\n', "\r\n")), Error::NoteNotAscii { .. }));
        assert_eq!(refuse(text.trim_end()), Error::NoteNotCanonical);
        assert!(matches!(refuse(&format!("{text}\n")), Error::NoteLine { expected: "end of the note", .. }));
    }

    #[test]
    fn sizes_over_the_limits_are_refused() {
        let over = |edit: fn(&mut ReleaseNote)| {
            let mut note = sample();
            edit(&mut note);
            refuse(&note.to_text())
        };
        assert!(matches!(over(|n| n.image.bytes = MAX_IMAGE + 1), Error::Limit { what: "image", .. }));
        assert!(matches!(over(|n| n.payload.content.bytes = MAX_PAYLOAD + 1), Error::Limit { .. }));
        assert!(matches!(over(|n| n.sections[0].content.bytes = n.image.bytes + 1), Error::Limit { .. }));
        let many = |n: &mut ReleaseNote| {
            n.sections = (0..61).map(|kind| Section { kind, ..n.sections[0].clone() }).collect();
        };
        assert!(matches!(over(many), Error::Limit { max: 60, .. }));
        assert!(matches!(refuse(&"x".repeat(MAX_NOTE_TEXT + 1)), Error::Limit { .. }));
    }

    #[test]
    fn every_line_but_the_optional_ones_is_needed() {
        let text = sample().to_text();
        let lines: Vec<_> = text.lines().collect();
        for skip in 0..lines.len() {
            let without: String = lines
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != skip)
                .map(|(_, l)| format!("{l}\n"))
                .collect();
            let optional = ["expires", "section", "rulemap", "prev", "payload patch"];
            let may_go = optional.iter().any(|keyword| lines[skip].starts_with(keyword));
            assert_eq!(ReleaseNote::parse_text(&without).is_ok(), may_go, "{}", lines[skip]);
        }
    }

    proptest! {
        #[test]
        fn numbers_and_options_round_trip(
            (serial, date, rules) in any::<(u64, u64, u64)>(),
            expires in any::<Option<u64>>(),
            (major, minor, patch) in any::<(u32, u32, u32)>(),
            bytes in 0..=MAX_IMAGE,
            window_log in MIN_WINDOW_LOG..=MAX_WINDOW_LOG,
            kinds in prop::collection::btree_set(any::<u32>(), 0..60),
            rulemap in any::<bool>(),
        ) {
            let base = sample();
            let image = SizedDigest { bytes, ..base.image };
            let note = ReleaseNote {
                serial,
                source_date: date,
                expires,
                engine_min: EngineVersion { major, minor, patch },
                image,
                sections: kinds.into_iter().map(|kind| Section { kind, name: "s".into(), content: image }).collect(),
                rulemap: base.rulemap.filter(|_| rulemap),
                counts: Counts { rules, ..base.counts },
                payload: FullPayload { window_log, ..base.payload },
                ..base
            };
            let text = note.to_text();
            prop_assert_eq!(&ReleaseNote::parse_text(&text).unwrap(), &note);
        }

        #[test]
        fn an_accepted_text_is_the_canonical_one(at in 0usize..900, byte in 0x20u8..0x7F) {
            let mut bytes = sample().to_text().into_bytes();
            let at = at % bytes.len();
            bytes[at] = byte;
            let text = String::from_utf8(bytes).unwrap();
            if let Ok(note) = ReleaseNote::parse_text(&text) {
                prop_assert_eq!(note.to_text(), text);
            }
        }
    }
}
