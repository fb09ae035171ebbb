//! Every path against the definition, bit for bit.

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
        Self {
            data: numbers.floats(len),
            rows,
            columns,
            strides,
        }
    }

    fn view(&self) -> View<'_> {
        View::strided(
            &self.data,
            self.rows,
            self.columns,
            self.strides.0,
            self.strides.1,
        )
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
    let finish = match numbers.below(3) {
        0 => Finish::Store,
        1 => Finish::Bias(&bias),
        _ => Finish::BiasResidual {
            bias: &bias,
            residual: residual.view(),
        },
    };
    // What lies between rows must stay as it was.
    let mut expected = vec![7.5; m * stride];
    reference::multiply(a.view(), b.view(), finish, &mut expected, stride);
    for path in Path::available() {
        let tiles = [
            Tile::default(),
            Tile {
                rows: 1 + numbers.below(50),
                columns: 1 + numbers.below(100),
            },
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
