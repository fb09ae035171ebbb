//! `store`: check it, collect what nobody needs, add files, hand out blobs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::Error;
use super::name::{EXPERIMENTS, ExperimentName, Name};
use super::workspace::{Loaded, Settings, Workspace, register};
use crate::commit::{Commit, ObjectError, Unread};
use crate::digest::BlobDigest;
use crate::exec::clock::FixedClock;
use crate::exec::worker;
use crate::fs::{self, Context as _, Durability};
use crate::plan::{self, Lockfile};
use crate::report::page;
use crate::source::is_commit_id;
use crate::spec;
use crate::store::{
    CACHES, Finding, FsckReport, GcOptions, GcReport, PutMode, Roots, Store, StoreError, Usage,
};

/// What was made or used within this time is never collected.
const KEEP_WITHIN: Duration = Duration::from_secs(24 * 3600);

impl Workspace {
    /// Hashes everything in the store; what is not what was written is moved aside.
    pub fn fsck(&self) -> Result<FsckReport, Error> {
        self.refuse_absent_store()?;
        let (store, found) = Store::open_for_check(self.store_folder())?;
        let mut report = store.fsck()?;
        report.findings.splice(..0, found);
        for folder in CACHES {
            self.check_cache(&store, folder, &mut report)?;
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
        match Commit::known(copy, id).and_then(|commit| commit.check()) {
            Ok(unread) => {
                for Unread { id: object, bytes } in unread {
                    tracing::warn!(
                        "object {object} of commit {id} has {bytes} bytes: it was not read"
                    );
                }
                Ok(true)
            }
            Err(error) if error.is_integrity() || matches!(error, ObjectError::NoCommit { .. }) => {
                Ok(false)
            }
            Err(error) => Err(Error::BadResult {
                what: copy.display().to_string(),
                reason: error.to_string(),
            }),
        }
    }

    /// Removes remembered evaluations, renderings or kernels that are damaged, and renderings whose figure is not here.
    fn check_cache(
        &self,
        store: &Store,
        folder: &str,
        report: &mut FsckReport,
    ) -> Result<(), Error> {
        for path in fs::entries(&self.store_folder().join(folder))? {
            let extension = path.extension().and_then(|extension| extension.to_str());
            // Anything else is what a killed writer left.
            if !matches!(extension, Some("evaluation" | "png" | "pdf" | "kernels")) {
                continue;
            }
            let Some(bytes) = fs::read_if_exists(&path)? else {
                continue;
            };
            let is_whole = match extension {
                Some("evaluation") => spec::cache::is_whole(&bytes),
                Some("kernels") => worker::unsealed_kernels(&bytes).is_some(),
                _ => Self::is_rendering(store, &path, &bytes)?,
            };
            if !is_whole {
                fs::remove_file(&path)?;
                report.findings.push(Finding::DamagedCache { path });
            }
        }
        Ok(())
    }

    /// Whether a remembered rendering is what its SVG gives; whoever can write to the store can seal anything. One whose
    /// SVG is not here is forgotten, since nothing says what it should be.
    fn is_rendering(store: &Store, path: &Path, bytes: &[u8]) -> Result<bool, Error> {
        let Some(kept) = page::unsealed(bytes) else {
            return Ok(false);
        };
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let (svg, version) = stem.split_once('-').unwrap_or_default();
        let Ok(svg) = svg.parse::<BlobDigest>() else {
            return Ok(false);
        };
        if version != page::RENDERING.to_string() {
            // Nobody reads what another version rendered.
            return Ok(true);
        }
        let svg = match store.read(&svg) {
            Ok(svg) => svg,
            Err(StoreError::MissingBlob { .. }) => {
                fs::remove_file(path)?;
                return Ok(true);
            }
            Err(error) => return Err(error.into()),
        };
        let svg = String::from_utf8_lossy(&svg);
        let is_png = path.extension().is_some_and(|extension| extension == "png");
        let rendered = if is_png { page::png(&svg) } else { page::pdf(&svg) };
        Ok(rendered.is_ok_and(|rendered| rendered == kept))
    }

    /// Removes what no registered lockfile, no experiment of a registered workspace, no running command and not the
    /// last day reaches. A workspace that is not there stops the collection, since it may need anything, unless it is
    /// to be forgotten.
    pub fn gc(&self, dry_run: bool, forget_missing: bool) -> Result<GcReport, Error> {
        self.refuse_absent_store()?;
        let store = self.store()?;
        let collection = store.begin_gc()?;
        let mut roots = Roots::default();
        for workspace in store.workspaces()? {
            let folder = workspace.join("lockfiles");
            // A workspace need not have any.
            for path in fs::entries(&folder)? {
                if path.extension().is_some_and(|extension| extension == "lock") {
                    roots.extend(lockfile_roots(&path)?);
                }
            }
            roots.extend(self.pinned_roots(&workspace)?);
        }
        for path in store.lockfiles()? {
            roots.extend(lockfile_roots(&path)?);
        }
        // Afterwards: what was there just now has been read.
        let missing = out_of_reach(&store)?;
        if !missing.is_empty() && !forget_missing {
            return Err(StoreError::MissingRoots { paths: missing }.into());
        }
        if !dry_run {
            missing.iter().try_for_each(|path| store.forget(path))?;
        }
        let options =
            GcOptions { now: self.clock.now(), keep_within: KEEP_WITHIN, roots: &roots, dry_run };
        Ok(collection.remove(&options)?)
    }

    /// Makes it known to `gc` that an experiment's lockfile keeps what it names, wherever it is, unless the store cannot
    /// be written. That of a commit keeps nothing: it goes with its copy.
    pub fn register_lockfile(&self, loaded: &Loaded, store: &Store) -> Result<(), Error> {
        let path = &loaded.lockfile;
        let of_workspace = self.root().map(|root| root.join("lockfiles"));
        let is_known = of_workspace.is_ok_and(|folder| path.parent() == Some(&*folder));
        if is_known || loaded.origin.is_some() || !path.is_file() {
            return Ok(());
        }
        register(path, store)
    }

    /// Counts what the store holds.
    pub fn usage(&self) -> Result<Usage, Error> {
        self.refuse_absent_store()?;
        Ok(self.store()?.usage()?)
    }

    /// An error if the store that was named is not there: one that is made now would pass every check, and hide that
    /// another was meant, or is not mounted.
    pub(super) fn refuse_absent_store(&self) -> Result<(), Error> {
        if self.settings.store.is_none() || !matches!(self.store_folder().try_exists(), Ok(false)) {
            return Ok(());
        }
        Err(Error::Missing {
            message: format!("there is no store at `{}`", self.store_folder().display()),
            hint: "name the folder that a run was given with --store".to_owned(),
        })
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
        self.refuse_absent_store()?;
        let store = self.store()?;
        // Hashed before the first byte is handed out: what was printed cannot be taken back.
        store.verify_blob(digest)?;
        Ok(store.copy_to(digest, writer)?)
    }

    /// What the experiments of a registered workspace pin, this one or another. One that cannot be loaded stops the
    /// collection, since it may pin anything.
    fn pinned_roots(&self, root: &Path) -> Result<Roots, Error> {
        let mut roots = Roots::default();
        let workspace = match self.neighbour(root) {
            // Afterwards it is found to be out of reach.
            Err(Error::NotAWorkspace { .. }) => return Ok(roots),
            opened => opened?,
        };
        let own = self.root().ok().and_then(|own| std::path::absolute(own).ok());
        let elsewhere = (own.as_deref() != Some(root)).then(|| root.to_owned());
        for experiment in workspace.experiments()? {
            let unknown = |error| Error::UnknownPins {
                name: experiment.clone(),
                workspace: elsewhere.clone(),
                source: Box::new(error),
            };
            let name =
                Name { experiment: ExperimentName::InWorkspace(experiment.clone()), target: None };
            let loaded = workspace.load(&name).map_err(unknown)?;
            let plan = plan::expand(&loaded.experiment, None).map_err(|e| unknown(e.into()))?;
            roots.blobs.extend(plan.sources().keys().copied());
            roots.trees.extend(plan.trees().keys().copied());
            roots.recipes.extend(plan.nodes().keys().copied());
        }
        Ok(roots)
    }

    /// The workspace in `root`, with this one's store and settings.
    fn neighbour(&self, root: &Path) -> Result<Self, Error> {
        let store = self.store_folder();
        let store = std::path::absolute(store).context("find", store)?;
        let settings = Settings {
            workspace: Some(root.to_owned()),
            store: Some(store),
            ..self.settings.clone()
        };
        Self::open(settings, Box::new(FixedClock(self.clock.now())))
    }
}

/// The registered workspaces and lockfiles that are not there. Nor is a workspace whose folder holds none any more,
/// like that of a disk that is not mounted.
fn out_of_reach(store: &Store) -> Result<Vec<PathBuf>, Error> {
    let mut missing = store.missing()?;
    for root in store.workspaces()? {
        let schema = root.join(EXPERIMENTS).join("schema");
        let found = fs::if_exists(std::fs::metadata(&schema).context("inspect", &schema))?;
        if found.is_none_or(|found| !found.is_dir()) {
            missing.push(root);
        }
    }
    Ok(missing)
}

/// What a lockfile names. One that is gone since needs nothing; one that cannot be read stops the collection, since it
/// may name anything.
fn lockfile_roots(path: &Path) -> Result<Roots, Error> {
    let mut roots = Roots::default();
    let Some(bytes) = fs::read_if_exists(path)? else {
        return Ok(roots);
    };
    let lockfile = Lockfile::decode_bytes(&bytes)
        .map_err(|source| Error::Lockfile { path: path.to_owned(), source })?;
    for action in lockfile.actions().values() {
        roots.recipes.insert(action.recipe);
        roots.blobs.extend(action.outputs.values().copied());
    }
    Ok(roots)
}
