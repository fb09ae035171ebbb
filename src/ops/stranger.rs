//! An experiment of somebody's repository, named by address and commit: found without a checkout, and introduced to the
//! person who is asked whether to run it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::error::Error;
use super::name::{CommitName, EXPERIMENTS, is_experiment_name};
use super::workspace::{Loaded, Place, Workspace};
use crate::commit::{Commit, Root, Rooted};
use crate::digest::ExperimentId;
use crate::exec::{PlanState, plan_states};
use crate::plan::{Location, Lockfile, Plan};
use crate::source::{GitError, Network, Repositories, host};
use crate::store::Store;

/// How long a server may take for the next sixteen kibibytes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Digits of a commit's id that make its outputs' folder its own.
const SHORT: usize = 12;

/// The commit that an experiment came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What was typed, without the target.
    pub name: CommitName,
    /// The bare repository that holds the commit's objects.
    pub copy: PathBuf,
}

/// What running somebody's experiment would read, fetch, compute and write.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Introduction {
    /// The name that was typed.
    pub name: String,
    /// The title that the experiment gives itself.
    pub title: String,
    /// The semantic hash.
    pub id: ExperimentId,
    /// The files of the commit that say so, relative to its folder `experiments`.
    pub files: Vec<String>,
    /// Pinned files that are not in the store, by the place that has them.
    pub fetches: BTreeMap<String, Fetch>,
    /// Actions that would be executed.
    pub actions: usize,
    /// Their floating-point operations.
    pub flops: u128,
    /// The estimate of the time, in seconds.
    pub seconds: f64,
    /// The folders that are written to.
    pub writes: Vec<PathBuf>,
}

/// Files from one place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Fetch {
    /// How many.
    pub files: usize,
    /// Their size in bytes.
    pub bytes: u64,
}

impl Origin {
    /// The lockfile that stands beside the experiment in its commit, if there is one.
    pub(super) fn read_lockfile(&self) -> Result<Option<Lockfile>, Error> {
        let path = format!("lockfiles/{}.lock", self.name.experiment);
        let tree =
            Rooted { copy: self.copy.clone(), id: self.name.rev.clone(), folder: String::new() };
        let read = tree.bytes_of(&path, Lockfile::BYTES_MAX);
        let Some(bytes) = read.map_err(|error| self.name.error(error.into()))? else {
            return Ok(None);
        };
        let error = |source| Error::Lockfile { path: path.into(), source };
        Lockfile::decode_bytes(&bytes).map(Some).map_err(error)
    }

    /// `EXPERIMENT-REV`: what the folder of its outputs is called.
    pub(super) fn folder_name(&self) -> String {
        format!("{}-{}", self.name.experiment, &self.name.rev[..SHORT])
    }
}

impl CommitName {
    fn error(&self, source: GitError) -> Error {
        Error::Commit { name: self.clone(), source: Box::new(source) }
    }
}

impl Workspace {
    /// How to reach the network; `None`: it is not to be used.
    pub(super) fn network(&self) -> Option<Network> {
        let settings = &self.settings;
        let network = || Network {
            program: settings.program.clone(),
            arguments: vec!["fetch".to_owned()],
            environment: settings.proxies.clone(),
            certificates: settings.certificates.as_ref().map(|file| settings.folder.join(file)),
            patience: PATIENCE,
        };
        (!settings.offline).then(network)
    }

    /// The commits that were fetched.
    pub(super) fn repositories(&self) -> Repositories {
        Repositories { folder: self.store_folder().join("git"), network: self.network() }
    }

