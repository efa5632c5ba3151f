//! Regular expressions by the engine of the `regex` crate, anchored at each offset: leftmost-first.

use hallmark_compiler::ast::Regex;
use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};

use super::{Modifiers, stands_alone};

/// Lengths of the ascii and the wide match at `at`.
pub(super) fn matches(
    regex: &Regex<'_>,
    modifiers: &Modifiers,
    data: &[u8],
    at: usize,
) -> Vec<(usize, Option<u8>)> {
    let insensitive = regex.case_insensitive || modifiers.nocase;
    let program = Program::new(&regex.source, insensitive, regex.dot_matches_new_line);
    let mut lengths = Vec::new();
    if modifiers.ascii
        && let Some(length) = program.length(data, at)
        && (!modifiers.fullword || stands_alone(data, at, at + length, false, 0))
    {
        lengths.push((length, None));
    }
    if modifiers.wide {
        let (characters, here) = wide_run(data, at);
        if let Some(length) = program.length(&characters, here)
            && (!modifiers.fullword || stands_alone(data, at, at + 2 * length, true, 0))
        {
            lengths.push((2 * length, None));
        }
    }
    lengths
}

/// The characters of the run of two-byte characters around `at`, and the index of the one at `at`. What comes before
/// the run is shown as a line end, so that it is neither the start of the data nor part of a word.
fn wide_run(data: &[u8], at: usize) -> (Vec<u8>, usize) {
    let is_wide = |at: usize| data.get(at + 1) == Some(&0);
    let mut start = at;
    while start >= 2 && is_wide(start - 2) {
        start -= 2;
    }
    let mut characters = if start == 0 { Vec::new() } else { vec![b'\n'] };
    let here = characters.len() + (at - start) / 2;
    while is_wide(start) {
        characters.push(data[start]);
        start += 2;
    }
    (characters, here)
}

/// A compiled expression.
pub(super) struct Program(PikeVM);

impl Program {
    pub(super) fn new(source: &str, insensitive: bool, dot_all: bool) -> Self {
        let options = syntax::Config::new()
            .unicode(false)
            .utf8(false)
            .case_insensitive(insensitive)
            .dot_matches_new_line(dot_all);
        let compiled =
            PikeVM::builder().syntax(options).thompson(thompson::Config::new().utf8(false)).build(source);
        Program(compiled.unwrap_or_else(|error| panic!("/{source}/ is outside the common subset: {error}")))
    }

    /// The length of the match at `at`.
    fn length(&self, data: &[u8], at: usize) -> Option<usize> {
        if at > data.len() {
            return None;
        }
        let input = Input::new(data).range(at..).anchored(Anchored::Yes);
        let mut cache = self.0.create_cache();
        self.0.find_iter(&mut cache, input).next().map(|found| found.end() - at)
    }

    /// Whether it matches anywhere.
    pub(super) fn is_match(&self, data: &[u8]) -> bool {
        self.0.is_match(&mut self.0.create_cache(), data)
    }
}
