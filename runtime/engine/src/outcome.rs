//! What a scan found, and what it did not look at.

use std::fmt;

use hallmark_image::record::{ANYWHERE, Pattern, pattern_flags};
use hallmark_image::{Image, RuleId, Unit};

use crate::captured::Bytes;
use crate::matches::{Match, Matches};

/// Why something was not evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// The deadline passed.
    Deadline,
    /// The caller cancelled.
    Cancelled,
    /// The steps were used up.
    Steps,
    /// The data are longer than the caller allows.
    TooLong {
        /// Their length, or the least it can be.
        len: u64,
        /// The longest allowed.
        max: u64,
    },
    /// More matches than are kept.
    TooManyMatches,
    /// In a stream: a match may be longer than what is kept of it.
    LongMatch,
    /// In a stream: the condition asks for bytes that were not kept, or for a module that needs the whole file.
    NotKept,
    /// Bytes that the source could not give.
    Unreadable {
        /// How many.
        bytes: u64,
    },
    /// It took more steps than the length of the data allows, so that it was left alone from then on.
    TooCostly,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Deadline => f.write_str("the time limit was reached"),
            Why::Cancelled => f.write_str("the scan was cancelled"),
            Why::Steps => f.write_str("the step limit was reached"),
            Why::TooLong { len, max } => write!(f, "{len} bytes are more than the limit of {max}"),
            Why::TooCostly => f.write_str("it takes too many steps on these data"),
            Why::LongMatch => f.write_str("a match may be longer than what is kept of a stream"),
            Why::NotKept => f.write_str("it asks for more of the file than is kept of a stream"),
            Why::Unreadable { bytes } => write!(f, "{bytes} bytes could not be read"),
            Why::TooManyMatches => f.write_str("there are more matches than are kept"),
        }
    }
}

/// Something that was not evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// What: `data` (nothing was scanned, or not all of it), `patterns` (no condition was evaluated), `rules` (some conditions were not),
    /// `matches` (some of the rules' matches are not listed), a rule as `namespace:rule`, or a pattern as
    /// `namespace:rule:$id`.
    pub what: String,
    /// Why not.
    pub why: Why,
}

/// Counts of one scan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes scanned.
    pub bytes: u64,
    /// Places where an atom was seen.
    pub candidates: u64,
    /// Matches, before several at one offset are joined.
    pub matches: u64,
    /// Rules whose condition was evaluated.
    pub rules_evaluated: u64,
    /// Steps of verifiers and conditions.
    pub steps: u64,
}

/// What a scan found. Borrows the scratch until the next scan.
#[derive(Debug)]
pub struct Outcome<'a> {
    pub(crate) image: Image<'a>,
    pub(crate) matching: &'a [RuleId],
    pub(crate) matches: &'a Matches,
    pub(crate) bytes: Bytes<'a>,
    pub(crate) incomplete: Vec<Incomplete>,
    pub(crate) messages: Vec<String>,
    pub(crate) stats: Stats,
}

impl<'a> Outcome<'a> {
    /// The rules that match, private ones apart, by namespace, then name.
    pub fn matching(&self) -> impl ExactSizeIterator<Item = MatchingRule<'a>> + '_ {
        self.matching.iter().map(|&id| self.rule(id))
    }

    /// The bytes of matches.
    pub fn bytes(&self) -> Bytes<'a> {
        self.bytes
    }

    /// What was not evaluated. While this is not empty, a rule that is not listed may match nevertheless.
    pub fn incomplete(&self) -> &[Incomplete] {
        &self.incomplete
    }

    /// What rules wrote with `console.log`, oldest first.
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// Counts.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    fn rule(&self, id: RuleId) -> MatchingRule<'a> {
        MatchingRule { id, image: self.image, matches: self.matches, unit: self.image.unit(id) }
    }
}

/// A rule that matches.
#[derive(Debug, Clone, Copy)]
pub struct MatchingRule<'a> {
    id: RuleId,
    image: Image<'a>,
    unit: Option<Unit<'a>>,
    matches: &'a Matches,
}

impl<'a> MatchingRule<'a> {
    /// Its id.
    pub fn id(&self) -> RuleId {
        self.id
    }

    /// Its unit in the image: name, tags, metadata.
    pub fn unit(&self) -> Option<Unit<'a>> {
        self.unit
    }

    /// Its namespace.
    pub fn namespace(&self) -> &'a [u8] {
        self.unit.map_or(&[][..], |u| self.image.namespace(u.header.namespace.get()))
    }

    /// Its patterns that are not private, in source order, those without a match too.
    pub fn patterns(&self) -> impl Iterator<Item = MatchingPattern<'a>> + use<'a> {
        let (id, unit, matches) = (self.id, self.unit, self.matches);
        let patterns = unit.map_or(&[][..], |u| u.patterns).iter().enumerate();
        patterns.filter(|(_, p)| p.flags.get() & pattern_flags::PRIVATE == 0).filter_map(
            move |(i, pattern)| {
                let found = matches.get(id, i);
                let found = match pattern.only_at.get() {
                    ANYWHERE => found,
                    // Its other matches were of no interest to the condition, and are none to the reader.
                    at => match found.binary_search_by_key(&u64::from(at), |m| m.offset) {
                        Ok(i) => found.get(i..)?.get(..1)?,
                        Err(_) => &[],
                    },
                };
                Some(MatchingPattern { pattern, blob: unit?.blob, matches: found })
            },
        )
    }
}

/// A pattern of a rule that matches.
#[derive(Debug, Clone, Copy)]
pub struct MatchingPattern<'a> {
    pattern: &'a Pattern,
    blob: &'a [u8],
    matches: &'a [Match],
}

impl<'a> MatchingPattern<'a> {
    /// `$a`, or `$`.
    pub fn id(&self) -> &'a [u8] {
        self.pattern.id.of(self.blob)
    }

    /// Its matches, by offset, at most one an offset.
    pub fn matches(&self) -> &'a [Match] {
        self.matches
    }
}
