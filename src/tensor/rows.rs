//! Row and element operations between the products, at a SIMD level.

use crate::numerics::Level;
use crate::numerics::elementary::{erf, exp};
use crate::numerics::matmul::{View, column_sum, column_sum_of_products};

/// The activation of a perceptron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `GELU` by the error function.
    Gelu,
    /// `x·σ(1.702·x)`.
    QuickGelu,
}

pub(super) fn row_reduction(count: usize, term: impl Fn(usize, f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; 16];
    for element in 0..count {
        lanes[element % 16] = term(element, lanes[element % 16]);
    }
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    lanes[0]
}

/// `y = LayerNorm(x)` by rows of `gain.len()`; keeps mean and reciprocal deviation of each row in `stats`.
pub(crate) fn layer_norm(_level: Level, x: &[f32], gain: &[f32], bias: &[f32], y: &mut [f32], stats: &mut [f32]) {
    let width = gain.len();
    let n = width as f32;
    for ((x, y), stats) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(stats.chunks_exact_mut(2)) {
        let mean = row_reduction(width, |e, lane| lane + x[e]) / n;
        let variance = row_reduction(width, |e, lane| { let d = x[e] - mean; libm::fmaf(d, d, lane) }) / n;
        let r = 1.0 / (variance + 1e-5).sqrt();
        stats[0] = mean;
        stats[1] = r;
        for e in 0..width {
            y[e] = libm::fmaf((x[e] - mean) * r, gain[e], bias[e]);
        }
    }
}

/// Adds the gradient of `layer_norm`'s input to `d_x` and stores those of gain and bias; `x_hat` is room to work in.
pub(crate) fn layer_norm_backward(
    level: Level,
    x: &[f32],
    stats: &[f32],
    gain: &[f32],
    d_y: &[f32],
    x_hat: &mut [f32],
    d_x: &mut [f32],
    d_gain: &mut [f32],
    d_bias: &mut [f32],
) {
    let width = gain.len();
    let n = width as f32;
    let rows = x.len() / width;
    for row in 0..rows {
        let at = row * width..(row + 1) * width;
        let (x, dy, x_hat, dx) = (&x[at.clone()], &d_y[at.clone()], &mut x_hat[at.clone()], &mut d_x[at]);
        let [mean, r] = [stats[2 * row], stats[2 * row + 1]];
        for e in 0..width {
            x_hat[e] = (x[e] - mean) * r;
        }
        let a = row_reduction(width, |e, lane| lane + dy[e] * gain[e]) / n;
        let b = row_reduction(width, |e, lane| libm::fmaf(dy[e] * gain[e], x_hat[e], lane)) / n;
        for e in 0..width {
            dx[e] += r * ((dy[e] * gain[e] - a) - x_hat[e] * b);
        }
    }
    column_sum_of_products(level, View::new(d_y, rows, width), View::new(x_hat, rows, width), d_gain);
    column_sum(level, View::new(d_y, rows, width), d_bias);
}

/// `y = act(x)`.
pub(crate) fn activate(_level: Level, activation: Activation, x: &[f32], y: &mut [f32]) {
    match activation {
        Activation::Gelu => {
            for (x, y) in x.iter().zip(y) {
                *y = (0.5 * x) * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
            }
        }
        Activation::QuickGelu => {
            for (x, y) in x.iter().zip(y) {
                *y = x * sigmoid(1.702 * x);
            }
        }
    }
}

/// `d ← d · act'(x)`.
pub(crate) fn activate_backward(_level: Level, activation: Activation, x: &[f32], d: &mut [f32]) {
    match activation {
        Activation::Gelu => {
            for (&x, d) in x.iter().zip(d) {
                let density = exp((-0.5 * x) * x) * 0.398_942_3_f32;
                let share = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
                *d *= libm::fmaf(x, density, share);
            }
        }
        Activation::QuickGelu => {
            for (&x, d) in x.iter().zip(d) {
                let u = 1.702 * x;
                let s = sigmoid(u);
                *d *= s * libm::fmaf(u, 1.0 - s, 1.0);
            }
        }
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `y = x·r` by rows, `r = 1 ÷ max(√Σx², 1e-12)`.
pub(crate) fn normalise(_level: Level, width: usize, x: &[f32], y: &mut [f32]) {
    for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
        let r = 1.0 / row_reduction(width, |e, lane| libm::fmaf(x[e], x[e], lane)).sqrt().max(1e-12);
        for e in 0..width {
            y[e] = x[e] * r;
        }
    }
}

/// `dx = r·(dy − y·Σ y·dy)` by rows.
pub(crate) fn normalise_backward(_level: Level, width: usize, x: &[f32], y: &[f32], dy: &[f32], dx: &mut [f32]) {
    for row in 0..x.len() / width {
        let at = row * width..(row + 1) * width;
        let (x, y, dy, dx) = (&x[at.clone()], &y[at.clone()], &dy[at.clone()], &mut dx[at]);
        let r = 1.0 / row_reduction(width, |e, lane| libm::fmaf(x[e], x[e], lane)).sqrt().max(1e-12);
        let dot = row_reduction(width, |e, lane| libm::fmaf(y[e], dy[e], lane));
        for e in 0..width {
            dx[e] = r * (dy[e] - y[e] * dot);
        }
    }
}

/// Returns `x` with every row of `width` scaled to length 1.
pub fn normalise_rows(level: Level, width: usize, x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    normalise(level, width, x, &mut y);
    y
}
