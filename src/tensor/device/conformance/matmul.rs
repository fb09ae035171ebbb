//! Matrix products in all layouts, batches and finishes, and column reductions.

use super::super::launch::column_sums;
use super::super::matmul::{Batch, Finish as OnDevice, Matrix, product, product_batch};
use super::super::{Address, Memory, Queue};
use super::{gpu, queues};
use crate::numerics::matmul::{Finish, View, column_sum, multiply};
use crate::numerics::reference::tests::{same, samples};
use crate::numerics::{Level, gelu};
use crate::tensor::{Activation, Chunks};

/// A matrix by rows or by columns.
struct Operand {
    elements: Vec<f32>,
    rows: usize,
    columns: usize,
    by_columns: bool,
}

impl Operand {
    fn new(seed: u64, [rows, columns]: [usize; 2], by_columns: bool) -> Self {
        Self { elements: samples(seed, rows * columns), rows, columns, by_columns }
    }

    fn view(&self) -> View<'_> {
        if self.by_columns {
            View::new(&self.elements, self.columns, self.rows).transposed()
        } else {
            View::new(&self.elements, self.rows, self.columns)
        }
    }

    fn matrix(&self, at: Address) -> Matrix {
        if self.by_columns {
            Matrix::new(at, self.columns, self.rows).transposed()
        } else {
            Matrix::new(at, self.rows, self.columns)
        }
    }
}

/// The finishes by number: what is stored first, and in the second place.
fn by_definition(finish: usize, a: View, b: View, bias: &[f32], other: View) -> [Vec<f32>; 2] {
    let (m, n) = (a.rows(), b.columns());
    let level = Level::detect();
    let mut out = vec![0.0; m * n];
    let first = match finish {
        0 | 4 | 7 => Finish::Store,
        1 | 5 | 6 => Finish::Bias(bias),
        2 => Finish::BiasResidual { bias, residual: other },
        _ => Finish::Times(other),
    };
    multiply(level, a, b, first, &mut out, n);
    let mut second = vec![0.0; m * n];
    match finish {
        4 => {
            let scale = crate::numerics::elementary::exp(other.at(0, 0));
            out.iter_mut().for_each(|x| *x *= scale);
        }
        5 => Activation::Gelu.forward(level, &mut out, &mut second),
        6 => Activation::QuickGelu.forward(level, &mut out, &mut second),
        7 => {
            let x: Vec<f32> = (0..m * n).map(|e| other.at(e / n, e % n)).collect();
            gelu::quick_backward(level, &x, &mut out);
        }
        _ => {}
    }
    [out, second]
}

fn on_device(finish: usize, bias: &Memory, other: &Memory, second: &Memory) -> OnDevice {
    let (bias, other, value) = (bias.at(), other.at(), second.at());
    match finish {
        0 => OnDevice::Store,
        1 => OnDevice::Bias(bias),
        2 => OnDevice::BiasResidual { bias, residual: other },
        3 => OnDevice::Times(other),
        4 => OnDevice::TimesExp(other),
        5 => OnDevice::BiasGelu { bias, value },
        6 => OnDevice::BiasQuickGelu { bias, value },
        _ => OnDevice::TimesQuickDerivative(other),
    }
}

fn check(queue: &Queue, [m, n, k]: [usize; 3], seed: u64, layout: usize, finish: usize) {
    let a = Operand::new(seed, [m, k], layout & 1 == 1);
    let b = Operand::new(seed + 100, [k, n], layout & 2 == 2);
    let (bias, other) = (samples(seed, n), samples(seed + 7, m * n));
    let view = View::new(&other, m, n);
    let [want, want_second] = by_definition(finish, a.view(), b.view(), &bias, view);
    let (on_a, on_b) = (queue.hold(&a.elements), queue.hold(&b.elements));
    let (on_bias, on_other) = (queue.hold(&bias), queue.hold(&other));
    let (out, second) = (queue.empty(m * n), queue.empty(m * n));
    let finish_there = on_device(finish, &on_bias, &on_other, &second);
    product(queue, a.matrix(on_a.at()), b.matrix(on_b.at()), finish_there, out.at()).unwrap();
    same(&queue.elements(out.at(), m * n), &want);
    if matches!(finish, 5 | 6) {
        same(&queue.elements(second.at(), m * n), &want_second);
    }
}

#[test]
fn products_in_all_layouts() {
    let shapes = [
        [1, 1, 1],
        [3, 5, 0],
        [5, 3, 7],
        [7, 9, 8],
        [64, 64, 9],
        [65, 66, 255],
        [63, 128, 256],
        [130, 129, 257],
        [128, 132, 40],
        [20, 12, 512],
        [33, 17, 780],
        [12, 260, 1030],
        // B is moved, and parts take turns, on devices of the right size.
        [520, 68, 20],
        [132, 132, 2100],
    ];
    for queue in queues() {
        check_in_all_layouts(&queue, &shapes);
    }
}

