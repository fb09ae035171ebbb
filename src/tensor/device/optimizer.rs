//! The optimiser as launches of kernels: norm, clipping, `AdamW`, and the sum of the embedding's rows.

use super::arguments::{AdamW, Arguments as _, Clip, Constants, RowTree, Squares, Tensor};
use super::launch::{BLOCK_OF_THREADS, ROWS, elements, fill};
use super::{Address, DeviceError, Launched, Queue, Room};
use crate::numerics::adamw;
use crate::tensor::Region;
use crate::tensor::optimizer::{AdamWStep, AdamWUpdate, LOGIT_SCALE_MAX, OptimizedTensor, Outcome};

/// Elements of a part: a block of the norm's sum, and what a block of threads updates.
const PART: usize = 4096;

/// The table of tensors on the device, how many they are, and how many parts.
struct Table {
    at: Address,
    tensors: u32,
    parts: usize,
}

fn table(
    queue: &Queue,
    tensors: &[OptimizedTensor],
    logit_scale: Region,
) -> Result<Table, DeviceError> {
    let mut parts = 0;
    let mut bytes = Vec::with_capacity(tensors.len() * size_of::<Tensor>());
    for tensor in tensors {
        let row = Tensor {
            start: tensor.region.start as u64,
            len: tensor.region.len as u64,
            first_part: parts as u64,
            decays: u32::from(tensor.decays),
            is_logit_scale: u32::from(tensor.region == logit_scale),
        };
        bytes.extend_from_slice(row.bytes());
        parts += tensor.region.len.div_ceil(PART);
    }
    let tensors = u32::try_from(tensors.len()).expect("a model has fewer than 2³² tensors");
    Ok(Table { at: queue.bring(Room::Tensors, &bytes)?, tensors, parts })
}

impl From<adamw::Constants> for Constants {
    fn from(of: adamw::Constants) -> Self {
        let adamw::Constants { beta1, beta2, epsilon, a, c, d } = of;
        Self {
            beta1: beta1[0],
            rest1: beta1[1],
            beta2: beta2[0],
            rest2: beta2[1],
            epsilon,
            a,
            c,
            d,
        }
    }
}

/// What a step leaves on the device: the outcome of `adamw.cu`, the squared norm, and what the gradient was multiplied by.
const RESULTS: usize = 40;
const NORM: usize = 24;
const SCALE: usize = 32;

/// Clips and performs a step; then waits for its outcome.
pub(crate) fn adamw_step(
    of: &AdamWStep<'_>,
    queue: &Queue,
    state: Address,
    gradient: Address,
) -> Launched {
    let table = table(queue, of.tensors, of.logit_scale)?;
    let results = queue.room(Room::Numbers, RESULTS)?;
    let mut bytes = [0; RESULTS];
    // No tensor yet that is not finite.
    bytes[16..20].fill(0xff);
    queue.upload(results, &bytes)?;
    clip(queue, &table, of.norm_limit, gradient, results)?;
    let len: usize = of.tensors.iter().map(|tensor| tensor.region.len).sum();
    let arguments = AdamW {
        theta: state,
        m: state.element(len),
        v: state.element(2 * len),
        gradient,
        scale: results.bytes(SCALE),
        tensors: table.at,
        outcome: results,
        decaying: of.rates.constants(true).into(),
        other: of.rates.constants(false).into(),
        count: table.tensors,
        logit_scale_max: LOGIT_SCALE_MAX,
    };
    queue.launch("adamw_update", [table.parts, 1, 1], BLOCK_OF_THREADS, &arguments)?;
    queue.download(results, &mut bytes)?;
    of.outcome.set(outcome_of(&bytes));
    Ok(())
}

/// Performs a step by a gradient as it is.
pub(crate) fn adamw_update(
    of: &AdamWUpdate,
    queue: &Queue,
    state: Address,
    source: Address,
) -> Launched {
    let scale = queue.room(Room::Parts, size_of::<f32>())?;
    fill(queue, scale, 1, 1.0)?;
    let gradient = source.element(of.gradient.start);
    let constants = of.rates.constants(true).into();
    update(queue, of.gradient.len, constants, [state, gradient, scale])
}

/// Updates one tensor of `len` elements, and says nothing of it: state, gradient, and what that is multiplied by.
pub(crate) fn update(
    queue: &Queue,
    len: usize,
    constants: Constants,
    [state, gradient, scale]: [Address; 3],
) -> Launched {
    let whole = [OptimizedTensor { region: Region::new(0, len), decays: true }];
    let table = table(queue, &whole, Region::default())?;
    let results = queue.room(Room::Numbers, RESULTS)?;
    queue.upload(results, &[0; RESULTS])?;
    let arguments = AdamW {
        theta: state,
        m: state.element(len),
        v: state.element(2 * len),
        gradient,
        scale,
        tensors: table.at,
        outcome: results,
        decaying: constants,
        other: constants,
        count: table.tensors,
        logit_scale_max: LOGIT_SCALE_MAX,
    };
    queue.launch("adamw_update", [table.parts, 1, 1], BLOCK_OF_THREADS, &arguments)
}

