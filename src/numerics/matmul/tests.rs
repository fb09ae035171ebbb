//! Every path against the definition, bit for bit.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "small test numbers; equal bits are what is tested"
)]

use super::*;
use crate::numerics::level::Path;

/// A small generator of test numbers (splitmix64); not one of the named streams.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    /// Numbers in [−1, 1) with 23 random bits.
    pub(crate) fn floats(&mut self, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| f32::from_bits(0x3f80_0000 | (self.next() >> 41) as u32) * 2.0 - 3.0)
            .collect()
    }
}

pub(crate) fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// A matrix with a layout: contiguous or padded rows, lying transposed or not, or strided both ways.
struct Matrix {
    data: Vec<f32>,
    rows: usize,
    columns: usize,
    strides: (usize, usize),
}

impl Matrix {
    fn random(numbers: &mut Numbers, rows: usize, columns: usize) -> Self {
        let pad = numbers.below(3);
        let strides = match numbers.below(5) {
            0 | 1 => (columns + pad, 1),
            2 | 3 => (1, rows + pad),
            _ => (2 * columns + pad, 2),
        };
        let len = rows * strides.0 + columns * strides.1;
        Self { data: numbers.floats(len), rows, columns, strides }
    }

    fn view(&self) -> View<'_> {
        View::strided(&self.data, self.rows, self.columns, self.strides.0, self.strides.1)
    }
}

fn check(numbers: &mut Numbers, m: usize, n: usize, k: usize, change: impl Fn(&mut f32)) {
    let mut a = Matrix::random(numbers, m, k);
    let mut b = Matrix::random(numbers, k, n);
    let residual = Matrix::random(numbers, m, n);
    a.data.iter_mut().for_each(&change);
    b.data.iter_mut().for_each(&change);
    let bias = numbers.floats(n);
    let stride = n + numbers.below(3);
    let finish = match numbers.below(4) {
        0 => Finish::Store,
        1 => Finish::Bias(&bias),
        2 => Finish::Times(residual.view()),
        _ => Finish::BiasResidual { bias: &bias, residual: residual.view() },
    };
    // What lies between rows must stay as it was.
    let mut expected = vec![7.5; m * stride];
    reference::multiply(a.view(), b.view(), finish, &mut expected, stride);
    for path in Path::available() {
        let tiles = [
            Tile::default(),
            Tile { rows: 1 + numbers.below(50), columns: 1 + numbers.below(100) },
        ];
        for tile in tiles {
            let mut out = vec![7.5; m * stride];
            multiply_on(path, tile, a.view(), b.view(), finish, &mut out, stride);
            assert!(
                bits(&out) == bits(&expected),
                "{path:?} {tile:?} {m} × {n} × {k}, strides {:?} {:?}, {finish:?}",
                a.strides,
                b.strides,
            );
        }
    }
}

#[test]
fn every_path_gives_the_bits_of_the_definition() {
    let mut numbers = Numbers(1);
    for round in 0..300 {
        let small = if round % 3 == 0 { 5 } else { 70 };
        let (m, n) = (numbers.below(small), numbers.below(small));
        let k = numbers.below(if round % 10 == 0 { 600 } else { 90 });
        check(&mut numbers, m, n, k, |_| {});
    }
}

#[test]
fn blocks_of_256_end_where_they_should() {
    let mut numbers = Numbers(2);
    for k in [0, 1, 255, 256, 257, 511, 512, 513, 700] {
        for (m, n) in [(1, 1), (13, 33), (7, 17)] {
            check(&mut numbers, m, n, k, |_| {});
        }
    }
}

#[test]
fn crowded_strides_and_many_columns_change_nothing() {
    let mut numbers = Numbers(3);
    let (a, b) = (numbers.floats(512 * 300), numbers.floats(300 * 530));
    let rows = View::strided(&a, 100, 300, 512, 1);
    let columns = View::strided(&a, 100, 300, 1, 512);
    for a in [rows, columns] {
        for n in [1, 40, 530] {
            let b = View::strided(&b, 300, n, 530, 1);
            let mut expected = vec![0.0; 100 * n];
            reference::multiply(a, b, Finish::Store, &mut expected, n);
            for path in Path::available().into_iter().filter(|path| *path != Path::Software) {
                let mut out = vec![0.0; 100 * n];
                multiply_on(path, Tile::default(), a, b, Finish::Store, &mut out, n);
                assert!(bits(&out) == bits(&expected), "{path:?} {n}");
            }
        }
    }
}

#[test]
fn subnormals_infinities_and_zeros_keep_their_bits() {
    let mut numbers = Numbers(4);
    for _ in 0..20 {
        let (m, n, k) = (1 + numbers.below(30), 1 + numbers.below(40), numbers.below(300));
        // Products around 2⁻¹⁴⁰, each of them subnormal.
        check(&mut numbers, m, n, k, |x| *x *= f32::from_bits(57 << 23));
        // Signed zeros among small whole numbers: chains that cancel to zero.
        check(&mut numbers, m, n, k, |x| *x = (*x * 2.0).round());
        // Infinities of one sign and no zeros: sums overflow, and nothing is NaN.
        check(&mut numbers, m, n, k, |x| {
            *x = if x.abs() > 0.95 { f32::INFINITY } else { x.abs() + 1e-3 };
        });
    }
}

