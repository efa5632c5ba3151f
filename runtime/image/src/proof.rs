//! The proof behind [`crate::Image::parse`]: what the engine follows exists.
//!
//! Rules are proved one by one; a condition in one pass over its instructions, carrying the depth of the stack. A
//! jump forward fixes the depth expected at its target; a jump back must meet the depth its target had.

use crate::class::FileClass;
use crate::error::Error;
use crate::header::SectionKind;
use crate::image::{Image, RuleId};
use crate::insn::{Anchor, FROM_SLOT, Imm, Insn, Op, Quantifier};
use crate::lanes::{AtomPage, GRAM, Lane, open_bits};
use crate::limits::{MAX_ARGS, MAX_LOCALS, MAX_LOOPS, MAX_OPEN_BITS, MAX_PIECES, MAX_STACK};
use crate::program::Program;
use crate::record::{
    Gate, Piece, Run, Slice, ValueKind, Variant, VariantKind, pattern_flags, rule_flags, variant_flags,
};
use crate::schema::MODULES;
use crate::unit::Unit;
use zerocopy::FromBytes;

type Fact = Result<(), &'static str>;

/// Bytes that may still be looked at. Texts, programs and sets of a unit may be shared, but if each of many rules,
/// variants or instructions led to the same large one, proving and scanning would take the square of the image's length.
struct Work(usize);

/// How often each byte of an image may be looked at, all in all; those of the compiler come to one or two.
const SHARED: usize = 16;

impl Work {
    fn on(image: &[u8]) -> Self {
        Work(image.len().saturating_mul(SHARED))
    }

    fn spend(&mut self, bytes: usize) -> Fact {
        self.0 = self
            .0
            .checked_sub(bytes)
            .ok_or("too many rules, variants or instructions share the same bytes")?;
        Ok(())
    }
}

fn need(fact: bool, what: &'static str) -> Fact {
    if fact { Ok(()) } else { Err(what) }
}

pub(crate) fn prove(image: &Image<'_>) -> Result<(), Error> {
    prove_globals(image).map_err(|what| Error::damaged(SectionKind::Globals.name(), 0, what))?;
    let (mut depths, mut work) = (Vec::new(), Work::on(image.bytes()));
    let (mut rules, mut patterns) = (0u64, 0u64);
    for id in 0..image.rule_slots() as u32 {
        let id = RuleId::new(id);
        let damaged = |what| Error::damaged(SectionKind::Rules.name(), id.index(), what);
        let Some(unit) = image.unit(id) else {
            need(image.slot_is_empty(id), "a slot's unit leaves the section or its own length")
                .map_err(damaged)?;
            continue;
        };
        let len = image.unit_bytes(id).unwrap_or_default().len();
        work.spend(len).and_then(|()| prove_unit(image, &unit, &mut work, &mut depths)).map_err(damaged)?;
        rules += 1;
        patterns += unit.patterns.len() as u64;
    }
    let counts = image.globals().header;
    need(
        u64::from(counts.rules.get()) == rules && u64::from(counts.patterns.get()) == patterns,
        "counts are wrong",
    )
    .map_err(|what| Error::damaged(SectionKind::Globals.name(), 0, what))?;
    let mut last = None;
    for (i, entry) in image.always().iter().enumerate() {
        let damaged = |what| Error::damaged(SectionKind::Always.name(), i * size_of_val(entry), what);
        let id = entry.rule.get();
        let unit = image.unit(RuleId::new(id)).ok_or("no such rule").map_err(damaged)?;
        let (gate, whole) = (entry.gate, unit.header.gate);
        let narrowed = Gate { classes: gate.classes & whole.classes, ..whole };
        need(gate == narrowed, "a gate admits more than that of its rule").map_err(damaged)?;
        need(last.is_none_or(|l| l < id), "ids do not ascend").map_err(damaged)?;
        last = Some(id);
    }
    prove_pages(image, SectionKind::Atoms, image.filter().atoms)?;
    prove_pages(image, SectionKind::Shorts, image.filter().shorts)?;
    let damaged = |what| Error::damaged(SectionKind::SelfTest.name(), 0, what);
    image.self_tests().prove(image).map_err(damaged)
}

fn prove_globals(image: &Image<'_>) -> Fact {
    let globals = image.globals();
    let inside = |s: Slice| s.checked(globals.blob).is_some();
    for name in globals.namespaces {
        need(inside(*name), "a namespace leaves the blob")?;
    }
    for external in globals.externals {
        need(inside(external.name), "an external variable's name leaves the blob")?;
        prove_value(external.kind.get(), external.value.get(), globals.blob)?;
    }
    Ok(())
}

