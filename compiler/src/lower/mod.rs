//! Lowering: from one checked pattern to what the image holds of it.
//!
//! Input: a [`PatternSpec`], whose combination of modifiers the checker has accepted. Output: [`Lowered`], a list of
//! variants. The pattern matches at a place if and only if one of the variants does, and whenever a variant with runs
//! matches, one of its runs is in the data where the variant says. Finding atoms fast and running the bodies there is
//! the engine's business; nothing here looks at data.
//!
//! Text becomes bytes under a mask, for each of ascii and wide, or the three shifts of base64. Hex patterns become
//! bytes under a mask, a chain of those with gaps between them, or, when they have alternatives or excluded bytes, a
//! program. Regular expressions become bytes or a chain when they are nothing more, else a program, whose code
//! [`hallmark_image::program`] describes. All three pass through the same list of
//! [`items::Item`]s, in which [`runs`] looks for the bytes that are cheapest to search for.
//!
//! Refused, each with a [`LowerError`]: regular expressions that YARA-X refuses, patterns that match the empty text,
//! and patterns that would exceed the limits of the image. Time and memory are linear in the pattern times the
//! bounds in [`crate::limits`].

mod atoms;
mod base64;
mod body;
mod byteset;
mod error;
mod frequency;
mod hex;
mod items;
mod program;
mod regex;
mod relaxed;
mod rule;
mod runs;
mod spec;
mod text;

#[cfg(test)]
mod tests;

pub use self::error::LowerError;
pub use self::frequency::window_hash;
pub use self::regex::lower_regex;
pub use self::rule::lower_rules;
pub use self::runs::expected_cost;
pub use self::spec::{Atoms, Body, ChainPiece, Lowered, LoweredVariant, MaskedByte, PatternSpec, Run};

use crate::ast::PatternBody;

/// Lowers one pattern.
pub fn lower(spec: &PatternSpec<'_>) -> Result<Lowered, LowerError> {
    let variants = match spec.body {
        PatternBody::Text(literal) => text::lower(spec, literal)?,
        PatternBody::Hex(tokens) => vec![hex::lower(tokens, spec.classes)?],
        PatternBody::Regex(regex) => regex::lower(spec, regex)?,
    };
    let slow = variants.iter().any(|variant| variant.runs.is_empty());
    Ok(Lowered { variants, slow })
}
