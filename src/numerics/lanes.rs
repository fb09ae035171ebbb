//! Vectors of binary32, each operation rounded as IEEE 754 says, lane by lane.
//!
//! One trait for every SIMD level, so that a kernel is written once: AVX-512, AVX2 with FMA, and
//! plain arrays that any target's compiler turns into its own vectors.

#![allow(
    clippy::inline_always,
    reason = "kernels take the SIMD level of the function that they are inlined into"
)]
#![allow(unsafe_code, reason = "vector instructions and unchecked addresses")]
#![allow(
    unsafe_op_in_unsafe_fn,
    reason = "each body is one instruction under its function's contract"
)]

#[cfg(target_arch = "x86_64")]
#[allow(clippy::wildcard_imports, reason = "dozens of intrinsics, each with its own prefix")]
use std::arch::x86_64::*;

/// A vector of binary32 numbers.
///
/// # Safety
///
/// All methods demand that the machine has the instructions of the implementing type; a method with
/// an address demands that the lanes it names are readable, or writable, there.
#[allow(clippy::missing_safety_doc, reason = "the contract is the trait's")]
pub(crate) trait Lanes: Copy {
    /// How many lanes there are.
    const WIDTH: usize;

    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    /// Reads the first `count` lanes; the others are +0.
    unsafe fn load_first(from: *const f32, count: usize) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// Writes the first `count` lanes.
    unsafe fn store_first(self, to: *mut f32, count: usize);
    /// Reads `count` lanes, all if there are as many.
    #[inline(always)]
    unsafe fn load_some(from: *const f32, count: usize) -> Self {
        if count >= Self::WIDTH { Self::load(from) } else { Self::load_first(from, count) }
    }
    /// Writes `count` lanes, all if there are as many.
    #[inline(always)]
    unsafe fn store_some(self, to: *mut f32, count: usize) {
        if count >= Self::WIDTH {
            self.store(to);
        } else {
            self.store_first(to, count);
        }
    }
    /// `self · factor + addend`, rounded once.
    #[must_use]
    unsafe fn fma(self, factor: Self, addend: Self) -> Self;
    #[must_use]
    unsafe fn add(self, other: Self) -> Self;
    #[must_use]
    unsafe fn mul(self, other: Self) -> Self;

    /// Asks for the cache line of an address, which need not be readable.
    #[inline(always)]
    fn prefetch(_: *const f32) {}

    /// Transposes an 8 × 8 block: `to[t · to_stride + r] = from[r · from_stride + t]`.
    #[inline(always)]
    unsafe fn transpose8(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        for t in 0..8 {
            for r in 0..8 {
                to.add(t * to_stride + r).write(from.add(r * from_stride + t).read());
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
impl Lanes for __m512 {
    const WIDTH: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self { _mm512_set1_ps(value) }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self { _mm512_loadu_ps(from) }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self { _mm512_maskz_loadu_ps(mask16(count), from) }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) { _mm512_storeu_ps(to, self); }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) { _mm512_mask_storeu_ps(to, mask16(count), self); }
    #[inline(always)]
    unsafe fn fma(self, factor: Self, addend: Self) -> Self { _mm512_fmadd_ps(self, factor, addend) }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self { _mm512_add_ps(self, other) }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self { _mm512_mul_ps(self, other) }
    #[inline(always)]
    fn prefetch(address: *const f32) { prefetch(address); }
    #[inline(always)]
    unsafe fn transpose8(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        transpose8_avx2(from, from_stride, to, to_stride);
    }
}

/// Asks for the cache line of an address.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn prefetch(address: *const f32) {
    // SAFETY: a hint; it never faults, and every x86-64 machine has it.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

/// The first `count` of 16 lanes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn mask16(count: usize) -> __mmask16 {
    if count >= 16 { 0xffff } else { (1 << count) - 1 }
}

#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
impl Lanes for __m256 {
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self { _mm256_set1_ps(value) }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self { _mm256_loadu_ps(from) }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self { _mm256_maskload_ps(from, mask8(count)) }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) { _mm256_storeu_ps(to, self); }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) { _mm256_maskstore_ps(to, mask8(count), self); }
    #[inline(always)]
    unsafe fn fma(self, factor: Self, addend: Self) -> Self { _mm256_fmadd_ps(self, factor, addend) }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self { _mm256_add_ps(self, other) }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self { _mm256_mul_ps(self, other) }
    #[inline(always)]
    fn prefetch(address: *const f32) { prefetch(address); }
    #[inline(always)]
    unsafe fn transpose8(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
        transpose8_avx2(from, from_stride, to, to_stride);
    }
}

