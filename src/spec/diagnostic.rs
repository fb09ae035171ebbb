//! What is said to the author of an experiment: every finding with file, line, the types that disagree, and a hint.

use std::fmt;

use dhall::syntax::Span;

/// One thing that is wrong with an experiment's files.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Finding {
    /// What is wrong, on one line.
    pub message: String,
    /// Where in the files, if it is known.
    pub place: Option<Place>,
    /// Where in the value: `runs[3].train.batchSize`.
    pub path: Option<String>,
    /// The type or value that was wanted.
    pub expected: Option<String>,
    /// The type or value that is there.
    pub found: Option<String>,
    /// What to do about it.
    pub hints: Vec<String>,
}

/// A place in a source file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Place {
    /// The file, relative to the import root; out of [`guard`](super::guard), as it opens from the current folder.
    pub file: String,
    /// Counted from 1.
    pub line: u64,
    /// In characters, counted from 1.
    pub column: u64,
    /// The text of the line.
    pub source: String,
    /// How many characters of the line are meant; at least 1.
    pub width: u64,
}

impl Finding {
    /// A finding that has only a message yet.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    pub(super) fn at(mut self, file: &str, span: &Span) -> Self {
        self.place = Place::of_span(file, span);
        self
    }

    pub(super) fn in_file(mut self, file: &str, source: &str, start: usize, end: usize) -> Self {
        self.place = Some(Place::new(file, source, start, end));
        self
    }

    pub(super) fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    pub(super) fn types(mut self, expected: impl Into<String>, found: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self.found = Some(found.into());
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl Place {
    /// The bytes `start..end` of `source`.
    pub(super) fn new(file: &str, source: &str, start: usize, end: usize) -> Self {
        let start = floor(source, start);
        let end = floor(source, end).max(start);
        let line_start = source[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |newline| start + newline);
        let count = |text: &str| text.chars().count() as u64;
        Self {
            file: file.to_owned(),
            line: 1 + source[..start].bytes().filter(|&byte| byte == b'\n').count() as u64,
            column: 1 + count(&source[line_start..start]),
            source: source[line_start..line_end].trim_end_matches('\r').to_owned(),
            width: count(&source[start..end.min(line_end)]).max(1),
        }
    }

    /// The place of an expression; nothing for one that no file spells.
    pub(super) fn of_span(file: &str, span: &Span) -> Option<Self> {
        let parsed = match span {
            Span::Parsed(parsed) => parsed,
            Span::DuplicateRecordFieldsSugar(_, second) => return Self::of_span(file, second),
            _ => return None,
        };
        let source = parsed.to_input();
        let (start, end) = parsed.as_char_range();
        let byte = |index| source.char_indices().nth(index).map_or(source.len(), |(at, _)| at);
        Some(Self::new(file, &source, byte(start), byte(end)))
    }
}

fn floor(source: &str, offset: usize) -> usize {
    let mut offset = offset.min(source.len());
    while !source.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Longer source lines are shown in part.
const LINE_SHOWN_MAX: usize = 100;

/// A text that may quote the experiment's author, who does not decide where lines end.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

impl fmt::Display for Finding {
    /// The message, an excerpt with a mark, both types and the hints, on as many lines as it takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}:{}:{}: ", one_line(&place.file), place.line, place.column)?;
        }
        if let Some(path) = &self.path {
            write!(f, "{}: ", one_line(path))?;
        }
        write!(f, "{}", one_line(&self.message))?;
        if let Some(place) = &self.place {
            place.write_excerpt(f)?;
        }
        if let Some(expected) = &self.expected {
            write!(f, "\n  expected: {expected}")?;
        }
        if let Some(found) = &self.found {
            write!(f, "\n     found: {found}")?;
        }
        self.hints.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

impl Place {
    fn write_excerpt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let skip = usize::try_from(self.column - 1).unwrap_or(0);
        let width = usize::try_from(self.width).unwrap_or(1);
        let characters: Vec<char> =
            self.source.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let first = if skip + 20 > LINE_SHOWN_MAX { skip - 20 } else { 0 };
        let shown: String = characters.iter().skip(first).take(LINE_SHOWN_MAX).collect();
        let marks = width.min(LINE_SHOWN_MAX.saturating_sub(skip - first)).max(1);
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        write!(f, "\n {number} | {}", shown.trim_end())?;
        write!(f, "\n {margin} | {}{}", " ".repeat(skip - first), "^".repeat(marks))
    }
}

/// What can go wrong between an experiment's files and its value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The files are not a valid experiment.
    #[error("{}", joined(.0))]
    Invalid(Vec<Finding>),
    /// A limit of the evaluation was reached.
    #[error("evaluating the experiment took more than {0}")]
    Limit(Limit),
    /// The evaluator broke off.
    #[error("the Dhall evaluator failed on this experiment: {0}")]
    Evaluator(String),
    /// Something other than a limit of ours ended the child process.
    #[error("the Dhall evaluator was killed by signal 9")]
    Killed,
    /// The child process could not be started or spoken to.
    #[error("the Dhall evaluator could not be run")]
    Process(#[from] std::io::Error),
}

/// A bound that an evaluation ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Limit {
    /// Seconds of CPU or wall time.
    Seconds(u64),
    /// Bytes of memory.
    Memory(u64),
    /// Depth of recursion.
    Depth,
    /// Bytes of the result.
    Output(u64),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) => write!(f, "{seconds} s"),
            Self::Memory(bytes) => write!(f, "{} MiB of memory", bytes >> 20),
            Self::Depth => write!(f, "the recursion depth that is allowed"),
            Self::Output(bytes) => write!(f, "{} MiB for its normal form", bytes >> 20),
        }
    }
}

impl Error {
    /// Whether the machine is at fault and not the experiment.
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::Process(_) | Self::Killed)
    }

    /// What to do about it, one hint a line; hints of findings are shown with them.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Invalid(_) => return Vec::new(),
            Self::Limit(Limit::Depth) => {
                "use `List/map` or a list of values in place of a deep `Natural/fold` or a long `else if` chain"
            }
            Self::Limit(_) => {
                "look for `Natural/fold`, `List/fold` or texts that grow in a loop; an experiment is a few thousand values"
            }
            Self::Evaluator(_) => {
                "simplify the expression that was added last; the file stays untouched"
            }
            Self::Process(_) => "check that the program may start a copy of itself",
            Self::Killed => {
                "the memory of this machine may have run out: end other programs, and try again"
            }
        };
        vec![hint.to_owned()]
    }
}

/// How many findings, in words.
pub fn counted(findings: usize) -> String {
    format!("{findings} finding{}", if findings == 1 { "" } else { "s" })
}

fn joined(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

impl From<Finding> for Error {
    fn from(finding: Finding) -> Self {
        Self::Invalid(vec![finding])
    }
}
