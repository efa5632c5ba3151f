//! Images made to cost time or memory out of proportion: each is refused by name, or scanned within its steps.

use std::time::{Duration, Instant};

use hallmark_engine::{Scratch, Why};
use hallmark_image::header::SectionKind;
use hallmark_image::lanes::{AtomPage, FilterHeader};
use hallmark_image::record::{Pattern, RulePage, Run, Slice, UnitHeader, Variant, variant_flags};
use hallmark_image::{Error, Image, RuleId, Unit};
use hallmark_tests::forge::{digested, laid_out, samples, scan_whole, sections};
use zerocopy::{FromBytes, IntoBytes};

/// An image with two small rules.
fn little() -> &'static [u8] {
    &samples()[2].image
}

fn refused(image: &[u8]) -> &'static str {
    match Image::parse(image).map(drop) {
        Err(Error::Damaged { what, .. }) => what,
        other => panic!("{other:?}"),
    }
}

/// The rule that has a pattern.
fn searching<'a>(image: &Image<'a>) -> (RuleId, Unit<'a>) {
    image.rules().find(|(_, unit)| !unit.patterns.is_empty()).unwrap()
}

/// The image with its section of units and its rule table changed.
fn with_units(change: impl FnOnce(&mut Vec<u8>, &mut RulePage)) -> Vec<u8> {
    let mut sections = sections(little());
    let (rules, units) = (SectionKind::Rules as usize - 1, SectionKind::Units as usize - 1);
    let (mut page, _) = RulePage::read_from_prefix(&sections[rules]).unwrap();
    change(&mut sections[units], &mut page);
    sections[rules][..size_of::<RulePage>()].copy_from_slice(page.as_bytes());
    digested(laid_out(little(), &sections))
}

#[test]
fn variants_that_share_many_runs_are_refused() {
    const MANY: u32 = 10_000;
    let parsed = Image::parse(little()).unwrap();
    let (id, unit) = searching(&parsed);
    let run = unit.runs(&unit.variants[0])[0];
    let mut header: UnitHeader = *unit.header;
    header.variants.set(MANY);
    header.blob_len.set((unit.blob.len() + MANY as usize * size_of::<Run>()) as u32);
    let runs = Slice::new(unit.blob.len() as u32, MANY * size_of::<Run>() as u32);
    let variant = Variant { runs, ..unit.variants[0] };
    let mut pattern: Pattern = unit.patterns[0];
    pattern.variants.set(MANY);
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(variant.as_bytes().repeat(MANY as usize));
    bytes.extend(pattern.as_bytes());
    bytes.extend(unit.insns.as_bytes());
    bytes.extend(unit.sets.as_bytes());
    bytes.extend(unit.blob);
    bytes.extend(run.as_bytes().repeat(MANY as usize));
    assert_eq!(
        (unit.patterns.len(), unit.metas.len(), unit.constants.len(), id.index() < 32),
        (1, 0, 0, true)
    );
    let image = with_units(|units, page| {
        let slot = &mut page.slots[id.index()];
        slot.offset.set(units.len() as u32 - page.base.get());
        slot.len.set(bytes.len() as u32);
        units.extend(&bytes);
    });
    let began = Instant::now();
    assert_eq!(refused(&image), "too many rules, variants or instructions share the same bytes");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn rules_that_are_all_one_unit_are_refused() {
    let sections = sections(little());
    let parsed = Image::parse(little()).unwrap();
    let (id, unit) = searching(&parsed);
    // One large rule, named by every slot of many pages.
    let (mut header, padding): (UnitHeader, _) = (*unit.header, vec![0u8; 100_000]);
    header.blob_len.set((unit.blob.len() + padding.len()) as u32);
    let own = parsed.unit_bytes(id).unwrap();
    let bytes = [header.as_bytes(), &own[size_of::<UnitHeader>()..], &padding].concat();
    let (mut page, _) = RulePage::read_from_prefix(&sections[1]).unwrap();
    page.base.set(0);
    for slot in &mut page.slots {
        slot.offset.set(0);
        slot.len.set(bytes.len() as u32);
    }
    let mut changed = sections.clone();
    changed[SectionKind::Rules as usize - 1] = page.as_bytes().repeat(20);
    changed[SectionKind::Units as usize - 1] = bytes;
    let image = digested(laid_out(little(), &changed));
    assert_eq!(refused(&image), "too many rules, variants or instructions share the same bytes");
}

#[test]
fn atoms_with_many_keys_and_open_bits_are_refused() {
    let sample = &samples()[0];
    let parsed = Image::parse(&sample.image).unwrap();
    let has_mask = |unit: &Unit<'_>, variant: &Variant| {
        unit.runs(variant).iter().any(|run| run.bytes(unit.blob).is_some_and(|(_, mask)| !mask.is_empty()))
    };
    let mut changed = 0;
    for (id, unit) in parsed.rules() {
        for (index, _) in unit.variants.iter().enumerate().filter(|(_, variant)| has_mask(&unit, variant)) {
            let mut image = sample.image.clone();
            for (field, value) in [("flags", u64::from(variant_flags::XOR)), ("xor_min", 0), ("xor_max", 255)]
            {
                let name = format!("units[{}].variants[{index}].{field}", id.get());
                sample.fields.iter().find(|field| field.name == name).unwrap().set(&mut image, value);
            }
            assert_eq!(refused(&digested(image)), "an atom stands for too many strings");
            changed += 1;
        }
    }
    assert!(changed > 0);
}

#[test]
fn pages_that_spill_over_all_others_cost_steps() {
    const PAGES: u32 = 5_000;
    let mut sections = sections(little());
    let mut page = AtomPage::read_from_bytes(&[0; size_of::<AtomPage>()][..]).unwrap();
    page.spill.set(PAGES - 1);
    sections[SectionKind::Atoms as usize - 1] = page.as_bytes().repeat(PAGES as usize);
    let filter = &mut sections[SectionKind::Filter as usize - 1];
    let (header, bitmaps) = FilterHeader::mut_from_prefix(filter).unwrap();
    header.atom_pages.set(PAGES);
    // Everything may be an atom.
    for class in &mut header.classes {
        (class.grams, class.windows, class.pairs, class.triples) = (8, 8, 0, 0);
    }
    let len = bitmaps.len();
    filter.truncate(filter.len() - len);
    filter.resize(filter.len() + 3 * 2 * 4 * 256, 0xFF);
    let bytes = digested(laid_out(little(), &sections));
    let image = Image::parse(&bytes).unwrap();
    let data: Vec<u8> = (0..40_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let answer = scan_whole(&image, &mut Scratch::new(), &data, 100_000);
    assert!(answer.incomplete.iter().any(|told| told.why == Why::Steps), "{:?}", answer.stats);
    assert!(answer.stats.candidates < 50, "{:?}", answer.stats);
}
