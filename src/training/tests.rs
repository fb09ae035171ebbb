//! Whole trainings of tiny models.

#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small numbers")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::samples::{Batch, Batches};
use super::workers::{Extent, Phase, Shared, Worker, deal, perform};
use super::*;
use crate::action::canonical::Real;
use crate::action::params::{
    Activation, AdamW, Clip, Pooling, Preprocessing, SampleOrder, Schedule, TextTower, VisionTower,
    WarmUp,
};
use crate::digest::BlobDigest;
use crate::model::reference::Reference;
use crate::model::{Layout, Texts};
use crate::numerics::random::{Stream, Streams};
use crate::tensor::{NoKernels, device};

const SAMPLES: usize = 24;

pub(super) fn real(value: f64) -> Real {
    Real::new(value).unwrap()
}

/// A model of every part: two image blocks, one text block, two heads, a patch bias.
pub(super) fn tiny() -> Train {
    let vision = VisionTower {
        image_size: 8,
        patch_size: 4,
        width: 12,
        layers: 2,
        heads: 2,
        mlp_width: 20,
        patch_bias: true,
        pre_norm: false,
        pooling: Pooling::Mean,
    };
    let text = TextTower {
        context_length: 5,
        vocabulary_size: 11,
        width: 8,
        layers: 1,
        heads: 2,
        mlp_width: 16,
        pooling: Pooling::Mean,
    };
    Train {
        model: Clip { embed_dim: 10, vision, text, activation: Activation::Gelu },
        preprocessing: Preprocessing { mean: [real(0.7); 3], std: [real(0.35); 3] },
        seed: 5,
        samples_seen: 12 * 8,
        batch_size: 12,
        gradient_chunk: 2,
        optimizer: AdamW {
            beta1: real(0.9),
            beta2: real(0.98),
            epsilon: real(1e-6),
            weight_decay: real(0.1),
            decay_positions: false,
            gradient_clip_norm: Some(real(1.0)),
        },
        schedule: Schedule {
            learning_rate_max: real(4e-3),
            learning_rate_final: real(4e-5),
            warm_up: WarmUp::Steps(2),
        },
        logit_scale_init: real(2.6),
        captions: CaptionChoice::Drawn,
        order: SampleOrder::Epochs { shuffle_shards: 0 },
        checkpoint_interval_steps: 0,
        crop: None,
        profile: None,
        vision_positions_std: Train::first_positions_std(),
    }
}

/// The same with OpenCLIP's choices: class token, `ln_pre`, end token, `QuickGELU`.
pub(super) fn open_clip() -> Train {
    let mut params = tiny();
    params.model.activation = Activation::QuickGelu;
    params.model.vision.pooling = Pooling::ClassToken;
    params.model.vision.pre_norm = true;
    params.model.vision.patch_bias = false;
    params.model.text.pooling = Pooling::EndToken;
    params
}

pub(super) fn images() -> Vec<u8> {
    (0_u32..SAMPLES as u32 * 192).map(|i| (i.wrapping_mul(2_654_435_761) >> 21) as u8).collect()
}

fn samples(images: &[u8]) -> Held<'_> {
    let caption = |i: usize, of: usize| {
        let mut tokens =
            vec![1, 3 + (i as u32 * 5 + of as u32 * 3) % 8, 3 + (i as u32 * 3) % 7, 2, 0];
        if (i + of).is_multiple_of(3) {
            tokens.swap(3, 4);
            tokens[3] = 4;
        }
        tokens
    };
    Held {
        images: images.chunks_exact(192).map(Cow::Borrowed).collect(),
        captions: (0..SAMPLES).map(|i| vec![caption(i, 0), caption(i, 1)]).collect(),
        labels: Vec::new(),
        shard_sizes: vec![10, 14],
    }
}

pub(super) fn borrowed<'a>(images: &'a [Cow<'_, [u8]>]) -> Vec<&'a [u8]> {
    images.iter().map(AsRef::as_ref).collect()
}

/// Samples that are read as they are visited; the one of that number cannot be read.
struct Streamed<'a>(Held<'a>, Option<usize>);

