//! Matrix products on a device: which tile, and when a long sum is cut into its blocks of 256.

use super::arguments::{Address, Join, Product};
use super::launch::{BLOCK_OF_THREADS, elements};
use super::{Launched, Queue, Room};

/// The length of a chain; longer sums are added block by block.
const BLOCK: usize = 256;
/// The most batches of a grid.
const BATCHES: usize = 65_535;

/// A strided matrix on a device: element (r, c) is `r · row_stride + c · column_stride` elements from `at`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix {
    pub(crate) at: Address,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    pub(crate) row_stride: usize,
    pub(crate) column_stride: usize,
}

impl Matrix {
    /// A row-major contiguous matrix.
    pub(crate) const fn new(at: Address, rows: usize, columns: usize) -> Self {
        Self { at, rows, columns, row_stride: columns, column_stride: 1 }
    }

    /// The transposed matrix; nothing moves.
    #[must_use]
    pub(crate) const fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }

    /// Whether four neighbours lie where one access may read them: `strides` are those of batches.
    fn is_vector(&self, strides: [usize; 2]) -> bool {
        let ((other, 1) | (1, other)) = (self.row_stride, self.column_stride) else {
            return false;
        };
        self.at.0.is_multiple_of(16)
            && [other, strides[0], strides[1]].iter().all(|stride| stride.is_multiple_of(4))
    }
}

/// What happens to `c = A·B` before it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Finish {
    /// `c`
    Store,
    /// `c + bias`
    Bias(Address),
    /// `residual + (c + bias)`
    BiasResidual { bias: Address, residual: Address },
    /// `c · factors`
    Times(Address),
    /// `c · exp(number)`
    TimesExp(Address),
    /// Of `x = c + bias`: the derivative of GELU, and its value to another matrix.
    BiasGelu { bias: Address, value: Address },
    /// Of `x = c + bias`: x, and the value of `QuickGELU` to another matrix.
    BiasQuickGelu { bias: Address, value: Address },
    /// `c · QuickGELU′(x)`
    TimesQuickDerivative(Address),
}

/// A finish as the kernels read it: number, bias, other matrix, second result, whether it activates.
type Code = (u32, Address, Address, Address, bool);

impl Finish {
    const fn code(self) -> Code {
        let none = Address::NULL;
        match self {
            Self::Store => (0, none, none, none, false),
            Self::Bias(bias) => (1, bias, none, none, false),
            Self::BiasResidual { bias, residual } => (2, bias, residual, none, false),
            Self::Times(factors) => (3, none, factors, none, false),
            Self::TimesExp(number) => (4, none, number, none, false),
            Self::BiasGelu { bias, value } => (5, bias, none, value, true),
            Self::BiasQuickGelu { bias, value } => (6, bias, none, value, true),
            Self::TimesQuickDerivative(x) => (7, none, x, none, true),
        }
    }
}

/// Two further dimensions of a product: how many, and how far apart A, B and the result of neighbours begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) outer: usize,
    pub(crate) inner: usize,
    pub(crate) a: [usize; 2],
    pub(crate) b: [usize; 2],
    pub(crate) out: [usize; 2],
}

impl Batch {
    const ONE: Self = Self { outer: 1, inner: 1, a: [0; 2], b: [0; 2], out: [0; 2] };
}

/// Computes `out = finish(A·B)`, contiguous rows; matrices of the finish are too.
pub(crate) fn product(
    queue: &Queue,
    a: Matrix,
    b: Matrix,
    finish: Finish,
    out: Address,
) -> Launched {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    let tiles = m.div_ceil(64) * n.div_ceil(64);
    let parts = k.div_ceil(BLOCK);
    // Too few tiles to keep the device busy: the blocks of k are computed side by side, and then added in order.
    if parts > 1 && tiles < 2 * queue.processors() && parts <= BATCHES {
        return product_in_parts(queue, a, b, finish, out, parts);
    }
    product_batch(queue, a, b, finish, (out, n), Batch::ONE)
}

