//! What happens to parameters and gradients: sums, copies, the norm, `AdamW` with the fingerprint of what it leaves.

use std::cell::Cell;

#[cfg(any(feature = "cuda", test))]
use super::device::{self, Address, Launched, Queue};
use super::region::disjoint;
use super::{Operation, Region, tap};
use crate::numerics::{Level, adamw};

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

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [source]: [Address; 1]) -> Launched {
        let (from, to) = (source.element(self.from.start), target.element(self.to.start));
        device::launch::copy(queue, from, to, self.to.len)
    }
}

/// Copies elements of main memory to a region.
#[derive(Debug, Clone, Copy)]
pub struct Bring<'a> {
    /// As many elements as the region has.
    pub elements: &'a [f32],
    /// Where to.
    pub to: Region,
}

impl Operation<0> for Bring<'_> {
    fn name(&self) -> &'static str {
        "copy from main memory"
    }

    fn cpu(&self, target: &mut [f32], []: [&[f32]; 0]) {
        self.to.of_mut(target).copy_from_slice(self.elements);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, []: [Address; 0]) -> Launched {
        assert_eq!(self.elements.len(), self.to.len, "as many elements as there are places");
        queue.upload(target.element(self.to.start), device::bytes_of(self.elements))
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

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, []: [Address; 0]) -> Launched {
        device::launch::fill(queue, target.element(self.0.start), self.0.len, 0.0)
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

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, []: [Address; 0]) -> Launched {
        let (from, to) = (target.element(self.from.start), target.element(self.to.start));
        device::launch::add(queue, from, to, self.to.len)
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

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [source]: [Address; 1]) -> Launched {
        let (from, to) = (source.element(self.from.start), target.element(self.to.start));
        device::launch::add(queue, from, to, self.to.len)
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

impl Rates {
    pub(super) fn constants(&self, decays: bool) -> adamw::Constants {
        let decay = if decays { self.weight_decay } else { 0.0 };
        adamw::Constants::new(
            self.learning_rate,
            [self.beta1, self.beta2],
            self.epsilon,
            decay,
            self.step,
        )
    }

    fn show(&self) {
        let numbers = [
            ("learning rate", self.learning_rate),
            ("beta 1", self.beta1),
            ("beta 2", self.beta2),
            ("epsilon", self.epsilon),
            ("weight decay", self.weight_decay),
        ];
        for (name, number) in numbers {
            tap::see_numbers(name, tap::Values::Binary64(&[number]));
        }
        tap::see_numbers("step, from 1", tap::Values::Whole(&[self.step]));
    }
}

/// A tensor among the parameters, as the optimiser sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptimizedTensor {
    /// Its elements.
    pub region: Region,
    /// Whether it decays.
    pub decays: bool,
}

/// One step of `AdamW` by a gradient that is clipped first. The target holds parameters, first and second moments, one
/// after the other; the source the gradient. If the norm of the gradient is not finite, what becomes of the target is
/// not said.
#[derive(Debug)]
pub struct AdamWStep<'a> {
    /// How it is computed.
    pub level: Level,
    /// The scalars.
    pub rates: Rates,
    /// The largest norm of the gradient: it is multiplied by `min(1, limit ÷ (norm + 1e-6))`, rounded once.
    pub norm_limit: Option<f64>,
    /// Every tensor in order; together all parameters.
    pub tensors: &'a [OptimizedTensor],
    /// The logit scale, clamped to `[0, fl32(ln 100)]` after the step; empty in a model without.
    pub logit_scale: Region,
    /// Receives what the step says of gradient and parameters.
    pub outcome: &'a Cell<Outcome>,
}

/// One step of `AdamW` by a gradient as it is; everything decays, and nothing is said of what the step leaves. The target
/// holds parameters, first and second moments, one after the other; the source the gradient.
#[derive(Debug, Clone, Copy)]
pub struct AdamWUpdate {
    /// How it is computed.
    pub level: Level,
    /// The scalars.
    pub rates: Rates,
    /// The gradient of all parameters, in the source.
    pub gradient: Region,
}

impl Operation<1> for AdamWUpdate {
    fn name(&self) -> &'static str {
        "AdamW"
    }

    fn cpu(&self, target: &mut [f32], [source]: [&[f32]; 1]) {
        let (theta, moments) = target.split_at_mut(self.gradient.len);
        let (first, second) = moments.split_at_mut(self.gradient.len);
        let constants = self.rates.constants(true);
        adamw::update(self.level, &constants, 1.0, self.gradient.of(source), theta, first, second);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [source]: [Address; 1]) -> Launched {
        device::optimizer::adamw_update(self, queue, target, source)
    }
}

