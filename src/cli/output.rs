//! The only writer to standard output and standard error.

use std::io::{self, ErrorKind, Write};
use std::sync::Mutex;

use serde::Serialize;

/// Data goes to standard output, talk to standard error.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    /// Print JSON values instead of text.
    pub(super) json: bool,
    /// Colour and moving progress on standard error.
    pub(super) fancy: bool,
    /// The exit code is a verdict: the command goes on to it though nothing can be said on standard output.
    pub(super) judges: bool,
}

/// Standard output takes no more: what a command prints stops here, and so does a command that only prints.
#[derive(Debug)]
pub(super) struct Closed;

/// The first thing that went wrong with standard output.
static UNWRITTEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// Why something is missing on standard output. A reader that went away wanted no more, so that is no reason.
pub(super) fn unwritten() -> Option<io::Error> {
    let first = UNWRITTEN.lock().ok()?.take();
    first.filter(|error| error.kind() != ErrorKind::BrokenPipe)
}

impl Output {
    /// Prints data as text on one line, whatever is in it: nobody else's text makes a line that says more than its own.
    /// Nothing with `--json`.
    pub(super) fn line(self, text: impl std::fmt::Display) -> Result<(), Closed> {
        self.text(&text.to_string(), false)
    }

    /// Prints data that is meant to have several lines; nothing with `--json`.
    pub(super) fn lines(self, text: impl std::fmt::Display) -> Result<(), Closed> {
        self.text(&text.to_string(), true)
    }

    fn text(self, text: &str, lines: bool) -> Result<(), Closed> {
        if self.json {
            return Ok(());
        }
        self.write_out(format!("{}\n", printable(text, lines)).as_bytes())
    }

    /// Prints a value as one line of JSON; nothing without `--json`.
    pub(super) fn value(self, value: &impl Serialize) -> Result<(), Closed> {
        if !self.json {
            return Ok(());
        }
        // A path that is not Unicode has no form in JSON.
        let mut bytes = match serde_json::to_vec(value) {
            Ok(bytes) => bytes,
            Err(error) => return self.failed(error.into()),
        };
        bytes.push(b'\n');
        self.write_out(&bytes)
    }

    /// Prints bytes as they are.
    pub(super) fn bytes(self, bytes: &[u8]) -> Result<(), Closed> {
        self.write_out(bytes)
    }

    /// What writes bytes as they are, piece by piece.
    pub(super) fn writer(self) -> Pieces {
        Pieces { output: self, is_closed: false }
    }

    /// Says something to the person at the terminal.
    #[allow(clippy::unused_self, reason = "all output goes through this type")]
    pub(super) fn say(self, text: impl std::fmt::Display) {
        let text = printable(&text.to_string(), true);
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
            let text = printable(text, false);
            let _ignored = write!(stream, "\r\x1b[2K{text}").and_then(|()| stream.flush());
        }
    }

    fn write_out(self, bytes: &[u8]) -> Result<(), Closed> {
        let mut stream = io::stdout().lock();
        stream.write_all(bytes).and_then(|()| stream.flush()).or_else(|error| self.failed(error))
    }

    fn failed(self, error: io::Error) -> Result<(), Closed> {
        if let Ok(mut first) = UNWRITTEN.lock() {
            first.get_or_insert(error);
        }
        if self.judges { Ok(()) } else { Err(Closed) }
    }
}

/// Bytes on their way to standard output.
#[derive(Debug)]
pub(super) struct Pieces {
    output: Output,
    is_closed: bool,
}

impl Pieces {
    /// Whether standard output took all of them.
    pub(super) fn closed(&self) -> Result<(), Closed> {
        if self.is_closed { Err(Closed) } else { Ok(()) }
    }
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.output.write_out(bytes).is_ok() {
            return Ok(bytes.len());
        }
        self.is_closed = true;
        Err(ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A text without what a terminal would obey: whoever wrote an experiment, a lockfile or a name of a file decides what
/// is said, and not how. Characters that control, or turn the direction of what follows, become blanks; line feeds too
/// unless `lines`.
pub(super) fn printable(text: &str, lines: bool) -> String {
    let obeyed = |c: char| {
        let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        turns || c.is_control() && !(lines && matches!(c, '\n' | '\t'))
    };
    text.chars().map(|c| if obeyed(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_that_is_printed() {
        let text = "\r\x1b[2Kmet\u{9b}8m\u{202e}\n\tñ 図";
        assert_eq!(printable(text, true), "  [2Kmet 8m \n\tñ 図");
        assert_eq!(printable(text, false), "  [2Kmet 8m   ñ 図");
    }
}
