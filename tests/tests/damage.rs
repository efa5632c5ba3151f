//! Damaged images and containers: every one is refused by name or scans as if it were meant. Nothing panics, and
//! nothing runs away.
//!
//! An image that was changed *and* has the right digests again is what a signer with bad intentions, or a bug of the
//! compiler, could hand out: then the proof stands alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use hallmark_image::header::{FORMAT_MAJOR, FORMAT_MINOR, HEADER_LEN, Header, SECTION_TABLE, SectionRecord};
use hallmark_image::{Error, Image, SectionKind};
use hallmark_runtime::Database;
use hallmark_tests::forge::{DATA, digested, sampler};
use hallmark_tests::{RulePack, compile_text};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

fn pack() -> Vec<u8> {
    RulePack::load().unwrap().compile().image.unwrap()
}

/// Where a section lies.
fn range(bytes: &[u8], kind: SectionKind) -> std::ops::Range<usize> {
    let image = Image::parse(bytes).unwrap();
    let (_, record) = image.sections().find(|(k, _)| *k == kind).unwrap();
    let start = record.offset.get() as usize;
    start..start + record.len.get() as usize
}

/// How many changed images were refused, and how many scanned.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    scanned: usize,
    bad: Vec<String>,
}

impl Tally {
    /// Parses a changed image whose section digests count as right, and scans with it if it is accepted.
    fn judge(&mut self, bytes: &[u8], what: &dyn Fn() -> String) {
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            if Image::parse_undigested(bytes).is_err() {
                return false;
            }
            let Ok(database) = Database::from_image_bytes(&digested(bytes.to_vec())) else { return false };
            // They may hold or not, but they end.
            let _ = database.self_test(Duration::from_secs(2));
            let mut scanner = database.scanner();
            scanner.max_steps(50_000).deadline(Duration::from_secs(2));
            for data in [DATA, b""] {
                let report = scanner.strings(true).scan(data).unwrap();
                let shown = report
                    .matches()
                    .map(|m| m.rule().len() + m.tags().count() + m.meta().count())
                    .sum::<usize>();
                let patterns =
                    report.matches().flat_map(|m| m.patterns()).map(|p| p.id().len() + p.matches().len());
                std::hint::black_box(shown + patterns.sum::<usize>());
            }
            true
        }));
        match outcome {
            Ok(false) => self.refused += 1,
            Ok(true) => self.scanned += 1,
            Err(_) => self.bad.push(format!("panic: {}", what())),
        }
        if started.elapsed() > Duration::from_secs(5) {
            self.bad.push(format!("took {:?}: {}", started.elapsed(), what()));
        }
    }

    fn finish(self) {
        assert!(
            self.bad.is_empty(),
            "{} changed images went wrong:\n{}",
            self.bad.len(),
            self.bad.join("\n")
        );
        assert!(self.refused > 0 && self.scanned > 0, "one kind of outcome never happened: {self:?}");
    }
}

#[test]
fn cut_images_are_refused() {
    let good = pack();
    let cuts =
        (0..HEADER_LEN + 8).chain((HEADER_LEN..good.len()).step_by(997)).chain(good.len() - 40..good.len());
    for cut in cuts {
        match Image::parse(&good[..cut]).unwrap_err() {
            Error::Truncated { need, have } => assert!(have == cut as u64 && need > have, "cut at {cut}"),
            Error::Damaged { .. } | Error::Magic if cut < HEADER_LEN => {}
            other => panic!("cut at {cut}: {other}"),
        }
    }
    let longer = [good.as_slice(), b"\0"].concat();
    assert!(matches!(Image::parse(&longer), Err(Error::Damaged { .. })));
}

#[test]
fn headers_of_other_formats_have_their_own_errors() {
    let good = sampler();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Image::parse(&bytes).unwrap_err()
    };
    assert_eq!(with(0, b'X'), Error::Magic);
    assert_eq!(with(8, 9), Error::Version { major: 9, minor: FORMAT_MINOR });
    assert_eq!(with(10, 9), Error::Version { major: FORMAT_MAJOR, minor: 9 });
    assert!(matches!(with(0x60, !good[0x60]), Error::Schema { .. }));
}

#[test]
fn a_flipped_byte_is_refused_wherever_it_is() {
    let good = sampler();
    // The digests of sources and options say where an image came from; only the digest of the whole image covers them.
    let provenance = std::mem::offset_of!(Header, source_digest)..std::mem::offset_of!(Header, schema);
    let everywhere = (0..HEADER_LEN).chain((HEADER_LEN..good.len()).step_by(61));
    let units = range(&good, SectionKind::Units);
    let mut bytes = good.clone();
    for at in everywhere.chain(units).filter(|at| !provenance.contains(at)) {
        for flip in [0x01, 0x80] {
            bytes[at] ^= flip;
            assert!(Image::parse(&bytes).is_err(), "byte {at} ^ {flip:#x}");
            bytes[at] ^= flip;
        }
    }
    assert!(Image::parse(&bytes).is_ok());
}

