//! Which databases are accepted: `--policy`, `--allow-unsigned` and where a policy is found otherwise.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use hallmark_container::Policy;
use hallmark_store::{LoadPolicy, read_policy};

use crate::outcome::{Outcome, complain};

/// Who must have signed a database.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct TrustArgs {
    /// Policy that says who must have signed the database [default: HALLMARK_POLICY, then policy in the user's
    /// config folder]
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// Accept a database that is not signed as the policy asks; signatures that are there must still verify
    #[arg(long)]
    pub allow_unsigned: bool,
}

impl TrustArgs {
    /// The policy to load a database with.
    pub fn load_policy(&self) -> anyhow::Result<LoadPolicy> {
        let policy = find_policy(self.policy.as_deref())?;
        Ok(LoadPolicy { policy, allow_unsigned: self.allow_unsigned, ..LoadPolicy::default() })
    }
}

/// The policy given, or else the one of the environment, or else that of the user's config folder, if there is one.
pub fn find_policy(given: Option<&Path>) -> anyhow::Result<Option<Policy>> {
    let named = given.map(Path::to_owned).or_else(|| non_empty("HALLMARK_POLICY"));
    let path = named.or_else(|| user_policy().filter(|path| path.symlink_metadata().is_ok()));
    path.map(|path| read_policy(&path).context("policy")).transpose()
}

/// Says why a database was refused. What could not even be read is an error instead.
pub fn refused(error: hallmark_store::Error) -> anyhow::Result<Outcome> {
    if matches!(error, hallmark_store::Error::Io { .. }) {
        return Err(error.into());
    }
    complain(&format!("refused: {error}"));
    Ok(Outcome::Refused)
}

/// What to do about a missing policy.
pub const NO_POLICY: &str = "no policy: give one with --policy FILE or HALLMARK_POLICY=FILE";

/// Seconds since the Unix epoch, for expiry and `time.now()`.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn user_policy() -> Option<PathBuf> {
    let config = non_empty("XDG_CONFIG_HOME").or_else(|| Some(non_empty("HOME")?.join(".config")))?;
    Some(config.join("hallmark").join("policy"))
}

fn non_empty(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}
