//! `LayerNorm` over rows, forward and backward.
//!
//! The forward pass keeps mean and reciprocal deviation of each row, two numbers, and the backward pass forms x̂ anew
//! from x: two more operations an element cost less than another tensor written and read.

#![allow(
    unsafe_code,
    reason = "elements are read where the lengths were checked; kernels run at detected levels"
)]
#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]

use super::reduce::{row_reduction, sum_of};
use super::vector::{Vector, per_level};

per_level! {
    /// Computes `y = fma((x − μ)·r, γ, β)` by rows of γ's length; `stats` receives μ and r of each row.
    ///
    /// # Panics
    ///
    /// If `x` and `y` are not equally many rows, `stats` two numbers a row.
    pub fn forward = forward_kernel(x: &[f32], gain: &[f32], bias: &[f32], y: &mut [f32], stats: &mut [f32]);
    /// Computes `dx ← dx + r·((g − a) − x̂·b)`, `g = dy·γ`, a and b the row means of g and `fma(g, x̂)`.
    ///
    /// `dx` holds the gradient of the residual branch; with +0 in it, it receives the gradient alone (+0 for −0).
    ///
    /// # Panics
    ///
    /// If shapes do not match.
    pub fn backward_add = backward_kernel(x: &[f32], stats: &[f32], gain: &[f32], dy: &[f32], dx: &mut [f32]);
    /// Computes the gradients of γ and β: the columns' chains `fma(dy, x̂, acc)` and `acc + dy` in blocks of 256 rows.
    ///
    /// # Panics
    ///
    /// If shapes do not match.
    pub fn parameter_gradients = parameters_kernel(
        x: &[f32], stats: &[f32], dy: &[f32], d_gain: &mut [f32], d_bias: &mut [f32],
    );
}

/// The rows of a block of a column reduction.
const BLOCK: usize = 256;

/// `fma(x − μ, x − μ, lane)`.
#[inline(always)]
unsafe fn square_term<V: Vector>(lane: V, at: usize, x: &[f32], mean: f32) -> V {
    // SAFETY: the caller's promise.
    let difference = unsafe { V::read(x, at) }.sub(V::splat(mean));
    difference.fma(difference, lane)
}

#[inline(always)]
#[allow(clippy::cast_precision_loss, reason = "a width is far below 2²⁴")]
fn forward_kernel<V: Vector>(
    x: &[f32],
    gain: &[f32],
    bias: &[f32],
    y: &mut [f32],
    stats: &mut [f32],
) {
    let width = gain.len();
    assert_eq!(bias.len(), width, "a bias a column");
    assert_eq!(x.len(), y.len(), "as many results as arguments");
    assert_eq!(stats.len() * width, 2 * x.len(), "two numbers a row");
    let n = width as f32;
    let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width));
    for ((x, y), stats) in rows.zip(stats.chunks_exact_mut(2)) {
        let mean = sum_of::<V>(x) / n;
        let variance = row_reduction!(V, width, square_term(x, mean)) / n;
        let r = 1.0 / (variance + 1e-5).sqrt();
        (stats[0], stats[1]) = (mean, r);
        let whole = width / V::WIDTH * V::WIDTH;
        // SAFETY: all four slices have `width` elements.
        unsafe { forward_part::<V>(x, gain, bias, y, (mean, r), 0, whole) };
        // SAFETY: as above.
        unsafe { forward_part::<V::One>(x, gain, bias, y, (mean, r), whole, width) };
    }
}

/// `(x − μ)·r`.
#[inline(always)]
unsafe fn normal<V: Vector>(x: &[f32], at: usize, (mean, r): (f32, f32)) -> V {
    // SAFETY: the caller's promise.
    unsafe { V::read(x, at) }.sub(V::splat(mean)).mul(V::splat(r))
}

