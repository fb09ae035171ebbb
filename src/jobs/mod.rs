//! What an action does, pure: from parameters and a folder of inputs to a folder of outputs.
//!
//! A job sees nothing else: no store, plan, network, clock or environment.

mod check;
mod collect;
mod draw;
mod evaluate;
mod files;
mod fine_tune;
mod fit;
mod inspect;
mod probe;
mod released;
mod selection;
mod sensitivity;
mod split;
mod table;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod train;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use crate::action::Params;
use crate::data::chain;
pub use crate::numerics::Level;
pub use crate::tensor::{Device, KernelCache};
pub use inspect::{Inspected, Inspection, STATE_INPUT, TRACE_INPUT, inspect};

/// What a job may see beside its parameters.
pub struct JobContext<'a> {
    /// One entry an input: a file for a blob; for a tree a folder with `manifest.json` and the files it names.
    pub inputs: &'a Path,
    /// Where the job writes its outputs, one file each. Whatever else it leaves there is an error.
    pub outputs: &'a Path,
    /// Where it may keep resume checkpoints; empty at the first start, as it was left after an interruption.
    pub scratch: &'a Path,
    /// Threads it may use. No result depends on it.
    pub threads: usize,
    /// The SIMD level it computes with. No result depends on it.
    pub level: Level,
    /// Where it trains and embeds. No result depends on it; a training that is bound to a class of devices needs one of it.
    pub device: Device,
    /// Seconds of wall time between resume checkpoints. No result depends on it.
    pub resume_interval: std::time::Duration,
    /// Set from outside when the job should stop at the next step, leaving a resume checkpoint.
    pub cancelled: &'a AtomicBool,
    /// Called with the share of the work that is done.
    pub progress: &'a mut dyn FnMut(Progress),
}

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: u64,
    /// What a unit is, in the plural: "steps", "images".
    pub unit: String,
}

/// Why a job gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// A loss, gradient or parameter stopped being finite.
    #[error("training diverged at step {step}: {what} is not finite")]
    Diverged {
        /// The step, from 0.
        step: u64,
        /// What is not finite.
        what: String,
    },
    /// The job was told to stop and left a resume checkpoint.
    #[error("interrupted")]
    Cancelled,
    /// An input that a job or the store wrote is not what they write: it is damaged.
    #[error("input `{input}`: {reason}")]
    BadInput {
        /// The name of the input.
        input: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The inputs are the bytes that were pinned, and what the experiment asks for cannot be done with them.
    #[error("{0}")]
    Unfit(String),
    /// The action is bound to a class of devices, and this one is none of it, or does not compute as its class shall.
    #[error("{0}")]
    AnotherClass(String),
    /// The parameters contradict each other; `plan` should have refused them.
    #[error("parameters: {0}")]
    BadParameters(String),
    /// A GPU, or its driver, failed.
    #[error("{0}")]
    Device(String),
    /// A mistake of ours: a worker panicked, or a promise between rooms was broken.
    #[error("a mistake of ours: {0}")]
    Bug(String),
    /// Reading inputs or writing outputs failed.
    #[error("{path}")]
    Io {
        /// The file.
        path: String,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl JobError {
    /// Whether memory ran out, of this machine or of a device.
    pub fn lacks_memory(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::OutOfMemory)
    }
}

/// Performs the job that `params` describe.
pub fn run(params: &Params, context: &mut JobContext<'_>) -> Result<(), JobError> {
    match params {
        Params::Collect(params) => collect::run(params, context),
        Params::Table(params) => table::run(params, context),
        Params::Fit(params) => fit::run(params, context),
        Params::Sensitivity(params) => sensitivity::run(params, context),
        Params::Draw(params) => draw::run(params, context),
        Params::Train(params) => train::run(params, context),
        Params::Evaluate(params) => evaluate::run(params, context),
        Params::Probe(params) => probe::run(params, context),
        Params::FineTune(params) => fine_tune::run(params, context),
        Params::Check(params) => check::run(params, context),
    }
}
