//! What happens to parameters and gradients: sums, copies, the norm, `AdamW` with the fingerprint of what it leaves.

use std::cell::Cell;

use super::region::disjoint;
use super::{Operation, Region};
use crate::numerics::Level;

/// Copies a region of another buffer.
#[derive(Debug, Clone, Copy)]
pub struct Copy {
    /// Where from, in the source.
    pub from: Region,
    /// Where to.
    pub to: Region,
}

impl Operation<1> for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn cpu(&self, target: &mut [f32], [source]: [&[f32]; 1]) {
        self.to.of_mut(target).copy_from_slice(self.from.of(source));
    }
}

/// Sets a region to +0.
#[derive(Debug, Clone, Copy)]
pub struct Clear(pub Region);

impl Operation<0> for Clear {
    fn name(&self) -> &'static str {
        "clear"
    }

    fn cpu(&self, target: &mut [f32], []: [&[f32]; 0]) {
        self.0.of_mut(target).fill(0.0);
    }
}

/// `to ← to + from` within one buffer, or from another.
#[derive(Debug, Clone, Copy)]
pub struct Add {
    /// What is added.
    pub from: Region,
    /// What it is added to.
    pub to: Region,
}

impl Operation<0> for Add {
    fn name(&self) -> &'static str {
        "sum of gradients"
    }

    fn cpu(&self, target: &mut [f32], []: [&[f32]; 0]) {
        let [from, to] = disjoint(target, [self.from, self.to]);
        to.iter_mut().zip(from).for_each(|(sum, x)| *sum += *x);
    }
}

impl Operation<1> for Add {
    fn name(&self) -> &'static str {
        "sum of gradients"
    }

    fn cpu(&self, target: &mut [f32], [source]: [&[f32]; 1]) {
        let to = self.to.of_mut(target);
        to.iter_mut().zip(self.from.of(source)).for_each(|(sum, x)| *sum += x);
    }
}

/// The scalars of an `AdamW` step, in binary64 before rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decay of the parameters that decay.
    pub weight_decay: f64,
    /// The learning rate of this step.
    pub learning_rate: f64,
    /// The step, from 1.
    pub step: u64,
}

/// A tensor among the parameters, as the optimiser sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptimizedTensor {
    /// Its elements.
    pub region: Region,
    /// Whether it decays.
    pub decays: bool,
}

/// One step of `AdamW`. The target holds parameters, first and second moments, one after the other; the source the
/// gradient.
#[derive(Debug)]
pub struct AdamWStep<'a> {
    /// How it is computed.
    pub level: Level,
    /// The scalars.
    pub rates: Rates,
    /// What gradients are multiplied by first.
    pub gradient_scale: f32,
    /// Every tensor in order; together all parameters.
    pub tensors: &'a [OptimizedTensor],
    /// The logit scale, clamped to `[0, fl32(ln 100)]` after the step.
    pub logit_scale: Region,
    /// Receives the fingerprint of the parameters after the step, and whether all of them are finite.
    pub outcome: &'a Cell<Outcome>,
}

/// What a step of the optimiser says of the parameters that it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// `F_0` and `F_1`.
    pub fingerprint: [u64; 2],
    /// Whether a parameter is not finite, and the first such tensor.
    pub not_finite: Option<usize>,
}

/// ln 100, the largest logit scale.
const LOGIT_SCALE_MAX: f32 = 4.605_170_2;

impl Operation<1> for AdamWStep<'_> {
    fn name(&self) -> &'static str {
        "AdamW"
    }

    fn cpu(&self, target: &mut [f32], [gradient]: [&[f32]; 1]) {
        let (theta, moments) = target.split_at_mut(gradient.len());
        let (first, second) = moments.split_at_mut(gradient.len());
        let mut outcome = Outcome::default();
        for (tensor, place) in self.tensors.iter().enumerate() {
            let at = place.region.range();
            let scalars = Scalars::new(&self.rates, place.decays);
            let (theta, m, v) = (&mut theta[at.clone()], &mut first[at.clone()], &mut second[at.clone()]);
            update(&scalars, self.gradient_scale, &gradient[at], theta, m, v);
            if place.region == self.logit_scale {
                theta.iter_mut().for_each(|x| *x = x.clamp(0.0, LOGIT_SCALE_MAX));
            }
            if outcome.not_finite.is_none() && theta.iter().any(|x| !x.is_finite()) {
                outcome.not_finite = Some(tensor);
            }
            let [f0, f1] = fingerprint(tensor, theta);
            outcome.fingerprint[0] = outcome.fingerprint[0].wrapping_add(f0);
            outcome.fingerprint[1] = outcome.fingerprint[1].wrapping_add(f1);
        }
        self.outcome.set(outcome);
    }
}