    /// Fetches the commit of a name unless it is here, and finds the experiment in it.
    pub(super) fn place_in_commit(&self, name: &CommitName) -> Result<Place, Error> {
        // What is fetched lives in the store's folder, which must be a store by then.
        Store::open(self.store_folder())?;
        let copy = self
            .repositories()
            .copy_of(&name.url, &name.rev)
            .map_err(|source| name.error(source))?;
        let file = format!("{}/package.dhall", name.experiment);
        let path = format!("{EXPERIMENTS}/{file}");
        let unreadable = |error: crate::commit::ObjectError| name.error(error.into());
        let commit = Commit::known(&copy, &name.rev).map_err(unreadable)?;
        if commit.file(&path).map_err(unreadable)?.is_none() {
            let mut known =
                commit.folders_with(EXPERIMENTS, "package.dhall").map_err(unreadable)?;
            // Nothing else can be asked for by name.
            known.retain(|known| is_experiment_name(known));
            return Err(Error::NotInCommit { name: name.clone(), known });
        }
        let root = Root::Commit(Rooted {
            copy: copy.clone(),
            id: name.rev.clone(),
            folder: EXPERIMENTS.to_owned(),
        });
        Ok(Place {
            name: name.experiment.clone(),
            request: self.request(root, file.into()),
            lockfile: format!("lockfiles/{}.lock", name.experiment).into(),
            origin: Some(Origin { name: name.clone(), copy }),
        })
    }

    /// What a run would do, for the person who decides. `everything`: as `verify` does, in an empty store; `out`: the
    /// folder that is to get the results, or the second store.
    pub fn introduce(
        &self,
        loaded: &Loaded,
        everything: bool,
        out: Option<&Path>,
    ) -> Result<Introduction, Error> {
        let plan = self.plan_of(loaded)?;
        let store = self.store()?;
        let states = plan_states(&plan, &store, &BTreeMap::new())?;
        let runs = |id| everything || states.get(id).is_some_and(|state| *state != PlanState::Hit);
        let running: Vec<_> =
            plan.nodes().iter().filter(|(id, _)| runs(*id)).map(|(_, node)| node).collect();
        let flops: Vec<u128> = running.iter().map(|node| node.price.flops).collect();
        let settings = &self.settings;
        let usual = || Path::new("out").join(loaded.folder_name());
        let out = out.map(Path::to_owned).or_else(|| (!everything).then(usual));
        let out = out.map(|out| settings.folder.join(out));
        Ok(Introduction {
            name: loaded.full_name(),
            title: loaded.experiment.title.clone(),
            id: loaded.id(),
            files: loaded.evaluated.sources.files.keys().cloned().collect(),
            fetches: fetches(&plan, &store),
            actions: running.len(),
            flops: flops.iter().sum(),
            seconds: super::run::estimate_seconds(&flops, settings.level, settings.jobs),
            writes: [self.store_folder().to_owned()].into_iter().chain(out).collect(),
        })
    }
}

/// Pinned files of a plan that the store lacks, by the place that would give them.
fn fetches(plan: &Plan, store: &Store) -> BTreeMap<String, Fetch> {
    let mut fetches: BTreeMap<String, Fetch> = BTreeMap::new();
    let mut add = |location: Option<Location>, files: usize, bytes: u64| {
        let place = location.map_or_else(|| "nowhere".to_owned(), |location| place_text(&location));
        let fetch = fetches.entry(place).or_default();
        fetch.files += files;
        fetch.bytes += bytes;
    };
    for (digest, pin) in plan.sources() {
        if store.blob_size(digest).is_none() {
            add(pin.locations.first().cloned(), 1, pin.bytes);
        }
    }
    // The shards of a manifest that is pinned are known once it is here.
    for (tree, pin) in plan.trees().iter().filter(|(_, pin)| pin.manifest.is_none()) {
        let shards = store.manifest(tree).map_or(0, |manifest| manifest.files.len());
        add(pin.locations_of("shard").into_iter().next(), shards, pin.bytes);
    }
    fetches
}

fn place_text(location: &Location) -> String {
    match location {
        Location::File { .. } => "the commit".to_owned(),
        Location::Git { url, .. } | Location::Http { url } => {
            host(url).map_or_else(|| url.clone(), ToOwned::to_owned)
        }
        Location::Bundled { .. } => "this program's own data".to_owned(),
    }
}
