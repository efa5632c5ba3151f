//! `hallmark verify`: is this database the one that was signed, by those who must?

use std::path::PathBuf;

use anyhow::Context as _;
use hallmark_image::Image;
use hallmark_store::{LoadPolicy, Origin, load, patch_files};

use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::rebuild::Released;
use crate::trust::{NO_POLICY, find_policy, refused};

/// Judge a database: signatures against a policy, digests, and the proof that its image is well-formed. Of a release
/// directory, every file that the release note promises.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark verify --policy policy.txt rules.hmk
  hallmark verify --policy policy.txt release/

Exit code: 0 good, 1 refused (the reason is printed), 2 usage or unreadable files.")]
pub struct Args {
    /// Policy that says who must have signed [default: HALLMARK_POLICY, then policy in the user's config folder]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Release directory, .hmk file or store directory
    #[arg(value_name = "RELEASE|DB")]
    path: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let policy = find_policy(args.policy.as_deref())?.context(NO_POLICY)?;
    let accept = |bytes: &[u8]| Image::parse_undigested(bytes).map(drop).map_err(|error| error.to_string());
    let loaded = match load(&args.path, &LoadPolicy::require(policy), accept) {
        Ok(loaded) => loaded,
        Err(error) => return refused(error),
    };
    if let Some(reason) = &loaded.info.fallback {
        complain(&format!("refused: the store's current database: {reason}"));
        return Ok(Outcome::Refused);
    }
    let Some(note) = &loaded.info.note else {
        complain("refused: a raw image carries no signature");
        return Ok(Outcome::Refused);
    };
    let mut patches = String::new();
    if loaded.info.origin == Origin::Release && args.path.is_dir() {
        let released = Released::read(&args.path, note)?;
        if !released.broken().is_empty() {
            complain(&format!("refused: {}", released.broken().join("\nrefused: ")));
            return Ok(Outcome::Refused);
        }
        for (serial, path) in patch_files(&args.path)? {
            let bytes = std::fs::metadata(&path).with_context(|| escape::path(&path))?.len();
            patches += &format!("patch from serial {serial}, {bytes} bytes\n");
        }
    }
    let release = note.release();
    let verdict = note.verdict();
    let mut text = format!(
        "good: {}\ndb {} serial {}\nimage {}\nsigned by {}\n",
        escape::path(&args.path),
        release.db,
        release.serial,
        loaded.info.digest,
        verdict.verified.join(", ")
    );
    if !verdict.unknown.is_empty() {
        text.push_str(&format!("not in the policy: {}\n", verdict.unknown.join(", ")));
    }
    output::print(&(text + &patches))?;
    Ok(Outcome::Good)
}
