//! Waiting for a process that may do anything. Input: a command and a time. Output: how it ended and the beginning of
//! what it said. It is never waited for longer than that, and never read without bound.

use std::fmt;
use std::io::{self, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::escape;

/// Most bytes that are read of what a process writes; a verdict and a message have some hundred.
const MAX_OUTPUT: u64 = 16 << 10;

/// How long between two looks at whether the process has ended: short beside what starting one takes.
const POLL: Duration = Duration::from_millis(2);

/// How long what a process wrote is waited for after its end. Somebody else may hold the other end of the pipe.
const DRAIN: Duration = Duration::from_millis(500);

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By itself, with this code.
    Exited(i32),
    /// By this signal.
    Killed(i32),
    /// Not in time; it was killed.
    TimedOut,
}

/// How a process ended, and the beginnings of what it wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub end: End,
    /// Its output.
    pub output: Vec<u8>,
    /// Its errors.
    pub errors: Vec<u8>,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Exited(code) => write!(f, "failed with exit code {code}"),
            End::Killed(signal) => write!(f, "was killed by {}", signal_name(*signal)),
            End::TimedOut => f.write_str("did not end in time and was killed"),
        }
    }
}

/// The number of a signal, and what it most likely means.
pub fn signal_name(signal: i32) -> String {
    let known = [
        (4, "illegal instruction"),
        (6, "aborted"),
        (7, "bus error"),
        (8, "arithmetic error"),
        (9, "killed"),
        (11, "segmentation fault"),
        (13, "wrote more than is read"),
        (24, "out of processor time"),
        (31, "forbidden system call"),
    ];
    let known = known.iter().find(|(number, _)| *number == signal);
    known.map_or_else(|| format!("signal {signal}"), |(_, name)| format!("signal {signal} ({name})"))
}

/// Runs a command, which has its input already, for at most `time`. What it started in its own process group ends with
/// it.
///
/// # Errors
/// It cannot be started.
pub fn run(command: &mut Command, time: Duration) -> io::Result<Ended> {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn()?;
    let (output, errors) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(io::ErrorKind::InvalidData)?;
    // Looked at without taking the process away: as long as it is there, nobody else has the number of its group.
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let mut in_time = true;
    while in_time && waitid(WaitId::Pid(group), look)?.is_none() {
        std::thread::sleep(POLL);
        in_time = started.elapsed() < time;
    }
    // Some systems refuse when nobody but the ended process is left in the group.
    let _ = kill_process_group(group, Signal::KILL);
    let status = child.wait()?;
    let end = if in_time { end_of(status) } else { End::TimedOut };
    Ok(Ended { end, output: drained(&output), errors: drained(&errors) })
}

/// How a process ended that nobody had to end.
pub fn end_of(status: ExitStatus) -> End {
    match status.code() {
        Some(code) => End::Exited(code),
        None => End::Killed(status.signal().unwrap_or_default()),
    }
}

/// What [`drain`] has read of the pipe of a process that has ended.
pub fn drained(pipe: &Receiver<Vec<u8>>) -> Vec<u8> {
    pipe.recv_timeout(DRAIN).unwrap_or_default()
}

/// The first line of what a process said last, made printable, after a colon; nothing if it said nothing.
pub fn last_words(errors: &[u8]) -> String {
    let errors = String::from_utf8_lossy(errors);
    errors.lines().next().map_or_else(String::new, |line| format!(": {}", escape::path(line)))
}

/// Reads a pipe to its end in the background, as far as it counts. A process that writes more finds the pipe closed.
pub fn drain(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    if let Some(pipe) = pipe {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = pipe.take(MAX_OUTPUT).read_to_end(&mut bytes);
            // Whoever waited may have given up.
            let _ = sender.send(bytes);
        });
    }
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, time: Duration) -> Ended {
        run(Command::new("/bin/sh").args(["-c", script]).stdin(Stdio::null()), time).unwrap()
    }

    const SOON: Duration = Duration::from_millis(300);
    const LATE: Duration = Duration::from_secs(30);

    #[test]
    fn every_end_has_its_name() {
        for (script, time, end) in [
            ("exit 0", LATE, End::Exited(0)),
            ("exit 7", LATE, End::Exited(7)),
            ("kill -SEGV $$", LATE, End::Killed(11)),
            ("kill -KILL $$", LATE, End::Killed(9)),
            ("exec sleep 60", SOON, End::TimedOut),
            ("trap '' TERM INT; while :; do :; done", SOON, End::TimedOut),
            // It writes without end, closes everything, or leaves others behind that hold its pipes.
            ("exec yes", LATE, End::Killed(13)),
            ("exec >&- 2>&-; exec sleep 60", SOON, End::TimedOut),
            ("sleep 60 & exit 3", LATE, End::Exited(3)),
        ] {
            let started = Instant::now();
            let ended = shell(script, time);
            assert_eq!(ended.end, end, "{script}");
            assert!(ended.output.len() as u64 <= MAX_OUTPUT, "{script}");
            assert!(started.elapsed() < LATE / 2, "{script}");
        }
    }

    #[test]
    fn what_it_says_is_kept() {
        let ended = shell("echo good; echo bad >&2", LATE);
        assert_eq!((ended.output.as_slice(), ended.errors.as_slice()), (&b"good\n"[..], &b"bad\n"[..]));
        assert!(run(&mut Command::new("/no/such/program"), LATE).is_err());
    }
}
