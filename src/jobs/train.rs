//! Trains a model: `dataset` and `vocabulary` to `model.safetensors`, `trace.bin` and published checkpoints.
//!
//! Between steps the scratch folder holds one resume checkpoint, replaced atomically, and every published checkpoint so
//! far, whose digests it names; a run that was killed goes on from there to the same bytes. A resume checkpoint that is
//! torn, of another training, or not true of the published ones beside it is passed over with a warning.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

use serde::Serialize;

use super::files::{read_bytes, unfit, write_atomic, write_bytes};
use super::{JobContext, JobError, Progress, chain};
use crate::action::canonical;
use crate::action::params::Train;
use crate::data::preprocess::CropRange;
use crate::data::{Dataset, Memory, SampleRef, Tokenizer};
use crate::digest::{BlobDigest, tagged};
use crate::model::Layout;
use crate::tensor::TensorError;
use crate::training::{
    Control, Held, SampleError, Samples, Seen, Settings, State, TrainError, Visit, steps, train,
};

const RESUME: &str = "resume.bin";

/// Performs the job.
pub(super) fn run(params: &Train, context: &mut JobContext<'_>) -> Result<(), JobError> {
    let dataset = dataset(params, context)?;
    let vocabulary = read_bytes(context, "vocabulary")?;
    let layout =
        Layout::of(&params.model).map_err(|error| JobError::BadParameters(error.to_string()))?;
    let samples = samples(params, &dataset, &vocabulary)?;
    let manifest = read_bytes(context, "dataset/manifest.json")?;
    let binding = binding(params, [manifest.as_slice(), &vocabulary]);
    let training = Training { params, layout: &layout, binding };
    let state = training.perform(
        context,
        |_| State::initial(params).map_err(failed),
        |settings, start, after_step| train(params, &*samples, settings, start, after_step),
    )?;
    write_bytes(context, "model.safetensors", &state.weights(&layout).map_err(broken)?)?;
    write_bytes(context, "trace.bin", state.trace.bytes())
}

/// A training that keeps resume checkpoints, whatever it trains.
pub(super) struct Training<'a> {
    /// What the loop goes by.
    pub(super) params: &'a Train,
    /// The parameters that are trained.
    pub(super) layout: &'a Layout,
    /// What a resume checkpoint is bound to.
    pub(super) binding: [u8; 32],
}

impl Training<'_> {
    /// Trains from where an interrupted run ended, or from `start`, and leaves the published checkpoints among the outputs.
    pub(super) fn perform(
        &self,
        context: &mut JobContext<'_>,
        start: impl FnOnce(&JobContext<'_>) -> Result<State, JobError>,
        train: impl FnOnce(
            Settings,
            State,
            &mut dyn FnMut(&State) -> Control,
        ) -> Result<State, TrainError>,
    ) -> Result<State, JobError> {
        let Self { params, layout, binding } = *self;
        let (start, published): (State, _) =
            match resumed(context.scratch, &binding, layout, params) {
                Some(resumed) => resumed,
                None => (start(context)?, BTreeMap::new()),
            };
        let start = start.on_device(context.device).map_err(failed)?;
        let settings = Settings { level: context.level, threads: context.threads };
        let (saved, failure) = (now(), None);
        let mut keeper = Keeper { params, layout, binding, context, published, saved, failure };
        let trained = train(settings, start, &mut |state| keeper.after_step(state));
        if let Some(failure) = keeper.failure.take() {
            return Err(failure);
        }
        let state = trained.map_err(failed)?;
        let published = keeper.published;
        publish(context, &published)?;
        Ok(state)
    }
}

/// Copies the published checkpoints from the scratch folder to the outputs.
fn publish(
    context: &JobContext<'_>,
    published: &BTreeMap<u64, BlobDigest>,
) -> Result<(), JobError> {
    for (step, digest) in published {
        let name = checkpoint_name(*step);
        let path = context.scratch.join(&name);
        let io = |source| JobError::Io { path: path.display().to_string(), source };
        let bytes = fs::read(&path).map_err(io)?;
        if BlobDigest::of(&bytes) != *digest {
            return Err(io(std::io::Error::other("it changed since it was written")));
        }
        write_bytes(context, &name, &bytes)?;
    }
    Ok(())
}

/// What happens between two steps.
struct Keeper<'a, 'c> {
    params: &'a Train,
    layout: &'a Layout,
    binding: [u8; 32],
    context: &'a mut JobContext<'c>,
    /// The digest of each published checkpoint so far, by its step.
    published: BTreeMap<u64, BlobDigest>,
    saved: Instant,
    failure: Option<JobError>,
}

