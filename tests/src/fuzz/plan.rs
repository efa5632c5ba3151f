//! Making inputs: input number *i* is a function of the seed, the corpus and *i*.

use fastrand::Rng;

/// Changes that an input gets at most.
const MAX_CHANGES: u32 = 8;

/// Longest input; what grows beyond it is cut.
const MAX_LEN: usize = 16 << 10;

/// Longest input of nothing but random bytes, which targets make cases up from.
const MAX_RANDOM: usize = 600;

/// How the inputs of a run are made.
#[derive(Debug, Clone)]
pub struct Plan {
    seed: u64,
    corpus: Vec<Vec<u8>>,
    tokens: &'static [&'static str],
}

impl Plan {
    /// Inputs of this seed.
    pub fn new(seed: u64, corpus: Vec<Vec<u8>>, tokens: &'static [&'static str]) -> Self {
        Plan { seed, corpus, tokens }
    }

    /// Input number `index`: random bytes, or an input of the corpus with changes.
    pub fn input(&self, index: u64) -> Vec<u8> {
        // Neighbouring numbers must not give streams that are alike.
        let mixed =
            (self.seed ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xD129_0D3F_0B1F_5B2D);
        let mut rng = Rng::with_seed(mixed);
        if self.corpus.is_empty() || rng.u8(0..3) == 0 {
            let len = rng.usize(0..=MAX_RANDOM);
            return (0..len).map(|_| rng.u8(..)).collect();
        }
        let mut input = self.some(&mut rng).to_vec();
        for _ in 0..rng.u32(1..=MAX_CHANGES) {
            self.change(&mut rng, &mut input);
            input.truncate(MAX_LEN);
        }
        input
    }

    fn some(&self, rng: &mut Rng) -> &[u8] {
        &self.corpus[rng.usize(..self.corpus.len())]
    }

    fn change(&self, rng: &mut Rng, input: &mut Vec<u8>) {
        let range = span(rng, input.len());
        match rng.u8(0..14) {
            0 if !input.is_empty() => {
                let at = rng.usize(..input.len());
                input[at] ^= 1 << rng.u8(0..8);
            }
            1 if !input.is_empty() => {
                let at = rng.usize(..input.len());
                input[at] = rng.u8(..);
            }
            2 => drop(input.drain(range)),
            3 => {
                let block = input[range.clone()].repeat(rng.usize(1..4));
                drop(input.splice(range.end..range.end, block));
            }
            4 => {
                // The end of another input.
                let other = self.some(rng);
                input.truncate(range.start);
                input.extend_from_slice(&other[rng.usize(0..=other.len())..]);
            }
            5 => {
                let other = self.some(rng);
                let block = other[span(rng, other.len())].to_vec();
                drop(input.splice(range, block));
            }
            6 | 7 => {
                // A group in parentheses for another, which leaves rules that still can be read.
                let other = self.some(rng);
                if let (Some(old), Some(new)) = (group(rng, input), group(rng, other)) {
                    let new = other[new].to_vec();
                    drop(input.splice(old, new));
                }
            }
            8 | 9 if input.len() >= 8 => {
                // A number that matters, as tables in files have them: in place, so that nothing moves.
                let size = *rng.choice(&[1, 2, 4, 8]).unwrap_or(&4);
                let at = rng.usize(..=input.len() - size);
                let len = input.len() as u64;
                let value = match rng.u8(0..5) {
                    0 => 0,
                    1 => u64::MAX,
                    2 => 1 << rng.u8(0..64),
                    3 => len.wrapping_sub(rng.u64(0..9)),
                    _ => rng.u64(0..=len),
                };
                input[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
            }
            10 if !self.tokens.is_empty() => {
                let token = self.tokens[rng.usize(..self.tokens.len())].bytes();
                drop(input.splice(range.start..range.start, token));
            }
            _ if !self.tokens.is_empty() => {
                // One word for another.
                let word = word_at(input, range.start);
                let token = self.tokens[rng.usize(..self.tokens.len())].bytes();
                drop(input.splice(word, token));
            }
            _ => {}
        }
    }
}

/// Some range within `len` bytes, a short one more often than a long one.
fn span(rng: &mut Rng, len: usize) -> std::ops::Range<usize> {
    let start = rng.usize(0..=len);
    let most = if rng.bool() { 16 } else { len };
    start..(start + rng.usize(0..=most)).min(len)
}

/// The word that the byte at `at` is in, or that byte.
fn word_at(input: &[u8], at: usize) -> std::ops::Range<usize> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let start = at - input[..at].iter().rev().take_while(|b| is_word(b)).count();
    let end = at + input[at..].iter().take_while(|b| is_word(b)).count();
    start..if start == end { (end + 1).min(input.len()) } else { end }
}

/// A group in parentheses, with them.
fn group(rng: &mut Rng, input: &[u8]) -> Option<std::ops::Range<usize>> {
    let opening: Vec<usize> = (0..input.len()).filter(|&at| input[at] == b'(').collect();
    let start = *opening.get(rng.usize(..opening.len().max(1)))?;
    let mut depth = 0usize;
    for (at, byte) in input.iter().enumerate().skip(start) {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(start..at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64) -> Plan {
        Plan::new(seed, vec![b"(a) and (b or (c))".to_vec(), Vec::new(), b"x".to_vec()], &["token"])
    }

    #[test]
    fn an_input_can_be_had_again_and_seeds_differ() {
        let inputs = |seed| (0..2000).map(|i| plan(seed).input(i)).collect::<Vec<_>>();
        let first = inputs(1);
        assert_eq!(first, inputs(1));
        assert_ne!(first, inputs(2));
        let distinct: std::collections::BTreeSet<_> = first.iter().collect();
        assert!(distinct.len() > 1200, "{} distinct inputs", distinct.len());
        assert!(first.iter().any(|input| input.windows(5).any(|w| w == b"token")));
        assert!(first.iter().all(|input| input.len() <= MAX_LEN));
    }

    #[test]
    fn groups_are_whole() {
        let text = b"(a) and (b or (c))";
        let mut rng = Rng::with_seed(1);
        let found: std::collections::BTreeSet<_> =
            (0..100).filter_map(|_| group(&mut rng, text)).map(|r| &text[r]).collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [&b"(a)"[..], b"(b or (c))", b"(c)"]);
        assert_eq!(group(&mut rng, b"(("), None);
    }
}
