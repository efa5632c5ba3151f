//! Slow and obvious implementations of what patterns and conditions mean, straight from the syntax tree.
//!
//! [`find`] tries every offset of the data; [`Evaluation`] walks the tree of a condition. Neither knows of atoms, programs,
//! triggers or bytecode, and neither shares code with what it is compared with, the parser apart.

mod condition;
mod hex;
mod regex;
mod text;

use hallmark_compiler::ast::{ModifierKind, Pattern, PatternBody};

pub use condition::{Evaluation, Value};

/// A match at some offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Where it starts.
    pub offset: usize,
    /// How many bytes it has.
    pub length: usize,
    /// The key it was found under, for patterns with `xor`.
    pub xor_key: Option<u8>,
}

/// Every match of `pattern` in `data`: at each offset at most one, the longest of its forms. `None` if this cannot tell:
/// an expression is outside of what both engines know, or it would take too long.
///
/// # Panics
/// The pattern is one that the compiler refuses.
pub fn find(pattern: &Pattern<'_>, data: &[u8]) -> Option<Vec<Found>> {
    let modifiers = Modifiers::of(pattern);
    let matcher = match &pattern.body {
        PatternBody::Regex(regex) => Some(regex::Matcher::new(regex, &modifiers)?),
        _ => None,
    };
    let mut found = Vec::new();
    for at in 0..data.len() {
        let forms = match &pattern.body {
            PatternBody::Text(literal) => text::matches(&literal.value, &modifiers, data, at),
            PatternBody::Hex(tokens) => {
                hex::length(tokens, data, at)?.map(|n| (n, None)).into_iter().collect()
            }
            PatternBody::Regex(_) => matcher.as_ref().map_or_else(Vec::new, |m| m.matches(data, at)),
        };
        if let Some((length, xor_key)) = forms.into_iter().max_by_key(|(length, _)| *length) {
            found.push(Found { offset: at, length, xor_key });
        }
    }
    Some(found)
}

/// The modifiers of a pattern, looked up by name.
struct Modifiers {
    ascii: bool,
    wide: bool,
    nocase: bool,
    fullword: bool,
    xor: Option<(u8, u8)>,
    base64: Option<[u8; 64]>,
    base64wide: Option<[u8; 64]>,
}

impl Modifiers {
    fn of(pattern: &Pattern<'_>) -> Self {
        let mut all = Modifiers {
            ascii: false,
            wide: false,
            nocase: false,
            fullword: false,
            xor: None,
            base64: None,
            base64wide: None,
        };
        for modifier in &pattern.modifiers {
            match &modifier.kind {
                ModifierKind::Ascii => all.ascii = true,
                ModifierKind::Wide => all.wide = true,
                ModifierKind::Nocase => all.nocase = true,
                ModifierKind::Fullword => all.fullword = true,
                ModifierKind::Private => {}
                ModifierKind::Xor { min, max } => all.xor = Some((*min, *max)),
                ModifierKind::Base64(alphabet) => {
                    all.base64 = Some(text::alphabet(alphabet.as_ref().map(|a| &*a.value)));
                }
                ModifierKind::Base64Wide(alphabet) => {
                    all.base64wide = Some(text::alphabet(alphabet.as_ref().map(|a| &*a.value)));
                }
            }
        }
        all.ascii |= !all.wide;
        all
    }
}

/// Whether a match is a word of its own: no letter or digit touches it. `key` is applied to the bytes around it.
fn stands_alone(data: &[u8], start: usize, end: usize, wide: bool, key: u8) -> bool {
    let byte = |at: Option<usize>| at.and_then(|at| data.get(at)).map(|b| b ^ key);
    let letter = |at: Option<usize>| byte(at).is_some_and(|b| b.is_ascii_alphanumeric());
    let zero = |at: Option<usize>| byte(at) == Some(0);
    let before = |n: usize| start.checked_sub(n);
    let touched = if wide {
        letter(before(2)) && zero(before(1)) || letter(Some(end)) && zero(Some(end + 1))
    } else {
        letter(before(1)) || letter(Some(end))
    };
    !touched
}
