//! The transformer block, one operation forward and one backward.
//!
//! `x₂ = x + (attention(LayerNorm₁ x)·Woᵀ + bo)`, `y = x₂ + (act(LayerNorm₂ x₂·W₁ᵀ + b₁)·W₂ᵀ + b₂)`, with q, k, v one
//! product. Rows are (sample, token); everything a chunk of samples needs lies side by side in its worker's arena.

use std::cell::RefCell;

#[cfg(any(feature = "cuda", test))]
use super::device::{self, Address, Launched, Queue};
use super::region::disjoint;
use super::rows::{Activation, NormInputs, norm_backward};
use super::{Arithmetic, Chunks, Operation, Planner, Region, tap};
use crate::numerics::attention::{AttentionShape, attention_backward, attention_forward};
use crate::numerics::matmul::{Finish, View, column_sum, multiply};
use crate::numerics::{Level, layer_norm};

thread_local! {
    /// Room of the attention's backward pass, kept so that a step allocates nothing.
    static ROOM: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// The sizes of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockShape {
    /// Samples, tokens, heads and whether tokens see only those before.
    pub attention: AttentionShape,
    /// Channels of the hidden layer.
    pub mlp_width: usize,
    /// The activation of the hidden layer.
    pub activation: Activation,
}

impl BlockShape {
    /// Rows: samples times tokens.
    pub fn rows(&self) -> usize {
        self.attention.samples * self.attention.tokens
    }

    /// Channels of a token.
    pub fn width(&self) -> usize {
        self.attention.width()
    }
}

/// Where the parameters of a block lie, one after the other in bytewise order of their names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights {
    pub(super) qkv_bias: Region,
    pub(super) qkv: Region,
    pub(super) out_bias: Region,
    pub(super) out: Region,
    pub(super) norm_1_bias: Region,
    pub(super) norm_1: Region,
    pub(super) norm_2_bias: Region,
    pub(super) norm_2: Region,
    pub(super) fc_bias: Region,
    pub(super) fc: Region,
    pub(super) proj_bias: Region,
    pub(super) proj: Region,
}

impl Weights {
    pub(super) fn at(start: usize, shape: &BlockShape) -> Self {
        let (width, mlp) = (shape.width(), shape.mlp_width);
        let mut end = start;
        let mut next = |len: usize| {
            end += len;
            Region::new(end - len, len)
        };
        Self {
            qkv_bias: next(3 * width),
            qkv: next(3 * width * width),
            out_bias: next(width),
            out: next(width * width),
            norm_1_bias: next(width),
            norm_1: next(width),
            norm_2_bias: next(width),
            norm_2: next(width),
            fc_bias: next(mlp),
            fc: next(mlp * width),
            proj_bias: next(width),
            proj: next(width * mlp),
        }
    }
}

/// What the forward pass of a block leaves for its backward pass.
#[derive(Debug, Clone, Copy)]
pub struct BlockState {
    /// Input and output of the block are the residual stream before and after it.
    pub(super) input: Region,
    pub(super) stats_1: Region,
    pub(super) normed_1: Region,
    pub(super) qkv: Region,
    pub(super) probabilities: Region,
    pub(super) context: Region,
    pub(super) middle: Region,
    pub(super) stats_2: Region,
    pub(super) normed_2: Region,
    pub(super) hidden: Region,
    pub(super) activated: Region,
    pub(super) output: Region,
}

impl BlockState {
    /// Plans the state of a block that reads the residual stream in `input`; its output is a new region.
    pub fn plan(planner: &mut Planner, shape: &BlockShape, input: Region) -> Self {
        let (rows, width) = (shape.rows(), shape.width());
        Self {
            input,
            stats_1: planner.take(2 * rows),
            normed_1: planner.take(rows * width),
            qkv: planner.take(3 * rows * width),
            probabilities: planner.take(shape.attention.probabilities_len()),
            context: planner.take(rows * width),
            middle: planner.take(rows * width),
            stats_2: planner.take(2 * rows),
            normed_2: planner.take(rows * width),
            hidden: planner.take(rows * shape.mlp_width),
            activated: planner.take(rows * shape.mlp_width),
            output: planner.take(rows * width),
        }
    }

    /// The residual stream after the block.
    pub const fn output(&self) -> Region {
        self.output
    }
}

