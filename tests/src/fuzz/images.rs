//! Hostile images: parsed, read from end to end, and scanned with.

use hallmark_engine::Window;
use hallmark_image::program::{Insn, Program};
use hallmark_image::record::{Piece, Slice, ValueKind, VariantKind};
use hallmark_image::{FileClass, Image, Unit};
use hallmark_runtime::Database;
use zerocopy::FromBytes as _;

use crate::forge::{Forger, judge};
use crate::generate::Draw;

/// Parses an image: the bytes themselves, or with 1 in front a sample with the changes that they choose. What is parsed
/// can be read from end to end, is the same when parsed again, and is refused with a byte changed.
///
/// # Panics
/// Something of this is not so.
pub fn image_parse(data: &[u8]) {
    match data.split_first() {
        Some((1, choices)) => {
            let draw = &mut Draw::new(choices);
            let forger = Forger::new(draw);
            let parsed = parse(forger.bytes());
            assert!(parsed || forger.changed(), "a valid image is refused");
            if parsed {
                let at = draw.number(0, forger.bytes().len() - 1);
                let flip = 1 << draw.number(0, 7);
                damaged(forger.bytes(), at, flip);
            }
        }
        _ => drop(parse(data)),
    }
}

fn parse(bytes: &[u8]) -> bool {
    let image = match Image::parse(bytes) {
        Ok(image) => image,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert!(Database::from_image_bytes(bytes).is_err(), "the runtime takes what can't be parsed");
            return false;
        }
    };
    let read = read(&image);
    let copy = image.bytes().to_vec();
    assert_eq!(self::read(&Image::parse(&copy).expect("the same bytes")), read, "the copy reads otherwise");
    let database = Database::from_image_bytes(bytes).expect("an image that can be parsed");
    for rule in database.rules() {
        let _ = (rule.name(), rule.namespace(), rule.tags().count(), rule.meta().count());
    }
    assert_eq!(database.rules().count(), image.rules().count());
    true
}

/// A byte that was changed is noticed, unless it is one that only says where the image came from.
fn damaged(good: &[u8], at: usize, flip: u8) {
    use hallmark_image::header::Header;
    let provenance = std::mem::offset_of!(Header, source_digest)..std::mem::offset_of!(Header, schema);
    let mut bytes = good.to_vec();
    bytes[at] ^= flip;
    assert_eq!(Image::parse(&bytes).is_ok(), provenance.contains(&at), "byte {at} ^ {flip:#x}");
}

/// Follows everything that an image leads to, and answers a number made of what is there.
fn read(image: &Image<'_>) -> u64 {
    let mut sum = Sum(0);
    sum.add(image.header().section_count.get());
    for (kind, record) in image.sections() {
        assert_eq!(image.section(kind).len() as u64, record.len.get());
        sum.bytes(image.section(kind));
    }
    let globals = image.globals();
    for external in globals.externals {
        sum.bytes(external.name.checked(globals.blob).expect("a name"));
        value(&mut sum, external.kind.get(), external.value.get(), globals.blob);
    }
    for (id, unit) in image.rules() {
        assert!(id.index() < image.rule_slots());
        assert_eq!(image.unit_bytes(id).is_some(), image.unit_header(id).is_some());
        sum.bytes(image.namespace(unit.header.namespace.get()));
        read_unit(image, &unit, &mut sum);
    }
    for entry in image.always() {
        assert!(image.unit(hallmark_image::RuleId::new(entry.rule.get())).is_some(), "a rule");
    }
    for class in FileClass::ALL {
        let filter = image.filter().class(class);
        sum.add(
            (filter.grams.len() + filter.windows.len() + filter.pairs.len() + filter.triples.len()) as u32,
        );
    }
    for page in image.filter().atoms.iter().chain(image.filter().shorts) {
        for entry in &page.entries[..usize::from(page.count.get())] {
            let unit = image.unit(hallmark_image::RuleId::new(entry.rule.get())).expect("a rule");
            sum.add(u32::from(unit.variants[usize::from(entry.variant.get())].kind));
        }
    }
    let tests = image.self_tests();
    for test in tests.iter() {
        sum.bytes(test.input);
        assert!(test.rules().all(|id| image.unit(id).is_some()), "a self-test names what is no rule");
    }
    assert_eq!(tests.iter().count(), tests.len());
    sum.0
}

