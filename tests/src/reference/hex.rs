//! Hex patterns by backtracking: jumps grow from their least, alternatives are tried in order.

use hallmark_compiler::ast::HexToken;

/// The length of the match at `at`.
pub(super) fn length(tokens: &[HexToken], data: &[u8], at: usize) -> Option<usize> {
    let tokens: Vec<&HexToken> = tokens.iter().collect();
    end(&tokens, data, at).map(|end| end - at)
}

fn end(tokens: &[&HexToken], data: &[u8], at: usize) -> Option<usize> {
    let Some((first, rest)) = tokens.split_first() else { return Some(at) };
    match first {
        HexToken::Byte { value, mask, negated, .. } => {
            let same = data.get(at)? & mask == *value & mask;
            if same != *negated { end(rest, data, at + 1) } else { None }
        }
        HexToken::Jump { min, max, .. } => {
            let left = data.len().checked_sub(at)?;
            let most = max.map_or(left, |max| left.min(max as usize));
            (*min as usize..=most).find_map(|gap| end(rest, data, at + gap))
        }
        HexToken::Alternatives { options, .. } => options.iter().find_map(|option| {
            let tokens: Vec<&HexToken> = option.iter().chain(rest.iter().copied()).collect();
            end(&tokens, data, at)
        }),
    }
}
