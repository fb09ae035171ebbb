//! Files that are whole or absent: atomic writes, durable folders, locks, and errors that name the path.
//!
//! A file appears under its name with all of its bytes or not at all, whatever dies in between.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::io::Errno;

/// A file operation that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk or the quota is full, or the file would exceed a limit of its size.
    #[error("no space left to {operation} `{path}`")]
    Full {
        /// What was tried: an infinitive.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file system is read-only, or permission is missing.
    #[error("no permission to {operation} `{path}`")]
    Denied {
        /// What was tried: an infinitive.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file, or the folder it should be in, does not exist.
    #[error("cannot {operation} `{path}`, which does not exist")]
    Missing {
        /// What was tried: an infinitive.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file stands where a folder is asked for, or something else where a file is.
    #[error("cannot {operation} `{path}`: something else stands in its place")]
    InTheWay {
        /// What was tried: an infinitive.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The file system cannot lock files, so that nothing would keep two processes apart.
    #[error("the file system of `{path}` cannot lock files, and so cannot be shared by two runs")]
    CannotLock {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Anything else.
    #[error("cannot {operation} `{path}`")]
    Io {
        /// What was tried: an infinitive.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// Says what was tried with which file.
    pub fn new(operation: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            kind if is_full(kind) => Self::Full { operation, path, source },
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::Denied { operation, path, source }
            }
            io::ErrorKind::NotFound => Self::Missing { operation, path, source },
            io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::AlreadyExists => Self::InTheWay { operation, path, source },
            _ => Self::Io { operation, path, source },
        }
    }

    /// What an attempt to lock a file ended in.
    fn of_lock(path: &Path, source: io::Error) -> Self {
        let errno = source.raw_os_error().map(Errno::from_raw_os_error);
        // NFS without its lock service, FUSE without `flock`, and platforms without either.
        let cannot = matches!(errno, Some(Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP))
            || source.kind() == io::ErrorKind::Unsupported;
        if cannot {
            Self::CannotLock { path: path.to_owned(), source }
        } else {
            Self::new("lock", path, source)
        }
    }

    /// Whether nothing may be written there.
    pub const fn is_denied(&self) -> bool {
        matches!(self, Self::Denied { .. })
    }

    /// Whether something else stood in the place of the file or of a folder above it.
    pub const fn is_in_the_way(&self) -> bool {
        matches!(self, Self::InTheWay { .. })
    }

    /// Whether the file did not exist.
    pub const fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

/// Whether there is no room for what is written.
const fn is_full(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(kind, StorageFull | QuotaExceeded | FileTooLarge)
}

/// Names the operation and the path in an I/O error.
pub trait Context<T> {
    /// Turns an I/O error into [`Error`]; `operation` is an infinitive: "read", "rename".
    fn context(self, operation: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, operation: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::new(operation, path, source))
    }
}

/// Whether a write outlives a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It outlives the process. A loss of power may undo or tear it; what reads it must notice (a digest, a checksum).
    Relaxed,
    /// Bytes and name are flushed to the disk before the call returns.
    Durable,
}

/// A file without its final name, removed unless it is persisted.
#[derive(Debug)]
pub struct TempFile {
    file: File,
    path: PathBuf,
    /// Whether it has its final name, and `path` is nobody's, or another's.
    is_persisted: bool,
}

impl TempFile {
    /// Creates an empty file in `dir`, which must be on the file system of the final name.
    pub fn create_in(dir: &Path) -> Result<Self, Error> {
        loop {
            let path = unique_path(dir);
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => {
                    // For [`remove_leftovers`]; without it, the number in the name must do.
                    drop(file.try_lock());
                    return Ok(Self { file, path, is_persisted: false });
                }
                // Only where the machine has no random numbers: a process of the same number is at it, or was killed.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::new("create", &path, error)),
            }
        }
    }

    /// Where the file is for now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file, open for reading and writing.
    pub const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Appends `bytes`.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).context("write", &self.path)
    }

    /// Takes away everybody's permission to write.
    pub fn set_read_only(&self) -> Result<(), Error> {
        self.file.set_permissions(Permissions::from_mode(0o444)).context("protect", &self.path)
    }

    /// Gives the file its name; whatever had the name is replaced.
    pub fn persist(&mut self, target: &Path, durability: Durability) -> Result<(), Error> {
        self.flush(durability)?;
        fs::rename(&self.path, target).context("rename to", target)?;
        self.is_persisted = true;
        flush_parent(target, durability)
    }

    /// Gives the file its name unless something has it already; says whether it did.
    pub fn persist_new(&mut self, target: &Path, durability: Durability) -> Result<bool, Error> {
        self.flush(durability)?;
        match rename_new(&self.path, target) {
            Ok(()) => self.is_persisted = true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(Error::new("rename to", target, error)),
        }
        flush_parent(target, durability).map(|()| true)
    }

    fn flush(&self, durability: Durability) -> Result<(), Error> {
        match durability {
            Durability::Relaxed => Ok(()),
            Durability::Durable => self.file.sync_all().context("flush", &self.path),
        }
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.is_persisted {
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Gives a file another name on the same file system; whatever had the name is replaced.
pub fn rename(source: &Path, target: &Path, durability: Durability) -> Result<(), Error> {
    fs::rename(source, target).context("rename to", target)?;
    flush_parent(target, durability)
}

/// Ways to give a file another name unless something has it, the best first.
const WAYS_TO_RENAME: [fn(&Path, &Path) -> io::Result<()>; 3] =
    [rename_if_free, link_if_free, look_if_free];

/// Gives a file another name on the same file system, unless something has it: then `AlreadyExists`.
fn rename_new(source: &Path, target: &Path) -> io::Result<()> {
    let [first, second, last] = WAYS_TO_RENAME;
    let or = |ended: io::Result<()>, next: fn(&Path, &Path) -> io::Result<()>| match ended {
        Err(error) if is_not_offered(&error) => next(source, target),
        ended => ended,
    };
    or(or(first(source, target), second), last)
}

/// Whether a file system does not offer what was asked for: a rename that replaces nothing, or a second name.
fn is_not_offered(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(errno, Some(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM))
        || error.kind() == io::ErrorKind::Unsupported
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn rename_if_free(source: &Path, target: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, source, CWD, target, RenameFlags::NOREPLACE)?)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
use link_if_free as rename_if_free;

/// By a second name.
fn link_if_free(source: &Path, target: &Path) -> io::Result<()> {
    fs::hard_link(source, target)?;
    // If the first one stays, a collection removes it.
    drop(fs::remove_file(source));
    Ok(())
}

/// By a look, while everybody else waits who has to look: FAT and some FUSE have nothing better.
fn look_if_free(source: &Path, target: &Path) -> io::Result<()> {
    let folder = File::open(parent_of(target))?;
    folder.lock()?;
    if fs::symlink_metadata(target).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(source, target)
}

/// Replaces the file `path` by `bytes`, whole or not at all.
pub fn write_atomic(path: &Path, bytes: &[u8], durability: Durability) -> Result<(), Error> {
    let mut temp = TempFile::create_in(parent_of(path))?;
    temp.write_all(bytes)?;
    temp.persist(path, durability)
}

/// Opens a file to read without waiting for anybody, should it be a pipe.
pub fn open_at_once(path: &Path) -> io::Result<File> {
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(nonblocking).open(path)
}

/// Opens a file to read. Anything else in its place is refused: a pipe or a device would keep its reader waiting.
pub fn open(path: &Path) -> Result<File, Error> {
    let file = open_at_once(path).context("read", path)?;
    let kind = file.metadata().context("read", path)?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    let source = io::Error::other("it is no regular file");
    Err(Error::InTheWay { operation: "read", path: path.to_owned(), source })
}

/// Reads a whole file.
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).context("read", path)?;
    Ok(bytes)
}

