//! `hallmark install`: a release becomes the database in force of a store.

use std::path::PathBuf;

use anyhow::Context as _;
use hallmark_container::Policy;
use hallmark_store::{
    Error, Installation, Outcome as Installed, ReleaseBytes, Update, Used, guard_state, install,
    install_directory,
};

use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::sandbox::{Confinement, Tried, try_image};
use crate::selftests::TIME_LIMIT;
use crate::trust::{NO_POLICY, find_policy, refused};

/// Put a release in force in a store; what is refused changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark install rules.hmk --store /var/lib/hallmark --policy policy.txt
  hallmark install release-8/ --store /var/lib/hallmark --policy policy.txt

Of a release directory, a patch from what the store holds (from-SERIAL.zst) is used before the full
payload (image.zst); one of the two is enough. If the patch cannot be used, the reason is printed.

Before anything changes, the database is parsed and its own self-tests are run in a separate
process without access to files, network and other processes (Landlock, where the kernel has it)
and with bounded time and memory. A crash there, or a test that does not hold, is a refusal.

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

    /// Most that the self-tests may take
    #[arg(long, value_name = "SECS", default_value_t = TIME_LIMIT.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    self_test_timeout: u64,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let policy = find_policy(args.policy.as_deref())?.context(NO_POLICY)?;
    let mut tried = None;
    let self_test = |image: &[u8]| try_image(image, args.self_test_timeout).map(|done| tried = Some(done));
    let update = match update(args, &policy, self_test) {
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
        "{did}: {} serial {} in {}\nimage {}\npayload {used}\n{}",
        state.db,
        state.current.serial,
        escape::path(&args.store),
        state.current.image,
        tried.map(told).unwrap_or_default()
    ))?;
    if guard_state(&args.store, &state.current.image).is_ok_and(|guard| guard.is_refused()) {
        complain("warning: this database crashed its scanners and stays refused; install a newer release");
    }
    Ok(Outcome::Good)
}

/// What was tried before the switch.
pub fn told(tried: Tried) -> String {
    let tests = match tried.tests {
        0 => "no self-test vectors: parsed, and a few built-in inputs scanned".to_owned(),
        n => format!("self-test: {} passed", escape::count(n as u64, "test")),
    };
    let process = match tried.confinement {
        Confinement::Full => "in a confined process",
        Confinement::Partial => "in a process that this kernel confines only in part (Landlock is older)",
        Confinement::None => "in a process of its own, not confined: this kernel has no Landlock",
    };
    format!("{tests}, {process}\n")
}

fn update(
    args: &Args,
    policy: &Policy,
    self_test: impl FnOnce(&[u8]) -> Result<(), String>,
) -> Result<Update, Error> {
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
