//! `verify`: execute everything again elsewhere, compare with the lockfile, judge the claims.

mod another_class;
mod second;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use another_class::{
    AnotherClass, ComparedSpan, ComparedTraining, LossTolerance, LossToleranceError,
};

use super::error::Error;
use super::inputs::Lent;
use super::lock::{LockComparison, recorded_result};
use super::losses::bound;
use super::reproduce::Reproduced;
use super::run::Running;
use super::workspace::{Loaded, Workspace};
use crate::action::params::DeviceClass;
use crate::digest::BlobDigest;
use crate::exec::Summary;
use crate::plan::{Lockfile, Plan};
use crate::store::Store;
use crate::tensor::Device;
use another_class::{Replacement, class_of};
pub(super) use second::SecondStore;

/// How everything is executed again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Verifying<'a> {
    /// The folder of the second store, where what was stopped goes on; as a rule none, and it is a temporary one.
    pub into: Option<&'a Path>,
    /// Seconds that all of it may take, as estimated.
    pub budget: Option<f64>,
    /// How far losses may be apart where trainings are bound to another class of devices.
    pub tolerance: LossTolerance,
}

impl Workspace {
    /// What [`Workspace::verify`] executes again; an error where the lockfile has not all that it is held against.
    pub fn verification<'a>(&self, loaded: &'a Loaded) -> Result<Verification<'a>, Error> {
        let plan = self.plan_of(loaded)?;
        super::run::refuse_unpinned(&plan)?;
        let lockfile = loaded.read_lockfile()?.unwrap_or_default();
        refuse_unlocked(&plan, &lockfile, loaded, true)?;
        Verification::new(loaded, plan, lockfile, self.device)
    }

    /// Executes everything again in a second, empty store and compares with the lockfile. No result of the first store
    /// is read; pinned inputs may come from it, each hashed as it is read. A training that is bound to a class of GPUs of
    /// which the device is none is computed by what the device has, and its losses are compared instead of its bits.
    pub fn verify(
        &self,
        verification: &Verification<'_>,
        verifying: &Verifying<'_>,
        running: &mut Running<'_>,
    ) -> Result<Reproduced, Error> {
        let Verifying { into, budget, tolerance } = *verifying;
        let first = self.store()?;
        let mut whole = verification.plan().clone();
        verification.plan().nodes().keys().for_each(|id| whole.add_target(*id));
        let into = into.map(|into| self.settings.folder.join(into));
        let second = SecondStore::new(into, &first, Some(self.statement(&whole)))?;
        // A refusal leaves no folder behind.
        if let Some(begun) = second.begun()? {
            self.refuse_over_budget(&whole, &begun, budget)?;
        } else {
            let flops: Vec<u128> = whole.nodes().values().map(|node| node.price.flops).collect();
            self.refuse_flops_over_budget(&flops, budget)?;
        }
        let store = second.open()?;
        let root = &verification.loaded.root;
        let lent = Lent { store: Some(&first), ..Lent::default() };
        let executed = self.execute(&whole, root, &store, lent, running);
        let summary = executed.map_err(|error| second.ended_by(error))?;
        second.finish()?;
        verification.judge(&store, &summary, tolerance)
    }

    /// What is executed again, and with what: a verification that was stopped goes on only as it began.
    fn statement(&self, plan: &Plan) -> String {
        let recipes: Vec<_> = plan.nodes().keys().map(ToString::to_string).collect();
        let recipes = BlobDigest::of(recipes.join("\n").as_bytes());
        let (version, level) = (env!("CARGO_PKG_VERSION"), self.settings.level);
        format!("ibid {version} {} {level} {recipes}\n", self.device)
    }
}

/// What is executed again on a device, and what it is held against.
#[derive(Debug)]
pub struct Verification<'a> {
    loaded: &'a Loaded,
    locked: Plan,
    lockfile: Lockfile,
    /// The class of the device, if trainings are bound to it.
    same_class: Option<DeviceClass>,
    replacement: Option<Replacement>,
}

impl<'a> Verification<'a> {
    fn new(
        loaded: &'a Loaded,
        locked: Plan,
        lockfile: Lockfile,
        device: Device,
    ) -> Result<Self, Error> {
        let class = class_of(device);
        let is_same = bound(&locked).any(|(_, _, profile)| Some(profile.class()) == class);
        let same_class = class.filter(|_| is_same);
        let replacement = Replacement::of(&locked, &lockfile, &loaded.typed(), device)?;
        Ok(Self { loaded, locked, lockfile, same_class, replacement })
    }

    /// The labels of the trainings that are bound to another class of GPUs than the device is of.
    pub fn bound_elsewhere(&self) -> Vec<&str> {
        self.replacement.as_ref().map_or_else(Vec::new, Replacement::labels)
    }

    /// The plan that the device can execute.
    fn plan(&self) -> &Plan {
        self.replacement.as_ref().map_or(&self.locked, Replacement::plan)
    }

    /// What came out, compared: actions that are those of the lockfile to the bit, others by their losses.
    fn judge(
        &self,
        store: &Store,
        summary: &Summary,
        tolerance: LossTolerance,
    ) -> Result<Reproduced, Error> {
        let result_of = |id: &_| {
            let is_executed = self.plan().nodes().contains_key(id);
            is_executed.then(|| recorded_result(summary, store, id)).flatten()
        };
        let mut comparison = LockComparison::of(&self.locked, &self.lockfile, store, result_of)?;
        let another_class = match &self.replacement {
            None => None,
            Some(replacement) => {
                let others = std::mem::take(&mut comparison.unseen);
                Some(replacement.compare(store, summary, tolerance, others)?)
            }
        };
        let read = Workspace::read_back(self.loaded, self.plan(), comparison, store, summary)?;
        Ok(Reproduced { same_class: self.same_class, another_class, ..read })
    }
}

/// An error if a lockfile lacks some of the plan's actions: it is `needed` to judge a run, or that it has all of them is
/// what is judged.
pub(super) fn refuse_unlocked(
    plan: &Plan,
    lockfile: &Lockfile,
    loaded: &Loaded,
    needed: bool,
) -> Result<(), Error> {
    let unlocked: Vec<_> = lockfile.compare(plan).unlocked.into_iter().collect();
    if unlocked.is_empty() {
        return Ok(());
    }
    let (path, name) = (loaded.lockfile.clone(), loaded.typed());
    Err(Error::Unlocked { path, name, unlocked, needed })
}
