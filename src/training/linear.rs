//! A linear layer trained on features: softmax cross-entropy, `AdamW`, a cosine without warm-up. Equal bits at every
//! SIMD level; one thread.

use super::{TrainError, learning_rate_at};
use crate::action::canonical::Real;
use crate::action::params::{Schedule, WarmUp};
use crate::numerics::adamw::{self, Constants};
use crate::numerics::matmul::{Finish, View, column_sum, multiply};
use crate::numerics::random::Streams;
use crate::numerics::{Level, cross_entropy};

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

    /// Trains from this layer on; `after_epoch` is given the epochs done.
    pub fn train(
        mut self,
        recipe: &LinearRecipe,
        level: Level,
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
        let mut moments = Moments::of(&self);
        let mut step = 0;
        for epoch in 0..recipe.epochs {
            let order = Streams::new(recipe.seed).named("probe order", epoch).permutation(count);
            for batch in order.chunks(recipe.batch_size) {
                let rate = learning_rate_at(&schedule, step, steps);
                step += 1;
                let [beta1, beta2, epsilon, decay] =
                    [recipe.betas[0], recipe.betas[1], recipe.epsilon, recipe.weight_decay]
                        .map(Real::get);
                let constants = Constants::new(rate, [beta1, beta2], epsilon, decay, step);
                let loss = self.step(level, features, batch, &constants, &mut moments);
                if !loss.is_finite() {
                    let what = "the loss of the linear layer".to_owned();
                    return Err(TrainError::Diverged { step: step - 1, what });
                }
            }
            if after_epoch(epoch + 1) == super::Control::Stop && epoch + 1 < recipe.epochs {
                return Err(TrainError::Stopped(step));
            }
        }
        if adamw::all_finite(level, &self.weight) && adamw::all_finite(level, &self.bias) {
            return Ok(self);
        }
        Err(TrainError::Diverged { step: step - 1, what: "the linear layer".to_owned() })
    }

    /// One step; the loss before it.
    fn step(
        &mut self,
        level: Level,
        features: &Features,
        batch: &[usize],
        constants: &Constants,
        moments: &mut Moments,
    ) -> f32 {
        let (width, classes) = (features.width, self.bias.len());
        let mut inputs = Vec::with_capacity(batch.len() * width);
        for &sample in batch {
            inputs.extend_from_slice(&features.elements[sample * width..(sample + 1) * width]);
        }
        let labels: Vec<u32> = batch.iter().map(|&sample| features.labels[sample]).collect();
        let mut d_logits = self.scores(level, &inputs);
        let loss = cross_entropy::backward(level, classes, &labels, &mut d_logits);
        let d_logits = View::new(&d_logits, batch.len(), classes);
        let mut d_weight = vec![0.0; classes * width];
        let inputs = View::new(&inputs, batch.len(), width);
        multiply(level, d_logits.transposed(), inputs, Finish::Store, &mut d_weight, width);
        let mut d_bias = vec![0.0; classes];
        column_sum(level, d_logits, &mut d_bias);
        let Moments { weight: [wm, wv], bias: [bm, bv] } = moments;
        adamw::update(level, constants, 1.0, &d_weight, &mut self.weight, wm, wv);
        adamw::update(level, constants, 1.0, &d_bias, &mut self.bias, bm, bv);
        loss
    }
}

/// First and second moments.
struct Moments {
    weight: [Vec<f32>; 2],
    bias: [Vec<f32>; 2],
}

impl Moments {
    fn of(layer: &LinearLayer) -> Self {
        let zeros = |of: &[f32]| [vec![0.0; of.len()], vec![0.0; of.len()]];
        Self { weight: zeros(&layer.weight), bias: zeros(&layer.bias) }
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
        let layers: Vec<LinearLayer> = Level::available()
            .into_iter()
            .map(|level| {
                let initial = LinearLayer::initial(3, 5, 11);
                initial.train(&recipe(), level, &features(), |_| Control::Continue).unwrap()
            })
            .collect();
        let found = layers[0].weight.iter().chain(&layers[0].bias);
        for (found, expected) in found.zip(weight.iter().chain(&bias)) {
            // Adam divides by the root of squares: errors of some 1e-7 of a gradient grow little over 18 steps.
            assert!((found - expected).abs() < 3e-6, "{found} for {expected}");
        }
        assert!(
            layers.iter().all(|layer| *layer == layers[0]),
            "the bits of every level are equal"
        );
    }

    #[test]
    fn training_stops_when_told_and_not_after_the_last_epoch() {
        let stopped_after = |epochs| {
            LinearLayer::initial(3, 5, 11).train(&recipe(), Level::Scalar, &features(), |done| {
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
        let trained =
            LinearLayer::initial(3, 5, 0)
                .train(&recipe, Level::Scalar, &features(), |_| Control::Continue);
        assert!(matches!(trained, Err(TrainError::Diverged { .. })), "{trained:?}");
    }
}
