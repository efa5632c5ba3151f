//! Warnings about patterns: what could be said shorter, and what is said twice.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::rule::Checker;
use crate::ast::{HexToken, Literal, ModifierKind, Pattern, PatternBody};
use crate::codes;
use crate::diagnostic::{Edit, Span};

/// Fewest bytes of a hex pattern that is better written as a text: `{ 4D 5A }` is a number to those who read it.
const MIN_TEXT: usize = 4;

impl<'a> Checker<'_, 'a> {
    /// Looks at each pattern, and at all of them together.
    pub(super) fn lint_patterns(&mut self) {
        let rule = self.rule;
        let mut known: BTreeMap<Vec<u8>, &'a Pattern<'a>> = BTreeMap::new();
        for pattern in &rule.patterns {
            self.lint_case(pattern);
            if let PatternBody::Hex(tokens) = &pattern.body {
                self.lint_text(pattern, tokens);
                self.lint_jumps(tokens);
            }
            match known.entry(meaning(pattern)) {
                Entry::Vacant(place) => drop(place.insert(pattern)),
                Entry::Occupied(place) => {
                    let first = place.get();
                    self.findings.push(
                        self.warning(
                            codes::DUPLICATE_PATTERN_VALUE,
                            pattern.body_span,
                            format!("`{}` looks for the same as `{}`", pattern.id.name, first.id.name),
                            "again here",
                        )
                        .with_label(first.body_span, "first here")
                        .with_help("remove one of them; a set counts both when it is found"),
                    );
                }
            }
        }
    }

    fn lint_case(&mut self, pattern: &Pattern<'a>) {
        let nocase = pattern.modifiers.iter().find(|m| m.kind == ModifierKind::Nocase);
        if let (PatternBody::Regex(regex), Some(nocase)) = (&pattern.body, nocase)
            && regex.case_insensitive
        {
            self.findings.push(
                self.warning(
                    codes::REDUNDANT_MODIFIER,
                    nocase.span,
                    "`nocase` says what the flag `i` says",
                    "has no effect",
                )
                .with_label(regex.span, "has the flag")
                .with_fix("remove `nocase`", vec![Edit::remove(nocase.span)]),
            );
        }
    }

    fn lint_text(&mut self, pattern: &Pattern<'a>, tokens: &[HexToken]) {
        let byte = |token: &HexToken| match token {
            HexToken::Byte { value, mask: 0xFF, negated: false, .. } => Some(*value),
            _ => None,
        };
        let Some(bytes) = tokens.iter().map(byte).collect::<Option<Vec<u8>>>() else { return };
        let readable = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r');
        if bytes.len() < MIN_TEXT || !bytes.iter().all(readable) {
            return;
        }
        let mut text = String::with_capacity(bytes.len() + 2);
        text.push('"');
        for byte in bytes {
            match byte {
                b'"' => text.push_str("\\\""),
                b'\\' => text.push_str("\\\\"),
                b'\t' => text.push_str("\\t"),
                b'\n' => text.push_str("\\n"),
                b'\r' => text.push_str("\\r"),
                _ => text.push(char::from(byte)),
            }
        }
        text.push('"');
        let finding =
            self.warning(codes::TEXT_AS_HEX, pattern.body_span, "these bytes are a text", "written in hex");
        let (help, edits) =
            (format!("write `{text}`"), vec![Edit::replace(pattern.body_span, text.as_str())]);
        // A modifier that is refused on hex patterns would mean something on a text.
        let same = pattern.modifiers.iter().all(|modifier| modifier.kind == ModifierKind::Private);
        self.findings.push(match same {
            true => finding.with_fix(help, edits),
            false => finding.with_suggestion(help, edits),
        });
    }

    fn lint_jumps(&mut self, tokens: &[HexToken]) {
        let mut rest = tokens;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            match first {
                HexToken::Alternatives { options, .. } => {
                    options.iter().for_each(|option| self.lint_jumps(option));
                }
                HexToken::Jump { span, min, max } => {
                    let mut all = (*span, Some(*min), max.map(Some));
                    let mut count = 1;
                    while let Some((HexToken::Jump { span, min, max }, after)) = rest.split_first() {
                        all.0 = all.0.to(*span);
                        all.1 = all.1.and_then(|sum| sum.checked_add(*min));
                        // None is unbounded, Some(None) more than can be written.
                        all.2 = all.2.zip(*max).map(|(sum, max)| sum.and_then(|sum| sum.checked_add(max)));
                        rest = after;
                        count += 1;
                    }
                    if count > 1 {
                        self.consecutive_jumps(all.0, all.1, all.2);
                    }
                }
                HexToken::Byte { .. } => {}
            }
        }
    }

    fn consecutive_jumps(&mut self, span: Span, min: Option<u32>, max: Option<Option<u32>>) {
        let finding =
            self.warning(codes::CONSECUTIVE_JUMPS, span, "jumps that follow each other", "these are one");
        let jump = match (min, max) {
            (Some(0), None) => "[-]".to_owned(),
            (Some(min), None) => format!("[{min}-]"),
            (Some(min), Some(Some(max))) if min == max => format!("[{min}]"),
            (Some(min), Some(Some(max))) => format!("[{min}-{max}]"),
            _ => return self.findings.push(finding.with_help("write one jump")),
        };
        let help = format!("write `{jump}`");
        self.findings.push(finding.with_fix(help, vec![Edit::replace(span, jump)]));
    }
}

