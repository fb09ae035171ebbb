//! Commits of repositories on this machine: their objects and references are read, and nothing else of them. Neither
//! their configuration nor what it includes is ever opened.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use git2::{ObjectType, Odb, Oid};

use super::client::Heard;
use super::{NetworkError, REPOSITORY_BYTES_MAX};
use crate::commit;
use crate::source::address;

/// Files and folders of a commit.
const OBJECTS_MAX: usize = 100_000;
/// Bytes of a file of references.
const REFERENCES_BYTES_MAX: u64 = 64 << 20;
/// Folders in folders of references.
const DEPTH_MAX: usize = 16;

/// Copies commit `id` of the repository at `url`, without its history, into the bare repository `into`.
pub(super) fn commit(
    heard: &Heard,
    url: &str,
    id: &str,
    into: &git2::Repository,
) -> Result<(), NetworkError> {
    let folder = git_folder(url)?;
    let from = objects(&folder)?;
    let root = Oid::from_str(id).map_err(words)?;
    if !from.exists(root) {
        borrows_nothing(&folder)?;
        return Err(NetworkError::NoCommit { id: id.to_owned() });
    }
    let (_, kind) = from.read_header(root).map_err(words)?;
    if kind != ObjectType::Commit {
        let target = peeled(&from, root);
        let is_commit = from.read_header(target).is_ok_and(|(_, kind)| kind == ObjectType::Commit);
        let commit = is_commit.then(|| target.to_string());
        let kind = kind.str().to_owned();
        return Err(NetworkError::NotACommit { id: id.to_owned(), kind, commit });
    }
    let to = into.odb().map_err(words)?;
    let mut left = REPOSITORY_BYTES_MAX;
    let mut seen = BTreeSet::from([root]);
    let mut stack = vec![root];
    while let Some(oid) = stack.pop() {
        let (bytes, kind) = from.read_header(oid).map_err(words)?;
        left =
            left.checked_sub(bytes as u64).ok_or(NetworkError::TooLarge(REPOSITORY_BYTES_MAX))?;
        let object = from.read(oid).map_err(words)?;
        to.write(kind, object.data()).map_err(words)?;
        // The time goes into objects here, large or small.
        heard(bytes as u64 + 512);
        let children = commit::children(kind, object.data())
            .ok_or_else(|| NetworkError::Unreachable(format!("object {oid} is damaged")))?;
        stack.extend(children.into_iter().filter(|child| seen.insert(*child)));
        if seen.len() > OBJECTS_MAX {
            let text = format!("the commit holds more than {OBJECTS_MAX} files and folders");
            return Err(NetworkError::Unreachable(text));
        }
    }
    Ok(())
}

/// An error if objects of the repository lie in another one: this process reaches nothing but what the address names.
fn borrows_nothing(folder: &Path) -> Result<(), NetworkError> {
    let objects = folder.join("objects");
    let leads_away = objects.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    if !leads_away && !objects.join("info/alternates").exists() {
        return Ok(());
    }
    let text = format!(
        "`{}` borrows objects from another repository, which is not read; name that one, or copy the objects: git repack -a -d",
        folder.display()
    );
    Err(NetworkError::Unreachable(text))
}

/// `HEAD`, the branches and tags of the repository at `url`, with the commits that they stand for.
pub(super) fn names(url: &str) -> Result<BTreeMap<String, String>, NetworkError> {
    let folder = git_folder(url)?;
    let objects = objects(&folder)?;
    let mut names = BTreeMap::new();
    for line in read_text(&folder.join("packed-refs")).unwrap_or_default().lines() {
        // Lines that begin with `#` or `^` say more about others.
        if let Some((id, name)) = line.split_once(' ')
            && let Ok(oid) = Oid::from_str(id)
        {
            names.insert(name.to_owned(), oid);
        }
    }
    for kind in ["refs/heads", "refs/tags"] {
        loose(&folder.join(kind), kind, DEPTH_MAX, &mut names);
    }
    let head = read_text(&folder.join("HEAD")).unwrap_or_default();
    let head = match head.trim().strip_prefix("ref: ") {
        Some(name) => names.get(name).copied(),
        None => Oid::from_str(head.trim()).ok(),
    };
    names.extend(head.map(|oid| ("HEAD".to_owned(), oid)));
    let known = |name: &str| {
        name == "HEAD" || name.starts_with("refs/heads/") || name.starts_with("refs/tags/")
    };
    let names = names.into_iter().filter(|(name, _)| known(name));
    Ok(names.map(|(name, oid)| (name, peeled(&objects, oid).to_string())).collect())
}

/// References that have a file of their own; they outweigh packed ones.
fn loose(folder: &Path, name: &str, depth: usize, names: &mut BTreeMap<String, Oid>) {
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => {
                loose(&entry.path(), &name, depth - 1, names);
            }
            Ok(kind) if kind.is_file() => {
                let text = read_text(&entry.path()).unwrap_or_default();
                if let Ok(oid) = Oid::from_str(text.trim()) {
                    names.insert(name, oid);
                }
            }
            _ => {}
        }
    }
}

/// The commit that an annotated tag stands for; anything else is itself.
fn peeled(objects: &Odb<'_>, oid: Oid) -> Oid {
    let target = || {
        let object = objects.read(oid).ok().filter(|object| object.kind() == ObjectType::Tag)?;
        let digits = object.data().strip_prefix(b"object ")?.get(..40)?;
        Oid::from_str(std::str::from_utf8(digits).ok()?).ok()
    };
    target().unwrap_or(oid)
}

/// A regular file of bounded size.
fn read_text(path: &Path) -> Option<String> {
    let metadata = path.symlink_metadata().ok()?;
    if !metadata.is_file() || metadata.len() > REFERENCES_BYTES_MAX {
        return None;
    }
    std::fs::read_to_string(path).ok()
}

/// The folder that git itself would call the repository's.
fn git_folder(url: &str) -> Result<PathBuf, NetworkError> {
    let path = address::path(url).map_err(NetworkError::Address)?;
    let inner = path.join(".git");
    for folder in [&inner, &path] {
        if folder.join("objects").is_dir() {
            return Ok(folder.clone());
        }
    }
    let reason = match (path.is_dir(), inner.is_file()) {
        (_, true) => "is a linked work tree; name the repository that it belongs to",
        (true, _) => "is not a git repository",
        (false, _) => "does not exist",
    };
    Err(NetworkError::Unreachable(format!("`{}` {reason}", path.display())))
}

fn objects(folder: &Path) -> Result<Odb<'static>, NetworkError> {
    let odb = Odb::new().map_err(words)?;
    let added = odb.add_disk_alternate(&folder.join("objects").to_string_lossy());
    if let Err(error) = added {
        borrows_nothing(folder)?;
        return Err(words(error));
    }
    Ok(odb)
}

fn words(error: git2::Error) -> NetworkError {
    NetworkError::Unreachable(error.message().to_owned())
}
