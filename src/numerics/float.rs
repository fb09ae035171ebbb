//! The arithmetic in which the slow references are written: binary32, where they are the definition,
//! and binary64, in which their derivatives can be checked by differences.
//!
//! Every operation rounds once, to nearest even; there is no reassociation and no hidden
//! contraction.

use std::fmt::Debug;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A binary floating-point number with the operations of the definitions.
pub trait Float:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// Positive zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;

    /// Returns `self · factor + addend`, rounded once.
    #[must_use]
    fn fma(self, factor: Self, addend: Self) -> Self;

    /// Returns the square root, rounded once.
    #[must_use]
    fn sqrt(self) -> Self;

    /// Returns the nearest number to a binary64 constant, ties to even.
    fn from_f64(value: f64) -> Self;

    /// Returns the same value in binary64; exact.
    fn to_f64(self) -> f64;

    /// Returns NaN if either is NaN, otherwise the larger plus (+0), so that the sign of zero
    /// never shows.
    #[must_use]
    fn maximum(self, other: Self) -> Self;
}

macro_rules! float {
    ($type:ty, $fma:path) => {
        impl Float for $type {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;

            #[inline]
            fn fma(self, factor: Self, addend: Self) -> Self {
                $fma(self, factor, addend)
            }

            #[inline]
            fn sqrt(self) -> Self {
                <$type>::sqrt(self)
            }

            #[inline]
            #[allow(
                clippy::cast_possible_truncation,
                reason = "rounding a binary64 constant once is what this method is for"
            )]
            fn from_f64(value: f64) -> Self {
                value as Self
            }

            #[inline]
            #[allow(clippy::useless_conversion, reason = "the macro also serves binary64 itself")]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }

            #[inline]
            fn maximum(self, other: Self) -> Self {
                if self.is_nan() || other.is_nan() {
                    return Self::NAN;
                }
                let larger = if self < other { other } else { self };
                larger + 0.0
            }
        }
    };
}

float!(f32, libm::fmaf);
float!(f64, libm::fma);

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "exact values are what is tested")]
mod tests {
    use super::Float;

    #[test]
    fn fma_rounds_once() {
        // (1 + 2⁻¹²)² = 1 + 2⁻¹¹ + 2⁻²⁴; in binary32 the last term is lost by a rounded product.
        let x = 1.0 + 2f32.powi_exact(-12);
        assert_eq!(Float::fma(x, x, -(1.0 + 2f32.powi_exact(-11))), 2f32.powi_exact(-24));
    }

    #[test]
    fn maximum_shows_neither_the_sign_of_zero_nor_hides_a_nan() {
        assert_eq!(Float::maximum(-0.0f32, -0.0).to_bits(), 0);
        assert_eq!(Float::maximum(-1.0f64, 2.0), 2.0);
        assert!(Float::maximum(f32::NAN, 1.0).is_nan());
        assert!(Float::maximum(1.0, f32::NAN).is_nan());
    }

    trait PowerOfTwo {
        fn powi_exact(self, exponent: i32) -> f32;
    }

    impl PowerOfTwo for f32 {
        fn powi_exact(self, exponent: i32) -> f32 {
            assert_eq!(self, 2.0);
            Self::from_bits(u32::try_from(127 + exponent).unwrap() << 23)
        }
    }
}
