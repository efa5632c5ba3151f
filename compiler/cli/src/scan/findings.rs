//! What a scan of some bytes found, before it has words. Input: from a scanner in this process, or from a worker that may
//! have been taken over by what it scanned. Output: a report; names, tags and metadata are taken from the image here.

use std::collections::HashSet;
use std::path::PathBuf;

use hallmark_image::record::rule_flags;
use hallmark_image::{Image, RuleId, Unit};
use hallmark_runtime::InnerPath;
use serde::{Deserialize, Serialize};

use super::report::{Cost, FileReport, Incomplete, Quiet, RuleReport, StringReport};
use super::worker::Request;
use crate::{meta, packed_bytes};

/// Names on the way to a member: more than an archive can be deep.
const MAX_NAMES: usize = 64;

/// What a scan found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Findings {
    /// Bytes scanned.
    pub size: u64,
    /// Their SHA-256, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The rules that match, by namespace, then name.
    pub rules: Vec<Found>,
    /// What was not evaluated.
    pub incomplete: Vec<Incomplete>,
    /// Cost of the scan.
    pub cost: Cost,
    /// Lines written by rules with `console.log`.
    pub console: Vec<String>,
    /// What was found in members of an archive, where they are looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// The members about which there is nothing to say.
    pub quiet: Quiet,
}

/// What was found in a member of an archive.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// The names on the way to it.
    pub path: Vec<Name>,
    /// What was found.
    pub found: Findings,
}

/// A name in an archive, which may be any bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Name(#[serde(with = "packed_bytes")] pub Vec<u8>);

/// A rule that matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// Its id.
    pub rule: u32,
    /// Matches of its patterns, where asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strings: Vec<StringReport>,
}

