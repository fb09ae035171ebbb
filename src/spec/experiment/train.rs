//! A training as an author writes it.

use serde::{Deserialize, Serialize};

use super::{Dataset, Vocabulary};

/// Trains a CLIP model from its initial weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Train {
    /// The model.
    pub model: Clip,
    /// What images go through.
    pub preprocessing: Preprocessing,
    /// The pairs.
    pub dataset: Dataset,
    /// The token ids in use.
    pub vocabulary: Vocabulary,
    /// Seed of every random stream of the run.
    pub seed: u64,
    /// Pairs processed in all, counting repeats; a multiple of `batch_size`.
    pub samples_seen: u64,
    /// Pairs of a step; a multiple of `gradient_chunk`.
    pub batch_size: u64,
    /// Pairs whose gradients are one leaf of the summation tree.
    pub gradient_chunk: u64,
    /// The optimiser.
    pub optimizer: AdamW,
    /// The learning rate over the steps.
    pub schedule: Schedule,
    /// Initial logarithm of the logit scale.
    pub logit_scale_init: f64,
    /// Standard deviation of the initial positions of the vision tower; `None`: `OpenCLIP`'s, `width^−½`.
    pub vision_positions_std: Option<f64>,
    /// Which caption of a sample a visit uses.
    pub captions: CaptionChoice,
    /// How samples are ordered.
    pub order: SampleOrder,
    /// The rectangle of an image that each visit sees; without it, what an evaluation sees.
    pub crop: Option<RandomResizedCrop>,
    /// The class of GPUs whose bits it gives, with their arithmetic: `bf16/sm_90/1`; without it, portable arithmetic.
    pub profile: Option<String>,
    /// Steps between two published checkpoints; 0: none.
    pub checkpoint_interval_steps: u64,
}

impl Train {
    /// Steps of the training; 0 where the batch size is 0.
    pub fn steps(&self) -> u64 {
        self.samples_seen.checked_div(self.batch_size).unwrap_or(0)
    }

    /// Standard deviation of the initial positions of the vision tower.
    #[allow(clippy::cast_precision_loss, reason = "widths are checked to be small")]
    pub fn positions_std(&self) -> f64 {
        self.vision_positions_std.unwrap_or_else(|| 1.0 / (self.model.vision.width as f64).sqrt())
    }
}

/// Random rectangles of images, as torchvision draws them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RandomResizedCrop {
    /// The least share of the image's area.
    pub area_min: f64,
    /// The largest share.
    pub area_max: f64,
    /// The least ratio of width to height.
    pub ratio_min: f64,
    /// The largest ratio.
    pub ratio_max: f64,
}

/// A pair of towers that embed images and texts into one space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
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
    /// Whether a `LayerNorm` stands before the first block.
    pub pre_norm: bool,
    /// How tokens become one vector.
    pub pooling: VisionPooling,
}

/// How the tokens of an image become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VisionPooling {
    /// The mean over patches.
    Mean,
    /// A learned token in front of the patches.
    ClassToken,
}

/// A text transformer with causal attention.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TextTower {
    /// Tokens of a text, start, end and padding included.
    pub context_length: u64,
    /// Rows of the token embedding: the size of the vocabulary.
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
    pub pooling: TextPooling,
}

/// How the tokens of a text become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TextPooling {
    /// The mean over the tokens that are not padding.
    Mean,
    /// The end-of-text token.
    EndToken,
}

/// The activation of a block's perceptron.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// `GELU` by the exact error function.
    Gelu,
    /// `x · σ(1.702 x)`.
    QuickGelu,
}

/// What an image goes through before the patch product: `(u ÷ 255 − mean) ÷ std`, one number each for red, green, blue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Preprocessing {
    /// Means, in `[0, 1]`.
    pub mean: Vec<f64>,
    /// Standard deviations.
    pub std: Vec<f64>,
}

/// `AdamW`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdamW {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decay of weight matrices and embeddings.
    pub weight_decay: f64,
    /// Whether learned positions decay too.
    pub decay_positions: bool,
    /// Largest norm of a batch gradient, if it is clipped.
    pub gradient_clip_norm: Option<f64>,
}

/// Linear warm-up, then a cosine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Schedule {
    /// The rate at the end of the warm-up.
    pub learning_rate_max: f64,
    /// The rate that the cosine ends at.
    pub learning_rate_final: f64,
    /// The length of the warm-up.
    pub warm_up: WarmUp,
}

/// The length of a warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum WarmUp {
    /// So many steps.
    Steps(u64),
    /// A share of all steps, rounded down, within bounds.
    Percent {
        /// The share in percent.
        percent: u64,
        /// The least steps.
        steps_min: u64,
        /// The most steps.
        steps_max: u64,
    },
}

impl WarmUp {
    /// Its length in a training of `steps` steps.
    pub fn resolve(self, steps: u64) -> u64 {
        match self {
            Self::Steps(warm_up) => warm_up,
            Self::Percent { percent, steps_min, steps_max } => {
                let share = u128::from(steps) * u128::from(percent) / 100;
                u64::try_from(share).unwrap_or(u64::MAX).min(steps_max).max(steps_min)
            }
        }
    }
}

/// Which caption of a sample a visit uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaptionChoice {
    /// The first.
    First,
    /// One drawn at each visit.
    Drawn,
}

/// How samples are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum SampleOrder {
    /// Each epoch: shards permuted, cut into groups of so many shards, samples permuted within a group.
    Epochs {
        /// Shards of a group; 0: all of them.
        shuffle_shards: u64,
    },
    /// Each sample drawn anew.
    WithReplacement,
}
