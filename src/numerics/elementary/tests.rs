//! Errors against binary64 and equality of the levels.
//!
//! The oracle is the `libm` crate's binary64 function, whose error, below 1 ulp of binary64, is 2⁻²⁹ of ours.

use super::*;
use crate::numerics::Level;

type Slice = fn(Level, &[f32], &mut [f32]);

/// Name, function, oracle, largest error allowed in ulp.
type Function = (&'static str, Slice, fn(f64) -> f64, f64);

const FUNCTIONS: [Function; 5] = [
    ("exp", exp_slice, libm::exp, 1.0),
    ("log", log_slice, libm::log, 1.0),
    ("erf", erf_slice, libm::erf, 1.0),
    ("tanh", tanh_slice, libm::tanh, 1.5),
    ("sigmoid", sigmoid_slice, |x| 1.0 / (1.0 + libm::exp(-x)), 2.0),
];

/// The error of `got` in units of the last place of the result rounded to binary32.
fn ulps(got: f32, want: f64) -> f64 {
    #[allow(clippy::cast_possible_truncation, reason = "the nearest result is what counts")]
    let nearest = want as f32;
    if got.to_bits() == nearest.to_bits() || got.is_nan() && nearest.is_nan() {
        return if got.is_finite() { (f64::from(got) - want).abs() / ulp(nearest) } else { 0.0 };
    }
    if !nearest.is_finite() || !got.is_finite() {
        return f64::INFINITY;
    }
    (f64::from(got) - want).abs() / ulp(nearest)
}

fn ulp(x: f32) -> f64 {
    let exponent = (x.abs().to_bits() >> 23).max(1);
    f64::from_bits(u64::from(exponent + 1023 - 127 - 23) << 52)
}

/// Compares all levels on every `step`th bit pattern and returns the largest error and where it is.
fn sweep(function: Slice, oracle: fn(f64) -> f64, step: usize) -> (f64, f32) {
    let mut worst = (0.0, 0.0);
    let mut block = Vec::new();
    let mut flush = |block: &mut Vec<f32>| {
        let mut want = vec![0.0; block.len()];
        function(Level::Scalar, block, &mut want);
        for level in Level::available() {
            let mut got = vec![0.0; block.len()];
            function(level, block, &mut got);
            for ((x, a), b) in block.iter().zip(&want).zip(&got) {
                assert!(
                    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
                    "{level:?} at {x:e}: {b:e}, scalar {a:e}"
                );
            }
        }
        for (x, got) in block.iter().zip(&want) {
            let error = ulps(*got, oracle(f64::from(*x)));
            if error > worst.0 {
                worst = (error, *x);
            }
        }
        block.clear();
    };
    for bits in (0..=u32::MAX).step_by(step) {
        block.push(f32::from_bits(bits));
        if block.len() == 4096 {
            flush(&mut block);
        }
    }
    flush(&mut block);
    worst
}

#[test]
fn every_level_agrees_and_errs_little() {
    for (name, function, oracle, allowed) in FUNCTIONS {
        let (worst, at) = sweep(function, oracle, 4_099);
        assert!(worst <= allowed, "{name}: {worst} ulp at {at:e}");
    }
}

/// Every 17th number, a minute: `cargo test --release --lib -- --ignored --nocapture seventeenth`.
#[test]
#[ignore = "a minute; run when a coefficient changes"]
#[allow(clippy::print_stdout, reason = "the figures are what the run is for")]
fn every_seventeenth_number_errs_little() {
    for (name, function, oracle, allowed) in FUNCTIONS {
        let (worst, at) = sweep(function, oracle, 17);
        println!("{name}: {worst:.4} ulp at {at:e}");
        assert!(worst <= allowed, "{name}: {worst} ulp at {at:e}");
    }
}

/// FNV-1a over the bits of each function at every 65,537th binary32 number, NaN counted as one pattern: the bits of
/// this definition, so that a machine with one SIMD level still judges.
#[test]
fn golden_bits_hold() {
    let x: Vec<f32> = (0..=u32::MAX).step_by(65_537).map(f32::from_bits).collect();
    for level in Level::available() {
        let digests = FUNCTIONS.map(|(_, function, ..)| {
            let mut y = vec![0.0; x.len()];
            function(level, &x, &mut y);
            y.iter().fold(0xcbf2_9ce4_8422_2325_u64, |digest, y| {
                let bits = if y.is_nan() { 0x7fc0_0000 } else { y.to_bits() };
                (digest ^ u64::from(bits)).wrapping_mul(0x100_0000_01b3)
            })
        });
        assert_eq!(digests, GOLDEN, "{level:?}");
    }
}

const GOLDEN: [u64; 5] = [
    0xd2c4_e9e7_9abd_0173,
    0x525e_3614_5073_a69c,
    0x2665_f5e8_49d0_6ae1,
    0x9568_c82e_f147_315d,
    0x1f31_3aec_d402_da0e,
];
