//! Hex patterns.

use hallmark_image::limits::MAX_PROGRAM_STATES;

use super::body;
use super::byteset::ByteSet;
use super::error::LowerError;
use super::items::Item;
use super::program::{self, Direction, ProgramError};
use super::runs;
use super::spec::{Body, LoweredVariant};
use crate::ast::HexToken;
use crate::diagnostic::Span;
use crate::limits::MAX_NESTING;

/// The only variant of a hex pattern.
pub(super) fn lower(tokens: &[HexToken], classes: u8) -> Result<LoweredVariant, LowerError> {
    let span = span_of(tokens);
    if tokens.is_empty() {
        return Err(LowerError::TooShort { reason: "it is empty", span });
    }
    let items = sequence(tokens, MAX_NESTING)?;
    let body = match body::simple(&items, span)? {
        Some(body) => body,
        None => Body::Program { program: encode(&items, span)?, outline: body::outline(&items) },
    };
    let (runs, backward) = runs::of_items(&items, classes);
    Ok(LoweredVariant { body, flags: 0, xor: (0, 0), backward, runs })
}

fn encode(items: &[Item], span: Span) -> Result<Vec<u8>, LowerError> {
    let too_large = LowerError::TooLarge { limit: MAX_PROGRAM_STATES, span };
    program::encode_items(items, Direction::Forward).map_err(|error| match error {
        ProgramError::TooLarge => too_large,
        ProgramError::Unsupported(assertion) => LowerError::UnsupportedAssertion { assertion, span },
    })
}

fn sequence(tokens: &[HexToken], depth: u32) -> Result<Vec<Item>, LowerError> {
    let ends = [tokens.first(), tokens.last()];
    if let Some(HexToken::Jump { span, .. }) =
        ends.into_iter().flatten().find(|token| matches!(token, HexToken::Jump { .. }))
    {
        return Err(LowerError::InvalidHex { reason: "a jump can't begin or end it", span: *span });
    }
    let mut items: Vec<Item> = Vec::with_capacity(tokens.len());
    for token in tokens {
        let item = match token {
            HexToken::Byte { mask: 0, negated: true, span, .. } => {
                return Err(LowerError::InvalidHex { reason: "no byte is other than `??`", span: *span });
            }
            HexToken::Byte { value, mask, negated, .. } => {
                let set = ByteSet::masked(*value, *mask);
                Item::Set(if *negated { set.negated() } else { set })
            }
            HexToken::Jump { min, max: Some(max), span } if min > max => {
                return Err(LowerError::InvalidHex {
                    reason: "its end is before its beginning",
                    span: *span,
                });
            }
            HexToken::Jump { min, max, .. } => {
                // Jumps in a row add up.
                if let Some(Item::Gap { min: min_before, max: max_before }) = items.last_mut() {
                    *min_before = min_before.saturating_add(*min);
                    *max_before = max_before.zip(*max).map(|(a, b)| a.saturating_add(b));
                    continue;
                }
                Item::Gap { min: *min, max: *max }
            }
            HexToken::Alternatives { options, span } => alternatives(options, *span, depth)?,
        };
        items.push(item);
    }
    Ok(items)
}

fn alternatives(options: &[Vec<HexToken>], span: Span, depth: u32) -> Result<Item, LowerError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(LowerError::TooDeep { limit: MAX_NESTING, span });
    };
    if options.iter().any(Vec::is_empty) {
        return Err(LowerError::InvalidHex { reason: "an alternative is empty", span });
    }
    let options = options.iter().map(|option| sequence(option, depth)).collect::<Result<Vec<_>, _>>()?;
    // Alternatives of one byte each are a set of bytes.
    let sets = options.iter().map(|option| match option[..] {
        [Item::Set(set)] => Some(set),
        _ => None,
    });
    match sets.collect::<Option<Vec<_>>>() {
        Some(sets) => Ok(Item::Set(sets.into_iter().fold(ByteSet::default(), ByteSet::union))),
        None => Ok(Item::Alternatives(options)),
    }
}

fn span_of(tokens: &[HexToken]) -> Span {
    let span = |token: &HexToken| match token {
        HexToken::Byte { span, .. } | HexToken::Jump { span, .. } | HexToken::Alternatives { span, .. } => {
            *span
        }
    };
    match (tokens.first(), tokens.last()) {
        (Some(first), Some(last)) => span(first).to(span(last)),
        _ => Span::default(),
    }
}
