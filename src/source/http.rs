//! Files of web servers: streamed to disk, continued after an interruption, compared with their pin.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use tempfile::TempPath;

use super::network::{Network, NetworkError, Task};
use super::{Downloaded, Found, NEVER, Outcome, Pin, Sources, address, digest_of_file};
use crate::fs;

/// The file at `url`, if it is what `pin` says.
pub(super) fn obtain(
    sources: &Sources<'_>,
    url: &str,
    pin: Pin,
    has_arrived: &dyn Fn() -> bool,
) -> Outcome {
    match address::scheme(url) {
        Ok(address::Scheme::File) => {
            return Outcome::Missing("not asked: a file of this machine is no web page".to_owned());
        }
        Err(reason) => return Outcome::Missing(format!("not asked: {reason}")),
        Ok(_) => {}
    }
    let Some(network) = &sources.repositories.network else {
        return Outcome::Missing(NetworkError::Offline.to_string());
    };
    let asking = Asking { network, url, pin, cancelled: sources.cancelled };
    match download(&sources.downloads, asking, has_arrived) {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Missing(super::chain(&error)),
    }
}

impl Network {
    /// Fetches the file at `url`, of a size that nobody knows yet but at most `bytes_max`, into a new file in `folder`.
    ///
    /// Nothing says that these are the bytes that anybody else sees there.
    pub fn fetch(
        &self,
        url: &str,
        folder: &Path,
        bytes_max: u64,
    ) -> Result<TempPath, NetworkError> {
        if address::scheme(url) == Ok(address::Scheme::File) {
            let reason = "a file of this machine is no web page".to_owned();
            return Err(NetworkError::Address(reason));
        }
        let ours = |error: std::io::Error| {
            let folder = folder.display();
            NetworkError::Unreachable(format!("no file can be made in `{folder}`: {error}"))
        };
        let folder = std::path::absolute(folder).map_err(ours)?;
        let file =
            tempfile::Builder::new().prefix(".fetched-").tempfile_in(folder).map_err(ours)?;
        let into = file.into_temp_path();
        let task = Task::Whole { url: url.to_owned(), into: into.to_path_buf(), bytes_max };
        self.perform(&task, &NEVER)?;
        Ok(into)
    }
}

/// Who is asked for what.
#[derive(Clone, Copy)]
struct Asking<'a> {
    network: &'a Network,
    url: &'a str,
    pin: Pin,
    cancelled: &'a AtomicBool,
}

/// `folder` keeps what arrived of the file until it is whole.
fn download(
    folder: &Path,
    asking: Asking<'_>,
    has_arrived: &dyn Fn() -> bool,
) -> Result<Outcome, fs::Error> {
    let pin = asking.pin;
    fs::create_dir(folder)?;
    let lock = folder.join(format!("{}.lock", pin.sha256));
    let Some(turn) = super::wait_for_turn(&lock, asking.cancelled)? else {
        return Ok(Outcome::Missing(NetworkError::Interrupted.to_string()));
    };
    if has_arrived() {
        return Ok(Outcome::Found(Found::Arrived));
    }
    let partial = folder.join(format!("{}.partial", pin.sha256));
    let partial =
        std::path::absolute(&partial).map_err(|error| fs::Error::new("find", &partial, error))?;
    let here = partial.metadata().map_or(0, |metadata| metadata.len());
    let was_continued = 0 < here && here < pin.bytes;
    let mut outcome = attempt(&partial, asking)?;
    if was_continued && matches!(outcome, Err(Outcome::Differs(_))) {
        // The beginning came from another file, or another version of it.
        fs::if_exists(fs::remove_file(&partial))?;
        outcome = attempt(&partial, asking)?;
    }
    Ok(match outcome {
        Ok(file) => Outcome::Found(Found::Temporary(Downloaded { file, _turn: turn })),
        Err(outcome) => outcome,
    })
}

/// The file, whole and hashed, or what the server had to say instead.
fn attempt(partial: &Path, asking: Asking<'_>) -> Result<Result<TempPath, Outcome>, fs::Error> {
    let Asking { network, url, pin, cancelled } = asking;
    let into = partial.to_owned();
    let task = Task::Download { url: url.to_owned(), into, bytes: pin.bytes };
    if let Err(error) = network.perform(&task, cancelled) {
        if error.differs() {
            fs::if_exists(fs::remove_file(partial))?;
            return Ok(Err(Outcome::Differs(error.to_string())));
        }
        return Ok(Err(Outcome::Missing(error.to_string())));
    }
    let (actual, bytes) =
        digest_of_file(partial).map_err(|error| fs::Error::new("read", partial, error))?;
    if actual == pin.sha256 && bytes == pin.bytes {
        let file = TempPath::try_from_path(partial);
        return file.map(Ok).map_err(|error| fs::Error::new("read", partial, error));
    }
    fs::if_exists(fs::remove_file(partial))?;
    Ok(Err(Outcome::Differs(format!("it has sha256 {actual}"))))
}
