//! What may go: everything that no root reaches and that nobody made or used of late.
//!
//! A recipe reaches its result, its outputs and the inputs that the experiment pins. It does not reach upstream
//! results: whoever wants those kept names them, as a lockfile does.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::materialise::manifest_blob;
use super::tmp::{self, Guard};
use super::{CACHES, Store, StoreError, fan_out_files, hex_of, results};
use crate::action::{Action, ActionResult, Input, canonical};
use crate::digest::{ActionKey, BlobDigest, RecipeId, TreeDigest};
use crate::fs::{self, Context as _, Durability, Lock};

/// The lock, in the copy of a commit, that everybody shares who reads it for long; `source` takes it.
const USERS: &str = "users";

/// What somebody needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Roots {
    /// Recipes, with their results, outputs and pinned inputs.
    pub recipes: BTreeSet<RecipeId>,
    /// Blobs.
    pub blobs: BTreeSet<BlobDigest>,
    /// Trees, with the files that they name.
    pub trees: BTreeSet<TreeDigest>,
}

impl Roots {
    /// Adds everything that `other` needs.
    pub fn extend(&mut self, other: Self) {
        self.recipes.extend(other.recipes);
        self.blobs.extend(other.blobs);
        self.trees.extend(other.trees);
    }
}

/// What a collection keeps.
#[derive(Debug)]
pub struct GcOptions<'a> {
    /// The time.
    pub now: SystemTime,
    /// What was made or used within this time is kept: a day, as a rule.
    pub keep_within: Duration,
    /// What is kept for the registered lockfiles and workspaces; live leases are added.
    pub roots: &'a Roots,
    /// Whether to count only.
    pub dry_run: bool,
}

/// What a collection removed and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GcReport {
    /// Blobs that were removed.
    pub removed_blobs: u64,
    /// Their size in bytes.
    pub removed_bytes: u64,
    /// Results that were removed, with their attestations.
    pub removed_results: u64,
    /// Leftovers of interrupted work, and of failed actions, that were removed.
    pub removed_leftovers: u64,
    /// Blobs that were kept.
    pub kept_blobs: u64,
    /// Their size in bytes.
    pub kept_bytes: u64,
}

/// How much the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Blobs.
    pub blobs: u64,
    /// Their size in bytes.
    pub blob_bytes: u64,
    /// Results.
    pub results: u64,
    /// Recipes in the index.
    pub recipes: u64,
    /// Bytes in resume checkpoints.
    pub scratch_bytes: u64,
    /// Blobs and results that were moved aside.
    pub quarantined: u64,
}

/// Keeps what it names from being collected, until it is dropped or its process ends.
#[derive(Debug)]
pub struct Lease {
    _guard: Guard,
}

/// A collection that has begun: nobody takes a lease before it is over.
#[derive(Debug)]
pub struct Collection<'a> {
    store: &'a Store,
    _alone: Lock,
}

impl Store {
    /// Waits for a collection that is under way, and keeps others from starting until the lock is dropped.
    pub fn without_collections(&self) -> Result<Lock, StoreError> {
        Ok(Lock::shared(&self.gc_lock())?)
    }

    /// Keeps `roots` from being collected; waits for a collection that is under way.
    pub fn lease(&self, roots: &Roots) -> Result<Lease, StoreError> {
        let _no_collection = self.without_collections()?;
        let path = fs::unique_path(&self.root.join("leases"));
        let name = path.file_name().expect("a lease has a name");
        loop {
            let temporary = self.tmp().join(name);
            let Some(lock) = Lock::try_exclusive(&temporary)? else {
                continue;
            };
            // In place, since the lock is on this very file. It gets its name once it is whole.
            std::fs::OpenOptions::new()
                .write(true)
                .truncate(true)
                .open(&temporary)
                .and_then(|mut file| std::io::Write::write_all(&mut file, &encode_lease(roots)))
                .context("write", &temporary)?;
            fs::rename(&temporary, &path, Durability::Relaxed)?;
            return Ok(Lease { _guard: Guard::new(path, lock) });
        }
    }

    /// Remembers what a collection must ask for: a workspace with its lockfiles, or a lockfile that is in no workspace's
    /// folder of them.
    pub fn register(&self, path: &Path) -> Result<(), StoreError> {
        let (file, bytes) = (self.mark_of(path), path.as_os_str().as_encoded_bytes());
        if fs::read_if_exists(&file)?.as_deref() != Some(bytes) {
            fs::write_atomic(&file, bytes, Durability::Durable)?;
        }
        Ok(())
    }

    /// The workspaces that were registered and still exist.
    pub fn workspaces(&self) -> Result<Vec<PathBuf>, StoreError> {
        Ok(self.registered()?.into_iter().filter(|path| path.is_dir()).collect())
    }

