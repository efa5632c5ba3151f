//! `hallmark diff`: which rules two databases or source trees differ in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hallmark_container::layout;
use hallmark_image::Image;
use hallmark_store::{LoadPolicy, load, store_state};
use serde_json::json;

use crate::compile::CompileArgs;
use crate::escape;
use crate::fingerprint::{RuleDiff, RuleName, differing_sections};
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::sources::SourceArg;
use crate::tree::SourceTree;

/// Show the rules that were added, removed or changed between two databases, releases or source trees. Rules are
/// compared as they are compiled: comments, layout and order make no difference. Signatures are not judged.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark diff old.hmk new.hmk
  hallmark diff release-7/ release-8/ --format json
  hallmark diff release-8/ rules/

Exit code: 0 the same, 1 different, 2 usage, unreadable files or sources that can't be compiled.")]
pub struct Args {
    /// Store or release directory, .hmk file, raw image, or rule file or folder of sources
    a: PathBuf,

    /// What it is compared with
    b: PathBuf,

    /// How it is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,

    #[command(flatten)]
    compile: CompileArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (a, b) = (Side::read(&args.a, &args.compile)?, Side::read(&args.b, &args.compile)?);
    let image_a = Image::parse(&a.image).with_context(|| escape::path(&args.a))?;
    let image_b = Image::parse(&b.image).with_context(|| escape::path(&args.b))?;
    let rules = RuleDiff::new(&image_a, &image_b);
    let sections = differing_sections(&image_a, &image_b);
    match args.format {
        Format::Human => {
            let mut text = String::new();
            for (what, names, side) in [
                ("added", &rules.added, &b),
                ("removed", &rules.removed, &a),
                ("changed", &rules.changed, &b),
            ] {
                for name in names {
                    text += &format!("{what:<8} {name}{}\n", side.place(name));
                }
            }
            if rules.is_empty() && !sections.is_empty() {
                text += &format!("no rule differs, but these sections do: {}\n", sections.join(", "));
            }
            output::print(&text)?;
        }
        Format::Json => {
            let list = |names: &[RuleName], side: &Side| {
                names.iter().map(|name| side.json(name)).collect::<Vec<_>>()
            };
            output::print_json(&json!({
                "added": list(&rules.added, &b),
                "removed": list(&rules.removed, &a),
                "changed": list(&rules.changed, &b),
                "sections": sections,
            }))?;
        }
    }
    Ok(if sections.is_empty() { Outcome::Good } else { Outcome::Different })
}

/// One of the two.
struct Side {
    image: Vec<u8>,
    /// Files and lines of rules, where sources were read.
    places: BTreeMap<RuleName, (String, u32)>,
}

impl Side {
    fn read(path: &Path, compile: &CompileArgs) -> anyhow::Result<Self> {
        if !is_source(path)? {
            let loaded = load(path, &LoadPolicy::unsigned(), |_| Ok(()))?;
            return Ok(Side { image: loaded.image.to_vec(), places: BTreeMap::new() });
        }
        let compiled = if path.is_dir() {
            SourceTree::read(path)?.compile(None, compile, None)?
        } else {
            compile.run(&[SourceArg { namespace: None, path: path.to_owned() }], true, None)?
        };
        let compilation = compiled.compilation;
        let Some(image) = compilation.image else {
            bail!("{}: cannot be compiled; hallmark check tells why", escape::path(path));
        };
        if !compilation.rejected.is_empty() {
            complain(&format!(
                "{}: {} left out because of errors",
                escape::path(path),
                escape::count(compilation.rejected.len() as u64, "rule")
            ));
        }
        let file = |source: usize| compilation.sources.get(source).map_or("", |source| source.name.as_str());
        let places = compilation.rules.iter().map(|rule| {
            let name = RuleName { namespace: rule.namespace.clone(), name: rule.name.clone() };
            (name, (file(rule.source.0 as usize).to_owned(), rule.line))
        });
        Ok(Side { image, places: places.collect() })
    }

    fn place(&self, name: &RuleName) -> String {
        let place = self.places.get(name);
        place.map_or_else(String::new, |(file, line)| format!(" ({}:{line})", escape::path(file)))
    }

    fn json(&self, name: &RuleName) -> serde_json::Value {
        let mut value = json!({ "rule": name.name, "namespace": name.namespace });
        if let Some((file, line)) = self.places.get(name) {
            value["file"] = json!(file);
            value["line"] = json!(line);
        }
        value
    }
}

/// Whether a path holds rules to be compiled: a folder that is no store and no release, or a rule file.
fn is_source(path: &Path) -> anyhow::Result<bool> {
    let meta = std::fs::metadata(path).with_context(|| escape::path(path))?;
    if meta.is_dir() {
        let release = path.join(layout::RELEASE_NOTE).symlink_metadata().is_ok();
        return Ok(!release && store_state(path).is_err());
    }
    Ok(path.extension().is_some_and(|extension| extension == "yar" || extension == "yara"))
}
