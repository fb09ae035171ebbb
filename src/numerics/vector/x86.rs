//! Eight lanes of AVX2 and sixteen of AVX-512.
//!
//! The methods compile to single instructions where they are inlined into a function compiled for their level, the only
//! place where these types are used (see [`super::per_level`]).

#![allow(unsafe_code, reason = "intrinsics of the level that the caller is compiled for")]
#![allow(
    clippy::inline_always,
    reason = "intrinsics must end in the function compiled for their level"
)]

#[allow(clippy::wildcard_imports, reason = "half of the file is names of intrinsics")]
use std::arch::x86_64::*;

use super::{LANES, Plain, Vector};
use crate::numerics::elementary::log_of;

/// 1.5·2²³, as bits.
const SHIFT_BITS: i32 = 0x4b40_0000;

/// Eight lanes of AVX2.
#[derive(Debug, Clone, Copy)]
pub(in crate::numerics) struct Eight(__m256);

/// Sixteen lanes of AVX-512.
#[derive(Debug, Clone, Copy)]
pub(in crate::numerics) struct Sixteen(__m512);

/// Names an intrinsic in a safe expression.
macro_rules! lanes {
    ($intrinsic:expr) => {
        // SAFETY: these types are used only inside functions compiled for their level, which `per_level` calls after
        // the level was detected.
        unsafe { $intrinsic }
    };
}

/// Joins lane i with lane i + 4, i + 2, i + 1. Macros, not closures: a closure is compiled without the level's features.
macro_rules! fold {
    ($eight:expr, $join:ident) => {{
        let eight = $eight;
        let four = $join(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
        let two = $join(four, _mm_movehl_ps(four, four));
        let one = $join(two, _mm_movehdup_ps(two));
        _mm_cvtss_f32(one)
    }};
}

impl Vector for Eight {
    const WIDTH: usize = 8;

    type One = Plain<true>;

    type Mask = __m256;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(lanes!(_mm256_set1_ps(x)))
    }

    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        assert!(from.len() >= 8, "eight elements to read");
        // SAFETY: the slice holds eight elements; features as above.
        Self(unsafe { _mm256_loadu_ps(from.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        assert!(to.len() >= 8, "eight elements to write");
        // SAFETY: the slice holds eight elements; features as above.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(lanes!(_mm256_add_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(lanes!(_mm256_sub_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(lanes!(_mm256_mul_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(lanes!(_mm256_div_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(lanes!(_mm256_sqrt_ps(self.0)))
    }

    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        Self(lanes!(_mm256_fmadd_ps(self.0, factor.0, addend.0)))
    }

    #[inline(always)]
    fn negative_fma(self, factor: Self, addend: Self) -> Self {
        Self(lanes!(_mm256_fnmadd_ps(self.0, factor.0, addend.0)))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(lanes!(_mm256_andnot_ps(_mm256_set1_ps(-0.0), self.0)))
    }

    #[inline(always)]
    fn with_sign_of(self, sign: Self) -> Self {
        let bit = lanes!(_mm256_and_ps(_mm256_set1_ps(-0.0), sign.0));
        Self(lanes!(_mm256_or_ps(self.0, bit)))
    }

    // The instruction returns its second operand where either is NaN or both are zero.
    #[inline(always)]
    fn at_most(self, bound: Self) -> Self {
        Self(lanes!(_mm256_min_ps(bound.0, self.0)))
    }

    #[inline(always)]
    fn at_least(self, bound: Self) -> Self {
        Self(lanes!(_mm256_max_ps(bound.0, self.0)))
    }

    #[inline(always)]
    fn less(self, other: Self) -> __m256 {
        lanes!(_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0))
    }

    #[inline(always)]
    fn equal(self, other: Self) -> __m256 {
        lanes!(_mm256_cmp_ps::<_CMP_EQ_OQ>(self.0, other.0))
    }

    #[inline(always)]
    fn select(mask: __m256, yes: Self, no: Self) -> Self {
        Self(lanes!(_mm256_blendv_ps(no.0, yes.0, mask)))
    }

    #[inline(always)]
    fn times_power(self, shifted: Self) -> Self {
        // SAFETY: features as above; no memory is read.
        unsafe {
            let bits = _mm256_castps_si256(shifted.0);
            let power = _mm256_sub_epi32(bits, _mm256_set1_epi32(SHIFT_BITS));
            // For |n| ≤ 120 the product is normal and adding n to the exponent gives it exactly. A NaN goes the long way.
            let far = _mm256_cmpgt_epi32(_mm256_abs_epi32(power), _mm256_set1_epi32(120));
            if _mm256_movemask_ps(_mm256_castsi256_ps(far)) == 0 {
                let exponent = _mm256_slli_epi32::<23>(bits);
                let product = _mm256_add_epi32(_mm256_castps_si256(self.0), exponent);
                return Self(_mm256_castsi256_ps(product));
            }
            let bias = _mm256_set1_epi32(127);
            let half = _mm256_srai_epi32::<1>(power);
            let rest = _mm256_sub_epi32(power, half);
            let half = _mm256_slli_epi32::<23>(_mm256_add_epi32(half, bias));
            let rest = _mm256_slli_epi32::<23>(_mm256_add_epi32(rest, bias));
            let product = _mm256_mul_ps(self.0, _mm256_castsi256_ps(half));
            Self(_mm256_mul_ps(product, _mm256_castsi256_ps(rest)))
        }
    }

    #[inline(always)]
    fn lookup(table: &[f32; 8], shifted: Self) -> Self {
        // SAFETY: the table has eight elements; the instruction uses the three low bits of an index.
        unsafe {
            let table = _mm256_loadu_ps(table.as_ptr());
            Self(_mm256_permutevar8x32_ps(table, _mm256_castps_si256(shifted.0)))
        }
    }

    // The compiler vectorises this loop; a logarithm is taken once a row at most.
    #[inline(always)]
    fn log(self) -> Self {
        let mut lanes = [0.0; 8];
        self.store(&mut lanes);
        for lane in &mut lanes {
            *lane = log_of(Plain::<true>(*lane)).0;
        }
        Self::load(&lanes)
    }

    #[inline(always)]
    fn tree(lanes: &[Self; LANES]) -> f32 {
        let eight = lanes[0].add(lanes[1]).0;
        // SAFETY: features as above; no memory is read.
        unsafe { fold!(eight, _mm_add_ps) }
    }

    #[inline(always)]
    fn largest(lanes: &[Self; LANES]) -> f32 {
        let eight = lanes[0].at_least(lanes[1]).0;
        // SAFETY: features as above; no memory is read.
        unsafe { fold!(eight, _mm_max_ps) }
    }
}