/// The constants of a step, evaluated in binary64 and rounded once.
struct Scalars {
    beta1: f32,
    one_minus_beta1: f32,
    beta2: f32,
    one_minus_beta2: f32,
    epsilon: f32,
    a: f32,
    c: f32,
    d: f32,
}

impl Scalars {
    #[allow(clippy::cast_possible_truncation, reason = "constants are rounded once to binary32")]
    fn new(rates: &Rates, decays: bool) -> Self {
        let decay = if decays { rates.weight_decay } else { 0.0 };
        Self {
            beta1: rates.beta1 as f32,
            one_minus_beta1: (1.0 - rates.beta1) as f32,
            beta2: rates.beta2 as f32,
            one_minus_beta2: (1.0 - rates.beta2) as f32,
            epsilon: rates.epsilon as f32,
            a: (rates.learning_rate / (1.0 - power(rates.beta1, rates.step))) as f32,
            c: (1.0 / (1.0 - power(rates.beta2, rates.step)).sqrt()) as f32,
            d: (1.0 - rates.learning_rate * decay) as f32,
        }
    }
}

/// Square-and-multiply from the top bit.
fn power(base: f64, exponent: u64) -> f64 {
    let mut result = 1.0;
    for bit in (0..u64::BITS - exponent.leading_zeros()).rev() {
        result *= result;
        if exponent >> bit & 1 == 1 {
            result *= base;
        }
    }
    result
}

fn update(s: &Scalars, scale: f32, gradient: &[f32], theta: &mut [f32], m: &mut [f32], v: &mut [f32]) {
    for (((g, theta), m), v) in gradient.iter().zip(theta).zip(m).zip(v) {
        let g = g * scale;
        *m = libm::fmaf(s.beta1, *m, s.one_minus_beta1 * g);
        *v = libm::fmaf(s.beta2, *v, (s.one_minus_beta2 * g) * g);
        *theta = libm::fmaf(-s.a, *m / libm::fmaf(v.sqrt(), s.c, s.epsilon), *theta * s.d);
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const KEYS: [u64; 2] = [0, 0xD1B5_4A32_D192_ED03];

/// `Σ mix64_j` over the elements of the tensor of that number.
pub fn fingerprint(tensor: usize, elements: &[f32]) -> [u64; 2] {
    let mut sums = [0_u64; 2];
    let high = (tensor as u64) << 32;
    for (index, x) in elements.iter().enumerate() {
        let word = u64::from(x.to_bits()).wrapping_add(high) ^ (index as u64).wrapping_mul(GOLDEN);
        for (sum, key) in sums.iter_mut().zip(KEYS) {
            *sum = sum.wrapping_add(mix(word ^ key));
        }
    }
    sums
}

/// splitmix64's finaliser.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Elements of a block of the gradient norm.
const NORM_BLOCK: usize = 4096;

/// The squared norm of a gradient: per tensor in blocks of 4,096, each a row reduction in binary64.
pub fn squared_norm(tensors: &[OptimizedTensor], gradient: &[f32]) -> f64 {
    let mut total = 0.0;
    for tensor in tensors {
        total += tensor.region.of(gradient).chunks(NORM_BLOCK).map(squared_sum).fold(0.0, |sum, x| sum + x);
    }
    total
}

fn squared_sum(block: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 16];
    for row in block.chunks(16) {
        for (lane, x) in lanes.iter_mut().zip(row) {
            // The square of a binary32 number is exact in binary64, so this rounds once, as fma does.
            *lane += f64::from(*x) * f64::from(*x);
        }
    }
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    lanes[0]
}
