//! Losses of trainings whose bits are those of a class of devices: from their traces into the lockfile.

use super::error::Error;
use crate::action::params::DeviceProfile;
use crate::action::{ActionResult, Params};
use crate::digest::{BlobDigest, RecipeId};
use crate::plan::{Lockfile, Losses, Node, Plan};
use crate::store::Store;
use crate::training::Trace;

const TRACE: &str = "trace.bin";

/// The trainings of a plan that are bound to a class of devices.
pub(super) fn bound(plan: &Plan) -> impl Iterator<Item = (RecipeId, &Node, DeviceProfile)> {
    plan.nodes().iter().filter_map(|(id, node)| Some((*id, node, profile_of(node)?)))
}

/// The profile of an action that is a training bound to a class of devices.
pub(super) fn profile_of(node: &Node) -> Option<DeviceProfile> {
    match &node.action.params {
        Params::Train(train) => train.profile,
        _ => None,
    }
}

/// The losses of a training as its stored trace has them; `None`: the trace is not here.
pub(super) fn losses_of(
    label: &str,
    result: &ActionResult,
    store: &Store,
) -> Result<Option<Losses>, Error> {
    let Some(digest) = trace_of(result).filter(|digest| store.blob_size(digest).is_some()) else {
        return Ok(None);
    };
    let bad = |reason: String| Error::BadResult { what: format!("{label} {TRACE}"), reason };
    let trace = Trace::decode(&store.read(&digest)?).map_err(|error| bad(error.to_string()))?;
    let losses = Losses::new(trace.span_losses());
    losses.map(Some).ok_or_else(|| bad("its losses are none, or not finite".to_owned()))
}

/// Whether an action has no losses to lock, or its trace, which has them, is here.
pub(super) fn has_losses(node: &Node, result: &ActionResult, store: &Store) -> bool {
    let is_here = |digest: BlobDigest| store.blob_size(&digest).is_some();
    profile_of(node).is_none() || trace_of(result).is_some_and(is_here)
}

/// Every action of `plan` whose result `result_of` knows, with the losses of those that are bound to a class of devices.
pub(super) fn lockfile_of(
    plan: &Plan,
    store: &Store,
    result_of: impl Fn(&RecipeId) -> Option<ActionResult>,
) -> Result<Lockfile, Error> {
    let mut lockfile = Lockfile::from_results(plan, &result_of);
    for (id, node, _) in bound(plan) {
        let Some(result) = result_of(&id) else {
            continue;
        };
        if let Some(losses) = losses_of(&node.label, &result, store)? {
            lockfile.insert_losses(&node.label, losses);
        }
    }
    Ok(lockfile)
}

fn trace_of(result: &ActionResult) -> Option<BlobDigest> {
    result.outputs.get(TRACE).map(|output| output.digest)
}