/// Reads a whole file, if it exists.
pub fn read_if_exists(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    if_exists(read(path))
}

/// Turns the absence of a file into `None`.
pub fn if_exists<T>(result: Result<T, Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Creates a folder and those above it, each flushed to the disk with its name.
pub fn create_dir_durable(path: &Path) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = parent_of(path);
    create_dir_durable(parent)?;
    match fs::create_dir(path) {
        Ok(()) => flush_dir(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(Error::new("create", path, error)),
    }
}

/// Creates a folder and those above it.
pub fn create_dir(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).context("create", path)
}

/// Refuses a path at which there is no folder to write into, and none can be created. Nothing is created.
pub fn check_dir(path: &Path) -> Result<(), Error> {
    let path = std::path::absolute(path).context("create", path)?;
    let above = path.ancestors().find_map(|above| Some((above, fs::metadata(above).ok()?)));
    let Some((above, found)) = above else { return Ok(()) };
    if !found.is_dir() {
        return Err(Error::new("create", &path, io::ErrorKind::NotADirectory.into()));
    }
    let rights = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
    rustix::fs::access(above, rights).map_err(|errno| Error::new("create", &path, errno.into()))
}

/// Removes a file; it may be gone already.
pub fn remove_file(path: &Path) -> Result<(), Error> {
    if_exists(fs::remove_file(path).context("remove", path)).map(drop)
}

