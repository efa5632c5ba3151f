//! What a scan found.

use hallmark_engine::{Bytes, Incomplete, MatchingPattern, MatchingRule, Outcome, Stats};
use hallmark_image::RuleId;

use crate::rule::{MetaValue, Rule, text};

/// What a scan found, and what it did not look at. Borrows the scanner until its next scan.
#[derive(Debug)]
pub struct Report<'s> {
    outcome: Outcome<'s>,
}

/// A rule that matches.
#[derive(Debug, Clone, Copy)]
pub struct RuleMatch<'s> {
    rule: MatchingRule<'s>,
    bytes: Bytes<'s>,
}

/// A pattern of a rule that matches, with its matches.
#[derive(Debug, Clone, Copy)]
pub struct PatternMatches<'s> {
    pattern: MatchingPattern<'s>,
    bytes: Bytes<'s>,
}

/// One match of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatternMatch<'s> {
    /// Offset of its first byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
    /// The key, for `xor` patterns.
    pub xor_key: Option<u8>,
    /// The bytes, as they are in the data. Of a stream that was longer than its window only the first ones, or none.
    pub data: &'s [u8],
}

impl<'s> Report<'s> {
    pub(crate) fn new(outcome: Outcome<'s>) -> Self {
        Report { outcome }
    }

    /// The rules that match, private ones apart, by namespace, then name.
    pub fn matches(&self) -> impl ExactSizeIterator<Item = RuleMatch<'s>> + '_ {
        self.outcome.matching().map(|rule| RuleMatch { rule, bytes: self.outcome.bytes() })
    }

    /// What was not evaluated. While this is not empty, a rule that is not listed may match nevertheless.
    pub fn incomplete(&self) -> &[Incomplete] {
        self.outcome.incomplete()
    }

    /// What rules wrote with `console.log`, oldest first.
    pub fn messages(&self) -> &[String] {
        self.outcome.messages()
    }

    /// Counts.
    pub fn stats(&self) -> Stats {
        self.outcome.stats()
    }

    /// The bytes that were scanned; nothing of a file that was too long, nor of a stream that was longer than its window.
    pub fn data(&self) -> &'s [u8] {
        match self.outcome.bytes() {
            Bytes::All(data) => data,
            Bytes::Captured(_) => &[],
        }
    }
}

impl<'s> RuleMatch<'s> {
    /// The rule.
    pub fn described(&self) -> Rule<'s> {
        Rule::new(self.rule.id(), self.rule.namespace(), self.rule.unit())
    }

    /// Its id in the database.
    pub fn id(&self) -> RuleId {
        self.rule.id()
    }

    /// Its name.
    pub fn rule(&self) -> &'s str {
        self.described().name()
    }

    /// Its namespace.
    pub fn namespace(&self) -> &'s str {
        self.described().namespace()
    }

    /// Its tags, in source order.
    pub fn tags(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        self.described().tags()
    }

    /// Its metadata, in source order.
    pub fn meta(&self) -> impl Iterator<Item = (&'s str, MetaValue<'s>)> + use<'s> {
        self.described().meta()
    }

    /// Its patterns that are not private, in source order, those without a match too.
    pub fn patterns(&self) -> impl Iterator<Item = PatternMatches<'s>> + use<'s> {
        let bytes = self.bytes;
        self.rule.patterns().map(move |pattern| PatternMatches { pattern, bytes })
    }
}

impl<'s> PatternMatches<'s> {
    /// `$a`, or `$`.
    pub fn id(&self) -> &'s str {
        text(self.pattern.id())
    }

    /// Its matches, by offset, at most one an offset.
    pub fn matches(&self) -> impl ExactSizeIterator<Item = PatternMatch<'s>> + use<'s> {
        let bytes = self.bytes;
        self.pattern.matches().iter().map(move |m| PatternMatch {
            offset: m.offset,
            length: m.length,
            xor_key: m.xor_key,
            data: bytes.of(m),
        })
    }
}
