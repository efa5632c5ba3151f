//! What a scan found, as plain structs.
//!
//! Input: a [`Report`]. Output: an [`hmk_report`] whose pointers lead into the lists of a [`Kept`], the database, and the
//! scanned data. The lists are reused, so that after the first scans nothing is allocated.

use std::ops::Range;

use hallmark_runtime::{MetaValue, Report, RuleMatch, Why};

use crate::border::hmk_str;

/// What a scan found. It and everything it points to is valid until the next call with its scanner, and only as long as
/// the scanned bytes are.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct hmk_report {
    /// The rules that match, private ones apart, by namespace, then name.
    pub rules: *const hmk_rule,
    /// How many.
    pub rules_len: usize,
    /// What was not evaluated. While this is not empty, a rule that is not listed may match nevertheless.
    pub incomplete: *const hmk_incomplete,
    /// How many.
    pub incomplete_len: usize,
    /// What rules wrote with console.log, oldest first.
    pub messages: *const hmk_str,
    /// How many.
    pub messages_len: usize,
    /// Bytes scanned.
    pub bytes: u64,
    /// Rules whose condition was evaluated.
    pub rules_evaluated: u64,
    /// Steps of verifiers and conditions, as hmk_scanner_max_steps counts them.
    pub steps: u64,
}

/// A rule that matches.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct hmk_rule {
    /// Its name.
    pub name: hmk_str,
    /// Its namespace.
    pub rule_namespace: hmk_str,
    /// Its tags, in source order.
    pub tags: *const hmk_str,
    /// How many.
    pub tags_len: usize,
    /// Its metadata, in source order.
    pub metas: *const hmk_meta,
    /// How many.
    pub metas_len: usize,
    /// Its patterns that are not private, in source order, those without a match too.
    pub patterns: *const hmk_pattern,
    /// How many.
    pub patterns_len: usize,
}

/// Which value a metadata entry has.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum hmk_meta_kind {
    /// It is in integer.
    HMK_META_INTEGER = 0,
    /// It is in floating.
    HMK_META_FLOAT = 1,
    /// It is in boolean.
    HMK_META_BOOLEAN = 2,
    /// It is in string.
    HMK_META_STRING = 3,
}

/// An entry of a rule's metadata. The values that its kind doesn't name are zero or empty.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct hmk_meta {
    /// Its name.
    pub name: hmk_str,
    /// Which value it has.
    pub kind: hmk_meta_kind,
    /// An integer.
    pub integer: i64,
    /// A float.
    pub floating: f64,
    /// A boolean.
    pub boolean: bool,
    /// A string.
    pub string: hmk_str,
}

/// A pattern of a rule that matches.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct hmk_pattern {
    /// `$a`, or `$`.
    pub id: hmk_str,
    /// Its matches, by offset, at most one an offset. Without hmk_scanner_strings, those of a pattern that the condition
    /// did not need may be missing.
    pub matches: *const hmk_match,
    /// How many.
    pub matches_len: usize,
}

/// A match of a pattern.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct hmk_match {
    /// Offset of its first byte in the scanned data.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
    /// The key of an xor pattern, or -1.
    pub xor_key: i32,
    /// The bytes.
    pub data: hmk_str,
}

/// Why something was not evaluated.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum hmk_why {
    /// Another reason, see the text.
    HMK_WHY_OTHER = 0,
    /// The time of hmk_scanner_timeout was up.
    HMK_WHY_TIMEOUT = 1,
    /// It was cancelled.
    HMK_WHY_CANCELLED = 2,
    /// The steps of hmk_scanner_max_steps were used up.
    HMK_WHY_STEPS = 3,
    /// The data are longer than hmk_scanner_max_bytes.
    HMK_WHY_TOO_LONG = 4,
    /// There are more matches than are kept.
    HMK_WHY_TOO_MANY_MATCHES = 5,
    /// It took more steps than the length of the data allows.
    HMK_WHY_TOO_COSTLY = 6,
    /// In a stream: a match may be longer than what is kept of it.
    HMK_WHY_LONG_MATCH = 7,
    /// In a stream: the rule asks for more of the file than is kept.
    HMK_WHY_NOT_KEPT = 8,
    /// Bytes could not be read.
    HMK_WHY_UNREADABLE = 9,
}

/// Something that was not evaluated.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct hmk_incomplete {
    /// "data" (nothing was scanned), "patterns" (no condition was evaluated), "rules" (some conditions were not),
    /// "matches" (some matches are not listed), or a pattern as "namespace:rule:$id".
    pub what: hmk_str,
    /// Why.
    pub why: hmk_why,
    /// Why, for people.
    pub reason: hmk_str,
}

/// The lists that reports point to. A struct that points to a list is listed with the range of it, and gets its pointers
/// when no list grows any more.
#[derive(Debug, Default)]
pub struct Kept {
    rules: Vec<hmk_rule>,
    tags: Vec<hmk_str>,
    metas: Vec<hmk_meta>,
    patterns: Vec<hmk_pattern>,
    matches: Vec<hmk_match>,
    incomplete: Vec<hmk_incomplete>,
    messages: Vec<hmk_str>,
    /// For each rule its tags, metadata and patterns.
    of_rule: Vec<[Range<usize>; 3]>,
    /// For each pattern its matches.
    of_pattern: Vec<Range<usize>>,
    texts: Vec<String>,
}

const EMPTY: hmk_str = hmk_str { data: c"".as_ptr(), len: 0 };