/// Removes a folder with all in it; it may be gone already.
pub fn remove_dir(path: &Path) -> Result<(), Error> {
    if_exists(fs::remove_dir_all(path).context("remove", path)).map(drop)
}

/// Makes `path` show that it was used now. What cannot be marked stays as it is.
pub fn mark_used(path: &Path) {
    let now = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
    let times = rustix::fs::Timestamps { last_access: now, last_modification: now };
    rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::empty()).ok();
}

/// The paths in a folder, in bytewise order; none if it does not exist.
pub fn entries(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let Some(entries) = if_exists(fs::read_dir(dir).context("list", dir))? else {
        return Ok(Vec::new());
    };
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<Vec<_>>>()
        .context("list", dir)?;
    paths.sort();
    Ok(paths)
}

/// Makes `target` show the bytes of `source` without copying them where the file system can: by a second name for the
/// same file, which then must never be written again.
pub fn link_or_copy(source: &Path, target: &Path) -> Result<(), Error> {
    match fs::hard_link(source, target) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(Error::new("link", source, error))
        }
        // Another file system, or too many names.
        Err(_) => copy(source, target),
    }
}

/// Copies a file, sharing its blocks until either is written where the file system can.
pub fn copy(source: &Path, target: &Path) -> Result<(), Error> {
    let mut input = File::open(source).context("open", source)?;
    let mut output = File::create_new(target).context("create", target)?;
    #[cfg(target_os = "linux")]
    if rustix::fs::ioctl_ficlone(&output, &input).is_ok() {
        return Ok(());
    }
    io::copy(&mut input, &mut output).map(drop).map_err(|error| of_copy(source, target, error))
}

/// What a copy ended in. If there is no room, there is none where it is written.
fn of_copy(source: &Path, target: &Path, error: io::Error) -> Error {
    let (what, path) = if is_full(error.kind()) { ("write", target) } else { ("copy", source) };
    Error::new(what, path, error)
}

/// A lock on a file, held until it is dropped or its process ends, however it ends.
///
/// Whoever holds it may remove the file, as their last act under it: a lock on a file that has lost its name is no lock,
/// and is taken anew.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until nobody else holds the lock.
    pub fn exclusive(path: &Path) -> Result<Self, Error> {
        Self::wait(path, lock_file, File::lock)
    }

    /// Waits until nobody holds the lock exclusively. Whoever may only read the file can share it too.
    pub fn shared(path: &Path) -> Result<Self, Error> {
        Self::wait(path, |path| or_to_read(lock_file(path), path), File::lock_shared)
    }

    /// Takes the lock, or gives `None` if somebody else holds it.
    pub fn try_exclusive(path: &Path) -> Result<Option<Self>, Error> {
        loop {
            let file = lock_file(path)?;
            match file.try_lock() {
                Ok(()) if has_name(&file, path)? => return Ok(Some(Self { _file: file })),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(Error::of_lock(path, error)),
            }
        }
    }

    /// Whether somebody holds the lock. It is taken for the look alone; nobody holds one whose file is not there.
    pub fn is_held(path: &Path) -> Result<bool, Error> {
        // Some file systems lock only what is open for writing, and not every file may be written.
        let opened = match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(path),
            opened => opened,
        };
        let Some(file) = if_exists(opened.context("open", path))? else {
            return Ok(false);
        };
        match file.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(Error::of_lock(path, error)),
        }
    }

    fn wait(
        path: &Path,
        open: impl Fn(&Path) -> Result<File, Error>,
        lock: impl Fn(&File) -> io::Result<()>,
    ) -> Result<Self, Error> {
        loop {
            let file = open(path)?;
            match lock(&file) {
                Ok(()) if has_name(&file, path)? => return Ok(Self { _file: file }),
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::of_lock(path, error)),
            }
        }
    }
}

