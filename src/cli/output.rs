//! The only writer to standard output and standard error.

use std::io::{self, Write};

use serde::Serialize;

/// Data goes to standard output, talk to standard error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// Print JSON values instead of text.
    pub(super) json: bool,
    /// Colour and moving progress on standard error.
    pub(super) fancy: bool,
}

/// The reader of standard output went away: nothing more to say, and nothing is wrong.
#[derive(Debug)]
pub(super) struct Closed;

impl Output {
    /// Prints a line of data as text; nothing with `--json`.
    pub(super) fn line(self, text: impl std::fmt::Display) -> Result<(), Closed> {
        if self.json { Ok(()) } else { write_out(format!("{text}\n").as_bytes()) }
    }

    /// Prints a value as one line of JSON; nothing without `--json`.
    pub(super) fn value(self, value: &impl Serialize) -> Result<(), Closed> {
        if !self.json {
            return Ok(());
        }
        let mut bytes = serde_json::to_vec(value).expect("what is printed is plain data");
        bytes.push(b'\n');
        write_out(&bytes)
    }

    /// Prints bytes as they are.
    #[allow(clippy::unused_self, reason = "all output goes through this type")]
    pub(super) fn bytes(self, bytes: &[u8]) -> Result<(), Closed> {
        write_out(bytes)
    }

    /// Says something to the person at the terminal.
    #[allow(clippy::unused_self, reason = "all output goes through this type")]
    pub(super) fn say(self, text: impl std::fmt::Display) {
        let _ignored = writeln!(io::stderr().lock(), "{text}");
    }

    /// Puts a question to the person at the terminal; the answer goes on the same line.
    #[allow(clippy::unused_self, reason = "all output goes through this type")]
    pub(super) fn ask(self, question: &str) {
        let mut stream = io::stderr().lock();
        let _ignored = write!(stream, "{question}").and_then(|()| stream.flush());
    }

    /// Replaces the last line of a terminal; does nothing elsewhere.
    pub(super) fn moving(self, text: &str) {
        if self.fancy {
            let mut stream = io::stderr().lock();
            let _ignored = write!(stream, "\r\x1b[2K{text}").and_then(|()| stream.flush());
        }
    }
}

fn write_out(bytes: &[u8]) -> Result<(), Closed> {
    let mut stream = io::stdout().lock();
    stream.write_all(bytes).and_then(|()| stream.flush()).map_err(|_| Closed)
}