/// Room for the backward pass of one block at a time, shared by all blocks of a worker.
#[derive(Debug, Clone, Copy)]
pub struct BlockScratch {
    pub(super) d_hidden: Region,
    pub(super) d_qkv: Region,
    pub(super) d_normed: Region,
}

impl BlockScratch {
    /// Plans the scratch of a block of the largest of `shapes`.
    pub fn plan(planner: &mut Planner, shapes: &[BlockShape]) -> Self {
        let mut largest = |size: fn(&BlockShape) -> usize| {
            planner.take(shapes.iter().map(size).max().unwrap_or_default())
        };
        Self {
            d_hidden: largest(|shape| shape.rows() * shape.mlp_width),
            d_qkv: largest(|shape| 3 * shape.rows() * shape.width()),
            d_normed: largest(|shape| shape.rows() * shape.width()),
        }
    }
}

/// Computes the output of a block and its state; reads the parameters.
#[derive(Debug, Clone, Copy)]
pub struct BlockForward {
    /// How it is computed.
    pub level: Level,
    /// What its linear layers compute with.
    pub arithmetic: Arithmetic,
    /// The sizes.
    pub shape: BlockShape,
    /// The first of the block's parameters, in the parameters.
    pub parameters: usize,
    /// Where input, state and output lie.
    pub state: BlockState,
}

impl BlockForward {
    /// The attention's half: `middle` becomes the stream between the halves.
    fn attention(&self, target: &mut [f32], parameters: &[f32]) {
        let (level, shape, state) = (self.level, &self.shape, &self.state);
        let (rows, width) = (shape.rows(), shape.width());
        let weights = Weights::at(self.parameters, shape);
        let of = |region: Region| region.of(parameters);
        let [input, stats, normed, qkv, probabilities, context, middle] = disjoint(
            target,
            [
                state.input,
                state.stats_1,
                state.normed_1,
                state.qkv,
                state.probabilities,
                state.context,
                state.middle,
            ],
        );
        let (gain, bias) = (of(weights.norm_1), of(weights.norm_1_bias));
        layer_norm::forward(level, input, gain, bias, normed, stats);
        #[cfg(feature = "faults")]
        super::faults::strike_norm(input, stats, gain, bias, normed);
        tap::see("ln_1", [rows, width], normed);
        let in_proj = View::new(of(weights.qkv), 3 * width, width).transposed();
        let finish = Finish::Bias(of(weights.qkv_bias));
        multiply(level, View::new(normed, rows, width), in_proj, finish, qkv, 3 * width);
        tap::see("attention.qkv", [rows, 3 * width], qkv);
        attention_forward(level, &shape.attention, qkv, probabilities, context);
        tap::see("attention.probabilities", [probabilities.len()], probabilities);
        tap::see("attention.context", [rows, width], context);
        let out_proj = View::new(of(weights.out), width, width).transposed();
        let residual = View::new(input, rows, width);
        let finish = Finish::BiasResidual { bias: of(weights.out_bias), residual };
        multiply(level, View::new(context, rows, width), out_proj, finish, middle, width);
        tap::see("stream after attention", [rows, width], middle);
    }

    /// The perceptron's half: `output` becomes the stream after the block.
    fn perceptron(&self, target: &mut [f32], parameters: &[f32]) {
        let (level, shape, state) = (self.level, &self.shape, &self.state);
        let (rows, width, mlp) = (shape.rows(), shape.width(), shape.mlp_width);
        let weights = Weights::at(self.parameters, shape);
        let of = |region: Region| region.of(parameters);
        let [middle, stats, normed, hidden, activated, output] = disjoint(
            target,
            [
                state.middle,
                state.stats_2,
                state.normed_2,
                state.hidden,
                state.activated,
                state.output,
            ],
        );
        let (gain, bias) = (of(weights.norm_2), of(weights.norm_2_bias));
        layer_norm::forward(level, middle, gain, bias, normed, stats);
        tap::see("ln_2", [rows, width], normed);
        let fc = View::new(of(weights.fc), mlp, width).transposed();
        let finish = Finish::Bias(of(weights.fc_bias));
        multiply(level, View::new(normed, rows, width), fc, finish, hidden, mlp);
        tap::see("mlp.c_fc", [rows, mlp], hidden);
        shape.activation.forward(level, hidden, activated);
        #[cfg(feature = "faults")]
        super::faults::strike_activated(activated);
        tap::see("mlp.activated", [rows, mlp], activated);
        tap::see("mlp.kept for backward", [rows, mlp], hidden);
        let proj = View::new(of(weights.proj), width, mlp).transposed();
        let residual = View::new(middle, rows, width);
        let finish = Finish::BiasResidual { bias: of(weights.proj_bias), residual };
        multiply(level, View::new(activated, rows, mlp), proj, finish, output, width);
        tap::see("stream after mlp", [rows, width], output);
    }
}