/// Whether `path` is still a name of the open file.
fn has_name(file: &File, path: &Path) -> Result<bool, Error> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata().context("inspect", path)?;
    let named = if_exists(fs::metadata(path).context("inspect", path))?;
    Ok(named.is_some_and(|named| (named.dev(), named.ino()) == (held.dev(), held.ino())))
}

fn lock_file(path: &Path) -> Result<File, Error> {
    let opened = File::options().read(true).write(true).create(true).truncate(false).open(path);
    opened.context("open", path)
}

/// What came of opening a file to write; where that is denied, the file to read.
fn or_to_read(opened: Result<File, Error>, path: &Path) -> Result<File, Error> {
    match opened {
        Err(Error::Denied { .. }) if path.is_file() => File::open(path).context("open", path),
        opened => opened,
    }
}

/// Removes what [`TempFile`]s of processes that were killed left in `dir`: files `.PID-RANDOM-N.tmp` where no process
/// PID runs and nobody holds the lock, which a writer of another machine or container does. What cannot be looked at,
/// locked or removed stays.
pub fn remove_leftovers(dir: &Path) {
    for path in entries(dir).unwrap_or_default() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_file = || path.symlink_metadata().is_ok_and(|meta| meta.is_file());
        if temporary_of(name).is_some_and(|pid| !is_running(pid))
            && is_file()
            && File::open(&path).is_ok_and(|file| file.try_lock().is_ok())
        {
            drop(fs::remove_file(&path));
        }
    }
}

/// The process whose temporary file has that name; an older program's has no random part.
fn temporary_of(name: &str) -> Option<u32> {
    let (pid, rest) = name.strip_prefix('.')?.strip_suffix(".tmp")?.split_once('-')?;
    let (random, number) = rest.split_once('-').unwrap_or(("0", rest));
    u128::from_str_radix(random, 16).ok()?;
    number.parse::<u64>().ok()?;
    pid.parse().ok()
}

/// Whether there is a process of that number, whoever's it is.
fn is_running(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(Errno::SRCH))
}

/// A path in `dir` that nobody has used before: a number does not tell a process from those of other containers. What
/// is random names files for a while, and is no part of any result.
pub fn unique_path(dir: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    static RANDOM: LazyLock<u128> = LazyLock::new(|| {
        let mut bytes = [0; 16];
        // Without it, files are still made only where there are none.
        getrandom::fill(&mut bytes).ok();
        u128::from_le_bytes(bytes)
    });
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    dir.join(format!(".{}-{:032x}-{number}.tmp", std::process::id(), *RANDOM))
}

fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        Some(_) => Path::new("."),
        None => path,
    }
}

fn flush_parent(path: &Path, durability: Durability) -> Result<(), Error> {
    match durability {
        Durability::Relaxed => Ok(()),
        Durability::Durable => flush_dir(parent_of(path)),
    }
}

