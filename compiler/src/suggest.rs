//! "Did you mean …?": the nearest of a list of names.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Included, Unbounded};

use crate::limits::{MAX_NAMES_COMPARED, MAX_SUGGESTED_NAME};

/// The candidate closest to `word`, if one is close enough to be what was meant: at most one edit for each three
/// letters of `word`, upper and lower case being the same. Among equals the first wins.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let budget = (word.len() / 3).max(1);
    if word.len() > MAX_SUGGESTED_NAME {
        return None;
    }
    let mut best = None;
    for candidate in candidates {
        if candidate.len().abs_diff(word.len()) > budget {
            continue;
        }
        let edits = distance(word.as_bytes(), candidate.as_bytes());
        if edits <= budget && best.is_none_or(|(least, _)| edits < least) {
            best = Some((edits, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Names of a map that stand around `word` in alphabetical order: those it is worth comparing with.
pub(crate) fn around<'m, 'c, V>(
    word: &str,
    names: &'m BTreeMap<&'c str, V>,
) -> impl Iterator<Item = &'c str> + use<'m, 'c, V> {
    let after = names.range::<str, _>((Included(word), Unbounded)).take(MAX_NAMES_COMPARED / 2);
    let before = names.range::<str, _>((Unbounded, Excluded(word))).rev().take(MAX_NAMES_COMPARED / 2);
    after.chain(before).map(|(name, _)| *name)
}

/// Edit distance with transpositions of neighbours (optimal string alignment), ignoring ASCII case.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let width = b.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut above: Vec<usize> = (0..width).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1; width];
        for (j, y) in b.iter().enumerate() {
            let same = x.eq_ignore_ascii_case(y);
            let mut least = (above[j] + usize::from(!same)).min(above[j + 1] + 1).min(row[j] + 1);
            let swapped =
                i > 0 && j > 0 && x.eq_ignore_ascii_case(&b[j - 1]) && a[i - 1].eq_ignore_ascii_case(y);
            if swapped {
                least = least.min(before[j - 1] + 1);
            }
            row[j + 1] = least;
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{MAX_NAMES_COMPARED, MAX_SUGGESTED_NAME, around, nearest};

    #[test]
    fn finds_what_was_meant() {
        let words = ["ascii", "wide", "nocase", "fullword"];
        assert_eq!(nearest("wdie", words), Some("wide"));
        assert_eq!(nearest("fulword", words), Some("fullword"));
        assert_eq!(nearest("NoCase", words), Some("nocase"));
        assert_eq!(nearest("xyz", words), None);
        assert_eq!(nearest("", words), None);
    }

    #[test]
    fn names_far_off_are_not_compared() {
        let names: Vec<String> = (0..100_000).map(|n| format!("rule_{n:05}")).collect();
        let map = names.iter().map(|name| (name.as_str(), ())).collect();
        assert_eq!(around("rule_5000O", &map).count(), MAX_NAMES_COMPARED);
        assert_eq!(nearest("rule_5000", around("rule_5000", &map)), Some("rule_50000"));
        let long = "x".repeat(MAX_SUGGESTED_NAME + 1);
        assert_eq!(nearest(&long, [long.as_str()]), None);
    }
}
