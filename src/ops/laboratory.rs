//! Trainings looked at instead of performed: recorded states and traces go in, what was seen comes out.
//!
//! Each look is a child process with a folder of its own, as an execution is; nothing that it gives enters a store.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::error::Error;
use super::inputs::{Lent, PlanInputs, SetBuilder};
use super::run::{Running, budget_text, duration_text, estimate_seconds};
use super::workspace::{Loaded, Workspace};
use crate::action::params::{JobKind, Train};
use crate::action::{Action, ActionResult, Params, ResolvedInput};
use crate::digest::{ActionKey, BlobDigest, RecipeId};
use crate::exec::{Control, Event, Failure, Inputs as _, LocalExecutor, LocalOptions, Prepared};
use crate::fs as files;
use crate::jobs::{Inspected, Inspection, Progress, STATE_INPUT, TRACE_INPUT};
use crate::model::Layout;
use crate::numerics::Level;
use crate::plan::Plan;
use crate::store::{Store, manifest_blob};
use crate::tensor::Device;
use crate::training::{self, State, Trace};

/// A training of a plan, with all that is needed to execute it.
#[derive(Debug, Clone)]
pub(super) struct Subject<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) plan: &'a Plan,
    pub(super) recipe: RecipeId,
    pub(super) label: String,
    pub(super) train: &'a Train,
    pub(super) action: Action<ResolvedInput>,
    pub(super) flops: u128,
}

impl<'a> Subject<'a> {
    /// The trainings of a plan by label; of the run of that name alone, if one is given.
    pub(super) fn all(
        loaded: &'a Loaded,
        plan: &'a Plan,
        run: Option<&str>,
    ) -> Result<Vec<Self>, Error> {
        let mut subjects = Vec::new();
        for (recipe, node) in plan.nodes() {
            let Params::Train(train) = &node.action.params else {
                continue;
            };
            // Data set and vocabulary of a training are pinned; no other action makes them.
            let Some(action) = node.action.resolve(|_, _| None) else {
                continue;
            };
            let (label, flops) = (node.label.clone(), node.price.flops);
            subjects.push(Self { loaded, plan, recipe: *recipe, label, train, action, flops });
        }
        subjects.sort_by(|a, b| a.label.cmp(&b.label));
        let names: Vec<_> = subjects.iter().map(|subject| subject.run().to_owned()).collect();
        if let Some(run) = run {
            subjects.retain(|subject| subject.run() == run);
        }
        if subjects.is_empty() {
            let message = match run {
                Some(run) => format!("`{}` has no training `{run}`", loaded.full_name()),
                None => format!("`{}` has no training", loaded.full_name()),
            };
            let hint = (!names.is_empty()).then(|| format!("the runs: {}", names.join(", ")));
            return Err(Error::Usage { message, hint });
        }
        // Operations show their work in main memory.
        if let Some((bound, profile)) =
            subjects.iter().find_map(|subject| Some((subject, subject.train.profile?)))
        {
            return Err(Error::Usage {
                message: format!(
                    "`{}` is bound to a class of GPUs ({profile}); stretches and steps of a training are executed in main memory",
                    bound.label
                ),
                hint: Some(format!("all of it: ibid verify {} --device cuda", loaded.typed())),
            });
        }
        Ok(subjects)
    }

    /// The name of its run.
    pub(super) fn run(&self) -> &str {
        self.label.trim_end_matches("/train")
    }

    pub(super) fn key(&self) -> ActionKey {
        self.action.key()
    }

    pub(super) fn steps(&self) -> u64 {
        training::steps(self.train)
    }

    /// The name of the output that is the state after so many steps.
    pub(super) fn checkpoint_name(step: u64) -> String {
        format!("checkpoint-{step}.safetensors")
    }

    /// Whether bytes are a state of such a training after so many steps; of which one, its trace tells.
    pub(super) fn is_state(&self, bytes: &[u8], step: u64) -> bool {
        let layout = Layout::of(&self.train.model).ok();
        let state = layout.and_then(|of| State::from_checkpoint(bytes, &of, [0; 32]).ok());
        state.is_some_and(|state| state.step == step)
    }

    /// What `store` holds of it, if its outputs are named there.
    pub(super) fn recorded(&self, store: &Store) -> Result<Option<ActionResult>, Error> {
        Ok(store.result(&self.key())?)
    }
}

/// How a side is executed; no result should depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Executing {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) level: Level,
    pub(super) threads: usize,
}

