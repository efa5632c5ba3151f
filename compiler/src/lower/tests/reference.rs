//! What a variant means, said as directly as possible, to compare the clever ways against.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_image::program::{Insn, Look, Program, Repeat, Set};
use hallmark_image::record::variant_flags::XOR;

use crate::lower::{Body, ChainPiece, LoweredVariant, Run};

/// The length of the match of a variant at `at`, word boundaries of `fullword` left aside.
pub(super) fn verify(variant: &LoweredVariant, data: &[u8], at: usize) -> Option<usize> {
    match &variant.body {
        Body::Bytes { value, mask } => {
            let here = data.get(at..at + value.len())?;
            if variant.flags & XOR != 0 {
                let key = here.first()? ^ value.first()?;
                let (min, max) = variant.xor;
                let same = here.iter().zip(value).all(|(byte, value)| byte ^ key == *value);
                return (same && (min..=max).contains(&key)).then_some(value.len());
            }
            masked(value, mask, here).then_some(value.len())
        }
        Body::Chain(pieces) => chain(pieces, data, at).map(|end| end - at),
        Body::Program { program, outline } => {
            let end = forward(program, data, at);
            assert!(
                end.is_none() || chain(outline, data, at).is_some(),
                "a match without its outline: {outline:?}"
            );
            end.map(|end| end - at)
        }
    }
}

/// Whether an atom of one of the variant's runs leads to a start at `at` in whatever way the data lie: for the main lane
/// one atom for each remainder of four, for the others the only one.
pub(super) fn covered(variant: &LoweredVariant, data: &[u8], at: usize) -> bool {
    let keys = variant.xor.0..=variant.xor.1;
    let leads = |run: &Run, key: u8, (place, len): (usize, usize)| {
        let offset = usize::from(run.offset) + place;
        (offset..data.len()).any(|p| {
            let here = run.bytes[place..place + len].iter().zip(&data[p..]);
            here.clone().count() == len
                && here.clone().all(|(byte, data)| (data ^ key) & byte.mask == byte.value)
                && match variant.backward.as_slice() {
                    [] => p - offset == at,
                    backward => starts(backward, data, p - offset).contains(&at),
                }
        })
    };
    variant.runs.iter().any(|run| {
        let remainders: Vec<usize> = run.atoms().map(|(place, _)| place % 4).collect();
        assert!(remainders.len() == 1 || remainders == [0, 1, 2, 3], "{run:?}");
        keys.clone().any(|key| run.atoms().all(|atom| leads(run, key, atom)))
    })
}

fn masked(value: &[u8], mask: &[u8], here: &[u8]) -> bool {
    here.iter().enumerate().all(|(at, byte)| byte & mask.get(at).copied().unwrap_or(0xFF) == value[at])
}

/// The end of the match of a chain.
fn chain(pieces: &[ChainPiece], data: &[u8], at: usize) -> Option<usize> {
    let Some((piece, rest)) = pieces.split_first() else { return Some(at) };
    let last = data.len().saturating_sub(at).min(piece.gap_max as usize);
    (piece.gap_min as usize..=last).find_map(|gap| {
        let from = at + gap;
        let here = data.get(from..from + piece.value.len())?;
        if masked(&piece.value, &piece.mask, here) { chain(rest, data, from + here.len()) } else { None }
    })
}

/// The end of the preferred match of a program.
pub(super) fn forward(program: &[u8], data: &[u8], at: usize) -> Option<usize> {
    walk(program, data, at, false).first().copied()
}

/// Every place at which a backward program begun at `from` has matched.
fn starts(program: &[u8], data: &[u8], from: usize) -> BTreeSet<usize> {
    walk(program, data, from, true).into_iter().collect()
}