impl Keeper<'_, '_> {
    fn after_step(&mut self, state: &State) -> Control {
        match self.keep(state) {
            Ok(control) => control,
            Err(error) => {
                self.failure = Some(error);
                Control::Stop
            }
        }
    }

    fn keep(&mut self, state: &State) -> Result<Control, JobError> {
        let total = steps(self.params);
        (self.context.progress)(Progress { done: state.step, total, unit: "steps".to_owned() });
        let interval = self.params.checkpoint_interval_steps;
        if interval > 0 && state.step.is_multiple_of(interval) {
            let bytes = state.checkpoint(self.layout).map_err(broken)?;
            write_atomic(&self.context.scratch.join(checkpoint_name(state.step)), &bytes)?;
            self.published.insert(state.step, BlobDigest::of(&bytes));
        }
        let cancelled = self.context.cancelled.load(Ordering::Relaxed) && state.step < total;
        if cancelled || now().duration_since(self.saved) >= self.context.resume_interval {
            let bytes = state.resume_bytes(&self.binding, &self.published).map_err(broken)?;
            write_atomic(&self.context.scratch.join(RESUME), &bytes)?;
            self.saved = now();
        }
        if cancelled {
            return Err(JobError::Cancelled);
        }
        Ok(Control::Continue)
    }
}

/// The only clock of a job: it decides when to save, and no result depends on it.
#[allow(
    clippy::disallowed_methods,
    reason = "resume checkpoints go by wall time; no result depends on it"
)]
fn now() -> Instant {
    Instant::now()
}

/// The steps up to `step` after which a checkpoint is published.
fn published_until(params: &Train, step: u64) -> Vec<u64> {
    let interval = params.checkpoint_interval_steps;
    let count = step.checked_div(interval).unwrap_or(0);
    (1..=count).map(|n| n * interval).collect()
}

fn checkpoint_name(step: u64) -> String {
    format!("checkpoint-{step}.safetensors")
}

/// What a resume checkpoint is bound to: every parameter and the bytes of the inputs.
pub(super) fn binding<'i>(
    params: &impl Serialize,
    inputs: impl IntoIterator<Item = &'i [u8]>,
) -> [u8; 32] {
    let params = canonical::encode(params).expect("parameters are plain data without bare floats");
    let mut parts = tagged("resume part", &params).to_vec();
    inputs.into_iter().for_each(|input| parts.extend(tagged("resume part", input)));
    tagged("resume/1", &parts)
}

/// The state that an interrupted run left with the published checkpoints before it, if it is whole, of this training,
/// and every one of those lies beside it, byte for byte.
fn resumed(
    scratch: &Path,
    binding: &[u8; 32],
    layout: &Layout,
    params: &Train,
) -> Option<(State, BTreeMap<u64, BlobDigest>)> {
    let bytes = fs::read(scratch.join(RESUME)).ok()?;
    let (state, published) = match State::resume(&bytes, binding, layout) {
        Ok(resumed) => resumed,
        Err(error) => {
            tracing::warn!(%error, "the resume checkpoint is passed over");
            return None;
        }
    };
    let there = |step: u64, digest: &BlobDigest| {
        fs::read(scratch.join(checkpoint_name(step)))
            .is_ok_and(|bytes| BlobDigest::of(&bytes) == *digest)
    };
    let before = published_until(params, state.step);
    let whole = before.iter().eq(published.keys())
        && published.iter().all(|(step, digest)| there(*step, digest));
    if !whole {
        tracing::warn!(
            step = state.step,
            "the resume checkpoint is passed over: a published checkpoint before it is missing or changed"
        );
        return None;
    }
    Some((state, published))
}

/// The data set of a training. Where each visit sees a rectangle of its own, no image is decoded beforehand.
pub(super) fn dataset(params: &Train, context: &JobContext<'_>) -> Result<Dataset, JobError> {
    let memory = if params.crop.is_none() { Memory::default() } else { Memory::NO_IMAGES };
    super::evaluate::dataset("dataset", &params.model, memory, context)
}