/// One look at a training.
pub(super) struct Look<'a> {
    pub(super) who: &'static str,
    pub(super) subject: &'a Subject<'a>,
    pub(super) executing: &'a Executing,
    pub(super) inspection: Inspection,
    /// The state it starts from, unless that is the initial one.
    pub(super) state: Option<&'a [u8]>,
    /// The trace that it is compared with as it goes.
    pub(super) trace: Option<&'a Trace>,
}

/// What was seen.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) inspected: Inspected,
    /// The links from the start on.
    pub(super) links: Trace,
    /// The state at the end, if it was asked for.
    pub(super) state: Option<Vec<u8>>,
    /// The elements of the records that were to be kept.
    pub(super) kept: BTreeMap<usize, Vec<u8>>,
}

/// Where looks happen.
pub(super) struct Laboratory<'a> {
    pub(super) workspace: &'a Workspace,
    /// The store that pinned inputs are kept in.
    pub(super) store: &'a Store,
    /// A store that may lend pinned inputs.
    pub(super) lender: Option<&'a Store>,
    /// Seconds that all looks together may take, as estimated; `None`: as long as they need.
    pub(super) budget: Option<f64>,
    /// Seconds that the looks so far were estimated to take.
    pub(super) spent: Cell<f64>,
}

impl Laboratory<'_> {
    /// An error if executing that many operations, after all looks so far, would take longer than the budget.
    pub(super) fn refuse_over_budget(&self, flops: u128, level: Level) -> Result<(), Error> {
        let spent = self.spent.get();
        let seconds = spent + estimate_seconds(&[flops], level, 1);
        match self.budget {
            Some(budget) if seconds > budget => Err(Error::OverBudget {
                estimate: duration_text(seconds),
                budget: duration_text(budget),
                enough: budget_text(seconds),
                executed: (spent > 0.0).then(|| duration_text(spent)),
            }),
            _ => Ok(()),
        }
    }

    /// Executes and looks.
    pub(super) fn look(&self, look: &Look<'_>, running: &mut Running<'_>) -> Result<Seen, Error> {
        let steps = look.inspection.to.saturating_sub(look.inspection.from);
        let flops =
            look.subject.flops * u128::from(steps) / u128::from(look.subject.steps().max(1));
        self.refuse_over_budget(flops, look.executing.level)?;
        let seconds = estimate_seconds(&[flops], look.executing.level, 1);
        self.spent.set(self.spent.get() + seconds);
        let folder = self.store.tmp_dir("look-")?;
        let folder = folder.path();
        let [inputs, outputs, scratch] =
            ["inputs", "outputs", "scratch"].map(|name| folder.join(name));
        let log = folder.join("log");
        for path in [&inputs, &outputs, &scratch] {
            files::create_dir(path)?;
        }
        files::write_atomic(&log, b"", files::Durability::Relaxed)?;
        self.materialise(look.subject, &inputs, running.cancelled)?;
        let put = |name: &str, bytes: &[u8]| {
            files::write_atomic(&inputs.join(name), bytes, files::Durability::Relaxed)
        };
        look.state.map_or(Ok(()), |state| put(STATE_INPUT, state))?;
        look.trace.map_or(Ok(()), |trace| put(TRACE_INPUT, trace.bytes()))?;
        let prepared = Prepared {
            key: &look.subject.key(),
            action: &look.subject.action,
            inputs: &inputs,
            outputs: &outputs,
            scratch: &scratch,
            log: &log,
            threads: look.executing.threads,
        };
        self.execute(look, &prepared, running)?;
        read_back(&outputs)
    }

    fn execute(
        &self,
        look: &Look<'_>,
        prepared: &Prepared<'_>,
        running: &mut Running<'_>,
    ) -> Result<(), Error> {
        let executor = LocalExecutor::new(LocalOptions {
            program: look.executing.program.clone(),
            arguments: look.executing.arguments.clone(),
            level: look.executing.level,
            // Operations show their work in main memory.
            device: Device::Cpu,
            variables: Vec::new(),
            // A look is too short to be worth a resume checkpoint.
            resume_interval: Duration::MAX,
            grace: super::run::GRACE,
            tmp: self.store.root().join("tmp"),
            kernels: self.store.root().join("kernels"),
        });
        let recipe = look.subject.recipe;
        let label = format!("{} {}", look.who, look.subject.label);
        let threads = look.executing.threads;
        let (kind, waiting) = (JobKind::Train, 0);
        (running.on_event)(&Event::Queued { recipe, label: label.clone(), kind, waiting });
        (running.on_event)(&Event::Started { recipe, label: label.clone(), threads });
        let started = self.workspace.clock.monotonic();
        let on_event = RefCell::new(&mut *running.on_event);
        let progress = |progress: Progress| {
            let event = Event::Progress { recipe, label: label.clone(), progress };
            (on_event.borrow_mut())(&event);
        };
        let control = Control { cancelled: running.cancelled, progress: &progress };
        let done = executor.inspect(prepared, look.inspection.clone(), &control);
        if running.cancelled.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let event = match &done {
            Ok(()) => {
                let wall_time = self.workspace.clock.monotonic().saturating_sub(started);
                Event::Finished { recipe, label: label.clone(), wall_time }
            }
            Err(failure) => {
                let failure = Failure { log: None, ..failure.clone() };
                Event::Failed { recipe, label: label.clone(), failure }
            }
        };
        (running.on_event)(&event);
        done.map_err(|failure| Error::Failed {
            failures: vec![(label, Failure { log: None, ..failure })],
        })
    }

    /// Makes data set and vocabulary of a training appear, fetched if need be.
    fn materialise(
        &self,
        subject: &Subject<'_>,
        folder: &Path,
        cancelled: &AtomicBool,
    ) -> Result<(), Error> {
        let builder = SetBuilder::until(cancelled);
        let build = |set: &str, version: &str| builder.build(set, version);
        let sources = self.workspace.sources(&subject.loaded.root, &build).until(cancelled);
        let lent = Lent { store: self.lender, ..Lent::default() };
        let inputs = PlanInputs::new(subject.plan, sources, lent);
        let failed = |error: crate::exec::InputError| {
            // What is missing for it is of no interest any more.
            if cancelled.load(Ordering::Relaxed) {
                return Error::Interrupted;
            }
            Error::Failed { failures: vec![(subject.label.clone(), error.into())] }
        };
        for (name, input) in &subject.action.inputs {
            let target = folder.join(name);
            match input {
                ResolvedInput::Blob(digest) => {
                    inputs.ensure(digest, self.store).map_err(failed)?;
                    self.store.materialise_blob(digest, &target)?;
                }
                ResolvedInput::Tree(tree) => {
                    inputs.ensure(&manifest_blob(tree), self.store).map_err(failed)?;
                    for file in self.store.manifest(tree)?.files {
                        inputs.ensure(&file.sha256, self.store).map_err(failed)?;
                    }
                    self.store.materialise_tree(tree, &target)?;
                }
            }
        }
        Ok(())
    }

    /// The bytes of that digest, from `store` or a mirror.
    pub(super) fn recorded_bytes(
        &self,
        store: &Store,
        digest: &BlobDigest,
    ) -> Result<Option<Vec<u8>>, Error> {
        if store.blob_size(digest).is_some() {
            return Ok(Some(store.read(digest)?));
        }
        for mirror in &self.workspace.settings.mirrors {
            let folder = self.workspace.settings.folder.join(mirror);
            let hex = digest.to_string();
            for path in [folder.join(&hex), folder.join(&hex[..2]).join(&hex[2..])] {
                if let Some(bytes) = files::read_if_exists(&path)?
                    && BlobDigest::of(&bytes) == *digest
                {
                    return Ok(Some(bytes));
                }
            }
        }
        Ok(None)
    }
}

/// Reads what a look left.
fn read_back(outputs: &Path) -> Result<Seen, Error> {
    let read = |name: &str| files::read_if_exists(&outputs.join(name));
    let bad = |what: &str, reason: String| Error::BadResult { what: what.to_owned(), reason };
    let json = read("inspected.json")?
        .ok_or_else(|| bad("inspected.json", "the child did not leave it".to_owned()))?;
    let inspected: Inspected =
        serde_json::from_slice(&json).map_err(|error| bad("inspected.json", error.to_string()))?;
    let links = read("links.bin")?
        .ok_or_else(|| bad("links.bin", "the child did not leave it".to_owned()))?;
    let links = Trace::decode(&links).map_err(|error| bad("links.bin", error.to_string()))?;
    let mut kept = BTreeMap::new();
    for record in 0..inspected.records.len() {
        let path = outputs.join(format!("kept-{record}.bin"));
        if path.exists() {
            let bytes = fs::read(&path).map_err(|error| files::Error::new("read", &path, error))?;
            kept.insert(record, bytes);
        }
    }
    Ok(Seen { inspected, links, state: read("state.safetensors")?, kept })
}
