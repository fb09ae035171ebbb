//! Executing a plan in a store: the options that every running command shares, and what a run will cost.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::error::Error;
use super::inputs::{Lent, PlanInputs, SetBuilder, costs_of};
use super::workspace::Workspace;
use crate::commit::Root;
use crate::digest::RecipeId;
use crate::exec::{self, Event, LocalExecutor, LocalOptions, Locked, Options, PlanState, Summary};
use crate::numerics::Level;
use crate::plan::Plan;
use crate::store::{Maker, Store};
use crate::tensor::Device;

/// How a run goes about it, from outside.
pub struct Running<'a> {
    /// Finish every branch that can finish after a failure.
    pub keep_going: bool,
    /// Ask no network, though the workspace may.
    pub offline: bool,
    /// Set from outside to stop: by Ctrl-C.
    pub cancelled: &'a AtomicBool,
    /// Called with every change of an action's state.
    pub on_event: &'a mut dyn FnMut(&Event),
}

/// How long a child may take to leave a resume checkpoint.
pub(super) const GRACE: Duration = Duration::from_secs(20);

impl Workspace {
    /// Executes what `plan` needs, `store` does not have and nobody lends.
    pub(super) fn execute(
        &self,
        plan: &Plan,
        root: &Root,
        store: &Store,
        lent: Lent<'_>,
        running: &mut Running<'_>,
    ) -> Result<Summary, Error> {
        let summary = self.try_to_execute(plan, root, store, lent, running)?;
        if !summary.failures.is_empty() {
            return Err(Error::Failed { failures: summary.failures.into_values().collect() });
        }
        Ok(summary)
    }

    /// [`Workspace::execute`], with what failed in the summary.
    pub(super) fn try_to_execute(
        &self,
        plan: &Plan,
        root: &Root,
        store: &Store,
        lent: Lent<'_>,
        running: &mut Running<'_>,
    ) -> Result<Summary, Error> {
        refuse_unpinned(plan)?;
        let settings = &self.settings;
        let builder = SetBuilder::until(running.cancelled);
        let build = |set: &str, version: &str| builder.build(set, version);
        let mut sources = self.sources(root, &build).until(running.cancelled);
        if running.offline {
            sources = sources.offline();
        }
        let inputs = PlanInputs::new(plan, sources, lent);
        if lent.outputs.is_none() {
            refuse_lacking_files(plan, store, &inputs, running)?;
        }
        let executor = LocalExecutor::new(LocalOptions {
            program: settings.program.clone(),
            arguments: self.job_arguments(),
            level: settings.level,
            device: self.device,
            variables: self.variables.clone(),
            resume_interval: settings.resume_interval,
            grace: GRACE,
            tmp: store.root().join("tmp"),
            kernels: store.root().join("kernels"),
        });
        let options = Options {
            // A device does one thing at a time, and its memory is for one.
            jobs: if self.device == Device::Cpu { settings.jobs } else { 1 },
            threads: settings.threads,
            keep_going: running.keep_going,
            check_targets: true,
            substitutes: lent.outputs,
            costs: costs_of(plan),
            maker: Self::maker(),
            ..Options::new(settings.threads, &inputs, running.cancelled, &*self.clock)
        };
        let summary = exec::run(plan, store, &executor, &options, running.on_event)?;
        if summary.interrupted {
            return Err(Error::Interrupted);
        }
        Ok(summary)
    }

    /// An error if executing what is missing would take longer than `budget` seconds.
    pub(super) fn refuse_over_budget(
        &self,
        plan: &Plan,
        store: &Store,
        budget: Option<f64>,
    ) -> Result<(), Error> {
        let states = exec::plan_states(plan, store, &BTreeMap::new())?;
        self.refuse_flops_over_budget(&flops_to_run(plan, &states), budget)
    }

    /// The same of a run that may fetch what `locked` names: what the mirrors have of it is in the store afterwards.
    pub(super) fn refuse_over_budget_having_fetched(
        &self,
        plan: &Plan,
        root: &Root,
        store: &Store,
        locked: &BTreeMap<RecipeId, Locked>,
        budget: Option<f64>,
        cancelled: &AtomicBool,
    ) -> Result<(), Error> {
        let builder = SetBuilder::until(cancelled);
        let build = |set: &str, version: &str| builder.build(set, version);
        let lent = Lent { outputs: Some(locked), ..Lent::default() };
        let inputs = PlanInputs::new(plan, self.sources(root, &build).until(cancelled), lent);
        let states = exec::plan_states_having_fetched(plan, store, locked, &inputs)?;
        if cancelled.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        self.refuse_flops_over_budget(&flops_to_run(plan, &states), budget)
    }

    /// The same of actions with these operations.
    pub(super) fn refuse_flops_over_budget(
        &self,
        flops: &[u128],
        budget: Option<f64>,
    ) -> Result<(), Error> {
        let Some(budget) = budget else {
            return Ok(());
        };
        let seconds = estimate_seconds(flops, self.settings.level, self.settings.jobs);
        if seconds <= budget {
            return Ok(());
        }
        Err(Error::OverBudget {
            estimate: duration_text(seconds),
            budget: duration_text(budget),
            enough: budget_text(seconds),
            executed: None,
        })
    }

