//! `lock`, and what every run compares with the lockfile.

use serde::Serialize;

use super::error::Error;
use super::run::Running;
use super::workspace::{Loaded, Workspace};
use crate::action::ActionResult;
use crate::digest::{BlobDigest, RecipeId};
use crate::exec::Summary;
use crate::fs::{self, Durability};
use crate::plan::{self, Lockfile, Plan};
use crate::store::Store;

/// How results and a lockfile compare.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LockComparison {
    /// Actions whose every output has the locked digest.
    pub same: usize,
    /// Actions that are locked and whose result is known.
    pub compared: usize,
    /// Outputs that differ.
    pub differing: Vec<DifferingOutput>,
    /// Labels of actions that the lockfile does not have.
    pub unlocked: Vec<String>,
    /// Labels of actions that are locked, and whose result is neither of this run nor in the store.
    pub unseen: Vec<String>,
}

/// An output that is not what the lockfile says.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DifferingOutput {
    /// The action.
    pub label: String,
    /// The output.
    pub output: String,
    /// The digest in the lockfile; `None`: it does not name this output.
    pub locked: Option<BlobDigest>,
    /// The digest of what came out; `None`: nothing came out under this name.
    pub actual: Option<BlobDigest>,
}

impl LockComparison {
    /// Compares every action of `plan` whose result `result_of` knows.
    pub(super) fn of(
        plan: &Plan,
        lockfile: &Lockfile,
        mut result_of: impl FnMut(&RecipeId) -> Option<ActionResult>,
    ) -> Self {
        let locked = lockfile.by_recipe();
        let mut comparison = Self::default();
        for (id, node) in plan.nodes() {
            let Some(locked) = locked.get(id) else {
                comparison.unlocked.push(node.label.clone());
                continue;
            };
            let Some(result) = result_of(id) else {
                comparison.unseen.push(node.label.clone());
                continue;
            };
            comparison.compared += 1;
            let actual = |name: &String| result.outputs.get(name).map(|file| file.digest);
            let names = locked.outputs.keys().chain(result.outputs.keys());
            let names: std::collections::BTreeSet<_> = names.collect();
            let before = comparison.differing.len();
            for name in names {
                let (locked, actual) = (locked.outputs.get(name).copied(), actual(name));
                if locked != actual {
                    let (label, output) = (node.label.clone(), name.clone());
                    comparison.differing.push(DifferingOutput { label, output, locked, actual });
                }
            }
            comparison.same += usize::from(comparison.differing.len() == before);
        }
        comparison.unlocked.sort();
        comparison.unseen.sort();
        comparison.differing.sort_by(|a, b| (&a.label, &a.output).cmp(&(&b.label, &b.output)));
        comparison
    }
}

/// The result of an action: of this run, or as the store recorded it when the run did not need to visit it.
pub(super) fn recorded_result(
    summary: &Summary,
    store: &Store,
    id: &RecipeId,
) -> Option<ActionResult> {
    if let Some(outcome) = summary.outcomes.get(id) {
        return Some(outcome.result.clone());
    }
    let key = store.recipe_key(id)?;
    store.result(&key).ok().flatten()
}

/// What `lock` did, or would do.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LockOutcome {
    /// The lockfile.
    pub path: std::path::PathBuf,
    /// Whether its text is, or already was, what it should be.
    pub is_current: bool,
    /// Labels that were added or whose line changed.
    pub changed: Vec<String>,
    /// Labels that were removed.
    pub removed: Vec<String>,
    /// Actions in it.
    pub actions: usize,
}

impl Workspace {
    /// Brings the lockfile of a target up to date, executing what is not in the store; with `check_only` it is compared
    /// and left as it is. Lines of other targets stay.
    pub fn lock(
        &self,
        loaded: &Loaded,
        check_only: bool,
        budget: Option<f64>,
        running: &mut Running<'_>,
    ) -> Result<LockOutcome, Error> {
        if loaded.origin.is_some() {
            return Err(Error::Usage {
                message: "a commit cannot be changed, nor the lockfile in it".to_owned(),
                hint: Some(format!("compare with it: ibid reproduce '{}'", loaded.full_name())),
            });
        }
        let plan = self.plan_of(loaded)?;
        super::run::refuse_unpinned(&plan)?;
        let store = self.store()?;
        self.refuse_over_budget(&plan, &store, budget)?;
        let summary = self.execute(&plan, &loaded.root, &store, None, running)?;
        let old = loaded.read_lockfile()?.unwrap_or_default();
        let missing: Vec<_> = plan
            .nodes()
            .keys()
            .filter(|id| recorded_result(&summary, &store, id).is_none())
            .copied()
            .collect();
        let summary = if missing.is_empty() {
            summary
        } else {
            // Upstream of a hit was collected: what a lockfile states must come from a run, not from memory.
            let mut whole = plan.clone();
            missing.iter().for_each(|id| whole.add_target(*id));
            self.execute(&whole, &loaded.root, &store, None, running)?
        };
        let mut new = Lockfile::from_results(&plan, |id| recorded_result(&summary, &store, id));
        new.keep(&old, &plan::expand_every_depth(&loaded.experiment)?);
        let (old_text, new_text) = (old.encode(), new.encode());
        let is_current = old_text == new_text && loaded.lockfile.exists();
        let changed = |(label, action): &(&String, _)| old.actions().get(*label) != Some(*action);
        let outcome = LockOutcome {
            path: loaded.lockfile.clone(),
            is_current: is_current || !check_only,
            changed: new.actions().iter().filter(changed).map(|(label, _)| label.clone()).collect(),
            removed: old
                .actions()
                .keys()
                .filter(|label| !new.actions().contains_key(*label))
                .cloned()
                .collect(),
            actions: new.actions().len(),
        };
        if !check_only && !is_current {
            if let Some(folder) = loaded.lockfile.parent() {
                fs::create_dir(folder)?;
                fs::remove_leftovers(folder);
            }
            fs::write_atomic(&loaded.lockfile, new_text.as_bytes(), Durability::Durable)?;
        }
        Ok(outcome)
    }
}
