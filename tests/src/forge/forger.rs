//! Changes to an image, after which its frame and digests are right again.

use std::ops::Range;

use hallmark_container::Digest;
use hallmark_image::header::{HEADER_LEN, Header, SECTION_TABLE, SectionRecord};
use hallmark_image::limits::SECTION_ALIGN;
use hallmark_image::{Image, SectionKind};
use zerocopy::{FromBytes as _, IntoBytes as _};

use super::samples::{Sample, samples};
use crate::generate::Draw;

/// Changes that an image gets at most.
const MAX_CHANGES: usize = 5;

/// Makes images out of choices.
#[derive(Debug)]
pub struct Forger {
    sample: &'static Sample,
    bytes: Vec<u8>,
    changed: bool,
}

impl Forger {
    /// Chooses a valid image and changes to it; without any choice the image stays as it is.
    pub fn new(draw: &mut Draw<'_>) -> Self {
        let samples = samples();
        let sample = &samples[draw.number(0, samples.len() - 1)];
        let mut forger = Forger { sample, bytes: sample.image.clone(), changed: false };
        for _ in 0..draw.number(0, MAX_CHANGES) {
            forger.change_field(draw);
        }
        if draw.chance(3) {
            forger.change_length(draw);
        }
        forger.bytes = digested(forger.bytes);
        forger.changed = forger.bytes != sample.image;
        forger
    }

    /// What it is made from.
    pub fn sample(&self) -> &'static Sample {
        self.sample
    }

    /// The image, whose digests are right.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it is another image than the sample.
    pub fn changed(&self) -> bool {
        self.changed
    }

    fn change_field(&mut self, draw: &mut Draw<'_>) {
        let fields = &self.sample.fields;
        let field = &fields[draw.number(0, fields.len() - 1)];
        let old = field.value(&self.bytes);
        let other = &fields[draw.number(0, fields.len() - 1)];
        let new = match draw.number(0, 9) {
            0 => old.wrapping_add(1),
            1 => old.wrapping_sub(1),
            2 => 0,
            3 => field.max(),
            4 => field.max() >> 1,
            5 => old ^ 1u64 << draw.number(0, 8 * field.width - 1),
            6 => u64::from(draw.byte()),
            7 => draw.number(0, usize::from(u16::MAX)) as u64,
            // What is said elsewhere, often of the same kind.
            8 => other.value(&self.bytes),
            _ => {
                let kind = field.kind();
                let same: Vec<_> = fields.iter().filter(|other| other.kind() == kind).collect();
                same[draw.number(0, same.len() - 1)].value(&self.bytes)
            }
        };
        field.set(&mut self.bytes, new);
    }

    /// Puts bytes into a section or takes some away, and lays the sections out again.
    fn change_length(&mut self, draw: &mut Draw<'_>) {
        let mut sections: Vec<Vec<u8>> =
            ranges(&self.sample.image).into_iter().map(|range| self.bytes[range].to_vec()).collect();
        let section = draw.number(0, sections.len() - 1);
        let section = &mut sections[section];
        let unit = draw.one(&[1, 4, 8, 12, 32, 512]);
        let at = draw.number(0, section.len() / unit) * unit;
        let end = (at + unit * draw.number(0, 4)).min(section.len());
        match draw.number(0, 2) {
            0 => drop(section.drain(at..end)),
            1 => {
                let again = section[at..end].to_vec();
                drop(section.splice(at..at, again));
            }
            _ => drop(section.splice(at..at, (0..draw.number(0, 40)).map(|_| draw.byte()))),
        }
        self.bytes = laid_out(&self.sample.image, &sections);
    }
}

/// The bytes of the sections of a valid image, in the order of their kinds.
///
/// # Panics
/// It is no image.
pub fn sections(image: &[u8]) -> Vec<Vec<u8>> {
    ranges(image).into_iter().map(|range| image[range].to_vec()).collect()
}

fn ranges(image: &[u8]) -> Vec<Range<usize>> {
    let parsed = Image::parse(image).expect("a valid image");
    let range = |record: &SectionRecord| {
        let start = record.offset.get() as usize;
        start..start + record.len.get() as usize
    };
    parsed.sections().map(|(_, record)| range(record)).collect()
}

/// An image with the header of `like` and these sections, in the order of their kinds. Its digests are not made.
///
/// # Panics
/// `like` is no image.
pub fn laid_out(like: &[u8], sections: &[Vec<u8>]) -> Vec<u8> {
    let mut out = like[..HEADER_LEN].to_vec();
    for (index, section) in sections.iter().enumerate() {
        out.resize(out.len().next_multiple_of(SECTION_ALIGN as usize), 0);
        let slot = record_at(index);
        let mut record = SectionRecord::read_from_bytes(&out[slot.clone()]).expect("a record");
        record.offset.set(out.len() as u64);
        record.len.set(section.len() as u64);
        let size = match record.elem_size.get() {
            0 => 1,
            size if section.len().is_multiple_of(size as usize) => size,
            _ => 1,
        };
        record.elem_size.set(size);
        record.elem_count.set((section.len() / size as usize) as u32);
        out[slot].copy_from_slice(record.as_bytes());
        out.extend_from_slice(section);
    }
    let len = out.len() as u64;
    let (header, _) = Header::mut_from_prefix(&mut out).expect("a header");
    header.image_len.set(len);
    out
}

fn record_at(index: usize) -> Range<usize> {
    let at = SECTION_TABLE + index * size_of::<SectionRecord>();
    at..at + size_of::<SectionRecord>()
}

/// `bytes` with the digests of all sections made again, as far as there are sections.
pub fn digested(mut bytes: Vec<u8>) -> Vec<u8> {
    for index in 0..SectionKind::ALL.len() {
        let slot = record_at(index);
        let Some(Ok(mut record)) = bytes.get(slot.clone()).map(SectionRecord::read_from_bytes) else {
            continue;
        };
        let range = usize::try_from(record.offset.get()).ok().zip(usize::try_from(record.len.get()).ok());
        let section = range.and_then(|(start, len)| bytes.get(start..start.checked_add(len)?));
        if let Some(section) = section {
            record.sha256 = *Digest::of(section).as_bytes();
            bytes[slot].copy_from_slice(record.as_bytes());
        }
    }
    bytes
}