fn flush_dir(dir: &Path) -> Result<(), Error> {
    File::open(dir).and_then(|file| file.sync_all()).context("flush", dir)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "half a file of a test's own folder harms nobody")]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        for (bytes, durability) in
            [(&b"longer than the next"[..], Durability::Durable), (b"next", Durability::Relaxed)]
        {
            write_atomic(&path, bytes, durability).unwrap();
            assert_eq!(read(&path).unwrap(), bytes);
        }
        assert_eq!(entries(dir.path()).unwrap(), [path]);
    }

    #[test]
    fn leftovers_of_the_dead_are_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut dead = std::process::Command::new("true").spawn().unwrap();
        let (dead_pid, own) = (dead.id(), std::process::id());
        dead.wait().unwrap();
        let names = [
            format!(".{dead_pid}-{:032x}-0.tmp", u128::MAX),
            format!(".{dead_pid}-1.tmp"),
            format!(".{own}-{:032x}-7.tmp", 5),
            format!("{dead_pid}-0.tmp"),
            format!(".{dead_pid}-x.tmp"),
            format!(".{dead_pid}-x-0.tmp"),
            ".-1-0.tmp".to_owned(),
            "a.lock".to_owned(),
        ];
        for name in &names {
            fs::write(dir.path().join(name), b"x").unwrap();
        }
        // The second is being written where its writer's number means another process.
        let writing = File::open(dir.path().join(&names[1])).unwrap();
        writing.try_lock().unwrap();
        remove_leftovers(dir.path());
        let mut kept = names[1..].to_vec();
        kept.sort();
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        let left: Vec<_> = entries(dir.path()).unwrap().iter().map(name).collect();
        assert_eq!(left, kept);
    }

    #[test]
    fn a_file_that_may_only_be_read_can_be_shared() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        // As it is for everybody but root, who may write whatever the permissions say.
        let denied =
            |path: &Path| or_to_read(Err(Error::new("open", path, Errno::ACCESS.into())), path);
        assert!(denied(&path).unwrap_err().is_denied() && !path.exists());
        assert!(Lock::shared(&dir.path().join("no/lock")).unwrap_err().is_missing());
        File::create(&path).unwrap().set_permissions(Permissions::from_mode(0o444)).unwrap();
        let held = Lock::shared(&path).unwrap();
        let _shared = Lock::wait(&path, denied, File::lock_shared).unwrap();
        drop(held);
        assert!(Lock::is_held(&path).unwrap(), "a reader's lock counts");
    }

    #[test]
    fn an_unfinished_file_is_never_seen() {
        let dir = tempfile::tempdir().unwrap();
        let mut temp = TempFile::create_in(dir.path()).unwrap();
        temp.write_all(b"half").unwrap();
        drop(temp);
        assert!(entries(dir.path()).unwrap().is_empty());
    }

    #[test]
    fn the_first_of_two_writers_of_a_new_file_wins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let write = |bytes: &[u8]| {
            let mut temp = TempFile::create_in(dir.path()).unwrap();
            temp.write_all(bytes).unwrap();
            temp.persist_new(&path, Durability::Relaxed).unwrap()
        };
        assert!(write(b"first"));
        assert!(!write(b"second"));
        assert_eq!(read(&path).unwrap(), b"first");
        assert_eq!(entries(dir.path()).unwrap().len(), 1);
    }

    #[test]
    fn each_way_to_take_a_free_name_takes_no_other() {
        for rename in WAYS_TO_RENAME {
            let dir = tempfile::tempdir().unwrap();
            let [first, second, target] = ["a", "b", "c"].map(|name| dir.path().join(name));
            fs::write(&first, "first").unwrap();
            fs::write(&second, "second").unwrap();
            rename(&first, &target).unwrap();
            let taken = rename(&second, &target).unwrap_err();
            assert!(taken.kind() == io::ErrorKind::AlreadyExists && !is_not_offered(&taken));
            assert_eq!(read(&target).unwrap(), b"first");
            assert_eq!(entries(dir.path()).unwrap(), [second, target]);
        }
    }

    /// Another process of the same number, in another container, would take the name as soon as it is free.
    #[test]
    fn a_temporary_file_touches_nothing_of_anothers() {
        let dir = tempfile::tempdir().unwrap();
        let mut temp = TempFile::create_in(dir.path()).unwrap();
        let path = temp.path().to_owned();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert_eq!(temporary_of(name), Some(std::process::id()));
        assert_ne!(name.split('-').nth(1), Some("0".repeat(32).as_str()), "{name}");
        temp.persist(&dir.path().join("target"), Durability::Relaxed).unwrap();
        fs::write(&path, "another's").unwrap();
        drop(temp);
        assert_eq!(read(&path).unwrap(), b"another's");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error =
            write_atomic(&dir.path().join("no/file"), b"", Durability::Relaxed).unwrap_err();
        assert!(matches!(error, Error::Missing { .. }), "{error:?}");
        assert!(error.to_string().contains("no/"), "{error}");
    }

    #[test]
    fn a_full_disk_and_a_read_only_one_have_kinds_of_their_own() {
        // `/dev/full` refuses every write with ENOSPC; `/proc` refuses new files from everybody.
        let mut full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let error = full.write_all(b"x").context("write", Path::new("/dev/full")).unwrap_err();
        assert!(matches!(error, Error::Full { .. }), "{error:?}");
        for code in [Errno::ROFS, Errno::ACCESS] {
            let error = Error::new("write", Path::new("x"), code.into());
            assert!(matches!(error, Error::Denied { .. }), "{error:?}");
        }
        for code in [Errno::NOSPC, Errno::DQUOT, Errno::FBIG] {
            let copied = of_copy(Path::new("from"), Path::new("to"), code.into());
            assert_eq!(copied.to_string(), "no space left to write `to`");
        }
        assert_eq!(error.to_string(), "no space left to write `/dev/full`");
    }

    #[test]
    fn a_lock_excludes_others_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        assert!(!Lock::is_held(&path).unwrap() && !path.exists(), "a look makes no file");
        let held = Lock::exclusive(&path).unwrap();
        assert!(Lock::try_exclusive(&path).unwrap().is_none() && Lock::is_held(&path).unwrap());
        drop(held);
        assert!(!Lock::is_held(&path).unwrap());
        assert!(Lock::try_exclusive(&path).unwrap().is_some());
    }

    #[test]
    fn a_file_system_without_locks_is_refused_by_name() {
        let path = Path::new("/mnt/locks/gc");
        for errno in [Errno::NOLCK, Errno::NOSYS, Errno::OPNOTSUPP] {
            let error = Error::of_lock(path, errno.into());
            assert!(matches!(error, Error::CannotLock { .. }), "{error:?}");
            assert!(error.to_string().starts_with("the file system of `/mnt/locks/gc` cannot"));
        }
        assert!(matches!(Error::of_lock(path, Errno::IO.into()), Error::Io { .. }));
    }

    /// Four threads take turns; each removes the file while it holds the lock, as a collection does.
    #[test]
    fn a_lock_whose_file_is_removed_still_excludes_everybody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let (inside, turns) = (AtomicU64::new(0), AtomicU64::new(0));
        let turn = |wait: bool| {
            let lock = if wait {
                Some(Lock::exclusive(&path).unwrap())
            } else {
                Lock::try_exclusive(&path).unwrap()
            };
            let Some(lock) = lock else { return };
            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two hold one lock");
            std::thread::yield_now();
            // Removing the file gives the lock up: the next one to come makes a new file.
            inside.fetch_sub(1, Ordering::SeqCst);
            remove_file(&path).unwrap();
            turns.fetch_add(1, Ordering::SeqCst);
            drop(lock);
        };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let turn = &turn;
                scope.spawn(move || (0..300).for_each(|number| turn((thread + number) % 2 == 0)));
            }
        });
        assert!(600 <= turns.load(Ordering::SeqCst), "those that wait get their turn");
    }

    #[test]
    fn folders_are_created_with_those_above_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/c");
        create_dir_durable(&path).unwrap();
        create_dir_durable(&path).unwrap();
        assert!(path.is_dir());
        fs::write(dir.path().join("file"), b"").unwrap();
        assert!(create_dir_durable(&dir.path().join("file/d")).is_err());
    }

    #[test]
    fn a_link_shows_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b, c) = (dir.path().join("a"), dir.path().join("b"), dir.path().join("c"));
        write_atomic(&a, b"bytes", Durability::Relaxed).unwrap();
        link_or_copy(&a, &b).unwrap();
        copy(&a, &c).unwrap();
        assert_eq!((read(&b).unwrap(), read(&c).unwrap()), (b"bytes".to_vec(), b"bytes".to_vec()));
        assert!(link_or_copy(&dir.path().join("absent"), &c).unwrap_err().is_missing());
    }
}
