//! The plan made real: what is known is looked up from the targets upwards, the rest is executed.
//!
//! [`plan_states`] says what a run would do, [`run`] does it: a scheduler loop over a channel hands prepared actions to
//! an [`Executor`], one thread a slot. An executor only turns a folder of inputs into a folder of outputs; locking,
//! materialising, publishing and attesting are the same for all of them and happen here. No result depends on the
//! executor, on the order of completion, or on how often something was interrupted.

pub mod clock;
mod in_process;
mod local;
mod lookup;
mod perform;
mod schedule;
pub mod simulated;
pub mod worker;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use in_process::InProcess;
pub use local::{LocalExecutor, LocalOptions};
pub use lookup::{
    Locked, PlanState, plan_states, plan_states_having_fetched, refuse_contradictions,
};
pub use schedule::run;

use crate::action::{Action, ActionResult, ResolvedInput, params::JobKind};
use crate::digest::{ActionKey, BlobDigest, RecipeId};
use crate::jobs::{JobError, Progress};
use crate::store::{Maker, Store, StoreError};

/// Obtains bytes from outside the store.
pub trait Inputs: Sync {
    /// Sees to it that the store has a blob. Called only for what is about to be read, or fetched instead of executed.
    fn ensure(&self, digest: &BlobDigest, store: &Store) -> Result<(), InputError>;
}

/// A blob from outside that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("input {} cannot be had", digest.short())]
pub struct InputError {
    /// The blob.
    pub digest: BlobDigest,
    /// Whether it could not be found, or had other bytes.
    pub kind: FailureKind,
    /// The cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Nothing comes from outside: every input must be in the store already.
#[derive(Debug, Clone, Copy)]
pub struct StoreOnly;

impl Inputs for StoreOnly {
    fn ensure(&self, digest: &BlobDigest, store: &Store) -> Result<(), InputError> {
        match store.blob_size(digest) {
            Some(_) => Ok(()),
            None => Err(InputError {
                digest: *digest,
                kind: FailureKind::Missing,
                source: Box::new(StoreError::MissingBlob { digest: *digest }),
            }),
        }
    }
}

/// An action whose inputs are files by now.
#[derive(Debug, Clone, Copy)]
pub struct Prepared<'a> {
    /// Its key.
    pub key: &'a ActionKey,
    /// The action.
    pub action: &'a Action<ResolvedInput>,
    /// The folder of inputs, read-only.
    pub inputs: &'a Path,
    /// The empty folder for outputs.
    pub outputs: &'a Path,
    /// The folder for resume checkpoints, as the last attempt left it.
    pub scratch: &'a Path,
    /// The file that the job's log is appended to.
    pub log: &'a Path,
    /// Threads to use.
    pub threads: usize,
}

/// The scheduler's side of an execution.
#[derive(Clone, Copy)]
pub struct Control<'a> {
    /// Set when the execution should stop and leave a resume checkpoint.
    pub cancelled: &'a AtomicBool,
    /// Called with the share of the work that is done.
    pub progress: &'a dyn Fn(Progress),
}

/// Turns a prepared action into files.
pub trait Executor: Sync {
    /// Fills the folder of outputs, or says why not. Blocks until nothing of the execution is left running.
    fn execute(&self, prepared: &Prepared<'_>, control: &Control<'_>) -> Result<(), Failure>;

    /// What computes actions of a kind, for attestations.
    fn device(&self, kind: JobKind) -> String;
}

/// What went wrong, as far as the exit code depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FailureKind {
    /// A loss, gradient or parameter stopped being finite.
    Diverged,
    /// It was told to stop; the next run continues.
    Interrupted,
    /// A pinned file cannot be had.
    Missing,
    /// The disk is missing, full, or not ours to use.
    Environment,
    /// The device is missing, or does not answer.
    Device,
    /// The action is bound to a class of devices, and the device is none of it.
    DeviceClass,
    /// Memory ran out, as far as one can tell.
    OutOfMemory,
    /// Bytes differ from the digest they are stored or pinned under, or from those recorded.
    Integrity,
    /// What the experiment asks for cannot be done with its data: a text where a number is needed, two rows where one is.
    Specification,
    /// A mistake of ours.
    Bug,
}

/// Why an action gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What went wrong, by kind.
    pub kind: FailureKind,
    /// What went wrong, with its causes.
    pub message: String,
    /// The job's log, once it was kept.
    pub log: Option<PathBuf>,
}

impl Failure {
    /// A failure without a log.
    pub fn new(kind: FailureKind, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self { kind, message, log: None }
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        let kind = match &error {
            JobError::Diverged { .. } => FailureKind::Diverged,
            JobError::Cancelled => FailureKind::Interrupted,
            error if error.lacks_memory() => FailureKind::OutOfMemory,
            // A thread that the kernel has no room for would block.
            JobError::Io { source, .. } if source.kind() == ErrorKind::WouldBlock => {
                FailureKind::OutOfMemory
            }
            JobError::Io { .. } => FailureKind::Environment,
            JobError::BadInput { .. } => FailureKind::Integrity,
            JobError::AnotherClass(_) => FailureKind::DeviceClass,
            JobError::Device(_) => FailureKind::Device,
            JobError::Unfit(_) => FailureKind::Specification,
            JobError::BadParameters(_) | JobError::Bug(_) => FailureKind::Bug,
        };
        let failure = Self::new(kind, &error);
        if kind == FailureKind::OutOfMemory {
            // As a child is described that the kernel or its allocator ended.
            let message = format!("memory ran out: {}", failure.message);
            return Self { message, ..failure };
        }
        failure
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::BadName { .. } => FailureKind::Bug,
            error if error.is_integrity() => FailureKind::Integrity,
            _ => FailureKind::Environment,
        };
        Self::new(kind, &error)
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        Self::new(error.kind, &error)
    }
}