/// What a pattern looks for as bytes, the same for two patterns if and only if they look for the same.
fn meaning(pattern: &Pattern<'_>) -> Vec<u8> {
    let mut modifiers: Vec<Vec<u8>> =
        pattern.modifiers.iter().map(|one| modifier_meaning(&one.kind)).collect();
    modifiers.sort_unstable();
    let mut bytes = modifiers.concat();
    match &pattern.body {
        PatternBody::Text(literal) => {
            bytes.push(b'"');
            bytes.extend_from_slice(&literal.value);
        }
        PatternBody::Regex(regex) => {
            bytes.push(b'/');
            bytes.extend([regex.case_insensitive, regex.dot_matches_new_line].map(u8::from));
            bytes.extend_from_slice(regex.source.as_bytes());
        }
        PatternBody::Hex(tokens) => {
            bytes.push(b'{');
            hex_meaning(tokens, &mut bytes);
        }
    }
    bytes
}

/// A letter for the modifier, and its arguments.
fn modifier_meaning(kind: &ModifierKind<'_>) -> Vec<u8> {
    let alphabet = |letter, alphabet: &Option<Literal<'_>>| {
        let chosen = alphabet.as_ref().map_or(&b""[..], |alphabet| &alphabet.value);
        [&[letter], chosen, &[0]].concat()
    };
    match kind {
        ModifierKind::Ascii => vec![b'a'],
        ModifierKind::Wide => vec![b'w'],
        ModifierKind::Nocase => vec![b'n'],
        ModifierKind::Fullword => vec![b'f'],
        ModifierKind::Private => vec![b'p'],
        ModifierKind::Xor { min, max } => vec![b'x', *min, *max],
        ModifierKind::Base64(chosen) => alphabet(b'b', chosen),
        ModifierKind::Base64Wide(chosen) => alphabet(b'c', chosen),
    }
}

fn hex_meaning(tokens: &[HexToken], bytes: &mut Vec<u8>) {
    for token in tokens {
        match token {
            HexToken::Byte { value, mask, negated, .. } => {
                bytes.extend([if *negated { b'~' } else { b'=' }, *value, *mask]);
            }
            HexToken::Jump { min, max, .. } => {
                bytes.push(if max.is_some() { b'[' } else { b'-' });
                bytes.extend(min.to_le_bytes());
                bytes.extend(max.unwrap_or_default().to_le_bytes());
            }
            HexToken::Alternatives { options, .. } => {
                bytes.push(b'(');
                for option in options {
                    hex_meaning(option, bytes);
                    bytes.push(b'|');
                }
                bytes.push(b')');
            }
        }
    }
}
