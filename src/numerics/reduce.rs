//! Row reductions: 16 lanes, element e to lane e mod 16 ascending, joined by the tree 8, 4, 2, 1.

#![allow(
    unsafe_code,
    reason = "elements are read where the lengths were checked; kernels run at detected levels"
)]
#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]

use super::vector::{LANES, Vector, per_level, vectors};

per_level! {
    /// Returns the row sum of x.
    pub fn row_sum = sum_of(x: &[f32]) -> f32;
    /// Returns the row sum of `fma(x, y)`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn row_sum_of_products = sum_of_products_of(x: &[f32], y: &[f32]) -> f32;
    /// Returns NaN if any element is, else the largest plus (+0); −∞ for none.
    pub fn row_maximum = maximum_of(x: &[f32]) -> f32;
}

/// Reduces `$count` elements; `$term::<V>(lane, at, operands)` gives a lane's new value at a place.
///
/// A macro, because a closure would be compiled without the features of the level. The term reads without checking:
/// who uses the macro has checked the lengths of the operands against the count.
macro_rules! row_reduction {
    ($V:ident, $count:expr, $term:ident($($operand:expr),* $(,)?)) => {{
        use $crate::numerics::vector::{LANES, vectors};
        let count = $count;
        let whole = count / LANES * LANES;
        let mut lanes = [$V::splat(0.0); LANES];
        let mut start = 0;
        while start < whole {
            for (i, lane) in lanes[..vectors::<$V>()].iter_mut().enumerate() {
                // SAFETY: the 16 elements from `start` lie within the count.
                *lane = unsafe { $term::<$V>(*lane, start + i * $V::WIDTH, $($operand),*) };
            }
            start += LANES;
        }
        if whole == count {
            $V::tree(&lanes)
        } else {
            let mut ones = $crate::numerics::reduce::spread::<$V>(&lanes);
            for (at, lane) in (whole..count).zip(&mut ones) {
                // SAFETY: `at` lies within the count.
                *lane = unsafe { $term::<$V::One>(*lane, at, $($operand),*) };
            }
            <$V::One as $crate::numerics::vector::Vector>::tree(&ones)
        }
    }};
}
pub(in crate::numerics) use row_reduction;

/// The 16 lanes one by one.
#[inline(always)]
pub(in crate::numerics) fn spread<V: Vector>(lanes: &[V; LANES]) -> [V::One; LANES] {
    let mut numbers = [0.0; LANES];
    for (lane, place) in lanes[..vectors::<V>()].iter().zip(numbers.chunks_exact_mut(V::WIDTH)) {
        lane.store(place);
    }
    let mut ones = [V::One::splat(0.0); LANES];
    for (one, number) in ones.iter_mut().zip(numbers) {
        *one = V::One::splat(number);
    }
    ones
}

/// `lane + x`.
#[inline(always)]
unsafe fn plus<V: Vector>(lane: V, at: usize, x: &[f32]) -> V {
    // SAFETY: the caller's promise.
    lane.add(unsafe { V::read(x, at) })
}

/// `fma(x, y, lane)`.
#[inline(always)]
unsafe fn plus_product<V: Vector>(lane: V, at: usize, x: &[f32], y: &[f32]) -> V {
    // SAFETY: the caller's promise.
    unsafe { V::read(x, at).fma(V::read(y, at), lane) }
}

/// The row sum.
#[inline(always)]
pub(in crate::numerics) fn sum_of<V: Vector>(x: &[f32]) -> f32 {
    row_reduction!(V, x.len(), plus(x))
}

/// The row sum of products.
#[inline(always)]
pub(in crate::numerics) fn sum_of_products_of<V: Vector>(x: &[f32], y: &[f32]) -> f32 {
    assert_eq!(x.len(), y.len(), "factors in pairs");
    row_reduction!(V, x.len(), plus_product(x, y))
}

/// The largest element; any order gives it.
#[inline(always)]
pub(in crate::numerics) fn maximum_of<V: Vector>(x: &[f32]) -> f32 {
    let mut lanes = [V::splat(f32::NEG_INFINITY); LANES];
    let mut numbers = lanes;
    let whole = x.len() / LANES * LANES;
    let mut start = 0;
    while start < whole {
        for i in 0..vectors::<V>() {
            // SAFETY: the 16 elements from `start` lie within x.
            let value = unsafe { V::read(x, start + i * V::WIDTH) };
            lanes[i] = lanes[i].at_least(value);
            // What does not equal itself is a NaN: the last one of a lane stays.
            numbers[i] = V::select(value.equal(value), numbers[i], value);
        }
        start += LANES;
    }
    let mut largest = V::largest(&lanes);
    let mut nan = false;
    for lane in &spread::<V>(&numbers) {
        let mut number = [0.0];
        lane.store(&mut number);
        nan |= number[0].is_nan();
    }
    for &value in &x[whole..] {
        nan |= value.is_nan();
        if value > largest {
            largest = value;
        }
    }
    if nan { f32::NAN } else { largest + 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::{Level, reference, reference::tests::samples};

    #[test]
    fn every_level_equals_the_definition() {
        for count in (0..70).chain([255, 256, 257]) {
            for seed in 0..6 {
                let (x, y) = (samples(seed, count), samples(seed + 100, count));
                for level in Level::available() {
                    reference::tests::same(&[row_sum(level, &x)], &[reference::row_sum(&x)]);
                    let products = reference::row_sum_of_products(&x, &y);
                    reference::tests::same(&[row_sum_of_products(level, &x, &y)], &[products]);
                    let largest = x.iter().fold(f32::NEG_INFINITY, |m, &v| {
                        crate::numerics::float::Float::maximum(m, v)
                    });
                    reference::tests::same(&[row_maximum(level, &x)], &[largest]);
                }
            }
        }
    }

    #[test]
    fn sixteen_lanes_then_the_tree() {
        // Elements 0, 16 and 32 share lane 0, where (1e8 + 1) − 1e8 is 0; the tree then adds lane 1.
        let mut x = vec![0.0; 33];
        (x[0], x[16], x[32], x[1]) = (1e8, 1.0, -1e8, 2.0);
        for level in Level::available() {
            assert_eq!(row_sum(level, &x).to_bits(), 2.0f32.to_bits());
        }
    }
}