/// Computes the squared norm of a gradient, and what clipping multiplies it by.
fn clip(
    queue: &Queue,
    table: &Table,
    limit: Option<f64>,
    gradient: Address,
    results: Address,
) -> Launched {
    let sums = queue.room(Room::Parts, 8 * table.parts)?;
    let arguments = Squares {
        gradient,
        tensors: table.at,
        sums,
        parts: table.parts as u64,
        count: table.tensors,
        unused: 0,
    };
    let grid = [table.parts.div_ceil(ROWS), 1, 1];
    queue.launch("squares_of_parts", grid, BLOCK_OF_THREADS, &arguments)?;
    let arguments = Clip {
        sums,
        squared_norm: results.bytes(NORM),
        scale: results.bytes(SCALE),
        parts: table.parts as u64,
        limit: limit.unwrap_or(-1.0),
    };
    queue.launch("clip_scale", [1, 1, 1], BLOCK_OF_THREADS, &arguments)
}

fn outcome_of(bytes: &[u8; RESULTS]) -> Outcome {
    let word = |at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("8 bytes"));
    let tensor = u32::from_ne_bytes(bytes[16..20].try_into().expect("4 bytes"));
    Outcome {
        squared_norm: f64::from_bits(word(NORM)),
        fingerprint: [word(0), word(8)],
        not_finite: (tensor != u32::MAX).then_some(tensor as usize),
    }
}

/// The leaves of the embedding's gradient: rows of chunks, by row and then by chunk.
#[derive(Debug, Default)]
pub(crate) struct RowLeaves {
    /// The rows that have leaves, ascending.
    pub(crate) rows: Vec<u32>,
    /// Of each row, its first leaf; then the number of leaves.
    pub(crate) first_leaf: Vec<u32>,
    /// Where the elements of each leaf begin among the values.
    pub(crate) places: Vec<u64>,
    /// How many sums of the tree are complete after each leaf.
    pub(crate) joins: Vec<u32>,
}

impl RowLeaves {
    /// Orders leaves `(row, chunk, place)`, which are ascending, of a tree over `chunks` chunks, a power of two.
    pub(crate) fn new(
        leaves: impl IntoIterator<Item = (u32, usize, usize)>,
        chunks: usize,
    ) -> Self {
        let mut of = Self::default();
        let mut chunks_of_row: Vec<usize> = Vec::new();
        let finish = |row: &mut Vec<usize>, joins: &mut Vec<u32>| {
            joins_of(row, (0, chunks), joins);
            row.clear();
        };
        for (row, chunk, place) in leaves {
            if of.rows.last() != Some(&row) {
                finish(&mut chunks_of_row, &mut of.joins);
                of.rows.push(row);
                of.first_leaf.push(number(of.places.len()));
            }
            chunks_of_row.push(chunk);
            of.places.push(place as u64);
        }
        finish(&mut chunks_of_row, &mut of.joins);
        of.first_leaf.push(number(of.places.len()));
        of
    }
}

/// Of leaves at `chunks`, ascending, how many sums of the tree over `span` (first, width) are complete after each: those of
/// two sides that both have leaves.
fn joins_of(chunks: &[usize], (start, width): (usize, usize), joins: &mut Vec<u32>) {
    if chunks.len() <= 1 {
        joins.extend(chunks.iter().map(|_| 0));
        return;
    }
    let half = width / 2;
    let (left, right) = chunks.split_at(chunks.partition_point(|&chunk| chunk < start + half));
    joins_of(left, (start, half), joins);
    joins_of(right, (start + half, half), joins);
    if !left.is_empty() && !right.is_empty() {
        *joins.last_mut().expect("there are leaves") += 1;
    }
}

/// Clears the rows of the step before and writes the sums of this one; places count from `values`.
pub(crate) fn sum_rows(
    queue: &Queue,
    embedding: Address,
    width: usize,
    cleared: &[u32],
    leaves: &RowLeaves,
    values: Address,
) -> Launched {
    let lists: [&[u32]; 4] = [cleared, &leaves.rows, &leaves.first_leaf, &leaves.joins];
    let mut bytes: Vec<u8> = leaves.places.iter().flat_map(|place| place.to_ne_bytes()).collect();
    bytes.extend(lists.concat().iter().flat_map(|index| index.to_ne_bytes()));
    let places = queue.bring(Room::Leaves, &bytes)?;
    let indices = places.bytes(8 * leaves.places.len());
    let [rows, first_leaf, joins] =
        [1, 2, 3].map(|list| indices.element(lists[..list].iter().map(|list| list.len()).sum()));
    let arguments = RowTree {
        values,
        embedding,
        cleared: indices,
        rows,
        first_leaf,
        places,
        joins,
        cleared_count: number(cleared.len()),
        row_count: number(leaves.rows.len()),
        width: number(width),
        unused: 0,
    };
    let grid = elements(queue, cleared.len() * width);
    queue.launch("clear_rows", grid, BLOCK_OF_THREADS, &arguments)?;
    let grid = elements(queue, leaves.rows.len() * width);
    queue.launch("sum_rows", grid, BLOCK_OF_THREADS, &arguments)
}

fn number(size: usize) -> u32 {
    u32::try_from(size).expect("lists of a step have fewer than 2³² members")
}
