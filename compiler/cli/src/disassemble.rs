//! Units of an image as text: instructions of conditions, and what patterns are compared with.

use hallmark_compiler::lower::{MaskedByte, expected_cost};
use hallmark_image::insn::{Anchor, FROM_SLOT, Imm, Insn, Op, Quantifier};
use hallmark_image::program::Program;
use hallmark_image::record::{Pattern, Run, Slice, Variant, VariantKind, variant_flags};
use hallmark_image::schema::MODULES;
use hallmark_image::{Image, RuleId, Unit};

use crate::escape;

/// Most bytes shown of one literal.
const MAX_SHOWN: usize = 64;

/// The condition, one instruction a line.
pub fn condition(image: &Image<'_>, unit: &Unit<'_>) -> Vec<String> {
    unit.insns
        .iter()
        .enumerate()
        .map(|(at, insn)| format!("{at:>4}  {}", instruction(image, unit, insn)))
        .collect()
}

fn instruction(image: &Image<'_>, unit: &Unit<'_>, insn: &Insn) -> String {
    let Some(op) = Op::new(insn.op) else { return format!("unknown {}", insn.op) };
    let mut words = vec![format!("{op:?}").to_lowercase()];
    let (a, b, imm) = (insn.a, insn.b.get(), insn.imm.get());
    let constant = || unit.constants.get(imm as usize).map_or(0, |constant| constant.get());
    let slice = || Slice::from_bits(constant()).of(unit.blob);
    match op.effect().2 {
        Imm::None => {}
        Imm::Any => words.push(imm.cast_signed().to_string()),
        Imm::Constant if op == Op::Float => words.push(f64::from_bits(constant()).to_string()),
        Imm::Constant => words.push(constant().cast_signed().to_string()),
        Imm::Str => words.push(format!("\"{}\"", shown(slice()))),
        Imm::Regex => words.push(program(slice())),
        Imm::External => {
            let globals = image.globals();
            words.push(
                globals
                    .externals
                    .get(imm as usize)
                    .map_or_else(String::new, |e| lossy(e.name.of(globals.blob))),
            );
        }
        Imm::Pattern if a & FROM_SLOT != 0 => words.push(format!("local {b}")),
        Imm::Pattern => words.push(pattern_id(unit, imm)),
        Imm::PatternSet => {
            words.extend(unit.set(imm).unwrap_or_default().iter().map(|index| pattern_id(unit, index.get())));
        }
        Imm::RuleSet => {
            words.extend(
                unit.set(imm).unwrap_or_default().iter().map(|index| reference(image, unit, index.get())),
            );
        }
        Imm::Reference => words.push(reference(image, unit, imm)),
        Imm::Target => words.push(format!("-> {imm}")),
        Imm::Module => {
            words.push(MODULES.get(imm as usize).map_or_else(String::new, |module| module.name.to_owned()))
        }
        Imm::Field => words.push(format!("#{imm}")),
        Imm::Function => {
            let module = MODULES.get(usize::from(b));
            let function = module.and_then(|module| module.functions.get(imm as usize));
            if let (Some(module), Some(function)) = (module, function) {
                words.push(format!("{}.{}", module.name, function.name));
            }
        }
    }
    words.extend(small_operands(op, a, b));
    words.join(" ")
}

/// What the small operands say, where they say something.
fn small_operands(op: Op, a: u8, b: u16) -> Option<String> {
    let quantifier = || Quantifier::new(a).map_or_else(String::new, |q| format!("{q:?}").to_lowercase());
    match op {
        Op::Load | Op::Store => Some(format!("local {b}")),
        Op::OfPatterns => {
            let anchor = Anchor::new(b).filter(|&anchor| anchor != Anchor::Anywhere);
            Some(format!(
                "{}{}",
                quantifier(),
                anchor.map_or_else(String::new, |a| format!(" {a:?}").to_lowercase())
            ))
        }
        Op::OfRules => Some(quantifier()),
        Op::LoopRange | Op::LoopList | Op::LoopItems | Op::LoopPatterns => {
            Some(format!("loop {b} {}", quantifier()))
        }
        Op::LoopNext => Some(format!("loop {b} local {a}")),
        Op::LoopStep => Some(format!("loop {b}")),
        Op::Call => Some(format!("args {a}")),
        Op::ReadInt => {
            let sign = if a & 16 != 0 { "int" } else { "uint" };
            Some(format!("{sign}{}{}", u32::from(a & 15) * 8, if a & 32 != 0 { "be" } else { "" }))
        }
        _ => None,
    }
}

fn pattern_id(unit: &Unit<'_>, index: u32) -> String {
    unit.patterns
        .get(index as usize)
        .map_or_else(String::new, |pattern| format!("{}#{index}", lossy(pattern.id.of(unit.blob))))
}

fn reference(image: &Image<'_>, unit: &Unit<'_>, index: u32) -> String {
    let id = unit.references.get(index as usize).map(|id| RuleId::new(id.get()));
    id.and_then(|id| image.unit(id)).map_or_else(String::new, |unit| lossy(unit.name()))
}

