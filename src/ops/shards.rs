//! `data pin --shards`: the manifest of a `WebDataset`, made by reading every shard once.
//!
//! Shards are read in parallel, each in passing (see [`scan_shard`]), and what is known of a shard is kept beside the
//! manifest as soon as it is known, so that a run that was stopped goes on where it was. The manifest is canonical: the
//! same shards give the same bytes, whatever the order in which threads finish.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::Builder;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::workspace::Workspace;
use crate::action::manifest::{Manifest, ManifestFile};
use crate::data::{DataError, SHARD_BYTES_MAX, chain, scan_shard};
use crate::digest::{BlobHasher, TreeDigest};
use crate::exec::ExecError;
use crate::fs::{self, Durability};
use crate::source::{self, Network, NetworkError};

/// The largest file that is looked at to learn whether it is a manifest.
const MANIFEST_BYTES_MAX: u64 = 1 << 30;

/// Names that a pattern may stand for, at most.
const SHARDS_MAX: usize = 1 << 20;

/// A shard that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedShard {
    /// What the manifest says of it.
    pub file: ManifestFile,
    /// Where it was read: a path or an address.
    pub place: String,
    /// When the file was changed last, in nanoseconds since 1970.
    pub modified_ns: Option<u64>,
    /// Of each skipped key, in order: why its sample cannot be read.
    pub reasons: Vec<String>,
}

/// A data set that was pinned.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PinnedShards {
    /// The manifest file.
    #[serde(serialize_with = "super::workspace::shown")]
    pub manifest: PathBuf,
    /// SHA-256 of its bytes: the name of the data set.
    pub sha256: TreeDigest,
    /// Its size.
    pub bytes: u64,
    /// Its shards.
    pub shards: usize,
    /// Samples that can be read.
    pub samples: u64,
    /// Samples that cannot.
    pub skipped: u64,
    /// Size of all shards.
    pub shard_bytes: u64,
}

impl Workspace {
    /// Reads the shards that `patterns` name and writes their manifest to `manifest`; `progress` hears of every shard,
    /// how many are done, and how many there are.
    ///
    /// A pattern is a path, or an address of a web server or a bucket (`http`, `https`), whose `{00000..00123}` stands for every number between, as wide as they are written. Beside the
    /// manifest lies `MANIFEST.partial` while this runs, and afterwards `MANIFEST.skipped.tsv` if samples cannot be read:
    /// shard, key and reason of each.
    ///
    /// # Errors
    ///
    /// A shard that is not there, is no tar file, ends early, or has a member that is a link, a device or is named as if
    /// it lay elsewhere; an address that does not answer. Nothing is written then but what is known of the others.
    pub fn pin_shards(
        &self,
        patterns: &[String],
        manifest: &Path,
        progress: &mut dyn FnMut(&PinnedShard, usize, usize),
    ) -> Result<PinnedShards, Error> {
        let paths = self.shard_paths(patterns)?;
        let manifest = self.settings.folder.join(manifest);
        refuse_to_replace(&manifest)?;
        let partial = with_suffix(&manifest, ".partial");
        let mut known = read_partial(&partial)?;
        let total = paths.len();
        let is_known = |(name, shard): &(&String, &Shard)| {
            known.get(*name).is_some_and(|known| shard.is_as(known))
        };
        let left: Vec<(&String, &Shard)> = paths.iter().filter(|p| !is_known(p)).collect();
        let folder = self.store_folder().join("tmp");
        if left.iter().any(|(_, shard)| matches!(shard, Shard::Web(_))) {
            self.store()?;
        }
        let network = self.network();
        let mut done = total - left.len();
        // Made when there is something to keep: a run that gives nothing leaves nothing.
        let mut log: Option<File> = None;
        let mut keep = |shard: &PinnedShard| -> Result<(), Error> {
            let cannot_write = |error| cannot("write", &partial, &error);
            // Opened anew behind a line that was torn.
            let mut file =
                log.take().map_or_else(|| open_to_append(&partial), Ok).map_err(cannot_write)?;
            let mut line =
                serde_json::to_vec(shard).expect("what is known of a shard is plain data");
            line.push(b'\n');
            file.write_all(&line).map_err(cannot_write)?;
            log = Some(file);
            Ok(())
        };
        for_each(
            self.settings.threads,
            Builder::new,
            &left,
            |(name, shard)| match shard {
                Shard::File(path) => pin(name, path, path.display().to_string()),
                Shard::Web(url) => pin_fetched(name, url, network.as_ref(), &folder),
            },
            |shard| {
                keep(&shard)?;
                done += 1;
                progress(&shard, done, total);
                known.insert(shard.file.name.clone(), shard);
                Ok(())
            },
        )?;
        let shards = paths.keys().filter_map(|name| known.remove(name)).collect();
        let pinned = finish(&manifest, shards)?;
        fs::if_exists(fs::remove_file(&partial))?;
        Ok(pinned)
    }

