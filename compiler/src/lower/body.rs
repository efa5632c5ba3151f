//! Bodies that need no automaton: bytes under a mask, and chains of those.

use hallmark_image::limits::MAX_PIECES;

use super::error::LowerError;
use super::items::Item;
use super::spec::{Body, ChainPiece};
use crate::diagnostic::Span;
use crate::limits::MAX_INLINE_JUMP;

/// The body that matches just what the items do, unless that takes a program.
pub(super) fn simple(items: &[Item], span: Span) -> Result<Option<Body>, LowerError> {
    let Some(mut pieces) = pieces(items) else { return Ok(None) };
    match pieces.pop() {
        Some(ChainPiece { value, mask, .. }) if pieces.is_empty() => Ok(Some(Body::Bytes { value, mask })),
        Some(last) => {
            pieces.push(last);
            if pieces.len() > MAX_PIECES as usize {
                return Err(LowerError::TooManyPieces { pieces: pieces.len(), limit: MAX_PIECES, span });
            }
            Ok(Some(Body::Chain(pieces)))
        }
        None => Ok(None),
    }
}

/// Masked bytes and the gaps between them, or `None` where something else is among the items.
fn pieces(items: &[Item]) -> Option<Vec<ChainPiece>> {
    let mut done = Vec::new();
    let (mut gap_min, mut gap_max, mut run) = (0u32, 0u32, Vec::new());
    for (at, item) in items.iter().enumerate() {
        match *item {
            Item::Set(set) => run.push(set.as_masked()?),
            Item::Gap { min, max: Some(max) } if min == max && min <= MAX_INLINE_JUMP => {
                run.resize(run.len() + min as usize, (0, 0));
            }
            Item::Gap { min, max } => {
                if run.is_empty() {
                    // Gaps in a row add up; there are none at the start.
                    if at == 0 || done.is_empty() {
                        return None;
                    }
                    gap_min = gap_min.saturating_add(min);
                    gap_max = max.map_or(u32::MAX, |max| gap_max.saturating_add(max));
                } else {
                    done.push(piece(gap_min, gap_max, &std::mem::take(&mut run)));
                    (gap_min, gap_max) = (min, max.unwrap_or(u32::MAX));
                }
            }
            Item::Look | Item::Alternatives(_) | Item::Other(_) => return None,
        }
    }
    // A gap at the end is not a gap between pieces.
    if run.is_empty() {
        return None;
    }
    done.push(piece(gap_min, gap_max, &run));
    Some(done)
}

fn piece(gap_min: u32, gap_max: u32, run: &[(u8, u8)]) -> ChainPiece {
    let (value, mask) = split(run);
    ChainPiece { gap_min, gap_max, value, mask }
}

/// Values and masks apart; the masks are left out when every bit counts.
fn split(run: &[(u8, u8)]) -> (Vec<u8>, Vec<u8>) {
    let exact = run.iter().all(|&(_, mask)| mask == 0xFF);
    let value = run.iter().map(|&(value, _)| value).collect();
    (value, if exact { Vec::new() } else { run.iter().map(|&(_, mask)| mask).collect() })
}