#[test]
fn every_field_with_digests_made_again() {
    let good = sampler();
    let mut tally = Tally::default();
    let mut places: Vec<usize> = (0..size_of::<Header>()).collect();
    places.extend(SECTION_TABLE..SECTION_TABLE + SectionKind::ALL.len() * size_of::<SectionRecord>());
    for kind in [
        SectionKind::Globals,
        SectionKind::Rules,
        SectionKind::Units,
        SectionKind::Always,
        SectionKind::SelfTest,
    ] {
        places.extend(range(&good, kind));
    }
    places.extend(range(&good, SectionKind::Filter).take(64));
    for kind in [SectionKind::Atoms, SectionKind::Shorts] {
        // Pages are mostly empty: what is in use, and some of what is not.
        let used = |at: &usize| good[*at] != 0 || at.is_multiple_of(37);
        places.extend(range(&good, kind).filter(used));
    }
    for at in places {
        let Some(old) = good.get(at..at + 4).and_then(|b| <[u8; 4]>::try_from(b).ok()) else { continue };
        let value = u32::from_le_bytes(old);
        let mut values =
            vec![0, 1, value.wrapping_add(1), value.wrapping_sub(1), u32::MAX, 0x7FFF_FFFF, value ^ 0x80];
        values.sort_unstable();
        values.dedup();
        for new in values.into_iter().filter(|new| *new != value) {
            let mut bytes = good.clone();
            bytes[at..at + 4].copy_from_slice(&new.to_le_bytes());
            tally.judge(&bytes, &|| format!("byte {at} of the sampler: {value:#x} becomes {new:#x}"));
        }
    }
    tally.finish();
}

#[test]
fn records_of_the_rule_pack_with_digests_made_again() {
    let good = pack();
    let mut tally = Tally::default();
    let units = range(&good, SectionKind::Units);
    let step = (units.len() / 700).max(1) | 1;
    let rules = range(&good, SectionKind::Rules);
    for at in units.step_by(step).chain(rules.step_by(53)) {
        for change in [0x01, 0xFF] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            tally.judge(&bytes, &|| format!("byte {at} of the rule pack ^ {change:#x}"));
        }
    }
    tally.finish();
}

#[test]
fn random_damage() {
    let good = sampler();
    let config = Config { cases: 600, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let used: Vec<usize> = (0..good.len()).filter(|&at| good[at] != 0).collect();
    let change = (any::<prop::sample::Index>(), any::<u8>(), any::<bool>());
    let outcome = runner.run(&vec(change, 1..6), |changes| {
        let mut bytes = good.clone();
        for (at, byte, in_use) in &changes {
            let at = if *in_use { used[at.index(used.len())] } else { at.index(bytes.len()) };
            bytes[at] = *byte;
        }
        prop_assert!(
            bytes == good || Image::parse(&bytes).is_err() || bytes[..HEADER_LEN] != good[..HEADER_LEN]
        );
        let mut tally = Tally::default();
        tally.judge(&bytes, &|| format!("{changes:?}"));
        prop_assert!(tally.bad.is_empty(), "{:?}", tally.bad);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    let noise = runner.run(&vec(any::<u8>(), 0..300), |bytes| {
        prop_assert!(Database::from_image_bytes(&bytes).is_err());
        Ok(())
    });
    noise.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn two_rules_are_not_mixed_up() {
    // Slots of the rule table swapped: each rule answers under its own name still, or the image is refused.
    let text =
        "rule a { strings: $a = \"aaaa\" condition: $a } rule b { strings: $b = \"bbbb\" condition: $b }";
    let good = compile_text(text).image.unwrap();
    let image = Image::parse(&good).unwrap();
    let [(first, _), (second, _)] =
        <[_; 2]>::try_from(image.rules().collect::<Vec<_>>()).unwrap_or_else(|_| panic!());
    let rules = range(&good, SectionKind::Rules).start + 4;
    let mut bytes = good.clone();
    for byte in 0..8 {
        bytes.swap(rules + first.index() * 8 + byte, rules + second.index() * 8 + byte);
    }
    if let Ok(database) = Database::from_image_bytes(&digested(bytes)) {
        let mut scanner = database.scanner();
        let report = scanner.scan(b"aaaa").unwrap();
        assert!(report.matches().all(|rule| rule.rule() == "a"));
    }
}
