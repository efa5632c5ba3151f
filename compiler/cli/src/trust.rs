//! Which databases are accepted: `--policy`, `--allow-unsigned` and where a policy is found otherwise.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use hallmark_container::{Policy, ReleaseNote};
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

/// Past its end a database is still scanned with.
pub const EXPIRED: &str = "the database has expired; install a newer release";

/// A clock that was set back makes every database look fresh.
pub const CLOCK_BEHIND: &str =
    "the clock is behind the date of the database, so nobody can tell whether it has expired; set the clock";

/// What the clock says against a release. It is for people to hear and decides nothing: scanning goes on, and which
/// release is newer is a matter of serials.
pub fn staleness(release: &ReleaseNote, now: u64) -> Option<&'static str> {
    if release.is_stale(now) {
        Some(EXPIRED)
    } else if now < release.source_date {
        Some(CLOCK_BEHIND)
    } else {
        None
    }
}

fn user_policy() -> Option<PathBuf> {
    let config = non_empty("XDG_CONFIG_HOME").or_else(|| Some(non_empty("HOME")?.join(".config")))?;
    Some(config.join("hallmark").join("policy"))
}

fn non_empty(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use hallmark_container::SignedNote;

    use super::*;

    const MADE: u64 = 1_763_856_000;
    const END: u64 = 1_766_448_000;

    fn release(expires: Option<u64>) -> ReleaseNote {
        let zeros = "0".repeat(64);
        let expires = expires.map(|at| format!("expires {at}\n")).unwrap_or_default();
        let text = format!(
            "hallmark-release/v1\ndb test/core\nserial 1\nimage-format 2.1\nengine-min 0.1.0\nsource-date {MADE}\n\
             {expires}source sha256:{zeros} files 1 bytes 1\ncompiler hallmark 0.1.0 sha256:{zeros}\n\
             options sha256:{zeros}\nimage sha256:{zeros} bytes 1\ncount rules 1\ncount patterns 1\ncount rejected 0\n\
             payload full zstd sha256:{zeros} bytes 1 window 20\n"
        );
        SignedNote::parse(text.as_bytes()).unwrap().release().clone()
    }

    #[test]
    fn a_clock_can_only_raise_an_alarm() {
        for (clock, expires, says) in [
            (0, Some(END), Some(CLOCK_BEHIND)),
            (MADE - 1, None, Some(CLOCK_BEHIND)),
            (MADE, Some(END), None),
            (END, Some(END), None),
            (END + 1, Some(END), Some(EXPIRED)),
            (u64::MAX, Some(END), Some(EXPIRED)),
            (MADE, Some(0), Some(EXPIRED)),
            (0, Some(0), Some(CLOCK_BEHIND)),
            (END + 1, Some(u64::MAX), None),
            (u64::MAX, None, None),
        ] {
            assert_eq!(staleness(&release(expires), clock), says, "{clock} {expires:?}");
        }
    }
}
