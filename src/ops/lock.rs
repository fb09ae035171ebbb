//! `lock`, and what every run compares with the lockfile.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::Error;
use super::losses::{has_losses, lockfile_of, losses_of, profile_of};
use super::run::Running;
use super::workspace::{Loaded, Workspace};
use crate::action::ActionResult;
use crate::digest::{BlobDigest, RecipeId};
use crate::exec::{ExecError, Summary};
use crate::fs::{self, Durability};
use crate::plan::{self, LockedAction, Lockfile, Node, Plan};
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
    /// The output, or `losses`: the word of the line that states them.
    pub output: String,
    /// The digest in the lockfile, or of the word in it; `None`: it does not name this output.
    pub locked: Option<BlobDigest>,
    /// The digest of what came out, or of the word that follows from it; `None`: nothing came out under this name.
    pub actual: Option<BlobDigest>,
}

impl LockComparison {
    /// Compares every action of `plan` whose result this run gave or `store` has recorded.
    pub(super) fn of_run(
        plan: &Plan,
        lockfile: &Lockfile,
        store: &Store,
        summary: &Summary,
    ) -> Result<Self, Error> {
        Self::of(plan, lockfile, store, |id| recorded_result(summary, store, id))
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
    let actual = |name: &String| result.outputs.get(name).map(|file| file.digest);
    let names: BTreeSet<_> = locked.outputs.keys().chain(result.outputs.keys()).collect();
    let mut differing = Vec::new();
    for name in names {
        let (locked, actual) = (locked.outputs.get(name).copied(), actual(name));
        if locked != actual {
            let (label, output) = (node.label.clone(), name.clone());
            differing.push(DifferingOutput { label, output, locked, actual });
        }
    }
    if differing.is_empty()
        && profile_of(node).is_some()
        && let Some(stated) = &locked.losses
        && let Some(losses) = losses_of(&node.label, result, store)?
        && *stated != losses
    {
        let [locked, actual] =
            [stated, &losses].map(|of| Some(BlobDigest::of(of.to_string().as_bytes())));
        let (label, output) = (node.label.clone(), "losses".to_owned());
        differing.push(DifferingOutput { label, output, locked, actual });
    }
    Ok(differing)
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
    /// Outputs that were locked before with another digest, which was overwritten, or would be.
    pub overwritten: Vec<DifferingOutput>,
    /// Labels that were removed.
    pub removed: Vec<String>,
    /// Actions in it.
    pub actions: usize,
}

/// What two lockfiles say differently of the same action.
fn overwritten(old: &Lockfile, new: &Lockfile) -> Vec<DifferingOutput> {
    let before = old.by_recipe();
    let mut differing = Vec::new();
    for (label, action) in new.actions() {
        let Some(&known) = before.get(&action.recipe) else {
            continue;
        };
        let mut compare = |output: &str, locked, actual| {
            if locked != actual {
                let (label, output) = (label.clone(), output.to_owned());
                differing.push(DifferingOutput { label, output, locked, actual });
            }
        };
        let names: BTreeSet<_> = known.outputs.keys().chain(action.outputs.keys()).collect();
        for name in names {
            let of = |action: &LockedAction| action.outputs.get(name).copied();
            compare(name, of(known), of(action));
        }
        let losses = |action: &LockedAction| {
            action.losses.as_ref().map(|losses| BlobDigest::of(losses.to_string().as_bytes()))
        };
        compare("losses", losses(known), losses(action));
    }
    differing
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

/// An error if what is known of an action was not made from what is known of the actions before it: a run looks no
/// further up than it must, and a lockfile states all of them.
fn refuse_contradictions(plan: &Plan, store: &Store, summary: &Summary) -> Result<(), Error> {
    let digest_of = |recipe: &RecipeId, output: &str| {
        Some(recorded_result(summary, store, recipe)?.outputs.get(output)?.digest)
    };
    for (id, node) in plan.nodes() {
        let executed = summary.outcomes.get(id).and_then(|outcome| outcome.key);
        let action = node.action.resolve(digest_of);
        if let (Some(key), Some(action)) = (executed.or_else(|| store.recipe_key(id)), action)
            && action.key() != key
        {
            return Err(ExecError::Contradicts { label: node.label.clone() }.into());
        }
    }
    Ok(())
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
        // A damaged lockfile is told before the work.
        loaded.read_lockfile()?;
        let summary = self.execute(&plan, &loaded.root, &store, None, running)?;
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
            self.execute(&whole, &loaded.root, &store, None, running)?
        };
        refuse_contradictions(&plan, &store, &summary)?;
        let whole = plan::expand_every_depth(&loaded.experiment)?;
        let own = lockfile_of(&plan, &store, |id| recorded_result(&summary, &store, id))?;
        let own = own.labelled_as_in(&whole);
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