/// What a step of the optimiser says of the gradient, and of the parameters that it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outcome {
    /// The squared norm of the gradient; if it is not finite, nothing else is said.
    pub squared_norm: f64,
    /// `F_0` and `F_1`.
    pub fingerprint: [u64; 2],
    /// Whether a parameter is not finite, and the first such tensor.
    pub not_finite: Option<usize>,
}

impl Outcome {
    /// Takes the elements from `first` on of a tensor into account.
    fn add(&mut self, level: Level, tensor: usize, first: usize, elements: &[f32]) {
        if self.not_finite.is_none() && !adamw::all_finite(level, elements) {
            self.not_finite = Some(tensor);
        }
        let sums = adamw::fingerprint_of_part(level, tensor, first, elements);
        for (total, sum) in self.fingerprint.iter_mut().zip(sums) {
            *total = total.wrapping_add(sum);
        }
    }
}

/// Elements that are updated and looked at before the next ones: few enough to stay in the first cache, so that the
/// parameters come from memory once.
const PART: usize = 2048;

/// ln 100, the largest logit scale.
pub(super) const LOGIT_SCALE_MAX: f32 = 4.605_170_2;

impl AdamWStep<'_> {
    /// What the gradient is multiplied by; 1 without a limit.
    fn scale(&self, squared_norm: f64) -> f32 {
        self.norm_limit.map_or(1.0, |limit| adamw::clip_scale(squared_norm, limit))
    }
}

impl Operation<1> for AdamWStep<'_> {
    fn name(&self) -> &'static str {
        "AdamW"
    }

    fn cpu(&self, target: &mut [f32], [gradient]: [&[f32]; 1]) {
        let (theta, moments) = target.split_at_mut(gradient.len());
        let (first, second) = moments.split_at_mut(gradient.len());
        tap::operation(|| "clipping".to_owned());
        let squared_norm = squared_norm(self.level, self.tensors, gradient);
        let mut outcome = Outcome { squared_norm, ..Outcome::default() };
        self.outcome.set(outcome);
        if !squared_norm.is_finite() {
            return;
        }
        let scale = self.scale(squared_norm);
        tap::see_numbers("squared norm", tap::Values::Binary64(&[squared_norm]));
        tap::see("scale", [1], &[scale]);
        tap::operation(|| "AdamW".to_owned());
        self.rates.show();
        for (tensor, place) in self.tensors.iter().enumerate() {
            let constants = self.rates.constants(place.decays);
            let tensor_range = place.region.range();
            for start in tensor_range.clone().step_by(PART) {
                let at = start..tensor_range.end.min(start + PART);
                let theta = &mut theta[at.clone()];
                adamw::update(
                    self.level,
                    &constants,
                    scale,
                    &gradient[at.clone()],
                    theta,
                    &mut first[at.clone()],
                    &mut second[at],
                );
                if place.region == self.logit_scale {
                    theta.iter_mut().for_each(|x| *x = x.clamp(0.0, LOGIT_SCALE_MAX));
                }
                outcome.add(self.level, tensor, start - tensor_range.start, theta);
            }
        }
        self.outcome.set(outcome);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [gradient]: [Address; 1]) -> Launched {
        device::optimizer::adamw_step(self, queue, target, gradient)
    }
}

/// The squared norm of a gradient: per tensor in blocks of 4,096, each a row reduction in binary64; block sums, then
/// tensors in order, added ascending.
fn squared_norm(level: Level, tensors: &[OptimizedTensor], gradient: &[f32]) -> f64 {
    tensors
        .iter()
        .fold(0.0, |total, tensor| adamw::squared_norm(level, total, tensor.region.of(gradient)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// There is one definition of clipping, and it hides no NaN.
    #[test]
    fn a_step_clips_as_the_numerics_say() {
        let rates = Rates {
            beta1: 0.9,
            beta2: 0.98,
            epsilon: 1e-6,
            weight_decay: 0.1,
            learning_rate: 1e-3,
            step: 1,
        };
        let outcome = Cell::default();
        let step = |norm_limit| AdamWStep {
            level: Level::Scalar,
            rates,
            norm_limit,
            tensors: &[],
            logit_scale: Region::default(),
            outcome: &outcome,
        };
        for squared_norm in [0.0, 0.25, 4.0, 1e300, f64::NAN] {
            let expected = adamw::clip_scale(squared_norm, 1.0);
            assert_eq!(step(Some(1.0)).scale(squared_norm).to_bits(), expected.to_bits());
        }
        assert!(step(Some(1.0)).scale(f64::NAN).is_nan());
        assert_eq!(step(None).scale(4.0), 1.0);
    }
}