impl Samples for Streamed<'_> {
    fn shard_sizes(&self) -> &[usize] {
        self.0.shard_sizes()
    }

    fn captions(&self, sample: usize) -> Result<usize, SampleError> {
        self.0.captions(sample)
    }

    fn see(&self, visit: Visit) -> Result<Seen<'_>, SampleError> {
        if self.1 == Some(visit.sample) {
            return Err(SampleError { sample: visit.sample, source: "broken".into() });
        }
        self.0.see(visit)
    }

    fn is_held(&self) -> bool {
        false
    }
}

#[test]
fn a_training_that_streams_its_samples_has_the_same_bits() {
    let (params, images) = (tiny(), images());
    let settings = Settings { level: Level::detect(), threads: 2 };
    let train = |samples: &dyn Samples, end: u64| {
        let start = State::initial(&params).unwrap();
        let control = |state: &State| {
            if state.step < end { Control::Continue } else { Control::Stop }
        };
        train(&params, samples, settings, start, control)
    };
    let visited = Streamed(samples(&images), None);
    let streamed = train(&visited, u64::MAX).unwrap();
    assert_eq!(files(&params, &streamed), trained(&params, settings.level, 2));
    // Nobody waits for batches that are not wanted any more.
    assert!(matches!(train(&visited, 1), Err(TrainError::Stopped(1))));
    let mut order = Order::new(params.order, &[10, 14], params.seed).unwrap();
    let second = order.visits(params.batch_size..2 * params.batch_size);
    let broken = Streamed(samples(&images), Some(second[0]));
    match train(&broken, u64::MAX) {
        Err(TrainError::Sample(error)) => assert_eq!(error.sample, second[0]),
        other => panic!("{other:?}"),
    }
}

/// Notes what is asked of the samples.
struct Noted<'a>(Held<'a>, Mutex<Vec<(&'static str, usize)>>);

impl Samples for Noted<'_> {
    fn shard_sizes(&self) -> &[usize] {
        self.0.shard_sizes()
    }

    fn captions(&self, sample: usize) -> Result<usize, SampleError> {
        self.1.lock().unwrap().push(("captions", sample));
        self.0.captions(sample)
    }

    fn see(&self, visit: Visit) -> Result<Seen<'_>, SampleError> {
        self.1.lock().unwrap().push(("see", visit.sample));
        self.0.see(visit)
    }

    fn is_held(&self) -> bool {
        false
    }
}

#[test]
fn captions_are_counted_just_before_their_sample_is_seen() {
    let (params, images) = (tiny(), images());
    let noted = Noted(samples(&images), Mutex::default());
    let batch = Batches::new(&params, &noted).unwrap().make(1).unwrap();
    let mut order = Order::new(params.order, noted.shard_sizes(), params.seed).unwrap();
    let captions = |sample| noted.0.captions(sample);
    assert_eq!(batch.visits, visits(&params, &mut order, captions, 1).unwrap());
    let seen = batch.visits.iter().map(|visit| visit.sample);
    let expected: Vec<_> =
        seen.flat_map(|sample| [("captions", sample), ("see", sample)]).collect();
    assert_eq!(*noted.1.lock().unwrap(), expected);
}

/// The third of seven is to have more memory than there is.
#[test]
fn a_thread_that_cannot_be_had_is_an_error_and_nobody_waits_for_it() {
    let wanted = std::cell::Cell::new(0);
    let thread = || {
        wanted.set(wanted.get() + 1);
        let thread = Builder::new();
        if wanted.get() == 3 { thread.stack_size(1 << 60) } else { thread }
    };
    let ended = in_parallel(8, thread, |_, _| panic!("not all are there"), |_| panic!("nor here"));
    assert!(matches!(ended, Err(TrainError::Threads(_))), "{ended:?}");
    let performed = Mutex::new(Vec::new());
    let perform = |worker: usize, phase: Phase| {
        performed.lock().unwrap().push((phase == Phase::Backward, worker));
        Ok(())
    };
    in_parallel(3, Builder::new, perform, |run| {
        run(Phase::Forward)?;
        run(Phase::Backward)
    })
    .unwrap();
    let mut performed = performed.into_inner().unwrap();
    performed.sort_unstable();
    let of = |is_backward| (0..3_usize).map(move |worker| (is_backward, worker));
    assert!(performed.into_iter().eq(of(false).chain(of(true))));
}

