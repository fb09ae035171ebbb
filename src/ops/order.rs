//! `order`: which samples a training step sees.

use serde::Serialize;

use super::error::Error;
use super::inputs::{Lent, PlanInputs, SetBuilder};
use super::workspace::{Loaded, Workspace};
use crate::action::params::Train;
use crate::action::{Action, Input, Params};
use crate::commit::Root;
use crate::data::{DataError, Dataset, Memory, Order, chain};
use crate::digest::TreeDigest;
use crate::exec::Inputs as _;
use crate::plan::Plan;
use crate::source::{self, NEVER, Sources};
use crate::store::{Store, TmpDir, manifest_blob};
use crate::training;

/// One pair that a step sees.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Its position in the run, from 0.
    pub position: u64,
    /// The shard.
    pub shard: String,
    /// The sample in its shard, from 0.
    pub index: usize,
    /// Which of its captions.
    pub caption: usize,
    /// The text.
    pub text: String,
}

impl Workspace {
    /// The pairs that step `step` of a run sees, in order.
    pub fn order(&self, loaded: &Loaded, run: Option<&str>, step: u64) -> Result<Vec<Seen>, Error> {
        let plan = self.plan_of(loaded)?;
        let (params, tree) = training_of(&plan, run)?;
        let steps = training::steps(params);
        if step >= steps {
            return Err(Error::Usage {
                message: format!("the run has {steps} steps; there is no step {step}"),
                hint: Some(format!("--step 0 to --step {}", steps.saturating_sub(1))),
            });
        }
        let store = self.store()?;
        let (dataset, _folder) = self.dataset(&plan, loaded, &tree, &store)?;
        let manifest = store.manifest(&tree)?;
        let unusable = |reason: String| Error::BadResult { what: "data set".to_owned(), reason };
        let mut order = Order::new(params.order, dataset.shard_sizes(), params.seed)
            .map_err(|error| unusable(error.to_string()))?;
        let captions = |sample| dataset.sample(sample).map(|sample| sample.captions.len());
        let visits = training::visits(params, &mut order, captions, step)
            .map_err(|error| unusable(chain(&error)))?;
        let seen = visits.into_iter().map(|visit| {
            let (shard, index) = place(dataset.shard_sizes(), visit.sample);
            let sample = dataset.sample(visit.sample)?;
            Ok(Seen {
                position: visit.position,
                shard: manifest.files[shard].name.clone(),
                index,
                caption: visit.caption,
                text: sample.captions[visit.caption].clone(),
            })
        });
        seen.collect::<Result<_, DataError>>().map_err(|error| unusable(chain(&error)))
    }

    /// A data set of the plan, fetched if need be, for its texts; and the folder that it is read from.
    fn dataset(
        &self,
        plan: &Plan,
        loaded: &Loaded,
        tree: &TreeDigest,
        store: &Store,
    ) -> Result<(Dataset, TmpDir), Error> {
        let builder = SetBuilder::default();
        let build = |set: &str, version: &str| builder.build(set, version);
        let inputs = PlanInputs::new(plan, self.sources(&loaded.root, &build), Lent::default());
        let failed = |error: crate::exec::InputError| {
            let label = "data set".to_owned();
            Error::Failed { failures: vec![(label, error.into())] }
        };
        inputs.ensure(&manifest_blob(tree), store).map_err(failed)?;
        for file in store.manifest(tree)?.files {
            inputs.ensure(&file.sha256, store).map_err(failed)?;
        }
        let folder = store.tmp_dir("order-")?;
        let path = folder.path().join("dataset");
        store.materialise_tree(tree, &path)?;
        let dataset = Dataset::open(&path, 1, Memory::NO_IMAGES).map_err(|error| {
            Error::BadResult { what: "data set".to_owned(), reason: chain(&error) }
        })?;
        Ok((dataset, folder))
    }

    /// Where pinned bytes come from; see [`Sources::until`].
    pub(super) fn sources<'a>(
        &self,
        root: &Root,
        build: &'a crate::source::BuildSet<'a>,
    ) -> Sources<'a> {
        let settings = &self.settings;
        Sources {
            mirrors: settings.mirrors.iter().map(|mirror| settings.folder.join(mirror)).collect(),
            root: root.clone(),
            build,
            repositories: self.repositories(),
            downloads: self.store_folder().join("downloads"),
            reads_this_machine: matches!(root, Root::Folder(_)),
            held: source::hold(root),
            cancelled: &NEVER,
        }
    }
}

/// The training of a run, by the run's name or because it is the only one.
fn training_of<'a>(plan: &'a Plan, run: Option<&str>) -> Result<(&'a Train, TreeDigest), Error> {
    let train = |action: &'a Action<Input>| match (&action.params, action.inputs.get("dataset")) {
        (Params::Train(params), Some(Input::Tree(tree))) => Some((params, *tree)),
        _ => None,
    };
    let mut trainings: Vec<_> = plan
        .nodes()
        .values()
        .filter_map(|node| Some((node.label.trim_end_matches("/train"), train(&node.action)?)))
        .collect();
    trainings.sort_by_key(|(run, _)| *run);
    let names: Vec<_> = trainings.iter().map(|(run, _)| *run).collect();
    if names.is_empty() {
        return Err(Error::Usage {
            message: "nothing is trained for this target".to_owned(),
            hint: Some("name a target whose runs are trained here: ibid list".to_owned()),
        });
    }
    let usage = |message: String| Error::Usage {
        message,
        hint: Some(format!("the runs: {}", names.join(", "))),
    };
    match run {
        Some(run) => trainings
            .iter()
            .find(|(name, _)| *name == run)
            .map(|(_, found)| *found)
            .ok_or_else(|| usage(format!("there is no run `{run}`"))),
        None if trainings.len() == 1 => Ok(trainings[0].1),
        None => Err(usage("which run? name one with --run".to_owned())),
    }
}

/// The shard of a sample, and the sample's index in it.
fn place(shard_sizes: &[usize], sample: usize) -> (usize, usize) {
    let mut index = sample;
    for (shard, size) in shard_sizes.iter().enumerate() {
        if index < *size {
            return (shard, index);
        }
        index -= size;
    }
    unreachable!("a visit is within the data set")
}
