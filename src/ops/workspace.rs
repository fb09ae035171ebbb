//! The workspace: where experiments, lockfiles and the store are, and how an experiment is loaded from it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::Error;
use super::name::{EXPERIMENTS, ExperimentName, Name, is_experiment_name};
use super::stranger::Origin;
use crate::commit::{Commit, ObjectError, Root};
use crate::digest::ExperimentId;
use crate::exec::clock::Clock;
use crate::fs;
use crate::numerics::Level;
use crate::plan::{self, Lockfile, LockfileError};
use crate::spec::experiment::{Depth, Experiment, TYPE};
use crate::spec::{self, Evaluated, Request, cache, guard};
use crate::store::{Store, StoreError};
use crate::tensor::Device;

/// The folder of a workspace's own store.
pub(super) const STORE: &str = ".ibid";

/// All that comes from outside: the command line, the environment, the machine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The current folder.
    pub folder: PathBuf,
    /// The workspace, if it was named.
    pub workspace: Option<PathBuf>,
    /// The store, if it was named.
    pub store: Option<PathBuf>,
    /// Folders of pinned files, asked before any other place.
    pub mirrors: Vec<PathBuf>,
    /// Threads in all.
    pub threads: usize,
    /// Actions at once.
    pub jobs: usize,
    /// Wall time between two resume checkpoints of a training: what a kill may cost.
    pub resume_interval: Duration,
    /// Whether the network must not be used.
    pub offline: bool,
    /// Certificates to trust instead of Mozilla's, in PEM.
    pub certificates: Option<PathBuf>,
    /// The variables that name proxies, as the process that uses the network sees them.
    pub proxies: Vec<(String, OsString)>,
    /// The SIMD level.
    pub level: Level,
    /// This program, for child processes.
    pub program: PathBuf,
    /// A fault to plant in trainings.
    #[cfg(feature = "faults")]
    pub fault: Option<String>,
}

/// A workspace and its store.
pub struct Workspace {
    pub(super) settings: Settings,
    root: Option<PathBuf>,
    store_folder: PathBuf,
    pub(super) clock: Box<dyn Clock>,
    /// Where jobs train and embed, and what the libraries of that device look for in the environment.
    pub(super) device: Device,
    pub(super) variables: Vec<(String, OsString)>,
    /// What this very object evaluated, if it believes nothing that the store remembers.
    fresh: Option<Mutex<Vec<(Request, Evaluated)>>>,
}

/// An experiment that was found, evaluated and checked against the schema.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What to call it: the experiment's name, or the file's without `.dhall`.
    pub name: String,
    /// What was typed, with the target.
    pub named: Name,
    /// How deep its figures are to be reproduced; `None`: each at its own default.
    pub depth: Option<Depth>,
    /// Its evaluation: value, id, files.
    pub evaluated: Evaluated,
    /// What it says.
    pub experiment: Experiment,
    /// What `File` sources are relative to.
    pub root: Root,
    /// Where its lockfile is, or would be: in its commit, if it came from one.
    pub lockfile: PathBuf,
    /// The commit that it came from, if it was named by one.
    pub origin: Option<Origin>,
}

impl Loaded {
    /// The same, to be reproduced from there; `None` is each figure's default.
    #[must_use]
    pub fn from_depth(self, depth: Option<Depth>) -> Self {
        Self { depth, ..self }
    }

    /// The semantic hash.
    pub fn id(&self) -> ExperimentId {
        self.evaluated.id
    }

    /// `NAME`, or `NAME/TARGET`; with address and commit, if it was named by them.
    pub fn full_name(&self) -> String {
        self.with_target(match &self.origin {
            Some(origin) => origin.name.to_string(),
            None => self.name.clone(),
        })
    }

    /// What to type to name it again.
    pub fn typed(&self) -> String {
        self.named.to_string()
    }

    /// What the folder of its outputs is called.
    pub fn folder_name(&self) -> String {
        self.with_target(match &self.origin {
            Some(origin) => origin.folder_name(),
            None => self.name.clone(),
        })
    }

