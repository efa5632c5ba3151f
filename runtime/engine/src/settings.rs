//! What the caller of a scan decides.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use hallmark_image::record::ValueKind;
use hallmark_image::{Image, RuleId};
use hallmark_modules::ModuleData;

use crate::error::Error;
use crate::selection::Selection;
use crate::stream::Window;

/// What the caller of a scan decides.
#[derive(Debug, Clone, Copy, Default)]
pub struct Settings<'a> {
    /// When the scan gives up.
    pub deadline: Option<Instant>,
    /// Most steps of verifiers and conditions.
    pub max_steps: Option<u64>,
    /// Longest data that is scanned at all.
    pub max_bytes: Option<u64>,
    /// Gives up as soon as it is true.
    pub cancel: Option<&'a AtomicBool>,
    /// Values of external variables that replace those in the image.
    pub externals: Option<&'a Externals>,
    /// What modules know besides the data.
    pub module_data: Option<&'a ModuleData>,
    /// Seconds since the Unix epoch, for `time.now()`.
    pub now: i64,
    /// Whether a pattern matches is enough: further matches of patterns whose places no condition asks for are left out.
    pub fast: bool,
    /// The caller will list every match of the matching rules' patterns: those that no condition asked for are
    /// searched too.
    pub strings: bool,
    /// The rules to scan with, if not all.
    pub selection: Option<&'a Selection>,
    /// How much of a stream is kept.
    pub window: Window,
}

/// Value of an external variable.
#[derive(Debug, Clone, PartialEq)]
pub enum ExternalValue {
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// Boolean.
    Bool(bool),
    /// Bytes.
    Str(Vec<u8>),
}

impl Settings<'_> {
    pub(crate) fn needs(&self, rule: RuleId) -> bool {
        self.selection.is_none_or(|selection| selection.needs(rule))
    }
}

impl ExternalValue {
    fn kind(&self) -> ValueKind {
        match self {
            ExternalValue::Int(_) => ValueKind::Int,
            ExternalValue::Float(_) => ValueKind::Float,
            ExternalValue::Bool(_) => ValueKind::Bool,
            ExternalValue::Str(_) => ValueKind::Str,
        }
    }
}

impl From<i64> for ExternalValue {
    fn from(value: i64) -> Self {
        ExternalValue::Int(value)
    }
}

impl From<f64> for ExternalValue {
    fn from(value: f64) -> Self {
        ExternalValue::Float(value)
    }
}

impl From<bool> for ExternalValue {
    fn from(value: bool) -> Self {
        ExternalValue::Bool(value)
    }
}

impl From<&str> for ExternalValue {
    fn from(value: &str) -> Self {
        ExternalValue::Str(value.as_bytes().to_vec())
    }
}

impl From<&[u8]> for ExternalValue {
    fn from(value: &[u8]) -> Self {
        ExternalValue::Str(value.to_vec())
    }
}

/// Values of external variables that replace those in an image.
#[derive(Debug, Clone, Default)]
pub struct Externals {
    /// By index of the variable in the image.
    values: Vec<Option<ExternalValue>>,
}

impl Externals {
    /// Gives variable `name` of `image` the value `value`; an integer is accepted for a float variable.
    ///
    /// # Errors
    /// The image declares no such variable, or declares it with another type.
    pub fn define(&mut self, image: &Image<'_>, name: &str, value: ExternalValue) -> Result<(), Error> {
        let globals = image.globals();
        let found = globals.externals.iter().enumerate().find_map(|(i, e)| {
            (e.name.of(globals.blob) == name.as_bytes()).then_some((i, ValueKind::new(e.kind.get())?))
        });
        let Some((index, declared)) = found else {
            return Err(Error::UnknownExternal { name: name.to_owned() });
        };
        let value = match (declared, value) {
            (ValueKind::Float, ExternalValue::Int(i)) => ExternalValue::Float(i as f64),
            (_, value) if value.kind() == declared => value,
            (_, value) => {
                let (declared, given) = (kind_name(declared), kind_name(value.kind()));
                return Err(Error::ExternalType { name: name.to_owned(), declared, given });
            }
        };
        if self.values.len() <= index {
            self.values.resize(index.saturating_add(1), None);
        }
        if let Some(slot) = self.values.get_mut(index) {
            *slot = Some(value);
        }
        Ok(())
    }

    pub(crate) fn get(&self, index: usize) -> Option<&ExternalValue> {
        self.values.get(index)?.as_ref()
    }
}

fn kind_name(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Int => "an integer",
        ValueKind::Float => "a float",
        ValueKind::Bool => "a boolean",
        ValueKind::Str => "a string",
    }
}
