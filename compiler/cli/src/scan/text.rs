//! Lines for people and pipes, as YARA prints them.

use std::io::Write;

use serde_json::Value;

use super::print::Printer;
use super::report::{FileReport, RuleReport, StringReport};
use crate::escape;

/// Longest piece of a match printed.
const MAX_SHOWN: usize = 512;

/// What a line has besides `RULE PATH`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Columns {
    /// The namespace, before the rule.
    pub namespace: bool,
    /// Tags, after the rule.
    pub tags: bool,
    /// Metadata, after the tags.
    pub meta: bool,
    /// Only the number of matches of each file.
    pub count: bool,
}

/// Prints text.
pub struct Text<W> {
    /// Where to.
    pub out: W,
    /// What.
    pub columns: Columns,
}

impl<W: Write + Send> Printer for Text<W> {
    fn print(&mut self, report: &FileReport) -> anyhow::Result<()> {
        let path = escape::path_bytes(&report.shown_path());
        for message in &report.console {
            writeln!(self.out, "{}", escape::path(message))?;
        }
        if self.columns.count {
            self.out.write_all(&path)?;
            writeln!(self.out, ": {}", report.matches.len())?;
        }
        for found in report.matches.iter().filter(|_| !self.columns.count) {
            self.out.write_all(self.before_path(found).as_bytes())?;
            self.out.write_all(&path)?;
            self.out.write_all(b"\n")?;
            for string in &found.strings {
                writeln!(self.out, "{}", string_line(string))?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        Ok(self.out.flush()?)
    }
}

impl<W> Text<W> {
    fn before_path(&self, found: &RuleReport) -> String {
        let mut line = String::new();
        if self.columns.namespace {
            line.push_str(&found.namespace);
            line.push(':');
        }
        line.push_str(&found.rule);
        line.push(' ');
        if self.columns.tags {
            line.push_str(&format!("[{}] ", found.tags.join(",")));
        }
        if self.columns.meta {
            let shown = found.meta.iter().map(|(key, value)| match value {
                Value::String(text) => format!("{key}=\"{}\"", quoted(text)),
                other => format!("{key}={other}"),
            });
            line.push_str(&format!("[{}] ", shown.collect::<Vec<_>>().join(",")));
        }
        line
    }
}

fn string_line(string: &StringReport) -> String {
    let shown = string.data.get(..MAX_SHOWN).unwrap_or(&string.data);
    let rest = match string.data.len() - shown.len() {
        0 => String::new(),
        more => format!(" ... {more} more bytes"),
    };
    format!("{:#x}:{}: {}{rest}", string.offset, string.id, escape::bytes(shown))
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for ch in text.chars() {
        match ch {
            '"' | '\\' => out.extend(['\\', ch]),
            ch if ch.is_control() => out.extend(ch.escape_default()),
            ch => out.push(ch),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> FileReport {
        let found = RuleReport {
            rule: "r".into(),
            namespace: "ns".into(),
            tags: vec!["a".into(), "b".into()],
            meta: vec![("n".into(), 1.into()), ("s".into(), "x\"\n".into())],
            strings: vec![StringReport {
                id: "$a".into(),
                offset: 16,
                length: 3,
                data: b"a\x00\\".to_vec(),
                xor_key: None,
            }],
        };
        FileReport { path: "dir/f".into(), matches: vec![found], ..FileReport::default() }
    }

    fn text(columns: Columns) -> String {
        let mut printer = Text { out: Vec::new(), columns };
        printer.print(&report()).unwrap();
        printer.finish().unwrap();
        String::from_utf8(printer.out).unwrap()
    }

    #[test]
    fn lines_are_those_of_yara() {
        let strings = "0x10:$a: a\\x00\\\\\n";
        assert_eq!(text(Columns::default()), format!("r dir/f\n{strings}"));
        let all = Columns { namespace: true, tags: true, meta: true, count: false };
        assert_eq!(text(all), format!("ns:r [a,b] [n=1,s=\"x\\\"\\n\"] dir/f\n{strings}"));
        assert_eq!(text(Columns { count: true, ..all }), "dir/f: 1\n");
    }

    #[test]
    fn long_matches_are_cut() {
        let string =
            StringReport { id: "$a".into(), offset: 0, length: 600, data: vec![b'x'; 600], xor_key: None };
        assert!(string_line(&string).ends_with("x ... 88 more bytes"));
    }
}
