//! `hallmark check`: diagnostics only.

use std::collections::BTreeMap;

use anyhow::bail;
use hallmark_compiler::Source;
use hallmark_compiler::codes;
use hallmark_compiler::diagnostic::{Applicability, Diagnostic, Edit, Fix, Label, Severity, SourceId, Span};
use serde_json::{Value, json};

use crate::compile::{CompileArgs, Compiled, is_error};
use crate::escape;
use crate::fix;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::render::Lines;
use crate::sarif::{self, Finding, Region, Replacements};
use crate::sources::SourceArg;

/// Say what is wrong with rules.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark check rules/
  hallmark check --format sarif --fail-on-warnings apt:rules/apt web.yar > report.sarif
  hallmark check --fix rules/
  hallmark check --explain E0001

Exit code: 0 no errors, 1 errors (or warnings, with --fail-on-warnings), 2 usage or unreadable files.")]
pub struct Args {
    /// Rule file, or directory to search for *.yar and *.yara, with the namespace of its rules
    #[arg(value_name = "[NS:]PATH", required_unless_present = "explain")]
    paths: Vec<SourceArg>,

    #[command(flatten)]
    compile: CompileArgs,

    /// How diagnostics are printed; people get theirs on standard error
    #[arg(long, value_enum, default_value = "human")]
    format: Format,

    /// Let warnings count as errors for the exit code
    #[arg(long)]
    fail_on_warnings: bool,

    /// Apply the fixes that are certain, then say what is left; only files named here, or below folders named here, change
    #[arg(long)]
    fix: bool,

    /// Explain a diagnostic code and do nothing else
    #[arg(long, value_name = "CODE", conflicts_with = "paths")]
    explain: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Human,
    Json,
    Sarif,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    if let Some(code) = &args.explain {
        return explain(code);
    }
    let (compiled, fixed) = match args.fix {
        true => fix::run(&args.compile, &args.paths)?,
        false => (args.compile.run(&args.paths, false, None)?, fix::Fixed::default()),
    };
    let sources = &compiled.compilation.sources;
    let diagnostics = &compiled.compilation.diagnostics;
    let errors = diagnostics.iter().filter(|diagnostic| is_error(diagnostic)).count();
    let warnings = diagnostics.len() - errors;
    let lines = Lines::new(sources);
    match args.format {
        Format::Human => {
            compiled.print_diagnostics();
            if args.fix {
                complain(&format!("{fixed}"));
            }
            complain(&summary(&compiled, errors, warnings));
            if let Some(hint) = hint(diagnostics).filter(|_| !args.fix) {
                complain(&hint);
            }
        }
        Format::Json => {
            let all: Vec<_> =
                diagnostics.iter().map(|diagnostic| to_json(sources, &lines, diagnostic)).collect();
            let mut document = json!({"diagnostics": all, "errors": errors, "warnings": warnings});
            if let (true, Some(map)) = (args.fix, document.as_object_mut()) {
                map.insert("fixed".to_owned(), json!(fixed.fixes));
            }
            output::print_json(&document)?;
        }
        Format::Sarif => output::print_json(&to_sarif(sources, &lines, diagnostics))?,
    }
    let failed = errors > 0 || (args.fail_on_warnings && warnings > 0);
    Ok(if failed { Outcome::Refused } else { Outcome::Good })
}

fn explain(code: &str) -> anyhow::Result<Outcome> {
    let Some(found) = codes::explain(code) else {
        bail!("no diagnostic has the code `{code}`; codes look like E0001 and W0001");
    };
    output::print(&format!("{}: {}\n\n{}\n", found.id, found.title, wrap(found.explanation, 80)))?;
    Ok(Outcome::Good)
}

/// Says that some of the diagnostics can be resolved by the command.
fn hint(diagnostics: &[Diagnostic]) -> Option<String> {
    let certain = diagnostics.iter().filter(|d| d.certain_fix().is_some()).count();
    (certain > 0).then(|| format!("{} can be fixed with --fix", escape::count(certain as u64, "diagnostic")))
}

fn summary(compiled: &Compiled, errors: usize, warnings: usize) -> String {
    let count = |n: usize, what: &str| escape::count(n as u64, what);
    let files = count(compiled.compilation.sources.len(), "file");
    format!("{files}: {}, {}", count(errors, "error"), count(warnings, "warning"))
}