    /// What makes this program serve as a child.
    #[cfg_attr(
        not(feature = "faults"),
        allow(clippy::unused_self, reason = "only faults have arguments")
    )]
    pub(super) fn job_arguments(&self) -> Vec<OsString> {
        #[cfg(feature = "faults")]
        if let Some(fault) = &self.settings.fault {
            return ["job", "--plant", fault].map(OsString::from).to_vec();
        }
        vec!["job".into()]
    }

    fn maker() -> Maker {
        let host = rustix::system::uname();
        Maker {
            host: host.nodename().to_string_lossy().into_owned(),
            build: format!("ibid {}", env!("CARGO_PKG_VERSION")),
            ..Maker::default()
        }
    }
}

/// Before anything long is executed, an error that lists the files of this machine that a run would come to need and that are
/// not there. Who keeps going is told later.
fn refuse_lacking_files(
    plan: &Plan,
    store: &Store,
    inputs: &PlanInputs<'_>,
    running: &Running<'_>,
) -> Result<(), Error> {
    let is_long = |id: &RecipeId| {
        plan.nodes().get(id).is_some_and(|node| !node.action.params.kind().is_cheap())
    };
    if running.keep_going || !plan.nodes().keys().any(is_long) {
        return Ok(());
    }
    let states = exec::plan_states(plan, store, &BTreeMap::new())?;
    if !states.iter().any(|(id, state)| *state != PlanState::Hit && is_long(id)) {
        return Ok(());
    }
    let failures = inputs.lacking_files(&states, store);
    if failures.is_empty() || running.cancelled.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(Error::Failed { failures })
}

/// An error that lists what is missing, if the plan holds trainings that nobody can execute.
pub(super) fn refuse_unpinned(plan: &Plan) -> Result<(), Error> {
    if plan.unpinned().is_empty() {
        return Ok(());
    }
    let runs =
        plan.unpinned().iter().map(|(name, run)| (name.clone(), run.missing.clone())).collect();
    Err(Error::Unpinned { runs })
}

/// Floating-point operations a second that one thread reaches in a training of small models, measured on one core of
/// AMD EPYC (Zen 5), rounded down.
fn flops_per_second(level: Level) -> f64 {
    match level {
        Level::Scalar => 1e10,
        Level::Avx2 => 4e10,
        Level::Avx512 => 7e10,
    }
}

/// Seconds that executing actions with these operations takes, with so many of them at once.
///
/// No schedule ends before its longest action, and none before the sum of all is shared out.
pub(super) fn estimate_seconds(flops: &[u128], level: Level, jobs: usize) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "an estimate for people")]
    let seconds = |flops: u128| flops as f64 / flops_per_second(level);
    let total: u128 = flops.iter().sum();
    let longest = flops.iter().max().copied().unwrap_or(0);
    #[allow(clippy::cast_precision_loss, reason = "an estimate for people")]
    let jobs = jobs.max(1) as f64;
    (seconds(total) / jobs).max(seconds(longest))
}

/// Operations of the actions that a run would execute, or may.
pub(super) fn flops_to_run(plan: &Plan, states: &BTreeMap<RecipeId, PlanState>) -> Vec<u128> {
    states
        .iter()
        .filter(|(_, state)| **state != PlanState::Hit)
        .filter_map(|(id, _)| plan.nodes().get(id))
        .map(|node| node.price.flops)
        .collect()
}

