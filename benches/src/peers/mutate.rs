//! Copies of rules that look like the real ones: other names, and other bytes in the patterns, drawn from how bytes
//! follow each other in the patterns of the real rules.
//!
//! Lengths, wildcards, modifiers, regular expressions and conditions stay. A copy so costs a scanner what a real rule of
//! its kind does, without matching where that one matches. Everything follows from the seed.

use super::split::{Literal, Place, Whole};
use hallmark_benches::random::Random;

/// How often bytes are drawn again that are too uniform (authors avoid runs of zeros) or those of the original.
const TRIES: usize = 32;

/// How bytes follow each other in patterns of each kind.
#[derive(Debug)]
pub struct Model {
    text: Chain,
    hex: Chain,
}

/// For each byte, how often each other one came next; and how often each came first, or at all.
#[derive(Debug)]
struct Chain {
    first: Weights,
    after: Vec<Weights>,
}

/// Bytes with the running sum of how often they occurred.
#[derive(Debug, Default)]
struct Weights {
    sums: Vec<(u8, u64)>,
}

impl Model {
    /// Learns from the patterns of these rules.
    pub fn of(rules: &[Whole]) -> Self {
        let literals = || rules.iter().flat_map(|rule| &rule.literals);
        let text = literals().filter(|literal| matches!(literal.place, Place::Text(_)));
        let hex = literals().filter(|literal| matches!(literal.place, Place::Hex(_)));
        Model { text: Chain::of(text), hex: Chain::of(hex) }
    }

    /// The text of the copy `number` of a rule. Copies of one rule differ, and the same copy is always the same.
    pub fn copy(&self, rule: &Whole, number: usize, seed: u64) -> Vec<u8> {
        let mut random = Random::new(seed ^ fingerprint(&rule.name) ^ (number as u64).rotate_left(32));
        let mut edits = vec![(rule.name_at.clone(), format!("{}_copy{number}", rule.name).into_bytes())];
        for literal in &rule.literals {
            match &literal.place {
                Place::Text(at) => {
                    let bytes = self.text.draw_like(&literal.bytes, &mut random);
                    edits.push((at.clone(), quoted(&bytes)));
                }
                Place::Hex(places) => {
                    let bytes = self.hex.draw_like(&literal.bytes, &mut random);
                    let digits = bytes.iter().map(|byte| format!("{byte:02X}").into_bytes());
                    edits.extend(places.iter().cloned().zip(digits));
                }
            }
        }
        edits.sort_by_key(|(range, _)| range.start);
        let mut text = Vec::with_capacity(rule.text.len() + 64);
        let mut at = 0;
        for (range, new) in edits {
            text.extend_from_slice(&rule.text[at..range.start]);
            text.extend_from_slice(&new);
            at = range.end;
        }
        text.extend_from_slice(&rule.text[at..]);
        text
    }
}

impl Chain {
    fn of<'a>(literals: impl Iterator<Item = &'a Literal>) -> Self {
        let mut first = [0u64; 256];
        let mut after = vec![[0u64; 256]; 256];
        for literal in literals {
            for (at, &byte) in literal.bytes.iter().enumerate() {
                match at.checked_sub(1) {
                    None => first[usize::from(byte)] += 1,
                    Some(before) => after[usize::from(literal.bytes[before])][usize::from(byte)] += 1,
                }
            }
        }
        Chain { first: Weights::of(&first), after: after.iter().map(Weights::of).collect() }
    }

    /// As many bytes as `original` has, others than these and not much more uniform, unless the chain has no such.
    fn draw_like(&self, original: &[u8], random: &mut Random) -> Vec<u8> {
        let wanted = distinct(original).div_ceil(2);
        let mut bytes = Vec::new();
        for _ in 0..TRIES {
            bytes = self.draw(original.len(), random);
            if distinct(&bytes) >= wanted && bytes != original {
                break;
            }
        }
        bytes
    }

    fn draw(&self, length: usize, random: &mut Random) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::with_capacity(length);
        while bytes.len() < length {
            // What never came before another byte is followed by one that begins a pattern.
            let next = bytes.last().and_then(|&before| self.after[usize::from(before)].draw(random));
            match next.or_else(|| self.first.draw(random)) {
                Some(byte) => bytes.push(byte),
                None => bytes.push((random.bits() >> 56) as u8),
            }
        }
        bytes
    }
}

