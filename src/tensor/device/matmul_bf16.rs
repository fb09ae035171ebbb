//! Products of linear layers: exact ones, or those of a device class, rounded to bfloat16 and multiplied by tensor cores.
//!
//! The tile, the order of k and where a long sum is cut follow from the sizes alone, never from a device: results are a
//! function of its class and of these kernels. A change of any of it is another revision of the arithmetic's name.

use super::arguments::{Address, ProductBf16, Round};
use super::launch::{BLOCK_OF_THREADS, elements};
use super::matmul::{BATCHES, Finish, Matrix, are_fours, join, number, product, product_of_chunks};
use super::{DeviceError, Launched, Queue, Room};
use crate::tensor::{Arithmetic, Chunks};

/// Rows and columns of a tile, and the k of a step.
const TILE: usize = 128;
const STEP: usize = 32;
/// What a block of threads shares: four steps of tiles of both operands, whose lines have 4 pairs to spare.
const SHARED: usize = 4 * 2 * 4 * TILE * (STEP / 2 + 4);
/// Where a long sum is cut, in steps, if its product has no more than so many tiles.
const PART_STEPS: usize = 64;
const FEW_TILES: usize = 128;

/// Computes `out = finish(A·B)` of a linear layer, contiguous rows; matrices of the finish are too.
pub(crate) fn linear(
    queue: &Queue,
    arithmetic: Arithmetic,
    a: Matrix,
    b: Matrix,
    finish: Finish,
    out: Address,
) -> Launched {
    match arithmetic {
        Arithmetic::Portable => product(queue, a, b, finish, out),
        Arithmetic::Bf16 => product_bf16(queue, a, b, finish, out),
    }
}

/// The gradient of a linear layer's weight, of each chunk, from that of its output, `[rows, of output]`, and its input.
///
/// # Panics
///
/// For several chunks in bfloat16: where sums are cut follows from how many rows there are, which are one chunk's.
pub(crate) fn weight_gradient(
    queue: &Queue,
    arithmetic: Arithmetic,
    chunks: Chunks,
    d_y: Matrix,
    x: Matrix,
    out: Address,
) -> Launched {
    match arithmetic {
        Arithmetic::Portable => product_of_chunks(queue, chunks, d_y.transposed(), x, out),
        Arithmetic::Bf16 => {
            chunks.assert_alone();
            product_bf16(queue, d_y.transposed(), x, Finish::Store, out)
        }
    }
}

fn product_bf16(queue: &Queue, a: Matrix, b: Matrix, finish: Finish, out: Address) -> Launched {
    assert_eq!(a.columns, b.rows, "inner sizes differ");
    if queue.shared_memory() < SHARED {
        return Err(DeviceError::Call {
            call: "a product of bfloat16".to_owned(),
            text: format!("threads of a block cannot share {SHARED} bytes on this device"),
        });
    }
    let (m, n, steps) = (a.rows, b.columns, a.columns.div_ceil(STEP));
    let rounded_a = rounded(queue, Room::RoundedA, a)?;
    let rounded_b = rounded(queue, Room::RoundedB, b.transposed())?;
    let tiles = m.div_ceil(TILE) * n.div_ceil(TILE);
    let parts = steps.div_ceil(PART_STEPS);
    let is_cut = tiles <= FEW_TILES && (2..=BATCHES).contains(&parts);
    let (parts, part_steps) = if is_cut { (parts, PART_STEPS) } else { (1, steps) };
    let (finish_of_part, to) = if is_cut {
        (Finish::Store, queue.room(Room::Parts, 4 * parts * m * n)?)
    } else {
        (finish, out)
    };
    let (code, bias, other, second) = finish_of_part.code();
    let arguments = ProductBf16 {
        a: rounded_a,
        b: rounded_b,
        out: to,
        bias,
        other,
        second,
        out_row: n as u64,
        other_row: n as u64,
        out_part: (m * n) as u64,
        m: number(m),
        n: number(n),
        steps: number(steps),
        part_steps: number(part_steps),
        finish: code,
        vector: u32::from(are_fours([to, other, second], &[n])),
    };
    let grid = [m.div_ceil(TILE), n.div_ceil(TILE), parts];
    queue.launch_sharing("product_bf16", grid, BLOCK_OF_THREADS, SHARED, &arguments)?;
    if is_cut { join(queue, Chunks::ONE, to, parts, [m, n], finish, out) } else { Ok(()) }
}

/// The rows of a matrix rounded to bfloat16, with neighbours along its columns: whole tiles of lines and whole steps, +0
/// beyond the matrix.
fn rounded(queue: &Queue, room: Room, of: Matrix) -> Result<Address, DeviceError> {
    let (all_lines, all_k) = (of.rows.next_multiple_of(TILE), of.columns.next_multiple_of(STEP));
    let to = queue.room(room, 2 * all_lines * all_k)?;
    let strides = [of.row_stride, of.columns];
    let arguments = Round {
        from: of.at,
        to,
        line_stride: of.row_stride as u64,
        k_stride: of.column_stride as u64,
        pairs: (all_k / 2) as u64,
        lines: number(of.rows),
        all_lines: number(all_lines),
        k: number(of.columns),
        vector: u32::from(are_fours([of.at], &strides)),
    };
    if of.column_stride == 1 {
        let grid = elements(queue, all_lines * all_k / 4);
        queue.launch("round_along_k", grid, BLOCK_OF_THREADS, &arguments)?;
    } else {
        assert_eq!(of.row_stride, 1, "rows or columns have no gaps");
        let grid = [all_k.div_ceil(64), all_lines / 32, 1];
        queue.launch("round_across_k", grid, [32, 8, 1], &arguments)?;
    }
    Ok(to)
}
