//! Regular expressions: parsing, what is refused, and the variants.

use std::convert::Infallible;

use hallmark_image::limits::MAX_PROGRAM_STATES;
use hallmark_image::record::variant_flags::{FULLWORD, WIDE};
use regex_syntax::ast::{self, ErrorKind};
use regex_syntax::hir::translate::TranslatorBuilder;
use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, HirKind, Literal, Repetition};
use regex_syntax::utf8::Utf8Sequences;

use super::body;
use super::error::LowerError;
use super::items;
use super::program::{self, Direction, ProgramError};
use super::relaxed::Strict;
use super::runs;
use super::spec::{Body, LoweredVariant, PatternSpec};
use crate::ast::Regex;
use crate::diagnostic::Span;
use crate::limits::{MAX_ITEMS, MAX_REGEX_BYTES, MAX_UNICODE_CLASSES};

/// The variants of a regular expression pattern, ascii before wide.
pub(super) fn lower(spec: &PatternSpec<'_>, regex: &Regex<'_>) -> Result<Vec<LoweredVariant>, LowerError> {
    let parsed = parse(regex, spec.nocase || regex.case_insensitive, spec.relaxed)?;
    if let Some((first, second, first_is_greedy)) = parsed.mixed {
        return Err(LowerError::MixedGreediness { first, second, first_is_greedy });
    }
    if matches_empty(&parsed.hir) {
        return Err(LowerError::MatchesEmpty { span: regex.span });
    }
    let mut variants = Vec::new();
    if spec.ascii || !spec.wide {
        variants.push(variant(&parsed.hir, Direction::Forward, spec, regex.span)?);
    }
    if spec.wide {
        variants.push(variant(&widen(&parsed.hir), Direction::ForwardWide, spec, regex.span)?);
    }
    Ok(variants)
}

/// Whether an expression matches the empty text. Its properties do not tell where one of several alternatives is a class of
/// no bytes.
fn matches_empty(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(_) | HirKind::Class(_) => false,
        HirKind::Repetition(repetition) => repetition.min == 0 || matches_empty(&repetition.sub),
        HirKind::Capture(capture) => matches_empty(&capture.sub),
        HirKind::Concat(parts) => parts.iter().all(matches_empty),
        HirKind::Alternation(options) => options.iter().any(matches_empty),
    }
}

/// The encoded program of a regular expression in a condition. It may match the empty text.
pub fn lower_regex(regex: &Regex<'_>, relaxed: bool) -> Result<Vec<u8>, LowerError> {
    let parsed = parse(regex, regex.case_insensitive, relaxed)?;
    encode(&parsed.hir, Direction::Forward, regex.span)
}

fn variant(
    hir: &Hir,
    direction: Direction,
    spec: &PatternSpec<'_>,
    span: Span,
) -> Result<LoweredVariant, LowerError> {
    let items = items::from_hir(hir, &mut { MAX_ITEMS });
    let body = match body::simple(&items, span)? {
        Some(body) => body,
        None => Body::Program { program: encode(hir, direction, span)?, outline: body::outline(&items) },
    };
    let (runs, backward) = runs::of_items(&items, spec.classes);
    let wide = if direction == Direction::ForwardWide { WIDE } else { 0 };
    let flags = wide | if spec.fullword { FULLWORD } else { 0 };
    Ok(LoweredVariant { body, flags, xor: (0, 0), backward, runs })
}

fn encode(hir: &Hir, direction: Direction, span: Span) -> Result<Vec<u8>, LowerError> {
    program::encode(hir, direction).map_err(|error| match error {
        ProgramError::TooLarge => LowerError::TooLarge { limit: MAX_PROGRAM_STATES, span },
        ProgramError::Unsupported(assertion) => LowerError::UnsupportedAssertion { assertion, span },
    })
}

struct Parsed {
    /// The expression, of bytes only.
    hir: Hir,
    /// A repetition, another of the other kind, and whether the first is greedy.
    mixed: Option<(Span, Span, bool)>,
}

