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

/// The number of bytes at `at` that `text` alone determines when it is part of something in base64, if they are there:
/// it may begin at each of the three places of a group, and characters that it shares with its neighbours stay outside
/// of the match. Characters are `width` bytes apart.
fn encoded(text: &[u8], alphabet: &[u8; 64], data: &[u8], at: usize, width: usize) -> Option<usize> {
    // What is outside of the text is once all zeros, once all ones: characters that differ are not its own.
    let encode = |shift: usize, fill: u8| {
        let mut bits = vec![fill; shift];
        bits.extend_from_slice(text);
        bits.resize(bits.len().next_multiple_of(3), fill);
        let groups = bits.chunks(3).map(|g| g.iter().fold(0usize, |n, &b| n << 8 | usize::from(b)));
        groups.flat_map(|g| [18, 12, 6, 0].map(|by| alphabet[g >> by & 63])).collect::<Vec<u8>>()
    };
    let shown = |shift: usize| {
        let (zeros, ones) = (encode(shift, 0), encode(shift, 0xFF));
        let own = zeros.iter().zip(&ones).filter(|(zero, one)| zero == one).map(|(zero, _)| *zero);
        own.collect::<Vec<u8>>()
    };
    (0..3).map(shown).find_map(|characters| {
        let here = data.get(at..at + characters.len() * width)?;
        let same = here.chunks(width).zip(&characters).all(|(have, want)| {
            have[0] == *want && have[1..].iter().all(|&rest| rest == 0)
        });
        (same && !characters.is_empty()).then_some(characters.len() * width)
    })
}
