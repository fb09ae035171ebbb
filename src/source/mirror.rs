//! Folders that may hold any pinned file, whatever it is called there.

use std::path::{Path, PathBuf};

use super::{Found, Outcome, Pin, digest_of_file};

/// Entries of a mirror that are looked at before the search gives up.
const MAX_ENTRIES: usize = 100_000;
/// Depth of folders that are looked into.
const MAX_DEPTH: usize = 8;

/// The file below `folder` that equals `pin`: `SHA256`, then the sources' own paths, then files of equal size.
pub(super) fn find<'a>(
    folder: &Path,
    pin: Pin,
    mut path_hints: impl Iterator<Item = &'a str>,
) -> Result<PathBuf, String> {
    if !folder.is_dir() {
        return Err("no such folder".to_owned());
    }
    let named =
        |name: &str| Some(folder.join(super::plain(name)?)).filter(|path| matches(path, pin));
    let digest = pin.sha256.to_string();
    if let Some(path) = named(&digest).or_else(|| path_hints.find_map(named)) {
        return Ok(path);
    }
    let mut budget = MAX_ENTRIES;
    match search(folder, pin, MAX_DEPTH, &mut budget) {
        Some(path) => Ok(path),
        None if budget == 0 => Err(format!("no match among the first {MAX_ENTRIES} entries")),
        None => Err("no file with that digest".to_owned()),
    }
}

/// The file at `path`, if it is a regular one that equals `pin`.
pub(super) fn compare(path: &Path, pin: Pin) -> Outcome {
    let metadata = match path.metadata() {
        Ok(metadata) => metadata,
        Err(error) => return Outcome::Missing(error.to_string()),
    };
    if !metadata.is_file() {
        return Outcome::Missing("not a regular file".to_owned());
    }
    if metadata.len() != pin.bytes {
        return Outcome::Differs(format!("it has {} bytes", metadata.len()));
    }
    match digest_of_file(path) {
        Ok((actual, _)) if actual == pin.sha256 => Outcome::Found(Found::File(path.to_owned())),
        Ok((actual, _)) => Outcome::Differs(format!("it has sha256 {actual}")),
        Err(error) => Outcome::Missing(error.to_string()),
    }
}

/// Whether the regular file at `path` equals `pin`.
fn matches(path: &Path, pin: Pin) -> bool {
    matches!(compare(path, pin), Outcome::Found(_))
}

fn search(folder: &Path, pin: Pin, depth: usize, budget: &mut usize) -> Option<PathBuf> {
    let mut entries: Vec<_> = folder.read_dir().ok()?.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    let mut folders = Vec::new();
    for entry in entries {
        *budget = budget.checked_sub(1)?;
        let kind = entry.file_type().ok()?;
        if kind.is_dir() {
            folders.push(entry.path());
        } else if matches(&entry.path(), pin) {
            return Some(entry.path());
        }
    }
    if depth == 0 {
        return None;
    }
    folders.iter().find_map(|folder| search(folder, pin, depth - 1, budget))
}
