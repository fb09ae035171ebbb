//! Times kernels at every SIMD level, in the shapes of a gradient chunk of 16 samples.
//!
//! `cargo bench --bench numerics -- product` runs those whose name contains `product`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ibid::numerics::Level;
use ibid::numerics::adamw::{self, Constants};
use ibid::numerics::attention::{AttentionShape, attention_backward, attention_forward};
use ibid::numerics::elementary::exp_slice;
use ibid::numerics::matmul::{Finish, View, column_sum, multiply};
use ibid::numerics::{gelu, layer_norm, softmax};

/// How the operands of a product lie.
#[derive(Clone, Copy)]
enum Layout {
    /// X·Wᵀ + b, the forward product with weights `[out, in]`.
    Forward,
    /// dY·W.
    Input,
    /// dYᵀ·X, the weights' gradient.
    Weights,
}

/// Name, rows, columns, inner size and layout of a product.
const PRODUCTS: [(&str, usize, usize, usize, Layout); 11] = [
    ("xs-qkv", 256, 96, 32, Layout::Forward),
    ("s-qkv", 256, 192, 64, Layout::Forward),
    ("s-up", 256, 256, 64, Layout::Forward),
    ("s-down", 256, 64, 256, Layout::Forward),
    ("s-patch", 256, 64, 192, Layout::Forward),
    ("m-up", 256, 384, 96, Layout::Forward),
    ("s-qkv-input", 256, 64, 192, Layout::Input),
    ("xs-qkv-weights", 96, 32, 256, Layout::Weights),
    ("s-qkv-weights", 192, 64, 256, Layout::Weights),
    ("s-down-weights", 64, 256, 256, Layout::Weights),
    ("512", 512, 512, 512, Layout::Forward),
];

/// Numbers in [−½, ½) that repeat with a period prime to every size here.
fn numbers(count: usize) -> Vec<f32> {
    (0..count)
        .map(|i| f32::from(u16::try_from(i * 7919 % 10_007).unwrap_or(0)) / 10_007.0 - 0.5)
        .collect()
}

/// Binary32 operations count as elements, so that criterion prints them a second.
fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("product");
    for (name, m, n, k, layout) in PRODUCTS {
        let (a, b, bias, mut out) = (numbers(m * k), numbers(k * n), numbers(n), numbers(m * n));
        let (a, b, finish) = match layout {
            Layout::Forward => {
                (View::new(&a, m, k), View::new(&b, n, k).transposed(), Finish::Bias(&bias))
            }
            Layout::Input => (View::new(&a, m, k), View::new(&b, k, n), Finish::Store),
            Layout::Weights => {
                (View::new(&a, k, m).transposed(), View::new(&b, k, n), Finish::Store)
            }
        };
        group.throughput(Throughput::Elements(2 * (m * n * k) as u64));
        for level in Level::available() {
            group.bench_function(BenchmarkId::new(name, format!("{level:?}")), |bencher| {
                bencher.iter(|| multiply(level, a, b, finish, black_box(&mut out), n));
            });
        }
    }
    group.finish();
}

fn column_sums(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("column sum");
    let (y, mut out) = (numbers(256 * 256), numbers(256));
    group.throughput(Throughput::Elements(256 * 256));
    for level in Level::available() {
        group.bench_function(BenchmarkId::new("256x256", format!("{level:?}")), |bencher| {
            bencher.iter(|| column_sum(level, View::new(&y, 256, 256), black_box(&mut out)));
        });
    }
    group.finish();
}

