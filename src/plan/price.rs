//! What actions cost, in integers: floating-point operations from the model's configuration, and bytes to fetch.

use crate::action::params::Clip;
use crate::spec::experiment::{Dataset, Evaluation, LinearProbe, Task, WeightDecay};

/// What it costs to execute an action with an empty store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// Floating-point operations: two a multiply–accumulate. 0 for tables, fits and figures.
    pub flops: u128,
    /// Size of the pinned files it reads.
    pub fetch_bytes: u64,
}

impl Price {
    /// The larger of each.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            flops: self.flops.max(other.flops),
            fetch_bytes: self.fetch_bytes.max(other.fetch_bytes),
        }
    }
}

/// Operations of a training: forward, and backward at twice that.
pub(super) fn train_flops(model: &Clip, samples_seen: u64) -> u128 {
    (6 * u128::from(model.macs_per_sample())).saturating_mul(u128::from(samples_seen))
}

/// Operations of an evaluation: every image once, and every text once; a pair is taken to have one. A probe's layer
/// costs as many samples as there are, whatever its shots; a fine-tuning what a training of the tower costs.
pub(super) fn evaluate_flops(model: &Clip, evaluation: &Evaluation) -> u128 {
    let trains = evaluation.task.train_sets().iter().map(Dataset::samples);
    let samples = trains.fold(evaluation.dataset.samples(), u64::saturating_add);
    let image = u128::from(model.macs_per_image().total());
    let images = image.saturating_mul(2 * u128::from(samples));
    let text = u128::from(model.macs_per_text().total());
    let others = match &evaluation.task {
        Task::LinearProbe(probe) => layer_flops(probe, model.embed_dim, samples),
        Task::FineTune(tuning) => image.saturating_mul(6 * u128::from(tuning.samples_seen)),
        Task::ZeroShotClassification { classes, templates } => {
            let texts = u128::from(classes.count).saturating_mul(templates.len() as u128);
            text.saturating_mul(2).saturating_mul(texts)
        }
        Task::Retrieval { .. } => text.saturating_mul(2 * u128::from(samples)),
    };
    images.saturating_add(others)
}

/// Operations of a probe's layers: forward and the weights' gradient, for each candidate and once more.
fn layer_flops(probe: &LinearProbe, width: u64, samples: u64) -> u128 {
    let layers = match &probe.weight_decay {
        WeightDecay::Fixed(_) => 1,
        WeightDecay::Validated { candidates, .. } => candidates.len() as u128 + 1,
    };
    let visit = 4 * u128::from(probe.classes.count) * u128::from(width);
    visit.saturating_mul(samples.into()).saturating_mul(probe.epochs.into()).saturating_mul(layers)
}