/// What no machine has is said with its size, and what makes it smaller.
#[test]
fn a_batch_that_no_memory_holds_is_named() {
    let error = room_of_batch(1 << 60, 1 << 29, Device::Cpu).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a batch of 536870912 needs 4611686018427387904 bytes at once (of pairs, 16 · batchSize² of them for scores): lower \
         batchSize"
    );
}

/// The weights file and the trace file.
fn trained(params: &Train, level: Level, threads: usize) -> [Vec<u8>; 2] {
    let images = images();
    let start = State::initial(params).unwrap();
    let settings = Settings { level, threads };
    let ended = train(params, &samples(&images), settings, start, |_| Control::Continue);
    files(params, &ended.unwrap())
}

pub(super) fn files(params: &Train, state: &State) -> [Vec<u8>; 2] {
    let layout = Layout::of(&params.model).unwrap();
    [state.weights(&layout).unwrap(), state.trace.bytes().to_vec()]
}

/// Loss and gradient of the first batch at given parameters.
fn gradient_at(params: &Train, parameters: &[f32]) -> (f32, Vec<f32>) {
    let (batch_size, chunk) = (index(params.batch_size), index(params.gradient_chunk));
    let model = Model::new(&params.model, &params.preprocessing).unwrap();
    let mut planner = Planner::default();
    let regions = BatchRegions::plan(&mut planner, batch_size, model.embed_dim());
    let workers: Vec<_> = deal(batch_size / chunk, 1)
        .into_iter()
        .map(|chunks| Mutex::new(Worker::new(&model, chunks, chunk, Device::Cpu).unwrap()))
        .collect();
    let shared = Shared {
        model: &model,
        level: Level::detect(),
        chunk,
        state: RwLock::new(Buffer::from_vec(parameters.to_vec(), &Device::Cpu).unwrap()),
        batch: RwLock::new(Buffer::zeros(planner.len(), &Device::Cpu).unwrap()),
        regions,
    };
    let images = images();
    let samples = samples(&images);
    let visits: Vec<_> =
        (0..batch_size).map(|sample| Visit { position: 0, sample, caption: 0 }).collect();
    let batch = RwLock::new(Batch::of(&samples, visits).unwrap());
    perform(Phase::Forward, &workers[0], &shared, &batch).unwrap();
    let (loss, d_scale) = gradient::loss(&shared, batch_size, 0).unwrap();
    perform(Phase::Backward, &workers[0], &shared, &batch).unwrap();
    let mut update = gradient::Update::new(&model, params, Device::Cpu).unwrap();
    (loss, update.gather(&model, &workers, d_scale).unwrap().to_vec().unwrap())
}

/// SHA-256 of the weights file and of the trace of `tiny` and of `open_clip`.
///
/// They are what the scalar level with one thread gave, in a build without optimisation, once every operation in it
/// had been held against its slow definition, and embeddings, loss and gradients against `model::reference`. They are
/// right as far as those tests go; what they add is that a change of any definition, of the streams or of a file's
/// form does not pass unseen. Who changes one on purpose raises the revision of the job too.
const GOLDENS: [[&str; 2]; 2] = [
    [
        "1cc8f66813f285c44abf2ff819546ccbfd5c33606f1fb4e0b562a00a8bd51a01",
        "ce13879325dbdcc8b7176098b6e42229c43d518a1cb1e6963d5d4ea7c5aee356",
    ],
    [
        "ca93874498727b240fe6d73b68743a4fbb0530a34390803ca95be83dd7fe89fe",
        "1ec5b81d56037ef4cef87bc6529f34a709af252004800b56444ed1798506d6db",
    ],
];

