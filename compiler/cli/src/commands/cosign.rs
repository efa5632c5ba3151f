//! `hallmark cosign`: the auditor's line under a release that was audited.

use std::path::PathBuf;

use anyhow::Context as _;
use hallmark_container::{SignedNote, layout, limits};
use hallmark_publish::{Attestation, SecretKey, sign_path};
use hallmark_store::{Links, read_file_capped};

use crate::commands::audit::{MAX_ATTESTATION, REPORT};
use crate::commands::sign::report as report_signed;
use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output;

/// Add the auditor's signature to a release that `hallmark audit` found identical here, and sign its audit.json too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallmark audit release/ --source rules/
  hallmark cosign --key keys/auditor.example_rebuild.secret release/

Exit code: 0 signed, 1 refused (no successful audit of this release), 2 usage or unreadable files.")]
pub struct Args {
    /// Secret key of the auditor
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// Release directory
    release: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let key = SecretKey::load(&args.key).context("--key")?;
    let report = args.release.join(REPORT);
    if report.symlink_metadata().is_err() {
        complain(&format!(
            "refused: {} has no {REPORT}; run hallmark audit on the release directory first",
            escape::path(&args.release)
        ));
        return Ok(Outcome::Refused);
    }
    let note = args.release.join(layout::RELEASE_NOTE);
    let note = SignedNote::parse(&read_file_capped(&note, limits::MAX_SIGNED_NOTE as u64, Links::Refuse)?)
        .with_context(|| escape::path(&note))?;
    let attestation = Attestation::parse(&read_file_capped(&report, MAX_ATTESTATION, Links::Refuse)?);
    let mut attestation = match attestation {
        Ok(attestation) if attestation.covers(&note) => attestation,
        Ok(_) => {
            complain(&format!(
                "refused: {}: not of a successful audit of this release note",
                escape::path(&report)
            ));
            return Ok(Outcome::Refused);
        }
        Err(error) => {
            complain(&format!("refused: {error}"));
            return Ok(Outcome::Refused);
        }
    };
    let signed = sign_path(&args.release, &key)?;
    attestation.sign(&key);
    output::write_file(&report, &attestation.to_bytes())?;
    report_signed(&args.release, "cosigned", &key, &signed)?;
    Ok(Outcome::Good)
}