#[test]
fn minus_zero_is_kept_where_the_definition_keeps_it() {
    // The chain starts at +0, so −0·1 gives +0; but −0 + −0 of a residual and (+0 + −0) stay apart.
    let (a, b) = ([-0.0], [1.0]);
    let bias = [-0.0];
    let residual = [-0.0];
    for path in Path::available() {
        for (finish, expected) in [
            (Finish::Store, 0.0f32),
            (Finish::Bias(&bias), 0.0),
            (Finish::BiasResidual { bias: &bias, residual: View::new(&residual, 1, 1) }, 0.0),
        ] {
            let mut out = [7.0];
            let (a, b) = (View::new(&a, 1, 1), View::new(&b, 1, 1));
            multiply_on(path, Tile::default(), a, b, finish, &mut out, 1);
            assert_eq!(out[0].to_bits(), expected.to_bits(), "{path:?} {finish:?}");
        }
    }
}

#[test]
fn column_reductions_give_the_bits_of_the_definition() {
    let mut numbers = Numbers(5);
    for round in 0..60 {
        let (rows, columns) = (numbers.below(600), numbers.below(300));
        let x = Matrix::random(&mut numbers, rows, columns);
        let y = Matrix::random(&mut numbers, rows, columns);
        let mut sums = vec![0.0; columns];
        let mut products = vec![0.0; columns];
        reference::column_sum(x.view(), &mut sums);
        reference::column_sum_of_products(x.view(), y.view(), &mut products);
        // The sum is the product with a row of ones.
        let ones = vec![1.0; rows];
        let mut by_product = vec![0.0; columns];
        let ones = View::new(&ones, 1, rows);
        reference::multiply(ones, x.view(), Finish::Store, &mut by_product, columns);
        assert_eq!(bits(&sums), bits(&by_product));
        for path in Path::available() {
            let mut out = vec![7.0; columns];
            columns_on(path, x.view(), None, &mut out);
            assert!(bits(&out) == bits(&sums), "{path:?} round {round}: {rows} × {columns}");
            columns_on(path, x.view(), Some(y.view()), &mut out);
            assert!(bits(&out) == bits(&products), "{path:?} round {round}: {rows} × {columns}");
        }
    }
}

#[test]
fn a_product_of_whole_numbers_is_exact() {
    // Sums of products below 2²⁴ do not round, in whatever order: compared with integers.
    let mut numbers = Numbers(6);
    let (m, n, k) = (37, 41, 300);
    let a: Vec<i32> = (0..m * k).map(|_| numbers.below(201) as i32 - 100).collect();
    let b: Vec<i32> = (0..k * n).map(|_| numbers.below(201) as i32 - 100).collect();
    let floats = |x: &[i32]| x.iter().map(|&x| x as f32).collect::<Vec<_>>();
    for level in Level::available() {
        let mut out = vec![0.0; m * n];
        let (a32, b32) = (floats(&a), floats(&b));
        let (a32, b32) = (View::new(&a32, m, k), View::new(&b32, k, n));
        multiply(level, a32, b32, Finish::Store, &mut out, n);
        for i in 0..m {
            for j in 0..n {
                let exact: i32 = (0..k).map(|t| a[i * k + t] * b[t * n + j]).sum();
                assert_eq!(out[i * n + j], exact as f32);
            }
        }
    }
}

/// Returns the SHA-256 of the numbers' little-endian bytes, in hexadecimal.
pub(crate) fn digest(values: &[f32]) -> String {
    use std::fmt::Write;

    use sha2::{Digest, Sha256};
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

#[test]
#[allow(clippy::print_stdout, reason = "the log names the SIMD levels that were judged")]
fn golden_digests_hold_at_every_level() {
    println!("SIMD levels that ran: {:?}; paths: {:?}", Level::available(), Path::available());
    let mut numbers = Numbers(7);
    // The digests come from a plain C loop over `fmaf` and `+` (gcc -ffp-contract=off, glibc).
    let (m, n, k) = (61, 77, 700);
    let (a, b, bias) = (numbers.floats(m * k), numbers.floats(k * n), numbers.floats(n));
    let (a, b) = (View::new(&a, m, k), View::new(&b, n, k).transposed());
    for path in Path::available() {
        let mut out = vec![0.0; m * n];
        multiply_on(path, Tile::default(), a, b, Finish::Bias(&bias), &mut out, n);
        assert_eq!(
            digest(&out),
            "5f7e688d756673e293a94e8483f59ddce78b572d3319600c024b2b57048790b8",
            "{path:?}"
        );
        let mut out = vec![0.0; k];
        columns_on(path, a, None, &mut out);
        assert_eq!(
            digest(&out),
            "2dfe2c357482d5956008e719ca2fd103b6194df4cc2a1ae1c6911a7e9683fd10",
            "{path:?}"
        );
        columns_on(path, a, Some(a), &mut out);
        assert_eq!(
            digest(&out),
            "f8743a78f1431b29b2b45cbdaa7e0d27ff1a5d93e7c8f1c557d9e8a7b7374cf1",
            "{path:?}"
        );
    }
}
