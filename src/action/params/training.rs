//! The parameters of a training.

use serde::{Deserialize, Serialize};

use super::{Clip, DeviceProfile, Preprocessing};
use crate::action::canonical::Real;

/// Trains a CLIP model from its initial weights.
///
/// Inputs: `dataset` (tree of WebDataset shards), `vocabulary` (blob: token ids in use). Outputs: `model.safetensors`
/// (the parameters after the last step), `trace.bin`, and `checkpoint-STEP.safetensors` (parameters and optimiser
/// state) for each published checkpoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Train {
    /// The model.
    pub model: Clip,
    /// What images go through.
    pub preprocessing: Preprocessing,
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
    /// Initial logit scale (its logarithm, `ln(1 ÷ 0.07)` in OpenCLIP).
    pub logit_scale_init: Real,
    /// Standard deviation of the initial positions of the vision tower. Not written where it is 0.02, as it always was
    /// once: the keys of those trainings stand.
    #[serde(
        default = "Train::first_positions_std",
        skip_serializing_if = "is_first_positions_std"
    )]
    pub vision_positions_std: Real,
    /// Which caption of a sample a visit uses.
    pub captions: CaptionChoice,
    /// How samples are ordered.
    pub order: SampleOrder,
    /// Steps between two published checkpoints; 0: none.
    pub checkpoint_interval_steps: u64,
    /// The rectangle of an image that each visit sees; without it, what an evaluation sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop: Option<RandomResizedCrop>,
    /// What its linear layers compute with, on which class of GPUs alone; without it, portable arithmetic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<DeviceProfile>,
}

impl Train {
    /// The standard deviation of initial positions in trainings that do not state it.
    ///
    /// # Panics
    ///
    /// Never: the number is finite.
    pub fn first_positions_std() -> Real {
        Real::new(0.02).expect("finite")
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_first_positions_std(std: &Real) -> bool {
    *std == Train::first_positions_std()
}

/// Random rectangles of images, as `data::preprocess::Crop::drawn` defines them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RandomResizedCrop {
    /// The least share of the image's area, above 0.
    pub area_min: Real,
    /// The largest share, at most 1.
    pub area_max: Real,
    /// The least ratio of width to height, above 0.
    pub ratio_min: Real,
    /// The largest ratio.
    pub ratio_max: Real,
}

/// `AdamW` as `numerics` defines it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdamW {
    /// Decay of the first moment.
    pub beta1: Real,
    /// Decay of the second moment.
    pub beta2: Real,
    /// Added to the root of the second moment.
    pub epsilon: Real,
    /// Decay of weight matrices and embeddings (not of positions, biases, gains and the logit scale).
    pub weight_decay: Real,
    /// Whether learned positions decay too, as in OpenCLIP.
    pub decay_positions: bool,
    /// Largest norm of a batch gradient, if it is clipped.
    pub gradient_clip_norm: Option<Real>,
}

/// Linear warm-up, then a cosine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// The rate at the end of the warm-up.
    pub learning_rate_max: Real,
    /// The rate that the cosine ends at.
    pub learning_rate_final: Real,
    /// Steps of linear warm-up.
    pub warm_up: WarmUp,
}

/// The length of the warm-up, resolved by the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WarmUp {
    /// So many steps.
    Steps(u64),
}

/// Which caption of a sample a visit uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CaptionChoice {
    /// The first.
    First,
    /// One drawn from the stream "caption" at each visit.
    Drawn,
}

/// How samples are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum SampleOrder {
    /// Each epoch: shards permuted, cut into groups of so many shards, samples permuted within a group.
    Epochs {
        /// Shards of a group; 0: all of them.
        shuffle_shards: u64,
    },
    /// Each sample drawn anew.
    WithReplacement,
}
