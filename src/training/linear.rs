//! A linear layer trained on features: softmax cross-entropy, `AdamW`, a cosine without warm-up. Equal bits at every
//! SIMD level and on every device; one thread.

use std::ops::Range;

use super::{TrainError, learning_rate_at};
use crate::action::canonical::Real;
use crate::action::params::{Schedule, WarmUp};
use crate::numerics::matmul::{Finish, View, multiply};
use crate::numerics::random::Streams;
use crate::numerics::{Level, adamw};
use crate::tensor::{
    AdamWUpdate, BatchRegions, Bring, Buffer, Classification, Device, Planner, Rates, Region,
};

/// How a layer is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinearRecipe {
    /// The learning rate before the first step; the cosine ends at 0.
    pub learning_rate: Real,
    /// The decay of weights and biases.
    pub weight_decay: Real,
    /// Decay of the moments.
    pub betas: [Real; 2],
    /// Added to the root of the second moment.
    pub epsilon: Real,
    /// Passes over the features.
    pub epochs: u64,
    /// Features of a step; the last one of an epoch may have fewer.
    pub batch_size: usize,
    /// Seed of the stream "probe order", whose permutation of index e orders epoch e.
    pub seed: u64,
}

/// A linear layer with bias.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearLayer {
    /// `[classes, width]`
    pub weight: Vec<f32>,
    /// `[classes]`
    pub bias: Vec<f32>,
}

/// Features with their classes.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Elements of a feature.
    pub width: usize,
    /// `[labels, width]`
    pub elements: Vec<f32>,
    /// The class of each.
    pub labels: Vec<u32>,
}

impl Features {
    /// The elements of some of them.
    pub fn part(&self, part: Range<usize>) -> &[f32] {
        &self.elements[part.start * self.width..part.end * self.width]
    }
}

impl LinearLayer {
    /// The layer before the first step, as `PyTorch` draws it: uniform between −1 ÷ √width and 1 ÷ √width, from the
    /// streams "probe weight" and "probe bias".
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "rounded once; widths are far below 2⁵³"
    )]
    pub fn initial(classes: usize, width: usize, seed: u64) -> Self {
        let bound = 1.0 / (width as f64).sqrt();
        let draw = |name: &str, len: usize| {
            let mut stream = Streams::new(seed).named(name, 0);
            (0..len).map(|_| ((2.0 * stream.unit() - 1.0) * bound) as f32).collect()
        };
        Self { weight: draw("probe weight", classes * width), bias: draw("probe bias", classes) }
    }

    /// `[features, classes]`: `x·Wᵀ + b`.
    pub fn scores(&self, level: Level, elements: &[f32]) -> Vec<f32> {
        let classes = self.bias.len();
        let width = self.weight.len() / classes;
        let rows = elements.len() / width;
        let mut scores = vec![0.0; rows * classes];
        let weight = View::new(&self.weight, classes, width).transposed();
        let finish = Finish::Bias(&self.bias);
        multiply(level, View::new(elements, rows, width), weight, finish, &mut scores, classes);
        scores
    }

    /// Trains from this layer on, on a device; `after_epoch` is given the epochs done.
    pub fn train(
        self,
        recipe: &LinearRecipe,
        (level, device): (Level, Device),
        features: &Features,
        mut after_epoch: impl FnMut(u64) -> super::Control,
    ) -> Result<Self, TrainError> {
        let count = features.labels.len();
        if count == 0 || recipe.batch_size == 0 {
            return Err(TrainError::Parameters("there is nothing to learn from".to_owned()));
        }
        let steps = recipe.epochs * count.div_ceil(recipe.batch_size) as u64;
        let zero = Real::new(0.0).expect("zero is finite");
        let schedule = Schedule {
            learning_rate_max: recipe.learning_rate,
            learning_rate_final: zero,
            warm_up: WarmUp::Steps(0),
        };
        let mut learner = Learner::new(self, features, recipe.batch_size, (level, device))?;
        let mut step = 0;
        for epoch in 0..recipe.epochs {
            let order = Streams::new(recipe.seed).named("probe order", epoch).permutation(count);
            for batch in order.chunks(recipe.batch_size) {
                let learning_rate = learning_rate_at(&schedule, step, steps);
                step += 1;
                let rates = Rates {
                    beta1: recipe.betas[0].get(),
                    beta2: recipe.betas[1].get(),
                    epsilon: recipe.epsilon.get(),
                    weight_decay: recipe.weight_decay.get(),
                    learning_rate,
                    step,
                };
                if !learner.step(batch, rates)?.is_finite() {
                    let what = "the loss of the linear layer".to_owned();
                    return Err(TrainError::Diverged { step: step - 1, what });
                }
            }
            if after_epoch(epoch + 1) == super::Control::Stop && epoch + 1 < recipe.epochs {
                return Err(TrainError::Stopped(step));
            }
        }
        let learned = learner.layer()?;
        if adamw::all_finite(level, &learned.weight) && adamw::all_finite(level, &learned.bias) {
            return Ok(learned);
        }
        Err(TrainError::Diverged { step: step - 1, what: "the linear layer".to_owned() })
    }
}

