//! The content-addressed store: every byte that a run reads or makes, by its digest.
//!
//! | in the folder | is | trusted because |
//! |---|---|---|
//! | `layout` | the version of this table | an unknown one is refused, a damaged one is written anew by [`Store::fsck`] |
//! | `cas/` | blobs by SHA-256 | hashed when written and when read |
//! | `actions/` | results by action key | each carries a checksum over key and outputs |
//! | `recipes/` | recipe id → key, and each recipe's canonical bytes | checksums; can be lost without executing anything again |
//! | `attestations/` | who made a result, where and when, with the log | named by digest; read by [`Store::fsck`], to find forged results, and for `history` |
//! | `conflicts/` | results that a key gave beside the recorded one | checksums; kept for people |
//! | `quarantine/` | blobs whose bytes did not have their digest, damaged records, and what stood in the place of either | kept for people |
//! | `scratch/` | resume checkpoints by action key | jobs check them |
//! | `leases/` | what live processes need | checksums; a damaged one stops [`Store::gc`] |
//! | `workspaces/` | workspaces and lockfiles that [`Store::gc`] must ask for | named by digest; a damaged one stops [`Store::gc`], and so does the mark of one that is not there |
//! | `evaluations/`, `renderings/`, `kernels/` | caches of the rooms above | checksums; can be lost |
//! | `git/` | commits of others, by id | every object is hashed when it is read; removed by [`Store::gc`] once unused |
//! | `downloads/` | what is being downloaded | hashed before it becomes a blob; removed by [`Store::gc`] once stale |
//! | `locks/`, `tmp/`, `work/` | what is under way | removed by [`Store::gc`] once stale and nobody's |
//!
//! Any number of processes may use one store at once.

mod attestation;
mod cas;
mod fsck;
mod gc;
mod materialise;
mod places;
mod recipes;
mod results;
mod tmp;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use attestation::{Attestation, Attested, Maker};
pub use cas::PutMode;
pub use fsck::{Finding, FsckReport};
pub use gc::{Collection, GcOptions, GcReport, Lease, Roots, Usage};
pub use recipes::RecipeEntry;
pub use tmp::TmpDir;

use crate::action::canonical::CanonicalError;
use crate::digest::{ActionKey, BlobDigest, TreeDigest};
use crate::fs::{self, Durability};
pub use materialise::{MANIFEST, check_name, manifest_blob};

/// The layout that this program writes.
const LAYOUT: &str = "ibid-store/1\n";

/// The folders of a store that rooms above fill on their own.
pub const CACHES: [&str; 3] = ["evaluations", "kernels", "renderings"];

/// The folders of a store.
const FOLDERS: [&str; 12] = [
    "actions",
    "attestations",
    "cas",
    "conflicts",
    "leases",
    "locks",
    "quarantine",
    "recipes",
    "scratch",
    "tmp",
    "work",
    "workspaces",
];

