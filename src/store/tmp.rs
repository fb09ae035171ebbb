//! Folders of what is under way, each with a lock beside it that says so.

use std::path::{Path, PathBuf};

use super::{Store, StoreError};
use crate::fs::{self, Context as _, Lock};

/// An empty folder in the store, removed with all that is in it when this is dropped. No collection removes it before.
#[derive(Debug)]
pub struct TmpDir {
    // It goes before its guard does: fields are dropped in their order.
    folder: tempfile::TempDir,
    _guard: Guard,
}

impl TmpDir {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A file that is locked as long as it is there, and goes when this does.
#[derive(Debug)]
pub(super) struct Guard {
    path: PathBuf,
    _lock: Lock,
}

impl Guard {
    pub(super) fn new(path: PathBuf, lock: Lock) -> Self {
        Self { path, _lock: lock }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // If it stays, the next collection sees that nobody holds it.
        drop(fs::remove_file(&self.path));
    }
}

impl Store {
    /// Makes a folder whose name begins with `prefix`.
    pub fn tmp_dir(&self, prefix: &str) -> Result<TmpDir, StoreError> {
        let tmp = self.tmp();
        let made = tempfile::Builder::new().prefix(prefix).tempdir_in(&tmp);
        let folder = made.context("create a folder in", &tmp)?;
        // Too young by far to be collected meanwhile.
        let path = guard_of(folder.path());
        let lock = Lock::exclusive(&path)?;
        Ok(TmpDir { folder, _guard: Guard::new(path, lock) })
    }
}

/// What is locked as long as somebody uses an entry of `tmp/`: the file beside a folder, any other file itself.
pub(super) fn guard_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.with_added_extension("lock") } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DAY, store};
    use super::super::{GcOptions, Roots};
    use super::*;

    #[test]
    fn a_folder_under_way_is_collected_only_when_nobody_holds_it() {
        let (_dir, store) = store();
        let tmp = store.root().join("tmp");
        let folder = store.tmp_dir("look-").unwrap();
        std::fs::create_dir(folder.path().join("inputs")).unwrap();
        // What a killed process leaves: nobody holds either.
        let dead = tmp.join("verify-0");
        std::fs::create_dir_all(dead.join("store/cas")).unwrap();
        std::fs::File::create(guard_of(&dead)).unwrap();
        let mut writing = fs::TempFile::create_in(&tmp).unwrap();
        let now = std::time::SystemTime::UNIX_EPOCH + 100_000 * DAY;
        let collect = |dry_run| {
            let roots = Roots::default();
            store.gc(&GcOptions { now, keep_within: DAY, roots: &roots, dry_run }).unwrap()
        };
        assert_eq!(collect(true).removed_leftovers, 2);
        assert_eq!(collect(false).removed_leftovers, 2);
        assert!(!dead.exists() && folder.path().join("inputs").is_dir());
        writing.persist(&tmp.join("written"), fs::Durability::Relaxed).unwrap();
        drop((writing, folder));
        assert_eq!(fs::entries(&tmp).unwrap(), [tmp.join("written")]);
        assert_eq!(collect(false).removed_leftovers, 1);
    }
}
