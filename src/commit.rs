//! Files of one commit, read from git objects: no checkout, no configuration, no references, and so nothing that a
//! repository could make us run.
//!
//! A commit is named by its whole id, which is a hash over everything in it; every object is hashed again as it is
//! read. Symbolic links are never followed, submodules never entered, and sizes are known before bytes are read.

#![allow(
    unsafe_code,
    reason = "a setting of libgit2 is global: it is set once, before any other use"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Once;

use git2::{ObjectType, Odb, OdbObject, Oid};

/// Where a set of files is: names below it are relative, and lead nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A folder.
    Folder(PathBuf),
    /// A folder of a commit's tree.
    Commit(Rooted),
}

/// A folder of a commit's tree, in a local copy of its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rooted {
    /// The bare repository that holds the objects.
    pub copy: PathBuf,
    /// The commit, 40 hexadecimal digits.
    pub id: String,
    /// The folder in its tree; empty: the tree itself.
    pub folder: String,
}

impl Default for Root {
    fn default() -> Self {
        Self::Folder(PathBuf::new())
    }
}

impl From<PathBuf> for Root {
    fn from(folder: PathBuf) -> Self {
        Self::Folder(folder)
    }
}

impl From<&Path> for Root {
    fn from(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Commit(rooted) => write!(f, "{} of commit {}", rooted.folder, rooted.id),
        }
    }
}

impl Rooted {
    /// The bytes of the file `name` below the folder; nothing if there is no such file.
    ///
    /// # Errors
    ///
    /// If it is no regular file, a Git LFS pointer, larger than `bytes_max`, or cannot be read.
    pub fn bytes_of(&self, name: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, ObjectError> {
        let commit = Commit::known(&self.copy, &self.id)?;
        let path = if self.folder.is_empty() {
            name.to_owned()
        } else {
            format!("{}/{name}", self.folder)
        };
        let Some(file) = commit.file(&path)? else {
            return Ok(None);
        };
        if file.bytes > bytes_max {
            return Err(ObjectError::TooLarge { bytes: file.bytes, bytes_max });
        }
        let bytes = commit.read(&file)?;
        match Pointer::parse(&bytes) {
            Some(pointer) => Err(ObjectError::Pointer { sha256: pointer.sha256 }),
            None => Ok(Some(bytes)),
        }
    }
}

/// Why something of a commit could not be read. Each is a sentence about the path that was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// The local copy does not hold the commit.
    #[error("commit {id} is not in the local copy")]
    NoCommit {
        /// The commit.
        id: String,
    },
    /// The path names something else than a file.
    #[error("`{path}` is {what} in the commit, not a regular file{}", advice(what))]
    NotAFile {
        /// The path, or the part of it that is no folder.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// The file's content is not in git.
    #[error(
        "it is a Git LFS pointer: the commit holds the name of the content (sha256 {sha256}), not the content"
    )]
    Pointer {
        /// The SHA-256 that the pointer names.
        sha256: String,
    },
    /// The object is larger than it may be.
    #[error("it has {bytes} bytes, more than the {bytes_max} that are allowed")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// The bytes of an object are not what its id says, or not what its type says.
    #[error("object {id} of the commit is damaged")]
    Damaged {
        /// The object.
        id: String,
    },
    /// An object cannot be read.
    #[error("object {id} of the commit cannot be read")]
    Object {
        /// The object.
        id: String,
        /// libgit2's words.
        #[source]
        source: git2::Error,
    },
    /// The local copy cannot be opened.
    #[error("the local copy at `{}` cannot be read", copy.display())]
    Copy {
        /// The copy.
        copy: PathBuf,
        /// libgit2's words.
        #[source]
        source: git2::Error,
    },
}

impl ObjectError {
    /// Whether bytes are not what their id says, or are not there though the commit holds them.
    pub fn is_integrity(&self) -> bool {
        use git2::ErrorClass;
        match self {
            Self::Damaged { .. } => true,
            Self::Object { source, .. } => matches!(
                source.class(),
                ErrorClass::Zlib | ErrorClass::Odb | ErrorClass::Object | ErrorClass::Indexer
            ),
            _ => false,
        }
    }
}

