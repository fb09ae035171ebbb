//! One file over HTTP, continued where an earlier attempt ended.

use std::fs::OpenOptions;
use std::io::{self, Seek as _, SeekFrom, Write as _};
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
    let mut reader = answered.reader(left);
    let mut buffer = vec![0; 1 << 16];
    let mut written = 0;
    loop {
        let count = io::Read::read(&mut reader, &mut buffer).map_err(of_io)?;
        if count == 0 {
            break;
        }
        output.write_all(&buffer[..count]).map_err(|error| ours(into, &error))?;
        written += count as u64;
    }
    if written == left {
        Ok(())
    } else {
        Err(NetworkError::Unreachable(format!(
            "the answer breaks off after {} of {bytes} bytes",
            from + written
        )))
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
