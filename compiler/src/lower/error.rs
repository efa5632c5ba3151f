//! Why a pattern can't be lowered.

use thiserror::Error;

use crate::diagnostic::Span;

/// Why a pattern can't be lowered. Spans are within the source file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LowerError {
    /// The regular expression isn't one.
    #[error("invalid regular expression: {reason}")]
    RegexSyntax {
        /// What is wrong.
        reason: String,
        /// The part that is wrong.
        span: Span,
        /// What to write instead, if that is known.
        help: Option<String>,
    },
    /// Greedy and non-greedy repetitions in one pattern.
    #[error("mixing greedy and non-greedy repetitions in a regular expression")]
    MixedGreediness {
        /// The first repetition.
        first: Span,
        /// The first one of the other kind.
        second: Span,
        /// Whether the first is the greedy one.
        first_is_greedy: bool,
    },
    /// The pattern matches everywhere.
    #[error("this regular expression matches the empty text, and so everywhere")]
    MatchesEmpty {
        /// The expression.
        span: Span,
    },
    /// An assertion that the engine has no word for.
    #[error("the assertion `{assertion}` is not supported")]
    UnsupportedAssertion {
        /// As it is written.
        assertion: &'static str,
        /// The expression.
        span: Span,
    },
    /// The automaton would have more states than the image format allows.
    #[error("this pattern needs more than {limit} states")]
    TooLarge {
        /// The greatest number of states.
        limit: u32,
        /// The pattern.
        span: Span,
    },
    /// An expression longer than any that could become a program.
    #[error("this regular expression is longer than {limit} bytes")]
    RegexTooLong {
        /// The greatest length.
        limit: usize,
        /// The expression.
        span: Span,
    },
    /// More pieces than the image format allows.
    #[error("this hex pattern has {pieces} parts between jumps, and at most {limit} are possible")]
    TooManyPieces {
        /// How many there are.
        pieces: usize,
        /// How many there may be.
        limit: u32,
        /// The pattern.
        span: Span,
    },
    /// Alternatives in alternatives in alternatives.
    #[error("this pattern nests more than {limit} levels deep")]
    TooDeep {
        /// How deep it may nest.
        limit: u32,
        /// The pattern.
        span: Span,
    },
    /// Nothing, or too little, to look for.
    #[error("this pattern is too short: {reason}")]
    TooShort {
        /// How long it has to be.
        reason: &'static str,
        /// The pattern.
        span: Span,
    },
    /// A hex pattern that can't mean anything.
    #[error("invalid hex pattern: {reason}")]
    InvalidHex {
        /// What is wrong.
        reason: &'static str,
        /// The part that is wrong.
        span: Span,
    },
}

impl LowerError {
    /// Stable diagnostic code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::RegexSyntax { .. } => "E0200",
            Self::MixedGreediness { .. } => "E0201",
            Self::MatchesEmpty { .. } => "E0202",
            Self::UnsupportedAssertion { .. } => "E0203",
            Self::TooLarge { .. } | Self::RegexTooLong { .. } => "E0204",
            Self::TooManyPieces { .. } => "E0205",
            Self::TooDeep { .. } => "E0206",
            Self::TooShort { .. } => "E0207",
            Self::InvalidHex { .. } => "E0208",
        }
    }

    /// The place it is about.
    pub fn span(&self) -> Span {
        match self {
            Self::MixedGreediness { second, .. } => *second,
            Self::RegexSyntax { span, .. }
            | Self::MatchesEmpty { span }
            | Self::UnsupportedAssertion { span, .. }
            | Self::TooLarge { span, .. }
            | Self::RegexTooLong { span, .. }
            | Self::TooManyPieces { span, .. }
            | Self::TooDeep { span, .. }
            | Self::TooShort { span, .. }
            | Self::InvalidHex { span, .. } => *span,
        }
    }

    /// What to say at that place; may be empty.
    pub fn label(&self) -> String {
        match self {
            Self::RegexSyntax { reason, .. } => reason.clone(),
            Self::MixedGreediness { first_is_greedy: true, .. } => "this is non-greedy".to_owned(),
            Self::MixedGreediness { first_is_greedy: false, .. } => "this is greedy".to_owned(),
            Self::TooShort { reason, .. } | Self::InvalidHex { reason, .. } => (*reason).to_owned(),
            _ => String::new(),
        }
    }

    /// A second place and what to say there.
    pub fn secondary(&self) -> Option<(Span, &'static str)> {
        match self {
            Self::MixedGreediness { first, first_is_greedy, .. } => {
                Some((*first, if *first_is_greedy { "this is greedy" } else { "this is non-greedy" }))
            }
            _ => None,
        }
    }

    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        let help = match self {
            Self::RegexSyntax { help, .. } => return help.clone(),
            Self::MixedGreediness { .. } => {
                "make all repetitions greedy (`.*`, `a{1,3}`) or all non-greedy (`.*?`, `a{1,3}?`)"
            }
            Self::MatchesEmpty { .. } => {
                "make at least one part of it required, for example with `+` instead of `*`"
            }
            Self::UnsupportedAssertion { .. } => {
                "use `^`, `$`, `\\b` or `\\B`, or describe the neighbouring bytes"
            }
            Self::TooLarge { .. } => {
                "lower the counts of its repetitions or jumps, or split it into several patterns"
            }
            Self::RegexTooLong { .. } | Self::TooManyPieces { .. } => "split it into several patterns",
            Self::TooDeep { .. } => "write nested alternatives side by side",
            Self::TooShort { .. } => "look for something longer",
            Self::InvalidHex { .. } => return None,
        };
        Some(help.to_owned())
    }
}
