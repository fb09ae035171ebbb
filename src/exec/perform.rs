//! One action from key to recorded result, the same for every executor.
//!
//! Only the holder of the action's lock executes it; the lock of a process that died is free. Outputs enter the store
//! before the result that names them, so that whatever dies in between leaves nothing but blobs nobody names.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{Control, Executor, Failure, FailureKind, Options, Prepared, clock};
use crate::action::{Action, ActionResult, OutputFile, ResolvedInput};
use crate::digest::{ActionKey, BlobDigest, RecipeId};
use crate::fs::{self, Context as _, Durability, Lock};
use crate::jobs::Progress;
use crate::store::{Attestation, Maker, PutMode, Store, StoreError, check_name, manifest_blob};

/// How often a waiting thread looks whether it was told to stop.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// An action that is to be executed.
#[derive(Debug, Clone)]
pub(super) struct Task {
    pub(super) id: RecipeId,
    pub(super) label: String,
    pub(super) key: ActionKey,
    pub(super) action: Action<ResolvedInput>,
    /// The inputs that other actions made; the others come from outside.
    pub(super) made: BTreeSet<BlobDigest>,
    pub(super) threads: usize,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Done {
    Executed {
        result: ActionResult,
        wall_time: Duration,
    },
    /// Another process, or another recipe with the same key, made it meanwhile.
    Cached(ActionResult),
    /// What another action made is gone or corrupt: it must be made again.
    LostInput(BlobDigest),
    Failed(Failure),
}

/// What every execution of a run shares.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) store: &'a Store,
    pub(super) executor: &'a dyn Executor,
    pub(super) options: &'a Options<'a>,
    /// Set when executions should stop.
    pub(super) stop: &'a AtomicBool,
}

/// Performs `task`.
pub(super) fn perform(task: &Task, site: &Site<'_>, progress: &dyn Fn(Progress)) -> Done {
    let Site { store, executor, options, stop } = *site;
    let control = Control { cancelled: stop, progress };
    let performer = Performer { task, store, executor, options, control };
    performer.perform().unwrap_or_else(Done::Failed)
}

struct Performer<'a> {
    task: &'a Task,
    store: &'a Store,
    executor: &'a dyn Executor,
    options: &'a Options<'a>,
    control: Control<'a>,
}

