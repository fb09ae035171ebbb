//! exp, log, erf, tanh and the logistic function in binary32, defined to the bit.
//!
//! The coefficients are the definition. They come from weighted least squares at Chebyshev points in 60 digits
//! (`tests/golden/elementary_coefficients.py`). NaN gives NaN.
//!
//! Largest errors against binary64 over every 17th binary32 number, in units in the last place: exp 0.990, log 0.787,
//! erf 0.903, tanh 1.306, sigmoid 1.458. The tests hold the bounds.

#![allow(
    unsafe_code,
    reason = "one number is computed in a function compiled with FMA once FMA was detected"
)]
#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]

use super::vector::{Plain, Vector, per_level};

/// Names functions of one number, of which one is compiled with FMA instructions; the bits are the same.
macro_rules! one_number {
    ($($(#[$attribute:meta])* $name:ident = $hardware:expr, $software:expr;)*) => { $(
        $(#[$attribute])*
        #[inline]
        pub fn $name(x: f32) -> f32 {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "fma")]
                fn fused(x: f32) -> f32 {
                    $hardware(Plain(x)).0
                }
                if is_x86_feature_detected!("fma") {
                    // SAFETY: FMA was detected.
                    return unsafe { fused(x) };
                }
            }
            if cfg!(target_arch = "aarch64") {
                return $hardware(Plain(x)).0;
            }
            $software(Plain(x)).0
        }
    )* };
}

one_number! {
    /// Returns eˣ: +∞ above ln(2¹²⁸), subnormals kept, +0 below −104.
    exp = exp_of::<Plain<true>>, exp_of::<Plain<false>>;
    /// Returns the natural logarithm: −∞ at either zero, NaN below.
    log = log_of::<true>, log_of::<false>;
    /// Returns the error function, odd, ±1 at the ends.
    erf = erf_of::<Plain<true>>, erf_of::<Plain<false>>;
    /// Returns the hyperbolic tangent, odd, ±1 at the ends.
    tanh = tanh_of::<Plain<true>>, tanh_of::<Plain<false>>;
    /// Returns the logistic function 1 ÷ (1 + e⁻ˣ).
    sigmoid = sigmoid_of::<Plain<true>>, sigmoid_of::<Plain<false>>;
}

per_level! {
    /// Computes `y[i] = exp(x[i])`.
    pub fn exp_slice = exp_kernel(x: &[f32], y: &mut [f32]);
    /// Computes `y[i] = log(x[i])`.
    pub fn log_slice = log_kernel(x: &[f32], y: &mut [f32]);
    /// Computes `y[i] = erf(x[i])`.
    pub fn erf_slice = erf_kernel(x: &[f32], y: &mut [f32]);
    /// Computes `y[i] = tanh(x[i])`.
    pub fn tanh_slice = tanh_kernel(x: &[f32], y: &mut [f32]);
    /// Computes `y[i] = sigmoid(x[i])`.
    pub fn sigmoid_slice = sigmoid_kernel(x: &[f32], y: &mut [f32]);
}

/// Writes `$of` of every element, the last few by way of a padded vector.
///
/// A macro, because a closure would be compiled without the features of the level.
macro_rules! map_kernels {
    ($($kernel:ident = $of:path;)*) => { $(
        #[inline(always)]
        fn $kernel<V: Vector>(x: &[f32], y: &mut [f32]) {
            assert_eq!(x.len(), y.len(), "as many results as arguments");
            let whole = x.len() / V::WIDTH * V::WIDTH;
            let (x, x_rest) = x.split_at(whole);
            let (y, y_rest) = y.split_at_mut(whole);
            for (x, y) in x.chunks_exact(V::WIDTH).zip(y.chunks_exact_mut(V::WIDTH)) {
                $of(V::load(x)).store(y);
            }
            if !x_rest.is_empty() {
                let mut padded = [0.0; 16];
                padded[..x_rest.len()].copy_from_slice(x_rest);
                $of(V::load(&padded)).store(&mut padded);
                y_rest.copy_from_slice(&padded[..x_rest.len()]);
            }
        }
    )* };
}

map_kernels! {
    exp_kernel = exp_of;
    log_kernel = V::log;
    erf_kernel = erf_of;
    tanh_kernel = tanh_of;
    sigmoid_kernel = sigmoid_of;
}

const fn number(bits: u32) -> f32 {
    f32::from_bits(bits)
}

/// ln 2 in 14 bits, so that its product with an exponent is exact, and what is left of it.
const LN_2_HIGH: f32 = number(0x3f31_7000);
const LN_2_LOW: f32 = number(0x3805_fdf4);
/// 1 ÷ ln 2.
const LOG2_E: f32 = number(0x3fb8_aa3b);
/// 1.5·2²³: added to a number below 2²², it rounds it to an integer, which stands in the low bits.
const SHIFT: f32 = 12_582_912.0;