impl Vector for Sixteen {
    const WIDTH: usize = 16;

    type One = Plain<true>;

    type Mask = __mmask16;

    #[inline(always)]
    fn splat(x: f32) -> Self {
        Self(lanes!(_mm512_set1_ps(x)))
    }

    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        assert!(from.len() >= 16, "sixteen elements to read");
        // SAFETY: the slice holds sixteen elements; features as above.
        Self(unsafe { _mm512_loadu_ps(from.as_ptr()) })
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        assert!(to.len() >= 16, "sixteen elements to write");
        // SAFETY: the slice holds sixteen elements; features as above.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Self(lanes!(_mm512_add_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        Self(lanes!(_mm512_sub_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Self(lanes!(_mm512_mul_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        Self(lanes!(_mm512_div_ps(self.0, other.0)))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(lanes!(_mm512_sqrt_ps(self.0)))
    }

    #[inline(always)]
    fn fma(self, factor: Self, addend: Self) -> Self {
        Self(lanes!(_mm512_fmadd_ps(self.0, factor.0, addend.0)))
    }

    #[inline(always)]
    fn negative_fma(self, factor: Self, addend: Self) -> Self {
        Self(lanes!(_mm512_fnmadd_ps(self.0, factor.0, addend.0)))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(lanes!(_mm512_abs_ps(self.0)))
    }

    #[inline(always)]
    fn with_sign_of(self, sign: Self) -> Self {
        let bit = lanes!(_mm512_and_ps(_mm512_set1_ps(-0.0), sign.0));
        Self(lanes!(_mm512_or_ps(self.0, bit)))
    }

    // The instruction returns its second operand where either is NaN or both are zero.
    #[inline(always)]
    fn at_most(self, bound: Self) -> Self {
        Self(lanes!(_mm512_min_ps(bound.0, self.0)))
    }

    #[inline(always)]
    fn at_least(self, bound: Self) -> Self {
        Self(lanes!(_mm512_max_ps(bound.0, self.0)))
    }

    #[inline(always)]
    fn less(self, other: Self) -> __mmask16 {
        lanes!(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0))
    }

    #[inline(always)]
    fn equal(self, other: Self) -> __mmask16 {
        lanes!(_mm512_cmp_ps_mask::<_CMP_EQ_OQ>(self.0, other.0))
    }

    #[inline(always)]
    fn select(mask: __mmask16, yes: Self, no: Self) -> Self {
        Self(lanes!(_mm512_mask_blend_ps(mask, no.0, yes.0)))
    }

    #[inline(always)]
    fn times_power(self, shifted: Self) -> Self {
        // SAFETY: features as above; no memory is read. The instruction multiplies by a power of two and rounds once.
        unsafe {
            let power = _mm512_sub_ps(shifted.0, _mm512_set1_ps(12_582_912.0));
            Self(_mm512_scalef_ps(self.0, power))
        }
    }

    #[inline(always)]
    fn lookup(table: &[f32; 8], shifted: Self) -> Self {
        // SAFETY: the table has eight elements; doubled, it serves the four low bits that the instruction uses.
        unsafe {
            let eight = _mm256_loadu_ps(table.as_ptr());
            let table = _mm512_broadcast_f32x8(eight);
            Self(_mm512_permutexvar_ps(_mm512_castps_si512(shifted.0), table))
        }
    }

    // The compiler vectorises this loop; a logarithm is taken once a row at most.
    #[inline(always)]
    fn log(self) -> Self {
        let mut lanes = [0.0; 16];
        self.store(&mut lanes);
        for lane in &mut lanes {
            *lane = log_of(Plain::<true>(*lane)).0;
        }
        Self::load(&lanes)
    }

    #[inline(always)]
    fn tree(lanes: &[Self; LANES]) -> f32 {
        // SAFETY: features as above; no memory is read.
        unsafe {
            let high = _mm512_extractf32x8_ps::<1>(lanes[0].0);
            let eight = _mm256_add_ps(_mm512_castps512_ps256(lanes[0].0), high);
            fold!(eight, _mm_add_ps)
        }
    }

    #[inline(always)]
    fn largest(lanes: &[Self; LANES]) -> f32 {
        // SAFETY: features as above; no memory is read.
        unsafe {
            let high = _mm512_extractf32x8_ps::<1>(lanes[0].0);
            let eight = _mm256_max_ps(_mm512_castps512_ps256(lanes[0].0), high);
            fold!(eight, _mm_max_ps)
        }
    }
}
