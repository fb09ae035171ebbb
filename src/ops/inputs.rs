//! Pinned bytes for the actions of a plan: from the store, the mirrors, then where they were published.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::pins::miscounted;
use super::workspace::STORE;
use crate::action::Input;
use crate::digest::{BlobDigest, RecipeId, TreeDigest};
use crate::exec::{Failure, FailureKind, InputError, Inputs, Locked, PlanState};
use crate::fs::Durability;
use crate::plan::{Location, Plan};
use crate::source::{BuiltFile, Found, NEVER, Pin, Place, SourceError, Sources};
use crate::store::{Lease, Roots, Store, StoreError, blob_path_in, manifest_blob};

/// Obtains what a plan pins.
pub(super) struct PlanInputs<'a> {
    plan: &'a Plan,
    sources: Sources<'a>,
    lent: Lent<'a>,
    /// Keeps what may be taken from there from being collected.
    _lease: Option<Lease>,
    /// One at a time, so that two trainings on one set render it once.
    turn: Mutex<Listed>,
}

/// What a run may take instead of reading or executing it, each blob hashed as it is read. By default, nothing.
#[derive(Clone, Copy, Default)]
pub(super) struct Lent<'a> {
    /// A store whose blobs may be taken: the first store, while `verify` fills a second.
    pub(super) store: Option<&'a Store>,
    /// Outputs that may be taken from the mirrors: those that the lockfile names.
    pub(super) outputs: Option<&'a BTreeMap<RecipeId, Locked>>,
}

/// By tree whose manifest was read, size and name of each of its files.
type Listed = BTreeMap<TreeDigest, BTreeMap<BlobDigest, (u64, String)>>;

/// Why pinned bytes are not in the store.
#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the experiment does not say where it was published")]
    Unknown,
    #[error("no mirror has it")]
    NotLent,
    #[error("`classes.count` {0}")]
    Miscounted(String),
    #[error("the file vanished while it was read")]
    Vanished(#[from] std::io::Error),
}

impl Cause {
    fn kind(&self) -> FailureKind {
        match self {
            Self::Source(SourceError::Built { .. } | SourceError::Differs { .. }) => {
                FailureKind::Integrity
            }
            Self::Store(error) if error.is_integrity() => FailureKind::Integrity,
            Self::Source(_) | Self::Vanished(_) | Self::NotLent => FailureKind::Missing,
            Self::Store(_) => FailureKind::Environment,
            Self::Miscounted(_) => FailureKind::Specification,
            Self::Unknown => FailureKind::Bug,
        }
    }
}

impl<'a> PlanInputs<'a> {
    pub(super) fn new(plan: &'a Plan, sources: Sources<'a>, lent: Lent<'a>) -> Self {
        let lease = lent.store.and_then(|other| lease(other, plan));
        Self { plan, sources, lent, _lease: lease, turn: Mutex::default() }
    }

    /// Obtains what actions that are not hits read of files of this machine, but for shards: that one is not there, or
    /// is another, is told before hours of training, not after.
    pub(super) fn lacking_files(
        &self,
        states: &BTreeMap<RecipeId, PlanState>,
        store: &Store,
    ) -> Vec<(String, Failure)> {
        let (mut lacking, mut asked) = (Vec::new(), BTreeSet::new());
        for (id, state) in states {
            let Some(node) = self.plan.nodes().get(id).filter(|_| *state != PlanState::Hit) else {
                continue;
            };
            let file = |input: &Input| match input {
                Input::Blob(digest) => Some(*digest),
                Input::Tree(tree) => Some(manifest_blob(tree)),
                Input::Output { .. } => None,
            };
            // Each file once: the first action that reads it speaks for the others.
            let files = node.action.inputs.values().filter_map(file);
            let files = files.filter(|digest| self.is_file(digest) && asked.insert(*digest));
            let failed = files.filter_map(|digest| self.ensure(&digest, store).err());
            let failed = failed.filter(|error| {
                matches!(error.kind, FailureKind::Missing | FailureKind::Integrity)
            });
            lacking.extend(failed.map(|error| (node.label.clone(), Failure::from(error))));
        }
        lacking.sort_by(|(a, _), (b, _)| a.cmp(b));
        lacking
    }

