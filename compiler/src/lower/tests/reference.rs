//! What a variant means, said as directly as possible, to compare the clever ways against.

use std::collections::{BTreeMap, BTreeSet};

use hallmark_image::program::{Look, Program, StateKind};
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
        Body::Program(program) => forward(program, data, at).map(|end| end - at),
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
    let program = Program::view(program).expect("a program");
    let (mut stack, mut seen) = (vec![(program.start, at)], BTreeSet::new());
    while let Some((number, at)) = stack.pop() {
        if !seen.insert((number, at)) {
            continue;
        }
        let state = &program.states[number as usize];
        let (next, other) = (state.next.get(), state.other.get());
        match StateKind::new(state.kind).expect("a known kind") {
            StateKind::Match => return Some(at),
            StateKind::Fail => {}
            StateKind::Split => stack.extend([(other, at), (next, at)]),
            StateKind::Look if holds(&program, number, data, at) => {
                stack.push((next, at));
            }
            StateKind::Look => {}
            StateKind::Range | StateKind::Class => {
                if data.get(at).is_some_and(|&byte| takes(&program, number, byte)) {
                    stack.push((next, at + 1));
                }
            }
        }
    }
    None
}

/// Every place at which a backward program begun at `from` has matched.
fn starts(program: &[u8], data: &[u8], from: usize) -> BTreeSet<usize> {
    let program = Program::view(program).expect("a program");
    let (mut stack, mut seen) = (vec![(program.start, from)], BTreeSet::new());
    let mut found = BTreeSet::new();
    while let Some((number, at)) = stack.pop() {
        if !seen.insert((number, at)) {
            continue;
        }
        let state = &program.states[number as usize];
        let (next, other) = (state.next.get(), state.other.get());
        match StateKind::new(state.kind).expect("a known kind") {
            StateKind::Match => {
                found.insert(at);
            }
            StateKind::Fail => {}
            StateKind::Split => stack.extend([(other, at), (next, at)]),
            StateKind::Look => panic!("backward programs have no assertions"),
            StateKind::Range | StateKind::Class => {
                if at > 0 && takes(&program, number, data[at - 1]) {
                    stack.push((next, at - 1));
                }
            }
        }
    }
    found
}

fn takes(program: &Program<'_>, number: u32, byte: u8) -> bool {
    let state = &program.states[number as usize];
    if state.kind == StateKind::Range as u8 {
        return (state.low..=state.high).contains(&byte);
    }
    in_class(program, number, byte)
}

fn in_class(program: &Program<'_>, number: u32, byte: u8) -> bool {
    let class = &program.classes[program.states[number as usize].other.get() as usize];
    class[usize::from(byte / 8)] >> (byte % 8) & 1 == 1
}

fn holds(program: &Program<'_>, number: u32, data: &[u8], at: usize) -> bool {
    let look = Look::new(program.states[number as usize].low).expect("a known assertion");
    let class = |byte: Option<&u8>| byte.is_some_and(|&byte| in_class(program, number, byte));
    let wide_class = |char: Option<&[u8]>| char.is_some_and(|char| char[1] == 0 && class(char.first()));
    let word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let narrow = || word(at.checked_sub(1).and_then(|at| data.get(at))) != word(data.get(at));
    let wide = || {
        let before = at.checked_sub(2).and_then(|at| data.get(at..at + 2));
        let after = data.get(at..at + 2);
        let word = |char: Option<&[u8]>| char.is_some_and(|char| char[1] == 0 && word(char.first()));
        word(before) != word(after)
    };
    let distance = usize::from(program.states[number as usize].high);
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