/// Images and captions' tokens: all of them, or each as it is seen.
pub(super) fn samples<'d>(
    params: &Train,
    dataset: &'d Dataset,
    vocabulary: &[u8],
) -> Result<Box<dyn Samples + 'd>, JobError> {
    let tokenizer = super::evaluate::tokenizer(&params.model, vocabulary)?;
    let crop = params.crop.as_ref().map(|crop| CropRange {
        area: [crop.area_min.get(), crop.area_max.get()],
        ratio: [crop.ratio_min.get(), crop.ratio_max.get()],
    });
    let streamed = Streamed { dataset, tokenizer, crop, seed: params.seed };
    if !dataset.is_held() {
        return Ok(Box::new(streamed));
    }
    let unseen = |error: SampleError| failed(TrainError::Sample(error));
    let all = 0..dataset.len();
    let images = all.clone().map(|sample| streamed.image(sample, 0)).collect::<Result<_, _>>();
    let captions = all.map(|sample| {
        let known = streamed.sample(sample)?;
        known.captions.iter().map(|text| streamed.encode(sample, text)).collect()
    });
    Ok(Box::new(Held {
        images: images.map_err(unseen)?,
        captions: captions.collect::<Result<_, _>>().map_err(unseen)?,
        labels: Vec::new(),
        shard_sizes: dataset.shard_sizes().to_vec(),
    }))
}

/// Samples of a data set that are read when they are seen.
struct Streamed<'d> {
    dataset: &'d Dataset,
    tokenizer: Tokenizer,
    crop: Option<CropRange>,
    seed: u64,
}

impl Streamed<'_> {
    /// A sample, which has a caption.
    fn sample(&self, sample: usize) -> Result<SampleRef, SampleError> {
        let known = self.dataset.sample(sample).map_err(|error| unseen(sample, error))?;
        if known.captions.is_empty() {
            return Err(unseen(sample, "it has no caption to train with"));
        }
        Ok(known)
    }

    fn encode(&self, sample: usize, text: &str) -> Result<Vec<u32>, SampleError> {
        self.tokenizer.encode(text).map_err(|error| unseen(sample, error))
    }
}

impl<'d> Streamed<'d> {
    fn image(&self, sample: usize, position: u64) -> Result<Cow<'d, [u8]>, SampleError> {
        let image = match &self.crop {
            None => self.dataset.image(sample),
            Some(range) => self.dataset.crop(sample, range, self.seed, position).map(Cow::Owned),
        };
        image.map_err(|error| unseen(sample, error))
    }
}

impl Samples for Streamed<'_> {
    fn shard_sizes(&self) -> &[usize] {
        self.dataset.shard_sizes()
    }

    fn captions(&self, sample: usize) -> Result<usize, SampleError> {
        Ok(self.sample(sample)?.captions.len())
    }

    fn see(&self, visit: Visit) -> Result<Seen<'_>, SampleError> {
        let known = self.sample(visit.sample)?;
        Ok(Seen {
            image: self.image(visit.sample, visit.position)?,
            tokens: Some(self.encode(visit.sample, &known.captions[visit.caption])?.into()),
            label: None,
        })
    }

    fn is_held(&self) -> bool {
        false
    }
}

fn unseen(
    sample: usize,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> SampleError {
    SampleError { sample, source: source.into() }
}

pub(super) fn broken(error: TensorError) -> JobError {
    failed(TrainError::Tensor(error))
}

pub(super) fn failed(error: TrainError) -> JobError {
    match error {
        TrainError::Diverged { step, what } => JobError::Diverged { step, what },
        TrainError::Order(error) => unfit("dataset", &error),
        TrainError::Sample(SampleError { sample, source }) => match source.downcast::<JobError>() {
            // It says already which input that is.
            Ok(error) => *error,
            Err(source) => match source.downcast_ref() {
                Some(error) => super::evaluate::unreadable("dataset", error),
                None => unfit("dataset", &chain(&SampleError { sample, source })),
            },
        },
        TrainError::Parameters(_) | TrainError::Model(_) => JobError::BadParameters(chain(&error)),
        TrainError::Class { .. } | TrainError::TensorCores(_) => {
            JobError::AnotherClass(chain(&error))
        }
        TrainError::Threads(source) => {
            JobError::Io { path: "there is no room for another thread".to_owned(), source }
        }
        TrainError::Batch { .. } => lacking(chain(&error)),
        TrainError::Tensor(ref tensor @ TensorError::Memory { .. }) => lacking(chain(tensor)),
        // What a device lacks is told like what the machine lacks.
        TrainError::Tensor(ref tensor) if tensor.lacks_memory().is_some() => JobError::Io {
            path: "the device".to_owned(),
            source: std::io::Error::new(std::io::ErrorKind::OutOfMemory, chain(&error)),
        },
        TrainError::Tensor(ref tensor) if tensor.is_of_device() => JobError::Device(chain(tensor)),
        TrainError::Stopped(_)
        | TrainError::Tensor(_)
        | TrainError::Control(_)
        | TrainError::WorkerPanicked => JobError::Bug(chain(&error)),
    }
}

/// What the machine has no memory for.
fn lacking(what: String) -> JobError {
    JobError::Io { path: what, source: std::io::ErrorKind::OutOfMemory.into() }
}