fn attention(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("attention");
    for (name, tokens, heads, head_width, causal) in [
        ("xs-vision", 16, 1, 32, false),
        ("s-vision", 16, 2, 32, false),
        ("s-text", 12, 2, 32, true),
        ("64-tokens", 64, 4, 64, false),
    ] {
        let shape = AttentionShape { samples: 16, tokens, heads, head_width, causal };
        let (qkv, d_context) = (numbers(shape.qkv_len()), numbers(shape.context_len()));
        let mut p = numbers(shape.probabilities_len());
        let mut context = numbers(shape.context_len());
        let mut d_qkv = numbers(shape.qkv_len());
        let mut scratch = Vec::new();
        let operations = 4 * shape.probabilities_len() * head_width;
        for level in Level::available() {
            group.throughput(Throughput::Elements(operations as u64));
            let id = BenchmarkId::new(format!("{name}-forward"), format!("{level:?}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    attention_forward(level, &shape, &qkv, &mut p, black_box(&mut context));
                });
            });
            group.throughput(Throughput::Elements(2 * operations as u64));
            let id = BenchmarkId::new(format!("{name}-backward"), format!("{level:?}"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    let d_qkv = black_box(&mut d_qkv);
                    attention_backward(level, &shape, &qkv, &p, &d_context, d_qkv, &mut scratch);
                });
            });
        }
    }
    group.finish();
}

/// Elements a second; the operands of a chunk stay in the cache.
fn elements(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("elements");
    let count = 256 * 256;
    let x: Vec<f32> = numbers(count).iter().map(|x| 6.0 * x).collect();
    let (mut y, mut z, mut d) = (numbers(count), numbers(count), numbers(count));
    let (mut m, mut v) = (vec![0.0; count], vec![0.0; count]);
    let constants = Constants::new(1e-3, [0.9, 0.98], 1e-6, 0.2, 7);
    group.throughput(Throughput::Elements(count as u64));
    for level in Level::available() {
        let id = |name| BenchmarkId::new(name, format!("{level:?}"));
        group.bench_function(id("exp"), |bencher| {
            bencher.iter(|| exp_slice(level, &x, black_box(&mut y)));
        });
        group.bench_function(id("gelu"), |bencher| {
            bencher.iter(|| gelu::forward(level, &x, black_box(&mut y)));
        });
        group.bench_function(id("gelu-with-derivative"), |bencher| {
            bencher.iter(|| {
                z.copy_from_slice(&x);
                gelu::forward_with_derivative(level, black_box(&mut z), &mut y);
            });
        });
        group.bench_function(id("gelu-backward"), |bencher| {
            bencher.iter(|| {
                d.copy_from_slice(&x);
                gelu::backward(level, &x, black_box(&mut d));
            });
        });
        group.bench_function(id("adamw"), |bencher| {
            bencher.iter(|| adamw::update(level, &constants, 1.0, &x, &mut z, &mut m, &mut v));
        });
        group.bench_function(id("fingerprint"), |bencher| {
            bencher.iter(|| adamw::fingerprint(level, 3, black_box(&x)));
        });
    }
    group.finish();
}

/// Rows of the widths of the models.
fn rows(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows");
    let count = 256 * 256;
    group.throughput(Throughput::Elements(count as u64));
    let (x, dy, mut y, mut dx) = (numbers(count), numbers(count), numbers(count), numbers(count));
    for width in [32, 64, 256] {
        let (gain, bias, mut stats) = (numbers(width), numbers(width), numbers(2 * count / width));
        let (mut d_gain, mut d_bias) = (numbers(width), numbers(width));
        for level in Level::available() {
            let id = |name: &str| BenchmarkId::new(format!("{name}-{width}"), format!("{level:?}"));
            group.bench_function(id("layer-norm"), |bencher| {
                bencher.iter(|| {
                    layer_norm::forward(level, &x, &gain, &bias, black_box(&mut y), &mut stats);
                });
            });
            group.bench_function(id("layer-norm-backward"), |bencher| {
                bencher.iter(|| {
                    dx.fill(0.0);
                    layer_norm::backward_add(level, &x, &stats, &gain, &dy, black_box(&mut dx));
                });
            });
            group.bench_function(id("layer-norm-parameters"), |bencher| {
                bencher.iter(|| {
                    let d_gain = black_box(&mut d_gain);
                    layer_norm::parameter_gradients(level, &x, &stats, &dy, d_gain, &mut d_bias);
                });
            });
            group.bench_function(id("softmax"), |bencher| {
                bencher.iter(|| {
                    y.copy_from_slice(&x);
                    softmax::rows(level, width, 0.3, black_box(&mut y));
                });
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = numerics;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
        .sample_size(20);
    targets = products, column_sums, attention, elements, rows
}
criterion_main!(numerics);
