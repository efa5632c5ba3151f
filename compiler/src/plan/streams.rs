//! What a rule can't be sure of in a stream, of which only a part is kept, or in memory, which has no size.

use hallmark_image::limits::STREAM_KEEPS;
use hallmark_image::program::{Insn, Program};
use hallmark_image::record::rule_flags;
use hallmark_image::schema::{call_reads_file, reads_file};

use super::gate;
use crate::ir::{Expr, Kind, LoweredRule};
use crate::lower::{Body, ChainPiece};

/// The flags of a rule that tell.
pub fn flags(rule: &LoweredRule<'_>) -> u16 {
    let condition = &rule.ir.condition;
    let mut variants = rule.patterns.iter().flat_map(|pattern| &pattern.variants);
    let long = variants.any(|variant| longest(&variant.body).is_none_or(|len| len > STREAM_KEEPS));
    // A global rule is evaluated wherever its namespace is.
    let sized = !rule.ir.global && gate::bounds_size(condition);
    let flag = |is: bool, flag: u16| if is { flag } else { 0 };
    flag(needs_file(condition), rule_flags::WHOLE_FILE)
        | flag(long, rule_flags::LONG_MATCHES)
        | flag(sized, rule_flags::SIZED)
}

/// Whether an expression asks for what only whole files tell.
fn needs_file(expr: &Expr) -> bool {
    let own = match &expr.kind {
        Kind::Entrypoint => true,
        Kind::Module(module) => reads_file(*module),
        Kind::Call(module, function, _) => call_reads_file(*module, *function),
        Kind::ReadInt(code, offset) => {
            let end =
                offset.as_int().and_then(|at| u64::try_from(at).ok()?.checked_add(u64::from(code & 15)));
            end.is_none_or(|end| end > STREAM_KEEPS)
        }
        _ => false,
    };
    let mut below = false;
    expr.for_each_child(&mut |child| below |= needs_file(child));
    own || below
}

/// The greatest number of bytes that a match can have; `None` if there is none.
fn longest(body: &Body) -> Option<u64> {
    match body {
        Body::Bytes { value, .. } => Some(value.len() as u64),
        Body::Chain(pieces) => pieces.iter().try_fold(0u64, |sum, piece| {
            let ChainPiece { gap_max, value, .. } = piece;
            (*gap_max != u32::MAX).then(|| sum + u64::from(*gap_max) + value.len() as u64)
        }),
        Body::Program { program, .. } => Program::view(program).and_then(|program| longest_of(&program)),
    }
}

/// What the longest way through a program takes. One that leads back has no bound.
fn longest_of(program: &Program<'_>) -> Option<u64> {
    // The most that was taken on a way to each place, where there is one.
    let mut taken: Vec<Option<u64>> = vec![None; program.code.len()];
    *taken.first_mut()? = Some(0);
    let (mut place, mut longest) = (0u32, 0);
    while let Some((insn, next)) = program.insn(place) {
        if let Some(here) = taken[place as usize] {
            let (on, more): ([Option<u32>; 2], u64) = match insn {
                Insn::Match => {
                    longest = longest.max(here);
                    ([None, None], 0)
                }
                Insn::Run(run) => ([Some(next), None], run.len() as u64),
                Insn::Repeat(repeat) => {
                    ([Some(next), None], u64::from(repeat.max?) * u64::from(repeat.width()))
                }
                Insn::Jump(to) => ([Some(to), None], 0),
                Insn::Split(first, second) => ([Some(first), Some(second)], 0),
                Insn::Look { .. } => ([Some(next), None], 0),
            };
            for to in on.into_iter().flatten() {
                if to <= place {
                    return None;
                }
                let slot = taken.get_mut(to as usize)?;
                *slot = (*slot).max(Some(here + more));
            }
        }
        place = next;
    }
    Some(longest)
}