fn advice(what: &str) -> &'static str {
    match what {
        SYMLINK => "; links are not followed: name the file that it leads to",
        SUBMODULE => "; name the repository and commit of the submodule itself",
        _ => "",
    }
}

const SYMLINK: &str = "a symbolic link";
const SUBMODULE: &str = "a submodule";
const FOLDER: &str = "a folder";

/// Bytes of a commit object, and of one folder's list: beyond them, something else is meant by it than files.
const COMMIT_BYTES_MAX: u64 = 1 << 20;
const TREE_BYTES_MAX: u64 = 16 << 20;
/// Bytes of a file: it is read whole, by a process that nothing confines. Hosts of repositories refuse files of more
/// than 100 MiB. What a packed object is stated as a difference from is unpacked too, as it was within the limits of the
/// process that fetched it.
pub const FILE_BYTES_MAX: u64 = 256 << 20;
/// Folders in folders.
const DEPTH_MAX: usize = 64;

/// A commit whose objects are here.
pub struct Commit {
    odb: Odb<'static>,
    tree: Oid,
}

/// A regular file of a commit, not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitFile {
    object: Oid,
    /// Its size.
    pub bytes: u64,
}

/// An object that was not compared with its id, since it is too large to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Its id.
    pub id: String,
    /// Its size.
    pub bytes: u64,
}

impl Commit {
    /// Opens a commit that must be in the bare repository `copy`.
    pub fn known(copy: &Path, id: &str) -> Result<Self, ObjectError> {
        Self::open(copy, id)?.ok_or_else(|| ObjectError::NoCommit { id: id.to_owned() })
    }

    /// Opens a commit of the bare repository `copy`; nothing if it is not there.
    pub fn open(copy: &Path, id: &str) -> Result<Option<Self>, ObjectError> {
        bound_windows();
        let objects = copy.join("objects");
        if !objects.is_dir() {
            return Ok(None);
        }
        let unreadable = |source| ObjectError::Copy { copy: copy.to_owned(), source };
        let odb = Odb::new().map_err(unreadable)?;
        odb.add_disk_alternate(&objects.to_string_lossy()).map_err(unreadable)?;
        let oid = Oid::from_str(id).map_err(unreadable)?;
        if !odb.exists(oid) {
            return Ok(None);
        }
        let commit = read_object(&odb, oid, ObjectType::Commit, COMMIT_BYTES_MAX)?;
        let tree = tree_of(commit.data());
        drop(commit);
        let tree = tree.ok_or_else(|| ObjectError::Damaged { id: id.to_owned() })?;
        Ok(Some(Self { odb, tree }))
    }

    /// Reads everything that the commit holds, so that each object is compared with its id; those that are too large to
    /// be read.
    pub fn check(&self) -> Result<Vec<Unread>, ObjectError> {
        let mut passed_over = Vec::new();
        let mut unread = vec![self.tree];
        let mut read = BTreeSet::from([self.tree]);
        while let Some(oid) = unread.pop() {
            let (bytes, kind) = header(&self.odb, oid)?;
            let bytes_max = if kind == ObjectType::Tree { TREE_BYTES_MAX } else { FILE_BYTES_MAX };
            if bytes > bytes_max {
                passed_over.push(Unread { id: oid.to_string(), bytes });
                continue;
            }
            let object = read_object(&self.odb, oid, kind, bytes_max)?;
            let children = children(kind, object.data());
            let children = children.ok_or_else(|| ObjectError::Damaged { id: oid.to_string() })?;
            unread.extend(children.into_iter().filter(|child| read.insert(*child)));
        }
        Ok(passed_over)
    }