    /// Whether a pinned file is published as one of this machine and nothing else.
    fn is_file(&self, digest: &BlobDigest) -> bool {
        let is_file = |location: &Location| matches!(location, Location::File { .. });
        let pin = self.plan.sources().get(digest);
        pin.is_some_and(|pin| pin.locations.iter().all(is_file))
    }

    fn obtain(&self, digest: &BlobDigest, store: &Store) -> Result<(), Cause> {
        let mut listed = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if store.blob_size(digest).is_some() {
            return Ok(());
        }
        if let Some(manifest) = self.stated_manifest(digest) {
            store.put(manifest, Durability::Relaxed)?;
            return Ok(());
        }
        if let Some(other) = self.lent.store
            && let Ok(mut blob) = other.open_blob(digest)
        {
            store.put_pinned(digest, &mut blob, Durability::Relaxed)?;
            return Ok(());
        }
        let Some((bytes, locations)) = self.published(digest, store, &mut listed) else {
            return match self.lent.outputs {
                Some(_) => self.borrow(digest, store),
                None => Err(Cause::Unknown),
            };
        };
        let pin = Pin { sha256: *digest, bytes };
        let places: Vec<_> = locations.iter().map(place_of).collect();
        let what = places.first().ok_or(Cause::Unknown)?.to_string();
        let mut keep = |built: BuiltFile| self.keep_if_pinned(&built, store);
        let has_arrived = || store.blob_size(digest).is_some();
        match self.sources.obtain(&what, pin, &places, &mut keep, &has_arrived)? {
            Found::Bytes(bytes) => store.put_pinned(digest, &mut &bytes[..], Durability::Relaxed),
            Found::File(path) => {
                store.put_pinned(digest, &mut std::fs::File::open(path)?, Durability::Relaxed)
            }
            Found::Temporary(file) => {
                let mut bytes = std::fs::File::open(file.path())?;
                store.put_pinned(digest, &mut bytes, Durability::Relaxed)
            }
            Found::Arrived => return Ok(()),
        }?;
        Ok(())
    }

