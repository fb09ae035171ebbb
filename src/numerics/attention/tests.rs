//! Every path against the definition, bit for bit; the gradient against differences in binary64.

use super::kernel::{backward_on, forward_on};
use super::*;
use crate::numerics::elementary::exp;
use crate::numerics::level::Path;
use crate::numerics::matmul::tests::{Numbers, bits, digest};

fn check(numbers: &mut Numbers, shape: AttentionShape, qkv: &[f32]) {
    let d_context = numbers.floats(shape.context_len());
    let mut p = vec![7.0; shape.probabilities_len()];
    let mut context = vec![7.0; shape.context_len()];
    let mut d_qkv = vec![7.0; shape.qkv_len()];
    reference::forward(&shape, exp, qkv, &mut p, &mut context);
    reference::backward(&shape, qkv, &p, &d_context, &mut d_qkv);
    for path in Path::available() {
        let mut actual_p = vec![8.0; p.len()];
        let mut actual = vec![8.0; context.len()];
        forward_on(path, &shape, qkv, &mut actual_p, &mut actual);
        assert!(bits(&actual_p) == bits(&p), "{path:?} {shape:?}: probabilities");
        assert!(bits(&actual) == bits(&context), "{path:?} {shape:?}: context");
        let mut actual = vec![8.0; d_qkv.len()];
        let mut scratch = vec![9.0; numbers.below(3000)];
        backward_on(path, &shape, qkv, &p, &d_context, &mut actual, &mut scratch);
        assert!(bits(&actual) == bits(&d_qkv), "{path:?} {shape:?}: gradient");
    }
}

#[test]
fn every_path_gives_the_bits_of_the_definition() {
    let mut numbers = Numbers(2);
    for round in 0..60 {
        let shape = AttentionShape {
            samples: numbers.below(3),
            tokens: numbers.below(if round % 8 == 0 { 80 } else { 20 }),
            heads: numbers.below(4),
            head_width: 1 + numbers.below(40),
            causal: round % 2 == 0,
        };
        let qkv: Vec<f32> = numbers.floats(shape.qkv_len()).iter().map(|x| x * 4.0).collect();
        check(&mut numbers, shape, &qkv);
    }
}

#[test]
fn rows_of_every_padding_are_judged() {
    let mut numbers = Numbers(3);
    for (tokens, head_width) in
        [(1, 1), (12, 32), (15, 16), (16, 32), (17, 8), (32, 64), (257, 3), (3, 257)]
    {
        for causal in [false, true] {
            let shape = AttentionShape { samples: 1, tokens, heads: 2, head_width, causal };
            let qkv = numbers.floats(shape.qkv_len());
            check(&mut numbers, shape, &qkv);
        }
    }
}

#[test]
fn extreme_scores_give_exact_zeros_and_ones() {
    // One score far above the others: its probability is 1, theirs +0; subnormal inputs elsewhere.
    let mut numbers = Numbers(4);
    let shape = AttentionShape { samples: 2, tokens: 13, heads: 2, head_width: 16, causal: true };
    let scales = [1e-40f32, 0.0, 1e3];
    let qkv: Vec<f32> = numbers
        .floats(shape.qkv_len())
        .iter()
        .enumerate()
        .map(|(i, x)| x * scales[i / 7 % 3])
        .collect();
    check(&mut numbers, shape, &qkv);
}

#[test]
fn masked_probabilities_and_gradients_are_plus_zero() {
    let mut numbers = Numbers(5);
    let shape = AttentionShape { samples: 1, tokens: 5, heads: 1, head_width: 4, causal: true };
    let qkv = numbers.floats(shape.qkv_len());
    for level in Level::available() {
        let mut p = vec![7.0; shape.probabilities_len()];
        let mut context = vec![7.0; shape.context_len()];
        attention_forward(level, &shape, &qkv, &mut p, &mut context);
        for (i, row) in p.chunks_exact(5).enumerate() {
            assert!(row[i + 1..].iter().all(|p| p.to_bits() == 0));
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
        // The first token sees only itself, so its context is its value.
        assert_eq!(context[..4], qkv[8..12]);
        // A token's query has a zero gradient if only masked tokens could tell the difference.
        let mut d_context = vec![0.0; context.len()];
        d_context[..4].fill(1.0);
        let mut d_qkv = vec![7.0; qkv.len()];
        attention_backward(level, &shape, &qkv, &p, &d_context, &mut d_qkv, &mut Vec::new());
        assert!(d_qkv[..8].iter().all(|d| *d == 0.0));
        assert_eq!(d_qkv[8..12], [1.0; 4]);
        assert!(d_qkv[12..].iter().all(|d| *d == 0.0));
    }
}

#[test]
fn the_gradient_is_that_of_differences_in_binary64() {
    let mut numbers = Numbers(6);
    for causal in [false, true] {
        let shape = AttentionShape { samples: 2, tokens: 5, heads: 2, head_width: 3, causal };
        let double = |values: Vec<f32>| values.into_iter().map(f64::from).collect::<Vec<_>>();
        let qkv = double(numbers.floats(shape.qkv_len()));
        let weights = double(numbers.floats(shape.context_len()));
        let forward = |qkv: &[f64]| {
            let mut p = vec![0.0; shape.probabilities_len()];
            let mut context = vec![0.0; shape.context_len()];
            reference::forward(&shape, libm::exp, qkv, &mut p, &mut context);
            (p, context)
        };
        let loss =
            |qkv: &[f64]| -> f64 { forward(qkv).1.iter().zip(&weights).map(|(c, w)| c * w).sum() };
        let mut d_qkv = vec![0.0; qkv.len()];
        reference::backward(&shape, &qkv, &forward(&qkv).0, &weights, &mut d_qkv);
        for (i, d) in d_qkv.iter().enumerate() {
            let step = 1e-5;
            let (mut above, mut below) = (qkv.clone(), qkv.clone());
            above[i] += step;
            below[i] -= step;
            let difference = (loss(&above) - loss(&below)) / (2.0 * step);
            // The central difference errs by step² and by rounding ÷ step, both below 1e-9.
            assert!((d - difference).abs() < 1e-8, "element {i}: {d} against {difference}");
        }
        assert!(d_qkv.iter().any(|d| d.abs() > 0.01));
    }
}

#[test]
fn golden_digests_hold_at_every_level() {
    let mut numbers = Numbers(7);
    let shape = AttentionShape { samples: 3, tokens: 12, heads: 2, head_width: 32, causal: true };
    let qkv: Vec<f32> = numbers.floats(shape.qkv_len()).iter().map(|x| x * 2.0).collect();
    let d_context = numbers.floats(shape.context_len());
    for path in Path::available() {
        let mut p = vec![0.0; shape.probabilities_len()];
        let mut context = vec![0.0; shape.context_len()];
        let mut d_qkv = vec![0.0; shape.qkv_len()];
        forward_on(path, &shape, &qkv, &mut p, &mut context);
        backward_on(path, &shape, &qkv, &p, &d_context, &mut d_qkv, &mut Vec::new());
        let got = [digest(&p), digest(&context), digest(&d_qkv)];
        let expected = [
            "ecbec44aca71646d42d6c2fa73f08e51caaa1cb265cbb99118c56bd9165ad444",
            "2a2523e4ac51120873ebe5421b2e632fa6158e4cf1c49f9b008618f27eb80674",
            "f5415df1f18ec97a480273ed90c7f7c591fc8c5d0c502d3d81b9ff5687a9d913",
        ];
        assert_eq!(got, expected, "{path:?}");
    }
}
