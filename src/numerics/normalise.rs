//! Rows of unit length, forward and backward.

#![allow(
    unsafe_code,
    reason = "elements are read where the lengths were checked; kernels run at detected levels"
)]
#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]

use super::reduce::sum_of_products_of;
use super::vector::{Vector, per_level};

per_level! {
    /// Computes `y = x·r`, `r = 1 ÷ max(√Σx², 1e-12)`, by rows; `r` receives that of each row.
    ///
    /// # Panics
    ///
    /// If `x` and `y` are not `r.len()` rows of `width`.
    pub fn forward = forward_kernel(width: usize, x: &[f32], y: &mut [f32], r: &mut [f32]);
    /// Computes `dx = r·(dy − y·Σ y·dy)` by rows.
    ///
    /// # Panics
    ///
    /// If shapes do not match.
    pub fn backward = backward_kernel(width: usize, y: &[f32], r: &[f32], dy: &[f32], dx: &mut [f32]);
}

#[inline(always)]
fn forward_kernel<V: Vector>(width: usize, x: &[f32], y: &mut [f32], r: &mut [f32]) {
    assert!(x.len() == y.len() && x.len() == width * r.len(), "equal shapes");
    for ((x, y), r) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(r) {
        let length = sum_of_products_of::<V>(x, x).sqrt();
        *r = 1.0 / if length < 1e-12 { 1e-12 } else { length };
        // One rounding an element, which any compiler vectorises.
        for (y, x) in y.iter_mut().zip(x) {
            *y = *x * *r;
        }
    }
}

#[inline(always)]
fn backward_kernel<V: Vector>(width: usize, y: &[f32], r: &[f32], dy: &[f32], dx: &mut [f32]) {
    let count = width * r.len();
    assert!([y.len(), dy.len(), dx.len()].iter().all(|&len| len == count), "equal shapes");
    let rows = y.chunks_exact(width).zip(dy.chunks_exact(width));
    for (((y, dy), dx), r) in rows.zip(dx.chunks_exact_mut(width)).zip(r) {
        let dot = sum_of_products_of::<V>(y, dy);
        for ((dx, y), dy) in dx.iter_mut().zip(y).zip(dy) {
            *dx = *r * (*dy - *y * dot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::reference::tests::{gradient, same, samples, smooth};
    use crate::numerics::{Level, reference};

    #[test]
    fn every_level_equals_the_definition() {
        for width in [1, 5, 16, 33, 64] {
            let (x, dy) = (samples(1, 6 * width), samples(2, 6 * width));
            let (want, d_want) = reference::normalise(width, &x, &dy);
            for level in Level::available() {
                let (mut y, mut dx, mut r) = (vec![0.0; x.len()], vec![0.0; x.len()], [0.0; 6]);
                forward(level, width, &x, &mut y, &mut r);
                backward(level, width, &y, &r, &dy, &mut dx);
                same(&y, &want);
                same(&dx, &d_want);
            }
        }
    }

    #[test]
    fn gradient_is_that_of_the_value() {
        let (x, dy) = (smooth(1, 12), smooth(2, 12));
        gradient(&x, &reference::normalise(6, &x, &dy).1, |x| {
            reference::normalise(6, x, &dy).0.iter().zip(&dy).map(|(y, d)| y * d).sum()
        });
    }
}
