//! What turns the tokens of a tower into one vector of unit length: pooling, `LayerNorm`, projection, normalisation.

#[cfg(any(feature = "cuda", test))]
use super::device::{self, Address, Launched, Queue};
use super::region::disjoint;
use super::rows::{NormInputs, norm_backward};
use super::{Chunks, Operation, Planner, Region, tap};
use crate::numerics::matmul::{Finish, View, multiply};
use crate::numerics::{Level, layer_norm, normalise};

/// The sizes of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadShape {
    /// Samples.
    pub samples: usize,
    /// Tokens of a sample.
    pub tokens: usize,
    /// Channels of a token.
    pub width: usize,
    /// Width of the embedding.
    pub embed_dim: usize,
}

/// Where the parameters of a head, or their gradients, lie.
#[derive(Debug, Clone, Copy)]
pub struct HeadWeights {
    /// `[width]`
    pub gain: Region,
    /// `[width]`
    pub bias: Region,
    /// `[width, embed_dim]`
    pub projection: Region,
}

/// Which tokens become the vector of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool<'a> {
    /// The mean of all.
    All,
    /// The mean of the first so many of each sample.
    First(&'a [u32]),
    /// The token at a place of each sample.
    At(&'a [u32]),
    /// The first of each sample.
    Front,
}

/// What the forward pass of a head leaves for its backward pass.
#[derive(Debug, Clone, Copy)]
pub struct HeadState {
    pub(super) input: Region,
    pub(super) pooled: Region,
    pub(super) stats: Region,
    pub(super) normed: Region,
    pub(super) projected: Region,
    pub(super) reciprocals: Region,
    pub(super) features: Region,
}

impl HeadState {
    /// Plans the state of a head that reads the residual stream in `input`.
    pub fn plan(planner: &mut Planner, shape: &HeadShape, input: Region) -> Self {
        Self {
            input,
            pooled: planner.take(shape.samples * shape.width),
            stats: planner.take(2 * shape.samples),
            normed: planner.take(shape.samples * shape.width),
            projected: planner.take(shape.samples * shape.embed_dim),
            reciprocals: planner.take(shape.samples),
            features: planner.take(shape.samples * shape.embed_dim),
        }
    }

    /// The embeddings: `[samples, embed_dim]`.
    pub const fn features(&self) -> Region {
        self.features
    }
}

/// Computes the embeddings of a tower; reads the parameters.
#[derive(Debug, Clone, Copy)]
pub struct HeadForward<'a> {
    /// How it is computed.
    pub level: Level,
    /// The sizes.
    pub shape: HeadShape,
    /// Where the parameters lie.
    pub weights: HeadWeights,
    /// Where input, state and embeddings lie.
    pub state: HeadState,
    /// Which tokens count.
    pub pool: Pool<'a>,
}

impl Operation<1> for HeadForward<'_> {
    fn name(&self) -> &'static str {
        "head"
    }

    fn cpu(&self, target: &mut [f32], [parameters]: [&[f32]; 1]) {
        let HeadShape { samples, tokens, width, embed_dim } = self.shape;
        let state = &self.state;
        let [input, pooled, stats, normed, projected, reciprocals, features] = disjoint(
            target,
            [
                state.input,
                state.pooled,
                state.stats,
                state.normed,
                state.projected,
                state.reciprocals,
                state.features,
            ],
        );
        for (sample, pooled) in pooled.chunks_exact_mut(width).enumerate() {
            let input = &input[sample * tokens * width..(sample + 1) * tokens * width];
            self.pool.forward(sample, input, pooled);
        }
        tap::see("pooled", [samples, width], pooled);
        let (gain, bias) = (self.weights.gain.of(parameters), self.weights.bias.of(parameters));
        layer_norm::forward(self.level, pooled, gain, bias, normed, stats);
        tap::see("ln", [samples, width], normed);
        let projection = View::new(self.weights.projection.of(parameters), width, embed_dim);
        multiply(
            self.level,
            View::new(normed, samples, width),
            projection,
            Finish::Store,
            projected,
            embed_dim,
        );
        tap::see("projected", [samples, embed_dim], projected);
        normalise::forward(self.level, embed_dim, projected, features, reciprocals);
        tap::see("features", [samples, embed_dim], features);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [parameters]: [Address; 1]) -> Launched {
        device::head::forward(self, queue, target, parameters)
    }
}