    /// Finds the regular file at `path`; nothing if there is nothing of that name.
    pub fn file(&self, path: &str) -> Result<Option<CommitFile>, ObjectError> {
        let parts: Vec<&str> = path.split('/').collect();
        let not_a_file =
            |depth: usize, what| ObjectError::NotAFile { path: parts[..=depth].join("/"), what };
        let mut folder = self.tree;
        for (depth, part) in parts.iter().enumerate().take(DEPTH_MAX) {
            let list = read_object(&self.odb, folder, ObjectType::Tree, TREE_BYTES_MAX)?;
            let entry = entry(list.data(), part)
                .map_err(|Torn| ObjectError::Damaged { id: folder.to_string() })?;
            let Some((mode, object)) = entry else {
                return Ok(None);
            };
            let is_last = depth + 1 == parts.len();
            match (mode, is_last) {
                (Mode::Folder, false) => folder = object,
                (Mode::File, true) => {
                    let (bytes, _) = header(&self.odb, object)?;
                    return Ok(Some(CommitFile { object, bytes }));
                }
                // Below a file there is nothing.
                (Mode::File, false) => return Ok(None),
                (Mode::Folder, true) => return Err(not_a_file(depth, FOLDER)),
                (Mode::Symlink, _) => return Err(not_a_file(depth, SYMLINK)),
                (Mode::Submodule, _) => return Err(not_a_file(depth, SUBMODULE)),
            }
        }
        Ok(None)
    }

    /// The bytes of a file, of at most [`FILE_BYTES_MAX`]. The caller has looked at their number.
    pub fn read(&self, file: &CommitFile) -> Result<Vec<u8>, ObjectError> {
        self.read_with(file, <[u8]>::to_vec)
    }

    /// What `use_bytes` makes of the bytes of a file, of which there is no second copy.
    pub fn read_with<T>(
        &self,
        file: &CommitFile,
        use_bytes: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, ObjectError> {
        let bytes_max = file.bytes.min(FILE_BYTES_MAX);
        let object = read_object(&self.odb, file.object, ObjectType::Blob, bytes_max)?;
        Ok(use_bytes(object.data()))
    }

    /// The folders directly below `folder` that hold a file `marker`, in order.
    pub fn folders_with(&self, folder: &str, marker: &str) -> Result<Vec<String>, ObjectError> {
        let list = read_object(&self.odb, self.tree, ObjectType::Tree, TREE_BYTES_MAX)?;
        let damaged = |id: Oid| move |Torn| ObjectError::Damaged { id: id.to_string() };
        let found = entry(list.data(), folder).map_err(damaged(self.tree))?;
        let Some((Mode::Folder, inner)) = found else {
            return Ok(Vec::new());
        };
        let list = read_object(&self.odb, inner, ObjectType::Tree, TREE_BYTES_MAX)?;
        let mut names = Vec::new();
        // Each is read once, under however many names it is listed.
        let mut known = BTreeMap::new();
        for item in entries(list.data()) {
            let (mode, name, tree) = item.map_err(damaged(inner))?;
            if mode == Mode::Folder
                && *known.entry(tree).or_insert_with(|| self.holds_file(tree, marker))
            {
                names.push(String::from_utf8_lossy(name).into_owned());
            }
        }
        Ok(names)
    }

    /// Whether the folder that is this tree holds a file `name`; not if it cannot be read.
    fn holds_file(&self, tree: Oid, name: &str) -> bool {
        let list = read_object(&self.odb, tree, ObjectType::Tree, TREE_BYTES_MAX);
        list.is_ok_and(|list| matches!(entry(list.data(), name), Ok(Some((Mode::File, _)))))
    }
}

/// The tree of a commit object.
fn tree_of(commit: &[u8]) -> Option<Oid> {
    let digits = commit.strip_prefix(b"tree ")?.get(..40)?;
    Oid::from_str(std::str::from_utf8(digits).ok()?).ok()
}

/// The objects that one of a commit's objects is made of: the tree of a commit, what a tree lists but submodules,
/// nothing for a file. `None`: it is damaged.
pub fn children(kind: ObjectType, bytes: &[u8]) -> Option<Vec<Oid>> {
    match kind {
        ObjectType::Commit => Some(vec![tree_of(bytes)?]),
        ObjectType::Tree => entries(bytes)
            .filter(|item| !matches!(item, Ok((Mode::Submodule, ..))))
            .map(|item| item.ok().map(|(_, _, oid)| oid))
            .collect(),
        _ => Some(Vec::new()),
    }
}

/// Bytes of a pack that are mapped at once: an evaluation has little memory.
const WINDOW_BYTES: usize = 32 << 20;

fn bound_windows() {
    static ONCE: Once = Once::new();
    // SAFETY: `Once` lets nobody go on before this is done. What else of this program uses libgit2 is another process.
    ONCE.call_once(|| drop(unsafe { git2::opts::set_mwindow_size(WINDOW_BYTES) }));
}

fn header(odb: &Odb<'_>, oid: Oid) -> Result<(u64, ObjectType), ObjectError> {
    let (bytes, kind) = odb
        .read_header(oid)
        .map_err(|source| ObjectError::Object { id: oid.to_string(), source })?;
    Ok((bytes as u64, kind))
}

/// An object of a kind. libgit2 compares the hash of its bytes with the id.
fn read_object<'a>(
    odb: &'a Odb<'_>,
    oid: Oid,
    kind: ObjectType,
    bytes_max: u64,
) -> Result<OdbObject<'a>, ObjectError> {
    let (bytes, actual) = header(odb, oid)?;
    if bytes > bytes_max {
        return Err(ObjectError::TooLarge { bytes, bytes_max });
    }
    if actual != kind {
        return Err(ObjectError::Damaged { id: oid.to_string() });
    }
    odb.read(oid).map_err(|source| ObjectError::Object { id: oid.to_string(), source })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    File,
    Folder,
    Symlink,
    Submodule,
}