fn prove_value(kind: u32, bits: u64, blob: &[u8]) -> Fact {
    match ValueKind::new(kind).ok_or("unknown kind of value")? {
        ValueKind::Str => need(Slice::from_bits(bits).checked(blob).is_some(), "a string leaves the blob"),
        ValueKind::Bool => need(bits <= 1, "a boolean is neither 0 nor 1"),
        ValueKind::Int | ValueKind::Float => Ok(()),
    }
}

fn prove_unit(image: &Image<'_>, unit: &Unit<'_>, work: &mut Work, depths: &mut Vec<u16>) -> Fact {
    let header = unit.header;
    let inside = |s: Slice| s.checked(unit.blob).is_some();
    need(header.flags.get() & !rule_flags::KNOWN == 0, "unknown rule flag")?;
    need(usize::from(header.namespace.get()) < image.globals().namespaces.len(), "no such namespace")?;
    work.spend(header.name.len.get() as usize)?;
    need(inside(header.name), "a rule's name leaves the blob")?;
    prove_gate(&header.gate)?;
    for tag in unit.tags {
        work.spend(tag.len.get() as usize)?;
        need(inside(*tag), "a tag leaves the blob")?;
    }
    for meta in unit.metas {
        let value = match ValueKind::new(meta.kind.get()) {
            Some(ValueKind::Str) => Slice::from_bits(meta.value.get()).len.get(),
            _ => 0,
        };
        work.spend((meta.name.len.get() as usize).saturating_add(value as usize))?;
        need(inside(meta.name), "a metadata name leaves the blob")?;
        prove_value(meta.kind.get(), meta.value.get(), unit.blob)?;
    }
    let mut next = 0u32;
    for pattern in unit.patterns {
        work.spend(pattern.id.len.get() as usize)?;
        need(inside(pattern.id), "a pattern's name leaves the blob")?;
        need(pattern.flags.get() & !pattern_flags::KNOWN == 0, "unknown pattern flag")?;
        need(pattern.first_variant.get() == next, "variants are not in the order of their patterns")?;
        next = next.checked_add(pattern.variants.get()).ok_or("too many variants")?;
    }
    need(next as usize == unit.variants.len(), "a variant has no pattern")?;
    for variant in unit.variants {
        prove_variant(unit, variant, work)?;
    }
    for reference in unit.references {
        let target = image.unit(RuleId::new(reference.get())).ok_or("a reference leads nowhere")?;
        need(target.header.rank.get() < header.rank.get(), "a reference does not lead to a lower rank")?;
    }
    prove_code(image, unit, work, depths)
}

fn prove_gate(gate: &Gate) -> Fact {
    need(gate.classes & !FileClass::EVERY == 0, "a gate has an unknown class")
}

fn prove_variant(unit: &Unit<'_>, variant: &Variant, work: &mut Work) -> Fact {
    need((variant.pattern.get() as usize) < unit.patterns.len(), "a variant's pattern does not exist")?;
    need(variant.flags & !variant_flags::KNOWN == 0, "unknown variant flag")?;
    need(variant.xor_min <= variant.xor_max, "xor keys are reversed")?;
    let body = variant.body.checked(unit.blob).ok_or("a variant's body leaves the blob")?;
    let backward = variant.backward.checked(unit.blob).ok_or("a backward program leaves the blob")?;
    if !backward.is_empty() {
        work.spend(backward.len())?;
        Program::prove(backward)?;
    }
    let runs = variant.runs.checked(unit.blob).ok_or("runs leave the blob")?;
    let runs = <[Run]>::ref_from_bytes(runs).map_err(|_| "not a whole number of runs")?;
    work.spend(size_of_val(runs))?;
    runs.iter().try_for_each(|run| prove_run(unit, variant, run))?;
    match VariantKind::new(variant.kind).ok_or("unknown kind of variant")? {
        VariantKind::Bytes => prove_masked(unit, body, variant.mask),
        VariantKind::Chain => {
            need(!body.is_empty(), "a chain has no pieces")?;
            need(variant.mask.len.get() == 0, "a chain has a mask")?;
            prove_pieces(unit, body, work)
        }
        VariantKind::Program => {
            work.spend(body.len())?;
            Program::prove(body)?;
            prove_pieces(unit, variant.mask.checked(unit.blob).ok_or("an outline leaves the blob")?, work)
        }
    }
}

