//! Losses of trainings whose bits are those of a class of devices: from their traces into the lockfile.

use super::error::Error;
use crate::action::params::DeviceProfile;
use crate::action::{ActionResult, Params};
use crate::digest::{BlobDigest, RecipeId};
use crate::plan::{Lockfile, Losses, Node, Plan};
use crate::store::Store;
use crate::training::Trace;

/// The output of a training that is its trace.
pub(super) const TRACE: &str = "trace.bin";

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

#[cfg(test)]
mod tests {
    use super::super::error::Kind;
    use super::*;
    use crate::action::OutputFile;
    use crate::fs::Durability;
    use crate::plan::expand;
    use crate::spec::experiment::testing::example;

    /// A store that has `bytes` as a trace, and the result that names it.
    fn stored(bytes: &[u8]) -> (tempfile::TempDir, Store, ActionResult) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        let digest = store.put(bytes, Durability::Relaxed).unwrap();
        let file = OutputFile { digest, bytes: bytes.len() as u64 };
        (folder, store, ActionResult { outputs: [(TRACE.to_owned(), file)].into() })
    }

    #[test]
    fn losses_come_from_the_trace_where_it_is_here_and_sound() {
        let mut trace = Trace::new(&[1.0]);
        trace.push(0.5, [0, 0]);
        trace.push(0.25, [0, 0]);
        let (_folder, store, result) = stored(trace.bytes());
        let losses = losses_of("a/train", &result, &store).unwrap().unwrap();
        assert_eq!(losses.means(), [0.5, 0.25]);
        let (_other, empty, _) = stored(b"");
        assert_eq!(losses_of("a/train", &result, &empty).unwrap(), None);

        let mut diverged = trace.clone();
        diverged.push(f32::NAN, [0, 0]);
        for bytes in [diverged.bytes(), Trace::new(&[1.0]).bytes(), b"rubbish"] {
            let (_folder, store, result) = stored(bytes);
            let error = losses_of("a/train", &result, &store).unwrap_err();
            assert_eq!(error.kind(), Kind::Integrity);
            assert!(error.to_string().starts_with("`a/train trace.bin` cannot be read: "));
        }
    }

    #[test]
    fn only_a_training_of_a_device_class_needs_its_trace() {
        let mut experiment = example();
        experiment.runs[1].train.profile = Some("bf16/sm_90/1".to_owned());
        let plan = expand(&experiment, None).unwrap();
        let labels: Vec<_> = bound(&plan).map(|(_, node, _)| node.label.as_str()).collect();
        assert_eq!(labels, ["b/train"]);
        let (_folder, store, result) = stored(b"a trace");
        let (_other, empty, _) = stored(b"");
        let node = |label: &str| plan.labelled(label).unwrap().1;
        assert!(has_losses(node("b/train"), &result, &store));
        assert!(!has_losses(node("b/train"), &result, &empty));
        assert!(has_losses(node("a/train"), &result, &empty));
    }
}
