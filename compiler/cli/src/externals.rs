//! `-d VAR=VALUE`.

use std::str::FromStr;

use hallmark_compiler::ExternalValue;
use serde::{Deserialize, Serialize};

use crate::packed_bytes;

/// One external variable as given on the command line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Carried", into = "Carried")]
pub struct Define {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: ExternalValue,
}

/// One on its way to another process.
#[derive(Serialize, Deserialize)]
enum Carried {
    Int(String, i64),
    /// By its bits: not every float is one in JSON.
    Float(String, u64),
    Bool(String, bool),
    Str(String, #[serde(with = "packed_bytes")] Vec<u8>),
}

impl FromStr for Define {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((name, value)) = text.split_once('=') else {
            return Err("expected VAR=VALUE".to_owned());
        };
        let mut bytes = name.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
        if !first || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(format!("`{name}` is not a variable name: letters, digits and `_`, no digit first"));
        }
        Ok(Define { name: name.to_owned(), value: value_of(value) })
    }
}

impl From<Carried> for Define {
    fn from(carried: Carried) -> Self {
        let (name, value) = match carried {
            Carried::Int(name, value) => (name, ExternalValue::Int(value)),
            Carried::Float(name, bits) => (name, ExternalValue::Float(f64::from_bits(bits))),
            Carried::Bool(name, value) => (name, ExternalValue::Bool(value)),
            Carried::Str(name, value) => (name, ExternalValue::Str(value)),
        };
        Define { name, value }
    }
}

impl From<Define> for Carried {
    fn from(Define { name, value }: Define) -> Self {
        match value {
            ExternalValue::Int(value) => Carried::Int(name, value),
            ExternalValue::Float(value) => Carried::Float(name, value.to_bits()),
            ExternalValue::Bool(value) => Carried::Bool(name, value),
            ExternalValue::Str(value) => Carried::Str(name, value),
        }
    }
}

/// `true` or `false`, an integer, a float, a text in quotes (which are taken off), or else the bare text.
fn value_of(text: &str) -> ExternalValue {
    let string = |text: &str| ExternalValue::Str(text.as_bytes().to_vec());
    match text {
        "true" => return ExternalValue::Bool(true),
        "false" => return ExternalValue::Bool(false),
        _ => {}
    }
    if let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return string(inner);
    }
    // `inf`, `nan` and `1e5x` are words, and so is a number without digits.
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
        && text.bytes().any(|b| b.is_ascii_digit());
    match (text.parse(), text.parse()) {
        (Ok(int), _) => ExternalValue::Int(int),
        (_, Ok(float)) if numeric => ExternalValue::Float(float),
        _ => string(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_they_look_like() {
        let shown = |text: &str| match value_of(text) {
            ExternalValue::Bool(value) => format!("bool {value}"),
            ExternalValue::Int(value) => format!("int {value}"),
            ExternalValue::Float(value) => format!("float {value}"),
            ExternalValue::Str(value) => format!("str {}", String::from_utf8(value).unwrap()),
        };
        assert_eq!(shown("true"), "bool true");
        assert_eq!(shown("-12"), "int -12");
        assert_eq!(shown("1.5"), "float 1.5");
        assert_eq!(shown("1e3"), "float 1000");
        assert_eq!(shown("\"12\""), "str 12");
        assert_eq!(shown("\""), "str \"");
        assert_eq!(shown("nan"), "str nan");
        assert_eq!(shown("1.2.3"), "str 1.2.3");
        assert_eq!(shown("99999999999999999999"), "float 100000000000000000000");
        assert_eq!(shown("a b"), "str a b");
        assert_eq!(shown(""), "str ");
    }

    #[test]
    fn names_are_names() {
        assert!("a_1=x".parse::<Define>().is_ok_and(|define| define.name == "a_1"));
        assert!("a=b=c".parse::<Define>().is_ok());
        for bad in ["a", "=1", "1a=1", "a b=1", "é=1"] {
            assert!(bad.parse::<Define>().is_err(), "{bad}");
        }
    }

    #[test]
    fn values_are_carried_whole() {
        for text in ["a=1", "a=-0.1", "a=1e999", "a=true", "a=b=\u{e9}", "a="] {
            let define: Define = text.parse().unwrap();
            let carried = serde_json::to_string(&define).unwrap();
            let back: Define = serde_json::from_str(&carried).unwrap();
            assert_eq!(format!("{back:?}"), format!("{define:?}"));
        }
    }
}
