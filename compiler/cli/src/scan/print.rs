//! The output formats of a scan other than text.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::report::{FileReport, RuleReport};
use super::text::{Columns, Text};
use crate::escape;
use crate::sarif::{self, Finding, Region};

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// `RULE PATH` lines, as YARA prints them
    Text,
    /// One JSON object a file, on one line
    Ndjson,
    /// One JSON document
    Json,
    /// SARIF 2.1.0
    Sarif,
    /// One row a match, with a header
    Csv,
}

/// Prints reports in the order they come.
pub trait Printer: Send {
    /// Prints one.
    fn print(&mut self, report: &FileReport) -> anyhow::Result<()>;
    /// Prints what comes after the last.
    fn finish(&mut self) -> anyhow::Result<()>;
}

/// The printer of a format. `db` is the digest of the database.
pub fn printer<'w>(
    format: Format,
    columns: Columns,
    db: String,
    out: impl Write + Send + 'w,
) -> Box<dyn Printer + 'w> {
    match format {
        Format::Text => Box::new(Text { out, columns }),
        Format::Ndjson => Box::new(Ndjson { out, db }),
        Format::Json => Box::new(Json { out, db, files: 0 }),
        Format::Sarif => Box::new(Sarif { out, db, log: SarifLog::default() }),
        Format::Csv => Box::new(Csv { out: csv::Writer::from_writer(out), started: false }),
    }
}

struct Ndjson<W> {
    out: W,
    db: String,
}

impl<W: Write + Send> Printer for Ndjson<W> {
    fn print(&mut self, report: &FileReport) -> anyhow::Result<()> {
        Ok(writeln!(self.out, "{}", report.to_json(&self.db))?)
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        Ok(self.out.flush()?)
    }
}

struct Json<W> {
    out: W,
    db: String,
    files: u64,
}

impl<W: Write + Send> Printer for Json<W> {
    fn print(&mut self, report: &FileReport) -> anyhow::Result<()> {
        let before =
            if self.files == 0 { format!("{{\"db\":{},\"files\":[", json!(self.db)) } else { ",".into() };
        self.files += 1;
        Ok(write!(self.out, "{before}\n{}", report.to_json(&self.db))?)
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        if self.files == 0 {
            write!(self.out, "{{\"db\":{},\"files\":[", json!(self.db))?;
        }
        writeln!(self.out, "\n]}}")?;
        Ok(self.out.flush()?)
    }
}

struct Csv<W: Write> {
    out: csv::Writer<W>,
    started: bool,
}

