//! Fine-tuning of tiny classifiers: the gradient by differences, equal bits for every thread and level, resuming.

#![allow(clippy::cast_precision_loss, reason = "small numbers")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::samples::Batch;
use super::tests::{assert_is_the_gradient, borrowed, images, open_clip, tiny};
use super::workers::{Phase, Shared, Worker, deal, perform};
use super::*;
use crate::digest::BlobDigest;
use crate::model::reference::Reference;
use crate::model::{Start, initial_parameters};
use crate::numerics::random::Streams;

const CLASSES: usize = 3;

fn samples(images: &[u8]) -> Held<'_> {
    let images: Vec<Cow<'_, [u8]>> = images.chunks_exact(192).map(Cow::Borrowed).collect();
    let labels = (0..images.len()).map(|i| u32::try_from((i * i + i / 5) % CLASSES).unwrap());
    let (labels, shard_sizes) = (labels.collect(), vec![images.len()]);
    Held { images, captions: Vec::new(), labels, shard_sizes }
}

/// The first of two captions: a classifier has none.
fn recipe(params: Train) -> Train {
    Train { captions: CaptionChoice::First, ..params }
}

fn classifier(params: &Train) -> Model {
    Model::classifier(&params.model, &params.preprocessing, CLASSES).unwrap()
}

fn start(params: &Train, model: &Model) -> State {
    let start = Start { seed: params.seed, logit_scale: 0.0, vision_positions_std: 0.02 };
    State::from_parameters(initial_parameters(model.layout(), start)).unwrap()
}

fn tuned(params: &Train, level: Level, threads: usize) -> [Vec<u8>; 2] {
    let (model, images) = (classifier(params), images());
    let settings = Settings { level, threads };
    let start = start(params, &model);
    let state =
        fine_tune(&model, params, &samples(&images), settings, start, |_| Control::Continue)
            .unwrap();
    [state.weights(model.layout()).unwrap(), state.trace.bytes().to_vec()]
}

/// Loss and gradient of the first batch at given parameters.
fn gradient_at(params: &Train, model: &Model, parameters: &[f32]) -> (f32, Vec<f32>) {
    let (batch_size, chunk) = (index(params.batch_size), index(params.gradient_chunk));
    let mut planner = Planner::default();
    let regions =
        BatchRegions::plan_classifier(&mut planner, batch_size, model.embed_dim(), CLASSES);
    let workers: Vec<_> = deal(batch_size / chunk, 2)
        .into_iter()
        .map(|chunks| Mutex::new(Worker::new(model, chunks, chunk, Device::Cpu).unwrap()))
        .collect();
    let shared = Shared {
        model,
        level: Level::detect(),
        chunk,
        state: RwLock::new(Buffer::from_vec(parameters.to_vec(), &Device::Cpu).unwrap()),
        batch: RwLock::new(Buffer::zeros(planner.len(), &Device::Cpu).unwrap()),
        regions,
    };
    let images = images();
    let samples = samples(&images);
    let visit = |sample| Visit { position: 0, sample, caption: 0 };
    let visits: Vec<_> = (0..batch_size).map(visit).collect();
    let batch = RwLock::new(Batch::of(&samples, visits).unwrap());
    workers.iter().try_for_each(|worker| perform(Phase::Forward, worker, &shared, &batch)).unwrap();
    let loss = gradient::classification_loss(&shared, &samples.labels[..batch_size], 0).unwrap();
    workers
        .iter()
        .try_for_each(|worker| perform(Phase::Backward, worker, &shared, &batch))
        .unwrap();
    let mut update = gradient::Update::new(model, params, Device::Cpu).unwrap();
    (loss, update.gather_classifier(&shared, &workers).unwrap().to_vec().unwrap())
}