    fn with_target(&self, name: String) -> String {
        match &self.named.target {
            Some(target) => format!("{name}/{target}"),
            None => name,
        }
    }

    /// Its lockfile, if there is one.
    pub fn read_lockfile(&self) -> Result<Option<Lockfile>, Error> {
        if let Some(origin) = &self.origin {
            return origin.read_lockfile();
        }
        let refused = |source| Error::Lockfile { path: self.lockfile.clone(), source };
        if self.lockfile.metadata().is_ok_and(|meta| Lockfile::BYTES_MAX < meta.len()) {
            return Err(refused(LockfileError::Large { limit: Lockfile::BYTES_MAX }));
        }
        let Some(bytes) = fs::read_if_exists(&self.lockfile)? else {
            return Ok(None);
        };
        Lockfile::decode_bytes(&bytes).map(Some).map_err(refused)
    }
}

impl Workspace {
    /// Finds the workspace upwards from the current folder. Without one, files can still be named. The paths of the
    /// store and of the certificates must be text: the processes that execute and fetch are told them as JSON.
    pub fn open(settings: Settings, clock: Box<dyn Clock>) -> Result<Self, Error> {
        let root = match &settings.workspace {
            Some(named) => {
                let root = settings.folder.join(named);
                if !is_workspace(&root) {
                    return Err(Error::NotAWorkspace { path: root });
                }
                Some(root)
            }
            None => {
                settings.folder.ancestors().find(|folder| is_workspace(folder)).map(Path::to_owned)
            }
        };
        let base = root.as_ref().unwrap_or(&settings.folder);
        let store_folder = match &settings.store {
            Some(named) => settings.folder.join(named),
            None => base.join(STORE),
        };
        refuse_unless_text(&store_folder, "name a store elsewhere: --store DIR")?;
        if let Some(file) = &settings.certificates {
            refuse_unless_text(
                &settings.folder.join(file),
                "name the file otherwise: SSL_CERT_FILE",
            )?;
        }
        let (device, variables) = (Device::Cpu, Vec::new());
        Ok(Self { settings, root, store_folder, clock, device, variables, fresh: None })
    }

    /// The same workspace, which evaluates every experiment itself: what the store remembers of evaluations is as good
    /// as whoever can write to the store, and no judge asks the accused.
    #[must_use]
    pub fn evaluating_anew(self) -> Self {
        Self { fresh: Some(Mutex::default()), ..self }
    }

    /// The same workspace, whose jobs train and embed on `device`; `variables` are what its libraries look for in the
    /// environment. No result depends on it.
    #[must_use]
    pub fn on_device(self, device: Device, variables: Vec<(String, OsString)>) -> Self {
        Self { device, variables, ..self }
    }

    /// The folder of the workspace.
    pub fn root(&self) -> Result<&Path, Error> {
        self.root
            .as_deref()
            .ok_or_else(|| Error::NoWorkspace { folder: self.settings.folder.clone() })
    }

