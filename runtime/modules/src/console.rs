//! The `console` module: messages of rules, collected for the caller.

use std::cell::RefCell;
use std::fmt::Display;

use crate::limits::MAX_CONSOLE_BYTES;
use crate::value::{Answer, Arg, Scalar};

/// What rules wrote while one file was scanned.
#[derive(Default)]
pub(crate) struct Console {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    messages: Vec<String>,
    bytes: usize,
    full: bool,
}

/// How much was written up to some moment; by default nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mark {
    messages: usize,
    bytes: usize,
    full: bool,
}

impl Console {
    /// Calls `console.<name>`; the answer is `true` for every message, written or not.
    pub(crate) fn call(&self, name: &str, args: &[Arg<'_>], data: &[u8]) -> Answer<'static> {
        let (prefix, args) = match args {
            [Arg::Str(prefix), rest @ ..] if !rest.is_empty() => (String::from_utf8_lossy(prefix), rest),
            _ => (Default::default(), args),
        };
        match (name, args) {
            ("log", [Arg::Str(s)]) => self.write(&prefix, String::from_utf8_lossy(s)),
            ("log", [Arg::Int(offset), Arg::Int(length)]) => {
                // A range outside of the file writes nothing.
                if let Some(bytes) = excerpt(data, *offset, *length) {
                    self.write(&prefix, printable(bytes));
                }
            }
            ("log", [Arg::Bool(b)]) => self.write(&prefix, b),
            ("log", [Arg::Int(i)]) => self.write(&prefix, i),
            ("log", [Arg::Float(f)]) => self.write(&prefix, f),
            ("hex", [Arg::Int(i)]) => self.write(&prefix, format_args!("0x{i:x}")),
            _ => return None,
        }
        Some(Scalar::Bool(true))
    }

    /// The messages so far; the next ones start anew.
    pub(crate) fn take(&self) -> Vec<String> {
        self.state.take().messages
    }

    /// How much was written so far.
    pub(crate) fn mark(&self) -> Mark {
        let state = self.state.borrow();
        Mark { messages: state.messages.len(), bytes: state.bytes, full: state.full }
    }

    /// Forgets what was written since the mark.
    pub(crate) fn rewind(&self, mark: Mark) {
        let mut state = self.state.borrow_mut();
        state.messages.truncate(mark.messages);
        (state.bytes, state.full) = (mark.bytes, mark.full);
    }

    fn write(&self, prefix: &str, what: impl Display) {
        let mut state = self.state.borrow_mut();
        if state.full {
            return;
        }
        let message = format!("{prefix}{what}");
        state.bytes = state.bytes.saturating_add(message.len());
        if state.bytes > MAX_CONSOLE_BYTES {
            state.full = true;
            state
                .messages
                .push(format!("(more than {MAX_CONSOLE_BYTES} bytes of messages: the rest is dropped)"));
        } else {
            state.messages.push(message);
        }
    }
}

/// The range asked for, cut where even its unescaped bytes would not fit any more.
fn excerpt(data: &[u8], offset: i64, length: i64) -> Option<&[u8]> {
    let start = usize::try_from(offset).ok()?;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    let bytes = data.get(start..end)?;
    Some(bytes.get(..MAX_CONSOLE_BYTES.saturating_add(1)).unwrap_or(bytes))
}

fn printable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|c: char| c.is_control() || c == '\\' || c == '"') => text.to_owned(),
        _ => bytes.escape_ascii().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUE: Answer<'_> = Some(Scalar::Bool(true));

    #[test]
    fn every_overload_writes_what_the_peer_writes() {
        let console = Console::default();
        let data = b"\x00\x11ABC";
        let log = |args: &[Arg<'_>]| assert_eq!(console.call("log", args, data), TRUE);
        log(&[Arg::Str(b"foo")]);
        log(&[Arg::Str(b"bar: "), Arg::Int(1)]);
        log(&[Arg::Str(b"baz: "), Arg::Float(3.5)]);
        log(&[Arg::Bool(true)]);
        log(&[Arg::Str(b"bool: "), Arg::Bool(false)]);
        log(&[Arg::Str(b"hello "), Arg::Str(b"world\xff")]);
        log(&[Arg::Int(0), Arg::Int(4)]);
        log(&[Arg::Str(b"tail: "), Arg::Int(2), Arg::Int(3)]);
        log(&[Arg::Int(2), Arg::Int(4)]);
        log(&[Arg::Int(-1), Arg::Int(1)]);
        assert_eq!(console.call("hex", &[Arg::Str(b"qux: "), Arg::Int(255)], data), TRUE);
        assert_eq!(console.call("hex", &[Arg::Int(-1)], data), TRUE);
        assert_eq!(
            console.take(),
            [
                "foo",
                "bar: 1",
                "baz: 3.5",
                "true",
                "bool: false",
                "hello world\u{fffd}",
                r"\x00\x11AB",
                "tail: ABC",
                "qux: 0xff",
                "0xffffffffffffffff"
            ]
        );
        assert!(console.take().is_empty());
    }

    #[test]
    fn messages_are_capped_and_say_so() {
        let console = Console::default();
        let data = vec![b'x'; MAX_CONSOLE_BYTES];
        let all = [Arg::Int(0), Arg::Int(i64::try_from(data.len()).unwrap())];
        for _ in 0..3 {
            assert_eq!(console.call("log", &all, &data), TRUE);
        }
        let messages = console.take();
        assert_eq!(messages.len(), 2);
        assert!(messages[1].contains("dropped"));
        assert_eq!(console.call("log", &[Arg::Int(1)], &data), TRUE);
        assert_eq!(console.take(), ["1"]);
    }
}
