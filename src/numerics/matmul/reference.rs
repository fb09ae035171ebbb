//! The definition of the matrix product and of the column reductions that are products with ones.

use super::view::{Finish, View, check};
use crate::numerics::float::Float;

/// The length of a chain of fused multiply-adds; longer sums are added block by block.
pub const BLOCK: usize = 256;

/// Sums `term(k, acc)` chains: blocks of [`BLOCK`] from +0, block sums added ascending.
fn blocked<F: Float>(inner: usize, mut term: impl FnMut(usize, F) -> F) -> F {
    let mut total = F::ZERO;
    for start in (0..inner).step_by(BLOCK) {
        let block = (start..inner.min(start + BLOCK)).fold(F::ZERO, |acc, k| term(k, acc));
        total = if start == 0 { block } else { total + block };
    }
    total
}

/// Computes `out = finish(A·B)` by the definition.
///
/// # Panics
///
/// If shapes do not match.
pub fn multiply<F: Float>(
    a: View<F>,
    b: View<F>,
    finish: Finish<F>,
    out: &mut [F],
    out_row_stride: usize,
) {
    let (m, n, k) = check(a, b, &finish, out.len(), out_row_stride);
    for i in 0..m {
        for j in 0..n {
            let c = blocked(k, |t, acc| a.at(i, t).fma(b.at(t, j), acc));
            out[i * out_row_stride + j] = match finish {
                Finish::Store => c,
                Finish::Bias(bias) => c + bias[j],
                Finish::BiasResidual { bias, residual } => residual.at(i, j) + (c + bias[j]),
                Finish::Times(factors) => c * factors.at(i, j),
            };
        }
    }
}

/// Computes `out[j] = Σ_k y[k, j]`, the product 1ᵀ·Y.
///
/// # Panics
///
/// If `out` has not one element a column.
pub fn column_sum<F: Float>(y: View<F>, out: &mut [F]) {
    assert_eq!(y.columns(), out.len(), "one sum a column");
    for (j, sum) in out.iter_mut().enumerate() {
        *sum = blocked(y.rows(), |k, acc| F::ONE.fma(y.at(k, j), acc));
    }
}

/// Computes `out[j] = Σ_k dy[k, j] · x̂[k, j]` with the same blocks.
///
/// # Panics
///
/// If shapes do not match.
pub fn column_sum_of_products<F: Float>(dy: View<F>, x_hat: View<F>, out: &mut [F]) {
    assert_eq!((dy.rows(), dy.columns()), (x_hat.rows(), x_hat.columns()), "shapes differ");
    assert_eq!(dy.columns(), out.len(), "one sum a column");
    for (j, sum) in out.iter_mut().enumerate() {
        *sum = blocked(dy.rows(), |k, acc| dy.at(k, j).fma(x_hat.at(k, j), acc));
    }
}