/// A tree object that ends within an entry, or has one of an unknown mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Torn;

/// The entry `name` of a tree object.
fn entry(list: &[u8], name: &str) -> Result<Option<(Mode, Oid)>, Torn> {
    for item in entries(list) {
        let (mode, found, oid) = item?;
        if found == name.as_bytes() {
            return Ok(Some((mode, oid)));
        }
    }
    Ok(None)
}

/// The entries of a tree object: octal mode, space, name, NUL, twenty bytes of id.
fn entries(list: &[u8]) -> impl Iterator<Item = Result<(Mode, &[u8], Oid), Torn>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let item = split_entry(rest);
        rest = item.map_or(&[], |(_, rest)| rest);
        Some(item.map(|(item, _)| item).ok_or(Torn))
    })
}

type Split<'a> = ((Mode, &'a [u8], Oid), &'a [u8]);

fn split_entry(list: &[u8]) -> Option<Split<'_>> {
    let space = list.iter().position(|byte| *byte == b' ')?;
    let (mode, rest) = (&list[..space], &list[space + 1..]);
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (name, rest) = (&rest[..end], &rest[end + 1..]);
    let (id, rest) = rest.split_at_checked(20)?;
    let mode = match mode {
        b"40000" | b"040000" => Mode::Folder,
        b"120000" => Mode::Symlink,
        b"160000" => Mode::Submodule,
        [b'1', b'0', b'0', ..] => Mode::File,
        _ => return None,
    };
    Some(((mode, name, Oid::from_bytes(id).ok()?), rest))
}

/// The text that stands in a commit for a file that Git LFS keeps elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    /// SHA-256 of the content.
    pub sha256: String,
}

impl Pointer {
    /// Larger files are no pointers.
    pub const BYTES_MAX: u64 = 1024;

