//! Files of pinned commits, read from git objects without a checkout.
//!
//! A fetched commit is kept as a bare repository that is named by its id. The id is a hash over all that the commit
//! holds, so that it does not matter who gave it. When a copy was used last is the time of its folder.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use super::address::{self, Scheme};
use super::network::{Answer, Network, NetworkError, Task};
use super::{NEVER, Outcome, Pin, Sources};
use crate::commit::{Commit, FILE_BYTES_MAX, ObjectError, Pointer, Root};
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
    /// The revision is the id of a commit whose repository names objects by SHA-256.
    #[error(
        "`{rev}` is a commit id of 64 digits: repositories that name objects by SHA-256 are not supported yet"
    )]
    LongId {
        /// What was given.
        rev: String,
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
        Some((Meant::Head, id)) => {
            format!("it is whichever branch is in use there; now it is at {id}")
        }
        Some((Meant::Tag, id)) => format!("it is a tag, which can be moved; now it is at {id}"),
        Some((Meant::Abbreviation, id)) => format!("it abbreviates {id}"),
        None => "branches and tags can move".to_owned(),
    }
}

/// What somebody may mean who does not give a commit id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// `HEAD`.
    Head,
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
        self.copy_until(&NEVER, url, rev)
    }

    /// As [`Self::copy_of`], unless `cancelled` is set.
    fn copy_until(
        &self,
        cancelled: &AtomicBool,
        url: &str,
        rev: &str,
    ) -> Result<PathBuf, GitError> {
        if rev.len() == 64 && rev.bytes().all(|c| c.is_ascii_hexdigit()) {
            return Err(GitError::LongId { rev: rev.to_owned() });
        }
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
            fs::mark_used(&copy);
            return Ok(copy);
        }
        let network = self.network.as_ref().ok_or(NetworkError::Offline)?;
        address::scheme(url).map_err(NetworkError::Address)?;
        fs::create_dir(&self.folder)?;
        let turn = super::wait_for_turn(&self.folder.join(format!("{rev}.lock")), cancelled)?;
        let _turn = turn.ok_or(NetworkError::Interrupted)?;
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
        let fetched = network.perform(&task, cancelled);
        if let Err(error) = fetched {
            fs::if_exists(fs::remove_dir(&partial))?;
            return Err(error.into());
        }
        if let Err(error) = whole(&partial, rev) {
            fs::if_exists(fs::remove_dir(&partial))?;
            return Err(error);
        }
        fs::rename(&partial, &copy, fs::Durability::Relaxed)?;
        Ok(copy)
    }

    /// The branch or tag that somebody may mean by `rev`, if the repository can be asked.
    fn target_of(&self, url: &str, rev: &str) -> Option<(Meant, String)> {
        let network = self.network.as_ref()?;
        let Ok(Answer::Names(names)) =
            network.perform(&Task::Names { url: url.to_owned() }, &NEVER)
        else {
            return None;
        };
        let short = rev.len() >= 4 && rev.bytes().all(|c| c.is_ascii_hexdigit());
        // As git looks for them: the name in full before the name of a tag, and of a branch.
        let by_name = [
            (Meant::Head, "", rev == "HEAD"),
            (Meant::Tag, "", rev.starts_with("refs/tags/")),
            (Meant::Branch, "", rev.starts_with("refs/heads/")),
            (Meant::Tag, "refs/tags/", true),
            (Meant::Branch, "refs/heads/", true),
        ];
        let by_name = by_name.into_iter().find_map(|(meant, prefix, is_meant)| {
            let id = is_meant.then(|| names.get(&format!("{prefix}{rev}"))).flatten()?;
            Some((meant, id.clone()))
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

/// Refuses what arrived unless it is the whole commit, as far as it is read: a server that keeps something back would else
/// be believed for good.
fn whole(copy: &Path, rev: &str) -> Result<(), GitError> {
    match Commit::known(copy, rev).and_then(|commit| commit.check()) {
        Ok(_too_large_to_be_read) => Ok(()),
        Err(ObjectError::NoCommit { id }) => Err(NetworkError::NoCommit { id }.into()),
        Err(error) if error.is_integrity() => {
            Err(NetworkError::Incomplete(super::chain(&error)).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether `text` is a whole commit id.
pub fn is_commit_id(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

/// The lock, in the copy of a commit, that everybody shares who reads it for long; a collection looks at it.
const USERS: &str = "users";

/// Keeps the copy of the commit that `root` is of from being collected. What cannot be written is not locked: nobody
/// collects there either.
pub fn hold(root: &Root) -> Option<Lock> {
    let Root::Commit(rooted) = root else { return None };
    fs::mark_used(&rooted.copy);
    // Who collects, or fetches it anew, is alone with it.
    let _turn = Lock::shared(&rooted.copy.with_extension("lock")).ok()?;
    Lock::shared(&rooted.copy.join(USERS)).ok()
}

/// The file `path` of commit `rev` of the repository at `url`, if it is what `pin` says.
pub(super) fn obtain(sources: &Sources<'_>, url: &str, rev: &str, path: &str, pin: Pin) -> Outcome {
    if !sources.reads_this_machine && address::scheme(url) == Ok(Scheme::File) {
        let reason = "not asked: an experiment from elsewhere reads no repository of this machine";
        return Outcome::Missing(reason.to_owned());
    }
    match sources.repositories.copy_until(sources.cancelled, url, rev) {
        Ok(copy) => from_commit(&copy, rev, path, pin),
        Err(error) => Outcome::Missing(super::chain(&error)),
    }
}

/// A file of a commit that is here. Its size is looked at before its bytes are read.
pub(super) fn from_commit(copy: &Path, rev: &str, path: &str, pin: Pin) -> Outcome {
    match read(copy, rev, path, pin) {
        Ok(outcome) => outcome,
        Err(error) if error.is_integrity() => Outcome::Differs(format!(
            "{}; a damaged copy is moved aside by: ibid store fsck",
            super::chain(&error)
        )),
        Err(error) => Outcome::Missing(super::chain(&error)),
    }
}

fn read(copy: &Path, rev: &str, path: &str, pin: Pin) -> Result<Outcome, ObjectError> {
    let commit = Commit::known(copy, rev)?;
    let Some(file) = commit.file(path)? else {
        return Ok(Outcome::Missing("the commit has no such file".to_owned()));
    };
    if file.bytes == pin.bytes && file.bytes > FILE_BYTES_MAX {
        return Ok(Outcome::Missing(too_large(file.bytes)));
    }
    if file.bytes == pin.bytes {
        return commit.read_with(&file, |bytes| super::of_bytes(bytes, pin));
    }
    if file.bytes <= Pointer::BYTES_MAX
        && let Some(pointer) = Pointer::parse(&commit.read(&file)?)
    {
        return Ok(Outcome::Missing(pointer_text(&pointer, pin)));
    }
    Ok(Outcome::Differs(format!("it has {} bytes; nothing was read", file.bytes)))
}

fn too_large(bytes: u64) -> String {
    format!(
        "it has {bytes} bytes, more than the {FILE_BYTES_MAX} that are read from a commit: publish it on a web server, or take it from a clone by `ibid store add`"
    )
}

fn pointer_text(pointer: &Pointer, pin: Pin) -> String {
    let base = "it is a Git LFS pointer: git has the name of the content, not the content";
    if pointer.sha256 == pin.sha256.to_string() {
        format!("{base}; the content is the pinned one: `git lfs pull` in a clone gets it")
    } else {
        format!("{base}; and the content it names has sha256 {}", pointer.sha256)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_that_arrived_without_one_of_its_files_is_incomplete() {
        let folder = tempfile::tempdir().unwrap();
        let (id, blob) = crate::commit::repository_of(folder.path(), "file", b"a file");
        whole(folder.path(), &id).unwrap();
        let hex = blob.to_string();
        let object = folder.path().join("objects").join(&hex[..2]).join(&hex[2..]);
        std::fs::remove_file(object).unwrap();
        let error = whole(folder.path(), &id).unwrap_err();
        assert!(matches!(error, GitError::Network(NetworkError::Incomplete(_))), "{error}");
        assert!(error.to_string().contains(&hex), "{error}");
    }
}