#[inline(always)]
unsafe fn forward_part<V: Vector>(
    x: &[f32],
    gain: &[f32],
    bias: &[f32],
    y: &mut [f32],
    stats: (f32, f32),
    from: usize,
    to: usize,
) {
    let mut at = from;
    while at < to {
        // SAFETY: the caller's promise.
        unsafe {
            let normal = normal::<V>(x, at, stats);
            normal.fma(V::read(gain, at), V::read(bias, at)).write(y, at);
        }
        at += V::WIDTH;
    }
}

/// `lane + dy·γ`.
#[inline(always)]
unsafe fn scaled_term<V: Vector>(lane: V, at: usize, gain: &[f32], dy: &[f32]) -> V {
    // SAFETY: the caller's promise.
    lane.add(unsafe { V::read(dy, at).mul(V::read(gain, at)) })
}

/// `fma(dy·γ, x̂, lane)`.
#[inline(always)]
unsafe fn product_term<V: Vector>(
    lane: V,
    at: usize,
    x: &[f32],
    stats: (f32, f32),
    gain: &[f32],
    dy: &[f32],
) -> V {
    // SAFETY: the caller's promise.
    unsafe {
        let scaled = V::read(dy, at).mul(V::read(gain, at));
        scaled.fma(normal::<V>(x, at, stats), lane)
    }
}

#[inline(always)]
#[allow(clippy::cast_precision_loss, reason = "a width is far below 2²⁴")]
fn backward_kernel<V: Vector>(x: &[f32], stats: &[f32], gain: &[f32], dy: &[f32], dx: &mut [f32]) {
    let width = gain.len();
    assert!(x.len() == dy.len() && x.len() == dx.len(), "equal shapes");
    assert_eq!(stats.len() * width, 2 * x.len(), "two numbers a row");
    let n = width as f32;
    let rows = x.chunks_exact(width).zip(stats.chunks_exact(2));
    for ((x, stats), (dy, dx)) in rows.zip(dy.chunks_exact(width).zip(dx.chunks_exact_mut(width))) {
        let stats = (stats[0], stats[1]);
        let a = row_reduction!(V, width, scaled_term(gain, dy)) / n;
        let b = row_reduction!(V, width, product_term(x, stats, gain, dy)) / n;
        let whole = width / V::WIDTH * V::WIDTH;
        // SAFETY: all four slices have `width` elements.
        unsafe { backward_part::<V>(x, gain, dy, dx, (stats, a, b), 0, whole) };
        // SAFETY: as above.
        unsafe { backward_part::<V::One>(x, gain, dy, dx, (stats, a, b), whole, width) };
    }
}

#[inline(always)]
unsafe fn backward_part<V: Vector>(
    x: &[f32],
    gain: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    (stats, a, b): ((f32, f32), f32, f32),
    from: usize,
    to: usize,
) {
    let mut at = from;
    while at < to {
        // SAFETY: the caller's promise.
        unsafe {
            let scaled = V::read(dy, at).mul(V::read(gain, at));
            let shift = normal::<V>(x, at, stats).mul(V::splat(b));
            let gradient = V::splat(stats.1).mul(scaled.sub(V::splat(a)).sub(shift));
            V::read(dx, at).add(gradient).write(dx, at);
        }
        at += V::WIDTH;
    }
}

#[inline(always)]
fn parameters_kernel<V: Vector>(
    x: &[f32],
    stats: &[f32],
    dy: &[f32],
    d_gain: &mut [f32],
    d_bias: &mut [f32],
) {
    let width = d_gain.len();
    assert!(d_bias.len() == width && x.len() == dy.len(), "equal shapes");
    assert_eq!(stats.len() * width, 2 * x.len(), "two numbers a row");
    let four = 4 * V::WIDTH;
    let mut column = 0;
    while column + four <= width {
        // SAFETY: `four` columns remain in every row.
        unsafe { columns::<V, 4>(x, stats, dy, d_gain, d_bias, column) };
        column += four;
    }
    while column + V::WIDTH <= width {
        // SAFETY: a vector of columns remains in every row.
        unsafe { columns::<V, 1>(x, stats, dy, d_gain, d_bias, column) };
        column += V::WIDTH;
    }
    while column < width {
        // SAFETY: a column remains in every row.
        unsafe { columns::<V::One, 1>(x, stats, dy, d_gain, d_bias, column) };
        column += 1;
    }
}

