//! Bytes by digest: files, git, HTTP, bundled sets, mirrors.
//!
//! A [`Pin`] says which bytes are wanted; a [`Place`] says where they were published. *Any* bytes with the pinned
//! digest will do, so the mirrors are asked first, places on this machine next, the network last. Nothing is handed out
//! that was not hashed here.

mod git;
mod http;
mod mirror;
mod network;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::address;
pub use crate::address::{Scheme, host, scheme};
use crate::commit::Root;
use crate::digest::BlobDigest;
use crate::fs::{self, Lock};
pub use git::{GitError, Meant, Repositories, hold, is_commit_id};
pub use network::{Network, NetworkError, child_main};

/// Which bytes are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    /// Their SHA-256.
    pub sha256: BlobDigest,
    /// How many they are.
    pub bytes: u64,
}

/// Where bytes were published.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file, relative to the import root of the experiment.
    File {
        /// The path.
        path: String,
    },
    /// A file in a commit of a git repository.
    Git {
        /// The repository.
        url: String,
        /// The commit, 40 hexadecimal digits.
        rev: String,
        /// The path in the commit's tree.
        path: String,
    },
    /// A file on a web server.
    Http {
        /// The address.
        url: String,
    },
    /// A file that the program builds from its own dependencies.
    Bundled {
        /// The set.
        set: String,
        /// Its version.
        version: String,
        /// The file in it.
        file: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => write!(f, "file {path}"),
            Self::Git { url, rev, path } => write!(f, "{path} at {rev} of {url}"),
            Self::Http { url } => write!(f, "{url}"),
            Self::Bundled { set, version, file } => {
                write!(f, "{file} of bundled set {set} {version}")
            }
        }
    }
}

impl Place {
    /// Whether asking for it needs the network.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Git { .. } | Self::Http { .. })
    }

    /// The path under which a mirror may hold the bytes, if the place has one.
    fn path_hint(&self) -> Option<&str> {
        match self {
            Self::File { path } | Self::Git { path, .. } => Some(path),
            Self::Http { url } => url.rsplit('/').next().filter(|name| !name.is_empty()),
            Self::Bundled { file, .. } => Some(file),
        }
    }
}

/// One place that was asked, and what it answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The place.
    pub place: String,
    /// Why the bytes did not come from there.
    pub outcome: String,
}

/// Bytes that could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// No place has them.
    #[error("{what} ({} bytes, sha256 {}) could not be had{}", pin.bytes, pin.sha256, list(attempts))]
    Missing {
        /// What they are for.
        what: String,
        /// The bytes.
        pin: Pin,
        /// The places tried, in order.
        attempts: Vec<Attempt>,
    },
    /// The place where they were published has other bytes.
    #[error(
        "{what} is not what it is pinned to ({} bytes, sha256 {}); other bytes are never used{}",
        pin.bytes, pin.sha256, list(attempts)
    )]
    Differs {
        /// What they are for.
        what: String,
        /// The bytes.
        pin: Pin,
        /// The places tried, in order.
        attempts: Vec<Attempt>,
    },
    /// What the program built is not what is pinned.
    #[error("{what} built from this program has sha256 {actual}, not the pinned {}", pin.sha256)]
    Built {
        /// What was built.
        what: String,
        /// The pin.
        pin: Pin,
        /// The digest of what was built.
        actual: BlobDigest,
    },
}

fn list(attempts: &[Attempt]) -> String {
    attempts.iter().map(|a| format!("\n  tried {}: {}", a.place, a.outcome)).collect()
}

/// Bytes that equal their pin.
#[derive(Debug)]
pub enum Found {
    /// A file outside the store; hashed a moment ago.
    File(PathBuf),
    /// A file that was downloaded; hashed a moment ago.
    Temporary(Downloaded),
    /// Bytes in memory.
    Bytes(Vec<u8>),
    /// They are where the caller keeps them: somebody else fetched them, while this one waited for its turn.
    Arrived,
}

