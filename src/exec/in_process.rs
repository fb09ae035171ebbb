//! Jobs in the scheduler's own threads: for tests, and for callers that cannot start a child process.

use std::time::Duration;

use super::{Control, Executor, Failure, Prepared};
use crate::action::Params;
use crate::action::params::JobKind;
use crate::jobs::{self, Device, JobContext, JobError, Level, Progress};

/// Runs a job function in place. It must not be trusted to survive a crash.
#[derive(Debug)]
pub struct InProcess<F> {
    job: F,
    level: Level,
    resume_interval: Duration,
}

impl InProcess<fn(&Params, &mut JobContext<'_>) -> Result<(), JobError>> {
    /// The jobs of this program.
    pub fn jobs(level: Level, resume_interval: Duration) -> Self {
        Self { job: jobs::run, level, resume_interval }
    }
}

impl<F: Fn(&Params, &mut JobContext<'_>) -> Result<(), JobError> + Sync> InProcess<F> {
    /// Another job function.
    pub const fn new(job: F) -> Self {
        Self { job, level: Level::Scalar, resume_interval: Duration::from_secs(60) }
    }
}

impl<F: Fn(&Params, &mut JobContext<'_>) -> Result<(), JobError> + Sync> Executor for InProcess<F> {
    fn execute(&self, prepared: &Prepared<'_>, control: &Control<'_>) -> Result<(), Failure> {
        let mut progress = |progress: Progress| (control.progress)(progress);
        let mut context = JobContext {
            inputs: prepared.inputs,
            outputs: prepared.outputs,
            scratch: prepared.scratch,
            threads: prepared.threads,
            level: self.level,
            device: Device::Cpu,
            resume_interval: self.resume_interval,
            cancelled: control.cancelled,
            progress: &mut progress,
        };
        Ok((self.job)(&prepared.action.params, &mut context)?)
    }

    fn device(&self, _: JobKind) -> String {
        format!("cpu {}", self.level)
    }
}
