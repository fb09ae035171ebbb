//! What a CLIP model is, and what its images go through.

use serde::{Deserialize, Serialize};

use crate::action::canonical::Real;

/// Tokens of a text at least: start, a token and end.
pub const CONTEXT_MIN: u64 = 3;

/// A pair of towers that embed images and texts into one space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Clip {
    /// Width of the shared embedding.
    pub embed_dim: u64,
    /// The image side.
    pub vision: VisionTower,
    /// The text side.
    pub text: TextTower,
    /// The activation in the blocks of both towers.
    pub activation: Activation,
}

/// A vision transformer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VisionTower {
    /// Side of the square input in pixels; a multiple of `patch_size`.
    pub image_size: u64,
    /// Side of a square patch in pixels.
    pub patch_size: u64,
    /// Channels of a token.
    pub width: u64,
    /// Transformer blocks.
    pub layers: u64,
    /// Attention heads; `width` is a multiple.
    pub heads: u64,
    /// Channels of the hidden layer of a block's perceptron.
    pub mlp_width: u64,
    /// Whether the patch product adds a bias.
    pub patch_bias: bool,
    /// Whether a `LayerNorm` stands before the first block (`ln_pre`).
    pub pre_norm: bool,
    /// How tokens become one vector; `ClassToken` prepends a learned token.
    pub pooling: Pooling,
}

/// A text transformer with causal attention.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TextTower {
    /// Tokens of a text, start, end and padding included.
    pub context_length: u64,
    /// Rows of the token embedding.
    pub vocabulary_size: u64,
    /// Channels of a token.
    pub width: u64,
    /// Transformer blocks.
    pub layers: u64,
    /// Attention heads; `width` is a multiple.
    pub heads: u64,
    /// Channels of the hidden layer of a block's perceptron.
    pub mlp_width: u64,
    /// How tokens become one vector.
    pub pooling: Pooling,
}

/// How the tokens of a tower become one vector, before the last `LayerNorm` and the projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pooling {
    /// The mean over patches, or over the tokens that are not padding.
    Mean,
    /// The learned token in front of the patches.
    ClassToken,
    /// The end-of-text token.
    EndToken,
}

/// The activation of a block's perceptron.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Activation {
    /// `GELU` by the exact error function.
    Gelu,
    /// `x · σ(1.702 x)`.
    QuickGelu,
}

/// What an image of `image_size` goes through before the patch product: `(u ÷ 255 − mean) ÷ std` by channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Preprocessing {
    /// Mean of red, green, blue, in `[0, 1]`.
    pub mean: [Real; 3],
    /// Standard deviation of red, green, blue.
    pub std: [Real; 3],
}
