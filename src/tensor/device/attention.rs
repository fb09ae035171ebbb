//! Attention on a device: products of all heads of all samples at once, and the rows between them.

use super::arguments::{Address, Attention};
use super::launch::{BLOCK_OF_THREADS, ROWS};
use super::matmul::{Batch, Finish, Matrix, product_batch};
use super::{Launched, Queue, Room};
use crate::numerics::attention::{AttentionShape, reference::scale};

/// Where operands of all heads lie: outer is the sample, inner the head.
struct Heads {
    shape: AttentionShape,
}

impl Heads {
    /// Queries (0), keys (1) or values (2) of a head, and the strides of samples and heads.
    fn of_qkv(&self, qkv: Address, which: usize) -> (Matrix, [usize; 2]) {
        let AttentionShape { tokens, head_width, .. } = self.shape;
        let row_stride = 3 * self.shape.width();
        let at = qkv.element(which * self.shape.width());
        let matrix = Matrix { at, rows: tokens, columns: head_width, row_stride, column_stride: 1 };
        (matrix, [tokens * row_stride, head_width])
    }

    /// The columns of a head in `[samples · tokens, width]`.
    fn of_context(&self, context: Address) -> (Matrix, [usize; 2]) {
        let AttentionShape { tokens, head_width, .. } = self.shape;
        let row_stride = self.shape.width();
        let matrix =
            Matrix { at: context, rows: tokens, columns: head_width, row_stride, column_stride: 1 };
        (matrix, [tokens * row_stride, head_width])
    }

    /// The square of a head.
    fn square(&self, of: Address) -> (Matrix, [usize; 2]) {
        let AttentionShape { tokens, heads, .. } = self.shape;
        let square = tokens * tokens;
        (Matrix::new(of, tokens, tokens), [heads * square, square])
    }

    fn product(
        &self,
        queue: &Queue,
        (a, a_strides): (Matrix, [usize; 2]),
        (b, b_strides): (Matrix, [usize; 2]),
        (out, out_strides): (Matrix, [usize; 2]),
    ) -> Launched {
        let AttentionShape { samples, heads, .. } = self.shape;
        let batch =
            Batch { outer: samples, inner: heads, a: a_strides, b: b_strides, out: out_strides };
        product_batch(queue, a, b, Finish::Store, (out.at, out.row_stride), batch)
    }

    fn rows(&self, queue: &Queue, kernel: &'static str, p: Address, scores: Address) -> Launched {
        let AttentionShape { samples, tokens, heads, causal, .. } = self.shape;
        let shape = [samples * heads * tokens, tokens];
        launch_rows(queue, kernel, shape, (causal, scale(&self.shape)), [p, scores])
    }
}

fn launch_rows(
    queue: &Queue,
    kernel: &'static str,
    [rows, tokens]: [usize; 2],
    (causal, scale): (bool, f32),
    [p, scores]: [Address; 2],
) -> Launched {
    let arguments = Attention {
        p,
        scores,
        rows: rows as u64,
        tokens: u32::try_from(tokens).expect("a sequence has fewer than 2³² tokens"),
        causal: u32::from(causal),
        scale,
        unused: 0,
    };
    queue.launch(kernel, [rows.div_ceil(ROWS), 1, 1], BLOCK_OF_THREADS, &arguments)
}

/// `softmax(scale · x)` of each row of `[rows, width]`, in place.
pub(crate) fn softmax(queue: &Queue, shape: [usize; 2], scale: f32, x: Address) -> Launched {
    launch_rows(queue, "attention_softmax", shape, (false, scale), [Address::NULL, x])
}

fn turned((matrix, strides): (Matrix, [usize; 2])) -> (Matrix, [usize; 2]) {
    (matrix.transposed(), strides)
}

/// Probabilities and context; layouts as in `numerics`.
pub(crate) fn forward(
    queue: &Queue,
    shape: &AttentionShape,
    qkv: Address,
    probabilities: Address,
    context: Address,
) -> Launched {
    if shape.qkv_len() == 0 {
        return Ok(());
    }
    let heads = Heads { shape: *shape };
    let [q, k, v] = [0, 1, 2].map(|which| heads.of_qkv(qkv, which));
    let p = heads.square(probabilities);
    heads.product(queue, q, turned(k), p)?;
    heads.rows(queue, "attention_softmax", Address::NULL, probabilities)?;
    heads.product(queue, p, v, heads.of_context(context))
}

/// The gradient of q, k and v from that of the context.
pub(crate) fn backward(
    queue: &Queue,
    shape: &AttentionShape,
    [qkv, probabilities, d_context]: [Address; 3],
    d_qkv: Address,
) -> Launched {
    if shape.qkv_len() == 0 {
        return Ok(());
    }
    let heads = Heads { shape: *shape };
    let room = queue.room(Room::Scores, 4 * shape.probabilities_len())?;
    let [q, k, v] = [0, 1, 2].map(|which| heads.of_qkv(qkv, which));
    let [d_q, d_k, d_v] = [0, 1, 2].map(|which| heads.of_qkv(d_qkv, which));
    let (p, ds, d_out) =
        (heads.square(probabilities), heads.square(room), heads.of_context(d_context));
    heads.product(queue, d_out, turned(v), ds)?;
    heads.rows(queue, "attention_softmax_backward", probabilities, room)?;
    heads.product(queue, ds, k, d_q)?;
    heads.product(queue, turned(ds), q, d_k)?;
    heads.product(queue, turned(p), d_out, d_v)
}