/// A layer that is being trained.
struct Learner<'f> {
    features: &'f Features,
    level: Level,
    /// Bias and weight in the state: the weight comes first, and the moments of both come after both.
    head: [Region; 2],
    state: Buffer,
    /// Features, logits and gradients of a batch.
    batch: Buffer,
    /// The features of a batch, on their way to the device, and its labels.
    inputs: Vec<f32>,
    labels: Vec<u32>,
}

impl<'f> Learner<'f> {
    fn new(
        layer: LinearLayer,
        features: &'f Features,
        batch_size: usize,
        (level, device): (Level, Device),
    ) -> Result<Self, TrainError> {
        let LinearLayer { mut weight, bias } = layer;
        let head = [Region::new(weight.len(), bias.len()), Region::new(0, weight.len())];
        let mut planner = Planner::default();
        let largest = batch_size.min(features.labels.len());
        BatchRegions::plan_layer(&mut planner, largest, features.width, bias.len());
        weight.extend(bias);
        weight.resize(3 * weight.len(), 0.0);
        Ok(Self {
            features,
            level,
            head,
            state: Buffer::from_vec(weight, &device)?,
            batch: Buffer::zeros(planner.len(), &device)?,
            inputs: Vec::new(),
            labels: Vec::new(),
        })
    }

    /// One step on the features of these numbers; the loss before it.
    fn step(&mut self, samples: &[usize], rates: Rates) -> Result<f32, TrainError> {
        let Features { width: embed_dim, elements, labels } = self.features;
        let (embed_dim, level, head) = (*embed_dim, self.level, self.head);
        self.inputs.clear();
        for &sample in samples {
            let feature = sample * embed_dim..(sample + 1) * embed_dim;
            self.inputs.extend_from_slice(&elements[feature]);
        }
        self.labels.clear();
        self.labels.extend(samples.iter().map(|&sample| labels[sample]));
        let (labels, classes) = (&self.labels[..], head[0].len);
        let planner = &mut Planner::default();
        let regions = BatchRegions::plan_layer(planner, samples.len(), embed_dim, classes);
        self.batch.apply(&Bring { elements: &self.inputs, to: regions.images })?;
        let loss = Classification { level, embed_dim, classes, labels, regions, head };
        self.batch.apply_with(&self.state, &loss)?;
        let update = AdamWUpdate { level, rates, gradient: regions.d_layer() };
        self.state.apply_with(&self.batch, &update)?;
        Ok(self.batch.read(regions.results)?[0])
    }

