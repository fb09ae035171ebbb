//! One file over HTTP: of a known size, continued where an earlier attempt ended; or of an unknown one.

use std::fs::OpenOptions;
use std::io::{self, Seek as _, SeekFrom};
use std::path::Path;

use super::NetworkError;
use super::client::{Answered, Client, of_io};

/// Brings the file `into` to `bytes` bytes. It keeps what arrived when this fails, for the next attempt.
///
/// Nothing says that both attempts saw the same file: the caller compares the digest of the whole.
pub(super) fn file(
    client: &Client,
    url: &str,
    into: &Path,
    bytes: u64,
) -> Result<(), NetworkError> {
    let mut output = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(into)
        .map_err(|error| ours(into, &error))?;
    let here = output.metadata().map_err(|error| ours(into, &error))?.len();
    let mut from = if here < bytes { here } else { 0 };
    let mut answered = client.get(url, from)?;
    if from > 0 && !continues(&answered, from, bytes) {
        // The whole file again, or a server that knows no ranges: either way from the start.
        if answered.status != 200 {
            answered = client.get(url, 0)?;
        }
        from = 0;
    }
    if answered.status == 416 {
        return Err(NetworkError::Unreachable("the server answers HTTP 416".to_owned()));
    }
    let left = bytes - from;
    if let Some(length) = answered.length
        && length != left
    {
        return Err(NetworkError::OtherSize(from + length));
    }
    output.set_len(from).map_err(|error| ours(into, &error))?;
    output.seek(SeekFrom::Start(from)).map_err(|error| ours(into, &error))?;
    let written = copy(&mut answered.reader(left), &mut output, into)?;
    if written == left {
        Ok(())
    } else {
        Err(NetworkError::Unreachable(format!(
            "the answer breaks off after {} of {bytes} bytes",
            from + written
        )))
    }
}

/// Writes a file of an unknown size, of at most `bytes_max` bytes, to `into`.
pub(super) fn whole(
    client: &Client,
    url: &str,
    into: &Path,
    bytes_max: u64,
) -> Result<(), NetworkError> {
    let mut output = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(into)
        .map_err(|error| ours(into, &error))?;
    let answered = client.get(url, 0)?;
    if answered.status != 200 {
        let status = answered.status;
        return Err(NetworkError::Unreachable(format!("the server answers HTTP {status}")));
    }
    let length = answered.length;
    if length.is_some_and(|length| length > bytes_max) {
        return Err(NetworkError::TooLarge(bytes_max));
    }
    let written = copy(&mut answered.reader(bytes_max), &mut output, into)?;
    match length {
        Some(length) if length != written => Err(NetworkError::Unreachable(format!(
            "the answer breaks off after {written} of {length} bytes"
        ))),
        _ => Ok(()),
    }
}

/// Copies an answer to the file at `path`; the bytes that were written.
fn copy(
    answer: &mut impl io::Read,
    output: &mut impl io::Write,
    path: &Path,
) -> Result<u64, NetworkError> {
    let mut buffer = vec![0; 1 << 16];
    let mut written = 0;
    loop {
        let count = answer.read(&mut buffer).map_err(of_io)?;
        if count == 0 {
            return Ok(written);
        }
        output.write_all(&buffer[..count]).map_err(|error| ours(path, &error))?;
        written += count as u64;
    }
}

/// Whether an answer gives the rest of a file of `bytes` bytes from byte `from` on.
fn continues(answered: &Answered, from: u64, bytes: u64) -> bool {
    let expected = format!("bytes {from}-{}/{bytes}", bytes - 1);
    answered.status == 206 && answered.range.as_deref() == Some(&expected)
}

fn ours(path: &Path, error: &io::Error) -> NetworkError {
    NetworkError::Unreachable(format!("`{}` cannot be written: {error}", path.display()))
}
