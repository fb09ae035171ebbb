//! `AdamW` in place, the fingerprint of what it leaves, and the norm of a gradient.

#![allow(
    unsafe_code,
    reason = "elements are read where the lengths were checked; kernels run at detected levels"
)]
#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]

use super::Level;
use super::vector::{Vector, per_level};

/// The constants of a step, evaluated in binary64 and rounded once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constants {
    /// β1 and 1 − β1.
    pub beta1: [f32; 2],
    /// β2 and 1 − β2.
    pub beta2: [f32; 2],
    /// ε.
    pub epsilon: f32,
    /// a = lr ÷ (1 − β1ᵗ).
    pub a: f32,
    /// c = 1 ÷ √(1 − β2ᵗ).
    pub c: f32,
    /// d = 1 − lr·wd.
    pub d: f32,
}

impl Constants {
    /// The constants of step `step`, counted from 1.
    #[allow(clippy::cast_possible_truncation, reason = "constants are rounded once to binary32")]
    pub fn new(
        learning_rate: f64,
        betas: [f64; 2],
        epsilon: f64,
        weight_decay: f64,
        step: u64,
    ) -> Self {
        let [beta1, beta2] = betas;
        Self {
            beta1: [beta1 as f32, (1.0 - beta1) as f32],
            beta2: [beta2 as f32, (1.0 - beta2) as f32],
            epsilon: epsilon as f32,
            a: (learning_rate / (1.0 - power(beta1, step))) as f32,
            c: (1.0 / (1.0 - power(beta2, step)).sqrt()) as f32,
            d: (1.0 - learning_rate * weight_decay) as f32,
        }
    }
}

/// baseᵗ by square-and-multiply from the top bit.
pub fn power(base: f64, exponent: u64) -> f64 {
    let mut result = 1.0;
    for bit in (0..u64::BITS - exponent.leading_zeros()).rev() {
        result *= result;
        if exponent >> bit & 1 == 1 {
            result *= base;
        }
    }
    result
}

per_level! {
    /// Updates a tensor: `m ← fma(β1, m, (1−β1)·g)`, `v ← fma(β2, v, ((1−β2)·g)·g)`,
    /// `θ ← fma(−a, m ÷ fma(√v, c, ε), θ·d)`, with g the gradient times `scale`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn update = update_kernel(
        constants: &Constants, scale: f32, gradient: &[f32], theta: &mut [f32], m: &mut [f32], v: &mut [f32],
    );
    /// Returns `F_j = Σ mix64_j mod 2⁶⁴`, j = 0, 1, over the elements from `first` on of the tensor of that place in
    /// parameter order; the sums of the parts of a tensor add up to that of the whole.
    pub fn fingerprint_of_part = fingerprint_kernel(tensor: usize, first: usize, elements: &[f32]) -> [u64; 2];
    /// Returns whether every element is finite.
    pub fn all_finite = finite_kernel(elements: &[f32]) -> bool;
    /// Returns the sum of squares of a tensor in binary64: blocks of 4,096, each a row reduction, added ascending.
    pub fn squared_norm = squared_norm_kernel(total: f64, elements: &[f32]) -> f64;
    /// Computes `sum ← sum + x`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn add = add_kernel(x: &[f32], sum: &mut [f32]);
}

#[inline(always)]
fn update_kernel<V: Vector>(
    constants: &Constants,
    scale: f32,
    gradient: &[f32],
    theta: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
) {
    let count = theta.len();
    assert!([gradient.len(), m.len(), v.len()].iter().all(|&len| len == count), "equal lengths");
    let whole = count / V::WIDTH * V::WIDTH;
    // SAFETY: all four slices have `count` elements.
    unsafe { update_part::<V>(constants, scale, gradient, (theta, m, v), 0, whole) };
    // SAFETY: as above.
    unsafe { update_part::<V::One>(constants, scale, gradient, (theta, m, v), whole, count) };
}