    /// The folder of its store.
    pub fn store_folder(&self) -> &Path {
        &self.store_folder
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Opens the store, and makes it known to `gc` that this workspace's lockfiles keep what they name, unless it cannot
    /// be written.
    pub fn store(&self) -> Result<Store, Error> {
        let store = Store::open(&self.store_folder)?;
        self.register_in(&store)?;
        Ok(store)
    }

    pub(super) fn register_in(&self, store: &Store) -> Result<(), Error> {
        self.root.as_deref().map_or(Ok(()), |root| register(root, store))
    }

    /// The names of the workspace's experiments, in order.
    pub fn experiments(&self) -> Result<Vec<String>, Error> {
        let folder = self.root()?.join(EXPERIMENTS);
        let name_of = |path: &PathBuf| path.file_name()?.to_str().map(ToOwned::to_owned);
        let mut names: Vec<String> = fs::entries(&folder)?
            .iter()
            .filter(|path| path.join("package.dhall").is_file())
            .filter_map(name_of)
            .filter(|name| is_experiment_name(name))
            .collect();
        names.sort();
        Ok(names)
    }

    /// Finds, evaluates and binds an experiment, and holds it against the rules. A file that was evaluated before starts
    /// no evaluator, unless there are findings to place.
    pub fn load(&self, name: &Name) -> Result<Loaded, Error> {
        let place = self.place(name)?;
        let evaluated = match self.sound(&place.request)? {
            Ok(evaluated) => evaluated,
            Err(findings) => {
                return Err(Error::Unsound { name: name.experiment.to_string(), findings });
            }
        };
        Self::bound(place, name.clone(), evaluated)
    }

    /// As [`Workspace::load`], and an experiment that breaks rules is as good as another.
    pub(super) fn load_as_it_is(&self, name: &Name) -> Result<Loaded, Error> {
        let place = self.place(name)?;
        let evaluated = self.evaluate(&place.request)?;
        let loaded = Self::bound(place, name.clone(), evaluated)?;
        if let Some(target) = &name.target {
            plan::refuse_unknown(&loaded.experiment, target)?;
        }
        Ok(loaded)
    }

    /// What was evaluated at `place`, as an experiment.
    pub(super) fn bound(place: Place, named: Name, evaluated: Evaluated) -> Result<Loaded, Error> {
        let experiment = spec::bind(&evaluated.value)?;
        Ok(Loaded {
            name: place.name,
            named,
            depth: None,
            evaluated,
            experiment,
            root: place.request.root,
            lockfile: place.lockfile,
            origin: place.origin,
        })
    }

    /// Evaluates a request, unless it was evaluated before.
    pub(super) fn evaluate(&self, request: &Request) -> Result<Evaluated, Error> {
        let folder = self.store_folder.join("evaluations");
        let known = match &self.fresh {
            None => cache::load(&folder, request),
            Some(fresh) => known(&in_memory(fresh), request),
        };
        if let Some(evaluated) = known {
            return Ok(evaluated);
        }
        let evaluated = guard::evaluate(&self.evaluator(), request).map_err(|error| {
            // An author is not to blame for what somebody's disk or server did to a copy.
            damaged(&request.root).unwrap_or_else(|| error.into())
        })?;
        if let Some(fresh) = &self.fresh {
            in_memory(fresh).push((request.clone(), evaluated.clone()));
        }
        // The cache lives in the store's folder, which must be a store by then.
        let saved =
            Store::open(&self.store_folder).map_err(|error| error.to_string()).and_then(|_| {
                cache::save(&folder, request, &evaluated).map_err(|error| error.to_string())
            });
        if let Err(error) = saved {
            tracing::debug!(error, "the evaluation is not remembered");
        }
        Ok(evaluated)
    }

    /// Where an experiment's file spells parts of its value, as far as that is known.
    pub(super) fn locate(&self, request: &Request, paths: &[String]) -> Vec<Option<spec::Place>> {
        guard::locate(&self.evaluator(), request, paths)
    }

    fn evaluator(&self) -> guard::Program {
        guard::Program {
            path: self.settings.program.clone(),
            arguments: vec!["eval-dhall".to_owned()],
        }
    }

    /// Where an experiment's text, its import root and its lockfile are.
    pub(super) fn place(&self, name: &Name) -> Result<Place, Error> {
        match &name.experiment {
            ExperimentName::InWorkspace(experiment) => self.place_in_workspace(experiment),
            ExperimentName::File(file) => self.place_of_file(file),
            ExperimentName::InCommit(name) => self.place_in_commit(name),
        }
    }

    fn place_in_workspace(&self, experiment: &str) -> Result<Place, Error> {
        self.place_below(self.root()?, experiment)
    }

    fn place_below(&self, root: &Path, experiment: &str) -> Result<Place, Error> {
        let file = Path::new(experiment).join("package.dhall");
        if !root.join(EXPERIMENTS).join(&file).is_file() {
            let known = self.experiments()?;
            return Err(Error::UnknownExperiment { name: experiment.to_owned(), known });
        }
        Ok(Place {
            name: experiment.to_owned(),
            request: self.request(root.join(EXPERIMENTS).into(), file),
            lockfile: root.join("lockfiles").join(format!("{experiment}.lock")),
            origin: None,
        })
    }

    fn place_of_file(&self, file: &Path) -> Result<Place, Error> {
        let missing = |source| fs::Error::new("read", file, source);
        let path = self.settings.folder.join(file).canonicalize().map_err(missing)?;
        // This workspace, or the one that the file lies in.
        let around = path.ancestors().filter(|folder| is_workspace(folder));
        for root in self.root.as_deref().into_iter().chain(around) {
            let Ok(import_root) = root.join(EXPERIMENTS).canonicalize() else {
                continue;
            };
            let Ok(relative) = path.strip_prefix(&import_root) else {
                continue;
            };
            let mut parts = relative.components().map(|part| part.as_os_str().to_string_lossy());
            if let (Some(experiment), Some(file), None) = (parts.next(), parts.next(), parts.next())
                && file == "package.dhall"
            {
                return self.place_below(root, &experiment);
            }
            let name = stem(&path);
            let lockfile = path.with_extension("lock");
            return Ok(Place {
                name,
                request: self.request(import_root.into(), relative.to_owned()),
                lockfile,
                origin: None,
            });
        }
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let name = path.file_name().unwrap_or_default();
        Ok(Place {
            name: stem(&path),
            request: self.request(folder.into(), name.into()),
            lockfile: path.with_extension("lock"),
            origin: None,
        })
    }

    pub(super) fn request(&self, root: Root, file: PathBuf) -> Request {
        Request {
            root,
            file,
            pins: self.settings.mirrors.clone(),
            expected: Some(TYPE.trim().to_owned()),
            normal_form: false,
        }
    }
}

/// An experiment's text, its import root and its lockfile.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) request: Request,
    pub(super) lockfile: PathBuf,
    pub(super) origin: Option<Origin>,
}