#[test]
fn weights_and_trace_are_the_same_bits_on_every_machine() {
    for level in Level::available() {
        for threads in [1, 2, 3, 8] {
            let digests = [tiny(), open_clip()].map(|params| {
                trained(&params, level, threads).map(|bytes| BlobDigest::of(&bytes).to_string())
            });
            assert_eq!(digests, GOLDENS, "{level:?}, {threads} threads");
        }
    }
}

/// Of a tensor's gradient, by root mean square: what a slope may differ from the difference. The largest that was seen
/// is 1.6e-6, the rounding of the fast gradient. Along a direction of random signs every element has the same weight.
const GRADIENT_TOLERANCE: f64 = 1e-5;

#[test]
fn each_gradient_is_the_difference_of_the_reference_in_binary64() {
    for params in [tiny(), open_clip()] {
        let layout = Layout::of(&params.model).unwrap();
        let mut noise = Streams::new(9).named("test", 0);
        let start = State::initial(&params).unwrap().parameters().unwrap();
        // Away from gains of 1 and biases of 0.
        let start: Vec<f32> = start.iter().map(|x| x + noise.normal(0.0, 0.05)).collect();
        let wide: Vec<f64> = start.iter().copied().map(f64::from).collect();
        let images = images();
        let samples = samples(&images);
        let mut texts = Texts::new();
        let count = index(params.batch_size);
        samples.captions[..count].iter().for_each(|of| texts.push(&of[0]));
        let loss = |at: &[f64]| {
            let reference = Reference::new(&params.model, &params.preprocessing, &layout, at);
            reference.loss_of(&borrowed(&samples.images[..count]), &texts)
        };
        let (fast_loss, gradient) = gradient_at(&params, &start);
        assert!((f64::from(fast_loss) - loss(&wide)).abs() < 1e-6);
        assert_is_the_gradient(&layout, &gradient, &wide, loss, &mut noise);
    }
}

/// Holds the gradient of each tensor against differences of `loss` at `wide`: along itself, and along two directions of
/// random signs.
pub(super) fn assert_is_the_gradient(
    layout: &Layout,
    gradient: &[f32],
    wide: &[f64],
    loss: impl Fn(&[f64]) -> f64,
    noise: &mut Stream,
) {
    for parameter in layout.parameters() {
        let g: Vec<f64> = parameter.region.of(gradient).iter().copied().map(f64::from).collect();
        let norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
        assert!(norm > 0.0, "{} receives no gradient", parameter.name);
        let root = (g.len() as f64).sqrt();
        let mut signs = || -> Vec<f64> {
            let sign = |_| {
                if noise.bounded(2) == 0 { 1.0 / root } else { -1.0 / root }
            };
            (0..g.len()).map(sign).collect()
        };
        let along: Vec<f64> = g.iter().map(|g| g / norm).collect();
        for (direction, bound) in [(along, norm), (signs(), norm / root), (signs(), norm / root)] {
            let moved = |step: f64| {
                let mut at = wide.to_vec();
                for (x, d) in at[parameter.region.range()].iter_mut().zip(&direction) {
                    *x += step * d;
                }
                loss(&at)
            };
            let step = 1e-5;
            let difference = (moved(step) - moved(-step)) / (2.0 * step);
            let slope: f64 = g.iter().zip(&direction).map(|(g, d)| g * d).sum();
            assert!(
                (slope - difference).abs() < GRADIENT_TOLERANCE * bound,
                "{}: {slope}, by differences {difference}, norm {norm}",
                parameter.name
            );
        }
    }
}

#[test]
fn a_training_resumes_to_the_same_bits() {
    let params = tiny();
    let layout = Layout::of(&params.model).unwrap();
    let expected = trained(&params, Level::detect(), 2);
    let images = images();
    let samples = samples(&images);
    let settings = Settings { level: Level::detect(), threads: 3 };
    let published = BTreeMap::from([(2, BlobDigest::of(b"two")), (3, BlobDigest::of(b"three"))]);
    let mut saved = Vec::new();
    let stopped = train(&params, &samples, settings, State::initial(&params).unwrap(), |state| {
        if state.step == 3 {
            saved = state.resume_bytes(&[7; 32], &published).unwrap();
            return Control::Stop;
        }
        Control::Continue
    });
    assert!(matches!(stopped, Err(TrainError::Stopped(3))));
    let (resumed, named) = State::resume(&saved, &[7; 32], &layout).unwrap();
    assert_eq!(named, published);
    let state = train(&params, &samples, settings, resumed, |_| Control::Continue).unwrap();
    assert!(files(&params, &state) == expected);
}