    /// The lockfiles that were registered and still exist.
    pub fn lockfiles(&self) -> Result<Vec<PathBuf>, StoreError> {
        Ok(self.registered()?.into_iter().filter(|path| path.is_file()).collect())
    }

    /// The registered workspaces, and folders of registered lockfiles, that are not there: what they keep is not known.
    /// A lockfile that somebody removed from its folder keeps nothing.
    ///
    /// # Errors
    ///
    /// Also if it cannot be found out whether one is there.
    pub fn missing(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut missing = Vec::new();
        for path in self.registered()? {
            let is_lockfile = path.extension().is_some_and(|extension| extension == "lock");
            let folder = if is_lockfile { path.parent() } else { None };
            let exists = |path: &Path| path.try_exists().context("inspect", path);
            if !exists(&path)? && !folder.map_or(Ok(false), exists)? {
                missing.push(path);
            }
        }
        Ok(missing)
    }

    /// Forgets a workspace or lockfile: what it keeps may be collected.
    pub fn forget(&self, path: &Path) -> Result<(), StoreError> {
        Ok(fs::remove_file(&self.mark_of(path))?)
    }

    /// The mark of a workspace or lockfile, which holds its path.
    fn mark_of(&self, path: &Path) -> PathBuf {
        let name = BlobDigest::of(path.as_os_str().as_encoded_bytes());
        self.root.join("workspaces").join(name.to_string())
    }

    fn registered(&self) -> Result<Vec<PathBuf>, StoreError> {
        use std::os::unix::ffi::OsStringExt;
        let mut registered = Vec::new();
        for file in fs::entries(&self.root.join("workspaces"))? {
            if is_temporary(&file) {
                continue;
            }
            let bytes = fs::read(&file)?;
            if !is_named_by(&file, &bytes) {
                return Err(StoreError::DamagedRoots { path: file });
            }
            registered.push(PathBuf::from(std::ffi::OsString::from_vec(bytes)));
        }
        Ok(registered)
    }