/// A duration for people: `0.3 s`, `45 s`, `12 min`, `7 h`, `3 d`.
pub fn duration_text(seconds: f64) -> String {
    if seconds > 0.0 && seconds < 0.05 {
        return "less than 0.1 s".to_owned();
    }
    let (value, unit) = in_unit(seconds);
    if seconds > 0.0 && value < 9.95 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

/// A budget that so many seconds fit into, as it is typed: `12min`, `34h`.
pub(super) fn budget_text(seconds: f64) -> String {
    let (value, unit) = match in_unit(seconds) {
        (seconds, "s") => ((seconds / 60.0).max(1.0), "min"),
        told => told,
    };
    format!("{}{unit}", value.ceil())
}

/// A duration in the unit that people tell it in.
fn in_unit(seconds: f64) -> (f64, &'static str) {
    match seconds {
        s if s < 99.5 => (s, "s"),
        s if s < 99.5 * 60.0 => (s / 60.0, "min"),
        s if s < 48.0 * 3600.0 => (s / 3600.0, "h"),
        s => (s / 86400.0, "d"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::SystemTime;

    use super::super::workspace::Settings;
    use super::super::{LockComparison, Name};
    use super::*;
    use crate::action::Params;
    use crate::exec::InProcess;
    use crate::exec::clock::FixedClock;
    use crate::jobs::{self, JobContext};
    use crate::spec;
    use crate::tensor::NoKernels;

    /// Executes a target of this repository's experiments, or only actions with these labels and what they need, trainings
    /// and evaluations on the emulated kernels of a GPU, and compares with the lockfile: whether all have its bits, and how
    /// many those are. Nothing where there is no compiler.
    fn reproduce_on_kernels(target: &str, labels: &[&str]) -> Option<usize> {
        let device = Device::Emulated { processors: 132, backwards: false, memory: usize::MAX };
        device.prepare(&NoKernels).ok()?;
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            folder: env!("CARGO_MANIFEST_DIR").into(),
            workspace: None,
            store: Some(folder.path().join("store")),
            mirrors: Vec::new(),
            threads: 1,
            jobs: 1,
            resume_interval: Duration::from_secs(86_400),
            offline: true,
            certificates: None,
            proxies: Vec::new(),
            level: Level::detect(),
            program: PathBuf::new(),
            #[cfg(feature = "faults")]
            fault: None,
        };
        let clock = FixedClock(SystemTime::UNIX_EPOCH);
        let workspace = Workspace::open(settings, Box::new(clock)).unwrap();
        let name = Name::parse(target).unwrap();
        let place = workspace.place(&name).unwrap();
        let evaluated = spec::evaluate(&place.request).unwrap();
        let loaded = Workspace::bound(place, name, evaluated).unwrap();
        let mut plan = workspace.plan_of(&loaded).unwrap();
        if !labels.is_empty() {
            let nodes = plan.nodes().iter();
            let named = nodes.filter(|(_, node)| labels.contains(&node.label.as_str()));
            plan.set_targets(named.map(|(id, _)| *id).collect());
        }
        let store = Store::open(workspace.store_folder()).unwrap();
        let builder = SetBuilder::default();
        let build = |set: &str, version: &str| builder.build(set, version);
        let inputs =
            PlanInputs::new(&plan, workspace.sources(&loaded.root, &build), Lent::default());
        let job = |params: &Params, context: &mut JobContext<'_>| {
            context.level = Level::detect();
            if params.kind().uses_device() {
                context.device = device;
            }
            jobs::run(params, context)
        };
        let cancelled = AtomicBool::new(false);
        let options = Options::new(1, &inputs, &cancelled, &clock);
        let executor = InProcess::new(job);
        let summary = exec::run(&plan, &store, &executor, &options, &mut |_| {}).unwrap();
        assert!(summary.failures.is_empty(), "{:?}", summary.failures);
        let lockfile = loaded.read_lockfile().unwrap().unwrap();
        let compared = LockComparison::of_run(&plan, &lockfile, &store, &summary).unwrap();
        assert!(compared.differing.is_empty() && compared.unlocked.is_empty(), "{compared:?}");
        Some(compared.same)
    }

    #[test]
    #[ignore = "a minute, in an emulator"]
    fn smoke_on_emulated_kernels_has_the_bits_of_its_lockfile() {
        let same = reproduce_on_kernels("pictogram-scaling-laws/smoke", &[]);
        assert!(same.is_none_or(|same| same == 6), "{same:?}");
    }

    #[test]
    #[ignore = "seven minutes, in an emulator"]
    fn xs_and_s_on_emulated_kernels_have_the_bits_of_their_lockfile() {
        let labels = ["xs-36k-16k/train", "s-36k-16k/train"];
        let same = reproduce_on_kernels("pictogram-scaling-laws/quick", &labels);
        assert!(same.is_none_or(|same| same == labels.len()), "{same:?}");
    }

    #[test]
    fn an_estimate_is_bounded_by_the_sum_and_by_the_longest() {
        let rate = 7e10;
        let three = [7 * 10_u128.pow(10), 7 * 10_u128.pow(10), 14 * 10_u128.pow(10)];
        assert!((estimate_seconds(&three, Level::Avx512, 1) - 28e10 / rate).abs() < 1e-9);
        assert!((estimate_seconds(&three, Level::Avx512, 8) - 14e10 / rate).abs() < 1e-9);
        assert!(estimate_seconds(&[], Level::Scalar, 2).abs() < 1e-9);
    }

    #[test]
    fn durations_are_short_texts() {
        for (seconds, text) in [
            (0.0, "0 s"),
            (0.01, "less than 0.1 s"),
            (0.4, "0.4 s"),
            (99.0, "99 s"),
            (100.0, "1.7 min"),
            (7200.0, "2.0 h"),
            (4e5, "4.6 d"),
        ] {
            assert_eq!(duration_text(seconds), text);
        }
    }

    #[test]
    fn a_budget_is_told_in_the_unit_of_the_estimate() {
        for (seconds, text) in
            [(0.0, "1min"), (70.0, "2min"), (900.0, "15min"), (2_001.0 * 60.0, "34h"), (4e5, "5d")]
        {
            assert_eq!(budget_text(seconds), text);
        }
    }
}
