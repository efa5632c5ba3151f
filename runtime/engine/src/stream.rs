//! Scanning what passes by once: streams, and blocks of memory.
//!
//! Only a window is kept, and every pattern is searched for in it. The positions of the window are divided: those up
//! to [`Window::reach`] bytes before its end are searched, the others once the window has moved on, by all but the last
//! so many bytes that were searched. So a match is found wherever it lies, if it is no longer than half the reach;
//! verifications that come too near to an end of the window are told by the verifier, and become incomplete patterns.
//!
//! Conditions are evaluated at the end. What they then ask of bytes that are gone is unknown, which makes the rule
//! incomplete. A stream that fits into the window is scanned as a file is.

use std::cell::OnceCell;
use std::ops::Range;

use hallmark_image::record::UnitHeader;
use hallmark_image::{FileClass, Image, RuleId};

use crate::budget::{Budget, Stopped};
use crate::captured::Bytes;
use crate::demand::Demands;
use crate::limits::{MAX_EXTENTS, READ_BYTES};
use crate::outcome::{Incomplete, Outcome, Why};
use crate::part::search_range;
use crate::scan::{Ended, conclude, run, skip};
use crate::scratch::Scratch;
use crate::settings::Settings;
use crate::verify::{Place, Verifier};
use crate::view::{Kept, Size, View};

/// What a source gives next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// So many bytes more, at least one.
    Bytes(usize),
    /// What follows stands at this address.
    At(u64),
    /// So many bytes more, which can't be read. What follows stands behind them.
    Unreadable(u64),
    /// There is no more.
    End,
}

/// Where the bytes come from.
pub trait Source {
    /// Why it can't give more.
    type Error;

    /// The next bytes, put to the beginning of `into`, which is not empty; or what comes instead.
    ///
    /// # Errors
    /// The scan ends with the error.
    fn next(&mut self, into: &mut [u8]) -> Result<Piece, Self::Error>;
}

/// What a source is a view of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A file from its first byte to its last. Its size is known at the end.
    File,
    /// Parts of memory. There is no size, and no file that modules could look at.
    Memory,
}

/// How much of a stream is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Bytes that are kept.
    pub len: usize,
    /// How far behind and ahead of a position one can see, at most a quarter of `len`. A match up to half as long is found
    /// wherever it is.
    pub reach: usize,
}

impl Window {
    /// A window of so many bytes, or of the fewest there can be.
    pub fn new(len: usize) -> Self {
        let len = len.max(Self::LEAST);
        Window { len, reach: len / 16 }
    }

    /// The fewest bytes of a window.
    pub const LEAST: usize = 1 << 20;
}

impl Default for Window {
    fn default() -> Self {
        Window::new(16 << 20)
    }
}

/// Buffers of streams, reused.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    window: Vec<u8>,
    head: Vec<u8>,
    extents: Vec<Range<u64>>,
    everything: Demands,
    alone: Vec<(RuleId, usize)>,
}

impl Buffers {
    /// Forgets the last stream.
    pub fn reset(&mut self) {
        self.head.clear();
        self.extents.clear();
        self.alone.clear();
    }
}

/// The part of a source that is at hand.
struct Feed<'b> {
    bytes: &'b mut [u8],
    extents: &'b mut Vec<Range<u64>>,
    window: Window,
    /// How much of `bytes` is filled.
    len: usize,
    /// Address of the first byte, and whether nothing stands before it.
    base: u64,
    begins: bool,
    /// How much of it was searched.
    searched: usize,
    /// Bytes that came so far, and bytes that could not be read.
    total: u64,
    lost: u64,
}

/// Why a window is not filled further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    Full,
    /// Something else begins at this address.
    At(u64),
    End,
}

impl<'b> Feed<'b> {
    fn new(bytes: &'b mut Vec<u8>, extents: &'b mut Vec<Range<u64>>, window: Window) -> Self {
        let len = window.len.max(ALIGN.saturating_mul(16));
        let window = Window { len, reach: window.reach.clamp(ALIGN, len / 4) };
        bytes.resize(len, 0);
        Feed { bytes, extents, window, len: 0, base: 0, begins: true, searched: 0, total: 0, lost: 0 }
    }