impl Kept {
    /// The report in C's words.
    pub fn keep(&mut self, report: &Report<'_>) -> hmk_report {
        self.clear();
        for rule in report.matches() {
            self.rule(&rule);
        }
        self.texts.extend(report.messages().iter().cloned());
        for missing in report.incomplete() {
            self.texts.extend([missing.what.clone(), missing.why.to_string()]);
        }
        let messages = report.messages().len();
        let mut texts = self.texts.iter().map(|text| hmk_str::of(text.as_bytes()));
        self.messages.extend(texts.by_ref().take(messages));
        for missing in report.incomplete() {
            let (what, reason) = (texts.next().unwrap_or(EMPTY), texts.next().unwrap_or(EMPTY));
            self.incomplete.push(hmk_incomplete { what, why: why(missing.why), reason });
        }
        self.connect();
        let stats = report.stats();
        hmk_report {
            rules: self.rules.as_ptr(),
            rules_len: self.rules.len(),
            incomplete: self.incomplete.as_ptr(),
            incomplete_len: self.incomplete.len(),
            messages: self.messages.as_ptr(),
            messages_len: self.messages.len(),
            bytes: stats.bytes,
            rules_evaluated: stats.rules_evaluated,
            steps: stats.steps,
        }
    }

    fn clear(&mut self) {
        self.rules.clear();
        self.tags.clear();
        self.metas.clear();
        self.patterns.clear();
        self.matches.clear();
        self.incomplete.clear();
        self.messages.clear();
        self.of_rule.clear();
        self.of_pattern.clear();
        self.texts.clear();
    }

    fn rule(&mut self, rule: &RuleMatch<'_>) {
        let (tags, metas, patterns) = (self.tags.len(), self.metas.len(), self.patterns.len());
        self.tags.extend(rule.tags().map(|tag| hmk_str::of(tag.as_bytes())));
        self.metas.extend(rule.meta().map(|(name, value)| meta(name, value)));
        for pattern in rule.patterns() {
            let first = self.matches.len();
            self.matches.extend(pattern.matches().map(|found| hmk_match {
                offset: found.offset,
                length: found.length,
                xor_key: found.xor_key.map_or(-1, i32::from),
                data: hmk_str::of(found.data),
            }));
            self.of_pattern.push(first..self.matches.len());
            let id = hmk_str::of(pattern.id().as_bytes());
            self.patterns.push(hmk_pattern { id, matches: std::ptr::null(), matches_len: 0 });
        }
        self.of_rule.push([tags..self.tags.len(), metas..self.metas.len(), patterns..self.patterns.len()]);
        self.rules.push(hmk_rule {
            name: hmk_str::of(rule.rule().as_bytes()),
            rule_namespace: hmk_str::of(rule.namespace().as_bytes()),
            tags: std::ptr::null(),
            tags_len: 0,
            metas: std::ptr::null(),
            metas_len: 0,
            patterns: std::ptr::null(),
            patterns_len: 0,
        });
    }

    fn connect(&mut self) {
        for (pattern, range) in self.patterns.iter_mut().zip(&self.of_pattern) {
            (pattern.matches, pattern.matches_len) = part(&self.matches, range);
        }
        for (rule, [tags, metas, patterns]) in self.rules.iter_mut().zip(&self.of_rule) {
            (rule.tags, rule.tags_len) = part(&self.tags, tags);
            (rule.metas, rule.metas_len) = part(&self.metas, metas);
            (rule.patterns, rule.patterns_len) = part(&self.patterns, patterns);
        }
    }
}

fn part<T>(list: &[T], range: &Range<usize>) -> (*const T, usize) {
    let part = list.get(range.clone()).unwrap_or_default();
    (part.as_ptr(), part.len())
}

fn meta(name: &str, value: MetaValue<'_>) -> hmk_meta {
    let mut meta = hmk_meta {
        name: hmk_str::of(name.as_bytes()),
        kind: hmk_meta_kind::HMK_META_INTEGER,
        integer: 0,
        floating: 0.0,
        boolean: false,
        string: EMPTY,
    };
    match value {
        MetaValue::Int(i) => meta.integer = i,
        MetaValue::Float(x) => (meta.kind, meta.floating) = (hmk_meta_kind::HMK_META_FLOAT, x),
        MetaValue::Bool(b) => (meta.kind, meta.boolean) = (hmk_meta_kind::HMK_META_BOOLEAN, b),
        MetaValue::Str(s) => (meta.kind, meta.string) = (hmk_meta_kind::HMK_META_STRING, hmk_str::of(s)),
    }
    meta
}

fn why(why: Why) -> hmk_why {
    match why {
        Why::Deadline => hmk_why::HMK_WHY_TIMEOUT,
        Why::Cancelled => hmk_why::HMK_WHY_CANCELLED,
        Why::Steps => hmk_why::HMK_WHY_STEPS,
        Why::TooLong { .. } => hmk_why::HMK_WHY_TOO_LONG,
        Why::TooManyMatches => hmk_why::HMK_WHY_TOO_MANY_MATCHES,
        Why::TooCostly => hmk_why::HMK_WHY_TOO_COSTLY,
        Why::LongMatch => hmk_why::HMK_WHY_LONG_MATCH,
        Why::NotKept => hmk_why::HMK_WHY_NOT_KEPT,
        Why::Unreadable { .. } => hmk_why::HMK_WHY_UNREADABLE,
        _ => hmk_why::HMK_WHY_OTHER,
    }
}
