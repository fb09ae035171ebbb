//! The training loop: a pure function from parameters and samples to weights and trace, to the bit, for any number of
//! threads and any SIMD level.
//!
//! A step is: features of every chunk; loss and its gradient over the batch; backward of every chunk; the tree sum;
//! clipping; `AdamW`; one record of the trace. Workers own gradient chunks and only decide who computes what.

mod checkpoint;
#[cfg(feature = "faults")]
pub mod faults;
mod gradient;
mod linear;
mod record;
mod samples;
mod schedule;
pub mod spot;
mod trace;
mod workers;

use std::sync::{Barrier, Mutex, RwLock};
use std::thread::Builder;

pub use checkpoint::{ResumeError, State, checkpoint_tensors};
pub use linear::{Features, LinearLayer, LinearRecipe};
pub use record::{
    Identity, Kept, Kind, Parting, Record, Recording, STATE_BEFORE, parting, record_step,
};
pub use samples::{Held, SampleError, Samples, Seen};
pub use schedule::learning_rate_at;
pub use trace::{Trace, TraceError, TraceStep};

use crate::action::params::{CaptionChoice, DeviceClass, DeviceProfile, Train};
use crate::data::{Order, OrderError, caption_choice};
use crate::model::{Decay, Model, ModelError};
use crate::numerics::{ControlError, Level, set_control_state};
use crate::tensor::{Arithmetic, BatchRegions, Buffer, Device, Planner, TensorError};
use samples::{Batch, Batches, with_batches};
use workers::{Phase, Shared, Worker, deal, perform};

/// Why a training gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A loss, gradient or parameter stopped being finite.
    #[error("diverged at step {step}: {what} is not finite")]
    Diverged {
        /// The step, from 0.
        step: u64,
        /// What is not finite.
        what: String,
    },
    /// The observer said so.
    #[error("stopped after step {0}")]
    Stopped(u64),
    /// The parameters contradict each other.
    #[error("{0}")]
    Parameters(String),
    /// The model cannot be.
    #[error("the model cannot be")]
    Model(#[from] ModelError),
    /// The samples have no order.
    #[error("the samples have no order")]
    Order(#[from] OrderError),
    /// A sample cannot be read.
    #[error("the samples cannot be read")]
    Sample(#[from] SampleError),
    /// The device failed.
    #[error("the device failed")]
    Tensor(#[from] TensorError),
    /// The training's bits are those of a class of GPUs, and the device is none of it.
    #[error("the profile `{profile}` needs a GPU of class `{}`, and `{device}` is {}", .profile.class(), describe(*.class))]
    Class {
        /// The training's profile.
        profile: DeviceProfile,
        /// Where it should have computed.
        device: Device,
        /// The class of that, if it is a GPU.
        class: Option<DeviceClass>,
    },
    /// The device is of the class, and does not multiply as the profile says.
    #[error(
        "`{0}` does not multiply bfloat16 as the profile says: a short test gave other numbers"
    )]
    TensorCores(Device),
    /// A worker cannot compute as the definitions say.
    #[error("a worker cannot compute as the definitions say")]
    Control(#[from] ControlError),
    /// The machine, or the limits of this process, have no room for another thread.
    #[error("there is no room for another thread")]
    Threads(#[source] std::io::Error),
    /// There is no memory for what a step keeps of a batch.
    #[error(
        "a batch of {batch_size} needs {bytes} bytes at once (of pairs, 16 · batchSize² of them for scores): lower batchSize"
    )]
    Batch {
        /// Samples of a batch.
        batch_size: usize,
        /// What was asked for.
        bytes: usize,
    },
    /// A worker panicked: a bug.
    #[error("a worker panicked")]
    WorkerPanicked,
}

/// How a training is computed; no result depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The SIMD level.
    pub level: Level,
    /// Threads it may use.
    pub threads: usize,
}

