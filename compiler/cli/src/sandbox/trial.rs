//! Trying an image in a confined process. Input: image bytes that nobody has parsed. Output: the verdict of the process,
//! or how it ended without one.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use hallmark_store::sealed_file;
use serde::{Deserialize, Serialize};

use super::confine::{Confinement, Limits};
use super::supervise::{End, Ended, last_words, run, signal_name};
use crate::escape;

/// The command that this program runs itself with; see `commands/self_test.rs`.
pub const COMMAND: &str = "self-test";

/// Address space besides that for the image: the program, and many times what real rules remember of inputs as short as
/// those of self-tests.
const MEMORY: u64 = 128 << 20;

/// Copies of the image that fit besides: as it is read, as it is kept, and one to spare.
const IMAGE_COPIES: u64 = 3;

/// How much longer than the tests may take their process is waited for: it starts, reads and proves too.
const GRACE: Duration = Duration::from_secs(10);

/// What a confined process says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// The image is one, and its self-tests hold.
    #[serde(rename = "good")]
    Good(Tried),
    /// Why it is not, or the test that does not hold.
    #[serde(rename = "refused")]
    Refused(String),
}

/// What was done with a good image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// Number of self-tests that it carries.
    pub tests: usize,
    /// How the process was confined.
    pub confinement: Confinement,
}

/// Has a confined process parse `image` and run its self-tests, which may take this long. `Err` says why the image must
/// not be used.
pub fn try_image(image: &[u8], seconds: u64) -> Result<Tried, String> {
    let unable = |error: io::Error| format!("it could not be tried in a process of its own: {error}");
    let limits =
        Limits { seconds, memory: (image.len() as u64).saturating_mul(IMAGE_COPIES).saturating_add(MEMORY) };
    let input = input(image).map_err(unable)?;
    let mut command = Command::new(this_program().map_err(unable)?);
    command.args([COMMAND, "--seconds", &seconds.to_string(), "--memory", &limits.memory.to_string()]);
    command.env_clear().current_dir("/").stdin(Stdio::from(input));
    judge(&run(&mut command, limits.time().saturating_add(GRACE)).map_err(unable)?)
}

/// The image as a file to be read from its beginning, which nobody can change where the system has such files.
fn input(image: &[u8]) -> io::Result<File> {
    if let Some(file) = sealed_file(image) {
        return Ok(file);
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(image)?;
    file.rewind()?;
    Ok(file)
}

/// This very program, even if another one has taken its name meanwhile.
pub fn this_program() -> io::Result<PathBuf> {
    match cfg!(target_os = "linux") {
        true => Ok("/proc/self/exe".into()),
        false => std::env::current_exe(),
    }
}

/// What the end of the process means. Its words are those of a process that may have been taken over: shown, never
/// believed beyond the verdict.
fn judge(ended: &Ended) -> Result<Tried, String> {
    let last_words = last_words(&ended.errors);
    match ended.end {
        End::Exited(0) => match serde_json::from_slice(&ended.output) {
            Ok(Verdict::Good(tried)) => Ok(tried),
            Ok(Verdict::Refused(why)) => Err(escape::path(why)),
            Err(_) => Err("the process that tried it gave no verdict".to_owned()),
        },
        End::Exited(code) => {
            Err(format!("the process that tried it failed with exit code {code}{last_words}"))
        }
        End::Killed(signal) => {
            Err(format!("the process that tried it crashed, {}{last_words}", signal_name(signal)))
        }
        End::TimedOut => Err("the process that tried it did not end in time and was killed".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(end: End, output: &str, errors: &str) -> Result<Tried, String> {
        judge(&Ended { end, output: output.into(), errors: errors.into() })
    }

    #[test]
    fn only_a_verdict_counts() {
        let good = Tried { tests: 3, confinement: Confinement::Partial };
        let words = serde_json::to_string(&Verdict::Good(good)).unwrap();
        assert_eq!(words, r#"{"good":{"tests":3,"confinement":"partial"}}"#);
        assert_eq!(judged(End::Exited(0), &words, "noise"), Ok(good));
        for (end, output, errors, message) in [
            (End::Exited(0), r#"{"refused":"a\u001b[31m"}"#, "", r"a\x1B[31m"),
            (End::Exited(0), "", "", "no verdict"),
            (End::Exited(0), "{\"good\":{}}", "", "no verdict"),
            (End::Exited(0), &format!("{words}{words}"), "", "no verdict"),
            (End::Exited(101), &words, "panicked\nat", "exit code 101: panicked"),
            (End::Killed(11), &words, "", "crashed, signal 11 (segmentation fault)"),
            (End::Killed(6), &words, "memory allocation failed\n", "(aborted): memory allocation failed"),
            (End::Killed(64), "", "", "signal 64"),
            (End::TimedOut, &words, "", "did not end in time"),
        ] {
            let error = judged(end.clone(), output, errors).unwrap_err();
            assert!(error.ends_with(message) || error.contains(message), "{end:?}: {error}");
            assert!(!error.contains('\n') && !error.contains('\x1B'), "{error}");
        }
    }
}
