//! Look-up from the targets upwards: what is known, what can be executed, what waits for something else.
//!
//! 1. The recipe is known and its outputs are here: hit; upstream is not visited. So it is where its outputs may be fetched
//!    and can be.
//! 2. Its inputs are known, and so is the result of their key: hit (early cutoff); the recipe is recorded.
//! 3. Its inputs are known: it can be executed. Else it waits.

use std::collections::{BTreeMap, BTreeSet};

use super::{ExecError, FailureKind, How, Inputs, Outcome};
use crate::action::{Action, ActionResult, OutputFile, ResolvedInput};
use crate::digest::{ActionKey, BlobDigest, RecipeId};
use crate::plan::Plan;
use crate::store::{RecipeEntry, Store, StoreError};

/// Output names with the digests that the lockfile gives them.
pub type Locked = BTreeMap<String, BlobDigest>;

/// What a run would do with an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlanState {
    /// The store has its result.
    Hit,
    /// The lockfile names outputs that the store lacks.
    Locked,
    /// It would be executed.
    Run,
    /// It waits for another one, and may still turn out to be a hit.
    Pending,
}

/// What a run would do, for every action that it would visit: upstream of a hit has no entry. Changes nothing.
pub fn plan_states(
    plan: &Plan,
    store: &Store,
    locked: &BTreeMap<RecipeId, Locked>,
) -> Result<BTreeMap<RecipeId, PlanState>, ExecError> {
    states(Lookup::new(plan, store, None), locked)
}

/// The same of a run that may fetch. What can be had of `locked` is fetched into the store, so that it counts as a hit.
pub fn plan_states_having_fetched(
    plan: &Plan,
    store: &Store,
    locked: &BTreeMap<RecipeId, Locked>,
    inputs: &dyn Inputs,
) -> Result<BTreeMap<RecipeId, PlanState>, ExecError> {
    states(Lookup::new(plan, store, Some(Substitutes { locked, inputs })), locked)
}

fn states(
    mut lookup: Lookup<'_>,
    locked: &BTreeMap<RecipeId, Locked>,
) -> Result<BTreeMap<RecipeId, PlanState>, ExecError> {
    lookup.visit(lookup.plan.targets().iter().copied())?;
    let or_locked = |id: &RecipeId, state| {
        if locked.contains_key(id) { (*id, PlanState::Locked) } else { (*id, state) }
    };
    let known = lookup.known.keys().map(|id| (*id, PlanState::Hit));
    let runnable = lookup.runnable.keys().map(|id| or_locked(id, PlanState::Run));
    let waiting = lookup.waiting.keys().map(|id| or_locked(id, PlanState::Pending));
    Ok(known.chain(runnable).chain(waiting).collect())
}

/// Refuses keys that do not follow from the results upstream of them: a recipe leads to a key, and the key is formed from
/// what upstream gave. Nothing is said of an action whose key or upstream is not known.
pub fn refuse_contradictions(
    plan: &Plan,
    key_of: impl Fn(&RecipeId) -> Option<ActionKey>,
    digest_of: impl Fn(&RecipeId, &str) -> Option<BlobDigest>,
) -> Result<(), ExecError> {
    for (id, node) in plan.nodes() {
        let Some(key) = key_of(id) else { continue };
        if node.action.resolve(&digest_of).is_some_and(|action| action.key() != key) {
            return Err(ExecError::Contradicts { label: node.label.clone() });
        }
    }
    Ok(())
}

/// An action that can be executed.
#[derive(Debug, Clone)]
pub(super) struct Runnable {
    pub(super) key: ActionKey,
    pub(super) action: Action<ResolvedInput>,
}

/// Where fetched outputs come from.
#[derive(Clone, Copy)]
pub(super) struct Substitutes<'a> {
    pub(super) locked: &'a BTreeMap<RecipeId, Locked>,
    pub(super) inputs: &'a dyn Inputs,
}

