//! The slow definitions of the row and element operations, generic over binary32 and binary64.
//!
//! In binary32 they are the definition that every level is held against; in binary64 their derivatives are checked by
//! differences.

use super::elementary;
use super::float::Float;

/// The elementary functions in either format: ours in binary32, `libm`'s in binary64.
pub trait Elementary: Float {
    /// Returns eˣ.
    #[must_use]
    fn exp(self) -> Self;
    /// Returns the error function.
    #[must_use]
    fn erf(self) -> Self;
    /// Returns the logistic function.
    #[must_use]
    fn sigmoid(self) -> Self;
}

impl Elementary for f32 {
    fn exp(self) -> Self {
        elementary::exp(self)
    }

    fn erf(self) -> Self {
        elementary::erf(self)
    }

    fn sigmoid(self) -> Self {
        elementary::sigmoid(self)
    }
}

impl Elementary for f64 {
    fn exp(self) -> Self {
        libm::exp(self)
    }

    fn erf(self) -> Self {
        libm::erf(self)
    }

    fn sigmoid(self) -> Self {
        1.0 / (1.0 + libm::exp(-self))
    }
}

/// Reduces `count` elements: element e goes to lane e mod 16 by `step(lane, e)`, then the tree 8, 4, 2, 1.
pub fn row_reduction<T: Float>(count: usize, step: impl Fn(T, usize) -> T) -> T {
    let mut lanes = [T::ZERO; 16];
    for element in 0..count {
        lanes[element % 16] = step(lanes[element % 16], element);
    }
    for width in [8, 4, 2, 1] {
        for i in 0..width {
            lanes[i] = lanes[i] + lanes[i + width];
        }
    }
    lanes[0]
}

/// Returns the row sum.
pub fn row_sum<T: Float>(x: &[T]) -> T {
    row_reduction(x.len(), |lane, e| lane + x[e])
}

/// Returns the row sum of products.
pub fn row_sum_of_products<T: Float>(x: &[T], y: &[T]) -> T {
    row_reduction(x.len(), |lane, e| x[e].fma(y[e], lane))
}

