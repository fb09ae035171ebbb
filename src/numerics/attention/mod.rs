//! Multi-head attention between the projections, to the bit as `reference` defines it.
//!
//! Scores, scaled softmax and context of every head of every sample; causal rows reduce over their
//! own prefix, and masked probabilities and their gradients are exact +0.

mod kernel;
pub mod reference;
mod rows;
#[cfg(test)]
mod tests;

use super::level::Level;

/// The sizes of an attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttentionShape {
    /// Sequences, each attending only to itself.
    pub samples: usize,
    /// Tokens a sequence.
    pub tokens: usize,
    /// Heads, side by side in a row.
    pub heads: usize,
    /// Columns a head.
    pub head_width: usize,
    /// Whether a token sees only itself and those before.
    pub causal: bool,
}

impl AttentionShape {
    /// Returns the columns of q, of k and of v: heads times head width.
    pub fn width(&self) -> usize {
        self.heads * self.head_width
    }

    /// Returns the elements of q, k and v: `samples · tokens · 3 · width`.
    pub fn qkv_len(&self) -> usize {
        3 * self.context_len()
    }

    /// Returns the elements of the probabilities: `samples · heads · tokens · tokens`.
    pub fn probabilities_len(&self) -> usize {
        self.samples * self.heads * self.tokens * self.tokens
    }

    /// Returns the elements of the context: `samples · tokens · width`.
    pub fn context_len(&self) -> usize {
        self.samples * self.tokens * self.width()
    }

    /// Checks the lengths of a call's slices.
    fn check(&self, qkv: usize, probabilities: usize, context: usize) {
        assert_eq!(qkv, self.qkv_len(), "q, k, v: samples · tokens rows of 3 · width");
        assert_eq!(probabilities, self.probabilities_len(), "probabilities: tokens² a head");
        assert_eq!(context, self.context_len(), "context: samples · tokens rows of width");
    }
}

/// Computes the probabilities and the context.
///
/// `qkv` is `[samples · tokens, 3 · width]`: q, k, v, in each the heads side by side;
/// `probabilities` is `[samples, heads, tokens, tokens]`; `context` is `[samples · tokens, width]`.
///
/// # Panics
///
/// If a slice has not the length that the shape says.
pub fn attention_forward(
    level: Level,
    shape: &AttentionShape,
    qkv: &[f32],
    probabilities: &mut [f32],
    context: &mut [f32],
) {
    kernel::forward_on(level.path(), shape, qkv, probabilities, context);
}

/// Computes the gradient of q, k and v, all of `d_qkv`, from that of the context.
///
/// Layouts as in [`attention_forward`]; `scratch` is grown as needed, so that a caller who keeps it
/// allocates once.
///
/// # Panics
///
/// If a slice has not the length that the shape says.
pub fn attention_backward(
    level: Level,
    shape: &AttentionShape,
    qkv: &[f32],
    probabilities: &[f32],
    d_context: &[f32],
    d_qkv: &mut [f32],
    scratch: &mut Vec<f32>,
) {
    kernel::backward_on(level.path(), shape, qkv, probabilities, d_context, d_qkv, scratch);
}
