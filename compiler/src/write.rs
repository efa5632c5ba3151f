//! Writing: sections into the frame of the image.

use hallmark_image::header::{
    FORMAT_MAJOR, FORMAT_MINOR, HEADER_LEN, Header, MAGIC, SECTION_TABLE, SectionKind, SectionRecord,
};
use hallmark_image::lanes::AtomPage;
use hallmark_image::limits::{MAX_IMAGE_LEN, SECTION_ALIGN, SLOTS_PER_PAGE};
use hallmark_image::record::{AlwaysEntry, External, GlobalsHeader, RulePage, RuleSlot, Slice};
use hallmark_image::schema;
use hallmark_image::selftest::SelfTestsHeader;
use sha2::{Digest, Sha256};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, IntoBytes};

use crate::ir::Value;
use crate::link::{Blob, Layout};
use crate::tables::Tables;

/// What goes into the image.
pub struct Parts<'p> {
    /// Ids and namespaces.
    pub layout: &'p Layout,
    /// Units by id.
    pub units: Vec<(u32, Vec<u8>)>,
    /// The rules that are evaluated always.
    pub always: Vec<AlwaysEntry>,
    /// Candidate search.
    pub tables: Tables,
    /// External variables, by name.
    pub externals: Vec<(String, Value)>,
    /// Number of patterns.
    pub patterns: u32,
    /// Digest of the sources.
    pub source_digest: [u8; 32],
    /// Digest of the options.
    pub options_digest: [u8; 32],
}

/// The bytes of the image.
pub fn image(mut parts: Parts<'_>) -> Vec<u8> {
    parts.units.sort_unstable_by_key(|(id, _)| *id);
    parts.always.sort_unstable_by_key(|entry| entry.rule.get());
    let (rules, units) = rule_table(&parts);
    let sections: Vec<(SectionKind, Vec<u8>, usize)> = vec![
        (SectionKind::Globals, globals(&parts), 1),
        (SectionKind::Rules, rules.as_bytes().to_vec(), size_of::<RulePage>()),
        (SectionKind::Units, units, 1),
        (SectionKind::Always, parts.always.as_bytes().to_vec(), size_of::<AlwaysEntry>()),
        (SectionKind::Filter, parts.tables.filter, 1),
        (SectionKind::Atoms, parts.tables.atoms.as_bytes().to_vec(), size_of::<AtomPage>()),
        (SectionKind::Shorts, parts.tables.shorts.as_bytes().to_vec(), size_of::<AtomPage>()),
        (SectionKind::SelfTest, SelfTestsHeader::default().as_bytes().to_vec(), 1),
    ];
    let mut bytes = vec![0; HEADER_LEN];
    let mut records = Vec::new();
    for (kind, section, elem_size) in sections {
        records.push(append(&mut bytes, kind, &section, elem_size));
    }
    let header = Header {
        magic: MAGIC,
        major: U16::new(FORMAT_MAJOR),
        minor: U16::new(FORMAT_MINOR),
        header_len: U32::new(HEADER_LEN as u32),
        image_len: U64::new(bytes.len() as u64),
        section_count: U32::new(records.len() as u32),
        flags: U32::ZERO,
        source_digest: parts.source_digest,
        options_digest: parts.options_digest,
        schema: schema::FINGERPRINT,
    };
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    let table = records.as_bytes();
    bytes[SECTION_TABLE..SECTION_TABLE + table.len()].copy_from_slice(table);
    bytes
}

/// Puts a section behind those that `bytes` end with.
fn append(bytes: &mut Vec<u8>, kind: SectionKind, section: &[u8], elem_size: usize) -> SectionRecord {
    bytes.resize(bytes.len().next_multiple_of(SECTION_ALIGN as usize), 0);
    let offset = U64::new(bytes.len() as u64);
    bytes.extend_from_slice(section);
    SectionRecord {
        kind: U32::new(kind as u32),
        flags: U32::ZERO,
        offset,
        len: U64::new(section.len() as u64),
        elem_size: U32::new(elem_size as u32),
        elem_count: U32::new((section.len() / elem_size) as u32),
        sha256: Sha256::digest(section).into(),
    }
}

/// `image` with another section of self-tests, which is the last one. `None` for bytes that are no image.
pub fn with_self_tests(mut image: Vec<u8>, section: &[u8]) -> Option<Vec<u8>> {
    let place = SectionKind::ALL.iter().position(|&kind| kind == SectionKind::SelfTest)?;
    let place = SECTION_TABLE + place * size_of::<SectionRecord>();
    let record = place..place + size_of::<SectionRecord>();
    let old = SectionRecord::read_from_bytes(image.get(record.clone())?).ok()?;
    image.truncate(usize::try_from(old.offset.get()).ok()?);
    let new = append(&mut image, SectionKind::SelfTest, section, 1);
    image.get_mut(record)?.copy_from_slice(new.as_bytes());
    let mut header = Header::read_from_prefix(&image).ok()?.0;
    header.image_len = U64::new(image.len() as u64);
    image.get_mut(..size_of::<Header>())?.copy_from_slice(header.as_bytes());
    (image.len() as u64 <= MAX_IMAGE_LEN).then_some(image)
}

fn rule_table(parts: &Parts<'_>) -> (Vec<RulePage>, Vec<u8>) {
    let empty = RulePage { base: U32::ZERO, slots: [RuleSlot::default(); SLOTS_PER_PAGE] };
    let mut pages = vec![empty; parts.layout.pages];
    let mut bytes = Vec::new();
    let mut units = parts.units.iter().peekable();
    for (index, page) in pages.iter_mut().enumerate() {
        let base = bytes.len();
        page.base = U32::new(base as u32);
        while let Some((id, unit)) = units.next_if(|(id, _)| *id as usize / SLOTS_PER_PAGE == index) {
            page.slots[*id as usize % SLOTS_PER_PAGE] =
                RuleSlot { offset: U32::new((bytes.len() - base) as u32), len: U32::new(unit.len() as u32) };
            bytes.extend_from_slice(unit);
        }
    }
    (pages, bytes)
}

fn globals(parts: &Parts<'_>) -> Vec<u8> {
    let mut blob = Blob::default();
    let namespaces: Vec<Slice> = parts.layout.namespaces.iter().map(|n| blob.intern(n.as_bytes())).collect();
    let externals: Vec<External> = parts
        .externals
        .iter()
        .map(|(name, value)| External {
            name: blob.intern(name.as_bytes()),
            kind: U32::new(value.kind() as u32),
            value: U64::new(blob.value_bits(value)),
        })
        .collect();
    let blob = blob.into_bytes();
    let header = GlobalsHeader {
        rules: U32::new(parts.units.len() as u32),
        patterns: U32::new(parts.patterns),
        namespaces: U32::new(namespaces.len() as u32),
        externals: U32::new(externals.len() as u32),
        blob_len: U32::new(blob.len() as u32),
    };
    [header.as_bytes(), namespaces.as_bytes(), externals.as_bytes(), &blob].concat()
}
