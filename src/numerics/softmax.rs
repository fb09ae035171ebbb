//! Softmax with scale over rows, as the loss needs it.

#![allow(
    unsafe_code,
    reason = "elements are read where the lengths were checked; kernels run at detected levels"
)]
#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]

use super::elementary::{exp_of, log};
use super::reduce::{maximum_of, sum_of};
use super::vector::{Vector, per_level};

per_level! {
    /// Replaces each row by `e·(1 ÷ Σe)`, `e = exp((x − max)·scale)`.
    ///
    /// # Panics
    ///
    /// If `x` is not whole rows of `width`.
    pub fn rows = rows_kernel(width: usize, scale: f32, x: &mut [f32]);
    /// Replaces a row by `P = e·(1 ÷ Σe)`, `e = exp(x − m)`, and returns `lse = m + log Σe`.
    pub fn row_with_log_sum = with_log_sum(x: &mut [f32]) -> f32;
}

#[inline(always)]
fn rows_kernel<V: Vector>(width: usize, scale: f32, x: &mut [f32]) {
    assert_eq!(x.len() % width, 0, "whole rows");
    for x in x.chunks_exact_mut(width) {
        let _ = softmax::<V>(x, scale);
    }
}

#[inline(always)]
fn with_log_sum<V: Vector>(x: &mut [f32]) -> f32 {
    let (maximum, sum) = softmax::<V>(x, 1.0);
    maximum + log(sum)
}

/// Returns the maximum and the sum of the exponentials.
#[inline(always)]
fn softmax<V: Vector>(x: &mut [f32], scale: f32) -> (f32, f32) {
    let maximum = maximum_of::<V>(x);
    let whole = x.len() / V::WIDTH * V::WIDTH;
    let count = x.len();
    // SAFETY: the places lie within x.
    unsafe { exponentials::<V>(x, maximum, scale, 0, whole) };
    // SAFETY: as above.
    unsafe { exponentials::<V::One>(x, maximum, scale, whole, count) };
    let sum = sum_of::<V>(x);
    let share = 1.0 / sum;
    for x in x {
        *x *= share;
    }
    (maximum, sum)
}

#[inline(always)]
unsafe fn exponentials<V: Vector>(x: &mut [f32], maximum: f32, scale: f32, from: usize, to: usize) {
    let mut at = from;
    while at < to {
        // SAFETY: the caller's promise.
        unsafe {
            let difference = V::read(x, at).sub(V::splat(maximum));
            exp_of(difference.mul(V::splat(scale))).write(x, at);
        }
        at += V::WIDTH;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::reference::tests::{same, samples};
    use crate::numerics::{Level, reference};

    #[test]
    fn every_level_equals_the_definition() {
        for width in [1, 2, 16, 17, 65] {
            for seed in 0..6 {
                let x = samples(seed, 4 * width);
                for level in Level::available() {
                    let mut y = x.clone();
                    rows(level, width, 0.37, &mut y);
                    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact(width)) {
                        same(y, &reference::softmax(x, 0.37).0);
                        let mut row = x.to_vec();
                        let lse = row_with_log_sum(level, &mut row);
                        let (p, maximum, sum) = reference::softmax(x, 1.0);
                        same(&row, &p);
                        same(&[lse], &[maximum + log(sum)]);
                    }
                }
            }
        }
    }
}
