//! `hallmark cosign`: the auditor's line under a release that was audited.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hallmark_container::{Demand, layout, limits, verify_note};
use hallmark_publish::{Attestation, SecretKey, sign_path};
use hallmark_store::{Links, read_file_capped, read_trusted_file};

use crate::commands::audit::{MAX_ATTESTATION, REPORT, audit, statement};
use crate::commands::sign::report as report_signed;
use crate::compile::CompileArgs;
use crate::escape;
use crate::outcome::{Outcome, complain};
use crate::output;
use crate::rebuild::Released;

/// Add the auditor's signature to a release that `hallmark audit` found identical, and sign its audit.json too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallmark cosign --key keys/auditor.example_rebuild.secret --source rules/ release/
  hallmark audit release/ --source rules/
  hallmark cosign --key keys/auditor.example_rebuild.secret release/

With --source the release is rebuilt and compared once more, and no file is believed. Without it, as on a machine that
has the key and not the sources, the audit.json in the release directory is: anyone who could write there could have
made it up. Files and folders that others can write are refused; bring the directory over in a way you trust.

Exit code: 0 signed, 1 refused (no successful audit of this release), 2 usage or unreadable files.")]
pub struct Args {
    /// Secret key of the auditor
    #[arg(long, value_name = "FILE")]
    key: PathBuf,

    /// Release directory
    release: PathBuf,

    /// Rebuild the release from this directory instead of believing its audit.json
    #[arg(long, value_name = "DIR")]
    source: Option<PathBuf>,

    /// Number of threads [default: all cores]
    #[arg(long, value_name = "N", requires = "source")]
    threads: Option<NonZeroUsize>,

    #[command(flatten)]
    compile: CompileArgs,
}

/// Runs the command.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let key = SecretKey::load(&args.key).context("--key")?;
    let attestation = match &args.source {
        Some(source) => match audit(&args.release, source, None, &[], &args.compile, args.threads)? {
            Ok((note, _)) => Ok(statement(&note)),
            Err(_) => Err("the release is not what its sources give".to_owned()),
        },
        None => {
            match args.compile.compile_only().or((!args.compile.defines.is_empty()).then_some("--define")) {
                Some(option) => bail!("{option} says how the release is rebuilt; it needs --source DIR"),
                None => believed(&args.release)?,
            }
        }
    };
    let mut attestation = match attestation {
        Ok(attestation) => attestation,
        Err(why) => {
            complain(&format!("refused: {why}"));
            return Ok(Outcome::Refused);
        }
    };
    let signed = sign_path(&args.release, &key)?;
    attestation.sign(&key);
    output::write_file(&args.release.join(REPORT), &attestation.to_bytes())?;
    report_signed(&args.release, "cosigned", &key, &signed)?;
    Ok(Outcome::Good)
}

/// The statement that lies in the release directory, if it is about this release and nobody else can have written it.
fn believed(release: &Path) -> anyhow::Result<Result<Attestation, String>> {
    let path = release.join(REPORT);
    if path.symlink_metadata().is_err() {
        return Ok(Err(format!(
            "{} has no {REPORT}; run hallmark audit on the release directory first, or give --source",
            escape::path(release)
        )));
    }
    let bytes = match read_trusted_file(&path, MAX_ATTESTATION) {
        Err(error @ hallmark_store::Error::Io { .. }) => return Err(error.into()),
        Err(error) => return Ok(Err(error.to_string())),
        Ok(bytes) => bytes,
    };
    let note_path = release.join(layout::RELEASE_NOTE);
    let note = read_file_capped(&note_path, limits::MAX_SIGNED_NOTE as u64, Links::Refuse)?;
    let note = verify_note(&note, Demand::Tolerant(None)).with_context(|| escape::path(&note_path))?;
    if let [broken, ..] = Released::read(release, &note)?.broken() {
        return Ok(Err(broken.clone()));
    }
    Ok(match Attestation::parse(&bytes) {
        Ok(attestation) if attestation.covers(note.signed()) => Ok(attestation),
        Ok(_) => Err(format!("{}: not of a successful audit of this release note", escape::path(&path))),
        Err(error) => Err(error.to_string()),
    })
}
