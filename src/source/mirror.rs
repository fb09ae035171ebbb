//! Folders that may hold any pinned file, whatever it is called there.

use std::path::{Path, PathBuf};

use super::{Pin, digest_of_file};

/// Entries of a mirror that are looked at before the search gives up.
const MAX_ENTRIES: usize = 100_000;
/// Depth of folders that are looked into.
const MAX_DEPTH: usize = 8;

/// The file below `folder` that equals `pin`: `SHA256`, then the source's own path, then files of equal size.
pub(super) fn find(folder: &Path, pin: Pin, path_hint: Option<&str>) -> Result<PathBuf, String> {
    if !folder.is_dir() {
        return Err("no such folder".to_owned());
    }
    let named = [Some(pin.sha256.to_string()), path_hint.map(ToOwned::to_owned)];
    for name in named.into_iter().flatten() {
        if let Some(path) = super::below(folder, &name)
            && matches(&path, pin).is_ok()
        {
            return Ok(path);
        }
    }
    let mut budget = MAX_ENTRIES;
    match search(folder, pin, MAX_DEPTH, &mut budget) {
        Some(path) => Ok(path),
        None if budget == 0 => Err(format!("no match among the first {MAX_ENTRIES} entries")),
        None => Err("no file with that digest".to_owned()),
    }
}

/// Whether the regular file at `path` equals `pin`; if not, why.
pub(super) fn matches(path: &Path, pin: Pin) -> Result<(), String> {
    let metadata = path.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("not a regular file".to_owned());
    }
    if metadata.len() != pin.bytes {
        return Err(format!("it has {} bytes", metadata.len()));
    }
    let (actual, _) = digest_of_file(path).map_err(|error| error.to_string())?;
    if actual == pin.sha256 { Ok(()) } else { Err(format!("it has sha256 {actual}")) }
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
        } else if matches(&entry.path(), pin).is_ok() {
            return Some(entry.path());
        }
    }
    if depth == 0 {
        return None;
    }
    folders.iter().find_map(|folder| search(folder, pin, depth - 1, budget))
}