/// The first `count` of 8 lanes.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "at most 8")]
unsafe fn mask8(count: usize) -> __m256i {
    let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    _mm256_cmpgt_epi32(_mm256_set1_epi32(count.min(8) as i32), lane)
}

/// Transposes an 8 × 8 block in registers: pairs, then quarters, then halves.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn transpose8_avx2(from: *const f32, from_stride: usize, to: *mut f32, to_stride: usize) {
    let mut quarters = [_mm256_setzero_ps(); 8];
    for half in 0..2 {
        let from = from.add(4 * half * from_stride);
        let (a, b) = (_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(from_stride)));
        let from = from.add(2 * from_stride);
        let (c, d) = (_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(from_stride)));
        let (ab_low, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (cd_low, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        quarters[4 * half] = _mm256_shuffle_ps::<0x44>(ab_low, cd_low);
        quarters[4 * half + 1] = _mm256_shuffle_ps::<0xee>(ab_low, cd_low);
        quarters[4 * half + 2] = _mm256_shuffle_ps::<0x44>(ab_high, cd_high);
        quarters[4 * half + 3] = _mm256_shuffle_ps::<0xee>(ab_high, cd_high);
    }
    for t in 0..4 {
        let (left, right) = (quarters[t], quarters[t + 4]);
        _mm256_storeu_ps(to.add(t * to_stride), _mm256_permute2f128_ps::<0x20>(left, right));
        _mm256_storeu_ps(to.add((t + 4) * to_stride), _mm256_permute2f128_ps::<0x31>(left, right));
    }
}

/// Eight lanes in an array; `FUSED` says whether the surrounding function is compiled for hardware
/// with fused multiply-add, otherwise it is computed in software.
#[derive(Clone, Copy)]
#[repr(align(32))]
pub(crate) struct Eight<const FUSED: bool>([f32; 8]);

impl<const FUSED: bool> Eight<FUSED> {
    #[inline(always)]
    fn zip(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|lane| operation(self.0[lane], other.0[lane])))
    }
}

#[rustfmt::skip]
impl<const FUSED: bool> Lanes for Eight<FUSED> {
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self { Self([value; 8]) }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self { Self(from.cast::<[f32; 8]>().read_unaligned()) }
    #[inline(always)]
    unsafe fn load_first(from: *const f32, count: usize) -> Self {
        Self(std::array::from_fn(|lane| if lane < count { from.add(lane).read() } else { 0.0 }))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) { to.cast::<[f32; 8]>().write_unaligned(self.0); }
    #[inline(always)]
    unsafe fn store_first(self, to: *mut f32, count: usize) {
        for lane in 0..count.min(8) { to.add(lane).write(self.0[lane]); }
    }
    #[inline(always)]
    unsafe fn fma(self, factor: Self, addend: Self) -> Self {
        let fma = |lane: usize| {
            let (a, b, c): (f32, f32, f32) = (self.0[lane], factor.0[lane], addend.0[lane]);
            if FUSED { a.mul_add(b, c) } else { libm::fmaf(a, b, c) }
        };
        Self(std::array::from_fn(fma))
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self { self.zip(other, |a, b| a + b) }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self { self.zip(other, |a, b| a * b) }
}
