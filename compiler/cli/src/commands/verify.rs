//! `hallmark verify`: is this database the one that was signed, by those who must?

use std::path::PathBuf;

use anyhow::Context as _;
use hallmark_container::limits;
use hallmark_image::Image;
use hallmark_store::{Links, LoadPolicy, Origin, load, patch_files, read_file_capped};

use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::trust::{NO_POLICY, find_policy, refused};

/// Judge a database: signatures against a policy, digests, and the proof that its image is well-formed. Patches in a
/// release directory are compared with the note; what they decode to is seen by those who hold the older image.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallmark verify --policy policy.txt rules.hmk

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
    let release = note.release();
    let verdict = note.verdict();
    let mut patches = String::new();
    if loaded.info.origin == Origin::Release && args.path.is_dir() {
        for (serial, path) in patch_files(&args.path)? {
            let bytes = read_file_capped(&path, limits::MAX_PAYLOAD, Links::Refuse)?;
            if let Err(error) = note.known_patch(&bytes) {
                complain(&format!("refused: {}: {error}", escape::path(&path)));
                return Ok(Outcome::Refused);
            }
            patches += &format!("patch from serial {serial}, {} bytes\n", bytes.len());
        }
    }
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