impl Findings {
    /// Refuses what no scan for `request` finds; `Err` says what.
    pub fn check(&self, request: &Request, image: &Image<'_>) -> Result<(), &'static str> {
        let archives = request.archives.as_ref();
        let most = archives.map_or(0, |limits| limits.members);
        if self.members.len() as u64 > most || self.quiet.members > most {
            return Err("members that nobody asked for");
        }
        self.check_own(request, image, request.max_size)?;
        for member in &self.members {
            let Member { path, found } = member;
            let is_place = (1..=MAX_NAMES).contains(&path.len());
            if !is_place || !found.members.is_empty() || found.quiet != Quiet::default() {
                return Err("a member that is none");
            }
            found.check_own(request, image, archives.map_or(0, |limits| limits.member_bytes))?;
        }
        Ok(())
    }

    /// The same without members; there were at most so many bytes.
    fn check_own(&self, request: &Request, image: &Image<'_>, max: u64) -> Result<(), &'static str> {
        if self.size > max {
            return Err("more bytes than may be scanned");
        }
        let digest = |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !self.sha256.iter().all(digest) || (self.sha256.is_some() && !request.sha256) {
            return Err("a digest that is none");
        }
        let mut seen = HashSet::new();
        for found in &self.rules {
            let known = image.unit(RuleId::new(found.rule)).is_some_and(|unit| is_public(&unit));
            if !known || !seen.insert(found.rule) {
                return Err("a rule that is none, or one twice");
            }
            if !request.strings && !found.strings.is_empty() {
                return Err("matches that nobody asked for");
            }
            let name = |id: &str| id.strip_prefix('$').is_some_and(is_word);
            if !found.strings.iter().all(|string| name(&string.id)) {
                return Err("a pattern without a name");
            }
        }
        Ok(())
    }

    /// The report, as the request wants it.
    pub fn report(self, path: PathBuf, request: &Request, image: &Image<'_>) -> FileReport {
        let mut matching = Vec::new();
        let mut matches = Vec::new();
        for Found { rule, strings } in self.rules {
            let id = RuleId::new(rule);
            matching.push(id);
            let Some(unit) = image.unit(id) else { continue };
            if request.wants(&unit) {
                matches.push(describe(image, &unit, strings));
            }
        }
        let matched = !matches.is_empty();
        if request.negate {
            matching.sort();
            matches = others(request, image, &matching);
        }
        let Findings { size, sha256, incomplete, cost, console, quiet, .. } = self;
        let members = self.members.into_iter().map(|Member { path: names, found }| {
            let member = InnerPath::of(names.into_iter().map(|Name(name)| name));
            FileReport { member: Some(member), ..found.report(path.clone(), request, image) }
        });
        let members = members.collect();
        FileReport {
            path,
            member: None,
            size,
            sha256,
            matched,
            matches,
            incomplete,
            cost,
            console,
            members,
            quiet,
        }
    }

    /// Whether there is something to say.
    pub fn has_something(&self, request: &Request, image: &Image<'_>) -> bool {
        let matches = self.rules.iter().any(|found| request.wants_id(image, RuleId::new(found.rule)));
        request.negate || matches || !self.incomplete.is_empty() || !self.console.is_empty()
    }
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_public(unit: &Unit<'_>) -> bool {
    unit.header.flags.get() & rule_flags::PRIVATE == 0
}

/// The rules asked for that are not in `matching` (sorted), private ones apart, by namespace, then name.
fn others(request: &Request, image: &Image<'_>, matching: &[RuleId]) -> Vec<RuleReport> {
    let is_asked = |unit: &Unit<'_>| is_public(unit) && request.wants(unit);
    let rules = image.rules().filter(|(id, unit)| is_asked(unit) && matching.binary_search(id).is_err());
    let mut rules: Vec<_> = rules.map(|(_, unit)| describe(image, &unit, Vec::new())).collect();
    rules.sort_by(|a, b| (&a.namespace, &a.rule).cmp(&(&b.namespace, &b.rule)));
    rules
}

/// What is reported about a rule.
fn describe(image: &Image<'_>, unit: &Unit<'_>, strings: Vec<StringReport>) -> RuleReport {
    RuleReport {
        rule: lossy(unit.name()),
        namespace: lossy(image.namespace(unit.header.namespace.get())),
        tags: unit.tags.iter().map(|tag| lossy(tag.of(unit.blob))).collect(),
        meta: meta::of(unit),
        strings,
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use hallmark_compiler::{Loader, Options, Source, compile};
    use hallmark_runtime::Database;

    use super::*;

    struct NoIncludes;

    impl Loader for NoIncludes {
        fn load(&self, _: &str, _: &str) -> Result<(String, Vec<u8>), String> {
            Err("none".to_owned())
        }
    }

    /// Rules `A`, `B` and the private one `P`.
    fn database() -> Database {
        let text = "rule A { condition: true } rule B { condition: A } private rule P { condition: true }";
        let source = Source { name: "a".into(), namespace: "default".into(), text: text.into() };
        let compiled = compile(vec![source], &Options::default(), &NoIncludes, &mut |_| ());
        Database::from_image_bytes(&compiled.image.unwrap()).unwrap()
    }

    #[test]
    fn a_worker_is_believed_only_what_a_scan_can_find() {
        let database = database();
        let image = database.image();
        let id = |name: &[u8]| image.rules().find(|(_, unit)| unit.name() == name).unwrap().0.get();
        let (a, b, p) = (id(b"A"), id(b"B"), id(b"P"));
        let request = Request { max_size: 100, strings: true, sha256: true, ..Request::default() };
        let judge = |text: &str, request: &Request| -> Result<FileReport, String> {
            let found: Findings = serde_json::from_str(text).map_err(|error| error.to_string())?;
            found.check(request, image)?;
            Ok(found.report("file".into(), request, image))
        };
        let digest = "0a".repeat(32);
        let good = format!(
            r#"{{"size":100,"sha256":"{digest}","rules":[{{"rule":{b}}},{{"rule":{a},"strings":[{{"i":"$a_1","o":9,"l":1,"d":"AQI"}}]}}]}}"#
        );
        let report = judge(&good, &request).unwrap();
        let names: Vec<_> = report.matches.iter().map(|rule| rule.rule.as_str()).collect();
        assert_eq!((names, report.matches[1].strings[0].data.as_slice()), (vec!["B", "A"], &[1, 2][..]));
        for (text, why) in [
            ("", "EOF"),
            ("{}x", "trailing"),
            ("[[[[[[[[", "invalid type"),
            (r#"{"size":-1}"#, "invalid value"),
            (r#"{"size":101}"#, "more bytes"),
            (r#"{"size":18446744073709551615}"#, "more bytes"),
            (r#"{"other":1}"#, "unknown field"),
            (r#"{"sha256":"00"}"#, "digest"),
            (&format!(r#"{{"sha256":"{}"}}"#, "\\n".repeat(64)), "digest"),
            (r#"{"rules":[{"rule":3}]}"#, "a rule that is none"),
            (r#"{"rules":[{"rule":4294967295}]}"#, "a rule that is none"),
            (&format!(r#"{{"rules":[{{"rule":{p}}}]}}"#), "a rule that is none"),
            (&format!(r#"{{"rules":[{{"rule":{a}}},{{"rule":{a}}}]}}"#), "one twice"),
            (&good.replace("$a_1", "a"), "without a name"),
            (&good.replace("$a_1", "$\\u001b"), "without a name"),
            (&good.replace("AQI", "A"), "nvalid"),
            (&good.replace("AQI", "=="), "nvalid"),
        ] {
            let refused = judge(text, &request).unwrap_err();
            assert!(refused.contains(why), "{text}: {refused}");
        }
        let without = Request { strings: false, ..request.clone() };
        assert!(judge(&good, &without).unwrap_err().contains("nobody asked for"));
        let without = Request { sha256: false, ..request };
        assert!(judge(&good, &without).unwrap_err().contains("digest"));
        // Deep nesting is no way to overflow a stack.
        let deep = format!(r#"{{"rules":{}"#, "[".repeat(1 << 20));
        assert!(serde_json::from_str::<Findings>(&deep).is_err());
    }
}