fn parse(regex: &Regex<'_>, case_insensitive: bool, relaxed: bool) -> Result<Parsed, LowerError> {
    if regex.source.len() > MAX_REGEX_BYTES {
        return Err(LowerError::RegexTooLong { limit: MAX_REGEX_BYTES, span: regex.span });
    }
    let strict = Strict::new(&regex.source, relaxed);
    let place = |span: &ast::Span| place(regex, &strict, span);
    let syntax = |reason: String, span: &ast::Span, help: Option<String>| LowerError::RegexSyntax {
        reason,
        span: place(span),
        help,
    };

    let tree = ast::parse::ParserBuilder::new()
        .empty_min_range(true)
        .build()
        .parse(&strict.text)
        .map_err(|error| syntax(error.kind().to_string(), error.span(), help(&error)))?;
    let Ok(seen) = ast::visit(&tree, Survey::default());
    if seen.unicode && seen.classes > MAX_UNICODE_CLASSES {
        return Err(LowerError::TooLarge { limit: MAX_PROGRAM_STATES, span: regex.span });
    }
    let hir = TranslatorBuilder::new()
        .unicode(false)
        .utf8(false)
        .case_insensitive(case_insensitive)
        .dot_matches_new_line(regex.dot_matches_new_line)
        .build()
        .translate(&strict.text, &tree)
        .map_err(|error| syntax(error.kind().to_string(), error.span(), None))?;
    let hir = bytes_only(&hir, &mut { MAX_PROGRAM_STATES as usize })
        .ok_or(LowerError::TooLarge { limit: MAX_PROGRAM_STATES, span: regex.span })?;
    let mixed = seen.mixed.map(|(first, second, greedy)| (place(&first), place(&second), greedy));
    Ok(Parsed { hir, mixed })
}

/// The place in the source file of a part of an expression.
fn place(regex: &Regex<'_>, strict: &Strict<'_>, span: &ast::Span) -> Span {
    // A slash is written with a backslash that is no longer there.
    let at = |offset: usize| {
        let offset = strict.origin(offset).min(regex.source.len());
        let slashes = regex.source.bytes().take(offset).filter(|&byte| byte == b'/').count();
        (offset + slashes).try_into().unwrap_or(u32::MAX).saturating_add(regex.span.start).saturating_add(1)
    };
    let (start, end) = (span.start.offset, span.end.offset);
    // Of something that is missing, the place where it is missed.
    let end = if start == end { next_boundary(&strict.text, start) } else { end };
    Span { start: at(start), end: at(end) }
}

/// The end of the character at an offset.
fn next_boundary(text: &str, at: usize) -> usize {
    at + text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
}

/// What to write instead of something that isn't an expression.
fn help(error: &ast::Error) -> Option<String> {
    let part = error.pattern().get(error.span().start.offset..)?;
    match error.kind() {
        ErrorKind::EscapeUnrecognized => {
            let part = part.get(..next_boundary(part, 1))?;
            Some(format!("a backslash is written `\\\\`, as in `\\{part}`; other characters need none"))
        }
        ErrorKind::RepetitionMissing
        | ErrorKind::RepetitionCountUnclosed
        | ErrorKind::RepetitionCountDecimalEmpty
        | ErrorKind::RepetitionCountInvalid => {
            let operator = part.chars().next().filter(|char| "?*+".contains(*char)).unwrap_or('{');
            Some(format!("if the character itself is meant, write `\\{operator}`"))
        }
        ErrorKind::UnsupportedLookAround => {
            Some("match the neighbouring bytes too, or compare them in the condition".to_owned())
        }
        ErrorKind::UnsupportedBackreference => Some(
            "a byte is written with two hex digits, as in `\\x00`; groups can't be referred to".to_owned(),
        ),
        _ => None,
    }
}

/// What is asked of the syntax tree.
#[derive(Default)]
struct Survey {
    /// The first repetition, and whether it is greedy.
    first: Option<(ast::Span, bool)>,
    /// It, the first of the other kind, and whether the first is greedy.
    mixed: Option<(ast::Span, ast::Span, bool)>,
    /// Some part is in Unicode mode.
    unicode: bool,
    /// Classes that may be large in Unicode mode.
    classes: usize,
}

impl Survey {
    fn flags(&mut self, flags: &ast::Flags) {
        self.unicode |= flags.flag_state(ast::Flag::Unicode) == Some(true);
    }
}

