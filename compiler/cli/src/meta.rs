//! Metadata of a rule, as JSON values.

use hallmark_image::Unit;
use hallmark_image::record::{Slice, ValueKind};
use serde_json::Value;

/// The entries in source order; keys may repeat. Bytes that are not UTF-8 become U+FFFD.
pub fn of(unit: &Unit<'_>) -> Vec<(String, Value)> {
    let text = |slice: Slice| String::from_utf8_lossy(slice.of(unit.blob)).into_owned();
    let entry = |meta: &hallmark_image::record::Meta| {
        let bits = meta.value.get();
        let value = match ValueKind::new(meta.kind.get())? {
            ValueKind::Int => bits.cast_signed().into(),
            ValueKind::Float => f64::from_bits(bits).into(),
            ValueKind::Bool => (bits != 0).into(),
            ValueKind::Str => text(Slice::from_bits(bits)).into(),
        };
        Some((text(meta.name), value))
    };
    unit.metas.iter().filter_map(entry).collect()
}
