//! JSON into values whose number is bounded.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, Expected, MapAccess, SeqAccess, Visitor};

use crate::limits::MAX_JSON_ENTRIES;

/// An array of at most `MAX` entries.
#[derive(Debug)]
pub(crate) struct List<T, const MAX: usize = MAX_JSON_ENTRIES>(pub(crate) Vec<T>);

/// An object whose names are not known before, of at most `MAX` entries.
#[derive(Debug)]
pub(crate) struct Named<T, const MAX: usize>(Vec<(String, T)>);

/// Reads an array.
struct InArray<T, const MAX: usize>(PhantomData<T>);

/// Reads an object.
struct InObject<T, const MAX: usize>(PhantomData<T>);

impl<T, const MAX: usize> List<T, MAX> {
    /// The entries of a list that may be missing.
    pub(crate) fn of(list: &Option<Self>) -> &[T] {
        list.as_ref().map_or(&[], |list| list.0.as_slice())
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        List(Vec::new())
    }
}

impl<T, const MAX: usize> Named<T, MAX> {
    /// The value of this name, the last one if it has several.
    pub(crate) fn find(&self, name: &str) -> Option<&T> {
        self.0.iter().rfind(|(known, _)| known == name).map(|(_, value)| value)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for List<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(InArray::<T, MAX>(PhantomData)).map(List)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Named<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InObject::<T, MAX>(PhantomData)).map(Named)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for InArray<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of at most {MAX} entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Vec<T>, A::Error> {
        collect(MAX, &self, || array.next_element())
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for InObject<T, MAX> {
    type Value = Vec<(String, T)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of at most {MAX} entries")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Vec<(String, T)>, A::Error> {
        collect(MAX, &self, || object.next_entry())
    }
}

/// All that `next` gives, if that is at most `max`.
fn collect<T, E: de::Error>(
    max: usize,
    expected: &dyn Expected,
    mut next: impl FnMut() -> Result<Option<T>, E>,
) -> Result<Vec<T>, E> {
    let mut entries = Vec::new();
    while let Some(entry) = next()? {
        if entries.len() >= max {
            return Err(de::Error::invalid_length(entries.len().saturating_add(1), expected));
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// A number that may be written as text; other text is none.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Number(pub(crate) Option<i64>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl Visitor<'_> for Either {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Number, E> {
                Ok(Number(Some(value)))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Number, E> {
                Ok(Number(i64::try_from(value).ok()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
                Ok(Number(text.trim().parse().ok()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Number, E> {
                Ok(Number(None))
            }
        }

        deserializer.deserialize_any(Either)
    }
}