/// A store operation that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file operation failed.
    #[error(transparent)]
    Fs(#[from] fs::Error),
    /// The folder holds other things.
    #[error("`{}` is neither empty nor a store", path.display())]
    NotAStore {
        /// The folder.
        path: PathBuf,
    },
    /// The store was made by another version of the program.
    #[error("the store `{}` has layout `{found}`; this program knows `ibid-store/1`", path.display())]
    UnknownLayout {
        /// The folder.
        path: PathBuf,
        /// What its marker says.
        found: String,
    },
    /// The marker of the store is no version of any layout.
    #[error("the marker of the store `{}` is damaged", path.display())]
    DamagedLayout {
        /// The folder.
        path: PathBuf,
    },
    /// A record of who uses the store is damaged: what they need is not known, so nothing may be removed.
    #[error("`{}` is damaged, and what it keeps from being collected is not known", path.display())]
    DamagedRoots {
        /// The record.
        path: PathBuf,
    },
    /// Workspaces that use the store are out of reach: what they need is not known, so nothing may be removed.
    #[error("not there, so that what it keeps from being collected is not known: {}", list(paths))]
    MissingRoots {
        /// The workspaces, and lockfiles outside of workspaces.
        paths: Vec<PathBuf>,
    },
    /// The store does not have a blob.
    #[error("the store has no blob {}", digest.short())]
    MissingBlob {
        /// The blob.
        digest: BlobDigest,
    },
    /// A blob's bytes do not have its digest. It was moved aside, so that the next run makes it again.
    #[error("blob {} has digest {}; it was moved to `{}`", expected.short(), actual.short(), path.display())]
    Corrupt {
        /// The digest that it is stored under.
        expected: BlobDigest,
        /// The digest of its bytes.
        actual: BlobDigest,
        /// Where the bytes are now.
        path: PathBuf,
    },
    /// Bytes from outside do not have the digest that they are pinned under.
    #[error("bytes pinned as {} have digest {}", expected.short(), actual.short())]
    WrongDigest {
        /// The pinned digest.
        expected: BlobDigest,
        /// The digest of the bytes.
        actual: BlobDigest,
    },
    /// An action gave other bytes than those recorded. Both are kept.
    #[error(
        "action {} gave other bytes than recorded: output `{output}` was {}, is {}; the new result is `{}`",
        key.short(), short(recorded.as_ref()), short(actual.as_ref()), kept.display()
    )]
    OtherBytes {
        /// The action.
        key: ActionKey,
        /// The first output that differs.
        output: String,
        /// Its recorded digest; `None`: there was no such output.
        recorded: Option<BlobDigest>,
        /// Its digest now; `None`: there is no such output.
        actual: Option<BlobDigest>,
        /// The file that names all outputs of the new result.
        kept: PathBuf,
    },
    /// A manifest cannot be read.
    #[error("tree {} has no valid manifest", digest.short())]
    BadManifest {
        /// The tree.
        digest: TreeDigest,
        /// The cause.
        #[source]
        source: CanonicalError,
    },
    /// A name from a manifest or an output folder would escape its folder, or is taken twice.
    #[error("`{name}` cannot be the name of a file in a tree")]
    BadName {
        /// The name.
        name: String,
    },
    /// A file of a tree has another size than its manifest says.
    #[error("file `{name}` of a tree has {actual} bytes; its manifest says {expected}")]
    WrongSize {
        /// The file.
        name: String,
        /// Its size in the manifest.
        expected: u64,
        /// Its size.
        actual: u64,
    },
}

impl StoreError {
    /// Whether bytes differ from the digest they are stored or pinned under, or from those recorded.
    pub const fn is_integrity(&self) -> bool {
        matches!(
            self,
            Self::Corrupt { .. }
                | Self::WrongDigest { .. }
                | Self::OtherBytes { .. }
                | Self::BadManifest { .. }
                | Self::WrongSize { .. }
                | Self::DamagedLayout { .. }
                | Self::DamagedRoots { .. }
        )
    }
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<_> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    paths.join(", ")
}

fn short(digest: Option<&BlobDigest>) -> String {
    digest.map_or_else(|| "absent".to_owned(), BlobDigest::short)
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    recipes: Mutex<recipes::Recipes>,
    verified: Mutex<BTreeMap<BlobDigest, cas::Stamp>>,
}

