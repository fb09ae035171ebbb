//! Golden bits: a digest of every kernel's results on fixed inputs, for `doctor` and for the tests.
//!
//! The constants were computed by the scalar level; every level must give them.

use sha2::{Digest as _, Sha256};

use super::attention::{AttentionShape, attention_backward, attention_forward};
use super::matmul::{Finish, View, multiply};
use super::{Level, adamw, elementary, gelu, layer_norm, normalise, softmax};

/// An operation by name, a computation of it on fixed inputs, and the first 8 bytes of SHA-256 over its results.
type Golden = (&'static str, fn(Level) -> Vec<f32>, u64);

const GOLDEN: [Golden; 9] = [
    ("matrix product", product, 0xb98c_7cd9_b27e_e2bc),
    ("attention", attention, 0x93ae_2fbc_72b1_8062),
    ("exp, log, erf, tanh, sigmoid", functions, 0xa1b0_ce36_670f_8037),
    ("GELU", gelu_both, 0xf297_51c8_26b7_e8da),
    ("QuickGELU", quick_gelu_both, 0x97c4_7c55_d9f6_d1ad),
    ("LayerNorm", layer_norm_both, 0xd2f5_3256_e3e8_aa66),
    ("softmax", softmax_rows, 0xa6de_8c58_aa17_28bf),
    ("normalise", normalise_both, 0x0d04_1b32_bfd2_a0e5),
    ("AdamW", adamw_steps, 0x09d9_6e94_d5ea_3b8a),
];

/// How many operations are tested.
pub const fn operations() -> usize {
    GOLDEN.len()
}

/// The operations whose bits at `level` are not the published ones.
///
/// # Panics
///
/// If the machine does not have `level`.
pub fn differing(level: Level) -> Vec<&'static str> {
    let differs = |golden: &&Golden| digest(&(golden.1)(level)) != golden.2;
    GOLDEN.iter().filter(differs).map(|golden| golden.0).collect()
}

/// Of the operations by name, whether these results of them, elsewhere than on this processor, are not the published
/// ones.
#[cfg(any(feature = "cuda", test))]
pub(crate) fn differs(name: &str, values: &[f32]) -> bool {
    let golden =
        GOLDEN.iter().find(|golden| golden.0 == name).expect("an operation that is tested");
    digest(values) != golden.2
}

fn digest(values: &[f32]) -> u64 {
    let mut state = Sha256::new();
    values.iter().for_each(|value| state.update(value.to_bits().to_le_bytes()));
    let bytes: [u8; 32] = state.finalize().into();
    u64::from_le_bytes(bytes[..8].try_into().expect("8 of 32 bytes"))
}

/// `n` numbers in `[−scale, scale)`, by a linear congruential generator.
pub(crate) fn numbers(n: usize, seed: u32, scale: f32) -> Vec<f32> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // 24 bits are exact in binary32.
            #[allow(clippy::cast_precision_loss, reason = "24 bits are exact")]
            let unit = (state >> 8) as f32 / 8_388_608.0 - 1.0;
            unit * scale
        })
        .collect()
}

fn product(level: Level) -> Vec<f32> {
    let (rows, inner, columns) = (37, 300, 45);
    let (a, b) = (numbers(rows * inner, 1, 1.0), numbers(columns * inner, 2, 1.0));
    let bias = numbers(columns, 3, 1.0);
    let mut out = vec![0.0; rows * columns];
    let b = View::new(&b, columns, inner).transposed();
    multiply(level, View::new(&a, rows, inner), b, Finish::Bias(&bias), &mut out, columns);
    out
}

fn attention(level: Level) -> Vec<f32> {
    let shape = AttentionShape { samples: 2, tokens: 12, heads: 2, head_width: 32, causal: true };
    let qkv = numbers(shape.qkv_len(), 4, 1.0);
    let mut probabilities = vec![0.0; shape.probabilities_len()];
    let mut context = vec![0.0; shape.context_len()];
    attention_forward(level, &shape, &qkv, &mut probabilities, &mut context);
    let d_context = numbers(shape.context_len(), 5, 1.0);
    let mut d_qkv = vec![0.0; shape.qkv_len()];
    attention_backward(
        level,
        &shape,
        &qkv,
        &probabilities,
        &d_context,
        &mut d_qkv,
        &mut Vec::new(),
    );
    [probabilities, context, d_qkv].concat()
}