    /// The shards that patterns name, by their names; a data set's are in that order.
    fn shard_paths(&self, patterns: &[String]) -> Result<BTreeMap<String, Shard>, Error> {
        let mut paths = BTreeMap::new();
        for pattern in patterns {
            for name in expand(pattern)? {
                let shard = if name.contains("://") {
                    source::scheme(&name)
                        .map_err(|reason| usage(reason, "https://HOST/NAME.tar"))?;
                    Shard::Web(name.clone())
                } else {
                    Shard::File(self.settings.folder.join(&name))
                };
                let plain = name
                    .rsplit('/')
                    .next()
                    .filter(|name| name.ends_with(".tar") && !name.starts_with('.'));
                let Some(plain) = plain.map(ToOwned::to_owned) else {
                    return Err(usage(format!("`{name}` is not named like a shard"), "NAME.tar"));
                };
                if paths.insert(plain, shard).is_some() {
                    let message = format!("two shards have the name of `{name}`");
                    return Err(usage(message, "name each once"));
                }
            }
        }
        Ok(paths)
    }
}

/// Where a shard is read.
#[derive(Debug)]
enum Shard {
    File(PathBuf),
    Web(String),
}

impl Shard {
    /// Whether an earlier run read the same shard: there, of that size, and not changed since. What a server has is
    /// believed to stay as it was; whoever fetches it later compares the digest.
    fn is_as(&self, known: &PinnedShard) -> bool {
        match self {
            Self::Web(url) => *url == known.place,
            Self::File(path) => std::fs::metadata(path).is_ok_and(|found| {
                path.display().to_string() == known.place
                    && found.len() == known.file.bytes
                    && modified_ns(&found) == known.modified_ns
            }),
        }
    }
}

fn modified_ns(file: &std::fs::Metadata) -> Option<u64> {
    let since = file.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    u64::try_from(since.as_nanos()).ok()
}

/// Fetches one shard, reads it and lets it go again: on the disk there is one a thread.
fn pin_fetched(
    name: &str,
    url: &str,
    network: Option<&Network>,
    folder: &Path,
) -> Result<PinnedShard, Error> {
    let unfetched = |reason: String| missing(format!("cannot read `{url}`: {reason}"));
    let network = network.ok_or_else(|| unfetched(NetworkError::Offline.to_string()))?;
    let fetched =
        network.fetch(url, folder, SHARD_BYTES_MAX).map_err(|error| unfetched(chain(&error)))?;
    let pinned = pin(name, &fetched, url.to_owned())?;
    Ok(PinnedShard { modified_ns: None, ..pinned })
}

/// Reads one shard.
fn pin(name: &str, path: &Path, place: String) -> Result<PinnedShard, Error> {
    let file = crate::fs::open(path).map_err(|error| missing(chain(&error)))?;
    let found = file.metadata().map_err(|error| cannot("read", path, &error))?;
    if found.len() > SHARD_BYTES_MAX {
        let (shard, bytes, limit) = (name.to_owned(), found.len(), SHARD_BYTES_MAX);
        let source = DataError::ShardTooLarge { shard, bytes, limit };
        return Err(Error::Shard { path: PathBuf::from(&place), source });
    }
    let modified_ns = modified_ns(&found);
    let mut hashing = Hashing { file, hasher: BlobHasher::default() };
    let scanned = scan_shard(name, &mut hashing).map_err(|source| match source {
        DataError::Tar { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
            cannot("read", path, &source)
        }
        source => Error::Shard { path: PathBuf::from(&place), source },
    })?;
    // What follows the end of the archive belongs to the file too.
    io::copy(&mut hashing, &mut io::sink()).map_err(|error| cannot("read", path, &error))?;
    let (sha256, bytes) = hashing.hasher.finish();
    if bytes == 0 {
        let source = io::Error::new(io::ErrorKind::UnexpectedEof, "the file is empty");
        let source = DataError::Tar { shard: name.to_owned(), source };
        return Err(Error::Shard { path: PathBuf::from(&place), source });
    }
    let (skipped, reasons) = scanned.unreadable.into_iter().unzip();
    let samples = scanned.samples;
    let file = ManifestFile { name: name.to_owned(), sha256, bytes, samples, skipped };
    Ok(PinnedShard { file, place, modified_ns, reasons })
}