impl Performer<'_> {
    fn perform(&self) -> Result<Done, Failure> {
        let _lock = self.lock()?;
        if let Some(result) = self.store.complete_result(&self.task.key)? {
            return Ok(Done::Cached(result));
        }
        let work = self.store.new_work_dir(&self.task.key)?;
        let done = self.perform_in(&work).map_err(|failure| self.unless_vanished(failure));
        let removed = self.store.remove_work_dirs(&self.task.key);
        if matches!(done, Ok(Done::Executed { .. })) {
            removed?;
        }
        done
    }

    /// Whatever fails in a store that somebody removed fails because of that.
    fn unless_vanished(&self, failure: Failure) -> Failure {
        if self.store.is_here() || failure.kind == FailureKind::Interrupted {
            return failure;
        }
        let root = self.store.root().display();
        let message = format!("the store `{root}` was removed while it was in use: {failure}");
        Failure { kind: FailureKind::Environment, message, log: None }
    }

    /// Waits for the action's lock. A process that died holds none.
    fn lock(&self) -> Result<Lock, Failure> {
        let path = self.store.lock_path(&self.task.key);
        loop {
            if let Some(lock) = Lock::try_exclusive(&path).map_err(StoreError::Fs)? {
                return Ok(lock);
            }
            if self.control.cancelled.load(Ordering::Relaxed) {
                return Err(crate::jobs::JobError::Cancelled.into());
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    fn perform_in(&self, work: &Path) -> Result<Done, Failure> {
        let (inputs, outputs) = (work.join("inputs"), work.join("outputs"));
        let (log, scratch) = (work.join("log"), self.store.scratch_dir(&self.task.key));
        for dir in [&inputs, &outputs, &scratch] {
            fs::create_dir(dir).map_err(StoreError::Fs)?;
        }
        fs::write_atomic(&log, b"", Durability::Relaxed).map_err(StoreError::Fs)?;
        if let Some(lost) = self.materialise(&inputs)? {
            return Ok(Done::LostInput(lost));
        }
        let prepared = Prepared {
            key: &self.task.key,
            action: &self.task.action,
            inputs: &inputs,
            outputs: &outputs,
            scratch: &scratch,
            log: &log,
            threads: self.task.threads,
        };
        let started = clock::unix_ms(self.options.clock.now());
        let start = self.options.clock.monotonic();
        let executed = self.execute(&prepared).and_then(|()| self.publish(&outputs));
        let wall_time = self.options.clock.monotonic().saturating_sub(start);
        let device = self.executor.device(self.task.action.params.kind());
        let attested = self.store.attest(
            &Attestation {
                key: self.task.key,
                recipe: self.task.id,
                label: self.task.label.clone(),
                result: executed.as_ref().ok().cloned(),
                maker: Maker { device, ..self.options.maker.clone() },
                started_unix_ms: started,
                wall_time_ms: u64::try_from(wall_time.as_millis()).unwrap_or(u64::MAX),
                threads: self.task.threads as u64,
            },
            &log,
        );
        match executed {
            Ok(result) => {
                attested?;
                fs::remove_dir(&scratch).map_err(StoreError::Fs)?;
                Ok(Done::Executed { result, wall_time })
            }
            Err(failure) => {
                Err(Failure { log: attested.ok().map(|attested| attested.log), ..failure })
            }
        }
    }

    fn execute(&self, prepared: &Prepared<'_>) -> Result<(), Failure> {
        let run = || self.executor.execute(prepared, &self.control);
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let message = format!("the job panicked: {}", text.unwrap_or("no message"));
            Err(Failure { kind: FailureKind::Bug, message, log: None })
        })
    }

    /// Makes the inputs appear as files; what other actions made and is gone or corrupt is returned.
    fn materialise(&self, dir: &Path) -> Result<Option<BlobDigest>, Failure> {
        for (name, input) in &self.task.action.inputs {
            check_name(name)?;
            let target = dir.join(name);
            let mut obtained = BTreeSet::new();
            while let Some(lost) = self.materialise_one(input, &target)? {
                if self.task.made.contains(&lost) {
                    return Ok(Some(lost));
                }
                // A corrupt blob from outside was moved aside: it is obtained once more, as is the next one.
                if !obtained.insert(lost) {
                    return Err(StoreError::MissingBlob { digest: lost }.into());
                }
                fs::remove_dir(&target).map_err(StoreError::Fs)?;
            }
        }
        Ok(None)
    }

    /// The blob that is gone or corrupt, if one is.
    fn materialise_one(
        &self,
        input: &ResolvedInput,
        target: &Path,
    ) -> Result<Option<BlobDigest>, Failure> {
        let made = match input {
            ResolvedInput::Blob(digest) => {
                if self.store.blob_size(digest).is_none() {
                    let unit = "files at hand".to_owned();
                    (self.control.progress)(Progress { done: 0, total: 1, unit });
                }
                self.ensure(digest)?;
                self.store.materialise_blob(digest, target).map(drop)
            }
            ResolvedInput::Tree(digest) => {
                self.ensure(&manifest_blob(digest))?;
                match self.store.manifest(digest) {
                    Ok(manifest) => {
                        for (done, file) in (0..).zip(&manifest.files) {
                            // To fetch or to draw them can take longer than the work itself.
                            if self.store.blob_size(&file.sha256).is_none() {
                                let total = manifest.files.len() as u64;
                                let unit = "shards at hand".to_owned();
                                (self.control.progress)(Progress { done, total, unit });
                            }
                            self.ensure(&file.sha256)?;
                        }
                        self.store.materialise_tree(digest, target)
                    }
                    Err(error) => Err(error),
                }
            }
        };
        match made {
            Ok(()) => Ok(None),
            Err(
                StoreError::MissingBlob { digest } | StoreError::Corrupt { expected: digest, .. },
            ) => Ok(Some(digest)),
            Err(error) => Err(error.into()),
        }
    }

    fn ensure(&self, digest: &BlobDigest) -> Result<(), Failure> {
        if self.task.made.contains(digest) {
            return Ok(());
        }
        let ensured = self.options.inputs.ensure(digest, self.store);
        // Neither what is missing for it, nor what would begin now, is of interest any more.
        if self.control.cancelled.load(Ordering::Relaxed) {
            return Err(crate::jobs::JobError::Cancelled.into());
        }
        Ok(ensured?)
    }

    /// Moves the outputs into the store and records the result.
    fn publish(&self, dir: &Path) -> Result<ActionResult, Failure> {
        // A training lost to a power failure costs hours; the others are made again in a moment.
        let cheap = self.task.action.params.kind().is_cheap();
        let durability = if cheap { Durability::Relaxed } else { Durability::Durable };
        let mut outputs = BTreeMap::new();
        for path in fs::entries(dir).map_err(StoreError::Fs)? {
            let name = output_name(&path)?;
            let (digest, bytes) = self.store.put_file(&path, PutMode::Move, durability)?;
            outputs.insert(name, OutputFile { digest, bytes });
        }
        if outputs.is_empty() {
            let message = "the job left no output".to_owned();
            return Err(Failure { kind: FailureKind::Bug, message, log: None });
        }
        let result = ActionResult { outputs };
        self.store.record_result(&self.task.key, &result, durability)?;
        Ok(result)
    }
}

/// The name of an output, which is a plain file.
fn output_name(path: &Path) -> Result<String, Failure> {
    let meta = path.symlink_metadata().context("inspect", path).map_err(StoreError::Fs)?;
    let name = path.file_name().and_then(|name| name.to_str());
    match name {
        Some(name) if meta.is_file() => Ok(name.to_owned()),
        _ => {
            let message = format!("the job left `{}`, which is not a plain file", path.display());
            Err(Failure { kind: FailureKind::Bug, message, log: None })
        }
    }
}
