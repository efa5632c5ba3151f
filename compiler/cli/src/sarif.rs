//! SARIF 2.1.0, for what code-scanning services read. Input: rules and results. Output: one JSON document.

use serde_json::{Value, json};

/// One finding.
pub struct Finding {
    /// Id of the rule or diagnostic.
    pub id: String,
    /// `error`, `warning` or `note`.
    pub level: &'static str,
    /// What is said about it.
    pub message: String,
    /// The file.
    pub path: String,
    /// Where in the file.
    pub region: Option<Region>,
    /// Further facts.
    pub properties: Value,
    /// Edits of the file that resolve it.
    pub fix: Option<Replacements>,
}

/// Edits of one file.
pub struct Replacements {
    /// What they do.
    pub description: String,
    /// Each region and its new text, in order.
    pub edits: Vec<(Region, String)>,
}

/// A place in a file.
pub enum Region {
    /// In a text: one-based start line and column, end line and column.
    Text {
        /// First line and column.
        start: (usize, usize),
        /// Last line, and the column after the last one.
        end: (usize, usize),
    },
    /// In bytes: offset and length.
    Bytes(u64, u64),
}

/// A log with one run. `rules` are pairs of id and description, sorted; `notifications` say what was not done.
pub fn log(rules: &[(String, String)], findings: &[Finding], notifications: &[String]) -> Value {
    let describe = |(id, text): &(String, String)| json!({"id": id, "shortDescription": {"text": text}});
    let notify = |text: &String| json!({"level": "error", "message": {"text": text}});
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "hallmark",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(describe).collect::<Vec<_>>(),
            }},
            "results": findings.iter().map(result).collect::<Vec<_>>(),
            "invocations": [{
                "executionSuccessful": notifications.is_empty(),
                "toolExecutionNotifications": notifications.iter().map(notify).collect::<Vec<_>>(),
            }],
            "columnKind": "unicodeCodePoints",
        }],
    })
}

fn result(finding: &Finding) -> Value {
    let mut location = json!({"artifactLocation": {"uri": uri(&finding.path)}});
    if let (Some(place), Some(map)) = (&finding.region, location.as_object_mut()) {
        map.insert("region".to_owned(), region(place));
    }
    let mut result = json!({
        "ruleId": finding.id,
        "level": finding.level,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": location}],
        "properties": finding.properties,
    });
    if let (Some(fix), Some(map)) = (&finding.fix, result.as_object_mut()) {
        let replace = |(place, text): &(Region, String)| json!({"deletedRegion": region(place), "insertedContent": {"text": text}});
        let change = json!({
            "artifactLocation": {"uri": uri(&finding.path)},
            "replacements": fix.edits.iter().map(replace).collect::<Vec<_>>(),
        });
        let fixes = json!([{"description": {"text": fix.description}, "artifactChanges": [change]}]);
        map.insert("fixes".to_owned(), fixes);
    }
    result
}

fn region(region: &Region) -> Value {
    match region {
        Region::Text { start, end } => {
            json!({"startLine": start.0, "startColumn": start.1, "endLine": end.0, "endColumn": end.1})
        }
        Region::Bytes(offset, length) => json!({"byteOffset": offset, "byteLength": length}),
    }
}

/// A path as a URI reference: what RFC 3986 doesn't allow in a path is percent-encoded.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_the_parts_that_readers_look_for() {
        let finding = Finding {
            id: "E0001".into(),
            level: "error",
            message: "m".into(),
            path: "a b#.yar".into(),
            region: Some(Region::Text { start: (1, 2), end: (1, 3) }),
            properties: json!({}),
            fix: Some(Replacements {
                description: "d".into(),
                edits: vec![(Region::Text { start: (1, 2), end: (1, 2) }, "x".into())],
            }),
        };
        let log = log(&[("E0001".into(), "title".into())], &[finding], &[]);
        let run = &log["runs"][0];
        assert_eq!(log["version"], "2.1.0");
        assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "E0001");
        assert_eq!(run["invocations"][0]["executionSuccessful"], true);
        let place = &run["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b%23.yar");
        assert_eq!(place["region"]["startColumn"], 2);
        let change = &run["results"][0]["fixes"][0]["artifactChanges"][0];
        assert_eq!(change["artifactLocation"]["uri"], "a%20b%23.yar");
        assert_eq!(change["replacements"][0]["deletedRegion"]["endColumn"], 2);
        assert_eq!(change["replacements"][0]["insertedContent"]["text"], "x");
    }
}
