//! `store`: check it, collect what nobody needs, add files, hand out blobs.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::error::Error;
use super::name::{ExperimentName, Name};
use super::workspace::Workspace;
use crate::commit::{Commit, ObjectError};
use crate::digest::BlobDigest;
use crate::exec::worker;
use crate::fs::{self, Durability};
use crate::plan::{self, Lockfile};
use crate::report::page;
use crate::source::is_commit_id;
use crate::spec;
use crate::store::{
    CACHES, Finding, FsckReport, GcOptions, GcReport, PutMode, Roots, Store, Usage,
};

/// What was made or used within this time is never collected.
const KEEP_WITHIN: Duration = Duration::from_secs(24 * 3600);

impl Workspace {
    /// Hashes everything in the store; what is not what was written is moved aside.
    pub fn fsck(&self) -> Result<FsckReport, Error> {
        let (store, found) = Store::open_for_check(self.store_folder())?;
        let mut report = store.fsck()?;
        report.findings.splice(..0, found);
        for folder in CACHES {
            self.check_cache(folder, &mut report)?;
        }
        for path in fs::entries(&self.repositories().folder)? {
            let id = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_commit_id(&id) && !Self::is_whole_commit(&path, &id)? {
                report.findings.push(store.set_aside(&path)?);
            }
        }
        // Afterwards: a damaged mark of this very workspace would be mended unseen.
        self.register_in(&store)?;
        Ok(report)
    }

    /// Whether a copy of a commit is one, to the last object.
    fn is_whole_commit(copy: &Path, id: &str) -> Result<bool, Error> {
        let commit = Commit::open(copy, id).and_then(|commit| {
            let commit = commit.ok_or_else(|| ObjectError::NoCommit { id: id.to_owned() })?;
            commit.check()
        });
        match commit {
            Ok(()) => Ok(true),
            Err(error) if error.is_integrity() || matches!(error, ObjectError::NoCommit { .. }) => {
                Ok(false)
            }
            // What is missing of it cannot be read either.
            Err(ObjectError::Object { source, .. })
                if source.code() == git2::ErrorCode::NotFound =>
            {
                Ok(false)
            }
            Err(error) => Err(Error::BadResult {
                what: copy.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }

    /// Removes remembered evaluations, renderings or kernels that are damaged.
    fn check_cache(&self, folder: &str, report: &mut FsckReport) -> Result<(), Error> {
        for path in fs::entries(&self.store_folder().join(folder))? {
            let is_whole: fn(&[u8]) -> bool = match path.extension().and_then(|e| e.to_str()) {
                Some("evaluation") => spec::cache::is_whole,
                Some("png" | "pdf") => |bytes| page::unsealed(bytes).is_some(),
                Some("kernels") => |bytes| worker::unsealed_kernels(bytes).is_some(),
                // What a killed writer left.
                _ => continue,
            };
            if fs::read_if_exists(&path)?.is_some_and(|bytes| !is_whole(&bytes)) {
                fs::remove_file(&path)?;
                report.findings.push(Finding::DamagedCache { path });
            }
        }
        Ok(())
    }

    /// Removes what no registered workspace's lockfiles, no running command and not the last day reaches.
    pub fn gc(&self, dry_run: bool) -> Result<GcReport, Error> {
        let store = self.store()?;
        let mut roots = Roots::default();
        for workspace in store.workspaces()? {
            roots.extend(lockfile_roots(&workspace)?);
        }
        roots.extend(self.pinned_roots());
        let options =
            GcOptions { now: self.clock.now(), keep_within: KEEP_WITHIN, roots: &roots, dry_run };
        Ok(store.gc(&options)?)
    }

    /// Counts what the store holds.
    pub fn usage(&self) -> Result<Usage, Error> {
        Ok(self.store()?.usage()?)
    }

    /// Puts a file into the store; its digest and size.
    pub fn add_file(&self, file: &Path) -> Result<(BlobDigest, u64), Error> {
        let path = self.settings.folder.join(file);
        if !path.exists() {
            let missing = std::io::ErrorKind::NotFound.into();
            return Err(fs::Error::new("read", file, missing).into());
        }
        if !path.is_file() {
            return Err(Error::Usage {
                message: format!("`{}` is not a regular file", file.display()),
                hint: None,
            });
        }
        Ok(self.store()?.put_file(&path, PutMode::Copy, Durability::Durable)?)
    }

    /// Writes a blob, hashed as it is read.
    pub fn cat(&self, digest: &BlobDigest, writer: &mut dyn Write) -> Result<u64, Error> {
        let store = self.store()?;
        // Hashed before the first byte is handed out: what was printed cannot be taken back.
        store.verify_blob(digest)?;
        Ok(store.copy_to(digest, writer)?)
    }

    /// What this workspace's experiments pin, as far as they can be loaded.
    fn pinned_roots(&self) -> Roots {
        let mut roots = Roots::default();
        for experiment in self.experiments().unwrap_or_default() {
            let name = Name { experiment: ExperimentName::InWorkspace(experiment), target: None };
            let plan = self
                .load(&name)
                .ok()
                .and_then(|loaded| plan::expand(&loaded.experiment, None).ok());
            if let Some(plan) = plan {
                roots.blobs.extend(plan.sources().keys().copied());
                roots.trees.extend(plan.trees().keys().copied());
                roots.recipes.extend(plan.nodes().keys().copied());
            }
        }
        roots
    }
}

/// The recipes that a workspace's lockfiles name. A workspace that is gone needs nothing; a lockfile that cannot be read
/// stops the collection, since it may name anything.
fn lockfile_roots(workspace: &Path) -> Result<Roots, Error> {
    let mut roots = Roots::default();
    let folder = workspace.join("lockfiles");
    if !folder.is_dir() {
        return Ok(roots);
    }
    for path in fs::entries(&folder)? {
        if path.extension().is_none_or(|extension| extension != "lock") {
            continue;
        }
        let bytes = fs::read(&path)?;
        let lockfile = Lockfile::decode(&String::from_utf8_lossy(&bytes))
            .map_err(|source| Error::Lockfile { path: path.clone(), source })?;
        for action in lockfile.actions().values() {
            roots.recipes.insert(action.recipe);
            roots.blobs.extend(action.outputs.values().copied());
        }
    }
    Ok(roots)
}
