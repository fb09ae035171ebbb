//! What stands in the way: a file where a folder of the store belongs, or something else where a file does.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::{CACHES, FOLDERS, Finding};
use crate::fs::{self, Context as _};

/// Folders whose entries are plain files.
const OF_FILES: [&str; 7] =
    ["evaluations", "kernels", "leases", "locks", "recipes", "renderings", "workspaces"];
/// Folders whose entries are folders, each named by the first byte of a digest.
const FANNED_OUT: [&str; 3] = ["actions", "attestations", "cas"];

/// Moves aside what stands in the way in the store at `root`, and makes its folders where they are missing.
///
/// Nothing is opened, so that nobody is waited for and nothing is believed.
pub(super) fn clear(root: &Path) -> Result<Vec<Finding>, fs::Error> {
    let mut cleared = Vec::new();
    // First of all, since everything else is moved into it.
    let quarantine = root.join("quarantine");
    if is_else(&quarantine, is_folder) {
        let meanwhile = fs::unique_path(root);
        rename_if_exists(&quarantine, &meanwhile)?;
        fs::create_dir(&quarantine)?;
        cleared.push(aside(root, &meanwhile, &quarantine)?);
    }
    let folders = FOLDERS.iter().chain(&CACHES).map(|folder| root.join(folder));
    for path in folders.filter(|path| is_else(path, is_folder)) {
        cleared.push(aside(root, &path, &path)?);
    }
    for folder in FOLDERS {
        fs::create_dir(&root.join(folder))?;
    }
    let mut files = vec![root.join("layout")];
    for folder in OF_FILES {
        files.extend(fs::entries(&root.join(folder))?);
    }
    for folder in FANNED_OUT {
        let fanned = fs::entries(&root.join(folder))?;
        for path in fanned.into_iter().filter(|path| is_hex(path, 2)) {
            if is_else(&path, is_folder) {
                cleared.push(aside(root, &path, &path)?);
                continue;
            }
            let named = fs::entries(&path)?.into_iter().filter(|path| is_hex(path, 62));
            if folder != "attestations" {
                files.extend(named);
                continue;
            }
            for path in named {
                if is_else(&path, is_folder) {
                    cleared.push(aside(root, &path, &path)?);
                } else {
                    files.extend(fs::entries(&path)?);
                }
            }
        }
    }
    for path in files.into_iter().filter(|path| is_else(path, is_file)) {
        cleared.push(aside(root, &path, &path)?);
    }
    Ok(cleared)
}

/// Moves aside what stands in the way of the file at `path`; whether anything did.
pub(super) fn give_way(root: &Path, path: &Path) -> Result<bool, fs::Error> {
    let mut above: Vec<_> = path.ancestors().skip(1).take_while(|above| *above != root).collect();
    above.reverse();
    let folder = above.into_iter().find(|above| is_else(above, is_folder));
    let Some(found) = folder.or_else(|| is_else(path, is_file).then_some(path)) else {
        return Ok(false);
    };
    let finding = aside(root, found, found)?;
    tracing::warn!("{finding}");
    Ok(true)
}

/// Moves what is at `from`, and stood at `path`, into the quarantine, beside what was moved there before; its name says
/// where it stood.
pub(super) fn aside(root: &Path, from: &Path, path: &Path) -> Result<Finding, fs::Error> {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let name = relative.to_string_lossy().replace('/', "-");
    Ok(Finding::DamagedRecord { path: path.to_owned(), moved_to: aside_as(root, from, &name)? })
}

/// Moves what is at `from` into the quarantine, under `name` or, beside what has that name, with a number; where it is.
pub(super) fn aside_as(root: &Path, from: &Path, name: &str) -> Result<PathBuf, fs::Error> {
    let names = std::iter::once(name.to_owned()).chain((2..).map(|n| format!("{name}-{n}")));
    let quarantine = root.join("quarantine");
    let is_free = |path: &PathBuf| std::fs::symlink_metadata(path).is_err();
    let moved_to = names.map(|name| quarantine.join(name)).find(is_free);
    let moved_to = moved_to.expect("there are more numbers than files");
    fs::create_dir(&quarantine)?;
    rename_if_exists(from, &moved_to)?;
    Ok(moved_to)
}

pub(super) fn is_plain_file(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.is_file())
}

/// Renames a file, which may be gone already.
fn rename_if_exists(path: &Path, target: &Path) -> Result<(), fs::Error> {
    fs::if_exists(std::fs::rename(path, target).context("move aside", path)).map(drop)
}

