//! Blobs by digest: hashed while they are written, hashed again when they are read.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Store, StoreError, locked, places};
use crate::digest::{BlobDigest, BlobHasher};
use crate::fs::{self, Context as _, Durability, TempFile};

/// How a file enters the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutMode {
    /// It is moved: for files that a job of ours made, on the store's file system.
    Move,
    /// It gets a second name where the file system can: for files that nobody writes again.
    Link,
    /// It is copied (sharing blocks where the file system can): for everybody else's files.
    Copy,
}

/// Seconds and nanoseconds since 1970, by the clock that stamps the files.
type Moment = (i64, i64);

/// What a file looked like when its bytes were hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: Moment,
    changed: Moment,
}

/// No file system's clock ticks more slowly.
const TICK_SECONDS: i64 = 2;

/// Whether every change from `began` on shows in the times of a file that was changed last at `changed`. One within the
/// same tick does not; what may have had one is what git calls racily clean.
fn is_settled(changed: Moment, began: Moment) -> bool {
    let (seconds, nanoseconds) = changed;
    (seconds.saturating_add(TICK_SECONDS), nanoseconds) <= began
}

/// Smaller blobs are hashed again in less time than it takes to find out whether they can be remembered.
const REMEMBERED_BYTES_MIN: u64 = 1 << 20;

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let meta = file.metadata()?;
        Ok(Self {
            device: meta.dev(),
            inode: meta.ino(),
            bytes: meta.len(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        })
    }
}

impl Store {
    /// Where a blob is, if the store has it.
    pub fn blob_path(&self, digest: &BlobDigest) -> PathBuf {
        self.fan_out("cas", &digest.to_string())
    }

    /// The size in bytes of a blob that the store has. Its bytes are not read.
    pub fn blob_size(&self, digest: &BlobDigest) -> Option<u64> {
        let meta = std::fs::symlink_metadata(self.blob_path(digest)).ok()?;
        meta.is_file().then_some(meta.len())
    }

    /// Stores `bytes`.
    pub fn put(&self, bytes: &[u8], durability: Durability) -> Result<BlobDigest, StoreError> {
        self.put_reader(&mut &*bytes, durability).map(|(digest, _)| digest)
    }

    /// Stores everything that `reader` gives; the digest and the size in bytes.
    pub fn put_reader(
        &self,
        reader: &mut dyn Read,
        durability: Durability,
    ) -> Result<(BlobDigest, u64), StoreError> {
        let (temp, digest, bytes) = self.write_temp(reader)?;
        self.persist_blob(temp, &digest, durability)?;
        Ok((digest, bytes))
    }

    /// Stores bytes from outside, provided that they have the digest that they are pinned under; their size.
    pub fn put_pinned(
        &self,
        expected: &BlobDigest,
        reader: &mut dyn Read,
        durability: Durability,
    ) -> Result<u64, StoreError> {
        let (temp, actual, bytes) = self.write_temp(reader)?;
        if actual != *expected {
            return Err(StoreError::WrongDigest { expected: *expected, actual });
        }
        self.persist_blob(temp, expected, durability)?;
        Ok(bytes)
    }

    /// Stores the file at `path`; the digest and the size in bytes.
    pub fn put_file(
        &self,
        path: &Path,
        mode: PutMode,
        durability: Durability,
    ) -> Result<(BlobDigest, u64), StoreError> {
        let owned = fs::unique_path(&self.tmp());
        match mode {
            PutMode::Move => std::fs::rename(path, &owned).context("move", path)?,
            PutMode::Link => fs::link_or_copy(path, &owned)?,
            PutMode::Copy => fs::copy(path, &owned)?,
        }
        // Hashed under the name that nobody else knows, so that what is hashed is what is stored.
        let stored = self.adopt(&owned, durability);
        fs::remove_file(&owned)?;
        stored
    }

    /// Reads a whole blob; its bytes have its digest.
    pub fn read(&self, digest: &BlobDigest) -> Result<Vec<u8>, StoreError> {
        let path = self.blob_path(digest);
        let bytes = self.if_in_place(&path, fs::read(&path))?;
        let bytes = bytes.ok_or(StoreError::MissingBlob { digest: *digest })?;
        let actual = BlobDigest::of(&bytes);
        if actual == *digest { Ok(bytes) } else { Err(self.quarantine(digest, actual)?) }
    }

