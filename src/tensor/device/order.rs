//! The order in which each kernel adds, as one function of Rust, and what that order is by definition.
//!
//! The functions below follow the kernels' loops and indices, over any [`Float`]. The tests compute with [`Term`], where a
//! number is the way in which it was computed: two results are equal only if the same operands went through the same
//! operations in the same order, for whatever numbers. What is equal to the bit by IEEE 754 is equal there: `a + b` and
//! `b + a`, `fma(1, x, c)` and `c + x`, and `fma(−0, +0, c)` and `c`, by which products fill their last tile.

use std::ops::{Add, Div, Mul, Neg, Sub};

use super::matmul::{DEPTH, LARGE, SMALL, Way};
use super::optimizer::RowLeaves;
use super::stem::places_by_row;
use crate::numerics::float::Float;
use crate::numerics::matmul::{Finish, View, reference};
use crate::numerics::reference::row_reduction;

/// A number that is the way in which it was computed, by a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Default)]
struct Term(u64);

impl Term {
    const NEGATIVE_ZERO: Self = Self(2);

    fn of(operation: u64, operands: [u64; 3]) -> Self {
        operands.into_iter().fold(Self(operation), |Self(hash), operand| {
            let mixed = (hash.rotate_left(23) ^ operand).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            Self(mixed ^ mixed >> 29)
        })
    }

    fn variable(index: usize) -> Self {
        Self::of(100, [index as u64, 0, 0])
    }
}

impl Add for Term {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::of(101, [self.0.min(other.0), self.0.max(other.0), 0])
    }
}

impl Sub for Term {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::of(102, [self.0, other.0, 0])
    }
}

impl Mul for Term {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        Self::of(103, [self.0.min(other.0), self.0.max(other.0), 0])
    }
}

impl Div for Term {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        Self::of(104, [self.0, other.0, 0])
    }
}

impl Neg for Term {
    type Output = Self;
    fn neg(self) -> Self {
        if self == Self::ZERO { Self::NEGATIVE_ZERO } else { Self::of(105, [self.0, 0, 0]) }
    }
}

impl Float for Term {
    const ZERO: Self = Self(0);
    const ONE: Self = Self(1);

    fn fma(self, factor: Self, addend: Self) -> Self {
        match (self, factor) {
            (Self::NEGATIVE_ZERO, Self::ZERO) => addend,
            (Self::ONE, x) | (x, Self::ONE) => addend + x,
            _ => Self::of(106, [self.0.min(factor.0), self.0.max(factor.0), addend.0]),
        }
    }

    fn sqrt(self) -> Self {
        Self::of(107, [self.0, 0, 0])
    }

    fn from_f64(value: f64) -> Self {
        Self::of(108, [value.to_bits(), 0, 0])
    }

    fn to_f64(self) -> f64 {
        unreachable!("a term has no value")
    }

    fn maximum(self, other: Self) -> Self {
        Self::of(109, [self.0.min(other.0), self.0.max(other.0), 0])
    }
}

/// `product_of` in `product.cu`: element (i, j) of a tile, for a tile of A and B at a time; `parts` as `join` or `take_turn`.
fn product<F: Float>(a: View<'_, F>, b: View<'_, F>, in_parts: bool) -> Vec<F> {
    let (m, n, k) = (a.rows(), b.columns(), a.columns());
    let chains = |i: usize, j: usize| {
        if !in_parts || k <= 256 {
            return chain(&a, &b, (i, j), 0, k);
        }
        // `join` and `take_turn`: part z is the chain over its own 256.
        let parts: Vec<F> = (0..k.div_ceil(256))
            .map(|z| chain(&a, &b, (i, j), z * 256, 256.min(k - z * 256)))
            .collect();
        parts[1..].iter().fold(parts[0], |total, &part| total + part)
    };
    (0..m * n).map(|place| chains(place / n, place % n)).collect()
}

/// One chain of a thread over the tiles of 8 from `first` on, whose blocks of 256 wait in shared memory.
fn chain<F: Float>(
    a: &View<'_, F>,
    b: &View<'_, F>,
    (i, j): (usize, usize),
    first: usize,
    depth: usize,
) -> F {
    let tiles = depth.div_ceil(8);
    let (mut chain, mut waiting) = (F::ZERO, F::ZERO);
    for tile in 0..tiles {
        for step in 0..8 {
            let k = tile * 8 + step;
            let within = k < depth;
            let line_a = if within { a.at(i, first + k) } else { -F::ZERO };
            let line_b = if within { b.at(first + k, j) } else { F::ZERO };
            chain = line_a.fma(line_b, chain);
        }
        let more = tile + 1 < tiles;
        if more && (tile + 1) % 32 == 0 {
            waiting = if tile + 1 == 32 { chain } else { waiting + chain };
            chain = F::ZERO;
        }
    }
    if tiles <= 32 { chain } else { waiting + chain }
}

