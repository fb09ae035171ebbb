//! Softmax of score rows and its gradient, in vectors.
//!
//! Rows are padded to a multiple of 16 elements. What lies after a row's prefix takes no part in
//! its reductions and becomes exact +0.

#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]
#![allow(clippy::needless_range_loop, reason = "register arrays are indexed so that loops unroll")]

use crate::numerics::elementary::exp_of;
use crate::numerics::vector::{LANES, Vector, vectors};

/// Rows of one head: `tokens` rows of `stride` elements, a multiple of 16 and at least `tokens`.
#[derive(Clone, Copy)]
pub(super) struct Square {
    pub(super) tokens: usize,
    pub(super) stride: usize,
    pub(super) causal: bool,
    pub(super) scale: f32,
}

/// The numbers of the lanes.
const NUMBERS: [f32; LANES] =
    [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];

impl Square {
    /// How many elements of a row are seen.
    fn prefix(&self, row: usize) -> usize {
        if self.causal { row + 1 } else { self.tokens }
    }
}

/// Returns which lanes of the vector at `element` lie in a prefix of `count` elements.
#[inline(always)]
#[allow(clippy::cast_precision_loss, reason = "rows are shorter than 2²⁴")]
fn within<V: Vector>(element: usize, count: usize) -> V::Mask {
    let first = element % LANES;
    let bound = count.saturating_sub(element - first).min(LANES) as f32;
    V::load(&NUMBERS[first..]).less(V::splat(bound))
}

/// How many short rows are worked on side by side, so that one's reductions hide the other's.
const SIDE_BY_SIDE: usize = 4;

/// Turns scores into probabilities in place: `e = exp((x − max)·scale)`, `p = e·(1 ÷ Σe)`.
#[inline(always)]
pub(super) fn softmax<V: Vector>(square: Square, scores: &mut [f32]) {
    if square.stride == LANES {
        let mut row = 0;
        while row + SIDE_BY_SIDE <= square.tokens {
            short_softmax::<V, SIDE_BY_SIDE>(square, row, &mut scores[row * LANES..]);
            row += SIDE_BY_SIDE;
        }
        for row in row..square.tokens {
            short_softmax::<V, 1>(square, row, &mut scores[row * LANES..]);
        }
        return;
    }
    let (zero, scale) = (V::splat(0.0), V::splat(square.scale));
    let below_all = V::splat(f32::NEG_INFINITY);
    for (i, row) in scores.chunks_exact_mut(square.stride).enumerate().take(square.tokens) {
        let count = square.prefix(i);
        let seen = count.next_multiple_of(LANES).min(row.len());
        let mut lanes = [below_all; LANES];
        for element in (0..seen).step_by(V::WIDTH) {
            let x = V::load(&row[element..]);
            let x = V::select(within::<V>(element, count), x, below_all);
            let lane = element % LANES / V::WIDTH;
            lanes[lane] = lanes[lane].at_least(x);
        }
        let max = V::splat(V::largest(&lanes) + 0.0);
        let mut lanes = [zero; LANES];
        for element in (0..seen).step_by(V::WIDTH) {
            let e = exp_of(V::load(&row[element..]).sub(max).mul(scale));
            let e = V::select(within::<V>(element, count), e, zero);
            e.store(&mut row[element..]);
            let lane = element % LANES / V::WIDTH;
            lanes[lane] = lanes[lane].add(e);
        }
        let factor = V::splat(1.0 / V::tree(&lanes));
        for element in (0..seen).step_by(V::WIDTH) {
            let p = V::load(&row[element..]).mul(factor);
            V::select(within::<V>(element, count), p, zero).store(&mut row[element..]);
        }
        row[seen..].fill(0.0);
    }
}