/// The state of [`tiny`]'s like after `steps` steps, with its trace from there on.
fn after(params: &Train, steps: u64) -> State {
    let images = images();
    let settings = Settings { level: Level::detect(), threads: 2 };
    let start = State::initial(params).unwrap();
    let mut trace = None;
    let state = train_to(params, &samples(&images), settings, start, steps, |state| {
        trace = state.trace.digest(state.step as usize);
        Control::Continue
    });
    let layout = Layout::of(&params.model).unwrap();
    let bytes = state.unwrap().checkpoint(&layout).unwrap();
    State::from_checkpoint(&bytes, &layout, trace.unwrap()).unwrap()
}

/// One step after three, under the recorder.
fn recorded(params: &Train, level: Level, threads: usize, keep: &[usize]) -> (Recording, State) {
    let images = images();
    let settings = Settings { level, threads };
    record_step(params, &samples(&images), settings, after(params, 3), keep).unwrap()
}

#[test]
fn a_published_checkpoint_goes_on_to_the_same_bytes() {
    let params = tiny();
    let images = images();
    let settings = Settings { level: Level::detect(), threads: 3 };
    let layout = Layout::of(&params.model).unwrap();
    let state =
        train(&params, &samples(&images), settings, after(&params, 3), |_| Control::Continue);
    let state = state.unwrap();
    let [weights, trace] = trained(&params, Level::detect(), 1);
    assert!(state.weights(&layout).unwrap() == weights);
    let whole = Trace::decode(&trace).unwrap();
    assert_eq!((state.step, state.trace.steps()), (8, 5));
    assert_eq!(state.trace.digest(5), whole.digest(8));
}

#[test]
fn a_recorded_step_is_the_step_of_the_training() {
    for params in [tiny(), open_clip()] {
        let (recording, state) = recorded(&params, Level::detect(), 1, &[]);
        let [_, trace] = trained(&params, Level::detect(), 2);
        assert_eq!(state.step, 4);
        assert_eq!(state.trace.digest(1), Trace::decode(&trace).unwrap().digest(4));
        assert_eq!(state.digest().unwrap(), after(&params, 4).digest().unwrap());
        let identities: std::collections::BTreeSet<_> =
            recording.records.iter().map(|record| &record.identity).collect();
        assert_eq!(identities.len(), recording.records.len(), "every record has a name of its own");
        let layout = Layout::of(&params.model).unwrap();
        for parameter in layout.parameters() {
            for operation in ["gradient of the batch", "AdamW", STATE_BEFORE] {
                let named = recording.records.iter().any(|record| {
                    record.identity.operation == operation
                        && record.identity.tensor == parameter.name
                        && record.shape == parameter.shape
                });
                assert!(named, "{operation}: {}", parameter.name);
            }
        }
    }
}

#[test]
fn recordings_depend_neither_on_the_level_nor_on_the_threads() {
    let params = tiny();
    let (plain, _) = recorded(&params, Level::Scalar, 1, &[]);
    for level in Level::available() {
        for threads in [1, 2, 4] {
            let (other, _) = recorded(&params, level, threads, &[]);
            assert_eq!(parting(&plain.records, &other.records, |_| true), None);
        }
    }
}

#[test]
fn what_is_kept_is_what_was_recorded() {
    let params = tiny();
    let (all, _) = recorded(&params, Level::detect(), 1, &[]);
    let keep = [0, 17, all.records.len() - 1];
    let (recording, _) = recorded(&params, Level::detect(), 1, &keep);
    assert_eq!(recording.records, all.records);
    assert_eq!(recording.kept.iter().map(|kept| kept.record).collect::<Vec<_>>(), keep);
    for kept in recording.kept {
        assert_eq!(BlobDigest::of(&kept.bytes), all.records[kept.record].sha256);
    }
}

