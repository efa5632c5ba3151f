//! `hallmark install`: a release becomes the database in force of a store.

use std::path::PathBuf;

use anyhow::Context as _;
use hallmark_container::Policy;
use hallmark_image::Image;
use hallmark_store::{
    Error, Installation, Outcome as Installed, ReleaseBytes, Update, Used, install, install_directory,
};

use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::trust::{NO_POLICY, find_policy, refused};

/// Put a release in force in a store; what is refused changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark install rules.hmk --store /var/lib/hallmark --policy policy.txt
  hallmark install release-8/ --store /var/lib/hallmark --policy policy.txt

Of a release directory, a patch from what the store holds (from-SERIAL.zst) is used before the full
payload (image.zst); one of the two is enough. If the patch cannot be used, the reason is printed.

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
    let update = match update(args, &policy) {
        Ok(update) => update,
        Err(error) => return refused(error),
    };
    for error in &update.passed_over {
        complain(&format!("not used: {error}"));
    }
    let Installation { outcome, state } = &update.installation;
    let did = match outcome {
        Installed::Installed => "installed",
        Installed::AlreadyCurrent => "already in force",
    };
    let used = match update.used {
        Used::Held => "none, the store held this image".to_owned(),
        Used::Patch { serial, bytes } => format!("patch from serial {serial}, {bytes} bytes"),
        Used::Full { bytes } => format!("full, {bytes} bytes"),
    };
    output::print(&format!(
        "{did}: {} serial {} in {}\nimage {}\npayload {used}\n",
        state.db,
        state.current.serial,
        escape::path(&args.store),
        state.current.image
    ))?;
    Ok(Outcome::Good)
}

fn update(args: &Args, policy: &Policy) -> Result<Update, Error> {
    let self_test = |bytes: &[u8]| Image::parse(bytes).map(drop).map_err(|error| error.to_string());
    if args.release.is_dir() {
        return install_directory(&args.store, &args.release, policy, self_test);
    }
    let release = ReleaseBytes::read(&args.release)?;
    let in_release = |source| Error::Container { path: args.release.clone(), source };
    let container = release.container().map_err(in_release)?;
    let used = Used::Full { bytes: container.payload().len() as u64 };
    let installation = install(&args.store, container, policy, self_test)?;
    Ok(Update { installation, used, passed_over: Vec::new() })
}