/// Whether a training goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// It does.
    Continue,
    /// It ends with [`TrainError::Stopped`].
    Stop,
}

/// One pair that a step sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visit {
    /// The place in the run.
    pub position: u64,
    /// The sample, counted through the shards.
    pub sample: usize,
    /// Which of its captions.
    pub caption: usize,
}

/// Steps of a training.
pub fn steps(params: &Train) -> u64 {
    params.samples_seen.checked_div(params.batch_size).unwrap_or(0)
}

/// Which pairs step `step` sees, in order; `captions` gives the number of captions of a sample.
pub fn visits<E>(
    params: &Train,
    order: &mut Order,
    captions: impl Fn(usize) -> Result<usize, E>,
    step: u64,
) -> Result<Vec<Visit>, E> {
    let places = places(params, order, step);
    places.map(|(position, sample)| visit(params, position, sample, &captions)).collect()
}

/// The places of the run that step `step` fills, each with the sample that is visited there.
fn places(
    params: &Train,
    order: &mut Order,
    step: u64,
) -> impl Iterator<Item = (u64, usize)> + use<> {
    let first = step * params.batch_size;
    (first..).zip(order.visits(first..first + params.batch_size))
}

/// What is seen at a place of the run where `sample` is visited.
fn visit<E>(
    params: &Train,
    position: u64,
    sample: usize,
    captions: impl FnOnce(usize) -> Result<usize, E>,
) -> Result<Visit, E> {
    let caption = match params.captions {
        CaptionChoice::First => 0,
        CaptionChoice::Drawn => caption_choice(params.seed, position, captions(sample)?),
    };
    Ok(Visit { position, sample, caption })
}

/// Trains from `start` (see [`State::initial`]), on the device on which that is, to the last step; `after_step` sees the
/// state after each one.
pub fn train(
    params: &Train,
    samples: &dyn Samples,
    settings: Settings,
    start: State,
    after_step: impl FnMut(&State) -> Control,
) -> Result<State, TrainError> {
    train_to(params, samples, settings, start, steps(params), after_step)
}

/// Trains as [`train`] does, but only until `end` steps are done.
pub fn train_to(
    params: &Train,
    samples: &dyn Samples,
    settings: Settings,
    start: State,
    end: u64,
    after_step: impl FnMut(&State) -> Control,
) -> Result<State, TrainError> {
    let model = Model::new(&params.model, &params.preprocessing)?;
    let model = model.with_arithmetic(arithmetic_of(params));
    train_model(&model, params, samples, settings, start, end, after_step)
}

/// Trains the classifier `model` from `start` to the last step: its vision tower and its linear layer, by the same chunks,
/// tree, optimiser and schedule. Of `params` its towers, captions and logit scale have no part in it.
pub fn fine_tune(
    model: &Model,
    params: &Train,
    samples: &dyn Samples,
    settings: Settings,
    start: State,
    after_step: impl FnMut(&State) -> Control,
) -> Result<State, TrainError> {
    train_model(model, params, samples, settings, start, steps(params), after_step)
}

