//! Regular expressions by the engine of the `regex` crate, anchored at each offset: leftmost-first.

use std::ops::Range;

use hallmark_compiler::ast::Regex;
use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::{Modifiers, stands_alone};

/// Size of an automaton; a larger one would take seconds at all offsets of the data.
const MAX_NFA_BYTES: usize = 256 << 10;

/// An expression with the modifiers of its pattern.
pub(super) struct Matcher<'m> {
    program: Program,
    modifiers: &'m Modifiers,
}

impl<'m> Matcher<'m> {
    /// `None` if the expression is outside the common subset, or too big to be tried at every offset.
    pub(super) fn new(regex: &Regex<'_>, modifiers: &'m Modifiers) -> Option<Self> {
        let insensitive = regex.case_insensitive || modifiers.nocase;
        let program = Program::new(&regex.source, insensitive, regex.dot_matches_new_line)?;
        Some(Matcher { program, modifiers })
    }

    /// Lengths of the ascii and the wide match at `at`.
    pub(super) fn matches(&self, data: &[u8], at: usize) -> Vec<(usize, Option<u8>)> {
        let Matcher { program, modifiers } = self;
        let mut lengths = Vec::new();
        if modifiers.ascii
            && let Some(length) = program.length(data, at..data.len())
            && (!modifiers.fullword || stands_alone(data, at, at + length, false, 0))
        {
            lengths.push((length, None));
        }
        if modifiers.wide {
            let (characters, run) = wide_run(data, at);
            if let Some(length) = program.length(&characters, run)
                && (!modifiers.fullword || stands_alone(data, at, at + 2 * length, true, 0))
            {
                lengths.push((2 * length, None));
            }
        }
        lengths
    }
}

/// The characters of the run of two-byte characters around `at`, and the range from the one at `at` to the end of the
/// run. What the run borders on is shown as a mark, so that it is neither an end of the data nor part of a word.
fn wide_run(data: &[u8], at: usize) -> (Vec<u8>, Range<usize>) {
    let is_wide = |at: usize| data.get(at + 1) == Some(&0);
    let mut start = at;
    while start >= 2 && is_wide(start - 2) {
        start -= 2;
    }
    let mut characters = if start == 0 { Vec::new() } else { vec![b'.'] };
    let here = characters.len() + (at - start) / 2;
    while is_wide(start) {
        characters.push(data[start]);
        start += 2;
    }
    let end = characters.len();
    if start != data.len() {
        characters.push(b'.');
    }
    (characters, here..end)
}

/// A compiled expression.
pub(super) struct Program(PikeVM);

impl Program {
    /// `None` if the expression is outside the common subset, or has more states than can be tried everywhere.
    pub(super) fn new(source: &str, insensitive: bool, dot_all: bool) -> Option<Self> {
        // These are characters for us and looks for the other engine.
        if source.contains("\\<") || source.contains("\\>") {
            return None;
        }
        let options = syntax::Config::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(insensitive)
            .dot_matches_new_line(dot_all);
        let limits = thompson::Config::new().utf8(false).nfa_size_limit(Some(MAX_NFA_BYTES));
        PikeVM::builder().syntax(options).thompson(limits).build(source).ok().map(Program)
    }

    /// The length of the match at the start of the range, within it.
    fn length(&self, data: &[u8], range: Range<usize>) -> Option<usize> {
        if range.start > range.end {
            return None;
        }
        let start = range.start;
        let input = Input::new(data).range(range).anchored(Anchored::Yes);
        let mut cache = self.0.create_cache();
        self.0.find_iter(&mut cache, input).next().map(|found| found.end() - start)
    }

    /// Whether it matches anywhere.
    pub(super) fn is_match(&self, data: &[u8]) -> bool {
        self.0.is_match(&mut self.0.create_cache(), data)
    }
}
