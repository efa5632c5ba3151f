//! A process that scans files, as the one that starts it sees it. Input: a command of this program, an image and a setup in
//! memory files, then files, one at a time. Output: an answer to each, or how the worker ended instead.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::channel::{Channel, Silence};
use super::supervise::{drain, drained, end_of, last_words};
use super::trial::this_program;

/// The command that a worker is started with; see `commands/scan_worker.rs`.
pub const WORKER_COMMAND: &str = "scan-worker";

/// How long a worker is waited for until it has its database.
const START: Duration = Duration::from_secs(60);

/// Longest first words of a worker, which say that it is confined or why not.
const MAX_HELLO: usize = 16 << 10;

/// How long a worker that closed its socket may take to end.
const LAST_BREATH: Duration = Duration::from_secs(2);

/// A worker. It is killed when this is dropped.
#[derive(Debug)]
pub struct WorkerProcess {
    child: Child,
    group: Option<Pid>,
    channel: Channel,
    errors: Receiver<Vec<u8>>,
}

/// Why there is no answer, after which the worker is of no use any more.
#[derive(Debug, PartialEq, Eq)]
pub enum Failure {
    /// It ended: what happened, as the rest of a sentence about it.
    Ended(String),
    /// It took too long.
    Late,
    /// The answer is not wanted any more.
    Unwanted,
}

impl WorkerProcess {
    /// Starts one; [`WorkerProcess::ready`] says whether it is.
    ///
    /// # Errors
    /// The system has no room for another process.
    pub fn start(image: &File, setup: &File) -> io::Result<Self> {
        let (channel, input) = Channel::pair()?;
        let mut command = Command::new(this_program()?);
        // A group of its own: a key that interrupts the parent is not for it.
        command.arg(WORKER_COMMAND).env_clear().current_dir("/").process_group(0);
        command.stdin(Stdio::from(input)).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // Keeps the socket's other end, which it must not, or the death of the worker would not be seen.
        drop(command);
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let errors = drain(child.stderr.take());
        // That it is gone already is seen when its first words are waited for.
        let _ = channel.send(None, &[image.as_fd(), setup.as_fd()]);
        Ok(WorkerProcess { child, group, channel, errors })
    }

    /// Waits until it has its database and has given up its rights, and gives its words.
    ///
    /// # Errors
    /// It did not get so far.
    pub fn ready(&mut self, unwanted: impl Fn() -> bool) -> Result<Vec<u8>, Failure> {
        let until = Instant::now().checked_add(START);
        let answer = self.channel.receive(MAX_HELLO, until, unwanted);
        answer.map_err(|silence| self.failed(&silence))
    }

    /// Gives it a file, and waits for the answer, which has at most `most` bytes. `time` is how long the scan may take,
    /// `until` when the worker is given up.
    ///
    /// # Errors
    /// There is no answer.
    pub fn ask(
        &mut self,
        file: &File,
        time: Option<Duration>,
        until: Option<Instant>,
        most: usize,
        unwanted: impl Fn() -> bool,
    ) -> Result<Vec<u8>, Failure> {
        let sent = self.channel.send(time, &[file.as_fd()]).map_err(|_| Silence::Closed);
        let answer = sent.and_then(|()| self.channel.receive(most, until, unwanted));
        answer.map_err(|silence| self.failed(&silence))
    }

    fn failed(&mut self, silence: &Silence) -> Failure {
        match silence {
            Silence::Closed => Failure::Ended(self.end()),
            Silence::Late => Failure::Late,
            Silence::Unwanted => Failure::Unwanted,
            Silence::TooLong => Failure::Ended("gave an answer that is longer than any can be".to_owned()),
        }
    }

    /// How it ended, after it closed its socket.
    fn end(&mut self) -> String {
        let until = Instant::now() + LAST_BREATH;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    break format!("{}{}", end_of(status), last_words(&drained(&self.errors)));
                }
                Err(error) => break format!("is gone: {error}"),
                Ok(None) if Instant::now() >= until => break "closed its socket".to_owned(),
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        // Until it is waited for nobody else has its number. One that was waited for already has no group any more.
        if let (Ok(None), Some(group)) = (self.child.try_wait(), self.group) {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
