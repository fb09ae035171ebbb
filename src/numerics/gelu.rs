//! GELU by the error function, and `QuickGELU`: values and derivatives.
//!
//! The derivative shares the error function with the value, so the fastest way through a layer is
//! [`forward_with_derivative`] on the way up, which leaves the derivative where the argument was, and [`times`] on the
//! way down; the bits are those of [`forward`] and [`backward`].

#![allow(
    unsafe_code,
    reason = "elements are read where the lengths were checked; kernels run at detected levels"
)]
#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]

use super::elementary::{erf_of, exp_of, sigmoid_of};
use super::vector::{Pair, Vector, per_level};

per_level! {
    /// Computes `y = GELU(x)`.
    ///
    /// # Panics
    ///
    /// If the lengths differ, as in all functions of this module.
    pub fn forward = forward_kernel(x: &[f32], y: &mut [f32]);
    /// Computes `y = GELU(x)` and puts the derivative in the place of x.
    pub fn forward_with_derivative = both_kernel(x: &mut [f32], y: &mut [f32]);
    /// Adds the bias to rows of its width, which stay in x, and computes `y = GELU(x)`.
    pub fn bias_forward = bias_kernel(x: &mut [f32], bias: &[f32], y: &mut [f32]);
    /// Computes `d ← d · GELU′(x)`.
    pub fn backward = backward_kernel(x: &[f32], d: &mut [f32]);
    /// Computes `d ← d · derivative`.
    pub fn times = times_kernel(derivative: &[f32], d: &mut [f32]);
    /// Computes `y = x·σ(1.702·x)`.
    pub fn quick_forward = quick_forward_kernel(x: &[f32], y: &mut [f32]);
    /// Computes `d ← d · QuickGELU′(x)`.
    pub fn quick_backward = quick_backward_kernel(x: &[f32], d: &mut [f32]);
}

/// √½ and 1 ÷ √(2π), rounded.
const SQRT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
const DENSITY: f32 = f32::from_bits(0x3ecc_422a);

/// `1 + erf(x·√½)`, twice the distribution function.
#[inline(always)]
fn twice_share<V: Vector>(x: V) -> V {
    V::splat(1.0).add(erf_of(x.mul(V::splat(SQRT_HALF))))
}

#[inline(always)]
fn value<V: Vector>(x: V, twice_share: V) -> V {
    V::splat(0.5).mul(x).mul(twice_share)
}

#[inline(always)]
fn derivative<V: Vector>(x: V, twice_share: V) -> V {
    let density = exp_of(V::splat(-0.5).mul(x).mul(x)).mul(V::splat(DENSITY));
    x.fma(density, V::splat(0.5).mul(twice_share))
}

/// Makes kernels that do the same to every place of operands of one length, the last few one by one.
macro_rules! kernels {
    ($($kernel:ident, $part:ident($first:ident: $first_type:ty, $second:ident: $second_type:ty), $V:ident, $at:ident
        => $body:block)*) => { $(
        #[inline(always)]
        fn $kernel<V: Vector>($first: $first_type, $second: $second_type) {
            assert_eq!($first.len(), $second.len(), "operands of one length");
            let pairs = $first.len() / Pair::<V>::WIDTH * Pair::<V>::WIDTH;
            let whole = $first.len() / V::WIDTH * V::WIDTH;
            // SAFETY: both slices reach as far as the first.
            unsafe { $part::<Pair<V>>($first, $second, 0, pairs) };
            // SAFETY: as above.
            unsafe { $part::<V>($first, $second, pairs, whole) };
            // SAFETY: as above.
            unsafe { $part::<V::One>($first, $second, whole, $first.len()) };
        }

        /// Does the places from `from` to `to`.
        ///
        /// # Safety
        ///
        /// The slices reach to `to`, and `to − from` is a multiple of the width.
        #[inline(always)]
        unsafe fn $part<$V: Vector>($first: $first_type, $second: $second_type, from: usize, to: usize) {
            let mut $at = from;
            while $at < to {
                // SAFETY: the caller's promise.
                unsafe { $body }
                $at += $V::WIDTH;
            }
        }
    )* };
}

