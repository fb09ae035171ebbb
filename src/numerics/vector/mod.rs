//! Vectors of binary32: what an elementwise kernel is written in, once for every SIMD level.
//!
//! Every operation acts on lanes alone and rounds once, so that a kernel gives the same bits whatever the vector. The
//! types for x86-64 are used only inside functions compiled for their level, which [`per_level`] makes.

#![allow(
    unsafe_code,
    reason = "a kernel compiled for a SIMD level is called after the level was detected"
)]
#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]

mod pair;
mod plain;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(in crate::numerics) use pair::Pair;
pub(in crate::numerics) use plain::Plain;
#[cfg(target_arch = "x86_64")]
pub(in crate::numerics) use x86::{Eight, Sixteen};

/// Lanes of a row reduction.
pub(in crate::numerics) const LANES: usize = 16;

/// Some lanes of binary32.
pub(in crate::numerics) trait Vector: Copy {
    /// How many lanes; divides 16 where rows are reduced.
    const WIDTH: usize;

    /// One lane in functions compiled alike; the rest of a row is done with it.
    type One: Vector;

    /// One truth value a lane.
    type Mask: Copy;

    /// Returns the same number in every lane.
    fn splat(x: f32) -> Self;

    /// Reads the first `WIDTH` elements.
    fn load(from: &[f32]) -> Self;

    /// Writes the first `WIDTH` elements.
    fn store(self, to: &mut [f32]);

    /// Reads `WIDTH` elements from place `at`.
    ///
    /// # Safety
    ///
    /// `at + WIDTH ≤ from.len()`.
    #[inline(always)]
    unsafe fn read(from: &[f32], at: usize) -> Self {
        // SAFETY: the caller's promise.
        Self::load(unsafe { from.get_unchecked(at..at + Self::WIDTH) })
    }

    /// Writes `WIDTH` elements to place `at`.
    ///
    /// # Safety
    ///
    /// `at + WIDTH ≤ to.len()`.
    #[inline(always)]
    unsafe fn write(self, to: &mut [f32], at: usize) {
        // SAFETY: the caller's promise.
        self.store(unsafe { to.get_unchecked_mut(at..at + Self::WIDTH) });
    }

    /// Returns `self + other`.
    fn add(self, other: Self) -> Self;

    /// Returns `self − other`.
    fn sub(self, other: Self) -> Self;

    /// Returns `self · other`.
    fn mul(self, other: Self) -> Self;

    /// Returns `self ÷ other`.
    fn div(self, other: Self) -> Self;

    /// Returns the square root.
    fn sqrt(self) -> Self;

    /// Returns `self · factor + addend`, rounded once.
    fn fma(self, factor: Self, addend: Self) -> Self;

    /// Returns `addend − self · factor`, rounded once.
    fn negative_fma(self, factor: Self, addend: Self) -> Self;

    /// Returns the number without its sign.
    fn abs(self) -> Self;

    /// Returns `|self|` with the sign of `sign`, for `self ≥ +0` or NaN.
    fn with_sign_of(self, sign: Self) -> Self;

    /// Returns `self > bound ? bound : self`, so that NaN stays.
    fn at_most(self, bound: Self) -> Self;

    /// Returns `self < bound ? bound : self`, so that NaN stays.
    fn at_least(self, bound: Self) -> Self;

    /// Returns whether `self < other`; false for NaN.
    fn less(self, other: Self) -> Self::Mask;

    /// Returns whether `self = other`; false for NaN.
    fn equal(self, other: Self) -> Self::Mask;

    /// Returns `yes` where the mask holds, else `no`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// Returns `self · 2ⁿ`, rounded once, for `self` in [½, 2] (or NaN) and |n| ≤ 160, where `shifted` is n + 1.5·2²³.
    fn times_power(self, shifted: Self) -> Self;

    /// Returns `table[n]` for n in 0..8, where `shifted` is n + 2²³ (anything for NaN).
    fn lookup(table: &[f32; 8], shifted: Self) -> Self;