/// What is known of a plan's actions. Each visited action is in exactly one of the four sets.
pub(super) struct Lookup<'a> {
    plan: &'a Plan,
    store: &'a Store,
    substitutes: Option<Substitutes<'a>>,
    pub(super) known: BTreeMap<RecipeId, Outcome>,
    pub(super) runnable: BTreeMap<RecipeId, Runnable>,
    /// By action, the upstream that is not known yet.
    pub(super) waiting: BTreeMap<RecipeId, BTreeSet<RecipeId>>,
    /// Handed out for execution.
    pub(super) busy: BTreeMap<RecipeId, ActionKey>,
    dependents: BTreeMap<RecipeId, BTreeSet<RecipeId>>,
    /// Results that were found since the last [`Self::take_found`].
    found: Vec<RecipeId>,
    /// Recipes to record.
    entries: Vec<RecipeEntry>,
    /// Actions that something fetched is upstream of: that their key follows from their recipe was not seen here.
    unseen: BTreeSet<RecipeId>,
}

enum Step {
    Enter(RecipeId),
    Leave(RecipeId),
}

impl<'a> Lookup<'a> {
    pub(super) fn new(
        plan: &'a Plan,
        store: &'a Store,
        substitutes: Option<Substitutes<'a>>,
    ) -> Self {
        Self {
            plan,
            store,
            substitutes,
            known: BTreeMap::new(),
            runnable: BTreeMap::new(),
            waiting: BTreeMap::new(),
            busy: BTreeMap::new(),
            dependents: BTreeMap::new(),
            found: Vec::new(),
            entries: Vec::new(),
            unseen: BTreeSet::new(),
        }
    }

    /// Finds out about `roots` and as much of their upstream as that needs.
    pub(super) fn visit(
        &mut self,
        roots: impl IntoIterator<Item = RecipeId>,
    ) -> Result<(), ExecError> {
        let mut steps: Vec<_> = roots.into_iter().map(Step::Enter).collect();
        while let Some(step) = steps.pop() {
            match step {
                Step::Enter(id) if self.is_visited(&id) => {}
                Step::Enter(id) => {
                    if let Some(outcome) = self.find(&id)? {
                        self.found.push(id);
                        self.known.insert(id, outcome);
                    } else {
                        steps.push(Step::Leave(id));
                        steps.extend(self.plan.upstream(&id).into_iter().map(Step::Enter));
                    }
                }
                Step::Leave(id) => self.leave(id)?,
            }
        }
        Ok(())
    }

    /// Refuses hits that do not follow from hits upstream of them. What was fetched says nothing of what was made here.
    pub(super) fn check(&self) -> Result<(), ExecError> {
        let digest_of = |recipe: &RecipeId, output: &str| {
            let outcome = self.known.get(recipe).filter(|outcome| outcome.how != How::Fetched)?;
            Some(outcome.result.outputs.get(output)?.digest)
        };
        refuse_contradictions(self.plan, |id| self.known.get(id)?.key, digest_of)
    }

    /// Takes the result of an executed action, and settles what waited for it.
    pub(super) fn complete(&mut self, id: RecipeId, outcome: Outcome) -> Result<(), ExecError> {
        if let Some(key) = outcome.key {
            self.record(id, key);
        }
        self.busy.remove(&id);
        self.known.insert(id, outcome);
        self.wake(id)
    }

    /// Forgets a result whose bytes turned out to be lost.
    pub(super) fn forget(&mut self, id: &RecipeId) {
        self.known.remove(id);
    }

    /// Forgets the upstream of `id` that gave `digest`, and finds out again what `id` needs.
    pub(super) fn lose_input(
        &mut self,
        id: RecipeId,
        digest: &BlobDigest,
    ) -> Result<(), ExecError> {
        let gave = |outcome: &Outcome| {
            outcome.result.outputs.values().any(|output| output.digest == *digest)
        };
        for upstream in self.plan.upstream(&id) {
            if self.known.get(&upstream).is_some_and(gave) {
                self.forget(&upstream);
            }
        }
        self.busy.remove(&id);
        self.visit([id])
    }

    /// The actions that were found to be hits since the last call.
    pub(super) fn take_found(&mut self) -> Vec<RecipeId> {
        std::mem::take(&mut self.found)
    }

    /// Writes the recipes that came to be known to the store's index, if it can be written.
    pub(super) fn flush(&mut self) -> Result<(), ExecError> {
        let entries = std::mem::take(&mut self.entries);
        match self.store.record_recipes(&entries) {
            Err(StoreError::Fs(error)) if error.is_denied() => {
                tracing::debug!(%error, "recipes are not remembered");
                Ok(())
            }
            recorded => Ok(recorded?),
        }
    }

