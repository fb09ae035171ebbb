//! Attention head by head: register tiles read q, k and v where they lie, and only what must be
//! transposed or padded is copied.

#![allow(unsafe_code, reason = "register tiles take addresses; rows are compiled for a SIMD level")]

use super::AttentionShape;
use super::reference;
use super::rows::{Square, d_softmax, softmax};
use crate::numerics::lanes::Lanes as _;
use crate::numerics::level::Path;
use crate::numerics::matmul::kernel::{After, Ahead, Fused, Kernels, Lines, Operands, Software};
#[cfg(target_arch = "x86_64")]
use crate::numerics::matmul::kernel::{Avx2, Avx512};
use crate::numerics::matmul::reference::BLOCK;
use crate::numerics::matmul::with_room;
use crate::numerics::vector::Plain;
#[cfg(target_arch = "x86_64")]
use crate::numerics::vector::{Eight, Sixteen};

/// Products and rows of one path.
trait Heads: Kernels {
    /// Computes [`softmax`].
    ///
    /// # Safety
    ///
    /// The machine has the path's instructions.
    unsafe fn softmax(square: Square, scores: &mut [f32]);

    /// Computes [`d_softmax`].
    ///
    /// # Safety
    ///
    /// The machine has the path's instructions.
    unsafe fn d_softmax(square: Square, probabilities: &[f32], d: &mut [f32]);
}

