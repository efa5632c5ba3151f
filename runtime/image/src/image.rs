//! `Image`: bytes that were proved to be one.

use zerocopy::FromBytes;
use zerocopy::little_endian::U32;

use crate::error::Error;
use crate::header::{Frame, Header, SectionKind, SectionRecord};
use crate::limits::SLOTS_PER_PAGE;
use crate::proof;
use crate::record::{AtomPage, FilterHeader, PAIR_BITMAP_LEN, RulePage};
use crate::unit::{Globals, Unit};

/// Id of a rule: its place in the rule table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(u32);

impl RuleId {
    /// The id with this number.
    pub fn new(id: u32) -> Self {
        RuleId(id)
    }

    /// Its number.
    pub fn get(self) -> u32 {
        self.0
    }

    /// Its number, as an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A proved image. The only way to one is [`Image::parse`]; reads stay bounds-checked nevertheless.
#[derive(Debug, Clone, Copy)]
pub struct Image<'a> {
    frame: Frame<'a>,
    globals: Globals<'a>,
    pages: &'a [RulePage],
    units: &'a [u8],
    always: &'a [U32],
    filter: Filter<'a>,
}

/// The candidate search's tables.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    /// Sizes.
    pub header: &'a FilterHeader,
    /// Which 4-grams (by hash) begin an atom.
    pub grams: &'a [U32],
    /// Which byte pairs (little-endian) begin a short atom.
    pub pairs: &'a [u8],
    /// 4-byte atoms.
    pub atoms: &'a [AtomPage],
    /// 2- and 3-byte atoms.
    pub shorts: &'a [AtomPage],
}

impl<'a> Image<'a> {
    /// Proves that `bytes` are an image of this version: every section in bounds, every offset, id, jump and slice that
    /// scanning follows in range, digests equal, all bytecode and programs well-formed. Linear time, and no allocation
    /// that grows with the image but one flag for each instruction of the largest condition.
    ///
    /// # Errors
    /// The first fact that does not hold, with its section and byte offset.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let image = Self::parse_undigested(bytes)?;
        image.frame.verify_digests()?;
        Ok(image)
    }

    /// [`Image::parse`] for bytes whose digest as a whole was just compared with a signed one: section digests are
    /// left out, everything else is proved.
    ///
    /// # Errors
    /// As [`Image::parse`].
    pub fn parse_undigested(bytes: &'a [u8]) -> Result<Self, Error> {
        let frame = Frame::parse(bytes)?;
        let schema = crate::schema::fingerprint();
        if frame.header.schema != schema {
            let hex = |d: &[u8]| d.iter().take(4).map(|b| format!("{b:02x}")).collect();
            return Err(Error::Schema { image: hex(&frame.header.schema), runtime: hex(&schema) });
        }
        let damaged = |kind: SectionKind, what| Error::damaged(kind.name(), 0, what);
        let section = |kind| frame.section(kind);
        let globals = Globals::view(section(SectionKind::Globals))
            .ok_or_else(|| damaged(SectionKind::Globals, "counts do not give the length"))?;
        let pages = <[RulePage]>::ref_from_bytes(section(SectionKind::Rules))
            .map_err(|_| damaged(SectionKind::Rules, "not a whole number of pages"))?;
        let always = <[U32]>::ref_from_bytes(section(SectionKind::Always))
            .map_err(|_| damaged(SectionKind::Always, "not a whole number of ids"))?;
        let filter = Filter::view(&frame)?;
        let image = Image { frame, globals, pages, units: section(SectionKind::Units), always, filter };
        proof::prove(&image)?;
        Ok(image)
    }

    /// The header.
    pub fn header(&self) -> &'a Header {
        self.frame.header
    }

    /// The section table.
    pub fn sections(&self) -> impl Iterator<Item = (SectionKind, &'a SectionRecord)> {
        SectionKind::ALL.iter().copied().zip(self.frame.records)
    }

    /// The bytes of a section.
    pub fn section(&self, kind: SectionKind) -> &'a [u8] {
        self.frame.section(kind)
    }

    /// The whole image.
    pub fn bytes(&self) -> &'a [u8] {
        self.frame.bytes
    }

    /// Counts, namespaces and external variables.
    pub fn globals(&self) -> Globals<'a> {
        self.globals
    }

    /// One past the largest possible rule id.
    pub fn rule_slots(&self) -> usize {
        self.pages.len().saturating_mul(SLOTS_PER_PAGE)
    }

    /// The bytes of a rule's unit.
    pub fn unit_bytes(&self, id: RuleId) -> Option<&'a [u8]> {
        let page = self.pages.get(id.index() / SLOTS_PER_PAGE)?;
        let slot = page.slots.get(id.index() % SLOTS_PER_PAGE)?;
        let start = (page.base.get() as usize).checked_add(slot.offset.get() as usize)?;
        let len = slot.len.get() as usize;
        if len == 0 {
            return None;
        }
        self.units.get(start..start.checked_add(len)?)
    }

    pub(crate) fn slot_is_empty(&self, id: RuleId) -> bool {
        let page = self.pages.get(id.index() / SLOTS_PER_PAGE);
        page.and_then(|p| p.slots.get(id.index() % SLOTS_PER_PAGE)).is_some_and(|s| s.len.get() == 0)
    }

    /// The unit of a rule.
    pub fn unit(&self, id: RuleId) -> Option<Unit<'a>> {
        Unit::view(self.unit_bytes(id)?)
    }

    /// Every rule, by ascending id.
    pub fn rules(&self) -> impl Iterator<Item = (RuleId, Unit<'a>)> + '_ {
        (0..self.rule_slots() as u32).map(RuleId).filter_map(|id| Some((id, self.unit(id)?)))
    }

    /// The rules evaluated whatever matched.
    pub fn always(&self) -> &'a [U32] {
        self.always
    }

    /// The candidate search's tables.
    pub fn filter(&self) -> Filter<'a> {
        self.filter
    }

    /// Name of a namespace.
    pub fn namespace(&self, index: u16) -> &'a [u8] {
        self.globals.namespaces.get(usize::from(index)).map_or(&[][..], |s| s.of(self.globals.blob))
    }
}

impl<'a> Filter<'a> {
    fn view(frame: &Frame<'a>) -> Result<Self, Error> {
        let damaged = |kind: SectionKind, what| Error::damaged(kind.name(), 0, what);
        let short = || damaged(SectionKind::Filter, "sizes do not give the length");
        let (header, rest) =
            FilterHeader::ref_from_prefix(frame.section(SectionKind::Filter)).map_err(|_| short())?;
        let words = 1usize.checked_shl(header.gram_words_log2.get()).filter(|&w| w > 1 && w <= 1 << 24);
        let (grams, pairs) =
            <[U32]>::ref_from_prefix_with_elems(rest, words.ok_or_else(short)?).map_err(|_| short())?;
        if pairs.len() != PAIR_BITMAP_LEN || header.reserved.get() != 0 {
            return Err(short());
        }
        let pages = |kind: SectionKind, log2: u32| {
            let pages = <[AtomPage]>::ref_from_bytes(frame.section(kind));
            let pages = pages.map_err(|_| damaged(kind, "not a whole number of pages"))?;
            if 1usize.checked_shl(log2) != Some(pages.len()) {
                return Err(damaged(kind, "the number of pages is not what the filter says"));
            }
            Ok(pages)
        };
        Ok(Filter {
            header,
            grams,
            pairs,
            atoms: pages(SectionKind::Atoms, header.atom_pages_log2.get())?,
            shorts: pages(SectionKind::Shorts, header.short_pages_log2.get())?,
        })
    }
}
