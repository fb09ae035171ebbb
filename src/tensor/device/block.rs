//! The transformer block as launches of kernels, step by step as its twin in main memory.

use super::launch::{NormOf, column_sums};
use super::matmul::{Finish, Matrix};
use super::matmul_bf16::{linear, weight_gradient};
use super::{Address, Launched, Queue, attention};
use crate::tensor::block::{BlockBackward, BlockForward, Weights};
use crate::tensor::rows::Activation;
use crate::tensor::{Arithmetic, Chunks, Region};

/// The first element of a region.
pub(super) const fn at(buffer: Address, region: Region) -> Address {
    buffer.element(region.start)
}

impl Activation {
    /// What becomes of the product before the activation: what backward wants, and the value.
    const fn on_device(self, bias: Address, value: Address) -> Finish {
        match self {
            Self::Gelu => Finish::BiasGelu { bias, value },
            Self::QuickGelu => Finish::BiasQuickGelu { bias, value },
        }
    }

    /// What becomes of the product that gives the gradient of the value.
    const fn backward_on_device(self, left: Address) -> Finish {
        match self {
            Self::Gelu => Finish::Times(left),
            Self::QuickGelu => Finish::TimesQuickDerivative(left),
        }
    }
}

/// Computes the output of a block and its state.
pub(crate) fn forward(
    of: &BlockForward,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Launched {
    let (shape, state) = (&of.shape, &of.state);
    let (rows, width, mlp) = (shape.rows(), shape.width(), shape.mlp_width);
    let weights = Weights::at(of.parameters, shape);
    let (parameter, place) = (|region| at(parameters, region), |region| at(target, region));
    let [input, normed, qkv, context, middle, output] =
        [state.input, state.normed_1, state.qkv, state.context, state.middle, state.output]
            .map(place);
    let norm = |x, stats: Region, gain| NormOf { rows, width, x, stats: place(stats), gain };

    let first = norm(input, state.stats_1, parameter(weights.norm_1));
    first.forward(queue, parameter(weights.norm_1_bias), normed)?;
    let in_proj = Matrix::new(parameter(weights.qkv), 3 * width, width).transposed();
    let finish = Finish::Bias(parameter(weights.qkv_bias));
    linear(queue, of.arithmetic, Matrix::new(normed, rows, width), in_proj, finish, qkv)?;
    attention::forward(queue, &shape.attention, qkv, place(state.probabilities), context)?;
    let out_proj = Matrix::new(parameter(weights.out), width, width).transposed();
    let finish = Finish::BiasResidual { bias: parameter(weights.out_bias), residual: input };
    linear(queue, of.arithmetic, Matrix::new(context, rows, width), out_proj, finish, middle)?;

    let [normed, hidden, activated] = [state.normed_2, state.hidden, state.activated].map(place);
    let second = norm(middle, state.stats_2, parameter(weights.norm_2));
    second.forward(queue, parameter(weights.norm_2_bias), normed)?;
    let fc = Matrix::new(parameter(weights.fc), mlp, width).transposed();
    let finish = shape.activation.on_device(parameter(weights.fc_bias), activated);
    linear(queue, of.arithmetic, Matrix::new(normed, rows, width), fc, finish, hidden)?;
    let proj = Matrix::new(parameter(weights.proj), width, mlp).transposed();
    let finish = Finish::BiasResidual { bias: parameter(weights.proj_bias), residual: middle };
    linear(queue, of.arithmetic, Matrix::new(activated, rows, mlp), proj, finish, output)
}

/// The gradients of a linear layer `y = x·Wᵀ + b`: of bias and weight from that of y, `[rows, of y]`, and x.
pub(super) fn linear_gradients(
    queue: &Queue,
    arithmetic: Arithmetic,
    chunks: Chunks,
    d_y: Matrix,
    x: Matrix,
    [d_bias, d_weight]: [Address; 2],
) -> Launched {
    column_sums(queue, chunks, [d_y.rows, d_y.columns], d_y.columns, d_y.at, d_bias)?;
    weight_gradient(queue, arithmetic, chunks, d_y, x, d_weight)
}

/// Turns the gradient of a block's output into that of its input, and stores those of its parameters.
pub(crate) fn backward(
    of: &BlockBackward,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Launched {
    let shape = &of.forward.shape;
    let weights = Weights::at(of.forward.parameters, shape);
    let gradients = Weights::at(of.gradients, shape);
    let backward = Backward { of, queue, target, parameters, weights, gradients };
    backward.perceptron()?;
    backward.attention()
}

/// A backward pass with where everything is.
struct Backward<'a> {
    of: &'a BlockBackward,
    queue: &'a Queue,
    target: Address,
    parameters: Address,
    weights: Weights,
    gradients: Weights,
}

impl Backward<'_> {
    fn place(&self, region: Region) -> Address {
        at(self.target, region)
    }

    /// A matrix of the target, a row for each token.
    fn rows(&self, region: Region, columns: usize) -> Matrix {
        Matrix::new(self.place(region), self.of.forward.shape.rows(), columns)
    }

    /// A weight of so many rows and columns.
    fn weight(&self, region: Region, rows: usize, columns: usize) -> Matrix {
        Matrix::new(at(self.parameters, region), rows, columns)
    }

    /// The gradients of a linear layer's bias and weight, from that of its output and from its input.
    fn linear(&self, d_y: Matrix, x: Matrix, gradients: [Region; 2]) -> Launched {
        let gradients = gradients.map(|region| self.place(region));
        let arithmetic = self.of.forward.arithmetic;
        linear_gradients(self.queue, arithmetic, self.of.chunks, d_y, x, gradients)
    }

    /// Adds the gradient of a `LayerNorm`'s input to that of the stream.
    fn norm(&self, [x, stats, gain]: [Region; 3], gradients: [Region; 2]) -> Launched {
        let shape = &self.of.forward.shape;
        let norm = NormOf {
            rows: shape.rows(),
            width: shape.width(),
            x: self.place(x),
            stats: self.place(stats),
            gain: at(self.parameters, gain),
        };
        let (d_y, d_stream) = (self.of.scratch.d_normed, self.of.d_stream);
        let gradients = gradients.map(|region| self.place(region));
        let (d_y, d_stream) = (self.place(d_y), self.place(d_stream));
        norm.backward(self.queue, self.of.chunks, d_y, (d_stream, true), gradients)
    }

    fn perceptron(&self) -> Launched {
        let Self { of, queue, weights, gradients, .. } = self;
        let BlockForward { ref shape, ref state, .. } = of.forward;
        let (width, mlp) = (shape.width(), shape.mlp_width);
        let d_y = self.rows(of.d_stream, width);
        self.linear(d_y, self.rows(state.activated, mlp), [gradients.proj_bias, gradients.proj])?;
        let finish = shape.activation.backward_on_device(self.place(state.hidden));
        let d_hidden = self.rows(of.scratch.d_hidden, mlp);
        linear(
            queue,
            of.forward.arithmetic,
            d_y,
            self.weight(weights.proj, width, mlp),
            finish,
            d_hidden.at,
        )?;

        self.linear(d_hidden, self.rows(state.normed_2, width), [gradients.fc_bias, gradients.fc])?;
        let (fc, d_normed) = (self.weight(weights.fc, mlp, width), self.place(of.scratch.d_normed));
        linear(queue, of.forward.arithmetic, d_hidden, fc, Finish::Store, d_normed)?;
        let norm = [state.middle, state.stats_2, weights.norm_2];
        self.norm(norm, [gradients.norm_2, gradients.norm_2_bias])
    }

    fn attention(&self) -> Launched {
        let Self { of, queue, weights, gradients, .. } = self;
        let BlockForward { ref shape, ref state, .. } = of.forward;
        let width = shape.width();
        let d_y = self.rows(of.d_stream, width);
        self.linear(d_y, self.rows(state.context, width), [gradients.out_bias, gradients.out])?;
        let out_proj = self.weight(weights.out, width, width);
        let d_normed = self.place(of.scratch.d_normed);
        linear(queue, of.forward.arithmetic, d_y, out_proj, Finish::Store, d_normed)?;
        // The gradient of the context is read before the same room takes that of the normed input.
        let [qkv, probabilities] = [state.qkv, state.probabilities].map(|of| self.place(of));
        let d_qkv = self.rows(of.scratch.d_qkv, 3 * width);
        attention::backward(queue, &shape.attention, [qkv, probabilities, d_normed], d_qkv.at)?;

        self.linear(d_qkv, self.rows(state.normed_1, width), [gradients.qkv_bias, gradients.qkv])?;
        let in_proj = self.weight(weights.qkv, 3 * width, width);
        linear(queue, of.forward.arithmetic, d_qkv, in_proj, Finish::Store, d_normed)?;
        let norm = [state.input, state.stats_1, weights.norm_1];
        self.norm(norm, [gradients.norm_1, gradients.norm_1_bias])
    }
}
