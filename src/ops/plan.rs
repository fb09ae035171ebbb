//! `plan` and `explain`: what would run, at what cost, and why.

use std::collections::BTreeMap;

use serde::Serialize;
use tempfile::TempDir;

use super::error::Error;
use super::pricing::{self, PlannedUnpinned, UnpinnedTotal};
use super::run::{estimate_seconds, flops_to_run};
use super::workspace::{Loaded, Workspace};
use crate::action::Params;
use crate::action::params::JobKind;
use crate::digest::RecipeId;
use crate::exec::{self, Locked, PlanState};
use crate::model::Layout;
use crate::plan::{self, Difference, Earlier, Lockfile, Plan};
use crate::store::{Store, StoreError};
use crate::training;

/// What a run would do.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Planned {
    /// Every action that a run would visit, upstream first.
    pub actions: Vec<PlannedAction>,
    /// Trainings that cannot be executed because not all of them was published.
    pub unpinned: Vec<PlannedUnpinned>,
    /// The sum over those trainings, if there are any.
    pub unpinned_total: Option<UnpinnedTotal>,
    /// Floating-point operations of what would be executed.
    pub flops: u128,
    /// Size of the pinned files that are read by what would be executed, each counted once.
    pub fetch_bytes: u64,
    /// Size of the checkpoints that what would be executed publishes, their headers aside.
    pub checkpoint_bytes: u128,
    /// Estimated wall time of a run with today's settings.
    pub seconds: f64,
}

/// One action of a plan.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedAction {
    /// Its label.
    pub label: String,
    /// Its recipe id.
    pub recipe: RecipeId,
    /// Its job kind.
    pub kind: JobKind,
    /// `hit`, `locked`, `run` or `pending`.
    pub state: &'static str,
    /// Why it is not a hit.
    pub why: Option<String>,
    /// Floating-point operations.
    pub flops: u128,
}

/// Why one action is not a hit.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explained {
    /// The action.
    pub label: String,
    /// Its recipe id.
    pub recipe: RecipeId,
    /// `hit`, `locked`, `run` or `pending`.
    pub state: &'static str,
    /// The nearest earlier action of the same kind, if there is one.
    pub nearest: Option<RecipeId>,
    /// The fields in which it differs.
    pub differences: Vec<Difference>,
}

impl Workspace {
    /// The plan of a loaded experiment's target, or of all of it, at the depth that was asked for.
    pub fn plan_of(&self, loaded: &Loaded) -> Result<Plan, Error> {
        Ok(plan::expand_at(&loaded.experiment, loaded.named.target.as_deref(), loaded.depth)?)
    }

    /// The store, for who only looks into it; an empty one, in a folder that goes again, where there is none and none
    /// can be made.
    pub(super) fn store_to_look_into(&self) -> Result<(Store, Option<TempDir>), Error> {
        let error = match self.store() {
            Err(Error::Store(StoreError::Fs(error)))
                if error.is_denied() && matches!(self.store_folder().try_exists(), Ok(false)) =>
            {
                error
            }
            store => return Ok((store?, None)),
        };
        let Ok(folder) = TempDir::new() else { return Err(StoreError::Fs(error).into()) };
        Ok((Store::open(folder.path())?, Some(folder)))
    }

    /// What a run would do. Changes nothing, executes nothing. Trainings of others are priced with a GPU that does
    /// `flops_per_gpu` floating-point operations a second.
    pub fn planned(&self, loaded: &Loaded, flops_per_gpu: f64) -> Result<Planned, Error> {
        let plan = self.plan_of(loaded)?;
        let (store, _folder) = self.store_to_look_into()?;
        let lockfile = loaded.read_lockfile()?.unwrap_or_default();
        let states = exec::plan_states(&plan, &store, &locked_outputs(&lockfile))?;
        let explanations = Candidates::of(&store)?;
        let mut actions = Vec::new();
        for id in upstream_first(&plan) {
            let (Some(state), Some(node)) = (states.get(&id), plan.nodes().get(&id)) else {
                continue;
            };
            let why = match state {
                PlanState::Hit => None,
                PlanState::Pending => {
                    Some("behind an action that runs; may still be cut off".to_owned())
                }
                PlanState::Run | PlanState::Locked => {
                    Some(explanations.why(&node.action.canonical_bytes()))
                }
            };
            actions.push(PlannedAction {
                label: node.label.clone(),
                recipe: id,
                kind: node.action.params.kind(),
                state: state_name(*state),
                why,
                flops: node.price.flops,
            });
        }
        let flops = flops_to_run(&plan, &states);
        let running = states.iter().filter(|(_, state)| **state != PlanState::Hit);
        let running: Vec<_> = running.filter_map(|(id, _)| plan.nodes().get(id)).collect();
        let checkpoints = running.iter().map(|node| checkpoint_bytes(&node.action.params));
        let unpinned = pricing::unpinned(&plan, flops_per_gpu);
        Ok(Planned {
            actions,
            unpinned_total: pricing::total(&unpinned, flops_per_gpu),
            unpinned,
            flops: flops.iter().sum(),
            checkpoint_bytes: checkpoints.fold(0, u128::saturating_add),
            fetch_bytes: plan.fetch_bytes_of(running),
            seconds: estimate_seconds(&flops, self.settings.level, self.settings.jobs),
        })
    }

