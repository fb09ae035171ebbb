//! Matrix products on a device: which tile, whether B is moved before, and when a long sum is cut into its blocks of 256.

use super::arguments::{Address, Join, Product, Transpose};
use super::launch::{BLOCK_OF_THREADS, copy, elements, fill};
use super::{DeviceError, Launched, Queue, Room};
use crate::tensor::Chunks;

/// The length of a chain; longer sums are added block by block.
const BLOCK: usize = 256;
/// The most batches of a grid.
pub(super) const BATCHES: usize = 65_535;
/// The k of a tile of A or B, and the tiles that have room beside each other: on their way, in use, or what is left of k.
pub(super) const DEPTH: usize = 8;
const SLOTS: usize = 5;
/// The tile that does most for what it reads, and the one for whatever lies as it may.
pub(super) const LARGE: Tile = Tile { side: 128, threads: 256 };
pub(super) const SMALL: Tile = Tile { side: 64, threads: 128 };
/// Rows of A from which on it pays to move B.
const ROWS_WORTH_MOVING: usize = 512;
/// Blocks of k from which on it pays that they take turns: what is idle else is more than what waiting costs.
const PARTS_WORTH_TURNS: usize = 8;

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

    /// Whether rows follow one another without a gap.
    const fn is_contiguous(&self) -> bool {
        self.column_stride == 1 && self.row_stride == self.columns
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

/// A finish as the kernels read it: number, bias, other matrix, second result.
pub(super) type Code = (u32, Address, Address, Address);

impl Finish {
    pub(super) const fn code(self) -> Code {
        let none = Address::NULL;
        match self {
            Self::Store => (0, none, none, none),
            Self::Bias(bias) => (1, bias, none, none),
            Self::BiasResidual { bias, residual } => (2, bias, residual, none),
            Self::Times(factors) => (3, none, factors, none),
            Self::TimesExp(number) => (4, none, number, none),
            Self::BiasGelu { bias, value } => (5, bias, none, value),
            Self::BiasQuickGelu { bias, value } => (6, bias, none, value),
            Self::TimesQuickDerivative(x) => (7, none, x, none),
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

/// How far apart A and B of neighbours begin where a product has none.
const ALONE: [[usize; 2]; 2] = [[0; 2]; 2];

/// Computes `out = finish(A·B)`, contiguous rows; matrices of the finish are too.
pub(crate) fn product(
    queue: &Queue,
    a: Matrix,
    b: Matrix,
    finish: Finish,
    out: Address,
) -> Launched {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    let (tiles, parts) = (m.div_ceil(LARGE.side) * n.div_ceil(LARGE.side), k.div_ceil(BLOCK));
    let b = if is_worth_large_tiles(queue, &a, &b, tiles * parts) { by_rows(queue, b)? } else { b };
    let small_tiles = m.div_ceil(SMALL.side) * n.div_ceil(SMALL.side);
    let large = Large::of(queue, &a, &b, ALONE).is_some();
    let processors = queue.processors();
    // The last round of tiles leaves processors idle. More parts than a grid holds are one long sum.
    let is_idle = 20 * tiles < 19 * tiles.next_multiple_of(processors);
    let turns = PARTS_WORTH_TURNS..=BATCHES;
    if large && is_idle && 8 * tiles >= processors && turns.contains(&parts) && n.is_multiple_of(4)
    {
        return product_in_turns(queue, a, b, finish, out, parts);
    }
    // Too few tiles to keep the device busy: the blocks of k are computed side by side, and then added in order.
    if parts > 1 && small_tiles < 2 * processors && parts <= BATCHES {
        return product_in_parts(queue, Chunks::ONE, a, b, finish, out, parts);
    }
    product_batch(queue, a, b, finish, (out, n), Batch::ONE)
}

/// Whether B may be moved so that large tiles can be used; so many blocks of threads would have work.
fn is_worth_large_tiles(queue: &Queue, a: &Matrix, b: &Matrix, blocks: usize) -> bool {
    let moved = Matrix::new(Address::NULL, b.rows, b.columns);
    let is_of_use = a.rows >= ROWS_WORTH_MOVING && blocks >= queue.processors();
    is_of_use
        && (b.is_contiguous() || b.transposed().is_contiguous())
        && Large::of(queue, a, b, ALONE).is_none()
        && Large::of(queue, a, &moved, ALONE).is_some()
}

/// B with its rows one after the other, from an address at which four may be read at once.
fn by_rows(queue: &Queue, b: Matrix) -> Result<Matrix, DeviceError> {
    let to = queue.room(Room::Moved, 4 * b.rows * b.columns)?;
    if b.is_contiguous() {
        copy(queue, b.at, to, b.rows * b.columns)?;
    } else {
        transpose(queue, b.transposed(), to)?;
    }
    Ok(Matrix::new(to, b.rows, b.columns))
}

/// `to ← fromᵀ`, contiguous both.
fn transpose(queue: &Queue, from: Matrix, to: Address) -> Launched {
    let arguments =
        Transpose { from: from.at, to, rows: number(from.rows), columns: number(from.columns) };
    let grid = [from.columns.div_ceil(32), from.rows.div_ceil(32), 1];
    queue.launch("transpose", grid, [32, 8, 1], &arguments)
}

/// A product whose blocks of k are batches.
fn in_parts(a: Matrix, b: Matrix, parts: usize, out: usize) -> Batch {
    let (a, b) = ([BLOCK * a.column_stride, 0], [BLOCK * b.row_stride, 0]);
    Batch { outer: parts, inner: 1, a, b, out: [out, 0] }
}

/// The arguments of a product whose outer batches are blocks of k.
fn of_part(of: Product) -> Product {
    Product { k: number(BLOCK), k_step: number(BLOCK), ..of }
}

/// Parts are added as soon as they are there, each by its own blocks of threads, one after the other.
fn product_in_turns(
    queue: &Queue,
    a: Matrix,
    b: Matrix,
    finish: Finish,
    out: Address,
    parts: usize,
) -> Launched {
    let (m, n) = (a.rows, b.columns);
    let tiles = m.div_ceil(LARGE.side) * n.div_ceil(LARGE.side);
    let turns = queue.room(Room::Turns, 4 * tiles)?;
    fill(queue, turns, tiles, 0.0)?;
    let sums = queue.room(Room::Parts, 4 * m * n)?;
    let part = of_part(arguments(a, b, finish, (out, n), in_parts(a, b, parts, 0)));
    let arguments = Product { sums, turns, ..part };
    let large = Large::of(queue, &a, &b, ALONE).expect("the caller asked");
    large.launch(queue, arguments, parts)
}

/// Parts are written side by side, of all chunks, of which A and B are the first, and then added.
fn product_in_parts(
    queue: &Queue,
    chunks: Chunks,
    a: Matrix,
    b: Matrix,
    finish: Finish,
    out: Address,
    parts: usize,
) -> Launched {
    let (m, n, count) = (a.rows, b.columns, chunks.count);
    let room = queue.room(Room::Parts, 4 * count * parts * m * n)?;
    let own = in_parts(a, b, parts, m * n);
    // A chunk alone has no next one.
    let k = if count == 1 { 0 } else { a.columns };
    let batch = Batch {
        inner: count,
        a: [own.a[0], k * a.column_stride],
        b: [own.b[0], k * b.row_stride],
        out: [own.out[0], parts * m * n],
        ..own
    };
    let part = of_part(arguments(a, b, Finish::Store, (room, n), batch));
    launch(queue, a, b, part, batch)?;
    join(queue, chunks, room, parts, [m, n], finish, out)
}

/// Computes `out = A·B` for each of the chunks whose rows lie one after the other along k.
pub(crate) fn product_of_chunks(
    queue: &Queue,
    chunks: Chunks,
    a: Matrix,
    b: Matrix,
    out: Address,
) -> Launched {
    if chunks.count == 1 {
        return product(queue, a, b, Finish::Store, out);
    }
    let (count, k) = (chunks.count, chunks.rows_of(a.columns));
    let (a, b) = (Matrix { columns: k, ..a }, Matrix { rows: k, ..b });
    let (m, n, parts) = (a.rows, b.columns, k.div_ceil(BLOCK));
    let tiles = count * m.div_ceil(SMALL.side) * n.div_ceil(SMALL.side);
    if parts > 1 && tiles < 2 * queue.processors() && parts * count <= BATCHES {
        return product_in_parts(queue, chunks, a, b, Finish::Store, out, parts);
    }
    let (a_next, b_next) = ([k * a.column_stride, 0], [k * b.row_stride, 0]);
    let batch = Batch { outer: count, inner: 1, a: a_next, b: b_next, out: [chunks.stride, 0] };
    product_batch(queue, a, b, Finish::Store, (out, n), batch)
}

/// Adds matrices of m × n that lie one after the other, in their order, and finishes the sum; of each chunk.
pub(super) fn join(
    queue: &Queue,
    chunks: Chunks,
    room: Address,
    parts: usize,
    [m, n]: [usize; 2],
    finish: Finish,
    out: Address,
) -> Launched {
    let (finish, bias, other, second) = finish.code();
    let arguments = Join {
        from: room,
        out,
        bias,
        other,
        second,
        parts: parts as u64,
        out_row: n as u64,
        other_row: n as u64,
        out_chunk: chunks.stride as u64,
        m: number(m),
        n: number(n),
        finish,
        vector: u32::from(are_fours([out, other, second], &[n, chunks.stride])),
    };
    let [across, ..] = elements(queue, m * n.div_ceil(4));
    queue.launch("join_parts", [across, 1, chunks.count], BLOCK_OF_THREADS, &arguments)
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
    let all = arguments(a, b, finish, out, batch);
    // A grid holds so many; more are some outer ones at a time.
    let step = BATCHES / batch.inner;
    assert!(step > 0, "an inner dimension fits a grid");
    for first in (0..batch.outer).step_by(step) {
        let part = Product {
            a: a.at.element(first * batch.a[0]),
            b: b.at.element(first * batch.b[0]),
            out: out.0.element(first * batch.out[0]),
            ..all
        };
        launch(queue, a, b, part, Batch { outer: step.min(batch.outer - first), ..batch })?;
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
    let (finish, bias, other, second) = finish.code();
    Product {
        a: a.at,
        b: b.at,
        out,
        bias,
        other,
        second,
        sums: Address::NULL,
        turns: Address::NULL,
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
        // Those of the tile that is chosen.
        a_pass: 0,
        a_step: 0,
        b_pass: 0,
        b_step: 0,
        k_total: a.columns as u64,
        m: number(a.rows),
        n: number(b.columns),
        k: number(a.columns),
        k_step: 0,
        inner: number(batch.inner),
        finish,
        a_way: 0,
        b_way: 0,
        vector: u32::from(are_fours(
            [out, other, second],
            &[b.columns, out_row, batch.out[0], batch.out[1]],
        )),
        unused: 0,
    }
}

/// Whether four elements may be read or written at once, at these addresses and so many elements further.
pub(super) fn are_fours<const N: usize>(at: [Address; N], strides: &[usize]) -> bool {
    at.iter().all(|at| at.0.is_multiple_of(16))
        && strides.iter().all(|stride| stride.is_multiple_of(4))
}

/// The large tile does twice the work for each number that it reads; the small one keeps more of the device busy.
fn launch(queue: &Queue, a: Matrix, b: Matrix, arguments: Product, batch: Batch) -> Launched {
    let batches = batch.outer * batch.inner;
    let blocks = a.rows.div_ceil(LARGE.side) * b.columns.div_ceil(LARGE.side) * batches;
    let apart = [batch.a, batch.b];
    if blocks >= queue.processors()
        && let Some(large) = Large::of(queue, &a, &b, apart)
    {
        return large.launch(queue, arguments, batches);
    }
    let ways = Way::of_both(&a, &b, apart);
    let (kernel, ways) = match ways {
        [Way::FoursAlongK, Way::Fours] => ("product_64_nn", ways),
        [Way::Fours, Way::Fours] => ("product_64_tn", ways),
        [Way::FoursAlongK, Way::FoursAlongK] => ("product_64_nt", ways),
        [Way::AlongK, Way::Fours] => ("product_64_nn_ones", ways),
        [Way::AlongLines, Way::Fours] => ("product_64_tn_ones", ways),
        _ => ("product_64", ways.map(Way::past_registers)),
    };
    SMALL.launch(queue, kernel, ways, arguments, batches)
}

/// A kernel with large tiles, which exists for operands that lie well.
struct Large {
    kernel: &'static str,
    ways: [Way; 2],
}

impl Large {
    /// The kernel for these operands, whose batches lie so far apart, on a device that has the shared memory.
    fn of(queue: &Queue, a: &Matrix, b: &Matrix, apart: [[usize; 2]; 2]) -> Option<Self> {
        let is_large = a.rows > SMALL.side && b.columns > SMALL.side;
        if !is_large || queue.shared_memory() < LARGE.shared_memory() {
            return None;
        }
        let ways = Way::of_both(a, b, apart);
        let kernel = match ways {
            [Way::FoursAlongK, Way::Fours] => "product_128_nn",
            [Way::Fours, Way::Fours] => "product_128_tn",
            _ => return None,
        };
        Some(Self { kernel, ways })
    }

    fn launch(&self, queue: &Queue, arguments: Product, batches: usize) -> Launched {
        LARGE.launch(queue, self.kernel, self.ways, arguments, batches)
    }
}

/// How the tiles of an operand are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Way {
    /// Number by number, neighbours along k.
    AlongK,
    /// Number by number, neighbours along the lines: rows of A, columns of B.
    AlongLines,
    /// Four neighbours along the lines at once.
    Fours,
    /// Four neighbours along k at once, which are turned over on their way through registers.
    FoursAlongK,
}

impl Way {
    /// Of A and of B, each by where its own batches lie.
    fn of_both(a: &Matrix, b: &Matrix, [a_apart, b_apart]: [[usize; 2]; 2]) -> [Self; 2] {
        [
            Self::of(a.at, a.rows, [a.row_stride, a.column_stride], a_apart),
            Self::of(b.at, b.columns, [b.column_stride, b.row_stride], b_apart),
        ]
    }

    fn of(at: Address, lines: usize, [line, k]: [usize; 2], [outer, inner]: [usize; 2]) -> Self {
        if k == 1 && are_fours([at], &[line, outer, inner]) {
            Self::FoursAlongK
        } else if k == 1 {
            Self::AlongK
        } else if line == 1 && are_fours([at], &[lines, k, outer, inner]) {
            Self::Fours
        } else {
            Self::AlongLines
        }
    }

    /// How the kernel that takes whatever lies as it may copies it.
    const fn past_registers(self) -> Self {
        match self {
            Self::FoursAlongK => Self::AlongK,
            other => other,
        }
    }
}

/// The tile of a kernel, and its threads.
pub(super) struct Tile {
    pub(super) side: usize,
    pub(super) threads: usize,
}

impl Tile {
    /// The bytes that a block of threads shares: tiles of both operands, and the sums of its own.
    const fn shared_memory(&self) -> usize {
        4 * (2 * SLOTS * DEPTH * (self.side + 4) + self.side * self.side)
    }

    /// Bytes between the copies of a thread within a tile, and from its last one to the first of the next tile, for an
    /// operand with these strides of lines and k.
    pub(super) const fn pass_and_step(&self, way: Way, line: u64, k: u64) -> (u64, u64) {
        let (threads, side, depth) = (self.threads as u64, self.side as u64, DEPTH as u64);
        let (across, pass, wide) = match way {
            Way::AlongK => (depth, line, 1),
            Way::AlongLines => (side, k, 1),
            Way::Fours => (side / 4, k, 4),
            Way::FoursAlongK => (depth / 4, line, 4),
        };
        let pass = threads / across * pass * 4;
        let copies = side * depth / threads / wide;
        (pass, (4 * depth * k).wrapping_sub((copies - 1) * pass))
    }

    fn launch(
        &self,
        queue: &Queue,
        kernel: &'static str,
        ways: [Way; 2],
        arguments: Product,
        batches: usize,
    ) -> Launched {
        let [a_way, b_way] = ways;
        let (a_pass, a_step) = self.pass_and_step(a_way, arguments.a_row, arguments.a_column);
        let (b_pass, b_step) = self.pass_and_step(b_way, arguments.b_column, arguments.b_row);
        let (a_way, b_way) = (a_way as u32, b_way as u32);
        let arguments = Product { a_pass, a_step, b_pass, b_step, a_way, b_way, ..arguments };
        let (m, n) = (arguments.m as usize, arguments.n as usize);
        let grid = [m.div_ceil(self.side), n.div_ceil(self.side), batches];
        let threads = number(self.threads);
        queue.launch_sharing(kernel, grid, [threads, 1, 1], self.shared_memory(), &arguments)
    }
}

pub(super) fn number(size: usize) -> u32 {
    u32::try_from(size).expect("a side of a matrix is below 2³²")
}