/// The chains of `N` vectors of columns from `column` on, kept in registers.
#[inline(always)]
unsafe fn columns<V: Vector, const N: usize>(
    x: &[f32],
    stats: &[f32],
    dy: &[f32],
    d_gain: &mut [f32],
    d_bias: &mut [f32],
    column: usize,
) {
    let width = d_gain.len();
    let zero = [V::splat(0.0); N];
    let (mut gains, mut biases) = (zero, zero);
    for (block, stats) in stats.chunks(2 * BLOCK).enumerate() {
        let (mut gain, mut bias) = (zero, zero);
        for (row, stats) in stats.chunks_exact(2).enumerate() {
            let start = (block * BLOCK + row) * width + column;
            for i in 0..N {
                let at = start + i * V::WIDTH;
                // SAFETY: the caller's promise.
                unsafe {
                    let gradient = V::read(dy, at);
                    gain[i] = gradient.fma(normal::<V>(x, at, (stats[0], stats[1])), gain[i]);
                    bias[i] = bias[i].add(gradient);
                }
            }
        }
        for i in 0..N {
            gains[i] = if block == 0 { gain[i] } else { gains[i].add(gain[i]) };
            biases[i] = if block == 0 { bias[i] } else { biases[i].add(bias[i]) };
        }
    }
    for i in 0..N {
        // SAFETY: the caller's promise.
        unsafe {
            gains[i].write(d_gain, column + i * V::WIDTH);
            biases[i].write(d_bias, column + i * V::WIDTH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::reference::tests::{same, samples, smooth};
    use crate::numerics::{Level, reference};

    #[test]
    fn every_level_equals_the_definition() {
        for width in [1, 3, 16, 17, 31, 32, 48, 64, 100, 129] {
            for (seed, rows) in [(1, 1), (2, 7), (3, 5), (4, 300)] {
                let (x, dy) = (samples(seed, rows * width), samples(seed + 9, rows * width));
                let (gain, bias) = (samples(5, width), samples(6, width));
                let residual = samples(7, rows * width);
                let want = reference::layer_norm(&x, &gain, &bias);
                let (dx, d_gain, d_bias) = reference::layer_norm_backward(&x, &gain, &dy);
                let total: Vec<f32> = residual.iter().zip(&dx).map(|(r, d)| r + d).collect();
                for level in Level::available() {
                    let (mut y, mut stats) = (vec![0.0; x.len()], vec![0.0; 2 * rows]);
                    forward(level, &x, &gain, &bias, &mut y, &mut stats);
                    same(&y, &want);
                    let mut got = residual.clone();
                    backward_add(level, &x, &stats, &gain, &dy, &mut got);
                    same(&got, &total);
                    let (mut g, mut b) = (vec![0.0; width], vec![0.0; width]);
                    parameter_gradients(level, &x, &stats, &dy, &mut g, &mut b);
                    same(&g, &d_gain);
                    same(&b, &d_bias);
                }
            }
        }
    }

    #[test]
    fn gradients_are_those_of_the_value() {
        let width = 9;
        let (x, dy) = (smooth(1, 3 * width), smooth(2, 3 * width));
        let (gain, bias) = (smooth(3, width), smooth(4, width));
        let (dx, d_gain, d_bias) = reference::layer_norm_backward(&x, &gain, &dy);
        let loss = |x: &[f64], gain: &[f64], bias: &[f64]| -> f64 {
            reference::layer_norm(x, gain, bias).iter().zip(&dy).map(|(y, d)| y * d).sum()
        };
        reference::tests::gradient(&x, &dx, |x| loss(x, &gain, &bias));
        reference::tests::gradient(&gain, &d_gain, |gain| loss(&x, gain, &bias));
        reference::tests::gradient(&bias, &d_bias, |bias| loss(&x, &gain, bias));
    }
}
