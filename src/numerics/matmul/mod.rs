//! The matrix product, to the bit as `reference` defines it, at every SIMD level.
//!
//! `C = A·B` with inner size K: k runs in blocks of 256; in each block one chain from +0, k
//! ascending, `acc ← fma(a[i,k], b[k,j], acc)`; `c = ((blk₀ + blk₁) + blk₂) + …`; K = 0 gives +0.

#![allow(unsafe_code, reason = "kernels run only after their instructions were detected")]

mod columns;
mod driver;
pub(crate) mod kernel;
mod pack;
pub mod reference;
#[cfg(test)]
pub(crate) mod tests;
mod view;

pub use view::{Finish, View};

use columns::Columns;
use driver::Product;
pub(crate) use driver::with_room;
#[cfg(target_arch = "x86_64")]
use kernel::{Avx2, Avx512};
use kernel::{Fused, Kernels, Software};

use super::level::{Level, Path};

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
        Self { rows: 96, columns: 512 }
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
    level: Level,
    tile: Tile,
    a: View,
    b: View,
    finish: Finish,
    out: &mut [f32],
    out_row_stride: usize,
) {
    multiply_on(level.path(), tile, a, b, finish, out, out_row_stride);
}

/// Computes a product on one path.
fn multiply_on(
    path: Path,
    tile: Tile,
    a: View,
    b: View,
    finish: Finish,
    out: &mut [f32],
    out_row_stride: usize,
) {
    let (m, n, k) = view::check(a, b, &finish, out.len(), out_row_stride);
    assert!(tile.rows > 0 && tile.columns > 0, "an empty tile computes nothing");
    if m == 0 || n == 0 {
        return;
    }
    if let Some((first, other)) = in_two_steps(finish) {
        multiply_on(path, tile, a, b, first, out, out_row_stride);
        for (i, row) in out.chunks_mut(out_row_stride).take(m).enumerate() {
            for (j, c) in row.iter_mut().take(n).enumerate() {
                let (x, y) = (*c, other.at(i, j));
                *c = if matches!(finish, Finish::Times(_)) { x * y } else { y + x };
            }
        }
        return;
    }
    let product = Product { m, n, k, a, b, finish, out, out_row_stride };
    // SAFETY: a path exists only where its instructions were detected.
    unsafe {
        match path {
            Path::Software => product.compute::<Software>(tile),
            Path::Fused => product.compute::<Fused>(tile),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => product.compute::<Avx2>(tile),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => product.compute::<Avx512>(tile),
        }
    }
}

/// Splits off a matrix that the kernels cannot read: its rows are not contiguous.
fn in_two_steps(finish: Finish) -> Option<(Finish, View)> {
    let (first, other) = match finish {
        Finish::Store | Finish::Bias(_) => return None,
        Finish::BiasResidual { bias, residual } => (Finish::Bias(bias), residual),
        Finish::Times(factors) => (Finish::Store, factors),
    };
    (other.column_stride() != 1).then_some((first, other))
}

/// Computes `out[j] = Σ_k y[k, j]`, the product 1ᵀ·Y with its blocks of 256 rows.
///
/// # Panics
///
/// If `out` has not one element a column.
pub fn column_sum(level: Level, y: View, out: &mut [f32]) {
    columns_on(level.path(), y, None, out);
}

/// Computes `out[j] = Σ_k fma(dy[k, j], x̂[k, j])` with blocks of 256 rows: γ's gradient.
///
/// # Panics
///
/// If shapes do not match.
pub fn column_sum_of_products(level: Level, dy: View, x_hat: View, out: &mut [f32]) {
    columns_on(level.path(), dy, Some(x_hat), out);
}

/// Computes a column reduction on one path.
fn columns_on(path: Path, x: View, y: Option<View>, out: &mut [f32]) {
    assert_eq!(x.columns(), out.len(), "one sum a column");
    if let Some(y) = y {
        assert_eq!((x.rows(), x.columns()), (y.rows(), y.columns()), "shapes differ");
    }
    let contiguous = |view: View| view.column_stride() == 1;
    if !contiguous(x) || !y.is_none_or(contiguous) {
        return match y {
            None => reference::column_sum(x, out),
            Some(y) => reference::column_sum_of_products(x, y, out),
        };
    }
    let operands = Columns {
        rows: x.rows(),
        width: x.columns(),
        x: x.as_ptr(),
        x_stride: x.row_stride(),
        y: y.map_or(std::ptr::null(), |y| y.as_ptr()),
        y_stride: y.map_or(0, |y| y.row_stride()),
        out: out.as_mut_ptr(),
    };
    // SAFETY: a path exists only where its instructions were detected; shapes were checked.
    unsafe {
        match path {
            Path::Software => Software::columns(&operands),
            Path::Fused => Fused::columns(&operands),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => Avx2::columns(&operands),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => Avx512::columns(&operands),
        }
    }
}
