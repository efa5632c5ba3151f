//! A rule as its author describes it.

use hallmark_image::record::{Slice, ValueKind, rule_flags};
use hallmark_image::{RuleId, Unit};

/// A rule of a database.
#[derive(Debug, Clone, Copy)]
pub struct Rule<'d> {
    id: RuleId,
    namespace: &'d [u8],
    unit: Option<Unit<'d>>,
}

/// Value of a metadata entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetaValue<'d> {
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// Boolean.
    Bool(bool),
    /// Bytes, in most cases UTF-8.
    Str(&'d [u8]),
}

impl<'d> Rule<'d> {
    pub(crate) fn new(id: RuleId, namespace: &'d [u8], unit: Option<Unit<'d>>) -> Self {
        Rule { id, namespace, unit }
    }

    /// Its id in the database.
    pub fn id(&self) -> RuleId {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &'d str {
        text(self.unit.map_or(&[][..], |u| u.name()))
    }

    /// Its namespace.
    pub fn namespace(&self) -> &'d str {
        text(self.namespace)
    }

    /// Its tags, in source order.
    pub fn tags(&self) -> impl Iterator<Item = &'d str> + use<'d> {
        let blob = self.unit.map_or(&[][..], |u| u.blob);
        self.unit.map_or(&[][..], |u| u.tags).iter().map(move |t| text(t.of(blob)))
    }

    /// Its metadata, in source order.
    pub fn meta(&self) -> impl Iterator<Item = (&'d str, MetaValue<'d>)> + use<'d> {
        let blob = self.unit.map_or(&[][..], |u| u.blob);
        self.unit.map_or(&[][..], |u| u.metas).iter().map(move |meta| {
            let bits = meta.value.get();
            let value = match ValueKind::new(meta.kind.get()) {
                Some(ValueKind::Float) => MetaValue::Float(f64::from_bits(bits)),
                Some(ValueKind::Bool) => MetaValue::Bool(bits != 0),
                Some(ValueKind::Str) => MetaValue::Str(Slice::from_bits(bits).of(blob)),
                Some(ValueKind::Int) | None => MetaValue::Int(bits as i64),
            };
            (text(meta.name.of(blob)), value)
        })
    }

    /// Whether every rule of its namespace needs it.
    pub fn is_global(&self) -> bool {
        self.has(rule_flags::GLOBAL)
    }

    /// Whether it is never reported.
    pub fn is_private(&self) -> bool {
        self.has(rule_flags::PRIVATE)
    }

    fn has(&self, flag: u16) -> bool {
        self.unit.is_some_and(|unit| unit.header.flags.get() & flag != 0)
    }
}

/// Names are ASCII or UTF-8; what a damaged image has instead is replaced.
pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("\u{FFFD}")
}