/// Returns `(0.5·x)·(1 + erf(x·√½))`.
pub fn gelu<T: Elementary>(x: T) -> T {
    let half = T::from_f64(0.5);
    (half * x) * (T::ONE + (x * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf())
}

/// Returns `fma(x, φ, Φ)`.
pub fn gelu_derivative<T: Elementary>(x: T) -> T {
    let density = ((T::from_f64(-0.5) * x) * x).exp() * T::from_f64(0.398_942_280_401_432_7);
    let share =
        T::from_f64(0.5) * (T::ONE + (x * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf());
    x.fma(density, share)
}

/// Returns `x·σ(1.702·x)`.
pub fn quick_gelu<T: Elementary>(x: T) -> T {
    x * (T::from_f64(1.702) * x).sigmoid()
}

/// Returns `σ·fma(u, 1 − σ, 1)`, `u = 1.702·x`.
pub fn quick_gelu_derivative<T: Elementary>(x: T) -> T {
    let u = T::from_f64(1.702) * x;
    let s = u.sigmoid();
    s * u.fma(T::ONE - s, T::ONE)
}

/// Returns a width as a number.
#[allow(clippy::cast_precision_loss, reason = "a width is far below 2²⁴")]
fn number<T: Float>(width: usize) -> T {
    T::from_f64(width as f64)
}

/// Returns μ and r of a row.
fn statistics<T: Float>(x: &[T]) -> (T, T) {
    let n = number::<T>(x.len());
    let mean = row_sum(x) / n;
    let squares = row_reduction(x.len(), |lane, e| (x[e] - mean).fma(x[e] - mean, lane));
    (mean, T::ONE / (squares / n + T::from_f64(1e-5)).sqrt())
}

/// Returns `fma(x̂, γ, β)`, `x̂ = (x − μ)·r`, by rows of γ's length.
pub fn layer_norm<T: Float>(x: &[T], gain: &[T], bias: &[T]) -> Vec<T> {
    let mut y = Vec::with_capacity(x.len());
    for x in x.chunks_exact(gain.len()) {
        let (mean, r) = statistics(x);
        for e in 0..x.len() {
            y.push(((x[e] - mean) * r).fma(gain[e], bias[e]));
        }
    }
    y
}

/// Returns the gradients of x, γ and β.
pub fn layer_norm_backward<T: Float>(x: &[T], gain: &[T], dy: &[T]) -> (Vec<T>, Vec<T>, Vec<T>) {
    let width = gain.len();
    let n = number::<T>(width);
    let (mut dx, mut normal) = (Vec::with_capacity(x.len()), Vec::with_capacity(x.len()));
    for (x, dy) in x.chunks_exact(width).zip(dy.chunks_exact(width)) {
        let (mean, r) = statistics(x);
        let hat: Vec<T> = x.iter().map(|&x| (x - mean) * r).collect();
        let g: Vec<T> = dy.iter().zip(gain).map(|(&d, &gain)| d * gain).collect();
        let (a, b) = (row_sum(&g) / n, row_sum_of_products(&g, &hat) / n);
        dx.extend((0..width).map(|e| r * ((g[e] - a) - hat[e] * b)));
        normal.extend(hat);
    }
    let d_gain = (0..width).map(|column| {
        column_reduction(x.len() / width, |sum, row| {
            let e = row * width + column;
            dy[e].fma(normal[e], sum)
        })
    });
    let d_bias = (0..width)
        .map(|column| column_reduction(x.len() / width, |sum, row| sum + dy[row * width + column]));
    (dx, d_gain.collect(), d_bias.collect())
}

/// Reduces a column in blocks of 256 rows, each one chain from +0, the blocks added ascending.
pub fn column_reduction<T: Float>(rows: usize, step: impl Fn(T, usize) -> T) -> T {
    let mut sum = T::ZERO;
    for start in (0..rows).step_by(256) {
        let block = (start..rows.min(start + 256)).fold(T::ZERO, &step);
        sum = if start == 0 { block } else { sum + block };
    }
    sum
}

/// Returns the rows scaled to unit length, and the gradient of x from that of the result.
pub fn normalise<T: Float>(width: usize, x: &[T], dy: &[T]) -> (Vec<T>, Vec<T>) {
    let (mut y, mut dx) = (Vec::with_capacity(x.len()), Vec::with_capacity(x.len()));
    for (x, dy) in x.chunks_exact(width).zip(dy.chunks_exact(width)) {
        let length = row_sum_of_products(x, x).sqrt();
        let least = T::from_f64(1e-12);
        let r = T::ONE / if length < least { least } else { length };
        let unit: Vec<T> = x.iter().map(|&x| x * r).collect();
        let dot = row_sum_of_products(&unit, dy);
        dx.extend((0..width).map(|e| r * (dy[e] - unit[e] * dot)));
        y.extend(unit);
    }
    (y, dx)
}

/// Returns `p = e·(1 ÷ Σe)`, `e = exp((x − max)·scale)`, the maximum and Σe.
pub fn softmax<T: Elementary>(x: &[T], scale: T) -> (Vec<T>, T, T) {
    let lowest = T::from_f64(f64::NEG_INFINITY);
    let maximum = x.iter().fold(lowest, |maximum, &x| maximum.maximum(x));
    let e: Vec<T> = x.iter().map(|&x| ((x - maximum) * scale).exp()).collect();
    let sum = row_sum(&e);
    let share = T::ONE / sum;
    (e.iter().map(|&e| e * share).collect(), maximum, sum)
}

#[cfg(test)]
pub(crate) mod tests {
    /// Numbers for tests: seed 0 mod 6 ordinary ones, then subnormal, huge, mixed, with zeros of both signs, with NaN
    /// and infinities.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "any numbers serve"
    )]
    pub(crate) fn samples(seed: u64, count: usize) -> Vec<f32> {
        let kind = if seed < 6 { seed } else { 0 };
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        (0..count)
            .map(|i| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let x = ((state >> 40) as f32 / 8_388_608.0 - 1.0) * 4.0;
                let bits = (state >> 32) as u32;
                match (kind, bits % 8) {
                    (1, _) => x * 1e-39,
                    (2, _) => x * 1e37,
                    (3, 0 | 1) => x * 1e-42,
                    (3, 2) => x * 30.0,
                    (4, 0) => 0.0,
                    (4, 1) => -0.0,
                    (5, 0) if i % 11 == 5 => f32::NAN,
                    (5, 1) if i % 5 == 3 => f32::INFINITY,
                    (5, 2) if i % 7 == 3 => f32::NEG_INFINITY,
                    _ => x,
                }
            })
            .collect()
    }

    /// Ordinary numbers in binary64.
    pub(crate) fn smooth(seed: u64, count: usize) -> Vec<f64> {
        samples(seed + 1000, count).into_iter().map(f64::from).collect()
    }

    /// Asserts equal bits; any NaN equals any other.
    pub(crate) fn same(got: &[f32], want: &[f32]) {
        assert_eq!(got.len(), want.len());
        for (i, (got, want)) in got.iter().zip(want).enumerate() {
            assert!(
                got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(),
                "element {i}: {got:e}, by definition {want:e}"
            );
        }
    }

    /// Asserts that a derivative is the central difference of a function.
    pub(crate) fn central_difference(x: f64, f: impl Fn(f64) -> f64, derivative: f64) {
        let h = 1e-5;
        let difference = (f(x + h) - f(x - h)) / (2.0 * h);
        assert!(
            (difference - derivative).abs() < 1e-7 * derivative.abs().max(1.0),
            "at {x}: {derivative}, by differences {difference}"
        );
    }

    /// Asserts that a gradient is that of a function, by differences along every coordinate.
    pub(crate) fn gradient(x: &[f64], gradient: &[f64], f: impl Fn(&[f64]) -> f64) {
        for i in 0..x.len() {
            let along = |value: f64| {
                let mut x = x.to_vec();
                x[i] = value;
                f(&x)
            };
            central_difference(x[i], along, gradient[i]);
        }
    }
}
