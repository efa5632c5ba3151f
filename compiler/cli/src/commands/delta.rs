//! `hallmark delta`: what makes one database out of another, and how long that is.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use hallmark_container::{Digest, FullPayload, PatchPayload, SizedDigest};
use hallmark_image::header;
use hallmark_publish::{DEFAULT_LEVEL, compress_patch};
use hallmark_store::{Error, LoadPolicy, ReleaseBytes, load};
use serde_json::json;

use crate::escape;
use crate::outcome::Outcome;
use crate::output;
use crate::packed::Packed;

/// Measure the patch from one database to another, and write it if asked to. It is the same one that hallmark build
/// --release --prev makes. Signatures are not judged.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark delta release-7/ release-8/
  hallmark delta old.hmk new.hmk -o old-to-new.zst
  hallmark delta old.img new.img --format json

The patch is one Zstandard frame: zstd -d --patch-from=old.img old-to-new.zst -o new.img makes
the new image out of the old one. What a section takes is measured for it alone, so that the
sum is not that of the whole.

Exit code: 0 measured, 1 the new release has a patch from the old one with other bytes,
2 usage or unreadable files.")]
pub struct Args {
    /// Store or release directory, .hmk file or raw image
    old: PathBuf,

    /// The database that is made of it
    new: PathBuf,

    /// Patch to write
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// How the figures are printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Human,
    Json,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let (old, new) = (Side::read(&args.old)?, Side::read(&args.new)?);
    let delta = Delta::new(&old, &new)?;
    if let Some(path) = &args.output {
        output::write_file(path, &delta.bytes)?;
    }
    match args.format {
        Format::Human => output::print(&delta.text(args))?,
        Format::Json => output::print_json(&delta.json())?,
    }
    Ok(if delta.released.is_none_or(|line| line.content == delta.patch) {
        Outcome::Good
    } else {
        Outcome::Different
    })
}

/// One of the two databases.
struct Side {
    image: Vec<u8>,
    /// What its note says, if it is a release.
    payload: Option<FullPayload>,
    patches: Vec<PatchPayload>,
}

impl Side {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let released = match ReleaseBytes::read(path) {
            Ok(bytes) => Packed::open(path, &bytes)?,
            Err(Error::NotADatabase { .. }) => {
                let loaded = load(path, &LoadPolicy::unsigned(), |_| Ok(()))?;
                return Ok(Side { image: loaded.image.to_vec(), payload: None, patches: Vec::new() });
            }
            Err(error) => return Err(error.into()),
        };
        let note = released.note.release();
        Ok(Side { image: released.image, payload: Some(note.payload), patches: note.patches.clone() })
    }
}

/// A patch and its figures.
struct Delta {
    bytes: Vec<u8>,
    patch: SizedDigest,
    window_log: u8,
    old: SizedDigest,
    new: SizedDigest,
    full: Option<u64>,
    /// The patch that the new release has from the old image.
    released: Option<PatchPayload>,
    /// `None` where an image has another format.
    sections: Option<Vec<SectionSizes>>,
}

/// Name of a section, its length in both images, and the length of a patch between them.
type SectionSizes = (&'static str, [usize; 3]);

impl Delta {
    fn new(old: &Side, new: &Side) -> anyhow::Result<Self> {
        let packed = compress_patch(&old.image, &new.image, DEFAULT_LEVEL)?;
        let from = Digest::of(&old.image);
        Ok(Delta {
            patch: SizedDigest::of(&packed.bytes),
            bytes: packed.bytes,
            window_log: packed.window_log,
            old: SizedDigest { digest: from, bytes: old.image.len() as u64 },
            new: SizedDigest::of(&new.image),
            full: new.payload.map(|payload| payload.content.bytes),
            released: new.patches.iter().find(|line| line.from == from).copied(),
            sections: sections(&old.image, &new.image)?,
        })
    }

    fn text(&self, args: &Args) -> String {
        let side = |name: &str, path: &Path, image: &SizedDigest| {
            format!("{name:<8}{:>12}  {}  {}\n", image.bytes, image.digest, escape::path(path))
        };
        let mut text = side("old", &args.old, &self.old) + &side("new", &args.new, &self.new);
        text +=
            &format!("patch   {:>12}  {}, window {}\n", self.patch.bytes, self.patch.digest, self.window_log);
        if let Some(full) = self.full {
            text += &format!("full    {full:>12}  the payload without a patch\n");
        }
        if let Some(line) = self.released {
            let same = match line.content == self.patch {
                true => "the same bytes",
                false => "OTHER bytes; made by another version of this program?",
            };
            text +=
                &format!("release {:>12}  its own patch from the old image: {same}\n", line.content.bytes);
        }
        match &self.sections {
            None => {
                text += "sections are not told apart: an image has another format than this program writes\n"
            }
            Some(sections) => {
                text += &format!("\n{:<10}{:>12}{:>12}{:>12}\n", "section", "old", "new", "patch");
                for (name, [old, new, patch]) in sections {
                    text += &format!("{name:<10}{old:>12}{new:>12}{patch:>12}\n");
                }
            }
        }
        text
    }

    fn json(&self) -> serde_json::Value {
        let sized = |of: &SizedDigest| json!({ "digest": of.digest.to_string(), "bytes": of.bytes });
        let section = |(name, [old, new, patch]): &(&str, [usize; 3])| json!({ "name": name, "old": old, "new": new, "patch": patch });
        let mut patch = sized(&self.patch);
        patch["window"] = json!(self.window_log);
        json!({
            "old": sized(&self.old),
            "new": sized(&self.new),
            "patch": patch,
            "full": self.full,
            "released": self.released.map(|line| {
                json!({ "bytes": line.content.bytes, "same": line.content == self.patch })
            }),
            "sections": self.sections.as_ref().map(|all| all.iter().map(section).collect::<Vec<_>>()),
        })
    }
}

/// What each section takes by itself, if both images have the format of this program.
fn sections(old: &[u8], new: &[u8]) -> anyhow::Result<Option<Vec<SectionSizes>>> {
    let (Ok(old), Ok(new)) = (header::sections(old), header::sections(new)) else { return Ok(None) };
    let mut sizes = Vec::new();
    for ((kind, old), (_, new)) in old.zip(new) {
        let patch = compress_patch(old, new, DEFAULT_LEVEL).with_context(|| kind.name())?;
        sizes.push((kind.name(), [old.len(), new.len(), patch.bytes.len()]));
    }
    Ok(Some(sizes))
}
