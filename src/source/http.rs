//! Files of web servers: streamed to disk, continued after an interruption, compared with their pin.

use std::path::Path;

use tempfile::TempPath;

use super::network::{Network, NetworkError, Task};
use super::{Found, Outcome, Pin, address, digest_of_file};
use crate::fs::{self, Lock};

/// The file at `url`, if it is what `pin` says. `folder` keeps what arrived of it until it is whole.
pub(super) fn obtain(folder: &Path, network: Option<&Network>, url: &str, pin: Pin) -> Outcome {
    match address::scheme(url) {
        Ok(address::Scheme::File) => {
            return Outcome::Missing("not asked: a file of this machine is no web page".to_owned());
        }
        Err(reason) => return Outcome::Missing(format!("not asked: {reason}")),
        Ok(_) => {}
    }
    let Some(network) = network else {
        return Outcome::Missing(NetworkError::Offline.to_string());
    };
    match download(folder, network, url, pin) {
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
        self.perform(&task)?;
        Ok(into)
    }
}

fn download(folder: &Path, network: &Network, url: &str, pin: Pin) -> Result<Outcome, fs::Error> {
    fs::create_dir(folder)?;
    let _turn = Lock::exclusive(&folder.join(format!("{}.lock", pin.sha256)))?;
    let partial = folder.join(format!("{}.partial", pin.sha256));
    let partial =
        std::path::absolute(&partial).map_err(|error| fs::Error::new("find", &partial, error))?;
    let here = partial.metadata().map_or(0, |metadata| metadata.len());
    let was_continued = 0 < here && here < pin.bytes;
    let mut outcome = attempt(&partial, network, url, pin)?;
    if was_continued && matches!(outcome, Outcome::Differs(_)) {
        // The beginning came from another file, or another version of it.
        fs::if_exists(fs::remove_file(&partial))?;
        outcome = attempt(&partial, network, url, pin)?;
    }
    Ok(outcome)
}

fn attempt(partial: &Path, network: &Network, url: &str, pin: Pin) -> Result<Outcome, fs::Error> {
    let into = partial.to_owned();
    let task = Task::Download { url: url.to_owned(), into, bytes: pin.bytes };
    if let Err(error) = network.perform(&task) {
        if error.differs() {
            fs::if_exists(fs::remove_file(partial))?;
            return Ok(Outcome::Differs(error.to_string()));
        }
        return Ok(Outcome::Missing(error.to_string()));
    }
    let (actual, bytes) =
        digest_of_file(partial).map_err(|error| fs::Error::new("read", partial, error))?;
    if actual == pin.sha256 && bytes == pin.bytes {
        return Ok(Outcome::Found(Found::Temporary(
            TempPath::try_from_path(partial)
                .map_err(|error| fs::Error::new("read", partial, error))?,
        )));
    }
    fs::if_exists(fs::remove_file(partial))?;
    Ok(Outcome::Differs(format!("it has sha256 {actual}")))
}
