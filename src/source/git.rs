//! Files of pinned commits, read from git objects without a checkout.
//!
//! A fetched commit is kept as a bare repository that is named by its id. The id is a hash over all that the commit
//! holds, so that it does not matter who gave it.

use std::path::{Path, PathBuf};

use super::address::{self, Scheme};
use super::network::{Answer, Network, NetworkError, Task};
use super::{Outcome, Pin};
use crate::commit::{Commit, ObjectError, Pointer};
use crate::fs::{self, Lock};

/// Why a commit is not here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The revision is not a whole commit id.
    #[error("`{rev}` is not a whole commit id (40 hexadecimal digits): {}", describe(target.as_ref()))]
    NotACommitId {
        /// What was given.
        rev: String,
        /// What it is in the repository, with the commit that it stands for now; `None`: it is unknown.
        target: Option<(Meant, String)>,
    },
    /// It could not be fetched.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Its objects cannot be read.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The folder of copies cannot be used.
    #[error(transparent)]
    Fs(#[from] fs::Error),
}

fn describe(target: Option<&(Meant, String)>) -> String {
    match target {
        Some((Meant::Branch, id)) => format!("it is a branch, which moves; now it is at {id}"),
        Some((Meant::Tag, id)) => format!("it is a tag, which can be moved; now it is at {id}"),
        Some((Meant::Abbreviation, id)) => format!("it abbreviates {id}"),
        None => "branches and tags can move".to_owned(),
    }
}

/// What somebody may mean who does not give a commit id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// A branch of that name.
    Branch,
    /// A tag of that name.
    Tag,
    /// The one branch or tag whose id begins so.
    Abbreviation,
}

/// Where fetched commits are kept, and how to fetch others.
#[derive(Debug, Clone)]
pub struct Repositories {
    /// The folder.
    pub folder: PathBuf,
    /// The network; `None`: it is not to be used.
    pub network: Option<Network>,
}

impl Repositories {
    /// The bare repository that holds commit `rev`, which is fetched from `url` unless it is here.
    pub fn copy_of(&self, url: &str, rev: &str) -> Result<PathBuf, GitError> {
        if !is_commit_id(rev) {
            let target = self.target_of(url, rev);
            return Err(GitError::NotACommitId { rev: rev.to_owned(), target });
        }
        let copy = self.folder.join(rev);
        let is_here = || match Commit::open(&copy, rev) {
            Ok(commit) => Ok(commit.is_some()),
            Err(error) if error.is_integrity() && self.network.is_some() => {
                tracing::warn!(%error, copy = %copy.display(), "a damaged copy is fetched again");
                Ok(false)
            }
            Err(error) => Err(error),
        };
        if is_here()? {
            return Ok(copy);
        }
        let network = self.network.as_ref().ok_or(NetworkError::Offline)?;
        address::scheme(url).map_err(NetworkError::Address)?;
        fs::create_dir(&self.folder)?;
        let _turn = Lock::exclusive(&self.folder.join(format!("{rev}.lock")))?;
        if is_here()? {
            return Ok(copy);
        }
        // What an interrupted fetch left; nobody else is at it.
        let partial = self.folder.join(format!("{rev}.partial"));
        for stale in [&partial, &copy] {
            if stale.exists() {
                fs::remove_dir(stale)?;
            }
        }
        let into = std::path::absolute(&partial)
            .map_err(|error| fs::Error::new("find", &partial, error))?;
        let task = Task::Commit { url: url.to_owned(), id: rev.to_owned(), into };
        let fetched = network.perform(&task);
        if let Err(error) = fetched {
            fs::if_exists(fs::remove_dir(&partial))?;
            return Err(error.into());
        }
        if Commit::open(&partial, rev)?.is_none() {
            return Err(NetworkError::NoCommit { id: rev.to_owned() }.into());
        }
        fs::rename(&partial, &copy, fs::Durability::Relaxed)?;
        Ok(copy)
    }

    /// The branch or tag that somebody may mean by `rev`, if the repository can be asked.
    fn target_of(&self, url: &str, rev: &str) -> Option<(Meant, String)> {
        let network = self.network.as_ref()?;
        let Ok(Answer::Names(names)) = network.perform(&Task::Names { url: url.to_owned() }) else {
            return None;
        };
        let short = rev.len() >= 4 && rev.bytes().all(|c| c.is_ascii_hexdigit());
        let by_name = [(Meant::Tag, "refs/tags/"), (Meant::Branch, "refs/heads/")];
        let by_name = by_name.into_iter().find_map(|(meant, prefix)| {
            Some((meant, names.get(&format!("{prefix}{rev}"))?.clone()))
        });
        let abbreviated = || {
            let mut ids: Vec<_> =
                names.values().filter(|id| short && id.starts_with(rev)).collect();
            ids.sort();
            ids.dedup();
            let [id] = ids[..] else { return None };
            Some((Meant::Abbreviation, id.clone()))
        };
        by_name.or_else(abbreviated)
    }
}

/// Whether `text` is a whole commit id.
pub fn is_commit_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

/// The file `path` of commit `rev` of the repository at `url`, if it is what `pin` says.
pub(super) fn obtain(
    repositories: &Repositories,
    reads_this_machine: bool,
    url: &str,
    rev: &str,
    path: &str,
    pin: Pin,
) -> Outcome {
    if !reads_this_machine && address::scheme(url) == Ok(Scheme::File) {
        let reason = "not asked: an experiment from elsewhere reads no repository of this machine";
        return Outcome::Missing(reason.to_owned());
    }
    match repositories.copy_of(url, rev) {
        Ok(copy) => from_commit(&copy, rev, path, pin),
        Err(error) => Outcome::Missing(super::chain(&error)),
    }
}

/// A file of a commit that is here. Its size is looked at before its bytes are read.
pub(super) fn from_commit(copy: &Path, rev: &str, path: &str, pin: Pin) -> Outcome {
    match read(copy, rev, path, pin) {
        Ok(outcome) => outcome,
        Err(error) => Outcome::Missing(super::chain(&error)),
    }
}

fn read(copy: &Path, rev: &str, path: &str, pin: Pin) -> Result<Outcome, ObjectError> {
    let commit =
        Commit::open(copy, rev)?.ok_or_else(|| ObjectError::NoCommit { id: rev.to_owned() })?;
    let Some(file) = commit.file(path)? else {
        return Ok(Outcome::Missing("the commit has no such file".to_owned()));
    };
    if file.bytes == pin.bytes {
        return Ok(super::of_bytes(commit.read(&file)?, pin));
    }
    if file.bytes <= Pointer::BYTES_MAX
        && let Some(pointer) = Pointer::parse(&commit.read(&file)?)
    {
        return Ok(Outcome::Missing(pointer_text(&pointer, pin)));
    }
    Ok(Outcome::Differs(format!("it has {} bytes; nothing was read", file.bytes)))
}

fn pointer_text(pointer: &Pointer, pin: Pin) -> String {
    let base = "it is a Git LFS pointer: git has the name of the content, not the content";
    if pointer.sha256 == pin.sha256.to_string() {
        format!("{base}; the content is the pinned one: `git lfs pull` in a clone gets it")
    } else {
        format!("{base}; and the content it names has sha256 {}", pointer.sha256)
    }
}
