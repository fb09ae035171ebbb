//! Column reductions: products with ones, in the blocks of the matrix product.

#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]
#![allow(clippy::needless_range_loop, reason = "register arrays are indexed so that loops unroll")]
#![allow(unsafe_code, reason = "unchecked addresses")]
#![allow(unsafe_op_in_unsafe_fn, reason = "the contract is that of the whole function")]

use super::reference::BLOCK;
use crate::numerics::lanes::Lanes;

/// Operands of a column reduction: row-major rows of x, and of y or null.
pub(crate) struct Columns {
    pub(crate) rows: usize,
    pub(crate) width: usize,
    pub(crate) x: *const f32,
    pub(crate) x_stride: usize,
    pub(crate) y: *const f32,
    pub(crate) y_stride: usize,
    pub(crate) out: *mut f32,
}

/// Sums all columns, as many side by side as hide the latency of an addition.
///
/// # Safety
///
/// As for [`super::kernel::Kernels::columns`].
#[inline(always)]
pub(crate) unsafe fn columns<V: Lanes>(o: &Columns) {
    let mut column = 0;
    while column + 8 * V::WIDTH <= o.width {
        group::<V, 8>(o, column, V::WIDTH);
        column += 8 * V::WIDTH;
    }
    while column + 4 * V::WIDTH <= o.width {
        group::<V, 4>(o, column, V::WIDTH);
        column += 4 * V::WIDTH;
    }
    while column < o.width {
        group::<V, 1>(o, column, o.width - column);
        column += V::WIDTH;
    }
}

/// Sums G vectors of columns, of which the last holds `last` columns.
#[inline(always)]
unsafe fn group<V: Lanes, const G: usize>(o: &Columns, column: usize, last: usize) {
    let one = V::splat(1.0);
    let mut total = [V::splat(0.0); G];
    for start in (0..o.rows).step_by(BLOCK) {
        let mut acc = [V::splat(0.0); G];
        for k in start..o.rows.min(start + BLOCK) {
            for g in 0..G {
                let at = column + g * V::WIDTH;
                let x = V::load_some(o.x.add(k * o.x_stride + at), last);
                // fma(1, x, acc) is acc + x: both round the same sum once.
                acc[g] = if o.y.is_null() {
                    one.fma(x, acc[g])
                } else {
                    x.fma(V::load_some(o.y.add(k * o.y_stride + at), last), acc[g])
                };
            }
        }
        for g in 0..G {
            total[g] = if start == 0 { acc[g] } else { total[g].add(acc[g]) };
        }
    }
    for g in 0..G {
        total[g].store_some(o.out.add(column + g * V::WIDTH), last);
    }
}