    /// The layer as it is now.
    fn layer(&self) -> Result<LinearLayer, TrainError> {
        let [bias, weight] = self.head;
        Ok(LinearLayer { weight: self.state.read(weight)?, bias: self.state.read(bias)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::normalise;
    use crate::training::Control;

    fn real(value: f64) -> Real {
        Real::new(value).unwrap()
    }

    /// The features of `tests/golden/linear_probe.py`.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "small numbers"
    )]
    fn features() -> Features {
        let raw = |i: usize, j: usize| ((i * 37 + j * 101 + i * j * 13) % 97) as f64 / 97.0 - 0.4;
        let raw: Vec<f32> = (0..100).map(|e| raw(e / 5, e % 5) as f32).collect();
        let (mut elements, mut lengths) = (vec![0.0; 100], [0.0; 20]);
        normalise::forward(Level::Scalar, 5, &raw, &mut elements, &mut lengths);
        let labels = (0..20).map(|i| (i * i + i / 3) % 3).collect();
        Features { width: 5, elements, labels }
    }

    fn recipe() -> LinearRecipe {
        LinearRecipe {
            learning_rate: real(0.1),
            weight_decay: real(0.05),
            betas: [real(0.9), real(0.999)],
            epsilon: real(1e-8),
            epochs: 6,
            batch_size: 8,
            seed: 11,
        }
    }

    /// Weights and biases by `PyTorch` 2.15.0, printed by `tests/golden/linear_probe.py`, which draws the same
    /// numbers.
    #[test]
    fn a_layer_is_trained_as_by_pytorch() {
        let weight = [
            -0.343_035_2,
            -0.390_325_8,
            -0.006_149_4,
            -0.508_983_7,
            0.426_746_3,
            -0.134_07,
            -0.050_791_7,
            -0.355_825_4,
            0.497_379,
            -0.910_252_6,
            0.473_772_1,
            -0.357_827_7,
            0.233_998_7,
            -0.292_258_6,
            -0.028_440_1_f32,
        ];
        let bias = [0.063_949, 0.219_475_1, -0.139_445_1_f32];
        let trained = |computes| {
            let initial = LinearLayer::initial(3, 5, 11);
            initial.train(&recipe(), computes, &features(), |_| Control::Continue).unwrap()
        };
        let levels = Level::available().into_iter().map(|level| (level, Device::Cpu));
        let others = Device::others().into_iter().map(|device| (Level::Scalar, device));
        let layers: Vec<LinearLayer> = levels.chain(others).map(trained).collect();
        let found = layers[0].weight.iter().chain(&layers[0].bias);
        for (found, expected) in found.zip(weight.iter().chain(&bias)) {
            // Adam divides by the root of squares: errors of some 1e-7 of a gradient grow little over 18 steps.
            assert!((found - expected).abs() < 3e-6, "{found} for {expected}");
        }
        assert!(
            layers.iter().all(|layer| *layer == layers[0]),
            "the bits of every level and device are equal"
        );
    }

    #[test]
    fn training_stops_when_told_and_not_after_the_last_epoch() {
        let stopped_after = |epochs| {
            let scalar = (Level::Scalar, Device::Cpu);
            LinearLayer::initial(3, 5, 11).train(&recipe(), scalar, &features(), |done| {
                if done == epochs { Control::Stop } else { Control::Continue }
            })
        };
        // Three steps an epoch: two of eight features, one of four.
        assert!(matches!(stopped_after(2), Err(TrainError::Stopped(6))));
        assert!(stopped_after(6).is_ok());
    }

    #[test]
    fn a_layer_that_diverges_is_an_error() {
        let recipe =
            LinearRecipe { learning_rate: real(1e30), weight_decay: real(1e10), ..recipe() };
        for device in Device::others().into_iter().chain([Device::Cpu]) {
            let computes = (Level::Scalar, device);
            let initial = LinearLayer::initial(3, 5, 0);
            let trained = initial.train(&recipe, computes, &features(), |_| Control::Continue);
            assert!(matches!(trained, Err(TrainError::Diverged { .. })), "{trained:?}");
        }
    }
}