impl Operation<1> for BlockForward {
    fn name(&self) -> &'static str {
        "transformer block"
    }

    fn cpu(&self, target: &mut [f32], [parameters]: [&[f32]; 1]) {
        self.arithmetic.assert_portable();
        self.attention(target, parameters);
        self.perceptron(target, parameters);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [parameters]: [Address; 1]) -> Launched {
        device::block::forward(self, queue, target, parameters)
    }
}

/// Turns the gradient of a block's output into that of its input, in place, and stores the gradients of its parameters;
/// reads the parameters.
#[derive(Debug, Clone, Copy)]
pub struct BlockBackward {
    /// The forward pass.
    pub forward: BlockForward,
    /// Whose rows they are.
    pub chunks: Chunks,
    /// The first of the gradients of the block's parameters, of the first chunk.
    pub gradients: usize,
    /// The gradient of the residual stream.
    pub d_stream: Region,
    /// Room to work in.
    pub scratch: BlockScratch,
}

impl BlockBackward {
    /// The perceptron's half: `d_stream` becomes the gradient of the stream between the halves.
    #[allow(clippy::too_many_lines, reason = "one pass, in the order of its definition")]
    fn perceptron(&self, target: &mut [f32], parameters: &[f32]) {
        let BlockForward { level, ref shape, ref state, .. } = self.forward;
        let (rows, width, mlp) = (shape.rows(), shape.width(), shape.mlp_width);
        let weights = Weights::at(self.forward.parameters, shape);
        let gradients = Weights::at(self.gradients, shape);
        let [middle, stats, normed, hidden, activated] =
            [state.middle, state.stats_2, state.normed_2, state.hidden, state.activated];
        let [
            middle,
            stats,
            normed,
            hidden,
            activated,
            d_stream,
            d_hidden,
            d_normed,
            d_norm_bias,
            d_norm,
            d_fc_bias,
            d_fc,
            d_proj_bias,
            d_proj,
        ] = disjoint(
            target,
            [
                middle,
                stats,
                normed,
                hidden,
                activated,
                self.d_stream.first(rows * width),
                self.scratch.d_hidden.first(rows * mlp),
                self.scratch.d_normed.first(rows * width),
                gradients.norm_2_bias,
                gradients.norm_2,
                gradients.fc_bias,
                gradients.fc,
                gradients.proj_bias,
                gradients.proj,
            ],
        );
        let dy = View::new(d_stream, rows, width);
        column_sum(level, dy, d_proj_bias);
        tap::see("gradient of mlp.c_proj.bias", [width], d_proj_bias);
        multiply(
            level,
            dy.transposed(),
            View::new(activated, rows, mlp),
            Finish::Store,
            d_proj,
            mlp,
        );
        tap::see("gradient of mlp.c_proj.weight", [width, mlp], d_proj);
        let proj = View::new(weights.proj.of(parameters), width, mlp);
        let finish = shape.activation.finish(View::new(hidden, rows, mlp));
        multiply(level, dy, proj, finish, d_hidden, mlp);
        shape.activation.backward(level, hidden, d_hidden);
        tap::see("gradient of mlp.c_fc", [rows, mlp], d_hidden);
        let dh = View::new(d_hidden, rows, mlp);
        column_sum(level, dh, d_fc_bias);
        tap::see("gradient of mlp.c_fc.bias", [mlp], d_fc_bias);
        multiply(
            level,
            dh.transposed(),
            View::new(normed, rows, width),
            Finish::Store,
            d_fc,
            width,
        );
        tap::see("gradient of mlp.c_fc.weight", [mlp, width], d_fc);
        let fc = View::new(weights.fc.of(parameters), mlp, width);
        multiply(level, dh, fc, Finish::Store, d_normed, width);
        tap::see("gradient of ln_2", [rows, width], d_normed);
        let gain = weights.norm_2.of(parameters);
        let of = NormInputs { x: middle, stats, gain, d_y: d_normed };
        norm_backward(level, of, d_stream, d_norm, d_norm_bias);
        tap::see("gradient of stream after attention", [rows, width], d_stream);
        tap::see("gradient of ln_2.weight", [width], d_norm);
        tap::see("gradient of ln_2.bias", [width], d_norm_bias);
    }

