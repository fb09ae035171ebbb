//! Classifiers that learn on top of a trained model, as an author writes them.

use serde::{Deserialize, Serialize};

use super::{AdamW, Classes, Dataset, Schedule};

/// A linear layer on frozen image embeddings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LinearProbe {
    /// The class names.
    pub classes: Classes,
    /// Which samples are learned from, and which are measured on.
    pub split: Split,
    /// How many of each class are learned from.
    pub shots: Shots,
    /// Seed of the shots, the validation split, the initial weights and the order.
    pub seed: u64,
    /// The decay of weights and biases.
    pub weight_decay: WeightDecay,
    /// The learning rate before the first step.
    pub learning_rate: f64,
    /// Passes over the samples.
    pub epochs: u64,
    /// Samples of a step.
    pub batch_size: u64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

/// Which samples a classifier learns from, and which it is measured on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Split {
    /// It learns from other data sets, and is measured on all of the evaluation's.
    Apart {
        /// Those data sets, one after the other.
        train: Vec<Dataset>,
    },
    /// The evaluation's data set is cut, class by class.
    Within {
        /// The share that is measured on, in percent, rounded down in each class.
        test_percent: u64,
        /// Seed of the stream "test split".
        seed: u64,
    },
}

/// How many samples of each class a classifier learns from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shots {
    /// So many, drawn by the stream "few-shot".
    PerClass(u64),
    /// So many, or all of a class that has fewer.
    UpTo(u64),
    /// All.
    Full,
}

/// The weight decay of a linear probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum WeightDecay {
    /// Stated.
    Fixed(f64),
    /// The best of several on samples that are set aside.
    Validated {
        /// What is tried.
        candidates: Vec<f64>,
        /// The share of the training samples that is set aside, in percent, rounded down in each class.
        validation_percent: u64,
    },
}

impl Split {
    /// The data sets that are learned from beside the evaluation's own.
    pub fn train_sets(&self) -> &[Dataset] {
        match self {
            Self::Apart { train } => train,
            Self::Within { .. } => &[],
        }
    }
}

/// A vision tower with a linear layer, trained end to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FineTune {
    /// The class names.
    pub classes: Classes,
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
    /// The optimiser.
    pub optimizer: AdamW,
    /// The learning rate over the steps.
    pub schedule: Schedule,
}

/// What the linear layer of a fine-tuned model begins as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum HeadStart {
    /// Drawn as `PyTorch` draws it.
    Random,
    /// The classifier of the class prompts.
    ZeroShot {
        /// Prompt templates with `{}` for the class name; their embeddings are averaged.
        templates: Vec<String>,
    },
}

impl FineTune {
    /// Steps of the training; 0 where the batch size is 0.
    pub fn steps(&self) -> u64 {
        self.samples_seen.checked_div(self.batch_size).unwrap_or(0)
    }
}