    /// Waits until nobody keeps collections from starting. The roots are to be gathered from then on: what somebody
    /// locked before, and has no lease of any more, is in a lockfile by then.
    pub fn begin_gc(&self) -> Result<Collection<'_>, StoreError> {
        Ok(Collection { store: self, _alone: Lock::exclusive(&self.gc_lock())? })
    }

    /// A whole collection, whose roots were known before it began.
    pub fn gc(&self, options: &GcOptions<'_>) -> Result<GcReport, StoreError> {
        self.begin_gc()?.remove(options)
    }

    fn collect(&self, options: &GcOptions<'_>) -> Result<GcReport, StoreError> {
        self.refresh_recipes()?;
        let mut roots = options.roots.clone();
        for path in fs::entries(&self.root.join("leases"))? {
            roots.extend(live_lease(&path)?);
        }
        let mut report = GcReport::default();
        let kept = self.mark(&roots, options, &mut report)?;
        for path in fan_out_files(&self.root.join("cas"))? {
            let Some(digest) = hex_of(&path).and_then(|hex| hex.parse::<BlobDigest>().ok()) else {
                continue;
            };
            let Some(meta) = fs::if_exists(path.symlink_metadata().context("inspect", &path))?
            else {
                continue;
            };
            if kept.contains(&digest) || is_recent(&path, options) {
                report.kept_blobs += 1;
                report.kept_bytes += meta.len();
            } else {
                report.removed_blobs += 1;
                report.removed_bytes += meta.len();
                remove(&path, options)?;
            }
        }
        report.removed_leftovers += self.remove_leftovers(options)?;
        Ok(report)
    }

    /// Counts what the store holds.
    pub fn usage(&self) -> Result<Usage, StoreError> {
        let size = |path: &PathBuf| path.symlink_metadata().map_or(0, |meta| meta.len());
        let blobs = fan_out_files(&self.root.join("cas"))?;
        let scratch = fan_out_files(&self.root.join("scratch"))?;
        Ok(Usage {
            blobs: blobs.len() as u64,
            blob_bytes: blobs.iter().map(size).sum(),
            results: fan_out_files(&self.root.join("actions"))?.len() as u64,
            recipes: self.recipe_keys().len() as u64,
            scratch_bytes: scratch.iter().map(size).sum(),
            quarantined: fs::entries(&self.root.join("quarantine"))?.len() as u64,
        })
    }

    fn gc_lock(&self) -> PathBuf {
        self.root.join("locks").join("gc")
    }

    /// The blobs to keep. Results that are not kept are removed, before any of their outputs is.
    fn mark(
        &self,
        roots: &Roots,
        options: &GcOptions<'_>,
        report: &mut GcReport,
    ) -> Result<BTreeSet<BlobDigest>, StoreError> {
        let mut kept = roots.blobs.clone();
        let mut trees = roots.trees.clone();
        let mut keys = BTreeSet::new();
        for recipe in &roots.recipes {
            // First of all: a log that cannot be read keeps nothing, and nothing may go for that.
            let bytes = self.recipe_bytes(recipe)?;
            keys.extend(self.recipe_key(recipe));
            let Some(bytes) = bytes else { continue };
            let Ok(action) = canonical::decode::<Action<Input>>(&bytes) else {
                continue;
            };
            for input in action.inputs.values() {
                match input {
                    Input::Blob(digest) => drop(kept.insert(*digest)),
                    Input::Tree(digest) => drop(trees.insert(*digest)),
                    Input::Output { .. } => {}
                }
            }
        }
        for tree in &trees {
            kept.insert(manifest_blob(tree));
            // A tree whose manifest is not here has no files to keep.
            if let Ok(manifest) = self.manifest(tree) {
                kept.extend(manifest.files.iter().map(|file| file.sha256));
            }
        }
        report.removed_leftovers += self.remove_failed(&keys, options)?;
        self.mark_results(&mut keys, &mut kept, options, report)?;
        if !options.dry_run {
            self.retain_recipes(&keys)?;
        }
        for path in fs::entries(&self.root.join("conflicts"))? {
            kept.extend(conflict_outputs(&path)?);
        }
        Ok(kept)
    }

    fn mark_results(
        &self,
        keys: &mut BTreeSet<ActionKey>,
        kept: &mut BTreeSet<BlobDigest>,
        options: &GcOptions<'_>,
        report: &mut GcReport,
    ) -> Result<(), StoreError> {
        for path in fan_out_files(&self.root.join("actions"))? {
            let Some(key) = hex_of(&path).and_then(|hex| hex.parse::<ActionKey>().ok()) else {
                continue;
            };
            if keys.contains(&key) || is_recent(&path, options) {
                keys.insert(key);
                if let Some(result) = self.result(&key)? {
                    kept.extend(digests(&result));
                }
            } else {
                report.removed_results += 1;
                remove(&path, options)?;
                if !options.dry_run {
                    fs::remove_dir(&self.attestation_dir(&key))?;
                }
            }
        }
        Ok(())
    }

    /// Removes the attestations and logs of actions that failed, and of those whose results are lost, unless they are
    /// of late or a recipe that somebody needs leads to the action; of how many. Those of a result go with it.
    fn remove_failed(
        &self,
        keys: &BTreeSet<ActionKey>,
        options: &GcOptions<'_>,
    ) -> Result<u64, StoreError> {
        let mut removed = 0;
        for folder in fan_out_files(&self.root.join("attestations"))? {
            let key = hex_of(&folder).and_then(|hex| hex.parse::<ActionKey>().ok());
            let Some(key) = key.filter(|key| folder.is_dir() && !keys.contains(key)) else {
                continue;
            };
            let stays = || -> Result<bool, StoreError> {
                let files = fs::entries(&folder)?;
                let is_recent = files.iter().chain([&folder]).any(|path| is_recent(path, options));
                Ok(is_recent || self.result_path(&key).exists())
            };
            if stays()? {
                continue;
            }
            // Whoever executes the action attests it before they give its lock back.
            let Some(_lock) = self.unused("scratch", &self.scratch_dir(&key), options)? else {
                continue;
            };
            // Executed between the look and the lock.
            if stays()? {
                continue;
            }
            removed += 1;
            if !options.dry_run {
                fs::remove_dir(&folder)?;
            }
        }
        Ok(removed)
    }

    /// Removes temporary files, work folders, resume checkpoints, locks, remembered evaluations, renderings and kernels,
    /// what arrived of downloads, and fetched commits that nobody made or used of late.
    fn remove_leftovers(&self, options: &GcOptions<'_>) -> Result<u64, StoreError> {
        let mut removed = 0;
        let others = ["tmp", "work", "scratch", "locks", "leases", "git", "downloads"];
        for folder in others.into_iter().chain(CACHES) {
            let mut paths = fs::entries(&self.root.join(folder))?;
            // A lock goes after what it guards: it would be made anew for that.
            paths.sort_by_key(|path| path.extension().is_some_and(|extension| extension == "lock"));
            for path in paths {
                if is_recent(&path, options) || path == self.gc_lock() {
                    continue;
                }
                let Some(_locks) = self.unused(folder, &path, options)? else {
                    continue;
                };
                // Used between the look and the lock.
                if is_recent(&path, options) {
                    continue;
                }
                removed += 1;
                if !path.is_dir() {
                    remove(&path, options)?;
                } else if !options.dry_run {
                    fs::remove_dir(&path)?;
                }
            }
        }
        Ok(removed)
    }

    /// The locks that whoever uses a leftover would hold; `None` if somebody does. Where nothing is to be removed, or
    /// nobody would begin to use it, none is taken, and no file made for it.
    fn unused(
        &self,
        folder: &str,
        path: &Path,
        options: &GcOptions<'_>,
    ) -> Result<Option<Vec<Lock>>, StoreError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let stem = name.split('.').next().unwrap_or_default();
        let guard = match folder {
            "locks" | "leases" => path.to_owned(),
            // Named by the action; whoever executes it holds its lock.
            "scratch" | "work" => self.root.join("locks").join(name),
            // Named by what is fetched, as the lock of whoever fetches it is.
            "git" | "downloads" => path.with_file_name(format!("{stem}.lock")),
            "tmp" => tmp::guard_of(path),
            _ => return Ok(Some(Vec::new())),
        };
        let mut locks = Vec::new();
        if options.dry_run || folder == "tmp" {
            if Lock::is_held(&guard)? {
                return Ok(None);
            }
        } else {
            let Some(lock) = Lock::try_exclusive(&guard)? else {
                return Ok(None);
            };
            locks.push(lock);
        }
        // Whoever reads a copy for long took the lock above for a moment, to take this one.
        let users = path.with_file_name(stem).join(USERS);
        let is_read = folder == "git" && users.is_file() && Lock::is_held(&users)?;
        Ok((!is_read).then_some(locks))
    }
}

