//! Watching a process that tries inputs: it may die, hang or grow, and the run goes on with the next input.
//!
//! The process prints the number of an input, in a line of its own, before it tries it, and `!` and the number if that
//! failed.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What the process may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long one input may take.
    pub hang: Duration,
    /// How long the whole run takes at most.
    pub time: Duration,
    /// How many inputs are tried at most.
    pub inputs: u64,
    /// After so many failures the run ends.
    pub failures: usize,
}

/// Something that happened to an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It failed: a panic.
    Failed(u64),
    /// It took too long.
    Hung(u64),
    /// The process died of it: of a stack that was too small, or memory that was too much.
    Died(u64, String),
}

impl Event {
    /// The number of the input.
    pub fn index(&self) -> u64 {
        match self {
            Event::Failed(index) | Event::Hung(index) | Event::Died(index, _) => *index,
        }
    }
}

/// A run.
#[derive(Debug)]
pub struct Watch<C> {
    /// Makes the process that tries inputs from this number on.
    pub command: C,
    /// What it may take.
    pub limits: Limits,
}

impl<C: FnMut(u64) -> Command> Watch<C> {
    /// Tries inputs from number `first` on until a limit is met. Gives what happened, and the number after the last
    /// input.
    ///
    /// # Errors
    /// The process cannot be started, or ends before it tries anything.
    pub fn run(&mut self, first: u64) -> std::io::Result<(Vec<Event>, u64)> {
        let end = Instant::now() + self.limits.time;
        let last = first.saturating_add(self.limits.inputs);
        let mut events = Vec::new();
        let mut next = first;
        while next < last && Instant::now() < end && events.len() < self.limits.failures {
            let mut child = (self.command)(next).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
            let lines = lines(&mut child);
            let before = next;
            self.follow(&lines, end, last, &mut next, &mut events);
            // It may have ended by itself; then there is nothing to end.
            let _ = child.kill();
            let status = child.wait()?;
            if next == before {
                return Err(std::io::Error::other(format!("the process ended at once: {status}")));
            }
            if let Some(Event::Died(_, how)) = events.last_mut()
                && how.is_empty()
            {
                *how = status.to_string();
            }
        }
        Ok((events, next))
    }

    /// Reads what the process says until it is to end. `next` becomes the number after the last input that was begun.
    fn follow(
        &self,
        lines: &Receiver<String>,
        end: Instant,
        last: u64,
        next: &mut u64,
        events: &mut Vec<Event>,
    ) {
        let mut current = None;
        loop {
            let line = match lines.recv_timeout(self.limits.hang) {
                Ok(line) => line,
                Err(error) => {
                    if let Some(index) = current {
                        events.push(match error {
                            RecvTimeoutError::Timeout => Event::Hung(index),
                            RecvTimeoutError::Disconnected => Event::Died(index, String::new()),
                        });
                    }
                    return;
                }
            };
            if let Some(index) = line.strip_prefix('!').and_then(|index| index.parse().ok()) {
                events.push(Event::Failed(index));
                if events.len() >= self.limits.failures {
                    return;
                }
            } else if let Ok(index) = line.parse::<u64>() {
                // The input before this one is through, so here is a place to stop.
                *next = index;
                if index >= last || Instant::now() >= end {
                    return;
                }
                current = Some(index);
                *next = index + 1;
            }
        }
    }
}

/// The lines that the process prints.
fn lines(child: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    if let Some(out) = child.stdout.take() {
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                // When nobody listens any more, the process is about to be ended.
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
    }
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(script: &'static str, inputs: u64) -> (Vec<Event>, u64) {
        let command = |from: u64| {
            let mut command = Command::new("sh");
            command.args(["-c", script, "sh", &from.to_string()]);
            command
        };
        let limits =
            Limits { hang: Duration::from_secs(2), time: Duration::from_secs(60), inputs, failures: 5 };
        Watch { command, limits }.run(0).unwrap()
    }

    #[test]
    fn good_inputs_are_counted() {
        let (events, next) = watched("i=$1; while :; do echo $i; i=$((i+1)); done", 100);
        assert_eq!((events, next), (vec![], 100));
    }

    #[test]
    fn failures_deaths_and_hangs_are_told_apart_and_survived() {
        let script = "i=$1; while :; do echo $i; case $i in 3) echo '!3';; 5) kill -ABRT $$;; 7) exec sleep 100;; esac; \
            i=$((i+1)); done";
        let (events, next) = watched(script, 20);
        assert_eq!(events.iter().map(Event::index).collect::<Vec<_>>(), [3, 5, 7]);
        assert!(
            matches!(&events[..], [Event::Failed(_), Event::Died(_, how), Event::Hung(_)] if how.contains("signal"))
        );
        assert_eq!(next, 20);
    }

    #[test]
    fn a_process_that_does_nothing_is_an_error() {
        let command = |_| Command::new("true");
        let limits =
            Limits { hang: Duration::from_secs(2), time: Duration::from_secs(60), inputs: 3, failures: 5 };
        assert!(Watch { command, limits }.run(0).is_err());
    }
}