impl Weights {
    fn of(counts: &[u64; 256]) -> Self {
        let mut sum = 0;
        let mut sums = Vec::new();
        for (byte, &count) in (0..=u8::MAX).zip(counts) {
            if count > 0 {
                sum += count;
                sums.push((byte, sum));
            }
        }
        Weights { sums }
    }

    fn draw(&self, random: &mut Random) -> Option<u8> {
        let &(_, total) = self.sums.last()?;
        let point = random.below(total);
        let at = self.sums.partition_point(|&(_, sum)| sum <= point);
        self.sums.get(at).map(|&(byte, _)| byte)
    }
}

fn distinct(bytes: &[u8]) -> usize {
    let mut seen = [false; 256];
    bytes.iter().for_each(|&byte| seen[usize::from(byte)] = true);
    seen.iter().filter(|&&seen| seen).count()
}

/// Bytes as a text in quotes that every engine reads alike.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend([b'\\', byte]),
            b' '..=b'~' => text.push(byte),
            _ => text.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    text.push(b'"');
    text
}

/// A number for a name: FNV-1a.
fn fingerprint(name: &str) -> u64 {
    name.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use hallmark_compiler::diagnostic::SourceId;
    use hallmark_compiler::parser;

    use super::*;
    use crate::peers::rules::RuleFile;
    use crate::peers::split::split;

    const SOURCE: &str = r#"rule one { strings: $a = "Hello, \"World\"" nocase $b = { 4D 5A ?? 00 [1-4] (01 | 02) FF } $c = /k.{3}y/
        condition: all of them }
        rule two { strings: $a = "cmd.exe /c" $b = { DE AD BE EF } condition: any of them }"#;

    fn rules(text: &[u8], names: &[&str]) -> Vec<Whole> {
        let rules = names.iter().map(|&name| name.to_owned()).collect();
        split(&[&RuleFile { path: "a.yar".into(), text: text.to_vec(), rules }])
    }

    #[test]
    fn copies_follow_from_the_seed_and_differ_from_each_other() {
        let real = rules(SOURCE.as_bytes(), &["one", "two"]);
        let model = Model::of(&real);
        assert_eq!(model.copy(&real[0], 1, 7), model.copy(&real[0], 1, 7));
        assert_ne!(model.copy(&real[0], 1, 7), model.copy(&real[0], 2, 7));
        assert_ne!(model.copy(&real[0], 1, 7), model.copy(&real[0], 1, 8));
    }

    #[test]
    fn a_copy_is_a_rule_of_the_same_shape_with_other_bytes() {
        let real = rules(SOURCE.as_bytes(), &["one", "two"]);
        let model = Model::of(&real);
        for number in 0..50 {
            let text = model.copy(&real[0], number, 3);
            let mut diagnostics = Vec::new();
            parser::parse(SourceId(0), &text, &mut diagnostics);
            assert!(diagnostics.is_empty(), "{diagnostics:?}");
            let copy = &rules(&text, &["one_copy"])[0];
            assert_eq!(copy.name, format!("one_copy{number}"));
            for (copied, original) in copy.literals.iter().zip(&real[0].literals) {
                assert_eq!(copied.bytes.len(), original.bytes.len());
                assert_ne!(copied.bytes, original.bytes);
            }
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("/k.{3}y/") && text.contains("?? ") && text.contains("[1-4]"), "{text}");
        }
    }

    #[test]
    fn drawn_bytes_are_bytes_that_occurred() {
        let real = rules(SOURCE.as_bytes(), &["one", "two"]);
        let model = Model::of(&real);
        let drawn = model.text.draw(200, &mut Random::new(1));
        let known: Vec<u8> =
            real.iter().flat_map(|r| &r.literals).flat_map(|l| l.bytes.iter().copied()).collect();
        assert!(drawn.iter().all(|byte| known.contains(byte)));
    }

    #[test]
    fn odd_bytes_are_escaped() {
        assert_eq!(quoted(b"a\"\\\x00\xff~"), br#""a\"\\\x00\xff~""#);
    }
}