/// p in eʳ ≈ 1 + (r + r²·p(r)), |r| ≤ ½·ln 2; relative error 3.7e-9.
const EXP: [f32; 5] = [
    number(0x3eff_fffc),
    number(0x3e2a_aa47),
    number(0x3d2a_adcb),
    number(0x3c09_1de8),
    number(0x3ab4_29a9),
];

/// The smallest and largest argument whose exponential is computed; beyond them it is 0 and ∞.
const EXP_RANGE: (f32, f32) = (-104.0, 89.0);

/// eˣ as 2ⁿ·(1 + tail): returns tail and n + 1.5·2²³, for x within `EXP_RANGE`.
#[inline(always)]
fn exp_parts<V: Vector>(x: V) -> (V, V) {
    let shifted = x.fma(V::splat(LOG2_E), V::splat(SHIFT));
    let n = shifted.sub(V::splat(SHIFT));
    let r = n.negative_fma(V::splat(LN_2_HIGH), x);
    let r = n.negative_fma(V::splat(LN_2_LOW), r);
    let p = horner(&EXP, r);
    (p.fma(r.mul(r), r), shifted)
}

/// eˣ.
#[inline(always)]
pub(in crate::numerics) fn exp_of<V: Vector>(x: V) -> V {
    let x = x.at_most(V::splat(EXP_RANGE.1)).at_least(V::splat(EXP_RANGE.0));
    let (tail, shifted) = exp_parts(x);
    tail.add(V::splat(1.0)).times_power(shifted)
}

/// `(…(c[n−1]·x + c[n−2])·x + …)·x + c[0]`, each step rounded once.
#[inline(always)]
fn horner<V: Vector, const N: usize>(coefficients: &[f32; N], x: V) -> V {
    let mut sum = V::splat(coefficients[N - 1]);
    for &c in coefficients[..N - 1].iter().rev() {
        sum = sum.fma(x, V::splat(c));
    }
    sum
}

/// p in log(1 + f) ≈ f − f²÷2 + f³·p(f), √½ ≤ 1 + f < √2; relative error 8.9e-10.
const LOG: [f32; 9] = [
    number(0x3eaa_aaa3),
    number(0xbe80_0005),
    number(0x3e4c_d2a3),
    number(0xbe2a_ad72),
    number(0x3e11_967d),
    number(0xbdfe_26d0),
    number(0x3df3_d2a7),
    number(0xbdee_b288),
    number(0x3d88_e43a),
];

/// The natural logarithm of one number, whose exponent is taken from its bits.
#[inline(always)]
pub(in crate::numerics) fn log_of<const HARDWARE: bool>(x: Plain<HARDWARE>) -> Plain<HARDWARE> {
    let x = x.0;
    // A subnormal number is brought among the normal ones first: times 2²³, exactly.
    let subnormal = x < f32::MIN_POSITIVE;
    let scaled = if subnormal { x * 8_388_608.0 } else { x };
    let bits = scaled.to_bits().cast_signed();
    let exponent = bits.wrapping_sub(0x3f35_04f3) >> 23;
    let mantissa = f32::from_bits(bits.wrapping_sub(exponent << 23).cast_unsigned());
    let exponent = if subnormal { exponent - 23 } else { exponent };
    // Exact: below 2⁸. The sum with 1.5·2²³ stands in the low bits.
    let e = f32::from_bits(exponent.wrapping_add(0x4b40_0000).cast_unsigned()) - SHIFT;
    let f = Plain::<HARDWARE>(mantissa - 1.0);
    let e = Plain::<HARDWARE>(e);
    let square = f.mul(f);
    let low = horner(&LOG, f).mul(f).fma(square, e.mul(Plain(LN_2_LOW)));
    let low = square.fma(Plain(-0.5), low);
    let result = e.fma(Plain(LN_2_HIGH), f.add(low)).0;
    Plain(if x > 0.0 && x < f32::INFINITY {
        result
    } else if x == 0.0 {
        f32::NEG_INFINITY
    } else if x > 0.0 {
        x
    } else {
        f32::NAN
    })
}

/// p in tanh x ≈ x + x·s·p(s), s = x², |x| ≤ 0.625; relative error 4.9e-9.
const TANH: [f32; 5] = [
    number(0xbeaa_aa98),
    number(0x3e08_8356),
    number(0xbd5c_1760),
    number(0x3ca8_ec3c),
    number(0xbbba_5397),
];

/// The hyperbolic tangent.
#[inline(always)]
pub(in crate::numerics) fn tanh_of<V: Vector>(x: V) -> V {
    let one = V::splat(1.0);
    let two = V::splat(2.0);
    let size = x.abs();
    let large = one.sub(two.div(exp_of(size.mul(two)).add(one)));
    let square = size.mul(size);
    let small = horner(&TANH, square).mul(square).fma(size, size);
    let result = V::select(size.less(V::splat(0.625)), small, large);
    result.with_sign_of(x)
}