    /// Reads a pointer (<https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>); nothing if it is none.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() as u64 > Self::BYTES_MAX {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let rest = text.strip_prefix("version https://git-lfs.github.com/spec/")?;
        let sha256 = rest.lines().find_map(|line| line.strip_prefix("oid sha256:"))?;
        let is_digest = sha256.len() == 64 && sha256.bytes().all(|c| c.is_ascii_hexdigit());
        is_digest.then(|| Self { sha256: sha256.to_owned() })
    }
}

/// A new bare repository with one commit of one file: the commit's id and the file's.
#[cfg(test)]
pub(crate) fn repository_of(folder: &Path, name: &str, bytes: &[u8]) -> (String, Oid) {
    let repository = git2::Repository::init_bare(folder).unwrap();
    let blob = repository.blob(bytes).unwrap();
    let mut tree = repository.treebuilder(None).unwrap();
    tree.insert(name, blob, 0o100_644).unwrap();
    let tree = repository.find_tree(tree.write().unwrap()).unwrap();
    let author = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
    let id = repository.commit(None, &author, &author, "m", &tree, &[]).unwrap();
    (id.to_string(), blob)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loose object whose header states a size, and whose bytes are never reached.
    fn stated(copy: &Path, id: Oid, bytes: u64) {
        use std::io::Write as _;
        let hex = id.to_string();
        let path = copy.join("objects").join(&hex[..2]).join(&hex[2..]);
        std::fs::remove_file(&path).unwrap();
        let file = std::fs::File::create(path).unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(file, flate2::Compression::fast());
        zlib.write_all(format!("blob {bytes}\0").as_bytes()).unwrap();
        zlib.write_all(&vec![0; 1 << 16]).unwrap();
        zlib.finish().unwrap();
    }

    #[test]
    fn a_file_of_any_size_is_known_and_only_one_of_bounded_size_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let (id, blob) = repository_of(folder.path(), "zeros", b"zeros");
        let open = || Commit::open(folder.path(), &id).unwrap().unwrap();
        let file = open().file("zeros").unwrap().unwrap();
        assert_eq!(open().read(&file).unwrap(), b"zeros");
        assert!(open().check().unwrap().is_empty());

        let bytes = FILE_BYTES_MAX + 1;
        stated(folder.path(), blob, bytes);
        let file = open().file("zeros").unwrap().unwrap();
        assert_eq!(file.bytes, bytes);
        let refused = open().read(&file).unwrap_err();
        assert!(matches!(refused, ObjectError::TooLarge { .. }), "{refused}");
        assert_eq!(open().check().unwrap(), [Unread { id: blob.to_string(), bytes }]);
    }

    #[test]
    fn folders_are_found_by_what_they_hold() {
        let folder = tempfile::tempdir().unwrap();
        let (_, blob) = repository_of(folder.path(), "file", b"bytes");
        let repository = git2::Repository::open_bare(folder.path()).unwrap();
        let tree_of = |items: &[(String, Oid)], mode: i32| {
            let mut tree = repository.treebuilder(None).unwrap();
            for (name, id) in items {
                tree.insert(name, *id, mode).unwrap();
            }
            tree.write().unwrap()
        };
        let holding = |name: &str| tree_of(&[(name.to_owned(), blob)], 0o100_644);
        let (with, without) = (holding("marker"), holding("other"));
        let item = |number: u32| {
            let tree = if number.is_multiple_of(2) { with } else { without };
            (format!("f{number:05}"), tree)
        };
        let items: Vec<_> = (0..100).map(item).collect();
        let root = tree_of(&[("folders".to_owned(), tree_of(&items, 0o040_000))], 0o040_000);
        let root = repository.find_tree(root).unwrap();
        let author = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
        let id = repository.commit(None, &author, &author, "m", &root, &[]).unwrap();

        let commit = Commit::known(folder.path(), &id.to_string()).unwrap();
        let names = commit.folders_with("folders", "marker").unwrap();
        assert!(names.iter().eq(items.iter().step_by(2).map(|(name, _)| name)));
        assert!(commit.folders_with("elsewhere", "marker").unwrap().is_empty());
    }
}