/// The mean cross-entropy in binary64, from the slow tower and a loop.
fn slow_loss(params: &Train, model: &Model, count: usize, at: &[f64]) -> f64 {
    let images = images();
    let samples = samples(&images);
    let layout = model.layout();
    let reference = Reference::new(&params.model, &params.preprocessing, layout, at);
    let features = reference.images(&borrowed(&samples.images[..count]));
    let width = model.embed_dim();
    let weight = &at[layout.region("head.weight").range()];
    let bias = &at[layout.region("head.bias").range()];
    let loss = |(x, label): (&[f64], &u32)| {
        let logit = |class: usize| {
            let row = &weight[class * width..(class + 1) * width];
            bias[class] + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()
        };
        let sum: f64 = (0..CLASSES).map(|class| libm::exp(logit(class))).sum();
        libm::log(sum) - logit(*label as usize)
    };
    let all = features.chunks_exact(width).zip(&samples.labels).map(loss).sum::<f64>();
    all / count as f64
}

#[test]
fn each_gradient_of_a_classifier_is_the_difference_of_the_reference_in_binary64() {
    for params in [tiny(), open_clip()].map(recipe) {
        let model = classifier(&params);
        let mut noise = Streams::new(9).named("test", 0);
        let start = start(&params, &model).parameters().unwrap();
        let start: Vec<f32> = start.iter().map(|x| x + noise.normal(0.0, 0.05)).collect();
        let wide: Vec<f64> = start.iter().copied().map(f64::from).collect();
        let loss = |at: &[f64]| slow_loss(&params, &model, index(params.batch_size), at);
        let (fast_loss, gradient) = gradient_at(&params, &model, &start);
        assert!((f64::from(fast_loss) - loss(&wide)).abs() < 1e-6);
        assert_is_the_gradient(model.layout(), &gradient, &wide, loss, &mut noise);
    }
}

#[test]
fn a_fine_tuning_gives_the_same_bits_for_every_level_and_thread() {
    let params = recipe(tiny());
    let expected = tuned(&params, Level::Scalar, 1);
    for level in Level::available() {
        for threads in [1, 2, 3, 8] {
            assert!(tuned(&params, level, threads) == expected, "{level:?}, {threads} threads");
        }
    }
}

#[test]
fn a_fine_tuning_resumes_to_the_same_bits_and_learns() {
    let params = recipe(tiny());
    let (model, images) = (classifier(&params), images());
    let samples = samples(&images);
    let settings = Settings { level: Level::detect(), threads: 2 };
    let mut saved = Vec::new();
    let begin = start(&params, &model);
    let stopped = fine_tune(&model, &params, &samples, settings, begin, |state| {
        if state.step == 3 {
            saved = state.resume_bytes(&[7; 32], &BTreeMap::new()).unwrap();
            return Control::Stop;
        }
        Control::Continue
    });
    assert!(matches!(stopped, Err(TrainError::Stopped(3))));
    let (resumed, _) = State::resume(&saved, &[7; 32], model.layout()).unwrap();
    let state =
        fine_tune(&model, &params, &samples, settings, resumed, |_| Control::Continue).unwrap();
    let expected = tuned(&params, Level::detect(), 1);
    assert!(state.weights(model.layout()).unwrap() == expected[0]);
    assert!(state.trace.bytes() == expected[1]);
    let loss = |parameters: Vec<f32>| {
        let wide: Vec<f64> = parameters.into_iter().map(f64::from).collect();
        slow_loss(&params, &model, 24, &wide)
    };
    let before = loss(start(&params, &model).parameters().unwrap());
    assert!(loss(state.parameters().unwrap()) < before - 0.01);
}

/// SHA-256 of the classifier and of the trace: what revision 1 gave once its gradients were held against the reference.
#[test]
fn the_bytes_of_revision_1_are_these() {
    let digests =
        tuned(&recipe(tiny()), Level::detect(), 2).map(|bytes| BlobDigest::of(&bytes).to_string());
    assert_eq!(digests, GOLDENS);
}

const GOLDENS: [&str; 2] = [
    "f4d3ad1a79a2b0a38246c5ab19a910a8b69b2dd2d06892a32855da086ae64a42",
    "81f08e297d1592a79ccba583ad0788fac7ea07aa85129d954f64c12e2044deb8",
];
