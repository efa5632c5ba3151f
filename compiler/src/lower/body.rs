//! Bodies that need no automaton: bytes under a mask, and chains of those.

use hallmark_image::limits::MAX_PIECES;

use super::error::LowerError;
use super::items::Item;
use super::spec::{Body, ChainPiece, MaskedByte};
use crate::diagnostic::Span;
use crate::limits::{MAX_INLINE_JUMP, MAX_OUTLINE_GAP, MAX_OUTLINE_PIECES};

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

/// Pieces and gaps that the beginning of every match consists of, the first piece at its start: a program need not be run
/// where they don't stand. What they know is less than what the items say.
pub(super) fn outline(items: &[Item]) -> Vec<ChainPiece> {
    let mut outline = Outline::default();
    for item in items {
        let known = match item {
            Item::Set(set) => outline.byte(set.cover()),
            item => outline.unknown(item.lengths()),
        };
        if known.is_none() {
            break;
        }
    }
    outline.finish()
}

/// An outline as far as it is known.
#[derive(Default)]
struct Outline {
    pieces: Vec<ChainPiece>,
    /// The gap before the piece that is being collected, if there is one between it and the piece before.
    gap: (u32, u32),
    piece: Vec<(u8, u8)>,
}

impl Outline {
    fn byte(&mut self, byte: MaskedByte) -> Option<()> {
        if byte.mask == 0 {
            return self.unknown((1, Some(1)));
        }
        if self.piece.is_empty() && self.pieces.len() == MAX_OUTLINE_PIECES {
            return None;
        }
        self.piece.push((byte.value, byte.mask));
        Some(())
    }

    /// Passes over bytes that nothing is known of; `None` if there may be too many to look for what follows.
    fn unknown(&mut self, (min, max): (usize, Option<usize>)) -> Option<()> {
        let min = u32::try_from(min).ok()?;
        let max = u32::try_from(max?).ok()?;
        if min == max && min <= MAX_INLINE_JUMP && !self.piece.is_empty() {
            self.piece.resize(self.piece.len() + min as usize, (0, 0));
            return Some(());
        }
        self.end_piece();
        if self.pieces.is_empty() {
            if min == 0 {
                return (max == 0).then_some(());
            }
            // The first piece stands at the start, whatever is there.
            self.pieces.push(piece(0, 0, &[(0, 0)]));
            self.gap = (min - 1, max - 1);
        } else {
            self.gap = (self.gap.0.checked_add(min)?, self.gap.1.checked_add(max)?);
        }
        (self.gap.1 <= MAX_OUTLINE_GAP).then_some(())
    }

    fn end_piece(&mut self) {
        let known = self.piece.iter().rposition(|&(_, mask)| mask != 0).map_or(0, |last| last + 1);
        if known > 0 {
            self.pieces.push(piece(self.gap.0, self.gap.1, &self.piece[..known]));
            let rest = (self.piece.len() - known) as u32;
            self.gap = (rest, rest);
        }
        self.piece.clear();
    }

    fn finish(mut self) -> Vec<ChainPiece> {
        self.end_piece();
        // A start of which nothing is known rules nothing out.
        let knows = |piece: &ChainPiece| piece.mask.is_empty() || piece.mask.iter().any(|&mask| mask != 0);
        if self.pieces.iter().any(knows) { self.pieces } else { Vec::new() }
    }
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
