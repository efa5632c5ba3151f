//! Damaged images: those that are still accepted may give a wrong verdict, but never a panic or an endless scan.

mod builder;

use builder::{Body, PatternSpec, RuleSpec, VariantSpec, image, insn};
use hallmark_engine::{Scratch, Settings, scan};
use hallmark_image::Image;
use hallmark_image::header::SectionKind;
use hallmark_image::insn::Op;
use hallmark_image::program::{Look, Repeat, Set, Writer};
use hallmark_image::record::variant_flags;
use proptest::prelude::*;

/// One of each instruction, after a first run of bytes.
fn program() -> Vec<u8> {
    let mut writer = Writer::default();
    b"abcd".iter().for_each(|&byte| writer.masked(byte, 0xFF));
    b"abcd".iter().for_each(|&byte| writer.masked(byte, 0xDF));
    let (next, start) = (writer.split(true), writer.here());
    let class = [0x5A; 32];
    for set in [Set::Any, Set::Range(b'a', b'd'), Set::Class(&class)] {
        writer.set(set);
        writer.repeat(Repeat { set, min: 1, max: Some(9), greedy: true, wide: false });
        writer.repeat(Repeat { set, min: 0, max: None, greedy: false, wide: true });
    }
    writer.split_back(start, true);
    let end = writer.jump();
    writer.fill(next);
    writer.look(Look::Before, 1, &class);
    writer.look(Look::NotWordBoundary, 0, &class);
    writer.fill(end);
    writer.matched();
    writer.finish()
}

/// Something of everything.
fn rules() -> Vec<RuleSpec> {
    let piece = |min, max, value: &[u8], mask: &[u8]| (min, max, value.to_vec(), mask.to_vec());
    let pieces =
        vec![piece(0, 0, b"abcd", b""), piece(1, 9, b"b\0", b"\xFF\0"), piece(0, u32::MAX, b"d", b"")];
    let mut xor = VariantSpec::new(Body::Bytes(b"abc".to_vec(), vec![]), vec![(b"abc".to_vec(), 0)]);
    (xor.flags, xor.xor) = (variant_flags::XOR | variant_flags::FULLWORD, (0, 9));
    let chain = VariantSpec::new(Body::Chain(pieces), vec![(b"abcd".to_vec(), 0)]);
    let mut regex = VariantSpec::new(Body::Program(program()), vec![(b"abc".to_vec(), 1)]);
    regex.backward = program();
    let mut rule = RuleSpec::any(vec![
        PatternSpec::new(vec![xor, chain]),
        PatternSpec::new(vec![regex]),
        PatternSpec::slow(b"c"),
        PatternSpec::literal(b"abcdef"),
        PatternSpec::literal(b"aabcabcd").on_demand(),
        PatternSpec::literal(b"Xc").on_demand(),
    ]);
    (rule.always, rule.locals) = (true, 4);
    rule.strings = vec![b"abc".to_vec()];
    rule.insns = vec![
        insn(Op::Small, 0, 0, 1),
        insn(Op::Offset, 0, 0, 0),
        insn(Op::Small, 0, 0, 9),
        insn(Op::LoopRange, 1, 0, 0),
        insn(Op::LoopNext, 0, 0, 11),
        insn(Op::Load, 0, 0, 0),
        insn(Op::MatchAt, 0, 0, 1),
        insn(Op::AndElse, 0, 0, 9),
        insn(Op::OfPatterns, 1, 0, 0),
        insn(Op::Truth, 0, 0, 0),
        insn(Op::LoopStep, 0, 0, 4),
        insn(Op::OrElse, 0, 0, 15),
        insn(Op::Str, 0, 0, 0),
        insn(Op::Store, 0, 2, 0),
        insn(Op::Load, 0, 2, 0),
    ];
    vec![rule.clone(), rule]
}

/// All bytes of units, and the first ones of the other sections.
fn places(bytes: &[u8]) -> Vec<usize> {
    let image = Image::parse(bytes).unwrap();
    let sections = image.sections().flat_map(|(kind, record)| {
        let (offset, len) = (record.offset.get() as usize, record.len.get() as usize);
        offset..offset + if kind == SectionKind::Units { len } else { len.min(64) }
    });
    sections.collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = image(&rules(), &[]);
        let places = places(&bytes);
        for (place, value) in changes {
            bytes[*place.get(&places)] = value;
        }
        if let Ok(image) = Image::parse_undigested(&bytes) {
            let mut scratch = Scratch::new();
            let settings = Settings { max_steps: Some(50_000), strings: true, ..Settings::default() };
            let data = b"xabcdef..abcdbXccd aabcabcdef\0b\0d".repeat(3);
            let outcome = scan(&image, &mut scratch, &data, &settings);
            outcome.matching().for_each(|r| r.patterns().for_each(|p| drop(p.matches().to_vec())));
        }
    }
}
