//! The parameters of classifiers that learn on top of a trained model.

use serde::{Deserialize, Serialize};

use super::{AdamW, Clip, Preprocessing, Schedule};
use crate::action::canonical::Real;

/// Trains a linear layer on frozen image embeddings, and measures it.
///
/// Inputs: `weights` (blob), `dataset` (tree), `classes` (blob, a class name a line), and `train-0`, `train-1`, …
/// (trees) as many as `split` says. Outputs: `metrics.json` (`acc1`, `acc5` and `mean_per_class_recall` on the test
/// samples under `CLIP_benchmark`'s field names, with `weight_decay`, `lr`, `epochs` and `fewshot_k`, −1 for all),
/// `probe.safetensors` (`weight`, `[classes, embed_dim]`, and `bias`), and `samples.csv`: who was learned from, chosen
/// by and measured on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    /// The model that the weights belong to.
    pub model: Clip,
    /// What images go through.
    pub preprocessing: Preprocessing,
    /// Which samples are learned from, and which are measured on.
    pub split: Split,
    /// How many of each class are learned from.
    pub shots: Shots,
    /// Seed of the shots, the validation split, the initial weights and the order.
    pub seed: u64,
    /// The decay of weights and biases.
    pub weight_decay: WeightDecay,
    /// The learning rate before the first step; a cosine without warm-up ends at 0.
    pub learning_rate: Real,
    /// Passes over the samples.
    pub epochs: u64,
    /// Samples of a step; the last one of an epoch may have fewer.
    pub batch_size: u64,
    /// Decay of the first moment.
    pub beta1: Real,
    /// Decay of the second moment.
    pub beta2: Real,
    /// Added to the root of the second moment.
    pub epsilon: Real,
}

/// Which samples a classifier learns from, and which it is measured on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Split {
    /// It learns from the inputs `train-0`, `train-1`, …, one after the other, and is measured on all of `dataset`.
    Apart {
        /// How many inputs.
        sets: u64,
    },
    /// Of each class of n samples in `dataset`, `n · test_percent div 100` are measured on: the first in the
    /// permutation that the stream "test split" of this seed and the class's index gives.
    Within {
        /// The share in percent.
        test_percent: u64,
        /// The seed.
        seed: u64,
    },
}

impl Split {
    /// The names of the inputs that are learned from beside `dataset`.
    pub fn train_inputs(self) -> impl Iterator<Item = String> {
        let count = match self {
            Self::Apart { sets } => sets,
            Self::Within { .. } => 0,
        };
        (0..count).map(|index| format!("train-{index}"))
    }
}

/// How many samples of each class a classifier learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Shots {
    /// So many: the first of the class in one permutation of all training samples, by the stream "few-shot".
    PerClass(u64),
    /// The same, and all of a class that has fewer.
    UpTo(u64),
    /// All.
    Full,
}

/// The weight decay of a linear probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum WeightDecay {
    /// Stated; no sample is set aside.
    Fixed(Real),
    /// The candidate with the largest `acc1` on samples that are set aside before the shots are drawn; of equals the
    /// first. Of each class of n training samples these are `n · validation_percent div 100`, by the stream "validation
    /// split" of the class's index. A probe of all samples is then trained on those set aside too.
    Validated {
        /// What is tried.
        candidates: Vec<Real>,
        /// The share that is set aside, in percent.
        validation_percent: u64,
    },
}

/// Trains a model's vision tower with a linear layer on its embeddings, end to end, and measures it.
///
/// Inputs: those of a [`Probe`], and where the layer begins as the class prompts, `vocabulary` (blob). Outputs:
/// `metrics.json` and `samples.csv` as a [`Probe`] has them, `classifier.safetensors` (the tower under its own names,
/// `head.weight`, `[classes, embed_dim]`, and `head.bias`) and `trace.bin`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FineTune {
    /// The model that the weights belong to.
    pub model: Clip,
    /// What images go through.
    pub preprocessing: Preprocessing,
    /// Which samples are learned from, and which are measured on.
    pub split: Split,
    /// How many of each class are learned from.
    pub shots: Shots,
    /// Seed of the shots, a random layer and the order.
    pub seed: u64,
    /// What the linear layer begins as.
    pub head: HeadStart,
    /// Samples processed in all, counting repeats; a multiple of `batch_size`.
    pub samples_seen: u64,
    /// Samples of a step; a multiple of `gradient_chunk`.
    pub batch_size: u64,
    /// Samples whose gradients are one leaf of the summation tree.
    pub gradient_chunk: u64,
    /// The optimiser; the layer's bias does not decay.
    pub optimizer: AdamW,
    /// The learning rate over the steps.
    pub schedule: Schedule,
}

/// What the linear layer of a fine-tuned model begins as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum HeadStart {
    /// Uniform between −1 ÷ √`embed_dim` and 1 ÷ √`embed_dim`, from the streams "probe weight" and "probe bias".
    Random,
    /// The embeddings of the class prompts times `exp(logit_scale)`; bias 0.
    ZeroShot {
        /// Prompt templates with `{}` for the class name; their embeddings are averaged.
        templates: Vec<String>,
    },
}