    /// Why actions of the plan are not hits: the nearest earlier action and the fields that differ.
    pub fn explained(&self, loaded: &Loaded) -> Result<Vec<Explained>, Error> {
        let plan = self.plan_of(loaded)?;
        let (store, _folder) = self.store_to_look_into()?;
        let lockfile = loaded.read_lockfile()?.unwrap_or_default();
        let states = exec::plan_states(&plan, &store, &locked_outputs(&lockfile))?;
        let candidates = Candidates::of(&store)?;
        let mut explained = Vec::new();
        for id in upstream_first(&plan) {
            let (Some(state), Some(node)) = (states.get(&id), plan.nodes().get(&id)) else {
                continue;
            };
            let found = match state {
                PlanState::Hit => None,
                _ => candidates.nearest(&node.action.canonical_bytes()),
            };
            let (nearest, differences) =
                found.map_or((None, Vec::new()), |(id, found)| (Some(id), found));
            explained.push(Explained {
                label: node.label.clone(),
                recipe: id,
                state: state_name(*state),
                nearest,
                differences,
            });
        }
        Ok(explained)
    }
}

/// Size of the checkpoints that an action publishes: each has the parameters and two moments of every one, in binary32.
fn checkpoint_bytes(params: &Params) -> u128 {
    let Params::Train(train) = params else { return 0 };
    let interval = train.checkpoint_interval_steps;
    let published = training::steps(train).checked_div(interval).unwrap_or(0);
    let parameters = Layout::of(&train.model).map_or(0, |layout| layout.len() as u128);
    (12 * parameters).saturating_mul(published.into())
}

/// What a lockfile says of outputs, as the executor wants it.
pub(super) fn locked_outputs(lockfile: &Lockfile) -> BTreeMap<RecipeId, Locked> {
    lockfile.actions().values().map(|action| (action.recipe, action.outputs.clone())).collect()
}

/// The word for a state.
pub(super) fn state_name(state: PlanState) -> &'static str {
    match state {
        PlanState::Hit => "hit",
        PlanState::Locked => "locked",
        PlanState::Run => "run",
        PlanState::Pending => "pending",
    }
}

/// Every action of a plan after its upstream; by label where that leaves a choice.
pub(super) fn upstream_first(plan: &Plan) -> Vec<RecipeId> {
    let mut by_label: Vec<_> = plan.nodes().iter().map(|(id, node)| (&node.label, *id)).collect();
    by_label.sort();
    let mut order = Vec::new();
    let mut done = std::collections::BTreeSet::new();
    let mut stack: Vec<(RecipeId, bool)> =
        by_label.iter().rev().map(|(_, id)| (*id, false)).collect();
    while let Some((id, upstream_is_done)) = stack.pop() {
        if done.contains(&id) {
            continue;
        }
        if upstream_is_done {
            done.insert(id);
            order.push(id);
        } else {
            stack.push((id, true));
            let upstream = plan.upstream(&id);
            stack
                .extend(upstream.into_iter().filter(|id| !done.contains(id)).map(|id| (id, false)));
        }
    }
    order
}

/// The recipes of a store, to compare with.
struct Candidates(Earlier<RecipeId>);

impl Candidates {
    fn of(store: &Store) -> Result<Self, Error> {
        let mut candidates = Vec::new();
        for id in store.recipe_keys().keys() {
            if let Some(bytes) = store.recipe_bytes(id)? {
                candidates.push((*id, bytes));
            }
        }
        let candidates = candidates.iter().map(|(id, bytes)| (*id, bytes.as_slice()));
        Ok(Self(Earlier::new(candidates)))
    }

    fn nearest(&self, wanted: &[u8]) -> Option<(RecipeId, Vec<Difference>)> {
        self.0.nearest(wanted).map(|found| (found.nearest, found.differences))
    }

    /// One line on why an action is not a hit.
    fn why(&self, wanted: &[u8]) -> String {
        match self.nearest(wanted) {
            None => "no earlier action of this kind".to_owned(),
            Some((_, differences)) if differences.is_empty() => {
                "its outputs are not in the store".to_owned()
            }
            Some((_, differences)) if differences.len() == 1 => differences[0].to_string(),
            Some((_, differences)) => {
                format!("{}, and {} other fields", differences[0], differences.len() - 1)
            }
        }
    }
}