    fn is_visited(&self, id: &RecipeId) -> bool {
        self.known.contains_key(id)
            || self.busy.contains_key(id)
            || self.runnable.contains_key(id)
            || self.waiting.contains_key(id)
    }

    /// A result that is known without looking upstream.
    fn find(&self, id: &RecipeId) -> Result<Option<Outcome>, ExecError> {
        if let Some((key, result)) = self.store.complete_recipe(id)? {
            return Ok(Some(Outcome { how: How::Cached, key: Some(key), result }));
        }
        let fetched = self.substitutes.and_then(|substitutes| self.fetch(id, substitutes));
        Ok(fetched.map(|result| Outcome { how: How::Fetched, key: None, result }))
    }

    /// Fetches what the lockfile names. What cannot be had is executed instead.
    fn fetch(&self, id: &RecipeId, substitutes: Substitutes<'_>) -> Option<ActionResult> {
        let mut outputs = BTreeMap::new();
        for (name, digest) in substitutes.locked.get(id)? {
            match substitutes.inputs.ensure(digest, self.store) {
                Ok(()) => {}
                Err(error) if error.kind == FailureKind::Missing => {
                    tracing::debug!(recipe = %id, output = name, %error, "nobody has a locked output");
                    return None;
                }
                Err(error) => {
                    let error: &(dyn std::error::Error + 'static) = &error;
                    tracing::warn!(recipe = %id, output = name, error, "a locked output cannot be fetched");
                    return None;
                }
            }
            let bytes = self.store.blob_size(digest)?;
            outputs.insert(name.clone(), OutputFile { digest: *digest, bytes });
        }
        (!outputs.is_empty()).then_some(ActionResult { outputs })
    }

    /// Every upstream of `id` was visited.
    fn leave(&mut self, id: RecipeId) -> Result<(), ExecError> {
        let mut unknown = self.plan.upstream(&id);
        unknown.retain(|upstream| !self.known.contains_key(upstream));
        if unknown.is_empty() {
            self.settle(id)?;
        } else {
            for upstream in &unknown {
                self.dependents.entry(*upstream).or_default().insert(id);
            }
            self.waiting.insert(id, unknown);
        }
        Ok(())
    }

    /// Every upstream of `id` is known: it is a hit by its key, or it can be executed.
    fn settle(&mut self, id: RecipeId) -> Result<(), ExecError> {
        let node = &self.plan.nodes()[&id];
        let digest_of = |recipe: &RecipeId, output: &str| {
            Some(self.known.get(recipe)?.result.outputs.get(output)?.digest)
        };
        let no_such_output = || ExecError::NoSuchOutput { label: node.label.clone() };
        let action = node.action.resolve(digest_of).ok_or_else(no_such_output)?;
        let key = action.key();
        if let Some(result) = self.store.complete_result(&key)? {
            self.record(id, key);
            self.found.push(id);
            self.known.insert(id, Outcome { how: How::Cached, key: Some(key), result });
        } else {
            self.runnable.insert(id, Runnable { key, action });
        }
        Ok(())
    }

    fn record(&mut self, recipe: RecipeId, key: ActionKey) {
        let is_fetched = |id: &RecipeId| self.known.get(id).is_some_and(|o| o.how == How::Fetched);
        let upstream = self.plan.upstream(&recipe);
        if upstream.iter().any(|id| self.unseen.contains(id) || is_fetched(id)) {
            self.unseen.insert(recipe);
            return;
        }
        let canonical = self.plan.nodes()[&recipe].action.canonical_bytes();
        self.entries.push(RecipeEntry { recipe, key, canonical });
    }

    /// Settles everything that waited for `id` alone, and what waited for that.
    fn wake(&mut self, id: RecipeId) -> Result<(), ExecError> {
        let mut known = vec![id];
        while let Some(upstream) = known.pop() {
            for id in self.dependents.remove(&upstream).unwrap_or_default() {
                let Some(unknown) = self.waiting.get_mut(&id) else {
                    continue;
                };
                unknown.remove(&upstream);
                // Another upstream may have been lost while this one was made.
                unknown.retain(|upstream| !self.known.contains_key(upstream));
                if unknown.is_empty() {
                    self.waiting.remove(&id);
                    self.leave(id)?;
                    if self.known.contains_key(&id) {
                        known.push(id);
                    }
                }
            }
        }
        Ok(())
    }
}