impl Store {
    /// Opens the store in `root`, which is made if it does not exist or is empty.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let layout = match fs::read_if_exists(&root.join("layout")) {
            Err(fs::Error::InTheWay { .. }) if !root.is_dir() => {
                return Err(StoreError::NotAStore { path: root.to_owned() });
            }
            Err(fs::Error::InTheWay { .. }) => {
                return Err(StoreError::DamagedLayout { path: root.to_owned() });
            }
            read => read?,
        };
        match layout {
            Some(found) if found == LAYOUT.as_bytes() => {
                // What somebody removed is made again, where that may be written.
                for folder in FOLDERS.iter().map(|folder| root.join(folder)) {
                    if !folder.is_dir() {
                        drop(fs::create_dir(&folder));
                    }
                }
            }
            Some(found) if !is_layout(&found) => {
                return Err(StoreError::DamagedLayout { path: root.to_owned() });
            }
            Some(found) => {
                let found = String::from_utf8_lossy(&found).trim_end().chars().take(80).collect();
                return Err(StoreError::UnknownLayout { path: root.to_owned(), found });
            }
            None => create(root)?,
        }
        let recipes = Mutex::new(recipes::Recipes::open(&root.join("recipes"))?);
        Ok(Self { root: root.to_owned(), recipes, verified: Mutex::default() })
    }

    /// Opens the store in `root` for a check: what stands where a file or a folder of the store belongs is moved aside, and
    /// a damaged marker is written anew, since every other file proves itself. What was found is also returned.
    pub fn open_for_check(root: &Path) -> Result<(Self, Vec<Finding>), StoreError> {
        match Self::open(root) {
            Ok(store) => Ok((store, places::clear(root)?)),
            Err(StoreError::DamagedLayout { .. } | StoreError::Fs(fs::Error::InTheWay { .. })) => {
                let mut found = places::clear(root)?;
                let layout = root.join("layout");
                if fs::read_if_exists(&layout)?.is_none_or(|marker| !is_layout(&marker)) {
                    // Should a loss of power undo it, the next check does it again.
                    fs::write_atomic(&layout, LAYOUT.as_bytes(), Durability::Relaxed)?;
                    found.push(Finding::DamagedLayout { path: root.to_owned() });
                }
                Ok((Self::open(root)?, found))
            }
            Err(error) => Err(error),
        }
    }

    /// The folder of the store.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether the store is still where it was opened.
    pub fn is_here(&self) -> bool {
        self.root.join("layout").is_file()
    }

    /// The folder for resume checkpoints of an action. It outlives interruptions and is no part of any result.
    pub fn scratch_dir(&self, key: &ActionKey) -> PathBuf {
        self.root.join("scratch").join(key.to_string())
    }

    /// The file whose lock says that somebody executes the action.
    pub fn lock_path(&self, key: &ActionKey) -> PathBuf {
        self.root.join("locks").join(key.to_string())
    }

    /// Makes an empty folder for the execution of an action, on the file system of the store. Whoever asks for it holds
    /// the lock at [`Self::lock_path`].
    pub fn new_work_dir(&self, key: &ActionKey) -> Result<PathBuf, StoreError> {
        let folder = self.work_dirs(key);
        // Left behind by a process that was killed. Its child may be about to die, and write a last file: no two
        // executions share a folder.
        if let Err(error) = fs::remove_dir(&folder) {
            tracing::debug!(%error, "a folder of an interrupted execution stays for now");
        }
        let path = fs::unique_path(&folder);
        fs::create_dir(&path)?;
        Ok(path)
    }

    /// Removes the folders of an action's executions.
    pub fn remove_work_dirs(&self, key: &ActionKey) -> Result<(), StoreError> {
        Ok(fs::remove_dir(&self.work_dirs(key))?)
    }

    fn work_dirs(&self, key: &ActionKey) -> PathBuf {
        self.root.join("work").join(key.to_string())
    }

    fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// `FOLDER/ab/cdef…`: at most 256 folders of a level, each small enough for any file system.
    fn fan_out(&self, folder: &str, hex: &str) -> PathBuf {
        fanned_out(&self.root, folder, hex)
    }
}

/// Where the store in a folder has a blob, if there is a store and it has it.
pub fn blob_path_in(root: &Path, digest: &BlobDigest) -> PathBuf {
    fanned_out(root, "cas", &digest.to_string())
}

fn fanned_out(root: &Path, folder: &str, hex: &str) -> PathBuf {
    let root = root.as_os_str();
    let mut path = std::ffi::OsString::with_capacity(root.len() + folder.len() + hex.len() + 3);
    path.push(root);
    for part in [folder, &hex[..2], &hex[2..]] {
        path.push("/");
        path.push(part);
    }
    path.into()
}

/// A panic while a cache was held cannot leave it half-changed: every change is one assignment or insertion.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a marker names some version of the layout.
fn is_layout(marker: &[u8]) -> bool {
    let version = marker.strip_prefix(b"ibid-store/").and_then(|rest| rest.strip_suffix(b"\n"));
    version.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

fn create(root: &Path) -> Result<(), StoreError> {
    let foreign = fs::entries(root)?.into_iter().any(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // Another process may be making the store at this moment.
        let is_folder = FOLDERS.contains(&name) || CACHES.contains(&name);
        !(is_folder || name == "layout" || name.ends_with(".tmp"))
    });
    if foreign {
        return Err(StoreError::NotAStore { path: root.to_owned() });
    }
    fs::create_dir_durable(root)?;
    for folder in FOLDERS {
        fs::create_dir(&root.join(folder))?;
    }
    // Flushes the names of the folders too.
    fs::write_atomic(&root.join("layout"), LAYOUT.as_bytes(), Durability::Durable)?;
    Ok(())
}

/// The name in a fan-out folder, put together again.
fn hex_of(path: &Path) -> Option<String> {
    let part = |path: &Path| path.file_name()?.to_str().map(str::to_owned);
    Some(part(path.parent()?)? + &part(path)?)
}

/// Files of a fan-out folder, in order.
fn fan_out_files(dir: &Path) -> Result<Vec<PathBuf>, fs::Error> {
    let mut files = Vec::new();
    for folder in fs::entries(dir)? {
        if folder.is_dir() {
            files.extend(fs::entries(&folder)?);
        } else {
            files.push(folder);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tampering;
#[cfg(test)]
mod tests;