/// Kernels on rows: thread `lane` of the half warp, then `tree` by exchanges. What each thread ends with.
fn half_warp<F: Float>(count: usize, step: impl Fn(F, usize) -> F) -> [F; 16] {
    let mut lanes = [F::ZERO; 16];
    for (lane, sum) in lanes.iter_mut().enumerate() {
        *sum = (lane..count).step_by(16).fold(*sum, &step);
    }
    for width in [8, 4, 2, 1] {
        let before = lanes;
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum = before[lane] + before[lane ^ width];
        }
    }
    lanes
}

/// `columns_of` in `columns.cu`: the chains of a column's blocks of rows, added ascending by the first row of threads, or by
/// `join_columns` where they are many.
fn column<F: Float>(rows: usize, step: impl Fn(F, usize) -> F) -> F {
    let chain = |block: usize| {
        let start = block * 256;
        (start..rows.min(start + 256)).fold(F::ZERO, &step)
    };
    (1..rows.div_ceil(256)).fold(chain(0), |sum, block| sum + chain(block))
}

/// `squares_of_parts` and `clip_scale` in `adamw.cu`, over all tensors.
fn norm<F: Float>(tensors: &[Vec<F>], part: usize) -> F {
    let square = |part: &[F]| half_warp(part.len(), |lane, e| lane + part[e] * part[e])[0];
    let parts: Vec<F> = tensors.iter().flat_map(|tensor| tensor.chunks(part).map(square)).collect();
    parts.chunks(256).flatten().fold(F::ZERO, |total, &part| total + part)
}

/// `sum_rows` in `elements.cu`: one column of a row.
fn tree_of_row<F: Float>(leaves: &RowLeaves, row: usize, value: impl Fn(u64) -> F) -> F {
    let mut stack = Vec::new();
    for leaf in leaves.first_leaf[row]..leaves.first_leaf[row + 1] {
        stack.push(value(leaves.places[leaf as usize]));
        for _ in 0..leaves.joins[leaf as usize] {
            let last = stack.pop().unwrap();
            let below = stack.pop().unwrap();
            stack.push(below + last);
        }
    }
    assert_eq!(stack.len(), 1, "one sum is left");
    stack[0]
}

/// `sum_chunks` in `elements.cu`: one element of so many gradients.
fn tree_of_chunks<F: Float>(of_chunk: &[F]) -> F {
    let mut sums = [F::ZERO; 16];
    sums[..of_chunk.len()].copy_from_slice(of_chunk);
    for width in [1, 2, 4, 8] {
        for chunk in (0..16 - width).step_by(2 * width) {
            if chunk + width < of_chunk.len() {
                sums[chunk] = sums[chunk] + sums[chunk + width];
            }
        }
    }
    sums[0]
}

fn variables(count: usize, from: usize) -> Vec<Term> {
    (from..from + count).map(Term::variable).collect()
}

#[test]
fn products_add_in_the_order_of_the_definition() {
    let depths = (0..=24).chain(250..=264).chain(505..=520).chain([768, 769, 1031]);
    for k in depths {
        for (m, n) in [(1, 1), (1, 3), (2, 2), (3, 1)] {
            let (a, b) = (variables(m * k, 1000), variables(k * n, 500_000));
            let (a, b) = (View::new(&a, m, k), View::new(&b, k, n));
            let mut want = vec![Term::ZERO; m * n];
            reference::multiply(a, b, Finish::Store, &mut want, n);
            assert!(product(a, b, false) == want, "{m} × {n} × {k}");
            assert!(product(a, b, true) == want, "{m} × {n} × {k} in parts");
        }
    }
}

/// Every element of C belongs to one thread's registers, and every element of a tile is copied by one thread, from where it
/// lies: `row_of`, `column_of` and `Operand` in `product.cu`.
#[test]
fn tiles_are_covered_once() {
    for (tile, columns) in [(LARGE, 8), (SMALL, 4)] {
        let (side, threads, rows, warps) = (tile.side, tile.threads, 8, 2);
        let mut seen = vec![0; side * side];
        for thread in 0..threads {
            let first_row = thread / 32 / warps * (4 * rows) + thread % 32 / 8 * 4;
            let first_column = thread / 32 % warps * (8 * columns) + thread % 8 * 4;
            for (r, c) in (0..rows * columns).map(|place| (place / columns, place % columns)) {
                let (i, j) = (r / 4 * 16 + r % 4, c / 4 * 32 + c % 4);
                seen[(first_row + i) * side + first_column + j] += 1;
            }
        }
        assert!(seen.iter().all(|&times| times == 1), "results of a tile of {side}");
        for (way, line_stride, k_stride) in [
            (Way::AlongK, 900, 1),
            (Way::AlongLines, 1, 700),
            (Way::Fours, 1, 700),
            (Way::FoursAlongK, 900, 1),
        ] {
            let (pass_bytes, step_bytes) = tile.pass_and_step(way, line_stride, k_stride);
            let wide = if matches!(way, Way::Fours | Way::FoursAlongK) { 4 } else { 1 };
            let is_along_k = matches!(way, Way::AlongK | Way::FoursAlongK);
            let across = if is_along_k { DEPTH } else { side } / wide;
            let (pass, copies) = (threads / across, side * DEPTH / threads / wide);
            let mut seen = vec![0; 3 * DEPTH * side];
            for thread in 0..threads {
                let (k, line) = if is_along_k {
                    (thread % across * wide, thread / across)
                } else {
                    (thread / across, thread % across * wide)
                };
                let mut at = 4 * (k as u64 * k_stride + line as u64 * line_stride);
                for copy in 0..3 * copies {
                    let passed = copy % copies * pass;
                    let (line, k) =
                        if is_along_k { (line + passed, k) } else { (line, k + passed) };
                    let k = copy / copies * DEPTH + k;
                    assert_eq!(
                        at,
                        4 * (k as u64 * k_stride + line as u64 * line_stride),
                        "{way:?}"
                    );
                    let beside = if is_along_k { side } else { 1 };
                    (0..wide).for_each(|e| seen[k * side + line + e * beside] += 1);
                    let is_last = copy % copies == copies - 1;
                    at = at.wrapping_add(if is_last { step_bytes } else { pass_bytes });
                }
            }
            assert!(seen.iter().all(|&times| times == 1), "{way:?} in a tile of {side}");
        }
    }
}