    /// Takes an output from a mirror: a file that is named by its digest, or a blob of a store or of a workspace's store.
    fn borrow(&self, digest: &BlobDigest, store: &Store) -> Result<(), Cause> {
        let mut refused = None;
        for mirror in &self.sources.mirrors {
            if self.sources.cancelled.load(Ordering::Relaxed) {
                break;
            }
            let stores = [mirror.clone(), mirror.join(STORE)];
            let blobs = stores.map(|root| blob_path_in(&root, digest));
            for path in std::iter::once(mirror.join(digest.to_string())).chain(blobs) {
                if !path.is_file() {
                    continue;
                }
                let mut file = match std::fs::File::open(&path) {
                    Ok(file) => file,
                    Err(error) => {
                        refused = Some(error.into());
                        continue;
                    }
                };
                match store.put_pinned(digest, &mut file, Durability::Relaxed) {
                    Ok(_) => return Ok(()),
                    Err(error @ StoreError::WrongDigest { .. }) => refused = Some(error.into()),
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Err(refused.unwrap_or(Cause::NotLent))
    }

    /// An error if a file of class names has other than the experiment says.
    fn count(&self, digest: &BlobDigest, store: &Store) -> Result<(), Cause> {
        let Some(pin) = self.plan.sources().get(digest).filter(|pin| !pin.class_counts.is_empty())
        else {
            return Ok(());
        };
        let file = match store.read(digest) {
            // It was moved aside, as any damaged blob that is read.
            Err(StoreError::Corrupt { .. }) => {
                self.obtain(digest, store)?;
                store.read(digest)?
            }
            file => file?,
        };
        let message = miscounted(&pin.class_counts, &file);
        message.map_or(Ok(()), |message| Err(Cause::Miscounted(message)))
    }

    /// The manifest of a tree whose files the experiment states itself.
    fn stated_manifest(&self, digest: &BlobDigest) -> Option<&[u8]> {
        let of_tree = |(tree, _): &(&TreeDigest, _)| tree.as_bytes() == digest.as_bytes();
        self.plan.trees().iter().find(of_tree)?.1.manifest.as_deref()
    }

    /// Size and places of a file: pinned by the experiment, or listed by a manifest that is in the store by now. Each
    /// manifest is read once.
    fn published(
        &self,
        digest: &BlobDigest,
        store: &Store,
        listed: &mut Listed,
    ) -> Option<(u64, Vec<Location>)> {
        if let Some(pin) = self.plan.sources().get(digest) {
            return Some((pin.bytes, pin.locations.iter().cloned().collect()));
        }
        for (tree, pin) in self.plan.trees() {
            if !listed.contains_key(tree)
                && let Ok(manifest) = store.manifest(tree)
            {
                // Of two files of the same bytes the first will do.
                let files = manifest.files.into_iter().rev();
                let files = files.map(|file| (file.sha256, (file.bytes, file.name)));
                listed.insert(*tree, files.collect());
            }
            if let Some((bytes, name)) = listed.get(tree).and_then(|files| files.get(digest)) {
                return Some((*bytes, pin.locations_of(name).into_iter().collect()));
            }
        }
        None
    }

    /// Another file of the set that was just built: kept if the plan reads it, so that it is not built again.
    fn keep_if_pinned(&self, built: &BuiltFile, store: &Store) {
        let digest = BlobDigest::of(&built.bytes);
        if self.plan.sources().contains_key(&digest)
            && let Err(error) = store.put(&built.bytes, Durability::Relaxed)
        {
            tracing::warn!(%error, file = built.name, "a built file is not kept");
        }
    }
}

/// A lease on all that `plan` pins. Without one, what is collected meanwhile is obtained where it was published.
fn lease(store: &Store, plan: &Plan) -> Option<Lease> {
    let roots = Roots {
        blobs: plan.sources().keys().copied().collect(),
        trees: plan.trees().keys().copied().collect(),
        ..Roots::default()
    };
    let lease = store.lease(&roots);
    lease.inspect_err(|error| tracing::debug!(%error, "what is borrowed can be collected")).ok()
}

impl Inputs for PlanInputs<'_> {
    fn ensure(&self, digest: &BlobDigest, store: &Store) -> Result<(), InputError> {
        let had = match store.blob_size(digest) {
            Some(_) => Ok(()),
            None => self.obtain(digest, store),
        };
        had.and_then(|()| self.count(digest, store)).map_err(|cause| InputError {
            digest: *digest,
            kind: cause.kind(),
            source: Box::new(cause),
        })
    }
}

/// Builds bundled sets, rendering the drawings once however many sets are asked for.
pub(super) struct SetBuilder<'a> {
    /// Ends a rendering.
    #[cfg_attr(not(feature = "pictograms"), allow(dead_code, reason = "nothing is rendered"))]
    stop: &'a AtomicBool,
    #[cfg(feature = "pictograms")]
    drawings: Mutex<Option<crate::data::bundled::Pictograms>>,
}

impl Default for SetBuilder<'_> {
    fn default() -> Self {
        Self::until(&NEVER)
    }
}

impl<'a> SetBuilder<'a> {
    /// Builds until `stop` is set.
    pub(super) fn until(stop: &'a AtomicBool) -> Self {
        Self {
            stop,
            #[cfg(feature = "pictograms")]
            drawings: Mutex::default(),
        }
    }

