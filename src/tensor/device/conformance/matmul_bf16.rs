//! Products of bfloat16: which numbers meet, where results go, and how operands are rounded.
//!
//! Whole numbers that bfloat16 holds have exact products and sums, on tensor cores too: there the result is that of the
//! portable product, to the bit. What a tensor core makes of other numbers is its own; it is held to a tolerance.

use super::super::matmul::{Finish, Matrix};
use super::super::matmul_bf16::linear;
use super::super::{Address, Queue};
use super::queues;
use crate::numerics::reference::tests::same;
use crate::tensor::Arithmetic;

/// Those whose blocks of threads share enough.
fn able() -> impl Iterator<Item = Queue> {
    queues().into_iter().filter(|queue| queue.shared_memory() > 80 << 10)
}

/// Whole numbers from −4 to 4.
fn whole(seed: usize, count: usize) -> Vec<f32> {
    let number = |i: usize| u8::try_from((i * 7919 + seed * 104_729 + i * i % 11) % 9).unwrap();
    (0..count).map(|i| f32::from(number(i)) - 4.0).collect()
}

/// Numbers of both signs in `(−1, 1)`, most of which bfloat16 does not hold.
fn ordinary(seed: u32, count: usize) -> Vec<f32> {
    let bits = |i: u32| (i ^ seed.rotate_left(16)).wrapping_mul(2_654_435_761).rotate_left(13);
    let number = |i: u32| bits(bits(i)) >> 8;
    #[allow(clippy::cast_precision_loss, reason = "24 bits")]
    (0..u32::try_from(count).unwrap()).map(|i| number(i) as f32 / 8_388_608.0 - 1.0).collect()
}

/// A matrix by rows or by columns.
fn matrix(at: Address, [rows, columns]: [usize; 2], by_columns: bool) -> Matrix {
    if by_columns {
        Matrix::new(at, columns, rows).transposed()
    } else {
        Matrix::new(at, rows, columns)
    }
}

fn check(queue: &Queue, [m, n, k]: [usize; 3], layout: usize, finish: usize, offset: usize) {
    let (on_a, on_b) =
        (queue.hold(&whole(1, m * k + offset)), queue.hold(&whole(2, k * n + offset)));
    let (on_bias, on_other) = (queue.hold(&whole(3, n)), queue.hold(&whole(4, m * n)));
    let a = matrix(on_a.at().element(offset), [m, k], layout & 1 == 1);
    let b = matrix(on_b.at().element(offset), [k, n], layout & 2 == 2);
    let compute = |arithmetic: Arithmetic| {
        let (out, second) = (queue.hold(&vec![7.0; m * n]), queue.hold(&vec![7.0; m * n]));
        let (bias, other, value) = (on_bias.at(), on_other.at(), second.at());
        let finish = match finish {
            0 => Finish::Store,
            1 => Finish::Bias(bias),
            2 => Finish::BiasResidual { bias, residual: other },
            3 => Finish::Times(other),
            4 => Finish::TimesExp(other),
            5 => Finish::BiasGelu { bias, value },
            6 => Finish::BiasQuickGelu { bias, value },
            _ => Finish::TimesQuickDerivative(other),
        };
        linear(queue, arithmetic, a, b, finish, out.at()).unwrap();
        [out, second].map(|memory| queue.elements(memory.at(), m * n))
    };
    let (got, want) = (compute(Arithmetic::Bf16), compute(Arithmetic::Portable));
    same(&got[0], &want[0]);
    same(&got[1], &want[1]);
}

#[test]
fn whole_numbers_have_the_portable_product_in_every_layout_size_and_finish() {
    let shapes = [
        [1, 1, 1],
        [3, 5, 0],
        [5, 3, 7],
        [64, 40, 31],
        [128, 128, 64],
        [130, 129, 257],
        [257, 70, 33],
        [40, 260, 96],
    ];
    for queue in able() {
        for (index, shape) in shapes.into_iter().enumerate() {
            for layout in 0..4 {
                check(&queue, shape, layout, (3 * index + layout) % 8, (index + layout / 2) % 2);
            }
        }
        for finish in 0..8 {
            check(&queue, [70, 66, 40], finish % 4, finish, 0);
            check(&queue, [66, 68, 40], finish % 4, finish, 0);
        }
    }
}