/// What a pattern is compared with, one variant a line.
pub fn variants(unit: &Unit<'_>, pattern: &Pattern) -> Vec<String> {
    let first = pattern.first_variant.get() as usize;
    let variants = unit.variants.get(first..).unwrap_or_default();
    variants.iter().take(pattern.variants.get() as usize).map(|v| variant(unit, v)).collect()
}

/// What is searched for to find a pattern, one run a line: lane, offset, bytes, atoms, and what searching files of these
/// classes (as bits) for it is expected to cost.
pub fn runs(unit: &Unit<'_>, pattern: &Pattern, classes: u8) -> Vec<String> {
    let first = pattern.first_variant.get() as usize;
    let variants =
        unit.variants.get(first..).unwrap_or_default().iter().take(pattern.variants.get() as usize);
    let runs = variants.flat_map(|v| unit.runs(v).iter().map(move |run| (v, run)));
    runs.filter_map(|(v, run)| run_line(unit, v, run, classes)).collect()
}

fn run_line(unit: &Unit<'_>, variant: &Variant, run: &Run, classes: u8) -> Option<String> {
    let (value, mask) = run.bytes(unit.blob)?;
    let (lane, atoms) = run.atoms()?;
    let text = |from: usize, len: usize| {
        let part = |bytes: &[u8]| bytes.get(from..from + len).unwrap_or_default().to_vec();
        match part(mask) {
            mask if mask.iter().all(|&m| m == 0xFF) => format!("\"{}\"", shown(&part(value))),
            mask => format!("{{ {} }}", masked(&part(value), &mask)),
        }
    };
    let atoms: Vec<_> = atoms.iter().map(|&at| text(at.into(), lane.width())).collect();
    let bytes: Vec<_> = value
        .iter()
        .enumerate()
        .map(|(i, &value)| MaskedByte { value, mask: mask.get(i).copied().unwrap_or(0xFF) })
        .collect();
    let cost = expected_cost(&bytes, (variant.xor_min, variant.xor_max), classes)
        .map_or_else(String::new, |ns| format!(" cost {ns:.0} ns/MB"));
    let lane = format!("{lane:?}").to_lowercase();
    let offset = run.offset.get();
    Some(format!("run {lane} offset {offset} {} atoms {}{cost}", text(0, value.len()), atoms.join(" ")))
}

fn variant(unit: &Unit<'_>, variant: &Variant) -> String {
    let body = variant.body.of(unit.blob);
    let mut words = vec![match VariantKind::new(variant.kind) {
        Some(VariantKind::Bytes) if variant.mask.len.get() == 0 => format!("bytes \"{}\"", shown(body)),
        Some(VariantKind::Bytes) => format!("bytes {{ {} }}", masked(body, variant.mask.of(unit.blob))),
        Some(VariantKind::Chain) => format!("chain of {} bytes", body.len()),
        Some(VariantKind::Program) if variant.mask.len.get() == 0 => program(body),
        Some(VariantKind::Program) => {
            format!("{}, outline of {} bytes", program(body), variant.mask.of(unit.blob).len())
        }
        None => format!("unknown {}", variant.kind),
    }];
    let flags = [(variant_flags::FULLWORD, "fullword"), (variant_flags::WIDE, "wide")];
    words.extend(
        flags.iter().filter(|(flag, _)| variant.flags & flag != 0).map(|(_, word)| (*word).to_owned()),
    );
    if variant.flags & variant_flags::XOR != 0 {
        words.push(format!("xor({:#04x}-{:#04x})", variant.xor_min, variant.xor_max));
    }
    words.join(" ")
}

fn masked(bytes: &[u8], mask: &[u8]) -> String {
    let byte = |(byte, mask): (&u8, &u8)| match mask {
        0xFF => format!("{byte:02X}"),
        0x00 => "??".to_owned(),
        0xF0 => format!("{:X}?", byte >> 4),
        0x0F => format!("?{:X}", byte & 15),
        other => format!("{byte:02X}&{other:02X}"),
    };
    let shown: Vec<_> = bytes.iter().zip(mask).take(MAX_SHOWN).map(byte).collect();
    let more = if bytes.len() > MAX_SHOWN { " ..." } else { "" };
    format!("{}{more}", shown.join(" "))
}

fn program(bytes: &[u8]) -> String {
    let len = Program::view(bytes).map_or(0, |program| program.code.len());
    format!("program of {len} bytes")
}

fn shown(bytes: &[u8]) -> String {
    match bytes.get(..MAX_SHOWN) {
        Some(start) if bytes.len() > MAX_SHOWN => format!("{}...", escape::bytes(start)),
        _ => escape::bytes(bytes),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_shown_as_hex_patterns_write_them() {
        assert_eq!(masked(&[0x12, 0x30, 0x04, 0, 8], &[0xFF, 0xF0, 0x0F, 0, 0x18]), "12 3? ?4 ?? 08&18");
    }

    #[test]
    fn operands_say_what_they_mean() {
        assert_eq!(small_operands(Op::ReadInt, 4 + 32, 0).unwrap(), "uint32be");
        assert_eq!(small_operands(Op::OfPatterns, Quantifier::Any as u8, 1).unwrap(), "any at");
        assert_eq!(small_operands(Op::Add, 0, 0), None);
    }
}
