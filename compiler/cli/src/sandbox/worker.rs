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
        let mut command = Command::new(this_program()?);
        command.arg(WORKER_COMMAND).env_clear();
        Self::run(command, image, setup)
    }

    fn run(mut command: Command, image: &File, setup: &File) -> io::Result<Self> {
        let (channel, input) = Channel::pair()?;
        // A group of its own: a key that interrupts the parent is not for it.
        command.current_dir("/").process_group(0);
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

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::sandbox::Parent;

    /// How the process that [`hostile`] starts behaves.
    const ACT: &str = "HALLMARK_TEST_WORKER";

    const MOST: usize = 100;

    /// Not a worker, but something in the place of one.
    fn hostile(act: &str) -> WorkerProcess {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["sandbox::worker::tests::acts", "--exact", "--nocapture"]).env_clear().env(ACT, act);
        let null = File::open("/dev/null").unwrap();
        WorkerProcess::run(command, &null, &null).unwrap()
    }

    /// Nothing, unless it was started by [`hostile`].
    #[test]
    fn acts() {
        let Ok(act) = std::env::var(ACT) else { return };
        let parent = Parent::new();
        assert_eq!(parent.next().unwrap().unwrap().files.len(), 2);
        parent.answer(b"hello").unwrap();
        let job = parent.next().unwrap().unwrap();
        assert_eq!(job.files.len(), 1);
        let raw = |bytes: &[u8]| {
            let written = rustix::io::write(io::stdin(), bytes);
            assert_eq!(written.unwrap(), bytes.len());
        };
        match act.as_str() {
            "good" => parent.answer(b"good").unwrap(),
            "long" => parent.answer(&[b'x'; MOST + 1]).unwrap(),
            "half" => raw(&[&100u32.to_le_bytes()[..], b"half"].concat()),
            "noise" => raw(&[0xFF; 64]),
            "words" => {
                io::stderr().write_all(b"a\x1B[31m\nb").unwrap();
                std::process::exit(3);
            }
            "flood" => while io::stderr().write_all(&[b'x'; 4096]).is_ok() {},
            "abort" => std::process::abort(),
            "close" => {
                rustix::net::shutdown(io::stdin(), rustix::net::Shutdown::Both).unwrap();
                std::thread::sleep(Duration::from_secs(60));
            }
            "hang" => std::thread::sleep(Duration::from_secs(60)),
            _ => panic!("{act}"),
        }
        std::process::exit(0);
    }

    #[test]
    fn whatever_a_worker_does_there_is_an_end() {
        let ended = |how: &str| Err(Failure::Ended(how.to_owned()));
        for (act, expected) in [
            ("good", Ok(b"good".to_vec())),
            ("long", ended("gave an answer that is longer than any can be")),
            ("half", ended("failed with exit code 0")),
            ("noise", ended("gave an answer that is longer than any can be")),
            ("words", ended("failed with exit code 3: a\\x1B[31m")),
            ("abort", ended("was killed by signal 6 (aborted)")),
            ("close", ended("closed its socket")),
            ("hang", Err(Failure::Late)),
        ] {
            let started = Instant::now();
            let mut worker = hostile(act);
            assert_eq!(worker.ready(|| false).unwrap(), b"hello", "{act}");
            let late = Duration::from_secs(if act == "hang" { 1 } else { 30 });
            let file = File::open("/dev/null").unwrap();
            let answer = worker.ask(&file, None, Some(Instant::now() + late), MOST, || false);
            assert_eq!(answer, expected, "{act}");
            drop(worker);
            assert!(started.elapsed() < Duration::from_secs(20), "{act}");
        }
        let mut worker = hostile("flood");
        worker.ready(|| false).unwrap();
        let answer = worker.ask(&File::open("/dev/null").unwrap(), None, None, MOST, || false);
        // It ends as its errors are not read for ever.
        assert!(matches!(answer, Err(Failure::Ended(how)) if how.len() < 20 << 10));
    }
}
