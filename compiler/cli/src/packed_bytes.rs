//! Bytes in JSON, between processes of this program: Base64.

use base64::Engine as _;
use base64::display::Base64Display;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use serde::{Deserialize as _, Deserializer, Serializer, de};

/// For `#[serde(with)]`.
pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&Base64Display::new(bytes, &BASE64_STANDARD_NO_PAD))
}

/// For `#[serde(with)]`.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    BASE64_STANDARD_NO_PAD.decode(String::deserialize(from)?).map_err(de::Error::custom)
}