    /// Opens a blob for reading in pieces; its bytes were hashed and have its digest.
    pub fn open_blob(&self, digest: &BlobDigest) -> Result<File, StoreError> {
        let path = self.blob_path(digest);
        let mut file = self.open_unhashed(digest)?;
        let stamp = Stamp::of(&file).context("inspect", &path)?;
        if locked(&self.verified).get(digest) != Some(&stamp) {
            self.hash(digest, &mut file)?;
            file.rewind().context("read", &path)?;
        }
        Ok(file)
    }

    /// Writes a blob to `writer`; nothing is written unless its bytes have its digest.
    pub fn copy_to(&self, digest: &BlobDigest, writer: &mut dyn Write) -> Result<u64, StoreError> {
        let mut file = self.open_blob(digest)?;
        io::copy(&mut file, writer).context("copy", &self.blob_path(digest)).map_err(StoreError::Fs)
    }

    /// Hashes a blob. A corrupt one is moved aside.
    pub fn verify_blob(&self, digest: &BlobDigest) -> Result<u64, StoreError> {
        let mut file = self.open_unhashed(digest)?;
        self.hash(digest, &mut file)
    }

    fn open_unhashed(&self, digest: &BlobDigest) -> Result<File, StoreError> {
        let path = self.blob_path(digest);
        let opened = self.if_in_place(&path, fs::open(&path))?;
        opened.ok_or(StoreError::MissingBlob { digest: *digest })
    }

    /// Hashes an open blob, and remembers a large one whose later changes would show.
    fn hash(&self, digest: &BlobDigest, file: &mut File) -> Result<u64, StoreError> {
        let path = self.blob_path(digest);
        let stamp = Stamp::of(file).context("inspect", &path)?;
        let began = if stamp.bytes < REMEMBERED_BYTES_MIN { None } else { self.moment() };
        let (actual, bytes) = BlobDigest::of_reader(file).context("read", &path)?;
        if actual != *digest {
            return Err(self.quarantine(digest, actual)?);
        }
        if began.is_some_and(|began| is_settled(stamp.modified.max(stamp.changed), began)) {
            locked(&self.verified).insert(*digest, stamp);
        }
        Ok(bytes)
    }

    /// The time by the clock that stamps the store's files, as a new one shows it; none where none can be made.
    fn moment(&self) -> Option<Moment> {
        let mut temp = TempFile::create_in(&self.tmp()).ok()?;
        Stamp::of(temp.file()).ok().map(|stamp| stamp.changed)
    }

    /// Gives a verified blob a second name at `target`.
    pub(super) fn link_blob(&self, digest: &BlobDigest, target: &Path) -> Result<u64, StoreError> {
        let path = self.blob_path(digest);
        loop {
            let file = self.open_blob(digest)?;
            fs::link_or_copy(&path, target)?;
            // A link changes the time of change, so that the blob is not known any more; a copy does not.
            let stamp = Stamp::of(&file).context("inspect", &path)?;
            let mut linked = fs::open(target)?;
            // What was hashed may have been replaced before it was linked, and a copy is another file.
            let is_it = Stamp::of(&linked).context("inspect", target)? == stamp;
            if is_it || BlobDigest::of_reader(&mut linked).context("read", target)?.0 == *digest {
                return Ok(stamp.bytes);
            }
            locked(&self.verified).remove(digest);
            fs::remove_file(target)?;
        }
    }

    /// Moves a corrupt blob aside and says so.
    fn quarantine(
        &self,
        expected: &BlobDigest,
        actual: BlobDigest,
    ) -> Result<StoreError, StoreError> {
        let path = self.root.join("quarantine").join(format!("{expected}-{actual}"));
        let source = self.blob_path(expected);
        // Somebody else may have moved it at the same moment.
        fs::if_exists(std::fs::rename(&source, &path).context("move aside", &source))?;
        locked(&self.verified).remove(expected);
        tracing::warn!(blob = %expected, actual = %actual, "a corrupt blob was moved aside");
        Ok(StoreError::Corrupt { expected: *expected, actual, path })
    }

