//! The definition of attention: products, scaled softmax and their gradients, one row at a time.

use super::AttentionShape;
use crate::numerics::float::Float;
use crate::numerics::matmul::{Finish, View, reference::multiply};

/// Sums `term(e, lane)` over `count` elements: 16 lanes from +0, then the tree 8, 4, 2, 1.
fn row_reduction<F: Float>(count: usize, term: impl Fn(usize, F) -> F) -> F {
    let mut lanes = [F::ZERO; 16];
    for element in 0..count {
        lanes[element % 16] = term(element, lanes[element % 16]);
    }
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            lanes[lane] = lanes[lane] + lanes[lane + width];
        }
    }
    lanes[0]
}

/// Returns the scale 1 ÷ √`head_width`: binary64, rounded once.
#[allow(clippy::cast_precision_loss, reason = "a head is narrower than 2⁵³")]
pub fn scale<F: Float>(shape: &AttentionShape) -> F {
    F::from_f64(1.0 / (shape.head_width as f64).sqrt())
}

/// Turns a row of scores into probabilities: `e = exp((x − max)·scale)`, `p = e·(1 ÷ Σe)`.
fn softmax<F: Float>(row: &mut [F], scale: F, exp: &impl Fn(F) -> F) {
    let Some(first) = row.first().copied() else {
        return;
    };
    let max = row.iter().fold(first, |max, &x| max.maximum(x)) + F::ZERO;
    for x in row.iter_mut() {
        *x = exp((*x - max) * scale);
    }
    let factor = F::ONE / row_reduction(row.len(), |e, lane| lane + row[e]);
    for x in row.iter_mut() {
        *x = *x * factor;
    }
}

/// One head of one sample: where its queries, keys, values and outputs lie.
struct Head {
    rows: usize,
    width: usize,
    tokens: usize,
    columns: usize,
    column: usize,
    index: usize,
}

impl Head {
    fn all(shape: &AttentionShape) -> impl Iterator<Item = Self> {
        let shape = *shape;
        (0..shape.samples * shape.heads).map(move |index| Self {
            rows: index / shape.heads * shape.tokens,
            width: shape.width(),
            tokens: shape.tokens,
            columns: shape.head_width,
            column: index % shape.heads * shape.head_width,
            index,
        })
    }

    /// Returns queries (0), keys (1) or values (2) in a `[rows, 3 · width]` matrix.
    fn of_qkv<'a, F: Float>(&self, qkv: &'a [F], which: usize) -> View<'a, F> {
        let data = &qkv[self.rows * 3 * self.width + which * self.width + self.column..];
        View::strided(data, self.tokens, self.columns, 3 * self.width, 1)
    }

    /// Returns this head's columns of a `[rows, width]` matrix.
    fn of_context<'a, F: Float>(&self, context: &'a [F]) -> View<'a, F> {
        let data = &context[self.rows * self.width + self.column..];
        View::strided(data, self.tokens, self.columns, self.width, 1)
    }

    fn square(&self) -> std::ops::Range<usize> {
        let size = self.tokens * self.tokens;
        self.index * size..(self.index + 1) * size
    }
}

/// How many tokens a row looks at.
fn prefix(shape: &AttentionShape, row: usize) -> usize {
    if shape.causal { row + 1 } else { shape.tokens }
}

/// Computes probabilities and context; layouts as in [`super::attention_forward`].
///
/// # Panics
///
/// If a slice has not the length that the shape says.
pub fn forward<F: Float>(
    shape: &AttentionShape,
    exp: impl Fn(F) -> F,
    qkv: &[F],
    probabilities: &mut [F],
    context: &mut [F],
) {
    shape.check(qkv.len(), probabilities.len(), context.len());
    if qkv.is_empty() {
        return;
    }
    let tokens = shape.tokens;
    for head in Head::all(shape) {
        let p = &mut probabilities[head.square()];
        let (q, k, v) = (head.of_qkv(qkv, 0), head.of_qkv(qkv, 1), head.of_qkv(qkv, 2));
        multiply(q, k.transposed(), Finish::Store, p, tokens);
        for (i, row) in p.chunks_exact_mut(tokens).enumerate() {
            let (seen, masked) = row.split_at_mut(prefix(shape, i));
            softmax(seen, scale(shape), &exp);
            masked.fill(F::ZERO);
        }
        let out = &mut context[head.rows * head.width + head.column..];
        multiply(View::new(p, tokens, tokens), v, Finish::Store, out, head.width);
    }
}

/// Computes the gradient of q, k and v; layouts as in [`super::attention_backward`].
///
/// # Panics
///
/// If a slice has not the length that the shape says.
pub fn backward<F: Float>(
    shape: &AttentionShape,
    qkv: &[F],
    probabilities: &[F],
    d_context: &[F],
    d_qkv: &mut [F],
) {
    shape.check(qkv.len(), probabilities.len(), d_context.len());
    assert_eq!(d_qkv.len(), qkv.len(), "the gradient has the shape of q, k, v");
    if qkv.is_empty() {
        return;
    }
    let tokens = shape.tokens;
    let mut ds = vec![F::ZERO; tokens * tokens];
    for head in Head::all(shape) {
        let p = &probabilities[head.square()];
        let (q, k, v) = (head.of_qkv(qkv, 0), head.of_qkv(qkv, 1), head.of_qkv(qkv, 2));
        let d_out = head.of_context(d_context);
        multiply(d_out, v.transposed(), Finish::Store, &mut ds, tokens);
        for (i, (ds, p)) in ds.chunks_exact_mut(tokens).zip(p.chunks_exact(tokens)).enumerate() {
            let seen = prefix(shape, i);
            let sum = row_reduction(seen, |e, lane| p[e].fma(ds[e], lane));
            for (ds, &p) in ds.iter_mut().zip(p) {
                *ds = (p * (*ds - sum)) * scale(shape);
            }
            ds[seen..].fill(F::ZERO);
        }
        let (p, ds) = (View::new(p, tokens, tokens), View::new(&ds, tokens, tokens));
        let stride = 3 * head.width;
        let at = |which: usize| head.rows * stride + which * head.width + head.column;
        multiply(ds, k, Finish::Store, &mut d_qkv[at(0)..], stride);
        multiply(ds.transposed(), q, Finish::Store, &mut d_qkv[at(1)..], stride);
        multiply(p.transposed(), d_out, Finish::Store, &mut d_qkv[at(2)..], stride);
    }
}