macro_rules! heads {
    ($path:ty, $vector:ty $(, $(#[$feature:meta])*)?) => {
        impl Heads for $path {
            #[inline]
            unsafe fn softmax(square: Square, scores: &mut [f32]) {
                $($(#[$feature])*)?
                unsafe fn instance(square: Square, scores: &mut [f32]) {
                    softmax::<$vector>(square, scores);
                }
                // SAFETY: the caller vouches for the instructions.
                unsafe { instance(square, scores) }
            }

            #[inline]
            unsafe fn d_softmax(square: Square, probabilities: &[f32], d: &mut [f32]) {
                $($(#[$feature])*)?
                unsafe fn instance(square: Square, probabilities: &[f32], d: &mut [f32]) {
                    d_softmax::<$vector>(square, probabilities, d);
                }
                // SAFETY: the caller vouches for the instructions.
                unsafe { instance(square, probabilities, d) }
            }
        }
    };
}

heads!(Software, Plain<false>);
#[cfg(target_arch = "x86_64")]
heads!(Fused, Plain<true>, #[target_feature(enable = "avx,fma")]);
#[cfg(not(target_arch = "x86_64"))]
heads!(Fused, Plain<{ cfg!(target_arch = "aarch64") }>);
#[cfg(target_arch = "x86_64")]
heads!(Avx2, Eight, #[target_feature(enable = "avx2,fma,bmi2")]);
#[cfg(target_arch = "x86_64")]
heads!(Avx512, Sixteen, #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2")]);

/// A left operand: element (i, t) at `start[i · stride + t]`, or transposed `start[t · stride + i]`.
#[derive(Clone, Copy)]
struct Left {
    start: *const f32,
    stride: usize,
    transposed: bool,
}

/// Rows with contiguous elements.
#[derive(Clone, Copy)]
struct Rows {
    start: *const f32,
    stride: usize,
}

/// Computes an `m × n` product of inner size `k`.
///
/// # Safety
///
/// The machine has the path's instructions; operands are in bounds, rows of `b` up to whole vectors;
/// `m` is not 0.
unsafe fn product<M: Kernels>(
    (m, n, k): (usize, usize, usize),
    a: Left,
    b: Rows,
    c: *mut f32,
    c_stride: usize,
) {
    // Tiles of about equal height keep more chains in flight than full ones and a small rest.
    let rows = m.div_ceil(m.div_ceil(M::ROWS));
    for j in (0..n).step_by(M::COLUMNS) {
        for t in (0..k).step_by(BLOCK) {
            let element = if a.transposed { a.stride } else { 1 };
            // SAFETY: the tiles lie inside the product.
            unsafe {
                let operands = Operands {
                    tiles: 0,
                    inner: (k - t).min(BLOCK),
                    a: a.start.add(t * element),
                    a_stride: a.stride,
                    b: b.start.add(t * b.stride + j),
                    b_stride: b.stride,
                    c: c.add(j),
                    c_stride,
                    columns: (n - j).min(M::COLUMNS),
                    after: After { accumulate: t > 0, ..After::STORE },
                    ahead: Ahead::NOTHING,
                };
                M::strip(m, rows, a.transposed, &operands);
            }
        }
    }
}

/// One head of one sample, and the strides that all heads share.
#[derive(Clone, Copy)]
struct Head {
    tokens: usize,
    columns: usize,
    width: usize,
    /// Tokens padded to whole vectors.
    padded: usize,
    /// Where its rows begin in a `[rows, width]` matrix.
    context: usize,
    /// Where its queries begin in a `[rows, 3 · width]` matrix.
    queries: usize,
    /// Where its probabilities begin.
    square: usize,
}

impl Head {
    fn all(shape: &AttentionShape) -> impl Iterator<Item = Self> + use<> {
        let shape = *shape;
        let width = shape.width();
        (0..shape.samples * shape.heads).map(move |index| {
            let row = index / shape.heads * shape.tokens;
            let column = index % shape.heads * shape.head_width;
            Self {
                tokens: shape.tokens,
                columns: shape.head_width,
                width,
                padded: padded(shape.tokens),
                context: row * width + column,
                queries: row * 3 * width + column,
                square: index * shape.tokens * shape.tokens,
            }
        })
    }

    /// Returns queries (0), keys (1) or values (2).
    fn of_qkv(&self, qkv: *const f32, which: usize) -> Rows {
        let start = qkv.wrapping_add(self.queries + which * self.width);
        Rows { start, stride: 3 * self.width }
    }

    /// Returns this head's columns of a `[rows, width]` matrix.
    fn of_context(&self, context: *const f32) -> Rows {
        Rows { start: context.wrapping_add(self.context), stride: self.width }
    }

    /// Asks for the queries, keys, values and probabilities of this head.
    fn ask<M: Kernels>(&self, qkv: *const f32, probabilities: &[f32]) {
        for which in 0..3 {
            let rows = self.of_qkv(qkv, which);
            for token in 0..self.tokens {
                for column in (0..self.columns).step_by(16) {
                    M::Vector::prefetch(rows.start.wrapping_add(token * rows.stride + column));
                }
            }
        }
        let square = probabilities.as_ptr().wrapping_add(self.square);
        for element in (0..self.tokens * self.tokens).step_by(16) {
            M::Vector::prefetch(square.wrapping_add(element));
        }
    }

    /// Returns rows whose whole vectors are readable: the same ones, or copies in `room`.
    ///
    /// # Safety
    ///
    /// The machine has the path's instructions; the room holds `tokens` padded rows.
    unsafe fn whole<M: Kernels>(&self, rows: Rows, room: *mut f32) -> Rows {
        if self.columns.is_multiple_of(16) {
            return rows;
        }
        let stride = padded(self.columns);
        let lines = Lines { start: rows.start, across: 1, along: rows.stride };
        // SAFETY: whole panels of `stride` elements fit the room.
        unsafe { M::pack(lines, self.columns, stride, self.tokens, room) };
        Rows { start: room, stride }
    }

    /// Transposes rows into `room`: `head_width` rows of `padded` tokens.
    ///
    /// # Safety
    ///
    /// As for [`Self::whole`].
    unsafe fn transposed<M: Kernels>(&self, rows: Rows, room: *mut f32) -> Rows {
        let lines = Lines { start: rows.start, across: rows.stride, along: 1 };
        // SAFETY: the caller's contract.
        unsafe { M::pack(lines, self.tokens, self.padded, self.columns, room) };
        Rows { start: room, stride: self.padded }
    }
}

/// Rounds up to whole vectors of any path.
fn padded(count: usize) -> usize {
    count.next_multiple_of(16)
}

/// Elements of the rooms: a square of padded rows; rows of a head, lying or transposed.
fn rooms(shape: &AttentionShape) -> (usize, usize) {
    let (tokens, width) = (padded(shape.tokens), padded(shape.head_width));
    (tokens * shape.tokens, tokens * width + 16)
}

fn square(shape: &AttentionShape) -> Square {
    Square {
        tokens: shape.tokens,
        stride: padded(shape.tokens),
        causal: shape.causal,
        scale: reference::scale(shape),
    }
}

/// Computes probabilities and context of every head.
///
/// # Safety
///
/// The machine has the path's instructions; the lengths of the slices were checked.
unsafe fn forward<M: Heads>(
    shape: &AttentionShape,
    qkv: &[f32],
    probabilities: &mut [f32],
    context: &mut [f32],
) {
    let (square_len, rows_len) = rooms(shape);
    let (tokens, stride, width) = (shape.tokens, padded(shape.tokens), shape.head_width);
    let (qkv, context) = (qkv.as_ptr(), context.as_mut_ptr());
    with_room(square_len + rows_len, |room| {
        for head in Head::all(shape) {
            let out = &mut probabilities[head.square..head.square + tokens * tokens];
            // SAFETY: a head's rows lie inside the checked slices; the rooms do not overlap, and
            // nothing else refers to them or to the context.
            unsafe {
                let rows_room = room.add(square_len);
                let q = head.of_qkv(qkv, 0);
                let keys = head.transposed::<M>(head.of_qkv(qkv, 1), rows_room);
                // Whole rows are computed where they stay.
                let p = if stride == tokens { out.as_mut_ptr() } else { room };
                let left = Left { start: q.start, stride: q.stride, transposed: false };
                product::<M>((tokens, stride, width), left, keys, p, stride);
                M::softmax(square(shape), std::slice::from_raw_parts_mut(p, square_len));
                let values = head.whole::<M>(head.of_qkv(qkv, 2), rows_room);
                let left = Left { start: p, stride, transposed: false };
                let to = context.add(head.context);
                product::<M>((tokens, width, tokens), left, values, to, head.width);
                if stride != tokens {
                    let rows = std::slice::from_raw_parts(p, square_len).chunks_exact(stride);
                    for (out, row) in out.chunks_exact_mut(tokens).zip(rows) {
                        out.copy_from_slice(&row[..tokens]);
                    }
                }
            }
        }
    });
}

/// Computes the gradients of q, k and v of every head.
///
/// # Safety
///
/// The machine has the path's instructions; the lengths of the slices were checked.
unsafe fn backward<M: Heads>(
    shape: &AttentionShape,
    qkv: &[f32],
    probabilities: &[f32],
    d_context: &[f32],
    d_qkv: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    let (square_len, rows_len) = rooms(shape);
    let (tokens, stride, width) = (shape.tokens, padded(shape.tokens), shape.head_width);
    let need = 2 * square_len + rows_len + 16;
    if scratch.len() < need {
        scratch.resize(need, 0.0);
    }
    let start = scratch.as_ptr().align_offset(64).min(16);
    let (ds, rest) = scratch[start..].split_at_mut(square_len);
    let (p_room, rows_room) = rest.split_at_mut(square_len);
    let rows_room = rows_room.as_mut_ptr();
    let (qkv, d_context, d_qkv) = (qkv.as_ptr(), d_context.as_ptr(), d_qkv.as_mut_ptr());
    let mut heads = Head::all(shape).peekable();
    while let Some(head) = heads.next() {
        if let Some(next) = heads.peek() {
            next.ask::<M>(qkv, probabilities);
        }
        let mut p = &probabilities[head.square..head.square + tokens * tokens];
        if stride != tokens {
            for (to, from) in p_room.chunks_exact_mut(stride).zip(p.chunks_exact(tokens)) {
                to[..tokens].copy_from_slice(from);
                to[tokens..].fill(0.0);
            }
            p = p_room;
        }
        let to = |which: usize| d_qkv.wrapping_add(head.queries + which * head.width);
        // SAFETY: a head's rows lie inside the checked slices; the rooms do not overlap, and
        // nothing else refers to them or to the gradient.
        unsafe {
            let d_out = head.of_context(d_context);
            let values = head.transposed::<M>(head.of_qkv(qkv, 2), rows_room);
            let left = Left { start: d_out.start, stride: d_out.stride, transposed: false };
            product::<M>((tokens, stride, width), left, values, ds.as_mut_ptr(), stride);
            M::d_softmax(square(shape), p, ds);
            let sizes = (tokens, width, tokens);
            let row_stride = 3 * head.width;
            let keys = head.whole::<M>(head.of_qkv(qkv, 1), rows_room);
            let left = Left { start: ds.as_ptr(), stride, transposed: false };
            product::<M>(sizes, left, keys, to(0), row_stride);
            let queries = head.whole::<M>(head.of_qkv(qkv, 0), rows_room);
            let left = Left { start: ds.as_ptr(), stride, transposed: true };
            product::<M>(sizes, left, queries, to(1), row_stride);
            let d_out = head.whole::<M>(d_out, rows_room);
            let left = Left { start: p.as_ptr(), stride, transposed: true };
            product::<M>(sizes, left, d_out, to(2), row_stride);
        }
    }
}

/// Computes [`super::attention_forward`] on one path.
pub(super) fn forward_on(
    path: Path,
    shape: &AttentionShape,
    qkv: &[f32],
    probabilities: &mut [f32],
    context: &mut [f32],
) {
    shape.check(qkv.len(), probabilities.len(), context.len());
    if qkv.is_empty() {
        return;
    }
    // SAFETY: a path exists only where its instructions were detected; lengths were checked.
    unsafe {
        match path {
            Path::Software => forward::<Software>(shape, qkv, probabilities, context),
            Path::Fused => forward::<Fused>(shape, qkv, probabilities, context),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => forward::<Avx2>(shape, qkv, probabilities, context),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => forward::<Avx512>(shape, qkv, probabilities, context),
        }
    }
}

/// Computes [`super::attention_backward`] on one path.
pub(super) fn backward_on(
    path: Path,
    shape: &AttentionShape,
    qkv: &[f32],
    probabilities: &[f32],
    d_context: &[f32],
    d_qkv: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    shape.check(qkv.len(), probabilities.len(), d_context.len());
    assert_eq!(d_qkv.len(), qkv.len(), "the gradient has the shape of q, k, v");
    if qkv.is_empty() {
        return;
    }
    let p = probabilities;
    // SAFETY: a path exists only where its instructions were detected; lengths were checked.
    unsafe {
        match path {
            Path::Software => backward::<Software>(shape, qkv, p, d_context, d_qkv, scratch),
            Path::Fused => backward::<Fused>(shape, qkv, p, d_context, d_qkv, scratch),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => backward::<Avx2>(shape, qkv, p, d_context, d_qkv, scratch),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => backward::<Avx512>(shape, qkv, p, d_context, d_qkv, scratch),
        }
    }
}