impl Collection<'_> {
    /// Removes what no root reaches and nobody made or used of late.
    pub fn remove(self, options: &GcOptions<'_>) -> Result<GcReport, StoreError> {
        self.store.collect(options)
    }
}

/// SHA-256 of the rest in hexadecimal digits, a line feed, the roots as JSON.
fn encode_lease(roots: &Roots) -> Vec<u8> {
    let body = serde_json::to_vec(roots).expect("roots are plain data");
    [format!("{}\n", BlobDigest::of(&body)).as_bytes(), &body].concat()
}

fn decode_lease(bytes: &[u8]) -> Option<Roots> {
    let (header, body) = bytes.split_at_checked(65)?;
    let whole = header == format!("{}\n", BlobDigest::of(body)).as_bytes();
    if whole { serde_json::from_slice(body).ok() } else { None }
}

/// What a lease names; nothing if nobody holds it any more.
///
/// # Errors
///
/// If somebody holds it and it is damaged.
fn live_lease(path: &Path) -> Result<Roots, StoreError> {
    if !Lock::is_held(path)? {
        return Ok(Roots::default());
    }
    // Given back since.
    let Some(bytes) = fs::read_if_exists(path)? else {
        return Ok(Roots::default());
    };
    decode_lease(&bytes).ok_or_else(|| StoreError::DamagedRoots { path: path.to_owned() })
}

/// The leases that somebody holds and that are not what was written.
pub(super) fn damaged_leases(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut damaged = Vec::new();
    for path in fs::entries(&root.join("leases"))? {
        match live_lease(&path) {
            Err(StoreError::DamagedRoots { path }) => damaged.push(path),
            other => drop(other?),
        }
    }
    Ok(damaged)
}

/// The marks of workspaces that are not what was written.
pub(super) fn damaged_workspaces(root: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut damaged = Vec::new();
    for path in fs::entries(&root.join("workspaces"))? {
        if !is_temporary(&path) && !is_named_by(&path, &fs::read(&path)?) {
            damaged.push(path);
        }
    }
    Ok(damaged)
}

fn is_named_by(path: &Path, bytes: &[u8]) -> bool {
    path.file_name().is_some_and(|name| *name == *BlobDigest::of(bytes).to_string())
}

/// Whether a file is what a killed writer left.
fn is_temporary(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "tmp")
}

fn conflict_outputs(path: &Path) -> Result<Vec<BlobDigest>, StoreError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(key) = name.get(..64).and_then(|hex| hex.parse().ok()) else {
        return Ok(Vec::new());
    };
    let result = results::decode(&key, &fs::read(path)?);
    Ok(result.iter().flat_map(digests).collect())
}

fn digests(result: &ActionResult) -> impl Iterator<Item = BlobDigest> {
    result.outputs.values().map(|output| output.digest)
}

/// Whether a file was made, written or linked of late. One that cannot be inspected is left alone.
fn is_recent(path: &Path, options: &GcOptions<'_>) -> bool {
    let Ok(meta) = path.symlink_metadata() else {
        return true;
    };
    let seconds = u64::try_from(meta.mtime().max(meta.ctime())).unwrap_or(0);
    let used = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    options.now.duration_since(used).is_ok_and(|age| age < options.keep_within)
        || options.now < used
}

fn remove(path: &Path, options: &GcOptions<'_>) -> Result<(), StoreError> {
    if options.dry_run { Ok(()) } else { Ok(fs::remove_file(path)?) }
}