    /// The attention's half: `d_stream` becomes the gradient of the block's input.
    #[allow(clippy::too_many_lines, reason = "one pass, in the order of its definition")]
    fn attention(&self, target: &mut [f32], parameters: &[f32]) {
        let BlockForward { level, ref shape, ref state, .. } = self.forward;
        let (rows, width) = (shape.rows(), shape.width());
        let weights = Weights::at(self.forward.parameters, shape);
        let gradients = Weights::at(self.gradients, shape);
        let [
            input,
            stats,
            normed,
            qkv,
            probabilities,
            context,
            d_stream,
            d_qkv,
            d_normed,
            d_norm_bias,
            d_norm,
            d_out_bias,
            d_out,
            d_in_bias,
            d_in,
        ] = disjoint(
            target,
            [
                state.input,
                state.stats_1,
                state.normed_1,
                state.qkv,
                state.probabilities,
                state.context,
                self.d_stream.first(rows * width),
                self.scratch.d_qkv.first(3 * rows * width),
                self.scratch.d_normed.first(rows * width),
                gradients.norm_1_bias,
                gradients.norm_1,
                gradients.out_bias,
                gradients.out,
                gradients.qkv_bias,
                gradients.qkv,
            ],
        );
        let dy = View::new(d_stream, rows, width);
        column_sum(level, dy, d_out_bias);
        tap::see("gradient of attention.out_proj.bias", [width], d_out_bias);
        multiply(
            level,
            dy.transposed(),
            View::new(context, rows, width),
            Finish::Store,
            d_out,
            width,
        );
        tap::see("gradient of attention.out_proj.weight", [width, width], d_out);
        let out_proj = View::new(weights.out.of(parameters), width, width);
        multiply(level, dy, out_proj, Finish::Store, d_normed, width);
        tap::see("gradient of attention.context", [rows, width], d_normed);
        // The gradient of the context is read before the same room takes that of the normed input.
        ROOM.with(|room| {
            attention_backward(
                level,
                &shape.attention,
                qkv,
                probabilities,
                d_normed,
                d_qkv,
                &mut room.borrow_mut(),
            );
        });
        tap::see("gradient of attention.qkv", [rows, 3 * width], d_qkv);
        let d_products = View::new(d_qkv, rows, 3 * width);
        column_sum(level, d_products, d_in_bias);
        tap::see("gradient of attention.in_proj.bias", [3 * width], d_in_bias);
        multiply(
            level,
            d_products.transposed(),
            View::new(normed, rows, width),
            Finish::Store,
            d_in,
            width,
        );
        tap::see("gradient of attention.in_proj.weight", [3 * width, width], d_in);
        let in_proj = View::new(weights.qkv.of(parameters), 3 * width, width);
        multiply(level, d_products, in_proj, Finish::Store, d_normed, width);
        tap::see("gradient of ln_1", [rows, width], d_normed);
        let gain = weights.norm_1.of(parameters);
        let of = NormInputs { x: input, stats, gain, d_y: d_normed };
        norm_backward(level, of, d_stream, d_norm, d_norm_bias);
        tap::see("gradient of stream before the block", [rows, width], d_stream);
        tap::see("gradient of ln_1.weight", [width], d_norm);
        tap::see("gradient of ln_1.bias", [width], d_norm_bias);
    }
}

impl Operation<1> for BlockBackward {
    fn name(&self) -> &'static str {
        "transformer block, backward"
    }

    fn cpu(&self, target: &mut [f32], [parameters]: [&[f32]; 1]) {
        self.forward.arithmetic.assert_portable();
        self.chunks.assert_alone();
        self.perceptron(target, parameters);
        self.attention(target, parameters);
    }

    #[cfg(any(feature = "cuda", test))]
    fn device(&self, queue: &Queue, target: Address, [parameters]: [Address; 1]) -> Launched {
        device::block::backward(self, queue, target, parameters)
    }
}
