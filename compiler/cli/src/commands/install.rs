//! `hallmark install`: a release becomes the database in force of a store.

use std::path::PathBuf;

use anyhow::Context as _;
use hallmark_image::Image;
use hallmark_store::{Outcome as Installed, ReleaseBytes, install};

use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::trust::{NO_POLICY, find_policy, refused};

/// Put a release in force in a store; what is refused changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallmark install rules.hmk --store /var/lib/hallmark --policy policy.txt

Exit code: 0 installed, 1 refused (the reason is printed), 2 usage or unreadable files.")]
pub struct Args {
    /// Release directory or .hmk file
    release: PathBuf,

    /// Store directory; created if it is missing
    #[arg(long, value_name = "DIR")]
    store: PathBuf,

    /// Policy that says who must have signed [default: HALLMARK_POLICY, then policy in the user's config folder]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let policy = find_policy(args.policy.as_deref())?.context(NO_POLICY)?;
    let release = ReleaseBytes::read(&args.release)?;
    let container = match release.container() {
        Ok(container) => container,
        Err(error) => {
            complain(&format!("refused: {}: {error}", escape::path(&args.release)));
            return Ok(Outcome::Refused);
        }
    };
    let self_test = |bytes: &[u8]| Image::parse(bytes).map(drop).map_err(|error| error.to_string());
    let installation = match install(&args.store, container, &policy, self_test) {
        Ok(installation) => installation,
        Err(error) => return refused(error),
    };
    let did = match installation.outcome {
        Installed::Installed => "installed",
        Installed::AlreadyCurrent => "already in force",
    };
    let state = &installation.state;
    output::print(&format!(
        "{did}: {} serial {} in {}\nimage {}\n",
        state.db,
        state.current.serial,
        escape::path(&args.store),
        state.current.image
    ))?;
    Ok(Outcome::Good)
}