/// Does N rows of 16 elements from `first` on, which lie in `scores`.
#[inline(always)]
fn short_softmax<V: Vector, const N: usize>(square: Square, first: usize, scores: &mut [f32]) {
    let scores = &mut scores[..N * LANES];
    let (zero, scale) = (V::splat(0.0), V::splat(square.scale));
    let below_all = V::splat(f32::NEG_INFINITY);
    let mut x = [[zero; LANES]; N];
    let mut max = [zero; N];
    for r in 0..N {
        let mut lanes = [below_all; LANES];
        for i in 0..vectors::<V>() {
            x[r][i] = V::load(&scores[r * LANES + i * V::WIDTH..]);
            let seen = within::<V>(i * V::WIDTH, square.prefix(first + r));
            lanes[i] = below_all.at_least(V::select(seen, x[r][i], below_all));
        }
        max[r] = V::splat(V::largest(&lanes) + 0.0);
    }
    for r in 0..N {
        for i in 0..vectors::<V>() {
            let e = exp_of(x[r][i].sub(max[r]).mul(scale));
            // The sum of a lane begins with +0.
            let seen = within::<V>(i * V::WIDTH, square.prefix(first + r));
            x[r][i] = zero.add(V::select(seen, e, zero));
        }
    }
    for r in 0..N {
        let factor = V::splat(1.0 / V::tree(&x[r]));
        for i in 0..vectors::<V>() {
            let seen = within::<V>(i * V::WIDTH, square.prefix(first + r));
            let p = V::select(seen, x[r][i].mul(factor), zero);
            p.store(&mut scores[r * LANES + i * V::WIDTH..]);
        }
    }
}

/// Turns gradients of probabilities into those of scores in place:
/// `ds = (p·(dp − Σ fma(p, dp)))·scale`.
#[inline(always)]
pub(super) fn d_softmax<V: Vector>(square: Square, probabilities: &[f32], d: &mut [f32]) {
    if square.stride == LANES {
        let mut row = 0;
        while row + SIDE_BY_SIDE <= square.tokens {
            let at = row * LANES;
            short_d_softmax::<V, SIDE_BY_SIDE>(square, row, &probabilities[at..], &mut d[at..]);
            row += SIDE_BY_SIDE;
        }
        for row in row..square.tokens {
            let at = row * LANES;
            short_d_softmax::<V, 1>(square, row, &probabilities[at..], &mut d[at..]);
        }
        return;
    }
    let (zero, scale) = (V::splat(0.0), V::splat(square.scale));
    let rows = probabilities.chunks_exact(square.stride).zip(d.chunks_exact_mut(square.stride));
    for (i, (p, d)) in rows.enumerate().take(square.tokens) {
        let count = square.prefix(i);
        let seen = count.next_multiple_of(LANES).min(d.len());
        let mut lanes = [zero; LANES];
        for element in (0..seen).step_by(V::WIDTH) {
            let (p, d) = (V::load(&p[element..]), V::load(&d[element..]));
            let lane = element % LANES / V::WIDTH;
            let sum = p.fma(d, lanes[lane]);
            lanes[lane] = V::select(within::<V>(element, count), sum, lanes[lane]);
        }
        let sum = V::splat(V::tree(&lanes));
        for element in (0..seen).step_by(V::WIDTH) {
            let (p, dp) = (V::load(&p[element..]), V::load(&d[element..]));
            let ds = p.mul(dp.sub(sum)).mul(scale);
            V::select(within::<V>(element, count), ds, zero).store(&mut d[element..]);
        }
        d[seen..].fill(0.0);
    }
}

/// Does N rows of 16 elements from `first` on, which lie in `p` and `d`.
#[inline(always)]
fn short_d_softmax<V: Vector, const N: usize>(
    square: Square,
    first: usize,
    p: &[f32],
    d: &mut [f32],
) {
    let (p, d) = (&p[..N * LANES], &mut d[..N * LANES]);
    let (zero, scale) = (V::splat(0.0), V::splat(square.scale));
    let mut sums = [zero; N];
    for r in 0..N {
        let mut lanes = [zero; LANES];
        for i in 0..vectors::<V>() {
            let at = r * LANES + i * V::WIDTH;
            let seen = within::<V>(i * V::WIDTH, square.prefix(first + r));
            let sum = V::load(&p[at..]).fma(V::load(&d[at..]), zero);
            lanes[i] = V::select(seen, sum, zero);
        }
        sums[r] = V::splat(V::tree(&lanes));
    }
    for r in 0..N {
        for i in 0..vectors::<V>() {
            let at = r * LANES + i * V::WIDTH;
            let ds = V::load(&p[at..]).mul(V::load(&d[at..]).sub(sums[r])).mul(scale);
            let seen = within::<V>(i * V::WIDTH, square.prefix(first + r));
            V::select(seen, ds, zero).store(&mut d[at..]);
        }
    }
}
