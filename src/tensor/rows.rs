//! Row operations between the products that a choice of the model selects.

use crate::numerics::matmul::{Finish, View};
use crate::numerics::{Level, gelu, layer_norm, normalise};

/// The activation of a perceptron.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `GELU` by the error function.
    Gelu,
    /// `x·σ(1.702·x)`.
    QuickGelu,
}

impl Activation {
    /// `y = act(x)`; leaves in `x` what [`Activation::backward`] wants.
    pub(crate) fn forward(self, level: Level, x: &mut [f32], y: &mut [f32]) {
        match self {
            Self::Gelu => gelu::forward_with_derivative(level, x, y),
            Self::QuickGelu => gelu::quick_forward(level, x, y),
        }
    }

    /// What becomes of the product that gives `d` at once, from what [`Activation::forward`] left.
    pub(crate) fn finish(self, left: View<'_>) -> Finish<'_> {
        match self {
            Self::Gelu => Finish::Times(left),
            Self::QuickGelu => Finish::Store,
        }
    }

    /// The rest of `d ← d·act'(x)` after [`Activation::finish`].
    pub(crate) fn backward(self, level: Level, left: &[f32], d: &mut [f32]) {
        match self {
            Self::Gelu => {}
            Self::QuickGelu => gelu::quick_backward(level, left, d),
        }
    }
}

/// What the backward pass of a `LayerNorm` reads: input, `stats`, gain and the gradient of its output.
#[derive(Clone, Copy)]
pub(crate) struct NormInputs<'a> {
    pub(crate) x: &'a [f32],
    pub(crate) stats: &'a [f32],
    pub(crate) gain: &'a [f32],
    pub(crate) d_y: &'a [f32],
}

/// Adds the gradient of a `LayerNorm`'s input to `d_x` and stores those of gain and bias.
pub(crate) fn norm_backward(
    level: Level,
    of: NormInputs<'_>,
    d_x: &mut [f32],
    d_gain: &mut [f32],
    d_bias: &mut [f32],
) {
    layer_norm::backward_add(level, of.x, of.stats, of.gain, of.d_y, d_x);
    layer_norm::parameter_gradients(level, of.x, of.stats, of.d_y, d_gain, d_bias);
}

/// Returns `x` with every row of `width` scaled to length 1.
pub fn normalise_rows(level: Level, width: usize, x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    let mut reciprocals = vec![0.0; x.len() / width];
    normalise::forward(level, width, x, &mut y, &mut reciprocals);
    y
}