fn train_model(
    model: &Model,
    params: &Train,
    samples: &dyn Samples,
    settings: Settings,
    start: State,
    end: u64,
    mut after_step: impl FnMut(&State) -> Control,
) -> Result<State, TrainError> {
    check(params)?;
    let end = end.min(steps(params));
    let (batch_size, chunk) = (index(params.batch_size), index(params.gradient_chunk));
    let mut planner = Planner::default();
    let width = model.embed_dim();
    let regions = match model.classes() {
        None => BatchRegions::plan(&mut planner, batch_size, width),
        Some(classes) => BatchRegions::plan_classifier(&mut planner, batch_size, width, classes),
    };
    let State { mut step, buffer, mut trace } = start;
    let device = buffer.device();
    check_class(params, device)?;
    // A device computes the elements of an operation side by side; a second thread would only wait for the first.
    let threads = if device == Device::Cpu { settings.threads } else { 1 };
    let shared = Shared {
        model,
        level: settings.level,
        chunk,
        state: RwLock::new(buffer),
        batch: RwLock::new(room_of_batch(planner.len(), batch_size, device)?),
        regions,
    };
    let batch = RwLock::default();
    let update = gradient::Update::new(model, params, device)?;
    // Last: they make do with the memory that is left.
    let workers = deal(batch_size / chunk, threads)
        .into_iter()
        .map(|chunks| Ok(Mutex::new(Worker::new(model, chunks, chunk, device)?)))
        .collect::<Result<Vec<_>, TrainError>>()?;
    let (workers, shared, batch) = (&workers, &shared, &batch);
    let mut steps_of = Steps { params, workers, shared, batch, update };
    let batches = Batches::new(params, samples)?;
    with_batches(batches, step..end, |next| {
        let perform = |worker: usize, phase| perform(phase, &workers[worker], shared, batch);
        in_parallel(workers.len(), Builder::new, perform, |run| {
            while step < end {
                let (loss, fingerprint) = steps_of.perform(step, next(step)?, run)?;
                trace.push(loss, fingerprint);
                step += 1;
                let mut buffer = shared.state.write().expect("no worker panicked");
                let state = State {
                    step,
                    buffer: std::mem::take(&mut *buffer),
                    trace: std::mem::take(&mut trace),
                };
                let control = after_step(&state);
                (*buffer, trace) = (state.buffer, state.trace);
                if control == Control::Stop && step < end {
                    return Err(TrainError::Stopped(step));
                }
            }
            Ok(())
        })
    })?;
    let buffer = std::mem::take(&mut *shared.state.write().expect("no worker panicked"));
    Ok(State { step, buffer, trace })
}

/// What a training performs its steps with.
struct Steps<'a, 'd> {
    params: &'a Train,
    workers: &'a [Mutex<Worker>],
    shared: &'a Shared<'a>,
    batch: &'a RwLock<Batch<'d>>,
    update: gradient::Update<'a>,
}

impl<'d> Steps<'_, 'd> {
    /// One step on `seen`; `run` performs a phase on all workers. The loss before the update and the fingerprint of the
    /// parameters after it.
    fn perform(
        &mut self,
        step: u64,
        seen: Batch<'d>,
        run: &mut dyn FnMut(Phase) -> Result<(), TrainError>,
    ) -> Result<(f32, [u64; 2]), TrainError> {
        let Self { params, workers, shared, batch, ref mut update } = *self;
        #[cfg(feature = "faults")]
        faults::begin(step);
        record::show_visits(&seen.visits);
        *batch.write().expect("no worker panicked") = seen;
        run(Phase::Forward)?;
        let loss = if shared.model.classes().is_none() {
            let (loss, d_scale) = gradient::loss(shared, index(params.batch_size), step)?;
            run(Phase::Backward)?;
            update.gather(shared.model, workers, d_scale)?;
            loss
        } else {
            let labels = batch.read().expect("no worker panicked").labels.clone();
            let loss = gradient::classification_loss(shared, &labels, step)?;
            run(Phase::Backward)?;
            update.gather_classifier(shared, workers)?;
            loss
        };
        let fingerprint = update.apply(shared, step)?;
        #[cfg(feature = "faults")]
        faults::strike(
            &mut shared.state.write().expect("no worker panicked"),
            step,
            workers.len(),
        )?;
        Ok((loss, fingerprint))
    }
}

