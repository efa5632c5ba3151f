//! Runs a program to its end and measures it as a whole: wall time, largest resident set, output.
//!
//! The time limit is kept by `timeout` of coreutils and memory is measured by GNU `time`, each a process of a
//! millisecond that all engines pay alike. Without `time` the memory is not known, which is said and not guessed.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// What `timeout --signal=KILL` answers when it had to use it, itself or through a parent that reports signals so.
const KILLED: i32 = 137;
/// How much of standard error a message quotes.
const QUOTED_BYTES: usize = 1500;

/// A program and its arguments.
pub type Words = Vec<OsString>;

/// How a program ended.
#[derive(Debug)]
pub enum Ended {
    /// It came to its end.
    Done(Done),
    /// It was stopped when the time was over.
    OverTime,
}

/// A program that came to its end.
#[derive(Debug)]
pub struct Done {
    /// Wall time from before its start to after its end.
    pub seconds: f64,
    /// Its largest resident set in KiB, where that could be measured.
    pub peak_kib: Option<u64>,
    /// Its exit code.
    pub code: i32,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: String,
}

impl Done {
    /// This run, if its exit code is one of `good`.
    ///
    /// # Errors
    /// The exit code and what the program said, if it is another.
    pub fn checked(self, words: &Words, good: &[i32]) -> anyhow::Result<Self> {
        if good.contains(&self.code) {
            return Ok(self);
        }
        bail!("{}: exit code {}: {}", shown(words), self.code, quoted(&self.stderr))
    }
}

/// Runs programs under the same conditions.
#[derive(Debug, Clone)]
pub struct Runner {
    limit: Duration,
    timeout: PathBuf,
    time: Option<PathBuf>,
}

impl Runner {
    /// One that stops a program after `limit`.
    ///
    /// # Errors
    /// `timeout` is not installed.
    pub fn new(limit: Duration) -> anyhow::Result<Self> {
        let timeout =
            on_path("timeout").context("`timeout` (coreutils) is not on PATH; the time limit needs it")?;
        Ok(Runner { limit, timeout, time: on_path("time") })
    }

    /// Whether the memory of programs can be measured.
    pub fn measures_memory(&self) -> bool {
        self.time.is_some()
    }

    /// The longest time a program may take.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// Runs a program to its end.
    ///
    /// # Errors
    /// It can't be started, or its output can't be read.
    pub fn run(&self, words: &Words) -> anyhow::Result<Ended> {
        let context = || format!("cannot run {}", shown(words));
        let peak = tempfile::NamedTempFile::new().with_context(context)?;
        let (stdout, stderr) =
            (tempfile::tempfile().with_context(context)?, tempfile::tempfile().with_context(context)?);
        let mut command = match &self.time {
            Some(time) => {
                let mut command = Command::new(time);
                command.args(["--quiet", "--format", "%M", "--output"]).arg(peak.path()).arg(&self.timeout);
                command
            }
            None => Command::new(&self.timeout),
        };
        command.arg("--signal=KILL").arg(self.limit.as_secs_f64().to_string()).args(words);
        environment(&mut command);
        command.stdin(Stdio::null()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
        let started = Instant::now();
        let status = command.status().with_context(context)?;
        let seconds = started.elapsed().as_secs_f64();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
        if code == KILLED && seconds >= self.limit.as_secs_f64() {
            return Ok(Ended::OverTime);
        }
        let peak = std::fs::read_to_string(peak.path()).unwrap_or_default();
        Ok(Ended::Done(Done {
            seconds,
            peak_kib: peak.lines().last().and_then(|line| line.trim().parse().ok()),
            code,
            stdout: contents(stdout).with_context(context)?,
            stderr: String::from_utf8_lossy(&contents(stderr).with_context(context)?).into_owned(),
        }))
    }

    /// Runs a program that must succeed within the time.
    ///
    /// # Errors
    /// It took too long, or its exit code is none of `good`.
    pub fn must(&self, words: &Words, good: &[i32]) -> anyhow::Result<Done> {
        match self.run(words)? {
            Ended::Done(done) => done.checked(words, good),
            Ended::OverTime => bail!("{}: took more than {} s", shown(words), self.limit.as_secs_f64()),
        }
    }
}

/// What all measured programs see alike: no colours, no policy of this user, one language.
pub fn environment(command: &mut Command) {
    command.env_remove("HALLMARK_POLICY").env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1");
}

/// The program of this name in a folder of `PATH`.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| is_program(program))
}

/// Whether this is a file, and somebody may execute it.
pub fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Makes a command line out of words of different types.
#[macro_export]
macro_rules! words {
    ($($word:expr),* $(,)?) => { vec![$(std::ffi::OsString::from($word)),*] };
}

/// The beginning of a command line, for messages.
pub fn shown(words: &Words) -> String {
    const SHOWN: usize = 4;
    let text: Vec<_> = words.iter().take(SHOWN).map(|word| word.to_string_lossy()).collect();
    format!("`{}{}`", text.join(" "), if words.len() > SHOWN { " …" } else { "" })
}

fn contents(mut file: File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn quoted(stderr: &str) -> String {
    let text = plain(stderr);
    let text = text.trim();
    match text.char_indices().map(|(at, _)| at).find(|&at| at >= QUOTED_BYTES) {
        Some(end) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

/// `text` without the escape sequences that colour it.
pub fn plain(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.find('m').map_or(part, |end| &part[end + 1..]));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_measured() {
        let runner = Runner::new(Duration::from_secs(20)).unwrap();
        let words = words!["/bin/sh", "-c", "echo out; echo err >&2; exit 3"];
        let Ended::Done(done) = runner.run(&words).unwrap() else { panic!("over time") };
        assert_eq!((done.code, done.stdout.as_slice(), done.stderr.as_str()), (3, &b"out\n"[..], "err\n"));
        assert_eq!(done.peak_kib.is_some(), runner.measures_memory());
        let error = done.checked(&words, &[0]).unwrap_err().to_string();
        assert!(error.contains("exit code 3") && error.contains("err"), "{error}");
    }

    #[test]
    fn a_program_that_takes_too_long_is_stopped() {
        let runner = Runner::new(Duration::from_millis(200)).unwrap();
        assert!(matches!(runner.run(&words!["/bin/sh", "-c", "sleep 20"]).unwrap(), Ended::OverTime));
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(plain("\u{1b}[1m\u{1b}[31merror\u{1b}[0m: x"), "error: x");
    }
}