    /// Adds the 16 lanes, of which the first `16 ÷ WIDTH` vectors hold consecutive ones, by the tree 8, 4, 2, 1.
    fn tree(lanes: &[Self; LANES]) -> f32;

    /// Returns the natural logarithm of every lane.
    fn log(self) -> Self;

    /// Returns the largest of the 16 lanes laid out as in [`Self::tree`], none of which is NaN.
    fn largest(lanes: &[Self; LANES]) -> f32;
}

/// How many vectors hold the 16 lanes.
#[inline(always)]
pub(in crate::numerics) fn vectors<V: Vector>() -> usize {
    LANES / V::WIDTH
}

/// Makes, for each `fn name = kernel(arguments)`, a function that runs the generic kernel at a given SIMD level.
///
/// # Panics
///
/// The function panics if the machine has not that level.
macro_rules! per_level {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident = $kernel:ident(
        $($argument:ident: $type:ty),* $(,)?
    ) $(-> $result:ty)?;)*) => { $(
        $(#[$attribute])*
        #[allow(clippy::too_many_arguments, reason = "operands of an operation")]
        $visibility fn $name(level: $crate::numerics::Level, $($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                use $crate::numerics::vector::{Eight, Plain, Sixteen};
                #[allow(clippy::too_many_arguments, reason = "operands of an operation")]
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2")]
                fn avx512($($argument: $type),*) $(-> $result)? {
                    $kernel::<Sixteen>($($argument),*)
                }
                #[allow(clippy::too_many_arguments, reason = "operands of an operation")]
                #[target_feature(enable = "avx2,fma,bmi2")]
                fn avx2($($argument: $type),*) $(-> $result)? {
                    $kernel::<Eight>($($argument),*)
                }
                #[allow(clippy::too_many_arguments, reason = "operands of an operation")]
                #[target_feature(enable = "fma")]
                fn fused($($argument: $type),*) $(-> $result)? {
                    $kernel::<Plain<true>>($($argument),*)
                }
                match $crate::numerics::vector::checked(level) {
                    // SAFETY: `checked` found the features of the level on this machine.
                    $crate::numerics::vector::Target::Avx512 => unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    $crate::numerics::vector::Target::Avx2 => unsafe { avx2($($argument),*) },
                    // SAFETY: as above.
                    $crate::numerics::vector::Target::Fused => unsafe { fused($($argument),*) },
                    $crate::numerics::vector::Target::Software => {
                        $kernel::<Plain<false>>($($argument),*)
                    }
                }
            }
            #[cfg(not(target_arch = "x86_64"))]
            {
                use $crate::numerics::vector::Plain;
                assert_eq!(level, $crate::numerics::Level::Scalar, "a level of another machine");
                $kernel::<Plain<{ cfg!(target_arch = "aarch64") }>>($($argument),*)
            }
        }
    )* };
}
pub(in crate::numerics) use per_level;

/// What a kernel is compiled for.
#[cfg(target_arch = "x86_64")]
pub(in crate::numerics) enum Target {
    /// Sixteen lanes.
    Avx512,
    /// Eight lanes.
    Avx2,
    /// One lane with hardware FMA.
    Fused,
    /// One lane with software FMA.
    Software,
}

/// Returns what to run for a level.
///
/// # Panics
///
/// If the machine has not that level.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(in crate::numerics) fn checked(level: super::Level) -> Target {
    use super::Level;
    let has = match level {
        Level::Scalar if is_x86_feature_detected!("fma") => return Target::Fused,
        Level::Scalar => return Target::Software,
        Level::Avx2 => is_x86_feature_detected!("avx2"),
        Level::Avx512 => {
            is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx2")
        }
    };
    assert!(
        has && is_x86_feature_detected!("fma") && is_x86_feature_detected!("bmi2"),
        "this machine has not the SIMD level {level:?}"
    );
    if level == Level::Avx2 { Target::Avx2 } else { Target::Avx512 }
}