/// A file that was downloaded, and goes when this does. Until then whoever else wants it waits, and then finds it where
/// it was put meanwhile.
#[derive(Debug)]
pub struct Downloaded {
    // It goes before the turn does: fields are dropped in their order.
    file: tempfile::TempPath,
    _turn: Lock,
}

impl Downloaded {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.file
    }
}

/// What one place has to say.
enum Outcome {
    /// The bytes.
    Found(Found),
    /// It does not give them, and why.
    Missing(String),
    /// It gives others.
    Differs(String),
}

/// A file of a bundled set.
pub struct BuiltFile {
    /// Its name in the set.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Builds a bundled set of a version: every file of it.
pub type BuildSet<'a> = dyn Fn(&str, &str) -> Result<Vec<BuiltFile>, String> + Sync + 'a;

/// Where to look, in order.
pub struct Sources<'a> {
    /// Folders that may hold any pinned file.
    pub mirrors: Vec<PathBuf>,
    /// What `File` places are relative to.
    pub root: Root,
    /// The builder of bundled sets.
    pub build: &'a BuildSet<'a>,
    /// Commits that were fetched, and the network.
    pub repositories: Repositories,
    /// Where downloads are kept until they are whole.
    pub downloads: PathBuf,
    /// Whether repositories of this machine may be read: those that an experiment from elsewhere names may not.
    pub reads_this_machine: bool,
    /// Keeps the commit that `root` is of from being collected, see [`hold`].
    pub held: Option<Lock>,
    /// Set from outside to stop: what is being fetched is left at once, and no other place asked.
    pub cancelled: &'a AtomicBool,
}

/// For those who are never told to stop.
pub(crate) static NEVER: AtomicBool = AtomicBool::new(false);

impl<'a> Sources<'a> {
    /// The same, until `cancelled` is set.
    #[must_use]
    pub fn until(self, cancelled: &'a AtomicBool) -> Self {
        Self { cancelled, ..self }
    }

    /// The same without the network: what is not on this machine is missing.
    #[must_use]
    pub fn offline(mut self) -> Self {
        self.repositories.network = None;
        self
    }

    /// Finds the bytes of `pin`, published at `places`; `what` names them in the error.
    ///
    /// Every file of a bundled set that is built on the way is given to `also`, so that a set is built once. Whoever had
    /// to wait until another process had fetched the file asks `has_arrived` whether that one left it where it is kept.
    ///
    /// # Errors
    ///
    /// [`SourceError::Missing`] if no place has them, [`SourceError::Differs`] if one of the places (not of the
    /// mirrors) has other bytes under that name; both name every place that was asked.
    pub fn obtain(
        &self,
        what: &str,
        pin: Pin,
        places: &[Place],
        also: &mut dyn FnMut(BuiltFile),
        has_arrived: &dyn Fn() -> bool,
    ) -> Result<Found, SourceError> {
        let mut attempts = Vec::new();
        for folder in &self.mirrors {
            let hints = places.iter().filter_map(Place::path_hint);
            match mirror::find(folder, pin, hints) {
                Ok(path) => return Ok(Found::File(path)),
                Err(outcome) => {
                    attempts
                        .push(Attempt { place: format!("mirror {}", folder.display()), outcome });
                }
            }
        }
        let mut differs = false;
        let (remote, local): (Vec<_>, Vec<_>) = places.iter().partition(|place| place.is_remote());
        for place in local.into_iter().chain(remote) {
            if self.cancelled.load(Ordering::Relaxed) {
                break;
            }
            let outcome = match self.ask(what, pin, place, also, has_arrived)? {
                Outcome::Found(found) => return Ok(found),
                Outcome::Missing(outcome) => outcome,
                Outcome::Differs(outcome) => {
                    differs = true;
                    outcome
                }
            };
            attempts.push(Attempt { place: self.looked_for(place), outcome });
        }
        let what = what.to_owned();
        Err(if differs {
            SourceError::Differs { what, pin, attempts }
        } else {
            SourceError::Missing { what, pin, attempts }
        })
    }

