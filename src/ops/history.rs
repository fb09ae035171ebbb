//! `history`: when, where and with what the actions of an experiment were executed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::Error;
use super::plan::upstream_first;
use super::workspace::{Loaded, Workspace};
use crate::action::ActionResult;
use crate::digest::{ActionKey, RecipeId};
use crate::store::Maker;

/// One execution of an action, as it was attested when it ended. Nothing was decided by it, and whoever can write to
/// the store can write another.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Executed {
    /// The action's label in the experiment.
    pub label: String,
    /// Its recipe id.
    pub recipe: RecipeId,
    /// Its key.
    pub key: ActionKey,
    /// What it came to.
    pub outcome: Outcome,
    /// When it started: milliseconds since 1970 in UTC.
    pub started_unix_ms: u64,
    /// Wall time that it took.
    pub wall_time_ms: u64,
    /// Threads that it used.
    pub threads: u64,
    /// Where it was executed, and with what.
    #[serde(flatten)]
    pub maker: Maker,
}

/// What an execution came to, beside what the store holds of the action now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// It gave the result that the store holds.
    Same,
    /// It gave other bits than those of the result that the store holds.
    Other,
    /// It gave a result, and the store holds none now.
    Dropped,
    /// It failed.
    Failed,
}

impl Workspace {
    /// Every execution of the plan's actions that this store has a record of: actions upstream first, and of each the
    /// oldest execution first. Changes nothing, executes nothing.
    pub fn history(&self, loaded: &Loaded) -> Result<Vec<Executed>, Error> {
        let plan = self.plan_of(loaded)?;
        let (store, _folder) = self.store_to_look_into()?;
        let mut results: BTreeMap<RecipeId, ActionResult> = BTreeMap::new();
        let mut history = Vec::new();
        for recipe in upstream_first(&plan) {
            let action = &plan.nodes()[&recipe].action;
            let digest_of = |recipe: &RecipeId, output: &str| {
                Some(results.get(recipe)?.outputs.get(output)?.digest)
            };
            // An action that only ever failed has a key, and no recipe that led to one.
            let by_inputs = || action.resolve(digest_of).map(|action| action.key());
            let Some(key) = store.recipe_key(&recipe).or_else(by_inputs) else {
                continue;
            };
            let held = store.result(&key)?;
            for attestation in store.attestations(&key)? {
                let outcome = match (&attestation.result, &held) {
                    (None, _) => Outcome::Failed,
                    (Some(_), None) => Outcome::Dropped,
                    (Some(gave), Some(held)) if gave == held => Outcome::Same,
                    (Some(_), Some(_)) => Outcome::Other,
                };
                history.push(Executed {
                    label: plan.nodes()[&recipe].label.clone(),
                    recipe,
                    key,
                    outcome,
                    started_unix_ms: attestation.started_unix_ms,
                    wall_time_ms: attestation.wall_time_ms,
                    threads: attestation.threads,
                    maker: attestation.maker,
                });
            }
            if let Some(held) = held {
                results.insert(recipe, held);
            }
        }
        Ok(history)
    }
}