    /// Fills the window, or stops because the budget is exhausted.
    fn fill<S: Source>(
        &mut self,
        source: &mut S,
        max: Option<u64>,
        budget: &mut Budget<'_>,
    ) -> Result<Result<Pause, Stopped>, S::Error> {
        loop {
            if let Err(stopped) = budget.check() {
                return Ok(Err(stopped));
            }
            // One byte more tells that there are too many.
            let allowed = max.map_or(u64::MAX, |max| max.saturating_sub(self.total).saturating_add(1));
            let room = self.window.len.saturating_sub(self.len).min(READ_BYTES);
            let room = usize::try_from(allowed).map_or(room, |allowed| room.min(allowed));
            let into = self.bytes.get_mut(self.len..self.len.saturating_add(room)).unwrap_or_default();
            if into.is_empty() {
                return Ok(Ok(Pause::Full));
            }
            match source.next(into)? {
                Piece::Bytes(0) | Piece::End => return Ok(Ok(Pause::End)),
                Piece::Bytes(count) => self.take(count.min(room)),
                Piece::At(address) if address == self.end() => {}
                Piece::At(address) if self.len == 0 => self.base = address,
                Piece::At(address) => return Ok(Ok(Pause::At(address))),
                Piece::Unreadable(count) => {
                    self.lost = self.lost.saturating_add(count);
                    let behind = self.end().saturating_add(count);
                    if self.len > 0 {
                        return Ok(Ok(Pause::At(behind)));
                    }
                    self.base = behind;
                }
            }
            if max.is_some_and(|max| self.total > max) {
                return Ok(Ok(Pause::End));
            }
        }
    }

    /// So many bytes were put behind those at hand.
    fn take(&mut self, count: usize) {
        let from = self.end();
        self.len = self.len.saturating_add(count);
        self.total = self.total.saturating_add(count as u64);
        let to = self.end();
        let many = self.extents.len() >= MAX_EXTENTS;
        match self.extents.last_mut() {
            Some(last) if last.end == from => last.end = to,
            Some(last) if many => *last = last.start.min(from)..last.end.max(to),
            _ => self.extents.push(from..to),
        }
    }

    /// The address behind the last byte.
    fn end(&self) -> u64 {
        self.base.saturating_add(self.len as u64)
    }

    fn data(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The positions to search now, and where the window stands.
    fn turn(&self, pause: Pause, size: Size) -> (Range<usize>, Place) {
        let half = self.window.reach / 2;
        let (to, high) = match pause {
            Pause::Full => {
                (aligned(self.len.saturating_sub(self.window.reach)), self.len.saturating_sub(half))
            }
            // Nothing follows.
            Pause::At(_) | Pause::End => (self.len, usize::MAX),
        };
        let low = if self.begins { 0 } else { half };
        (self.searched..to, Place { base: self.base, size, streamed: true, low, high })
    }

    /// Moves the window on, its positions up to `searched` having been searched.
    fn advance(&mut self, pause: Pause, searched: usize) {
        match pause {
            Pause::Full => {
                let from = aligned(searched.saturating_sub(self.window.reach));
                self.bytes.copy_within(from.min(self.len)..self.len, 0);
                self.len = self.len.saturating_sub(from);
                self.base = self.base.saturating_add(from as u64);
                self.searched = searched.saturating_sub(from);
                self.begins &= from == 0;
            }
            Pause::At(address) => {
                (self.base, self.len, self.searched, self.begins) = (address, 0, 0, true);
            }
            Pause::End => {}
        }
    }
}

/// Windows move by multiples of this: positions are probed at multiples of less, wherever the window stands.
const ALIGN: usize = 4;

fn aligned(position: usize) -> usize {
    position.saturating_sub(position % ALIGN)
}

/// Scans what `source` gives.
///
/// Never panics: what was not evaluated is in [`Outcome::incomplete`]. Memory is that of the window and of a scan. Data
/// longer than [`Settings::max_bytes`] are read that far, and then nothing is reported of them.
///
/// # Errors
/// Those of the source.
pub fn scan_stream<'a, S: Source>(
    image: &Image<'a>,
    scratch: &'a mut Scratch,
    source: &mut S,
    shape: Shape,
    settings: &Settings<'_>,
) -> Result<Outcome<'a>, S::Error> {
    scratch.reset(image.rule_slots());
    let mut buffers = std::mem::take(&mut scratch.stream);
    let done = scan_windows(image, scratch, &mut buffers, source, shape, settings);
    scratch.stream = buffers;
    Ok(match done? {
        Done::TooLong(why) => skip(image, scratch, why),
        Done::Whole(len, ended) => {
            let Scratch { matches, matching, stream, .. } = scratch;
            let data = stream.window.get(..len).unwrap_or_default();
            ended.outcome(image, matching, matches, Bytes::All(data))
        }
        Done::Streamed(ended) => {
            let Scratch { matches, matching, tools, .. } = scratch;
            ended.outcome(image, matching, matches, Bytes::Captured(&tools.captured))
        }
    })
}

