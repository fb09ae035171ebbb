//! The transformer block as launches of kernels, step by step as its twin in main memory.

use super::launch::{NormOf, column_sums};
use super::matmul::{Finish, Matrix, product};
use super::{Address, DeviceError, Queue, attention};
use crate::tensor::Region;
use crate::tensor::block::{BlockBackward, BlockForward, Weights};
use crate::tensor::rows::Activation;

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
) -> Result<(), DeviceError> {
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
    product(queue, Matrix::new(normed, rows, width), in_proj, finish, qkv)?;
    attention::forward(queue, &shape.attention, qkv, place(state.probabilities), context)?;
    let out_proj = Matrix::new(parameter(weights.out), width, width).transposed();
    let finish = Finish::BiasResidual { bias: parameter(weights.out_bias), residual: input };
    product(queue, Matrix::new(context, rows, width), out_proj, finish, middle)?;

    let [normed, hidden, activated] = [state.normed_2, state.hidden, state.activated].map(place);
    let second = norm(middle, state.stats_2, parameter(weights.norm_2));
    second.forward(queue, parameter(weights.norm_2_bias), normed)?;
    let fc = Matrix::new(parameter(weights.fc), mlp, width).transposed();
    let finish = shape.activation.on_device(parameter(weights.fc_bias), activated);
    product(queue, Matrix::new(normed, rows, width), fc, finish, hidden)?;
    let proj = Matrix::new(parameter(weights.proj), width, mlp).transposed();
    let finish = Finish::BiasResidual { bias: parameter(weights.proj_bias), residual: middle };
    product(queue, Matrix::new(activated, rows, mlp), proj, finish, output)
}

/// The gradients of a linear layer `y = x·Wᵀ + b`: of bias and weight from that of y, `[rows, of y]`, and x.
pub(super) fn linear_gradients(
    queue: &Queue,
    d_y: Matrix,
    x: Matrix,
    d_bias: Address,
    d_weight: Address,
) -> Result<(), DeviceError> {
    column_sums(queue, [d_y.rows, d_y.columns], d_y.columns, d_y.at, d_bias)?;
    product(queue, d_y.transposed(), x, Finish::Store, d_weight)
}

/// Turns the gradient of a block's output into that of its input, and stores those of its parameters.
pub(crate) fn backward(
    of: &BlockBackward,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Result<(), DeviceError> {
    perceptron_backward(of, queue, target, parameters)?;
    attention_backward(of, queue, target, parameters)
}

fn perceptron_backward(
    of: &BlockBackward,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Result<(), DeviceError> {
    let BlockForward { ref shape, ref state, .. } = of.forward;
    let (rows, width, mlp) = (shape.rows(), shape.width(), shape.mlp_width);
    let weights = Weights::at(of.forward.parameters, shape);
    let gradients = Weights::at(of.gradients, shape);
    let (parameter, place) = (|region| at(parameters, region), |region| at(target, region));
    let [d_stream, d_hidden, d_normed] =
        [of.d_stream, of.scratch.d_hidden, of.scratch.d_normed].map(place);

    let d_y = Matrix::new(d_stream, rows, width);
    let activated = Matrix::new(place(state.activated), rows, mlp);
    let d_proj = [gradients.proj_bias, gradients.proj].map(place);
    linear_gradients(queue, d_y, activated, d_proj[0], d_proj[1])?;
    let proj = Matrix::new(parameter(weights.proj), width, mlp);
    let finish = shape.activation.backward_on_device(place(state.hidden));
    product(queue, d_y, proj, finish, d_hidden)?;

    let d_h = Matrix::new(d_hidden, rows, mlp);
    let normed = Matrix::new(place(state.normed_2), rows, width);
    let d_fc = [gradients.fc_bias, gradients.fc].map(place);
    linear_gradients(queue, d_h, normed, d_fc[0], d_fc[1])?;
    let fc = Matrix::new(parameter(weights.fc), mlp, width);
    product(queue, d_h, fc, Finish::Store, d_normed)?;
    let norm = NormOf {
        rows,
        width,
        x: place(state.middle),
        stats: place(state.stats_2),
        gain: parameter(weights.norm_2),
    };
    let d_norm = [gradients.norm_2, gradients.norm_2_bias].map(place);
    norm.backward(queue, d_normed, (d_stream, true), d_norm)
}

fn attention_backward(
    of: &BlockBackward,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Result<(), DeviceError> {
    let BlockForward { ref shape, ref state, .. } = of.forward;
    let (rows, width) = (shape.rows(), shape.width());
    let weights = Weights::at(of.forward.parameters, shape);
    let gradients = Weights::at(of.gradients, shape);
    let (parameter, place) = (|region| at(parameters, region), |region| at(target, region));
    let [d_stream, d_qkv, d_normed] =
        [of.d_stream, of.scratch.d_qkv, of.scratch.d_normed].map(place);

    let d_y = Matrix::new(d_stream, rows, width);
    let context = Matrix::new(place(state.context), rows, width);
    let d_out = [gradients.out_bias, gradients.out].map(place);
    linear_gradients(queue, d_y, context, d_out[0], d_out[1])?;
    let out_proj = Matrix::new(parameter(weights.out), width, width);
    product(queue, d_y, out_proj, Finish::Store, d_normed)?;
    // The gradient of the context is read before the same room takes that of the normed input.
    let [qkv, probabilities] = [state.qkv, state.probabilities].map(place);
    attention::backward(queue, &shape.attention, [qkv, probabilities, d_normed], d_qkv)?;

    let d_products = Matrix::new(d_qkv, rows, 3 * width);
    let normed = Matrix::new(place(state.normed_1), rows, width);
    let d_in = [gradients.qkv_bias, gradients.qkv].map(place);
    linear_gradients(queue, d_products, normed, d_in[0], d_in[1])?;
    let in_proj = Matrix::new(parameter(weights.qkv), 3 * width, width);
    product(queue, d_products, in_proj, Finish::Store, d_normed)?;
    let norm = NormOf {
        rows,
        width,
        x: place(state.input),
        stats: place(state.stats_1),
        gain: parameter(weights.norm_1),
    };
    let d_norm = [gradients.norm_1, gradients.norm_1_bias].map(place);
    norm.backward(queue, d_normed, (d_stream, true), d_norm)
}
