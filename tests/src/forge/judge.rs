//! What has to hold for any image that can be parsed, whatever it says, and for valid ones besides.

use std::convert::Infallible;

use hallmark_engine::{
    Incomplete, Match, Outcome, Piece, Scratch, Settings, Shape, Source, Stats, Why, Window, scan,
    scan_parts, scan_stream, search_part,
};
use hallmark_image::{Image, RuleId};

/// Steps that a scan may take here.
pub const STEPS: u64 = 50_000;

/// What a scan found, to be compared with what another found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The rules that match, and for each the matches of its patterns.
    pub rules: Vec<(RuleId, Vec<Vec<Match>>)>,
    /// What was not evaluated.
    pub incomplete: Vec<Incomplete>,
    /// What rules wrote.
    pub messages: Vec<String>,
    /// Counts.
    pub stats: Stats,
}

impl Answer {
    fn of(outcome: &Outcome<'_>) -> Self {
        let rules = outcome.matching().map(|rule| {
            assert!(rule.unit().is_some(), "a rule that matches is no rule of the image");
            (rule.id(), rule.patterns().map(|pattern| pattern.matches().to_vec()).collect())
        });
        Answer {
            rules: rules.collect(),
            incomplete: outcome.incomplete().to_vec(),
            messages: outcome.messages().to_vec(),
            stats: outcome.stats(),
        }
    }

    /// Matches lie in data of this length, in order, one at an offset.
    fn check_matches(&self, len: usize) {
        for found in self.rules.iter().flat_map(|(_, patterns)| patterns) {
            let inside = |m: &Match| m.offset.checked_add(m.length).is_some_and(|end| end <= len as u64);
            assert!(found.iter().all(inside), "a match leaves {len} bytes: {found:?}");
            assert!(found.is_sorted_by(|a, b| a.offset < b.offset), "matches are not in order: {found:?}");
        }
    }

    fn is_told(&self, why: Why) -> bool {
        self.incomplete.iter().any(|incomplete| incomplete.why == why)
    }

    fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }
}

/// Scans data in one piece, in at most so many steps.
pub fn scan_whole(image: &Image<'_>, scratch: &mut Scratch, data: &[u8], steps: u64) -> Answer {
    let outcome = scan(image, scratch, data, &settings(steps));
    for found in outcome.matching().flat_map(|rule| rule.patterns()).flat_map(|pattern| pattern.matches()) {
        assert_eq!(outcome.bytes().of(found).len() as u64, found.length, "the bytes of {found:?}");
    }
    Answer::of(&outcome)
}

fn settings(steps: u64) -> Settings<'static> {
    Settings { max_steps: Some(steps), strings: true, ..Settings::default() }
}

/// Scans data whole, in two parts, and as a stream that keeps a window and gives so many bytes at a time. The same scan
/// gives the same answer, matches lie in the data, and a limit that was hit is told. Of a `valid` image whole, parts and
/// stream agree, as far as they say that they know.
///
/// # Panics
/// Something of this is not so.
pub fn judge(image: &Image<'_>, data: &[u8], window: Window, piece: usize, valid: bool) -> Answer {
    let scratch = &mut Scratch::new();
    let whole = scan_whole(image, scratch, data, STEPS);
    whole.check_matches(data.len());
    assert_eq!(scan_whole(image, scratch, data, STEPS), whole, "the second scan differs from the first");
    limits(image, scratch, data, &whole);

    let parts = in_parts(image, scratch, data, piece);
    parts.check_matches(data.len());
    let stream = streamed(image, scratch, data, window, piece);
    stream.check_matches(data.len());
    assert_eq!(
        streamed(image, scratch, data, window, piece),
        stream,
        "the second stream differs from the first"
    );
    if valid && whole.is_complete() {
        if parts.is_complete() {
            assert_eq!((&parts.rules, &parts.messages), (&whole.rules, &whole.messages), "parts");
        }
        if stream.is_complete() {
            assert_eq!(stream.rules, whole.rules, "{window:?}");
        }
        if data.len() < window.len {
            assert_eq!(stream, whole, "a stream that fits {window:?}");
        }
    }
    whole
}

/// Steps and bytes that are too few are told to be, and as many as are needed change nothing.
fn limits(image: &Image<'_>, scratch: &mut Scratch, data: &[u8], whole: &Answer) {
    let taken = whole.stats.steps;
    assert!(taken <= STEPS, "{taken} steps");
    if whole.is_complete() {
        assert_eq!(scan_whole(image, scratch, data, taken), *whole, "with as many steps as it takes");
        if taken > 0 {
            let short = scan_whole(image, scratch, data, taken / 2);
            assert!(short.is_told(Why::Steps), "{} of {taken} steps are enough: {short:?}", taken / 2);
        }
    } else if taken < STEPS {
        assert!(!whole.is_told(Why::Steps), "{taken} of {STEPS} steps are too many");
    }
    if let Some(max) = (data.len() as u64).checked_sub(1) {
        let outcome = scan(image, scratch, data, &Settings { max_bytes: Some(max), ..settings(STEPS) });
        let told = Incomplete { what: "data".to_owned(), why: Why::TooLong { len: max + 1, max } };
        assert_eq!((outcome.matching().len(), outcome.incomplete()), (0, &[told][..]));
    }
}

/// Scans data that was searched in two parts before.
fn in_parts(image: &Image<'_>, scratch: &mut Scratch, data: &[u8], first: usize) -> Answer {
    let settings = settings(STEPS);
    let first = first.min(data.len());
    let mut other = Scratch::new();
    let mut part = |range| search_part(image, &mut other, data, range, &settings);
    let parts = [part(first..data.len()), part(0..first)];
    Answer::of(&scan_parts(image, scratch, data, &parts, &settings))
}

fn streamed(image: &Image<'_>, scratch: &mut Scratch, data: &[u8], window: Window, piece: usize) -> Answer {
    let settings = Settings { window, ..settings(STEPS) };
    let mut source = Pieces { rest: data, most: piece.max(1) };
    let Ok(outcome) = scan_stream(image, scratch, &mut source, Shape::File, &settings);
    for found in outcome.matching().flat_map(|rule| rule.patterns()).flat_map(|pattern| pattern.matches()) {
        let shown = outcome.bytes().of(found);
        let start = found.offset as usize;
        assert_eq!(data.get(start..start + shown.len()), Some(shown), "the bytes of {found:?}");
    }
    Answer::of(&outcome)
}

struct Pieces<'d> {
    rest: &'d [u8],
    most: usize,
}

impl Source for Pieces<'_> {
    type Error = Infallible;

    fn next(&mut self, into: &mut [u8]) -> Result<Piece, Infallible> {
        let count = self.rest.len().min(into.len()).min(self.most);
        let (now, rest) = self.rest.split_at(count);
        into[..count].copy_from_slice(now);
        self.rest = rest;
        Ok(if count == 0 { Piece::End } else { Piece::Bytes(count) })
    }
}
