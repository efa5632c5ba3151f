//! Pieces with gaps between them: hex patterns with jumps.
//!
//! The shortest gaps win, earlier ones first. Whether the rest of a chain follows from a place where a piece stands
//! does not depend on how the search got there. What is known of each piece is kept from one start to the next: as
//! starts ascend, every piece is searched for at most about once at each place of the data.

use hallmark_image::record::Piece;

use crate::budget::{Budget, Stopped};
use crate::compare::Masked;
use crate::memory::Span;

/// Windows up to this long are walked byte by byte.
const SHORT_WINDOW: usize = 64;
/// Positions searched between two charges to the budget.
const STRIDE: usize = 1 << 16;

/// A chain in the image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain<'a> {
    pub pieces: &'a [Piece],
    pub blob: &'a [u8],
}

/// Buffers for chains, reused by every verification.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    frames: Vec<Frame>,
    /// A piece was not found, and could have stood behind the end of the data.
    cut: bool,
}

/// The search for one piece.
#[derive(Debug, Clone, Copy)]
struct Frame {
    piece: usize,
    /// Where to look next, and where to look last.
    from: usize,
    last: usize,
}

impl Chains {
    /// Whether, since the last call, a piece was not found that could have stood behind the end of the data.
    pub fn take_cut(&mut self) -> bool {
        std::mem::take(&mut self.cut)
    }

    /// The end of the match whose first piece stands at `start`. `spans` is what is known of the pieces in this data.
    pub fn match_end(
        &mut self,
        chain: &Chain<'_>,
        data: &[u8],
        start: usize,
        spans: &mut Vec<Span>,
        budget: &mut Budget<'_>,
    ) -> Result<Option<usize>, Stopped> {
        let Some(first) = chain.piece(0) else { return Ok(None) };
        let end = start.saturating_add(first.value.len());
        let Some(frame) = chain.frame(1, end) else { return Ok(Some(end)) };
        spans.resize(chain.pieces.len(), Span::default());
        self.frames.clear();
        self.frames.push(frame);
        while let Some(frame) = self.frames.last_mut() {
            budget.spend(1)?;
            let (Some(piece), Some(span)) = (chain.piece(frame.piece), spans.get_mut(frame.piece)) else {
                return Ok(None);
            };
            let Some(at) = find(frame, &piece, span, data, budget)? else {
                self.cut |= frame.last.saturating_add(piece.value.len()) > data.len();
                // From where the piece before stands, nothing follows.
                self.frames.pop();
                if let Some(span) = self.frames.last().and_then(|parent| spans.get_mut(parent.piece)) {
                    (span.to, span.good) = (span.to.saturating_add(1), false);
                }
                continue;
            };
            let end = at.saturating_add(piece.value.len());
            match chain.frame(frame.piece.saturating_add(1), end) {
                Some(next) => self.frames.push(next),
                None => {
                    for frame in &self.frames {
                        if let Some(span) = spans.get_mut(frame.piece) {
                            span.good = true;
                        }
                    }
                    return Ok(Some(end));
                }
            }
        }
        Ok(None)
    }
}

/// The first place of a frame's piece that is not known to lead nowhere; it becomes the end of the span.
fn find(
    frame: &Frame,
    piece: &Masked<'_>,
    span: &mut Span,
    data: &[u8],
    budget: &mut Budget<'_>,
) -> Result<Option<usize>, Stopped> {
    let Some(last) = data.len().checked_sub(piece.value.len()) else { return Ok(None) };
    let last = last.min(frame.last);
    if frame.from > last {
        return Ok(None);
    }
    if !(span.from..=span.to).contains(&frame.from) {
        *span = Span { from: frame.from, to: frame.from, good: false };
    }
    if span.good {
        return Ok((span.to <= last).then_some(span.to));
    }
    while span.to <= last {
        let from = span.to;
        let stop = last.min(from.saturating_add(STRIDE));
        let found = find_first(piece, data, from, stop);
        span.to = found.unwrap_or(stop.saturating_add(1));
        budget.spend(span.to.saturating_sub(from) as u64 / 16)?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

impl<'a> Chain<'a> {
    /// Whether the first piece stands at `start`.
    pub fn begins(&self, data: &[u8], start: usize) -> bool {
        self.piece(0).zip(data.get(start..)).is_some_and(|(first, data)| first.is_prefix(data, 0))
    }

    fn piece(&self, index: usize) -> Option<Masked<'a>> {
        let piece = self.pieces.get(index)?;
        Some(Masked { value: piece.value.of(self.blob), mask: piece.mask.of(self.blob) })
    }

    /// The search for a piece whose predecessor ends at `end`.
    fn frame(&self, index: usize, end: usize) -> Option<Frame> {
        let piece = self.pieces.get(index)?;
        let from = end.saturating_add(piece.gap_min.get() as usize);
        let last = match piece.gap_max.get() {
            u32::MAX => usize::MAX,
            gap => end.saturating_add(gap as usize),
        };
        Some(Frame { piece: index, from, last })
    }
}

/// The first place in `from..=last` where `piece` stands.
fn find_first(piece: &Masked<'_>, data: &[u8], from: usize, last: usize) -> Option<usize> {
    let end = last.saturating_add(piece.value.len()).min(data.len());
    let window = data.get(from..end)?;
    let stands = |i: &usize| window.get(*i..).is_some_and(|d| piece.is_prefix(d, 0));
    let found = match piece.fixed_byte() {
        _ if last.saturating_sub(from) <= SHORT_WINDOW => (0..window.len()).find(stands),
        _ if piece.mask.is_empty() => memchr::memmem::find(window, piece.value),
        Some((offset, byte)) => memchr::memchr_iter(byte, window.get(offset..)?).find(stands),
        None => (0..window.len()).find(stands),
    };
    found?.checked_add(from)
}
