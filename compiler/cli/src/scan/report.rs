//! What is printed about one scanned file, whatever the format.

use std::ffi::OsString;
use std::path::PathBuf;

use hallmark_runtime::InnerPath;
use serde_json::{Map, Value, json};

use crate::escape;

/// Everything known about one target.
#[derive(Debug, Clone, Default)]
pub struct FileReport {
    /// TARGET as given, joined; `-` for standard input.
    pub path: PathBuf,
    /// Where it lies in that, for a member of an archive.
    pub member: Option<InnerPath>,
    /// Bytes scanned.
    pub size: u64,
    /// SHA-256 of the bytes, where asked for.
    pub sha256: Option<String>,
    /// Whether some rule that was asked for matches.
    pub matched: bool,
    /// Rules to report, by namespace, then name.
    pub matches: Vec<RuleReport>,
    /// What was not evaluated.
    pub incomplete: Vec<Incomplete>,
    /// Cost of the scan.
    pub cost: Cost,
    /// Lines written by rules with `console.log`.
    pub console: Vec<String>,
    /// Reports on members, where they are looked at.
    pub members: Vec<FileReport>,
    /// The members that have no report, as there is nothing to say about them.
    pub quiet: Quiet,
}

/// Members about which there is nothing to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quiet {
    /// How many.
    pub members: u64,
    /// Bytes scanned.
    pub bytes: u64,
    /// Cost of their scans.
    pub cost: Cost,
}

/// Something that was not evaluated, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// `file`, a rule, a pattern.
    pub what: String,
    /// The reason.
    pub why: String,
}

/// Counters of one scan, and of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Places the candidate search stopped at.
    pub candidates: u64,
    /// Conditions evaluated.
    pub rules_evaluated: u64,
}

/// A rule to report.
#[derive(Debug, Clone)]
pub struct RuleReport {
    /// Its name.
    pub rule: String,
    /// Its namespace.
    pub namespace: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its metadata, in source order; keys may repeat.
    pub meta: Vec<(String, Value)>,
    /// Matches of its patterns, where asked for.
    pub strings: Vec<StringReport>,
}

/// A match of a pattern.
#[derive(Debug, Clone)]
pub struct StringReport {
    /// `$a`.
    pub id: String,
    /// Offset in the file.
    pub offset: u64,
    /// Length in bytes.
    pub length: u64,
    /// The bytes.
    pub data: Vec<u8>,
    /// The key, for a pattern with `xor`.
    pub xor_key: Option<u8>,
}

impl FileReport {
    /// A target of which nothing was scanned.
    pub fn unscanned(path: PathBuf, why: impl Into<String>) -> Self {
        let incomplete = vec![Incomplete { what: "file".to_owned(), why: why.into() }];
        FileReport { path, incomplete, ..FileReport::default() }
    }

    /// Whether there is something to say.
    pub fn has_something(&self) -> bool {
        !self.matches.is_empty() || !self.incomplete.is_empty() || !self.console.is_empty()
    }

    /// The path for people: that of a member follows that of the file, after a `!`, as in URLs of Java archives.
    pub fn shown_path(&self) -> OsString {
        let mut path = self.path.clone().into_os_string();
        if let Some(member) = &self.member {
            path.push(format!("!{member}"));
        }
        path
    }

    /// The names on the way to a member, each with one spelling.
    pub fn member_names(&self) -> Option<Vec<String>> {
        self.member.as_ref().map(|member| member.names().map(escape::name).collect())
    }

    /// The object of the `ndjson` and `json` formats. JSON is UTF-8: other bytes of a path become U+FFFD.
    pub fn to_json(&self, db: &str) -> Value {
        let mut out = Map::new();
        out.insert("path".into(), self.path.to_string_lossy().into());
        if let Some(names) = self.member_names() {
            out.insert("member".into(), names.into());
        }
        out.insert("size".into(), self.size.into());
        if let Some(sha256) = &self.sha256 {
            out.insert("sha256".into(), sha256.as_str().into());
        }
        out.insert("matches".into(), self.matches.iter().map(RuleReport::to_json).collect());
        let incomplete = self.incomplete.iter().map(|i| json!({"what": i.what, "why": i.why}));
        out.insert("incomplete".into(), incomplete.collect());
        if !self.console.is_empty() {
            out.insert("console".into(), self.console.as_slice().into());
        }
        out.insert("db".into(), db.into());
        Value::Object(out)
    }
}

impl RuleReport {
    fn to_json(&self) -> Value {
        json!({
            "rule": self.rule,
            "namespace": self.namespace,
            "tags": self.tags,
            "meta": meta_object(&self.meta),
            "strings": self.strings.iter().map(StringReport::to_json).collect::<Vec<_>>(),
        })
    }
}

impl StringReport {
    fn to_json(&self) -> Value {
        let mut out = Map::new();
        out.insert("id".into(), self.id.as_str().into());
        out.insert("offset".into(), self.offset.into());
        out.insert("length".into(), self.length.into());
        out.insert("data".into(), escape::bytes(&self.data).into());
        if let Some(key) = self.xor_key {
            out.insert("xor_key".into(), key.into());
        }
        Value::Object(out)
    }
}

/// Metadata as an object in source order; a key that repeats has a list of its values.
fn meta_object(meta: &[(String, Value)]) -> Value {
    let mut out = Map::new();
    for (key, value) in meta {
        match out.get_mut(key) {
            Some(Value::Array(values)) => values.push(value.clone()),
            Some(first) => *first = Value::Array(vec![first.take(), value.clone()]),
            None => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_meta_keys_keep_all_values() {
        let meta = [
            ("a".into(), 1.into()),
            ("b".into(), true.into()),
            ("a".into(), "x".into()),
            ("a".into(), 2.into()),
        ];
        assert_eq!(meta_object(&meta), json!({"a": [1, "x", 2], "b": true}));
    }

    #[test]
    fn the_object_has_the_documented_shape() {
        let strings = vec![StringReport {
            id: "$a".into(),
            offset: 3,
            length: 2,
            data: b"\\\x00".to_vec(),
            xor_key: Some(7),
        }];
        let rule = RuleReport {
            rule: "r".into(),
            namespace: "default".into(),
            tags: vec!["t".into()],
            meta: vec![],
            strings,
        };
        let report = FileReport { path: "d/f".into(), size: 9, matches: vec![rule], ..FileReport::default() };
        let expected = r#"{"path":"d/f","size":9,"matches":[{"rule":"r","namespace":"default","tags":["t"],"meta":{},"strings":[{"id":"$a","offset":3,"length":2,"data":"\\\\\\x00","xor_key":7}]}],"incomplete":[],"db":"sha256:00"}"#;
        assert_eq!(report.to_json("sha256:00").to_string(), expected);
    }
}
