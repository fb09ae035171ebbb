//! The head of a tower as launches of kernels, and the `LayerNorm` before the first block.

use super::arguments::Pool as PoolArguments;
use super::block::at;
use super::launch::{NormOf, copy, normalise, normalise_backward, pool};
use super::matmul::{Finish, Matrix, product, product_of_chunks};
use super::{Address, DeviceError, Launched, Queue, Room};
use crate::tensor::head::{HeadBackward, HeadForward, HeadShape, Pool};
use crate::tensor::stem::{NormBackward, NormForward};

impl Pool<'_> {
    /// What the kernels are told of it.
    fn on_device(
        self,
        queue: &Queue,
        shape: &HeadShape,
        from: Address,
        to: Address,
    ) -> Result<PoolArguments, DeviceError> {
        let (mode, counts) = match self {
            Self::All => (0, None),
            Self::First(counts) => (1, Some(counts)),
            Self::At(places) => (2, Some(places)),
            Self::Front => (3, None),
        };
        let counts = counts.map(|counts| queue.bring_indices(Room::Indices, counts)).transpose()?;
        Ok(PoolArguments {
            from,
            to,
            counts: counts.unwrap_or(Address::NULL),
            samples: shape.samples as u64,
            tokens: shape.tokens as u64,
            width: shape.width as u64,
            mode,
            unused: 0,
        })
    }
}

/// Computes the embeddings of a tower.
pub(crate) fn forward(
    of: &HeadForward<'_>,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Launched {
    let HeadShape { samples, width, embed_dim, .. } = of.shape;
    let state = &of.state;
    let (parameter, place) = (|region| at(parameters, region), |region| at(target, region));
    let [input, pooled, normed, projected, features] =
        [state.input, state.pooled, state.normed, state.projected, state.features].map(place);
    let arguments = of.pool.on_device(queue, &of.shape, input, pooled)?;
    pool(queue, "pool_forward", samples * width, &arguments)?;
    let stats = place(state.stats);
    let norm = NormOf { rows: samples, width, x: pooled, stats, gain: parameter(of.weights.gain) };
    norm.forward(queue, parameter(of.weights.bias), normed)?;
    let projection = Matrix::new(parameter(of.weights.projection), width, embed_dim);
    let normed = Matrix::new(normed, samples, width);
    product(queue, normed, projection, Finish::Store, projected)?;
    normalise(queue, [samples, embed_dim], projected, features, place(state.reciprocals))
}

/// Stores the gradients of a head's parameters and of the stream that it read.
pub(crate) fn backward(
    of: &HeadBackward<'_>,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Launched {
    let HeadForward { shape, weights, state, pool: pooling, .. } = of.forward;
    let HeadShape { samples, tokens, width, embed_dim } = shape;
    let (parameter, place) = (|region| at(parameters, region), |region| at(target, region));
    let [d_projected, d_normed, d_pooled] =
        [of.scratch.d_projected, of.scratch.d_normed, of.scratch.d_pooled].map(place);
    let unit = [state.features, state.reciprocals, of.d_features].map(place);
    normalise_backward(queue, [samples, embed_dim], unit, d_projected)?;
    let d_y = Matrix::new(d_projected, samples, embed_dim);
    let normed = Matrix::new(place(state.normed), samples, width).transposed();
    product_of_chunks(queue, of.chunks, normed, d_y, place(of.gradients.projection))?;
    let projection = Matrix::new(parameter(weights.projection), width, embed_dim);
    product(queue, d_y, projection.transposed(), Finish::Store, d_normed)?;
    let norm = NormOf {
        rows: samples,
        width,
        x: place(state.pooled),
        stats: place(state.stats),
        gain: parameter(weights.gain),
    };
    let d_norm = [of.gradients.gain, of.gradients.bias].map(place);
    norm.backward(queue, of.chunks, d_normed, (d_pooled, false), d_norm)?;
    let arguments = pooling.on_device(queue, &shape, d_pooled, place(of.d_stream))?;
    pool(queue, "pool_backward", samples * tokens * width, &arguments)
}

/// The `LayerNorm` before the first block.
pub(crate) fn norm_forward(
    of: &NormForward,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Launched {
    norm_of(of, target, parameters).forward(queue, at(parameters, of.bias), at(target, of.output))
}

/// Its backward pass, in place.
pub(crate) fn norm_backward(
    of: &NormBackward,
    queue: &Queue,
    target: Address,
    parameters: Address,
) -> Launched {
    let [d_stream, d_y] = [of.d_stream, of.scratch].map(|region| at(target, region));
    copy(queue, d_stream, d_y, of.forward.input.len)?;
    let d_norm = [of.d_gain, of.d_bias].map(|region| at(target, region));
    let norm = norm_of(&of.forward, target, parameters);
    norm.backward(queue, of.chunks, d_y, (d_stream, false), d_norm)
}

fn norm_of(of: &NormForward, target: Address, parameters: Address) -> NormOf {
    let width = of.gain.len;
    NormOf {
        rows: of.input.len / width,
        width,
        x: at(target, of.input),
        stats: at(target, of.stats),
        gain: at(parameters, of.gain),
    }
}