#[inline(always)]
unsafe fn update_part<V: Vector>(
    constants: &Constants,
    scale: f32,
    gradient: &[f32],
    (theta, m, v): (&mut [f32], &mut [f32], &mut [f32]),
    from: usize,
    to: usize,
) {
    let [beta1, rest1] = constants.beta1.map(V::splat);
    let [beta2, rest2] = constants.beta2.map(V::splat);
    let (a, c, d) = (V::splat(constants.a), V::splat(constants.c), V::splat(constants.d));
    let (epsilon, scale) = (V::splat(constants.epsilon), V::splat(scale));
    let mut at = from;
    while at < to {
        // SAFETY: the caller's promise.
        unsafe {
            let g = V::read(gradient, at).mul(scale);
            let first = beta1.fma(V::read(m, at), rest1.mul(g));
            let second = beta2.fma(V::read(v, at), rest2.mul(g).mul(g));
            let direction = first.div(second.sqrt().fma(c, epsilon));
            first.write(m, at);
            second.write(v, at);
            a.negative_fma(direction, V::read(theta, at).mul(d)).write(theta, at);
        }
        at += V::WIDTH;
    }
}

/// Returns [`fingerprint_of_part`] of a whole tensor.
pub fn fingerprint(level: Level, tensor: usize, elements: &[f32]) -> [u64; 2] {
    fingerprint_of_part(level, tensor, 0, elements)
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
/// `K_1`; `K_0` is 0.
const KEY: u64 = 0xD1B5_4A32_D192_ED03;

// Wrapping integer sums: any order, so the compiler may vectorise at will.
#[inline(always)]
fn fingerprint_kernel<V: Vector>(tensor: usize, first: usize, elements: &[f32]) -> [u64; 2] {
    let (mut f0, mut f1) = (0u64, 0u64);
    let mut index = (first as u64).wrapping_mul(GOLDEN);
    let high = (tensor as u64) << 32;
    for x in elements {
        let word = u64::from(x.to_bits()).wrapping_add(high) ^ index;
        f0 = f0.wrapping_add(mix(word));
        f1 = f1.wrapping_add(mix(word ^ KEY));
        index = index.wrapping_add(GOLDEN);
    }
    [f0, f1]
}

/// splitmix64's finaliser.
#[inline(always)]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[inline(always)]
fn finite_kernel<V: Vector>(elements: &[f32]) -> bool {
    let mut not_finite = 0;
    for x in elements {
        not_finite |= u32::from(x.to_bits() & 0x7f80_0000 == 0x7f80_0000);
    }
    not_finite == 0
}

#[inline(always)]
fn squared_norm_kernel<V: Vector>(mut total: f64, elements: &[f32]) -> f64 {
    for block in elements.chunks(4096) {
        let mut lanes = [0.0f64; 16];
        let rows = block.chunks_exact(16);
        let rest = rows.remainder();
        for row in rows {
            for (lane, x) in lanes.iter_mut().zip(row) {
                // The square of a binary32 number is exact in binary64: this rounds once, as fma does.
                *lane += f64::from(*x) * f64::from(*x);
            }
        }
        for (lane, x) in lanes.iter_mut().zip(rest) {
            *lane += f64::from(*x) * f64::from(*x);
        }
        for width in [8, 4, 2, 1] {
            for i in 0..width {
                lanes[i] += lanes[i + width];
            }
        }
        total += lanes[0];
    }
    total
}

#[inline(always)]
fn add_kernel<V: Vector>(x: &[f32], sum: &mut [f32]) {
    assert_eq!(x.len(), sum.len(), "equal lengths");
    for (sum, x) in sum.iter_mut().zip(x) {
        *sum += *x;
    }
}

/// Returns `min(1, limit ÷ (norm + 1e-6))`, rounded once, for the square of the norm.
#[allow(clippy::cast_possible_truncation, reason = "rounded once to binary32")]
pub fn clip_scale(squared_norm: f64, limit: f64) -> f32 {
    let scale = limit / (squared_norm.sqrt() + 1e-6);
    // Not `min`, which would hide a NaN.
    (if scale > 1.0 { 1.0 } else { scale }) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::Level;
    use crate::numerics::float::Float;
    use crate::numerics::reference::tests::{same, samples};

    #[test]
    fn every_level_equals_the_definition() {
        let constants = Constants::new(1e-3, [0.9, 0.98], 1e-6, 0.2, 17);
        for count in [0, 1, 15, 16, 31, 200] {
            let (g, theta, m) = (samples(1, count), samples(2, count), samples(3, count));
            let v: Vec<f32> = samples(4, count).iter().map(|v| v * v).collect();
            for level in Level::available() {
                let (mut t1, mut m1, mut v1) = (theta.clone(), m.clone(), v.clone());
                update(level, &constants, 0.25, &g, &mut t1, &mut m1, &mut v1);
                for i in 0..count {
                    let g = g[i] * 0.25;
                    let m = Float::fma(constants.beta1[0], m[i], constants.beta1[1] * g);
                    let v = Float::fma(constants.beta2[0], v[i], (constants.beta2[1] * g) * g);
                    let root = Float::fma(v.sqrt(), constants.c, constants.epsilon);
                    let t = Float::fma(-constants.a, m / root, theta[i] * constants.d);
                    same(&[t1[i], m1[i], v1[i]], &[t, m, v]);
                }
            }
        }
    }

    /// `bits`, tensor 3, index 2 worked through splitmix64's finaliser with Python's integers.
    #[test]
    fn fingerprint_is_the_sum_of_the_mixed_words() {
        let x: Vec<f32> = vec![1.0, -2.5, 0.0, f32::MIN_POSITIVE];
        for level in Level::available() {
            assert_eq!(fingerprint(level, 3, &x), [FINGERPRINT_0, FINGERPRINT_1]);
        }
    }
    const FINGERPRINT_0: u64 = 0xf329_2712_720e_b5f6;
    const FINGERPRINT_1: u64 = 0xff8a_da06_5c35_e015;

    #[test]
    fn fingerprints_of_parts_add_up_to_that_of_the_whole() {
        let x = samples(5, 100);
        for level in Level::available() {
            let [left, right] = [(0, &x[..33]), (33, &x[33..])]
                .map(|(first, part)| fingerprint_of_part(level, 3, first, part));
            let sum = [0, 1].map(|j| left[j].wrapping_add(right[j]));
            assert_eq!(sum, fingerprint(level, 3, &x));
        }
    }

    #[test]
    fn not_finite_elements_are_found() {
        for level in Level::available() {
            let mut x = vec![1.0; 37];
            assert!(all_finite(level, &x));
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                for place in [0, 16, 36] {
                    x[place] = bad;
                    assert!(!all_finite(level, &x));
                    x[place] = f32::MAX;
                }
            }
        }
    }

    #[test]
    fn norm_is_summed_in_blocks() {
        // 4,097 ones: 4,096 + 1; and a block that starts anew at lane 0.
        let mut x = vec![1.0; 4097];
        x[4096] = 3.0;
        for level in Level::available() {
            assert_eq!(squared_norm(level, 0.5, &x).to_bits(), 4105.5f64.to_bits());
        }
        // 1 ÷ 2.000001 = 0.49999975….
        assert!((clip_scale(4.0, 1.0) - 0.499_999_75).abs() < 3e-8);
        assert_eq!(clip_scale(0.25, 1.0).to_bits(), 1.0f32.to_bits());
        assert!(clip_scale(f64::NAN, 1.0).is_nan());
    }

    #[test]
    fn powers_square_and_multiply() {
        assert_eq!(power(0.5, 10).to_bits(), (1.0f64 / 1024.0).to_bits());
        assert_eq!(power(0.9, 0).to_bits(), 1.0f64.to_bits());
        assert_eq!(power(0.9, 3).to_bits(), (0.9f64 * 0.9 * 0.9).to_bits());
    }
}