fn functions(level: Level) -> Vec<f32> {
    let x = numbers(999, 6, 12.0);
    let positive: Vec<f32> = x.iter().map(|x| x.abs() + 1e-3).collect();
    let mut out = vec![0.0; 5 * x.len()];
    let mut parts = out.chunks_exact_mut(x.len());
    let mut next = || parts.next().expect("five parts");
    elementary::exp_slice(level, &x, next());
    elementary::log_slice(level, &positive, next());
    elementary::erf_slice(level, &x, next());
    elementary::tanh_slice(level, &x, next());
    elementary::sigmoid_slice(level, &x, next());
    out
}

fn gelu_both(level: Level) -> Vec<f32> {
    let x = numbers(999, 7, 6.0);
    let (mut y, mut d) = (vec![0.0; x.len()], numbers(x.len(), 8, 1.0));
    gelu::forward(level, &x, &mut y);
    gelu::backward(level, &x, &mut d);
    [y, d].concat()
}

fn quick_gelu_both(level: Level) -> Vec<f32> {
    let x = numbers(999, 9, 6.0);
    let (mut y, mut d) = (vec![0.0; x.len()], numbers(x.len(), 10, 1.0));
    gelu::quick_forward(level, &x, &mut y);
    gelu::quick_backward(level, &x, &mut d);
    [y, d].concat()
}

fn layer_norm_both(level: Level) -> Vec<f32> {
    let (rows, width) = (9, 77);
    let (x, gain, bias) =
        (numbers(rows * width, 11, 2.0), numbers(width, 12, 1.0), numbers(width, 13, 1.0));
    let (mut y, mut stats) = (vec![0.0; rows * width], vec![0.0; 2 * rows]);
    layer_norm::forward(level, &x, &gain, &bias, &mut y, &mut stats);
    let (dy, mut dx) = (numbers(rows * width, 14, 1.0), numbers(rows * width, 15, 1.0));
    layer_norm::backward_add(level, &x, &stats, &gain, &dy, &mut dx);
    let (mut d_gain, mut d_bias) = (vec![0.0; width], vec![0.0; width]);
    layer_norm::parameter_gradients(level, &x, &stats, &dy, &mut d_gain, &mut d_bias);
    [y, stats, dx, d_gain, d_bias].concat()
}

fn softmax_rows(level: Level) -> Vec<f32> {
    let mut x = numbers(11 * 53, 16, 9.0);
    softmax::rows(level, 53, 0.7, &mut x);
    x
}

fn normalise_both(level: Level) -> Vec<f32> {
    let (rows, width) = (7, 61);
    let x = numbers(rows * width, 17, 3.0);
    let (mut y, mut r) = (vec![0.0; x.len()], vec![0.0; rows]);
    normalise::forward(level, width, &x, &mut y, &mut r);
    let (dy, mut dx) = (numbers(x.len(), 18, 1.0), vec![0.0; x.len()]);
    normalise::backward(level, width, &y, &r, &dy, &mut dx);
    [y, r, dx].concat()
}

fn adamw_steps(level: Level) -> Vec<f32> {
    let mut theta = numbers(4_999, 19, 0.1);
    let (mut m, mut v) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    for step in 1..=3 {
        let constants = adamw::Constants::new(1e-3, [0.9, 0.98], 1e-6, 0.1, step);
        let gradient = numbers(theta.len(), 20 + u32::try_from(step).unwrap_or(0), 1.0);
        adamw::update(level, &constants, 0.5, &gradient, &mut theta, &mut m, &mut v);
    }
    [theta, m, v].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(clippy::print_stdout, reason = "which levels were judged")]
    fn every_level_gives_the_golden_bits() {
        let levels = Level::available();
        println!("levels that ran: {levels:?}");
        for level in levels {
            let now: Vec<_> = GOLDEN
                .iter()
                .map(|golden| format!("{:#018x}", digest(&(golden.1)(level))))
                .collect();
            assert_eq!(differing(level), Vec::<&str>::new(), "{level:?}: {now:?}");
        }
    }
}
