//! Files of pinned commits, read from git objects without a checkout.

use std::path::{Path, PathBuf};

use git2::{FetchOptions, ObjectType, Oid, Repository};

use crate::digest;

/// Why a pinned file of a repository could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// The revision is not a full commit id.
    #[error("`{rev}` is not a full commit id; a branch or tag can move")]
    NotACommitId {
        /// What was given.
        rev: String,
    },
    /// The repository could not be reached, or does not give the commit.
    #[error("{url} does not give commit {rev}")]
    Fetch {
        /// The repository.
        url: String,
        /// The commit.
        rev: String,
        /// libgit2's words.
        #[source]
        source: git2::Error,
    },
    /// The commit has no such file.
    #[error("commit {rev} has no regular file `{path}`")]
    NoFile {
        /// The commit.
        rev: String,
        /// The path.
        path: String,
    },
    /// The local copy could not be opened or created.
    #[error("the local copy at {path} cannot be used")]
    Local {
        /// The copy.
        path: PathBuf,
        /// libgit2's words.
        #[source]
        source: git2::Error,
    },
}

/// The bytes of `path` in commit `rev` of the repository at `url`; `folder` keeps what was fetched.
pub(super) fn read(folder: &Path, url: &str, rev: &str, path: &str) -> Result<Vec<u8>, GitError> {
    let commit = full_id(rev)?;
    let repository = local_copy(folder, url)?;
    if repository.find_commit(commit).is_err() {
        fetch(&repository, url, rev).map_err(|source| GitError::Fetch {
            url: url.to_owned(),
            rev: rev.to_owned(),
            source,
        })?;
    }
    let no_file = || GitError::NoFile { rev: rev.to_owned(), path: path.to_owned() };
    let tree = repository
        .find_commit(commit)
        .and_then(|commit| commit.tree())
        .map_err(|source| GitError::Fetch { url: url.to_owned(), rev: rev.to_owned(), source })?;
    let entry = tree.get_path(Path::new(path)).map_err(|_| no_file())?;
    if entry.kind() != Some(ObjectType::Blob) || entry.filemode() == 0o120_000 {
        return Err(no_file());
    }
    let blob = repository.find_blob(entry.id()).map_err(|_| no_file())?;
    Ok(blob.content().to_vec())
}

fn full_id(rev: &str) -> Result<Oid, GitError> {
    let is_full = rev.len() == 40 && rev.bytes().all(|c| c.is_ascii_hexdigit());
    let not_an_id = || GitError::NotACommitId { rev: rev.to_owned() };
    if is_full { Oid::from_str(rev).map_err(|_| not_an_id()) } else { Err(not_an_id()) }
}

/// A bare repository below `folder` for `url`, by the digest of the address.
fn local_copy(folder: &Path, url: &str) -> Result<Repository, GitError> {
    let name = digest::BlobDigest::of(url.as_bytes()).to_string();
    let path = folder.join(&name[..24]);
    let opened = Repository::open_bare(&path).or_else(|_| Repository::init_bare(&path));
    opened.map_err(|source| GitError::Local { path, source })
}

/// Asks for the one commit without history, then for everything where the server cannot do that.
fn fetch(repository: &Repository, url: &str, rev: &str) -> Result<(), git2::Error> {
    let mut remote = repository.remote_anonymous(url)?;
    let one = format!("+{rev}:refs/ibid/{rev}");
    let mut shallow = FetchOptions::new();
    shallow.depth(1).download_tags(git2::AutotagOption::None);
    if remote.fetch(&[&one], Some(&mut shallow), None).is_ok() {
        return Ok(());
    }
    let mut whole = FetchOptions::new();
    whole.download_tags(git2::AutotagOption::All);
    remote.fetch(&["+refs/heads/*:refs/ibid/heads/*"], Some(&mut whole), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with one commit that holds `a/x.txt`; its folder and the commit's id.
    fn published(folder: &Path) -> (String, String) {
        let repository = Repository::init(folder).unwrap();
        let blob = repository.blob(b"bits").unwrap();
        let mut inner = repository.treebuilder(None).unwrap();
        inner.insert("x.txt", blob, 0o100_644).unwrap();
        inner.insert("link", blob, 0o120_000).unwrap();
        let mut outer = repository.treebuilder(None).unwrap();
        outer.insert("a", inner.write().unwrap(), 0o040_000).unwrap();
        let tree = repository.find_tree(outer.write().unwrap()).unwrap();
        let author = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
        let commit =
            repository.commit(Some("refs/heads/main"), &author, &author, "m", &tree, &[]).unwrap();
        (format!("file://{}", folder.display()), commit.to_string())
    }

    #[test]
    fn a_pinned_file_is_read_and_then_needs_no_remote() {
        let folder = tempfile::tempdir().unwrap();
        let copies = folder.path().join("copies");
        let origin = folder.path().join("origin");
        let (url, rev) = published(&origin);
        assert_eq!(read(&copies, &url, &rev, "a/x.txt").unwrap(), b"bits");
        std::fs::remove_dir_all(&origin).unwrap();
        assert_eq!(read(&copies, &url, &rev, "a/x.txt").unwrap(), b"bits");
    }

    #[test]
    fn names_that_move_links_and_missing_commits_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let copies = folder.path().join("copies");
        let (url, rev) = published(&folder.path().join("origin"));
        let error = |rev: &str, path: &str| read(&copies, &url, rev, path).unwrap_err();
        assert!(matches!(error("main", "a/x.txt"), GitError::NotACommitId { .. }));
        assert!(matches!(error(&rev, "a/link"), GitError::NoFile { .. }));
        assert!(matches!(error(&rev, "a"), GitError::NoFile { .. }));
        assert!(matches!(error(&"1".repeat(40), "a/x.txt"), GitError::Fetch { .. }));
    }
}
