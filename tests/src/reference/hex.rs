//! Hex patterns by backtracking: jumps grow from their least, alternatives are tried in order.

use hallmark_compiler::ast::HexToken;

/// Tokens that may be compared at one offset; nested jumps could go on nearly for ever.
const MAX_STEPS: u32 = 1 << 20;

/// The length of the match at `at`, if there is one; `None` if that took too long.
pub(super) fn length(tokens: &[HexToken], data: &[u8], at: usize) -> Option<Option<usize>> {
    let tokens: Vec<&HexToken> = tokens.iter().collect();
    let mut left = MAX_STEPS;
    let end = end(&tokens, data, at, &mut left);
    (left > 0).then(|| end.map(|end| end - at))
}

fn end(tokens: &[&HexToken], data: &[u8], at: usize, left: &mut u32) -> Option<usize> {
    *left = left.checked_sub(1)?;
    let Some((first, rest)) = tokens.split_first() else { return Some(at) };
    match first {
        HexToken::Byte { value, mask, negated, .. } => {
            let same = data.get(at)? & mask == *value & mask;
            if same != *negated { end(rest, data, at + 1, left) } else { None }
        }
        HexToken::Jump { min, max, .. } => {
            let longest = data.len().checked_sub(at)?;
            let most = max.map_or(longest, |max| longest.min(max as usize));
            (*min as usize..=most).find_map(|gap| end(rest, data, at + gap, left))
        }
        HexToken::Alternatives { options, .. } => options.iter().find_map(|option| {
            let tokens: Vec<&HexToken> = option.iter().chain(rest.iter().copied()).collect();
            end(&tokens, data, at, left)
        }),
    }
}
