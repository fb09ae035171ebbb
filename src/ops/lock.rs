//! `lock`, and what every run compares with the lockfile.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::Error;
use super::inputs::Lent;
use super::losses::{has_losses, lockfile_of, losses_of, profile_of};
use super::run::Running;
use super::workspace::{Loaded, Workspace};
use crate::action::ActionResult;
use crate::digest::{BlobDigest, RecipeId};
use crate::exec::{self, How, Summary};
use crate::fs::{self, Durability};
use crate::plan::{self, LockedAction, Lockfile, Losses, Node, Plan};
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
    /// Labels of actions whose outputs were fetched: they have the locked digests because those were asked for.
    pub fetched: Vec<String>,
}

/// An output that is not what the lockfile says.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DifferingOutput {
    /// The action.
    pub label: String,
    /// The output, or `losses`: the word of the line that states them.
    pub output: String,
    /// The digest in the lockfile, or of the word in it; `None`: it does not name this output.
    pub locked: Option<BlobDigest>,
    /// The digest of what came out, or of the word that follows from it; `None`: nothing came out under this name.
    pub actual: Option<BlobDigest>,
}

impl LockComparison {
    /// Compares every action of `plan` whose result this run gave or `store` has recorded, and none that was fetched.
    pub(super) fn of_run(
        plan: &Plan,
        lockfile: &Lockfile,
        store: &Store,
        summary: &Summary,
    ) -> Result<Self, Error> {
        let is_fetched =
            |id: &RecipeId| summary.outcomes.get(id).is_some_and(|made| made.how == How::Fetched);
        let mut comparison = Self::of(plan, lockfile, store, |id| {
            if is_fetched(id) { None } else { recorded_result(summary, store, id) }
        })?;
        let fetched = plan.nodes().iter().filter(|(id, _)| is_fetched(id));
        comparison.fetched = fetched.map(|(_, node)| node.label.clone()).collect();
        comparison.fetched.sort();
        comparison.unseen.retain(|label| comparison.fetched.binary_search(label).is_err());
        Ok(comparison)
    }

    /// Compares every action of `plan` whose result `result_of` knows; `store` has the traces of trainings.
    pub(super) fn of(
        plan: &Plan,
        lockfile: &Lockfile,
        store: &Store,
        mut result_of: impl FnMut(&RecipeId) -> Option<ActionResult>,
    ) -> Result<Self, Error> {
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
            let differing = differing_outputs(node, locked, &result, store)?;
            comparison.same += usize::from(differing.is_empty());
            comparison.differing.extend(differing);
        }
        comparison.unlocked.sort();
        comparison.unseen.sort();
        comparison.differing.sort_by(|a, b| (&a.label, &a.output).cmp(&(&b.label, &b.output)));
        Ok(comparison)
    }
}

/// The outputs of an action that are not as locked. Where all are, the losses of a training of a device class are held
/// against its trace: they stand for its bits on other devices.
fn differing_outputs(
    node: &Node,
    locked: &LockedAction,
    result: &ActionResult,
    store: &Store,
) -> Result<Vec<DifferingOutput>, Error> {
    let outputs = result.outputs.iter().map(|(name, file)| (name.clone(), file.digest)).collect();
    let mut differing = differing(&node.label, &locked.outputs, &outputs);
    if differing.is_empty()
        && profile_of(node).is_some()
        && let Some(stated) = &locked.losses
        && let Some(losses) = losses_of(&node.label, result, store)?
        && *stated != losses
    {
        differing.push(DifferingOutput {
            label: node.label.clone(),
            output: LOSSES.to_owned(),
            locked: Some(digest_of(stated)),
            actual: Some(digest_of(&losses)),
        });
    }
    Ok(differing)
}

/// The word of a line that states losses.
const LOSSES: &str = "losses";

/// The digest of the word in which a line states losses.
fn digest_of(losses: &Losses) -> BlobDigest {
    BlobDigest::of(losses.to_string().as_bytes())
}

/// By name, outputs of which one side has another digest than the other, or none.
fn differing(
    label: &str,
    locked: &BTreeMap<String, BlobDigest>,
    actual: &BTreeMap<String, BlobDigest>,
) -> Vec<DifferingOutput> {
    let names: BTreeSet<_> = locked.keys().chain(actual.keys()).collect();
    let of = |name: &String| {
        let (label, output) = (label.to_owned(), name.clone());
        let (locked, actual) = (locked.get(name).copied(), actual.get(name).copied());
        (locked != actual).then_some(DifferingOutput { label, output, locked, actual })
    };
    names.into_iter().filter_map(of).collect()
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
    #[serde(serialize_with = "super::workspace::shown")]
    pub path: PathBuf,
    /// Whether its text is, or already was, what it should be.
    pub is_current: bool,
    /// Labels that were added or whose line changed.
    pub changed: Vec<String>,
    /// Outputs of actions that were locked before whose digest was overwritten, added or dropped, or would be.
    pub overwritten: Vec<DifferingOutput>,
    /// Labels that were removed.
    pub removed: Vec<String>,
    /// Actions in it.
    pub actions: usize,
}