fn read_unit(image: &Image<'_>, unit: &Unit<'_>, sum: &mut Sum) {
    sum.bytes(unit.name());
    unit.tags.iter().for_each(|tag| sum.bytes(tag.checked(unit.blob).expect("a tag")));
    for meta in unit.metas {
        sum.bytes(meta.name.checked(unit.blob).expect("a name"));
        value(sum, meta.kind.get(), meta.value.get(), unit.blob);
    }
    let mut variants = 0;
    for (index, pattern) in unit.patterns.iter().enumerate() {
        sum.bytes(pattern.id.checked(unit.blob).expect("a name"));
        variants += unit.variants_of(index).count();
    }
    assert_eq!(variants, unit.variants.len(), "variants of patterns");
    for variant in unit.variants {
        let body = variant.body.checked(unit.blob).expect("a body");
        for run in unit.runs(variant) {
            let (bytes, mask) = run.bytes(unit.blob).expect("a run");
            run.atoms().expect("a lane");
            sum.bytes(bytes);
            sum.bytes(mask);
        }
        let backward = variant.backward.checked(unit.blob).expect("a program");
        if !backward.is_empty() {
            read_program(backward, sum);
        }
        match VariantKind::new(variant.kind).expect("a kind") {
            VariantKind::Bytes => sum.bytes(body),
            VariantKind::Chain => read_pieces(body, unit.blob, sum),
            VariantKind::Program => {
                read_program(body, sum);
                read_pieces(variant.mask.checked(unit.blob).expect("an outline"), unit.blob, sum);
            }
        }
    }
    for reference in unit.references {
        let other = image.unit(hallmark_image::RuleId::new(reference.get())).expect("a rule");
        assert!(other.header.rank.get() < unit.header.rank.get());
    }
    for insn in unit.insns {
        sum.add(insn.imm.get());
        hallmark_image::insn::Op::new(insn.op).expect("an instruction");
    }
}

fn read_pieces(bytes: &[u8], blob: &[u8], sum: &mut Sum) {
    for piece in <[Piece]>::ref_from_bytes(bytes).expect("whole pieces") {
        sum.bytes(piece.value.checked(blob).expect("a piece"));
        sum.bytes(piece.mask.checked(blob).expect("a mask"));
    }
}

/// Every way on leads to an instruction.
fn read_program(bytes: &[u8], sum: &mut Sum) {
    let program = Program::view(bytes).expect("a program");
    let mut place = 0;
    while (place as usize) < program.code.len() {
        let (insn, next) = program.insn(place).expect("an instruction");
        let ways = match insn {
            Insn::Jump(target) => [target, target],
            Insn::Split(first, second) => [first, second],
            _ => [place, place],
        };
        for way in ways {
            program.insn(way).expect("an instruction where it leads");
        }
        assert!(next > place);
        sum.add(next);
        place = next;
    }
}

fn value(sum: &mut Sum, kind: u32, bits: u64, blob: &[u8]) {
    match ValueKind::new(kind).expect("a kind") {
        ValueKind::Str => sum.bytes(Slice::from_bits(bits).checked(blob).expect("a string")),
        ValueKind::Bool => assert!(bits <= 1),
        ValueKind::Int | ValueKind::Float => sum.add(bits as u32),
    }
}

/// What was read, as a number.
struct Sum(u64);

impl Sum {
    fn add(&mut self, number: u32) {
        self.0 = self.0.rotate_left(5) ^ u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.add(bytes.len() as u32);
        bytes.iter().for_each(|&byte| self.add(u32::from(byte)));
    }
}

/// Longest data that are scanned: the windows of streams are small.
const MAX_DATA: usize = 6 << 10;

/// Scans with a sample that has the changes that the bytes choose, and with data that they choose: see [`judge`].
///
/// # Panics
/// What has to hold doesn't.
pub fn image_scan(data: &[u8]) {
    let draw = &mut Draw::new(data);
    let forger = Forger::new(draw);
    let Ok(image) = Image::parse(forger.bytes()) else {
        assert!(forger.changed(), "a valid image is refused");
        return;
    };
    let input = input(draw, forger.sample().data);
    let len = draw.one(&[1024, 256, 512, 2048, 4096, 64]);
    let window = Window { len, reach: len / draw.one(&[4, 8, 16]) };
    let piece = draw.number(1, 300);
    judge(&image, &input, window, piece, !forger.changed());
}

/// Data made of what the sample matches, and of any bytes.
fn input(draw: &mut Draw<'_>, known: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..draw.number(1, 12) {
        match draw.number(0, 4) {
            0 => out.extend_from_slice(draw.one(known)),
            1 => {
                let known = draw.one(known);
                let start = draw.number(0, known.len());
                out.extend_from_slice(&known[start..draw.number(start, known.len())]);
            }
            2 => out.extend(draw.bytes(b"ab z\0", 1, 40)),
            3 => {
                let fill = draw.byte();
                out.resize(out.len() + draw.number(1, 600), fill);
            }
            _ => out.extend((0..draw.number(1, 20)).map(|_| draw.byte())),
        }
    }
    out.truncate(MAX_DATA);
    out
}
