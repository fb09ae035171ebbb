//! Evaluations remembered: a run with nothing to do starts no evaluator.
//!
//! An entry is as good as whoever can write to its folder: who judges an experiment evaluates it anew.
//!
//! An entry holds the value and the digests of all files it was made of, and the names of all files that were looked for
//! in vain. It is valid for as long as those files have those bytes and the others stay absent. An entry that is torn,
//! of another version or not ours is no entry.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::wire::Wire as _;
use super::{Evaluated, Request, confined};
use crate::commit::Root;
use crate::digest::{BlobDigest, tagged};

/// Names the format and the evaluator: raised whenever the same files might give another value.
const VERSION: &str = "ibid evaluation 1";
/// What the name of every version begins with.
const FORMAT: &str = "ibid evaluation ";

/// Larger entries are not written, and not read.
const ENTRY_BYTES_MAX: u64 = 80 << 20;

/// What an entry's validity depends on, seen now.
pub trait Reader {
    /// The digest of a file below the import root; nothing if it is absent or may not be read.
    fn file(&self, name: &str) -> Option<BlobDigest>;
    /// Whether a pinned import is there.
    fn has_pin(&self, pin: BlobDigest) -> bool;
    /// Whether a file below the import root is absent (one that may not be read is not absent).
    fn is_absent(&self, name: &str) -> bool;
}

/// Reads the files of a request where the evaluator would.
pub struct Files {
    root: Root,
    pins: Vec<PathBuf>,
}

impl Files {
    /// # Errors
    ///
    /// If the import root does not exist.
    pub fn new(request: &Request) -> io::Result<Self> {
        Ok(Self { root: confined::canonical(&request.root)?, pins: request.pins.clone() })
    }
}

impl Reader for Files {
    fn file(&self, name: &str) -> Option<BlobDigest> {
        confined::read(&self.root, name).ok().flatten().map(|bytes| BlobDigest::of(&bytes))
    }

    fn has_pin(&self, pin: BlobDigest) -> bool {
        confined::read_pinned(&self.pins, pin).is_some()
    }

    fn is_absent(&self, name: &str) -> bool {
        matches!(confined::read(&self.root, name), Ok(None))
    }
}

/// Whether evaluating again would give `entry` again.
pub fn is_valid(entry: &Evaluated, reader: &impl Reader) -> bool {
    let sources = &entry.sources;
    sources.files.iter().all(|(name, digest)| reader.file(name).as_ref() == Some(digest))
        && sources.absent.iter().all(|name| reader.is_absent(name))
        && !sources.absent_pins.iter().any(|pin| reader.has_pin(*pin))
}

/// The remembered evaluation of `request`, if there is a valid one in `folder`.
pub fn load(folder: &Path, request: &Request) -> Option<Evaluated> {
    let files = Files::new(request).ok()?;
    let path = folder.join(entry_name(request, &files.root));
    let metadata = fs::metadata(&path).ok()?;
    if !metadata.is_file() || metadata.len() > ENTRY_BYTES_MAX {
        return None;
    }
    let entry = decode(&fs::read(&path).ok()?, request)?;
    is_valid(&entry, &files).then_some(entry)
}

/// Remembers an evaluation of `request` in `folder`, which is made if need be.
///
/// # Errors
///
/// If the folder cannot be written. Nothing depends on an entry, so the caller may go on.
pub fn save(folder: &Path, request: &Request, evaluated: &Evaluated) -> io::Result<()> {
    let files = Files::new(request)?;
    let bytes = encode(request, evaluated);
    if bytes.len() as u64 > ENTRY_BYTES_MAX {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&bytes)?;
    file.persist(folder.join(entry_name(request, &files.root)))?;
    Ok(())
}

/// One entry for a file, an expected type and what is asked of them. It does not name the folder: an entry holds for
/// the same files wherever they lie, so a workspace may move, or be cloned, with its store.
fn entry_name(request: &Request, root: &Root) -> String {
    let root = match root {
        Root::Folder(_) => Root::default(),
        Root::Commit(_) => root.clone(),
    };
    let asked = Request { root, pins: Vec::new(), ..request.clone() };
    let digest = BlobDigest::from_bytes(tagged(VERSION, &asked.to_bytes()));
    format!("{digest}.evaluation")
}

/// Version, checksum of the rest, expected type, evaluation.
fn encode(request: &Request, evaluated: &Evaluated) -> Vec<u8> {
    let mut body = request.expected.to_bytes();
    evaluated.write(&mut body);
    let mut bytes = VERSION.as_bytes().to_vec();
    bytes.extend_from_slice(&tagged(VERSION, &body));
    bytes.extend_from_slice(&body);
    bytes
}

/// Whether an entry, of whatever request and of this version or another, is what was written.
pub fn is_whole(entry: &[u8]) -> bool {
    let named = |length: &usize| {
        let version = entry.get(..*length).and_then(|bytes| std::str::from_utf8(bytes).ok());
        version.filter(|version| version.starts_with(FORMAT))
    };
    // The number of a version has one digit, or two.
    let mut lengths = FORMAT.len() + 1..=FORMAT.len() + 2;
    lengths.any(|length| named(&length).is_some_and(|v| body_of(entry, v).is_some()))
}

fn body_of<'a>(entry: &'a [u8], version: &str) -> Option<&'a [u8]> {
    let (checksum, body) = entry.strip_prefix(version.as_bytes())?.split_at_checked(32)?;
    (tagged(version, body) == checksum).then_some(body)
}

fn decode(bytes: &[u8], request: &Request) -> Option<Evaluated> {
    let body = body_of(bytes, VERSION)?;
    let rest = body.strip_prefix(&*request.expected.to_bytes())?;
    Evaluated::from_bytes(rest)
}
