//! Kernels on rows, columns and elements: which grid, on which addresses.

use super::arguments::{
    Address, Columns, Elements, Map, Norm, Normalise, Pool, RowSums, Softmax, Tree,
};
use super::{Launched, Queue, Room};
use crate::tensor::Chunks;

/// Threads of a block, where a kernel does not say otherwise.
const THREADS: usize = 256;
/// Rows of a block in kernels on rows: half a warp each.
pub(super) const ROWS: usize = 16;
/// Rows of a block of a column reduction.
const BLOCK: usize = 256;

/// The grid of a kernel whose threads each do some of `count` elements.
pub(super) fn elements(queue: &Queue, count: usize) -> [usize; 3] {
    [count.div_ceil(THREADS).min(32 * queue.processors()), 1, 1]
}

/// The threads of a block of most kernels.
pub(super) const BLOCK_OF_THREADS: [u32; 3] = [256, 1, 1];

/// A function of [`map`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Function {
    Exp,
    Log,
    Erf,
    Tanh,
    Sigmoid,
}

/// `y[i] = f(x[i])`.
pub(crate) fn map(
    queue: &Queue,
    function: Function,
    x: Address,
    y: Address,
    count: usize,
) -> Launched {
    let arguments = Map { x, y, count: count as u64, function: function as u32, unused: 0 };
    queue.launch("map_elements", elements(queue, count), BLOCK_OF_THREADS, &arguments)
}

/// `to ← from`.
pub(crate) fn copy(queue: &Queue, from: Address, to: Address, count: usize) -> Launched {
    one_by_one(queue, "copy_elements", from, to, count, 0.0)
}

/// `to ← to + from`.
pub(crate) fn add(queue: &Queue, from: Address, to: Address, count: usize) -> Launched {
    one_by_one(queue, "add_elements", from, to, count, 0.0)
}

/// `to ← value`.
pub(crate) fn fill(queue: &Queue, to: Address, count: usize, value: f32) -> Launched {
    one_by_one(queue, "fill_elements", Address::NULL, to, count, value)
}

/// Sums the gradients of chunks, so many elements, over their tree.
pub(crate) fn sum_chunks(
    queue: &Queue,
    chunks: Chunks,
    from: Address,
    to: Address,
    count: usize,
) -> Launched {
    assert!(chunks.count <= Chunks::MOST, "a thread has room for so many");
    let arguments = Tree {
        from,
        to,
        count: count as u64,
        stride: chunks.stride as u64,
        chunks: u32::try_from(chunks.count).expect("they are few"),
        unused: 0,
    };
    queue.launch("sum_chunks", elements(queue, count), BLOCK_OF_THREADS, &arguments)
}

fn one_by_one(
    queue: &Queue,
    kernel: &'static str,
    from: Address,
    to: Address,
    count: usize,
    value: f32,
) -> Launched {
    let arguments = Elements { from, to, count: count as u64, value, unused: 0 };
    queue.launch(kernel, elements(queue, count), BLOCK_OF_THREADS, &arguments)
}

/// Row sums of x, or of products with rows of y unless it is null.
pub(crate) fn row_sums(
    queue: &Queue,
    [rows, width]: [usize; 2],
    x: Address,
    y: Address,
    out: Address,
) -> Launched {
    let arguments = RowSums { x, y, out, rows: rows as u64, width: width as u64 };
    queue.launch("row_sums", [rows.div_ceil(ROWS), 1, 1], BLOCK_OF_THREADS, &arguments)
}

/// Softmax of the rows of a loss, see `softmax.cu`: P in place, or its gradient times `factor` if there is one.
pub(crate) fn softmax_loss(
    queue: &Queue,
    [rows, width]: [usize; 2],
    x: Address,
    labels: Address,
    losses: Address,
    factor: Option<f32>,
) -> Launched {
    let arguments = Softmax {
        x,
        labels,
        losses,
        rows: rows as u64,
        width: width as u64,
        factor: factor.unwrap_or(1.0),
        gradient: u32::from(factor.is_some()),
    };
    queue.launch("softmax_loss", [rows.div_ceil(ROWS), 1, 1], BLOCK_OF_THREADS, &arguments)
}

/// Starts a column reduction of the rows of each chunk. Few blocks of rows are one block of threads, across and down; of
/// more, each is computed by itself, and then they are added.
fn reduce_columns(
    queue: &Queue,
    kernel: &'static str,
    chunks: Chunks,
    [rows, columns]: [usize; 2],
    arguments: Columns,
) -> Launched {
    let (count, rows) = (chunks.count, chunks.rows_of(rows));
    let arguments = Columns { rows: rows as u64, out_chunk: chunks.stride as u64, ..arguments };
    let blocks = rows.div_ceil(BLOCK);
    let threads = match blocks {
        0..=2 => [128, 2, 1],
        3..=4 => [64, 4, 1],
        _ => [32, 8, 1],
    };
    let across = columns.div_ceil(threads[0] as usize);
    if blocks <= 8 {
        return queue.launch(kernel, [across, 1, count], threads, &arguments);
    }
    let parts = queue.room(Room::Parts, 2 * 4 * count * blocks * columns)?;
    let gain_parts = parts.element(count * blocks * columns);
    let arguments = Columns { parts, gain_parts, ..arguments };
    queue.launch(kernel, [across, blocks.div_ceil(8), count], threads, &arguments)?;
    let sums = if arguments.out_gain == Address::NULL { 1 } else { 2 };
    let grid = [columns.div_ceil(THREADS), sums, count];
    queue.launch("join_columns", grid, BLOCK_OF_THREADS, &arguments)
}

