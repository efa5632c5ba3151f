//! What a scan found.

use hallmark_engine::{Incomplete, MatchingPattern, MatchingRule, Outcome, Stats};
use hallmark_image::RuleId;
use hallmark_image::record::{Slice, ValueKind};

/// What a scan found, and what it did not look at. Borrows the scanner until its next scan.
#[derive(Debug)]
pub struct Report<'s> {
    outcome: Outcome<'s>,
    data: &'s [u8],
}

/// A rule that matches.
#[derive(Debug, Clone, Copy)]
pub struct RuleMatch<'s> {
    rule: MatchingRule<'s>,
    data: &'s [u8],
}

/// A pattern of a rule that matches, with its matches.
#[derive(Debug, Clone, Copy)]
pub struct PatternMatches<'s> {
    pattern: MatchingPattern<'s>,
    data: &'s [u8],
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
    /// The bytes, as they are in the data.
    pub data: &'s [u8],
}

/// Value of a metadata entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetaValue<'s> {
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// Boolean.
    Bool(bool),
    /// Bytes, in most cases UTF-8.
    Str(&'s [u8]),
}

impl<'s> Report<'s> {
    pub(crate) fn new(outcome: Outcome<'s>, data: &'s [u8]) -> Self {
        Report { outcome, data }
    }

    /// The rules that match, private ones apart, by namespace, then name.
    pub fn matches(&self) -> impl ExactSizeIterator<Item = RuleMatch<'s>> + '_ {
        self.outcome.matching().map(|rule| RuleMatch { rule, data: self.data })
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

    /// The bytes that were scanned; nothing of a file that was too long.
    pub fn data(&self) -> &'s [u8] {
        self.data
    }
}

impl<'s> RuleMatch<'s> {
    /// Its id in the database.
    pub fn id(&self) -> RuleId {
        self.rule.id()
    }

    /// Its name.
    pub fn rule(&self) -> &'s str {
        text(self.rule.unit().map_or(&[][..], |u| u.name()))
    }

    /// Its namespace.
    pub fn namespace(&self) -> &'s str {
        text(self.rule.namespace())
    }

    /// Its tags, in source order.
    pub fn tags(&self) -> impl Iterator<Item = &'s str> + use<'s> {
        let unit = self.rule.unit();
        let blob = unit.map_or(&[][..], |u| u.blob);
        unit.map_or(&[][..], |u| u.tags).iter().map(move |t| text(t.of(blob)))
    }

    /// Its metadata, in source order.
    pub fn meta(&self) -> impl Iterator<Item = (&'s str, MetaValue<'s>)> + use<'s> {
        let unit = self.rule.unit();
        let blob = unit.map_or(&[][..], |u| u.blob);
        unit.map_or(&[][..], |u| u.metas).iter().map(move |meta| {
            let bits = meta.value.get();
            let value = match ValueKind::new(meta.kind.get()) {
                Some(ValueKind::Float) => MetaValue::Float(f64::from_bits(bits)),
                Some(ValueKind::Bool) => MetaValue::Bool(bits != 0),
                Some(ValueKind::Str) => MetaValue::Str(Slice::from_bits(bits).of(blob)),
                Some(ValueKind::Int) | None => MetaValue::Int(bits as i64),
            };
            (text(meta.name.of(blob)), value)
        })
    }

    /// Its patterns that are not private, in source order, those without a match too.
    pub fn patterns(&self) -> impl Iterator<Item = PatternMatches<'s>> + use<'s> {
        let data = self.data;
        self.rule.patterns().map(move |pattern| PatternMatches { pattern, data })
    }
}

impl<'s> PatternMatches<'s> {
    /// `$a`, or `$`.
    pub fn id(&self) -> &'s str {
        text(self.pattern.id())
    }

    /// Its matches, by offset, at most one an offset.
    pub fn matches(&self) -> impl ExactSizeIterator<Item = PatternMatch<'s>> + use<'s> {
        let data = self.data;
        self.pattern.matches().iter().map(move |m| {
            let start = usize::try_from(m.offset).unwrap_or(usize::MAX);
            let length = usize::try_from(m.length).unwrap_or(usize::MAX);
            let bytes = start.checked_add(length).and_then(|end| data.get(start..end));
            let data = bytes.unwrap_or_default();
            PatternMatch { offset: m.offset, length: m.length, xor_key: m.xor_key, data }
        })
    }
}

/// Names are ASCII or UTF-8; what a damaged image has instead is replaced.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("\u{FFFD}")
}