/// The places at which a program matches, in the order in which backtracking finds them.
fn walk(program: &[u8], data: &[u8], from: usize, backward: bool) -> Vec<usize> {
    let program = Program::view(program).expect("a program");
    // An instruction, how many bytes it has taken, and the place in the data.
    let (mut stack, mut seen, mut found) = (vec![(0, 0, from)], BTreeSet::new(), Vec::new());
    while let Some((place, taken, at)) = stack.pop() {
        if !seen.insert((place, taken, at)) {
            continue;
        }
        let (insn, next) = program.insn(place).expect("an instruction");
        let byte = || data.get(if backward { at.checked_sub(1)? } else { at }).copied();
        let after = if backward { at.saturating_sub(1) } else { at + 1 };
        match insn {
            Insn::Match => found.push(at),
            Insn::Jump(target) => stack.push((target, 0, at)),
            Insn::Split(first, second) => stack.extend([(second, 0, at), (first, 0, at)]),
            Insn::Look { look, distance, set } => {
                assert!(!backward, "backward programs have no assertions");
                if holds(look, distance.into(), &set, data, at) {
                    stack.push((next, 0, at));
                }
            }
            Insn::Run(run) if taken == run.len() => stack.push((next, 0, at)),
            Insn::Run(run) => {
                if byte().is_some_and(|byte| run.takes(taken, byte)) {
                    stack.push((place, taken + 1, after));
                }
            }
            Insn::Repeat(repeat) => {
                let Repeat { min, max, greedy, wide, .. } = repeat;
                let width = if wide { 2 } else { 1 };
                let more = max.is_none_or(|max| taken < width * usize::from(max));
                let takes = byte().is_some_and(|byte| repeat.takes(taken as u32, byte, backward));
                let again = (more && takes).then_some((place, taken + 1, after));
                let enough = taken % width == 0 && taken >= width * usize::from(min);
                let on = enough.then_some((next, 0, at));
                let (first, second) = if greedy { (again, on) } else { (on, again) };
                stack.extend([second, first].into_iter().flatten());
            }
        }
    }
    found
}

fn holds(look: Look, distance: usize, set: &Set<'_>, data: &[u8], at: usize) -> bool {
    let class = |byte: Option<&u8>| byte.is_some_and(|&byte| set.has(byte));
    let wide_class = |char: Option<&[u8]>| char.is_some_and(|char| char[1] == 0 && class(char.first()));
    let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let narrow = || word(at.checked_sub(1).and_then(|at| data.get(at))) != word(data.get(at));
    let wide = || {
        let before = at.checked_sub(2).and_then(|at| data.get(at..at + 2));
        let after = data.get(at..at + 2);
        let word = |char: Option<&[u8]>| char.is_some_and(|char| char[1] == 0 && word(char.first()));
        word(before) != word(after)
    };
    let ahead = at + distance;
    match look {
        Look::Before => class(at.checked_sub(1 + distance).and_then(|at| data.get(at))),
        Look::After => class(data.get(ahead)),
        Look::WideBefore => wide_class(at.checked_sub(2 + distance).and_then(|at| data.get(at..at + 2))),
        Look::WideAfter => wide_class(data.get(ahead..ahead + 2)),
        Look::Start => at == 0,
        Look::End => ahead == data.len(),
        Look::WordBoundary => narrow(),
        Look::NotWordBoundary => !narrow(),
        Look::WideWordBoundary => wide(),
        Look::WideNotWordBoundary => !wide(),
    }
}

/// Every match of a set of variants: the longest at each place. Panics where no run leads to one.
pub(super) fn matches(variants: &[LoweredVariant], data: &[u8]) -> BTreeMap<usize, usize> {
    let mut found = BTreeMap::new();
    for variant in variants {
        for at in 0..=data.len() {
            if let Some(len) = verify(variant, data, at) {
                assert!(
                    variant.runs.is_empty() || covered(variant, data, at),
                    "no run leads to {at} in {data:?}: {variant:?}"
                );
                let longest = found.entry(at).or_insert(len);
                *longest = len.max(*longest);
            }
        }
    }
    found
}