/// Three parts, the last of them short; then one part that is whole.
#[test]
fn long_sums_are_cut_and_added_in_order() {
    for queue in able() {
        for (finish, layout) in [(0, 1), (2, 0), (5, 3)] {
            check(&queue, [20, 36, 4100], layout, finish, 0);
        }
        check(&queue, [9, 7, 2048], 2, 6, 0);
    }
}

#[test]
fn operands_are_rounded_to_the_nearest_and_ties_to_even() {
    // Of bfloat16, whose numbers from 1 to 2 are multiples of 2⁻⁷: halves between two, what is a little more, and ends.
    let rows = [
        (1.0, 1.0),
        (1.0 + 1.0 / 256.0, 1.0),
        (1.0 + 3.0 / 256.0, 1.0 + 2.0 / 128.0),
        (1.0 + 1.0 / 256.0 + f32::EPSILON, 1.0 + 1.0 / 128.0),
        (1.0 + 1.0 / 256.0 - f32::EPSILON, 1.0),
        (255.5, 256.0),
        (1.234_567_9, 158.0 / 128.0),
        (-1.234_567_9, -158.0 / 128.0),
        (0.0, 0.0),
        (f32::MAX, f32::INFINITY),
        (f32::INFINITY, f32::INFINITY),
        (f32::NAN, f32::NAN),
        // Its lower half alone says that it is none.
        (f32::from_bits(0x7f80_0001), f32::NAN),
    ];
    let (given, want): (Vec<f32>, Vec<f32>) = rows.into_iter().unzip();
    for queue in able() {
        let (a, one) = (queue.hold(&given), queue.hold(&[1.0]));
        let (column, out) = (Matrix::new(a.at(), given.len(), 1), queue.empty(given.len()));
        let one = Matrix::new(one.at(), 1, 1);
        for (a, b) in [(column, one), (one, column.transposed())] {
            linear(&queue, Arithmetic::Bf16, a, b, Finish::Store, out.at()).unwrap();
            same(&queue.elements(out.at(), given.len()), &want);
        }
    }
}

#[test]
fn products_are_near_those_of_binary64_and_the_same_each_time() {
    let [m, n, k] = [70, 45, 2500];
    let (a, b) = (ordinary(1, m * k), ordinary(2, k * n));
    for queue in able() {
        let (on_a, on_b, out) = (queue.hold(&a), queue.hold(&b), queue.empty(m * n));
        let multiply = || {
            let (a, b) = (Matrix::new(on_a.at(), m, k), Matrix::new(on_b.at(), k, n));
            linear(&queue, Arithmetic::Bf16, a, b, Finish::Store, out.at()).unwrap();
            queue.elements(out.at(), m * n)
        };
        let got = multiply();
        same(&multiply(), &got);
        let (mut wrong, mut size) = (0.0, 0.0);
        for (place, got) in got.iter().enumerate() {
            let (i, j) = (place / n, place % n);
            let want: f64 = (0..k).map(|e| f64::from(a[i * k + e]) * f64::from(b[e * n + j])).sum();
            let difference = f64::from(*got) - want;
            wrong += difference * difference;
            size += want * want;
        }
        let relative = (wrong / size).sqrt();
        assert!(1e-4 < relative && relative < 1e-2, "{relative}");
    }
}

/// No other bits in silence.
#[test]
fn too_little_shared_memory_is_an_error() {
    for queue in queues().into_iter().filter(|queue| queue.shared_memory() < 80 << 10) {
        let memory = queue.hold(&[1.0]);
        let one = Matrix::new(memory.at(), 1, 1);
        let refused = linear(&queue, Arithmetic::Bf16, one, one, Finish::Store, memory.at());
        assert!(refused.unwrap_err().to_string().contains("81920 bytes"));
    }
}
