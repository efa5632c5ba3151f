//! Data: samples and near misses between noise.

use super::{BYTES, Draw, Written, widened};

/// Data that hold samples of the patterns, some with a byte changed, some widened, and noise between them.
pub fn data(draw: &mut Draw<'_>, patterns: &[Written]) -> Vec<u8> {
    let samples: Vec<&Vec<u8>> = patterns.iter().flat_map(|pattern| &pattern.samples).collect();
    let mut data = draw.bytes(BYTES, 0, 6);
    for _ in 0..draw.number(0, 5) {
        if !samples.is_empty() {
            let mut piece = samples[draw.number(0, samples.len() - 1)].clone();
            change(draw, &mut piece);
            data.extend(piece);
        }
        data.extend(draw.bytes(BYTES, 0, 8));
    }
    // A piece at the end proper is a case of its own.
    if draw.chance(4) && !samples.is_empty() {
        data.extend_from_slice(samples[draw.number(0, samples.len() - 1)]);
    }
    data
}

fn change(draw: &mut Draw<'_>, piece: &mut Vec<u8>) {
    if piece.is_empty() {
        return;
    }
    let at = draw.number(0, piece.len() - 1);
    match draw.number(0, 11) {
        0..=6 => {}
        7 => piece[at] = draw.one(BYTES),
        8 => piece[at] ^= 1 << draw.number(0, 7),
        9 => piece.truncate(at),
        10 => *piece = widened(piece),
        _ => piece.insert(at, draw.one(BYTES)),
    }
}
