//! The evaluations behind a target, read back from the store.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::error::Error;
use super::lock::recorded_result;
use crate::action::Input;
use crate::action::params::{Params, Task};
use crate::digest::{BlobDigest, RecipeId};
use crate::exec::{self, PlanState, Summary};
use crate::plan::{Node, Plan, RunEvaluation};
use crate::report::evaluations::EvaluationResult;
use crate::store::{Store, manifest_blob};

/// Every evaluation of the plan whose result and weights are recorded and whole, by run and name, and the labels of the
/// others. A target that is a hit does not need them, so that some may have been collected.
pub(super) fn read_evaluations(
    plan: &Plan,
    store: &Store,
    summary: &Summary,
) -> Result<(Vec<EvaluationResult>, Vec<String>), Error> {
    let (mut evaluations, mut missing) = (Vec::new(), Vec::new());
    for evaluation in plan.evaluations() {
        let node = &plan.nodes()[&evaluation.action];
        match read_evaluation(evaluation, node, store, summary)? {
            Some(result) => evaluations.push(result),
            // What is no measurement has no file.
            None if task_of(node).is_none() => {}
            None => missing.push(node.label.clone()),
        }
    }
    Ok((evaluations, missing))
}

/// Measurements of the plan that the store lacks, or does not know by their recipes, and that need nothing else that it
/// lacks: for them no training is executed, and nothing is fetched or built.
pub(super) fn at_hand(plan: &Plan, store: &Store) -> Result<Vec<RecipeId>, Error> {
    let mut whole = plan.clone();
    let actions = plan.evaluations().iter().map(|evaluation| evaluation.action);
    let measured = actions.filter(|action| task_of(&plan.nodes()[action]).is_some());
    measured.clone().for_each(|action| whole.add_target(action));
    let states = exec::plan_states(&whole, store, &BTreeMap::new())?;
    let is_at_hand = |action: &RecipeId| match states.get(action) {
        // By its key alone: a run that visits it makes its recipe known again.
        Some(PlanState::Hit) => store.recipe_key(action).is_none(),
        Some(PlanState::Run) => has_pinned(&plan.nodes()[action], store),
        _ => false,
    };
    Ok(measured.filter(is_at_hand).collect())
}

/// Whether the store has what the inputs of an action pin.
fn has_pinned(node: &Node, store: &Store) -> bool {
    let has = |digest: &BlobDigest| store.blob_size(digest).is_some();
    node.action.inputs.values().all(|input| match input {
        Input::Blob(digest) => has(digest),
        Input::Tree(tree) => store
            .manifest(tree)
            .is_ok_and(|manifest| manifest.files.iter().all(|file| has(&file.sha256))),
        Input::Output { .. } => true,
    })
}

fn read_evaluation(
    evaluation: &RunEvaluation,
    node: &Node,
    store: &Store,
    summary: &Summary,
) -> Result<Option<EvaluationResult>, Error> {
    let output = |recipe, name: &str| {
        let result = recorded_result(summary, store, recipe)?;
        result.outputs.get(name).map(|file| file.digest)
    };
    let weights: Option<BlobDigest> = match node.action.inputs.get("weights") {
        Some(Input::Blob(digest)) => Some(*digest),
        Some(Input::Output { recipe, output: name }) => output(recipe, name),
        Some(Input::Tree(tree)) => Some(manifest_blob(tree)),
        None => None,
    };
    let metrics = output(&evaluation.action, "metrics.json");
    let (Some(weights), Some(metrics), Some(task)) = (weights, metrics, task_of(node)) else {
        return Ok(None);
    };
    // The figure does not stand on this copy; a damaged one is moved aside, and made again where that needs no training.
    let Ok(metrics) = store.read(&metrics) else {
        return Ok(None);
    };
    let mut metrics = serde_json::from_slice(&metrics).map_err(|error| Error::BadResult {
        what: format!("{}: metrics.json", node.label),
        reason: error.to_string(),
    })?;
    if let Params::Probe(probe) = &node.action.params {
        metrics = of_probe(metrics, probe.seed);
    }
    Ok(Some(EvaluationResult {
        name: evaluation.name.clone(),
        dataset: evaluation.dataset.clone(),
        model: evaluation.run.clone(),
        pretrained: weights.to_string(),
        task,
        metrics,
    }))
}

/// What a linear probe measured, under the names of `CLIP_benchmark`'s `linear_probe.py`, and its learning rate.
fn of_probe(metrics: Map<String, Value>, seed: u64) -> Map<String, Value> {
    let renamed = metrics.into_iter().map(|(name, value)| match &*name {
        "acc1" | "acc5" | "mean_per_class_recall" => (format!("lp_{name}"), value),
        #[allow(clippy::cast_possible_truncation, reason = "these are whole, and small")]
        "epochs" | "fewshot_k" => {
            let whole = value.as_f64().map(|value| json!(value as i64));
            (name, whole.unwrap_or(value))
        }
        _ => (name, value),
    });
    renamed.chain([("seed".to_owned(), json!(seed))]).collect()
}

/// The task under `CLIP_benchmark`'s name.
fn task_of(node: &Node) -> Option<&'static str> {
    match &node.action.params {
        Params::Evaluate(evaluate) => Some(match evaluate.task {
            Task::ZeroShotClassification { .. } => "zeroshot_classification",
            Task::Retrieval { .. } => "zeroshot_retrieval",
        }),
        Params::Probe(_) => Some("linear_probe"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_told_under_the_names_of_clip_benchmark() {
        let metrics = json!({ "acc1": 0.5, "mean_per_class_recall": 0.25, "epochs": 2.0, "fewshot_k": -1.0, "lr": 0.1 });
        let told = of_probe(metrics.as_object().unwrap().clone(), 7);
        let expected = json!({
            "lp_acc1": 0.5, "lp_mean_per_class_recall": 0.25, "epochs": 2, "fewshot_k": -1, "lr": 0.1, "seed": 7
        });
        assert_eq!(Value::Object(told), expected);
    }
}