/// What the scan of a stream came to.
enum Done {
    /// All of it, of this length, was in the window.
    Whole(usize, Ended),
    Streamed(Ended),
    TooLong(Why),
}

fn scan_windows<S: Source>(
    image: &Image<'_>,
    scratch: &mut Scratch,
    buffers: &mut Buffers,
    source: &mut S,
    shape: Shape,
    settings: &Settings<'_>,
) -> Result<Done, S::Error> {
    let Buffers { window: bytes, head, extents, everything, alone } = buffers;
    let mut feed = Feed::new(bytes, extents, settings.window);
    let mut state = State { class: FileClass::Other, budget: Budget::new(settings, 0), candidates: 0 };
    let mut size = if shape == Shape::Memory { Size::None } else { Size::AtLeast(0) };
    let mut is_first = true;
    let searched = loop {
        let pause = match feed.fill(source, settings.max_bytes, &mut state.budget)? {
            Ok(pause) => pause,
            Err(stopped) => break Err(stopped),
        };
        if let Some(max) = settings.max_bytes.filter(|&max| feed.total > max) {
            return Ok(Done::TooLong(Why::TooLong { len: feed.total, max }));
        }
        let ended = pause == Pause::End;
        if shape == Shape::File {
            size = if ended { Size::Known(feed.total) } else { Size::AtLeast(feed.total) };
            if ended && is_first && feed.lost == 0 {
                return Ok(Done::Whole(feed.len, run(image, scratch, feed.data(), &[], settings)));
            }
        }
        if std::mem::take(&mut is_first) {
            if feed.base == 0 {
                let data = feed.data();
                head.extend_from_slice(data.get(..feed.window.reach).unwrap_or(data));
            }
            state.class = FileClass::of(head);
            let class = state.class;
            let is_needed =
                |id: RuleId, header: &UnitHeader| settings.needs(id) && size.is_admitted(header, class);
            everything.build_all(image, class, is_needed, alone);
        }
        let (range, place) = feed.turn(pause, size);
        state.budget.extend(range.len());
        scratch.tools.forget_places();
        let (mut verifier, rest) = scratch.begin(image, feed.data(), settings);
        state.enter(&mut verifier, place);
        let searched = search_range(&mut verifier, range.clone(), rest.hits)
            .and_then(|()| everything.pass(&mut verifier, range.clone(), rest.hits))
            .and_then(|()| pass_alone(&mut verifier, alone, &range));
        state = State::of(verifier, settings);
        if searched.is_err() || ended {
            break searched;
        }
        feed.advance(pause, range.end);
    };
    feed.extents.sort_unstable_by_key(|extent| extent.start);
    let (tail, tail_at, total) = (feed.data(), feed.base, feed.total);
    let view = View::Kept(Kept { head, tail, tail_at, extents: feed.extents, size, total });
    let modules = OnceCell::new();
    let (mut verifier, evaluation) = scratch.begin(image, tail, settings);
    let place = Place { base: tail_at, size, streamed: true, low: 0, high: usize::MAX };
    state.enter(&mut verifier, place);
    let mut ended = conclude(verifier, searched, evaluation, &modules, view, settings);
    if feed.lost > 0 {
        ended.add(Incomplete { what: "data".to_owned(), why: Why::Unreadable { bytes: feed.lost } });
    }
    Ok(Done::Streamed(ended))
}

/// What goes from the verifier of one window to that of the next.
struct State<'s> {
    class: FileClass,
    budget: Budget<'s>,
    candidates: u64,
}

impl<'s> State<'s> {
    fn of(verifier: Verifier<'_>, settings: &Settings<'s>) -> Self {
        let Verifier { class, budget, candidates, .. } = verifier;
        State { class, budget: budget.under(settings.cancel), candidates }
    }

    fn enter<'a>(self, verifier: &mut Verifier<'a>, place: Place)
    where
        's: 'a,
    {
        let State { class, budget, candidates } = self;
        (verifier.class, verifier.budget, verifier.candidates, verifier.place) =
            (class, budget, candidates, place);
    }
}

/// Searches for the patterns that have to be searched for one by one.
fn pass_alone(
    verifier: &mut Verifier<'_>,
    patterns: &[(RuleId, usize)],
    range: &Range<usize>,
) -> Result<(), Stopped> {
    for &(rule, pattern) in patterns {
        if let Some(unit) = verifier.image.unit(rule) {
            verifier.pass_alone(rule, &unit, pattern, range.clone())?;
        }
    }
    Ok(())
}
