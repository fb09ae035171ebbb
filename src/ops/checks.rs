//! Declared checks: run with what is at hand, and read back.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::error::Error;
use super::inputs::{Lent, place_of};
use super::lock::recorded_result;
use super::plan::upstream_first;
use super::run::Running;
use super::workspace::{Loaded, Workspace};
use crate::action::Input;
use crate::digest::RecipeId;
use crate::exec::{self, Failure, FailureKind, PlanState, Summary};
use crate::metrics::checks;
use crate::plan::{self, CheckTarget, Plan};
use crate::report::checks::{self as judged, JudgedCheck};
use crate::source::NetworkError;
use crate::store::Store;

/// What the checks of an experiment came to.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// The checks that could be made, the worst first.
    pub checks: Vec<JudgedCheck>,
    /// Those that could not, and why.
    pub unchecked: Vec<Unchecked>,
    /// The actions that failed for another reason than a missing file, by label. Their checks are among the unchecked.
    pub failures: Vec<(String, Failure)>,
}

/// A check that could not be made.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unchecked {
    /// The check.
    pub check: String,
    /// Why not.
    pub reason: String,
}

impl Workspace {
    /// Makes the checks of a target, or all of them, whose tables can be had without a training, and without network if
    /// `running` is offline: from the store, the mirrors, files of the experiment, and commits that were fetched before.
    pub fn check_tables(
        &self,
        loaded: &Loaded,
        running: &mut Running<'_>,
    ) -> Result<Checked, Error> {
        if loaded.experiment.checks.is_empty() {
            return Ok(Checked::default());
        }
        let mut plan = match &loaded.named.target {
            None => plan::expand_checks(&loaded.experiment)?,
            Some(_) => self.plan_of(loaded)?,
        };
        let store = self.store()?;
        let states = exec::plan_states(&plan, &store, &BTreeMap::new())?;
        let costly = needing_work(&plan, &states);
        let wanted = plan.checks().values().map(|check| check.action);
        let wanted: BTreeSet<_> = wanted.filter(|id| !costly.contains(id)).collect();
        plan.set_targets(wanted);
        let summary = self.try_to_execute(&plan, &loaded.root, &store, Lent::default(), running)?;
        let mut checked = Checked::default();
        let mut reasons: BTreeMap<RecipeId, String> = BTreeMap::new();
        for (id, (label, failure)) in &summary.failures {
            let message = told(&plan, id, failure);
            if failure.kind != FailureKind::Missing {
                let failure = Failure { message: message.clone(), ..failure.clone() };
                checked.failures.push((label.clone(), failure));
            }
            reasons.insert(*id, message);
        }
        let reasons = with_downstream(&plan, reasons);
        for check in in_order(&plan) {
            let unchecked = |reason: String| Unchecked { check: check.declared.id.clone(), reason };
            if costly.contains(&check.action) {
                let reason = "its tables are not made yet".to_owned();
                checked.unchecked.push(unchecked(reason));
            } else if let Some(reason) = reasons.get(&check.action) {
                checked.unchecked.push(unchecked(reason.clone()));
            } else {
                checked.checks.push(read_check(check, &store, &summary)?);
            }
        }
        judged::sort(&mut checked.checks);
        Ok(checked)
    }
}

/// The checks of a plan as the experiment states them.
fn in_order(plan: &Plan) -> Vec<&CheckTarget> {
    let mut checks: Vec<_> = plan.checks().values().collect();
    checks.sort_by_key(|check| check.place);
    checks
}

/// Every check of a plan, judged, the worst first.
pub(super) fn read_checks(
    plan: &Plan,
    store: &Store,
    summary: &Summary,
) -> Result<Vec<JudgedCheck>, Error> {
    let checks = in_order(plan).into_iter().map(|check| read_check(check, store, summary));
    let mut checks = checks.collect::<Result<Vec<_>, _>>()?;
    judged::sort(&mut checks);
    Ok(checks)
}

fn read_check(check: &CheckTarget, store: &Store, summary: &Summary) -> Result<JudgedCheck, Error> {
    let bad = |reason: String| Error::BadResult { what: "findings.json".to_owned(), reason };
    let result = recorded_result(summary, store, &check.action);
    let output = result.and_then(|result| result.outputs.get("findings.json").copied());
    let output = output.ok_or_else(|| bad("the run did not give it".to_owned()))?;
    let text = String::from_utf8(store.read(&output.digest)?).map_err(|e| bad(e.to_string()))?;
    let records = checks::decode(&text).map_err(|error| bad(error.to_string()))?;
    Ok(judged::judge(&check.declared, records, |table| check.files.get(table).cloned()))
}

/// The actions that are, or that wait for, a training or an evaluation that is not a hit.
fn needing_work(plan: &Plan, states: &BTreeMap<RecipeId, PlanState>) -> BTreeSet<RecipeId> {
    let mut needing = BTreeSet::new();
    for id in upstream_first(plan) {
        let is_hit = states.get(&id).is_none_or(|state| *state == PlanState::Hit);
        let is_cheap = plan.nodes()[&id].action.params.kind().is_cheap();
        if !is_hit && (!is_cheap || !plan.upstream(&id).is_disjoint(&needing)) {
            needing.insert(id);
        }
    }
    needing
}

/// Why an action failed: what it reads with where that was published, and what was not asked as `check` never asks it.
fn told(plan: &Plan, id: &RecipeId, failure: &Failure) -> String {
    let offline = NetworkError::Offline.to_string();
    let mut message = failure.message.replace(&offline, "not asked: check uses no network");
    for (name, input) in &plan.nodes()[id].action.inputs {
        let Input::Blob(digest) = input else { continue };
        let place = plan.sources().get(digest).and_then(|pin| pin.locations.first());
        if let Some(place) = place
            && message.starts_with(&format!("input `{name}`: "))
        {
            message.push_str(&format!(" (it is {})", place_of(place)));
        }
    }
    message
}

/// Why actions failed, and why those could not be tried that read from them.
fn with_downstream(
    plan: &Plan,
    mut reasons: BTreeMap<RecipeId, String>,
) -> BTreeMap<RecipeId, String> {
    for id in upstream_first(plan) {
        if !reasons.contains_key(&id) {
            let upstream = plan.upstream(&id);
            let reason = upstream.iter().find_map(|upstream| reasons.get(upstream)).cloned();
            reasons.extend(reason.map(|reason| (id, reason)));
        }
    }
    reasons
}
