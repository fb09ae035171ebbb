//! Reads files that an experiment names: regular ones, of bounded size, inside the import root, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Component, Path, PathBuf};

use crate::commit::{ObjectError, Root, Rooted};
use crate::digest::BlobDigest;
use crate::fs::open_at_once;

/// Larger files are refused.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;

/// Everything outside of an expression that its value depends on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sources {
    /// Files that were read: path relative to the import root, digest of the bytes.
    pub files: BTreeMap<String, BlobDigest>,
    /// Files that were tried and not there, so that a `?` took the other side.
    pub absent: BTreeSet<String>,
    /// Pinned imports that were tried and not there, by their `sha256:` pin.
    pub absent_pins: BTreeSet<BlobDigest>,
}

/// The root as its file system calls it.
pub(super) fn canonical(root: &Root) -> io::Result<Root> {
    match root {
        Root::Folder(folder) => folder.canonicalize().map(Root::Folder),
        Root::Commit(_) => Ok(root.clone()),
    }
}

/// Reads `relative` below `root`, which must be canonical; nothing if there is no such file.
///
/// The error is a sentence for the author of the experiment, without the name of the file.
pub(super) fn read(root: &Root, relative: &str) -> Result<Option<Vec<u8>>, String> {
    match root {
        Root::Folder(folder) => read_file(folder, relative),
        Root::Commit(rooted) => read_object(rooted, relative),
    }
}

fn read_object(rooted: &Rooted, relative: &str) -> Result<Option<Vec<u8>>, String> {
    rooted.bytes_of(relative, FILE_BYTES_MAX).map_err(|error| match error {
        ObjectError::TooLarge { .. } => too_large(),
        other => other.to_string(),
    })
}

fn too_large() -> String {
    format!("the file is larger than {} MiB", FILE_BYTES_MAX >> 20)
}

fn read_file(root: &Path, relative: &str) -> Result<Option<Vec<u8>>, String> {
    let absent = |error: &io::Error| {
        matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
    };
    let real = match root.join(relative).canonicalize() {
        Ok(real) => real,
        Err(error) if absent(&error) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if !real.starts_with(root) {
        return Err("a symbolic link leads out of the import root".to_owned());
    }
    let refuse_kind = |metadata: &fs::Metadata| {
        if metadata.is_file() { Ok(()) } else { Err("this is not a regular file".to_owned()) }
    };
    refuse_kind(&fs::metadata(&real).map_err(|error| error.to_string())?)?;
    let file = open_at_once(&real).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    // Asked again of the open file: the name may have been given to another since.
    refuse_kind(&metadata)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(too_large());
    }
    Ok(Some(bytes))
}

/// Joins path components below the root; nothing if they lead out of it or name no file.
pub(super) fn normalised(path: &Path) -> Option<String> {
    let mut components: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => components.push(name.to_str()?),
            Component::CurDir => {}
            Component::ParentDir => {
                components.pop()?;
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!components.is_empty()).then(|| components.join("/"))
}

/// Finds the bytes whose SHA-256 is `pin` in one of `folders`, under the names that a content-addressed store or a Dhall
/// cache give them. Bytes that do not match the pin are as good as absent.
pub(super) fn read_pinned(folders: &[PathBuf], pin: BlobDigest) -> Option<Vec<u8>> {
    let digits = pin.to_string();
    let (first, rest) = digits.split_at(2);
    let names = [
        digits.clone(),
        format!("{first}/{digits}"),
        format!("{first}/{rest}"),
        format!("1220{digits}"),
    ];
    let candidates = folders.iter().flat_map(|folder| names.iter().map(|name| folder.join(name)));
    candidates
        .filter(|path| fs::metadata(path).is_ok_and(|metadata| metadata.is_file()))
        .filter_map(|path| {
            let mut bytes = Vec::new();
            open_at_once(&path).ok()?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
            Some(bytes)
        })
        .find(|bytes| BlobDigest::of(bytes) == pin)
}
