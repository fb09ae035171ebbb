//! How fast products are on the first GPU: `cargo test --release --features cuda speed_of -- --ignored --nocapture`.
//!
//! `tests/bench/cuda/peers.py` times cuBLAS on the same shapes.

use std::time::Instant;

use super::super::matmul::{Finish, Matrix};
use super::super::matmul_bf16::linear;
use super::gpu;
use crate::tensor::Arithmetic;

/// Products of CLIP with ViT-B/32 at 256 pairs: m, n, k, and whether A and B lie by columns.
const SHAPES: [(&str, [usize; 3], [bool; 2]); 7] = [
    ("vision, in_proj", [12_800, 2304, 768], [false, true]),
    ("vision, mlp up", [12_800, 3072, 768], [false, true]),
    ("vision, mlp down", [12_800, 768, 3072], [false, true]),
    ("vision, mlp up, gradient of the input", [12_800, 768, 3072], [false, false]),
    ("vision, mlp up, gradient of the weight", [3072, 768, 12_800], [true, false]),
    ("text, in_proj", [19_712, 1536, 512], [false, true]),
    ("text, out_proj, gradient of the weight", [512, 512, 19_712], [true, false]),
];

#[test]
#[ignore = "a measurement, of a GPU"]
#[allow(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement")]
#[allow(clippy::cast_precision_loss, reason = "sizes are small")]
fn speed_of_products() {
    let queue = gpu().expect("a GPU");
    for (name, [m, n, k], [a_by_columns, b_by_columns]) in SHAPES {
        let hold = |count: usize| {
            let numbers: Vec<f32> =
                (0..count).map(|i| ((i * 7919) % 1009) as f32 - 500.0).collect();
            queue.hold(&numbers)
        };
        let (a, b, out) = (hold(m * k), hold(k * n), queue.empty(m * n));
        let of = |at, rows, columns, by_columns| {
            if by_columns {
                Matrix::new(at, columns, rows).transposed()
            } else {
                Matrix::new(at, rows, columns)
            }
        };
        let (on_a, on_b) = (of(a.at(), m, k, a_by_columns), of(b.at(), k, n, b_by_columns));
        for arithmetic in [Arithmetic::Portable, Arithmetic::Bf16] {
            let multiply =
                || linear(&queue, arithmetic, on_a, on_b, Finish::Store, out.at()).unwrap();
            let wait = || drop(queue.elements(out.at(), 1));
            (0..3).for_each(|_| multiply());
            wait();
            let (rounds, start) = (20, Instant::now());
            (0..rounds).for_each(|_| multiply());
            wait();
            let seconds = start.elapsed().as_secs_f64() / f64::from(rounds);
            let rate = 2.0 * (m * n) as f64 * k as f64 / seconds * 1e-12;
            let ms = seconds * 1e3;
            println!("{name}: {m} × {n} × {k}, {arithmetic:?}: {ms:.3} ms, {rate:.1} TFLOP/s");
        }
    }
}
