//! The losses of a batch and their gradients: contrastive, and of a classifier.

#[cfg(any(feature = "cuda", test))]
use super::device::{self, Address, Launched, Queue};
use super::region::disjoint;
use super::{Operation, Planner, Region, tap};
use crate::numerics::elementary::exp;
use crate::numerics::matmul::{Finish, View, column_sum, multiply};
use crate::numerics::{Level, cross_entropy, reduce, softmax};

/// Where a batch keeps its embeddings, their gradients, and what the loss needs.
#[derive(Debug, Clone, Copy)]
pub struct BatchRegions {
    /// `[batch, embed_dim]`
    pub images: Region,
    /// `[batch, embed_dim]`
    pub texts: Region,
    /// `[batch, embed_dim]`; empty where nobody asks for it.
    pub d_images: Region,
    /// `[batch, embed_dim]`
    pub d_texts: Region,
    /// The loss, and its gradient with respect to the logit scale.
    pub results: Region,
    /// Of a classifier, the gradients of the linear layer's bias and weight; in memory, the weight's comes first.
    pub d_head: [Region; 2],
    pub(super) products: Region,
    pub(super) logits: Region,
    pub(super) by_row: Region,
    pub(super) by_column: Region,
}

impl BatchRegions {
    /// Plans the batch.
    pub fn plan(planner: &mut Planner, batch: usize, embed_dim: usize) -> Self {
        let mut features = || planner.take(batch * embed_dim);
        let [images, texts, d_images, d_texts] = [features(), features(), features(), features()];
        let mut square = || planner.take(batch * batch);
        let [products, logits, by_row, by_column] = [square(), square(), square(), square()];
        Self {
            images,
            texts,
            d_images,
            d_texts,
            results: planner.take(2),
            d_head: [Region::default(); 2],
            products,
            logits,
            by_row,
            by_column,
        }
    }

    /// Plans the batch of a classifier, which has no texts.
    pub fn plan_classifier(
        planner: &mut Planner,
        batch: usize,
        embed_dim: usize,
        classes: usize,
    ) -> Self {
        let layer = Self::plan_layer(planner, batch, embed_dim, classes);
        Self { d_images: planner.take(batch * embed_dim), ..layer }
    }

    /// Plans the batch of a linear layer alone, whose embeddings have no gradient.
    pub fn plan_layer(
        planner: &mut Planner,
        batch: usize,
        embed_dim: usize,
        classes: usize,
    ) -> Self {
        let none = Region::default();
        let layer = planner.take(classes * (embed_dim + 1));
        let weight = layer.first(classes * embed_dim);
        Self {
            images: planner.take(batch * embed_dim),
            texts: none,
            d_images: none,
            d_texts: none,
            results: planner.take(2),
            d_head: [Region::new(weight.end(), classes), weight],
            products: none,
            logits: planner.take(batch * classes),
            by_row: none,
            by_column: none,
        }
    }

    /// The gradients of a classifier's linear layer: of weight and bias, one after the other.
    pub const fn d_layer(&self) -> Region {
        let [bias, weight] = self.d_head;
        Region::new(weight.start, weight.len + bias.len)
    }
}

/// Computes the cross-entropy of a linear layer on the embeddings, and the gradients of layer and, where they have a
/// region, embeddings; reads the parameters.
///
/// `X = I·Wᵀ + b`; loss and `G`, the gradient of the logits, as `cross_entropy` has them; `dI = G·W`, `dW = Gᵀ·I`, and `db`
/// the column reduction of `G`: over the whole batch, once a step, outside the chunk tree.
#[derive(Debug, Clone, Copy)]
pub struct Classification<'a> {
    /// How it is computed.
    pub level: Level,
    /// Width of the embeddings.
    pub embed_dim: usize,
    /// Classes.
    pub classes: usize,
    /// The class of each sample of the batch.
    pub labels: &'a [u32],
    /// Where everything lies.
    pub regions: BatchRegions,
    /// The layer's bias and weight, `[classes, embed_dim]`, in the parameters.
    pub head: [Region; 2],
}