kernels! {
    forward_kernel, forward_part(x: &[f32], y: &mut [f32]), V, at => {
        let x = V::read(x, at);
        value(x, twice_share(x)).write(y, at);
    }
    both_kernel, both_part(x: &mut [f32], y: &mut [f32]), V, at => {
        let argument = V::read(x, at);
        let share = twice_share(argument);
        value(argument, share).write(y, at);
        derivative(argument, share).write(x, at);
    }
    backward_kernel, backward_part(x: &[f32], d: &mut [f32]), V, at => {
        let x = V::read(x, at);
        V::read(d, at).mul(derivative(x, twice_share(x))).write(d, at);
    }
    times_kernel, times_part(derivative: &[f32], d: &mut [f32]), V, at => {
        V::read(d, at).mul(V::read(derivative, at)).write(d, at);
    }
    quick_forward_kernel, quick_forward_part(x: &[f32], y: &mut [f32]), V, at => {
        let x = V::read(x, at);
        x.mul(sigmoid_of(V::splat(1.702).mul(x))).write(y, at);
    }
    quick_backward_kernel, quick_backward_part(x: &[f32], d: &mut [f32]), V, at => {
        let u = V::splat(1.702).mul(V::read(x, at));
        let s = sigmoid_of(u);
        let one = V::splat(1.0);
        V::read(d, at).mul(s.mul(u.fma(one.sub(s), one))).write(d, at);
    }
    add_kernel, add_part(bias: &[f32], x: &mut [f32]), V, at => {
        V::read(x, at).add(V::read(bias, at)).write(x, at);
    }
}

#[inline(always)]
fn bias_kernel<V: Vector>(x: &mut [f32], bias: &[f32], y: &mut [f32]) {
    assert_eq!(x.len() % bias.len(), 0, "whole rows");
    assert_eq!(x.len(), y.len(), "operands of one length");
    for (x, y) in x.chunks_exact_mut(bias.len()).zip(y.chunks_exact_mut(bias.len())) {
        add_kernel::<V>(bias, x);
        forward_kernel::<V>(x, y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::Level;
    use crate::numerics::reference::tests::{central_difference, same, samples};
    use crate::numerics::reference::{gelu, gelu_derivative, quick_gelu, quick_gelu_derivative};

    #[test]
    fn every_level_equals_the_definition() {
        for count in [0, 1, 7, 8, 15, 16, 17, 31, 33, 1000] {
            for seed in 0..6 {
                let (x, dy) = (samples(seed, count), samples(seed + 50, count));
                let values: Vec<f32> = x.iter().map(|&x| gelu(x)).collect();
                let slopes: Vec<f32> = x.iter().map(|&x| gelu_derivative(x)).collect();
                let products: Vec<f32> = dy.iter().zip(&slopes).map(|(d, s)| d * s).collect();
                for level in Level::available() {
                    let mut y = vec![0.0; count];
                    forward(level, &x, &mut y);
                    same(&y, &values);
                    let mut derivative = x.clone();
                    forward_with_derivative(level, &mut derivative, &mut y);
                    same(&y, &values);
                    same(&derivative, &slopes);
                    let mut d = dy.clone();
                    backward(level, &x, &mut d);
                    same(&d, &products);
                    d.copy_from_slice(&dy);
                    times(level, &slopes, &mut d);
                    same(&d, &products);
                    quick_forward(level, &x, &mut y);
                    same(&y, &x.iter().map(|&x| quick_gelu(x)).collect::<Vec<_>>());
                    d.fill(1.0);
                    quick_backward(level, &x, &mut d);
                    same(&d, &x.iter().map(|&x| quick_gelu_derivative(x)).collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn bias_is_added_before_the_activation() {
        let (x, bias) = (samples(3, 5 * 37), samples(4, 37));
        let sums: Vec<f32> = x.iter().enumerate().map(|(i, x)| x + bias[i % 37]).collect();
        for level in Level::available() {
            let (mut pre, mut y) = (x.clone(), vec![0.0; x.len()]);
            bias_forward(level, &mut pre, &bias, &mut y);
            same(&pre, &sums);
            same(&y, &sums.iter().map(|&x| gelu(x)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn derivatives_are_those_of_the_values() {
        for i in -40..=40 {
            let x = f64::from(i) * 0.13;
            central_difference(x, gelu::<f64>, gelu_derivative(x));
            central_difference(x, quick_gelu::<f64>, quick_gelu_derivative(x));
        }
    }
}
