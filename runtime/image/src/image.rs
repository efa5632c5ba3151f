//! `Image`: bytes that were proved to be one.

use zerocopy::FromBytes;
use zerocopy::little_endian::U32;

use crate::class::FileClass;
use crate::error::Error;
use crate::header::{Frame, Header, SectionKind, SectionRecord};
use crate::lanes::{AtomPage, ClassHeader, FilterHeader, PAIR_WORDS, WORDS_LOG2};
use crate::limits::SLOTS_PER_PAGE;
use crate::proof;
use crate::record::{AlwaysEntry, RulePage, UnitHeader};
use crate::selftest::SelfTests;
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
    always: &'a [AlwaysEntry],
    filter: Filter<'a>,
    self_tests: SelfTests<'a>,
}

/// The candidate search's tables.
#[derive(Debug, Clone, Copy)]
pub struct Filter<'a> {
    /// Sizes.
    pub header: &'a FilterHeader,
    /// The bitmaps of each class.
    classes: [ClassFilter<'a>; FileClass::COUNT],
    /// Atoms of the main lane.
    pub atoms: &'a [AtomPage],
    /// Atoms of the short lane.
    pub shorts: &'a [AtomPage],
}

/// The bitmaps for one class of files; each may be empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClassFilter<'a> {
    /// Which 4-grams begin an atom.
    pub grams: &'a [U32],
    /// Which windows surround one.
    pub windows: &'a [U32],
    /// Which pairs of bytes are the first or the last two of a triple.
    pub pairs: &'a [U32],
    /// Which triples are an atom.
    pub triples: &'a [U32],
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
        let schema = crate::schema::FINGERPRINT;
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
        let always = <[AlwaysEntry]>::ref_from_bytes(section(SectionKind::Always))
            .map_err(|_| damaged(SectionKind::Always, "not a whole number of entries"))?;
        let filter = Filter::view(&frame)?;
        let self_tests = SelfTests::view(section(SectionKind::SelfTest))
            .ok_or_else(|| damaged(SectionKind::SelfTest, "counts do not give the length"))?;
        let units = section(SectionKind::Units);
        let image = Image { frame, globals, pages, units, always, filter, self_tests };
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

    /// The header of a rule's unit, without a look at the rest.
    pub fn unit_header(&self, id: RuleId) -> Option<&'a UnitHeader> {
        UnitHeader::ref_from_prefix(self.unit_bytes(id)?).ok().map(|(header, _)| header)
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
    pub fn always(&self) -> &'a [AlwaysEntry] {
        self.always
    }

    /// The candidate search's tables.
    pub fn filter(&self) -> Filter<'a> {
        self.filter
    }

    /// What the database is to be tested with before it is used.
    pub fn self_tests(&self) -> SelfTests<'a> {
        self.self_tests
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
        let (header, mut rest) =
            FilterHeader::ref_from_prefix(frame.section(SectionKind::Filter)).map_err(|_| short())?;
        let mut classes = [ClassFilter::default(); FileClass::COUNT];
        for (class, sizes) in classes.iter_mut().zip(&header.classes) {
            *class = ClassFilter::take(sizes, &mut rest).ok_or_else(short)?;
        }
        if !rest.is_empty() {
            return Err(short());
        }
        let pages = |kind: SectionKind, count: U32| {
            let pages = <[AtomPage]>::ref_from_bytes(frame.section(kind));
            let pages = pages.map_err(|_| damaged(kind, "not a whole number of pages"))?;
            if pages.is_empty() || count.get() as usize != pages.len() {
                return Err(damaged(kind, "the number of pages is not what the filter says"));
            }
            Ok(pages)
        };
        Ok(Filter {
            header,
            classes,
            atoms: pages(SectionKind::Atoms, header.atom_pages)?,
            shorts: pages(SectionKind::Shorts, header.short_pages)?,
        })
    }

    /// The bitmaps for files of a class.
    pub fn class(&self, class: FileClass) -> ClassFilter<'a> {
        self.classes.get(class as usize).copied().unwrap_or_default()
    }
}

impl<'a> ClassFilter<'a> {
    /// Cuts the bitmaps that `sizes` says off `rest`. A lane has both its bitmaps or none.
    fn take(sizes: &ClassHeader, rest: &mut &'a [u8]) -> Option<Self> {
        let mut cut = |log2: u8| {
            let words = match u32::from(log2) {
                0 => 0,
                log2 if WORDS_LOG2.contains(&log2) => 1usize << log2,
                _ => return None,
            };
            let (words, left) = <[U32]>::ref_from_prefix_with_elems(rest, words).ok()?;
            *rest = left;
            Some(words)
        };
        let filter = ClassFilter {
            grams: cut(sizes.grams)?,
            windows: cut(sizes.windows)?,
            pairs: cut(sizes.pairs)?,
            triples: cut(sizes.triples)?,
        };
        let paired = filter.grams.is_empty() == filter.windows.is_empty()
            && filter.pairs.is_empty() == filter.triples.is_empty();
        (paired && [0, PAIR_WORDS].contains(&filter.pairs.len())).then_some(filter)
    }
}