#[test]
fn another_rate_parts_at_the_rate_and_then_at_a_parameter() {
    let params = tiny();
    let mut other = tiny();
    other.schedule.learning_rate_final = real(1e-3);
    let images = images();
    let settings = Settings { level: Level::detect(), threads: 1 };
    // One state, so that the step alone differs.
    let of = |params: &Train| {
        record_step(params, &samples(&images), settings, after(&tiny(), 3), &[]).unwrap().0.records
    };
    let (a, b) = (of(&params), of(&other));
    let first = parting(&a, &b, |_| true).unwrap().a.unwrap();
    let identity = &a[first].identity;
    assert_eq!((identity.operation.as_str(), identity.tensor.as_str()), ("AdamW", "learning rate"));
    let tensor = parting(&a, &b, |record| record.kind == Kind::Binary32).unwrap().a.unwrap();
    assert_eq!(a[tensor].identity.operation, "AdamW");
    assert!(tensor > first);
}

#[test]
fn a_torn_or_foreign_resume_file_is_not_believed() {
    let params = tiny();
    let layout = Layout::of(&params.model).unwrap();
    let bytes = State::initial(&params).unwrap().resume_bytes(&[7; 32], &BTreeMap::new()).unwrap();
    assert_eq!(State::resume(&bytes, &[8; 32], &layout).unwrap_err(), ResumeError::Foreign);
    for len in [0, 31, 32, 100, bytes.len() - 1] {
        assert_eq!(State::resume(&bytes[..len], &[7; 32], &layout).unwrap_err(), ResumeError::Torn);
    }
    let mut flipped = bytes.clone();
    flipped[200] ^= 4;
    assert_eq!(State::resume(&flipped, &[7; 32], &layout).unwrap_err(), ResumeError::Torn);
}

#[test]
fn a_rate_beyond_reason_diverges_at_a_named_step() {
    let mut params = tiny();
    params.schedule.learning_rate_max = real(1e38);
    let images = images();
    let settings = Settings { level: Level::detect(), threads: 2 };
    let start = State::initial(&params).unwrap();
    let ended = train(&params, &samples(&images), settings, start, |_| Control::Continue);
    assert!(matches!(ended, Err(TrainError::Diverged { .. })), "{ended:?}");
}

#[test]
fn the_loss_of_a_small_set_falls() {
    let mut params = tiny();
    params.samples_seen = 12 * 100;
    let images = images();
    let settings = Settings { level: Level::detect(), threads: 1 };
    let start = State::initial(&params).unwrap();
    let state = train(&params, &samples(&images), settings, start, |_| Control::Continue).unwrap();
    let [first, last] = [0, 99].map(|step| state.trace.step(step).unwrap().loss);
    assert!(last < 0.75 * first, "{first} to {last}");
}

/// The kernels of a GPU, run by the processor, train to the same bits as threads do; also when a training moves from one
/// to the other at a checkpoint and back.
#[test]
fn a_training_on_kernels_gives_the_golden_bits() {
    let emulated = Device::Emulated { processors: 40, backwards: false, memory: usize::MAX };
    let devices = [
        emulated,
        #[cfg(feature = "cuda")]
        Device::Cuda(0),
    ];
    for device in devices.into_iter().filter(|device| device.prepare(&NoKernels).is_ok()) {
        trains_to_the_golden_bits_on(device);
    }
}

fn trains_to_the_golden_bits_on(device: Device) {
    let images = images();
    let settings = Settings { level: Level::detect(), threads: 2 };
    for params in [tiny(), open_clip()] {
        let want = trained(&params, Level::detect(), 1);
        let samples = samples(&images);
        let go = |state: State, device: Device, end: u64| {
            let start = state.on_device(device).unwrap();
            train_to(&params, &samples, settings, start, end, |_| Control::Continue).unwrap()
        };
        let ended = go(State::initial(&params).unwrap(), device, steps(&params));
        assert!(files(&params, &ended) == want, "all steps on the device");
        let first = go(State::initial(&params).unwrap(), Device::Cpu, 2);
        let second = go(first, device, 5);
        let ended = go(second, Device::Cpu, steps(&params));
        assert!(files(&params, &ended) == want, "steps 2 to 4 on the device");
    }
}