impl ast::Visitor for Survey {
    type Output = Self;
    type Err = Infallible;

    fn finish(self) -> Result<Self, Infallible> {
        Ok(self)
    }

    // After its parts, so that what is repeated comes before what repeats it.
    fn visit_post(&mut self, ast: &ast::Ast) -> Result<(), Infallible> {
        match ast {
            ast::Ast::Repetition(repetition) => match self.first {
                None => self.first = Some((repetition.span, repetition.greedy)),
                Some((first, greedy)) if greedy != repetition.greedy && self.mixed.is_none() => {
                    self.mixed = Some((first, repetition.op.span, greedy));
                }
                Some(_) => {}
            },
            ast::Ast::Flags(set) => self.flags(&set.flags),
            ast::Ast::Group(group) => {
                if let Some(flags) = group.flags() {
                    self.flags(flags);
                }
            }
            ast::Ast::ClassPerl(_)
            | ast::Ast::ClassUnicode(_)
            | ast::Ast::ClassBracketed(_)
            | ast::Ast::Dot(_) => {
                self.classes += 1;
            }
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, _: &ast::ClassSetItem) -> Result<(), Infallible> {
        self.classes += 1;
        Ok(())
    }
}

/// The same expression without captures and Unicode classes; `None` when it would have more than `budget` of the
/// byte sequences that make up such classes.
fn bytes_only(hir: &Hir, budget: &mut usize) -> Option<Hir> {
    Some(match hir.kind() {
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) | HirKind::Class(Class::Bytes(_)) => {
            hir.clone()
        }
        HirKind::Class(Class::Unicode(class)) if class.is_ascii() => ascii_class(hir.clone()),
        HirKind::Class(Class::Unicode(class)) => {
            let mut options = Vec::new();
            for range in class.ranges() {
                for sequence in Utf8Sequences::new(range.start(), range.end()) {
                    *budget = budget.checked_sub(1)?;
                    let bytes = sequence.as_slice().iter().map(|range| {
                        Hir::class(Class::Bytes(ClassBytes::new([ClassBytesRange::new(
                            range.start,
                            range.end,
                        )])))
                    });
                    options.push(Hir::concat(bytes.collect()));
                }
            }
            Hir::alternation(options)
        }
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => Hir::repetition(Repetition {
            min: *min,
            max: *max,
            greedy: *greedy,
            sub: Box::new(bytes_only(sub, budget)?),
        }),
        HirKind::Capture(capture) => bytes_only(&capture.sub, budget)?,
        HirKind::Concat(parts) => Hir::concat(all_bytes_only(parts, budget)?),
        // Alternatives of one character each become a class.
        HirKind::Alternation(options) => ascii_class(Hir::alternation(all_bytes_only(options, budget)?)),
    })
}

/// The same expression; if it is a Unicode class with ASCII characters only, as a class of bytes.
fn ascii_class(hir: Hir) -> Hir {
    let HirKind::Class(Class::Unicode(class)) = hir.kind() else { return hir };
    class.to_byte_class().map(|class| Hir::class(Class::Bytes(class))).unwrap_or(hir)
}

fn all_bytes_only(parts: &[Hir], budget: &mut usize) -> Option<Vec<Hir>> {
    parts.iter().map(|part| bytes_only(part, budget)).collect()
}

/// The expression of bytes in which each byte of the given one is followed by a zero.
fn widen(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Empty => Hir::empty(),
        HirKind::Literal(Literal(bytes)) => {
            Hir::literal(bytes.iter().flat_map(|&byte| [byte, 0]).collect::<Vec<u8>>())
        }
        HirKind::Class(class) => Hir::concat(vec![Hir::class(class.clone()), Hir::literal([0])]),
        HirKind::Look(look) => Hir::look(*look),
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            Hir::repetition(Repetition { min: *min, max: *max, greedy: *greedy, sub: Box::new(widen(sub)) })
        }
        HirKind::Capture(capture) => widen(&capture.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(widen).collect()),
        HirKind::Alternation(options) => Hir::alternation(options.iter().map(widen).collect()),
    }
}