/// Which numbers and which finish: all of both, over the shapes and layouts.
fn check_in_all_layouts(queue: &Queue, shapes: &[[usize; 3]]) {
    for (index, &shape) in shapes.iter().enumerate() {
        for layout in 0..4 {
            let (seed, finish) = ((index + layout) as u64 % 6, (3 * index + layout) % 8);
            check(queue, shape, seed, layout, finish);
        }
    }
}

/// Sizes that a GPU has large tiles for: parts that take turns, of A by columns too, and one block of threads a tile.
#[test]
fn products_in_large_tiles_of_a_gpu() {
    if let Some(queue) = gpu() {
        let shapes = [[1100, 1152, 2304], [1152, 1100, 2304], [2052, 1160, 300]];
        check_in_all_layouts(&queue, &shapes);
    }
}

#[test]
fn every_finish_of_both_tiles_and_of_sums_in_parts() {
    for queue in queues() {
        for finish in 0..8 {
            for shape in [[70, 67, 12], [9, 10, 300], [80, 72, 2050]] {
                check(&queue, shape, 3, finish % 4, finish);
            }
        }
    }
}

/// Chains that end in −0 must not meet a +0 from beyond K.
#[test]
fn what_lies_beyond_k_changes_no_sign() {
    for queue in queues() {
        for k in [1, 2, 7, 9, 257] {
            let (tiny, one) = (queue.hold(&vec![-1e-30; k]), queue.hold(&vec![1e-30; k]));
            let out = queue.empty(1);
            let (a, b) = (Matrix::new(tiny.at(), 1, k), Matrix::new(one.at(), k, 1));
            product(&queue, a, b, OnDevice::Store, out.at()).unwrap();
            let mut want = [7.0];
            let (a, b) = (vec![-1e-30; k], vec![1e-30; k]);
            multiply(
                Level::Scalar,
                View::new(&a, 1, k),
                View::new(&b, k, 1),
                Finish::Store,
                &mut want,
                1,
            );
            assert_eq!(want[0].to_bits(), (-0.0_f32).to_bits());
            same(&queue.elements(out.at(), 1), &want);
        }
    }
}

#[test]
fn batches_of_two_dimensions() {
    // Four of B are read at once in the second, in a large tile too, though batches of A lie as they may.
    for [m, n, k] in [[5, 70, 33], [70, 72, 33]] {
        batches_of([3, 2], [m, n, k]);
    }
}

fn batches_of([outer, inner]: [usize; 2], [m, n, k]: [usize; 3]) {
    for queue in queues() {
        let (a, b) = (samples(3, outer * inner * m * k), samples(4, outer * inner * k * n));
        let (on_a, on_b) = (queue.hold(&a), queue.hold(&b));
        let out = queue.hold(&vec![0.0; outer * inner * m * n]);
        let batch = Batch {
            outer,
            inner,
            a: [m * k, outer * m * k],
            b: [inner * k * n, k * n],
            out: [inner * m * n, m * n],
        };
        let (of_a, of_b) = (Matrix::new(on_a.at(), m, k), Matrix::new(on_b.at(), k, n));
        product_batch(&queue, of_a, of_b, OnDevice::Store, (out.at(), n), batch).unwrap();
        let got = queue.elements(out.at(), outer * inner * m * n);
        for (place, got) in got.chunks_exact(m * n).enumerate() {
            let (o, i) = (place / inner, place % inner);
            let a = View::new(&a[(o + outer * i) * m * k..], m, k);
            let b = View::new(&b[(o * inner + i) * k * n..], k, n);
            let mut want = vec![0.0; m * n];
            multiply(Level::detect(), a, b, Finish::Store, &mut want, n);
            same(got, &want);
        }
    }
}

#[test]
fn column_reductions() {
    for queue in queues() {
        for (seed, rows) in
            [(0, 0), (1, 1), (2, 5), (3, 255), (5, 256), (3, 257), (4, 1100), (3, 9000)]
        {
            for (columns, stride) in [(1, 1), (7, 9), (33, 33), (300, 301)] {
                if rows * stride > 400_000 {
                    continue;
                }
                let y = samples(seed, rows * stride);
                let mut want = vec![0.0; columns];
                column_sum(Level::detect(), View::strided(&y, rows, columns, stride, 1), &mut want);
                let (from, out) = (queue.hold(&y), queue.empty(columns));
                column_sums(&queue, Chunks::ONE, [rows, columns], stride, from.at(), out.at())
                    .unwrap();
                same(&queue.elements(out.at(), columns), &want);
            }
        }
    }
}