/// A file that is hashed as it is read.
struct Hashing {
    file: File,
    hasher: BlobHasher,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// An error unless `path` is free, or has a manifest: nobody's shard or other file is written over.
fn refuse_to_replace(path: &Path) -> Result<(), Error> {
    let Ok(found) = std::fs::symlink_metadata(path) else { return Ok(()) };
    let is_manifest = || fs::read(path).is_ok_and(|bytes| Manifest::decode(&bytes).is_ok());
    if found.is_file() && found.len() <= MANIFEST_BYTES_MAX && is_manifest() {
        return Ok(());
    }
    let message = format!("`{}` is there already, and is no manifest", path.display());
    Err(usage(message, "--manifest FILE, of another name"))
}

/// Gives the answers of `work` to `take`, as they come from so many threads, or those of them that the machine has room
/// for. An error stops the rest; of several the one is told whose item comes first. `thread` is what each is made with.
fn for_each<T: Sync, U: Send>(
    threads: usize,
    thread: impl Fn() -> Builder,
    items: &[T],
    work: impl Fn(&T) -> Result<U, Error> + Sync,
    mut take: impl FnMut(U) -> Result<(), Error>,
) -> Result<(), Error> {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for there in 0..threads.clamp(1, items.len().max(1)) {
            let (next, work, sender) = (&next, &work, sender.clone());
            let take_turns = move || {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else { break };
                    if sender.send((place, work(item))).is_err() {
                        break;
                    }
                }
            };
            match thread().spawn_scoped(scope, take_turns) {
                Ok(_) => {}
                Err(source) if there == 0 => {
                    return Err(Error::Exec(ExecError::NoThread { source }));
                }
                // Those that there are take every shard in turn.
                Err(error) => {
                    tracing::warn!(%error, "{there} shards at once: the machine has no more threads");
                    break;
                }
            }
        }
        drop(sender);
        let mut first: Option<(usize, Error)> = None;
        for (place, answer) in receiver {
            let Err(error) = answer.and_then(&mut take) else { continue };
            // Threads end after the shard that they are at.
            next.store(items.len(), Ordering::Relaxed);
            if first.as_ref().is_none_or(|(before, _)| place < *before) {
                first = Some((place, error));
            }
        }
        first.map_or(Ok(()), |(_, error)| Err(error))
    })
}

/// Writes the manifest and the list of what is skipped.
fn finish(path: &Path, shards: Vec<PinnedShard>) -> Result<PinnedShards, Error> {
    let mut listed = String::new();
    for shard in &shards {
        for (key, reason) in shard.file.skipped.iter().zip(&shard.reasons) {
            let plain = |text: &str| text.replace(char::is_control, " ");
            writeln!(listed, "{}\t{}\t{}", shard.file.name, plain(key), plain(reason))
                .expect("writing to a string succeeds");
        }
    }
    let list = with_suffix(path, ".skipped.tsv");
    if listed.is_empty() {
        // Of an earlier manifest.
        fs::remove_file(&list)?;
    } else {
        fs::write_atomic(&list, listed.as_bytes(), Durability::Durable)?;
    }
    let manifest = Manifest::new(shards.into_iter().map(|shard| shard.file).collect());
    let bytes = manifest.canonical_bytes();
    fs::write_atomic(path, &bytes, Durability::Durable)?;
    Ok(PinnedShards {
        manifest: path.to_owned(),
        sha256: manifest.digest(),
        bytes: bytes.len() as u64,
        shards: manifest.files.len(),
        samples: manifest.samples(),
        skipped: manifest.files.iter().map(|file| file.skipped.len() as u64).sum(),
        shard_bytes: manifest.files.iter().map(|file| file.bytes).sum(),
    })
}

/// What an earlier run left, by the name of the shard. A line that was torn is passed over.
fn read_partial(path: &Path) -> Result<BTreeMap<String, PinnedShard>, Error> {
    let bytes = fs::read_if_exists(path)?.unwrap_or_default();
    let lines = bytes.split(|byte| *byte == b'\n');
    let shards = lines.filter_map(|line| serde_json::from_slice::<PinnedShard>(line).ok());
    Ok(shards.map(|shard| (shard.file.name.clone(), shard)).collect())
}

