//! One lane: the definition itself, and what any target's compiler vectorises.

#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]

use super::{LANES, Vector};
use crate::numerics::elementary::log_of;

/// One lane; `HARDWARE` says that the function it is used in is compiled with FMA instructions.
///
/// Without them, `f32::mul_add` would call the platform's library; software FMA gives the same bits.
#[derive(Debug, Clone, Copy)]
pub(in crate::numerics) struct Plain<const HARDWARE: bool>(pub(in crate::numerics) f32);

/// 1.5·2²³: added to a small number, it leaves the nearest integer in the low bits.
const SHIFT_BITS: i32 = 0x4b40_0000;

impl<const HARDWARE: bool> Vector for Plain<HARDWARE> {
    const WIDTH: usize = 1;

    type One = Self;

    type Mask = bool;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(x)
    }

    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        Self(from[0])
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        to[0] = self.0;
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(self.0 / other.0)
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }

    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        Self(if HARDWARE {
            self.0.mul_add(factor.0, addend.0)
        } else {
            libm::fmaf(self.0, factor.0, addend.0)
        })
    }

    #[inline(always)]
    fn negative_fma(self, factor: Self, addend: Self) -> Self {
        Self(-self.0).fma(factor, addend)
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.abs())
    }

    #[inline(always)]
    fn with_sign_of(self, sign: Self) -> Self {
        Self(f32::from_bits(self.0.to_bits() | (sign.0.to_bits() & 0x8000_0000)))
    }

    #[inline(always)]
    fn at_most(self, bound: Self) -> Self {
        if self.0 > bound.0 { bound } else { self }
    }

    #[inline(always)]
    fn at_least(self, bound: Self) -> Self {
        if self.0 < bound.0 { bound } else { self }
    }

    #[inline(always)]
    fn less(self, other: Self) -> bool {
        self.0 < other.0
    }

    #[inline(always)]
    #[allow(clippy::float_cmp, reason = "equality of numbers is what is asked")]
    fn equal(self, other: Self) -> bool {
        self.0 == other.0
    }

    #[inline(always)]
    fn select(mask: bool, yes: Self, no: Self) -> Self {
        if mask { yes } else { no }
    }

    #[inline(always)]
    fn times_power(self, shifted: Self) -> Self {
        // Two factors, so that the first product is exact and only the second may be subnormal.
        let power = shifted.0.to_bits().cast_signed().wrapping_sub(SHIFT_BITS);
        let half = power >> 1;
        Self(self.0 * two_to(half) * two_to(power.wrapping_sub(half)))
    }

    #[inline(always)]
    fn lookup(table: &[f32; 8], shifted: Self) -> Self {
        Self(table[(shifted.0.to_bits() & 7) as usize])
    }

    #[inline(always)]
    fn log(self) -> Self {
        log_of(self)
    }

    #[inline(always)]
    fn tree(lanes: &[Self; LANES]) -> f32 {
        let mut sums = *lanes;
        for width in [8, 4, 2, 1] {
            for i in 0..width {
                sums[i] = sums[i].add(sums[i + width]);
            }
        }
        sums[0].0
    }

    #[inline(always)]
    fn largest(lanes: &[Self; LANES]) -> f32 {
        let mut largest = *lanes;
        for width in [8, 4, 2, 1] {
            for i in 0..width {
                largest[i] = largest[i].at_least(largest[i + width]);
            }
        }
        largest[0].0
    }
}

#[inline(always)]
fn two_to(power: i32) -> f32 {
    f32::from_bits(power.wrapping_add(127).cast_unsigned() << 23)
}
