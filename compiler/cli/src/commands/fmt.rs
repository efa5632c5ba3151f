//! `hallmark fmt`: one layout for rule files.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, bail};
use hallmark_compiler::Source;
use hallmark_compiler::format::{Indent, format};

use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::render::{self, Diagnostics};
use crate::sources::{self, SourceArg};

/// Widest level that is still a layout.
const MAX_WIDTH: u8 = 16;

/// Bring rule files into one layout; tokens and comments stay as they are.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark fmt rules/
  hallmark fmt --check rules/ web.yar
  hallmark fmt < draft.yar > tidy.yar

Line breaks within conditions and hex patterns stay where they are. A file with syntax errors is left alone.

Exit code: 0 all is formatted (with --check: was already), 1 a file has errors (with --check: or would change),
2 usage, input or output.")]
pub struct Args {
    /// Rule file, or directory to search for *.yar and *.yara; none, or -, is standard input to standard output
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Change nothing; list the files that would change
    #[arg(long)]
    check: bool,

    /// Spaces of one level, or `tab`
    #[arg(long, value_name = "WIDTH", default_value = "4")]
    indent: Width,
}

#[derive(Debug, Clone, Copy)]
struct Width(Indent);

impl FromStr for Width {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let width = text.parse::<u8>().ok().filter(|width| (1..=MAX_WIDTH).contains(width));
        match (text, width) {
            ("tab", _) => Ok(Width(Indent::Tab)),
            (_, Some(width)) => Ok(Width(Indent::Spaces(width))),
            _ => Err(format!("neither `tab` nor a number from 1 to {MAX_WIDTH}")),
        }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    match args.paths.as_slice() {
        [] => return standard_input(args),
        [path] if path == Path::new("-") => return standard_input(args),
        paths if paths.iter().any(|path| path == Path::new("-")) => {
            bail!("`-` is standard input and can't be combined with files")
        }
        _ => {}
    }
    let named: Vec<_> =
        args.paths.iter().map(|path| SourceArg { namespace: None, path: path.clone() }).collect();
    let (mut files, mut changed, mut refused) = (0u64, 0u64, 0u64);
    let mut out = output::stdout();
    for file in sources::find(&named, false)? {
        let source = file.read()?;
        files += 1;
        let Some(formatted) = tidy(&source, args) else {
            refused += 1;
            continue;
        };
        if formatted == source.text {
            continue;
        }
        changed += 1;
        if args.check {
            writeln!(out, "{}", escape::path(&file.path))?;
        } else {
            output::replace_file(&file.path, &formatted)?;
        }
    }
    out.flush()?;
    let what = if args.check { "would change" } else { "changed" };
    let left = if refused > 0 { format!(", {refused} with errors left alone") } else { String::new() };
    complain(&format!("{}: {changed} {what}{left}", escape::count(files, "file")));
    Ok(outcome(args, changed > 0, refused > 0))
}

fn standard_input(args: &Args) -> anyhow::Result<Outcome> {
    let mut text = Vec::new();
    let limit = sources::MAX_READ;
    io::stdin().lock().take(limit + 1).read_to_end(&mut text).context("cannot read standard input")?;
    if text.len() as u64 > limit {
        bail!("standard input has more than {}: not a rule file", escape::size(limit));
    }
    let source = Source { name: "<stdin>".to_owned(), namespace: String::new(), text };
    let Some(formatted) = tidy(&source, args) else { return Ok(outcome(args, false, true)) };
    let changed = formatted != source.text;
    match args.check {
        true if changed => output::print(&format!("{}\n", source.name))?,
        true => {}
        false => {
            let mut out = output::stdout();
            out.write_all(&formatted)?;
            out.flush()?;
        }
    }
    Ok(outcome(args, changed, false))
}

/// The source formatted; what is wrong with it is printed.
fn tidy(source: &Source, args: &Args) -> Option<Vec<u8>> {
    match format(&source.text, args.indent.0) {
        Ok(formatted) => Some(formatted),
        Err(errors) => {
            let shown = std::slice::from_ref(source);
            Diagnostics::new(shown, render::wants_colour()).print(&errors);
            None
        }
    }
}

fn outcome(args: &Args, changed: bool, refused: bool) -> Outcome {
    if refused || args.check && changed { Outcome::Refused } else { Outcome::Good }
}