    fn adopt(&self, owned: &Path, durability: Durability) -> Result<(BlobDigest, u64), StoreError> {
        let mut file = File::open(owned).context("open", owned)?;
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o444);
        file.set_permissions(mode).context("protect", owned)?;
        let (digest, bytes) = BlobDigest::of_reader(&mut file).context("read", owned)?;
        if durability == Durability::Durable {
            file.sync_all().context("flush", owned)?;
        }
        let target = self.blob_path(&digest);
        self.in_place(&target, durability, || {
            std::fs::rename(owned, &target).context("rename to", &target)
        })?;
        Ok((digest, bytes))
    }

    fn write_temp(&self, reader: &mut dyn Read) -> Result<(TempFile, BlobDigest, u64), StoreError> {
        let mut temp = TempFile::create_in(&self.tmp())?;
        let mut hasher = BlobHasher::default();
        let mut buffer = vec![0_u8; 1 << 16];
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(fs::Error::new("receive", temp.path(), error).into()),
            };
            hasher.update(&buffer[..count]);
            temp.write_all(&buffer[..count])?;
        }
        let (digest, bytes) = hasher.finish();
        Ok((temp, digest, bytes))
    }

    /// An older blob of the same name is replaced: these bytes were just hashed, the older ones may have rotted.
    fn persist_blob(
        &self,
        mut temp: TempFile,
        digest: &BlobDigest,
        durability: Durability,
    ) -> Result<(), StoreError> {
        temp.set_read_only()?;
        let target = self.blob_path(digest);
        if !target.parent().is_some_and(Path::is_dir) {
            self.make_place(&target, durability)?;
        }
        Ok(self.in_place(&target, durability, || temp.persist(&target, durability))?)
    }

    /// Turns the absence of the file at `path` into `None`; what stands in its way is moved aside.
    pub(super) fn if_in_place<T>(
        &self,
        path: &Path,
        result: Result<T, fs::Error>,
    ) -> Result<Option<T>, fs::Error> {
        match result {
            Err(error) if error.is_in_the_way() && places::give_way(&self.root, path)? => Ok(None),
            result => fs::if_exists(result),
        }
    }

    /// Tries again once the folder of `target` is made, and once nothing stands in the way, if that was what was wrong.
    pub(super) fn in_place<T>(
        &self,
        target: &Path,
        durability: Durability,
        mut attempt: impl FnMut() -> Result<T, fs::Error>,
    ) -> Result<T, fs::Error> {
        match attempt() {
            Err(error) if error.is_missing() || error.is_in_the_way() => {
                self.make_place(target, durability)?;
                attempt()
            }
            done => done,
        }
    }

    /// Makes the folder of `target`, with nothing in the way of either.
    fn make_place(&self, target: &Path, durability: Durability) -> Result<(), fs::Error> {
        while places::give_way(&self.root, target)? {}
        let parent = target.parent().expect("a stored file is in a folder");
        match durability {
            Durability::Relaxed => fs::create_dir(parent),
            Durability::Durable => fs::create_dir_durable(parent),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::store;
    use super::*;

    #[test]
    fn a_change_shows_if_the_last_one_was_two_seconds_before() {
        for (changed, began, shows) in [
            ((5, 0), (7, 0), true),
            ((5, 1), (7, 0), false),
            ((5, 0), (6, 999_999_999), false),
            ((5, 0), (5, 0), false),
            // By a clock that was set back since.
            ((9, 0), (5, 0), false),
            ((i64::MAX, 0), (5, 0), false),
        ] {
            assert_eq!(is_settled(changed, began), shows, "{changed:?}, {began:?}");
        }
    }

    #[test]
    fn a_blob_that_was_written_or_linked_just_now_is_hashed_again() {
        let (dir, store) = store();
        let digest = store.put(&vec![0_u8; 1 << 20], Durability::Relaxed).unwrap();
        let is_known = || {
            let stamp = Stamp::of(&File::open(store.blob_path(&digest)).unwrap()).unwrap();
            locked(&store.verified).get(&digest) == Some(&stamp)
        };
        store.open_blob(&digest).map(drop).unwrap();
        assert!(!is_known());
        std::thread::sleep(Duration::from_millis(2_100));
        store.verify_blob(&digest).unwrap();
        assert!(is_known());
        store.materialise_blob(&digest, &dir.path().join("linked")).unwrap();
        assert!(!is_known());
        assert!(fs::entries(&store.root().join("tmp")).unwrap().is_empty());
    }
}
