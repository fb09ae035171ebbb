//! Two vectors side by side: their operations alternate, so that one hides the latency of the other.

#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]

use super::{LANES, Vector, vectors};

/// Two vectors.
#[derive(Debug, Clone, Copy)]
pub(in crate::numerics) struct Pair<V>(V, V);

impl<V: Vector> Vector for Pair<V> {
    const WIDTH: usize = 2 * V::WIDTH;

    type One = V::One;

    type Mask = (V::Mask, V::Mask);

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(V::splat(x), V::splat(x))
    }

    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        Self(V::load(from), V::load(&from[V::WIDTH..]))
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        let (first, second) = to.split_at_mut(V::WIDTH);
        self.0.store(first);
        self.1.store(second);
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0.add(other.0), self.1.add(other.1))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.0.sub(other.0), self.1.sub(other.1))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.0.mul(other.0), self.1.mul(other.1))
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(self.0.div(other.0), self.1.div(other.1))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt(), self.1.sqrt())
    }

    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        Self(self.0.fma(factor.0, addend.0), self.1.fma(factor.1, addend.1))
    }

    #[inline(always)]
    fn negative_fma(self, factor: Self, addend: Self) -> Self {
        Self(self.0.negative_fma(factor.0, addend.0), self.1.negative_fma(factor.1, addend.1))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.abs(), self.1.abs())
    }

    #[inline(always)]
    fn with_sign_of(self, sign: Self) -> Self {
        Self(self.0.with_sign_of(sign.0), self.1.with_sign_of(sign.1))
    }

    #[inline(always)]
    fn at_most(self, bound: Self) -> Self {
        Self(self.0.at_most(bound.0), self.1.at_most(bound.1))
    }

    #[inline(always)]
    fn at_least(self, bound: Self) -> Self {
        Self(self.0.at_least(bound.0), self.1.at_least(bound.1))
    }

    #[inline(always)]
    fn less(self, other: Self) -> Self::Mask {
        (self.0.less(other.0), self.1.less(other.1))
    }

    #[inline(always)]
    fn equal(self, other: Self) -> Self::Mask {
        (self.0.equal(other.0), self.1.equal(other.1))
    }

    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        Self(V::select(mask.0, yes.0, no.0), V::select(mask.1, yes.1, no.1))
    }

    #[inline(always)]
    fn times_power(self, shifted: Self) -> Self {
        Self(self.0.times_power(shifted.0), self.1.times_power(shifted.1))
    }

    #[inline(always)]
    fn lookup(table: &[f32; 8], shifted: Self) -> Self {
        Self(V::lookup(table, shifted.0), V::lookup(table, shifted.1))
    }

    #[inline(always)]
    fn tree(lanes: &[Self; LANES]) -> f32 {
        V::tree(&halves(lanes))
    }

    #[inline(always)]
    fn log(self) -> Self {
        Self(self.0.log(), self.1.log())
    }

    #[inline(always)]
    fn largest(lanes: &[Self; LANES]) -> f32 {
        V::largest(&halves(lanes))
    }
}

/// The vectors of the first 16 lanes.
#[inline(always)]
fn halves<V: Vector>(lanes: &[Pair<V>; LANES]) -> [V; LANES] {
    let mut halves = [lanes[0].0; LANES];
    for (i, half) in halves.iter_mut().enumerate().take(vectors::<V>()) {
        let Pair(first, second) = lanes[i / 2];
        *half = if i % 2 == 0 { first } else { second };
    }
    halves
}
