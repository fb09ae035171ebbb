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

/// What a file looked like when its bytes were hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

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
        let opened = self.if_in_place(&path, fs::open(&path))?;
        let mut file = opened.ok_or(StoreError::MissingBlob { digest: *digest })?;
        let stamp = Stamp::of(&file).context("inspect", &path)?;
        if locked(&self.verified).get(digest) == Some(&stamp) {
            return Ok(file);
        }
        let (actual, _) = BlobDigest::of_reader(&mut file).context("read", &path)?;
        if actual != *digest {
            return Err(self.quarantine(digest, actual)?);
        }
        file.rewind().context("read", &path)?;
        locked(&self.verified).insert(*digest, stamp);
        Ok(file)
    }

    /// Writes a blob to `writer`; nothing is written unless its bytes have its digest.
    pub fn copy_to(&self, digest: &BlobDigest, writer: &mut dyn Write) -> Result<u64, StoreError> {
        let mut file = self.open_blob(digest)?;
        io::copy(&mut file, writer).context("copy", &self.blob_path(digest)).map_err(StoreError::Fs)
    }

    /// Hashes a blob. A corrupt one is moved aside.
    pub fn verify_blob(&self, digest: &BlobDigest) -> Result<u64, StoreError> {
        let path = self.blob_path(digest);
        let opened = self.if_in_place(&path, fs::open(&path))?;
        let mut file = opened.ok_or(StoreError::MissingBlob { digest: *digest })?;
        let (actual, bytes) = BlobDigest::of_reader(&mut file).context("read", &path)?;
        if actual == *digest { Ok(bytes) } else { Err(self.quarantine(digest, actual)?) }
    }

    /// Gives a verified blob a second name at `target`.
    pub(super) fn link_blob(&self, digest: &BlobDigest, target: &Path) -> Result<u64, StoreError> {
        let path = self.blob_path(digest);
        loop {
            let file = self.open_blob(digest)?;
            fs::link_or_copy(&path, target)?;
            // The link itself changed the time of change.
            let stamp = Stamp::of(&file).context("inspect", &path)?;
            let mut linked = fs::open(target)?;
            // What was hashed may have been replaced before it was linked, and a copy is another file.
            let is_it = Stamp::of(&linked).context("inspect", target)? == stamp;
            if is_it || BlobDigest::of_reader(&mut linked).context("read", target)?.0 == *digest {
                locked(&self.verified).insert(*digest, stamp);
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