/// Makes a workspace or a lockfile known to `gc`, unless the store cannot be written.
pub(super) fn register(path: &Path, store: &Store) -> Result<(), Error> {
    let path = std::path::absolute(path).map_err(|error| fs::Error::new("find", path, error))?;
    match store.register(&path) {
        Err(StoreError::Fs(error)) if error.is_denied() => {
            tracing::debug!(%error, path = %path.display(), "the store does not know of it");
            Ok(())
        }
        registered => Ok(registered?),
    }
}

/// A path in JSON, as well as it can be shown there.
pub(super) fn shown<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// An error if a path, which another process is to be told in JSON, is not text.
pub(super) fn refuse_unless_text(path: &Path, hint: &str) -> Result<(), Error> {
    if path.to_str().is_some() {
        return Ok(());
    }
    Err(Error::Usage {
        message: format!("the path `{}` is not text in UTF-8", path.display()),
        hint: Some(hint.to_owned()),
    })
}

/// What was evaluated so far. A panic while it was held cannot leave it half-changed.
fn in_memory(
    fresh: &Mutex<Vec<(Request, Evaluated)>>,
) -> MutexGuard<'_, Vec<(Request, Evaluated)>> {
    fresh.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was evaluated of `request`, if its files are still the same.
fn known(fresh: &[(Request, Evaluated)], request: &Request) -> Option<Evaluated> {
    let (_, evaluated) = fresh.iter().rfind(|(of, _)| of == request)?;
    let files = cache::Files::new(request).ok()?;
    cache::is_valid(evaluated, &files).then(|| evaluated.clone())
}

/// What is wrong with the copy that a root is in, if something is.
fn damaged(root: &Root) -> Option<Error> {
    let Root::Commit(rooted) = root else { return None };
    let source = Commit::known(&rooted.copy, &rooted.id).and_then(|commit| commit.check());
    let source = source.err().filter(ObjectError::is_integrity)?;
    Some(Error::DamagedCopy { id: rooted.id.clone(), source })
}

fn is_workspace(folder: &Path) -> bool {
    folder.join("experiments/schema").is_dir()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