impl<W: Write + Send> Printer for Csv<W> {
    fn print(&mut self, report: &FileReport) -> anyhow::Result<()> {
        self.header()?;
        let path = escape::path_bytes(&report.shown_path());
        for RuleReport { rule, namespace, tags, strings, .. } in &report.matches {
            let tags = tags.join(" ");
            let whole: [&[u8]; 4] = [&path, namespace.as_bytes(), rule.as_bytes(), tags.as_bytes()];
            if strings.is_empty() {
                self.out.write_record(whole.into_iter().chain([b"".as_slice(); 4]))?;
            }
            for string in strings {
                let (offset, length) = (string.offset.to_string(), string.length.to_string());
                let data = escape::bytes(&string.data);
                let part = [string.id.as_bytes(), offset.as_bytes(), length.as_bytes(), data.as_bytes()];
                self.out.write_record(whole.into_iter().chain(part))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.header()?;
        Ok(self.out.flush()?)
    }
}

impl<W: Write> Csv<W> {
    fn header(&mut self) -> Result<(), csv::Error> {
        if std::mem::replace(&mut self.started, true) {
            return Ok(());
        }
        self.out.write_record(["path", "namespace", "rule", "tags", "id", "offset", "length", "data"])
    }
}

fn properties(report: &FileReport, found: &RuleReport, db: &str) -> Value {
    let mut properties = json!({"tags": found.tags, "db": db});
    if let (Some(names), Some(map)) = (report.member_names(), properties.as_object_mut()) {
        map.insert("member".to_owned(), names.into());
    }
    properties
}

struct Sarif<W> {
    out: W,
    db: String,
    log: SarifLog,
}

#[derive(Default)]
struct SarifLog {
    rules: BTreeMap<String, String>,
    findings: Vec<Finding>,
    notifications: Vec<String>,
}

impl<W: Write + Send> Printer for Sarif<W> {
    fn print(&mut self, report: &FileReport) -> anyhow::Result<()> {
        for incomplete in &report.incomplete {
            let path = escape::path(report.shown_path());
            self.log.notifications.push(format!("{path}: {}: {}", incomplete.what, incomplete.why));
        }
        for found in &report.matches {
            let id = format!("{}:{}", found.namespace, found.rule);
            let description = found.meta.iter().find(|(key, _)| key == "description");
            let description = description.and_then(|(_, value)| value.as_str()).unwrap_or(&found.rule);
            self.log.rules.entry(id.clone()).or_insert_with(|| description.to_owned());
            let first = found.strings.first();
            self.log.findings.push(Finding {
                id,
                level: "warning",
                message: format!("matches rule {}", found.rule),
                path: report.shown_path().to_string_lossy().into_owned(),
                region: first.map(|string| Region::Bytes(string.offset, string.length)),
                properties: properties(report, found, &self.db),
                fix: None,
            });
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        let rules: Vec<_> = std::mem::take(&mut self.log.rules).into_iter().collect();
        let log = sarif::log(&rules, &self.log.findings, &self.log.notifications);
        serde_json::to_writer_pretty(&mut self.out, &log).map_err(io::Error::from)?;
        writeln!(self.out)?;
        Ok(self.out.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::scan::report::{Incomplete, StringReport};

    fn reports() -> [FileReport; 2] {
        let found = RuleReport {
            rule: "r".into(),
            namespace: "ns".into(),
            tags: vec!["a".into(), "b".into()],
            meta: vec![("description".into(), "what it is".into())],
            strings: vec![StringReport {
                id: "$a".into(),
                offset: 16,
                length: 3,
                data: b"a,\"".to_vec(),
                xor_key: None,
            }],
        };
        let bad = Incomplete { what: "file".into(), why: "too large".into() };
        [
            FileReport { path: "a".into(), matches: vec![found], ..FileReport::default() },
            FileReport { path: "b".into(), incomplete: vec![bad], ..FileReport::default() },
        ]
    }

    fn print(format: Format, reports: &[FileReport]) -> String {
        let mut out = Vec::new();
        let mut printer = printer(format, Columns::default(), "sha256:0".into(), &mut out);
        for report in reports {
            printer.print(report).unwrap();
        }
        printer.finish().unwrap();
        drop(printer);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_one_document_however_many_files() {
        for count in 0..=2 {
            let document: Value = serde_json::from_str(&print(Format::Json, &reports()[..count])).unwrap();
            assert_eq!(document["db"], "sha256:0");
            assert_eq!(document["files"].as_array().unwrap().len(), count);
        }
    }

    #[test]
    fn csv_quotes() {
        assert_eq!(
            print(Format::Csv, &reports()),
            "path,namespace,rule,tags,id,offset,length,data\na,ns,r,a b,$a,16,3,\"a,\"\"\"\n"
        );
        assert_eq!(print(Format::Csv, &[]).lines().count(), 1);
    }

    #[test]
    fn sarif_says_what_was_not_done() {
        let log: Value = serde_json::from_str(&print(Format::Sarif, &reports())).unwrap();
        let run = &log["runs"][0];
        assert_eq!(run["results"][0]["ruleId"], "ns:r");
        assert_eq!(run["tool"]["driver"]["rules"][0]["shortDescription"]["text"], "what it is");
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    }
}