fn prove_pieces(unit: &Unit<'_>, pieces: &[u8], work: &mut Work) -> Fact {
    work.spend(pieces.len())?;
    let pieces = <[Piece]>::ref_from_bytes(pieces).map_err(|_| "a chain is not a whole number of pieces")?;
    need(pieces.len() <= MAX_PIECES as usize, "a chain has too many pieces")?;
    pieces.iter().try_for_each(|piece| {
        let value = piece.value.checked(unit.blob).ok_or("a piece leaves the blob")?;
        need(piece.gap_min.get() <= piece.gap_max.get(), "a gap is reversed")?;
        prove_masked(unit, value, piece.mask)
    })
}

fn prove_run(unit: &Unit<'_>, variant: &Variant, run: &Run) -> Fact {
    let (_, mask) = run.bytes(unit.blob).ok_or("a run leaves the blob")?;
    let (lane, atoms) = run.atoms().ok_or("unknown lane")?;
    let keys = match variant.flags & variant_flags::XOR {
        0 => 1,
        _ => u32::from(variant.xor_max.abs_diff(variant.xor_min)) + 1,
    };
    for (remainder, &at) in atoms.iter().enumerate() {
        let at = usize::from(at);
        need(at + lane.width() <= usize::from(run.len), "an atom leaves its run")?;
        need(lane != Lane::Main || at % GRAM == remainder, "an atom has another remainder than it should")?;
        let open = mask.get(at..at + lane.width()).map_or(0, open_bits);
        let most = if lane == Lane::Pair { 0 } else { MAX_OPEN_BITS };
        need(open <= most && keys << open <= 1 << MAX_OPEN_BITS, "an atom stands for too many strings")?;
    }
    need(run.atoms.iter().skip(atoms.len()).all(|&at| at == 0), "an unused atom is not zero")
}

fn prove_masked(unit: &Unit<'_>, value: &[u8], mask: Slice) -> Fact {
    let mask = mask.checked(unit.blob).ok_or("a mask leaves the blob")?;
    need(mask.is_empty() || mask.len() == value.len(), "a mask is not as long as its bytes")?;
    need(!value.is_empty(), "empty bytes")
}

const UNSEEN: u16 = u16::MAX;

fn prove_code(image: &Image<'_>, unit: &Unit<'_>, work: &mut Work, depths: &mut Vec<u16>) -> Fact {
    let header = unit.header;
    need(
        header.max_stack.get() <= MAX_STACK && header.locals.get() <= MAX_LOCALS,
        "stack or locals too large",
    )?;
    let count = unit.insns.len();
    depths.clear();
    depths.resize(count + 1, UNSEEN);
    let mut depth = 0u16;
    for (at, insn) in unit.insns.iter().enumerate() {
        if let Some(&expected) = depths.get(at).filter(|&&d| d != UNSEEN) {
            need(depth == expected, "a jump meets another stack depth")?;
        }
        if let Some(slot) = depths.get_mut(at) {
            *slot = depth;
        }
        let op = Op::new(insn.op).ok_or("unknown instruction")?;
        let (pops, pushes, imm) = op.effect();
        let pops = pops + operands(op, insn)?;
        depth = depth.checked_sub(pops).ok_or("stack underflow")?;
        prove_imm(image, unit, op, insn, imm, work)?;
        if imm == Imm::Target {
            let target = insn.imm.get() as usize;
            // AndElse, OrElse and LoopNext leave one value where they lead; LoopStep leaves none and leads back.
            let there = if op == Op::LoopStep { depth } else { depth + 1 };
            need((op == Op::LoopStep) == (target <= at) && target <= count, "a jump leads nowhere")?;
            let slot = depths.get_mut(target).ok_or("a jump leads nowhere")?;
            need(*slot == UNSEEN || *slot == there, "jumps meet at different stack depths")?;
            *slot = there;
        }
        depth = depth.checked_add(pushes).filter(|&d| d <= header.max_stack.get()).ok_or("stack overflow")?;
        if op == Op::LoopStep {
            // Nothing falls through a loop's end: what follows is reached through the loop's exit, one value higher.
            depth += 1;
            need(depths.get(at + 1) == Some(&depth), "a loop's end is not its exit")?;
        }
    }
    need(depths.get(count).is_none_or(|&d| d == UNSEEN || d == depth), "a jump meets another stack depth")?;
    need(depth == 1, "a condition does not leave one value")
}