    /// Every file of a set.
    #[cfg(feature = "pictograms")]
    pub(super) fn build(&self, set: &str, version: &str) -> Result<Vec<BuiltFile>, String> {
        use crate::data::bundled::{Pictograms, undrawn};
        let named = |files: Vec<crate::data::bundled::BuiltFile>| {
            files.into_iter().map(|file| BuiltFile { name: file.name, bytes: file.bytes }).collect()
        };
        if let Some(files) = undrawn(set) {
            return Ok(named(files));
        }
        let mut drawings = self.drawings.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let rendered = match drawings.take() {
            Some(rendered) => rendered,
            None => Pictograms::render(version, threads, self.stop)
                .map_err(|error| error.to_string())?,
        };
        let drawings = drawings.insert(rendered);
        let files = drawings.build(set).map_err(|error| error.to_string())?;
        Ok(named(files))
    }

    /// Every file of a set: none, since this program was built without the drawings.
    #[cfg(not(feature = "pictograms"))]
    pub(super) fn build(&self, _set: &str, _version: &str) -> Result<Vec<BuiltFile>, String> {
        Err("this program was built without the feature `pictograms`".to_owned())
    }
}

/// Where a file was published, as `source` knows places.
pub(super) fn place_of(location: &Location) -> Place {
    match location.clone() {
        Location::File { path } => Place::File { path },
        Location::Git { url, rev, path } => Place::Git { url, rev, path },
        Location::Http { url } => Place::Http { url },
        Location::Bundled { set, version, file } => Place::Bundled { set, version, file },
    }
}

/// Costs of a plan's actions, so that the longest chain goes first.
pub(super) fn costs_of(plan: &Plan) -> BTreeMap<RecipeId, u64> {
    let mega = |flops: u128| u64::try_from(flops / 1_000_000).unwrap_or(u64::MAX);
    plan.nodes().iter().map(|(id, node)| (*id, mega(node.price.flops))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::manifest::{Manifest, ManifestFile};
    use crate::fs;
    use crate::plan::{Source, TreePin};
    use crate::source::Repositories;

    #[test]
    fn a_manifest_is_read_once_and_what_is_borrowed_is_leased() {
        let folder = tempfile::tempdir().unwrap();
        let [store, other] =
            ["store", "other"].map(|name| Store::open(&folder.path().join(name)).unwrap());
        let shard = |name: &str| {
            let path = folder.path().join("shards").join(name);
            fs::create_dir(path.parent().unwrap()).unwrap();
            fs::write_atomic(&path, name.as_bytes(), Durability::Relaxed).unwrap();
            let (sha256, bytes) = (BlobDigest::of(name.as_bytes()), name.len() as u64);
            ManifestFile { name: name.to_owned(), sha256, bytes, samples: 1, skipped: Vec::new() }
        };
        let files = ["0.tar", "1.tar"].map(shard);
        let [first, second] = [0, 1].map(|shard: usize| files[shard].sha256);
        let manifest = Manifest::new(files.to_vec());
        store.put(&manifest.canonical_bytes(), Durability::Relaxed).unwrap();
        let source = Source::File { path: "shards".to_owned() };
        let mut plan = Plan::default();
        let pin = TreePin { manifest: None, folders: [source].into(), bytes: 10 };
        plan.add_tree(manifest.digest(), pin);
        let no_set = |_: &str, _: &str| Err("there are no sets".to_owned());
        let sources = Sources {
            mirrors: Vec::new(),
            root: folder.path().into(),
            build: &no_set,
            repositories: Repositories { folder: folder.path().join("git"), network: None },
            downloads: folder.path().join("downloads"),
            reads_this_machine: true,
            held: None,
            cancelled: &NEVER,
        };
        let lent = Lent { store: Some(&other), ..Lent::default() };
        let inputs = PlanInputs::new(&plan, sources, lent);
        let leases = || fs::entries(&other.root().join("leases")).unwrap().len();
        assert_eq!(leases(), 1);
        inputs.ensure(&first, &store).unwrap();
        fs::remove_file(&store.blob_path(&manifest_blob(&manifest.digest()))).unwrap();
        inputs.ensure(&second, &store).unwrap();
        assert_eq!(store.read(&second).unwrap(), b"1.tar");
        drop(inputs);
        assert_eq!(leases(), 0);
    }
}
