//! What a job reads and writes: its inputs by name, its outputs by name, nothing else.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use super::{JobContext, JobError};

/// The text of an input that is a file in UTF-8.
pub(super) fn read_text(context: &JobContext<'_>, input: &str) -> Result<String, JobError> {
    let path = context.inputs.join(input);
    let bytes = std::fs::read(&path)
        .map_err(|source| JobError::Io { path: path.display().to_string(), source })?;
    String::from_utf8(bytes).map_err(|error| unfit(input, &error))
}

/// Writes an output.
pub(super) fn write_text(
    context: &JobContext<'_>,
    output: &str,
    text: &str,
) -> Result<(), JobError> {
    let path = context.outputs.join(output);
    File::create(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(|source| JobError::Io { path: path.display().to_string(), source })
}

/// An input of ours that is not what its job wrote.
pub(super) fn bad_input(input: &str, reason: &impl ToString) -> JobError {
    JobError::BadInput { input: input.to_owned(), reason: reason.to_string() }
}

/// An input whose bytes are as pinned, and which the experiment asks something of that it does not hold.
pub(super) fn unfit(input: &str, reason: &impl ToString) -> JobError {
    JobError::Unfit(format!("input `{input}`: {}", reason.to_string()))
}

/// The bytes of an input, or of a file in an input that is a tree.
pub(super) fn read_bytes(context: &JobContext<'_>, input: &str) -> Result<Vec<u8>, JobError> {
    let path = context.inputs.join(input);
    std::fs::read(&path).map_err(|source| JobError::Io { path: path.display().to_string(), source })
}

/// Writes an output.
pub(super) fn write_bytes(
    context: &JobContext<'_>,
    output: &str,
    bytes: &[u8],
) -> Result<(), JobError> {
    write_atomic(&context.outputs.join(output), bytes)
}

/// Writes a whole file or none: a neighbour is written, flushed to the disk and renamed.
pub(super) fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), JobError> {
    let neighbour = path.with_extension("partial");
    let directory = path.parent().unwrap_or(Path::new("."));
    File::create(&neighbour)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&neighbour, path))
        .and_then(|()| File::open(directory)?.sync_all())
        .map_err(|source| JobError::Io { path: path.display().to_string(), source })
}
