//! Pieces with gaps between them: hex patterns with jumps.
//!
//! The shortest gaps win, earlier ones first. Backtracking is bounded: a place where a piece stands but what follows
//! it does not is remembered. Long gaps share what was learnt about where a piece stands, so that many starts with
//! one far end don't multiply.

use std::collections::{HashMap, HashSet};

use hallmark_image::RuleId;
use hallmark_image::record::Piece;

use crate::budget::{Budget, Stopped};
use crate::compare::Masked;
use crate::limits::{KEEP_CAPACITY, MAX_REMEMBERED};

/// Gaps up to this long are walked byte by byte.
const SHORT_GAP: usize = 64;
/// Positions searched between two charges to the budget.
const STRIDE: usize = 1 << 16;

/// A chain in the image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Chain<'a> {
    pub pieces: &'a [Piece],
    pub blob: &'a [u8],
    /// Which rule and variant this is, as a key of what is remembered.
    pub rule: RuleId,
    pub variant: u32,
}

/// What is remembered while chains are verified.
#[derive(Debug, Default)]
pub(crate) struct Chains {
    frames: Vec<Frame>,
    /// Pieces and places after which the rest of the chain being verified fails.
    failed: HashSet<(usize, usize)>,
    /// What is known about where the piece of a chain stands, in this data.
    spans: HashMap<(u32, u32, u32), Span>,
}

/// The search for one piece.
#[derive(Debug, Clone, Copy)]
struct Frame {
    piece: usize,
    /// Where to look next, and where to look last.
    from: usize,
    last: usize,
    /// Where it stands now.
    at: usize,
}

/// A piece stands nowhere in `from..to`, and at `to` if `found`.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
    found: bool,
}

impl Chains {
    /// Forgets the last data.
    pub fn reset(&mut self) {
        self.spans.clear();
        self.spans.shrink_to(KEEP_CAPACITY);
        self.failed = HashSet::new();
    }

    /// The end of the match that starts at `start`.
    pub fn match_end(
        &mut self,
        chain: &Chain<'_>,
        data: &[u8],
        start: usize,
        budget: &mut Budget<'_>,
    ) -> Result<Option<usize>, Stopped> {
        budget.spend(1)?;
        let Some(first) = chain.piece(0) else { return Ok(None) };
        if !data.get(start..).is_some_and(|d| first.is_prefix(d, 0)) {
            return Ok(None);
        }
        let end = start.saturating_add(first.value.len());
        self.frames.clear();
        if self.failed.capacity() > KEEP_CAPACITY {
            self.failed = HashSet::new();
        }
        self.failed.clear();
        let Some(frame) = chain.frame(1, end) else { return Ok(Some(end)) };
        self.frames.push(frame);
        while let Some(mut frame) = self.frames.pop() {
            budget.spend(1)?;
            let Some(piece) = chain.piece(frame.piece) else { return Ok(None) };
            let Some(at) = self.find(chain, &frame, &piece, data, budget)? else {
                // What stands before this piece fails there; the first two have one place only.
                if let Some(parent) = self.frames.last().filter(|p| p.piece > 1) {
                    if self.failed.len() >= MAX_REMEMBERED {
                        self.failed.clear();
                    }
                    self.failed.insert((parent.piece, parent.at));
                }
                continue;
            };
            (frame.at, frame.from) = (at, at.saturating_add(1));
            self.frames.push(frame);
            if self.failed.contains(&(frame.piece, at)) {
                continue;
            }
            let end = at.saturating_add(piece.value.len());
            match chain.frame(frame.piece.saturating_add(1), end) {
                Some(next) => self.frames.push(next),
                None => return Ok(Some(end)),
            }
        }
        Ok(None)
    }

    /// The first place of a frame's piece from where it looks next.
    fn find(
        &mut self,
        chain: &Chain<'_>,
        frame: &Frame,
        piece: &Masked<'_>,
        data: &[u8],
        budget: &mut Budget<'_>,
    ) -> Result<Option<usize>, Stopped> {
        let Some(last) = data.len().checked_sub(piece.value.len()) else { return Ok(None) };
        let last = last.min(frame.last);
        if frame.from > last {
            return Ok(None);
        }
        if last.saturating_sub(frame.from) <= SHORT_GAP {
            budget.spend(last.saturating_sub(frame.from) as u64)?;
            return Ok((frame.from..=last).find(|&i| data.get(i..).is_some_and(|d| piece.is_prefix(d, 0))));
        }
        let key = (chain.rule.get(), chain.variant, u32::try_from(frame.piece).unwrap_or(u32::MAX));
        if self.spans.len() >= MAX_REMEMBERED {
            self.spans.clear();
        }
        let fresh = Span { from: frame.from, to: frame.from, found: false };
        let span = self.spans.entry(key).or_insert(fresh);
        if !(span.from..=span.to).contains(&frame.from) {
            *span = fresh;
        }
        while !span.found && span.to <= last {
            let to = span.to;
            let stop = last.min(to.saturating_add(STRIDE));
            let found = find_first(piece, data, to, stop);
            let reached = found.unwrap_or(stop.saturating_add(1));
            budget.spend((reached.saturating_sub(to) as u64) / 16)?;
            (span.to, span.found) = (reached, found.is_some());
        }
        Ok((span.found && span.to <= last).then_some(span.to))
    }
}

impl<'a> Chain<'a> {
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
        Some(Frame { piece: index, from, last, at: from })
    }
}

/// The first place in `from..=last` where `piece` stands.
fn find_first(piece: &Masked<'_>, data: &[u8], from: usize, last: usize) -> Option<usize> {
    let end = last.saturating_add(piece.value.len()).min(data.len());
    let window = data.get(from..end)?;
    if piece.mask.is_empty() {
        return memchr::memmem::find(window, piece.value)?.checked_add(from);
    }
    let stands = |i: &usize| window.get(*i..).is_some_and(|d| piece.is_prefix(d, 0));
    let found = match piece.fixed_byte() {
        Some((offset, byte)) => memchr::memchr_iter(byte, window.get(offset..)?).find(stands),
        None => (0..window.len()).find(stands),
    };
    found?.checked_add(from)
}
