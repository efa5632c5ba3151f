//! What is said between the process that scans a tree and a worker, over a Unix socket. Input and output: jobs, each with
//! an open descriptor, and answers, each with its length before it.
//!
//! A worker may have been taken over by a file it scanned, so its words are read up to a length and up to a time.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::cmsg_space;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// Most descriptors that come with one message.
const MAX_DESCRIPTORS: usize = 2;

/// How often whoever waits for an answer looks at whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// How much is taken of an answer in one go.
const CHUNK: usize = 64 << 10;

/// A job as it is sent: how long it may take, in microseconds.
const JOB: usize = 8;

/// The parent's end.
#[derive(Debug)]
pub struct Channel {
    socket: UnixStream,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Silence {
    /// The worker is gone, in most cases.
    Closed,
    /// The time is over.
    Late,
    /// Nobody wants it any more.
    Unwanted,
    /// It is longer than it may be.
    TooLong,
}

impl Channel {
    /// The parent's end, and the worker's, for its standard input.
    ///
    /// # Errors
    /// The system has no more sockets.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let (socket, worker) = UnixStream::pair()?;
        socket.set_read_timeout(Some(LOOK))?;
        socket.set_write_timeout(Some(LOOK))?;
        Ok((Channel { socket }, worker.into()))
    }

    /// Sends a job with descriptors; `time` is how long it may take.
    ///
    /// # Errors
    /// The worker is gone, or takes nothing.
    pub fn send(&self, time: Option<Duration>, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let micros = time.map_or(u64::MAX, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let bytes = micros.to_le_bytes();
        let sent = sendmsg(&self.socket, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::empty())?;
        if sent == JOB { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
    }

    /// Waits for an answer of at most `most` bytes.
    ///
    /// # Errors
    /// There is none.
    pub fn receive(
        &mut self,
        most: usize,
        until: Option<Instant>,
        unwanted: impl Fn() -> bool,
    ) -> Result<Vec<u8>, Silence> {
        let mut header = [0; 4];
        let mut bytes = self.read(header.len(), until, &unwanted)?;
        header.copy_from_slice(&bytes);
        let length = u32::from_le_bytes(header) as usize;
        if length > most {
            return Err(Silence::TooLong);
        }
        bytes = self.read(length, until, &unwanted)?;
        Ok(bytes)
    }

    /// Reads so many bytes. Memory is taken as they come, whatever length was announced.
    fn read(
        &mut self,
        length: usize,
        until: Option<Instant>,
        unwanted: &impl Fn() -> bool,
    ) -> Result<Vec<u8>, Silence> {
        let mut bytes = Vec::new();
        while bytes.len() < length {
            let before = bytes.len();
            bytes.resize(length.min(before + CHUNK), 0);
            let read = self.socket.read(bytes.get_mut(before..).unwrap_or_default());
            bytes.truncate(before + read.as_ref().map_or(0, |&read| read));
            match read {
                Ok(0) => return Err(Silence::Closed),
                Ok(_) => {}
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => {}
                    _ => return Err(Silence::Closed),
                },
            }
            if unwanted() {
                return Err(Silence::Unwanted);
            }
            if until.is_some_and(|until| Instant::now() >= until) {
                return Err(Silence::Late);
            }
        }
        Ok(bytes)
    }
}

/// A worker's end: its standard input.
#[derive(Debug)]
pub struct Parent {
    input: io::Stdin,
}

/// What a worker is asked to do.
#[derive(Debug)]
pub struct Job {
    /// How long it may take.
    pub time: Option<Duration>,
    /// The descriptors that came along.
    pub files: Vec<File>,
}

impl Parent {
    /// There is one.
    pub fn new() -> Self {
        Parent { input: io::stdin() }
    }