/// Whether there is something at `path`, and not what belongs there. One look: between two, another process could make
/// the very folder that belongs there, and it would be moved aside with all that is in it by then.
fn is_else(path: &Path, belongs: fn(&Path, &Metadata) -> bool) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| !belongs(path, &found))
}

/// A link to a folder serves as one.
fn is_folder(path: &Path, found: &Metadata) -> bool {
    found.is_dir() || found.is_symlink() && path.is_dir()
}

fn is_file(_: &Path, found: &Metadata) -> bool {
    found.is_file()
}

fn is_hex(path: &Path, digits: usize) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.len() == digits && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
#[allow(
    clippy::disallowed_methods,
    reason = "what stands in the way of a test's own store harms nobody"
)]
mod tests {
    use super::super::tampering::{files, furnished};
    use super::super::tests::{key, result_of};
    use super::super::{Store, StoreError};
    use super::*;
    use crate::fs::Durability::Relaxed;

    const BYTES: &[u8] = b"in its place";

    /// Puts a folder in the place of a file, and a file in that of a folder.
    fn stand_in_the_way(path: &Path) {
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
            std::fs::write(path, "a file").unwrap();
        } else {
            std::fs::remove_file(path).unwrap();
            std::fs::create_dir_all(path.join("a folder")).unwrap();
        }
    }

    #[test]
    fn a_folder_that_is_made_meanwhile_is_not_in_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("actions/96");
        fs::create_dir(folder.parent().unwrap()).unwrap();
        std::thread::scope(|scope| {
            let others = scope.spawn(|| {
                for _ in 0..20_000 {
                    std::fs::create_dir(&folder).unwrap();
                    std::fs::remove_dir(&folder).unwrap();
                }
            });
            while !others.is_finished() {
                assert!(!give_way(dir.path(), &folder.join("a result")).unwrap());
            }
        });
    }

    #[test]
    fn what_stands_in_the_way_of_a_blob_gives_way() {
        let (_dir, store) = furnished();
        let digest = store.put(BYTES, Relaxed).unwrap();
        let blob = store.blob_path(&digest);
        for path in blob.ancestors().take_while(|path| *path != store.root()) {
            stand_in_the_way(path);
            let missing = store.read(&digest).unwrap_err();
            assert!(matches!(missing, StoreError::MissingBlob { .. }), "{missing}");
            store.put(BYTES, Relaxed).unwrap();
            assert_eq!(store.read(&digest).unwrap(), BYTES);
            stand_in_the_way(path);
            store.put(BYTES, Relaxed).unwrap();
            assert_eq!(store.read(&digest).unwrap(), BYTES);
        }
    }

    #[test]
    fn what_stands_in_the_way_of_a_result_gives_way() {
        let (_dir, store) = furnished();
        let result = result_of(&store, &[("out", "in its place")]);
        store.record_result(&key(7), &result, Relaxed).unwrap();
        let record = store.result_path(&key(7));
        for path in record.ancestors().take_while(|path| *path != store.root()) {
            stand_in_the_way(path);
            assert_eq!(store.result(&key(7)).unwrap(), None);
            store.record_result(&key(7), &result, Relaxed).unwrap();
            stand_in_the_way(path);
            store.record_result(&key(7), &result, Relaxed).unwrap();
            assert_eq!(store.result(&key(7)).unwrap(), Some(result.clone()));
        }
    }

    #[test]
    fn a_check_moves_aside_what_stands_in_the_way_anywhere() {
        let (_dir, store) = furnished();
        let root = store.root().to_owned();
        drop(store);
        let mut places: Vec<_> = files(&root);
        let above =
            |file: &PathBuf| file.ancestors().skip(1).map(Path::to_owned).collect::<Vec<_>>();
        places.extend(places.clone().iter().flat_map(above).filter(|path| path.starts_with(&root)));
        places.extend(FOLDERS.iter().map(|folder| root.join(folder)));
        // Deepest first, so that what is removed with a folder was in the way before.
        places.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
        places.dedup();
        let mut tried = 0;
        for path in places.iter().filter(|path| **path != root && path.exists()) {
            stand_in_the_way(path);
            let (store, findings) = Store::open_for_check(&root).unwrap();
            let is_it = |finding: &&Finding| matches!(finding, Finding::DamagedRecord { path: moved, .. } if moved == path);
            let count = findings.iter().filter(is_it).count();
            assert_eq!(count, 1, "{}: {findings:?}", path.display());
            store.fsck().unwrap();
            drop(store);
            let (_, findings) = Store::open_for_check(&root).unwrap();
            assert!(findings.is_empty(), "{}: {findings:?}", path.display());
            tried += 1;
        }
        assert!(tried > 20, "{tried}");
    }
}