/// A run that could not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing can be written to the store, and something has to be executed.
    #[error("the store `{}` cannot be written, and has no result of `{label}`", path.display())]
    ReadOnly {
        /// The store.
        path: PathBuf,
        /// The first action without a result.
        label: String,
        /// What was tried.
        #[source]
        source: StoreError,
    },
    /// What the store has of an action was not made from what it has of the actions before it.
    #[error(
        "the store's result of `{label}` does not follow from its results of what `{label}` reads"
    )]
    Contradicts {
        /// The action.
        label: String,
    },
    /// The machine has not even one thread more.
    #[error("no thread can be started")]
    NoThread {
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// An action reads an output that its upstream does not give: the plan is wrong.
    #[error("`{label}` reads an output that its upstream does not give")]
    NoSuchOutput {
        /// The action that reads it.
        label: String,
    },
}

/// How a run goes about it. No result depends on any of this.
pub struct Options<'a> {
    /// Actions at once, at least 1.
    pub jobs: usize,
    /// Threads of all of them together, at least 1.
    pub threads: usize,
    /// Whether to finish every branch that can finish after a failure; else nothing new starts.
    pub keep_going: bool,
    /// Whether to hash the outputs of targets that were looked up, and make corrupt ones again.
    pub check_targets: bool,
    /// Estimated cost of actions, in any one unit; the longest chain goes first. Missing: by kind.
    pub costs: BTreeMap<RecipeId, u64>,
    /// Outputs that may be fetched instead of executed: those that the lockfile names.
    pub substitutes: Option<&'a BTreeMap<RecipeId, Locked>>,
    /// Where bytes from outside come from.
    pub inputs: &'a dyn Inputs,
    /// Set from outside to stop: by Ctrl-C.
    pub cancelled: &'a AtomicBool,
    /// The time, for attestations.
    pub clock: &'a dyn clock::Clock,
    /// Machine and program, for attestations; the executor says on which device.
    pub maker: Maker,
}

impl<'a> Options<'a> {
    /// As many single-thread actions at once as there are cores; stops at the first failure.
    pub fn new(
        cores: usize,
        inputs: &'a dyn Inputs,
        cancelled: &'a AtomicBool,
        clock: &'a dyn clock::Clock,
    ) -> Self {
        Self {
            jobs: cores.max(1),
            threads: cores.max(1),
            keep_going: false,
            check_targets: false,
            costs: BTreeMap::new(),
            substitutes: None,
            inputs,
            cancelled,
            clock,
            maker: Maker::default(),
        }
    }
}

/// How a result came to be in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// A job gave it.
    Executed,
    /// The store had it.
    Cached,
    /// The lockfile named it, and its bytes were fetched.
    Fetched,
}

/// The result of one action in this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How it came to be.
    pub how: How,
    /// Its key; `None`: fetched, so that its inputs were never known.
    pub key: Option<ActionKey>,
    /// Its outputs.
    pub result: ActionResult,
}

/// One change of an action's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "event")]
pub enum Event {
    /// It will be executed.
    Queued {
        /// The action.
        recipe: RecipeId,
        /// Its label.
        label: String,
        /// Its job kind.
        kind: JobKind,
        /// How many actions wait for it or for others, and are executed afterwards unless their results turn out to be
        /// known.
        waiting: usize,
    },
    /// Its result is known.
    Hit {
        /// The action.
        recipe: RecipeId,
        /// Its label.
        label: String,
        /// Cached or fetched.
        how: How,
    },
    /// Its execution began.
    Started {
        /// The action.
        recipe: RecipeId,
        /// Its label.
        label: String,
        /// Threads that it uses.
        threads: usize,
    },
    /// A share of its work is done.
    Progress {
        /// The action.
        recipe: RecipeId,
        /// Its label.
        label: String,
        /// How far it is.
        progress: Progress,
    },
    /// It gave its outputs.
    Finished {
        /// The action.
        recipe: RecipeId,
        /// Its label.
        label: String,
        /// Wall time that it took.
        wall_time: Duration,
    },
    /// It gave nothing.
    Failed {
        /// The action.
        recipe: RecipeId,
        /// Its label.
        label: String,
        /// Why.
        failure: Failure,
    },
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Every action that the run came to know the result of. Upstream of a hit is not visited.
    pub outcomes: BTreeMap<RecipeId, Outcome>,
    /// Every action that failed, by its recipe, with its label.
    pub failures: BTreeMap<RecipeId, (String, Failure)>,
    /// Actions that were needed and did not get their turn.
    pub skipped: Vec<RecipeId>,
    /// Whether the run was told to stop.
    pub interrupted: bool,
}

impl Summary {
    /// How many results came to be in this way.
    pub fn count(&self, how: How) -> usize {
        self.outcomes.values().filter(|outcome| outcome.how == how).count()
    }

    /// What this run and one after it came to know: what the later one did not make came to be as this one says.
    #[must_use]
    pub fn and(mut self, later: Self) -> Self {
        for (id, outcome) in later.outcomes {
            if outcome.how == How::Executed || !self.outcomes.contains_key(&id) {
                self.outcomes.insert(id, outcome);
            }
        }
        self
    }

    /// Whether every target has its result.
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty() && self.skipped.is_empty() && !self.interrupted
    }
}

#[cfg(test)]
mod tests;