impl Pool<'_> {
    /// Where the tokens of a sample that count begin, and how many they are.
    fn span(self, sample: usize, tokens: usize) -> (usize, usize) {
        match self {
            Self::All => (0, tokens),
            Self::First(counts) => (0, counts[sample] as usize),
            Self::At(places) => (places[sample] as usize, 1),
            Self::Front => (0, 1),
        }
    }

    fn is_mean(self) -> bool {
        matches!(self, Self::All | Self::First(_))
    }

    /// Tokens ascending from +0, ÷ n; or the one token as it is.
    fn forward(self, sample: usize, input: &[f32], pooled: &mut [f32]) {
        let width = pooled.len();
        let (start, count) = self.span(sample, input.len() / width);
        if !self.is_mean() {
            pooled.copy_from_slice(&input[start * width..(start + 1) * width]);
            return;
        }
        pooled.fill(0.0);
        for token in input[..count * width].chunks_exact(width) {
            for (sum, x) in pooled.iter_mut().zip(token) {
                *sum += x;
            }
        }
        let n = count_as_f32(count);
        pooled.iter_mut().for_each(|sum| *sum /= n);
    }

    /// `dy ÷ n` in the rows that count, +0 elsewhere.
    fn backward(self, sample: usize, d_pooled: &[f32], d_input: &mut [f32]) {
        let width = d_pooled.len();
        let (start, count) = self.span(sample, d_input.len() / width);
        d_input.fill(0.0);
        let rows = &mut d_input[start * width..(start + count) * width];
        let n = count_as_f32(count);
        for row in rows.chunks_exact_mut(width) {
            for (d, dy) in row.iter_mut().zip(d_pooled) {
                *d = if self.is_mean() { dy / n } else { *dy };
            }
        }
    }
}

/// Stores the gradients of a head's parameters and of the residual stream that it read; reads the parameters.
#[derive(Debug, Clone, Copy)]
pub struct HeadBackward<'a> {
    /// The forward pass.
    pub forward: HeadForward<'a>,
    /// Whose rows they are.
    pub chunks: Chunks,
    /// Where the gradients of the parameters go, of the first chunk.
    pub gradients: HeadWeights,
    /// The gradient of the embeddings, in the arena.
    pub d_features: Region,
    /// Where the gradient of the stream goes.
    pub d_stream: Region,
    /// Room to work in.
    pub scratch: HeadScratch,
}

/// Room for the backward pass of a head.
#[derive(Debug, Clone, Copy)]
pub struct HeadScratch {
    pub(super) d_projected: Region,
    pub(super) d_normed: Region,
    pub(super) d_pooled: Region,
}

impl HeadScratch {
    /// Plans the scratch for the largest of `shapes`.
    pub fn plan(planner: &mut Planner, shapes: &[HeadShape]) -> Self {
        let mut largest = |size: fn(&HeadShape) -> usize| {
            planner.take(shapes.iter().map(size).max().unwrap_or_default())
        };
        Self {
            d_projected: largest(|shape| shape.samples * shape.embed_dim),
            d_normed: largest(|shape| shape.samples * shape.width),
            d_pooled: largest(|shape| shape.samples * shape.width),
        }
    }
}

impl Operation<1> for HeadBackward<'_> {
    fn name(&self) -> &'static str {
        "head, backward"
    }

    fn cpu(&self, target: &mut [f32], [parameters]: [&[f32]; 1]) {
        self.chunks.assert_alone();
        let HeadForward { level, shape, weights, state, pool } = self.forward;
        let HeadShape { samples, tokens, width, embed_dim } = shape;
        let [
            pooled,
            stats,
            normed,
            reciprocals,
            features,
            d_features,
            d_stream,
            d_projected,
            d_normed,
            d_pooled,
            d_gain,
            d_bias,
            d_projection,
        ] = disjoint(
            target,
            [
                state.pooled,
                state.stats,
                state.normed,
                state.reciprocals,
                state.features,
                self.d_features,
                self.d_stream.first(samples * tokens * width),
                self.scratch.d_projected.first(samples * embed_dim),
                self.scratch.d_normed.first(samples * width),
                self.scratch.d_pooled.first(samples * width),
                self.gradients.gain,
                self.gradients.bias,
                self.gradients.projection,
            ],
        );
        tap::see("gradient of features", [samples, embed_dim], d_features);
        normalise::backward(level, embed_dim, features, reciprocals, d_features, d_projected);
        tap::see("gradient of projected", [samples, embed_dim], d_projected);
        let dy = View::new(d_projected, samples, embed_dim);
        let normed = View::new(normed, samples, width).transposed();
        multiply(level, normed, dy, Finish::Store, d_projection, embed_dim);
        tap::see("gradient of projection", [width, embed_dim], d_projection);
        let projection = View::new(weights.projection.of(parameters), width, embed_dim);
        multiply(level, dy, projection.transposed(), Finish::Store, d_normed, width);
        tap::see("gradient of ln", [samples, width], d_normed);
        // −0 is the identity of addition: what the norm adds becomes the gradient.
        d_pooled.fill(-0.0);
        let gain = weights.gain.of(parameters);
        let of = NormInputs { x: pooled, stats, gain, d_y: d_normed };
        norm_backward(level, of, d_pooled, d_gain, d_bias);
        tap::see("gradient of pooled", [samples, width], d_pooled);
        tap::see("gradient of ln.weight", [width], d_gain);
        tap::see("gradient of ln.bias", [width], d_bias);
        let per_sample =
            d_pooled.chunks_exact(width).zip(d_stream.chunks_exact_mut(tokens * width));
        for (sample, (d_pooled, d_stream)) in per_sample.enumerate() {
            pool.backward(sample, d_pooled, d_stream);
        }
        tap::see("gradient of stream", [samples * tokens, width], d_stream);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [parameters]: [Address; 1]) -> Launched {
        device::head::backward(self, queue, target, parameters)
    }
}

#[allow(clippy::cast_precision_loss, reason = "a text or image has far fewer than 2²⁴ tokens")]
fn count_as_f32(count: usize) -> f32 {
    count as f32
}