    fn ask(
        &self,
        what: &str,
        pin: Pin,
        place: &Place,
        also: &mut dyn FnMut(BuiltFile),
        has_arrived: &dyn Fn() -> bool,
    ) -> Result<Outcome, SourceError> {
        Ok(match place {
            Place::File { path } => self.file(path, pin),
            Place::Git { url, rev, path } => git::obtain(self, url, rev, path, pin),
            Place::Http { url } => http::obtain(self, url, pin, has_arrived),
            Place::Bundled { set, version, file } => {
                return self.built(what, pin, (set, version, file), also);
            }
        })
    }

    /// A place as the person is told of it: a file of this machine with its whole path.
    fn looked_for(&self, place: &Place) -> String {
        match (place, &self.root) {
            (Place::File { path }, Root::Folder(root)) if plain(path).is_some() => {
                let path = root.join(path);
                format!("file {}", std::path::absolute(&path).unwrap_or(path).display())
            }
            _ => place.to_string(),
        }
    }

    fn file(&self, path: &str, pin: Pin) -> Outcome {
        let Some(relative) = plain(path) else {
            let reason = "the path leaves the import root (a workspace's `experiments/`)";
            return Outcome::Missing(reason.to_owned());
        };
        match &self.root {
            Root::Folder(root) => mirror::compare(&root.join(relative), pin),
            Root::Commit(rooted) => {
                let path = format!("{}/{path}", rooted.folder);
                git::from_commit(&rooted.copy, &rooted.id, path.trim_start_matches('/'), pin)
            }
        }
    }

    fn built(
        &self,
        what: &str,
        pin: Pin,
        (set, version, file): (&str, &str, &str),
        also: &mut dyn FnMut(BuiltFile),
    ) -> Result<Outcome, SourceError> {
        let files = match (self.build)(set, version) {
            Ok(files) => files,
            Err(reason) => return Ok(Outcome::Missing(reason)),
        };
        let mut wanted = None;
        for built in files {
            if built.name == *file {
                wanted = Some(built.bytes);
            } else {
                also(built);
            }
        }
        let Some(bytes) = wanted else {
            return Ok(Outcome::Missing(format!("the set has no file `{file}`")));
        };
        let actual = BlobDigest::of(&bytes);
        if actual == pin.sha256 {
            return Ok(Outcome::Found(Found::Bytes(bytes)));
        }
        Err(SourceError::Built { what: what.to_owned(), pin, actual })
    }
}

/// How often somebody who waits looks whether they were told to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Waits until nobody else fetches what the lock at `path` is of; nothing once `cancelled` is set.
fn wait_for_turn(path: &Path, cancelled: &AtomicBool) -> Result<Option<Lock>, fs::Error> {
    while !cancelled.load(Ordering::Relaxed) {
        if let Some(turn) = Lock::try_exclusive(path)? {
            return Ok(Some(turn));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(None)
}

/// `path`, if it has only plain components.
fn plain(path: &str) -> Option<&Path> {
    let plain = |part: std::path::Component<'_>| matches!(part, std::path::Component::Normal(_));
    Path::new(path).components().all(plain).then_some(Path::new(path))
}

/// Bytes in memory, copied if they are the pinned ones.
fn of_bytes(bytes: &[u8], pin: Pin) -> Outcome {
    let actual = BlobDigest::of(bytes);
    if actual == pin.sha256 {
        Outcome::Found(Found::Bytes(bytes.to_vec()))
    } else {
        Outcome::Differs(format!("it has sha256 {actual}"))
    }
}

/// The digest and size of a file.
fn digest_of_file(path: &Path) -> std::io::Result<(BlobDigest, u64)> {
    BlobDigest::of_reader(&mut File::open(path)?)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