impl Operation<1> for Classification<'_> {
    fn name(&self) -> &'static str {
        "classification loss"
    }

    fn cpu(&self, target: &mut [f32], [parameters]: [&[f32]; 1]) {
        let (level, n, width, classes) =
            (self.level, self.labels.len(), self.embed_dim, self.classes);
        let of = self.regions;
        let [images, d_images, results, d_bias, d_weight, logits] = disjoint(
            target,
            [of.images, of.d_images, of.results, of.d_head[0], of.d_head[1], of.logits],
        );
        let [bias, weight] = self.head.map(|region| region.of(parameters));
        let (i, w) = (View::new(images, n, width), View::new(weight, classes, width));
        multiply(level, i, w.transposed(), Finish::Bias(bias), logits, classes);
        tap::see("logits", [n, classes], logits);
        results[0] = cross_entropy::backward(level, classes, self.labels, logits);
        results[1] = 0.0;
        tap::see("loss", [1], &results[..1]);
        tap::see("gradient of logits", [n, classes], logits);
        let g = View::new(logits, n, classes);
        multiply(level, g.transposed(), i, Finish::Store, d_weight, width);
        column_sum(level, g, d_bias);
        if !d_images.is_empty() {
            multiply(level, g, w, Finish::Store, d_images, width);
            tap::see("gradient of image features", [n, width], d_images);
        }
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [parameters]: [Address; 1]) -> Launched {
        device::loss::classification(self, queue, target, parameters)
    }
}

/// Computes the loss and the gradients of embeddings and logit scale; reads the parameters.
#[derive(Debug, Clone, Copy)]
pub struct Contrastive {
    /// How it is computed.
    pub level: Level,
    /// Pairs.
    pub batch: usize,
    /// Width of the embeddings.
    pub embed_dim: usize,
    /// Where everything lies.
    pub regions: BatchRegions,
    /// The logit scale in the parameters.
    pub logit_scale: Region,
}

impl Operation<1> for Contrastive {
    fn name(&self) -> &'static str {
        "contrastive loss"
    }

    #[allow(clippy::cast_precision_loss, reason = "a batch is far below 2²⁴ pairs")]
    fn cpu(&self, target: &mut [f32], [parameters]: [&[f32]; 1]) {
        let (level, n, width) = (self.level, self.batch, self.embed_dim);
        let of = self.regions;
        let [images, texts, d_images, d_texts, results, products, logits, by_row, by_column] =
            disjoint(
                target,
                [
                    of.images,
                    of.texts,
                    of.d_images,
                    of.d_texts,
                    of.results,
                    of.products,
                    of.logits,
                    of.by_row,
                    of.by_column,
                ],
            );
        let scale = exp(self.logit_scale.of(parameters)[0]);
        let (i, t) = (View::new(images, n, width), View::new(texts, n, width));
        multiply(level, i, t.transposed(), Finish::Store, products, n);
        tap::see("scale", [1], &[scale]);
        tap::see("products", [n, n], products);
        for (x, d) in logits.iter_mut().zip(&*products) {
            *x = scale * d;
        }
        tap::see("logits", [n, n], logits);
        transpose(n, logits, by_column);
        by_row.copy_from_slice(logits);
        let row_loss = softmax_loss(level, n, by_row);
        let column_loss = softmax_loss(level, n, by_column);
        tap::see("probabilities by row", [n, n], by_row);
        tap::see("probabilities by column", [n, n], by_column);
        let batch = n as f32;
        results[0] = 0.5 * (row_loss / batch + column_loss / batch);
        tap::see("loss", [1], &results[..1]);
        let factor = 0.5 / batch;
        for r in 0..n {
            for c in 0..n {
                let one = if r == c { 1.0 } else { 0.0 };
                by_row[r * n + c] =
                    ((by_row[r * n + c] - one) + (by_column[c * n + r] - one)) * factor;
            }
        }
        tap::see("gradient of logits", [n, n], by_row);
        let mut rows = by_row.chunks_exact(n).zip(logits.chunks_exact(n));
        let sums: Vec<f32> =
            rows.by_ref().map(|(g, x)| reduce::row_sum_of_products(level, g, x)).collect();
        results[1] = reduce::row_sum(level, &sums);
        tap::see("gradient of logit scale", [1], &results[1..]);
        let g = View::new(by_row, n, n);
        multiply(level, g, t, Finish::Store, d_images, width);
        multiply(level, g.transposed(), i, Finish::Store, d_texts, width);
        d_images.iter_mut().chain(&mut *d_texts).for_each(|d| *d *= scale);
        tap::see("gradient of image features", [n, width], d_images);
        tap::see("gradient of text features", [n, width], d_texts);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [parameters]: [Address; 1]) -> Launched {
        device::loss::contrastive(self, queue, target, parameters)
    }
}

/// Turns rows of logits into probabilities and returns the sum of `lse − x_ii`.
fn softmax_loss(level: Level, n: usize, rows: &mut [f32]) -> f32 {
    let losses: Vec<f32> = rows
        .chunks_exact_mut(n)
        .enumerate()
        .map(|(index, row)| {
            let own = row[index];
            softmax::row_with_log_sum(level, row) - own
        })
        .collect();
    reduce::row_sum(level, &losses)
}

fn transpose(n: usize, from: &[f32], to: &mut [f32]) {
    for r in 0..n {
        for c in 0..n {
            to[c * n + r] = from[r * n + c];
        }
    }
}