/// The class of a device as a profile.
fn profile_of(device: Device) -> DeviceProfile {
    let (major, minor) = device.class().unwrap().unwrap();
    format!("bf16/{}/1", DeviceClass::new(major, minor)).parse().unwrap()
}

/// Tensor cores, or what the emulator has in their place: the same bits however many processors there are and wherever
/// a training is interrupted, not those of portable arithmetic, and near them.
#[test]
fn a_training_of_a_device_class_repeats_its_bits() {
    let emulated =
        |processors, backwards| Device::Emulated { processors, backwards, memory: usize::MAX };
    let pairs = [
        [emulated(40, false), emulated(3, true)],
        #[cfg(feature = "cuda")]
        [Device::Cuda(0); 2],
    ];
    let images = images();
    let settings = Settings { level: Level::detect(), threads: 1 };
    for pair in pairs.into_iter().filter(|pair| pair[0].prepare(&NoKernels).is_ok()) {
        let mut params = open_clip();
        let portable = trained(&params, Level::detect(), 1);
        params.profile = Some(profile_of(pair[0]));
        let samples = samples(&images);
        let go = |state: State, device: Device, end: u64| {
            let start = state.on_device(device).unwrap();
            train_to(&params, &samples, settings, start, end, |_| Control::Continue).unwrap()
        };
        let [first, second] = pair;
        let ended = go(State::initial(&params).unwrap(), first, steps(&params));
        let want = files(&params, &ended);
        assert!(want != portable);
        let again = go(State::initial(&params).unwrap(), second, 3);
        let again = go(again.on_device(Device::Cpu).unwrap(), first, steps(&params));
        assert!(files(&params, &again) == want);
        let settings_of_portable = Train { profile: None, ..params.clone() };
        let start = State::initial(&params).unwrap();
        let exact =
            train(&settings_of_portable, &samples, settings, start, |_| Control::Continue).unwrap();
        for step in 0..ended.trace.steps() {
            let [bound, exact] = [&ended, &exact].map(|of| of.trace.step(step).unwrap().loss);
            assert!((bound - exact).abs() < 0.02 * exact, "step {step}: {bound} and {exact}");
        }
    }
}

#[test]
fn another_class_of_devices_is_refused() {
    let mut params = tiny();
    params.profile = Some("bf16/sm_80/1".parse().unwrap());
    let emulated = Device::Emulated { processors: 1, backwards: false, memory: usize::MAX };
    let is_there = emulated.prepare(&NoKernels).is_ok();
    let images = images();
    let settings = Settings { level: Level::detect(), threads: 1 };
    let refused = |device: Device| {
        let start = State::initial(&params).unwrap().on_device(device).unwrap();
        let ended = train(&params, &samples(&images), settings, start, |_| Control::Continue);
        ended.unwrap_err().to_string()
    };
    let needs = "the profile `bf16/sm_80/1` needs a GPU of class `sm_80`, and";
    assert_eq!(refused(Device::Cpu), format!("{needs} `cpu` is none"));
    if is_there {
        assert_eq!(refused(emulated), format!("{needs} `emulated` is of class `sm_90`"));
    }
    // Steps are looked at in main memory.
    let start = State::initial(&params).unwrap();
    let recorded = record_step(&params, &samples(&images), settings, start, &[]);
    assert!(matches!(recorded, Err(TrainError::Class { .. })));
}

