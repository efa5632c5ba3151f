//! Texts, byte by byte.

use super::{Modifiers, stands_alone};

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn alphabet(given: Option<&[u8]>) -> [u8; 64] {
    given.map_or(*STANDARD, |given| given.try_into().expect("64 characters"))
}

/// Length and key of each form of `text` that matches at `at`.
pub(super) fn matches(
    text: &[u8],
    modifiers: &Modifiers,
    data: &[u8],
    at: usize,
) -> Vec<(usize, Option<u8>)> {
    let mut found = Vec::new();
    let widths = [(modifiers.ascii, false), (modifiers.wide, true)];
    for wide in widths.into_iter().filter(|(used, _)| *used).map(|(_, wide)| wide) {
        let form = if wide { widen(text) } else { text.to_vec() };
        if modifiers.base64.is_some() || modifiers.base64wide.is_some() {
            let narrow = modifiers.base64.iter().filter_map(|a| encoded(&form, a, data, at, 1));
            let doubled = modifiers.base64wide.iter().filter_map(|a| encoded(&form, a, data, at, 2));
            found.extend(narrow.chain(doubled).map(|length| (length, None)));
            continue;
        }
        let Some(here) = data.get(at..at + form.len()) else { continue };
        let (min, max) = modifiers.xor.unwrap_or((0, 0));
        for key in min..=max {
            let same = here.iter().zip(&form).all(|(have, want)| {
                let have = have ^ key;
                have == *want || (modifiers.nocase && have.eq_ignore_ascii_case(want))
            });
            let word = !modifiers.fullword || stands_alone(data, at, at + form.len(), wide, key);
            if same && word {
                found.push((form.len(), modifiers.xor.map(|_| key)));
            }
        }
    }
    found
}

fn widen(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|&byte| [byte, 0]).collect()
}

/// The length of the match at `at` if `text` is there as part of something in base64. It may begin at each of the three
/// places of a group. All its bits have to be there; a match is the characters that hold no others. Characters are
/// `width` bytes apart.
fn encoded(text: &[u8], alphabet: &[u8; 64], data: &[u8], at: usize, width: usize) -> Option<usize> {
    let bits: Vec<bool> =
        text.iter().flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1 == 1)).collect();
    (0..3).find_map(|shift: usize| {
        // Positions of bits and characters count from the start of the group.
        let (start, end) = (8 * shift, 8 * shift + bits.len());
        let own = start.div_ceil(6)..end / 6;
        let character = |index: usize| {
            let offset = (at + index * width).checked_sub(own.start * width)?;
            let (first, rest) = data.get(offset..offset + width)?.split_first()?;
            let value = alphabet.iter().position(|c| c == first)?;
            rest.iter().all(|&byte| byte == 0).then_some(value)
        };
        // The characters of the first group before the text's, and those of its last group after it, have to be
        // base64 as well; the last group may end early, by padding or with the data, and then its spare bits are zero.
        let place = |index: usize| (at + index * width).checked_sub(own.start * width);
        // With the data, the last character may end before the zero that belongs to it.
        let pad = |o: usize| {
            let rest = data.get(o + 1..o + width).unwrap_or_default();
            data.get(o) == Some(&b'=') && rest.iter().all(|&byte| byte == 0)
        };
        let ended = |index: usize| place(index).is_some_and(|o| o == data.len() || pad(o));
        let groups_decode = |end: usize| {
            let used = end.div_ceil(6);
            let whole = used.next_multiple_of(4);
            let from = own.start.min(start / 6) / 4 * 4;
            let first = (from..used).all(|i| character(i).is_some());
            let have = (used..whole).take_while(|&i| character(i).is_some()).count() + used;
            if have == whole {
                return first;
            }
            let rest: Vec<usize> = (have..whole).collect();
            let closed = rest.iter().all(|&i| ended(i))
                || rest.first().is_some_and(|&i| place(i) == Some(data.len()))
                || (rest.len() == 2 && ended(rest[0]) && place(rest[1]) == Some(data.len()));
            let spare = if have % 4 == 2 { 15 } else { 3 };
            first && closed && character(have - 1).is_some_and(|value| value & spare == 0)
        };
        let there = (start..end).zip(&bits).all(|(position, bit)| {
            character(position / 6).is_some_and(|value| (value >> (5 - position % 6) & 1 == 1) == *bit)
        });
        (there && !own.is_empty() && groups_decode(end)).then_some(own.len() * width)
    })
}
