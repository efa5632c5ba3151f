//! Texts: every variant is a run of bytes under a mask.

use hallmark_image::limits::MAX_PROGRAM_STATES;
use hallmark_image::record::variant_flags::{FULLWORD, WIDE, XOR};

use super::base64::{self, Shift};
use super::error::LowerError;
use super::program;
use super::runs;
use super::spec::{Body, LoweredVariant, PatternSpec};
use crate::ast::Literal;
use crate::diagnostic::Span;

/// Shortest text with `base64`: of a shorter one hardly a character is determined.
const MIN_BASE64_LEN: usize = 3;

/// The variants of a text: ascii before wide, base64 before base64wide.
pub(super) fn lower(
    spec: &PatternSpec<'_>,
    literal: &Literal<'_>,
) -> Result<Vec<LoweredVariant>, LowerError> {
    let text = literal.value.as_ref();
    if text.is_empty() {
        return Err(LowerError::TooShort { reason: "it is empty", span: literal.span });
    }
    // Neither of both is ascii.
    let (ascii, wide) = (spec.ascii || !spec.wide, spec.wide);
    let forms = [(ascii, 0), (wide, WIDE)].into_iter().filter(|(used, _)| *used);
    let forms = forms.map(|(_, flag)| (if flag == WIDE { widen(text) } else { text.to_vec() }, flag));

    if spec.base64.is_some() || spec.base64wide.is_some() {
        if text.len() < MIN_BASE64_LEN {
            return Err(LowerError::TooShort {
                reason: "`base64` needs at least 3 bytes",
                span: literal.span,
            });
        }
        let mut variants = Vec::new();
        for (form, _) in forms {
            for (alphabet, wide) in [(&spec.base64, false), (&spec.base64wide, true)] {
                let Some(alphabet) = alphabet else { continue };
                for shift in base64::shifts(&form, alphabet) {
                    variants.push(encoded(shift, wide, spec.classes, literal.span)?);
                }
            }
        }
        return Ok(variants);
    }

    let fullword = if spec.fullword { FULLWORD } else { 0 };
    Ok(forms
        .map(|(form, wide)| match spec.xor {
            Some(keys) => xored(form, wide | fullword, keys, spec.classes),
            None if spec.nocase => caseless(form, wide | fullword, spec.classes),
            None => exact(form, wide | fullword, spec.classes),
        })
        .collect())
}

/// One shift of a text in base64: its characters, between those that share bits with it.
fn encoded(shift: Shift, wide: bool, classes: u8, span: Span) -> Result<LoweredVariant, LowerError> {
    let Shift { chars, around } = shift;
    let (chars, flags) = if wide { (widen(&chars), WIDE) } else { (chars, 0) };
    if around.before.is_empty() && around.after.is_empty() {
        return Ok(exact(chars, flags, classes));
    }
    let program = program::encode_within(&chars, &around, wide)
        .map_err(|_| LowerError::TooLarge { limit: MAX_PROGRAM_STATES, span })?;
    let runs = runs::of_bytes(&chars, &[], classes);
    Ok(LoweredVariant {
        body: Body::Program { program, outline: Vec::new() },
        flags,
        xor: (0, 0),
        backward: Vec::new(),
        runs,
    })
}

fn exact(value: Vec<u8>, flags: u8, classes: u8) -> LoweredVariant {
    let runs = runs::of_bytes(&value, &[], classes);
    variant(value, Vec::new(), flags, (0, 0), runs)
}

fn caseless(mut value: Vec<u8>, flags: u8, classes: u8) -> LoweredVariant {
    let mut mask: Vec<u8> =
        value.iter().map(|byte| if byte.is_ascii_alphabetic() { 0xDF } else { 0xFF }).collect();
    if mask.iter().all(|&mask| mask == 0xFF) {
        mask.clear();
    }
    value.make_ascii_uppercase();
    let runs = runs::of_bytes(&value, &mask, classes);
    variant(value, mask, flags, (0, 0), runs)
}

fn xored(value: Vec<u8>, flags: u8, keys: (u8, u8), classes: u8) -> LoweredVariant {
    let runs = runs::of_xored(&value, keys, classes);
    variant(value, Vec::new(), flags | XOR, keys, runs)
}

fn variant(value: Vec<u8>, mask: Vec<u8>, flags: u8, xor: (u8, u8), runs: Vec<super::Run>) -> LoweredVariant {
    LoweredVariant { body: Body::Bytes { value, mask }, flags, xor, backward: Vec::new(), runs }
}

/// Each byte followed by a zero.
fn widen(text: &[u8]) -> Vec<u8> {
    text.iter().flat_map(|&byte| [byte, 0]).collect()
}
