//! `hallmark audit`: is a release what its sources give?

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hallmark_container::{Demand, Policy, Quorum, VerifiedNote, layout, limits, verify_note};
use hallmark_publish::Attestation;
use hallmark_store::{Links, read_file_capped, read_policy};

use crate::compile::CompileArgs;
use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::patches::Patches;
use crate::rebuild::{Released, compare};
use crate::release::compiler_digest;
use crate::trust::now;

/// What a successful audit writes into the release directory.
pub const REPORT: &str = "audit.json";
/// A statement has under a kilobyte, and so has each signature.
pub const MAX_ATTESTATION: u64 = 64 << 10;

/// Who audited, in the statement: this program.
const VERIFIER: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/audit/", env!("CARGO_PKG_VERSION"));

/// Rebuild a release from its sources, without network or keys, and name every rule in which the two differ.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark audit release/ --source rules/
  hallmark audit release/ --source rules/ --policy build-only.policy
  hallmark audit release-8/ --source rules/ --prev release-7/

Without a policy the signatures are shown, not judged. An auditor's own policy asks for the
build signature only: that of the auditor is added afterwards, by hallmark cosign, which wants
the audit.json that a successful audit writes.

Exit code: 0 identical, 1 different (printed), 2 could not rebuild, 3 signatures do not hold.")]
pub struct Args {
    /// Release directory
    release: PathBuf,

    /// Directory of the sources it is said to be made of
    #[arg(long, value_name = "DIR")]
    source: PathBuf,

    /// Policy that says who must have signed by now
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// A release before this one, to apply the patch from it and to compare it with what the note says of it; repeatable
    #[arg(long, value_name = "OLDRELEASE")]
    prev: Vec<PathBuf>,

    /// Number of threads [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    #[command(flatten)]
    compile: CompileArgs,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let policy = args.policy.as_deref().map(read_policy).transpose().context("--policy")?;
    let policy = policy.as_ref();
    let audited = audit(&args.release, &args.source, policy, &args.prev, &args.compile, args.threads)?;
    let (note, told) = match audited {
        Ok(audited) => audited,
        Err(outcome) => return Ok(outcome),
    };
    attest(&args.release, &note)?;
    let told: String = told.iter().map(|line| format!("{line}\n")).collect();
    output::print(&format!(
        "identical: every byte of the image was rebuilt from {}\n{told}",
        escape::path(&args.source)
    ))?;
    Ok(Outcome::Good)
}

/// Rebuilds a release and compares, also with the releases before it in `prev`. The note and a line for each patch, if
/// nothing differs; otherwise what differs has been printed.
pub fn audit(
    release: &Path,
    source: &Path,
    policy: Option<&Policy>,
    prev: &[PathBuf],
    compile: &CompileArgs,
    threads: Option<NonZeroUsize>,
) -> anyhow::Result<Result<(VerifiedNote, Vec<String>), Outcome>> {
    if !release.is_dir() {
        bail!("{}: give the release directory that hallmark build --release wrote", escape::path(release));
    }
    let path = release.join(layout::RELEASE_NOTE);
    let bytes = read_file_capped(&path, limits::MAX_SIGNED_NOTE as u64, Links::Refuse)?;
    let demand = policy.map_or(Demand::Tolerant(None), Demand::Quorum);
    let note = match verify_note(&bytes, demand) {
        Ok(note) => note,
        Err(error) => {
            complain(&format!("refused: {}: {error}", escape::path(&path)));
            return Ok(Err(Outcome::Untrusted));
        }
    };
    let (theirs, ours) = (note.release().compiler.clone(), compiler_digest()?);
    if theirs.digest != ours {
        bail!(
            "cannot rebuild: the release was compiled by {} {} {}, this is {} {ours}; build that version and audit with it",
            theirs.name,
            theirs.version,
            theirs.digest,
            env!("CARGO_PKG_VERSION")
        );
    }
    let released = Released::read(release, &note)?;
    let patches = Patches::read(release, &note, prev)?;
    let mut differences = compare(&released, source, compile, threads)?;
    differences.extend(patches.broken);
    output::print(&head(release, &note))?;
    if !differences.is_empty() {
        output::print(&(differences.join("\n") + "\n"))?;
        return Ok(Err(Outcome::Different));
    }
    Ok(Ok((note, patches.told)))
}

fn head(path: &Path, note: &VerifiedNote) -> String {
    let release = note.release();
    let names: Vec<_> = note.signed().signatures().iter().map(|line| line.name.as_str()).collect();
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let judged = match note.verdict().quorum {
        Quorum::NoPolicy => format!("signatures, not judged: {names}"),
        _ => format!("signed by {}", note.verdict().verified.join(", ")),
    };
    format!(
        "{}: db {} serial {}\nimage {}\n{judged}\n",
        escape::path(path),
        release.db,
        release.serial,
        release.image.digest
    )
}

/// Writes the statement, unless there is one for this release, which others may have signed.
fn attest(release: &Path, note: &VerifiedNote) -> anyhow::Result<()> {
    let path = release.join(REPORT);
    let there = read_file_capped(&path, MAX_ATTESTATION, Links::Refuse).ok();
    let there = there.and_then(|bytes| Attestation::parse(&bytes).ok());
    if there.is_some_and(|attestation| attestation.covers(note.signed())) {
        return Ok(());
    }
    output::write_file(&path, &statement(note).to_bytes())
}

/// What this program says of a release that it rebuilt just now.
pub fn statement(note: &VerifiedNote) -> Attestation {
    Attestation::rebuilt(note.signed(), VERIFIER, &rfc3339(now()))
}

/// A time in seconds since the Unix epoch as `YYYY-MM-DDThh:mm:ssZ`.
pub fn rfc3339(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Years begin in March here, so that the day a leap year has more is its last; 400 years have 146,097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_others_read_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_763_856_000, "2025-11-23T00:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
        }
    }
}