/// Values taken besides those of the table, and checks of `a` and `b` as quantifier, anchor, loop or local.
fn operands(op: Op, insn: &Insn) -> Result<u16, &'static str> {
    let (a, b) = (insn.a, insn.b.get());
    let quantifier = || Quantifier::new(a).ok_or("unknown quantifier").map(Quantifier::operands);
    match op {
        Op::OfPatterns => {
            let anchor = Anchor::new(b).ok_or("unknown anchor")?;
            Ok(quantifier()? + anchor as u16)
        }
        Op::OfRules => quantifier(),
        Op::LoopRange | Op::LoopItems | Op::LoopPatterns => {
            need(b < MAX_LOOPS, "loops nest too deep")?;
            quantifier()
        }
        Op::LoopList => {
            need(b < MAX_LOOPS, "loops nest too deep")?;
            let items = u16::try_from(insn.imm.get()).map_err(|_| "a loop has too many items")?;
            quantifier()?.checked_add(items).ok_or("a loop has too many items")
        }
        Op::LoopNext | Op::LoopStep => need(b < MAX_LOOPS, "loops nest too deep").map(|()| 0),
        Op::Call => need(a <= MAX_ARGS, "too many arguments").map(|()| u16::from(a)),
        _ => Ok(0),
    }
}

fn prove_imm(image: &Image<'_>, unit: &Unit<'_>, op: Op, insn: &Insn, imm: Imm, work: &mut Work) -> Fact {
    let value = insn.imm.get();
    let locals = unit.header.locals.get();
    let local = |n: u16| need(n < locals, "no such local");
    let constant = || unit.constants.get(value as usize).map(|c| c.get()).ok_or("no such constant");
    let string = || Slice::from_bits(constant()?).checked(unit.blob).ok_or("a string leaves the blob");
    match imm {
        Imm::None => need(value == 0, "an unused operand is not zero")?,
        Imm::Any | Imm::Target => {}
        Imm::Constant => {
            constant()?;
        }
        Imm::Str => {
            string()?;
        }
        Imm::Regex => {
            let program = string()?;
            work.spend(program.len())?;
            Program::prove(program)?;
        }
        Imm::External => {
            need((value as usize) < image.globals().externals.len(), "no such external variable")?
        }
        Imm::Pattern if insn.a & FROM_SLOT != 0 => local(insn.b.get())?,
        Imm::Pattern => need((value as usize) < unit.patterns.len(), "no such pattern")?,
        Imm::PatternSet => prove_set(unit, value, unit.patterns.len(), work)?,
        Imm::RuleSet => prove_set(unit, value, unit.references.len(), work)?,
        Imm::Reference => need((value as usize) < unit.references.len(), "no such reference")?,
        Imm::Module => need((value as usize) < MODULES.len(), "no such module")?,
        Imm::Field => need(value <= u32::from(u16::MAX), "no such field")?,
        Imm::Function => {
            let module = MODULES.get(usize::from(insn.b.get())).ok_or("no such module")?;
            need((value as usize) < module.functions.len(), "no such function")?;
        }
    }
    match op {
        Op::Load | Op::Store => local(insn.b.get()),
        Op::LoopNext => local(u16::from(insn.a) + 1),
        Op::ReadInt => need(matches!(insn.a & 15, 1 | 2 | 4) && insn.a < 64, "no such integer width"),
        _ => Ok(()),
    }
}

fn prove_set(unit: &Unit<'_>, offset: u32, count: usize, work: &mut Work) -> Fact {
    let set = unit.set(offset).ok_or("a set leaves its section")?;
    work.spend(size_of_val(set))?;
    need(set.iter().all(|i| (i.get() as usize) < count), "a set's member does not exist")
}

fn prove_pages(image: &Image<'_>, kind: SectionKind, pages: &[AtomPage]) -> Result<(), Error> {
    for (i, page) in pages.iter().enumerate() {
        let damaged = |what| Error::damaged(kind.name(), i * size_of::<AtomPage>(), what);
        let used =
            page.entries.get(..usize::from(page.count.get())).ok_or_else(|| damaged("too many entries"))?;
        need(page.reserved == [0; 6], "reserved bytes are not zero").map_err(damaged)?;
        need((page.spill.get() as usize) < pages.len(), "spills over more pages than there are")
            .map_err(damaged)?;
        need(used.is_sorted(), "entries are not sorted").map_err(damaged)?;
        for entry in used {
            // Units were proved: what their headers say is there.
            let header = image.unit_header(RuleId::new(entry.rule.get()));
            let header = header.ok_or_else(|| damaged("no such rule"))?;
            let exists = u32::from(entry.variant.get()) < header.variants.get();
            need(exists, "no such variant").map_err(damaged)?;
        }
    }
    Ok(())
}
