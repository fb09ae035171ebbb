//! Weights that others released, evaluated again.

use serde::{Deserialize, Serialize};

use super::{Clip, Evaluation, Label, PinnedFile, Preprocessing, Vocabulary};

/// Released weights with their evaluations: a run that trains nothing.
///
/// Model and constants are stated, so that a plan opens nothing; they must be those of the pinned configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReleasedRun {
    /// Its name, unique in the experiment.
    pub name: String,
    /// Texts that tables may show.
    pub labels: Vec<Label>,
    /// The weights.
    pub weights: Weights,
    /// The model.
    pub model: Clip,
    /// What images go through.
    pub preprocessing: Preprocessing,
    /// The token ids in use.
    pub vocabulary: Vocabulary,
    /// Pairs processed in training, as its authors say.
    pub samples_seen: Option<u64>,
    /// What is measured.
    pub evaluations: Vec<Evaluation>,
}

/// Weights and the configuration of their model, by the bytes of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Weights {
    /// The tensors: safetensors, or `PyTorch`'s zip checkpoint.
    pub tensors: PinnedFile,
    /// `open_clip_config.json`
    pub config: PinnedFile,
}

impl Weights {
    /// Size of both files, as far as 64 bits hold.
    pub const fn bytes(&self) -> u64 {
        self.tensors.bytes.saturating_add(self.config.bytes)
    }
}
