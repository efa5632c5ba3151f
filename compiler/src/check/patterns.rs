//! Patterns: which modifiers go together.

use std::collections::BTreeSet;

use hallmark_image::FileClass;

use crate::ast::{Literal, ModifierKind, Pattern, PatternBody};
use crate::codes;
use crate::diagnostic::{Diagnostic, Edit, SourceId, Span};
use crate::lower::PatternSpec;

/// Fewest bytes of a `base64` text: below that, an encoded fragment is too short to mean anything.
const MIN_BASE64: usize = 3;

/// Checks a pattern's modifiers.
pub(super) fn check_pattern<'a>(
    pattern: &'a Pattern<'a>,
    source: SourceId,
    relaxed: bool,
) -> Result<PatternSpec<'a>, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    let has = |name: &str| pattern.modifiers.iter().find(|m| modifier_name(&m.kind) == name).map(|m| m.span);
    for modifier in &pattern.modifiers {
        if !allowed(&pattern.body, &modifier.kind) {
            let (what, name) = (body_name(&pattern.body), modifier_name(&modifier.kind));
            let finding = Diagnostic::error(
                codes::INVALID_MODIFIER,
                source,
                modifier.span,
                format!("modifier `{name}` does not apply to {what}"),
                "not here",
            );
            let (help, remove) = (format!("remove `{name}`"), vec![Edit::remove(modifier.span)]);
            // The bytes of hex patterns are what `ascii` asks for; without another modifier something else may be meant.
            let same = matches!((&pattern.body, &modifier.kind), (PatternBody::Hex(_), ModifierKind::Ascii));
            findings.push(match same {
                true => finding.with_fix(help, remove),
                false => finding.with_suggestion(help, remove),
            });
        }
    }
    for (a, b) in [
        ("xor", "nocase"),
        ("base64", "nocase"),
        ("base64wide", "nocase"),
        ("base64", "xor"),
        ("base64wide", "xor"),
        ("base64", "fullword"),
        ("base64wide", "fullword"),
    ] {
        if let (Some(first), Some(second)) = (has(a), has(b)) {
            findings.push(
                Diagnostic::error(
                    codes::INVALID_MODIFIERS,
                    source,
                    second,
                    format!("modifiers `{a}` and `{b}` do not go together"),
                    format!("`{b}` here"),
                )
                .with_label(first, format!("`{a}` here"))
                .with_help("write two patterns, one with each"),
            );
        }
    }
    let mut spec = PatternSpec {
        body: &pattern.body,
        ascii: has("ascii").is_some(),
        wide: has("wide").is_some(),
        nocase: has("nocase").is_some(),
        fullword: has("fullword").is_some(),
        xor: None,
        base64: None,
        base64wide: None,
        relaxed,
        classes: FileClass::EVERY,
    };
    for modifier in &pattern.modifiers {
        match &modifier.kind {
            ModifierKind::Xor { min, max } => spec.xor = Some((*min, *max)),
            ModifierKind::Base64(alphabet) => {
                spec.base64 = alphabet_bytes(alphabet.as_ref(), source, &mut findings);
                base64_length(&pattern.body, modifier.span, source, &mut findings);
            }
            ModifierKind::Base64Wide(alphabet) => {
                spec.base64wide = alphabet_bytes(alphabet.as_ref(), source, &mut findings);
                base64_length(&pattern.body, modifier.span, source, &mut findings);
            }
            _ => {}
        }
    }
    if let (Some(a), Some(b), Some(span)) = (spec.base64, spec.base64wide, has("base64wide"))
        && a != b
    {
        findings.push(
            Diagnostic::error(
                codes::INVALID_BASE64,
                source,
                span,
                "`base64` and `base64wide` have different alphabets",
                "another alphabet here",
            )
            .with_help("write two patterns, one with each"),
        );
    }
    if let PatternBody::Text(text) = &pattern.body
        && text.value.is_empty()
    {
        findings.push(
            Diagnostic::error(
                codes::EMPTY_PATTERN,
                source,
                text.span,
                format!("pattern `{}` is empty", pattern.id.name),
                "empty text",
            )
            .with_help("an empty text would match everywhere; remove the pattern"),
        );
    }
    // `ascii` is what a pattern is when nothing else is asked for.
    spec.ascii |= !spec.wide;
    if findings.is_empty() { Ok(spec) } else { Err(findings) }
}

fn allowed(body: &PatternBody<'_>, modifier: &ModifierKind<'_>) -> bool {
    use ModifierKind::*;
    match body {
        PatternBody::Text(_) => true,
        PatternBody::Regex(_) => matches!(modifier, Ascii | Wide | Nocase | Fullword | Private),
        PatternBody::Hex(_) => matches!(modifier, Private),
    }
}

fn body_name(body: &PatternBody<'_>) -> &'static str {
    match body {
        PatternBody::Text(_) => "text patterns",
        PatternBody::Hex(_) => "hex patterns",
        PatternBody::Regex(_) => "regular expressions",
    }
}

fn modifier_name(modifier: &ModifierKind<'_>) -> &'static str {
    match modifier {
        ModifierKind::Ascii => "ascii",
        ModifierKind::Wide => "wide",
        ModifierKind::Nocase => "nocase",
        ModifierKind::Fullword => "fullword",
        ModifierKind::Private => "private",
        ModifierKind::Xor { .. } => "xor",
        ModifierKind::Base64(_) => "base64",
        ModifierKind::Base64Wide(_) => "base64wide",
    }
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn alphabet_bytes(
    alphabet: Option<&Literal<'_>>,
    source: SourceId,
    findings: &mut Vec<Diagnostic>,
) -> Option<[u8; 64]> {
    let Some(literal) = alphabet else { return Some(*STANDARD) };
    let distinct = literal.value.iter().collect::<BTreeSet<_>>().len();
    let bytes = <[u8; 64]>::try_from(&*literal.value).ok().filter(|b| distinct == 64 && b.is_ascii());
    if bytes.is_none() {
        findings.push(
            Diagnostic::error(
                codes::INVALID_BASE64,
                source,
                literal.span,
                format!("not a base64 alphabet: {} bytes, {distinct} of them distinct", literal.value.len()),
                "64 distinct ASCII characters are needed",
            )
            .with_help("leave the alphabet out to use the standard one"),
        );
    }
    bytes
}

fn base64_length(body: &PatternBody<'_>, span: Span, source: SourceId, findings: &mut Vec<Diagnostic>) {
    if let PatternBody::Text(text) = body
        && text.value.len() < MIN_BASE64
    {
        findings.push(
            Diagnostic::error(
                codes::INVALID_BASE64,
                source,
                text.span,
                format!("a base64 text needs at least {MIN_BASE64} bytes"),
                "too short",
            )
            .with_label(span, "because of this modifier"),
        );
    }
}