/// Calls `lead` with a function that has all of `count` workers perform a phase at once. The first of them is this thread;
/// the others are threads made by `thread` that wait at a barrier between phases. There are all of them, or none.
fn in_parallel(
    count: usize,
    thread: impl Fn() -> Builder,
    perform: impl Fn(usize, Phase) -> Result<(), TrainError> + Sync,
    lead: impl FnOnce(&mut dyn FnMut(Phase) -> Result<(), TrainError>) -> Result<(), TrainError>,
) -> Result<(), TrainError> {
    set_control_state()?;
    let barrier = &Barrier::new(count);
    let phase = &RwLock::new(Phase::Stop);
    let failure = &Mutex::new(None);
    let (are_all_there, perform) = (&RwLock::new(false), &perform);
    std::thread::scope(|scope| {
        // Nobody goes to the barrier before: whoever cannot be had would be waited for there, for ever.
        let mut let_go = are_all_there.write().expect("nobody else was given it");
        for worker in 1..count {
            let work = move || {
                let started = set_control_state();
                if !are_all_there.read().is_ok_and(|there| *there) {
                    return;
                }
                loop {
                    barrier.wait();
                    let now = *phase.read().expect("no thread panics with the phase");
                    if now == Phase::Stop {
                        return;
                    }
                    let started = started.map_err(TrainError::from);
                    let done = started.and_then(|()| perform(worker, now));
                    if let Err(error) = done {
                        *failure.lock().expect("no thread panics with a failure") = Some(error);
                    }
                    barrier.wait();
                }
            };
            thread().spawn_scoped(scope, work).map_err(TrainError::Threads)?;
        }
        *let_go = true;
        drop(let_go);
        let mut run = |next: Phase| {
            *phase.write().expect("no thread panics with the phase") = next;
            barrier.wait();
            let own = perform(0, next);
            barrier.wait();
            let others = failure.lock().expect("no thread panics with a failure").take();
            others.map_or(own, Err)
        };
        let led = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| lead(&mut run)));
        *phase.write().expect("no thread panics with the phase") = Phase::Stop;
        barrier.wait();
        led.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn check(params: &Train) -> Result<(), TrainError> {
    let (seen, batch, chunk) = (params.samples_seen, params.batch_size, params.gradient_chunk);
    if chunk == 0 || batch == 0 || !batch.is_multiple_of(chunk) || !seen.is_multiple_of(batch) {
        let text = format!(
            "{seen} samples seen, batches of {batch} and chunks of {chunk} do not divide each other"
        );
        return Err(TrainError::Parameters(text));
    }
    Ok(())
}

/// Room for what a step keeps of its batch.
fn room_of_batch(len: usize, batch_size: usize, device: Device) -> Result<Buffer, TrainError> {
    Buffer::zeros(len, &device).map_err(|error| match error.lacks_memory() {
        Some(bytes) => TrainError::Batch { batch_size, bytes },
        None => error.into(),
    })
}

/// What the linear layers of a training compute with.
fn arithmetic_of(params: &Train) -> Arithmetic {
    if params.profile.is_some() { Arithmetic::Bf16 } else { Arithmetic::Portable }
}

/// An error unless the device gives the bits of the training's profile.
fn check_class(params: &Train, device: Device) -> Result<(), TrainError> {
    let Some(profile) = params.profile else {
        return Ok(());
    };
    let class = device.class()?.map(|(major, minor)| DeviceClass::new(major, minor));
    if class != Some(profile.class()) {
        return Err(TrainError::Class { profile, device, class });
    }
    if device.multiplies_bf16()? { Ok(()) } else { Err(TrainError::TensorCores(device)) }
}

fn describe(class: Option<DeviceClass>) -> String {
    class.map_or_else(|| "none".to_owned(), |class| format!("of class `{class}`"))
}

/// Whether a parameter decays under an optimiser that decays positions or not.
fn decays(decay: Decay, decay_positions: bool) -> bool {
    match decay {
        Decay::Always => true,
        Decay::Positions => decay_positions,
        Decay::Never => false,
    }
}

fn index(value: u64) -> usize {
    usize::try_from(value).expect("targets have 64-bit addresses")
}

#[cfg(test)]
mod classifier_tests;
#[cfg(test)]
mod large_tests;
#[cfg(test)]
mod tests;