/// What two lockfiles say differently of the same action.
fn overwritten(old: &Lockfile, new: &Lockfile) -> Vec<DifferingOutput> {
    let before = old.by_recipe();
    let mut overwritten = Vec::new();
    for (label, action) in new.actions() {
        let Some(&known) = before.get(&action.recipe) else {
            continue;
        };
        overwritten.extend(differing(label, &known.outputs, &action.outputs));
        let of = |action: &LockedAction| action.losses.as_ref().map(digest_of);
        let (locked, actual) = (of(known), of(action));
        if locked != actual {
            let (label, output) = (label.clone(), LOSSES.to_owned());
            overwritten.push(DifferingOutput { label, output, locked, actual });
        }
    }
    overwritten
}

/// Keeps others from writing a lockfile between its reading and its writing here: each adds to what is there.
struct Writing {
    path: PathBuf,
    _lock: fs::Lock,
}

impl Writing {
    fn of(lockfile: &Path) -> Result<Self, Error> {
        if let Some(folder) = lockfile.parent() {
            fs::create_dir(folder)?;
        }
        let mut name = OsString::from(".");
        name.push(lockfile.file_name().unwrap_or_default());
        name.push(".writing");
        let path = lockfile.with_file_name(name);
        let lock = fs::Lock::exclusive(&path)?;
        Ok(Self { path, _lock: lock })
    }
}

/// The last act under the lock; fields are dropped afterwards.
impl Drop for Writing {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// What a run's results make of a lockfile: those of this run, and what the store has upstream of them, since a run looks no
/// further up than it must.
fn lockfile_of_run(plan: &Plan, store: &Store, summary: &Summary) -> Result<Lockfile, Error> {
    let known = |id: &RecipeId| Some((*id, recorded_result(summary, store, id)?));
    let results: BTreeMap<_, _> = plan.nodes().keys().filter_map(known).collect();
    let executed = |id: &RecipeId| summary.outcomes.get(id)?.key;
    exec::refuse_contradictions(
        plan,
        |id| executed(id).or_else(|| store.recipe_key(id)),
        |recipe, output| Some(results.get(recipe)?.outputs.get(output)?.digest),
    )?;
    lockfile_of(plan, store, |id| results.get(id).cloned())
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
        // A damaged lockfile is told before the work, and so is a pin that is right in this store alone.
        loaded.read_lockfile()?;
        self.refuse_wrong_pins(loaded)?;
        let summary = self.execute(&plan, &loaded.root, &store, Lent::default(), running)?;
        let is_known = |id: &RecipeId, node: &Node| {
            let result = recorded_result(&summary, &store, id);
            result.is_some_and(|result| has_losses(node, &result, &store))
        };
        let missing = plan.nodes().iter().filter(|(id, node)| !is_known(id, node));
        let missing: Vec<_> = missing.map(|(id, _)| *id).collect();
        let summary = if missing.is_empty() {
            summary
        } else {
            // Upstream of a hit was collected: what a lockfile states must come from a run, not from memory.
            let mut whole = plan.clone();
            missing.iter().for_each(|id| whole.add_target(*id));
            self.execute(&whole, &loaded.root, &store, Lent::default(), running)?
        };
        let whole = plan::expand_every_depth(&loaded.experiment)?;
        let own = lockfile_of_run(&plan, &store, &summary)?.labelled_as_in(&whole);
        let merged = || -> Result<_, Error> {
            let old = loaded.read_lockfile()?.unwrap_or_default();
            let mut new = own.clone();
            new.keep(&old, &whole);
            Ok((old, new))
        };
        let (mut old, mut new) = merged()?;
        let mut writing = None;
        if !check_only && (old != new || !loaded.lockfile.exists()) {
            writing = Some(Writing::of(&loaded.lockfile)?);
            (old, new) = merged()?;
        }
        let (old_text, new_text) = (old.encode(), new.encode());
        let is_current = old_text == new_text && loaded.lockfile.exists();
        let changed = |(label, action): &(&String, _)| old.actions().get(*label) != Some(*action);
        let outcome = LockOutcome {
            path: loaded.lockfile.clone(),
            is_current: is_current || !check_only,
            changed: new.actions().iter().filter(changed).map(|(label, _)| label.clone()).collect(),
            overwritten: overwritten(&old, &new),
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
                fs::remove_leftovers(folder);
            }
            fs::write_atomic(&loaded.lockfile, new_text.as_bytes(), Durability::Durable)?;
        }
        drop(writing);
        self.register_lockfile(loaded, &store)?;
        Ok(outcome)
    }
}