/// The logistic function.
///
/// With z = e^(−|x|), it is 1 ÷ (1 + z) or z ÷ (1 + z); the quotient is corrected by its remainder and by what the sum
/// lost, so that the error of z is almost all that is left.
#[inline(always)]
pub(in crate::numerics) fn sigmoid_of<V: Vector>(x: V) -> V {
    let one = V::splat(1.0);
    let z = exp_of(V::splat(0.0).sub(x.abs()));
    let negative = x.less(V::splat(0.0));
    let numerator = V::select(negative, z, one);
    let sum = one.add(z);
    let lost = z.sub(sum.sub(one));
    let quotient = numerator.div(sum);
    let reciprocal = V::select(negative, one.sub(quotient), quotient);
    let remainder = quotient.negative_fma(sum, numerator);
    quotient.negative_fma(lost, remainder).fma(reciprocal, quotient)
}

/// Eight pieces of width 17/32, piece k around k·17/32: coefficients of d⁰, d¹, … by piece.
///
/// erf t ≈ c₀ + d·(c₁ + d·(c₂ + …)), d = t − k·17/32; in piece 0, which holds t + t·p(t), t stands for c₀. The largest
/// relative error is 2.6e-8, in the last piece; elsewhere below 1.5e-8.
const ERF: [[f32; 8]; 8] = [
    [
        number(0x0000_0000),
        number(0x3f0c_2ad3),
        number(0x3f5d_f788),
        number(0x3f79_cde1),
        number(0x3f7f_5211),
        number(0x3f7f_f4b5),
        number(0x3f7f_ff92),
        number(0x3f7f_fffe),
    ],
    [
        number(0x3e03_75d4),
        number(0x3f59_d57f),
        number(0x3eba_d48d),
        number(0x3db6_3f32),
        number(0x3c4a_3128),
        number(0x3a7f_20e8),
        number(0x3837_11ae),
        number(0x3595_673c),
    ],
    [
        number(0x33bb_9559),
        number(0xbee7_72c3),
        number(0xbec6_81ff),
        number(0xbe11_3a26),
        number(0xbcd6_d735),
        number(0xbb29_5123),
        number(0xb911_2246),
        number(0xb6ec_1b29),
    ],
    [
        number(0xbec0_93e8),
        number(0xbdfd_036f),
        number(0x3e1c_aa5b),
        number(0x3df7_dc87),
        number(0x3d07_5221),
        number(0x3b8b_60a5),
        number(0x3993_6011),
        number(0x3725_f8a4),
    ],
    [
        number(0x3784_aaf3),
        number(0x3e3b_d96f),
        number(0x3d44_aa02),
        number(0xbd49_77d2),
        number(0xbcd7_a8e7),
        number(0xbb9e_5a83),
        number(0xb9dc_fdce),
        number(0x3888_9b72),
    ],
    [
        number(0x3de7_1810),
        number(0xbaed_4b06),
        number(0xbd87_c0d9),
        number(0xbba3_4017),
        number(0x3c4c_c999),
        number(0x3b79_cbb3),
        number(0x39e0_23f8),
        number(0x37ba_e3bd),
    ],
    [
        number(0xba05_4c87),
        number(0xbd41_e6f0),
        number(0x3c1f_97e7),
        number(0x3c81_82c3),
        number(0xbb01_dcde),
        number(0xbae2_fe4e),
        number(0xb94c_8518),
        number(0xba34_c30f),
    ],
    [
        number(0xbccd_9924),
        number(0x3bd9_5c12),
        number(0x3c4c_3158),
        number(0xbbba_ddeb),
        number(0xbafc_55d4),
        number(0x3a2e_39d2),
        number(0x3965_483c),
        number(0x37ab_1e4b),
    ],
];

/// The error function.
#[inline(always)]
pub(in crate::numerics) fn erf_of<V: Vector>(x: V) -> V {
    // Beyond 3.92 the result is 1; the last piece ends at 3.98.
    let size = x.abs().at_most(V::splat(3.9375));
    let shift = V::splat(8_388_608.0);
    let shifted = size.fma(V::splat(32.0 / 17.0), shift);
    let k = shifted.sub(shift);
    let d = k.negative_fma(V::splat(17.0 / 32.0), size);
    let mut sum = V::lookup(&ERF[7], shifted);
    for row in ERF[1..7].iter().rev() {
        sum = sum.fma(d, V::lookup(row, shifted));
    }
    let head = V::lookup(&ERF[0], shifted);
    let head = V::select(k.equal(V::splat(0.0)), size, head);
    sum.fma(d, head).with_sign_of(x)
}

#[cfg(test)]
mod tests;
