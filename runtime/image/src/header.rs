//! The first 4,096 bytes: magic, version, digests and the section table.

use sha2::{Digest, Sha256};
use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::Error;
use crate::limits::{MAX_IMAGE_LEN, MAX_SECTIONS, SECTION_ALIGN};

/// `HMKIMG`, zero, one: a byte that text-mode transfers damage, and a format generation.
pub const MAGIC: [u8; 8] = *b"HMKIMG\0\x01";
/// Changes when older runtimes would misread an image.
pub const FORMAT_MAJOR: u16 = 2;
/// Changes when something is added.
pub const FORMAT_MINOR: u16 = 3;
/// Length of the header.
pub const HEADER_LEN: usize = 4096;
/// Where the section table starts.
pub const SECTION_TABLE: usize = 0x100;

/// The fixed part of the header.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// [`FORMAT_MAJOR`].
    pub major: U16,
    /// [`FORMAT_MINOR`].
    pub minor: U16,
    /// [`HEADER_LEN`].
    pub header_len: U32,
    /// Length of the whole image in bytes.
    pub image_len: U64,
    /// Number of sections.
    pub section_count: U32,
    /// Zero.
    pub flags: U32,
    /// SHA-256 of the source manifest.
    pub source_digest: [u8; 32],
    /// SHA-256 of the options.
    pub options_digest: [u8; 32],
    /// [`crate::schema::fingerprint`] of the compiler.
    pub schema: [u8; 32],
}

/// One entry of the section table.
#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub struct SectionRecord {
    /// A [`SectionKind`].
    pub kind: U32,
    /// Zero.
    pub flags: U32,
    /// Byte offset, a multiple of 4,096.
    pub offset: U64,
    /// Length in bytes, padding apart.
    pub len: U64,
    /// Size of an element in bytes; 1 where elements vary.
    pub elem_size: U32,
    /// Number of elements.
    pub elem_count: U32,
    /// SHA-256 of the section's bytes.
    pub sha256: [u8; 32],
}

macro_rules! sections {
    ($($name:ident = $id:literal $text:literal $doc:literal;)*) => {
        /// What a section holds. All are present, in this order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum SectionKind { $(#[doc = $doc] $name = $id,)* }

        impl SectionKind {
            /// Every kind, ascending.
            pub const ALL: &'static [SectionKind] = &[$(SectionKind::$name),*];

            /// Name in notes, dumps and errors.
            pub const fn name(self) -> &'static str {
                match self { $(SectionKind::$name => $text),* }
            }
        }
    };
}
sections! {
    Globals = 1 "globals" "Counts, namespaces and external variables.";
    Rules = 2 "rules" "Rule table: pages of slots that say where a rule's unit is.";
    Units = 3 "units" "Everything about each rule, one self-contained unit a rule.";
    Always = 4 "always" "The rules that are evaluated whatever matched, and their gates.";
    Filter = 5 "filter" "Bitmaps for each class of files: where a candidate can be.";
    Atoms = 6 "atoms" "Pages of the main lane's atoms, addressed by hash.";
    Shorts = 7 "shorts" "Pages of the short lane's atoms, addressed by hash.";
    SelfTest = 8 "selftest" "Inputs to test the database with, and the rules each must match.";
}

/// The sections of an image with their bytes, in order: only its frame is looked at, nothing in them.
///
/// # Errors
/// The first fact about the frame that does not hold.
pub fn sections(bytes: &[u8]) -> Result<impl Iterator<Item = (SectionKind, &[u8])>, Error> {
    let frame = Frame::parse(bytes)?;
    Ok(SectionKind::ALL.iter().map(move |&kind| (kind, frame.section(kind))))
}

/// The header and section bytes of an image whose frame is proved: sections in bounds, ascending, padded with zeros.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub header: &'a Header,
    pub records: &'a [SectionRecord],
    pub bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let bad = |offset, what| Error::damaged("header", offset, what);
        let have = bytes.len() as u64;
        if bytes.get(..MAGIC.len()).is_some_and(|m| m != MAGIC) {
            return Err(Error::Magic);
        }
        let (header, _) =
            Header::ref_from_prefix(bytes).map_err(|_| Error::Truncated { need: HEADER_LEN as u64, have })?;
        let (major, minor) = (header.major.get(), header.minor.get());
        if (major, minor) != (FORMAT_MAJOR, FORMAT_MINOR) {
            return Err(Error::Version { major, minor });
        }
        let need = header.image_len.get().max(HEADER_LEN as u64);
        if need > have {
            return Err(Error::Truncated { need, have });
        }
        if need != have || need > MAX_IMAGE_LEN {
            return Err(bad(0x10, "the length is not that of the file"));
        }
        if header.header_len.get() as usize != HEADER_LEN || header.flags.get() != 0 {
            return Err(bad(0x0C, "header length or flags are not those of this version"));
        }
        let count = header.section_count.get() as usize;
        if count != SectionKind::ALL.len() || count > MAX_SECTIONS {
            return Err(bad(0x18, "the number of sections is not that of this version"));
        }
        let table =
            bytes.get(SECTION_TABLE..HEADER_LEN).ok_or_else(|| bad(SECTION_TABLE, "no section table"))?;
        let (records, rest) = <[SectionRecord]>::ref_from_prefix_with_elems(table, count)
            .map_err(|_| bad(SECTION_TABLE, "no section table"))?;
        let before = bytes.get(size_of::<Header>()..SECTION_TABLE).unwrap_or_default();
        if before.iter().chain(rest).any(|&b| b != 0) {
            return Err(bad(size_of::<Header>(), "padding is not zero"));
        }
        let mut end = HEADER_LEN as u64;
        for (record, kind) in records.iter().zip(SectionKind::ALL) {
            let damaged = |what| Error::damaged(kind.name(), 0, what);
            if record.kind.get() != *kind as u32 || record.flags.get() != 0 {
                return Err(damaged("kind or flags are not those of this version"));
            }
            let start = end.next_multiple_of(SECTION_ALIGN);
            let stop = record.offset.get().checked_add(record.len.get()).filter(|&stop| stop <= have);
            let stop = stop.ok_or_else(|| damaged("section leaves the image"))?;
            if record.offset.get() != start {
                return Err(damaged("section does not start where the last one ends"));
            }
            if bytes.get(end as usize..start as usize).is_none_or(|p| p.iter().any(|&b| b != 0)) {
                return Err(damaged("padding before the section is not zero"));
            }
            let size = u64::from(record.elem_size.get()) * u64::from(record.elem_count.get());
            if size != record.len.get() {
                return Err(damaged("element size and count do not give the length"));
            }
            end = stop;
        }
        if end != have {
            return Err(bad(0x10, "bytes after the last section"));
        }
        Ok(Frame { header, records, bytes })
    }

    pub fn section(&self, kind: SectionKind) -> &'a [u8] {
        let Some(record) = self.records.iter().find(|r| r.kind.get() == kind as u32) else { return &[] };
        let start = record.offset.get() as usize;
        start
            .checked_add(record.len.get() as usize)
            .and_then(|end| self.bytes.get(start..end))
            .unwrap_or_default()
    }

    /// Compares every section with its digest.
    pub fn verify_digests(&self) -> Result<(), Error> {
        for (record, kind) in self.records.iter().zip(SectionKind::ALL) {
            if Sha256::digest(self.section(*kind)).as_slice() != record.sha256 {
                return Err(Error::damaged(kind.name(), 0, "the digest is not that of the bytes"));
            }
        }
        Ok(())
    }
}
