//! What a command came to, and the exit code that says so: the only place that knows exit codes.

use std::io::{self, Write as _};
use std::process::ExitCode;

/// How a command ended when it could do its work. Errors (usage, input, output) are `anyhow::Error`, exit code 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All is well, nothing was found: 0.
    Good,
    /// `scan`: something matched: 1.
    Matched,
    /// Rules with errors, or a database that was refused: 1. The reason has been printed.
    Refused,
    /// `audit`, `diff`: what was compared is not the same: 1. The differences have been printed.
    Different,
    /// `audit`: the signatures or the log do not hold: 3. The reason has been printed.
    Untrusted,
    /// The work could not be finished; what is missing has been printed: 2.
    Incomplete,
}

/// The exit code of a finished command; an error is printed first. A reader that went away is success.
pub fn exit_code(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Matched | Outcome::Refused | Outcome::Different) => ExitCode::from(1),
        Ok(Outcome::Untrusted) => ExitCode::from(3),
        Ok(Outcome::Incomplete) => ExitCode::from(2),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("error: {}", told(&error)));
            ExitCode::from(2)
        }
    }
}

/// The error and its causes, but for those that an error above has told already.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text.as_str() {
        "" => cause,
        _ if text.contains(&cause) => text,
        _ => format!("{text}: {cause}"),
    })
}

/// Writes a line to standard error. A closed standard error is nothing to stop for.
pub fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        // serde_json and csv keep the cause to themselves, but not its kind.
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        let csv = cause.downcast_ref::<csv::Error>().and_then(|error| match error.kind() {
            csv::ErrorKind::Io(error) => Some(error.kind()),
            _ => None,
        });
        io.or(json).or(csv)
    };
    error.chain().any(|cause| kind(cause) == Some(io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn causes_are_told_once() {
        let cause = io::Error::other("no room");
        let error = Err::<(), _>(cause).context("a.hmk: no room").context("writing").unwrap_err();
        assert_eq!(told(&error), "writing: a.hmk: no room");
    }

    #[test]
    fn a_reader_that_went_away_is_recognised_through_its_contexts() {
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        let wrapped = Err::<(), _>(pipe).context("writing").unwrap_err();
        assert!(is_broken_pipe(&wrapped));
        let json: serde_json::Error = serde_json::Error::io(io::ErrorKind::BrokenPipe.into());
        assert!(is_broken_pipe(&json.into()));
        assert!(!is_broken_pipe(&io::Error::from(io::ErrorKind::NotFound).into()));
    }
}
