//! Trainings that others did: what executing one would cost, and what nobody published.

use super::convert;
use super::price::train_flops;
use crate::spec::experiment::{Clip, PublishedRun};

/// Bytes of a token id: vocabularies of this kind have fewer than 2^16 ids.
const TOKEN_BYTES: u64 = 2;
/// Bytes of a pixel: red, green, blue.
const PIXEL_BYTES: u64 = 3;

/// A training that cannot be executed because not all of it was published.
#[derive(Debug, Clone, PartialEq)]
pub struct UnpinnedRun {
    /// Pairs processed: epochs times samples of an epoch where both are public, else the nominal number.
    pub samples_seen: u64,
    /// Pairs of the data set, where that is known.
    pub dataset_samples: Option<u64>,
    /// Steps, where the batch size is known: samples over batch size, rounded up.
    pub steps: Option<u64>,
    /// Floating-point operations, where the model is known.
    pub flops: Option<u128>,
    /// Bytes that go into the towers, decoded, where the model is known: 8-bit pixels and 16-bit token ids.
    pub input_bytes: Option<u128>,
    /// GPUs it ran on.
    pub gpus: Option<u64>,
    /// Pairs a second of all GPUs together, as its authors measured.
    pub samples_per_second: Option<f64>,
    /// What a training needs and the experiment does not have.
    pub missing: Vec<&'static str>,
}

impl UnpinnedRun {
    /// What is known of `run`, which was checked.
    pub(super) fn of(run: &PublishedRun) -> Self {
        let samples_seen = run.samples_seen();
        let model = run.model.as_ref();
        Self {
            samples_seen,
            dataset_samples: run.dataset.as_ref().and_then(|dataset| dataset.samples),
            steps: run.batch_size.map(|batch_size| samples_seen.div_ceil(batch_size)),
            flops: model.map(|model| train_flops(&convert::clip(model), samples_seen)),
            input_bytes: model.map(|model| input_bytes(model) * u128::from(samples_seen)),
            gpus: run.gpus,
            samples_per_second: run.samples_per_second,
            missing: run.missing_pins(),
        }
    }
}

/// Bytes of a decoded pair.
fn input_bytes(model: &Clip) -> u128 {
    let side = u128::from(model.vision.image_size);
    side * side * u128::from(PIXEL_BYTES) + u128::from(model.text.context_length * TOKEN_BYTES)
}