    /// Waits for the next job; `None` when there will be none.
    ///
    /// # Errors
    /// What came is none.
    pub fn next(&self) -> io::Result<Option<Job>> {
        let mut bytes = [0; JOB];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        // Nobody executes anything here, so nobody inherits what comes.
        let flags = RecvFlags::WAITALL;
        let received = loop {
            let mut slices = [IoSliceMut::new(&mut bytes)];
            match recvmsg(self.input.as_fd(), &mut slices, &mut ancillary, flags) {
                Err(rustix::io::Errno::INTR) => {}
                received => break received?,
            }
        };
        if received.bytes == 0 {
            return Ok(None);
        }
        if received.bytes != JOB || received.flags.contains(ReturnFlags::CTRUNC) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a job without its file"));
        }
        let mut files = Vec::new();
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                files.extend(descriptors.map(File::from));
            }
        }
        let micros = u64::from_le_bytes(bytes);
        Ok(Some(Job { time: (micros != u64::MAX).then(|| Duration::from_micros(micros)), files }))
    }

    /// Sends an answer.
    ///
    /// # Errors
    /// The parent is gone, or the answer is longer than any can be.
    pub fn answer(&self, answer: &[u8]) -> io::Result<()> {
        let length = u32::try_from(answer.len()).map_err(io::Error::other)?;
        // With the beginning, which most often is all, in one call.
        let (start, rest) = answer.split_at(answer.len().min(CHUNK));
        self.write(&[&length.to_le_bytes(), start].concat())?;
        self.write(rest)
    }

    fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(self.input.as_fd(), bytes) {
                Err(rustix::io::Errno::INTR) => {}
                written => bytes = bytes.get(written?..).unwrap_or_default(),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::thread;

    use super::*;

    /// What is received of a worker that writes so and goes.
    fn received(most: usize, write: impl FnOnce(&mut UnixStream) + Send) -> Result<Vec<u8>, Silence> {
        let (mut channel, worker) = Channel::pair().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| write(&mut UnixStream::from(worker)));
            channel.receive(most, Some(Instant::now() + Duration::from_millis(400)), || false)
        })
    }

    fn length(length: u32) -> [u8; 4] {
        length.to_le_bytes()
    }

    #[test]
    fn an_answer_is_whole_or_none() {
        let whole = received(5, |worker| worker.write_all(&[&length(5)[..], b"words"].concat()).unwrap());
        assert_eq!(whole.unwrap(), b"words");
        let halves = received(5, |worker| {
            for byte in [&length(5)[..], b"words"].concat() {
                worker.write_all(&[byte]).unwrap();
                thread::sleep(Duration::from_millis(5));
            }
        });
        assert_eq!(halves.unwrap(), b"words");
        assert_eq!(received(5, |worker| worker.write_all(&length(0)).unwrap()).unwrap(), b"");
        for part in [&b""[..], &length(5)[..2], &length(5), &[&length(5)[..], b"wor"].concat()] {
            let gone = received(5, |worker| worker.write_all(part).unwrap());
            assert!(matches!(gone, Err(Silence::Closed)), "{gone:?}");
        }
    }

    #[test]
    fn an_answer_has_a_longest_length_and_a_latest_time() {
        let long = received(5, |worker| worker.write_all(&length(6)).unwrap());
        assert!(matches!(long, Err(Silence::TooLong)), "{long:?}");
        let longest = received(5, |worker| worker.write_all(&length(u32::MAX)).unwrap());
        assert!(matches!(longest, Err(Silence::TooLong)), "{longest:?}");
        // It says nothing, or a byte from time to time, for ever.
        let mute = received(5, |_| thread::sleep(Duration::from_secs(1)));
        assert!(matches!(mute, Err(Silence::Closed | Silence::Late)), "{mute:?}");
        let slow = received(1000, |worker| {
            let _ = worker.write_all(&length(1000));
            for _ in 0..20 {
                let _ = worker.write_all(b"x");
                thread::sleep(Duration::from_millis(40));
            }
        });
        assert!(matches!(slow, Err(Silence::Late)), "{slow:?}");
    }

    #[test]
    fn nobody_waits_for_what_is_not_wanted() {
        let (mut channel, _worker) = Channel::pair().unwrap();
        let started = Instant::now();
        let unwanted = channel.receive(5, None, || started.elapsed() > Duration::from_millis(100));
        assert!(matches!(unwanted, Err(Silence::Unwanted)), "{unwanted:?}");
    }

    #[test]
    fn a_worker_that_takes_nothing_is_noticed() {
        let (channel, worker) = Channel::pair().unwrap();
        let file = File::open("/dev/null").unwrap();
        let sent = (0..1_000_000).position(|_| channel.send(None, &[file.as_fd()]).is_err());
        assert!(sent.is_some());
        drop(worker);
        assert!(channel.send(None, &[file.as_fd()]).is_err());
    }
}