/// Breaks paragraphs at spaces, so that no line is longer than `width` where words allow it.
fn wrap(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (number, paragraph) in text.lines().enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let mut column = 0;
        for word in paragraph.split(' ') {
            let len = word.chars().count();
            if column > 0 && column + 1 + len > width {
                out.push('\n');
                column = 0;
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += len;
        }
    }
    out
}

fn level(diagnostic: &Diagnostic) -> &'static str {
    match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn source_of<'s>(sources: &'s [Source], diagnostic: &Diagnostic) -> Option<&'s Source> {
    sources.get(diagnostic.source.0 as usize)
}

/// First line and column of a span, and those after its end.
fn ends(lines: &Lines<'_>, source: SourceId, span: Span) -> ((usize, usize), (usize, usize)) {
    (lines.position(source, span.start as usize), lines.position(source, span.end as usize))
}

fn to_json(sources: &[Source], lines: &Lines<'_>, diagnostic: &Diagnostic) -> Value {
    let source = source_of(sources, diagnostic);
    let label = |label: &Label| {
        let (start, end) = ends(lines, diagnostic.source, label.span);
        json!({
            "line": start.0, "column": start.1, "end_line": end.0, "end_column": end.1,
            "start": label.span.start, "end": label.span.end, "text": label.text,
        })
    };
    json!({
        "code": diagnostic.code,
        "severity": level(diagnostic),
        "message": diagnostic.message,
        "file": source.map(|source| source.name.as_str()),
        "primary": label(&diagnostic.primary),
        "secondary": diagnostic.secondary.iter().map(label).collect::<Vec<_>>(),
        "help": diagnostic.help,
        "fix": diagnostic.fix.as_ref().map(|fix| {
            let edit = |edit: &Edit| {
                let (start, end) = ends(lines, diagnostic.source, edit.span);
                json!({
                    "line": start.0, "column": start.1, "end_line": end.0, "end_column": end.1,
                    "start": edit.span.start, "end": edit.span.end, "text": edit.text,
                })
            };
            json!({
                "applicability": applicability(fix),
                "edits": fix.edits.iter().map(edit).collect::<Vec<_>>(),
            })
        }),
    })
}

fn applicability(fix: &Fix) -> &'static str {
    match fix.applicability {
        Applicability::Certain => "certain",
        Applicability::Suggested => "suggested",
    }
}

fn to_sarif(sources: &[Source], lines: &Lines<'_>, diagnostics: &[Diagnostic]) -> Value {
    let mut rules = BTreeMap::new();
    let findings: Vec<_> = diagnostics
        .iter()
        .map(|diagnostic| {
            let title = codes::explain(diagnostic.code).map_or("", |code| code.title);
            rules.insert(diagnostic.code.to_owned(), title.to_owned());
            let source = source_of(sources, diagnostic);
            let region = |span: Span| {
                let (start, end) = ends(lines, diagnostic.source, span);
                Region::Text { start, end }
            };
            let fix = diagnostic.fix.as_ref().map(|fix| Replacements {
                description: diagnostic.help.clone().unwrap_or_default(),
                edits: fix.edits.iter().map(|edit| (region(edit.span), edit.text.clone())).collect(),
            });
            Finding {
                id: diagnostic.code.to_owned(),
                level: level(diagnostic),
                message: match &diagnostic.help {
                    Some(help) => format!("{} ({help})", diagnostic.message),
                    None => diagnostic.message.clone(),
                },
                path: source.map(|source| source.name.clone()).unwrap_or_default(),
                region: Some(region(diagnostic.primary.span)),
                properties: diagnostic
                    .fix
                    .as_ref()
                    .map_or_else(|| json!({}), |fix| json!({"fixApplicability": applicability(fix)})),
                fix,
            }
        })
        .collect();
    sarif::log(&rules.into_iter().collect::<Vec<_>>(), &findings, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explanations_are_wrapped_at_words() {
        assert_eq!(wrap("aa bb cc\ndd", 5), "aa bb\ncc\ndd");
        assert_eq!(wrap("longer than that", 3), "longer\nthan\nthat");
    }
}