/// Less memory than the chunks of a batch leave: fewer are side by side, and then forward passes are repeated, down to one
/// chunk at a time; what is too little for one is said.
#[test]
fn less_memory_gives_the_same_bits_until_one_chunk_does_not_fit() {
    let params = tiny();
    let model = Model::new(&params.model, &params.preprocessing).unwrap();
    let bytes = |side_by_side: usize, places: usize| {
        let extent = Extent { side_by_side, places };
        4 * Worker::with_extent(&model, 0..6, 2, Device::Cpu, extent).unwrap().arena.len()
    };
    let alone = |places| bytes(1, places);
    assert!(alone(1) < alone(2) && alone(3) < alone(6));
    let device = |memory: usize| Device::Emulated { processors: 9, backwards: false, memory };
    if Buffer::zeros(1, &device(usize::MAX)).is_err() {
        return;
    }
    let images = images();
    let settings = Settings { level: Level::detect(), threads: 1 };
    let train_in = |memory: usize| {
        let start = State::initial(&params).unwrap().on_device(device(memory)).unwrap();
        train(&params, &samples(&images), settings, start, |_| Control::Continue)
    };
    let want = trained(&params, Level::detect(), 1);
    let sizes = [bytes(4, 6), bytes(2, 6), alone(6), alone(3), alone(1)];
    let memories = sizes.into_iter().flat_map(|size| [size, size - 1]);
    for memory in memories.filter(|&memory| memory >= alone(1)) {
        assert!(files(&params, &train_in(memory).unwrap()) == want, "{memory} bytes");
    }
    let refused = train_in(alone(1) - 1).unwrap_err();
    let TrainError::Tensor(error) = refused else { panic!("{refused}") };
    assert_eq!(error.lacks_memory(), Some(alone(1)));
}

/// How many kernels the second step of a training launches on a device of so many processors; none without a compiler.
fn launches_of_a_step(params: &Train, samples: &Held<'_>, processors: usize) -> Option<usize> {
    let device = Device::Emulated { processors, backwards: false, memory: usize::MAX };
    device.prepare(&NoKernels).ok()?;
    let settings = Settings { level: Level::detect(), threads: 1 };
    let launches = |steps: u64| {
        let start = State::initial(params).unwrap().on_device(device).unwrap();
        let before = device::emulator::launches();
        let go_on = |_: &State| Control::Continue;
        train_to(params, samples, settings, start, steps, go_on).unwrap();
        device::emulator::launches() - before
    };
    Some(launches(2) - launches(1))
}

/// Small chunks are computed side by side on a device: a step of six has hardly more kernels than a step of one.
#[test]
fn a_step_of_many_small_chunks_launches_few_kernels() {
    let images = images();
    let of_a_step = |gradient_chunk| {
        let params = Train { gradient_chunk, ..tiny() };
        launches_of_a_step(&params, &samples(&images), 9)
    };
    let Some(one) = of_a_step(12) else { return };
    assert_eq!(of_a_step(3), Some(one + 1), "four side by side, and the sum over their tree");
    let two_groups = of_a_step(2).unwrap();
    assert!(two_groups < 2 * one, "four side by side, and two: {two_groups} to {one}");
}

/// XS of the study of pictograms, 128 pairs in chunks of 16: it was 1,019 launches with one chunk at a time.
#[test]
fn a_step_of_a_small_model_is_so_many_launches() {
    let mut params = tiny();
    let (vision, text) = (&mut params.model.vision, &mut params.model.text);
    (vision.image_size, vision.patch_size) = (32, 8);
    (vision.width, vision.heads, vision.mlp_width) = (32, 1, 128);
    (text.width, text.heads, text.mlp_width) = (32, 1, 128);
    (text.context_length, text.vocabulary_size) = (12, 500);
    params.model.embed_dim = 32;
    (params.samples_seen, params.batch_size, params.gradient_chunk) = (1024, 128, 16);
    let byte = |i: u32| (i.wrapping_mul(2_654_435_761) >> 21) as u8;
    let images: Vec<u8> = (0..24 * 3072).map(byte).collect();
    let caption = |i: u32| vec![vec![1, 3 + i, 7 + i, 2, 0, 0, 0, 0, 0, 0, 0, 0]];
    let held = Held {
        images: images.chunks_exact(3072).map(Cow::Borrowed).collect(),
        captions: (0..24).map(caption).collect(),
        labels: Vec::new(),
        shard_sizes: vec![24],
    };
    let launches = launches_of_a_step(&params, &held, 132);
    assert!(launches.is_none_or(|launches| launches == 145), "{launches:?}");
}