fn product_in_parts(
    queue: &Queue,
    a: Matrix,
    b: Matrix,
    finish: Finish,
    out: Address,
    parts: usize,
) -> Launched {
    let (m, n) = (a.rows, b.columns);
    let room = queue.room(Room::Parts, 4 * parts * m * n)?;
    let batch = Batch {
        outer: parts,
        inner: 1,
        a: [BLOCK * a.column_stride, 0],
        b: [BLOCK * b.row_stride, 0],
        out: [m * n, 0],
    };
    let arguments = Product {
        k: number(BLOCK),
        k_step: number(BLOCK),
        ..arguments(a, b, Finish::Store, (room, n), batch)
    };
    launch(queue, &arguments, parts, false)?;
    let (finish, bias, other, second, activates) = finish.code();
    let arguments = Join {
        from: room,
        out,
        bias,
        other,
        second,
        parts: parts as u64,
        out_row: n as u64,
        other_row: n as u64,
        m: number(m),
        n: number(n),
        finish,
        unused: 0,
    };
    let kernel = if activates { "join_parts_activated" } else { "join_parts" };
    queue.launch(kernel, elements(queue, m * n), BLOCK_OF_THREADS, &arguments)
}

/// Computes many products alike; rows of a result begin `out.1` elements apart.
pub(crate) fn product_batch(
    queue: &Queue,
    a: Matrix,
    b: Matrix,
    finish: Finish,
    out: (Address, usize),
    batch: Batch,
) -> Launched {
    let arguments = arguments(a, b, finish, out, batch);
    let activates = finish.code().4;
    let count = batch.outer * batch.inner;
    if count <= BATCHES {
        return launch(queue, &arguments, count, activates);
    }
    // More than a grid holds: some outer ones at a time.
    let step = BATCHES / batch.inner;
    assert!(step > 0, "an inner dimension fits a grid");
    for first in (0..batch.outer).step_by(step) {
        let part = Product {
            a: a.at.element(first * batch.a[0]),
            b: b.at.element(first * batch.b[0]),
            out: out.0.element(first * batch.out[0]),
            ..arguments
        };
        launch(queue, &part, step.min(batch.outer - first) * batch.inner, activates)?;
    }
    Ok(())
}

fn arguments(
    a: Matrix,
    b: Matrix,
    finish: Finish,
    (out, out_row): (Address, usize),
    batch: Batch,
) -> Product {
    assert_eq!(a.columns, b.rows, "inner sizes differ");
    let (finish, bias, other, second, _) = finish.code();
    Product {
        a: a.at,
        b: b.at,
        out,
        bias,
        other,
        second,
        a_row: a.row_stride as u64,
        a_column: a.column_stride as u64,
        b_row: b.row_stride as u64,
        b_column: b.column_stride as u64,
        out_row: out_row as u64,
        other_row: b.columns as u64,
        a_outer: batch.a[0] as u64,
        a_inner: batch.a[1] as u64,
        b_outer: batch.b[0] as u64,
        b_inner: batch.b[1] as u64,
        out_outer: batch.out[0] as u64,
        out_inner: batch.out[1] as u64,
        k_total: a.columns as u64,
        m: number(a.rows),
        n: number(b.columns),
        k: number(a.columns),
        k_step: 0,
        inner: number(batch.inner),
        finish,
        a_vector: u32::from(a.is_vector(batch.a)),
        b_vector: u32::from(b.is_vector(batch.b)),
    }
}

/// The large tile does twice the work for each number that it reads; the small one keeps more of the device busy.
fn launch(queue: &Queue, arguments: &Product, batches: usize, activates: bool) -> Launched {
    let (m, n) = (arguments.m as usize, arguments.n as usize);
    let large =
        m > 64 && n > 64 && m.div_ceil(128) * n.div_ceil(128) * batches >= queue.processors();
    let (tile, threads) = if large { (128, 256) } else { (64, 128) };
    let kernel = match (large, activates) {
        (true, false) => "product_128",
        (true, true) => "product_128_activated",
        (false, false) => "product_64",
        (false, true) => "product_64_activated",
    };
    let grid = [m.div_ceil(tile), n.div_ceil(tile), batches];
    queue.launch(kernel, grid, [threads, 1, 1], arguments)
}

fn number(size: usize) -> u32 {
    u32::try_from(size).expect("a side of a matrix is below 2³²")
}
