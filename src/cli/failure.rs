//! An error as a person reads it: what was wrong with what, why, and a command to run.

use std::error::Error;
use std::process::ExitCode;

use super::output::{Closed, Output};

/// What ends a command early.
#[derive(Debug)]
pub(super) enum Stop {
    /// Something is wrong.
    Failure(Failure),
    /// The command finished and its comparison differs, or a claim is not met: exit 1, everything was said.
    Differs,
    /// A child of another `ibid` ends with this code; its parent was told why.
    Child(u8),
    /// Standard output was closed by its reader.
    Closed,
}

/// An error with its causes and hints.
#[derive(Debug)]
pub(super) struct Failure {
    /// The error and its causes, outermost first.
    pub(super) chain: Vec<String>,
    /// Commands to run or things to change.
    pub(super) hints: Vec<String>,
    /// The exit code.
    pub(super) code: u8,
}

impl Failure {
    /// A mistake in what was typed.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { chain: vec![message.into()], hints: Vec::new(), code: 2 }
    }

    /// An error of the library with its causes.
    pub(super) fn of(error: &dyn Error, code: u8, hints: Vec<String>) -> Self {
        let mut chain = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if chain.last() != Some(&text) {
                chain.push(text);
            }
            cause = error.source();
        }
        Self { chain, hints, code }
    }

    /// Adds a hint.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Says it on standard error, and with `--json` also as a value on standard output.
    pub(super) fn print(&self, output: Output) {
        output.say(format_args!("error: {}", self.chain[0]));
        for cause in &self.chain[1..] {
            output.say(format_args!("  caused by: {cause}"));
        }
        if !self.hints.is_empty() {
            output.say("");
        }
        for hint in &self.hints {
            output.say(format_args!("hint: {hint}"));
        }
        let value =
            serde_json::json!({ "error": self.chain, "hints": self.hints, "exitCode": self.code });
        drop(output.value(&value));
    }
}

impl From<ibid::ops::Error> for Failure {
    fn from(error: ibid::ops::Error) -> Self {
        Self::of(&error, error.kind().exit_code(), error.hints())
    }
}

impl From<ibid::ops::Error> for Stop {
    fn from(error: ibid::ops::Error) -> Self {
        Failure::from(error).into()
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Closed> for Stop {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

impl Stop {
    /// Says what is left to say and gives the exit code.
    pub(super) fn exit_code(self, output: Output) -> ExitCode {
        match self {
            Self::Failure(failure) => {
                failure.print(output);
                ExitCode::from(failure.code)
            }
            Self::Differs => ExitCode::from(1),
            Self::Child(code) => ExitCode::from(code),
            Self::Closed => ExitCode::SUCCESS,
        }
    }
}