#[test]
fn half_warps_add_in_the_order_of_the_definition() {
    for count in 0..=100 {
        let (x, y) = (variables(count, 0), variables(count, 1000));
        let want = row_reduction(count, |lane, e| x[e].fma(y[e], lane));
        let got = half_warp(count, |lane, e| x[e].fma(y[e], lane));
        assert!(got == [want; 16], "{count}: every thread of the half warp ends with the sum");
    }
}

#[test]
fn columns_add_in_the_order_of_the_definition() {
    for rows in (0..=8).chain(254..=258).chain(510..=514).chain([1024, 2049, 8192, 8193, 9000]) {
        let y = variables(rows, 0);
        let mut want = [Term::ZERO];
        reference::column_sum(View::new(&y, rows, 1), &mut want);
        assert!(column(rows, |sum: Term, row| sum + y[row]) == want[0], "{rows}");
    }
}

#[test]
fn the_norm_adds_parts_then_tensors() {
    let (part, lens) = (20, [1, 20, 21, 59, 16]);
    let tensors: Vec<Vec<Term>> =
        lens.iter().enumerate().map(|(index, &len)| variables(len, 100 * index)).collect();
    let mut want = Term::ZERO;
    for block in tensors.iter().flat_map(|tensor| tensor.chunks(part)) {
        want = want + row_reduction(block.len(), |lane, e| lane + block[e] * block[e]);
    }
    assert!(norm(&tensors, part) == want);
}

/// `sum(lo, hi) = sum(lo, mid) + sum(mid, hi)`, an absent side passed over.
fn tree(present: &[bool]) -> Option<Term> {
    fn sum(present: &[bool], first: usize) -> Option<Term> {
        if let [one] = present {
            return one.then(|| Term::variable(first));
        }
        let half = present.len() / 2;
        let (left, right) = (sum(&present[..half], first), sum(&present[half..], first + half));
        left.zip(right).map(|(left, right)| left + right).or(left).or(right)
    }
    sum(present, 0)
}

#[test]
fn gradients_of_chunks_add_along_the_tree() {
    for chunks in 1..=16_usize {
        let present: Vec<bool> =
            (0..chunks.next_power_of_two()).map(|chunk| chunk < chunks).collect();
        assert!(Some(tree_of_chunks(&variables(chunks, 0))) == tree(&present), "{chunks}");
    }
}

/// Every set of chunks, for every width of the tree to 16.
#[test]
fn rows_of_the_embedding_add_along_the_tree() {
    for chunks in [1, 2, 4, 8, 16_usize] {
        for set in 1..1_u32 << chunks {
            let present: Vec<bool> = (0..chunks).map(|chunk| set >> chunk & 1 == 1).collect();
            let leaves = (0..chunks).filter(|&chunk| present[chunk]).map(|chunk| (5, chunk, chunk));
            let leaves = RowLeaves::new(leaves, chunks);
            let got =
                tree_of_row(&leaves, 0, |place| Term::variable(usize::try_from(place).unwrap()));
            assert!(Some(got) == tree(&present), "{present:?}");
        }
    }
}

/// Every text of up to 5 tokens of 4.
#[test]
fn places_of_a_touched_row_ascend() {
    for len in 0..=5_u32 {
        for text in 0..4_u32.pow(len) {
            let slots: Vec<u32> = (0..len).map(|place| text >> (2 * place) & 3).collect();
            let (first, places) = places_by_row(&slots, 4);
            for row in 0..4_u32 {
                let (start, end) = (first[row as usize], first[row as usize + 1]);
                let want: Vec<u32> = (0..len).filter(|&p| slots[p as usize] == row).collect();
                assert_eq!(places[start as usize..end as usize], want);
            }
        }
    }
}
