//! Patterns that a condition only asks for at one constant offset.

use hallmark_image::Unit;
use hallmark_image::insn::{FROM_SLOT, Imm, Insn, Op};
use hallmark_image::record::{VariantKind, pattern_flags, variant_flags};

/// The one offset at which the condition asks for pattern `index`, if that is all it asks and the pattern is a plain
/// literal. Such a pattern is reported at that offset only.
pub(crate) fn only_at(unit: &Unit<'_>, index: usize) -> Option<u64> {
    let pattern = unit.patterns.get(index)?;
    let first = pattern.first_variant.get() as usize;
    let variants = unit.variants.get(first..first.checked_add(pattern.variants.get() as usize)?)?;
    let plain = variants.iter().all(|v| {
        v.kind == VariantKind::Bytes as u8 && v.mask.len.get() == 0 && v.flags & variant_flags::XOR == 0
    });
    if !plain || pattern.flags.get() & pattern_flags::PRIVATE != 0 {
        return None;
    }
    let mut anchor = None;
    let mut before: Option<&Insn> = None;
    for insn in unit.insns {
        let op = Op::new(insn.op)?;
        match op.effect().2 {
            Imm::PatternSet if unit.set(insn.imm.get())?.iter().any(|i| i.get() as usize == index) => {
                return None;
            }
            Imm::Pattern if insn.a & FROM_SLOT == 0 && insn.imm.get() as usize == index => {
                let at = u64::try_from(constant(unit, before?)?).ok()?;
                if op != Op::MatchAt || anchor.is_some_and(|a| a != at) {
                    return None;
                }
                anchor = Some(at);
            }
            _ => {}
        }
        before = Some(insn);
    }
    anchor
}

/// Whether the condition asks only whether patterns match, never where or how often.
pub(crate) fn only_existence(unit: &Unit<'_>) -> bool {
    unit.insns.iter().all(|insn| match Op::new(insn.op) {
        Some(Op::MatchAt | Op::MatchIn | Op::Count | Op::CountIn | Op::Offset | Op::Length) => false,
        Some(Op::OfPatterns) => insn.b.get() == 0,
        _ => true,
    })
}

fn constant(unit: &Unit<'_>, insn: &Insn) -> Option<i64> {
    match Op::new(insn.op)? {
        Op::Small => Some(i64::from(insn.imm.get() as i32)),
        Op::Int => Some(unit.constants.get(insn.imm.get() as usize)?.get() as i64),
        _ => None,
    }
}