/// Opens what an earlier run left, to go on behind its last line: whole or torn, the next one is not to be part of it.
fn open_to_append(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let mut last = *b"\n";
    if let Some(before) = file.metadata()?.len().checked_sub(1) {
        file.read_exact_at(&mut last, before)?;
    }
    if last != *b"\n" {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// The names that a pattern stands for: `a-{00..12}.tar` is thirteen.
fn expand(pattern: &str) -> Result<Vec<String>, Error> {
    let wrong =
        || usage(format!("`{pattern}` is not a pattern"), "such as: shards/{00000..00123}.tar");
    let Some((head, rest)) = pattern.split_once('{') else { return Ok(vec![pattern.to_owned()]) };
    let (range, tail) = rest.split_once('}').ok_or_else(wrong)?;
    let (first, last) = range.split_once("..").ok_or_else(wrong)?;
    let number = |text: &str| -> Option<usize> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    let (from, to) = number(first).zip(number(last)).ok_or_else(wrong)?;
    // Whoever writes more digits than a number has means something else.
    if from > to || to - from >= SHARDS_MAX || tail.contains('{') || first.len() > 20 {
        return Err(wrong());
    }
    let width = first.len();
    Ok((from..=to).map(|number| format!("{head}{number:0width$}{tail}")).collect())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn usage(message: String, hint: &str) -> Error {
    Error::Usage { message, hint: Some(hint.to_owned()) }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Error {
    missing(format!("cannot {what} `{}`: {error}", path.display()))
}

fn missing(message: String) -> Error {
    let hint = "what is known of other shards is kept; the same command goes on".to_owned();
    Error::Missing { message, hint }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::sync::Mutex;

    use super::*;
    use crate::digest::BlobDigest;
    use crate::ops::error::Kind;

    /// Those that cannot be had are to have more memory than there is.
    #[test]
    fn work_is_done_by_the_threads_that_can_be_had() {
        let sum_of_squares = |threads: usize| {
            let wanted = Cell::new(0);
            let thread = || {
                wanted.set(wanted.get() + 1);
                let thread = Builder::new();
                if wanted.get() > threads { thread.stack_size(1 << 60) } else { thread }
            };
            let mut sum = 0;
            let square = |number: &u32| Ok(number * number);
            let add = |square: u32| {
                sum += square;
                Ok(())
            };
            for_each(4, thread, &[1, 2, 3, 4, 5], square, add).map(|()| sum)
        };
        for threads in 1..=4 {
            assert_eq!(sum_of_squares(threads).unwrap(), 55);
        }
        assert_eq!(sum_of_squares(0).unwrap_err().kind(), Kind::Environment);
    }

    #[test]
    fn of_several_errors_the_one_of_the_first_item_is_told() {
        thread_local! {
            static AT_THE_END: RefCell<Option<mpsc::Sender<()>>> = const { RefCell::new(None) };
        }
        let (ends, ended) = mpsc::channel();
        let (ends, ended) = (Mutex::new(Some(ends)), Mutex::new(ended));
        // The first item fails when the thread of the second has told its error and is gone.
        let work = |item: &u32| -> Result<u32, Error> {
            if *item == 0 {
                ended.lock().unwrap().recv().unwrap_err();
            } else {
                AT_THE_END.set(ends.lock().unwrap().take());
            }
            Err(missing(format!("item {item}")))
        };
        let error = for_each(2, Builder::new, &[0, 1], work, |_| Ok(())).unwrap_err();
        assert_eq!(error.to_string(), "item 0");
    }

    /// A run was killed, or its disk was full, within a line.
    #[test]
    fn a_torn_line_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.partial");
        let line = |name: &str| {
            let (sha256, bytes) = (BlobDigest::of(name.as_bytes()), name.len() as u64);
            let file =
                ManifestFile { name: name.to_owned(), sha256, bytes, samples: 1, skipped: vec![] };
            let place = name.to_owned();
            let shard = PinnedShard { file, place, modified_ns: None, reasons: Vec::new() };
            [serde_json::to_vec(&shard).unwrap(), b"\n".to_vec()].concat()
        };
        open_to_append(&path).unwrap().write_all(&line("a.tar")).unwrap();
        open_to_append(&path).unwrap().write_all(&line("b.tar")[..40]).unwrap();
        open_to_append(&path).unwrap().write_all(&line("c.tar")).unwrap();
        assert!(read_partial(&path).unwrap().into_keys().eq(["a.tar", "c.tar"]));
        // Nothing stands between whole lines.
        let whole = std::fs::read(&path).unwrap();
        drop(open_to_append(&path).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        assert!(whole.starts_with(&line("a.tar")) && whole.ends_with(&line("c.tar")));
    }

    #[test]
    fn patterns_stand_for_every_number_between() {
        let names = |pattern: &str| expand(pattern).ok();
        assert_eq!(names("a.tar"), Some(vec!["a.tar".to_owned()]));
        let three = ["s/08.tar", "s/09.tar", "s/10.tar"].map(ToOwned::to_owned);
        assert_eq!(names("s/{08..10}.tar"), Some(three.to_vec()));
        assert_eq!(names("{00000..41455}.tar").map(|names| names.len()), Some(41_456));
        for wrong in ["{1..", "{1}", "{2..1}", "{a..b}", "{-1..2}", "{0..9999999}", "{0..1}{0..1}"]
        {
            assert_eq!(names(wrong), None, "{wrong}");
        }
        let digits = "0".repeat(70_000);
        assert_eq!(names(&format!("{{{digits}..1}}")), None);
    }
}