/// `out[j] = Σ_k y[k, j]` for rows of `columns` that begin `row_stride` apart, of each chunk.
pub(crate) fn column_sums(
    queue: &Queue,
    chunks: Chunks,
    [rows, columns]: [usize; 2],
    row_stride: usize,
    y: Address,
    out: Address,
) -> Launched {
    let arguments = Columns {
        y,
        x: Address::NULL,
        stats: Address::NULL,
        out,
        out_gain: Address::NULL,
        parts: Address::NULL,
        gain_parts: Address::NULL,
        rows: 0,
        columns: columns as u64,
        row_stride: row_stride as u64,
        out_chunk: 0,
    };
    reduce_columns(queue, "column_sums", chunks, [rows, columns], arguments)
}

/// What a `LayerNorm` of `[rows, width]` reads: input, parameters, and room for mean and reciprocal deviation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormOf {
    pub(crate) rows: usize,
    pub(crate) width: usize,
    pub(crate) x: Address,
    pub(crate) stats: Address,
    pub(crate) gain: Address,
}

impl NormOf {
    fn arguments(&self) -> Norm {
        Norm {
            x: self.x,
            gain: self.gain,
            bias: Address::NULL,
            d_y: Address::NULL,
            stats: self.stats,
            out: Address::NULL,
            rows: self.rows as u64,
            width: self.width as u64,
            adds: 0,
            unused: 0,
        }
    }

    fn grid(&self) -> [usize; 3] {
        [self.rows.div_ceil(ROWS), 1, 1]
    }

    /// Computes `y`, and mean and reciprocal deviation of each row.
    pub(crate) fn forward(&self, queue: &Queue, bias: Address, y: Address) -> Launched {
        let arguments = Norm { bias, out: y, ..self.arguments() };
        queue.launch("layer_norm_forward", self.grid(), BLOCK_OF_THREADS, &arguments)
    }

    /// Computes the gradients of input, gain and bias, of the latter one for each chunk; the first is added to what `d_x`
    /// holds, if it shall.
    pub(crate) fn backward(
        &self,
        queue: &Queue,
        chunks: Chunks,
        d_y: Address,
        (d_x, adds): (Address, bool),
        [d_gain, d_bias]: [Address; 2],
    ) -> Launched {
        let arguments = Norm { d_y, out: d_x, adds: u32::from(adds), ..self.arguments() };
        queue.launch("layer_norm_backward", self.grid(), BLOCK_OF_THREADS, &arguments)?;
        let arguments = Columns {
            y: d_y,
            x: self.x,
            stats: self.stats,
            out: d_bias,
            out_gain: d_gain,
            parts: Address::NULL,
            gain_parts: Address::NULL,
            rows: 0,
            columns: self.width as u64,
            row_stride: self.width as u64,
            out_chunk: 0,
        };
        let shape = [self.rows, self.width];
        reduce_columns(queue, "norm_parameter_gradients", chunks, shape, arguments)
    }
}

/// Rows of `[rows, width]` scaled to length 1, and the reciprocals of their lengths.
pub(crate) fn normalise(
    queue: &Queue,
    [rows, width]: [usize; 2],
    x: Address,
    y: Address,
    r: Address,
) -> Launched {
    let d_y = Address::NULL;
    let arguments = Normalise { x, r, d_y, out: y, rows: rows as u64, width: width as u64 };
    queue.launch("normalise_forward", [rows.div_ceil(ROWS), 1, 1], BLOCK_OF_THREADS, &arguments)
}

/// The gradient of what [`normalise`] read, from the gradient of the unit rows `y`.
pub(crate) fn normalise_backward(
    queue: &Queue,
    [rows, width]: [usize; 2],
    [y, r, d_y]: [Address; 3],
    d_x: Address,
) -> Launched {
    let arguments = Normalise { x: y, r, d_y, out: d_x, rows: rows as u64, width: width as u64 };
    queue.launch("normalise_backward", [rows.div_ceil(ROWS), 1, 1], BLOCK_OF_THREADS, &arguments)
}

/// Pools tokens, or their gradient; see `head.cu`.
pub(crate) fn pool(
    queue: &Queue,
    kernel: &'static str,
    count: usize,
    arguments: &Pool,
) -> Launched {
    queue.launch(kernel, elements(queue, count), BLOCK_OF_THREADS, arguments)
}
